/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Init, the cycle counters and the wall clock. On bare hardware nobody takes time from the guest: real and
 * available cycles are the TSC's, and there are none stolen.
 */
#include "clock.h"

#define PORT_B 0x61              /* of channel 2: bit 0 its gate, bit 1 the speaker, bit 5 its output */
#define CHANNEL2_ONCE 0xb0       /* low and high byte, mode 0 */
#define CHANNEL2_LATCH 0x80
#define MEASURED_TICKS (PIT_HZ / 1000 * 35) /* less than the 54.9 ms that channel 2 counts */
#define TRIES 8
#define ATTEMPTS 20
#define PATIENCE (1ull << 32)    /* cycles: half a second and more */
#define CPUID_TSC 0x10           /* in EDX */

struct sample {
	uint64_t tsc;
	uint32_t ticks;
};

/* TSC and count at one moment. Of several tries the one that took least, as another interrupted it least. */
static struct sample take_sample(void)
{
	struct sample best = { 0, 0 };
	uint32_t shortest = 0xffffffff;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = rdtsc();
		uint32_t count, took;

		outb(PIT_CONTROL, CHANNEL2_LATCH);
		took = (uint32_t)(rdtsc() - before);
		count = inb(PIT_CHANNEL2);
		count |= (uint32_t)inb(PIT_CHANNEL2) << 8;
		if (took < shortest) {
			shortest = took;
			best.tsc = before + took / 2;
			best.ticks = 0xffff - count;
		}
	}
	return best;
}

/* 0 if there is no TSC, or no channel 2 that counts. */
static uint32_t measure_khz(void)
{
	uint32_t eax = 1, ebx, ecx = 0, edx, ticks = 0, rest;
	uint8_t port_b = inb(PORT_B);
	struct sample first, last;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if (!(edx & CPUID_TSC))
		return 0;
	outb(PORT_B, (port_b & ~2) | 1);
	for (int i = 0; i < ATTEMPTS && !ticks; i++) {
		outb(PIT_CONTROL, CHANNEL2_ONCE);
		outb(PIT_CHANNEL2, 0xff);
		outb(PIT_CHANNEL2, 0xff);
		first = take_sample();
		do
			last = take_sample();
		while (last.ticks - first.ticks < MEASURED_TICKS && last.tsc - first.tsc < PATIENCE);
		/* If the output is up, the count ended while we were not running. */
		if (last.ticks - first.ticks >= MEASURED_TICKS && !(inb(PORT_B) & 0x20))
			ticks = last.ticks - first.ticks;
	}
	outb(PORT_B, port_b);
	if (!ticks)
		return 0;
	/* cycles / (ticks / PIT_HZ) / 1000 */
	ticks *= 1000;
	return (uint32_t)divide((last.tsc - first.tsc) * PIT_HZ + ticks / 2, ticks, &rest);
}

/* ---- The real-time clock ---- */

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_STATUS_A 0x0a       /* bit 7: it is being updated, for 2 ms at most */
#define CMOS_PATIENCE 20000
#define CMOS_STATUS_B 0x0b       /* bit 1: 24 hours a day, bit 2: binary */

static uint8_t cmos(uint8_t index)
{
	outb(CMOS_INDEX, index);
	return inb(CMOS_DATA);
}

static uint32_t number(uint8_t value, int binary)
{
	return binary ? value : (value >> 4) * 10u + (value & 15);
}

/* Seconds since 1970. */
static uint32_t read_rtc(void)
{
	uint8_t second, status;
	uint32_t minute, hour, day, month, year, years, days;
	int binary, tries = 0;

	do {
		for (int i = 0; i < CMOS_PATIENCE && (cmos(CMOS_STATUS_A) & 0x80); i++)
			;
		second = cmos(0);
		minute = cmos(2);
		hour = cmos(4);
		day = cmos(7);
		month = cmos(8);
		year = cmos(9);
	} while (second != cmos(0) && tries++ < TRIES);
	status = cmos(CMOS_STATUS_B);
	binary = status & 4;
	minute = number((uint8_t)minute, binary);
	day = number((uint8_t)day, binary);
	month = number((uint8_t)month, binary);
	year = number((uint8_t)year, binary);
	if (status & 2)
		hour = number((uint8_t)hour, binary);
	else
		hour = number(hour & 0x7f, binary) % 12 + (hour & 0x80 ? 12 : 0);

	year += year < 70 ? 2000 : 1900;
	/* Years that begin in March have their odd day at the end. */
	years = month > 2 ? year : year - 1;
	days = years * 365 + years / 4 - years / 100 + years / 400 +
	       (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1 - 719468;
	return ((days * 24 + hour) * 60 + minute) * 60 + number(second, binary);
}

static int start_clock(struct rom_ram *ram)
{
	uint32_t rest;

	ram->khz = measure_khz();
	if (!ram->khz)
		return -1;
	ram->pit_rate = (uint32_t)divide(divide((uint64_t)PIT_HZ << 32, 1000, &rest), ram->khz, &rest);
	ram->wallclock = (uint64_t)read_rtc() * VMI_WALLCLOCK_HZ;
	ram->zero = ram->start = rdtsc();
	return 0;
}

/* ---- Calls ---- */

/* 0: entered. A second time it has nothing to do: a running clock is not set back. */
__attribute__((weak)) int rom_init(void)
{
	struct rom_ram *ram = rom_ram();

	if (!ram)
		return -1;
	if (!ram->entered && start_clock(ram))
		return -1;
	ram->entered = 1;
	return 0;
}

uint64_t native_GetCycleFrequency(void)
{
	return (uint64_t)rom_ram()->khz * 1000;
}

/* With an alarm that runs in steps. */
uint64_t rom_cycles_looked_after(void)
{
	struct rom_ram *ram = rom_ram();

	rom_alarm_reached(ram);
	return rom_cycles(ram);
}

/* As the template of native/rom.S does it. */
uint64_t native_GetCycleCounter(uint32_t counter)
{
	struct rom_ram *ram = rom_ram();
	uint64_t now, cycles;

	if (counter > VMI_CYCLES_AVAILABLE)
		return 0;
	now = rdtsc();
	return __builtin_sub_overflow(now, ram->zero, &cycles) ? rom_cycles_looked_after() : cycles;
}

uint64_t native_GetWallclockTime(void)
{
	struct rom_ram *ram = rom_ram();
	uint32_t rest, unused;
	uint64_t ms = divide(rom_cycles(ram), ram->khz, &rest);

	return ram->wallclock + ms * 1000000 + divide((uint64_t)rest * 1000000, ram->khz, &unused);
}

uint32_t native_WallclockUpdated(void)
{
	return 0;
}
