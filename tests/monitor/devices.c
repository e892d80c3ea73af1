/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The monitor's models of devices, on a machine that is not there: its time passes when run() says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "monitor.h"

#define KHZ 2345678
#define MS ((uint64_t)KHZ)

static uint64_t tsc;
static uint64_t timer_at;       /* when the machine's timer interrupts, 0: it does not, */
static uint64_t timer_period;   /* and how often then; 0: once */
static uint8_t timer_control;
static uint8_t timer_low, machine_masks[2], machine_isr;
static bool timer_second;
static unsigned timer_interrupts, writes;
static uint32_t last_write;
static uint16_t last_port;
static jmp_buf ended;

struct options options;
struct guest guest = { .entered = true };

uint64_t rdtsc(void)
{
	return tsc;
}

void outb(uint16_t port, uint8_t value)
{
	writes++;
	last_port = port;
	last_write = value;
	if (port == 0x21 || port == 0xa1)
		machine_masks[port >> 7] = value;
	if (port == 0x43 && value < 0x40) {
		timer_control = value;
		timer_at = 0;
		timer_second = false;
	}
	if (port != 0x40)
		return;
	if (timer_second) {
		uint64_t cycles = ((uint64_t)value << 8 | timer_low) * KHZ * 1000 / PIT_HZ + 1;

		timer_at = tsc + cycles;
		timer_period = timer_control == 0x34 ? cycles : 0;
	}
	timer_low = value;
	timer_second = !timer_second;
}

void outw(uint16_t port, uint16_t value)
{
	writes++;
	last_port = port;
	last_write = value;
}

void outl(uint16_t port, uint32_t value)
{
	writes++;
	last_port = port;
	last_write = value;
}

uint8_t inb(uint16_t port)
{
	return port == 0x20 || port == 0xa0 ? machine_isr : 0x5a;
}

uint16_t inw(uint16_t port)
{
	(void)port;
	return 0x5a5a;
}

uint32_t inl(uint16_t port)
{
	(void)port;
	return 0x12345678;
}

void guest_reset(const char *how)
{
	(void)how;
	longjmp(ended, 1);
}

void guest_exit(uint32_t value)
{
	longjmp(ended, (int)(value + 0x100));
}

void guest_power_off(void)
{
	longjmp(ended, 2);
}

void monitor_fail(const char *what, ...)
{
	fail_msg("%s", what);
	longjmp(ended, 3);
}

/* ---- A guest ---- */

static unsigned taken[256];

static void write8(uint16_t port, uint8_t value)
{
	port_write(port, 1, value);
}

/* Takes what waits, and ends it. */
static void serve(void)
{
	while (pic_waiting()) {
		unsigned vector = pic_take();

		taken[vector]++;
		if (vector >= 0x38)
			write8(0xa0, 0x20);
		write8(0x20, 0x20);
	}
}

/* Time passes. The guest takes interrupts, or not. */
static void run(uint64_t cycles, bool serves)
{
	uint64_t end = tsc + cycles;

	while (timer_at && timer_at <= end) {
		if (tsc < timer_at)
			tsc = timer_at;
		timer_at = timer_period ? timer_at + timer_period : 0;
		timer_interrupts++;
		machine_interrupt(0);
		if (serves)
			serve();
	}
	tsc = end;
}

static int setup(void **state)
{
	(void)state;
	tsc += 12345;
	machine_isr = 0xff;
	memset(&options, 0, sizeof options);
	memset(taken, 0, sizeof taken);
	time_khz = KHZ;
	pic_init();
	time_reset();
	pic_reset();
	apic_reset();
	pit_reset();
	alarm_reset();
	ports_reset();
	for (unsigned i = 0; i < 2; i++) {
		uint16_t port = i ? 0xa0 : 0x20;

		write8(port, 0x11);
		write8(port + 1, i ? 0x38 : 0x30);
		write8(port + 1, i ? 2 : 4);
		write8(port + 1, 1);
		write8(port + 1, 0xff);
	}
	timer_interrupts = 0;
	return 0;
}

static void pit(uint8_t control, uint32_t count)
{
	uint16_t port = 0x40 + (control >> 6);

	write8(0x43, control);
	write8(port, (uint8_t)count);
	write8(port, (uint8_t)(count >> 8));
}

static uint32_t pit_count(unsigned channel)
{
	uint32_t count;

	write8(0x43, (uint8_t)(channel << 6));
	count = port_read(0x40 + (uint16_t)channel, 1);
	return count | port_read(0x40 + (uint16_t)channel, 1) << 8;
}

