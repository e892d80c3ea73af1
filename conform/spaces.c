/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Address spaces, pages that become tables and stop being ones, large pages, and where the ROM finds tables. */
#include "conform.h"

#define PAGE_A (USER_TEST + 0x7000)
#define WINDOW (KERNEL_TEST + 0x8000)
#define CR4_PSE 0x10
#define CPUID_PSE 0x08
#define PATTERN 0x0ddba11

static uint32_t seen(uint32_t address)
{
	uint32_t value = 0;

	return read_at(address, &value) ? 1 : value;
}
#define ABSENT 1

static void *marked_page(void)
{
	uint32_t *page = page_get();

	*page = (uint32_t)page;
	return page;
}

static entry_t entry_for(const void *page)
{
	return physical(page) + ENTRY_ALL;
}

CASE(cr3_switch, "SetCR3", "another address space is in force at once, and the kernel's part is the same in all", "3.2")
{
	void *a = marked_page(), *b = marked_page(), *table_a, *table_b;
	struct space other;

	space_new(&other);
	table_a = table_link(USER_TEST);
	map(table_a, PAGE_A, entry_for(a));
	EQUAL(seen(PAGE_A), (uint32_t)a);
	space_load(&other);
	EQUAL((uint32_t)DO(GetCR3), other.cr3);
	EQUAL(seen(PAGE_A), ABSENT);
	table_b = table_link(USER_TEST);
	map(table_b, PAGE_A, entry_for(b));
	EQUAL(seen(PAGE_A), (uint32_t)b);
	for (int i = 0; i < 3; i++) {
		space_load(&main_space);
		EQUAL(seen(PAGE_A), (uint32_t)a);
		EQUAL((uint32_t)DO(GetCR3), main_space.cr3);
		space_load(&other);
		EQUAL(seen(PAGE_A), (uint32_t)b);
	}
	/* An entry of the kernel's that is new is there in both. */
	map(kernel_test_table, WINDOW, physical(a) + ENTRY_PRESENT + ENTRY_WRITE);
	EQUAL(seen(WINDOW), (uint32_t)a);
	space_load(&main_space);
	EQUAL(seen(WINDOW), (uint32_t)a);
	unmap(kernel_test_table, WINDOW);
	EQUAL(seen(WINDOW), ABSENT);
	space_load(&other);
	EQUAL(seen(WINDOW), ABSENT);
	table_unlink(USER_TEST, table_b);
	space_load(&main_space);
	table_unlink(USER_TEST, table_a);
	space_free(&other);
	page_put(a);
	page_put(b);
}

CASE(cr3_inactive, "SetCR3", "entries of a space that was not loaded when they were set are in force once it is", "3.2")
{
	void *a = marked_page(), *b = marked_page(), *table;
	struct space other;
	unsigned slot;
	void *directory;

	space_new(&other);
	table = table_get(VMI_PAGE_PT);
	directory = directory_of(&other, USER_TEST, &slot);
	entry_set(directory, slot, physical(table) + ENTRY_ALL, VMI_PAGE_PD);
	entry_set(table, table_index(PAGE_A), entry_for(a), VMI_PAGE_PT);
	EQUAL(seen(PAGE_A), ABSENT);
	space_load(&other);
	EQUAL(seen(PAGE_A), (uint32_t)a);
	space_load(&main_space);
	entry_set(table, table_index(PAGE_A), entry_for(b), VMI_PAGE_PT);
	space_load(&other);
	EQUAL(seen(PAGE_A), (uint32_t)b);
	space_load(&main_space);
	entry_set(table, table_index(PAGE_A), 0, VMI_PAGE_PT);
	space_load(&other);
	EQUAL(seen(PAGE_A), ABSENT);
	table_unlink(USER_TEST, table);
	space_load(&main_space);
	space_free(&other);
	page_put(a);
	page_put(b);
}

CASE(cr3_user, "SetCR3", "users see the space that is loaded", "3.2")
{
	struct space other;
	void *table, *directory;
	unsigned slot;

	space_new(&other);
	space_load(&other);
	run_user(user_call, NULL);
	EQUAL(trapped.vector, EXCEPTION_PAGE);
	EQUAL(trapped.eip, AT_USER(user_call));
	/* The same code, in a table of its own. */
	table = table_link(USER_CODE_PAGE);
	for (uint32_t at = USER_CODE_PAGE; at <= USER_STACK_PAGE; at += PAGE_SIZE)
		map(table, at, entry_read(user_table, table_index(at)));
	run_user(user_call, NULL);
	EQUAL(trapped.vector, SYSTEM_CALL);
	directory = directory_of(&other, USER_CODE_PAGE, &slot);
	entry_set(directory, slot, 0, FOR(VMI_PAGE_PD, USER_CODE_PAGE));
	space_load(&main_space);
	run_user(user_call, NULL);
	EQUAL(trapped.vector, SYSTEM_CALL);
	table_put(table, VMI_PAGE_PT);
	space_free(&other);
}

