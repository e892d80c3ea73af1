/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The last 4 MiB of linear addresses, page by page: what is seen there, what can be written, and what happens to who runs what
 * is there.
 */
#include "escape.h"

#define STUB_COUNT 48
#define CODE_PAGES 3             /* of the image, at most, that are seen */

static bool open_page(uint32_t page)
{
	return page == FLAG_PAGE || page == SHARED_PAGE || page == TASK_TAIL || page == ENTRY_STACK;
}

static void read_all(uint32_t n)
{
	uint32_t seen = 0, last = 0;

	(void)n;
	for (uint32_t page = VIRTUAL_TOP; page; page += PAGE) {
		if (attempt(read_at, page) == NO_FAULT) {
			seen++;
			last = page;
		} else if (fault.vector != EX_PF || fault.error || fault.address != page) {
			wrong("read of %x: vector %x, error %x", page, fault.vector, fault.error);
		}
		must("the end of a page", read_at, page + PAGE - 1, fault.vector, 0);
	}
	/* Tables and shared pages; of the image, the code of stub.c and no more. */
	if (last >= IMAGE_CODE + 4 * PAGE || seen > 64)
		wrong("%u pages can be read, the last at %x", seen, last);
}

static void write_all(uint32_t n)
{
	(void)n;
	for (uint32_t page = VIRTUAL_TOP; page; page += PAGE)
		for (uint32_t offset = 0; offset < PAGE; offset += 1021) {
			uint32_t at = page + offset;

			if (attempt(write_at, at) == NO_FAULT ? !open_page(page) : fault.vector != EX_PF)
				wrong("write to %x: vector %x", at, fault.vector);
			else if (fault.vector == EX_PF && (fault.error != FAULT_WRITE || fault.address != at))
				wrong("write to %x: error code %x, address %x", at, fault.error, fault.address);
		}
}

static void write_without_wp(uint32_t n)
{
	write_cr0(read_cr0() & ~CR0_WP);
	window(1, PTE_PRESENT);
	must("a page that is read only", write_at, WINDOW + PAGE, NO_FAULT, 0);
	write_all(n);
}

static void write_unpaged(uint32_t n)
{
	write_cr0(read_cr0() & ~CR0_PG);
	read_all(n);
	write_all(n);
	write_cr0(read_cr0() | CR0_PG);
}

static void user_all(uint32_t n)
{
	(void)n;
	for (uint32_t page = VIRTUAL_TOP; page; page += PAGE) {
		must_user("reads the hole", read_at, page + 8, EX_PF, FAULT_USER);
		must_user("writes the hole", write_at, page + 8, EX_PF, FAULT_USER | FAULT_WRITE);
		must_user("runs the hole", jump_to, page + 8, EX_PF, FAULT_USER);
	}
}

static void across(uint32_t address)
{
	*word_at(address) = *word_at(address);
}

static void edges(uint32_t n)
{
	uint32_t page = fresh_page(), table = fresh_page();

	(void)n;
	word_at(table)[1023] = page | PTE_PRESENT | PTE_WRITE | PTE_USER;
	directory[1022] = table | PTE_PRESENT | PTE_WRITE | PTE_USER;
	set_cr3(address_of(directory));
	for (uint32_t at = VIRTUAL_TOP - 3; at < VIRTUAL_TOP; at++)
		must_user("across the hole's start", across, at, EX_PF, FAULT_USER);
	must("around the end of 4 GiB", across, 0xfffffffe, EX_PF, 0);
	must_user("around the end of 4 GiB", across, 0xfffffffe, EX_PF, FAULT_USER);
	must("across the end of the entry stack", across, IDT_PAGE - 2, EX_PF, FAULT_WRITE);
	must("across the start of the task state", across, TASK_STATE + 10, EX_PF, FAULT_WRITE);
}

/* pushl $0; pushl $0, which is the stub of vector 0, and behind it that of 1. */
static uint32_t find_stubs(void)
{
	for (uint32_t at = IMAGE_CODE; at < IMAGE_CODE + CODE_PAGES * PAGE; at += 16)
		if (attempt(read_at, at + 16) == NO_FAULT && *word_at(at) == 0x006a006a && *word_at(at + 16) == 0x016a006a)
			return at;
	wrong("the entry stubs are nowhere");
	return IMAGE_CODE;
}

static void run_stubs(uint32_t n)
{
	uint32_t stubs = find_stubs();

	(void)n;
	/* Ring 1 may run them, and then cannot load the monitor's data segment, by an instruction that it may not see. */
	for (uint32_t i = 0; i < STUB_COUNT + 1; i++) {
		must("a stub of the monitor's", jump_to, stubs + i * 16, EX_PF, 0);
		must_user("a stub of the monitor's", jump_to, stubs + i * 16, EX_PF, FAULT_USER);
	}
}

