/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Writing the sites of an accepted plan, and back. Nothing here can fail half way. */
#include "lib.h"

/* A processor may have read ahead. It notices its own stores, but not through an alias. */
void vrom_serialise(void)
{
	uint32_t a = 0, b, c = 0, d;

	__asm__ __volatile__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
}

static __attribute__((noinline)) void write_site(const struct vrom_plan *plan, const struct vrom_table *table,
						 struct vrom_cursor cursor, unsigned choice)
{
	struct vrom_site site = vrom_next(&cursor);

	vrom_code(plan, table, &site, choice, site.at + table->alias);
}

/* Copies size bytes, 5 to 32, as parts that overlap. */
static inline void copy(unsigned char *to, const unsigned char *from, uint32_t size)
{
	if (size <= 8) {
		vrom_four_bytes end = *(const vrom_four_bytes *)(from + size - 4);

		*(vrom_four_bytes *)to = *(const vrom_four_bytes *)from;
		*(vrom_four_bytes *)(to + size - 4) = end;
		return;
	}
	*(vrom_eight_bytes *)to = *(const vrom_eight_bytes *)from;
	if (size > 16) {
		*(vrom_eight_bytes *)(to + 8) = *(const vrom_eight_bytes *)(from + 8);
		*(vrom_eight_bytes *)(to + size - 16) = *(const vrom_eight_bytes *)(from + size - 16);
	}
	*(vrom_eight_bytes *)(to + size - 8) = *(const vrom_eight_bytes *)(from + size - 8);
}

static void write_sites(const struct vrom_plan *plan, int native)
{
	const unsigned char *choice = plan->choices, *hint = plan->hints;
	uint32_t distances = native ? 0 : UINT32_MAX;
	ptrdiff_t aliases = 0;

	for (uint32_t t = 0; t < plan->table_count; t++) {
		const struct vrom_table table = plan->tables[t];
		struct vrom_cursor cursor = vrom_first(&table);

		aliases |= table.alias;
		for (; cursor.record < table.records_end; choice++) {
			const struct vrom_alike *alike = &plan->alike[*--hint % VROM_ALIKE];
			const unsigned char *record = cursor.record;
			unsigned char *at, *to;
			uint32_t distance;

			if (*hint == VROM_ALIKE_NONE) {
				if (*choice != VROM_KEEP)
					write_site(plan, &plan->tables[t], cursor, native ? VROM_KEEP : *choice);
				vrom_next(&cursor);
				continue;
			}
			cursor.record += alike->length;
			cursor.native += 1 + alike->native;
			if (*choice == VROM_KEEP)
				continue;
			/* The first of its like has been written: the bytes are the same, but for a distance. */
			at = (unsigned char *)((uintptr_t)record + (uintptr_t)(intptr_t)(int32_t)*(const vrom_four_bytes *)record);
			to = at + table.alias;
			copy(to, alike->written, record[5]);
			distance = (uint32_t)(alike->address - (uintptr_t)at - table.moved) & alike->distance & distances;
			*(vrom_four_bytes *)(to + alike->from) = *(const vrom_four_bytes *)(alike->written + alike->from) + distance;
		}
	}
	if (aliases)
		vrom_serialise();
}

enum vrom_status vrom_commit(struct vrom_plan *plan)
{
	if (plan->state != VROM_ACCEPTED)
		return VROM_STATE;
	write_sites(plan, 0);
	plan->state = VROM_COMMITTED;
	return VROM_OK;
}

enum vrom_status vrom_revert(struct vrom_plan *plan)
{
	if (plan->state != VROM_COMMITTED)
		return VROM_STATE;
	write_sites(plan, 1);
	plan->state = VROM_ACCEPTED;
	return VROM_OK;
}
