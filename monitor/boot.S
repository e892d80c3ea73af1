/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From the boot loader to monitor_main: boot.c makes page tables, and here they are loaded. */
#include "cpu.h"
#include "multiboot.h"

#define BOOT_STACK_SIZE 4096

	.section .boot.header, "a"
	.balign 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.text
	.globl boot_start
boot_start:
	cld
	movl $boot_stack + BOOT_STACK_SIZE, %esp
	movl %ebx, %edx
	call boot_prepare
	movl %eax, %cr3
	movl %cr0, %eax
	orl $(CR0_PG + CR0_WP + CR0_NE), %eax
	movl %eax, %cr0
	movl $monitor_stack_top, %esp
	movl $monitor_main, %eax
	call *%eax

	.bss
	.balign 16
boot_stack:
	.skip BOOT_STACK_SIZE

	.section .note.GNU-stack, "", @progbits
