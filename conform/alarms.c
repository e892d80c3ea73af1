/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Alarms, by each of the two wirings. An alarm must not come early, but it may come some time late. */
#include "conform.h"

#define APIC_LVTT 0x320
#define LVTT_MASKED 0x10000
#define LATE 60 /* 10 us: an emulated machine is slow */

struct wiring {
	uint32_t flags;
	unsigned vector;
};
static const struct wiring irq0 = { VMI_ALARM_WIRED_IRQ0, IRQ_BASE }, lvtt = { VMI_ALARM_WIRED_LVTT, APIC_VECTOR };

/* Ready for an alarm of that wiring? Interrupts are on then. */
static bool begin(const struct wiring *w)
{
	if (!have_timer()) {
		skip("the ROM has no timer");
		return false;
	}
	if (w == &lvtt && !have_apic()) {
		skip("there is no local APIC");
		return false;
	}
	/* The first alarm of a run puts an end to what the BIOS left. */
	set_alarm(VMI_ALARM_WIRED_IRQ0, 0, 0);
	settle();
	forget_interrupts();
	if (w == &lvtt) {
		apic_write(APIC_LVTT, LVTT_MASKED | APIC_VECTOR);
		/* With the first one a ROM may have to find the APIC, and how fast its timer is. */
		set_alarm(w->flags, now() + ms(1), 0);
		cancel_alarm(w->flags);
		apic_write(APIC_LVTT, APIC_VECTOR);
	} else {
		unmask(IRQ_TIMER);
	}
	DO(EnableInterrupts);
	return true;
}

static uint32_t came(const struct wiring *w)
{
	return interrupts[w->vector];
}

/* Interrupts of the other wiring are wrong in any case. */
static void check_other(const struct wiring *w)
{
	EQUAL(interrupts[w == &lvtt ? IRQ_BASE : APIC_VECTOR], 0);
}

/* Waits until it came so often, or for at most so many ms. */
static void wait_for(const struct wiring *w, uint32_t times, uint32_t most)
{
	uint64_t start = now();

	while (came(w) < times && now() - start < ms(most))
		spin(1);
}

/* A rounding of the timer below may make it a little early. */
static void check_time(uint64_t goal)
{
	uint64_t at = now() + ms(1) / 64;

	CHECK(at >= goal);
	if (at >= goal && !CHECK(in_us10(at - goal) < LATE))
		note("#   it was %u0 us late\n", in_us10(at - goal));
}

