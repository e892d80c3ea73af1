/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VROM_SITE_H
#define VROM_SITE_H

/*
 * Annotating a kernel's sensitive instructions as call sites.
 *
 * A site is the native instructions, padded with nops to the room that a call needs, and a record of
 * 8 bytes that says where it is and which VMI call it stands for, and 4 more for each argument that is known
 * to be constant. Run as it is built, it does what the plain instructions do. vrom/patch.h turns it into a call, or into other instructions, at boot.
 *
 * vrom/ops.h has a ready-made function for every call. Use the macros here for what it does not cover.
 *
 * In C, a site is one asm statement. This is local_irq_restore of a Unix-like kernel:
 *
 *	static inline void local_irq_restore(unsigned long flags)
 *	{
 *		VROM_SITE(SetInterruptMask, "pushl %0; popfl", VROM_FLAGS, (), ("a"(flags)), "memory");
 *	}
 *
 *	VROM_SITE(Call, "native", may_change, (outputs), (inputs), clobbers...)
 *
 *   Call        a name of vmi/calls.h.
 *   native      the instructions, AT&T syntax. They are assembled twice (once for the seal that the
 *               patcher checks the site against), so they must not refer by a distance to anything
 *               outside themselves, and must define no label.
 *   may_change  which of EAX, ECX, EDX and the flags are free at the site for a replacement to change:
 *               a sum of VROM_EAX, VROM_ECX, VROM_EDX, VROM_FLAGS. What you name must also be an output,
 *               or clobbered ("cc" is always).
 *   outputs     asm outputs in parentheses.
 *   inputs      asm inputs in parentheses, one for each argument place of the call and in that order,
 *               each in the register that the call has it in; a fourth and a fifth in EBX, ESI, EDI or
 *               EBP. Inside native they are also %[a1] to %[a5]. With "ai" in place of "a", "di" of "d" and so on,
 *               a value that the compiler knows is not loaded, but recorded as a constant: if the site becomes a
 *               call, the patcher loads it. native must take it either way. The register must then be free:
 *               named by may_change, or a result of the call.
 *
 *	VROM_CALL(Call, "native", inputs...)      no result
 *	VROM_CALL32(Call, "native", inputs...)    a value: EAX, as unsigned long
 *	VROM_CALL64(Call, "native", inputs...)    a value: EDX:EAX, as unsigned long long
 *
 * are the same for the calls that change EAX, ECX, EDX and flags like a C function (nearly all), with inputs as plain
 * values in registers. VROM_CALL_WITH, VROM_CALL32_WITH and VROM_CALL64_WITH (Call, "native", (inputs)) take them as
 * VROM_SITE does.
 *
 * In assembly, after including this file:
 *
 *	vrom_site IRET, "iret"
 *	vrom_site SetCR3, "movl %eax, %cr3", %eax
 *	vrom_site WriteGDTEntry, "...", %eax, %edx, %ecx, %ebx
 *	vrom_site DisableInterrupts, "cli", may_change=VROM_STANDARD
 *	vrom_site FlushTLB, "...", 1
 *
 * native is " " where it is nothing. The operands are stated so that they can be checked; what is no register is a
 * constant. may_change is, unless
 * given, what the call may change: those registers must be dead after the site. Name more if more is free:
 * code in line may then use it.
 *
 * A wrong number of operands, one in a wrong register, an unknown call and a site whose may_change leaves
 * the call no room are errors when it is compiled or assembled.
 *
 * The nops are those of P6 processors and later: an older one takes them for invalid instructions.
 *
 * With VROM_PROFILE defined, each site counts how often it runs, in 32 bits before its first byte: section vrom_profile has
 * the counters, one for each record and in the same order. For that the site needs the flags, and SS.
 *
 * The records go to section .vrom.sites, the seal to .vrom.native. Both must be kept whole, in one order,
 * and be findable: put vrom/sites.ld in the linker script. With VROM_NO_SITES defined, the macros leave the
 * bare instructions and no record.
 */
#include <vmi/calls.h>

/*
 * The record, 8 bytes, aligned to 4, then 4 for each constant in the order of the arguments:
 *
 *   +0 s32  site - (address of this record)
 *   +4 u8   call
 *   +5 u8   size of the site in bytes
 *   +6 u16  operands: bits 0-4   which arguments are constants
 *                     bits 5-7   register of the fourth argument, 0 if it is a constant
 *                     bits 8-10  register of the fifth
 *                     bits 11-14 EAX, ECX, EDX, flags may change
 *                     bit  15    zero
 *
 * The seal has for each record, in the same order, one byte n and the n native bytes; the rest of the site
 * is nops in the forms of VROM__PAD.
 */
