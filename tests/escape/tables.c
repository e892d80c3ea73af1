/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Page tables that are edited behind the monitor's back, mappings that are stale, notices that lie, roots without number.
 */
#include "escape.h"

#define ALL (PTE_PRESENT | PTE_WRITE | PTE_USER)

/* A page that was used, and then taken away without a word: like a TLB, the old one or the new one, and never a third. */
static void stale_page(uint32_t n)
{
	uint32_t a = fresh_page(), b = fresh_page(), value;

	(void)n;
	*word_at(a) = 'a';
	*word_at(b) = 'b';
	for (unsigned i = 0; i < 200; i++) {
		window(1, a | ALL);
		*word_at(WINDOW + PAGE) = 'a';
		window_table[1] = b | ALL;
		value = *word_at(WINDOW + PAGE);
		if (value != 'a' && value != 'b')
			wrong("a stale page has %x", value);
		window_table[1] = ram_end | ALL;
		value = *word_at(WINDOW + PAGE);
		if (value != 'a' && value != 'b')
			wrong("a stale page has %x", value);
		invalidate(WINDOW + PAGE);
		*word_at(WINDOW + PAGE) = 'x';
		if (*word_at(a) != 'a' || *word_at(b) != 'b')
			wrong("what was invalidated is still mapped");
		window_table[1] = 0;
		hypercall(VMI_CALL_FlushTLB, i & 1 ? 3 : 1, 0, 0, 0, 0);
		must("a page that is gone and flushed", read_at, WINDOW + PAGE, EX_PF, ANY);
	}
}

/* The directory maps itself: its entries are pages, and are written through themselves. */
static void recursive(uint32_t n)
{
	volatile uint32_t *map = word_at(0xf0000000);

	(void)n;
	directory[0xf0000000 >> 22] = address_of(directory) | ALL;
	set_cr3(address_of(directory));
	for (uint32_t i = 0; i < 0x3fc; i++) {
		uint32_t page = ram_end + i * PAGE;

		if (i == 0xf0000000 >> 22)
			continue;
		map[(WINDOW >> 12) + i] = page | ALL;
		attempt(write_at, WINDOW + i * PAGE);
		map[(WINDOW >> 12) + i] = address_of(directory) | ALL;
		attempt(read_at, WINDOW + i * PAGE);
	}
	/* Its table of itself, as a table, a page and a large page in turn. */
	map[0xf0000 + 0x3c1] = address_of(directory) | ALL;
	map[0xf0000 + 0x3c2] = 0 | ALL | PTE_LARGE;
	map[0xf0000 + 0x3c3] = ram_end | ALL;
	hypercall(VMI_CALL_FlushTLB, 3, 0, 0, 0, 0);
	for (uint32_t at = 0xf0400000; at < 0xf1000000; at += 0x10000)
		attempt(read_at, at);
	must("the hole by a recursive directory", write_at, SHADOW_GDT, EX_PF, FAULT_WRITE);
	for (unsigned i = 0x3c0; i < 0x3c4; i++)
		directory[i] = 0;
}

/* A live page table becomes a page of data, a page of data a live page table, with wrong notices and with none. */
static void changes_of_use(uint32_t n)
{
	uint32_t table = fresh_page(), page = fresh_page(), slot = (WINDOW >> 22) + 1;

	for (unsigned i = 0; i < 300; i++) {
		for (unsigned k = 0; k < 1024; k += 7)
			word_at(table)[k] = (i & 1 ? page : ram_end + k * PAGE) | ALL;
		directory[slot] = table | ALL;
		if (n == 0)
			set_cr3(address_of(directory));
		if (n == 1)
			rom_call(rom_function(i & 2 ? VMI_CALL_AllocatePage : VMI_CALL_ReleasePage), table >> 12, 1, 0, 0, 0);
		if (n == 2)
			hypercall(ENTRY_QUEUE, 0, 0, address_of(directory) | QUEUE_PAGE, 0, 0);
		if (n == 3)
			rom_call(rom_function(VMI_CALL_UpdatePxE), address_of(&directory[slot]), VMI_PAGE_PD, 0, 0, 0);
		attempt(write_at, WINDOW + 0x400000 + (random32() & 0x3ff000));
		attempt_user(write_at, WINDOW + 0x400000 + (random32() & 0x3ff000));
		for (unsigned k = 0; k < 1024; k += 3)
			word_at(table)[k] = random32();
		attempt(write_at, WINDOW + 0x400000 + (random32() & 0x3ff000));
		directory[slot] = i & 4 ? 0 : PTE_LARGE | ALL;
		attempt(read_at, WINDOW + 0x400000);
	}
	directory[slot] = 0;
	set_cr3(address_of(directory));
}

