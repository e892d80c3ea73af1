/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* exit(main(count, arguments)); exec.c says what is on the stack. */
	.text
	.globl start
start:
	movl %esp, %eax
	leal 4(%eax), %edx
	pushl %edx
	pushl (%eax)
	call main
	pushl %eax
	call exit
