/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FUZZ_KERNEL_H
#define FUZZ_KERNEL_H

/*
 * A kernel and a host, built as an input says. An input of zeros is a good kernel; each bit set in it puts one thing
 * out of order. kernel.c has the format.
 */
#include <vrom/patch.h>
#include <vrom/site.h>

#include "fuzz.h"

#define MAX_TABLES 2

struct kernel {
	struct vrom_table tables[MAX_TABLES];
	unsigned table_count;
	size_t sites;          /* of all tables, as verdict_count says */
	unsigned char *text;   /* of all tables; text_size bytes */
	unsigned char *writable; /* where it is written: text, or a second view of it */
	size_t text_size;
	struct vrom_host host;
	struct vrom_template templates[16];
	uint8_t types[VMI_CALL_COUNT];
	uintptr_t targets[VMI_CALL_COUNT];
	unsigned asked[VMI_CALL_COUNT];
	void *memory;          /* for the plan, exactly as much as it needs */
	size_t memory_size;
	int no_host;
};

void kernel_build(struct kernel *kernel, const uint8_t *data, size_t size);
void kernel_free(struct kernel *kernel);

/* What vrom_plan must say of the kernel, worked out in the plainest way. */
struct verdict {
	enum vrom_status status;
	uint32_t table, index; /* of the site that is at fault; not for VROM_OVERLAP, of which there may be several */
	uint8_t *choices;      /* kernel->sites of them, if the status is VROM_OK */
};
void verdict_reach(struct verdict *verdict, const struct kernel *kernel);

/* How many records table has room for. */
uint32_t verdict_count(const struct vrom_table *table);

/* Whether bytes are what choice means for a site that the patcher accepted. */
int verdict_bytes(const struct kernel *kernel, uint32_t table, uint32_t index, unsigned choice,
		  const unsigned char *bytes);

/* What vrom_why must say of template number template there, where choice was taken. */
enum vrom_why verdict_why(const struct kernel *kernel, uint32_t table, uint32_t index, unsigned choice,
			  unsigned template);

/* Whether two sites overlap. */
int verdict_overlap(const struct kernel *kernel, uint32_t table, uint32_t index, uint32_t other_table,
		    uint32_t other_index);

/* A site's record and place, for those that use what the patcher accepted. */
const unsigned char *kernel_record(const struct kernel *kernel, uint32_t table, uint32_t index);
unsigned char *kernel_site(const struct kernel *kernel, uint32_t table, uint32_t index);
#endif
