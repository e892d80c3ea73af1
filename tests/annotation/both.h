/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TESTS_BOTH_H
#define TESTS_BOTH_H

/*
 * Sites in C that are annotated twice. After this every site macro of vrom/site.h, and so all of vrom/ops.h, also leaves an
 * annotation and a translation as in 2006, made of the same operands: the compiler chooses registers and constants for both.
 *
 * As the macros of 2006 did it: the native code is assembled once more to be measured, pushes stand before the call and a lea
 * behind it, and a site that is too short for its translation gets nops of 66h and 90h. Where one of the first three
 * arguments is a constant, all arguments are pushed, as in kernels without regparm; else the fourth and the fifth.
 */
#include <vrom/site.h>

#define BOTH__PUSH(place) VROM__TEXT(pushl %[a##place])
#define BOTH__FIRST0 ""
#define BOTH__FIRST1 BOTH__PUSH(1)
#define BOTH__FIRST2 BOTH__PUSH(2) BOTH__FIRST1
#define BOTH__FIRST3 BOTH__PUSH(3) BOTH__FIRST2
#define BOTH__FIRST4 BOTH__FIRST3
#define BOTH__FIRST5 BOTH__FIRST3
#define BOTH__REST0 ""
#define BOTH__REST1 ""
#define BOTH__REST2 ""
#define BOTH__REST3 ""
#define BOTH__REST4 BOTH__PUSH(4)
#define BOTH__REST5 BOTH__PUSH(5) BOTH__PUSH(4)

/* Calls of an even number have it in place of a distance; the others have the byte that says where the call is. */
#define BOTH__TRANSLATION(native, count) \
	".pushsection both_native, \"ax\"; 870: " native "\n871: .popsection\n\t" \
	".pushsection both_translations, \"a\"; 880:\n\t" BOTH__REST##count \
	VROM__TEXT(.set .Lboth_taken, -4 * (count > 3) * (count - 3)) \
	VROM__TEXT(.if .Lvrom_operands & 7) BOTH__FIRST##count VROM__TEXT(.set .Lboth_taken, 4 * count; .endif) \
	VROM__TEXT(881: .byte 0xe8) \
	VROM__TEXT(.if %c[vrom_call] & 1; .long 0; .else; .long %c[vrom_call]; .endif) \
	VROM__TEXT(.if .Lboth_taken; .byte 0x8d, 0x64, 0x24, .Lboth_taken; .endif; 882: .popsection)

/* In the assembler what is true is -1. */
#define BOTH__NEEDED ((882b - 880b) - (871b - 870b))
#define BOTH__NOP(n) .fill ((n) > 0) * (((n) > 12) * 11 + ((n) < 13) * ((n) - 1)), 1, 0x66; .fill -((n) > 0), 1, 0x90;
#define BOTH__PAD "\n\t" VROM__TEXT(BOTH__NOP(BOTH__NEEDED) BOTH__NOP(BOTH__NEEDED - 12) BOTH__NOP(BOTH__NEEDED - 24))

/* Where vrom/site.h adds nops of its own, all of the site is native code to whoever knows only those of 2006. */
#define BOTH__ANNOTATION \
	VROM__TEXT(.pushsection both_annotations, "a"; .balign 4; .long %c[vrom_call], 770b, 880b) \
	VROM__TEXT(.byte 772b - 770b, 882b - 880b) \
	VROM__TEXT(.byte ((882b - 880b) - (772b - 770b)) - ((882b - 880b) == (772b - 770b)) * BOTH__NEEDED) \
	VROM__TEXT(.byte (881b - 880b) * (%c[vrom_call] & 1); .popsection)

#undef VROM__ASM
#define VROM__ASM(call, native, count) BOTH__ASM(call, native, VROM__CAT(VROM__CHECK, count), VROM__CAT(VROM__CONSTANTS, count), count)
#define BOTH__ASM(call, native, check, constants, count) BOTH__ASM2(call, native, check, constants, count)
#define BOTH__ASM2(call, native, check, constants, count) \
	VROM__TEXT(.set .Lvrom_operands, %c[vrom_change]; .set .Lvrom_room, %c[vrom_room]) check(call) \
	BOTH__TRANSLATION(native, count) \
	"770: " native BOTH__PAD "771: " VROM__TEXT(VROM__RECORD(%c[vrom_call], .Lvrom_room, .Lvrom_operands)) constants \
	VROM__TEXT(VROM__SEAL) native BOTH__PAD "775: .popsection\n\t" \
	BOTH__ANNOTATION

#endif
