/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef ROM_H
#define ROM_H

/*
 * What the files of a ROM share.
 *
 * A ROM consists of functions vmi_NAME, one for each call that it provides; get_reloc answers CALL_REL for
 * those and NONE for the others. native_NAME in functions.S, iret.S, alarm.c, time.c and apic.c are what
 * bare hardware does, for a ROM to use. The code runs wherever the BIOS put the ROM and wherever the guest
 * sees it, so it may hold no address: vrom build checks that.
 *
 * The ROM is read only while the guest runs. Its memory is a kilobyte below 640 KiB, which bios.S takes
 * from the BIOS. The guest sees it as far from the ROM as it physically is: VMI guests map the first
 * megabyte in one piece.
 */
#include <vmi/abi.h>
#include <vmi/calls.h>
#include <vmi/rom.h>
#include <vrom/template.h>

#define ROM_RAM_KIB 1
#define ROM_RAM_ZERO 316 /* struct rom_ram: zero */

#ifdef __ASSEMBLER__

/* Defines vmi_NAME as native_NAME. With ROM_COUNTS it is counted first. */
.macro provide name
	.section .text.vmi_\name, "ax"
	.globl vmi_\name
vmi_\name:
#ifdef ROM_COUNTS
	pushl $4 * .LVMI_CALL_\name
	call rom_count
#endif
	jmp native_\name
.endm

#include "template.h"

#else
#include <stddef.h>
#include <stdint.h>

struct rom_alarm {
	uint32_t flags;           /* as SetAlarm got them */
	uint8_t armed, periodic;
	uint8_t repeats;          /* one-shot, but too far for the timer, which therefore runs in steps */
	uint64_t expiry;          /* of a one-shot alarm, in cycles */
};

struct rom_mapping {
	uint32_t address, pages, frame;
};

/* The ROM's memory; zero when the guest starts. The counters are first because assembly uses them. */
struct rom_ram {
	uint32_t counters[VMI_CALL_COUNT];
	uint32_t entered;         /* Init was called */
	uint32_t khz;             /* of the cycle counter, which is the TSC less start */
	uint32_t pit_rate;        /* ticks of the interval timer per cycle, times 2^32 */
	uint32_t apic_rate;       /* the same of the local APIC's timer; 0: not known yet */
	volatile uint32_t *apic;  /* where the guest sees the local APIC; NULL: not known yet */
	uint64_t zero;            /* start; or while an alarm runs in steps, more than the TSC ever is: code in line sees by the
				   * borrow that the alarm must be looked after */
	uint64_t start;
	uint64_t wallclock;       /* ns since 1970 at start */
	struct rom_alarm alarm;
	struct rom_mapping mappings[VMI_LINEAR_MAP_SLOTS];
};
_Static_assert(offsetof(struct rom_ram, zero) == ROM_RAM_ZERO, "rom_ram.zero has moved");
_Static_assert(sizeof(struct rom_ram) <= ROM_RAM_KIB * 1024, "the ROM's memory is too small");

/* NULL if the BIOS did not call the ROM, so that there is none. */
struct rom_ram *rom_ram(void);
#endif
#endif
