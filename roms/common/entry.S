/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How a guest comes to the calls, and the calls to their memory. */
#include "rom.h"

/* For vrom build. */
	.globl rom_promises
	.set rom_promises, VROM_PROMISES_RELOC

/* EAX: number of a call. EDX:EAX: what it is reached by and where. Looks at nothing but the image, so the
 * answer is the same before Init and after. */
	.section .text.rom_get_reloc, "ax"
	.weak rom_get_reloc
	.globl rom_answer
rom_get_reloc:
rom_answer:                      /* for a ROM that has an answer of its own for some calls */
	xorl %edx, %edx
	cmpl $VMI_CALL_COUNT, %eax
	jae 2f
	call 1f
1:	popl %ecx
	movzwl %cs:table - 1b(%ecx,%eax,2), %eax
	testl %eax, %eax
	jz 3f
	leal rom_start - 1b(%ecx,%eax), %eax
	movb $VMI_RELOCATION_CALL_REL, %dl
	ret
2:	xorl %eax, %eax
3:	ret

/* The offset of vmi_NAME in the image, 0 for one that the ROM does not define. */
	.section .rodata.table, "a"
	.balign 2
table:
#define X(number, name, ...) .weak vmi_##name; .org table + 2 * (number); .short vmi_##name;
VMI_CALLS(X)
	.org table + 2 * VMI_CALL_COUNT

/* EAX: the ROM's memory, or 0. Changes nothing else but flags. */
	.section .text.rom_ram, "ax"
	.globl rom_ram
rom_ram:
	call 1f
1:	popl %eax
	cmpl $0, %cs:rom_ram_distance - 1b(%eax)
	je 2f
	leal rom_ram_distance - 1b(%eax), %eax
	addl %cs:(%eax), %eax
	ret
2:	xorl %eax, %eax
	ret
