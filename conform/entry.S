/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The ways into the ROM, into the handlers, and out to wherever IRET goes. */
#include <vmi/calls.h>
#include <vmi/rom.h>

#include "layout.h"

#define ARITHMETIC 0x8d5

/* struct registers */
#define R_EAX 0
#define R_ECX 4
#define R_EDX 8
#define R_EBX 12
#define R_EBP 16
#define R_ESI 20
#define R_EDI 24
#define R_EFLAGS 28
#define R_FAR 32
#define R_MOVED 36

	.text
/*
 * void invoke(uint32_t function, struct registers *, uint32_t stack1, uint32_t stack2)
 *
 * Calls function with these registers, arithmetic flags and two words on the stack, and notes what it leaves.
 * Nothing that is needed afterwards is in a register or found through one. Interrupts stay as they are.
 */
	.globl invoke
invoke:
	pushl %ebx
	pushl %ebp
	pushl %esi
	pushl %edi
	pushl %ds
	pushl %es
	movl 28(%esp), %eax
	movl %eax, invoke_function
	movl 32(%esp), %ebp
	movl %ebp, invoke_registers
	pushl 40(%esp)
	pushl 40(%esp)
	movl %esp, invoke_esp
	pushfl
	popl %eax
	movl R_EFLAGS(%ebp), %ecx
	andl $~ARITHMETIC, %eax
	andl $ARITHMETIC, %ecx
	orl %ecx, %eax
	pushl %eax
	cmpl $0, R_FAR(%ebp)
	je 1f
	movl $FAR_DATA + USER_RING, %eax
	movl %eax, %ds
	movl %eax, %es
1:	movl R_EAX(%ebp), %eax
	movl R_ECX(%ebp), %ecx
	movl R_EDX(%ebp), %edx
	movl R_EBX(%ebp), %ebx
	movl R_ESI(%ebp), %esi
	movl R_EDI(%ebp), %edi
	movl R_EBP(%ebp), %ebp
	popfl
	call *%ss:invoke_function
	pushfl
	popl %ss:invoke_flags
	movl %esp, %ss:invoke_esp_after
	movl %ss:invoke_esp, %esp
	movl %ebp, %ss:invoke_ebp
	movl %ss:invoke_registers, %ebp
	movl %eax, R_EAX(%ebp)
	movl %ecx, R_ECX(%ebp)
	movl %edx, R_EDX(%ebp)
	movl %ebx, R_EBX(%ebp)
	movl %esi, R_ESI(%ebp)
	movl %edi, R_EDI(%ebp)
	cld
	cmpl $0, R_FAR(%ebp)
	je 2f
	movl 12(%esp), %eax      /* not before there is a GDT of our own: the loader's may be gone */
	movl %eax, %ds
	movl 8(%esp), %eax
	movl %eax, %es
2:	addl $16, %esp
	movl invoke_ebp, %eax
	movl %eax, R_EBP(%ebp)
	movl invoke_flags, %eax
	movl %eax, R_EFLAGS(%ebp)
	movl invoke_esp_after, %eax
	subl invoke_esp, %eax
	movl %eax, R_MOVED(%ebp)
	popl %edi
	popl %esi
	popl %ebp
	popl %ebx
	ret

/* uint64_t call_kept(uint32_t function, uint32_t eax, uint32_t edx, uint32_t ecx): whatever the callee ruins, the
 * caller has its registers. */
	.globl call_kept
call_kept:
	pushl %ebx
	pushl %ebp
	pushl %esi
	pushl %edi
	movl 24(%esp), %eax
	movl 28(%esp), %edx
	movl 32(%esp), %ecx
	call *20(%esp)
	cld
	popl %edi
	popl %esi
	popl %ebp
	popl %ebx
	ret

/*
 * bool catch(void (*function)(void *), void *context)
 *
 * A trap that nobody deals with ends here, or in enter: saved_esp is the stack of the innermost of them.
 */
	.globl catch
catch:
	pushl %ebx
	pushl %ebp
	pushl %esi
	pushl %edi
	pushl saved_esp
	movl %esp, saved_esp
	pushl 28(%esp)
	call *28(%esp)
	addl $4, %esp
	xorl %eax, %eax
1:	popl saved_esp
	popl %edi
	popl %esi
	popl %ebp
	popl %ebx
	ret

abandon:
	movl saved_esp, %esp
	movl $1, %eax
	jmp 1b

/* void enter(const struct state *) */
	.globl enter
enter:
	pushl %ebx
	pushl %ebp
	pushl %esi
	pushl %edi
	pushl saved_esp
	movl %esp, saved_esp
	movl 24(%esp), %ebp
	movl 32(%ebp), %ecx
