/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Into the kernel and out of it, and from one process to another.
 */
#include <vrom/site.h>

#include "abi.h"
#include "layout.h"

#define FLAGS_NONE 2 /* interrupts off; this bit is always 1 */

	.text

/*
 * One stub for each vector: it makes all frames alike (the processor pushes an error code for some
 * exceptions only) and records which vector it was.
 */
.macro stub vector
	.balign TRAP_STUB_SIZE
	.if (\vector == 8) || (\vector >= 10 && \vector <= 14) || (\vector == 17)
	.else
		pushl $0
	.endif
	pushl $\vector
	jmp trap_common
.endm

	.globl trap_stubs, trap_system_call, trap_return
	.balign TRAP_STUB_SIZE
trap_stubs:
	.set vector, 0
	.rept TRAP_STUBS
		stub vector
		.set vector, vector + 1
	.endr
	.balign TRAP_STUB_SIZE
trap_system_call:
	pushl $0
	pushl $SYSTEM_CALL_VECTOR

/*
 * What is on the stack now is struct trap_frame of kernel.h. DS and ES may hold anything that a program could
 * load. The flat user segment does for the kernel too, and can be loaded in whatever ring it runs in.
 */
trap_common:
	pushal
	pushl %ds
	pushl %es
	pushl %fs
	pushl %gs
	movl $USER_DATA + USER_RING, %eax
	movl %eax, %ds
	movl %eax, %es
	cld
	pushl %esp
	call trap
	addl $4, %esp

/*
 * A new process starts here, with its frame on an otherwise empty stack. Interrupts are off. None of the
 * pops can fault: a segment register holds what was in it when the process last ran, and descriptors
 * never change.
 */
trap_return:
	incl did + 4 * .LVMI_CALL_IRET
	popl %gs
	popl %fs
	popl %es
	popl %ds
	popal
	addl $8, %esp
	vrom_site IRET, "iret"

/*
 * void load_segments(uint32_t code, uint32_t stack)
 *
 * CS can be loaded by a far return as well, but that a hypervisor does not see. IRET is a call like any other.
 */
	.globl load_segments
load_segments:
	popl %edx
	movl (%esp), %eax
	movl 4(%esp), %ecx
	movl %ecx, %ss
	movl $USER_DATA + USER_RING, %ecx
	movl %ecx, %ds
	movl %ecx, %es
	xorl %ecx, %ecx
	movl %ecx, %fs
	movl %ecx, %gs
	pushl $FLAGS_NONE
	pushl %eax
	pushl %edx
	incl did + 4 * .LVMI_CALL_IRET
	vrom_site IRET, "iret"

/*
 * void switch_stacks(uint32_t *save, uint32_t load)
 *
 * Leaves one kernel stack and goes on where another was left. C expects these four registers kept.
 */
	.globl switch_stacks
switch_stacks:
	movl 4(%esp), %eax
	movl 8(%esp), %edx
	pushl %ebp
	pushl %ebx
	pushl %esi
	pushl %edi
	movl %esp, (%eax)
	movl %edx, %esp
	popl %edi
	popl %esi
	popl %ebx
	popl %ebp
	ret
