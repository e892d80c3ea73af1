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
#include "monitor.h"
#include "stub.h"

#define MOST_PAGES 2048          /* of the pool */
#define BUCKETS 1024
#define AROUND 24                /* entries before and behind one that is filled */
#define RESERVE 8                /* pages that a single step may need */
#define ALL (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)
#define HOLE_PAGES 0x40          /* of the hole, from its start, that may be seen by the guest */
#define SLOT_WORDS (2048 / 32)
#define NOWHERE 0xffff
#define MANY 0xfffe

uint32_t monitor_directory[1024] __attribute__((aligned(PAGE)));
uint32_t monitor_hole[1024] __attribute__((aligned(PAGE)));
uint32_t shadow_cr3;
#ifdef MONITOR_OPEN
bool shadow_stale;
#endif
static uint32_t guest_hole[1024] __attribute__((aligned(PAGE)));
static uint64_t monitor_hole_pae[512] __attribute__((aligned(PAGE)));
static uint64_t guest_hole_pae[512] __attribute__((aligned(PAGE)));
static uint64_t monitor_directories_pae[4][512] __attribute__((aligned(PAGE)));
static uint64_t monitor_pdpt[4] __attribute__((aligned(32)));

struct table {
	uint64_t key;
	uint32_t next;           /* in its bucket, or the free list: index plus 1 */
	uint16_t slot;           /* of the directories, where it is linked: NOWHERE, MANY */
	uint16_t low, high;      /* entries that were ever filled */
	bool used;
};
static struct table tables[MOST_PAGES];
static uint32_t buckets[BUCKETS], free_list, free_count, page_count;

struct root {
	uint32_t cr3;            /* the guest's; UNPAGED: paging is off */
	bool valid;
	uint32_t used;           /* when, by the clock of switches */
	unsigned directories;    /* 1, or 4 */
	uint32_t pages[4];       /* index of the shadow's directories */
	uint64_t guest[4];       /* address of the guest's directories, 0: none */
	uint32_t filled[SLOT_WORDS]; /* a bit for each slot: it may be other than 0 */
};
static struct root roots[ROOTS], *current;
static uint64_t pdpts[ROOTS][4] __attribute__((aligned(32)));
static uint32_t clock;
static uint8_t directory_filter[1024]; /* how many roots have a directory with that hash */
static bool pae;                       /* form of the tables that the processor uses */
#define UNPAGED 0xffffffff
#define CPU_NX (1 << 20)                /* EDX of CPUID 80000001h */

static unsigned shift(void)
{
	return pae ? 21 : 22;
}

static unsigned entries(void)
{
	return pae ? 512 : 1024;
}

/* Those of the directories that are the guest's: all but the hole's. */
static unsigned slots(void)
{
	return GUEST_TOP >> shift();
}

/* ---- Pages of the pool, entries ---- */

static uint32_t page_address(uint32_t index)
{
	return boot.pool + index * PAGE;
}

static uint64_t get(uint32_t index, unsigned i)
{
	const void *page = physical(page_address(index));

	return pae ? ((const uint64_t *)page)[i] : ((const uint32_t *)page)[i];
}

static void put(uint32_t index, unsigned i, uint64_t value)
{
	void *page = physical(page_address(index));

#ifdef MONITOR_OPEN
	shadow_stale |= get(index, i) != 0;
#endif
	if (pae)
		((uint64_t *)page)[i] = value;
	else
		((uint32_t *)page)[i] = (uint32_t)value;
}

/* Pages that are free are empty: who gives one back knows where something is in it. */
static uint32_t take_page(void)
{
	uint32_t index = free_list - 1;

	free_list = tables[index].next;
	free_count--;
	return index;
}

static void give_page(uint32_t index)
{
	tables[index].used = false;
	tables[index].next = free_list;
	free_list = index + 1;
	free_count++;
}

/* ---- Tables ---- */

static uint32_t *bucket(uint64_t key)
{
	return &buckets[(uint32_t)(key >> 12) % BUCKETS];
}

static uint32_t find_table(uint64_t key)
{
	for (uint32_t i = *bucket(key); i; i = tables[i - 1].next)
		if (tables[i - 1].key == key)
			return i - 1;
	return NOWHERE;
}

