/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Calls that forget to tell the monitor what they are called for, in place of those of its ROM, which is linked with
 * them under other names. One of them alone may leave nothing stale: kernels flush what they change.
 */
.macro forgets name
	.section .text.vmi_\name, "ax"
	.globl vmi_\name
vmi_\name:
.endm

	forgets SetPxE
	movl %eax, (%edx)
	ret

	forgets InvalPage
	.globl vmi_FlushTLB
vmi_FlushTLB:
	ret

	.section .note.GNU-stack, "", @progbits
