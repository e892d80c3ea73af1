/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Kernels that are annotated as in 2006: their annotations are read as a site table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vrom/annotation.h>

#include "calls.h"
#include "table.h"

#define MOST_ANNOTATIONS 1000000
#define MOST_IMAGE ((uint64_t)512 << 20)

/* Addresses from low on, below high. */
struct range {
	uint64_t low, high;
};

static void widen(struct range *range, uint64_t address, uint64_t size)
{
	if (range->low == range->high)
		*range = (struct range){ address, address };
	if (address < range->low)
		range->low = address;
	if (address + size > range->high)
		range->high = address + size;
}

static enum table_state bad(struct table *table, const char *problem)
{
	snprintf(table->problem, sizeof table->problem, "%s", problem);
	return TABLE_BAD;
}

enum table_state annotations_read(struct table *table, const struct elf *elf)
{
	const struct section *annotations = elf_section_named(elf, ".vmi.annotation");
	const struct section *translations = elf_section_named(elf, ".vmi.translation");
	struct range text = { 0, 0 }, all;
	struct vrom_annotations old;
	struct vrom_table ours;
	struct vrom_error error;
	enum vrom_status status;
	unsigned char *image, *memory;
	size_t count, size;

	memset(table, 0, sizeof *table);
	if (!annotations || !translations)
		return TABLE_NONE;
	if (elf->is_64 || !annotations->bytes || !translations->bytes)
		return bad(table, "annotations of 2006, in a kernel that is not for i386 or whose file does not hold them");
	for (size_t i = 0; i < elf->segment_count; i++)
		if (elf->segments[i].executable && elf->segments[i].file_size)
			widen(&text, elf->segments[i].address, elf->segments[i].file_size);
	if (text.low == text.high)
		return bad(table, "annotations of 2006, and nothing that is executable");
	all = text;
	widen(&all, translations->address, translations->size);
	count = annotations->size / VROM_ANNOTATION_SIZE;
	if (count > MOST_ANNOTATIONS || all.high - all.low > MOST_IMAGE)
		return bad(table, "annotations of 2006, too many, or too far from what they are of");

	/* Text, translations and our table in one piece, as they have to be in reach of each other. */
	size = VROM_ANNOTATION_MEMORY(count);
	memory = allocate(1, size + (size_t)(all.high - all.low));
	image = memory + size;
	table->made = memory;
	for (size_t i = 0; i < elf->segment_count; i++)
		if (elf->segments[i].executable && elf->segments[i].file_size)
			memcpy(image + (elf->segments[i].address - all.low), elf->segments[i].bytes, elf->segments[i].file_size);
	memcpy(image + (translations->address - all.low), translations->bytes, translations->size);
	old = (struct vrom_annotations){
		annotations->bytes, annotations->bytes + annotations->size,
		image + (translations->address - all.low), image + (translations->address + translations->size - all.low),
		image + (text.low - all.low), image + (text.high - all.low), (ptrdiff_t)(all.low - (uintptr_t)image), 0
	};
	status = vrom_read_annotations(&old, memory, size, &ours, &error);
	if (status != VROM_OK) {
		if (error.index == VROM_NO_INDEX)
			snprintf(table->problem, sizeof table->problem, ".vmi.annotation: %s", vrom_strstatus(status));
		else
			snprintf(table->problem, sizeof table->problem, "annotation %u, of %s, 0x%08x: %s", error.index,
				 call_name(error.call < 256 ? error.call : 255), (unsigned)error.address, vrom_strstatus(status));
		return TABLE_BAD;
	}
	table->annotations_size = annotations->size;
	table->translations_size = translations->size;
	table->records = ours.records;
	table->records_size = (uint64_t)(ours.records_end - ours.records);
	table->records_address = (uintptr_t)ours.records + (uint64_t)ours.moved;
	table->native = ours.native;
	table->native_size = (uint64_t)(ours.native_end - ours.native);
	table->native_address = (uintptr_t)ours.native + (uint64_t)ours.moved;
	table_fill(table, elf);
	return TABLE_FOUND;
}
