/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a plan would write, and why. A kernel has no use for this. */
#include "lib.h"

/* Site number index of plan's table, and what was chosen for it. */
static struct vrom_site site_of(const struct vrom_plan *plan, uint32_t table, uint32_t index, unsigned *choice)
{
	const unsigned char *choices = plan->choices;
	struct vrom_cursor cursor = vrom_first(&plan->tables[table]);

	for (uint32_t t = 0; t < table; t++)
		choices += vrom_count(&plan->tables[t]);
	for (uint32_t i = 0; i < index; i++)
		vrom_next(&cursor);
	*choice = choices[index];
	return vrom_next(&cursor);
}

unsigned vrom_preview(const struct vrom_plan *plan, uint32_t table, uint32_t index, unsigned char *bytes)
{
	unsigned choice;
	struct vrom_site site = site_of(plan, table, index, &choice);

	vrom_code(plan, &plan->tables[table], &site, choice, bytes);
	return site.size;
}

enum vrom_why vrom_why(const struct vrom_plan *plan, uint32_t table, uint32_t index, unsigned template)
{
	unsigned choice;
	struct vrom_site site = site_of(plan, table, index, &choice);
	enum vrom_why why = VROM_WHY_CALL;

	if (plan->templates[template].call == site.call)
		why = vrom_template_fits(&plan->templates[template], &site);
	return why == VROM_WHY_TAKEN && choice != VROM_INLINE + template ? VROM_WHY_EARLIER : why;
}
