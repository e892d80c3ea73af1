/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Interrupt gates of every kind, and int with every vector. */
#include "escape.h"

static uint8_t code[8];

static void run_code(uint32_t ebx)
{
	__asm__ volatile("call *%0" : : "r"(code), "b"(ebx) : "eax", "ecx", "edx", "memory");
}

static void int_n(uint32_t vector)
{
	code[0] = 0xcd;
	code[1] = (uint8_t)vector;
	code[2] = 0xc3;
}

static void every_vector(uint32_t n)
{
	(void)n;
	for (uint32_t vector = 0; vector < 256; vector++) {
		int_n(vector);
		if (vector == ENTRY_VECTOR) {
			must("int of the monitor's", run_code, VMI_CALL_GetTR, NO_FAULT, 0);
			continue;
		}
		must("int n", run_code, 0, vector, ANY);
	}
}

static bool user_gate(uint32_t vector)
{
	return vector == EX_BP || vector == EX_OF || vector == DONE_VECTOR || vector == LANDED_VECTOR;
}

static void every_vector_user(uint32_t n)
{
	for (uint32_t vector = 0; vector < 256; vector++) {
		int_n(vector);
		if (n)
			set_gate(vector, KERNEL_CODE, idt[vector][0] & 0xffff ? (idt[vector][0] & 0xffff) | (idt[vector][1] & 0xffff0000) : 0, 0xee);
		if (n || user_gate(vector))
			must_user("int n", run_code, VMI_CALL_Reboot, vector, ANY);
		else
			must_user("int n", run_code, VMI_CALL_Reboot, EX_GP, vector * 8 + 2);
	}
}

/* Gates with the monitor's selectors. An int to one of them is the end. */
static void ring0_gate(uint32_t n)
{
	static const uint16_t selectors[] = { MONITOR_CS, MONITOR_CS | 1, MONITOR_CS | 3, MONITOR_DS, MONITOR_TASK, 0, KERNEL_DATA, 0xfffc };

	set_gate(0x90, selectors[n % 8], address_of(land), 0xee);
	int_n(0x90);
	if (n < 8)
		attempt(run_code, 0);
	else
		attempt_user(run_code, 0);
}

static void fault_gate(uint32_t n)
{
	static const uint8_t vectors[] = { EX_GP, EX_PF, EX_UD, EX_BP };

	set_gate(vectors[n], MONITOR_CS, IMAGE_CODE, 0x8e);
	attempt_user(n == 0 ? general : n == 1 ? page_fault : n == 2 ? undefined : general, 0);
	int_n(EX_BP);
	attempt(run_code, 0);
}

/* Every type of gate but the two that are meant. */
static void odd_gate(uint32_t n)
{
	uint32_t type = n & 31;

	set_gate(0x90, type == 5 ? TASK : KERNEL_CODE, address_of(land), 0xe0 | type);
	int_n(0x90);
	attempt_user(run_code, 0);
	attempt(run_code, 0);
}

static void odd_fault_gate(uint32_t n)
{
	static const uint8_t access[] = { 0x85, 0x86, 0x87, 0x8c, 0x89, 0x82, 0x0e, 0x9e };

	set_gate(EX_GP, TASK, address_of(land), access[n]);
	attempt_user(general, 0);
}

/* A handler in ring 3, or in ring 2; conforming, 16 bits, or not there. */
static void other_segment(uint32_t n)
{
	static const uint8_t access[] = { 0xfb, 0xdb, 0x7b, 0xff, 0x9f };

	flat_descriptor(SPARE, access[n]);
	set_gate(0x90, SPARE | 3, address_of(land), 0xee);
	set_gate(EX_GP, SPARE | 3, address_of(land), 0x8e);
	int_n(0x90);
	attempt_user(run_code, 0);
	attempt_user(general, 0);
	attempt(general, 0);
}