/* ---- Pages that are tables for a while ---- */

CASE(allocate_keeps, "AllocatePage", "what is in the page stays, what is cloned too", "4.1")
{
	uint32_t *page = page_get();

	for (unsigned i = 0; i < PAGE_SIZE / 4; i++)
		page[i] = (PATTERN + 2 * i) & ~1u;
	DO(AllocatePage, physical(page) / PAGE_SIZE, VMI_PAGE_PT | (pae ? VMI_PAGE_PAE : 0));
	for (unsigned i = 0; i < PAGE_SIZE / 4; i++)
		EQUAL(page[i], (PATTERN + 2 * i) & ~1u);
	table_put(page, VMI_PAGE_PT);
	/* space_new says ZEROED and CLONE. */
	CHECK((uint32_t)entry_read(main_space.top, pae ? 3 : KERNEL_BASE >> 22) & ENTRY_PRESENT);
}

CASE(allocate_filled, "AllocatePage", "entries that were there before count", "3.4")
{
	void *page = marked_page(), *table = page_get();
	unsigned slot;
	void *directory = directory_of(&main_space, USER_TEST, &slot);

	entry_store(table, table_index(PAGE_A), entry_for(page));
	DO(AllocatePage, physical(table) / PAGE_SIZE, VMI_PAGE_PT | (pae ? VMI_PAGE_PAE : 0));
	entry_set(directory, slot, physical(table) + ENTRY_ALL, FOR(VMI_PAGE_PD, USER_TEST));
	EQUAL(seen(PAGE_A), (uint32_t)page);
	table_unlink(USER_TEST, table);
	EQUAL(seen(PAGE_A), ABSENT);
	page_put(page);
}

CASE(release_reuse, "ReleasePage", "the page is memory like any other afterwards, and can be a table again", "3.4")
{
	void *page = marked_page();

	for (int i = 0; i < 4; i++) {
		uint32_t *table = table_link(USER_TEST);

		map(table, PAGE_A, entry_for(page));
		EQUAL(seen(PAGE_A), (uint32_t)page);
		table_unlink(USER_TEST, table);
		/* Odd values: they would be entries. */
		for (unsigned j = 0; j < PAGE_SIZE / 4; j++)
			table[j] = physical(page) + ENTRY_ALL;
		EQUAL(seen(PAGE_A), ABSENT);
		for (unsigned j = 0; j < PAGE_SIZE / 4; j++)
			EQUAL(table[j], physical(page) + ENTRY_ALL);
	}
	page_put(page);
}

CASE(release_keeps, "ReleasePage", "leaves in the page what is in it", "3.4")
{
	uint32_t *table = table_get(VMI_PAGE_PT);

	for (unsigned i = 0; i < 8; i++)
		entry_set(table, i, 0x1000 * i, VMI_PAGE_PT);
	DO(ReleasePage, physical(table) / PAGE_SIZE, VMI_PAGE_PT | (pae ? VMI_PAGE_PAE : 0));
	for (unsigned i = 0; i < 8; i++)
		EQUAL((uint32_t)entry_read(table, i), 0x1000 * i);
	page_put(table);
}

CASE(release_directory, "ReleasePage", "a directory's page can be another space's directory", "3.4")
{
	void *a = marked_page(), *b = marked_page();

	for (int i = 0; i < 4; i++) {
		void *page = i % 2 ? a : b, *table;
		struct space space;

		space_new(&space);
		space_load(&space);
		EQUAL(seen(PAGE_A), ABSENT);
		table = table_link(USER_TEST);
		map(table, PAGE_A, entry_for(page));
		EQUAL(seen(PAGE_A), (uint32_t)page);
		table_unlink(USER_TEST, table);
		space_load(&main_space);
		space_free(&space);
	}
	page_put(a);
	page_put(b);
}

/* ---- Where tables are ---- */

