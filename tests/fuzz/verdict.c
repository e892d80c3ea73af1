/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What vrom_plan must say, worked out once more from vrom/patch.h, with no thought of speed. */
#include <string.h>

#include "kernel.h"

static const struct {
	uint8_t args, kind;
	int has_result;
	uint16_t changes;
} calls[VMI_CALL_COUNT] = {
#define CALL(number, name, args, r1, r2, r3, result, changes, kind) \
	[number] = { args, VMI_K_##kind, VMI_R_##result != 0, VROM_FROM_VMI(VMI_R_##changes) },
	VMI_CALLS(CALL)
#undef CALL
};

struct site {
	intptr_t start; /* in the text */
	unsigned call, size, operands, native_size;
	const unsigned char *native;
};

static void read_site(struct site *site, const struct vrom_table *table, uint32_t index)
{
	const unsigned char *record = table->records + (size_t)index * 8;
	int32_t offset;
	uint16_t operands;

	memcpy(&offset, record, sizeof offset);
	memcpy(&operands, record + 6, sizeof operands);
	site->start = (intptr_t)record + offset - (intptr_t)table->text;
	site->call = record[4];
	site->size = record[5];
	site->operands = operands;
}

static int register_is_good(unsigned number)
{
	return number == VMI_EBX || number == VMI_EBP || number == VMI_ESI || number == VMI_EDI;
}

static int operands_are_good(const struct site *site)
{
	unsigned fourth = site->operands >> VROM_ARG4_SHIFT & 7, fifth = site->operands >> VROM_ARG5_SHIFT & 7;
	unsigned args = calls[site->call].args;

	return (site->operands & 0x1f) == 0 && (site->operands & 0x8000) == 0 &&
	       (args >= 4 ? register_is_good(fourth) : fourth == 0) && (args >= 5 ? register_is_good(fifth) : fifth == 0);
}

/* Whether text holds the padding of count bytes, in nops of 9 and one shorter. */
static int is_padding(const unsigned char *text, unsigned count)
{
	static const unsigned char nops[10][9] = {
		{ 0 }, { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0 }, { 0x0f, 0x1f, 0x40, 0 }, { 0x0f, 0x1f, 0x44, 0, 0 },
		{ 0x66, 0x0f, 0x1f, 0x44, 0, 0 }, { 0x0f, 0x1f, 0x80, 0, 0, 0, 0 }, { 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 },
		{ 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 },
	};
	unsigned nines = count / 9 * 9;

	for (unsigned i = 0; i < nines; i++)
		if (text[i] != nops[9][i % 9])
			return 0;
	return memcmp(text + nines, nops[count - nines], count - nines) == 0;
}

static enum vrom_status judge_answer(const struct kernel *kernel, unsigned call)
{
	const struct vrom_host *host = &kernel->host;
	uintptr_t target = kernel->targets[call];
	int allowed = (target >= host->low && target < host->high) || (host->top && target >= host->top);

	switch (kernel->types[call]) {
	case VMI_RELOCATION_NONE:
		return calls[call].kind & VMI_IS_REQUIRED ? VROM_REQUIRED : VROM_OK;
	case VMI_RELOCATION_CALL_REL:
		return allowed ? VROM_OK : VROM_REACH;
	case VMI_RELOCATION_JUMP_REL:
		return !(calls[call].kind & VMI_IS_FINAL) ? VROM_RETURNS : allowed ? VROM_OK : VROM_REACH;
	case VMI_RELOCATION_NOP:
		return calls[call].kind & VMI_IS_REQUIRED ? VROM_REQUIRED :
		       calls[call].has_result || calls[call].kind & VMI_IS_FINAL ? VROM_ANSWER : VROM_OK;
	default:
		return VROM_ANSWER;
	}
}

static int template_is_good(const struct vrom_template *template)
{
	if (template->length < 1 || template->length > VROM_TEMPLATE_CODE || template->changes & ~VROM_STANDARD)
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		if (template->holes[i].kind != VROM_HOLE_NONE && template->holes[i].kind != VROM_HOLE_ROM)
			return 0;
		if (template->holes[i].kind == VROM_HOLE_ROM && template->holes[i].offset + 4u > template->length)
			return 0;
	}
	return 1;
}

