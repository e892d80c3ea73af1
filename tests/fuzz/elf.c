/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The command's ELF reader, and its reader of site tables, on a file that is the input. */
#include <string.h>

#include "../../tool/table.h"
#include "fuzz.h"

const char *fuzz_outcome;

static const uint8_t *input;
static size_t input_size;

/* In place of tool/util.c: from memory, and without a word. */
int fail(const char *file, const char *format, ...)
{
	MUST(file && format);
	return EXIT_BAD;
}

void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	MUST(memory);
	return memory;
}

int read_file(const char *path, size_t limit, struct blob *blob)
{
	(void)path;
	MUST(input_size <= limit);
	blob->bytes = malloc(input_size ? input_size : 1);
	memcpy(blob->bytes, input, input_size);
	blob->size = input_size;
	return 0;
}

/* All that the file's reader says is there. */
static void use_elf(const struct elf *elf)
{
	for (size_t i = 0; i < elf->section_count; i++) {
		const struct section *section = &elf->sections[i];

		fuzz_touch(section->name, strlen(section->name));
		if (section->bytes)
			fuzz_touch(section->bytes, section->size);
	}
	for (size_t i = 0; i < elf->segment_count; i++)
		fuzz_touch(elf->segments[i].bytes, elf->segments[i].file_size);
	for (size_t i = 0; i < elf->symbol_count; i++) {
		char place[PLACE_SIZE];

		fuzz_touch(elf->symbols[i].name, strlen(elf->symbols[i].name));
		if (i)
			MUST(elf->symbols[i - 1].address <= elf->symbols[i].address);
		fuzz_touch(elf_place(elf, elf->symbols[i].address + 1, place), 1);
	}
}

static void use_table(const struct elf *elf, struct table *table)
{
	if (table_read(table, elf) != TABLE_FOUND)
		return;
	fuzz_outcome = "an ELF file with a site table";
	for (size_t i = 0; i < table->count; i++) {
		const struct site *site = &table->sites[i];
		char text[OPERANDS_SIZE];

		if (site->native)
			fuzz_touch(site->native, site->native_size);
		if (site->bytes)
			fuzz_touch(site->bytes, site->size);
		fuzz_touch(site_arguments(site, text), 1);
		fuzz_touch(site_changes(site, text), 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct table table = { 0 };
	struct elf elf;

	input = data;
	input_size = size;
	fuzz_outcome = "not a kernel";
	if (elf_open(&elf, "input") == 0) {
		fuzz_outcome = "an ELF file";
		use_elf(&elf);
		use_table(&elf, &table);
		table_free(&table);
	}
	elf_close(&elf);
	return 0;
}