static uint64_t tick_cycles(uint64_t ticks)
{
	return ticks * KHZ * 1000 / PIT_HZ + 1;
}

/* ---- Interrupt controllers ---- */

static void pic_priorities(void **state)
{
	(void)state;
	assert_false(pic_waiting());
	pic_raise(4);
	pic_raise(1);
	pic_raise(12);
	assert_false(pic_waiting());
	write8(0x21, 0);
	assert_true(pic_waiting());
	assert_int_equal(pic_take(), 0x31);
	assert_false(pic_waiting()); /* 4 and the cascade: 2 is behind 1 */
	write8(0x20, 0x61);
	write8(0xa1, 0);
	assert_int_equal(port_read(0x20, 1), 0x14);
	assert_int_equal(pic_take(), 0x3c);
	write8(0x20, 0x0b);
	write8(0xa0, 0x0b);
	assert_int_equal(port_read(0x20, 1), 0x04);
	assert_int_equal(port_read(0xa0, 1), 0x10);
	assert_false(pic_waiting());
	pic_raise(1);
	assert_int_equal(pic_take(), 0x31); /* above the cascade */
	write8(0x20, 0x20);
	write8(0xa0, 0x20);
	assert_false(pic_waiting());
	write8(0x20, 0x20);
	assert_int_equal(pic_take(), 0x34);
	write8(0x20, 0xa0); /* ends it, and does not rotate */
	pic_raise(5);
	pic_raise(3);
	assert_int_equal(pic_take(), 0x33);
	write8(0x20, 0x63);
	assert_int_equal(pic_take(), 0x35);
	write8(0x20, 0x20);
	assert_int_equal(pic_take(), 0x37); /* nothing: spurious, and not in service */
	assert_int_equal(port_read(0x20, 1), 0);
}

static void pic_automatic(void **state)
{
	(void)state;
	write8(0x20, 0x11);
	write8(0x21, 0x40);
	write8(0x21, 4);
	write8(0x21, 3);
	write8(0x21, 0);
	pic_raise(3);
	assert_int_equal(pic_take(), 0x43);
	pic_raise(3);
	assert_int_equal(pic_take(), 0x43);
	assert_false(pic_busy(3));
}

static void machine_lines(void **state)
{
	(void)state;
	assert_int_equal(machine_masks[0], 0xfa);
	write8(0x21, 0);
	write8(0xa1, 0xf7);
	assert_int_equal(machine_masks[0], 0);
	machine_interrupt(4);
	assert_int_equal(machine_masks[0], 0x10);
	machine_interrupt(11);
	assert_int_equal(machine_masks[1], 0xff);
	assert_int_equal(pic_take(), 0x3b);
	write8(0xa0, 0x20);
	assert_int_equal(machine_masks[1], 0xf7);
	write8(0x20, 0x20);
	assert_int_equal(pic_take(), 0x34);
	assert_int_equal(machine_masks[0], 0x10);
	writes = 0;
	write8(0x21, 0x10); /* masked while it is held: nothing to write */
	write8(0x20, 0x64);
	assert_int_equal(writes, 0);
	write8(0x21, 0xff);
	assert_int_equal(machine_masks[0], 0xfa);
	machine_isr = 0;
	machine_interrupt(7);
	machine_interrupt(15);
	assert_false(pic_busy(7) || pic_busy(15));
}

/* ---- The interval timer ---- */

static void pit_counts(void **state)
{
	(void)state;
	write8(0x61, 0);
	pit(0xb0, 1000);
	run(MS, false);
	assert_int_equal(pit_count(2), 1000); /* the gate is down */
	write8(0x61, 3);
	run(tick_cycles(400), false);
	assert_int_equal(pit_count(2), 600);
	assert_int_equal(port_read(0x61, 1) & 0x23, 0x03);
	write8(0x61, 0);
	run(MS, false);
	write8(0x61, 1);
	run(tick_cycles(599), false);
	assert_int_equal(pit_count(2), 1);
	assert_int_equal(port_read(0x61, 1) & 0x20, 0);
	run(tick_cycles(1), false);
	assert_int_equal(port_read(0x61, 1) & 0x20, 0x20);
	run(tick_cycles(2), false);
	assert_int_equal(pit_count(2), 0xfffe);

	pit(0xb4, 100);
	run(tick_cycles(1030), false);
	assert_int_equal(pit_count(2), 70);
	pit(0xb6, 100);
	run(tick_cycles(1030), false);
	assert_int_equal(pit_count(2), 40);
	assert_int_equal(port_read(0x61, 1) & 0x20, 0x20);
	run(tick_cycles(30), false);
	assert_int_equal(port_read(0x61, 1) & 0x20, 0);

	/* A latched count stays. */
	pit(0xb0, 1000);
	run(tick_cycles(100), false);
	write8(0x43, 0x80);
	run(tick_cycles(100), false);
	assert_int_equal(port_read(0x42, 1), 900 & 0xff);
	assert_int_equal(port_read(0x42, 1), 900 >> 8);
	assert_int_equal(port_read(0x42, 1), 800 & 0xff);
}

