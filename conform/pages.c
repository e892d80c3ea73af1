/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Entries of page tables: written by the call, stored and announced, or taken away without a word before a flush. What an
 * entry is worth shows in an access. The calls are those for the form of table that is in use; rights.c has rights and
 * the accessed and dirty bits.
 */
#include "conform.h"

#define CPUID_PGE 0x2000
#define CR4_PGE 0x80
#define PAGE_A (USER_TEST + 0x3000)
#define PAGE_B (USER_TEST + 0x4000)

static void *table, *page_a, *page_b;

/* A table for USER_TEST, and two pages that hold their own addresses. */
static void begin(void)
{
	table = table_link(USER_TEST);
	page_a = page_get();
	page_b = page_get();
	*(uint32_t *)page_a = (uint32_t)page_a;
	*(uint32_t *)page_b = (uint32_t)page_b;
}

static void end(void)
{
	table_unlink(USER_TEST, table);
	page_put(page_a);
	page_put(page_b);
}

static entry_t entry_for(const void *page)
{
	return physical(page) + ENTRY_ALL;
}

/* What is read at address; 0 if it traps otherwise than by a page that is not present. */
static uint32_t seen(uint32_t address)
{
	uint32_t value = 0;
	unsigned vector = read_at(address, &value);

	if (vector == EXCEPTION_PAGE && trapped_cr2 == address && !(trapped.error & 1))
		return 1;
	return vector ? 0 : value;
}
#define ABSENT 1
#define EXPECT(address, page) EQUAL(seen(address), (uint32_t)(page))

/* The same cases for each form, with the calls of that form. */
static bool wrong_form(bool wants_pae)
{
	if (pae != wants_pae)
		omit();
	return pae != wants_pae;
}

static void maps(void)
{
	begin();
	EXPECT(PAGE_A, ABSENT);
	map(table, PAGE_A, entry_for(page_a));
	EXPECT(PAGE_A, page_a);
	EXPECT(PAGE_B, ABSENT);
	map(table, PAGE_B, entry_for(page_b));
	EXPECT(PAGE_A, page_a);
	EXPECT(PAGE_B, page_b);
	end();
}

static void writes_through(void)
{
	uint32_t value = 0;

	begin();
	map(table, PAGE_A, entry_for(page_a));
	map(table, PAGE_B, entry_for(page_a));
	EQUAL(write_at(PAGE_A + 8, 0x11112222), 0);
	EQUAL(((uint32_t *)page_a)[2], 0x11112222);
	EQUAL(read_at(PAGE_B + 8, &value), 0);
	EQUAL(value, 0x11112222);
	EQUAL(user_write_at(PAGE_B + 12, 0x33334444), SYSTEM_CALL);
	EQUAL(((uint32_t *)page_a)[3], 0x33334444);
	end();
}

static void changes(void)
{
	begin();
	map(table, PAGE_A, entry_for(page_a));
	EXPECT(PAGE_A, page_a);
	map(table, PAGE_A, entry_for(page_b));
	DO(InvalPage, PAGE_A);
	EXPECT(PAGE_A, page_b);
	unmap(table, PAGE_A);
	EXPECT(PAGE_A, ABSENT);
	map(table, PAGE_A, entry_for(page_a));
	EXPECT(PAGE_A, page_a);
	end();
}

static void memory_only(void)
{
	unsigned index = table_index(PAGE_A);

	begin();
	map(table, PAGE_A, entry_for(page_a));
	EQUAL((uint32_t)entry_read(table, index) & ~(ENTRY_ACCESSED | ENTRY_DIRTY), (uint32_t)entry_for(page_a));
	EQUAL((uint32_t)entry_read(table, index - 1), 0);
	EQUAL((uint32_t)entry_read(table, index + 1), 0);
	/* An entry that is not present is the guest's to use. */
	map(table, PAGE_A, 0x1234567887654320ull & ~1ull);
	EQUAL((uint32_t)entry_read(table, index), 0x87654320);
	if (pae)
		EQUAL((uint32_t)(entry_read(table, index) >> 32), 0x12345678);
	DO(InvalPage, PAGE_A);
	EXPECT(PAGE_A, ABSENT);
	EQUAL((uint32_t)entry_read(table, index - 1), 0);
	EQUAL((uint32_t)entry_read(table, index + 1), 0);
	end();
}

