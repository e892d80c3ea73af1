/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Templates: whether one makes sense, whether it fits a site, and its bytes there. */
#include "lib.h"

/* The place of the argument that a hole is filled with, or -1. */
static int place_of(struct vrom_hole hole)
{
	return vrom_hole_kind(hole) < VROM_HOLE_IMM32 ? -1 : (hole.what >> 4) - 1;
}

int vrom_template_is_sound(const struct vrom_template *template)
{
	unsigned args = vrom_calls[template->call].args;

	if (template->length > VROM_TEMPLATE_CODE || template->changes & ~VROM_STANDARD ||
	    (template->in_register | template->constant) >> args || template->interrupts > VROM_INTERRUPTS_OUTSIDE)
		return 0;
	for (unsigned i = 0; i < VROM_TEMPLATE_HOLES; i++) {
		struct vrom_hole hole = template->holes[i];
		unsigned kind = vrom_hole_kind(hole);

		if (kind == VROM_HOLE_NONE)
			continue;
		if (kind >= VROM_HOLE_KINDS || hole.offset + vrom_hole_size(hole) > template->length ||
		    (kind >= VROM_HOLE_IMM32 && (unsigned)place_of(hole) >= args))
			return 0;
	}
	for (unsigned i = 0; i < VROM_TEMPLATE_GUARDS; i++)
		if (template->guard_arguments[i] > args)
			return 0;
	return 1;
}

/* Whether the hole can have what it is for. */
static enum vrom_why hole_fits(const struct vrom_template *template, const struct vrom_site *site, struct vrom_hole hole)
{
	unsigned kind = vrom_hole_kind(hole);
	int place = place_of(hole);
	uint32_t sum;

	if (place < 0)
		return VROM_WHY_TAKEN;
	if (kind >= VROM_HOLE_RM)
		return vrom_is_constant(site, place) ? VROM_WHY_OPERAND : VROM_WHY_TAKEN;
	if (!vrom_is_constant(site, place))
		return VROM_WHY_OPERAND;
	sum = vrom_constant(site, place);
	if (kind == VROM_HOLE_IMM8 && !vrom_is_small(sum += (uint32_t)(int8_t)template->code[hole.offset]))
		return VROM_WHY_RANGE;
	if (kind == VROM_HOLE_PORT && sum + template->code[hole.offset] > UINT8_MAX)
		return VROM_WHY_RANGE;
	return VROM_WHY_TAKEN;
}

enum vrom_why vrom_template_fits(const struct vrom_template *template, const struct vrom_site *site)
{
	if (template->in_register & site->operands || template->constant & ~site->operands)
		return VROM_WHY_OPERAND;
	for (unsigned i = 0; i < VROM_TEMPLATE_GUARDS; i++) {
		const struct vrom_guard *guard = &template->guards[i];
		unsigned argument = template->guard_arguments[i];

		if (!argument)
			continue;
		if (!vrom_is_constant(site, argument - 1))
			return VROM_WHY_OPERAND;
		if ((vrom_constant(site, argument - 1) ^ guard->value) & guard->mask)
			return VROM_WHY_GUARD;
	}
	for (unsigned i = 0; i < VROM_TEMPLATE_HOLES; i++) {
		enum vrom_why why = hole_fits(template, site, template->holes[i]);

		if (why != VROM_WHY_TAKEN)
			return why;
	}
	if (template->length > site->size)
		return VROM_WHY_SIZE;
	return template->changes & ~site->operands ? VROM_WHY_CHANGES : VROM_WHY_TAKEN;
}

unsigned vrom_template_distances(const struct vrom_template *template, uint8_t *offset)
{
	unsigned count = 0, others = 0;

	for (unsigned i = 0; i < VROM_TEMPLATE_HOLES; i++)
		if (vrom_hole_kind(template->holes[i]) == VROM_HOLE_REL) {
			*offset = template->holes[i].offset;
			count++;
		}
	for (unsigned i = 0; count && i < VROM_TEMPLATE_HOLES; i++) {
		struct vrom_hole hole = template->holes[i];
		unsigned kind = vrom_hole_kind(hole);

		others += kind != VROM_HOLE_NONE && kind != VROM_HOLE_REL && hole.offset < *offset + 4u &&
			  *offset < hole.offset + vrom_hole_size(hole);
	}
	return count + others;
}

void vrom_put_template(const struct vrom_template *template, const struct vrom_site *site, uintptr_t rom,
		       uintptr_t site_address, unsigned char *to)
{
	for (unsigned i = 0; i < template->length; i++)
		to[i] = template->code[i];
	for (unsigned i = 0; i < VROM_TEMPLATE_HOLES; i++) {
		struct vrom_hole hole = template->holes[i];
		unsigned char *at = to + hole.offset;
		uint32_t value, was;

		switch (vrom_hole_kind(hole)) {
		case VROM_HOLE_ROM:
			value = (uint32_t)rom;
			break;
		case VROM_HOLE_REL:
			value = (uint32_t)(rom - site_address - hole.offset - 4);
			break;
		case VROM_HOLE_IMM32:
			value = vrom_constant(site, place_of(hole));
			break;
		case VROM_HOLE_IMM8:
		case VROM_HOLE_PORT:
			*at += (unsigned char)vrom_constant(site, place_of(hole));
			continue;
		case VROM_HOLE_RM:
			*at |= (unsigned char)vrom_register(site, place_of(hole));
			continue;
		case VROM_HOLE_REG:
			*at |= (unsigned char)(vrom_register(site, place_of(hole)) << 3);
			continue;
		default:
			continue;
		}
		__builtin_memcpy(&was, at, sizeof was);
		value += was;
		__builtin_memcpy(at, &value, sizeof value);
	}
	vrom_nops(to + template->length, site->size - template->length);
}