/* What becomes of a good site. */
static enum vrom_status judge_choice(const struct kernel *kernel, const struct vrom_table *table,
				     const struct site *site, uint8_t *choice)
{
	const struct vrom_template *templates = kernel->host.templates;
	enum vrom_status status = judge_answer(kernel, site->call);
	unsigned type = kernel->types[site->call];

	if (status != VROM_OK)
		return status;
	for (unsigned i = 0; i < kernel->host.template_count; i++)
		if (templates[i].call == site->call && !template_is_good(&templates[i]))
			return VROM_TEMPLATE;
	for (unsigned i = 0; i < kernel->host.template_count; i++)
		if (templates[i].call == site->call && templates[i].length <= site->size &&
		    (templates[i].changes & ~site->operands) == 0) {
			*choice = (uint8_t)(VROM_INLINE + i);
			return VROM_OK;
		}
	*choice = type == VMI_RELOCATION_NONE ? VROM_KEEP : type == VMI_RELOCATION_CALL_REL ? VROM_CALLED :
		  type == VMI_RELOCATION_JUMP_REL ? VROM_JUMPED : VROM_ERASED;
	if (*choice == VROM_CALLED && calls[site->call].changes & ~site->operands)
		return VROM_CHANGES;
	if (kernel->host.wide && (*choice == VROM_CALLED || *choice == VROM_JUMPED)) {
		__int128 from = (__int128)(uintptr_t)table->text + site->start + table->moved;
		__int128 distance = (__int128)kernel->targets[site->call] - from;

		if (distance > INT32_MAX || distance - 255 < INT32_MIN)
			return VROM_REACH;
	}
	return VROM_OK;
}

static enum vrom_status judge_site(const struct kernel *kernel, const struct vrom_table *table, struct site *site,
				   uint8_t *choice)
{
	intptr_t text_size = table->text_end - table->text;

	*choice = VROM_KEEP;
	if (site->start < 0 || site->start >= text_size || (intptr_t)site->size > text_size - site->start)
		return VROM_OUTSIDE;
	if (site->call >= VMI_CALL_COUNT)
		return VROM_CALL;
	if ((int)site->size < VROM_ROOM(calls[site->call].args, calls[site->call].kind))
		return VROM_SIZE;
	if (!operands_are_good(site))
		return VROM_OPERANDS;
	if (site->native_size > site->size ||
	    memcmp(table->text + site->start, site->native, site->native_size) != 0 ||
	    !is_padding(table->text + site->start + site->native_size, site->size - site->native_size))
		return VROM_NATIVE;
	return kernel->no_host ? VROM_OK : judge_choice(kernel, table, site, choice);
}

int verdict_overlap(const struct kernel *kernel, uint32_t table, uint32_t index, uint32_t other_table,
		    uint32_t other_index)
{
	struct site one, two;

	if (table == other_table && index == other_index)
		return 0;
	read_site(&one, &kernel->tables[table], index);
	read_site(&two, &kernel->tables[other_table], other_index);
	return one.start < two.start + (intptr_t)two.size && two.start < one.start + (intptr_t)one.size;
}

static uint32_t count_of(const struct vrom_table *table)
{
	return (uint32_t)((table->records_end - table->records) / 8);
}

static int any_overlap(const struct kernel *kernel)
{
	for (uint32_t t = 0; t < kernel->table_count; t++)
		for (uint32_t i = 0; i < count_of(&kernel->tables[t]); i++)
			for (uint32_t u = 0; u <= t; u++)
				for (uint32_t j = 0; j < (u == t ? i : count_of(&kernel->tables[u])); j++)
					if (verdict_overlap(kernel, t, i, u, j))
						return 1;
	return 0;
}

static void set(struct verdict *verdict, enum vrom_status status, uint32_t table, uint32_t index)
{
	verdict->status = status;
	verdict->table = table;
	verdict->index = index;
}

void verdict_reach(struct verdict *verdict, const struct kernel *kernel)
{
	uint8_t *choice = verdict->choices;

	for (uint32_t t = 0; t < kernel->table_count; t++)
		if ((kernel->tables[t].records_end - kernel->tables[t].records) % 8)
			return set(verdict, VROM_TABLE, t, VROM_NO_INDEX);
	if (kernel->memory_size < kernel->sites * 9 + 7)
		return set(verdict, VROM_MEMORY, 0, VROM_NO_INDEX);
	for (uint32_t t = 0; t < kernel->table_count; t++) {
		const struct vrom_table *table = &kernel->tables[t];
		const unsigned char *native = table->native;

		for (uint32_t i = 0; i < count_of(table); i++) {
			struct site site;
			enum vrom_status status = VROM_TABLE;

			if (native < table->native_end && table->native_end - native > *native) {
				read_site(&site, table, i);
				site.native_size = *native++;
				site.native = native;
				native += site.native_size;
				status = judge_site(kernel, table, &site, choice++);
			}
			if (status != VROM_OK)
				return set(verdict, status, t, i);
		}
		if (native != table->native_end)
			return set(verdict, VROM_TABLE, t, VROM_NO_INDEX);
	}
	set(verdict, any_overlap(kernel) ? VROM_OVERLAP : VROM_OK, 0, VROM_NO_INDEX);
}
