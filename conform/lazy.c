/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lazy mode: what may be put off, and by when it must have happened. */
#include "conform.h"

#define PAGE_A (USER_TEST + 0x9000)
#define PAGE_B (USER_TEST + 0xa000)
#define ABSENT 1

static void *table, *page_a, *page_b;

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
	DO(SetLazyMode, VMI_LAZY_NONE);
	table_unlink(USER_TEST, table);
	page_put(page_a);
	page_put(page_b);
}

static uint32_t seen(uint32_t address)
{
	uint32_t value = 0;

	return read_at(address, &value) ? 1 : value;
}

static entry_t entry_for(const void *page)
{
	return physical(page) + ENTRY_ALL;
}

/* Of kinds and numbers enough that a short queue overflows. */
static void many(const void *page)
{
	for (unsigned i = 0; i < 200; i++)
		entry_set(table, 0x40 + i, page ? entry_for(page) : 0, FOR(VMI_PAGE_PT, USER_TEST + (0x40 + i) * PAGE_SIZE));
}

CASE(updates_end, "SetLazyMode", "entries that were set in a batch are in force at its end", "4.2")
{
	begin();
	EQUAL(seen(PAGE_A), ABSENT);
	DO(SetLazyMode, VMI_LAZY_MMU_UPDATES);
	map(table, PAGE_A, entry_for(page_a));
	entry_set(table, table_index(PAGE_B), entry_for(page_b), FOR(VMI_PAGE_PT, PAGE_B) | VMI_PAGE_DEFER);
	many(page_a);
	DO(SetLazyMode, VMI_LAZY_NONE);
	EQUAL(seen(PAGE_A), (uint32_t)page_a);
	EQUAL(seen(PAGE_B), (uint32_t)page_b);
	for (unsigned i = 0; i < 200; i += 13)
		EQUAL(seen(USER_TEST + (0x40 + i) * PAGE_SIZE), (uint32_t)page_a);
	EQUAL((uint32_t)entry_read(table, table_index(PAGE_A)) & ENTRY_FRAME, physical(page_a));
	DO(SetLazyMode, VMI_LAZY_MMU_UPDATES);
	many(NULL);
	DO(SetLazyMode, VMI_LAZY_NONE);
	DO(FlushTLB, VMI_FLUSH_TLB);
	for (unsigned i = 0; i < 200; i += 13)
		EQUAL(seen(USER_TEST + (0x40 + i) * PAGE_SIZE), ABSENT);
	end();
}

CASE(updates_announced, "SetLazyMode", "so are entries that were stored and announced in a batch", "4.2")
{
	begin();
	DO(SetLazyMode, VMI_LAZY_MMU_UPDATES);
	entry_store(table, table_index(PAGE_A), entry_for(page_a));
	entry_announce(table, table_index(PAGE_A), FOR(VMI_PAGE_PT, PAGE_A) | VMI_PAGE_DEFER);
	DO(SetLazyMode, VMI_LAZY_NONE);
	EQUAL(seen(PAGE_A), (uint32_t)page_a);
	DO(SetLazyMode, VMI_LAZY_MMU_UPDATES);
	entry_store(table, table_index(PAGE_A), entry_for(page_b));
	entry_announce(table, table_index(PAGE_A), FOR(VMI_PAGE_PT, PAGE_A) | VMI_PAGE_DEFER);
	DO(InvalPage, PAGE_A);
	DO(SetLazyMode, VMI_LAZY_NONE);
	EQUAL(seen(PAGE_A), (uint32_t)page_b);
	end();
}

CASE(updates_order, "SetLazyMode", "of several for one entry the last counts", "4.2")
{
	begin();
	DO(SetLazyMode, VMI_LAZY_MMU_UPDATES);
	map(table, PAGE_A, entry_for(page_a));
	map(table, PAGE_A, 0);
	map(table, PAGE_A, entry_for(page_b));
	map(table, PAGE_B, entry_for(page_b));
	map(table, PAGE_B, 0);
	DO(SetLazyMode, VMI_LAZY_NONE);
	EQUAL(seen(PAGE_A), (uint32_t)page_b);
	EQUAL(seen(PAGE_B), ABSENT);
	end();
}