static uint32_t make_table(uint64_t key)
{
	uint32_t index = find_table(key);

	if (index != NOWHERE)
		return index;
	index = take_page();
	tables[index] = (struct table){ .key = key, .next = *bucket(key), .slot = NOWHERE, .low = 1023, .used = true };
	*bucket(key) = index + 1;
	return index;
}

/* The slot of root's directories that entry i of the whole, 4 GiB, is. */
static uint32_t directory_page(const struct root *root, unsigned slot)
{
	return root->pages[slot / entries()];
}

static uint64_t get_slot(const struct root *root, unsigned slot)
{
	return get(directory_page(root, slot), slot % entries());
}

static void put_slot(struct root *root, unsigned slot, uint64_t value)
{
	put(directory_page(root, slot), slot % entries(), value);
	root->filled[slot / 32] |= 1u << slot % 32;
}

/* The first slot from slot on that may be other than 0, or slots(). */
static unsigned next_slot(struct root *root, unsigned slot)
{
	while (slot < slots()) {
		uint32_t word = root->filled[slot / 32] >> slot % 32;

		if (!word) {
			slot = (slot | 31) + 1;
			continue;
		}
		slot += (unsigned)__builtin_ctz(word);
		if (slot >= slots())
			break;
		if (get_slot(root, slot))
			return slot;
		root->filled[slot / 32] &= ~(1u << slot % 32);
		slot++;
	}
	return slots();
}

static uint64_t link_to(uint32_t index)
{
	return page_address(index) | ALL;
}

static void drop_table(uint32_t index)
{
	struct table *table = &tables[index];
	uint32_t *at = bucket(table->key);
	unsigned from = table->slot == MANY ? 0 : table->slot, to = table->slot == MANY ? slots() : table->slot + 1u;

	while (*at != index + 1)
		at = &tables[*at - 1].next;
	*at = table->next;
	if (table->slot != NOWHERE)
		for (unsigned r = 0; r < ROOTS; r++)
			for (unsigned slot = from; roots[r].valid && slot < to; slot++)
				if (get_slot(&roots[r], slot) == link_to(index))
					put_slot(&roots[r], slot, 0);
	for (unsigned i = table->low; i <= table->high; i++)
		put(index, i, 0);
	give_page(index);
}

/* ---- Roots ---- */

static uint8_t *filter(uint64_t directory)
{
	return &directory_filter[(directory >> 12) % sizeof directory_filter];
}

/* All but the hole. */
static void empty_directory(struct root *root, unsigned i)
{
	for (unsigned slot = next_slot(root, i * entries()); slot < (i + 1) * entries() && slot < slots();
	     slot = next_slot(root, slot + 1))
		put_slot(root, slot, 0);
}

/* The entry of a directory for a part of the linear addresses that is the monitor's. */
static void map_hole(struct root *root, unsigned slot, uint64_t entry)
{
	put(directory_page(root, slot), slot % entries(), entry);
}

static void map_holes(struct root *root, bool map)
{
	uint32_t hole = image_physical(pae ? (void *)guest_hole_pae : (void *)guest_hole);

	map_hole(root, VIRTUAL_TOP >> shift(), map ? hole | PTE_PRESENT | PTE_WRITE : 0);
#ifdef MONITOR_OPEN
	for (unsigned k = PHYSICAL_BASE >> shift(); k < VIRTUAL_TOP >> shift(); k++)
		map_hole(root, k, !map ? 0 : pae ? monitor_directories_pae[k / 512][k % 512] : monitor_directory[k]);
#endif
}

static void drop_root(struct root *root)
{
	if (!root->valid)
		return;
	map_holes(root, false);
	for (unsigned i = 0; i < root->directories; i++) {
		empty_directory(root, i);
		if (root->guest[i])
			--*filter(root->guest[i]);
		give_page(root->pages[i]);
	}
	root->valid = false;
	stub_data.roots[root - roots].processor = 0;
}

/* Where the guest's directories for its CR3 are. With PAE the processor reads that when CR3 is loaded. */
static void guest_directories(uint64_t *at)
{
	at[0] = guest.cr3 & ~0xfffu;
	for (unsigned i = 0; guest_pae() && i < 4; i++)
		at[i] = guest.pdpte[i] & PTE_PRESENT ? guest.pdpte[i] & 0xffffff000ull : 0;
	if (!(guest.cr0 & CR0_PG))
		at[0] = 0;
}

