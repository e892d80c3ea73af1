/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Finding a ROM. A kernel that was patched from outside is told where it is. */
#include "lib.h"

enum vrom_status vrom_find(const void *area, size_t size, struct vrom_rom *rom, struct vrom_error *error)
{
	struct vrom_error closest, here;
	const unsigned char *image = area;

	vrom_fail(&closest, VROM_NO_ROM, 0, VROM_NO_INDEX, VROM_NO_INDEX, (uintptr_t)area);
	for (size_t at = 0; at < size; at += VMI_ROM_STEP) {
		enum vrom_status status = vrom_check_rom(image + at, size - at, rom, &here);

		if (status == VROM_OK)
			return status;
		/* The statuses of a ROM stand in the order of the checks. Foreign ones are on every PC, and no reason. */
		if (status > closest.status && status != VROM_FOREIGN)
			closest = here;
	}
	if (error)
		*error = closest;
	return closest.status;
}
