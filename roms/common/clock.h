/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef ROM_CLOCK_H
#define ROM_CLOCK_H

#include "machine.h"
#include "rom.h"

#define PIT_HZ 1193182
#define PIT_CHANNEL0 0x40
#define PIT_CHANNEL2 0x42
#define PIT_CONTROL 0x43

/* Cycles since Init. */
static inline uint64_t rom_cycles(const struct rom_ram *ram)
{
	return rdtsc() - ram->start;
}

/* The same, with a look at an alarm that runs in steps. */
uint64_t rom_cycles_looked_after(void);
/* Stops the steps of a one-shot alarm that has been reached. */
void rom_alarm_reached(struct rom_ram *ram);
/* The local APIC's timer at work, or NULL if the guest has no use for it. Fills in apic and apic_rate. */
volatile uint32_t *rom_apic(struct rom_ram *ram);

/* The local APIC's timer: indices of 32-bit registers. */
#define APIC_LVTT (0x320 / 4)
#define APIC_INITIAL (0x380 / 4)
#define APIC_CURRENT (0x390 / 4)
#define APIC_DIVIDE (0x3e0 / 4)
#define APIC_DIVIDE_BY_16 3
#define APIC_LVTT_PERIODIC 0x20000
#define APIC_LVTT_MODE 0x60000

/* The calls, in the convention of VMI: built with -mregparm=3. */
int rom_init(void);
uint64_t native_GetCycleFrequency(void);
uint64_t native_GetCycleCounter(uint32_t counter);
void native_SetAlarm(uint32_t flags, uint32_t expiry_low, uint32_t expiry_high, uint32_t period_low,
		     uint32_t period_high);
uint32_t native_CancelAlarm(uint32_t flags);
uint64_t native_GetWallclockTime(void);
uint32_t native_WallclockUpdated(void);
void native_SetLinearMapping(uint32_t slot, uint32_t address, uint32_t pages, uint32_t frame);
#endif
