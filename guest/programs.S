/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The programs that are part of the kernel's image: struct program of kernel.h, and the ELF files. */
.macro program name
	.pushsection .rodata.images, "a"
	.balign 4
1:	.incbin "\name\().elf"
2:	.balign 4
3:	.asciz "\name"
	.popsection
	.long 3b, 1b, 2b
.endm

	.section .rodata
	.globl programs
	.balign 4
programs:
	program init
	program tests
	program bench
	program child
	.long 0, 0, 0
