/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Shadow page tables: what the processor really uses while the guest runs. They are a cache of the guest's, filled when the
 * guest faults on what is not in them.
 *
 * A root stands for a value of the guest's CR3, and up to ROOTS are kept. A table stands for a page table of the guest's
 * with the rights of the directory entry that leads to it, or for a large page that cannot be mapped as one; all roots share
 * it. Each entry has the rights of directory and page together, and is writable only once the guest's is marked dirty, so
 * entries of directories can give all rights.
 *
 * What may be stale is dropped as a TLB would drop it. Until Init nothing is known but what the processor must do: a load of
 * CR3 compares every entry of the root with the guest's tables. After Init the guest announces each change (the queue), and a
 * root is believed; a flush compares those parts that programs can reach, since some guests clear them without a word.
 * With MONITOR_VERIFY all of it is compared at each load of CR3, and nothing may be stale.
 */
#include "shadow.h"

#define AROUND 24                /* entries before and behind one that is filled */

HOT_DATA uint32_t shadow_cr3;
static HOT_DATA uint32_t clock;

/* ---- What the shadow of an entry is ---- */

static uint64_t large_start(const struct walk *w)
{
	return w->frame & ~(uint64_t)((1u << shift()) - 1);
}

static bool maps_large(const struct walk *w)
{
	return w->large && memory_plain(large_start(w), 1u << shift());
}

static uint64_t large_entry(const struct walk *w)
{
	return large_start(w) | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | PTE_LARGE |
	       (w->writable && w->dirty ? PTE_WRITE : 0) | (w->user ? PTE_USER : 0) | (w->nx ? PTE_NX : 0);
}

static const void *guest_table(const struct table *table)
{
	return table->key & PTE_LARGE ? NULL : guest_physical((uint32_t)table->key & ~0xfffu, false);
}

/* What entry i of a table may be now: the guest's with the rights of the directory, if it was accessed; writable, if it is
 * marked dirty. 0: nothing. */
static inline uint64_t leaf_for(const struct table *table, const void *theirs, unsigned i)
{
	uint64_t key = table->key, entry, leaf;
	bool writable;

	if (!pae && theirs) {
		/* Nearly all are this: RAM, in words of 32 bits. */
		uint32_t word = ((const uint32_t *)theirs)[i], rights = word & (uint32_t)key;

		if ((word & (PTE_PRESENT | PTE_ACCESSED)) != (PTE_PRESENT | PTE_ACCESSED))
			return 0;
		if (word >= 0x100000 && word < guest.ram_end)
			return (word & ~0xfffu) | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | (rights & PTE_USER) |
			       (word & PTE_DIRTY ? rights & PTE_WRITE : 0);
	}
	if (key & PTE_LARGE)
		entry = (key & ~((1u << shift()) - 1)) + i * PAGE + PTE_PRESENT + PTE_ACCESSED +
			(key & (PTE_WRITE | PTE_USER | PTE_DIRTY));
	else if (pae)
		entry = ((const uint64_t *)theirs)[i];
	else
		entry = ((const uint32_t *)theirs)[i];
	if ((entry & (PTE_PRESENT | PTE_ACCESSED)) != (PTE_PRESENT | PTE_ACCESSED))
		return 0;
	leaf = memory_frame(entry & FRAME, &writable) | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;
	leaf |= entry & key & PTE_USER;
	if (writable && (entry & PTE_DIRTY))
		leaf |= entry & key & PTE_WRITE;
	if (pae && (guest.efer & EFER_NXE))
		leaf |= (entry | key) & PTE_NX;
	return leaf;
}

static bool gives_more(uint64_t leaf, uint64_t right)
{
	return !right || ((leaf ^ right) & FRAME) || (leaf & ~right & (PTE_WRITE | PTE_USER)) ||
	       (right & ~leaf & PTE_NX);
}

/* ---- Comparing ---- */

/* Brings what is in a table up to date. Returns how many entries gave more than they should. */
static unsigned compare_table(struct table *table)
{
	uint32_t index = (uint32_t)(table - tables), chunks = table->chunks, stale = 0;
	const void *theirs = guest_table(table), *ours = physical(page_address(index));
	bool wide = pae;

	for (; chunks; chunks &= chunks - 1) {
		unsigned first = (unsigned)__builtin_ctz(chunks) * CHUNK;

		for (unsigned i = first; i < first + CHUNK; i++) {
			uint64_t leaf = wide ? ((const uint64_t *)ours)[i] : ((const uint32_t *)ours)[i], right;

			if (!leaf)
				continue;
			right = leaf_for(table, theirs, i);
			if (leaf != right)
				put(index, i, right);
			stale += gives_more(leaf, right);
		}
	}
	return stale;
}

