/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How long a table is. Kernels use it; what else knows all of a table is in preview.c, for tools. */
#include "lib.h"

uint32_t vrom_count(const struct vrom_table *table)
{
	const unsigned char *record = table->records;
	uint32_t count = 0;

	for (; table->records_end - record >= VROM_RECORD_SIZE; count++)
		record += vrom_record_size(record);
	return count;
}