static void wild_handler(uint32_t n)
{
	static const uint32_t places[] = { IMAGE_CODE, ENTRY_STACK, SHADOW_GDT, 0xffe00000, 0xffffffff, NOWHERE, RING1_CODE, 0 };

	set_gate(EX_UD, KERNEL_CODE, places[n], 0x8e);
	attempt(undefined, 0);
	if (fault.vector == NO_FAULT || !(fault.cs & 3))
		wrong("a handler at %x: vector %x, cs %x", places[n], fault.vector, fault.cs);
	attempt_user(undefined, 0);
	if (fault.vector == NO_FAULT || !(fault.cs & 3))
		wrong("a handler at %x: vector %x, cs %x", places[n], fault.vector, fault.cs);
	good_gate(EX_UD);
}

static void wild_page_fault(uint32_t n)
{
	static const uint32_t places[] = { 0xffe00000, NOWHERE, 0xffffffff };

	set_gate(EX_PF, KERNEL_CODE, places[n], 0x8e);
	attempt(page_fault, 0);
}

/* ---- The table itself ---- */

static void load_idt(uint32_t base, uint16_t limit)
{
	const struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) value = { limit, base };

	__asm__ volatile("lidt %0" : : "m"(value));
}

static void idt_places(uint32_t n)
{
	static const uint32_t places[] = { IDT_PAGE, VIRTUAL_TOP, NOWHERE, 0xffffff00, 0xffbfff00, 0xffffffff };

	load_idt(places[n], 2047);
	attempt(undefined, 0);
	attempt(general, 0);
}

static void no_idt(uint32_t n)
{
	load_idt(address_of(idt), 0);
	attempt(n ? general : undefined, 0);
}

static void short_idt(uint32_t n)
{
	static const uint16_t limits[] = { 7, 0x32, 0x67, 0x6e };

	load_idt(address_of(idt), limits[n]);
	attempt(general, 0);
}

/* The table is changed where it lies: the monitor's copy, or the new entry, but no third. */
static void silent_idt(uint32_t n)
{
	(void)n;
	for (unsigned i = 0; i < 200; i++) {
		uint32_t low = idt[EX_UD][0], high = idt[EX_UD][1];

		idt[EX_UD][0] = random32();
		attempt(undefined, 0);
		if (fault.vector == NO_FAULT || !(fault.cs & 3))
			wrong("vector %x", fault.vector);
		idt[EX_UD][0] = low;
		idt[EX_UD][1] = high;
	}
}

const struct attack gate_attacks[] = {
	{ "int n, every vector, in ring 1", every_vector, NULL, 0, false },
	{ "int n, every vector, in ring 1, before Init", every_vector, NULL, 0, true },
	{ "int n, every vector, in ring 3, with gates open or not, %u", every_vector_user, NULL, 2, false },
	{ "a gate to a segment of the monitor's, %u", ring0_gate, STOPPED "the gate of vector", 16, false },
	{ "a fault's gate to a segment of the monitor's, %u", fault_gate, STOPPED "the gate of vector", 4, false },
	{ "a gate of every type, %u", odd_gate, "the guest (ended with 10|is stopped: exception or interrupt 144 .*no 32-bit gate)", 32,
	  false },
	{ "a fault's gate of an odd type, %u", odd_fault_gate, STOPPED "exception or interrupt 13", 8, false },
	{ "a gate to a segment that is not the kernel's, %u", other_segment, STOPPED "the gate of vector", 5, false },
	{ "handlers in the hole and nowhere, %u", wild_handler, "the guest (ended with 10$|is stopped: |reset)", 8, false },
	{ "a page fault handler that is nowhere, %u", wild_page_fault, STACK_GONE, 3, false },
	{ "an IDT that cannot be read, %u", idt_places, STOPPED "(the interrupt descriptor table|.*no 32-bit gate)", 6, false },
	{ "an IDT that is empty, %u", no_idt, RESET "triple fault", 2, false },
	{ "an IDT that is too short, %u", short_idt, STOPPED "exception or interrupt 13", 4, false },
	{ "an IDT that changes silently", silent_idt, NULL, 0, false },
	{ NULL, NULL, NULL, 0, false },
};
