/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VROM_LIB_H
#define VROM_LIB_H

/*
 * What the files of the library share. In reading order: rom.c reads a ROM, find.c finds one, plan.c decides what every
 * site becomes, template.c which templates fit a site, overlap.c whether two sites are in one place, code.c makes the
 * bytes, commit.c writes them, live.c writes them under running processors, attach.c is the whole way, entry.c calls
 * into the ROM, count.c counts sites, status.c has the sentences. note.c is for kernels that are patched from outside,
 * annotation.c for those that are annotated in the older way, preview.c for tools, inside.c for hosts.
 */
#include <vrom/patch.h>
#include <vrom/site.h>

/* Fills error, if there is one, and hands status on. */
enum vrom_status vrom_fail(struct vrom_error *error, enum vrom_status status, uint32_t table, uint32_t index,
			   uint32_t call, uintptr_t address);

/* States of a plan. */
enum { VROM_EMPTY, VROM_ACCEPTED, VROM_COMMITTED };

typedef uint64_t __attribute__((may_alias, aligned(1))) vrom_eight_bytes;
typedef uint32_t __attribute__((may_alias, aligned(1))) vrom_four_bytes;

/* A record, its site, and its part of the seal. */
struct vrom_site {
	unsigned char *at;
	const unsigned char *native;
	const unsigned char *constants; /* 4 bytes each */
	uint32_t native_size, size, call, operands;
	uint32_t record; /* all of the record but the place: call, size, operands */
	uint32_t constant_count;
	uint64_t ends; /* the first and the last constant; 0 if there is none */
};

/* Where one is in a table. */
struct vrom_cursor {
	const unsigned char *record, *native;
};

static inline struct vrom_cursor vrom_first(const struct vrom_table *table)
{
	return (struct vrom_cursor){ table->records, table->native };
}

/* Without constants, of which there may be up to five. */
#define VROM_RECORD_SIZE 8
#define VROM_RECORD_MOST (VROM_RECORD_SIZE + 5 * 4)

/* How many of the first arguments, up to five, are constants. */
static inline uint32_t vrom_constants(uint32_t operands, unsigned first)
{
	uint32_t bits = operands & VROM_CONSTANTS & ((1u << first) - 1);

	bits -= bits >> 1 & 0x15;
	bits = (bits & 0x33) + (bits >> 2 & 0x33);
	return (bits + (bits >> 4)) & 7;
}

static inline size_t vrom_record_size(const unsigned char *record)
{
	return VROM_RECORD_SIZE + 4 * vrom_constants(record[6], 5);
}

/* Reads the record at cursor and steps on. Both must lie in the table; what they say is not checked. */
static inline struct vrom_site vrom_next(struct vrom_cursor *cursor)
{
	const unsigned char *record = cursor->record, *native = cursor->native;
	struct vrom_site site;
	int32_t offset;

	__builtin_memcpy(&offset, record, sizeof offset);
	__builtin_memcpy(&site.record, record + 4, sizeof site.record);
	site.at = (unsigned char *)((uintptr_t)record + (uintptr_t)(intptr_t)offset);
	site.call = site.record & 0xff;
	site.size = site.record >> 8 & 0xff;
	site.operands = site.record >> 16;
	site.native_size = native[0];
	site.native = native + 1;
	site.constants = record + VROM_RECORD_SIZE;
	cursor->record = record + VROM_RECORD_SIZE;
	site.constant_count = 0;
	site.ends = 0;
	if (site.operands & VROM_CONSTANTS) {
		site.constant_count = vrom_constants(site.operands, 5);
		cursor->record += 4 * site.constant_count;
		site.ends = *(const vrom_four_bytes *)site.constants | (uint64_t)*(const vrom_four_bytes *)(cursor->record - 4) << 32;
	}
	cursor->native = native + 1 + site.native_size;
	return site;
}

/* What the call table says of a call, as the patcher needs it. */
struct vrom_call {
	uint8_t args : 4, kind : 4;
	uint8_t results;  /* VMI_R_..., registers only */
	uint16_t in;      /* registers of the first three arguments, 4 bits each */
	uint16_t changes; /* VROM_EAX ... */
};
extern const struct vrom_call vrom_calls[VMI_CALL_COUNT];

/* ---- Arguments of a site. place is from 0, below the number of arguments. ---- */

static inline int vrom_is_constant(const struct vrom_site *site, unsigned place)
{
	return site->operands >> place & 1;
}

/* If it is. */
static inline uint32_t vrom_constant(const struct vrom_site *site, unsigned place)
{
	uint32_t value;

	__builtin_memcpy(&value, site->constants + 4 * vrom_constants(site->operands, place), sizeof value);
	return value;
}

/* If it is not. */
static inline unsigned vrom_register(const struct vrom_site *site, unsigned place)
{
	return place < 3 ? vrom_calls[site->call].in >> 4 * place & 15 :
	       site->operands >> (place == 3 ? VROM_ARG4_SHIFT : VROM_ARG5_SHIFT) & 7;
}

/* Whether a processor extends 8 bits to value. */
static inline int vrom_is_small(uint32_t value)
{
	return value + 128 < 256;
}

/* The length of a call at site: its arguments and all. */
unsigned vrom_call_length(const struct vrom_site *site);

/* ---- Templates ---- */

/* Whether every part of template makes sense for its call, which exists. */
int vrom_template_is_sound(const struct vrom_template *template);

/* Whether it can be placed at site: VROM_WHY_TAKEN, or what is in the way. It is sound and for this call. */
enum vrom_why vrom_template_fits(const struct vrom_template *template, const struct vrom_site *site);

/* Writes it to a place that need not be the site; rom and site_address are as the guest sees them. */
void vrom_put_template(const struct vrom_template *template, const struct vrom_site *site, uintptr_t rom,
		       uintptr_t site_address, unsigned char *to);

/* How many distances in its code depend on where the site is, and holes that lie over the last of them; *offset is where
 * that is. */
unsigned vrom_template_distances(const struct vrom_template *template, uint8_t *offset);

static inline unsigned vrom_hole_kind(struct vrom_hole hole)
{
	return hole.what & 15;
}
static inline unsigned vrom_hole_size(struct vrom_hole hole)
{
	return vrom_hole_kind(hole) <= VROM_HOLE_IMM32 ? 4 : 1;
}

/* ---- Overlap ---- */

/* Whether no two sites of plan's tables overlap, whose records are all good. runs is memory for one for each site. */
enum vrom_status vrom_check_overlap(const struct vrom_plan *plan, uint64_t *runs, struct vrom_error *error);

/* ---- Bytes ---- */

/* Nops of count bytes, the longest first: of 9 bytes, that of 8 with a prefix. */
void vrom_nops(unsigned char *to, unsigned count);

/* Makes this processor forget what it has read ahead of the text. */
void vrom_serialise(void);

/* The bytes of site as plan wants them, site->size of them, to a place that need not be the site. */
void vrom_code(const struct vrom_plan *plan, const struct vrom_table *table, const struct vrom_site *site,
	       unsigned choice, unsigned char *to);

/* The native bytes and padding of site. */
void vrom_native_code(const struct vrom_site *site, unsigned char *to);
#endif