static void pit_interrupts(void **state)
{
	(void)state;
	write8(0x21, 0xfe);
	serve();
	taken[0x30] = 0;
	pit(0x34, 11932); /* 100 Hz */
	run(60000 * MS, true);
	assert_in_range(taken[0x30], 5999, 6000);
	assert_in_range(timer_interrupts, 5999, 6100);

	/* Interrupts are off for 300 ms: all follow. For 10 s: a second's. */
	taken[0x30] = 0;
	run(300 * MS, false);
	assert_in_range(taken[0x30], 0, 0);
	serve();
	run(MS, true);
	assert_in_range(taken[0x30], 29, 31);
	taken[0x30] = 0;
	run(10000 * MS, false);
	serve();
	assert_in_range(taken[0x30], 100, 102);

	/* While the line is masked nothing is lost. */
	taken[0x30] = 0;
	write8(0x21, 0xff);
	run(60 * MS, true);
	write8(0x21, 0xfe);
	serve();
	assert_in_range(taken[0x30], 5, 7);

	/* Once. */
	pit(0x30, 2000);
	taken[0x30] = 0;
	run(tick_cycles(1990), true);
	assert_int_equal(taken[0x30], 0);
	run(tick_cycles(12), true);
	assert_int_equal(taken[0x30], 1);
	run(1000 * MS, true);
	assert_int_equal(taken[0x30], 1);
	timer_interrupts = 0;
	run(1000 * MS, true);
	assert_int_equal(timer_interrupts, 0);

	/* The fastest that there is does not hang anybody. */
	pit(0x34, 1);
	timer_interrupts = 0;
	run(MS, false);
	assert_in_range(timer_interrupts, 0, 2);
}

/* ---- Alarms ---- */

static void alarms(void **state)
{
	uint64_t now;

	(void)state;
	pit(0x3a, 0); /* quiet */
	write8(0x21, 0xfe);
	serve();
	taken[0x30] = 0;
	now = time_now();
	alarm_set(VMI_ALARM_PERIODIC | 1, now, 10 * MS);
	serve();
	assert_int_equal(taken[0x30], 1); /* past: at once */
	run(1000 * MS, true);
	assert_in_range(taken[0x30], 100, 101);
	taken[0x30] = 0;
	run(95 * MS, false);
	serve();
	assert_int_equal(taken[0x30], 1); /* missed ones are one */
	run(6 * MS, true);
	assert_int_equal(taken[0x30], 2);
	assert_true(alarm_cancel(1));
	assert_false(alarm_cancel(1));
	assert_false(alarm_cancel(0));
	run(1000 * MS, true);
	assert_int_equal(taken[0x30], 2);

	now = time_now();
	alarm_set(0, now + 1000 * MS, 5);
	run(999 * MS, true);
	assert_int_equal(taken[0x30], 2);
	run(2 * MS, true);
	assert_int_equal(taken[0x30], 3);
	assert_false(alarm_cancel(0));
	alarm_set(0, now + 5000 * MS, 0);
	assert_true(alarm_cancel(0));

	/* No number does harm. */
	for (unsigned i = 0; i < 64; i++) {
		alarm_set(VMI_ALARM_PERIODIC, 0, 1ull << i);
		run(MS, true);
		alarm_set(VMI_ALARM_PERIODIC, ~0ull - i, ~0ull << i);
		run(MS, true);
	}
	alarm_set(2, 0, 0);
	assert_false(alarm_cancel(2));
}

