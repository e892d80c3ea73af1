/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Finding and reading a site table. What is wrong with single sites is not decided here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vrom/site.h>

#include "calls.h"
#include "table.h"

/* Where one of the two parts lies: a section of its own, or between two symbols. 1, or 0 if there is none. */
static int find_part(const struct elf *elf, const char *name, const char *start, const char *end, uint64_t *address,
		     uint64_t *size)
{
	const struct section *section = elf_section_named(elf, name);
	const struct symbol *first = elf_symbol_named(elf, start), *last = elf_symbol_named(elf, end);

	if (section) {
		*address = section->address;
		*size = section->size;
		return 1;
	}
	if (!first || !last || last->address < first->address)
		return 0;
	*address = first->address;
	*size = last->address - first->address;
	return 1;
}

static enum table_state bad(struct table *table, const char *problem)
{
	snprintf(table->problem, sizeof table->problem, "%s", problem);
	return TABLE_BAD;
}

/* How many whole records there are, and how many bytes are left behind them. */
static size_t count_records(const struct table *table, uint64_t *rest)
{
	uint64_t at = 0;
	size_t count = 0;

	while (table->records_size - at >= RECORD_SIZE) {
		uint64_t size = RECORD_SIZE;

		for (unsigned place = 0; place < 5; place++)
			size += table->records[at + 6] >> place & 1 ? 4 : 0;
		if (size > table->records_size - at)
			break;
		at += size;
		count++;
	}
	*rest = table->records_size - at;
	return count;
}

static void read_records(struct table *table, const struct elf *elf)
{
	uint64_t seal = 0, at = 0;

	for (size_t i = 0; i < table->count; i++) {
		struct site *site = &table->sites[i];
		const unsigned char *record = table->records + at;
		uint64_t address = table->records_address + at;
		int32_t offset;

		memcpy(&offset, record, sizeof offset);
		memcpy(&site->operands, record + 6, sizeof site->operands);
		site->index = (uint32_t)i;
		site->address = address + (uint64_t)(int64_t)offset;
		if (!elf->is_64)
			site->address &= 0xffffffffu;
		at += RECORD_SIZE;
		for (unsigned place = 0; place < 5; place++)
			if (site_is_constant(site, place)) {
				memcpy(&site->constants[place], table->records + at, 4);
				at += 4;
			}
		site->call = record[4];
		site->size = record[5];
		site->bytes = elf_bytes(elf, site->address, site->size);
		if (seal < table->native_size && table->native[seal] < table->native_size - seal) {
			site->native_size = table->native[seal];
			site->native = table->native + seal + 1;
			seal += 1 + site->native_size;
		} else if (!table->problem[0]) {
			snprintf(table->problem, sizeof table->problem,
				 "the seal ends before site %zu: are .vrom.sites and .vrom.native kept in one order?", i);
			seal = table->native_size;
		}
	}
	table->seal_used = seal;
	if (seal != table->native_size && !table->problem[0])
		snprintf(table->problem, sizeof table->problem,
			 "the seal is longer than the records say: does the linker script drop a part of .vrom.sites?");
}

void table_fill(struct table *table, const struct elf *elf)
{
	uint64_t rest;

	table->count = count_records(table, &rest);
	if (rest)
		snprintf(table->problem, sizeof table->problem,
			 "the site table ends in the middle of a record: does something else lie in .vrom.sites?");
	table->sites = allocate(table->count, sizeof *table->sites);
	read_records(table, elf);
}

enum table_state table_read(struct table *table, const struct elf *elf)
{
	int records, native;

	memset(table, 0, sizeof *table);
	records = find_part(elf, ".vrom.sites", "vrom_sites", "vrom_sites_end", &table->records_address,
			    &table->records_size);
	native = find_part(elf, ".vrom.native", "vrom_native", "vrom_native_end", &table->native_address,
			   &table->native_size);
	if (!records && !native)
		return TABLE_NONE;
	if (!records)
		return bad(table, "the seal .vrom.native is there, the site table .vrom.sites is not: "
			   "put vrom/sites.ld in the linker script");
	if (!native)
		return bad(table, "the site table .vrom.sites is there, its seal .vrom.native is not: "
			   "put vrom/sites.ld in the linker script");
	table->records = elf_bytes(elf, table->records_address, table->records_size);
	table->native = elf_bytes(elf, table->native_address, table->native_size);
	if (table->records_size == 0 && table->native_size == 0)
		return TABLE_FOUND;
	if (!table->records || !table->native)
		return bad(table, "the site table or its seal is not among what is loaded, or the file does not hold it: "
			   "put vrom/sites.ld among the read-only data");
	table_fill(table, elf);
	return TABLE_FOUND;
}

void table_free(struct table *table)
{
	free(table->sites);
	free(table->made);
	memset(table, 0, sizeof *table);
}

static void append(char *buffer, const char *text, const char *between)
{
	size_t used = strlen(buffer);

	snprintf(buffer + used, OPERANDS_SIZE - used, "%s%s", used ? between : "", text);
}

unsigned site_register(const struct site *site, unsigned place)
{
	return place < 3 ? calls[site->call].in[place] :
	       site->operands >> (place == 3 ? VROM_ARG4_SHIFT : VROM_ARG5_SHIFT) & 7;
}

const char *site_arguments(const struct site *site, char buffer[OPERANDS_SIZE])
{
	buffer[0] = 0;
	if (site->call >= VMI_CALL_COUNT)
		return buffer;
	for (unsigned place = 0; place < calls[site->call].arguments; place++) {
		char constant[16];

		snprintf(constant, sizeof constant, "0x%x", site->constants[place]);
		append(buffer, site_is_constant(site, place) ? constant : register_name(site_register(site, place)), ", ");
	}
	return buffer;
}

const char *site_changes(const struct site *site, char buffer[OPERANDS_SIZE])
{
	buffer[0] = 0;
	if (site->operands & VROM_EAX)
		append(buffer, "eax", " ");
	if (site->operands & VROM_ECX)
		append(buffer, "ecx", " ");
	if (site->operands & VROM_EDX)
		append(buffer, "edx", " ");
	if (site->operands & VROM_FLAGS)
		append(buffer, "flags", " ");
	return buffer;
}
