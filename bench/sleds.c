/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Patches and unpatches this program's own sleds with LLVM's XRay, as often as each line of standard input says,
 * and prints the ns of both. Patching includes what XRay does for its users: the sweep for the sleds' range and
 * the pair of mprotect around it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sleds.h"

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

/* How many sleds do not hold what they were linked with, a jump or a return. */
static unsigned changed(void)
{
	unsigned count = 0;

	for (const struct sled *sled = __start_xray_instr_map; sled < __stop_xray_instr_map; sled++) {
		const unsigned char *at = (const unsigned char *)sled + sled->sled;

		count += sled->kind == 0 ? at[0] != 0xeb : at[0] != 0xc3;
	}
	return count;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench: XRay: %s\n", what);
	exit(1);
}

int main(void)
{
	unsigned count;

	if (__stop_xray_instr_map - __start_xray_instr_map != SLEDS)
		fail("there are not as many sleds as there should be");
	if (__xray_patch() != XRAY_SUCCESS || changed() != SLEDS)
		fail("it did not patch all sleds");
	if (__xray_unpatch() != XRAY_SUCCESS || changed() != 0)
		fail("it did not unpatch all sleds");
	while (scanf("%u", &count) == 1) {
		/* The first round warms up. */
		for (unsigned i = 0; i <= count; i++) {
			double start = now(), patched;

			if (__xray_patch() != XRAY_SUCCESS)
				fail("patching failed");
			patched = now();
			if (__xray_unpatch() != XRAY_SUCCESS)
				fail("unpatching failed");
			if (i > 0)
				printf("%.0f %.0f\n", patched - start, now() - patched);
		}
		fflush(stdout);
	}
	return 0;
}
