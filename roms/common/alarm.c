/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Alarms. The interrupt goes from the timer to the guest, past the ROM, so a timer is programmed once and
 * has to do right by itself: the interval timer for an alarm that is wired to IRQ 0, the local APIC's for
 * one that is wired to its LVTT. A guest that wants the latter but hides its APIC gets the former.
 *
 * The interval timer counts to 65536, 54.9 ms. For more it runs in equal steps, the last of which is the
 * alarm: the guest sees interrupts that are early, and by the counter that they are. A periodic alarm starts
 * when it is set, one period before the first interrupt.
 *
 * There is one alarm: real and available time are the same, and so is the timer.
 */
#include "clock.h"

#define CHANNEL0_ONCE 0x30       /* low and high byte, mode 0: up at the end */
#define CHANNEL0_PERIODIC 0x34   /* mode 2 */
#define PIT_MOST 0x10000
#define PIT_LEAST 2              /* what mode 2 can count */

static void pit_program(uint8_t control, uint32_t count)
{
	outb(PIT_CONTROL, control);
	outb(PIT_CHANNEL0, (uint8_t)count);
	outb(PIT_CHANNEL0, (uint8_t)(count >> 8));
}

/* A channel in mode 0 that has no count yet waits. Emulations that let it go on counting have the count
 * before it, the longest. */
static void pit_stop(void)
{
	pit_program(CHANNEL0_ONCE, PIT_MOST);
	outb(PIT_CONTROL, CHANNEL0_ONCE);
}

static void set_repeats(struct rom_ram *ram, int repeats)
{
	ram->alarm.repeats = (uint8_t)repeats;
	ram->zero = repeats ? UINT64_MAX : ram->start;
}

static void stop(struct rom_ram *ram)
{
	if (!ram->alarm.armed)
		return;
	ram->alarm.armed = 0;
	set_repeats(ram, 0);
	if (ram->apic && (ram->alarm.flags & VMI_ALARM_WIRED_LVTT))
		ram->apic[APIC_INITIAL] = 0;
	else
		pit_stop();
}

/* An alarm after so many cycles. */
static void start(struct rom_ram *ram, uint64_t cycles)
{
	volatile uint32_t *apic = ram->alarm.flags & VMI_ALARM_WIRED_LVTT ? rom_apic(ram) : NULL;
	uint64_t ticks = scale(cycles, apic ? ram->apic_rate : ram->pit_rate);
	uint32_t count, most = apic ? 0xffffffff : PIT_MOST;
	int periodic = ram->alarm.periodic;

	/* So long that 32 bits of ticks do not hold it: it runs in steps of the longest kind. */
	count = ticks >> 32 ? most : (uint32_t)ticks;
	if (count < PIT_LEAST)
		count = PIT_LEAST;
	set_repeats(ram, (count > most || ticks >> 32) && !periodic);
	if (count > most) {
		uint32_t steps = (count - 1) / most + 1;

		count = (count - 1) / steps + 1;
	}
	periodic |= ram->alarm.repeats;
	ram->alarm.armed = 1;
	if (!apic) {
		pit_program(periodic ? CHANNEL0_PERIODIC : CHANNEL0_ONCE, count);
		return;
	}
	/* Vector and mask are the guest's. */
	apic[APIC_LVTT] = (apic[APIC_LVTT] & ~APIC_LVTT_MODE) | (periodic ? APIC_LVTT_PERIODIC : 0);
	apic[APIC_DIVIDE] = APIC_DIVIDE_BY_16;
	apic[APIC_INITIAL] = count;
}

void rom_alarm_reached(struct rom_ram *ram)
{
	uint32_t flags = interrupts_off();

	if (ram->alarm.repeats && rom_cycles(ram) >= ram->alarm.expiry)
		stop(ram);
	interrupts_as_before(flags);
}

void native_SetAlarm(uint32_t flags, uint32_t expiry_low, uint32_t expiry_high, uint32_t period_low,
		     uint32_t period_high)
{
	struct rom_ram *ram = rom_ram();
	uint64_t period = (uint64_t)period_high << 32 | period_low;
	uint64_t expiry = (uint64_t)expiry_high << 32 | expiry_low;
	uint64_t now;
	uint32_t interrupts;

	if ((flags & VMI_ALARM_COUNTER_MASK) >= VMI_ALARM_COUNTERS)
		return;
	interrupts = interrupts_off();
	stop(ram);
	ram->alarm.flags = flags;
	ram->alarm.expiry = expiry;
	ram->alarm.periodic = (flags & VMI_ALARM_PERIODIC) && period != 0;
	now = rom_cycles(ram);
	start(ram, ram->alarm.periodic ? period : expiry > now ? expiry - now : 0);
	interrupts_as_before(interrupts);
}

/* 1: it was armed, and will not come (again). */
uint32_t native_CancelAlarm(uint32_t flags)
{
	struct rom_ram *ram = rom_ram();
	uint32_t interrupts = interrupts_off(), pending = 0;

	if (ram->alarm.armed && !((flags ^ ram->alarm.flags) & VMI_ALARM_COUNTER_MASK)) {
		pending = ram->alarm.periodic || rom_cycles(ram) < ram->alarm.expiry;
		stop(ram);
	}
	interrupts_as_before(interrupts);
	return pending;
}
