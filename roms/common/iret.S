/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * IRET and SYSEXIT. They may count on CS and SS only: DS, ES and all registers are the user's by now, so
 * whatever is not at ESP or EBP is reached with %ss.
 *
 * The difficulty of IRET is a frame that a user spoilt, a CS that his LDT has no longer, say. The
 * processor's iret then faults where it stands, and a kernel tells by that address that not it but its
 * user is to blame. An iret in the ROM would fault in the ROM, at an address that the kernel does not know.
 * So the ROM checks the frame as the processor is going to. If it is bad, it does what the processor does at
 * a fault, with the address of the call in the guest for that of the instruction: it pushes the exception's
 * frame and goes where the guest's IDT says.
 */
#include "rom.h"

#define NT 0x4000
#define TF 0x0100
#define IF 0x0200
#define RF 0x10000
#define VM 0x20000
#define CALL_SIZE 5
#define TS_FAULT 10
#define NP_FAULT 11
#define SS_FAULT 12
#define GP_FAULT 13

/* Access rights as lar gives them. */
#define RIGHTS_CODE 0x1800       /* of RIGHTS_KIND */
#define RIGHTS_KIND 0x1800
#define RIGHTS_CONFORMING 0x0400
#define RIGHTS_WRITABLE 0x1200   /* of RIGHTS_DATA */
#define RIGHTS_DATA 0x1a00
#define RIGHTS_PRESENT 0x8000
#define RIGHTS_DPL_SHIFT 13

/* The stack while the frame is checked. */
#define FLAGS 12
#define FRAME_EIP 20
#define FRAME_CS 24
#define FRAME_EFLAGS 28
#define FRAME_SS 36

	.section .text.native_IRET, "ax"
	.globl native_IRET
native_IRET:
	pushfl
	pushl %eax
	pushl %ecx
	pushl %edx
	testl $NT, FLAGS(%esp)
	jnz nested
	testl $VM, FRAME_EFLAGS(%esp)
	jnz virtual_8086

	movzwl FRAME_CS(%esp), %eax
	movl %cs, %ecx
	cmpl %eax, %ecx
	je sound                 /* flat: that is what it was called with */
	larl %eax, %ecx
	jnz general_protection
	movl %ecx, %edx
	andl $RIGHTS_KIND, %edx
	cmpl $RIGHTS_CODE, %edx
	jne general_protection
	movl %eax, %edx
	shll $RIGHTS_DPL_SHIFT, %edx
	xorl %ecx, %edx
	testl $3 << RIGHTS_DPL_SHIFT, %edx
	jz 1f                    /* DPL = RPL */
	testl $RIGHTS_CONFORMING, %ecx
	jz general_protection
	andl $3 << RIGHTS_DPL_SHIFT, %ecx
	movl %eax, %edx
	andl $3, %edx
	shll $RIGHTS_DPL_SHIFT, %edx
	cmpl %edx, %ecx
	ja general_protection
	larl %eax, %ecx
1:	testl $RIGHTS_PRESENT, %ecx
	jz not_present
	testl $3, %eax
	jz 2f                    /* stays in this ring, and on this stack */

	movzwl FRAME_SS(%esp), %eax
	larl %eax, %ecx
	jnz general_protection
	movl FRAME_CS(%esp), %edx
	xorl %eax, %edx
	testl $3, %edx
	jnz general_protection
	movl %ecx, %edx
	andl $RIGHTS_DATA, %edx
	cmpl $RIGHTS_WRITABLE, %edx
	jne general_protection
	movl %eax, %edx
	shll $RIGHTS_DPL_SHIFT, %edx
	xorl %ecx, %edx
	testl $3 << RIGHTS_DPL_SHIFT, %edx
	jnz general_protection
	testl $RIGHTS_PRESENT, %ecx
	jz stack_not_present

