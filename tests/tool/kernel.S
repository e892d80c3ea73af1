/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A small kernel for tests/tool.sh: it says hello on the serial port and ends as END says. Its sites are never run.
 * PLANT_... puts in what vrom check must find.
 */
#include <vrom/site.h>

	.section .text.early, "ax"
	.balign 4
	.long 0x1badb002, 0, -0x1badb002

	.globl start
	.type start, @function
start:
	movl $stack_end, %esp
	movl $hello, %esi
	cld
	movw $0x3f8, %dx
1:	lodsb
	testb %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:
#ifdef ECHO /* what comes in, until a full stop */
	movw $0x3fd, %dx
	inb %dx, %al
	testb $1, %al
	jz 2b
	movw $0x3f8, %dx
	inb %dx, %al
	outb %al, %dx
	cmpb $'.', %al
	jne 2b
#endif
#ifdef RESET
	lidt no_idt
	int3
#endif
#ifdef STOPPED /* a descriptor table that has no gates */
	lidt no_gates
	int3
#endif
#ifdef END
	movb $END, %al
	outb %al, $0xf4
#endif
3:	jmp 3b
	.size start, . - start

	.text
	.globl work
	.type work, @function
work:
#ifdef PLANT_BRANCH
	jmp into_a_site + 1
#endif
#ifdef PLANT_CALL
	call into_a_site + 1
#endif
#ifdef PLANT_ADDRESS
	movl $into_a_site + 1, %eax
#endif
#ifdef PLANT_SENSITIVE
	PLANT_SENSITIVE
#endif
into_a_site:
	vrom_site DisableInterrupts, "cli"
	vrom_site GetInterruptMask, "pushfl; popl %eax"
	vrom_site SetCR3, "movl %eax, %cr3", %eax
	vrom_site WriteGDTEntry, "movl %ecx, (%eax,%edx,8); movl %ebx, 4(%eax,%edx,8)", %eax, %edx, %ecx, %ebx
	vrom_site SetAlarm, "nop", %eax, %edx, %ecx, %esi, %edi
#ifdef PLANT_OVERRUN
	.byte 0xb8
#endif
	vrom_site SetInterruptMask, "pushl %eax; popfl", %eax
	ret
	.size work, . - work

	.globl leave
	.type leave, @function
leave:
	vrom_site IRET, "iret"
	.size leave, . - leave

	.globl exempted
	.type exempted, @function
exempted:
#ifdef PLANT_EXEMPT
	hlt
#endif
	ret
	.size exempted, . - exempted

	.section .rodata
hello:	.asciz "hello from the kernel\n"
no_idt:	.word 0
	.long 0
no_gates: .word 2047
	.long gates

	.bss
gates:	.skip 2048
	.skip 4096
stack_end:

	.section .note.GNU-stack, "", @progbits