/* Brings a slot of root up to date. Returns how much of it gave more than it should. */
static unsigned compare_slot(struct root *root, unsigned slot, bool kernel_too)
{
	uint64_t entry = get_slot(root, slot);
	struct table *table;
	struct walk w;

	if (entry & PTE_LARGE) {
		if ((!kernel_too && !(entry & PTE_USER)) ||
		    (!walk_look(slot << shift(), &w) && maps_large(&w) && !gives_more(entry, large_entry(&w))))
			return 0;
		put_slot(root, slot, 0);
		return 1;
	}
	table = &tables[page_index(entry)];
	if (!kernel_too && !(table->key & PTE_USER))
		return 0;
	if (walk_key(slot << shift()) == table->key)
		return compare_table(table);
	put_slot(root, slot, 0);
	return 1;
}

COLD static unsigned compare(struct root *root, bool kernel_too)
{
	unsigned stale = 0;

	if (root->cr3 == UNPAGED)
		return 0;
	for_slots(root, slot)
		stale += compare_slot(root, slot, kernel_too);
	return stale;
}

/* ---- The processor's tables ---- */

static void read_pdpt(void)
{
	if (pae && !guest_read_physical(guest.cr3 & ~0x1fu, guest.pdpte, sizeof guest.pdpte))
		memset(guest.pdpte, 0, sizeof guest.pdpte);
}

/* stub.c loads the tables of a root that is known to it without us. */
void shadow_sync(uint32_t cr3)
{
	if (cr3 == shadow_cr3)
		return;
	for (current = roots; !current->valid || processor_cr3(current) != cr3; current++)
		;
	shadow_cr3 = cr3;
	guest.cr3 = current->cr3;
	current->used = ++clock;
	read_pdpt();
	set_directories(current);
}

/* The guest is about to use other page tables: CR0, CR3 or CR4 were set, or nothing is in the shadow. */
HOT void shadow_root(void)
{
	uint32_t cr3 = guest.cr0 & CR0_PG ? guest.cr3 : UNPAGED;
	struct root *root;

	if (pae != guest_pae() || free_count < RESERVE)
		shadow_reset();
	read_pdpt();
	shadow_drain();
	root = find_root(cr3);
	if (!root) {
		root = new_root(cr3);
	} else {
		set_directories(root);
#ifdef MONITOR_VERIFY
		unsigned stale = compare(root, true);

		if (stale && guest.entered && root != current)
			guest_stop("%u entries of the shadow of CR3 %08x are stale", stale, cr3);
#else
		/* The same again is a flush. */
		if (!guest.entered || root == current)
			compare(root, !guest.entered);
#endif
	}
	current = root;
	current->used = ++clock;
	shadow_cr3 = processor_cr3(current);
}

static void fill(uint32_t index, unsigned i, uint64_t leaf)
{
	put(index, i, leaf);
	tables[index].chunks |= 1u << i / CHUNK;
}

/* A table that is new to us, a child's after a fork mostly, has more that was accessed and will be again. Of a large page that
 * is everything. */
COLD static void fill_around(uint32_t index, unsigned i)
{
	const void *theirs = guest_table(&tables[index]);
	unsigned reach = tables[index].key & PTE_LARGE ? entries() : AROUND;
	unsigned from = i < reach ? 0 : i - reach, to = i + reach < entries() ? i + reach : entries();

	for (unsigned k = from; k < to; k++)
		if (k != i && leaf_for(&tables[index], theirs, k))
			fill(index, k, leaf_for(&tables[index], theirs, k));
}

