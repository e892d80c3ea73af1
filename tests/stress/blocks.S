/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The operations on the interrupt mask, and blocks of them in all the orders that a kernel might have. A block begins and
 * ends with interrupts on. Which comes next is random, but the same in every run; how many operations each has is counted
 * by the assembler.
 */
#include <vrom/site.h>

#include "stress.h"

#define IF 0x200
#define FLAGS_ON 0x202
#define FLAGS_OFF 2
#define ARITHMETIC 0x8d5
#define DF 0x400
#define SLOW_BLOCKS 4
#define SELDOM 512 /* one block in so many is a slow one */

/* ---- Operations: from and to are on and off ---- */

	.set on_on, ON
	.set off_off, OFF
	.set off_on, ENABLE
	.set on_off, DISABLE
	.set enables, 0
	.set disables, 0
	.set restores, 0
	.set irets, 0

.macro place kind
	.pushsection .rodata
880:	.long \kind, 881f, 882f
	.popsection
	movl $880b, now
.endm

.macro enable from=off
	.set enables, enables + 1
	place \from\()_on
881:	vrom_site EnableInterrupts, "sti"
882:	movl $on, now
.endm

.macro disable from=on
	.set disables, disables + 1
	place \from\()_off
881:	vrom_site DisableInterrupts, "cli"
882:	movl $off, now
.endm

/* EAX: a mask, of which only one bit counts. */
.macro restore from, to
	.set restores, restores + 1
	place \from\()_\to
881:	vrom_site SetInterruptMask, "pushl %eax; popfl", %eax
882:	movl $\to, now
.endm

.macro return from, to, flags
	.set irets, irets + 1
	pushl $\flags
	pushl %cs
	pushl $882f
	.ifc \from\()_\to, off_on
	place RETURN
	.else
	place \from\()_\to
	.endif
881:	vrom_site IRET, "iret"
882:	movl $\to, now
.endm

/* EAX: the mask, which has to be what it should be. */
.macro get state
	vrom_site GetInterruptMask, "pushfl; popl %eax"
	testl $IF, %eax
	.ifc \state, on
	jz failed_mask
	.else
	jnz failed_mask
	.endif
.endm

.macro gap count
	.rept \count
	nop
	.endr
.endm

.macro check_registers
	cmpl $KNOWN_EBX, %ebx
	jne failed_registers
	cmpl $KNOWN_ECX, %ecx
	jne failed_registers
	cmpl $KNOWN_EDX, %edx
	jne failed_registers
	cmpl $KNOWN_ESI, %esi
	jne failed_registers
	cmpl $KNOWN_EDI, %edi
	jne failed_registers
	cmpl $KNOWN_EBP, %ebp
	jne failed_registers
	cmpl %esp, registers_esp
	jne failed_registers
.endm

/* A call that may change ECX and EDX, and enters a hypervisor. */
.macro hypercall
	movb $SAVED_KNOWN, registers_known
	movl $start, %eax
	vrom_site InvalPage, "invlpg (%eax)", %eax
	movl $KNOWN_ECX, %ecx
	movl $KNOWN_EDX, %edx
	movb $ALL_KNOWN, registers_known
.endm

.macro block
	.set enables, 0
	.set disables, 0
	.set restores, 0
	.set irets, 0
	.balign 16
885:
.endm

.macro end_block
	jmp next_block
	.set block_number, block_number + 1
	.pushsection .rodata.blocks, "a"
	.long enables, disables, restores, irets
	.popsection
	.pushsection .rodata.starts, "a"
	.long 885b
	.popsection
.endm

/* ---- Blocks ---- */

	.set block_number, 0
	.section .rodata.starts, "a"
	.balign 4
starts:

	.section .rodata.blocks, "a"
	.balign 4
	.globl blocks
blocks:

