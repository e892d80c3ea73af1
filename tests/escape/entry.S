/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From the loader to C; into the handlers; and attempts: code that is called to fail. Whatever exception it ends with, the
 * attempt returns that, on the stack that it was begun on.
 */
#include "cpu.h"
#include "layout.h"

#include "escape.h"

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_MAP 2
#define STACK_SIZE 16384

	.section .multiboot, "a"
	.balign 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_MAP, -(MULTIBOOT_MAGIC + MULTIBOOT_MAP)

	.text
	.globl start
start:
	movl $stack_top, %esp
	pushl %ebx
	call main

/* ---- Handlers ---- */

	.globl trap_stubs
	.balign STUB_SIZE
trap_stubs:
	.set vector, 0
	.rept 256
	.balign STUB_SIZE
	.if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17)
	.else
		pushl $0
	.endif
	pushl $vector
	jmp common
	.set vector, vector + 1
	.endr

common:
	pushal
	pushl %ds
	pushl %es
	movl $USER_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	cld
	pushl %esp
	call trap
	addl $4, %esp
	popl %es
	popl %ds
	popal
	addl $8, %esp
	cmpl $0, %ss:attached
	je 1f
	call *%ss:iret_address
1:	iret

/* ---- Attempts ---- */

	.macro begin
	pushl %ebp
	pushl %ebx
	pushl %esi
	pushl %edi
	pushl recover_esp
	movl %esp, recover_esp
	movl 24(%esp), %ecx
	movl 28(%esp), %edx
	.endm

	.globl attempt, attempt_user, enter_v86
attempt:
	begin
	pushl %edx
	call *%ecx
	movl $USER_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl $NO_FAULT, fault
	jmp recovered

attempt_user:
	begin
	movl $user_stack_top - 8, %eax
	movl $user_done, (%eax)
	movl %edx, 4(%eax)
	pushl $USER_DATA
	pushl %eax
	pushl user_flags
	pushl $USER_CODE
	pushl %ecx
	movl $USER_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	cmpl $0, attached
	je 1f
	call *iret_address
1:	iret

/* Only the ROM's IRET can do that. */
enter_v86:
	begin
	movl $9, %ecx
	leal v86_frame, %esi
	subl $36, %esp
	movl %esp, %edi
	rep movsl
	call *iret_address

/* From trap.c, whatever has become of the registers. */
	.globl recover
recover:
	movl $KERNEL_DATA, %eax
	movl %eax, %ss
	movl %ss:recover_esp, %esp
	pushl $FLAGS_NONE
	popfl
	movl $USER_DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
recovered:
	movl recover_esp, %esp
	movl fault, %eax
	popl recover_esp
	popl %edi
	popl %esi
	popl %ebx
	popl %ebp
	ret

/* ---- Code for attempts ---- */

	.globl land, user_done, int80, undefined, general, page_fault, jump_to, run_at
land:
	int $LANDED_VECTOR
	ud2
user_done:
int80:
	int $DONE_VECTOR
	ret
undefined:
	ud2
general:
	movl $0, %eax
	movl %eax, %ss
page_fault:
	movl NOWHERE, %eax
	ret
jump_to:
	movl 4(%esp), %eax
	jmp *%eax

run_at:
	movl 4(%esp), %edx
	movl $scratch, %edi
	movl $0xcccccccc, %eax
	movl $2048, %ecx
	rep stosl
	movl $64, %ecx
1:	pushl $scratch + 4096
	loop 1b
	pushl %edx
	xorl %eax, %eax
	xorl %edx, %edx
	xorl %ebx, %ebx
	xorl %esi, %esi
	xorl %edi, %edi
	xorl %ebp, %ebp
	ret

/* ---- The ROM ---- */

	.globl hypercall, rom_call
hypercall:
	pushl %ebx
	pushl %esi
	pushl %edi
	movl 16(%esp), %ebx
	movl 20(%esp), %eax
	movl 24(%esp), %edx
	movl 28(%esp), %ecx
	movl 32(%esp), %esi
	movl 36(%esp), %edi
	int $ENTRY_VECTOR
	popl %edi
	popl %esi
	popl %ebx
	ret

rom_call:
	pushl %ebx
	pushl %esi
	pushl %edi
	movl 16(%esp), %ebx
	movl 20(%esp), %eax
	movl 24(%esp), %edx
	movl 28(%esp), %ecx
	pushl 36(%esp)
	pushl 36(%esp)
	call *%ebx
	addl $8, %esp
	popl %edi
	popl %esi
	popl %ebx
	ret

	.data
	.globl iret_address
iret_address:
	.long RING1_CODE

	.bss
	.globl recover_esp, stack_top, user_stack_top, trap_stack_top, guard, trap_guard
recover_esp:
	.skip 4
	.balign 4096
guard:                           /* unmapped: who goes on and on finds an end */
	.skip 4096
	.skip STACK_SIZE
stack_top:
trap_guard:
	.skip 4096
	.skip STACK_SIZE
trap_stack_top:
	.skip STACK_SIZE
user_stack_top:
	.balign 4096
scratch:
	.skip 8192

	.section .note.GNU-stack, "", @progbits
