/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Page tables, in either of the two forms. What the ABI asks of a guest is done here: each table is announced before
 * it is used, and from then on its entries are written by a call, or stored and then announced; where a case does
 * otherwise, it says so.
 */
#include "conform.h"

#define POOL 96

uint8_t boot_tables[16][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
bool pae;
struct space main_space;
void *kernel_test_table, *user_table;

static uint8_t pool[POOL][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static bool used[POOL];
static struct space boot_space;
static const struct space *current;

void *page_get(void)
{
	for (unsigned i = 0; i < POOL; i++)
		if (!used[i]) {
			used[i] = true;
			__builtin_memset(pool[i], 0, PAGE_SIZE);
			return pool[i];
		}
	give_up("this guest has no page left");
}

void page_put(void *page)
{
	used[(uint8_t(*)[PAGE_SIZE])page - pool] = false;
}

static uint32_t frame_of(const void *page)
{
	return physical(page) / PAGE_SIZE;
}

static uint32_t with_pae(uint32_t kind)
{
	return kind | (pae ? VMI_PAGE_PAE : 0);
}

void *table_get(uint32_t kind)
{
	void *table = page_get();

	DO(AllocatePage, frame_of(table), with_pae(kind | VMI_PAGE_ZEROED));
	return table;
}

void table_put(void *table, uint32_t kind)
{
	DO(ReleasePage, frame_of(table), with_pae(kind));
	page_put(table);
}

/* ---- Entries ---- */

unsigned table_index(uint32_t address)
{
	return pae ? address >> 12 & 511 : address >> 12 & 1023;
}

void *directory_of(const struct space *space, uint32_t address, unsigned *index)
{
	*index = pae ? address >> 21 & 511 : address >> 22;
	return space->directory[pae ? address >> 30 : 0];
}

uint32_t large_size(void)
{
	return pae ? 2 << 20 : 4 << 20;
}

void *entry_at(void *table, unsigned index)
{
	return (char *)table + index * (pae ? 8 : 4);
}

entry_t entry_read(const void *table, unsigned index)
{
	return pae ? ((const volatile uint64_t *)table)[index] : ((const volatile uint32_t *)table)[index];
}

/* Of 8 bytes the half with the present bit is last to come and first to go. */
void entry_store(void *table, unsigned index, entry_t entry)
{
	volatile uint32_t *where = entry_at(table, index);

	if (pae && (entry & ENTRY_PRESENT)) {
		where[1] = (uint32_t)(entry >> 32);
		__asm__ volatile("" : : : "memory");
	}
	where[0] = (uint32_t)entry;
	if (pae && !(entry & ENTRY_PRESENT))
		where[1] = (uint32_t)(entry >> 32);
}

void entry_set(void *table, unsigned index, entry_t entry, uint32_t flags)
{
	uint32_t where = (uint32_t)entry_at(table, index);

	if (pae)
		DO(SetPxELong, (uint32_t)entry, (uint32_t)(entry >> 32), where, flags);
	else
		DO(SetPxE, (uint32_t)entry, where, flags);
}

void entry_announce(void *table, unsigned index, uint32_t flags)
{
	uint32_t where = (uint32_t)entry_at(table, index);

	if (pae)
		DO(UpdatePxELong, where, flags);
	else
		DO(UpdatePxE, where, flags);
}

void map(void *table, uint32_t address, entry_t entry)
{
	entry_set(table, table_index(address), entry, FOR(VMI_PAGE_PT, address));
}

void unmap(void *table, uint32_t address)
{
	map(table, address, 0);
	DO(InvalPage, address);
}

void *table_link(uint32_t address)
{
	void *table = table_get(VMI_PAGE_PT);
	unsigned index;
	void *directory = directory_of(current, address, &index);

	entry_set(directory, index, physical(table) + ENTRY_ALL, FOR(VMI_PAGE_PD, address));
	return table;
}

void table_unlink(uint32_t address, void *table)
{
	unsigned index;
	void *directory = directory_of(current, address, &index);

	entry_set(directory, index, 0, FOR(VMI_PAGE_PD, address));
	DO(FlushTLB, VMI_FLUSH_TLB);
	table_put(table, VMI_PAGE_PT);
}

/* ---- Address spaces ---- */

/* The kernel's part is copied, which AllocatePage is told. */
void space_new(struct space *space)
{
	unsigned first = pae ? KERNEL_BASE >> 30 : KERNEL_BASE >> 22, entries = pae ? 4 : 1024;

	space->top = page_get();
	space->cr3 = physical(space->top);
	space->directory[0] = space->top;
	for (unsigned i = first; i < entries; i++)
		entry_store(space->top, i, entry_read(boot_space.top, i));
	DO(AllocatePage, frame_of(space->top), with_pae((pae ? VMI_PAGE_PDP : VMI_PAGE_PD) | VMI_PAGE_ZEROED | VMI_PAGE_CLONE),
	   frame_of(boot_space.top), first, entries - first);
	if (!pae)
		return;
	for (unsigned i = 0; i < first; i++) {
		space->directory[i] = table_get(VMI_PAGE_PD);
		entry_set(space->top, i, physical(space->directory[i]) + ENTRY_PRESENT, VMI_PAGE_PDP);
	}
	space->directory[first] = boot_space.directory[first];
}

/* One that is not loaded, and has no tables any more. */
void space_free(struct space *space)
{
	if (pae) {
		for (unsigned i = 0; i < 3; i++) {
			entry_set(space->top, i, 0, VMI_PAGE_PDP);
			table_put(space->directory[i], VMI_PAGE_PD);
		}
		table_put(space->top, VMI_PAGE_PDP);
	} else {
		table_put(space->top, VMI_PAGE_PD);
	}
}

void space_load(const struct space *space)
{
	current = space;
	DO(SetCR3, space->cr3);
}

void paging_reset(void)
{
	unsigned index;
	void *directory = directory_of(&main_space, USER_TEST, &index);

	DO(SetLazyMode, VMI_LAZY_NONE);
	if (current != &main_space)
		space_load(&main_space);
	if (!entry_read(directory, index))
		return;
	entry_set(directory, index, 0, FOR(VMI_PAGE_PD, USER_TEST));
	DO(FlushTLB, VMI_FLUSH_TLB);
}

static void map_user_page(uint32_t address, const void *from, size_t length, uint32_t rights)
{
	void *page = page_get();

	__builtin_memcpy(page, from, length);
	map(user_table, address, physical(page) + ENTRY_PRESENT + ENTRY_USER + rights);
}

/* A directory that is wrong would be the end of everything. */
static void check_top(const struct space *space)
{
	for (unsigned i = 0; pae && i < 4; i++)
		if ((entry_read(space->top, i) & ENTRY_FRAME) != physical(space->directory[i]))
			give_up("entry %u of the first directory is not as it was set", i);
}

/* After Init: tells the ROM where physical memory is seen, and of the tables that are there. */
void paging_init(void)
{
	unsigned tables = MEMORY_MAX / PAGE_SIZE / (pae ? 512 : 1024) + 1;
	void *low, *page;

	step("SetLinearMapping");
	DO(SetLinearMapping, 0, KERNEL_BASE, MEMORY_MAX / PAGE_SIZE, 0);
	boot_space.top = boot_tables[0];
	boot_space.cr3 = physical(boot_space.top);
	boot_space.directory[0] = boot_space.top;
	kernel_test_table = boot_tables[1 + tables];
	step("AllocatePage");
	for (unsigned i = 0; i < tables; i++)
		DO(AllocatePage, frame_of(boot_tables[2 + i]), with_pae(VMI_PAGE_PT));
	if (pae) {
		boot_space.directory[0] = NULL;
		boot_space.directory[3] = boot_tables[1];
		DO(AllocatePage, frame_of(boot_tables[1]), with_pae(VMI_PAGE_PD));
		DO(AllocatePage, frame_of(boot_space.top), with_pae(VMI_PAGE_PDP));
	} else {
		DO(AllocatePage, frame_of(boot_space.top), VMI_PAGE_PD);
	}

	step(pae ? "SetPxELong" : "SetPxE");
	space_new(&main_space);
	check_top(&main_space);
	step("SetCR3");
	space_load(&main_space);
	step(pae ? "SetPxELong" : "SetPxE");
	user_table = table_link(USER_CODE_PAGE);
	map_user_page(USER_CODE_PAGE, user_blob, (size_t)(user_blob_end - user_blob), 0);
	map_user_page(USER_DATA_PAGE, "", 0, ENTRY_WRITE);
	map_user_page(USER_STACK_PAGE, "", 0, ENTRY_WRITE);
	low = table_link(VM86_PAGE);
	page = page_get();
	__builtin_memcpy(page, vm86_blob, (size_t)(vm86_blob_end - vm86_blob));
	map(low, VM86_PAGE, physical(page) + ENTRY_ALL);
}

/* ---- Accesses that may fail ---- */

struct probe {
	uint32_t address, value;
	bool write;
};

static void probe(void *context)
{
	struct probe *p = context;
	volatile uint32_t *memory = (volatile uint32_t *)p->address;

	if (p->write)
		*memory = p->value;
	else
		p->value = *memory;
}

unsigned read_at(uint32_t address, uint32_t *value)
{
	struct probe p = { address, 0, false };

	if (catch(probe, &p))
		return trapped.vector;
	*value = p.value;
	return 0;
}

unsigned write_at(uint32_t address, uint32_t value)
{
	struct probe p = { address, value, true };

	return catch(probe, &p) ? trapped.vector : 0;
}