static void set_directory(struct root *root, unsigned i, uint64_t address)
{
	if (root->guest[i])
		--*filter(root->guest[i]);
	root->guest[i] = address;
	if (address)
		++*filter(address);
}

static uint32_t processor_cr3(const struct root *root)
{
	return pae ? image_physical(pdpts[root - roots]) : page_address(root->pages[0]);
}

static void check_directories(struct root *root, const uint64_t *directories)
{
	for (unsigned i = 0; i < root->directories; i++)
		if (root->guest[i] != directories[i]) {
			empty_directory(root, i);
			set_directory(root, i, directories[i]);
		}
}

COLD static struct root *new_root(uint32_t cr3)
{
	struct root *root = &roots[0];

	for (unsigned r = 0; r < ROOTS; r++) {
		if (!roots[r].valid) {
			root = &roots[r];
			break;
		}
		if (&roots[r] != current && (root == current || roots[r].used < root->used))
			root = &roots[r];
	}
	drop_root(root);
	*root = (struct root){ .cr3 = cr3, .valid = true, .directories = pae ? 4 : 1 };
	for (unsigned i = 0; i < root->directories; i++) {
		root->pages[i] = take_page();
		pdpts[root - roots][i] = page_address(root->pages[i]) | PTE_PRESENT;
	}
	map_holes(root, true);
	stub_data.roots[root - roots].cr3 = cr3;
	stub_data.roots[root - roots].processor = cr3 == UNPAGED ? 0 : processor_cr3(root);
	return root;
}

/* What the guest's directories of a new root have in common with those of the root before, the kernel above all, leads to the
 * same tables. */
COLD static void inherit(struct root *root, struct root *from)
{
	for (unsigned slot = next_slot(from, 0); slot < slots(); slot = next_slot(from, slot + 1)) {
		unsigned i = slot / entries(), k = slot % entries() * (pae ? 8 : 4);

		if (root->guest[i] && from->guest[i] &&
		    guest_entry(root->guest[i] + k) == guest_entry(from->guest[i] + k))
			put_slot(root, slot, get_slot(from, slot));
	}
}

/* ---- Comparing with the guest's tables ---- */

static uint64_t shadow_entry(const struct walk *w, bool write_anyway)
{
	bool writable;
	uint64_t entry = memory_frame(w->frame, &writable) | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;

	if (writable && (write_anyway || (w->writable && w->dirty)))
		entry |= PTE_WRITE;
	if (w->user && !(write_anyway && !w->writable))
		entry |= PTE_USER;
	return entry | (w->nx ? PTE_NX : 0);
}

static uint64_t large_entry(const struct walk *w)
{
	struct walk whole = *w;

	whole.frame &= ~(uint64_t)((1u << shift()) - 1);
	return shadow_entry(&whole, false) | PTE_LARGE;
}

static bool maps_large(const struct walk *w)
{
	return w->large && memory_plain(w->frame & ~(uint64_t)((1u << shift()) - 1), 1u << shift());
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
	leaf = memory_frame(entry & 0xffffff000ull, &writable) | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;
	leaf |= entry & key & PTE_USER;
	if (writable && (entry & PTE_DIRTY))
		leaf |= entry & key & PTE_WRITE;
	if (pae && (guest.efer & EFER_NXE))
		leaf |= (entry | key) & PTE_NX;
	return leaf;
}

static bool gives_more(uint64_t leaf, uint64_t right)
{
	return !right || ((leaf ^ right) & 0xffffff000ull) || (leaf & ~right & (PTE_WRITE | PTE_USER)) ||
	       (right & ~leaf & PTE_NX);
}