1:	pushl 32(%ebp,%ecx,4)    /* the last word of the frame first */
	loop 1b
	movl 72(%ebp), %eax
	movl %eax, leave_at
	movl 0(%ebp), %eax
	movl 4(%ebp), %ecx
	movl 8(%ebp), %edx
	movl 12(%ebp), %ebx
	movl 20(%ebp), %esi
	pushl 28(%ebp)
	pushl 28(%ebp)
	movl 24(%ebp), %edi
	movl 16(%ebp), %ebp
	popl %ds
	popl %es
	jmp *%ss:leave_at

/* The sites of calls that leave the kernel. rom.c puts a call or a jump there; until then, IRET is native. */
	.globl iret_site, sysexit_site, native_iret
iret_site:
	iret
	nop
	nop
	nop
	nop
	ud2
sysexit_site:
	ud2
	nop
	nop
	nop
	ud2
native_iret:
	iret

/* void load_segments(uint32_t code, uint32_t stack) */
	.globl load_segments
load_segments:
	movl 4(%esp), %eax
	movl 8(%esp), %ecx
	movl %ecx, %ss
	pushal
	movl $USER_DATA + USER_RING, %ecx
	movl %ecx, %ds
	movl %ecx, %es
	xorl %ecx, %ecx
	movl %ecx, %fs
	movl %ecx, %gs
	movl %esp, enabled_esp
	pushl $2
	pushl %eax
	pushl $1f
	jmp iret_site
1:	movl enabled_esp, %esp
	popal
	ret

/*
 * void let_interrupts_in(uint32_t enable, uint32_t disable)
 *
 * The two functions, and some time in between. Whatever the ways into handlers and out of them ruin, the caller has
 * its registers.
 */
	.globl let_interrupts_in
let_interrupts_in:
	pushal
	movl %esp, enabled_esp
	movl 40(%esp), %eax
	movl %eax, disable
	movl $2000, enabled_time
	call *36(%esp)
1:	decl %ss:enabled_time
	jnz 1b
	call *%ss:disable
	movl %ss:enabled_esp, %esp
	popal
	ret

/* ---- Handlers ---- */

	.globl stubs
	.balign STUB_SIZE
	.set vector, 0
stubs:
	.rept STUBS
	.balign STUB_SIZE
	.if (vector == 8) || (vector == 17) || ((vector > 9) && (vector < 15))
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
	pushl %fs
	pushl %gs
	pushfl
	movl $USER_DATA + USER_RING, %eax
	movl %eax, %ds
	movl %eax, %es
	cld
	pushl %esp
	call trap
	addl $4, %esp
	testl %eax, %eax
	jz abandon
	addl $4, %esp
	popl %gs
	popl %fs
	popl %es
	popl %ds
	popal
	addl $8, %esp
	jmp iret_site

/* ---- Where returns go to ---- */

/* In the kernel's ring. */
	.globl kernel_code, kernel_trap_code, kernel_ask_code, kernel_step_code
kernel_code:
	int $KERNEL_CALL
	ud2
kernel_trap_code:
	int $KERNEL_TRAP
	ud2
kernel_ask_code:                 /* EAX: GetInterruptMask */
	call *%ss:ask_mask
	int $KERNEL_CALL
	ud2
kernel_step_code:
	nop
	nop
	int $KERNEL_CALL
	ud2

/* Programs: copied to a user's page. What they leave in registers is in the frame of the trap that ends them. */
	.globl user_blob, user_blob_end, user_call, user_trap, user_read, user_write, user_step, user_in, user_kernel_call
	.globl user_fpu
user_blob:
user_call:
	int $SYSTEM_CALL
	ud2
user_trap:
	int $SYSTEM_TRAP
	ud2
user_read:
	movl (%ebx), %eax
	int $SYSTEM_CALL
	ud2
user_write:
	movl %eax, (%ebx)
	int $SYSTEM_CALL
	ud2
user_step:
	nop
	nop
	int $SYSTEM_CALL
	ud2
user_in:
	inb %dx, %al
	int $SYSTEM_CALL
	ud2
user_kernel_call:
	int $KERNEL_CALL
	ud2
user_fpu:
	fnop
	int $SYSTEM_CALL
	ud2
user_blob_end:

	.globl vm86_blob, vm86_blob_end
vm86_blob:
	ud2
vm86_blob_end:

/* ---- Data ---- */

	.bss
	.balign 4
	.globl saved_esp, ask_mask
saved_esp: .skip 4
ask_mask: .skip 4
leave_at: .skip 4
enabled_esp: .skip 4
enabled_time: .skip 4
disable: .skip 4
invoke_function: .skip 4
invoke_registers: .skip 4
invoke_esp: .skip 4
invoke_esp_after: .skip 4
invoke_ebp: .skip 4
invoke_flags: .skip 4
