/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Deciding what every site becomes. Everything that can be wrong is found here, before a byte is written. */
#include "lib.h"

const struct vrom_call vrom_calls[VMI_CALL_COUNT] = {
#define VROM_BITS(set) ((set) % 2 + (set) / 2 % 2 + (set) / 4 % 2 + (set) / 8 % 2)
#define VROM_X(number, name, args, r1, r2, r3, result, changes, kind) \
	[number] = { VROM_ROOM(args, VMI_K_##kind), args, VMI_K_##kind, VROM_BITS(VMI_R_##result), \
		     VROM_FROM_VMI(VMI_R_##changes) },
	VMI_CALLS(VROM_X)
#undef VROM_X
};

/* ---- The host's answer for a call ---- */

/* Notes which templates are for call. */
static enum vrom_status find_templates(const struct vrom_host *host, unsigned call, struct vrom_becomes *becomes)
{
	for (unsigned i = 0; i < host->template_count; i++) {
		const struct vrom_template *template = &host->templates[i];

		if (template->call != call)
			continue;
		if (i >= VROM_MAX_TEMPLATES || template->length == 0 || template->length > VROM_TEMPLATE_CODE ||
		    template->changes & ~VROM_STANDARD)
			return VROM_TEMPLATE;
		for (unsigned hole = 0; hole < 2; hole++)
			if (template->holes[hole].kind > VROM_HOLE_ROM ||
			    (template->holes[hole].kind != VROM_HOLE_END &&
			     template->holes[hole].offset + 4 > template->length))
				return VROM_TEMPLATE;
		if (becomes->last == 0)
			becomes->first = i;
		becomes->last = i + 1;
	}
	return VROM_OK;
}

static int in_reach(const struct vrom_host *host, uintptr_t target)
{
	return (target >= host->low && target < host->high) || (host->top && target >= host->top);
}

static enum vrom_status ask(const struct vrom_host *host, unsigned call, struct vrom_becomes *becomes)
{
	const struct vrom_call *known = &vrom_calls[call];
	struct vrom_answer answer = { 0, VMI_RELOCATION_NONE };

	host->answer(host->context, call, &answer);
	becomes->target = answer.target;
	switch (answer.type) {
	case VMI_RELOCATION_NONE:
		becomes->choice = VROM_KEEP;
		if (known->kind & VMI_IS_REQUIRED)
			return VROM_REQUIRED;
		break;
	case VMI_RELOCATION_CALL_REL:
		becomes->choice = VROM_CALLED;
		becomes->changes = known->changes;
		if (!in_reach(host, answer.target))
			return VROM_REACH;
		break;
	case VMI_RELOCATION_JUMP_REL:
		becomes->choice = VROM_JUMPED;
		if (!(known->kind & VMI_IS_FINAL))
			return VROM_RETURNS;
		if (!in_reach(host, answer.target))
			return VROM_REACH;
		break;
	case VMI_RELOCATION_NOP:
		becomes->choice = VROM_ERASED;
		if (known->kind & VMI_IS_REQUIRED)
			return VROM_REQUIRED;
		if (known->results || known->kind & VMI_IS_FINAL)
			return VROM_ANSWER;
		break;
	default:
		return VROM_ANSWER;
	}
	becomes->asked = 1;
	return find_templates(host, call, becomes);
}

/* ---- One site ---- */

static inline uint64_t load(const unsigned char *from)
{
	uint64_t bytes;

	__builtin_memcpy(&bytes, from, sizeof bytes);
	return bytes;
}

/* Whether the site holds its native bytes and then padding. */
static int holds_native(const struct vrom_table *table, const struct vrom_site *site)
{
	/* Nops of 0 to 8 bytes as vrom_nops writes them, and so many bytes set. */
	static const uint64_t nops[] = { 0, 0x90, 0x9066, 0x001f0f, 0x00401f0f, 0x0000441f0f, 0x0000441f0f66,
					 0x00000000801f0f, 0x0000000000841f0f };
	static const uint64_t low[] = { 0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0xffffffffff, 0xffffffffffff,
					0xffffffffffffff, UINT64_MAX };
	unsigned char expected[255];

	if (site->native_size > site->size)
		return 0;
	/* Nearly every site: eight bytes can be looked at at once, on both sides. */
	if (site->size <= 8 && table->text_end - site->at >= 8 && table->native_end - site->native >= 8) {
		unsigned n = site->native_size;
		uint64_t want = load(site->native) & low[n];

		if (n < 8)
			want |= nops[site->size - n] << (8 * n);
		return ((load(site->at) ^ want) & low[site->size]) == 0;
	}
	vrom_native_code(site, expected);
	for (unsigned i = 0; i < site->size; i++)
		if (site->at[i] != expected[i])
			return 0;
	return 1;
}

static int holds_arguments(const struct vrom_site *site, const struct vrom_call *known)
{
	unsigned fourth = site->operands >> VROM_ARG4_SHIFT & 7, fifth = site->operands >> VROM_ARG5_SHIFT & 7;

	if (site->operands & 0x801f)
		return 0;
	/* Only registers that the first three arguments do not use, and not ESP. */
	if (known->args < 4 ? fourth != 0 : (fourth < VMI_EBX || fourth == VMI_ESP))
		return 0;
	return known->args < 5 ? fifth == 0 : (fifth >= VMI_EBX && fifth != VMI_ESP);
}

static inline enum vrom_status check_site(const struct vrom_table *table, const struct vrom_site *site)
{
	const struct vrom_call *known;

	if (site->at < table->text || site->at >= table->text_end ||
	    site->size > (uintptr_t)(table->text_end - site->at))
		return VROM_OUTSIDE;
	if (site->call >= VMI_CALL_COUNT)
		return VROM_CALL;
	known = &vrom_calls[site->call];
	if (site->size < known->room)
		return VROM_SIZE;
	if (!holds_arguments(site, known))
		return VROM_OPERANDS;
	return holds_native(table, site) ? VROM_OK : VROM_NATIVE;
}

static inline enum vrom_status choose(const struct vrom_host *host, const struct vrom_table *table,
				      const struct vrom_site *site, struct vrom_becomes *becomes, unsigned *choice)
{
	if (!becomes->asked) {
		enum vrom_status status = ask(host, site->call, becomes);

		if (status != VROM_OK)
			return status;
	}
	for (unsigned i = becomes->first; i < becomes->last; i++) {
		const struct vrom_template *template = &host->templates[i];

		if (template->call == site->call && template->length <= site->size &&
		    !(template->changes & ~site->operands)) {
			*choice = VROM_INLINE + i;
			return VROM_OK;
		}
	}
	*choice = becomes->choice;
	if (becomes->changes & ~site->operands)
		return VROM_CHANGES;
	if (host->wide && (*choice == VROM_CALLED || *choice == VROM_JUMPED)) {
		int64_t distance = (int64_t)(becomes->target - ((uintptr_t)site->at + table->moved));

		/* The call ends up to 255 bytes further on. */
		if (distance != (int32_t)distance || distance - 255 != (int32_t)(distance - 255))
			return VROM_REACH;
	}
	return VROM_OK;
}

/* ---- Overlap ---- */

/* A site in a number that sorts by address. Its top byte is lost: it is the same for all text. */
static inline uint64_t mark_of(const struct vrom_site *site)
{
	return (uint64_t)(uintptr_t)site->at << 8 | site->size;
}

static void sift(uint64_t *marks, size_t root, size_t count)
{
	uint64_t mark = marks[root];

	for (size_t child; (child = 2 * root + 1) < count; root = child) {
		if (child + 1 < count && marks[child + 1] > marks[child])
			child++;
		if (marks[child] <= mark)
			break;
		marks[root] = marks[child];
	}
	marks[root] = mark;
}

/*
 * Tables as compilers write them are sorted but for functions that are in several sections; then this is not
 * called. Heap sort: needs no memory, and nobody can make it slow.
 */
static void sort(uint64_t *marks, size_t count)
{
	for (size_t i = count / 2; i-- > 0;)
		sift(marks, i, count);
	for (size_t i = count; i-- > 1;) {
		uint64_t mark = marks[0];

		marks[0] = marks[i];
		marks[i] = mark;
		sift(marks, 0, i);
	}
}

/* Names the last site that is one of the two, and the first that is. */
static enum vrom_status overlap(const struct vrom_plan *plan, uint64_t one, uint64_t two, struct vrom_error *error)
{
	uint32_t seen = 0, first = 0;

	vrom_fail(error, VROM_OVERLAP, VROM_NO_INDEX, 0);
	for (uint32_t t = 0; error && t < plan->table_count; t++) {
		const struct vrom_table *table = &plan->tables[t];
		struct vrom_cursor cursor = vrom_first(table);

		for (uint32_t i = 0; cursor.record < table->records_end; i++) {
			struct vrom_site site = vrom_next(&cursor);

			if (mark_of(&site) != one && mark_of(&site) != two)
				continue;
			if (seen++ == 0)
				first = i;
			*error = (struct vrom_error){ VROM_OVERLAP, VROM_OVERLAP, t, i, first, site.call,
						      (uintptr_t)site.at + table->moved };
		}
	}
	return VROM_OVERLAP;
}

static enum vrom_status check_overlap(const struct vrom_plan *plan, uint64_t *marks, struct vrom_error *error)
{
	size_t count = 0;

	for (uint32_t t = 0; t < plan->table_count; t++) {
		struct vrom_cursor cursor = vrom_first(&plan->tables[t]);

		while (cursor.record < plan->tables[t].records_end) {
			struct vrom_site site = vrom_next(&cursor);

			marks[count++] = mark_of(&site);
		}
	}
	sort(marks, count);
	for (size_t i = 1; i < count; i++)
		if ((marks[i] >> 8) - (marks[i - 1] >> 8) < (marks[i - 1] & 255))
			return overlap(plan, marks[i - 1], marks[i], error);
	return VROM_OK;
}

/* ---- The whole ---- */

/* Checks and decides all sites of a table. *end is where the last site ended, *sorted whether each began behind
 * the one before. */
static enum vrom_status plan_table(struct vrom_plan *plan, const struct vrom_host *host, uint32_t t,
				   unsigned char *choices, uint32_t counts[], unsigned char **end, int *sorted,
				   struct vrom_error *error)
{
	const struct vrom_table *table = &plan->tables[t];
	struct vrom_cursor cursor = vrom_first(table);
	enum vrom_status status = VROM_OK;

	for (uint32_t i = 0; cursor.record < table->records_end; i++) {
		struct vrom_cursor here = cursor;
		struct vrom_site site;
		unsigned choice = VROM_KEEP;

		if (cursor.native >= table->native_end ||
		    (uintptr_t)(table->native_end - cursor.native) <= *cursor.native)
			status = VROM_TABLE;
		else {
			site = vrom_next(&cursor);
			status = check_site(table, &site);
			if (status == VROM_OK && host)
				status = choose(host, table, &site, &plan->becomes[site.call], &choice);
		}
		if (status != VROM_OK) {
			vrom_fail(error, status, here.record[4], 0);
			if (error) {
				error->table = t;
				error->index = i;
				error->address = status == VROM_TABLE ? 0 : (uintptr_t)site.at + table->moved;
			}
			return status;
		}
		*sorted &= site.at >= *end;
		*end = site.at + site.size;
		choices[i] = choice;
		counts[choice < VROM_INLINE ? choice : VROM_INLINE]++;
	}
	if (cursor.native != table->native_end)
		return vrom_fail(error, VROM_TABLE, VROM_NO_INDEX, 0);
	return VROM_OK;
}

enum vrom_status vrom_plan(struct vrom_plan *plan, const struct vrom_host *host, const struct vrom_table *tables,
			   uint32_t table_count, void *memory, size_t size, struct vrom_error *error)
{
	uint64_t *marks = (uint64_t *)(((uintptr_t)memory + 7) & ~(uintptr_t)7);
	uint32_t counts[VROM_INLINE + 1] = { 0 };
	unsigned char *end = NULL;
	enum vrom_status status;
	size_t sites = 0, done = 0;
	int sorted = 1;

	/* Not by assignment: of a structure that large a compiler makes a call of memset. */
	for (size_t i = 0; i < sizeof *plan; i++)
		((unsigned char *)plan)[i] = 0;
	plan->tables = tables;
	plan->table_count = table_count;
	for (uint32_t t = 0; t < table_count; t++) {
		uintptr_t bytes = tables[t].records_end - tables[t].records;

		if (tables[t].records_end < tables[t].records || bytes % VROM_RECORD_SIZE) {
			vrom_fail(error, VROM_TABLE, VROM_NO_INDEX, 0);
			if (error)
				error->table = t;
			return VROM_TABLE;
		}
		sites += bytes / VROM_RECORD_SIZE;
	}
	if (sites >= VROM_NO_INDEX || size < VROM_PLAN_MEMORY(sites))
		return vrom_fail(error, VROM_MEMORY, VROM_NO_INDEX, 0);
	plan->choices = (unsigned char *)(marks + sites);
	for (uint32_t t = 0; t < table_count; t++) {
		status = plan_table(plan, host, t, plan->choices + done, counts, &end, &sorted, error);
		if (status != VROM_OK)
			return status;
		done += (uintptr_t)(tables[t].records_end - tables[t].records) / VROM_RECORD_SIZE;
	}
	if (!sorted) {
		status = check_overlap(plan, marks, error);
		if (status != VROM_OK)
			return status;
	}
	plan->sites = sites;
	plan->kept = counts[VROM_KEEP];
	plan->called = counts[VROM_CALLED];
	plan->jumped = counts[VROM_JUMPED];
	plan->erased = counts[VROM_ERASED];
	plan->inlined = counts[VROM_INLINE];
	if (host) {
		plan->templates = host->templates;
		plan->rom = host->rom;
		plan->state = VROM_ACCEPTED;
	}
	return VROM_OK;
}