/* Brings what is in a table up to date. Returns how many entries gave more than they should. */
static unsigned compare_table(struct table *table)
{
	uint32_t index = (uint32_t)(table - tables), stale = 0;
	const void *theirs = guest_table(table);

	for (unsigned i = table->low; i <= table->high; i++) {
		uint64_t leaf = get(index, i), right;

		if (!leaf)
			continue;
		right = leaf_for(table, theirs, i);
		if (leaf != right)
			put(index, i, right);
		stale += gives_more(leaf, right);
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
	table = &tables[((uint32_t)entry - boot.pool) / PAGE];
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
	for (unsigned slot = next_slot(root, 0); slot < slots(); slot = next_slot(root, slot + 1))
		stale += compare_slot(root, slot, kernel_too);
	return stale;
}

/* ---- The processor's tables ---- */

/* stub.c loads the tables of a root that is known to it without us. */
void shadow_sync(uint32_t cr3)
{
	uint64_t directories[4] = { 0 };

	if (cr3 == shadow_cr3)
		return;
	for (current = roots; processor_cr3(current) != cr3; current++)
		;
	shadow_cr3 = cr3;
	guest.cr3 = current->cr3;
	current->used = ++clock;
	if (!pae)
		return;
	guest_read_physical(guest.cr3 & ~0x1fu, guest.pdpte, sizeof guest.pdpte);
	guest_directories(directories);
	check_directories(current, directories);
}

/* The guest is about to use other page tables: CR0, CR3 or CR4 were set, or nothing is in the shadow. */
HOT void shadow_root(void)
{
	uint32_t cr3 = guest.cr0 & CR0_PG ? guest.cr3 : UNPAGED;
	uint64_t directories[4] = { 0 };
	struct root *before;

	if (pae != guest_pae())
		shadow_reset();
	if (free_count < RESERVE)
		shadow_reset();
	if (guest_pae())
		guest_read_physical(guest.cr3 & ~0x1fu, guest.pdpte, sizeof guest.pdpte);
	shadow_drain();
	before = current;
	guest_directories(directories);
	for (current = roots; current < roots + ROOTS; current++)
		if (current->valid && current->cr3 == cr3)
			break;
	if (current == roots + ROOTS) {
		current = before;
		current = new_root(cr3);
		for (unsigned i = 0; i < current->directories; i++)
			set_directory(current, i, directories[i]);
		if (before && before->valid && before != current && cr3 != UNPAGED)
			inherit(current, before);
	} else {
		check_directories(current, directories);
#ifdef MONITOR_VERIFY
		unsigned stale = compare(current, true);

		if (stale && guest.entered && current != before)
			guest_stop("%u entries of the shadow of CR3 %08x are stale", stale, cr3);
#else
		/* The same again is a flush. */
		if (!guest.entered || current == before)
			compare(current, !guest.entered);
#endif
	}
	current->used = ++clock;
	shadow_cr3 = processor_cr3(current);
}

static void fill(uint32_t index, unsigned i, uint64_t leaf)
{
	put(index, i, leaf);
	if (i < tables[index].low)
		tables[index].low = (uint16_t)i;
	if (i > tables[index].high)
		tables[index].high = (uint16_t)i;
}

/* A table that is new to us, a child's after a fork mostly, has more that was accessed and will be again. */
COLD static void fill_around(uint32_t index, unsigned i)
{
	const void *theirs = guest_table(&tables[index]);
	unsigned from = i < AROUND ? 0 : i - AROUND, to = i + AROUND < entries() ? i + AROUND : entries();

	for (unsigned k = from; k < to; k++)
		if (k != i && leaf_for(&tables[index], theirs, k))
			fill(index, k, leaf_for(&tables[index], theirs, k));
}

HOT bool shadow_fault(uint32_t address, uint32_t *error)
{
	uint32_t access = *error & (FAULT_WRITE | FAULT_USER | FAULT_FETCH), fault, index;
	bool fresh;
	unsigned slot = address >> shift(), i = (address >> 12) % entries();
	struct walk w;
	uint64_t entry;

	fault = walk(address, access, &w);
	if (fault) {
		*error = fault & 0xffff;
		return false;
	}
	/* The guest may write where the machine may not: to the BIOS, which natively would do nothing. */
	entry = shadow_entry(&w, (access & FAULT_WRITE) && !w.writable);
	if ((access & FAULT_WRITE) && !(entry & PTE_WRITE)) {
		*error = FAULT_PRESENT | access;
		return false;
	}
	if (free_count < RESERVE) {
		shadow_reset();
		shadow_root();
	}
	if (maps_large(&w) && !((access & FAULT_WRITE) && !w.writable)) {
		put_slot(current, slot, large_entry(&w));
		return true;
	}
	fresh = find_table(w.table) == NOWHERE;
	index = make_table(w.table);
	if (tables[index].slot != slot)
		tables[index].slot = tables[index].slot == NOWHERE ? (uint16_t)slot : MANY;
	put_slot(current, slot, link_to(index));
	fill(index, i, entry);
	if (fresh)
		fill_around(index, i);
	return true;
}

/* ---- Notices ---- */

static void entry_changed(uint32_t at)
{
	unsigned i = at % PAGE / (pae ? 8 : 4), next;

	for (uint32_t t = buckets[(at >> 12) % BUCKETS]; t; t = next) {
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

	for (uint32_t t = buckets[(at >> 12) % BUCKETS]; t; t = next) {
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
	table = &tables[((uint32_t)entry - boot.pool) / PAGE];
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

/* ---- The hole, and the monitor's own tables ---- */

void shadow_protect_flag(bool protect)
{
	guest_hole[0] = (guest_hole[0] & ~PTE_WRITE) | (protect ? 0 : PTE_WRITE);
	guest_hole_pae[0] = (guest_hole_pae[0] & ~(uint64_t)PTE_WRITE) | (protect ? 0 : PTE_WRITE);
#ifdef MONITOR_OPEN
	shadow_stale = true;
#endif
}

/* Forgets everything. */
COLD void shadow_reset(void)
{
	if (pae != guest_pae()) {
		pae = guest_pae();
#ifdef MONITOR_OPEN
		write_cr3(stub_data.monitor_cr3);
		shadow_stale = true;
#endif
		stub_data.monitor_cr3 = image_physical(pae ? (void *)monitor_pdpt : (void *)monitor_directory);
		switch_paging(stub_data.monitor_cr3, (read_cr4() & ~CR4_PAE) | (pae ? CR4_PAE : 0));
	}
	memset(roots, 0, sizeof roots);
	memset(stub_data.roots, 0, sizeof stub_data.roots);
	memset(buckets, 0, sizeof buckets);
	memset(directory_filter, 0, sizeof directory_filter);
	current = NULL;
	free_list = free_count = 0;
	memset(physical(boot.pool), 0, page_count * PAGE);
	for (uint32_t i = page_count; i--;)
		give_page(i);
}

/* Of the hole the guest sees, read only, what the processor needs to enter the monitor and the code that runs on the
 * guest's tables; and writable, what cannot hurt. */
static bool seen(uint32_t address, bool *writable)
{
	*writable = address == FLAG_PAGE || address == SHARED_PAGE || address == TASK_TAIL || address == ENTRY_STACK;
#ifdef MONITOR_OPEN
	return *writable = true;
#endif
	return address < IMAGE_CODE || (address >= (uint32_t)stub_start && address < (uint32_t)stub_end);
}

void shadow_init(void)
{
	uint32_t cpu[4];

	page_count = boot.pool_pages < MOST_PAGES ? boot.pool_pages : MOST_PAGES;
	for (unsigned i = 0; i < 512; i++) {
		uint32_t address = VIRTUAL_TOP + i * PAGE;
		bool writable;

		monitor_hole_pae[i] = monitor_hole[i];
		guest_hole[i] = 0;
		if (monitor_hole[i] && seen(address, &writable))
			guest_hole[i] = monitor_hole[i] & ~(writable ? 0u : PTE_WRITE);
		guest_hole_pae[i] = guest_hole[i];
	}
	/* What is above PHYSICAL_BASE is physical memory from 0 on. */
	for (unsigned i = 0; i < VIRTUAL_TOP >> 21; i++)
		monitor_directories_pae[i / 512][i % 512] =
			((uint64_t)(i % (PHYSICAL_BASE ? PHYSICAL_BASE >> 21 : 2048)) << 21) | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
	monitor_directories_pae[3][510] = image_physical(monitor_hole_pae) | PTE_PRESENT | PTE_WRITE;
	for (unsigned i = 0; i < 4; i++)
		monitor_pdpt[i] = image_physical(monitor_directories_pae[i]) | PTE_PRESENT;
	stub_data.monitor_cr3 = image_physical(monitor_directory);
	write_cr0(read_cr0() | CR0_WP);
	cpuid(0x80000000, 0, cpu);
	if (cpu[0] > 0x80000000)
		cpuid(0x80000001, 0, cpu);
	else
		cpu[3] = 0;
	if (cpu[3] & CPU_NX)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	shadow_reset();
}