.macro blocks_of n
	/* What a kernel does most. */
	block
	get on
	disable
	gap \n
	restore off, on
	end_block

	/* The same, nested. */
	block
	get on
	pushl %eax
	disable
	gap \n
	get off
	pushl %eax
	disable off
	gap \n
	popl %eax
	restore off, off
	gap \n
	popl %eax
	restore off, on
	gap \n
	end_block

	block
	disable
	gap \n
	enable
	end_block

	/* Enabled while enabled, and disabled while disabled. */
	block
	enable on
	gap \n
	enable on
	get on
	restore on, on
	gap \n
	disable
	disable off
	gap \n
	enable
	enable on
	end_block

	/* One right behind the other. EAX is kept by all but the one that has a result. */
	block
	movl $KNOWN_EAX, %eax
	disable
	enable
	disable
	enable
	gap \n
	enable on
	disable
	enable
	cmpl $KNOWN_EAX, %eax
	jne failed_registers
	end_block

	/* A mask that says off, where interrupts are on. */
	block
	disable
	get off
	gap \n
	enable
	gap \n
	restore on, off
	gap \n
	restore off, off
	enable
	get on
	restore on, on
	end_block

	/* Returns. */
	block
	movl $KNOWN_EAX, %eax
	return on, off, FLAGS_OFF
	gap \n
	return off, on, FLAGS_ON
	gap \n
	return on, on, FLAGS_ON
	disable
	return off, off, FLAGS_OFF
	gap \n
	enable
	return on, off, FLAGS_OFF
	enable
	disable
	return off, on, FLAGS_ON
	cmpl $KNOWN_EAX, %eax
	jne failed_registers
	end_block

	/* Flags, which nothing here changes but a handler that does not give them back. */
	block
	disable
	enable
	pushl $FLAGS_ON + ARITHMETIC + DF
	popfl
	gap 4*\n
	pushfl
	cld
	popl %eax
	notl %eax
	testl $ARITHMETIC + DF, %eax
	jnz failed_flags
	pushl $FLAGS_ON
	popfl
	gap 4*\n
	pushfl
	popl %eax
	testl $ARITHMETIC + DF, %eax
	jnz failed_flags
	end_block

	/* A longer time with interrupts on, and one with interrupts off. */
	block
	movl $20 * (\n + 1), %eax
1:	decl %eax
	jnz 1b
	disable
	movl $10 * (\n + 1), %eax
1:	decl %eax
	jnz 1b
	get off
	enable
	gap \n
	disable
	enable
	end_block
.endm

/* These take long, so there are fewer of them. */
.macro slow_blocks_of n
	block
	disable
	gap \n
	vrom_site INB, "inb %dx, %al", %edx
	enable
	gap \n
	vrom_site INB, "inb %dx, %al", %edx
	disable
	enable
	end_block

	block
	disable
	hypercall
	gap \n
	enable
	hypercall
	gap \n
	get on
	pushl %eax
	disable
	hypercall
	popl %eax
	restore off, on
	end_block
.endm

	.text
	.irp n, 0, 1, 2, 3, 4, 5, 7, 11
	blocks_of \n
	.endr
	.set quick_blocks, block_number
	.irp n, 0, 3
	slow_blocks_of \n
	.endr
	.if block_number - quick_blocks - SLOW_BLOCKS
	.error "SLOW_BLOCKS is wrong"
	.endif

next_block:
	check_registers
	movl current, %eax
	incl blocks_done(,%eax,4)
	decl left
	jz blocks_over
next:
	imull $1664525, random, %eax
	addl $1013904223, %eax
	movl %eax, random
	shrl $16, %eax
	testl $SELDOM - 1, left
	jz 1f
	imull $quick_blocks, %eax
	shrl $16, %eax
	jmp 2f
1:	andl $SLOW_BLOCKS - 1, %eax
	addl $quick_blocks, %eax
2:	movl %eax, current
	jmp *starts(,%eax,4)

/* void blocks_run(uint32_t count) */
	.globl blocks_run
blocks_run:
	movl 4(%esp), %eax
	movl %eax, left
	pushl %ebp
	pushl %ebx
	pushl %esi
	pushl %edi
	movl %esp, registers_esp
	movl $KNOWN_EBX, %ebx
	movl $KNOWN_ECX, %ecx
	movl $KNOWN_EDX, %edx
	movl $KNOWN_ESI, %esi
	movl $KNOWN_EDI, %edi
	movl $KNOWN_EBP, %ebp
	movb $ALL_KNOWN, registers_known
	jmp next
blocks_over:
	movb $0, registers_known
	popl %edi
	popl %esi
	popl %ebx
	popl %ebp
	ret

/* ---- Single operations, for C. The nops are where what waits has to come at the latest. ---- */

.macro function name
	.globl \name
\name:
.endm

	function halt_masked
	disable
	place ENABLE
881:	vrom_site Halt, "sti; hlt"
882:	movl $on, now
	ret

	function mask
	disable
	ret

	function unmask
	enable
	gap 2
	ret

	function unmask_by_restore
	movl $FLAGS_ON, %eax
	restore off, on
	gap 2
	ret

	function unmask_by_iret
	return off, on, FLAGS_ON
	gap 2
	ret

	function unmask_for_a_moment
	enable
	gap 2
	disable
	ret

	function unmask_for_an_instant
	enable
	disable
	ret

	.section .rodata
	.globl block_count
	.balign 4
block_count:
	.long block_number

	.bss
	.balign 4
	.globl blocks_done, registers_known, registers_esp
blocks_done:
	.skip 4 * 256
registers_esp:
	.skip 4
current:
	.skip 4
left:
	.skip 4
random:
	.skip 4
registers_known:
	.skip 1

	.section .note.GNU-stack, "", @progbits
