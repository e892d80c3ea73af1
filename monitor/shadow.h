/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef SHADOW_H
#define SHADOW_H

/*
 * What the files of the shadow page tables share: tables.c has the pages and what they are, shadow.c what is in them and when
 * it changes, hole.c the monitor's own part.
 */
#include "monitor.h"
#include "stub.h"

#define SLOT_WORDS (2048 / 32)
#define NOWHERE 0xffff
#define MANY 0xfffe
#define UNPAGED 0xffffffff       /* in place of a CR3 */
#define RESERVE 8                /* pages that a single step may need */
#define FRAME 0xffffff000ull     /* the address in an entry */

/*
 * A page of the pool that stands for a page table of the guest's, with the rights of the directory's entry that leads to it, or
 * for a large page that must be cut up. Its key is walk.c's: the address, the rights, PTE_LARGE.
 */
struct table {
	uint64_t key;
	uint32_t next;           /* in its bucket, or the free list: index plus 1 */
	uint16_t slot;           /* of the directories, where it is linked: NOWHERE, MANY */
	uint32_t chunks;         /* a bit for each CHUNK entries: some were filled */
};
extern struct table tables[];
#define CHUNK 32

/* A value of the guest's CR3. */
struct root {
	uint32_t cr3;
	bool valid;
	uint32_t used;           /* when, by the clock of switches */
	unsigned directories;    /* 1, or 4 */
	uint32_t pages[4];       /* index of the shadow's directories */
	uint64_t guest[4];       /* address of the guest's directories, 0: none */
	uint32_t filled[SLOT_WORDS]; /* a bit for each slot: it may be other than 0 */
};
extern struct root roots[ROOTS], *current;

extern bool pae;                 /* form of the tables that the processor uses */
extern uint32_t free_count, pool; /* pages that are free; where the first is */
#ifdef MONITOR_OPEN
extern bool shadow_stale;
#endif

static inline unsigned shift(void)
{
	return pae ? 21 : 22;
}

static inline unsigned entries(void)
{
	return pae ? 512 : 1024;
}

/* Of the directories, all in a row, those entries that are the guest's: all but the hole's. */
static inline unsigned slots(void)
{
	return GUEST_TOP >> shift();
}

/* ---- Pages of the pool by their index, and their entries ---- */

static inline uint32_t page_address(uint32_t index)
{
	return pool + index * PAGE;
}

static inline uint32_t page_index(uint64_t entry)
{
	return ((uint32_t)entry - pool) / PAGE;
}

static inline uint64_t get(uint32_t index, unsigned i)
{
	const void *page = physical(page_address(index));

	return pae ? ((const uint64_t *)page)[i] : ((const uint32_t *)page)[i];
}

static inline void put(uint32_t index, unsigned i, uint64_t value)
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

static inline uint64_t get_slot(const struct root *root, unsigned slot)
{
	return get(root->pages[slot / entries()], slot % entries());
}

static inline void put_slot(struct root *root, unsigned slot, uint64_t value)
{
	put(root->pages[slot / entries()], slot % entries(), value);
	root->filled[slot / 32] |= 1u << slot % 32;
}

/* The first slot from slot on that is other than 0, or slots(). */
unsigned next_slot(struct root *root, unsigned slot);
#define for_slots(root, slot) \
	for (unsigned slot = next_slot(root, 0); slot < slots(); slot = next_slot(root, slot + 1))

/* ---- tables.c ---- */
uint32_t *bucket(uint64_t key);            /* index plus 1 of the first table whose key has such an address, 0: none */
uint32_t find_table(uint64_t key);         /* NOWHERE: there is none */
uint32_t make_table(uint64_t key);         /* empty */
void drop_table(uint32_t index);
void link_table(struct root *root, unsigned slot, uint32_t index);
uint8_t *filter(uint64_t directory);       /* how many roots may have that directory of the guest's */
void empty_directory(struct root *root, unsigned i);
void set_directories(struct root *root);   /* to those that the guest has now; what was of others is dropped */
uint32_t processor_cr3(const struct root *root);
struct root *find_root(uint32_t cr3);      /* NULL: there is none */
struct root *new_root(uint32_t cr3);       /* with what it has in common with the current one */
void drop_root(struct root *root);

/* ---- hole.c ---- */
void map_hole(struct root *root, bool map); /* into its directories, or out of them */
#endif
