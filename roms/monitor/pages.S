/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Page tables: part of rom.S, which has the macros. */

/*
 * The guest's tables are ordinary memory, so an entry is stored at once. What the monitor has of it may be stale from then
 * on; that is for it to mend before the guest could rely on it, when it next enters the monitor. So a notice goes into the
 * queue, unless the entry was not present, of which nothing is kept anywhere.
 */
	function SetPxE
	cmpl %edx, SHARED_LAST   /* the same again: its notice still waits */
	jne 1f
	movl %eax, (%edx)
	ret
1:	testb $1, (%edx)
	movl %eax, (%edx)
	jz done
pxe_stored:
	movl %edx, %eax

/* EAX: the entry. */
	.globl vmi_UpdatePxE, vmi_UpdatePxELong
vmi_UpdatePxE:
vmi_UpdatePxELong:
	movl %eax, %edx
	movl %eax, %ecx
	subl SHARED_LINEAR_START, %ecx
	cmpl SHARED_LINEAR_SIZE, %ecx
	jae elsewhere
	addl SHARED_LINEAR_BASE, %ecx

/* ECX: a notice, EDX: its entry, or 0. An interrupt whose handler puts in others may come at any point, and the monitor may
 * empty the queue. */
queue:
	movl SHARED_COUNT, %eax
	subl SHARED_DRAINED, %eax
	cmpl $QUEUE_FULL, %eax
	jae full
	movl %edx, SHARED_LAST
	movl $1, %eax
	xaddl %eax, SHARED_COUNT
	andl $QUEUE_ENTRIES - 1, %eax
	movl %ecx, SHARED_QUEUE(,%eax,4)
done:
	ret

full:
	pushl %ebx
	movl $ENTRY_QUEUE, %ebx
	int $ENTRY_VECTOR
	popl %ebx
	ret

elsewhere:
	pushl %ebx
	movl $.LVMI_CALL_UpdatePxE, %ebx
	int $ENTRY_VECTOR
	popl %ebx
	ret

/* Both halves at once. */
	function SetPxELong
	testb $1, (%ecx)
	pushl %ecx
	jz 1f
	call native_SetPxELong
	popl %eax
	jmp vmi_UpdatePxE
1:	call native_SetPxELong
	popl %eax
	ret

	function AllocatePage
	.globl vmi_ReleasePage
vmi_ReleasePage:
	movl %eax, %ecx
	shll $12, %ecx
	orl $QUEUE_PAGE, %ecx
	xorl %edx, %edx
	jmp queue

/*
 * In line is the store, and what most stores to entries are: that of an entry which was not present. For another the queue is
 * called, as a function of its own, which has EDX from the code in line.
 */
	.section .text.pxe_changed, "ax"
pxe_changed:
	cmpl %edx, SHARED_LAST
	jne pxe_stored
	ret

.macro store_in_line
	testb $1, (%edx)
	movl %eax, (%edx)
	jz 1f
	call pxe_changed
	hole REL
1:
.endm

	template SetPxE, register, register, any, changes=VROM_STANDARD
	store_in_line
	end_template

	template SetPxE, constant, register, any, changes=VROM_STANDARD
	movl $0, %eax
	hole IMM32, 1
	store_in_line
	end_template

/* The functions for these do not look at all arguments, so the others need not be put where they belong. */
.macro calling name, a1, a2, a3, a4, a5
	template \name, \a1, \a2, \a3, \a4, \a5, changes=VROM_STANDARD
	call vmi_\name
	hole REL
	end_template
.endm
	calling SetPxELong, register, register, register, any
	calling UpdatePxE, register, constant
	calling UpdatePxELong, register, constant
	calling AllocatePage, register, any, any, any, any
	calling ReleasePage, register, constant

	nothing SetLazyMode, any /* notices wait in any case */

/* They are the same. */
.macro same name
	nothing \name, register

	template \name, constant, changes=0
	movl $0, %eax
	hole IMM32, 1
	end_template
.endm
	same MachineToPhysical
	same PhysicalToMachine

	entering InvalPage
	entering FlushTLB

/* Only slot 0 is of use here: what is not in it is looked up. */
	function SetLinearMapping
	testl %eax, %eax
	jnz done
	pushl %ebx
	pushl %esi
	movl 12(%esp), %esi
	movl $.LVMI_CALL_SetLinearMapping, %ebx
	int $ENTRY_VECTOR
	popl %esi
	popl %ebx
	ret
