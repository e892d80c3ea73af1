/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Looking things up in a kernel that elffile.c has read. */
#include <stdio.h>
#include <string.h>

#include "elffile.h"

const struct section *elf_section_named(const struct elf *elf, const char *name)
{
	for (size_t i = 0; i < elf->section_count; i++)
		if (strcmp(elf->sections[i].name, name) == 0)
			return &elf->sections[i];
	return NULL;
}

const struct section *elf_section_at(const struct elf *elf, uint64_t address, uint64_t size)
{
	for (size_t i = 0; i < elf->section_count; i++) {
		const struct section *section = &elf->sections[i];

		if (section->loaded && address >= section->address && address - section->address < section->size &&
		    size <= section->size - (address - section->address))
			return section;
	}
	return NULL;
}

const struct symbol *elf_symbol_named(const struct elf *elf, const char *name)
{
	for (size_t i = 0; i < elf->symbol_count; i++)
		if (strcmp(elf->symbols[i].name, name) == 0)
			return &elf->symbols[i];
	return NULL;
}

const struct symbol *elf_symbol_before(const struct elf *elf, uint64_t address)
{
	const struct section *section = elf_section_at(elf, address, 1);
	size_t low = 0, high = elf->symbol_count;

	/* The first symbol behind address. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (elf->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i-- > 0;) {
		const struct symbol *symbol = &elf->symbols[i];

		if (section && symbol->address < section->address)
			break;
		if (symbol->kind == SYMBOL_DATA)
			continue;
		/* The best of those at one address stands first. */
		while (i > 0 && elf->symbols[i - 1].address == symbol->address)
			symbol = &elf->symbols[--i];
		return symbol;
	}
	return NULL;
}

const char *elf_place(const struct elf *elf, uint64_t address, char buffer[PLACE_SIZE])
{
	const struct symbol *symbol = elf_symbol_before(elf, address);

	if (!symbol)
		buffer[0] = 0;
	else if (symbol->address == address)
		snprintf(buffer, PLACE_SIZE, "%.90s", symbol->name);
	else
		snprintf(buffer, PLACE_SIZE, "%.90s+0x%llx", symbol->name, (unsigned long long)(address - symbol->address));
	return buffer;
}

const unsigned char *elf_bytes(const struct elf *elf, uint64_t address, uint64_t size)
{
	const struct section *section = elf_section_at(elf, address, size);

	if (section && section->bytes)
		return section->bytes + (address - section->address);
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct segment *segment = &elf->segments[i];

		if (address >= segment->address && address - segment->address < segment->file_size &&
		    size <= segment->file_size - (address - segment->address))
			return segment->bytes + (address - segment->address);
	}
	return NULL;
}
