/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What an entry allows, and the bits in it that accesses set. */
#include "conform.h"

#define PAGE_A (USER_TEST + 0x6000)
#define FAULT_PRESENT 1
#define FAULT_WRITE 2
#define FAULT_USER 4
#define FAULT_BITS 7

static void *table, *page;
static unsigned index_a;

static void begin(void)
{
	table = table_link(USER_TEST);
	page = page_get();
	index_a = table_index(PAGE_A);
	*(uint32_t *)page = 0x5eed5eed;
}

static void end(void)
{
	table_unlink(USER_TEST, table);
	page_put(page);
}

static void set(uint32_t bits)
{
	map(table, PAGE_A, physical(page) + ENTRY_PRESENT + bits);
	DO(InvalPage, PAGE_A);
}

/* The error code of the fault there, or -1 if it succeeds. */
static int try(bool write, bool user)
{
	uint32_t value;
	unsigned vector;

	if (user)
		vector = write ? user_write_at(PAGE_A, 0x5eed5eed) : user_read_at(PAGE_A, &value);
	else
		vector = write ? write_at(PAGE_A, 0x5eed5eed) : read_at(PAGE_A, &value);
	if (vector != EXCEPTION_PAGE)
		return -1;
	EQUAL(trapped_cr2, PAGE_A);
	return (int)(trapped.error & FAULT_BITS);
}
#define SUCCEEDS -1

