/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The pages of the pool: which are free, which stand for what table of the guest's, and the roots, whose directories link
 * them. Pages that are free are empty: who gives one back knows where something is in it.
 */
#include "shadow.h"

#define MOST_PAGES 2048          /* of the pool */
#define BUCKETS 1024
#define ALL (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

struct table tables[MOST_PAGES];
HOT_DATA struct root *current;
HOT_DATA uint32_t free_count, pool;
HOT_DATA struct root roots[ROOTS];
static HOT_DATA uint32_t free_list;
static uint32_t buckets[BUCKETS];
static uint64_t pdpts[ROOTS][4] __attribute__((aligned(32)));
static uint8_t filters[1024];

static uint32_t take_page(void)
{
	uint32_t index = free_list - 1;

	free_list = tables[index].next;
	free_count--;
	return index;
}

static void give_page(uint32_t index)
{
	tables[index].next = free_list;
	free_list = index + 1;
	free_count++;
}

/* ---- Tables ---- */

uint32_t *bucket(uint64_t key)
{
	return &buckets[(uint32_t)(key >> 12) % BUCKETS];
}

uint32_t find_table(uint64_t key)
{
	for (uint32_t i = *bucket(key); i; i = tables[i - 1].next)
		if (tables[i - 1].key == key)
			return i - 1;
	return NOWHERE;
}

uint32_t make_table(uint64_t key)
{
	uint32_t index = take_page();

	tables[index] = (struct table){ .key = key, .next = *bucket(key), .slot = NOWHERE };
	*bucket(key) = index + 1;
	return index;
}

/* The rights are in the table's own entries. */
static uint64_t link_to(uint32_t index)
{
	return page_address(index) | ALL;
}

void link_table(struct root *root, unsigned slot, uint32_t index)
{
	if (tables[index].slot != slot)
		tables[index].slot = tables[index].slot == NOWHERE ? (uint16_t)slot : MANY;
	if (get_slot(root, slot) != link_to(index))
		put_slot(root, slot, link_to(index));
}

void drop_table(uint32_t index)
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
	for (unsigned i = 0; i < entries(); i += CHUNK)
		if (table->chunks >> i / CHUNK & 1)
			memset(physical(page_address(index) + i * PAGE / entries()), 0, CHUNK * PAGE / entries());
	give_page(index);
}

/* ---- Roots ---- */

uint8_t *filter(uint64_t directory)
{
	return &filters[(directory >> 12) % sizeof filters];
}

unsigned next_slot(struct root *root, unsigned slot)
{
	while (slot < slots()) {
		uint32_t word = root->filled[slot / 32] >> slot % 32;

		if (!word) {
			slot = (slot | 31) + 1;
			continue;
		}
		slot += (unsigned)__builtin_ctz(word);
		if (slot < slots() && get_slot(root, slot))
			return slot;
		root->filled[slot / 32] &= ~(1u << slot % 32);
		slot++;
	}
	return slots();
}

COLD void empty_directory(struct root *root, unsigned i)
{
	for_slots(root, slot)
		if (slot / entries() == i)
			put_slot(root, slot, 0);
}

static void set_directory(struct root *root, unsigned i, uint64_t address)
{
	if (root->guest[i] == address)
		return;
	empty_directory(root, i);
	if (root->guest[i])
		--*filter(root->guest[i]);
	root->guest[i] = address;
	if (address)
		++*filter(address);
}

/* With PAE, where they are is what the processor reads when CR3 is loaded. */
void set_directories(struct root *root)
{
	if (root->cr3 != UNPAGED && !pae)
		set_directory(root, 0, guest.cr3 & ~0xfffu);
	for (unsigned i = 0; i < 4 && root->cr3 != UNPAGED && pae; i++)
		set_directory(root, i, guest.pdpte[i] & PTE_PRESENT ? guest.pdpte[i] & FRAME : 0);
}

void drop_root(struct root *root)
{
	if (!root->valid)
		return;
	map_hole(root, false);
	for (unsigned i = 0; i < root->directories; i++) {
		set_directory(root, i, 0);
		empty_directory(root, i);
		give_page(root->pages[i]);
	}
	root->valid = false;
	stub_data.roots[root - roots].processor = 0;
}

uint32_t processor_cr3(const struct root *root)
{
	return pae ? image_physical(pdpts[root - roots]) : page_address(root->pages[0]);
}

struct root *find_root(uint32_t cr3)
{
	for (struct root *root = roots; root < roots + ROOTS; root++)
		if (root->valid && root->cr3 == cr3)
			return root;
	return NULL;
}

/* One that is free, else the one that was not used for longest. */
static struct root *choose_root(void)
{
	struct root *oldest = NULL;

	for (struct root *root = roots; root < roots + ROOTS; root++) {
		if (!root->valid)
			return root;
		if (root != current && (!oldest || root->used < oldest->used))
			oldest = root;
	}
	return oldest;
}

/* What the guest's directories have in common with those of another root, the kernel above all, leads to the same tables. */
static void inherit(struct root *root, struct root *from)
{
	for_slots(from, slot) {
		unsigned i = slot / entries(), k = slot % entries() * (pae ? 8 : 4);

		if (root->guest[i] && from->guest[i] &&
		    guest_entry(root->guest[i] + k) == guest_entry(from->guest[i] + k))
			put_slot(root, slot, get_slot(from, slot));
	}
}

COLD struct root *new_root(uint32_t cr3)
{
	struct root *root = choose_root();

	drop_root(root);
	*root = (struct root){ .cr3 = cr3, .valid = true, .directories = pae ? 4 : 1 };
	for (unsigned i = 0; i < root->directories; i++) {
		root->pages[i] = take_page();
		pdpts[root - roots][i] = page_address(root->pages[i]) | PTE_PRESENT;
	}
	map_hole(root, true);
	set_directories(root);
	if (current && cr3 != UNPAGED)
		inherit(root, current);
	stub_data.roots[root - roots].cr3 = cr3;
	stub_data.roots[root - roots].processor = cr3 == UNPAGED ? 0 : processor_cr3(root);
	return root;
}

/* ---- */

COLD void shadow_reset(void)
{
	uint32_t count = boot.pool_pages < MOST_PAGES ? boot.pool_pages : MOST_PAGES;

	if (pae != guest_pae())
		shadow_form(guest_pae());
	memset(roots, 0, sizeof roots);
	memset(stub_data.roots, 0, sizeof stub_data.roots);
	memset(buckets, 0, sizeof buckets);
	memset(filters, 0, sizeof filters);
	current = NULL;
	free_list = free_count = 0;
	pool = boot.pool;
	memset(physical(boot.pool), 0, count * PAGE);
	while (count--)
		give_page(count);
}
