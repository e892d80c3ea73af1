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
	template IRET, 0
	iret
	end_template

	template SYSEXIT, 0
	sti
	sysexit
	end_template
