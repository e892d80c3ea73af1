/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The clock and the alarms, against the interval timer's channel 2. QEMU is to run with -icount, where time is
 * counted in instructions and no other load is felt: then these limits are wide.
 */
#include "guest.h"

#define PIT_HZ 1193182
#define APIC_LVTT (0x320 / 4)
#define APIC_SPURIOUS (0xf0 / 4)

static uint64_t frequency;

static uint64_t now(void)
{
	return call1(VMI_CALL_GetCycleCounter, VMI_CYCLES_REAL);
}

/* Cycles in a hundredth of a millisecond: numbers that 32 bits hold. */
static uint32_t unit(void)
{
	uint32_t low = (uint32_t)frequency, high = (uint32_t)(frequency >> 32);

	__asm__("divl %2" : "+a"(low), "+d"(high) : "r"(100000));
	return low;
}

static uint64_t ms(uint32_t n)
{
	return (uint64_t)unit() * 100 * n;
}

static uint32_t in_us10(uint64_t cycles)
{
	uint32_t low = (uint32_t)cycles, high = (uint32_t)(cycles >> 32);

	__asm__("divl %2" : "+a"(low), "+d"(high) : "r"(unit()));
	return low;
}

/* With interrupts on for so long. Does not ask the ROM, as that may do something about an alarm. */
static void wait_silently(uint32_t n)
{
	uint64_t start, here;

	__asm__ volatile("rdtsc; sti" : "=A"(start));
	do
		__asm__ volatile("rdtsc" : "=A"(here));
	while (here - start < ms(n));
	__asm__ volatile("cli");
}

/* Until the interrupt came so often, or for at most so many ms. Returns how long, in 10 us. */
static uint32_t until(unsigned vector, uint32_t times, uint32_t most)
{
	uint64_t start = now();
	uint32_t first = interrupts[vector];

	while (interrupts[vector] - first < times && now() - start < ms(most)) {
		struct registers r = { 0 };

		if (target(VMI_CALL_Halt))
			invoke(target(VMI_CALL_Halt), &r, 0, 0);
		else
			__asm__ volatile("sti; hlt");
		__asm__ volatile("cli");
	}
	return in_us10(now() - start);
}

static void alarm(uint32_t flags, uint64_t expiry, uint64_t period)
{
	call5(VMI_CALL_SetAlarm, flags, (uint32_t)expiry, (uint32_t)(expiry >> 32), (uint32_t)period,
	      (uint32_t)(period >> 32));
}

static uint32_t cancel(uint32_t flags)
{
	return (uint32_t)call1(VMI_CALL_CancelAlarm, flags);
}

static int near(uint32_t value, uint32_t wanted)
{
	return value >= wanted - wanted / 50 && value <= wanted + wanted / 50 + 5;
}

/* Cycles in 40 ms of channel 2. */
static uint64_t measure(void)
{
	uint8_t port = (inb(0x61) & ~2) | 1;
	uint64_t start, end;

	outb(0x61, port & ~1);
	outb(0x43, 0xb0);
	outb(0x42, (uint8_t)(PIT_HZ / 25));
	outb(0x42, PIT_HZ / 25 >> 8);
	outb(0x61, port);
	start = now();
	while (!(inb(0x61) & 0x20))
		;
	end = now();
	return end - start;
}

static void test_counters(void)
{
	uint64_t before = now(), available = call1(VMI_CALL_GetCycleCounter, VMI_CYCLES_AVAILABLE), after = now();

	frequency = call0(VMI_CALL_GetCycleFrequency);
	ok(frequency > 1000000, "the frequency is %u kHz", unit() * 100);
	ok(near(in_us10(measure()), 4000), "40 ms take 40 ms");
	ok(before <= available && available <= after, "available cycles are real ones");
	ok(call1(VMI_CALL_GetCycleCounter, VMI_CYCLES_STOLEN) == 0, "none are stolen");
	ok(call1(VMI_CALL_GetCycleCounter, 3) == 0, "there is no other counter");
	ok(call0(VMI_CALL_WallclockUpdated) == 0, "the wall clock does not jump");
}

static uint32_t rtc(uint8_t index)
{
	uint8_t value;

	outb(0x70, index);
	value = inb(0x71);
	return (value >> 4) * 10u + (value & 15);
}

static void test_wallclock(void)
{
	uint64_t ns = call0(VMI_CALL_GetWallclockTime), later;
	uint32_t seconds, rest = (uint32_t)(ns >> 32) % 1000000000, low = (uint32_t)ns, day, expected;

	/* Seconds of the day, modulo a day: the quotient of the two fits. */
	__asm__("divl %2" : "+a"(low), "+d"(rest) : "r"(1000000000));
	seconds = low % 86400;
	day = (rtc(4) * 60 + rtc(2)) * 60 + rtc(0);
	expected = day - seconds;
	ok(expected <= 2 || expected >= 86399, "the wall clock agrees with the real-time clock: %u, %u", seconds, day);
	/* 1 September 2026 and 1 January 2100: whoever runs this lives in between. */
	ok(ns >= 1788220800ull * 1000000000 && ns < 4102444800ull * 1000000000, "the year is about right");
	measure();
	later = call0(VMI_CALL_GetWallclockTime);
	ok(near((uint32_t)(later - ns) / 10000, in_us10(measure())), "the wall clock goes at the right rate");
}

