/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How often the call sites ran, by what stands at them. Only in a kernel that is built with VROM_PROFILE, where each site
 * has a counter: vrom/site.h.
 */
#include <vrom/patch.h>

#include "kernel.h"

#ifdef VROM_PROFILE
/* Between these, which the linker makes, there is one for each site, in the order of their records. */
extern uint32_t __start_vrom_profile[], __stop_vrom_profile[];

/* Prints what ran since the last time, if there is a name for it. What printing does is not counted. */
void profile_report(const char *name)
{
	uint32_t sums[VROM_INLINE + 1] = { 0 }, sites = __stop_vrom_profile - __start_vrom_profile;

	for (uint32_t i = 0; i < sites; i++) {
		unsigned choice = host_choice(i);

		sums[choice < VROM_INLINE ? choice : VROM_INLINE] += __start_vrom_profile[i];
	}
	if (name && !host_adopted) /* who patched from outside did not leave his choices */
		printf("executed %s native=%u called=%u erased=%u inlined=%u\n", name, sums[VROM_KEEP],
		       sums[VROM_CALLED] + sums[VROM_JUMPED], sums[VROM_ERASED], sums[VROM_INLINE]);
	memset(__start_vrom_profile, 0, sites * sizeof *__start_vrom_profile);
}
#else
void profile_report(const char *name)
{
	(void)name;
}
#endif