#define VROM_EAX 0x0800
#define VROM_ECX 0x1000
#define VROM_EDX 0x2000
#define VROM_FLAGS 0x4000
#define VROM_STANDARD (VROM_EAX + VROM_ECX + VROM_EDX + VROM_FLAGS)
#define VROM_CONSTANTS 0x001f
#define VROM_ARG4_SHIFT 5
#define VROM_ARG5_SHIFT 8

/* A set of VMI_R_... as a set of VROM_..., and the registers of one the other way. */
#define VROM_TO_VMI(set) (((set) >> 11) & 7)
#define VROM_FROM_VMI(set) ((((set) & 7) << 11) + (((set) & VMI_R_FLAGS) << 6))

/*
 * Room that a site needs: a call of 5 bytes; for an argument on the stack a push of 1 more, or of 5 if it is a constant, and
 * the "lea n(%esp), %esp" of 4 that removes them; for a constant that belongs in a register the 5 bytes that load it. Where
 * hypervisors' code in line was seen to pay, there is more: 8 for the interrupt mask (a kernel may give still more by
 * defining VROM_MASK_ROOM), and for three calls what VROM__WIDER adds. Expressions that C and both assemblers take.
 */
#ifndef VROM_MASK_ROOM
#define VROM_MASK_ROOM 8
#endif
#ifdef __ASSEMBLER__
#define VROM__IF(what) -(what)
#else
#define VROM__IF(what) (what)
#endif
#define VROM__WIDER(call) \
	(VROM__IF((call) == 14) * 1 /* UpdateKernelStack */ + VROM__IF((call) == 38) * 7 /* SetPxE */ + \
	 VROM__IF((call) == 67) * 9 /* GetCycleCounter */)
#define VROM_CALL_ROOM(args) (5 + 5 * ((args) / 4) + ((args) / 5))
#define VROM_ROOM(call, args, kind) \
	(VROM_CALL_ROOM(args) + (VROM_MASK_ROOM - 5) * ((kind) & VMI_IS_MASK) + VROM__WIDER(call))
#define VROM__ROOM_FIXED 5 /* more, for a constant in place of a register */
#define VROM__ROOM_FREE 4

/* A nop of p bytes, 0 to 9 (and of 9 if it is more), the forms that the processor manuals recommend; none if p < 0. In the
 * assembler a true comparison is -1. .fill is used because .if wants to know p at once. */
#define VROM__BYTE(times, byte) .fill -(times), 1, byte;
#define VROM__NOP(p) \
	VROM__BYTE(((p) == 2) + ((p) == 6) + ((p) > 8), 0x66) \
	VROM__BYTE(((p) == 1) + ((p) == 2), 0x90) \
	VROM__BYTE((p) > 2, 0x0f) VROM__BYTE((p) > 2, 0x1f) \
	VROM__BYTE((p) == 3, 0x00) VROM__BYTE((p) == 4, 0x40) VROM__BYTE(((p) == 5) + ((p) == 6), 0x44) \
	VROM__BYTE((p) == 7, 0x80) VROM__BYTE((p) > 7, 0x84) \
	VROM__BYTE(((p) == 4) + 2 * (((p) == 5) + ((p) == 6)) + 4 * ((p) == 7) + 5 * ((p) > 7), 0x00)
#define VROM__PAD(p) VROM__NOP(p) VROM__NOP((p) - 9) VROM__NOP((p) - 18) VROM__NOP((p) - 27)

/* What follows the native instructions 770: ... 771: of a site: the record, to which constants are added, and the seal. A site of more than 255 bytes has
 * no place in a record: .org then goes backwards, which no assembler takes. */
#define VROM__RECORD(call, room, operands) \
	VROM__PAD((room) - (771b - 770b)) 772: \
	.pushsection .vrom.sites, "a?"; .balign 4; 773: .long 770b - 773b; \
	.byte call; .byte 772b - 770b; .short operands; .org . + ((772b - 770b) > 255);
#define VROM__SEAL .popsection; .pushsection .vrom.native, "a?"; .byte 775f - 774f; 774:

