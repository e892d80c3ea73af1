/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <vrom/patch.h>

const char *vrom_strwhy(enum vrom_why why)
{
	static const char *const sentences[] = {
#define VROM_X(name, sentence) [VROM_WHY_##name] = sentence,
		VROM_WHYS(VROM_X)
#undef VROM_X
	};

	return (unsigned)why < VROM_WHY_COUNT ? sentences[why] : "an unknown reason";
}

const char *vrom_strstatus(enum vrom_status status)
{
	static const char *const sentences[] = {
#define VROM_X(name, sentence) [VROM_##name] = sentence,
		VROM_STATUSES(VROM_X)
#undef VROM_X
	};

	return (unsigned)status < VROM_STATUS_COUNT ? sentences[status] : "an unknown status";
}
