/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A kernel that has call sites and a note, and nothing else of vrom: it neither patches itself nor asks whether it was. It
 * passes if it runs paravirtual, which it knows by the frequency of the cycle counter: natively there is none, and before
 * Init the monitor's is 0. It runs where it is loaded.
 */
#include <vrom/note.h>
#include <vrom/site.h>

	VROM_NOTE(text_start, text_end)

	.section .multiboot, "a"
	.balign 4
	.long 0x1badb002, 0, -0x1badb002

	.text
	.globl start
start:
	movl $stack_end, %esp
	vrom_site GetCycleFrequency, "xorl %eax, %eax; xorl %edx, %edx"
	movl $0x10, %ebx
	orl %edx, %eax
	jnz 1f
	incl %ebx
1:	movl %ebx, %eax
	vrom_site OUTB, "outb %al, $0xf4", %eax, 0xf4, may_change=VROM_STANDARD
2:	jmp 2b

	.bss
	.skip 4096
stack_end:

	.section .note.GNU-stack, "", @progbits
