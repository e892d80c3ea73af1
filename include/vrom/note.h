/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VROM_NOTE_H
#define VROM_NOTE_H

/*
 * Patching from outside: a tool patches the kernel's file (vrom patch), or the host patches the kernel's memory before its
 * first instruction. Whoever does it finds the call sites by a note in the kernel's ELF file, and says in the note what he
 * did. i386 only.
 *
 * The kernel has the note once, in a C or an assembly file:
 *
 *	VROM_NOTE(text_start, text_end);
 *
 * and in its linker script, so that the note is found without section headers, and is in memory when the kernel runs:
 *
 *	PHDRS { ... note PT_NOTE FLAGS(4); }
 *	.note.vrom : { KEEP(*(.note.vrom)) } :text :note        text: the segment that it is loaded with
 *	.rodata : { ... } :text                                 what follows is loaded, but not part of the note
 *
 * A script without PHDRS needs the second line only, without what follows the brace. vrom/sites.ld has to be there too.
 *
 * Before it runs its first call site the kernel asks whether it was patched; see vrom_adopt. A site that was patched is a
 * call of one ROM at one address: a kernel that does not ask jumps into nothing where that ROM is not.
 */
#define VROM_NOTE_TYPE 1
#define VROM_NOTE_VERSION 1

/* Who patched: struct vrom_note. 0: nobody. */
#define VROM_BY_TOOL 1 /* Init has not been called */
#define VROM_BY_HOST 2 /* it has been paravirtual since its first instruction */

/* clang-format off */
#define VROM__NOTE(start, end) \
	.pushsection .note.vrom, "a", @note; .balign 4; .long 5, 773f - 772f, VROM_NOTE_TYPE; .asciz "vrom"; .balign 4; \
	.globl vrom_note; vrom_note: 772: .long VROM_NOTE_VERSION, vrom_sites, vrom_sites_end, vrom_native, vrom_native_end; \
	.long start, end; .zero 9 * 4; 773: .popsection
/* clang-format on */

#ifdef __ASSEMBLER__
#define VROM_NOTE(start, end) VROM__NOTE(start, end)
#else
#include <vrom/patch.h>

#define VROM__NOTE_TEXT(...) VROM__NOTE_TEXT2(__VA_ARGS__)
#define VROM__NOTE_TEXT2(...) #__VA_ARGS__
#define VROM_NOTE(start, end) __asm__(VROM__NOTE_TEXT(VROM__NOTE(start, end)))

/* The note's contents. Addresses are those that the kernel is linked for. */
struct vrom_note {
	uint32_t version; /* of this structure. Higher ones have more at the end */
	uint32_t records, records_end, native, native_end, text, text_end; /* as in struct vrom_table */
	/* Zero in a kernel as it is built. Who patches it fills in the rest. */
	uint32_t patched; /* VROM_BY_TOOL or VROM_BY_HOST */
	uint32_t rom;     /* where the guest sees the ROM */
	uint32_t rom_sum; /* vrom_fingerprint of it */
	uint32_t sites, kept, called, jumped, erased, inlined; /* as in struct vrom_plan */
};
_Static_assert(sizeof(struct vrom_note) == 64, "vrom_note has a wrong size");

/* The one of this kernel. */
extern const struct vrom_note vrom_note;

/*
 * A fingerprint (FNV-1a) of all that a plan for host depends on: the ROM's address, its templates, and what it answers for
 * each call. Two ROMs with one fingerprint make the same text. What changes in a ROM's image after it was built does not
 * count, if it is not in a template: its memory's place, the checksum. host must answer before it is entered.
 */
uint32_t vrom_fingerprint(const struct vrom_host *host) VROM_ABI;

#if defined(__i386__)
/*
 * For a kernel, before its first call site, with interrupts off. area is where it sees the size bytes at VMI_ROM_AREA.
 *
 * VROM_STATE: nobody patched it; it may patch itself with vrom_attach, or stay native. VROM_OK: it was patched, for the ROM
 * that is here, which is in *rom, and is paravirtual from now on: after a tool this calls Init, after the host that has
 * been done. VROM_OTHER_ROM: the ROM is not here, or another; error.reason may say more. VROM_REFUSED: Init refused.
 * After these two the kernel must stop without running a site. error may be NULL.
 */
enum vrom_status vrom_adopt(const struct vrom_note *note, const void *area, size_t size, struct vrom_rom *rom,
			    struct vrom_error *error) VROM_ABI;
#endif
#endif
#endif
