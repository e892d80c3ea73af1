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

static void write_sites(const struct vrom_plan *plan, int native)
{
	const unsigned char *choice = plan->choices;
	ptrdiff_t aliases = 0;

	for (uint32_t t = 0; t < plan->table_count; t++) {
		const struct vrom_table table = plan->tables[t];
		struct vrom_cursor cursor = vrom_first(&table);

		aliases |= table.alias;
		for (; cursor.record < table.records_end; choice++) {
			struct vrom_cursor here = cursor;
			struct vrom_site site = vrom_next(&cursor);
			const struct vrom_becomes *becomes = &plan->becomes[site.call];
			uint32_t tail = becomes->tail, distance;
			unsigned char *to;

			/* The new code does not depend on the seal: to follow it would only take time. */
			if (!native)
				cursor.native = table.native;
			if (*choice == VROM_KEEP)
				continue;
			if (native || !vrom_is_like(becomes, &site)) {
				write_site(plan, &plan->tables[t], here, native ? VROM_KEEP : *choice);
				continue;
			}
			/* Nearly every site: 5 to 8 bytes, as two halves that may overlap, or up to 16 as three. */
			to = site.at + table.alias;
			distance = (uint32_t)(becomes->target - (uintptr_t)site.at - table.moved - site.size);
			tail += distance & becomes->relative;
			if (site.size > 8) {
				__builtin_memcpy(to, &becomes->head, 8);
				__builtin_memcpy(to + site.size - 8, &tail, 4);
				tail = becomes->end + (distance & becomes->relative_end);
			} else
				__builtin_memcpy(to, &becomes->head, 4);
			__builtin_memcpy(to + site.size - 4, &tail, 4);
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
