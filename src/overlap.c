/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whether sites overlap, in tables that are not in the order of the text. */
#include "lib.h"

/*
 * Tables as linkers make them consist of runs: sites that follow each other in the table and in the text. A run in
 * 64 bits: the address of its first record, of which 48 bits tell, and in the low 16 how many there are.
 */
static inline const unsigned char *first_of(uint64_t run)
{
	return (const unsigned char *)(uintptr_t)((int64_t)run >> 16);
}

static inline uintptr_t start_of(const unsigned char *record)
{
	struct vrom_cursor cursor = { record, record };

	return (uintptr_t)vrom_next(&cursor).at;
}

/* Puts run into a heap of count runs, the lowest start on top, at root or below it. */
static void sift(uint64_t *runs, size_t count, size_t root, uint64_t run)
{
	for (size_t child; (child = 2 * root + 1) < count; root = child) {
		if (child + 1 < count && start_of(first_of(runs[child + 1])) < start_of(first_of(runs[child])))
			child++;
		if (start_of(first_of(run)) <= start_of(first_of(runs[child])))
			break;
		runs[root] = runs[child];
	}
	runs[root] = run;
}

/* Names that one of two overlapping sites that comes last in the tables, and the other. */
static enum vrom_status overlap(const struct vrom_plan *plan, const unsigned char *one, const unsigned char *two,
				struct vrom_error *error)
{
	uint32_t other = VROM_NO_INDEX;

	for (uint32_t t = 0; t < plan->table_count; t++) {
		const unsigned char *record = plan->tables[t].records;

		for (uint32_t i = 0; record < plan->tables[t].records_end; i++, record += vrom_record_size(record))
			if (record == one || record == two) {
				vrom_fail(error, VROM_OVERLAP, t, i, record[4], start_of(record) + plan->tables[t].moved);
				if (error)
					error->other = other;
				if (other == VROM_NO_INDEX)
					other = i;
			}
	}
	return VROM_OVERLAP;
}

/* Merges all runs. In no order are the sites slower than to sort. */
enum vrom_status vrom_check_overlap(const struct vrom_plan *plan, uint64_t *runs, struct vrom_error *error)
{
	const unsigned char *last = NULL;
	size_t count = 0;

	for (uint32_t t = 0; t < plan->table_count; t++) {
		const unsigned char *record = plan->tables[t].records;
		uintptr_t end = UINTPTR_MAX;

		for (; record < plan->tables[t].records_end; record += vrom_record_size(record)) {
			if (start_of(record) < end || (uint16_t)runs[count - 1] == UINT16_MAX)
				runs[count++] = (uint64_t)(uintptr_t)record << 16;
			runs[count - 1]++;
			end = start_of(record) + record[5];
		}
	}
	for (size_t i = count / 2; i-- > 0;)
		sift(runs, count, i, runs[i]);
	while (count) {
		uint64_t run = runs[0];
		uintptr_t next = UINTPTR_MAX;

		if (last && start_of(first_of(run)) - start_of(last) < last[5])
			return overlap(plan, last, first_of(run), error);
		/* On to where another run has a site. */
		for (size_t i = 1; i < 3 && i < count; i++)
			if (start_of(first_of(runs[i])) < next)
				next = start_of(first_of(runs[i]));
		do {
			last = first_of(run);
			run += ((uint64_t)vrom_record_size(last) << 16) - 1;
		} while ((uint16_t)run && start_of(first_of(run)) <= next);
		if (!(uint16_t)run)
			run = runs[--count];
		sift(runs, count, 0, run);
	}
	return VROM_OK;
}
