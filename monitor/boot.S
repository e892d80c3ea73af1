/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From the boot loader to monitor_main: boot.c makes page tables, and here they are loaded. */
#include "cpu.h"
#include "layout.h"
#include "multiboot.h"

#define CPU_CMOV 0x8000 /* EDX of CPUID 1 */
#define COM1 0x3f8

#define BOOT_STACK_SIZE 4096

	.section .boot.header, "a"
	.balign 4
	.long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

	.text
	.globl boot_start
boot_start:
	cld
	movl $boot_stack + BOOT_STACK_SIZE, %esp
	movl %eax, %esi
	movl %ebx, %edi
	movl $1, %eax
	cpuid
	testl $CPU_CMOV, %edx
	jz too_old
	movl %esi, %eax
	movl %edi, %edx
	call boot_prepare
	movl %eax, %cr3
	movl %cr0, %eax
	orl $(CR0_PG + CR0_WP + CR0_NE), %eax
	movl %eax, %cr0
	movl $monitor_stack_top, %esp
	movl $monitor_main, %eax
	call *%eax

/* All that is compiled needs what this processor has not. */
too_old:
	movl $complaint, %esi
	movw $COM1, %dx
1:	lodsb
	testb %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:	movb $EXIT_FAILED, %al
	outb %al, $EXIT_PORT
3:	cli
	hlt
	jmp 3b
complaint:
	.asciz "monitor: failed: this processor is older than the P6 family: it has no cmov\n"

	.bss
	.balign 16
boot_stack:
	.skip BOOT_STACK_SIZE

	.section .note.GNU-stack, "", @progbits