static void apic(void **state)
{
	(void)state;
	assert_int_equal(apic_read(0x30), 0x50014);
	apic_write(0x320, 0x55);
	assert_int_equal(apic_read(0x320), 0x10055); /* switched off */
	apic_write(0xf0, 0x1ff);
	apic_write(0x320, 0x55);
	alarm_set(VMI_ALARM_WIRED_LVTT, time_now() + MS, 0);
	assert_false(apic_waiting());
	run(2 * MS, false);
	assert_true(apic_waiting());
	apic_write(0x80, 0x50);
	assert_false(apic_waiting());
	apic_write(0x80, 0);
	assert_int_equal(apic_take(), 0x55);
	assert_int_equal(apic_read(0x120), 1 << 21);
	apic_write(0x300, 0x40041);
	apic_write(0x300, 0x400e7);
	apic_write(0x300, 0x80500); /* INIT */
	apic_write(0x300, 0x40008); /* no vector */
	assert_int_equal(apic_take(), 0xe7);
	assert_int_equal(apic_read(0xa0), 0xe0);
	assert_false(apic_waiting());
	apic_write(0xb0, 0);
	assert_false(apic_waiting());
	apic_write(0xb0, 0);
	assert_int_equal(apic_take(), 0x41);
	apic_write(0xb0, 0);
	apic_write(0xb0, 0);
	assert_int_equal(apic_take(), 0xff);
	for (uint32_t reg = 0; reg < 0x2000; reg++) {
		apic_write(reg, 0xffffffff);
		apic_read(reg);
	}
}

/* ---- Ports ---- */

static int write_ends(uint16_t port, unsigned size, uint32_t value)
{
	int how = setjmp(ended);

	if (!how)
		port_write(port, size, value);
	return how;
}

static void ports(void **state)
{
	(void)state;
	assert_int_equal(port_read(0x1234, 4), 0xffffffff);
	assert_int_equal(port_read(0x3f8, 2), 0x5a5a);
	assert_int_equal(port_read(0x3ff, 2), 0xff5a);
	assert_int_equal(port_read(0xffff, 2), 0xffff);
	writes = 0;
	port_write(0x510, 2, 0);
	port_write(0x00, 1, 0);
	port_write(0x1f7, 1, 0);
	assert_int_equal(writes, 0);
	port_write(0x3ce, 2, 0x1234);
	assert_true(last_port == 0x3ce && last_write == 0x1234);

	port_write(0xcf8, 4, 0x80000800);
	port_write(0xcfc, 4, 1);
	assert_true(last_port == 0x3ce);
	assert_int_equal(port_read(0xcf8, 4), 0xffffffff);
	assert_int_equal(port_read(0xcfc, 4), 0xffffffff);

	assert_int_equal(write_ends(0x64, 1, 0xfe), 1);
	assert_int_equal(write_ends(0x92, 1, 3), 1);
	assert_int_equal(write_ends(0x92, 1, 2), 0);
	assert_int_equal(write_ends(0x91, 4, 0x100), 1);
	assert_int_equal(write_ends(0xcf9, 1, 6), 1);
	assert_int_equal(write_ends(0xcf8, 2, 0x600), 1);
	assert_int_equal(write_ends(0xf4, 1, 0x10), 0x110);
	assert_int_equal(write_ends(0xf4, 4, 0x1000), 0x1100);
	assert_int_equal(write_ends(0x604, 2, 0x2000), 2);
	writes = 0;
	port_write(0x64, 1, 0xd1);
	port_write(0x60, 1, 0);
	assert_int_equal(writes, 0);
	port_write(0x60, 1, 0xed);
	assert_int_equal(writes, 1);

	assert_true(port_direct(0x3f8) && port_direct(0xe9));
	assert_false(port_direct(0x20) || port_direct(0x64) || port_direct(0x1f0));
	options.trust = true;
	assert_int_equal(port_read(0x1f0, 2), 0x5a5a);
	port_write(0xcf8, 4, 0x80000600);
	assert_true(last_port == 0xcf8 && last_write == 0x80000600);
	assert_int_equal(write_ends(0xcf8, 2, 0x600), 1);
	writes = 0;
	port_write(0x1e, 4, 0xff000000); /* two of these are the controller's */
	assert_int_equal(writes, 2);
	assert_int_equal(write_ends(0x92, 1, 1), 1);

	/* Anything, anywhere. */
	options.trust = false;
	for (unsigned size = 1; size <= 4; size *= 2)
		for (uint32_t i = 0; i < 0x30000; i++) {
			write_ends((uint16_t)i, size, i * 2654435761u);
			port_read((uint16_t)(i * 40503), size);
			if (!(i & 15))
				run(i, !(i & 0x4000));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pic_priorities, setup),
		cmocka_unit_test_setup(pic_automatic, setup),
		cmocka_unit_test_setup(machine_lines, setup),
		cmocka_unit_test_setup(pit_counts, setup),
		cmocka_unit_test_setup(pit_interrupts, setup),
		cmocka_unit_test_setup(alarms, setup),
		cmocka_unit_test_setup(apic, setup),
		cmocka_unit_test_setup(ports, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("devices", tests, NULL, NULL);
}
