/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* For hosts: recognising code of theirs in a guest's text. */
#include "lib.h"

/* Whether text holds the code of template, but for the holes. */
static int holds(const struct vrom_template *template, const unsigned char *text)
{
	uint32_t holes = 0;

	for (unsigned i = 0; i < VROM_TEMPLATE_HOLES; i++)
		if (vrom_hole_kind(template->holes[i]) != VROM_HOLE_NONE)
			holes |= (vrom_hole_size(template->holes[i]) == 4 ? 15u : 1u) << template->holes[i].offset;
	for (unsigned i = 0; i < template->length; i++)
		if (!(holes >> i & 1) && text[i] != template->code[i])
			return 0;
	return 1;
}

int vrom_template_inside(const struct vrom_template *template, const unsigned char *text, size_t before, size_t behind)
{
	if (template->interrupts != VROM_INTERRUPTS_OUTSIDE)
		return 0;
	for (unsigned inside = 1; inside < template->length; inside++)
		if (inside <= before && template->length - inside <= behind && holds(template, text - inside))
			return 1;
	return 0;
}
