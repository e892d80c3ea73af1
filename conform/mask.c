/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The interrupt mask: the four calls, and when an interrupt that waits is delivered. The mask is asked from
 * GetInterruptMask and from the interrupts themselves, never from EFLAGS, where it is only in ring 0.
 */
#include "conform.h"

#define IRQ0 IRQ_BASE
#define IRQ4 (IRQ_BASE + 4)

static bool enabled(void)
{
	return DO(GetInterruptMask) & VMI_MASK_ENABLED;
}

static bool no_serial(void)
{
	if (!have_serial)
		skip("there is no serial port to interrupt");
	return !have_serial;
}

CASE(enable, "EnableInterrupts", "enables", "4.3")
{
	DO(DisableInterrupts);
	DO(EnableInterrupts);
	CHECK(enabled());
	DO(EnableInterrupts);
	CHECK(enabled());
}

CASE(disable, "DisableInterrupts", "disables", "4.3")
{
	DO(EnableInterrupts);
	DO(DisableInterrupts);
	CHECK(!enabled());
	DO(DisableInterrupts);
	CHECK(!enabled());
}

CASE(set, "SetInterruptMask", "sets bit 9, whatever the arithmetic flags are", "4.3")
{
	DO(SetInterruptMask, FLAGS_FIXED + VMI_MASK_ENABLED);
	CHECK(enabled());
	DO(SetInterruptMask, FLAGS_FIXED + FLAGS_ARITHMETIC);
	CHECK(!enabled());
	DO(SetInterruptMask, FLAGS_FIXED + FLAGS_ARITHMETIC + VMI_MASK_ENABLED);
	CHECK(enabled());
	DO(SetInterruptMask, FLAGS_FIXED);
	CHECK(!enabled());
	DO(SetInterruptMask, FLAGS_FIXED);
	CHECK(!enabled());
}

CASE(get, "GetInterruptMask", "says it without changing it", "4.3")
{
	DO(EnableInterrupts);
	CHECK(enabled() && enabled());
	DO(DisableInterrupts);
	CHECK(!enabled() && !enabled());
}

CASE(get_and_set, "SetInterruptMask", "takes what GetInterruptMask gave", "4.3")
{
	for (int on = 0; on < 2; on++) {
		uint32_t mask;

		if (on)
			DO(EnableInterrupts);
		else
			DO(DisableInterrupts);
		mask = (uint32_t)DO(GetInterruptMask);
		if (on)
			DO(DisableInterrupts);
		else
			DO(EnableInterrupts);
		DO(SetInterruptMask, mask);
		EQUAL(enabled(), on);
	}
}

/* ---- Only CS and SS are flat ---- */

static void with_far_segments(unsigned call, uint32_t eax)
{
	struct registers r = REGISTERS(.eax = eax, .far_segments = 1);

	make(call, &r, 0, 0);
}

CASE(segments_enable, "EnableInterrupts", "needs no flat DS and ES", "2")
{
	with_far_segments(VMI_CALL_EnableInterrupts, 0);
	CHECK(enabled());
}

CASE(segments_disable, "DisableInterrupts", "needs no flat DS and ES", "2")
{
	DO(EnableInterrupts);
	with_far_segments(VMI_CALL_DisableInterrupts, 0);
	CHECK(!enabled());
}

CASE(segments_get, "GetInterruptMask", "needs no flat DS and ES", "2")
{
	struct registers r = REGISTERS(.far_segments = 1);

	make(VMI_CALL_GetInterruptMask, &r, 0, 0);
	EQUAL(r.eax & VMI_MASK_ENABLED, 0);
}

CASE(segments_set, "SetInterruptMask", "needs no flat DS and ES", "2")
{
	with_far_segments(VMI_CALL_SetInterruptMask, VMI_MASK_ENABLED);
	CHECK(enabled());
	with_far_segments(VMI_CALL_SetInterruptMask, 0);
	CHECK(!enabled());
}

CASE(segments_pending, "EnableInterrupts", "delivers what waits without a flat DS and ES, too", "2")
{
	if (no_serial())
		return;
	unmask(IRQ_SERIAL);
	raise_serial();
	with_far_segments(VMI_CALL_EnableInterrupts, 0);
	EQUAL(interrupts[IRQ4], 1);
}

/* ---- Delivery ---- */

CASE(pending_enable, "EnableInterrupts", "what waits is delivered before the call returns", "3.3")
{
	if (no_serial())
		return;
	unmask(IRQ_SERIAL);
	raise_serial();
	spin(2);
	EQUAL(interrupts[IRQ4], 0);
	DO(EnableInterrupts);
	EQUAL(interrupts[IRQ4], 1);
	CHECK(enabled());
}

