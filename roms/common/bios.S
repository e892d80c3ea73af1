/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the BIOS calls, once, in real mode, with CS at the start of the ROM and the ROM still writable. It
 * takes memory for the ROM off the end of conventional memory, as option ROMs do, and notes where.
 * The BIOS then leaves that memory out of the map that it gives the guest.
 */
#include <vmi/rom.h>
#include <vrom/template.h>

#include "rom.h"

#define BDA_SEGMENT 0x40
#define BDA_MEMORY_KIB 0x13      /* 16 bits: how many KiB start at 0 and belong to nobody */
#define PARAGRAPHS 64            /* in a KiB */

/* vrom/template.h asserts these. */
#define TEMPLATES (VROM_EXTENSION_OFFSET + 8)
#define TEMPLATE_COUNT (VROM_EXTENSION_OFFSET + 12)
#define COUNTER_COUNT (VROM_EXTENSION_OFFSET + 14)
#define COUNTERS (VROM_EXTENSION_OFFSET + 16)
#define TEMPLATE_HOLES 8
#define TEMPLATE_CODE 40
#define TEMPLATE_SIZE 64

	.code16
	.section .text.rom_bios_entry, "ax"
	.weak rom_bios_entry
rom_bios_entry:
	pushfw
	pushal
	pushw %ds
	pushw %es
	cld
	pushw %cs
	popw %ds
	cmpl $0, rom_ram_distance
	jne 9f

	/* EBX: where the memory is */
	movw $BDA_SEGMENT, %ax
	movw %ax, %es
	subw $ROM_RAM_KIB, %es:BDA_MEMORY_KIB
	movzwl %es:BDA_MEMORY_KIB, %ebx
	imull $PARAGRAPHS, %ebx
	movw %bx, %es
	shll $4, %ebx
	xorw %di, %di
	xorl %eax, %eax
	movw $ROM_RAM_KIB * 1024 / 4, %cx
	rep stosl

	/* EDX: its distance from the ROM */
	xorl %ecx, %ecx
	movw %cs, %cx
	shll $4, %ecx
	movl %ebx, %edx
	subl %ecx, %edx
	xorl %eax, %eax
	movw $rom_ram_distance, %ax
	negl %eax
	addl %edx, %eax
	movl %eax, rom_ram_distance
	cmpl %eax, rom_ram_distance
	jne 8f

	cmpw $0, COUNTER_COUNT
	je 1f
	movl %ebx, COUNTERS
1:
	/* Holes of kind ROM in templates are the memory's. The count is in the header, so this is right without any, too. */
	movw TEMPLATE_COUNT, %cx
	movw TEMPLATES, %si
	jcxz 4f
2:	xorw %bx, %bx
3:	cmpb $VROM_HOLE_ROM, TEMPLATE_HOLES + 1(%bx,%si)
	jne 5f
	movzbw TEMPLATE_HOLES(%bx,%si), %di
	addw %si, %di
	addl %edx, TEMPLATE_CODE(%di)
5:	addw $2, %bx
	cmpw $2 * VROM_TEMPLATE_HOLES, %bx
	jb 3b
	addw $TEMPLATE_SIZE, %si
	loop 2b
4:
	/* The image was changed, so the byte that makes its sum 0, the last one, has to change. */
	movzbw VMI_OFF_ROM_LENGTH, %cx
	shlw $9, %cx
	xorw %si, %si
	xorw %bx, %bx
6:	lodsb
	addb %al, %bl
	loop 6b
	subb %bl, -1(%si)
	jmp 9f

8:	/* The image cannot be written. */
	movw $BDA_SEGMENT, %ax
	movw %ax, %es
	addw $ROM_RAM_KIB, %es:BDA_MEMORY_KIB
9:	popw %es
	popw %ds
	popal
	popfw
	lretw

/* From this word to the ROM's memory; 0: there is none. */
	.section .rodata.rom_ram_distance, "a"
	.balign 4
	.globl rom_ram_distance
rom_ram_distance:
	.long 0