/* Its code from any point on. Anything may be the matter then, but that it is not ring 1's. */
static void run_code(uint32_t n)
{
	uint32_t from = IMAGE_CODE + n * 0x200;

	watchdog();
	for (uint32_t at = from; at < from + 0x200; at++) {
		interrupts(true);
		attempt(run_at, at);
		if (fault.vector == NO_FAULT)
			continue;
		if (!(fault.cs & 3))
			wrong("code at %x was in ring 0", at);
		set_cr3(address_of(directory));
		hypercall(VMI_CALL_CLTS, 0, 0, 0, 0, 0);
		interrupts(false);
	}
	timer_off();
}

/* Privileged instructions in the pages that can be written. */
static void run_shared(uint32_t n)
{
	static const uint8_t code[] = { 0x0f, 0x22, 0xd8, 0xf4, 0xfa, 0xfb, 0x0f, 0x30, 0xcf, 0xc3 };
	static const uint32_t places[] = { SHARED_QUEUE + 0x800, TASK_TAIL + 0x100, ENTRY_STACK + 0x100, FLAG_PAGE + 0x100 };

	(void)n;
	for (unsigned i = 0; i < sizeof places / 4; i++) {
		for (unsigned k = 0; k < sizeof code; k++)
			((volatile uint8_t *)places[i])[k] = code[k];
		for (unsigned k = 0; k < sizeof code - 1; k++)
			if (attempt(jump_to, places[i] + k) != NO_FAULT && fault.vector != EX_PF && fault.vector != EX_GP)
				wrong("code at %x: vector %x", places[i] + k, fault.vector);
		must_user("a page of the hole", jump_to, places[i], EX_PF, FAULT_USER);
		for (unsigned k = 0; k < sizeof code; k++)
			((volatile uint8_t *)places[i])[k] = 0;
	}
}

/* The vector stubs for ring 1, with whatever stack there is. */
static void run_ring1(uint32_t n)
{
	(void)n;
	for (uint32_t at = RING1_CODE; at < GUEST_END; at += 3) {
		attempt(run_at, at);
		if (fault.vector != NO_FAULT && !(fault.cs & 3))
			wrong("code at %x was in ring 0", at);
	}
}

/* Instructions with addresses in the hole that the monitor carries out. */
static void emulated(uint32_t address)
{
	__asm__ volatile("lgdt (%0)" : : "r"(address) : "memory");
}

static void emulated_lidt(uint32_t address)
{
	__asm__ volatile("lidt (%0)" : : "r"(address) : "memory");
}

static void emulated_lldt(uint32_t address)
{
	__asm__ volatile("lldt (%0)" : : "r"(address) : "memory");
}

static void emulated_lmsw(uint32_t address)
{
	__asm__ volatile("lmsw (%0)" : : "r"(address) : "memory");
}

static void emulated_ins(uint32_t address)
{
	uint32_t count = 4;

	__asm__ volatile("rep insb" : "+D"(address), "+c"(count) : "d"(0x20) : "memory");
}

static void emulated_outs(uint32_t address)
{
	uint32_t count = 4;

	__asm__ volatile("rep outsl" : "+S"(address), "+c"(count) : "d"(0xcfc) : "memory");
}

static void operands(uint32_t n)
{
	static const uint32_t places[] = { SHADOW_GDT, IDT_PAGE, SHADOW_LDT, OPEN_TASK, STUB_DATA, 0xffe00000, 0xfffffffd, NOWHERE };

	(void)n;
	for (unsigned i = 0; i < sizeof places / 4; i++) {
		must("lgdt", emulated, places[i], EX_PF, 0);
		must("lidt", emulated_lidt, places[i], EX_PF, 0);
		must("lldt", emulated_lldt, places[i], EX_PF, 0);
		must("lmsw", emulated_lmsw, places[i], EX_PF, 0);
		must("insb", emulated_ins, places[i], EX_PF, ANY);
		must("outsl", emulated_outs, places[i], EX_PF, 0);
		must_user("insb", emulated_ins, places[i], EX_GP, 0);
	}
}

const struct attack hole_attacks[] = {
	{ "every page of the hole, read", read_all, NULL, 0, false },
	{ "every page of the hole, read, before Init", read_all, NULL, 0, true },
	{ "every page of the hole, written", write_all, NULL, 0, false },
	{ "every page of the hole, written, before Init", write_all, NULL, 0, true },
	{ "every page of the hole, written with CR0.WP off", write_without_wp, NULL, 0, false },
	{ "every page of the hole, with paging off", write_unpaged, NULL, 0, false },
	{ "every page of the hole, from a program", user_all, NULL, 0, false },
	{ "accesses across the edges of the hole", edges, NULL, 0, false },
	{ "the monitor's entry stubs, run", run_stubs, NULL, 0, false },
	{ "the monitor's code, run from any byte, %u", run_code, ORDERLY, 8, false },
	{ "privileged code in the pages that can be written", run_shared, NULL, 0, false },
	{ "the monitor's code for ring 1, run from anywhere", run_ring1, ORDERLY, 0, false },
	{ "operands of instructions in the hole", operands, NULL, 0, false },
	{ NULL, NULL, NULL, 0, false },
};
