/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The pages of the hole that the guest may write: interrupt flag, shared page with the queue of notices, the end of the task
 * state, the entry stack. Nothing that is there may be believed.
 */
#include "escape.h"

static volatile struct shared *const shared = (volatile struct shared *)SHARED_PAGE;
static uint8_t saved[PAGE];

static void fill(uint32_t page, uint32_t from, uint32_t to, int value)
{
	for (uint32_t i = from; i < to; i++)
		((volatile uint8_t *)page)[i] = (uint8_t)(value < 0 ? random32() : (uint32_t)value);
}

/* What a kernel does all the time, whatever that gives it. */
static void use_everything(void)
{
	attempt_user(read_at, NOWHERE);
	attempt_user(int80, 0);
	attempt(undefined, 0);
	attempt(general, 0);
	attempt(read_at, NOWHERE);
	rom_call(rom_function(VMI_CALL_FlushTLB), 3, 0, 0, 0, 0);
	rom_call(rom_function(VMI_CALL_InvalPage), WINDOW, 0, 0, 0, 0);
	set_cr3(address_of(directory));
	attempt(write_at, SHADOW_GDT);
}

static void flag_page(uint32_t n)
{
	for (unsigned i = 0; i < 40; i++) {
		fill(FLAG_PAGE, 0, PAGE, n ? -1 : 0xff);
		use_everything();
	}
	/* While an interrupt waits, a store to the flag is carried out, and any other is not. */
	timer(1000);
	for (volatile uint32_t i = 0; i < 10000; i++)
		interrupts(false);
	for (uint32_t i = 0; i < 100000; i++)
		if (attempt(write_at, FLAG_PAGE + 8) != NO_FAULT)
			break;
	if (fault.vector != NO_FAULT && fault.vector != EX_PF)
		wrong("vector %x", fault.vector);
	interrupts(false);
	timer_off();
}

/* All but count, drained and the queue. */
static void shared_words(uint32_t n)
{
	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < 16; i++)
			if (i != 5 && i != 15)
				((volatile uint32_t *)SHARED_PAGE)[i] = n == 0 ? 0xffffffff : n == 1 ? 0xffc10000 : random32();
		use_everything();
		rom_call(rom_function(VMI_CALL_SetPxE), 0, address_of(window_table) + 32, 1, 0, 0);
		rom_call(rom_function(VMI_CALL_UpdatePxE), SHADOW_GDT, 1, 0, 0, 0);
		rom_call(rom_function(VMI_CALL_AllocatePage), 0xfffff, 1, 0, 0, 0);
		must("the hole", write_at, SHADOW_GDT, EX_PF, FAULT_WRITE);
	}
}

static void queue_garbage(uint32_t n)
{
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < QUEUE_ENTRIES; i++)
			shared->queue[i] = n == 0 ? (ram_end + (random32() & 0x3ffffff)) | QUEUE_PAGE :
					   n == 1 ? random32() : address_of(directory) + (random32() & 0x3fff);
		shared->count = shared->drained + QUEUE_ENTRIES;
		use_everything();
	}
}

static void queue_count(uint32_t n)
{
	static const uint32_t ahead[] = { QUEUE_ENTRIES + 1, 0x7fffffff, 0x80000000, 0xffffffff };

	shared->count = shared->drained + ahead[n];
	undefined(0);
	hypercall(VMI_CALL_GetTR, 0, 0, 0, 0, 0);
}

/* The counter is about to wrap around; places are taken and not filled. */
static void queue_wraps(uint32_t n)
{
	(void)n;
	shared->drained = shared->count = 0xfffffff0;
	for (unsigned i = 0; i < 64; i++) {
		rom_call(rom_function(VMI_CALL_UpdatePxE), address_of(window_table) + 4 * i, 1, 0, 0, 0);
		if (i % 16 == 5)
			shared->count += 3;
		if (i % 16 == 7)
			hypercall(VMI_CALL_GetTR, 0, 0, 0, 0, 0);
	}
	shared->drained -= 100;
	hypercall(VMI_CALL_GetTR, 0, 0, 0, 0, 0);
}

/* More notices than there are places, in every form. */
static void queue_flood(uint32_t n)
{
	uint32_t update = rom_function(VMI_CALL_UpdatePxE), allocate = rom_function(VMI_CALL_AllocatePage);

	(void)n;
	for (uint32_t i = 0; i < 20000; i++) {
		rom_call(update, address_of(window_table) + (i & 0xffc), 1, 0, 0, 0);
		rom_call(allocate, random32() >> 12, 1, 0, 0, 0);
	}
	for (uint32_t i = 0; i < 2000; i++)
		hypercall(ENTRY_QUEUE, 0, 0, random32(), 0, 0);
}

/* ---- The task state ---- */

static void keep(bool save)
{
	for (unsigned i = 0; i < PAGE; i++)
		if (save)
			saved[i] = ((volatile uint8_t *)TASK_TAIL)[i];
		else
			((volatile uint8_t *)TASK_TAIL)[i] = saved[i];
}

