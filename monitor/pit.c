/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The guest's interval timer. Nothing of it runs: what a counter holds and whether its output is up is calculated from
 * the time when somebody asks. Time is in ticks since the reset, and remainders are kept, so nothing drifts.
 *
 * A guest that counts ticks keeps time: periods of channel 0 that ended while the guest had not ended the interrupt of an
 * earlier one are owed to it, and follow as soon as it has, but not more than a second's.
 *
 * Counts are binary, and written and read as two bytes, the low one first. There is no read-back command.
 */
#include "monitor.h"

#define CONTROL 0x43
#define PORT_B 0x61           /* of channel 2: bit 0 its gate, bit 1 the speaker, bit 5 its output; bit 4 is up and down */
#define REFRESH 16            /* so many ticks each, about 15 us */
#define HALF_HZ (PIT_HZ / 2)  /* a tick is khz * 500 / HALF_HZ cycles */
#define CYCLES_MOST (1ull << 43) /* between two times that somebody asks; more are forgotten */

static struct channel {
	uint8_t mode;
	uint8_t low;                /* the byte that was written first */
	bool write_high, read_high; /* of two bytes the second comes next */
	uint8_t latched;            /* bytes that are still to be read of latch */
	uint16_t latch;
	bool gate, fired;
	bool running;               /* elapsed since start; else it stands where stopped says */
	uint32_t reload;            /* 1-65536 */
	uint64_t start, stopped;
} channels[3];
static uint8_t port_b;
static uint32_t owed;

/* ---- The clock ---- */

static uint64_t ticks, cycles; /* at one moment, the last that anybody asked for, */
static uint32_t rest;          /* and what is left, in HALF_HZths of a cycle */

static void clock(uint64_t now)
{
	uint64_t passed = now > cycles ? now - cycles : 0;

	cycles = now;
	if (passed > CYCLES_MOST)
		passed = CYCLES_MOST;
	ticks += divide(passed * HALF_HZ + rest, time_khz * 500, &rest);
}

/* ---- A channel ---- */

static bool periodic(const struct channel *channel)
{
	return channel->mode == 2 || channel->mode == 3;
}

static uint64_t elapsed(const struct channel *channel)
{
	return channel->running ? ticks - channel->start : channel->stopped;
}

/* Ticks since the period began. */
static uint32_t phase(const struct channel *channel)
{
	uint32_t value;

	divide(elapsed(channel), channel->reload, &value);
	return value;
}

static uint16_t count(const struct channel *channel)
{
	if (channel->mode == 3)
		return (channel->reload - 2 * phase(channel) % channel->reload) & 0xfffe;
	return (uint16_t)(channel->reload - (channel->mode == 2 ? phase(channel) : elapsed(channel)));
}

static bool out(const struct channel *channel)
{
	if (channel->mode == 3)
		return phase(channel) < (channel->reload + 1) / 2;
	return channel->mode == 2 || elapsed(channel) >= channel->reload;
}

/* Modes 1 and 5 wait for their gate to go up. */
static void load(struct channel *channel, uint32_t value)
{
	channel->reload = value ? value : 0x10000;
	channel->fired = false;
	channel->start = ticks;
	channel->stopped = 0;
	channel->running = channel->gate && channel->mode != 1 && channel->mode != 5;
}

/* A count stands while its gate is down; a periodic one then begins again. */
static void set_gate(struct channel *channel, bool gate)
{
	if (gate && !channel->gate) {
		channel->start = ticks - channel->stopped;
		channel->running = true;
	} else if (!gate) {
		channel->stopped = periodic(channel) ? 0 : elapsed(channel);
		channel->running = false;
	}
	channel->gate = gate;
}

static void control(uint8_t value)
{
	unsigned number = value >> 6, mode = value >> 1 & 7;

	if (number == 3)
		return;
	if (!(value & 0x30)) {
		channels[number].latch = count(&channels[number]);
		channels[number].latched = 2;
		channels[number].read_high = false;
	} else {
		channels[number] = (struct channel){
			.mode = (uint8_t)(mode > 5 ? mode - 4 : mode), .gate = channels[number].gate, .reload = 0x10000,
		};
		if (!number)
			owed = 0;
	}
}

static uint8_t read_channel(struct channel *channel)
{
	uint16_t value = channel->latched ? channel->latch : count(channel);

	channel->read_high = !channel->read_high;
	if (channel->latched)
		channel->latched--;
	return (uint8_t)(channel->read_high ? value : value >> 8);
}

static void write_channel(struct channel *channel, uint8_t value)
{
	if (channel->write_high)
		load(channel, (uint32_t)value << 8 | channel->low);
	channel->write_high = !channel->write_high;
	channel->low = value;
}

uint8_t pit_port_read(uint16_t port)
{
	clock(time_now());
	if (port < CONTROL)
		return read_channel(&channels[port & 3]);
	if (port == CONTROL)
		return 0xff;
	return port_b | (ticks & REFRESH ? 0x10 : 0) | (out(&channels[2]) ? 0x20 : 0);
}

void pit_port_write(uint16_t port, uint8_t value)
{
	pit_run(time_now());
	if (port == PORT_B) {
		port_b = value & 0x0f;
		set_gate(&channels[2], value & 1);
	} else if (port == CONTROL) {
		control(value);
	} else {
		write_channel(&channels[port & 3], value);
		time_run();
	}
}

/* ---- Channel 0 interrupts ---- */

uint64_t pit_run(uint64_t now)
{
	struct channel *channel = &channels[0];
	uint32_t most = PIT_HZ / channel->reload + 1;
	uint64_t all;

	clock(now);
	if (!channel->running)
		return ~0ull;
	all = divide(elapsed(channel), channel->reload, NULL);
	if (periodic(channel)) {
		channel->start += all * channel->reload;
		all += owed;
		owed = all > most ? most : (uint32_t)all;
		if (owed && !pic_busy(0)) {
			owed--;
			pic_raise(0);
		}
	} else {
		if (all && !channel->fired)
			pic_raise(0);
		channel->fired = all;
	}
	/* A period that ends while an interrupt is under way needs no attention before the guest has ended that. */
	if (channel->fired || (periodic(channel) && pic_busy(0)))
		return ~0ull;
	all = channel->start + channel->reload - ticks;
	return cycles + divide(all * (time_khz * 500) - rest + HALF_HZ - 1, HALF_HZ, NULL);
}

/* As a BIOS leaves it: channel 0 runs at its slowest. */
void pit_reset(void)
{
	ticks = rest = owed = 0;
	cycles = time_now();
	port_b = 0;
	for (unsigned i = 0; i < 3; i++) {
		channels[i] = (struct channel){ .mode = 3, .gate = i < 2 };
		load(&channels[i], 0);
	}
}