CASE(updates_fault, "SetLazyMode", "an access to a page whose entry was set in the batch succeeds", "4.2")
{
	begin();
	EQUAL(seen(PAGE_A), ABSENT);
	DO(SetLazyMode, VMI_LAZY_MMU_UPDATES);
	map(table, PAGE_A, entry_for(page_a));
	EQUAL(seen(PAGE_A), (uint32_t)page_a);
	map(table, PAGE_B, entry_for(page_b));
	EQUAL(seen(PAGE_B), (uint32_t)page_b);
	end();
}

CASE(updates_flush, "SetLazyMode", "a flush in the batch empties the queue", "4.2")
{
	begin();
	map(table, PAGE_A, entry_for(page_a));
	map(table, PAGE_B, entry_for(page_a));
	EQUAL(seen(PAGE_A), (uint32_t)page_a);
	EQUAL(seen(PAGE_B), (uint32_t)page_a);
	DO(SetLazyMode, VMI_LAZY_MMU_UPDATES);
	map(table, PAGE_A, entry_for(page_b));
	DO(InvalPage, PAGE_A);
	EQUAL(seen(PAGE_A), (uint32_t)page_b);
	map(table, PAGE_B, 0);
	DO(FlushTLB, VMI_FLUSH_TLB);
	EQUAL(seen(PAGE_B), ABSENT);
	end();
}

CASE(switch_end, "SetLazyMode", "in a context switch, address space and kernel stack are the new ones at the end", "4.2")
{
	struct space other;
	void *second;

	begin();
	space_new(&other);
	map(table, PAGE_A, entry_for(page_a));
	EQUAL(seen(PAGE_A), (uint32_t)page_a);
	DO(SetLazyMode, VMI_LAZY_CPU_STATE);
	space_load(&other);
	EQUAL((uint32_t)DO(GetCR3), other.cr3);
	set_kernel_stack(kernel_stack_2);
	DO(SetLazyMode, VMI_LAZY_NONE);
	EQUAL((uint32_t)DO(GetCR3), other.cr3);
	EQUAL(seen(PAGE_A), ABSENT);
	second = table_link(USER_TEST);
	map(second, PAGE_A, entry_for(page_b));
	EQUAL(seen(PAGE_A), (uint32_t)page_b);
	table_unlink(USER_TEST, second);

	DO(SetLazyMode, VMI_LAZY_CPU_STATE);
	space_load(&main_space);
	set_kernel_stack(kernel_stack);
	DO(SetLazyMode, VMI_LAZY_NONE);
	EQUAL(seen(PAGE_A), (uint32_t)page_a);
	run_user(user_call, NULL);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped_at, (uint32_t)kernel_stack);
	space_free(&other);
	end();
}

CASE(switch_ts, "SetLazyMode", "in a context switch, TS is what was set last at the end", "4.2")
{
	uint32_t cr0 = (uint32_t)DO(GetCR0);

	DO(SetLazyMode, VMI_LAZY_CPU_STATE);
	DO(SetCR0, cr0 | 8);
	DO(SetLazyMode, VMI_LAZY_NONE);
	run_user(user_fpu, NULL);
	EQUAL(trapped.vector, EXCEPTION_NO_FPU);
	DO(SetLazyMode, VMI_LAZY_CPU_STATE);
	DO(SetCR0, cr0 | 8);
	DO(CLTS);
	DO(SetLazyMode, VMI_LAZY_NONE);
	run_user(user_fpu, NULL);
	EQUAL(trapped.vector, SYSTEM_CALL);
	DO(SetCR0, cr0);
}

CASE(mask_stays, "SetLazyMode", "the interrupt mask is not put off", "4.2")
{
	for (uint32_t mode = 0; mode < 3; mode++) {
		DO(SetLazyMode, mode);
		DO(EnableInterrupts);
		CHECK(DO(GetInterruptMask) & VMI_MASK_ENABLED);
		DO(DisableInterrupts);
		CHECK(!(DO(GetInterruptMask) & VMI_MASK_ENABLED));
		DO(SetLazyMode, VMI_LAZY_NONE);
	}
}