/* Frames that are not the guest's, that do not exist, that are in use. */
static void wrong_frames(uint32_t n)
{
	uint32_t frames[] = { ram_end >> 12, (reserved_end >> 12) - 1, 0xfffff, 0x100000, 0x80000000, address_of(directory) >> 12,
			      address_of(tables) >> 12, 0, 0xc0, 0xd0, 0xffc00, 0xffc10, (ram_end >> 12) - 1 };
	uint32_t number = n & 1 ? VMI_CALL_ReleasePage : VMI_CALL_AllocatePage;

	for (unsigned i = 0; i < sizeof frames / 4; i++)
		for (unsigned flags = 0; flags < 0x80; flags += 3) {
			rom_call(rom_function(number), frames[i], flags, 0, 0, 0);
			rom_call(rom_function(number), frames[i], flags, frames[i] + 1, 0xffffffff, 2);
			attempt(read_at, WINDOW);
		}
	for (uint32_t frame = ram_end >> 12; frame < reserved_end >> 12; frame++)
		rom_call(rom_function(number), frame, VMI_PAGE_PD, 0, 0, 0);
	set_cr3(address_of(directory));
}

/* Where the guest says that it sees memory. The monitor's stub reads page tables by it. */
static void linear_mapping(uint32_t n)
{
	static const uint32_t starts[] = { 0, 0xffc00000, 0xffbff000, NOWHERE, 0xfffff000, 0x80000000, 0xffc10000, 0xfffffff0 };
	static const uint32_t pages[] = { 0, 1, 0x1000, 0x100000, 0xfffff, 0x100001, 0xffffffff, 0x80000 };
	static const uint32_t bases[] = { 0, 1, 0xfffff, 0x80000000, 0xffc00 };

	(void)n;
	for (unsigned s = 0; s < 8; s++)
		for (unsigned p = 0; p < 8; p++)
			for (unsigned b = 0; b < 5; b++) {
				hypercall(VMI_CALL_SetLinearMapping, b, starts[s], pages[p], bases[b], 0);
				hypercall(VMI_CALL_SetLinearMapping, 0, starts[s], pages[p], bases[b], 0);
				must_user("a page fault with a wrong map", read_at, NOWHERE, EX_PF, FAULT_USER);
				must("a page fault with a wrong map", read_at, NOWHERE, EX_PF, 0);
				must("the hole with a wrong map", write_at, SHADOW_GDT, EX_PF, FAULT_WRITE);
				rom_call(rom_function(VMI_CALL_SetPxE), 0, address_of(window_table), 1, 0, 0);
			}
}

/* The stub reads the guest's tables by a map that says that they are the tables' own, or lie in video memory. */
static void linear_mapping_lies(uint32_t n)
{
	uint32_t page = fresh_page();

	for (unsigned i = 0; i < 1024; i++)
		word_at(page)[i] = n == 0 ? page | ALL : n == 1 ? page | PTE_PRESENT : random32();
	for (uint32_t i = 0; i < 1024; i++)
		window(i, page | ALL);
	hypercall(VMI_CALL_SetLinearMapping, 0, WINDOW, 1024, (address_of(directory) >> 12) & ~0x3ff, 0);
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t at = random32();

		attempt_user(read_at, at);
		if (fault.vector != NO_FAULT && fault.vector != EX_PF)
			wrong("a page fault at %x by a map that lies: vector %x", at, fault.vector);
		attempt_user(write_at, VIRTUAL_TOP + at % 0x400000);
		if (fault.vector != EX_PF)
			wrong("the hole by a map that lies: vector %x", fault.vector);
	}
	for (uint32_t i = 0; i < 1024; i++)
		window(i, 0);
}

/* ---- Too many of everything ---- */

static void many_roots(uint32_t n)
{
	uint32_t roots[40];

	for (unsigned i = 0; i < 40; i++) {
		roots[i] = fresh_page();
		for (unsigned k = 0; k < 1024; k++)
			word_at(roots[i])[k] = directory[k];
		word_at(roots[i])[0x200 + i] = address_of(window_table) | ALL;
	}
	window_table[0] = address_of(window_table) | ALL;
	for (unsigned i = 0; i < 4000; i++) {
		unsigned r = random32() % 40;

		if (n)
			hypercall(VMI_CALL_SetCR3, roots[r], 0, 0, 0, 0);
		else
			set_cr3(roots[r]);
		attempt(read_at, (0x200 + r) << 22);
		if (fault.vector != NO_FAULT)
			wrong("root %u lacks its own page", r);
		if (i % 16 == 0)
			must("another root's page", read_at, (0x200 + (r + 1) % 40) << 22, EX_PF, 0);
		if (i % 64 == 0)
			rom_call(rom_function(VMI_CALL_ReleasePage), roots[random32() % 40] >> 12, VMI_PAGE_PD, 0, 0, 0);
	}
}

