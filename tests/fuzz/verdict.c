/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What vrom_plan must say, worked out once more from vrom/patch.h, with no thought of speed. */
#include <string.h>

#include "verdict.h"

const struct verdict_call verdict_calls[VMI_CALL_COUNT] = {
#define CALL(number, name, args, r1, r2, r3, result, changes, kind) \
	[number] = { args, VMI_K_##kind, { VMI_##r1, VMI_##r2, VMI_##r3 }, VMI_R_##result, VMI_R_##changes },
	VMI_CALLS(CALL)
#undef CALL
};

/* ---- Records ---- */

/* How many of the arguments below place are constants. */
static unsigned constants_before(unsigned operands, unsigned place)
{
	unsigned count = 0;

	for (unsigned i = 0; i < place; i++)
		count += operands >> i & 1;
	return count;
}

static const unsigned char *record_of(const struct vrom_table *table, uint32_t index)
{
	const unsigned char *record = table->records;

	while (index--)
		record += 8 + 4 * constants_before(record[6], 5);
	return record;
}

const unsigned char *kernel_record(const struct kernel *kernel, uint32_t table, uint32_t index)
{
	return record_of(&kernel->tables[table], index);
}

unsigned char *kernel_site(const struct kernel *kernel, uint32_t table, uint32_t index)
{
	const unsigned char *record = kernel_record(kernel, table, index);
	int32_t offset;

	memcpy(&offset, record, sizeof offset);
	return (unsigned char *)((uintptr_t)record + offset);
}

uint32_t verdict_count(const struct vrom_table *table)
{
	size_t size = table->records_end - table->records, at = 0;
	uint32_t count = 0;

	for (; at + 8 <= size; count++)
		at += 8 + 4 * constants_before(table->records[at + 6], 5);
	return count;
}

void verdict_read(struct site *site, const struct vrom_table *table, const unsigned char *record)
{
	int32_t offset;
	uint16_t operands;

	memcpy(&offset, record, sizeof offset);
	memcpy(&operands, record + 6, sizeof operands);
	site->start = (intptr_t)record + offset - (intptr_t)table->text;
	site->call = record[4];
	site->size = record[5];
	site->operands = operands;
	for (unsigned place = 0; place < 5; place++) {
		struct argument *argument = &site->arguments[place];

		argument->is_there = site->call < VMI_CALL_COUNT && place < verdict_calls[site->call].args;
		argument->is_constant = operands >> place & 1;
		argument->value = 0;
		argument->reg = place == 3 ? operands >> VROM_ARG4_SHIFT & 7 : place == 4 ? operands >> VROM_ARG5_SHIFT & 7 :
				argument->is_there ? verdict_calls[site->call].in[place] : 0;
		if (argument->is_constant)
			memcpy(&argument->value, record + 8 + 4 * constants_before(operands, place), 4);
	}
}

/* ---- One site ---- */

static int fits_byte(uint32_t value)
{
	return (int32_t)value >= INT8_MIN && (int32_t)value <= INT8_MAX;
}

unsigned verdict_length(const struct site *site)
{
	unsigned length = 5;

	for (unsigned place = 0; place < 3; place++)
		if (site->arguments[place].is_there && site->arguments[place].is_constant)
			length += 5;
	for (unsigned place = 3; place < 5; place++)
		if (site->arguments[place].is_there)
			length += !site->arguments[place].is_constant ? 1 : fits_byte(site->arguments[place].value) ? 2 : 5;
	return length + (site->arguments[3].is_there ? 4 : 0);
}

static int operands_are_good(const struct site *site)
{
	const struct verdict_call *call = &verdict_calls[site->call];

	if (site->operands & 0x8000)
		return 0;
	for (unsigned place = 0; place < 5; place++) {
		const struct argument *argument = &site->arguments[place];
		unsigned reg = argument->reg;

		if (argument->is_constant && !argument->is_there)
			return 0;
		if (place >= 3) {
			int none = !argument->is_there || argument->is_constant;

			if (none ? reg != 0 : reg != VMI_EBX && reg != VMI_EBP && reg != VMI_ESI && reg != VMI_EDI)
				return 0;
		} else if (argument->is_constant && !(call->results >> reg & 1) &&
			   !((reg == VMI_EAX && site->operands & VROM_EAX) || (reg == VMI_ECX && site->operands & VROM_ECX) ||
			     (reg == VMI_EDX && site->operands & VROM_EDX)))
			return 0;
	}
	return 1;
}

static enum vrom_status judge_answer(const struct kernel *kernel, unsigned call)
{
	const struct vrom_host *host = &kernel->host;
	uintptr_t target = kernel->targets[call];
	int allowed = (target >= host->low && target < host->high) || (host->top && target >= host->top);
	unsigned kind = verdict_calls[call].kind;

	switch (kernel->types[call]) {
	case VMI_RELOCATION_NONE:
		return kind & VMI_IS_REQUIRED ? VROM_REQUIRED : VROM_OK;
	case VMI_RELOCATION_CALL_REL:
		return allowed ? VROM_OK : VROM_REACH;
	case VMI_RELOCATION_JUMP_REL:
		return !(kind & VMI_IS_FINAL) ? VROM_RETURNS : allowed ? VROM_OK : VROM_REACH;
	case VMI_RELOCATION_NOP:
		return kind & VMI_IS_REQUIRED ? VROM_REQUIRED :
		       verdict_calls[call].results || kind & VMI_IS_FINAL ? VROM_ANSWER : VROM_OK;
	default:
		return VROM_ANSWER;
	}
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
		if (templates[i].call == site->call && !verdict_template_is_good(&templates[i]))
			return VROM_TEMPLATE;
	for (unsigned i = 0; i < kernel->host.template_count; i++)
		if (templates[i].call == site->call && verdict_template(&templates[i], site) == VROM_WHY_TAKEN) {
			*choice = (uint8_t)(VROM_INLINE + i);
			return VROM_OK;
		}
	*choice = type == VMI_RELOCATION_NONE ? VROM_KEEP : type == VMI_RELOCATION_CALL_REL ? VROM_CALLED :
		  type == VMI_RELOCATION_JUMP_REL ? VROM_JUMPED : VROM_ERASED;
	if (*choice == VROM_CALLED && VROM_FROM_VMI(verdict_calls[site->call].changes) & ~site->operands)
		return VROM_CHANGES;
	if (kernel->host.wide && (*choice == VROM_CALLED || *choice == VROM_JUMPED)) {
		__int128 from = (__int128)(uintptr_t)table->text + site->start + table->moved;
		__int128 distance = (__int128)kernel->targets[site->call] - from;

		if (distance > INT32_MAX || distance - 255 < INT32_MIN)
			return VROM_REACH;
	}
	return VROM_OK;
}

static enum vrom_status judge_site(const struct kernel *kernel, const struct vrom_table *table, const struct site *site,
				   const unsigned char *native, unsigned native_size, uint8_t *choice)
{
	intptr_t text_size = table->text_end - table->text;
	const unsigned char *at = table->text + site->start;

	*choice = VROM_KEEP;
	if (site->start < 0 || site->start >= text_size || (intptr_t)site->size > text_size - site->start)
		return VROM_OUTSIDE;
	if (site->call >= VMI_CALL_COUNT)
		return VROM_CALL;
	if (site->size < verdict_length(site))
		return VROM_SIZE;
	if (!operands_are_good(site))
		return VROM_OPERANDS;
	if (native_size > site->size || memcmp(at, native, native_size) != 0 ||
	    !verdict_is_padding(at + native_size, site->size - native_size))
		return VROM_NATIVE;
	return kernel->no_host ? VROM_OK : judge_choice(kernel, table, site, choice);
}

/* ---- All sites ---- */

struct site verdict_sites[1024];

static int overlap(const struct site *one, const struct site *two)
{
	return one->start < two->start + (intptr_t)two->size && two->start < one->start + (intptr_t)one->size;
}

int verdict_overlap(const struct kernel *kernel, uint32_t table, uint32_t index, uint32_t other_table,
		    uint32_t other_index)
{
	struct site one, two;

	if (table == other_table && index == other_index)
		return 0;
	verdict_read(&one, &kernel->tables[table], kernel_record(kernel, table, index));
	verdict_read(&two, &kernel->tables[other_table], kernel_record(kernel, other_table, other_index));
	return overlap(&one, &two);
}

static void set(struct verdict *verdict, enum vrom_status status, uint32_t table, uint32_t index)
{
	verdict->status = status;
	verdict->table = table;
	verdict->index = index;
}

/* One table, whose sites come after those at sites. Whether it is good; then sites is moved on. */
static int judge_table(struct verdict *verdict, const struct kernel *kernel, uint32_t t, struct site **sites,
		       size_t *left)
{
	const struct vrom_table *table = &kernel->tables[t];
	const unsigned char *record = table->records, *native = table->native;
	uint8_t *choice = verdict->choices + (kernel->sites - *left);

	verdict->status = VROM_OK;
	if ((table->records_end - record) % 4)
		set(verdict, VROM_TABLE, t, VROM_NO_INDEX);
	for (uint32_t i = 0; verdict->status == VROM_OK && record < table->records_end; i++) {
		enum vrom_status status = VROM_TABLE;
		size_t size = table->records_end - record;

		if (size < 8 || size < 8 + 4 * constants_before(record[6], 5)) {
			/* The record is cut. */
		} else if (kernel->memory_size < 7 || (kernel->memory_size - 7) / 10 <= (size_t)(*sites - verdict_sites)) {
			set(verdict, VROM_MEMORY, t, VROM_NO_INDEX);
			break;
		} else if (native < table->native_end && table->native_end - native > *native) {
			verdict_read(*sites, table, record);
			status = judge_site(kernel, table, *sites, native + 1, *native, choice++);
			++*sites;
			--*left;
			native += 1 + *native;
			record += 8 + 4 * constants_before(record[6], 5);
		}
		if (status != VROM_OK)
			set(verdict, status, t, i);
	}
	if (verdict->status == VROM_OK && native != table->native_end)
		set(verdict, VROM_TABLE, t, VROM_NO_INDEX);
	return verdict->status == VROM_OK;
}

void verdict_reach(struct verdict *verdict, const struct kernel *kernel)
{
	struct site *sites = verdict_sites;
	size_t left = kernel->sites;

	if (kernel->memory_size < 7)
		return set(verdict, VROM_MEMORY, 0, VROM_NO_INDEX);
	for (uint32_t t = 0; t < kernel->table_count; t++)
		if (!judge_table(verdict, kernel, t, &sites, &left))
			return;
	set(verdict, VROM_OK, 0, VROM_NO_INDEX);
	for (const struct site *one = verdict_sites; one < sites; one++)
		for (const struct site *two = verdict_sites; two < one; two++)
			if (overlap(one, two))
				return set(verdict, VROM_OVERLAP, 0, VROM_NO_INDEX);
}
