/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Writing the sites of an accepted plan, and back. Nothing here can fail half way. */
#include "lib.h"

/* A processor may have read ahead. Through an alias even its own stores are not noticed without this. */
static void serialise(void)
{
	uint32_t a = 0, b, c = 0, d;

	__asm__ __volatile__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
}

static void write_sites(const struct vrom_plan *plan, int native)
{
	const unsigned char *choice = plan->choices;

	for (uint32_t t = 0; t < plan->table_count; t++) {
		const struct vrom_table *table = &plan->tables[t];
		struct vrom_cursor cursor = vrom_first(table);

		for (; cursor.record < table->records_end; choice++) {
			struct vrom_site site = vrom_next(&cursor);
			unsigned char *to = site.at + table->alias;

			if (*choice == VROM_KEEP)
				continue;
			if (native)
				vrom_native_code(&site, to);
			else if (*choice == VROM_CALLED && site.size == 8) {
				/* Nearly every site: a nop of 3 bytes and a call, in one store. */
				uint32_t relative = (uint32_t)(plan->becomes[site.call].target -
							       ((uintptr_t)site.at + table->moved + 8));
				uint64_t bytes = (uint64_t)relative << 32 | 0xe8001f0f;

				__builtin_memcpy(to, &bytes, sizeof bytes);
			} else
				vrom_code(plan, table, &site, *choice, to);
		}
	}
	serialise();
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