/* More page tables than the monitor has pages for shadows. */
static void many_tables(uint32_t n)
{
	uint32_t frame = fresh_page();
	bool pae = n == 1;
	uint32_t pdpt = fresh_page(), directories = fresh_page();

	for (unsigned i = 0; i < 3; i++)
		fresh_page();
	for (unsigned round = 0; round < 3; round++)
		for (uint32_t slot = 0x40; slot < 0x3f0; slot++) {
			directory[slot] = frame | PTE_USER | PTE_PRESENT | (slot & 1 ? PTE_WRITE : 0);
			/* The same frame is a table of many kinds: with other rights, and as a large page that must be cut up. */
			if (n == 2)
				directory[slot] = (ram_end + slot * 0x400000) | ALL | PTE_LARGE;
			attempt(read_at, slot << 22 | (slot & 0x3ff) << 12);
		}
	for (unsigned slot = 0x40; slot < 0x3f0; slot++)
		directory[slot] = slot == WINDOW >> 22 ? address_of(window_table) | ALL : 0;
	if (!pae)
		return;
	for (unsigned i = 0; i < 16; i++)
		((volatile uint64_t *)directories)[i] = i * 0x200000ull | ALL | PTE_LARGE;
	for (unsigned i = 16; i < 2040; i++)
		((volatile uint64_t *)directories)[i] = (ram_end + i * 0x1000ull) | ALL | (i & 3 ? PTE_LARGE : 0);
	for (unsigned i = 0; i < 4; i++)
		((volatile uint64_t *)pdpt)[i] = (directories + i * PAGE) | PTE_PRESENT;
	write_cr0(read_cr0() & ~CR0_PG);
	write_cr4(CR4_PAE | CR4_PSE);
	set_cr3(pdpt);
	write_cr0(read_cr0() | CR0_PG);
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t at = 16 * 0x200000; at < 2040u * 0x200000; at += 0x200000)
			attempt(read_at, at);
}

/* Other forms of page tables, again and again, each with its own shadow. */
static void forms(uint32_t n)
{
	uint32_t pdpt = fresh_page(), pd = fresh_page();

	(void)n;
	for (unsigned i = 0; i < 16; i++)
		((volatile uint64_t *)pd)[i] = i * 0x200000ull | ALL | PTE_LARGE;
	((volatile uint64_t *)pdpt)[0] = pd | PTE_PRESENT;
	for (unsigned i = 0; i < 100; i++) {
		write_cr0(read_cr0() & ~CR0_PG);
		must("the hole without paging", write_at, SHADOW_GDT, EX_PF, FAULT_WRITE);
		write_cr4(i & 1 ? CR4_PSE : CR4_PAE);
		set_cr3(i & 1 ? address_of(directory) : pdpt);
		write_cr0(read_cr0() | CR0_PG);
		must("the hole", write_at, SHADOW_GDT, EX_PF, FAULT_WRITE);
		must("memory", read_at, address_of(directory), NO_FAULT, 0);
	}
}

/* PAE is switched on while paging by tables of 32 bits is on, and off again if the guest still lives. */
static void form_under_way(uint32_t n)
{
	uint32_t pae = fresh_page();

	/* The same page is a directory of both forms: its first entries map the first memory in either. */
	for (unsigned i = 0; i < 1024; i++)
		word_at(pae)[i] = directory[i];
	if (n)
		set_cr3(0xffffffff);
	write_cr4(CR4_PAE);
	write_cr4(CR4_PSE);
	set_cr3(address_of(directory));
}

const struct attack table_attacks[] = {
	{ "a page table edited without a word", stale_page, NULL, 0, false },
	{ "a page table edited without a word, before Init", stale_page, NULL, 0, true },
	{ "a directory that maps itself", recursive, NULL, 0, false },
	{ "pages that become tables and tables that become pages, %u", changes_of_use, NULL, 5, false },
	{ "notices of wrong frames, %u", wrong_frames, NULL, 2, false },
	{ "linear mappings of anything", linear_mapping, NULL, 0, false },
	{ "a linear mapping that lies, %u", linear_mapping_lies, NULL, 3, false },
	{ "thousands of loads of CR3, %u", many_roots, NULL, 2, false },
	{ "thousands of loads of CR3, before Init", many_roots, NULL, 0, true },
	{ "more page tables than shadows, %u", many_tables, NULL, 3, false },
	{ "page tables of both forms in turn", forms, NULL, 0, false },
	{ "PAE switched while paging, %u", form_under_way, STOPPED "the interrupt descriptor table", 2, false },
	{ NULL, NULL, NULL, 0, false },
};
