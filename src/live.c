/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Writing the sites while other processors run them. Stores of several bytes are not seen whole by a processor
 * that is fetching, so a breakpoint keeps everybody out of each site while the rest of it changes. All
 * sites take each step together: three synchronisations in all, not three for each.
 */
#include "lib.h"

enum step { TRAPS, TAILS, HEADS };

static void write_step(const struct vrom_plan *plan, int native, enum step step)
{
	const unsigned char *choice = plan->choices;

	for (uint32_t t = 0; t < plan->table_count; t++) {
		const struct vrom_table *table = &plan->tables[t];
		struct vrom_cursor cursor = vrom_first(table);

		for (; cursor.record < table->records_end; choice++) {
			struct vrom_site site = vrom_next(&cursor);
			volatile unsigned char *to = site.at + table->alias;
			unsigned char bytes[255];

			if (*choice == VROM_KEEP)
				continue;
			if (step == TRAPS) {
				to[0] = 0xcc;
				continue;
			}
			vrom_code(plan, table, &site, native ? VROM_KEEP : *choice, bytes);
			if (step == HEADS)
				to[0] = bytes[0];
			else
				for (unsigned i = 1; i < site.size; i++)
					to[i] = bytes[i];
		}
	}
}

static void write_live(struct vrom_plan *plan, int native, void (*sync)(void *context), void *context)
{
	for (enum step step = TRAPS; step <= HEADS; step++) {
		write_step(plan, native, step);
		vrom_serialise();
		sync(context);
	}
	plan->state = native ? VROM_ACCEPTED : VROM_COMMITTED;
}

enum vrom_status vrom_commit_live(struct vrom_plan *plan, void (*sync)(void *context), void *context)
{
	if (plan->state != VROM_ACCEPTED)
		return VROM_STATE;
	write_live(plan, 0, sync, context);
	return VROM_OK;
}

/* Finds the site of plan with start <= address < end; NULL if there is none, or if it stays native. */
static const unsigned char *site_around(const struct vrom_plan *plan, uintptr_t address)
{
	const unsigned char *choice = plan->choices;

	/* A breakpoint handler may ask at any time. */
	if (plan->state == VROM_EMPTY)
		return NULL;
	for (uint32_t t = 0; t < plan->table_count; t++) {
		const struct vrom_table *table = &plan->tables[t];
		struct vrom_cursor cursor = vrom_first(table);

		for (; cursor.record < table->records_end; choice++) {
			struct vrom_site site = vrom_next(&cursor);

			if (address - ((uintptr_t)site.at + table->moved) < site.size)
				return *choice == VROM_KEEP ? NULL : (const unsigned char *)site.at + table->moved;
		}
	}
	return NULL;
}

enum vrom_status vrom_revert_live(struct vrom_plan *plan, void (*sync)(void *context), void *context)
{
	const unsigned char *choice = plan->choices;

	if (plan->state != VROM_COMMITTED)
		return VROM_STATE;
	for (uint32_t t = 0; t < plan->table_count; t++) {
		struct vrom_cursor cursor = vrom_first(&plan->tables[t]);

		for (; cursor.record < plan->tables[t].records_end; choice++) {
			struct vrom_site site = vrom_next(&cursor);
			uint8_t offset;

			/* Nobody comes back to the end of such a site. */
			if ((*choice == VROM_CALLED && vrom_calls[site.call].args > 3) ||
			    (*choice >= VROM_INLINE && vrom_template_distances(&plan->templates[*choice - VROM_INLINE], &offset)))
				return VROM_STATE;
		}
	}
	write_live(plan, 1, sync, context);
	return VROM_OK;
}

int vrom_trapped(const struct vrom_plan *plan, uintptr_t address)
{
	uintptr_t start = (uintptr_t)site_around(plan, address - 1);

	return start && start == address - 1;
}

int vrom_inside(const struct vrom_plan *plan, uintptr_t address)
{
	uintptr_t start = (uintptr_t)site_around(plan, address);

	return start && start != address;
}
