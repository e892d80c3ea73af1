/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The monitor's ROM. It runs in ring 1, in the guest: what it can do there it does, with the pages that it shares with the
 * monitor (shared.h); for the rest it enters the monitor. Entering is dear, so as little as can be is done that way.
 */
#include <vrom/site.h>

#include "rom.h"
#include "shared.h"

#ifdef MONITOR_SIGN
#define DISABLE andb $FLAG_WAITING, %ss:INTERRUPT_FLAG
#define ENABLE orb $FLAG_SIGN_ENABLE, %ss:INTERRUPT_FLAG
#else
#define DISABLE movb $0, %ss:INTERRUPT_FLAG
#define ENABLE movb $FLAG_ENABLED, %ss:INTERRUPT_FLAG
#endif

.macro function name
	.section .text.vmi_\name, "ax"
	.globl vmi_\name
vmi_\name:
.endm

/* A call that enters the monitor, and one with arguments on the stack. */
.macro entering name
	function \name
	pushl %ebx
	movl $.LVMI_CALL_\name, %ebx
	int $ENTRY_VECTOR
	popl %ebx
	ret
.endm

.macro entering5 name
	function \name
	pushl %ebx
	pushl %esi
	pushl %edi
	movl 16(%esp), %esi
	movl 20(%esp), %edi
	movl $.LVMI_CALL_\name, %ebx
	int $ENTRY_VECTOR
	popl %edi
	popl %esi
	popl %ebx
	ret
.endm

/* Calls that need a few bytes, in line and as a function. */
.macro getting name, from
	function \name
	movl \from, %eax
	ret

	template \name, changes=0
	movl \from, %eax
	end_template
.endm

/* The last argument, in register or a constant, is stored; for another there is no use. */
.macro storing name, register, to, last, ignored
	function \name
	movl \register, \to
	ret

	template \name, \ignored register, changes=0
	movl \register, \to
	end_template

	template \name, \ignored constant, changes=0
	movl $0, \to
	hole IMM32, \last
	end_template
.endm

/* Nothing is to be done. */
.macro nothing name, argument
	function \name
	ret

	template \name, \argument, changes=0
	end_template
.endm

/* ---- Init, get_reloc ---- */

	.globl rom_promises
	.set rom_promises, VROM_PROMISES_RELOC

	.section .text.rom_init, "ax"
	.globl rom_init
rom_init:
	pushl %ebx
	movl $ENTRY_INIT, %ebx
	int $ENTRY_VECTOR
	popl %ebx
	ret

/* IRET is in the monitor's pages, where the monitor knows each of its instructions by its address. */
	.section .text.rom_get_reloc, "ax"
	.globl rom_get_reloc
rom_get_reloc:
	cmpl $.LVMI_CALL_IRET, %eax
	jne rom_answer
	movl $RING1_CODE, %eax
	movl $VMI_RELOCATION_CALL_REL, %edx
	ret

/* ---- Interrupts ---- */

	function EnableInterrupts
	ENABLE
#ifdef MONITOR_SIGN
	js deliver
#endif
	ret

	function DisableInterrupts
	DISABLE
	ret

/* The byte and not the word: a processor that has just stored the byte would have to wait to load the word. */
	function GetInterruptMask
	movb %ss:INTERRUPT_FLAG, %ah
	andl $VMI_MASK_ENABLED, %eax
	ret

	function SetInterruptMask
#ifdef MONITOR_SIGN
	testb $FLAG_ENABLED, %ah
	jz vmi_DisableInterrupts
	jmp vmi_EnableInterrupts

deliver:
	pushl %ebx
	movl $ENTRY_DELIVER, %ebx
	int $ENTRY_VECTOR
	popl %ebx
	ret
#else
	movb %ah, %ss:INTERRUPT_FLAG
	ret
#endif

#ifdef MONITOR_SIGN
	template DisableInterrupts, changes=VROM_FLAGS
#else
	template DisableInterrupts, changes=0
#endif
	DISABLE
	end_template

	template GetInterruptMask, changes=0
	movb %ss:INTERRUPT_FLAG, %ah
	end_template

#ifndef MONITOR_SIGN
	template EnableInterrupts, changes=0
	ENABLE
	end_template

	template SetInterruptMask, register, changes=0
	movb %ah, %ss:INTERRUPT_FLAG
	end_template
#else
	template EnableInterrupts, changes=VROM_FLAGS
	ENABLE
	js . - 1
	end_template
#endif

	entering SYSEXIT
	entering Halt
	entering Reboot
	entering Shutdown
	entering SetIOPLMask

/* ---- Processor ---- */

/* What the guest cannot have: in place of its own system call instructions, int; no APIC, which it would reach past us; nothing
 * that needs CR4 bits or MSRs that are the monitor's. */
#define HIDE_EDX ((1 << 7) + (1 << 9) + (1 << 11) + (1 << 12) + (1 << 14) + (1 << 16) + (1 << 21) + (1 << 22) + (1 << 29))
#define HIDE_ECX ((1 << 2) + (1 << 3) + (1 << 5) + (1 << 6) + (1 << 7) + (1 << 8) + (1 << 15) + (1 << 17) + (1 << 21) + \
		  (1 << 24))