#define EACH(id, call, what, source) \
	static void id(const struct wiring *w); \
	CASE(id##_irq0, call, what ", by IRQ 0", source) \
	{ \
		if (begin(&irq0)) \
			id(&irq0); \
	} \
	CASE(id##_lvtt, call, what ", by LVTT", source) \
	{ \
		if (begin(&lvtt)) \
			id(&lvtt); \
	} \
	static void id(const struct wiring *w)

/* It is to be the first alarm of its wiring: the ROM does not look again once it has found the APIC. */
CASE(lvtt_unmapped, "SetAlarm", "where page tables and linear mappings show no local APIC, LVTT's comes by IRQ 0", "vrom")
{
	if (ring != 0 || provided(VMI_CALL_APICRead)) {
		skip("the local APIC is the host's");
		return;
	}
	if (!begin(&irq0))
		return;
	DO(SetLinearMapping, 0, KERNEL_BASE, 0, 0);
	set_alarm(VMI_ALARM_WIRED_LVTT, now() + ms(1), 0);
	wait_for(&irq0, 1, 20);
	EQUAL(came(&irq0), 1);
	cancel_alarm(VMI_ALARM_WIRED_LVTT);
	DO(SetLinearMapping, 0, KERNEL_BASE, MEMORY_MAX / PAGE_SIZE, 0);
}

EACH(once, "SetAlarm", "one shot comes when it is due, and once", "4.5")
{
	uint64_t goal = now() + ms(3);

	set_alarm(w->flags, goal, 0);
	wait_for(w, 1, 50);
	EQUAL(came(w), 1);
	check_time(goal);
	spin(1000);
	EQUAL(came(w), 1);
	check_other(w);
}

EACH(past, "SetAlarm", "an expiry in the past is due at once", "4.5")
{
	uint64_t goal = now() - ms(1);

	set_alarm(w->flags, goal, 0);
	wait_for(w, 1, 50);
	EQUAL(came(w), 1);
	CHECK(in_us10(now() - goal) < 100 + LATE);
	spin(500);
	EQUAL(came(w), 1);
	set_alarm(w->flags, 0, 0);
	wait_for(w, 2, 50);
	EQUAL(came(w), 2);
}

EACH(available, "SetAlarm", "by available time", "4.5")
{
	uint64_t goal = DO(GetCycleCounter, VMI_CYCLES_AVAILABLE) + ms(2);

	set_alarm(w->flags | VMI_CYCLES_AVAILABLE, goal, 0);
	wait_for(w, 1, 50);
	EQUAL(came(w), 1);
	CHECK(DO(GetCycleCounter, VMI_CYCLES_AVAILABLE) + ms(1) / 64 >= goal);
}

EACH(stolen, "SetAlarm", "for stolen time and for counters that do not exist it does nothing", "4.5")
{
	uint64_t goal = now() + ms(3);

	set_alarm(w->flags | VMI_CYCLES_STOLEN, 0, 0);
	set_alarm(w->flags | VMI_CYCLES_STOLEN | VMI_ALARM_PERIODIC, 0, ms(1));
	set_alarm(w->flags | 3, 0, 0);
	set_alarm(w->flags | 0xff, 0, 0);
	spin(200);
	EQUAL(came(w), 0);
	/* An alarm that is armed stays so. */
	set_alarm(w->flags, goal, 0);
	set_alarm(w->flags | VMI_CYCLES_STOLEN, 0, 0);
	EQUAL(came(w), 0);
	wait_for(w, 1, 50);
	EQUAL(came(w), 1);
	check_time(goal);
}

EACH(rearm, "SetAlarm", "setting it again cancels what was set before", "4.5")
{
	uint64_t goal = now() + ms(6);

	set_alarm(w->flags, now() + ms(2), 0);
	set_alarm(w->flags, goal, 0);
	wait_for(w, 1, 50);
	EQUAL(came(w), 1);
	check_time(goal);
	set_alarm(w->flags | VMI_ALARM_PERIODIC, now() + ms(2), ms(2));
	goal = now() + ms(5);
	set_alarm(w->flags, goal, 0);
	wait_for(w, 2, 50);
	EQUAL(came(w), 2);
	check_time(goal);
	spin(800);
	EQUAL(came(w), 2);
}

EACH(two, "SetAlarm", "each counter has an alarm of its own", "4.5")
{
	uint64_t start = now();

	if (ring == 0) {
		skip("on bare hardware there is one timer, and real and available time are the same");
		return;
	}
	set_alarm(w->flags, start + ms(2), 0);
	set_alarm(w->flags | VMI_CYCLES_AVAILABLE, DO(GetCycleCounter, VMI_CYCLES_AVAILABLE) + ms(5), 0);
	wait_for(w, 1, 50);
	EQUAL(came(w), 1);
	CHECK(now() < start + ms(5));
	wait_for(w, 2, 50);
	EQUAL(came(w), 2);
	CHECK(now() >= start + ms(5));
}

EACH(no_period, "SetAlarm", "a period of 0 is one shot, whatever the flags say", "4.5")
{
	set_alarm(w->flags | VMI_ALARM_PERIODIC, now() + ms(1), 0);
	wait_for(w, 1, 50);
	spin(500);
	EQUAL(came(w), 1);
}

EACH(no_flag, "SetAlarm", "without the flag a period is ignored", "4.5")
{
	set_alarm(w->flags, now() + ms(1), ms(1));
	wait_for(w, 1, 50);
	spin(500);
	EQUAL(came(w), 1);
}

EACH(periodic, "SetAlarm", "a periodic one comes at expiry and then each period", "4.5")
{
	uint64_t start = now(), goal = start + ms(2);

	set_alarm(w->flags | VMI_ALARM_PERIODIC, goal, ms(2));
	for (uint32_t i = 1; i <= 10; i++, goal += ms(2)) {
		wait_for(w, i, 50);
		EQUAL(came(w), i);
		CHECK(now() + ms(1) / 8 >= goal);
		CHECK(now() < goal + ms(1));
	}
	check_other(w);
}

EACH(missed, "SetAlarm", "periods that were missed become one interrupt, and the series goes on", "4.5")
{
	DO(DisableInterrupts);
	set_alarm(w->flags | VMI_ALARM_PERIODIC, now() + ms(3), ms(3));
	spin(1350);
	EQUAL(came(w), 0);
	DO(EnableInterrupts);
	EQUAL(came(w), 1);
	spin(50);
	EQUAL(came(w), 1);
	wait_for(w, 2, 50);
	EQUAL(came(w), 2);
	spin(200);
	EQUAL(came(w), 2);
	wait_for(w, 3, 50);
	EQUAL(came(w), 3);
}

EACH(waits, "SetAlarm", "one that is due while interrupts are off waits", "4.5")
{
	DO(DisableInterrupts);
	set_alarm(w->flags, now() + ms(1), 0);
	spin(300);
	EQUAL(came(w), 0);
	DO(EnableInterrupts);
	EQUAL(came(w), 1);
	spin(300);
	EQUAL(came(w), 1);
}

/* The interval timer cannot count that far: early interrupts are borne, as the guest can see that they are early. */
EACH(far, "SetAlarm", "one shot that is far away comes too, and not again", "4.5")
{
	uint64_t goal = now() + ms(150);
	uint32_t early;

	set_alarm(w->flags, goal, 0);
	while (now() < goal)
		spin(1);
	spin(LATE);
	early = came(w);
	CHECK(early >= 1 && early <= 4);
	now();
	/* An emulated interval timer that has no count yet goes on with the longest, 54.9 ms. */
	spin(5000);
	EQUAL(came(w), early);
	check_other(w);
}

EACH(halted, "SetAlarm", "it wakes a processor that is halted", "4.5")
{
	uint64_t goal = now() + ms(2);

	set_alarm(w->flags, goal, 0);
	for (int i = 0; i < 3 && !came(w); i++)
		DO(Halt);
	EQUAL(came(w), 1);
	check_time(goal);
}

/* ---- CancelAlarm ---- */

EACH(cancel_armed, "CancelAlarm", "one that is armed is 1, and does not come", "4.5")
{
	set_alarm(w->flags, now() + ms(3), 0);
	EQUAL(cancel_alarm(w->flags), 1);
	EQUAL(cancel_alarm(w->flags), 0);
	spin(1000);
	EQUAL(came(w), 0);
}

EACH(cancel_none, "CancelAlarm", "one that was not set, or has come, is 0", "4.5")
{
	EQUAL(cancel_alarm(w->flags), 0);
	EQUAL(cancel_alarm(w->flags | VMI_CYCLES_AVAILABLE), 0);
	set_alarm(w->flags, now() + ms(1), 0);
	wait_for(w, 1, 50);
	EQUAL(came(w), 1);
	EQUAL(cancel_alarm(w->flags), 0);
}

EACH(cancel_other, "CancelAlarm", "for another counter it leaves the alarm alone", "4.5")
{
	set_alarm(w->flags, now() + ms(2), 0);
	EQUAL(cancel_alarm(w->flags | VMI_CYCLES_AVAILABLE), 0);
	EQUAL(cancel_alarm(w->flags | VMI_CYCLES_STOLEN), 0);
	wait_for(w, 1, 50);
	EQUAL(came(w), 1);
}

EACH(cancel_periodic, "CancelAlarm", "a periodic one is 1, also after it came, and comes no more", "4.5")
{
	set_alarm(w->flags | VMI_ALARM_PERIODIC, now() + ms(1), ms(1));
	wait_for(w, 3, 50);
	CHECK(came(w) >= 3);
	EQUAL(cancel_alarm(w->flags), 1);
	EQUAL(cancel_alarm(w->flags), 0);
	forget_interrupts();
	spin(1000);
	EQUAL(came(w), 0);
}

/* ---- LVTT ---- */

CASE(lvtt_vector, "SetLinearMapping", "the local APIC is found through it, or by calls: LVTT's vector is what comes", "4.5")
{
	if (!begin(&lvtt))
		return;
	set_alarm(lvtt.flags, now() + ms(1), 0);
	wait_for(&lvtt, 1, 20);
	EQUAL(came(&lvtt), 1);
	check_other(&lvtt);
	EQUAL(apic_read(APIC_LVTT) & 0xff, APIC_VECTOR);
}

CASE(lvtt_masked, "SetAlarm", "LVTT's mask bit is the guest's", "4.5")
{
	if (!begin(&lvtt))
		return;
	apic_write(APIC_LVTT, LVTT_MASKED | APIC_VECTOR);
	set_alarm(lvtt.flags, now() + ms(1), 0);
	spin(300);
	EQUAL(came(&lvtt), 0);
	check_other(&lvtt);
	EQUAL(apic_read(APIC_LVTT) & (LVTT_MASKED | 0xff), LVTT_MASKED | APIC_VECTOR);
	apic_write(APIC_LVTT, APIC_VECTOR);
}

CASE(apic_registers, "APICWrite", "what it writes to LVTT, APICRead gives", "4.9")
{
	if (!have_apic()) {
		skip("there is no local APIC");
		return;
	}
	apic_write(APIC_LVTT, LVTT_MASKED | 0x77);
	EQUAL(apic_read(APIC_LVTT) & (LVTT_MASKED | 0xff), LVTT_MASKED | 0x77);
	apic_write(APIC_LVTT, LVTT_MASKED | APIC_VECTOR);
	EQUAL(apic_read(APIC_LVTT) & (LVTT_MASKED | 0xff), LVTT_MASKED | APIC_VECTOR);
}
