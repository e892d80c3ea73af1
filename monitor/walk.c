/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The guest's page tables, as the processor would walk them: 32-bit entries, or 64-bit ones (PAE), with large pages. A table
 * that does not lie in the guest's memory has no entry that is present. Without paging, everything is mapped to itself.
 */
#include "monitor.h"

#define LARGE_ADDRESS_PAE 0xfffe00000ull
#define LARGE_ADDRESS 0xffc00000u
#define ADDRESS_PAE 0xffffff000ull
#define PAGE_TABLE 1 /* in a key, beside PTE_WRITE and PTE_USER */

bool guest_pae(void)
{
	return (guest.cr0 & CR0_PG) && (guest.cr4 & CR4_PAE);
}

/* Where the entry at a physical address is, or NULL: then it is not present. */
static void *entry_at(uint64_t at)
{
	return at >> 32 ? NULL : guest_physical((uint32_t)at, false);
}

static uint64_t entry_value(const void *entry)
{
	if (!entry)
		return 0;
	return guest_pae() ? *(const uint64_t *)entry : *(const uint32_t *)entry;
}

uint64_t guest_entry(uint64_t at)
{
	return entry_value(entry_at(at));
}

static void mark(uint32_t *entry, uint64_t at, uint32_t bits)
{
	if ((*entry & bits) != bits && guest_physical((uint32_t)at, true))
		*entry |= bits;
}

/* Where the entry of the page directory is that maps address; ~0: nowhere. */
uint64_t guest_directory_entry(uint32_t address)
{
	if (!guest_pae())
		return (guest.cr3 & ~0xfffu) + (address >> 22) * 4;
	if (!(guest.pdpte[address >> 30] & PTE_PRESENT))
		return ~0ull;
	return (guest.pdpte[address >> 30] & ADDRESS_PAE) + (address >> 21) % 512 * 8;
}

/* What a table is known by: its address, or for a large page that must be cut up, what that maps; and the rights that the
 * directory's entry gives. NX of the directory is in it, too. */
static uint64_t key_of(uint64_t directory, bool large)
{
	uint64_t key = directory & (PTE_WRITE | PTE_USER | PTE_NX);

	if (!(guest.efer & EFER_NXE))
		key &= ~PTE_NX;
	if (!large)
		return key | (directory & (guest_pae() ? ADDRESS_PAE : 0xfffff000u)) | PAGE_TABLE;
	return key | (directory & (guest_pae() ? LARGE_ADDRESS_PAE : LARGE_ADDRESS)) | PTE_LARGE | (directory & PTE_DIRTY);
}

static bool allowed(uint64_t rights, uint64_t all, uint32_t access)
{
	if ((access & FAULT_USER) && !(rights & PTE_USER))
		return false;
	if ((access & FAULT_FETCH) && (all & PTE_NX) && (guest.efer & EFER_NXE))
		return false;
	return !(access & FAULT_WRITE) || (rights & PTE_WRITE) || (!(access & FAULT_USER) && !(guest.cr0 & CR0_WP));
}

/*
 * Carries out, for its part, an access: what it needs must be allowed, and is marked as accessed and dirty. With look, nothing
 * is asked and nothing marked; there must be something that could be in a TLB, so it must have been accessed.
 */
static uint32_t translate(uint32_t address, uint32_t access, bool look, struct walk *result)
{
	uint64_t address_mask = guest_pae() ? ADDRESS_PAE : 0xfffff000u;
	uint64_t large_mask = guest_pae() ? LARGE_ADDRESS_PAE : LARGE_ADDRESS;
	uint64_t at = guest_directory_entry(address), directory, entry, all;
	void *directory_entry = entry_at(at), *page_entry = directory_entry;
	uint32_t dirty = access & FAULT_WRITE ? PTE_ACCESSED | PTE_DIRTY : PTE_ACCESSED;
	uint64_t rights;
	bool large;

	directory = entry = all = entry_value(directory_entry);
	if (!(directory & PTE_PRESENT))
		return WALK_FAULT | access;
	large = (directory & PTE_LARGE) && (guest.cr4 & (CR4_PSE | CR4_PAE));
	if (!large) {
		uint64_t directory_at = at;

		at = (directory & address_mask) +
		     (guest_pae() ? (address >> 12) % 512 * 8 : (address >> 12) % 1024 * 4);
		page_entry = entry_at(at);
		entry = entry_value(page_entry);
		all |= entry;
		if (!(entry & PTE_PRESENT) || (look && !(directory & PTE_ACCESSED)))
			return WALK_FAULT | access;
		if (!look && allowed(directory & entry, all, access))
			mark(directory_entry, directory_at, PTE_ACCESSED);
	}
	rights = directory & entry;
	if (look ? !(entry & PTE_ACCESSED) : !allowed(rights, all, access))
		return WALK_FAULT | FAULT_PRESENT | access;
	if (!look) {
		mark(page_entry, at, dirty);
		entry |= dirty;
	}
	*result = (struct walk){ .writable = rights & PTE_WRITE, .user = rights & PTE_USER, .dirty = entry & PTE_DIRTY,
				 .nx = (all & PTE_NX) && (guest.efer & EFER_NXE), .large = large };
	result->table = key_of(large ? entry : directory, large);
	result->frame = large ? (entry & large_mask) + (address & ~large_mask & ~(uint64_t)(PAGE - 1)) : entry & address_mask;
	return 0;
}

/* Without paging: everything, and all rights. */
static uint32_t unpaged(uint32_t address, struct walk *result)
{
	*result = (struct walk){ .frame = address & ~(PAGE - 1), .writable = true, .user = true, .dirty = true, .large = true,
				 .table = key_of((address & LARGE_ADDRESS) | PTE_WRITE | PTE_USER | PTE_DIRTY, true) };
	return 0;
}

uint32_t walk(uint32_t address, uint32_t access, struct walk *result)
{
	return guest.cr0 & CR0_PG ? translate(address, access, false, result) : unpaged(address, result);
}

uint32_t walk_look(uint32_t address, struct walk *result)
{
	return guest.cr0 & CR0_PG ? translate(address, 0, true, result) : unpaged(address, result);
}

uint64_t walk_key(uint32_t address)
{
	uint64_t directory = guest_entry(guest_directory_entry(address));
	bool large = (directory & PTE_LARGE) && (guest.cr4 & (CR4_PSE | CR4_PAE));

	return directory & PTE_PRESENT ? key_of(directory, large) : 0;
}
