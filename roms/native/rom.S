/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The native ROM: what a guest in ring 0 gains by calling. It gains nothing where the processor does in one
 * instruction what is asked for, so those sites stay native. What it cannot leave native is the way out of
 * the kernel; what it gains is a clock.
 */
#include "rom.h"

	provide IRET
	provide SYSEXIT
	provide GetCycleFrequency
	provide GetCycleCounter
	provide SetAlarm
	provide CancelAlarm
	provide GetWallclockTime
	provide WallclockUpdated
	provide SetLinearMapping /* where to look for the local APIC */

/* In line, these two are what they are natively, and a guest whose sites have room for templates pays nothing for
 * the checks of iret.S: a frame that faults does so at the site. */
	template IRET, changes=0
	iret
	end_template

	template SYSEXIT, register, register, changes=0
	sti
	sysexit
	end_template

/* What it counts is the processor's time stamp less that of Init. While an alarm is to be looked after, it borrows
 * (common/rom.h), and the rest is done in the ROM. */
	template GetCycleCounter, constant, changes=VROM_ECX + VROM_FLAGS
	guard 1, VMI_CYCLES_REAL, ~(VMI_CYCLES_REAL + VMI_CYCLES_AVAILABLE)
	movl $ROM_RAM_ZERO, %ecx
	hole ROM
	rdtsc
	subl (%ecx), %eax
	sbbl 4(%ecx), %edx
	jnc 1f
	call rom_cycles_looked_after
	hole REL
1:
	end_template

	template GetCycleCounter, constant, changes=VROM_FLAGS
	guard 1, VMI_CYCLES_STOLEN
	xorl %eax, %eax
	xorl %edx, %edx
	end_template
