/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Time. The time stamp counter is the clock of everything; its speed is measured once, by channel 2 of the machine's
 * interval timer. Channel 0 is the monitor's alarm clock: it counts to the next moment at which something is to be done for
 * the guest, or as far as it can.
 */
#include "monitor.h"

#define CHANNEL0 0x40
#define CHANNEL2 0x42
#define CONTROL 0x43
#define CHANNEL0_STOP 0x30    /* low and high byte, mode 0: without a count it waits */
#define CHANNEL0_RATE 0x34    /* mode 2: again and again */
#define CHANNEL2_ONCE 0xb0
#define CHANNEL2_LATCH 0x80
#define PORT_B 0x61           /* of channel 2: bit 0 its gate, bit 1 the speaker, bit 5 its output */
#define PORT_B_GATE 0x01
#define PORT_B_OUT 0x20

uint64_t time_tsc;
uint32_t time_khz;

static uint64_t wall_tsc;     /* when the real-time clock was read, */
static uint64_t wall_ns;      /* and what it said */
static uint64_t timer_tsc;    /* when the machine's timer interrupts next; 0: it does not */
static uint64_t timer_period;

uint64_t time_now(void)
{
	return rdtsc() - time_tsc;
}

/* ---- Deadlines ---- */

#define TIMER_MOST 0xffff     /* 54.9 ms */
#define TIMER_LEAST 60        /* 50 us */

static void timer_set(uint8_t mode, uint32_t count)
{
	outb(CONTROL, mode);
	timer_tsc = 0;
	if (mode == CHANNEL0_STOP)
		return;
	outb(CHANNEL0, (uint8_t)count);
	outb(CHANNEL0, (uint8_t)(count >> 8));
	timer_period = divide(count * (time_khz * 500ull), PIT_HZ / 2, NULL);
	timer_tsc = rdtsc() + timer_period;
}

/*
 * To set the timer is dear, so one that runs already and comes no later, or a little, is left alone. It runs on after it has
 * come: a guest's period needs it set once, and an interrupt that an emulator forgets (QEMU's translator may, in a guest's
 * loop of two instructions) comes again.
 */
void time_run(void)
{
	uint64_t now = time_now(), next, alarm, count = TIMER_MOST, slack = time_khz / 20;

	alarm = alarm_run(now);
	next = pit_run(now);
	if (alarm < next)
		next = alarm;
	/* A guest that does not call goes to a program with its own IRET, and an interrupt that waits needs us to come. */
	if (!guest.entered && next > now + time_khz && (pic_waiting() || apic_waiting()))
		next = now + time_khz;
	if (next == ~0ull) {
		if (timer_tsc)
			timer_set(CHANNEL0_STOP, 0);
		return;
	}
	next = next > now ? next - now : 0;
	now += time_tsc;
	if (timer_tsc > now && timer_tsc - now <= next + slack && next < timer_period * 2)
		return;
	/* Rounded up: it must not come before what it comes for. */
	if (next < (uint64_t)time_khz * 54)
		count = divide(next * (PIT_HZ / 2), time_khz * 500, NULL) + 1;
	if (count < TIMER_LEAST)
		count = TIMER_LEAST;
	timer_set(CHANNEL0_RATE, (uint32_t)count);
}

void time_interrupt(void)
{
	uint64_t now = rdtsc();

	/* If the machine stood still for long, it is set anew. */
	if (now - timer_tsc > timer_period * 16)
		timer_tsc = 0;
	while (timer_tsc && timer_tsc <= now)
		timer_tsc += timer_period;
	time_run();
}

void time_reset(void)
{
	time_tsc = rdtsc();
}

/* ---- The speed of the time stamp counter ---- */

#define MEASURED_TICKS (PIT_HZ / 1000 * 20) /* of it, 1 us is 0.005 % */
#define SAMPLES 16
#define ATTEMPTS 20
#define PATIENCE (1ull << 32) /* cycles: half a second and more */
#define MOST_KHZ 8000000u     /* time_khz * 500 has 32 bits */

/* Counter and timer at one moment. Of several the one that took least, as something else held it up least. */
static uint64_t sample(uint32_t *ticks)
{
	uint64_t shortest = ~0ull, tsc = 0;

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
		tsc = before + took / 2;
		*ticks = 0xffff - count;
	}
	return tsc;
}

/* 0: it cannot be measured. An attempt is lost if the count ended while we were not running, so that its output is up. */
static uint32_t measure(void)
{
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		uint32_t first = 0, last = 0;
		uint64_t start, cycles;

		outb(CONTROL, CHANNEL2_ONCE);
		outb(CHANNEL2, 0xff);
		outb(CHANNEL2, 0xff);
		start = sample(&first);
		do
			cycles = sample(&last) - start;
		while (last - first < MEASURED_TICKS && cycles < PATIENCE);
		if (cycles < PATIENCE && !(inb(PORT_B) & PORT_B_OUT))
			return (uint32_t)divide(cycles * PIT_HZ, (last - first) * 1000, NULL);
	}
	return 0;
}

/* ---- The real-time clock ---- */

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_STATUS_A 0x0a    /* bit 7: it is about to be updated, for 2 ms at most */
#define CMOS_PATIENCE 20000
#define CMOS_STATUS_B 0x0b    /* bit 2: binary */

static uint32_t cmos(uint8_t index)
{
	outb(CMOS_INDEX, index);
	return inb(CMOS_DATA);
}

/* Seconds since 1970, in this century, of a clock with 24 hours a day. */
static uint32_t read_rtc(void)
{
	enum { SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, FIELDS };
	static const uint8_t index[FIELDS] = { 0, 2, 4, 7, 8, 9 };
	uint32_t field[FIELDS], years, months, days;

	for (unsigned i = 0; i < CMOS_PATIENCE && (cmos(CMOS_STATUS_A) & 0x80); i++)
		;
	for (unsigned i = 0; i < FIELDS; i++)
		field[i] = cmos(index[i]);
	for (unsigned i = 0; i < FIELDS && !(cmos(CMOS_STATUS_B) & 4); i++)
		field[i] = (field[i] >> 4) * 10 + (field[i] & 15);

	/* Years that begin in March have their odd day at the end. */
	months = (field[MONTH] + 9) % 12;
	years = 2000 + field[YEAR] - (months > 9);
	days = years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + field[DAY] - 1 - 719468;
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
	outb(PORT_B, PORT_B_GATE);
	time_khz = measure();
	if (!time_khz || time_khz > MOST_KHZ)
		monitor_fail("the speed of the time stamp counter cannot be measured by the interval timer");
	wall_ns = (uint64_t)read_rtc() * VMI_WALLCLOCK_HZ;
	wall_tsc = rdtsc();
	timer_set(CHANNEL0_STOP, 0);
	time_reset();
}
