/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Address spaces: a page directory each, whose upper part is the kernel's and the same in all, and regions that
 * say what the lower part may contain. Pages come with the first access. After a fork both
 * processes share all pages, write protected; who writes first gets a copy.
 *
 * Page tables are the one thing that a hypervisor may have to know all about. So every page that becomes
 * a table or stops being one is announced, and entries of announced tables are written by set_entry only.
 * In between lazy(VMI_LAZY_MMU_UPDATES) and lazy(VMI_LAZY_NONE) it may put such a write off: there, no
 * entry is read after it was written.
 */
#include "kernel.h"

#define SLOT(address) ((address) >> 22)
#define INDEX(address) ((address) >> 12 & 1023)
#define ENTRY_ALL (ENTRY_PRESENT + ENTRY_WRITE + ENTRY_USER)
#define ENTRY_ACCESSED 0x020
#define ENTRY_DIRTY 0x040

static const uint32_t *loaded = boot_directory;

void space_load(const struct space *space)
{
	loaded = space ? space->directory : boot_directory;
	load_directory(physical(loaded));
}

static void write_entry(const struct space *space, uint32_t *where, uint32_t level, uint32_t address, uint32_t entry)
{
	if (space->directory == loaded)
		level |= VMI_PAGE_CURRENT_AS | (address & VMI_PAGE_VA_MASK);
	set_entry(entry, where, level);
}

void space_set_entry(const struct space *space, uint32_t *where, uint32_t address, uint32_t entry)
{
	write_entry(space, where, VMI_PAGE_PT, address, entry);
}

int space_new(struct space *space)
{
	uint32_t frame = frame_get();

	if (!frame)
		return -E_NOMEM;
	memset(space, 0, sizeof *space);
	space->directory = at_physical(frame);
	memset(space->directory, 0, KERNEL_SLOT * 4);
	memcpy(space->directory + KERNEL_SLOT, boot_directory + KERNEL_SLOT, PAGE_SIZE - KERNEL_SLOT * 4);
	table_allocated(frame, VMI_PAGE_PD | VMI_PAGE_ZEROED | VMI_PAGE_CLONE, physical(boot_directory), KERNEL_SLOT,
			1024 - KERNEL_SLOT);
	return 0;
}

static uint32_t *new_table(struct space *space, uint32_t address)
{
	uint32_t frame = frame_get();

	if (!frame)
		return NULL;
	memset(at_physical(frame), 0, PAGE_SIZE);
	table_allocated(frame, VMI_PAGE_PT | VMI_PAGE_ZEROED, 0, 0, 0);
	write_entry(space, &space->directory[SLOT(address)], VMI_PAGE_PD, address, frame + ENTRY_ALL);
	return at_physical(frame);
}

static uint32_t *find_table(const struct space *space, unsigned slot)
{
	uint32_t entry = space->directory[slot];

	return entry & ENTRY_PRESENT ? at_physical(entry & ENTRY_FRAME) : NULL;
}

/* NULL if there is not even a table for it. */
uint32_t *space_entry(const struct space *space, uint32_t address)
{
	uint32_t *table = SLOT(address) < KERNEL_SLOT ? find_table(space, SLOT(address)) : NULL;

	return table ? &table[INDEX(address)] : NULL;
}

/* space->directory is NULL if there was no such space. */
void space_free(struct space *space)
{
	if (!space->directory)
		return;
	if (space->directory == loaded)
		space_load(NULL);
	for (unsigned slot = 0; slot < KERNEL_SLOT; slot++) {
		uint32_t *table = find_table(space, slot);

		if (!table)
			continue;
		write_entry(space, &space->directory[slot], VMI_PAGE_PD, slot << 22, 0);
		table_released(physical(table), VMI_PAGE_PT);
		for (int i = 0; i < 1024; i++)
			if (table[i] & ENTRY_PRESENT)
				frame_put(table[i] & ENTRY_FRAME);
		frame_put(physical(table));
	}
	table_released(physical(space->directory), VMI_PAGE_PD);
	frame_put(physical(space->directory));
	memset(space, 0, sizeof *space);
}

/* ---- Copy on write ---- */

static void share_table(struct space *child, uint32_t *to, struct space *parent, uint32_t *from, uint32_t address)
{
	lazy(VMI_LAZY_MMU_UPDATES);
	for (int i = 0; i < 1024; i++, address += PAGE_SIZE) {
		uint32_t entry = from[i];

		if (!(entry & ENTRY_PRESENT))
			continue;
		if (entry & ENTRY_WRITE) {
			entry &= ~ENTRY_WRITE;
			space_set_entry(parent, &from[i], address, entry);
		}
		space_set_entry(child, &to[i], address, entry);
		frame_share(entry & ENTRY_FRAME);
	}
	lazy(VMI_LAZY_NONE);
}

