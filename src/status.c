/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <vrom/patch.h>

const char *vrom_strstatus(enum vrom_status status)
{
	static const char *const sentences[] = {
#define VROM_X(name, sentence) [VROM_##name] = sentence,
		VROM_STATUSES(VROM_X)
#undef VROM_X
	};

	return (unsigned)status < VROM_STATUS_COUNT ? sentences[status] : "an unknown status";
}
