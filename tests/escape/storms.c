/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Much of everything: faults, interrupts, calls, and all of it at once. */
#include "escape.h"

static void fault_storm(uint32_t n)
{
	for (unsigned i = 0; i < 4000; i++) {
		if (n == 0)
			attempt_user(read_at, NOWHERE + i * PAGE);
		if (n == 1)
			attempt(write_at, NOWHERE + i * PAGE);
		if (n == 2)
			attempt_user(undefined, 0);
		if (n == 3)
			attempt_user(general, 0);
		if (n == 4)
			attempt(write_at, VIRTUAL_TOP + (i * PAGE & 0x3fffff));
	}
}

static void call_storm(uint32_t n)
{
	static const uint32_t calls[] = { VMI_CALL_GetTR, VMI_CALL_FlushTLB, VMI_CALL_InvalPage, VMI_CALL_CLTS };

	for (unsigned i = 0; i < 4000; i++)
		hypercall(calls[n], 3, 0, 0, 0, 0);
}

static bool any_tick(struct frame *frame)
{
	if (frame->vector != 0x20)
		return false;
	outb(0x20, 0x20);
	if (++ticks > 3000)
		outb(0x21, 0xff);
	return true;
}

/* The timer as fast as it can be told to be. What is owed comes as soon as the last one ended. */
static void timer_storm(uint32_t n)
{
	static const uint8_t modes[] = { 0x30, 0x34, 0x36, 0x38, 0x10, 0x14 };

	timer(1000);
	trap_hook = any_tick;
	outb(0x43, modes[n]);
	outb(0x40, n < 4 ? 2 : 1);
	if (n < 4)
		outb(0x40, 0);
	for (uint32_t i = 0; i < 2000 && ticks < 3000; i++) {
		interrupts(true);
		interrupts(false);
		outb(0x43, modes[n]);
		outb(0x40, (uint8_t)(i & 3));
		if (n < 4)
			outb(0x40, 0);
	}
	outb(0x43, 0x36);
	outb(0x40, 0);
	outb(0x40, 0);
	timer_off();
}

static void alarm_storm(uint32_t n)
{
	timer(1000);
	trap_hook = any_tick;
	for (unsigned i = 0; i < 200; i++) {
		hypercall(VMI_CALL_SetAlarm, n ? 0x101 : 0x100, 0, 0, 1, 0);
		interrupts(true);
		hypercall(VMI_CALL_SetAlarm, 0, 0, 0, 0, 0);
		interrupts(false);
	}
	hypercall(VMI_CALL_CancelAlarm, 0, 0, 0, 0, 0);
	hypercall(VMI_CALL_CancelAlarm, 1, 0, 0, 0, 0);
	timer_off();
}

/* The handler never says that it has ended, or never returns. */
static bool nested(struct frame *frame)
{
	if (frame->vector != 0x20)
		return false;
	ticks++;
	outb(0x20, 0x20);
	interrupts(true);
	for (;;)
		;
}

static void nested_interrupts(uint32_t n)
{
	(void)n;
	timer(1000);
	trap_hook = nested;
	interrupts(true);
	for (;;)
		;
}

/* Faults, calls, stale pages, notices and interrupts, at random. */
static void everything(uint32_t n)
{
	uint32_t pages[8];

	for (unsigned i = 0; i < n * 7; i++)
		random32();
	for (unsigned i = 0; i < 8; i++)
		pages[i] = fresh_page();
	timer(500);
	trap_hook = any_tick;
	for (unsigned i = 0; i < 1500; i++) {
		uint32_t page = pages[random32() % 8], slot = random32() % 16;

		switch (random32() % 16) {
		case 0: window_table[slot] = page | 7; break;
		case 1: rom_call(rom_function(VMI_CALL_SetPxE), page | 7, address_of(&window_table[slot]), 1, 0, 0); break;
		case 2: attempt(write_at, WINDOW + slot * PAGE); break;
		case 3: attempt_user(write_at, WINDOW + slot * PAGE); break;
		case 4: invalidate(WINDOW + slot * PAGE); break;
		case 5: set_cr3(address_of(directory)); break;
		case 6: hypercall(VMI_CALL_FlushTLB, random32(), 0, 0, 0, 0); break;
		case 7: attempt_user(general, 0); break;
		case 8: interrupts(random32() & 1); break;
		case 9: rom_call(rom_function(VMI_CALL_AllocatePage), page >> 12, 1, 0, 0, 0); break;
		case 10: hypercall(VMI_CALL_InvalPage, random32(), 0, 0, 0, 0); break;
		case 11: window_table[slot] = random32(); break;
		case 12: attempt(write_at, SHADOW_GDT); break;
		case 13: hypercall(VMI_CALL_SetCR0, read_cr0() ^ CR0_TS, 0, 0, 0, 0); break;
		case 14: directory[(WINDOW >> 22) + 1 + slot] = page | 7 | (random32() & PTE_LARGE); break;
		case 15: attempt_user(read_at, WINDOW + 0x400000 + slot * 0x400000); break;
		}
	}
	hypercall(VMI_CALL_CLTS, 0, 0, 0, 0, 0);
	for (unsigned i = 0; i < 17; i++)
		directory[(WINDOW >> 22) + 1 + i] = 0;
	timer_off();
}

/* Floating point, with every setting of CR0 that is about it. */
static void fpu(uint32_t unused)
{
	(void)unused;
	__asm__ volatile("fninit; fldz; fld1; fdivp; fnstsw %%ax; fwait" : : : "eax");
}

static void fpu_unmasked(uint32_t unused)
{
	static const uint16_t control = 0x0340;

	(void)unused;
	__asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(control));
}

static void floating_point(uint32_t n)
{
	static const uint32_t bits[] = { 0, CR0_TS, CR0_EM, CR0_MP, CR0_TS | CR0_MP, CR0_NE };

	(void)n;
	for (unsigned i = 0; i < 6; i++) {
		write_cr0((read_cr0() & ~(CR0_TS | CR0_EM | CR0_MP | CR0_NE)) | bits[i]);
		attempt(fpu, 0);
		attempt_user(fpu, 0);
		attempt(fpu_unmasked, 0);
		attempt_user(fpu_unmasked, 0);
		if (fault.vector != NO_FAULT && fault.vector != EX_NM && fault.vector != EX_MF)
			wrong("FPU, CR0 bits %x: vector %x", bits[i], fault.vector);
		write_cr0(read_cr0() & ~(CR0_TS | CR0_EM));
		__asm__ volatile("fninit");
	}
}

const struct attack storm_attacks[] = {
	{ "a storm of faults, %u", fault_storm, NULL, 5, false },
	{ "a storm of calls, %u", call_storm, NULL, 4, false },
	{ "a storm of timer interrupts, %u", timer_storm, NULL, 6, false },
	{ "a storm of alarms, %u", alarm_storm, NULL, 2, false },
	{ "interrupts that nest for ever", nested_interrupts, STACK_GONE, 0, false },
	{ "everything at once, %u", everything, NULL, 12, false },
	{ "floating point", floating_point, NULL, 0, false },
	{ NULL, NULL, NULL, 0, false },
};
