/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a plan would write. A kernel has no use for this. */
#include "lib.h"

unsigned vrom_preview(const struct vrom_plan *plan, uint32_t table, uint32_t index, unsigned char *bytes)
{
	const unsigned char *choices = plan->choices;
	struct vrom_cursor cursor = vrom_first(&plan->tables[table]);
	struct vrom_site site;

	for (uint32_t t = 0; t < table; t++)
		choices += (plan->tables[t].records_end - plan->tables[t].records) / VROM_RECORD_SIZE;
	for (uint32_t i = 0; i < index; i++)
		vrom_next(&cursor);
	site = vrom_next(&cursor);
	vrom_code(plan, &plan->tables[table], &site, choices[index], bytes);
	return site.size;
}
