/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What bare hardware does for each call: mostly the one instruction. Where it has nothing to do, the call is a
 * notice that a hypervisor needs. The linker takes those that a ROM provides. IRET and SYSEXIT are in iret.S,
 * the clock in time.c and alarm.c, SetLinearMapping in apic.c.
 *
 * APICRead and APICWrite are missing: Linux passes a register's offset and means the place where it has mapped
 * the APIC itself. So is SetCallbacks, of which only the name is known.
 */
#include "rom.h"

#define CR4_PGE 0x80
#define IOPL 0x3000
#define KEYBOARD_CONTROLLER 0x64
#define KEYBOARD_RESET 0xfe

.macro native name
	.section .text.native_\name, "ax"
	.globl native_\name
native_\name:
.endm

/* A function of one or two instructions. */
.macro simple name, first, second
	native \name
	\first
	\second
	ret
.endm

	/* Processor identification, model specific registers, counters, cache */
	simple CPUID, cpuid
	simple WRMSR, wrmsr
	simple RDMSR, rdmsr
	simple RDPMC, rdpmc
	simple RDTSC, rdtsc
	simple WBINVD, wbinvd

	/* Descriptor tables */
	simple SetGDT, "lgdtl (%eax)"
	simple SetLDT, "lldt %ax"
	simple SetIDT, "lidtl (%eax)"
	simple SetTR, "ltr %ax"
	simple GetGDT, "sgdtl (%eax)"
	simple GetLDT, "xorl %eax, %eax", "sldt %ax"
	simple GetIDT, "sidtl (%eax)"
	simple GetTR, "xorl %eax, %eax", "str %ax"
	simple UpdateKernelStack /* the guest has stored esp0 in its TSS */

	native WriteGDTEntry
	.globl native_WriteLDTEntry, native_WriteIDTEntry
native_WriteLDTEntry:
native_WriteIDTEntry:
	leal (%eax,%edx,8), %eax
	movl %ecx, (%eax)
	movl 4(%esp), %edx
	movl %edx, 4(%eax)
	ret

	/* Control and debug registers */
	simple SetCR0, "movl %eax, %cr0"
	simple SetCR2, "movl %eax, %cr2"
	simple SetCR3, "movl %eax, %cr3"
	simple SetCR4, "movl %eax, %cr4"
	simple GetCR0, "movl %cr0, %eax"
	simple GetCR2, "movl %cr2, %eax"
	simple GetCR3, "movl %cr3, %eax"
	simple GetCR4, "movl %cr4, %eax"
	simple CLTS, clts

	native SetDR
	cmpl $1, %eax
	jb 0f
	je 1f
	cmpl $3, %eax
	jb 2f
	je 3f
	cmpl $6, %eax
	je 6f
	cmpl $7, %eax
	je 7f
	ret
0:	movl %edx, %db0
	ret
1:	movl %edx, %db1
	ret
2:	movl %edx, %db2
	ret
3:	movl %edx, %db3
	ret
6:	movl %edx, %db6
	ret
7:	movl %edx, %db7
	ret

	native GetDR
	movl %eax, %edx
	xorl %eax, %eax          /* what a register that does not exist holds */
	cmpl $1, %edx
	jb 0f
	je 1f
	cmpl $3, %edx
	jb 2f
	je 3f
	cmpl $6, %edx
	je 6f
	cmpl $7, %edx
	je 7f
	ret
0:	movl %db0, %eax
	ret
1:	movl %db1, %eax
	ret
2:	movl %db2, %eax
	ret
3:	movl %db3, %eax
	ret
6:	movl %db6, %eax
	ret
7:	movl %db7, %eax
	ret

	/* Interrupts, and the end of it all */
	simple EnableInterrupts, sti
	simple DisableInterrupts, cli
	simple GetInterruptMask, pushfl, "popl %eax"
	simple SetInterruptMask, "pushl %eax", popfl
	simple Halt, sti, hlt

	native Reboot            /* soft and hard alike */
	cli
	movb $KEYBOARD_RESET, %al
	outb %al, $KEYBOARD_CONTROLLER
	/* fall through to wait for it */
	.globl native_Shutdown
native_Shutdown:
	cli
	hlt
	jmp native_Shutdown

	native SetIOPLMask
	pushfl
	andl $~IOPL, (%esp)
	orl %eax, (%esp)
	popfl
	ret

	/* Page tables */
	simple SetPxE, "movl %eax, (%edx)"

	native SetPxELong        /* at once: no half of an entry is ever seen */
	pushl %ebx
	pushl %esi
	movl %eax, %ebx
	movl %ecx, %esi
	movl %edx, %ecx
	movl (%esi), %eax
	movl 4(%esi), %edx
1:	lock cmpxchg8b (%esi)
	jnz 1b
	popl %esi
	popl %ebx
	ret

	simple UpdatePxE
	simple UpdatePxELong
	simple AllocatePage
	simple ReleasePage
	simple MachineToPhysical /* they are the same */
	simple PhysicalToMachine
	simple InvalPage, "invlpg (%eax)"
	simple SetLazyMode

	native FlushTLB
	testb $VMI_FLUSH_GLOBAL, %al
	jz 1f
	movl %cr4, %ecx
	testb $CR4_PGE, %cl
	jz 1f
	movl %ecx, %edx
	andb $~CR4_PGE, %dl
	movl %edx, %cr4          /* a change of PGE empties all of it */
	movl %ecx, %cr4
1:	movl %cr3, %ecx
	movl %ecx, %cr3
	ret

	/* Ports */
	simple INB, "inb %dx, %al"
	simple INW, "inw %dx, %ax"
	simple INL, "inl %dx, %eax"
	simple INSB, "rep insb"
	simple INSW, "rep insw"
	simple INSL, "rep insl"
	simple OUTB, "outb %al, %dx"
	simple OUTW, "outw %ax, %dx"
	simple OUTL, "outl %eax, %dx"
	simple OUTSB, "rep outsb"
	simple OUTSW, "rep outsw"
	simple OUTSL, "rep outsl"
	simple IODelay, "outb %al, $0x80"

	simple SetInitialAPState /* the second processor starts as it always did */
