/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Instructions that the monitor carries out, where it must look for them: at the end of pages, too long, with odd prefixes, changed. */
#include "escape.h"

#define CODE (WINDOW + 4 * PAGE) /* three pages */
static uint32_t page[3];

static void code_pages(bool second)
{
	for (unsigned i = 0; i < 3; i++) {
		if (!page[i])
			page[i] = fresh_page();
		window(4 + i, i && !second ? 0 : page[i] | PTE_PRESENT | PTE_WRITE | PTE_USER);
	}
}

static void put_code(uint32_t at, const uint8_t *code, unsigned size)
{
	for (unsigned i = 0; i < size; i++) {
		uint32_t offset = at + i - CODE;

		((volatile uint8_t *)word_at(page[offset / PAGE]))[offset % PAGE] = code[i];
	}
}

static const struct {
	uint8_t bytes[8];
	unsigned size;
} instructions[] = {
	{ { 0xfa }, 1 }, { { 0x0f, 0x06 }, 2 }, { { 0x0f, 0x20, 0xd8 }, 3 }, { { 0xe4, 0x21 }, 2 }, { { 0xe6, 0x80 }, 2 },
	{ { 0x0f, 0x01, 0x38 }, 3 }, { { 0x0f, 0x01, 0xbc, 0x24, 0, 0, 0, 0x10 }, 8 }, { { 0x8e, 0xd2 }, 2 }, { { 0x0f, 0x32 }, 2 },
	{ { 0x0f, 0x00, 0xd3 }, 3 }, { { 0x0f, 0x01, 0x3d, 0, 0, 0, 0x60 }, 7 },
};
#define INSTRUCTIONS (sizeof instructions / sizeof *instructions)

static void run(uint32_t at)
{
	__asm__ volatile("call *%0" : "+D"(at) : "a"(0), "c"(0x174), "d"(KERNEL_DATA), "b"(0) : "esi", "memory");
}

/* Each instruction at each place across the end of a page: with the next page, and without, where it must be a fault of that page. */
static void page_ends(uint32_t n)
{
	(void)n;
	for (unsigned i = 0; i < INSTRUCTIONS; i++)
		for (unsigned before = 1; before <= instructions[i].size; before++)
			for (unsigned second = 0; second < 2; second++) {
				uint32_t at = CODE + PAGE - before;

				code_pages(true);
				put_code(at, instructions[i].bytes, instructions[i].size);
				put_code(at + instructions[i].size, (const uint8_t *)"\xc3", 1);
				code_pages(second);
				attempt(run, at);
				if (second && fault.vector != NO_FAULT)
					wrong("instruction %u, %u bytes before a page's end: vector %x", i, before, fault.vector);
				if (!second && (fault.vector != EX_PF || fault.address != CODE + PAGE))
					wrong("instruction %u, %u bytes before the end of all: vector %x, address %x", i, before, fault.vector,
					      fault.address);
			}
}

/* Before the hole, so that the rest of it would be the monitor's. */
static void hole_start(uint32_t n)
{
	uint32_t last = fresh_page(), table = fresh_page();

	(void)n;
	word_at(table)[1023] = last | PTE_PRESENT | PTE_WRITE | PTE_USER;
	directory[1022] = table | PTE_PRESENT | PTE_WRITE | PTE_USER;
	set_cr3(address_of(directory));
	for (unsigned i = 0; i < INSTRUCTIONS; i++)
		for (unsigned before = 1; before < instructions[i].size; before++) {
			for (unsigned k = 0; k < before; k++)
				((volatile uint8_t *)(last + PAGE - before))[k] = instructions[i].bytes[k];
			/* The flag itself is among these bytes. */
			for (unsigned k = 0; k < 64; k++)
				if (k != 1)
					((volatile uint8_t *)FLAG_PAGE)[k] = k + before < instructions[i].size ?
										     instructions[i].bytes[k + before] : 0xcc;
			attempt(run, VIRTUAL_TOP - before);
			attempt_user(run, VIRTUAL_TOP - before);
			if (fault.vector != EX_PF && fault.vector != EX_GP)
				wrong("instruction %u of a program, %u bytes before the hole: vector %x", i, before, fault.vector);
			interrupts(false);
		}
}

static void too_long(uint32_t n)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0x2e, 0x36, 0x64, 0x65, 0xf0, 0xf2, 0xf3 };

	(void)n;
	code_pages(true);
	for (unsigned p = 0; p < sizeof prefixes; p++)
		for (unsigned i = 0; i < INSTRUCTIONS; i++)
			for (unsigned count = 1; count < 20; count++) {
				for (unsigned k = 0; k < count; k++)
					put_code(CODE + k, &prefixes[p], 1);
				put_code(CODE + count, instructions[i].bytes, instructions[i].size);
				put_code(CODE + count + instructions[i].size, (const uint8_t *)"\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xcc", 8);
				attempt(run, CODE);
				/* 67h makes operands in memory shorter. */
				if (count + instructions[i].size > 15 && (i < 5 || (i > 6 && i < 10)) && fault.vector != EX_GP && fault.vector != EX_UD)
					wrong("%u bytes, prefix %x: vector %x", count + instructions[i].size, prefixes[p], fault.vector);
				attempt_user(run, CODE);
				interrupts(false);
				set_cr3(address_of(directory));
			}
}

