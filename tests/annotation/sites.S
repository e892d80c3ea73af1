/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Sites that are annotated twice: by vrom/site.h, and as in 2006. Both records are of one and the same bytes.
 *
 *	both Call, "native", (arguments), bytes to push, "pushes"
 *
 * The pushes of all arguments are longer than what puts constants in registers, so some native code has nops of its own.
 * marked: whether the annotation says where in the translation the call is, and the call does not hold its number.
 */
#include <vrom/site.h>

.macro both call, native, a1, a2, a3, a4, a5, taken=0, pushes, marked=0
	.pushsection .text
880:	vrom_site \call, "\native", \a1, \a2, \a3, \a4, \a5
881:	.byte 0xcc                         /* nothing is to touch this */
	.popsection

	.pushsection both_translations, "a"
882:	\pushes
883:	.byte 0xe8
	.if \marked
		.long 0
	.else
		.long .LVMI_CALL_\call
	.endif
	.if \taken
		leal \taken(%esp), %esp
	.endif
884:	.popsection

	.pushsection both_annotations, "a"
	.long .LVMI_CALL_\call, 880b, 882b
	.byte 881b - 880b, 884b - 882b
	/* All of a site counts as native, as our nops are not those of 2006. */
	.byte (884b - 882b) - (881b - 880b)
	.if \marked
		.byte 883b - 882b
	.else
		.byte 0
	.endif
	.popsection
.endm

	.section both_annotations, "a"
	.balign 4
	.text
	.byte 0xcc

	both EnableInterrupts, sti
	both DisableInterrupts, cli, marked=1
	both GetInterruptMask, "pushfl; popl %eax"
	both SetInterruptMask, "pushl %eax; popfl", %eax
	both IRET, iret
	both SYSEXIT, "sti; sysexit", %edx, %ecx
	both Halt, "sti; hlt"
	both SetCR3, "movl %eax, %cr3", %eax
	both SetCR3, "movl %eax, %cr3; .skip 7, 0x90", %eax, taken=4, pushes="pushl %eax"
	both CPUID, cpuid, %eax, %ecx
	both RDTSC, rdtsc
	both SetPxE, "movl %eax, (%edx)", %eax, %edx, %ecx
	both SetPxE, "movl $0, (%edx)", 0, %edx, %ecx, taken=12, pushes="pushl %ecx; pushl %edx; .byte 0x6a, 0", marked=1
	both SetPxE, "movl $0x1234567, (%edx)", 0x1234567, %edx, 1, taken=12, pushes=".byte 0x6a, 1; pushl %edx; .byte 0x68; .long 0x1234567"
	both FlushTLB, "movl %cr3, %eax; movl %eax, %cr3; .skip 5, 0x90", 1, taken=4, pushes=".byte 0x6a, 1"
	both FlushTLB, "movl %cr3, %eax; movl %eax, %cr3; .skip 5, 0x90", 3, taken=4, pushes=".byte 0x6a, 3", marked=1
	both FlushTLB, "movl %cr3, %eax; movl %eax, %cr3", %eax
	both WriteGDTEntry, "movl %ecx, (%eax,%edx,8); movl %ebx, 4(%eax,%edx,8)", %eax, %edx, %ecx, %ebx, taken=4, pushes="pushl %ebx"
	both WriteGDTEntry, "movl %ecx, (%eax,%edx,8); movl %esi, 4(%eax,%edx,8)", %eax, %edx, %ecx, %esi, taken=4, pushes="pushl %esi", marked=1
	both WriteIDTEntry, "movl %ecx, (%eax,%edx,8); movl %edi, 4(%eax,%edx,8)", %eax, %edx, %ecx, %edi, taken=4, pushes="pushl %edi"
	both WriteIDTEntry, "movl %ecx, (%eax,%edx,8); movl $0xee00, 4(%eax,%edx,8)", %eax, %edx, %ecx, 0xee00, taken=4, pushes=".byte 0x68; .long 0xee00", marked=1
	both WriteLDTEntry, "movl %ecx, (%eax,%edx,8); movl %ebp, 4(%eax,%edx,8)", %eax, %edx, %ecx, %ebp, taken=4, pushes="pushl %ebp"
	both SetLinearMapping, " ", 0, 0xc0000000, 0x2000, 0, taken=16, pushes=".byte 0x6a, 0; .byte 0x68; .long 0x2000; .byte 0x68; .long 0xc0000000; .byte 0x6a, 0"
	both SetLinearMapping, " ", %eax, %edx, %ecx, -128, taken=4, pushes=".byte 0x6a, 0x80"
	both AllocatePage, " ", %eax, %edx, %ecx, %esi, %edi, taken=8, pushes="pushl %edi; pushl %esi"
	both AllocatePage, " ", %eax, 0x41, 0, 0, 0, taken=20, pushes=".byte 0x6a, 0; .byte 0x6a, 0; .byte 0x6a, 0; .byte 0x68; .long 0x41; pushl %eax", marked=1
	both AllocatePage, " ", %eax, %edx, %ecx, 768, 256, taken=8, pushes=".byte 0x68; .long 256; .byte 0x68; .long 768"
	both SetAlarm, " ", 0x100, 5, 0, -1, 128, taken=20, pushes=".byte 0x68; .long 128; .byte 0x6a, 0xff; .byte 0x6a, 0; .byte 0x6a, 5; .byte 0x68; .long 0x100"
	both SetAlarm, " ", %eax, %edx, %ecx, %ebx, 0, taken=8, pushes=".byte 0x6a, 0; pushl %ebx"
	both SetLazyMode, ".skip 11, 0x90", 1, taken=4, pushes=".byte 0x6a, 1"
	both SetLazyMode, ".skip 11, 0x90", 2, taken=4, pushes=".byte 0x6a, 2"
	both IODelay, "outb %al, $0x80"
	both Shutdown, "cli; hlt"
	both Reboot, "cli; hlt", %eax

	.section .note.GNU-stack, "", @progbits