static void test_alarms(uint32_t wiring, unsigned vector, const char *name)
{
	uint32_t before, took, steps;
	uint64_t goal;

	say("# alarms wired to %s\n", name);
	ok(cancel(wiring) == 0, "%s: no alarm, nothing to cancel", name);
	before = interrupts[vector];
	alarm(wiring, now() + ms(5), 0);
	took = until(vector, 1, 200);
	ok(near(took, 500), "%s: one shot after 5 ms came after %u0 us", name, took);
	wait_silently(60);
	ok(interrupts[vector] == before + 1, "%s: one shot comes once", name);
	ok(cancel(wiring) == 0, "%s: it has been, so it cannot be cancelled", name);

	alarm(wiring, now() - ms(5), 0);
	took = until(vector, 1, 200);
	ok(took < 50, "%s: one shot in the past came after %u0 us", name, took);
	alarm(wiring | VMI_ALARM_PERIODIC, now() + ms(3), 0);
	before = interrupts[vector];
	wait_silently(20);
	ok(interrupts[vector] == before + 1, "%s: a period of 0 is one shot", name);
	alarm(wiring | VMI_CYCLES_AVAILABLE, now() + ms(5), 0);
	ok(near(until(vector, 1, 200), 500), "%s: by available time", name);
	before = interrupts[vector];
	alarm(wiring | VMI_CYCLES_STOLEN, now() + ms(1), 0);
	wait_silently(10);
	ok(interrupts[vector] == before, "%s: by stolen time there is none", name);

	alarm(wiring, now() + ms(5), 0);
	alarm(wiring, now() + ms(20), 0);
	took = until(vector, 1, 200);
	ok(near(took, 2000), "%s: a second alarm replaces the first, after %u0 us", name, took);
	alarm(wiring, now() + ms(5), 0);
	ok(cancel(wiring | VMI_CYCLES_AVAILABLE) == 0, "%s: another counter's alarm stays", name);
	ok(cancel(wiring) == 1, "%s: one shot is cancelled", name);
	before = interrupts[vector];
	wait_silently(30);
	ok(interrupts[vector] == before, "%s: and does not come", name);

	alarm(wiring | VMI_ALARM_PERIODIC, now(), ms(10));
	took = until(vector, 50, 2000);
	ok(near(took, 50000), "%s: 50 periods of 10 ms took %u0 us", name, took);
	ok(cancel(wiring) == 1, "%s: a periodic alarm is cancelled", name);
	before = interrupts[vector];
	wait_silently(40);
	ok(interrupts[vector] == before, "%s: and does not come any more", name);

	/* Further than the interval timer can count: it may come early, but it must come, and not go on. */
	goal = now() + ms(180);
	alarm(wiring, goal, 0);
	before = interrupts[vector];
	for (steps = 0; now() < goal && steps < 10; steps++)
		until(vector, 1, 1000);
	took = in_us10(now() - goal);
	ok(interrupts[vector] - before == (vector == APIC_VECTOR ? 1 : 4) && took < 100,
	   "%s: one shot after 180 ms came in %u steps, %u0 us late", name, steps, took);
	before = interrupts[vector];
	wait_silently(50);
	ok(interrupts[vector] == before, "%s: and no more", name);
}

void test_timer(void)
{
	volatile uint32_t *apic = (volatile uint32_t *)APIC_VIRTUAL;

	test_counters();
	test_wallclock();
	/* The BIOS has left it ticking. */
	unmask_irq0(1);
	alarm(VMI_ALARM_WIRED_IRQ0, now(), 0);
	wait_silently(60);
	test_alarms(VMI_ALARM_WIRED_IRQ0, IRQ_VECTOR, "IRQ0");

	/* Before the ROM knows where to look, LVTT is served by IRQ 0. */
	alarm(VMI_ALARM_WIRED_LVTT, now() + ms(5), 0);
	ok(near(until(IRQ_VECTOR, 1, 200), 500), "LVTT without a mapping is IRQ0");
	cancel(0);
	unmask_irq0(0);

	call5(VMI_CALL_SetLinearMapping, 0, HIGH, 4096, 0, 0);
	apic[APIC_SPURIOUS] = 0x1ff;
	apic[APIC_LVTT] = APIC_VECTOR;
	test_alarms(VMI_ALARM_WIRED_LVTT, APIC_VECTOR, "LVTT");
	ok((apic[APIC_LVTT] & 0x100ff) == APIC_VECTOR, "the vector in LVTT stays");
}
