/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
	.section .text.early, "ax"
	.long 0x1badb002, 0, -0x1badb002 /* the multiboot header */
	.globl start
start:	movl $stack_end, %esp
	call main
1:	jmp 1b

	.bss
	.balign 16
	.skip 4096
stack_end:
