/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A kernel that has call sites and a note, and nothing else of vrom: it neither patches itself nor asks whether it was. It
 * passes if it runs paravirtual, which it knows by the frequency of the cycle counter: natively there is none, and before
 * Init the monitor's is 0. Before that it does with page tables what code may do that does not know of a hypervisor. It runs
 * where it is loaded.
 */
#include <vrom/note.h>
#include <vrom/site.h>

#define LARGE 0x83 /* present, writable, 4 MiB */
#define CR4_PSE 0x10
#define CR0_PG 0x80000000
#define MARK 0x6d6f7276

	VROM_NOTE(text_start, text_end)

	.section .multiboot, "a"
	.balign 4
	.long 0x1badb002, 0, -0x1badb002

	.text
	.globl start
start:
	movl $stack_end, %esp

	/* The first 4 MiB at 0 and at 4 MiB; then other memory at 4 MiB, of which nobody is told, but CR3 is loaded. */
	movl $LARGE, directory
	movl $LARGE, directory + 4
	movl $directory, %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $CR4_PSE, %eax
	movl %eax, %cr4
	movl %cr0, %eax
	orl $CR0_PG, %eax
	movl %eax, %cr0
	cmpl $MARK, mark + 0x400000
	movl $0x11, %ebx
	jne 1f
	movl $LARGE + 0x800000, directory + 4
	movl %cr3, %eax
	movl %eax, %cr3
	cmpl $MARK, mark + 0x400000
	je 1f

	vrom_site GetCycleFrequency, "xorl %eax, %eax; xorl %edx, %edx"
	orl %edx, %eax
	jz 1f
	movl $0x10, %ebx
1:	movl %ebx, %eax
	vrom_site OUTB, "outb %al, $0xf4", %eax, 0xf4, may_change=VROM_STANDARD
2:	jmp 2b

	.section .rodata
mark:	.long MARK

	.bss
	.balign 4096
directory:
	.skip 4096
	.skip 4096
stack_end:

	.section .note.GNU-stack, "", @progbits
