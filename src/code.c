/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The bytes of a site: native as the build made them, or as a plan wants them. */
#include "lib.h"

/* Nops of 0 to 8 bytes in the recommended forms, as numbers. */
static const uint64_t nops[] = { 0, 0x90, 0x9066, 0x001f0f, 0x00401f0f, 0x0000441f0f, 0x0000441f0f66, 0x00000000801f0f,
				 0x0000000000841f0f };

void vrom_nops(unsigned char *to, unsigned count)
{
	for (unsigned n; count; count -= n) {
		uint64_t nop = nops[count < 8 ? count : 8];

		n = count < 9 ? count : 9;
		if (n == 9)
			*to++ = 0x66;
		for (unsigned i = n - n / 9; i--; nop >>= 8)
			*to++ = (unsigned char)nop;
	}
}

void vrom_native_code(const struct vrom_site *site, unsigned char *to)
{
	for (unsigned i = 0; i < site->native_size; i++)
		to[i] = site->native[i];
	vrom_nops(to + site->native_size, site->size - site->native_size);
}

static unsigned char *put32(unsigned char *to, uint32_t value)
{
	__builtin_memcpy(to, &value, sizeof value);
	return to + sizeof value;
}

unsigned vrom_call_length(const struct vrom_site *site)
{
	unsigned args = vrom_calls[site->call].args, length = args > 3 ? 5 + 4 : 5;

	for (unsigned place = 0; place < args; place++)
		if (vrom_is_constant(site, place))
			length += place >= 3 && vrom_is_small(vrom_constant(site, place)) ? 2 : 5;
		else
			length += place >= 3;
	return length;
}

/*
 * Nops, then pushes of a fifth and a fourth argument, loads of those that are constants, the call, and what takes the
 * arguments off the stack. A call without those is the last thing in the site: whoever returns from it is at the site's end, which is
 * an instruction boundary in the native code too. lea and not add, for the flags. A jump goes to the same place.
 */
static void put_call(const struct vrom_table *table, const struct vrom_site *site, uintptr_t target,
		     unsigned char opcode, unsigned char *to)
{
	unsigned args = vrom_calls[site->call].args, stacked = args > 3 ? args - 3 : 0;
	unsigned lea = stacked ? 4 : 0, length = vrom_call_length(site);
	uint32_t relative = (uint32_t)(target - ((uintptr_t)site->at + table->moved + site->size - lea));

	vrom_nops(to, site->size - length);
	to += site->size - length;
	for (unsigned place = args; place-- > 0;) {
		uint32_t value;

		if (!vrom_is_constant(site, place)) {
			if (place >= 3)
				*to++ = 0x50 + (unsigned char)vrom_register(site, place);
			continue;
		}
		value = vrom_constant(site, place);
		if (place >= 3 && vrom_is_small(value)) {
			*to++ = 0x6a;
			*to++ = (unsigned char)value;
			continue;
		}
		*to++ = place >= 3 ? 0x68 : 0xb8 + (unsigned char)vrom_register(site, place);
		to = put32(to, value);
	}
	*to++ = opcode;
	to = put32(to, relative);
	if (stacked)
		put32(to, 0x0024648d | stacked << 26);
}

void vrom_code(const struct vrom_plan *plan, const struct vrom_table *table, const struct vrom_site *site,
	       unsigned choice, unsigned char *to)
{
	switch (choice) {
	case VROM_KEEP:
		vrom_native_code(site, to);
		break;
	case VROM_CALLED:
	case VROM_JUMPED:
		put_call(table, site, plan->becomes[site->call].target, choice == VROM_CALLED ? 0xe8 : 0xe9, to);
		break;
	case VROM_ERASED:
		vrom_nops(to, site->size);
		break;
	default:
		vrom_put_template(&plan->templates[choice - VROM_INLINE], site, plan->rom, (uintptr_t)site->at + table->moved, to);
	}
}