CASE(pending_set, "SetInterruptMask", "what waits is delivered if bit 9 is set, and not if it is clear", "3.3")
{
	if (no_serial())
		return;
	unmask(IRQ_SERIAL);
	raise_serial();
	DO(SetInterruptMask, FLAGS_FIXED);
	spin(1);
	EQUAL(interrupts[IRQ4], 0);
	DO(SetInterruptMask, FLAGS_FIXED + VMI_MASK_ENABLED);
	EQUAL(interrupts[IRQ4], 1);
	CHECK(enabled());
}

CASE(pending_get, "GetInterruptMask", "delivers nothing when interrupts are off", "3.3")
{
	if (no_serial())
		return;
	unmask(IRQ_SERIAL);
	raise_serial();
	CHECK(!enabled());
	CHECK(!enabled());
	EQUAL(interrupts[IRQ4], 0);
}

CASE(disabled_stays, "DisableInterrupts", "nothing comes from then on", "3.3")
{
	if (no_serial())
		return;
	unmask(IRQ_SERIAL);
	DO(EnableInterrupts);
	raise_serial();
	spin(2);
	EQUAL(interrupts[IRQ4], 1);
	DO(DisableInterrupts);
	raise_serial();
	spin(2);
	EQUAL(interrupts[IRQ4], 1);
	DO(DisableInterrupts);
	EQUAL(interrupts[IRQ4], 1);
}

CASE(enabled_arrives, "EnableInterrupts", "what is raised while they are on comes at once", "3.3")
{
	if (no_serial())
		return;
	unmask(IRQ_SERIAL);
	DO(EnableInterrupts);
	for (unsigned i = 1; i <= 5; i++) {
		raise_serial();
		spin(2);
		EQUAL(interrupts[IRQ4], i);
	}
}

CASE(once, "EnableInterrupts", "what was delivered is not delivered again", "3.3")
{
	if (no_serial())
		return;
	unmask(IRQ_SERIAL);
	raise_serial();
	for (int i = 0; i < 5; i++) {
		DO(EnableInterrupts);
		DO(DisableInterrupts);
	}
	EQUAL(interrupts[IRQ4], 1);
}

CASE(handler_off, "EnableInterrupts", "inside a handler behind an interrupt gate they are off", "4.3")
{
	if (no_serial())
		return;
	unmask(IRQ_SERIAL);
	raise_serial();
	DO(EnableInterrupts);
	EQUAL(handler_mask, 0);
	CHECK(enabled());
}

/* An alarm that is due. */
static bool make_timer_wait(void)
{
	if (!have_timer())
		return false;
	settle();
	forget_interrupts();
	set_alarm(VMI_ALARM_WIRED_IRQ0, 0, 0);
	spin(20);
	return true;
}

CASE(order, "EnableInterrupts", "of two that wait the one of higher priority comes first, then the other", "3.3")
{
	if (no_serial())
		return;
	if (!make_timer_wait()) {
		skip("there is no timer");
		return;
	}
	unmask(IRQ_TIMER | IRQ_SERIAL);
	raise_serial();
	DO(EnableInterrupts);
	EQUAL(interrupt_count, 2);
	EQUAL(interrupt_log[0], IRQ0);
	EQUAL(interrupt_log[1], IRQ4);
	EQUAL(nested_most, 1);
}

CASE(nesting, "EnableInterrupts", "in a handler, lets the next interrupt in", "3.3")
{
	if (no_serial())
		return;
	if (!make_timer_wait()) {
		skip("there is no timer");
		return;
	}
	unmask(IRQ_TIMER | IRQ_SERIAL);
	raise_serial();
	enable_in_handler = true;
	DO(EnableInterrupts);
	EQUAL(interrupt_count, 2);
	EQUAL(nested_most, 2);
}

CASE(masked, "EnableInterrupts", "what the interrupt controller masks waits until it does not", "3.3")
{
	if (no_serial())
		return;
	unmask(0);
	raise_serial();
	DO(EnableInterrupts);
	spin(2);
	EQUAL(interrupts[IRQ4], 0);
	unmask(IRQ_SERIAL);
	spin(2);
	EQUAL(interrupts[IRQ4], 1);
}

/* ---- Halt ---- */

CASE(halt_pending, "Halt", "returns when something waits already, with interrupts on", "3.3")
{
	if (no_serial())
		return;
	unmask(IRQ_SERIAL);
	raise_serial();
	DO(Halt);
	EQUAL(interrupts[IRQ4], 1);
	CHECK(enabled());
}

CASE(halt_wakes, "Halt", "waits for an interrupt, and is woken by it", "3.3")
{
	uint64_t start;

	if (!have_timer()) {
		skip("there is no timer");
		return;
	}
	settle();
	forget_interrupts();
	unmask(IRQ_TIMER);
	start = now() + ms(3);
	set_alarm(VMI_ALARM_WIRED_IRQ0, start, 0);
	DO(Halt);
	EQUAL(interrupts[IRQ0], 1);
	CHECK(now() >= start);
	CHECK(enabled());
	CHECK(in_us10(now() - start) < 100);
}