/* The stack of ring 1 is good, nothing else is. */
static void task_tail(uint32_t n)
{
	keep(true);
	for (unsigned round = 0; round < 20; round++) {
		fill(TASK_TAIL, 4, PAGE, n == 0 ? 0xff : n == 1 ? 0 : -1);
		attempt_user(int80, 0);
		if (fault.vector != EX_TS && fault.vector != NO_FAULT)
			wrong("int 80h without a stack segment: vector %x", fault.vector);
		must_user("a port", read_at, NOWHERE, EX_PF, FAULT_USER);
		use_everything();
		keep(false);
	}
}

static void port_in(uint32_t port)
{
	inb((uint16_t)port);
}

static void port_map(uint32_t n)
{
	keep(true);
	fill(TASK_TAIL, 0x50, PAGE, 0);
	*(volatile uint16_t *)(TASK_STATE + 102) = (uint16_t)(n ? 0 : 104);
	for (uint32_t port = 0; port < 0x10000; port += port < 0x500 ? 1 : 251)
		must_user("a port", port_in, port, EX_GP, 0);
	keep(false);
}

static void stack_segment(uint32_t n)
{
	static const uint16_t selectors[] = { MONITOR_DS, MONITOR_DS | 1, MONITOR_CS, MONITOR_CS | 1, MONITOR_TASK, MONITOR_OPEN_TASK | 1,
					      0, 1, USER_DATA, KERNEL_CODE, KERNEL_DATA & ~3, 0xffff, 4, 0x7fc5, TASK | 1 };

	(void)n;
	keep(true);
	for (unsigned i = 0; i < sizeof selectors / 2; i++) {
		*word_at(TASK_SS1) = selectors[i];
		must_user("int 80h with a bad stack segment", int80, 0, EX_TS, ANY);
		must_user("a page fault with a bad stack segment", read_at, NOWHERE, EX_PF, FAULT_USER);
		must_user("a fault with a bad stack segment", general, 0, EX_GP, 0);
	}
	keep(false);
}

/* ---- The entry stack ---- */

static void entry_stack(uint32_t n)
{
	for (unsigned round = 0; round < 40; round++) {
		for (uint32_t at = ENTRY_STACK; at < IDT_PAGE; at += 4)
			*word_at(at) = n == 0 ? MONITOR_CS : n == 1 ? IMAGE_CODE : n == 2 ? ENTRY_STACK + 0xf00 : random32();
		use_everything();
	}
}

static uint32_t call_on_stack(uint32_t esp)
{
	uint32_t result = VMI_CALL_GetTR;

	__asm__ volatile("movl %%esp, %%esi; movl %1, %%esp; int %2; movl %%esi, %%esp"
			 : "=a"(result) : "r"(esp), "i"(ENTRY_VECTOR), "b"(VMI_CALL_GetTR) : "esi", "ecx", "edx", "memory");
	return result;
}

static void stack_on_it(uint32_t n)
{
	(void)n;
	/* A call needs no stack of the guest's. */
	for (uint32_t esp = ENTRY_STACK; esp <= IDT_PAGE; esp += 4)
		if (call_on_stack(esp) != TASK)
			wrong("a call with ESP at %x", esp);
	for (uint32_t i = 0, esp = VIRTUAL_TOP; i < 1024; i++, esp += PAGE)
		if (call_on_stack(esp) != TASK)
			wrong("a call with ESP at %x", esp);
}

/* An exception straight to ring 1 is pushed onto the entry stack itself. */
static void ud_on_it(uint32_t esp)
{
	__asm__ volatile("movl %0, %%esp; ud2" : : "r"(esp) : "memory");
}

static void exception_on_it(uint32_t n)
{
	(void)n;
	for (uint32_t esp = ENTRY_STACK + 0x400; esp <= IDT_PAGE; esp += 4)
		must("ud2 with its stack on the entry stack", ud_on_it, esp, EX_UD, 0);
}

const struct attack shared_attacks[] = {
	{ "the flag's page full of garbage, %u", flag_page, NULL, 2, false },
	{ "the shared page full of garbage, %u", shared_words, NULL, 3, false },
	{ "the shared page full of garbage, before Init, %u", shared_words, NULL, 3, true },
	{ "a queue of notices that are garbage, %u", queue_garbage, NULL, 3, false },
	{ "a queue that is longer than it can be, %u", queue_count, STOPPED "the queue of its page table notices is damaged", 4, false },
	{ "a queue that wraps around, with places that are not filled", queue_wraps, NULL, 0, false },
	{ "more notices than the queue has places", queue_flood, NULL, 0, false },
	{ "the task state full of garbage, %u", task_tail, NULL, 3, false },
	{ "the task state's port map, %u", port_map, NULL, 2, false },
	{ "the task state's stack segment", stack_segment, NULL, 0, false },
	{ "the entry stack full of garbage, %u", entry_stack, NULL, 4, false },
	{ "calls with ESP on the entry stack and everywhere in the hole", stack_on_it, NULL, 0, false },
	{ "exceptions with ESP on the entry stack", exception_on_it, NULL, 0, false },
	{ NULL, NULL, NULL, 0, false },
};
