/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Code of the monitor's that runs in the guest's ring, in pages that the guest can read and not write. It may count on SS and
 * CS only, like the guest's own first instructions in a handler.
 *
 * The machine's interrupt flag stays set while a guest runs. An interrupt gate would clear it, and ring 1 could never set it
 * again, so gates that lead straight to the guest are trap gates, and what an interrupt gate does is done here, to the
 * virtual flag: it is cleared, and the saved flags get it, unless they are a program's, where it is always set.
 */
#include "cpu.h"
#include "stub.h"

#ifdef MONITOR_SIGN
#define CLEAR_FLAG andb $FLAG_WAITING, %ss:INTERRUPT_FLAG
#define SET_FLAG orb $FLAG_SIGN_ENABLE, %ss:INTERRUPT_FLAG
#else
#define CLEAR_FLAG movb $0, %ss:INTERRUPT_FLAG
#define SET_FLAG movb $FLAG_ENABLED, %ss:INTERRUPT_FLAG
#endif

	.section .stub.ring1, "ax"

/*
 * IRET. The stack: a return address, then the frame. What is special about the frame, or if something waits, is the
 * monitor's to do; else it is two stores and the processor's own iret.
 *
 * An interrupt that comes between the store and the end is delivered as if it had come after it: the monitor knows these
 * addresses. A fault of the iret is reported for the call, whose return address is still below the stack pointer.
 */
	.globl ring1_iret, ring1_iret_store, ring1_iret_drop, ring1_iret_iret
ring1_iret:
	testl $FLAG_VM + FLAG_NT, 12(%esp)
	jnz slow
	testb $FLAG_IF >> 8, 13(%esp)
	jz masked
	cmpl $0, %ss:SHARED_IRET
	jne slow
ring1_iret_store:
	SET_FLAG                 /* if something waits, this faults (or sets the sign flag) */
ring1_iret_drop:
#ifdef MONITOR_SIGN
	js slow
#endif
	leal 4(%esp), %esp
ring1_iret_iret:
	iret
masked:
	testb $2, 8(%esp)        /* a program with interrupts off: there is no such thing */
	jnz slow
	CLEAR_FLAG
	leal 4(%esp), %esp
	iret
slow:
	pushl %ebx
	movl $ENTRY_IRET, %ebx
	int $ENTRY_VECTOR

/* The stack: a return address into what follows, then the frame of a trap in the guest's kernel. */
from_kernel:
	testb $FLAG_ENABLED, %ss:INTERRUPT_FLAG
	jnz 1f
	andb $~(FLAG_IF >> 8), 13(%esp)
1:	ret

	.set vector, 0
	.balign RING1_INTERRUPT_SIZE
	.globl ring1_interrupt
ring1_interrupt:
	.rept 256
	.balign RING1_INTERRUPT_SIZE
	testb $2, 4(%esp)
	jz 2f
1:	CLEAR_FLAG
	jmp *%ss:STUB_DIRECT + 4 * vector
2:	call from_kernel
	jmp 1b
	.set vector, vector + 1
	.endr

	.set vector, 0
	.balign 8
	.globl ring1_trap
ring1_trap:
	.rept 256
3:	testb $2, 4(%esp)
	jz 2f
1:	jmp *%ss:STUB_DIRECT + 4 * vector
2:	call from_kernel
	jmp 1b
	.org 3b + RING1_TRAP_SIZE
	.set vector, vector + 1
	.endr

	.section .note.GNU-stack, "", @progbits