int space_copy(struct space *child, struct space *parent)
{
	int error = space_new(child);

	if (error)
		return error;
	memcpy(child->regions, parent->regions, sizeof child->regions);
	for (unsigned slot = 0; slot < KERNEL_SLOT; slot++) {
		uint32_t *from = find_table(parent, slot), *to;

		if (!from)
			continue;
		to = new_table(child, slot << 22);
		if (!to) {
			space_free(child);
			error = -E_NOMEM;
			break;
		}
		share_table(child, to, parent, from, slot << 22);
	}
	flush_all(); /* the parent has lost the right to write */
	return error;
}

static const struct region *find_region(const struct space *space, uint32_t address)
{
	for (int i = 0; i < REGIONS; i++)
		if (address >= space->regions[i].start && address < space->regions[i].end)
			return &space->regions[i];
	return NULL;
}

/* Makes the page at address accessible, if the process has a right to that. */
int space_fault(struct space *space, uint32_t address, bool write)
{
	const struct region *region = find_region(space, address);
	uint32_t *where, entry, frame;

	if (!region || (write && !region->writable))
		return -E_FAULT;
	where = space_entry(space, address);
	entry = where ? *where : 0;
	if (entry & ENTRY_PRESENT && (!write || entry & ENTRY_WRITE))
		return 0;

	if (entry & ENTRY_PRESENT && !frame_shared(entry & ENTRY_FRAME)) {
		space_set_entry(space, where, address, entry | ENTRY_WRITE | ENTRY_DIRTY);
	} else {
		frame = frame_get();
		if (!frame)
			return -E_NOMEM;
		if (!where) {
			uint32_t *table = new_table(space, address);

			if (!table) {
				frame_put(frame);
				return -E_NOMEM;
			}
			where = &table[INDEX(address)];
		}
		if (entry & ENTRY_PRESENT) {
			memcpy(at_physical(frame), at_physical(entry & ENTRY_FRAME), PAGE_SIZE);
			frame_put(entry & ENTRY_FRAME);
		} else {
			memset(at_physical(frame), 0, PAGE_SIZE);
		}
		/* The access that it is for is about to be made, and need not mark the entry. */
		space_set_entry(space, where, address,
				frame + ENTRY_PRESENT + ENTRY_USER + ENTRY_ACCESSED +
				(region->writable ? ENTRY_WRITE : 0) + (write ? ENTRY_DIRTY : 0));
	}
	if (entry & ENTRY_PRESENT && space->directory == loaded)
		flush_page(address);
	return 0;
}

void space_unmap(struct space *space, uint32_t start, uint32_t end)
{
	lazy(VMI_LAZY_MMU_UPDATES);
	for (uint32_t address = start; address < end; address += PAGE_SIZE) {
		uint32_t *where = space_entry(space, address), entry = where ? *where : 0;

		if (!(entry & ENTRY_PRESENT))
			continue;
		space_set_entry(space, where, address, 0);
		flush_page(address);
		frame_put(entry & ENTRY_FRAME);
	}
	lazy(VMI_LAZY_NONE);
}

/* ---- The kernel's access to a program's memory ---- */

/*
 * Where the kernel finds the byte at address, or NULL if the program may not touch it so. The kernel
 * never follows a program's pointer itself: a bad one is an error here and not a page fault in the kernel.
 */
void *space_byte(struct space *space, uint32_t address, bool write)
{
	if (space_fault(space, address, write))
		return NULL;
	return at_physical((*space_entry(space, address) & ENTRY_FRAME) + address % PAGE_SIZE);
}

static int copy(void *mine, uint32_t address, size_t length, bool out)
{
	char *bytes = mine;

	while (length) {
		size_t part = PAGE_SIZE - address % PAGE_SIZE;
		void *theirs = space_byte(&current->space, address, out);

		if (!theirs)
			return -E_FAULT;
		if (part > length)
			part = length;
		if (out)
			memcpy(theirs, bytes, part);
		else
			memcpy(bytes, theirs, part);
		bytes += part;
		address += part;
		length -= part;
	}
	return 0;
}

int copy_in(void *to, uint32_t from, size_t length)
{
	return copy(to, from, length, false);
}

int copy_out(uint32_t to, const void *from, size_t length)
{
	return copy((void *)from, to, length, true);
}

/* Returns the string's length, or -E_2BIG if it and its NUL are longer than size. */
int copy_in_string(char *to, uint32_t from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const char *c = space_byte(&current->space, from + i, false);

		if (!c)
			return -E_FAULT;
		to[i] = *c;
		if (!*c)
			return i;
	}
	return -E_2BIG;
}
