/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Sites in assembly for constants.c, with constants and without. They are never run. */
#include <vrom/site.h>

	.text
	.globl sites_in_assembly
sites_in_assembly:
	vrom_site FlushTLB, "nop", 1
	vrom_site WriteGDTEntry, "nop; nop", %eax, 3, %ecx, -5
	vrom_site WriteLDTEntry, " ", %eax, %edx, %ecx, %ebp
	vrom_site SetLinearMapping, " ", 1, 0xc0000000, 0x2000, 0x7fffffff
	vrom_site OUTB, "outb %al, $0x20", %eax, 0x20, may_change=VROM_EDX
	vrom_site INSL, "nop", %edi, %edx, 0x1234
	vrom_site IRET, "nop"
	ret

	.section .note.GNU-stack, "", @progbits
