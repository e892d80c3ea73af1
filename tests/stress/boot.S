/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The start, with memory as it physically is, and the ways in from exceptions and from the timer. */
#include <vrom/site.h>

#include "stress.h"

#define STACK_SIZE 16384
#define FLAGS_NONE 2

	.section .text.early, "ax"
	.long 0x1badb002, 0, -0x1badb002 /* the multiboot header */
	.globl start
start:
	movl $stack_end, %esp
	cld
	pushl %ebx
	pushl %eax
	call main

	.text
	.globl load_segments
load_segments:
	popl %edx
	movl (%esp), %eax
	movl 4(%esp), %ecx
	movl %ecx, %ss
	movl %ecx, %ds
	movl %ecx, %es
	xorl %ecx, %ecx
	movl %ecx, %fs
	movl %ecx, %gs
	pushl $FLAGS_NONE
	pushl %eax
	pushl %edx
	vrom_site IRET, "iret"

/* All vectors but the timer's: nothing of it should come. */
	.balign 16
	.globl traps
traps:
	.set vector, 0
	.rept VECTORS
	.balign 16
	pushl $vector
	call unexpected
	.set vector, vector + 1
	.endr

/* The handler. It leaves no register as it was, to see that all come back. */
	.section .text.masked, "ax"
	.globl interrupt
interrupt:
	pushal
	pushl now
	movl $off, now
	movl %esp, %ecx
	movl $~KNOWN_EAX, %eax
	movl $~KNOWN_EDX, %edx
	movl $~KNOWN_EBX, %ebx
	movl $~KNOWN_ESI, %esi
	movl $~KNOWN_EDI, %edi
	movl $~KNOWN_EBP, %ebp
	cld
	pushl %ecx
	call delivered
	addl $4, %esp
	cmpl $~KNOWN_EBX, %ebx
	jne failed_registers
	cmpl $~KNOWN_EBP, %ebp
	jne failed_registers
	popl now
	popal
	vrom_site IRET, "iret"

	.section .rodata, "a"
	.balign 4
	.globl on, off
on:	.long ON, 0, 0
off:	.long OFF, 0, 0

	.data
	.balign 4
	.globl now
now:	.long off

	.bss
	.balign 16
	.skip STACK_SIZE
stack_end:

	.section .note.GNU-stack, "", @progbits