HOT bool shadow_fault(uint32_t address, uint32_t *error)
{
	uint32_t access = *error & (FAULT_WRITE | FAULT_USER | FAULT_FETCH), fault, index;
	unsigned slot = address >> shift(), i = (address >> 12) % entries();
	bool fresh, writes;
	struct walk w;
	uint64_t leaf;

	fault = walk(address, access, &w);
	if (fault) {
		*error = fault & 0xffff;
		return false;
	}
	if (free_count < RESERVE) {
		shadow_reset();
		shadow_root();
	}
	/* With CR0.WP clear a kernel writes where programs must not. */
	writes = (access & FAULT_WRITE) && !w.writable;
	if (maps_large(&w) && !writes) {
		put_slot(current, slot, large_entry(&w));
		return true;
	}
	index = find_table(w.table);
	fresh = index == NOWHERE;
	if (fresh)
		index = make_table(w.table);
	else if (!guest.entered && page_index(get_slot(current, slot)) != index)
		compare_table(&tables[index]); /* the page may have been another table meanwhile, and nobody said so */
	leaf = leaf_for(&tables[index], guest_table(&tables[index]), i);
	/* A table in the BIOS's window, whose entry cannot be marked as accessed. */
	if (!leaf) {
		*error = access;
		return false;
	}
	if (writes)
		leaf = (leaf & ~(uint64_t)PTE_USER) | PTE_WRITE;
	/* The guest may write where the machine may not: to the BIOS. */
	if ((access & FAULT_WRITE) && (!(leaf & PTE_WRITE) || !memory_writable(w.frame))) {
		*error = FAULT_PRESENT | access;
		return false;
	}
	link_table(current, slot, index);
	fill(index, i, leaf);
	if (fresh)
		fill_around(index, i);
	return true;
}

/* ---- Notices ---- */

static void entry_changed(uint32_t at)
{
	unsigned i = at % PAGE / (pae ? 8 : 4), next;

	for (uint32_t t = *bucket(at); t; t = next) {
		next = tables[t - 1].next;
		if ((uint32_t)tables[t - 1].key >> 12 == at >> 12 && !(tables[t - 1].key & PTE_LARGE))
			put(t - 1, i, get(t - 1, i) ? leaf_for(&tables[t - 1], guest_table(&tables[t - 1]), i) : 0);
	}
	if (!*filter(at))
		return;
	for (unsigned r = 0; r < ROOTS; r++)
		for (unsigned d = 0; roots[r].valid && d < roots[r].directories; d++)
			if (roots[r].guest[d] >> 12 == at >> 12 && d * entries() + i < slots())
				put_slot(&roots[r], d * entries() + i, 0);
}

static void page_changed(uint32_t at)
{
	uint32_t next;

	for (uint32_t t = *bucket(at); t; t = next) {
		next = tables[t - 1].next;
		if ((uint32_t)tables[t - 1].key >> 12 == at >> 12 && !(tables[t - 1].key & PTE_LARGE))
			drop_table(t - 1);
	}
	/* With PAE a root has a page more than its directories. */
	for (unsigned r = 0; r < ROOTS && (pae || *filter(at)); r++) {
		if (!roots[r].valid || roots[r].cr3 == UNPAGED)
			continue;
		for (unsigned d = 0; d < roots[r].directories; d++)
			if (roots[r].guest[d] >> 12 == at >> 12)
				empty_directory(&roots[r], d);
		if (roots[r].cr3 >> 12 == at >> 12 && &roots[r] != current)
			drop_root(&roots[r]);
	}
}

void shadow_notice(uint32_t notice)
{
	if (notice & QUEUE_PAGE)
		page_changed(notice);
	else
		entry_changed(notice);
}

COLD static void drain(uint32_t count, uint32_t drained)
{
	bool filled = true;

	if (count - drained > QUEUE_ENTRIES)
		guest_stop("the queue of its page table notices is damaged: %u in it", count - drained);
	for (uint32_t i = drained; i != count; i++) {
		uint32_t notice = shared_page.queue[i % QUEUE_ENTRIES];

		shared_page.queue[i % QUEUE_ENTRIES] = 0;
		if (notice)
			shadow_notice(notice);
		/* A place that is taken and not filled is the end of what is known to be done. */
		filled &= notice != 0;
		if (filled)
			shared_page.drained = i + 1;
	}
	shared_page.last = 0;
}

void shadow_drain(void)
{
	uint32_t count = shared_page.count, drained = shared_page.drained;

	if (count != drained)
		drain(count, drained);
}

/* A guest that has just changed an entry is about to use it, so it is not only dropped. */
HOT void shadow_inval(uint32_t address)
{
	unsigned slot = address >> shift();
	struct table *table;
	uint64_t entry;

	if (slot >= slots())
		return;
	entry = get_slot(current, slot);
	if (!entry)
		return;
	table = &tables[page_index(entry)];
	if ((entry & PTE_LARGE) || walk_key(address) != table->key)
		put_slot(current, slot, 0);
	else
		fill((uint32_t)(table - tables), (address >> 12) % entries(),
		     leaf_for(table, guest_table(table), (address >> 12) % entries()));
}

COLD void shadow_flush(bool kernel_too)
{
	compare(current, kernel_too || !guest.entered);
}