/* Before a site. Section names that are C names get __start_ and __stop_ symbols from the linker. */
#ifndef VROM_PROFILE
#define VROM__PROFILE
#elif defined(__ASSEMBLER__)
#define VROM__PROFILE VROM__COUNTER incl %ss:776b;
#else
#define VROM__PROFILE VROM__COUNTER incl %%ss:776b;
#endif
#define VROM__COUNTER .pushsection vrom_profile, "aw?"; .balign 4; 776: .long 0; .popsection;

/* .Lvrom_r = the number of the register that text names, 15 if it is none of these. */
#define VROM__NUMBER(text) \
	.set .Lvrom_r, 15; VROM__IS(text, eax, 0) VROM__IS(text, ecx, 1) VROM__IS(text, edx, 2) \
	VROM__IS(text, ebx, 3) VROM__IS(text, ebp, 5) VROM__IS(text, esi, 6) VROM__IS(text, edi, 7) \
	VROM__IS(text, rax, 0) VROM__IS(text, rcx, 1) VROM__IS(text, rdx, 2) \
	VROM__IS(text, rbx, 3) VROM__IS(text, rbp, 5) VROM__IS(text, rsi, 6) VROM__IS(text, rdi, 7)

#ifdef __ASSEMBLER__

/* clang-format off */
#define VROM__IS(text, name, number) .ifc text, %name; .set .Lvrom_r, number; .endif;

/* Argument number place of a call that has args of them: in register wanted, or if that is none in one of
 * four, whose number then goes into the record; or a constant, if the call may have its register. */
.macro vrom__argument call, args, place, wanted, shift, register
	VROM__NUMBER(\register)
	.if \args < \place
		.ifnb \register
			.error "vrom_site \call: it has no argument \place"
		.endif
	.elseif .Lvrom_r == 15
		.ifb \register
			.error "vrom_site \call: say in which register argument \place is, or which constant"
		.endif
		.set .Lvrom_operands, .Lvrom_operands + (1 << (\place - 1))
		.if \wanted == VMI_NOREG
			.set .Lvrom_room, .Lvrom_room + VROM__ROOM_FREE
		.else
			.set .Lvrom_room, .Lvrom_room + VROM__ROOM_FIXED
			.if ((.Lvrom_free >> \wanted) & 1) == 0
				.error "vrom_site \call: argument \place is a constant, and its register is not free"
			.endif
		.endif
	.elseif \wanted == VMI_NOREG
		.if .Lvrom_r < 3
			.error "vrom_site \call: argument \place must be in %ebx, %esi, %edi or %ebp, not in \register"
		.endif
		.set .Lvrom_operands, .Lvrom_operands + (.Lvrom_r << \shift)
	.elseif .Lvrom_r - \wanted
		.error "vrom_site \call: argument \place must not be in \register"
	.endif
.endm

.macro vrom__constant place, value
	.if .Lvrom_operands & (1 << (\place - 1))
		.long 0 + (\value)
	.endif
.endm

.macro vrom_site call:req, native:req, a1, a2, a3, a4, a5, may_change
	.ifndef .LVMI_CALL_\call
		.error "vrom_site \call: there is no such call"
	.else
	.ifb \may_change
		.set .Lvrom_operands, VROM_FROM_VMI(.LVMI_CHANGES_\call)
	.else
		.set .Lvrom_operands, \may_change
		.if VROM_FROM_VMI(.LVMI_CHANGES_\call) & ~(\may_change)
			.error "vrom_site \call: the call changes more than may_change leaves free"
		.endif
	.endif
	.set .Lvrom_room, VROM_ROOM(.LVMI_CALL_\call, .LVMI_ARGS_\call, .LVMI_KIND_\call)
	.set .Lvrom_free, VROM_TO_VMI(.Lvrom_operands) | .LVMI_RESULT_\call
	vrom__argument \call, .LVMI_ARGS_\call, 1, .LVMI_IN1_\call, 0, \a1
	vrom__argument \call, .LVMI_ARGS_\call, 2, .LVMI_IN2_\call, 0, \a2
	vrom__argument \call, .LVMI_ARGS_\call, 3, .LVMI_IN3_\call, 0, \a3
	vrom__argument \call, .LVMI_ARGS_\call, 4, VMI_NOREG, VROM_ARG4_SHIFT, \a4
	vrom__argument \call, .LVMI_ARGS_\call, 5, VMI_NOREG, VROM_ARG5_SHIFT, \a5
#ifdef VROM_NO_SITES
	\native
#else
	VROM__PROFILE