2:	movzwl FRAME_CS(%esp), %eax
	lsll %eax, %ecx
	cmpl %ecx, FRAME_EIP(%esp)
	ja bad_address
sound:
	popl %edx
	popl %ecx
	popl %eax
	addl $8, %esp            /* flags, and the return address */
	iret

virtual_8086:
	cmpl $0xffff, FRAME_EIP(%esp)
	jbe sound
bad_address:
	xorl %eax, %eax
general_protection:
	movl $GP_FAULT, %ecx
	jmp raise
not_present:
	movl $NP_FAULT, %ecx
	jmp raise
stack_not_present:
	movl $SS_FAULT, %ecx
	jmp raise

/* With NT, iret goes back to the task that the current one's state names. Mostly there is none, and NT came
 * from a user through SYSENTER. */
nested:
	subl $8, %esp
	sgdtl (%esp)
	movl 2(%esp), %ecx
	addl $8, %esp
	xorl %eax, %eax
	strw %ax
	addl %eax, %ecx          /* the descriptor of the task's state */
	movl %ss:4(%ecx), %eax
	movl %eax, %edx
	andl $0xff000000, %edx
	shll $24, %eax
	shrl $8, %eax
	orl %edx, %eax
	movzwl %ss:2(%ecx), %edx
	orl %edx, %eax           /* its address */
	movzwl %ss:(%eax), %eax
	testl $0xfffc, %eax
	jnz sound
	movl $TS_FAULT, %ecx
	/* fall through */

/*
 * EAX: the selector at fault, ECX: the exception. From here on EBP is where the return address of the call
 * lies, right below the frame; that becomes
 *
 *	  0  EFLAGS
 *	 -4  CS
 *	 -8  address of the call
 *	-12  error code, which is where ESP is when the handler starts
 *	-16  CS of the handler
 *	-20  its address
 *	-24  the EFLAGS it starts with
 */
raise:
	subl $8, %esp
	pushl %ebx
	pushl %ebp
	leal 32(%esp), %ebp
	pushl -8(%ebp)           /* EAX, ECX, EDX once more, out of the way */
	pushl -12(%ebp)
	pushl -16(%ebp)

	subl $8, %esp
	sidtl (%esp)
	movzwl (%esp), %edx
	movl 2(%esp), %ebx
	addl $8, %esp
	leal 7(,%ecx,8), %ebp
	cmpl %edx, %ebp
	leal 44(%esp), %ebp
	ja give_up
	leal (%ebx,%ecx,8), %ebx
	movl %ss:4(%ebx), %edx
	movl %edx, %ecx
	andl $0x9e00, %ecx
	cmpl $0x8e00, %ecx       /* present, a 32-bit interrupt or trap gate */
	jne give_up

	andl $0xfffc, %eax
	movl %eax, -12(%ebp)
	movl (%ebp), %eax
	subl $CALL_SIZE, %eax
	movl -4(%ebp), %ecx
	movl %eax, -8(%ebp)
	movl %cs, %eax
	movl %eax, -4(%ebp)
	movl %ecx, (%ebp)
	orl $RF, (%ebp)
	andl $~(NT + RF + VM + TF), %ecx
	testb $1, %dh            /* the type of a trap gate is odd */
	jnz 1f
	andl $~IF, %ecx
1:	movl %ecx, -24(%ebp)
	movl %ss:(%ebx), %eax
	movw %ax, %dx
	movl %edx, -20(%ebp)
	shrl $16, %eax
	andl $0xfffc, %eax
	movl %eax, -16(%ebp)
	popl %edx
	popl %ecx
	popl %eax
	popl %ebp
	popl %ebx
	popfl
	lret

/* The guest has no handler that could be entered this way. */
give_up:
	addl $12, %esp
	popl %ebp
	popl %ebx
	addl $8, %esp
	jmp sound

	.section .text.native_SYSEXIT, "ax"
	.globl native_SYSEXIT
native_SYSEXIT:
	sti
	sysexit
