/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The cycle counters and the wall clock. */
#include "conform.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71

static bool no_timer(void)
{
	if (!have_timer())
		skip("the ROM has no timer");
	return !have_timer();
}

static uint64_t counter(uint32_t n)
{
	return DO(GetCycleCounter, n);
}

CASE(frequency, "GetCycleFrequency", "is more than 1 MHz, and does not change", "4.5")
{
	uint64_t first;

	if (no_timer())
		return;
	first = DO(GetCycleFrequency);
	CHECK(first > 1000000);
	spin(10);
	CHECK(DO(GetCycleFrequency) == first);
}

CASE(rate, "GetCycleCounter", "goes at the frequency that GetCycleFrequency says", "4.5")
{
	uint32_t took = 0;

	if (no_timer())
		return;
	/* spin has been measured by the interval timer. What interrupts it makes it longer only. */
	for (int i = 0; i < 3 && (took < 990 || took > 1020); i++) {
		uint64_t start = now();

		spin(1000);
		took = in_us10(now() - start);
	}
	CHECK(took >= 990 && took <= 1020);
	if (took < 990 || took > 1020)
		note("#   10 ms took %u0 us\n", took);
}

CASE(frequency_rate, "GetCycleFrequency", "is that of the real counter", "4.5")
{
	uint64_t first, cycles, start;
	uint32_t in_10_ms;

	if (no_timer())
		return;
	first = DO(GetCycleFrequency);
	start = now();
	spin(1000);
	cycles = now() - start;
	in_10_ms = divide(first, 100);
	CHECK(cycles >= in_10_ms - in_10_ms / 64 && cycles <= in_10_ms + in_10_ms / 32);
}

CASE(real, "GetCycleCounter", "real time goes on", "4.5")
{
	uint64_t last;

	if (no_timer())
		return;
	last = now();
	for (int i = 0; i < 50; i++) {
		uint64_t next = now();

		CHECK(next > last);
		last = next;
	}
}

CASE(available, "GetCycleCounter", "real is available plus stolen, and neither goes back", "4.5")
{
	uint64_t stolen = 0, available = 0;

	if (no_timer())
		return;
	for (int i = 0; i < 20; i++) {
		uint64_t before = now(), a, s = counter(VMI_CYCLES_STOLEN), after;

		a = counter(VMI_CYCLES_AVAILABLE);
		after = now();
		CHECK(before <= a + s && a + s <= after);
		CHECK(a >= available && s >= stolen);
		available = a;
		stolen = s;
	}
}

CASE(other_counters, "GetCycleCounter", "a counter that does not exist is 0", "3.5")
{
	static const uint32_t numbers[] = { 3, 4, 0xff, 0x100, 0x10000, 0xffffffff };

	if (no_timer())
		return;
	for (unsigned i = 0; i < COUNT(numbers); i++)
		CHECK(counter(numbers[i]) == 0);
}

/* ---- The wall clock ---- */

static uint32_t rtc(uint8_t index)
{
	uint8_t value;

	outb(CMOS_INDEX, index);
	value = inb(CMOS_DATA);
	return (value >> 4) * 10u + (value & 15);
}

CASE(wallclock, "GetWallclockTime", "agrees with the real-time clock", "3.5")
{
	uint64_t ns;
	uint32_t seconds, rest, low, day, difference;

	if (no_timer())
		return;
	ns = DO(GetWallclockTime);
	/* Seconds, modulo 2^32: the quotient of the two fits. */
	low = (uint32_t)ns;
	rest = (uint32_t)(ns >> 32) % VMI_WALLCLOCK_HZ;
	__asm__("divl %2" : "+a"(low), "+d"(rest) : "r"(VMI_WALLCLOCK_HZ));
	seconds = low % 86400;
	day = (rtc(4) * 60 + rtc(2)) * 60 + rtc(0);
	/* Around midnight, too. */
	difference = (day + 86400 - seconds) % 86400;
	CHECK(difference <= 2 || difference >= 86398);
	/* 1 September 2026 and 1 January 2100: whoever runs this lives in between. */
	CHECK(ns >= 1788220800ull * VMI_WALLCLOCK_HZ && ns < 4102444800ull * VMI_WALLCLOCK_HZ);
}

CASE(wallclock_rate, "GetWallclockTime", "goes at 10^9 a second", "3.5")
{
	uint64_t start;
	uint32_t took = 0;

	if (no_timer())
		return;
	for (int i = 0; i < 3 && (took < 9900000 || took > 10200000); i++) {
		start = DO(GetWallclockTime);
		spin(1000);
		took = (uint32_t)(DO(GetWallclockTime) - start);
	}
	CHECK(took >= 9900000 && took <= 10200000);
}

CASE(wallclock_updated, "WallclockUpdated", "is 0 or 1, and 0 when asked again", "3.5")
{
	uint32_t first;

	if (no_timer() || !provided(VMI_CALL_WallclockUpdated))
		return;
	first = (uint32_t)DO(WallclockUpdated);
	CHECK(first <= 1);
	EQUAL((uint32_t)DO(WallclockUpdated), 0);
}