/* Random bytes behind each opcode that is carried out, in ring 1 and ring 3. */
static void random_operands(uint32_t n)
{
	static const uint8_t opcodes[][2] = { { 0x0f, 0x01 }, { 0x0f, 0x00 }, { 0x0f, 0xb2 }, { 0x8e, 0 }, { 0x6c, 0 }, { 0x6f, 0 }, { 0xcf, 0 },
					      { 0xcb, 0 }, { 0x17, 0 }, { 0x0f, 0x21 } };

	code_pages(true);
	watchdog();
	for (unsigned i = 0; i < 600; i++) {
		const uint8_t *opcode = opcodes[i % 10];
		uint8_t code[16];
		unsigned k = 0;

		for (; k < (random32() & 3); k++)
			code[k] = (const uint8_t[]){ 0x66, 0x67, 0xf3, 0x2e }[random32() & 3];
		code[k++] = opcode[0];
		if (opcode[1])
			code[k++] = opcode[1];
		for (; k < 16; k++)
			code[k] = (uint8_t)random32();
		/* Not lgdt, lidt and ltr, which would be the guest's own end, and not lmsw. */
		put_code(CODE, code, 16);
		if (n)
			attempt_user(run, CODE);
		else if (opcode[0] != 0x0f || opcode[1] > 1)
			attempt(run, CODE);
		if (fault.vector != NO_FAULT && !(fault.cs & 3) && !(fault.eflags & FLAG_VM))
			wrong("ring 0");
		interrupts(false);
	}
	timer_off();
}

/* The instruction changes between the fault and the monitor's look at it, as far as a single processor lets it: the page that it is in
 * has another one behind it, of which the shadow does not know. */
static void stale_code(uint32_t n)
{
	uint32_t other = fresh_page();

	(void)n;
	code_pages(true);
	for (unsigned i = 0; i < INSTRUCTIONS; i++) {
		put_code(CODE, (const uint8_t *)"\xfa\xc3", 2);
		attempt(run, CODE);
		for (unsigned k = 0; k < 8; k++)
			((volatile uint8_t *)other)[k] = instructions[i].bytes[k];
		((volatile uint8_t *)other)[instructions[i].size] = 0xc3;
		window_table[4] = other | PTE_PRESENT | PTE_WRITE | PTE_USER;
		attempt(run, CODE);
		window_table[4] = 0;
		attempt(run, CODE);
		code_pages(true);
	}
}

/* Code that changes itself right before it traps. */
static void self_modifying(uint32_t n)
{
	static const uint8_t code[] = { 0xc6, 0x05, 0, 0, 0, 0, 0xfb, 0xfa, 0xc6, 0x05, 0, 0, 0, 0, 0xfa, 0xc3 };

	(void)n;
	code_pages(true);
	put_code(CODE, code, sizeof code);
	*word_at(page[0] + 2) = CODE + 7;
	*word_at(page[0] + 10) = CODE + 7;
	for (unsigned i = 0; i < 200; i++) {
		must("code that changes itself", run, CODE, NO_FAULT, 0);
		if (!(*(volatile uint8_t *)INTERRUPT_FLAG & FLAG_ENABLED))
			wrong("the old instruction was carried out");
		interrupts(false);
	}
}

/* Strings of ports, to and from anywhere. */
static uint32_t string_count;

static void ins(uint32_t address)
{
	uint32_t count = string_count;

	__asm__ volatile("cld; rep insl" : "+D"(address), "+c"(count) : "d"(0x80) : "memory");
}

static void outs_down(uint32_t address)
{
	uint32_t count = string_count;

	__asm__ volatile("std; rep outsb; cld" : "+S"(address), "+c"(count) : "d"(0x80) : "memory");
}

static void strings(uint32_t n)
{
	static const uint32_t places[] = { VIRTUAL_TOP, VIRTUAL_TOP - 1, 0xfffffffe, 0xffffffff, SHADOW_GDT, NOWHERE, 0xd0000, ENTRY_STACK, 0x100000 };

	(void)n;
	for (unsigned i = 0; i < 8; i++)
		for (string_count = 1; string_count <= 0x10000; string_count *= 16) {
			attempt(ins, places[i]);
			if (i < 6 && fault.vector != EX_PF)
				wrong("insl to %x: vector %x", places[i], fault.vector);
			attempt(outs_down, places[i]);
			if (i < 6 && i != 1 && fault.vector != EX_PF)
				wrong("outsb from %x: vector %x", places[i], fault.vector);
			attempt_user(ins, places[i]);
			if (fault.vector != EX_GP)
				wrong("insl of a program: vector %x", fault.vector);
		}
}

const struct attack text_attacks[] = {
	{ "instructions across the end of a page", page_ends, NULL, 0, false },
	{ "instructions across the start of the hole", hole_start, NULL, 0, false },
	{ "instructions that are too long", too_long, NULL, 0, false },
	{ "instructions with random operands, %u", random_operands, ORDERLY, 2, false },
	{ "instructions on pages that are stale", stale_code, NULL, 0, false },
	{ "code that changes itself", self_modifying, NULL, 0, false },
	{ "strings of ports, to and from anywhere", strings, NULL, 0, false },
	{ NULL, NULL, NULL, 0, false },
};
