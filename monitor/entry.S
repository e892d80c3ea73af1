/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Into the monitor and out of it.
 *
 * The processor enters here from ring 1 or 3, on the guest's page tables and on the stack in the page ENTRY_STACK. The
 * guest can write that page, but it cannot run while we do, and what lay there before is never read. stub.c may be able to do
 * what is needed at once. If not, the monitor's own page tables are loaded, and with them a stack that no guest has
 * seen; the saved registers are copied to where they can be trusted, and C goes on.
 *
 * Loading page tables is by far the dearest part of an entry, which is why there are two ways.
 */
#include "cpu.h"
#include "stub.h"

#define REGS_GS 0
#define REGS_FS 4
#define REGS_VECTOR 48
#define REGS_CS 60
#define REGS_EFLAGS 64
#define MONITOR_STACK_SIZE 8192

	.section .stub.text, "ax"

/* One stub a vector, for the exceptions and the machine's interrupts. All frames become alike. */
.macro stub vector
	.balign VECTOR_STUB_SIZE
	.if (\vector == EX_DF_) || (\vector >= 10 && \vector <= 14) || (\vector == 17)
	.else
		pushl $0
	.endif
	pushl $\vector
	jmp entry
.endm
	.set EX_DF_, 8

	.globl vector_stubs
	.balign VECTOR_STUB_SIZE
vector_stubs:
	.set vector, 0
	.rept VECTOR_STUBS
		stub vector
		.set vector, vector + 1
	.endr
	.balign VECTOR_STUB_SIZE
	pushl $0
	pushl $ENTRY_VECTOR
entry:
	pushal
	pushl %ds
	pushl %es
	subl $8, %esp
	movl $MONITOR_DS, %eax
	movl %eax, %ds
	movl %eax, %es
	cld
	testb $3, REGS_CS(%esp)
	jz ring0
1:	movl %esp, ENTRY_FRAME
	movl %esp, %eax
	call stub_fast
	testl %eax, %eax
	jz full
	addl $8, %esp
	.globl fast_es, fast_ds, fast_iret
fast_es:
	popl %es
fast_ds:
	popl %ds
	popal
	addl $8, %esp
fast_iret:
	iret

/* A CS of virtual 8086 mode may look like one of ring 0. */
ring0:
	testl $FLAG_VM, REGS_EFLAGS(%esp)
	jnz 1b
	movl %esp, %eax
	call stub_nested
	testl %eax, %eax
	jnz restart_frame
	addl $8, %esp
	popl %es
	popl %ds
	popal
	addl $8, %esp
	iret

/* EAX: a frame of the guest on this stack. What stub.c did with it is left; the monitor does it from the start. */
restart_frame:
	movl %eax, %esp
full:
	movl %fs, %eax
	movl %eax, REGS_FS(%esp)
	movl %gs, %eax
	movl %eax, REGS_GS(%esp)
	movl %esp, %eax
	movl %cr3, %edx
#ifndef MONITOR_OPEN
	movl STUB_MONITOR_CR3, %ecx
	movl %ecx, %cr3
#endif
	movl $monitor_stack_top, %esp
	call guest_entered
	/* EAX: where guest_entered has put the registers to go on with. */
leave:
	movl %eax, %esp
	movl shadow_cr3, %ecx
#ifdef MONITOR_OPEN
	movl %cr3, %edx
	cmpl %ecx, %edx
	jne 1f
	cmpb $0, shadow_stale
	je exit_gs
1:	movb $0, shadow_stale
#endif
	movl %ecx, %cr3
	.globl exit_gs, exit_fs, exit_es, exit_ds, exit_iret
exit_gs:
	popl %gs
exit_fs:
	popl %fs
exit_es:
	popl %es
exit_ds:
	popl %ds
	popal
	addl $8, %esp
exit_iret:
	iret

	.globl guest_run
guest_run:
	movl $monitor_stack_top, %esp
	call guest_leave
	jmp leave

/* void switch_paging(uint32_t cr3, uint32_t cr4): other page tables, of another form. Paging is off meanwhile, so
 * this runs where the image physically is. EAX, EDX: arguments. */
	.text
	.globl switch_paging
switch_paging:
	pushl %ebx
	movl $1f, %ecx
	subl image_offset, %ecx
	jmp *%ecx
1:	movl %cr0, %ebx
	movl %ebx, %ecx
	andl $~CR0_PG, %ecx
	movl %ecx, %cr0
	movl %edx, %cr4
	movl %eax, %cr3
	movl %ebx, %cr0
	movl $2f, %ecx
	jmp *%ecx
2:	popl %ebx
	ret

/* Interrupts are on from here to the end of hlt, and nowhere else in the monitor. */
	.globl wait_for_interrupt
wait_for_interrupt:
	sti
	hlt
	cli
	ret

/* A guest has ended, and with it all that was on the stack. */
	.globl restart
restart:
	movl $monitor_stack_top, %esp
	call boot_guest

	.bss
	.balign 16
	.skip MONITOR_STACK_SIZE
	.globl monitor_stack_top
monitor_stack_top:

	.section .note.GNU-stack, "", @progbits
