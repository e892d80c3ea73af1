/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The guest's physical memory, and its linear memory as its page tables have it. A guest's physical address is the machine's:
 * what the guest has begins at 0, what the monitor has is above it. The exceptions are the BIOS's area, of which the guest
 * gets a copy that has the monitor's ROM in it, and what is nobody's, where it gets a page that means nothing.
 */
#include "monitor.h"

#define VIDEO 0xa0000
#define BIOS 0xc0000
#define BIOS_END 0x100000

uint32_t guest_fault, guest_fault_address;
static uint8_t junk[PAGE] __attribute__((aligned(PAGE)));

/* The machine's frame for a page of the guest's. */
uint32_t memory_frame(uint64_t page, bool *writable)
{
	*writable = true;
	if (page >= BIOS && page < BIOS_END) {
		*writable = false;
		return image_physical(bios_window + (uint32_t)page - BIOS);
	}
	if (page < guest.ram_end)
		return (uint32_t)page;
	if (options.trust && page < 0x100000000ull - PAGE && (page < boot.start || page >= boot.start + boot.size))
		return (uint32_t)page;
	return image_physical(junk);
}

/* Nothing of one guest is left there for the next. */
void memory_reset(void)
{
	memset(junk, 0, sizeof junk);
}

bool memory_writable(uint64_t page)
{
	bool writable;

	memory_frame(page, &writable);
	return writable;
}

/* Whether a large page is RAM of the guest's throughout, and the machine's at the same address. */
bool memory_plain(uint64_t start, uint32_t size)
{
	return start >= BIOS_END && start + size <= guest.ram_end;
}

void *guest_physical(uint32_t address, bool write)
{
	if (address >= guest.ram_end || (address >= VIDEO && address < BIOS))
		return NULL;
	if (address >= BIOS && address < BIOS_END)
		return write ? NULL : bios_window + address - BIOS;
	return physical(address);
}

static uint32_t part_of_page(uint32_t address, uint32_t length)
{
	uint32_t part = PAGE - address % PAGE;

	return part < length ? part : length;
}

bool guest_read_physical(uint32_t address, void *to, uint32_t length)
{
	for (uint32_t part; length; length -= part, address += part, to = (char *)to + part) {
		const void *from = guest_physical(address, false);

		part = part_of_page(address, length);
		if (!from)
			return false;
		memcpy(to, from, part);
	}
	return true;
}

bool guest_write_physical(uint32_t address, const void *from, uint32_t length)
{
	for (uint32_t part; length; length -= part, address += part, from = (const char *)from + part) {
		void *to = guest_physical(address, true);

		part = part_of_page(address, length);
		if (!to)
			return false;
		memcpy(to, from, part);
	}
	return true;
}

/* Where the byte at a linear address is, or NULL and guest_fault. Addresses of the monitor's are not present. */
static void *linear(uint32_t address, uint32_t access)
{
	struct walk result;
	void *at = NULL;

	guest_fault_address = address;
	guest_fault = access;
	if (address < VIRTUAL_TOP) {
		uint32_t fault = walk(address, access, &result);

		guest_fault = fault & 0xffff; /* may be 0: a page that is not present, read by the kernel */
		if (!fault && result.frame >> 32 == 0)
			at = guest_physical((uint32_t)result.frame + address % PAGE, access & FAULT_WRITE);
	}
	return at;
}

bool guest_read(uint32_t address, void *to, uint32_t length, bool user)
{
	for (uint32_t part; length; length -= part, address += part, to = (char *)to + part) {
		const void *from = linear(address, user ? FAULT_USER : 0);

		part = part_of_page(address, length);
		if (!from)
			return false;
		memcpy(to, from, part);
	}
	return true;
}

bool guest_write(uint32_t address, const void *from, uint32_t length, bool user)
{
	for (uint32_t part; length; length -= part, address += part, from = (const char *)from + part) {
		void *to = linear(address, FAULT_WRITE + (user ? FAULT_USER : 0));

		part = part_of_page(address, length);
		if (!to)
			return false;
		memcpy(to, from, part);
	}
	return true;
}
