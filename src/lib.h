/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VROM_LIB_H
#define VROM_LIB_H

/*
 * What the files of the library share. In reading order: rom.c finds a ROM, plan.c decides what every site
 * becomes, code.c makes the bytes, commit.c writes them, live.c writes them under running processors,
 * attach.c is the whole way, entry.c calls into the ROM, preview.c is for tools, status.c has the sentences.
 */
#include <vrom/patch.h>
#include <vrom/site.h>

/* Fills error, if there is one, and hands status on. */
enum vrom_status vrom_fail(struct vrom_error *error, enum vrom_status status, uint32_t table, uint32_t index,
			   uint32_t call, uintptr_t address);

/* States of a plan. */
enum { VROM_EMPTY, VROM_ACCEPTED, VROM_COMMITTED };

/* A record, its site, and its part of the seal. */
struct vrom_site {
	unsigned char *at;
	const unsigned char *native;
	uint32_t native_size, size, call, operands;
	uint32_t record; /* all of the record but the place: call, size, operands */
};

/* Where one is in a table. */
struct vrom_cursor {
	const unsigned char *record, *native;
};

static inline struct vrom_cursor vrom_first(const struct vrom_table *table)
{
	return (struct vrom_cursor){ table->records, table->native };
}

#define VROM_RECORD_SIZE 8

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
	cursor->record = record + VROM_RECORD_SIZE;
	cursor->native = native + 1 + site.native_size;
	return site;
}

/* What the call table says of a call, as the patcher needs it. */
struct vrom_call {
	uint8_t room; /* that a site must have */
	uint8_t args : 4, kind : 3, gives : 1; /* gives: it has a result */
	uint16_t changes; /* VROM_EAX ... */
};
extern const struct vrom_call vrom_calls[VMI_CALL_COUNT];

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