static void without_address(void)
{
	unsigned index = table_index(PAGE_A);

	begin();
	entry_set(table, index, entry_for(page_a), VMI_PAGE_PT);
	EXPECT(PAGE_A, page_a);
	entry_set(table, index, entry_for(page_b), VMI_PAGE_PT);
	DO(InvalPage, PAGE_A);
	EXPECT(PAGE_A, page_b);
	entry_set(table, index, 0, VMI_PAGE_PT | VMI_PAGE_DEFER);
	DO(FlushTLB, VMI_FLUSH_TLB);
	EXPECT(PAGE_A, ABSENT);
	entry_set(table, index, entry_for(page_a), FOR(VMI_PAGE_PT, PAGE_A) | VMI_PAGE_DEFER);
	DO(FlushTLB, VMI_FLUSH_TLB);
	EXPECT(PAGE_A, page_a);
	end();
}

/* A whole table filled, and taken out of the directory. */
static void directory(void)
{
	begin();
	for (unsigned i = 0; i < 40; i++)
		map(table, USER_TEST + i * PAGE_SIZE, entry_for(i % 2 ? page_a : page_b));
	for (unsigned i = 0; i < 40; i++)
		EXPECT(USER_TEST + i * PAGE_SIZE, i % 2 ? page_a : page_b);
	end();
	for (unsigned i = 0; i < 40; i++)
		EXPECT(USER_TEST + i * PAGE_SIZE, ABSENT);
}

/* The kernel's own part: a table that all address spaces share. */
static void kernel_part(void)
{
	begin();
	map(kernel_test_table, KERNEL_TEST + 0x5000, physical(page_a) + ENTRY_PRESENT + ENTRY_WRITE);
	EXPECT(KERNEL_TEST + 0x5000, page_a);
	map(kernel_test_table, KERNEL_TEST + 0x5000, physical(page_b) + ENTRY_PRESENT + ENTRY_WRITE);
	DO(InvalPage, KERNEL_TEST + 0x5000);
	EXPECT(KERNEL_TEST + 0x5000, page_b);
	unmap(kernel_test_table, KERNEL_TEST + 0x5000);
	EXPECT(KERNEL_TEST + 0x5000, ABSENT);
	end();
}

static void announced(void)
{
	unsigned index = table_index(PAGE_A);

	begin();
	EXPECT(PAGE_A, ABSENT);
	entry_store(table, index, entry_for(page_a));
	entry_announce(table, index, FOR(VMI_PAGE_PT, PAGE_A));
	EXPECT(PAGE_A, page_a);
	EQUAL((uint32_t)entry_read(table, index) & ~(ENTRY_ACCESSED | ENTRY_DIRTY), (uint32_t)entry_for(page_a));
	EQUAL((uint32_t)entry_read(table, index - 1), 0);
	EQUAL((uint32_t)entry_read(table, index + 1), 0);
	entry_store(table, index, entry_for(page_b));
	entry_announce(table, index, FOR(VMI_PAGE_PT, PAGE_A));
	DO(InvalPage, PAGE_A);
	EXPECT(PAGE_A, page_b);
	entry_store(table, index, 0);
	entry_announce(table, index, FOR(VMI_PAGE_PT, PAGE_A) | VMI_PAGE_DEFER);
	DO(FlushTLB, VMI_FLUSH_TLB);
	EXPECT(PAGE_A, ABSENT);
	entry_store(table, index, entry_for(page_a));
	entry_announce(table, index, VMI_PAGE_PT);
	EXPECT(PAGE_A, page_a);
	end();
}

static void announced_directory(void)
{
	void *directory_page, *second = table_get(VMI_PAGE_PT);
	unsigned slot;

	begin();
	map(table, PAGE_A, entry_for(page_a));
	entry_set(second, table_index(PAGE_A), entry_for(page_b), VMI_PAGE_PT);
	directory_page = directory_of(&main_space, USER_TEST, &slot);
	EXPECT(PAGE_A, page_a);
	entry_store(directory_page, slot, physical(second) + ENTRY_ALL);
	entry_announce(directory_page, slot, FOR(VMI_PAGE_PD, USER_TEST));
	DO(FlushTLB, VMI_FLUSH_TLB);
	EXPECT(PAGE_A, page_b);
	/* As Linux writes a directory's entry with PAE: by the level of a table. */
	entry_store(directory_page, slot, physical(table) + ENTRY_ALL);
	entry_announce(directory_page, slot, VMI_PAGE_PT);
	DO(FlushTLB, VMI_FLUSH_TLB);
	EXPECT(PAGE_A, page_a);
	table_put(second, VMI_PAGE_PT);
	end();
}

