/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Time. The time stamp counter is the clock of everything; its speed is measured once, by channel 2 of the machine's
 * interval timer. Channel 0 is the monitor's alarm clock: it counts once, to the next moment at which
 * something is to be done for the guest, or as far as it can.
 */
#include "monitor.h"

#define CHANNEL0 0x40
#define CHANNEL2 0x42
#define CONTROL 0x43
#define CHANNEL0_ONCE 0x30    /* low and high byte, mode 0: its output goes up at the end */
#define CHANNEL2_ONCE 0xb0
#define CHANNEL2_LATCH 0x80
#define PORT_B 0x61           /* of channel 2: bit 0 its gate, bit 1 the speaker, bit 5 its output */
#define PORT_B_OUT 0x20

uint64_t time_tsc;
uint32_t time_khz;

static uint64_t wall_tsc;     /* when the real-time clock was read, */
static uint64_t wall_ns;      /* and what it said */
static uint64_t timer_tsc;    /* when the machine's timer interrupts; 0: it does not */

uint64_t time_now(void)
{
	return rdtsc() - time_tsc;
}

/* ---- Deadlines ---- */

#define TIMER_MOST 0xffff     /* 54.9 ms */
#define TIMER_LEAST 2

/*
 * A timer that runs already and comes no later is left alone: to find nothing to do costs less than to set it. Writing
 * a count starts it anew.
 */
void time_run(void)
{
	uint64_t now = time_now(), next, alarm, count = TIMER_MOST;

	pit_run(now);
	alarm_run(now);
	next = pit_next();
	alarm = alarm_next();
	if (alarm < next)
		next = alarm;
	if (next == ~0ull)
		return;
	next = next > now ? next - now : 0;
	now += time_tsc;
	if (timer_tsc > now && timer_tsc - now <= next)
		return;
	/* Rounded up: it must not come before what it comes for. */
	if (next < (uint64_t)time_khz * 54)
		count = divide(next * (PIT_HZ / 2), time_khz * 500, NULL) + 1;
	if (count < TIMER_LEAST)
		count = TIMER_LEAST;
	timer_tsc = now + divide(count * (time_khz * 500ull), PIT_HZ / 2, NULL);
	outb(CHANNEL0, (uint8_t)count);
	outb(CHANNEL0, (uint8_t)(count >> 8));
}

void time_interrupt(void)
{
	timer_tsc = 0;
	time_run();
}

void time_reset(void)
{
	time_tsc = rdtsc();
}

/* ---- The speed of the time stamp counter ---- */

#define MEASURED_TICKS (PIT_HZ / 1000 * 40) /* less than the 54.9 ms that channel 2 counts */
#define SAMPLES 16
#define ATTEMPTS 20
#define PATIENCE (1ull << 32) /* cycles: half a second and more */
#define MOST_KHZ 8000000u     /* time_khz * 500 has 32 bits */

struct sample {
	uint64_t tsc;
	uint32_t ticks;
};

/* Counter and timer at one moment. Of several the one that took least, as something else held it up least. */
static struct sample sample(void)
{
	struct sample best = { 0, 0 };
	uint64_t shortest = ~0ull;

	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t before = rdtsc(), took;
		uint32_t count;

		outb(CONTROL, CHANNEL2_LATCH);
		took = rdtsc() - before;
		count = inb(CHANNEL2);
		count |= (uint32_t)inb(CHANNEL2) << 8;
		if (took >= shortest)
			continue;
		shortest = took;
		best = (struct sample){ before + took / 2, 0xffff - count };
	}
	return best;
}

/* 0: it cannot be measured. */
static uint32_t measure(void)
{
	uint8_t port_b = inb(PORT_B);
	uint32_t khz = 0;

	outb(PORT_B, (port_b & ~2) | 1);
	for (unsigned i = 0; i < ATTEMPTS && !khz; i++) {
		struct sample start, end;
		uint64_t cycles;
		uint32_t ticks;

		outb(CONTROL, CHANNEL2_ONCE);
		outb(CHANNEL2, 0xff);
		outb(CHANNEL2, 0xff);
		start = sample();
		do {
			end = sample();
			cycles = end.tsc - start.tsc;
			ticks = end.ticks - start.ticks;
		} while (ticks < MEASURED_TICKS && cycles < PATIENCE);
		/* If the output is up, the count ended while we were not running. */
		if (ticks >= MEASURED_TICKS && cycles < PATIENCE && !(inb(PORT_B) & PORT_B_OUT))
			khz = (uint32_t)divide(cycles * PIT_HZ + ticks * 500, ticks * 1000, NULL);
	}
	outb(PORT_B, port_b);
	return khz;
}

/* ---- The real-time clock ---- */

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_STATUS_A 0x0a    /* bit 7: it is being updated, for 2 ms at most */
#define CMOS_PATIENCE 20000
#define CMOS_STATUS_B 0x0b    /* bit 1: 24 hours a day, bit 2: binary */
#define CMOS_TRIES 8

static uint32_t cmos(uint8_t index)
{
	outb(CMOS_INDEX, index);
	return inb(CMOS_DATA);
}

/* Seconds since 1970. */
static uint32_t read_rtc(void)
{
	enum { SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, FIELDS };
	static const uint8_t index[FIELDS] = { 0, 2, 4, 7, 8, 9 };
	uint32_t field[FIELDS], second, afternoon, status, years, days, tries = 0;

	do {
		for (unsigned i = 0; i < CMOS_PATIENCE && (cmos(CMOS_STATUS_A) & 0x80); i++)
			;
		for (unsigned i = 0; i < FIELDS; i++)
			field[i] = cmos(index[i]);
		second = field[SECOND];
	} while (second != cmos(index[SECOND]) && tries++ < CMOS_TRIES);
	status = cmos(CMOS_STATUS_B);
	afternoon = status & 2 ? 0 : field[HOUR] & 0x80;
	field[HOUR] &= ~afternoon;
	for (unsigned i = 0; i < FIELDS && !(status & 4); i++)
		field[i] = (field[i] >> 4) * 10 + (field[i] & 15);
	if (!(status & 2))
		field[HOUR] = field[HOUR] % 12 + (afternoon ? 12 : 0);

	field[YEAR] += field[YEAR] < 70 ? 2000 : 1900;
	/* Years that begin in March have their odd day at the end. */
	years = field[MONTH] > 2 ? field[YEAR] : field[YEAR] - 1;
	days = years * 365 + years / 4 - years / 100 + years / 400 +
	       (153 * (field[MONTH] > 2 ? field[MONTH] - 3 : field[MONTH] + 9) + 2) / 5 + field[DAY] - 1 - 719468;
	return ((days * 24 + field[HOUR]) * 60 + field[MINUTE]) * 60 + field[SECOND];
}

uint64_t time_wallclock(void)
{
	uint32_t rest;
	uint64_t ms = divide(rdtsc() - wall_tsc, time_khz, &rest);

	return wall_ns + ms * 1000000 + divide((uint64_t)rest * 1000000, time_khz, NULL);
}

void time_init(void)
{
	time_khz = measure();
	if (!time_khz || time_khz > MOST_KHZ)
		monitor_fail("the speed of the time stamp counter cannot be measured by the interval timer");
	wall_ns = (uint64_t)read_rtc() * VMI_WALLCLOCK_HZ;
	wall_tsc = rdtsc();
	outb(CONTROL, CHANNEL0_ONCE);
	time_reset();
}