#define HIDE_EXTENDED_EDX ((1 << 11) + (1 << 27) + (1 << 29))
#define HIDE_EXTENDED_ECX (1 << 2)

	function CPUID
	cmpl $1, %eax
	je 1f
	cmpl $0x80000001, %eax
	je 2f
	cmpl $5, %eax            /* monitor and mwait */
	je 3f
	cmpl $7, %eax
	je 3f
	cmpl $0xa, %eax          /* performance counters */
	je 3f
	cpuid
	ret
1:	cpuid
	andl $~HIDE_EDX, %edx
	andl $~HIDE_ECX, %ecx
	ret
2:	cpuid
	andl $~HIDE_EXTENDED_EDX, %edx
	andl $~HIDE_EXTENDED_ECX, %ecx
	ret
3:	xorl %eax, %eax
	xorl %ebx, %ebx
	xorl %ecx, %ecx
	xorl %edx, %edx
	ret

	entering WRMSR
	entering RDMSR
	entering SetGDT
	entering SetLDT
	entering SetIDT
	entering SetTR
	entering GetGDT
	entering GetLDT
	entering GetIDT
	entering GetTR
	entering5 WriteGDTEntry
	entering5 WriteIDTEntry
	entering SetCR0
	entering SetCR3
	entering SetCR4
	entering SetDR
	entering GetDR
	entering CLTS
	getting GetCR0, SHARED_CR0
	getting GetCR2, SHARED_CR2
	getting GetCR3, SHARED_CR3
	getting GetCR4, SHARED_CR4

	storing SetCR2, %eax, SHARED_CR2, 1
	storing UpdateKernelStack, %edx, TASK_ESP1, 2, "any,"
	nothing WBINVD           /* memory and caches agree as they are */
	nothing IODelay

/* The LDT in use is the monitor's to know about. Linux writes a whole one for each process that is forked and has one. */
	function WriteLDTEntry
	cmpl SHARED_LDT, %eax
	je enter_WriteLDTEntry
	leal (%eax,%edx,8), %eax
	movl %ecx, (%eax)
	movl 4(%esp), %edx
	movl %edx, 4(%eax)
	ret
enter_WriteLDTEntry:
	pushl %ebx
	pushl %esi
	movl 12(%esp), %esi
	movl $.LVMI_CALL_WriteLDTEntry, %ebx
	int $ENTRY_VECTOR
	popl %esi
	popl %ebx
	ret

#include "pages.S"

/* ---- Ports: the monitor lets through what it does ---- */

	provide INB
	provide INW
	provide INL
	provide INSB
	provide INSW
	provide INSL
	provide OUTB
	provide OUTW
	provide OUTL
	provide OUTSB
	provide OUTSW
	provide OUTSL

/* In line: by a port in DX, by a constant below 256, and by any other, for which EDX is free. */
.macro ports suffix, SUFFIX, register
	template IN\SUFFIX, register, changes=0
	in\suffix %dx, \register
	end_template

	template IN\SUFFIX, constant, changes=0
	in\suffix $0, \register
	hole PORT, 1
	end_template

	template IN\SUFFIX, constant, changes=VROM_EDX
	movl $0, %edx
	hole IMM32, 1
	in\suffix %dx, \register
	end_template

	template OUT\SUFFIX, register, register, changes=0
	out\suffix \register, %dx
	end_template

	template OUT\SUFFIX, register, constant, changes=0
	out\suffix \register, $0
	hole PORT, 2
	end_template

	template OUT\SUFFIX, register, constant, changes=VROM_EDX
	movl $0, %edx
	hole IMM32, 2
	out\suffix \register, %dx
	end_template
.endm
	ports b, B, %al
	ports w, W, %ax
	ports l, L, %eax

/* ---- APIC, time ---- */

	entering APICWrite
	entering APICRead
	entering5 SetAlarm
	entering CancelAlarm
	entering GetWallclockTime

	function GetCycleFrequency
	movl SHARED_HZ, %eax
	movl SHARED_HZ + 4, %edx
	ret

	function GetCycleCounter
	cmpl $VMI_CYCLES_AVAILABLE, %eax
	ja 1f                    /* nobody takes time from the one guest that there is */
	rdtsc
	subl SHARED_TSC, %eax
	sbbl SHARED_TSC + 4, %edx
	ret
1:	xorl %eax, %eax
	xorl %edx, %edx
	ret

	template GetCycleCounter, constant, changes=VROM_ECX + VROM_FLAGS
	guard 1, VMI_CYCLES_REAL, ~(VMI_CYCLES_REAL + VMI_CYCLES_AVAILABLE)
	movl $SHARED_TSC, %ecx
	rdtsc
	subl (%ecx), %eax
	sbbl 4(%ecx), %edx
	end_template

	template GetCycleCounter, constant, changes=VROM_FLAGS
	guard 1, VMI_CYCLES_STOLEN
	xorl %eax, %eax
	xorl %edx, %edx
	end_template

	function WallclockUpdated
	xorl %eax, %eax
	ret

	template WallclockUpdated, changes=VROM_FLAGS
	xorl %eax, %eax
	end_template