/* Names for the calls of the two forms. */
#define EACH(id, what, source) \
	CASE(id##_plain, "SetPxE", what, source) \
	{ \
		if (pae) \
			omit(); \
		else \
			id(); \
	} \
	CASE(id##_long, "SetPxELong", what, source) \
	{ \
		if (!pae) \
			omit(); \
		else \
			id(); \
	}

static void read_only(void)
{
	begin();
	set(ENTRY_USER);
	EQUAL(try(false, false), SUCCEEDS);
	EQUAL(try(true, false), FAULT_PRESENT + FAULT_WRITE);
	EQUAL(try(false, true), SUCCEEDS);
	EQUAL(try(true, true), FAULT_PRESENT + FAULT_WRITE + FAULT_USER);
	set(ENTRY_USER + ENTRY_WRITE);
	EQUAL(try(true, false), SUCCEEDS);
	EQUAL(try(true, true), SUCCEEDS);
	set(ENTRY_USER);
	EQUAL(try(true, true), FAULT_PRESENT + FAULT_WRITE + FAULT_USER);
	EQUAL(try(true, false), FAULT_PRESENT + FAULT_WRITE);
	end();
}
EACH(read_only, "without the right to write, neither the kernel nor a user writes", "3.4")

static void supervisor(void)
{
	begin();
	set(ENTRY_WRITE);
	EQUAL(try(false, false), SUCCEEDS);
	EQUAL(try(true, false), SUCCEEDS);
	EQUAL(try(false, true), FAULT_PRESENT + FAULT_USER);
	EQUAL(try(true, true), FAULT_PRESENT + FAULT_WRITE + FAULT_USER);
	set(ENTRY_WRITE + ENTRY_USER);
	EQUAL(try(false, true), SUCCEEDS);
	EQUAL(try(true, true), SUCCEEDS);
	set(ENTRY_WRITE);
	EQUAL(try(false, true), FAULT_PRESENT + FAULT_USER);
	end();
}
EACH(supervisor, "a page of the kernel's is no user's", "3.4")

static void absent(void)
{
	begin();
	EQUAL(try(false, false), 0);
	EQUAL(try(true, false), FAULT_WRITE);
	EQUAL(try(false, true), FAULT_USER);
	EQUAL(try(true, true), FAULT_WRITE + FAULT_USER);
	end();
	/* Without a table, too. */
	EQUAL(try(false, false), 0);
	EQUAL(try(true, true), FAULT_WRITE + FAULT_USER);
}
EACH(absent, "the error code of a fault says by whom and for what", "3.4")

static void set_directory(uint32_t bits)
{
	unsigned slot;
	void *directory = directory_of(&main_space, USER_TEST, &slot);

	entry_set(directory, slot, physical(table) + ENTRY_PRESENT + bits, FOR(VMI_PAGE_PD, USER_TEST));
	DO(FlushTLB, VMI_FLUSH_TLB);
}

static void combined(void)
{
	begin();
	set(ENTRY_WRITE + ENTRY_USER);
	EQUAL(try(true, true), SUCCEEDS);
	set_directory(ENTRY_USER);
	EQUAL(try(true, false), FAULT_PRESENT + FAULT_WRITE);
	EQUAL(try(true, true), FAULT_PRESENT + FAULT_WRITE + FAULT_USER);
	EQUAL(try(false, true), SUCCEEDS);
	set_directory(ENTRY_WRITE);
	EQUAL(try(true, false), SUCCEEDS);
	EQUAL(try(false, true), FAULT_PRESENT + FAULT_USER);
	set_directory(ENTRY_WRITE + ENTRY_USER);
	EQUAL(try(true, true), SUCCEEDS);
	end();
}
EACH(combined, "an entry of a directory takes rights from all its table", "3.4")

/* ---- Accessed and dirty ---- */

static uint32_t bits(void)
{
	return (uint32_t)entry_read(table, index_a) & (ENTRY_ACCESSED | ENTRY_DIRTY);
}

static void accessed(void)
{
	unsigned slot;
	void *directory;

	begin();
	directory = directory_of(&main_space, USER_TEST, &slot);
	set(ENTRY_WRITE + ENTRY_USER);
	EQUAL(bits(), 0);
	EQUAL(try(false, false), SUCCEEDS);
	EQUAL(bits(), ENTRY_ACCESSED);
	EQUAL((uint32_t)entry_read(directory, slot) & ENTRY_ACCESSED, ENTRY_ACCESSED);
	EQUAL(try(true, false), SUCCEEDS);
	EQUAL(bits(), ENTRY_ACCESSED + ENTRY_DIRTY);
	set(ENTRY_WRITE + ENTRY_USER);
	EQUAL(bits(), 0);
	EQUAL(try(true, false), SUCCEEDS);
	EQUAL(bits(), ENTRY_ACCESSED + ENTRY_DIRTY);
	end();
}
EACH(accessed, "a read sets the accessed bit, a write the dirty bit too", "3.4")

static void accessed_user(void)
{
	begin();
	set(ENTRY_WRITE + ENTRY_USER);
	EQUAL(try(false, true), SUCCEEDS);
	EQUAL(bits(), ENTRY_ACCESSED);
	EQUAL(try(true, true), SUCCEEDS);
	EQUAL(bits(), ENTRY_ACCESSED + ENTRY_DIRTY);
	end();
}
EACH(accessed_user, "a user's accesses set them as well", "3.4")

static void accessed_not(void)
{
	begin();
	set(ENTRY_USER);
	EQUAL(try(true, true), FAULT_PRESENT + FAULT_WRITE + FAULT_USER);
	EQUAL(bits() & ENTRY_DIRTY, 0);
	EQUAL(try(false, false), SUCCEEDS);
	EQUAL(bits(), ENTRY_ACCESSED);
	end();
}
EACH(accessed_not, "a write that faults leaves the dirty bit clear", "3.4")

static void accessed_again(void)
{
	begin();
	set(ENTRY_WRITE + ENTRY_USER);
	EQUAL(try(true, false), SUCCEEDS);
	/* Only the dirty bit is taken away, as for a page that was written out. */
	set(ENTRY_WRITE + ENTRY_USER + ENTRY_ACCESSED);
	EQUAL(bits(), ENTRY_ACCESSED);
	EQUAL(try(false, false), SUCCEEDS);
	EQUAL(bits(), ENTRY_ACCESSED);
	EQUAL(try(true, false), SUCCEEDS);
	EQUAL(bits(), ENTRY_ACCESSED + ENTRY_DIRTY);
	end();
}
EACH(accessed_again, "bits that were taken away come back with the next access", "3.4")

CASE(accessed_silent, "InvalPage", "bits that were taken away by a plain store come back with the next access", "3.4")
{
	begin();
	set(ENTRY_WRITE + ENTRY_USER);
	EQUAL(try(true, false), SUCCEEDS);
	entry_store(table, index_a, physical(page) + ENTRY_ALL);
	DO(InvalPage, PAGE_A);
	EQUAL(bits(), 0);
	EQUAL(try(true, false), SUCCEEDS);
	EQUAL(bits(), ENTRY_ACCESSED + ENTRY_DIRTY);
	end();
}

/* What a kernel does for copy on write: the handler gives the right, and the access goes on. */
static bool fill(struct trap *trap)
{
	if (trap->vector != EXCEPTION_PAGE)
		return false;
	set(ENTRY_WRITE + ENTRY_USER);
	return true;
}

CASE(restart, "IRET", "an access that faulted goes on once its page is there, in the kernel and for a user", "3.3")
{
	uint32_t value = 0;

	begin();
	trap_hook = fill;
	EQUAL(read_at(PAGE_A, &value), 0);
	EQUAL(value, 0x5eed5eed);
	trap_hook = NULL;
	unmap(table, PAGE_A);
	trap_hook = fill;
	EQUAL(user_read_at(PAGE_A, &value), SYSTEM_CALL);
	EQUAL(value, 0x5eed5eed);
	trap_hook = NULL;
	set(ENTRY_USER);
	trap_hook = fill;
	EQUAL(user_write_at(PAGE_A, 0x77), SYSTEM_CALL);
	EQUAL(*(uint32_t *)page, 0x77);
	end();
}