/* call 38 or 39, as pae is. */
#define BOTH(id, call, what, source) \
	CASE(id##_plain, call, what, source) \
	{ \
		if (!wrong_form(false)) \
			id(); \
	} \
	CASE(id##_long, call "Long", what, source) \
	{ \
		if (!wrong_form(true)) \
			id(); \
	}

BOTH(maps, "SetPxE", "an entry that is set maps its page, and no other", "3.4")
BOTH(writes_through, "SetPxE", "two entries map one page, and the kernel and a user write through them", "3.4")
BOTH(changes, "SetPxE", "an entry that is changed or cleared is so after InvalPage", "3.4")
BOTH(memory_only, "SetPxE", "writes that entry as it is given, and not the ones beside it", "3.4")
BOTH(without_address, "SetPxE", "works without an address, and by the next flush if it may be deferred", "4.1")
BOTH(directory, "SetPxE", "an entry of a directory brings a table, and takes it away", "3.4")
BOTH(kernel_part, "SetPxE", "works in a table of the kernel's", "3.4")
BOTH(announced, "UpdatePxE", "an entry that was stored and is announced is in force", "3.4")
BOTH(announced_directory, "UpdatePxE", "an entry of a directory that was stored and is announced is in force", "3.4")

/* ---- Flushes ---- */

static void store_silently(entry_t entry)
{
	entry_store(table, table_index(PAGE_A), entry);
}

CASE(inval_silent, "InvalPage", "an entry that was cleared or changed without notice is so afterwards", "3.4")
{
	begin();
	map(table, PAGE_A, entry_for(page_a));
	map(table, PAGE_B, entry_for(page_b));
	EXPECT(PAGE_A, page_a);
	EXPECT(PAGE_B, page_b);
	store_silently(0);
	DO(InvalPage, PAGE_A);
	EXPECT(PAGE_A, ABSENT);
	EXPECT(PAGE_B, page_b);
	store_silently(entry_for(page_a));
	DO(InvalPage, PAGE_A + 0xabc);
	EXPECT(PAGE_A, page_a);
	store_silently(entry_for(page_b));
	DO(InvalPage, PAGE_A + 0xabc);
	EXPECT(PAGE_A, page_b);
	end();
}

CASE(inval_kernel, "InvalPage", "so is an entry of the kernel's", "3.4")
{
	unsigned index = table_index(KERNEL_TEST);

	begin();
	map(kernel_test_table, KERNEL_TEST, physical(page_a) + ENTRY_PRESENT + ENTRY_WRITE);
	EXPECT(KERNEL_TEST, page_a);
	entry_store(kernel_test_table, index, 0);
	DO(InvalPage, KERNEL_TEST);
	EXPECT(KERNEL_TEST, ABSENT);
	end();
}

static void flush_silent(uint32_t flags)
{
	begin();
	map(table, PAGE_A, entry_for(page_a));
	map(table, PAGE_B, entry_for(page_b));
	EXPECT(PAGE_A, page_a);
	EXPECT(PAGE_B, page_b);
	store_silently(0);
	entry_store(table, table_index(PAGE_B), entry_for(page_a));
	DO(FlushTLB, flags);
	EXPECT(PAGE_A, ABSENT);
	EXPECT(PAGE_B, page_a);
	end();
}

CASE(flush_local, "FlushTLB", "entries that were cleared or changed without notice are so afterwards", "3.4")
{
	flush_silent(VMI_FLUSH_TLB);
}

CASE(flush_all, "FlushTLB", "with the flag for global pages, too", "3.4")
{
	flush_silent(VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL);
}

CASE(flush_global, "FlushTLB", "with the flag for global pages, a global entry of the kernel's is forgotten", "3.4")
{
	unsigned index = table_index(KERNEL_TEST);
	struct registers r = REGISTERS(.eax = 1, .ecx = 0);
	uint32_t cr4;

	make(VMI_CALL_CPUID, &r, 0, 0);
	if (r.edx & CPUID_PGE)
		DO(SetCR4, (uint32_t)DO(GetCR4) | CR4_PGE);
	cr4 = (uint32_t)DO(GetCR4);
	begin();
	map(kernel_test_table, KERNEL_TEST, physical(page_a) + ENTRY_PRESENT + ENTRY_WRITE + ENTRY_GLOBAL);
	EXPECT(KERNEL_TEST, page_a);
	entry_store(kernel_test_table, index, physical(page_b) + ENTRY_PRESENT + ENTRY_WRITE + ENTRY_GLOBAL);
	DO(FlushTLB, VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL);
	EXPECT(KERNEL_TEST, page_b);
	entry_store(kernel_test_table, index, 0);
	DO(FlushTLB, VMI_FLUSH_TLB | VMI_FLUSH_GLOBAL);
	EXPECT(KERNEL_TEST, ABSENT);
	EQUAL((uint32_t)DO(GetCR4), cr4);
	end();
}

CASE(cr3_silent, "SetCR3", "the same value again is a flush", "3.2")
{
	begin();
	map(table, PAGE_A, entry_for(page_a));
	EXPECT(PAGE_A, page_a);
	store_silently(0);
	DO(SetCR3, main_space.cr3);
	EXPECT(PAGE_A, ABSENT);
	end();
}
