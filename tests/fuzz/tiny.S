/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The smallest kernel with a site table, for the ELF reader's fuzzer to start from. */
#include <vrom/site.h>

	.globl _start
	.type _start, @function
_start:
	vrom_site DisableInterrupts, "cli"
	vrom_site SetCR3, "movl %eax, %cr3", %eax
	ret
	.size _start, . - _start
	.section .note.GNU-stack, "", @progbits
