/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the guest has natively where a ROM answers "none": the instruction, as a function with the registers of
 * the call. Those that are notices natively do nothing.
 */
#include <vmi/abi.h>
#include <vmi/calls.h>

#define CR4_PGE 0x80

.macro native name, code
	.section .text.natives, "ax"
	.globl native_\name
native_\name:
	\code
	ret
.endm

	native CPUID, "cpuid"
	native WRMSR, "wrmsr"
	native RDMSR, "rdmsr"
	native RDPMC, "rdpmc"
	native RDTSC, "rdtsc"
	native WBINVD, "wbinvd"
	native SetGDT, "lgdtl (%eax)"
	native SetLDT, "lldt %ax"
	native SetIDT, "lidtl (%eax)"
	native SetTR, "ltr %ax"
	native GetGDT, "sgdtl (%eax)"
	native GetLDT, "xorl %eax, %eax; sldt %ax"
	native GetIDT, "sidtl (%eax)"
	native GetTR, "xorl %eax, %eax; str %ax"
	native WriteEntry, "leal (%eax,%edx,8), %eax; movl %ecx, (%eax); movl 4(%esp), %edx; movl %edx, 4(%eax)"
	native SetCR0, "movl %eax, %cr0"
	native SetCR2, "movl %eax, %cr2"
	native SetCR3, "movl %eax, %cr3"
	native SetCR4, "movl %eax, %cr4"
	native GetCR0, "movl %cr0, %eax"
	native GetCR2, "movl %cr2, %eax"
	native GetCR3, "movl %cr3, %eax"
	native GetCR4, "movl %cr4, %eax"
	native CLTS, "clts"
	native EnableInterrupts, "sti"
	native DisableInterrupts, "cli"
	native GetInterruptMask, "pushfl; popl %eax"
	native SetInterruptMask, "pushl %eax; popfl"
	native Halt, "sti; hlt"
	native Shutdown, "cli; hlt; jmp .-1"
	native Reboot, "cli; movb $0xfe, %al; outb %al, $0x64; hlt; jmp .-1"
	native SetPxE, "movl %eax, (%edx)"
	native SetPxELong, "movl %edx, 4(%ecx); movl %eax, (%ecx)"
	native InvalPage, "invlpg (%eax)"
	native INB, "inb %dx, %al"
	native INW, "inw %dx, %ax"
	native INL, "inl %dx, %eax"
	native INSB, "rep insb"
	native INSW, "rep insw"
	native INSL, "rep insl"
	native OUTB, "outb %al, %dx"
	native OUTW, "outw %ax, %dx"
	native OUTL, "outl %eax, %dx"
	native OUTSB, "rep outsb"
	native OUTSW, "rep outsw"
	native OUTSL, "rep outsl"
	native IODelay, "outb %al, $0x80"
	native SetIOPLMask, "pushfl; andl $0xffffcfff, (%esp); orl %eax, (%esp); popfl"
	native Nothing
	native Zero, "xorl %eax, %eax; xorl %edx, %edx"

	.globl native_FlushTLB
native_FlushTLB:
	testb $VMI_FLUSH_GLOBAL, %al
	jz 1f
	movl %cr4, %ecx
	testb $CR4_PGE, %cl
	jz 1f
	movl %ecx, %edx
	andb $~CR4_PGE, %dl
	movl %edx, %cr4
	movl %ecx, %cr4
1:	movl %cr3, %ecx
	movl %ecx, %cr3
	ret

.macro debug_register n, instruction
	cmpl $\n, %eax
	jne 1f
	\instruction
	ret
1:
.endm
	.globl native_SetDR, native_GetDR
native_SetDR:
	debug_register 0, "movl %edx, %db0"
	debug_register 1, "movl %edx, %db1"
	debug_register 2, "movl %edx, %db2"
	debug_register 3, "movl %edx, %db3"
	debug_register 6, "movl %edx, %db6"
	debug_register 7, "movl %edx, %db7"
	ret
native_GetDR:
	debug_register 0, "movl %db0, %eax"
	debug_register 1, "movl %db1, %eax"
	debug_register 2, "movl %db2, %eax"
	debug_register 3, "movl %db3, %eax"
	debug_register 6, "movl %db6, %eax"
	debug_register 7, "movl %db7, %eax"
	ret