CASE(mapping_slot, "SetLinearMapping", "an entry's address in another slot's range is understood", "4.7")
{
	void *a = marked_page(), *b = marked_page(), *table = table_link(USER_TEST);
	uint32_t entry = WINDOW + table_index(PAGE_A) * (pae ? 8 : 4);

	map(kernel_test_table, WINDOW, physical(table) + ENTRY_PRESENT + ENTRY_WRITE);
	DO(SetLinearMapping, 1, WINDOW, 1, physical(table) / PAGE_SIZE);
	entry_set((void *)WINDOW, table_index(PAGE_A), entry_for(a), FOR(VMI_PAGE_PT, PAGE_A));
	EQUAL(*(volatile uint32_t *)entry & ENTRY_FRAME, physical(a));
	EQUAL(seen(PAGE_A), (uint32_t)a);
	*(volatile uint32_t *)entry = (uint32_t)entry_for(b);
	entry_announce((void *)WINDOW, table_index(PAGE_A), FOR(VMI_PAGE_PT, PAGE_A));
	DO(InvalPage, PAGE_A);
	EQUAL(seen(PAGE_A), (uint32_t)b);
	DO(SetLinearMapping, 1, WINDOW, 0, 0);
	unmap(kernel_test_table, WINDOW);
	table_unlink(USER_TEST, table);
	page_put(a);
	page_put(b);
}

CASE(mapping_again, "SetLinearMapping", "the same again is borne", "4.7")
{
	void *page = marked_page(), *table;

	DO(SetLinearMapping, 0, KERNEL_BASE, MEMORY_MAX / PAGE_SIZE, 0);
	table = table_link(USER_TEST);
	map(table, PAGE_A, entry_for(page));
	EQUAL(seen(PAGE_A), (uint32_t)page);
	table_unlink(USER_TEST, table);
	page_put(page);
}

/* ---- Large pages ---- */

/* A physical address that a large page can begin at, with a page of ours in it. */
static uint32_t large_base(const void *page)
{
	return physical(page) & ~(large_size() - 1);
}

static bool no_large_pages(void)
{
	struct registers r = REGISTERS(.eax = 1, .ecx = 0);

	if (pae)
		return false;
	make(VMI_CALL_CPUID, &r, 0, 0);
	if (!(r.edx & CPUID_PSE)) {
		skip("CPUID says that there are none");
		return true;
	}
	DO(SetCR4, (uint32_t)DO(GetCR4) | CR4_PSE);
	return false;
}

static void large(void)
{
	void *page = marked_page(), *small = marked_page(), *table;
	uint32_t base = large_base(page), at = USER_TEST + (physical(page) - base), value = 0;
	unsigned slot;
	void *directory = directory_of(&main_space, USER_TEST, &slot);

	entry_set(directory, slot, base + ENTRY_ALL + ENTRY_LARGE, FOR(VMI_PAGE_PD, USER_TEST));
	EQUAL(seen(at), (uint32_t)page);
	EQUAL((uint32_t)entry_read(directory, slot) & (ENTRY_ACCESSED | ENTRY_DIRTY), ENTRY_ACCESSED);
	EQUAL(write_at(at + 4, 0xcafe), 0);
	EQUAL(((uint32_t *)page)[1], 0xcafe);
	EQUAL((uint32_t)entry_read(directory, slot) & (ENTRY_ACCESSED | ENTRY_DIRTY), ENTRY_ACCESSED | ENTRY_DIRTY);
	EQUAL(user_read_at(at + 4, &value), SYSTEM_CALL);
	EQUAL(value, 0xcafe);
	entry_set(directory, slot, base + ENTRY_PRESENT + ENTRY_LARGE, FOR(VMI_PAGE_PD, USER_TEST));
	DO(InvalPage, at);
	EQUAL(write_at(at, 0), EXCEPTION_PAGE);
	EQUAL(trapped.error & 7, 3);
	EQUAL(user_read_at(at, &value), EXCEPTION_PAGE);
	EQUAL(trapped.error & 7, 5);
	/* A table in its place, and none. */
	table = table_link(USER_TEST);
	map(table, PAGE_A, entry_for(small));
	DO(FlushTLB, VMI_FLUSH_TLB);
	EQUAL(seen(PAGE_A), (uint32_t)small);
	if (at != PAGE_A)
		EQUAL(seen(at), ABSENT);
	table_unlink(USER_TEST, table);
	EQUAL(seen(PAGE_A), ABSENT);
	page_put(page);
	page_put(small);
}

CASE(large_plain, "SetPxE", "a page of 4 MiB maps, protects, notes accesses, and gives way to a table", "3.4")
{
	if (pae)
		omit();
	else if (!no_large_pages())
		large();
}

CASE(large_long, "SetPxELong", "a page of 2 MiB maps, protects, notes accesses, and gives way to a table", "3.4")
{
	if (!pae)
		omit();
	else
		large();
}
