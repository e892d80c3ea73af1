/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From the boot loader to main().
 *
 * A multiboot loader starts us in 32-bit mode with flat segments, paging off and interrupts off. Here
 * the kernel's memory is mapped at KERNEL_BASE and nowhere else. The loader's segments are good enough until
 * main has found out in which ring it runs, so no descriptor table is loaded yet.
 *
 * This is the only code that runs before a ROM is looked for, and the only one whose sensitive
 * instructions are not call sites, in .text.early; with what says that the ROM is not there.
 */
#include "layout.h"

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 3 /* modules on page boundaries, memory map */
#define PHYSICAL(symbol) (symbol - KERNEL_BASE)
#define PRESENT_WRITABLE 3
#define BOOT_STACK (2 * PAGE_SIZE) /* attaching and starting take more than one, if the compiler does not optimise */

/* console.c and stop.c have these for the rest of the kernel. */
#define COM1 0x3f8
#define COM1_STATUS (COM1 + 5)
#define STATUS_CAN_SEND 0x20
#define EARLY_PATIENCE 100000
#define EXIT_PORT 0xf4
#define EXIT_FAILED 0x11

/* PE, EM, ET, NE, WP, PG. WP makes a wrong write of the kernel to a shared page a fault. EM, because no
 * process has an FPU state of its own: who uses the FPU gets an exception. */
#define CR0 0x80010035

	.section .multiboot, "a"
	.balign 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.section .text.early, "ax"
	.globl boot
boot:
	cld
	movl %eax, %esi

	movl $PHYSICAL(boot_tables), %edi
	movl $PRESENT_WRITABLE, %eax
	movl $(MEMORY_MAX / PAGE_SIZE), %ecx
1:	stosl
	addl $PAGE_SIZE, %eax
	loop 1b

	/* Also at address 0, because that is where this code is until the jump. */
	movl $PHYSICAL(boot_directory), %edi
	movl $PHYSICAL(boot_tables) + PRESENT_WRITABLE, %eax
	movl $KERNEL_TABLES, %ecx
2:	movl %eax, KERNEL_SLOT * 4(%edi)
	stosl
	addl $PAGE_SIZE, %eax
	loop 2b

	movl $PHYSICAL(boot_directory), %edx
	movl %edx, %cr3
	movl $CR0, %eax
	movl %eax, %cr0
	movl $3f + KERNEL_BASE, %eax
	jmp *%eax

3:	movl $boot_directory, %edi
	xorl %eax, %eax
	movl $KERNEL_TABLES, %ecx
	rep stosl
	movl %edx, %cr3

	movl $boot_stack + BOOT_STACK, %esp
	pushl %ebx
	pushl %esi
	movl $main, %eax
	call *%eax

/*
 * Says the text at 4(%esp) and ends. For a kernel whose call sites cannot be used. Only code of this section may have
 * sensitive instructions, so it is here, and is called at KERNEL_BASE above its address.
 */
	.section .text.early, "ax"
	.globl early_stop
early_stop:
	movl 4(%esp), %esi
4:	lodsb
	testb %al, %al
	jz 6f
	movb %al, %ah
	movl $EARLY_PATIENCE, %ecx
	movw $COM1_STATUS, %dx
5:	inb %dx, %al
	testb $STATUS_CAN_SEND, %al
	loopz 5b
	movb %ah, %al
	movw $COM1, %dx
	outb %al, %dx
	jmp 4b
6:	movb $EXIT_FAILED, %al
	outb %al, $EXIT_PORT
7:	cli
	hlt
	jmp 7b

	.bss
	.globl boot_directory, boot_stack
	.balign PAGE_SIZE
boot_directory:
	.skip PAGE_SIZE
boot_tables:
	.skip KERNEL_TABLES * PAGE_SIZE
boot_stack:
	.skip BOOT_STACK
