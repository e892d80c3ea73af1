/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From the boot loader to main(). The loader's segments serve until the ring is known; early.c has made the
 * page tables.
 */
#include "layout.h"

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 3 /* modules on page boundaries, memory map */
#define CR0 0x80010031    /* PE, ET, NE, WP, PG */
#define CR4_PAE 0x20
#define PHYSICAL(symbol) (symbol - KERNEL_BASE)

	.section .multiboot, "a"
	.balign 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.section .text.early, "ax"
	.globl boot
boot:
	cld
	movl $PHYSICAL(stack_top), %esp
	pushl %ebx
	call early               /* EAX: CR3, EDX: whether with PAE */
	testl %edx, %edx
	jz 1f
	movl %cr4, %ecx
	orl $CR4_PAE, %ecx
	movl %ecx, %cr4
1:	movl %eax, %cr3
	movl %eax, %ecx
	movl $CR0, %eax
	movl %eax, %cr0
	movl $2f, %eax
	jmp *%eax

	.text
2:	popl %ebx
	movl $stack_top, %esp
	/* The mapping at address 0 was for the jump. In both forms of table it is the first entry. */
	movl $0, KERNEL_BASE(%ecx)
	movl %ecx, %cr3
	pushl %ebx
	call main
	ud2

	.bss
	.balign PAGE_SIZE
	.skip 4 * PAGE_SIZE
	.globl stack_top, kernel_stack, kernel_stack_2
stack_top:
	/* Two stacks for entries from ring 3. */
	.skip PAGE_SIZE
kernel_stack:
	.skip PAGE_SIZE
kernel_stack_2:
	.skip 64                 /* a frame is copied as if it were the longest */