770:	\native
771:	VROM__RECORD(.LVMI_CALL_\call, .Lvrom_room, .Lvrom_operands)
	vrom__constant 1, \a1
	vrom__constant 2, \a2
	vrom__constant 3, \a3
	vrom__constant 4, \a4
	vrom__constant 5, \a5
	VROM__SEAL
	\native
775:	.popsection
#endif
	.endif
.endm
/* clang-format on */

#else /* C */

#define VROM__IS(text, name, number) .ifc text, %%name; .set .Lvrom_r, number; .endif;
#define VROM__TEXT(...) VROM__TEXT2(__VA_ARGS__)
#define VROM__TEXT2(...) #__VA_ARGS__ "\n\t"
#define VROM__OPEN(...) __VA_ARGS__
#define VROM__CAT(a, b) VROM__CAT2(a, b)
#define VROM__CAT2(a, b) a##b

/* How many inputs there are, 0 to 6. */
#define VROM__COUNT(...) VROM__COUNT2(__VA_ARGS__ __VA_OPT__(, ) 6, 5, 4, 3, 2, 1, 0)
#define VROM__COUNT2(a, b, c, d, e, f, n, ...) n

/* Names for the inputs, and the assembler's check of the register of each. */
#define VROM__NAME0()
#define VROM__NAME1(a) [a1] a,
#define VROM__NAME2(a, b) [a1] a, [a2] b,
#define VROM__NAME3(a, b, c) [a1] a, [a2] b, [a3] c,
#define VROM__NAME4(a, b, c, d) [a1] a, [a2] b, [a3] c, [a4] d,
#define VROM__NAME5(a, b, c, d, e) [a1] a, [a2] b, [a3] c, [a4] d, [a5] e,

/* And what it then adds to operands and room, and which constant to the record. %P prints one without its "$". */
#define VROM__FIXED(call, place) \
	VROM__TEXT(VROM__NUMBER(%[a##place]) .if .Lvrom_r == 15; .set .Lvrom_room, .Lvrom_room + VROM__ROOM_FIXED; \
		   .set .Lvrom_operands, .Lvrom_operands + (1 << (place - 1)); \
		   .if ((%c[vrom_free] >> %c[vrom_in##place]) & 1) == 0) \
	".error \"vrom: " #call ": argument " #place " is a constant, and its register is not free\"\n\t.endif\n\t" \
	VROM__TEXT(.elseif .Lvrom_r - %c[vrom_in##place]) \
	".error \"vrom: " #call ": argument " #place " must not be in %[a" #place "]\"\n\t.endif\n\t"
#define VROM__FREE(call, place, shift) \
	VROM__TEXT(VROM__NUMBER(%[a##place]) .if .Lvrom_r == 15; .set .Lvrom_room, .Lvrom_room + VROM__ROOM_FREE; \
		   .set .Lvrom_operands, .Lvrom_operands + (1 << (place - 1)); .elseif .Lvrom_r < 3) \
	".error \"vrom: " #call ": argument " #place " must be in ebx, esi, edi or ebp, not in %[a" #place "]\"\n\t" \
	VROM__TEXT(.else; .set .Lvrom_operands, .Lvrom_operands + (.Lvrom_r << shift); .endif)
#define VROM__CHECK0(call)
#define VROM__CHECK1(call) VROM__CHECK0(call) VROM__FIXED(call, 1)
#define VROM__CHECK2(call) VROM__CHECK1(call) VROM__FIXED(call, 2)
#define VROM__CHECK3(call) VROM__CHECK2(call) VROM__FIXED(call, 3)
#define VROM__CHECK4(call) VROM__CHECK3(call) VROM__FREE(call, 4, VROM_ARG4_SHIFT)
#define VROM__CHECK5(call) VROM__CHECK4(call) VROM__FREE(call, 5, VROM_ARG5_SHIFT)

#define VROM__CONSTANT(place) VROM__TEXT(VROM__NUMBER(%[a##place]) .if .Lvrom_r == 15; .long %P[a##place]; .endif)
#define VROM__CONSTANTS0
#define VROM__CONSTANTS1 VROM__CONSTANT(1)
#define VROM__CONSTANTS2 VROM__CONSTANTS1 VROM__CONSTANT(2)
#define VROM__CONSTANTS3 VROM__CONSTANTS2 VROM__CONSTANT(3)
#define VROM__CONSTANTS4 VROM__CONSTANTS3 VROM__CONSTANT(4)
#define VROM__CONSTANTS5 VROM__CONSTANTS4 VROM__CONSTANT(5)

/* An argument that has no place in the call table may be anywhere as far as the compiler's own checks go:
 * the count of inputs is compared first. */
#ifdef VROM_NO_SITES
#define VROM__ASM(call, native, count) native "\n\t"
#else
#define VROM__ASM(call, native, count) \
	VROM__TEXT(.set .Lvrom_operands, %c[vrom_change]; .set .Lvrom_room, %c[vrom_room]) \
	VROM__CAT(VROM__CHECK, count)(call) VROM__TEXT(VROM__PROFILE) \
	"770: " native "\n771: " VROM__TEXT(VROM__RECORD(%c[vrom_call], .Lvrom_room, .Lvrom_operands)) \
	VROM__CAT(VROM__CONSTANTS, count) VROM__TEXT(VROM__SEAL) native "\n775: .popsection\n\t"
#endif

/* "inline" keeps the compiler from taking the length of this text for the size of its code. */
#define VROM_SITE(call, native, may_change, outputs, inputs, ...) \
	do { \
		_Static_assert(VROM__COUNT inputs == VMI_ARGS_##call, \
			       "vrom: " #call " does not take that many arguments"); \
		_Static_assert((VROM_FROM_VMI(VMI_CHANGES_##call) & ~(may_change)) == 0, \
			       "vrom: " #call " changes more than may_change leaves free"); \
		__asm__ __inline__ __volatile__( \
			VROM__ASM(call, native, VROM__COUNT inputs) \
			: VROM__OPEN outputs \
			: VROM__CAT(VROM__NAME, VROM__COUNT inputs) inputs \
			[vrom_call] "i"(VMI_CALL_##call), \
			[vrom_room] "i"(VROM_ROOM(VMI_CALL_##call, VMI_ARGS_##call, VMI_KIND_##call)), \
			[vrom_change] "i"(may_change), \
			[vrom_free] "i"(VROM_TO_VMI(may_change) | VMI_RESULT_##call), \
			[vrom_in1] "i"(VMI_IN1_##call), \
			[vrom_in2] "i"(VMI_IN2_##call), [vrom_in3] "i"(VMI_IN3_##call) \
			: "cc" __VA_OPT__(, ) __VA_ARGS__); \
	} while (0)

#define VROM__IN0() ()
#define VROM__IN1(a) ("a"((unsigned long)(a)))
#define VROM__IN2(a, b) ("a"((unsigned long)(a)), "d"((unsigned long)(b)))
#define VROM__IN3(a, b, c) ("a"((unsigned long)(a)), "d"((unsigned long)(b)), "c"((unsigned long)(c)))
#define VROM__IN4(a, b, c, d) \
	("a"((unsigned long)(a)), "d"((unsigned long)(b)), "c"((unsigned long)(c)), "S"((unsigned long)(d)))
#define VROM__IN5(a, b, c, d, e) \
	("a"((unsigned long)(a)), "d"((unsigned long)(b)), "c"((unsigned long)(c)), \
	 "S"((unsigned long)(d)), "D"((unsigned long)(e)))

#define VROM__INPUTS(...) VROM__CAT(VROM__IN, VROM__COUNT(__VA_ARGS__))(__VA_ARGS__)

#define VROM_CALL(call, native, ...) VROM_CALL_WITH(call, native, VROM__INPUTS(__VA_ARGS__))
#define VROM_CALL32(call, native, ...) VROM_CALL32_WITH(call, native, VROM__INPUTS(__VA_ARGS__))
#define VROM_CALL64(call, native, ...) VROM_CALL64_WITH(call, native, VROM__INPUTS(__VA_ARGS__))

#define VROM__STANDARD(call, native, inputs) \
	unsigned long vrom_a, vrom_d, vrom_c; \
	VROM_SITE(call, native, VROM_STANDARD, ("=a"(vrom_a), "=d"(vrom_d), "=c"(vrom_c)), inputs, "memory"); \
	(void)vrom_c
#define VROM_CALL_WITH(call, native, inputs) \
	do { \
		VROM__STANDARD(call, native, inputs); \
		(void)vrom_a, (void)vrom_d; \
	} while (0)
#define VROM_CALL32_WITH(call, native, inputs) \
	__extension__({ \
		VROM__STANDARD(call, native, inputs); \
		(void)vrom_d; \
		vrom_a; \
	})
#define VROM_CALL64_WITH(call, native, inputs) \
	__extension__({ \
		VROM__STANDARD(call, native, inputs); \
		(unsigned long long)vrom_d << 32 | (unsigned int)vrom_a; \
	})

#endif
#endif
