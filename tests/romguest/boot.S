/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From the loader to C, the ways into the handlers, and the ways into the ROM. */
#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_MEMORY 2

	.section .multiboot, "a"
	.balign 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_MEMORY, -(MULTIBOOT_MAGIC + MULTIBOOT_MEMORY)

	.text
	.globl start
start:
	movl $stack_top, %esp
	pushl $0
	popfl
	pushl %ebx
	lgdtl gdt_register
	ljmpl $0x08, $1f
1:	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	call main
2:	hlt
	jmp 2b

/* void invoke(uint32_t function, struct registers *, uint32_t stack1, uint32_t stack2) */
	.globl invoke
invoke:
	pushl %ebx
	pushl %ebp
	pushl %esi
	pushl %edi
	pushl 32(%esp)
	pushl 32(%esp)
	movl 28(%esp), %eax
	movl %eax, function
	movl 32(%esp), %edx
	pushl 28(%edx)
	movl 0(%edx), %eax
	movl 4(%edx), %ecx
	movl 12(%edx), %ebx
	movl 16(%edx), %ebp
	movl 20(%edx), %esi
	movl 24(%edx), %edi
	movl 8(%edx), %edx
	movl %esp, stack_before
	popfl
	call *function
	pushfl
	cmpl %esp, stack_before
	jne lost
	pushl %edx
	movl 40(%esp), %edx
	movl %eax, 0(%edx)
	movl %ecx, 4(%edx)
	popl 8(%edx)
	movl %ebx, 12(%edx)
	movl %ebp, 16(%edx)
	movl %esi, 20(%edx)
	movl %edi, 24(%edx)
	popl 28(%edx)
	addl $8, %esp
	popl %edi
	popl %esi
	popl %ebp
	popl %ebx
	cld
	ret
lost:
	ud2                      /* the call moved the stack */

/* void try_iret(const uint32_t *frame, uint32_t words, int rom) */
	.globl try_iret, native_iret, rom_iret_call
try_iret:
	pushal
	movl %esp, saved_esp
	movl 36(%esp), %esi
	movl 40(%esp), %ecx
	movl 44(%esp), %edx
	movl $frame_top, %edi
	leal 0(,%ecx,4), %eax
	subl %eax, %edi
	movl %edi, %esp
	rep movsl
	pushl try_eflags
	movl $native_iret, way
	testl %edx, %edx
	jz 1f
	movl $rom_iret_call, way
1:	movl %ecx, %ds
	movl %ecx, %es
	movl $0x1a1a1a1a, %eax
	movl $0x2b2b2b2b, %ebx
	movl $0x3c3c3c3c, %ecx
	movl $0x4d4d4d4d, %edx
	movl $0x5e5e5e5e, %ebp
	movl $0x6f6f6f6f, %esi
	movl $0x70707070, %edi
	popfl
	jmp *%ss:way
native_iret:
	iret
rom_iret_call:
	call start               /* main puts the ROM's address here */
	ud2

/* void try_sysexit(uint32_t eip, uint32_t esp) */
	.globl try_sysexit, rom_sysexit_call
try_sysexit:
	pushal
	movl %esp, saved_esp
	movl 36(%esp), %edx
	movl 40(%esp), %ecx
	movl $0x1a1a1a1a, %eax
	movl $0x2b2b2b2b, %ebx
	movl $0x5e5e5e5e, %ebp
	movl $0x6f6f6f6f, %esi
	movl $0x70707070, %edi
rom_sysexit_call:
	call start
	ud2

/* Where returns go to, in ring 3 and 0. */
	.globl user_code, kernel_code
user_code:
kernel_code:
	int $0x80
	ud2

/* ---- Handlers ---- */

	.globl stubs
	.balign 16
	.set vector, 0
stubs:
	.rept 0x81
	.balign 16
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
	pushfl
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	cld
	movl %esp, %eax
	pushl %eax
	call handle              /* 1: go on, 0: return from try_ */
	addl $4, %esp
	testl %eax, %eax
	jz 1f
	addl $4, %esp
	popal
	addl $8, %esp
	iret
1:	movl saved_esp, %esp
	popal
	ret

/* ---- Data ---- */

	.data
	.balign 8
	.globl gdt, idt, tss
#define SEGMENT(base, limit, access, flags) \
	.quad (limit) & 0xffff | ((access) << 40) | ((limit) >> 16 & 15) << 48 | (flags) << 52
#define FLAT 0xfffff
gdt:	.quad 0
	SEGMENT(0, FLAT, 0x9b, 0xc)  /* 08 kernel code */
	SEGMENT(0, FLAT, 0x93, 0xc)  /* 10 kernel data */
	SEGMENT(0, FLAT, 0xfb, 0xc)  /* 18 user code */
	SEGMENT(0, FLAT, 0xf3, 0xc)  /* 20 user data */
	.quad 0                      /* 28 task state */
	SEGMENT(0, FLAT, 0x7b, 0xc)  /* 30 user code, not present */
	SEGMENT(0, FLAT, 0x73, 0xc)  /* 38 user data, not present */
	SEGMENT(0, 0xfff, 0xfb, 0x4) /* 40 user code, 4 KiB */
	SEGMENT(0, FLAT, 0x9f, 0xc)  /* 48 conforming code of ring 0 */
	SEGMENT(0, FLAT, 0xf1, 0xc)  /* 50 user data, read only */
	SEGMENT(0, 0xfff, 0x9b, 0x4) /* 58 kernel code, 4 KiB */
	SEGMENT(0, FLAT, 0xff, 0xc)  /* 60 conforming code of ring 3 */
	SEGMENT(0, FLAT, 0x1b, 0xc)  /* 68 kernel code, not present */
	SEGMENT(0, FLAT, 0xbb, 0xc)  /* 70 code of ring 1 */
gdt_end:
gdt_register:
	.word gdt_end - gdt - 1
	.long gdt

	.bss
	.balign 16
	.globl last_trap, try_eflags
function: .skip 4
stack_before: .skip 4
saved_esp: .skip 4
way: .skip 4
try_eflags: .skip 4
last_trap: .skip 64
tss:	.skip 104
	.balign 8
idt:	.skip 256 * 8
	.balign 16
	.skip 8192
frame_top:
	.skip 16384
stack_top:
	.skip 4096
	.globl trap_stack_top
trap_stack_top:
