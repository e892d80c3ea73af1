/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How a guest ends. Whatever it did, the monitor lives: it says what happened, looks whether its own memory is what it was,
 * and boots the guest again if it is to; else the machine ends as the guest wanted.
 */
#include "monitor.h"

#define POWER_PORT 0x604       /* of QEMU's i440FX */
#define POWER_OFF 0x2000
#define CODE_SHOWN 16

extern const uint32_t image_text_start[], image_constant_end[], ring1_start[], ring1_end[];

static uint32_t seal;

static uint32_t sum(uint32_t value, const uint32_t *from, const uint32_t *end)
{
	/* Not one more than the other: a compiler takes the ends of two objects for never equal. */
	for (uint32_t at = (uint32_t)from; at < (uint32_t)end; at += sizeof *from)
		value = (value << 5 | value >> 27) + *(const uint32_t *)at;
	return value;
}

/* Of everything that never changes: code, constants, and the copies of the modules. */
static uint32_t memory_sum(void)
{
	uint32_t value = sum(0, ring1_start, ring1_end);

	value = sum(value, image_text_start, image_constant_end);
	return sum(value, physical(boot.pool + boot.pool_pages * PAGE), physical(boot.start + boot.size));
}

void memory_seal(void)
{
	seal = memory_sum();
}

__attribute__((noreturn)) static void stand_still(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* A line of the monitor's own, on a console that the guest may have left in any state. */
static void say(const char *first, const char *what, va_list values)
{
	console_init();
	print("\nmonitor: %s", first);
	print_list(what, values);
	print("\n");
}

void monitor_fail(const char *what, ...)
{
	va_list values;

	va_start(values, what);
	say("failed: ", what, values);
	outb(EXIT_PORT, EXIT_FAILED);
	stand_still();
}

__attribute__((noreturn)) static void power_off(void)
{
	outw(POWER_PORT, POWER_OFF);
	stand_still();
}

/* What it was has been said. Comes back if the machine is to end. */
static void ended(void)
{
	if (memory_sum() != seal)
		monitor_fail("its memory was changed");
	print("monitor: memory intact\n");
	if (options.stats)
		stats_print();
	if (!options.restart)
		return;
	options.restart--;
	guest.boots++;
	restart();
}

/* ---- It broke a rule ---- */

static void report(void)
{
	const struct regs *r = &guest.regs;
	uint32_t eip = in_v86() ? (r->cs & 0xffff) * 16 + (r->eip & 0xffff) : r->eip;
	uint8_t code;

	print("monitor: ring %u, vector %u, error %08x, %s\n", guest_ring(), r->vector, r->error,
	      guest.entered ? "paravirtual" : "before Init");
	print("monitor: eip %04x:%08x flags %08x esp %04x:%08x\n", r->cs & 0xffff, r->eip, r->eflags, r->ss & 0xffff,
	      r->esp);
	print("monitor: eax %08x ebx %08x ecx %08x edx %08x\n", r->eax, r->ebx, r->ecx, r->edx);
	print("monitor: esi %08x edi %08x ebp %08x ds %04x es %04x fs %04x gs %04x\n", r->esi, r->edi, r->ebp,
	      r->ds & 0xffff, r->es & 0xffff, r->fs & 0xffff, r->gs & 0xffff);
	print("monitor: cr0 %08x cr2 %08x cr3 %08x cr4 %08x\n", guest.cr0, ((struct shared *)SHARED_PAGE)->cr2, guest.cr3,
	      guest.cr4);
	print("monitor: code");
	for (uint32_t i = 0; i < CODE_SHOWN && guest_read(eip + i, &code, 1, false); i++)
		print(" %02x", code);
	print("\n");
	stats_last_calls();
}

void guest_stop(const char *what, ...)
{
	static bool reporting;
	va_list values;

	va_start(values, what);
	say("the guest is stopped: ", what, values);
	/* What is read for the report may be what it was stopped for. */
	if (!reporting) {
		reporting = true;
		report();
	}
	reporting = false;
	ended();
	outb(EXIT_PORT, EXIT_STOPPED);
	power_off();
}

/* ---- It wanted to end ---- */

__attribute__((format(printf, 1, 2))) static void wanted(const char *what, ...)
{
	va_list values;

	va_start(values, what);
	say("the guest ", what, values);
	va_end(values);
	ended();
}

void guest_exit(uint32_t value)
{
	wanted("ended with %x", value);
	outb(EXIT_PORT, (uint8_t)value);
	power_off();
}

void guest_power_off(void)
{
	wanted("turned the machine off");
	power_off();
}

void guest_reset(const char *how)
{
	static const uint32_t no_table[2];

	wanted("reset the machine: %s", how);
	/* An exception with no table of handlers resets the processor, and that the machine. */
	__asm__ volatile("lidt %0; ud2" : : "m"(no_table));
	stand_still();
}
