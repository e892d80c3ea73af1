/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Deciding what every site becomes. Everything that can be wrong is found here, before a byte is written. */
#include "lib.h"

const struct vrom_call vrom_calls[VMI_CALL_COUNT] = {
#define VROM_X(number, name, args, r1, r2, r3, result, changes, kind) \
	[number] = { args, VMI_K_##kind, VMI_R_##result, VMI_##r1 + (VMI_##r2 << 4) + (VMI_##r3 << 8), \
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
		if (i >= VROM_MAX_TEMPLATES || !vrom_template_is_sound(template))
			return VROM_TEMPLATE;
		if (becomes->last == 0)
			becomes->first = i;
		becomes->last = i + 1;
	}
	return VROM_OK;
}

/* Choices that lead to the host's target, by its distance. */
static inline int is_relative(unsigned choice)
{
	return choice == VROM_CALLED || choice == VROM_JUMPED;
}

static enum vrom_status ask(const struct vrom_host *host, unsigned call, struct vrom_becomes *becomes)
{
	const struct vrom_call *known = &vrom_calls[call];
	struct vrom_answer answer = { 0, VMI_RELOCATION_NONE };

	if (becomes->asked)
		return VROM_OK;
	host->answer(host->context, call, &answer);
	if (answer.type > VMI_RELOCATION_NOP)
		return VROM_ANSWER;
	if (!is_relative(answer.type)) {
		if (known->kind & VMI_IS_REQUIRED)
			return VROM_REQUIRED;
		if (answer.type == VROM_ERASED && (known->results || known->kind & VMI_IS_FINAL))
			return VROM_ANSWER;
	} else {
		if (answer.type == VROM_JUMPED && !(known->kind & VMI_IS_FINAL))
			return VROM_RETURNS;
		if ((answer.target < host->low || answer.target >= host->high) &&
		    (!host->top || answer.target < host->top))
			return VROM_REACH;
	}
	becomes->target = answer.target;
	becomes->choice = answer.type;
	becomes->changes = answer.type == VROM_CALLED ? known->changes : 0;
	becomes->asked = 1;
	return find_templates(host, call, becomes);
}

/* ---- One site, check by check ---- */

static inline uint64_t eight(const unsigned char *from)
{
	return *(const vrom_eight_bytes *)from;
}

/* Whether the site holds its native bytes and then padding. */
static int holds_native(const struct vrom_site *site)
{
	unsigned char built[255];
	unsigned i = 0;

	if (site->native_size > site->size)
		return 0;
	vrom_native_code(site, built);
	while (i + 8 <= site->size && eight(site->at + i) == eight(built + i))
		i += 8;
	while (i < site->size && site->at[i] == built[i])
		i++;
	return i == site->size;
}

static int holds_arguments(const struct vrom_site *site, const struct vrom_call *known)
{
	unsigned free = VROM_TO_VMI(site->operands) | known->results;

	if (site->operands & 0x8000 || (site->operands & VROM_CONSTANTS) >> known->args)
		return 0;
	/* Who puts a call there loads its constants. */
	for (unsigned place = 0; place < 3; place++)
		if (vrom_is_constant(site, place) && !(free >> vrom_register(site, place) & 1))
			return 0;
	/* Only registers that the first three arguments do not use, and not ESP. */
	for (unsigned place = 3; place < 5; place++) {
		unsigned reg = vrom_register(site, place);

		if (place >= known->args || vrom_is_constant(site, place) ? reg != 0 : (reg < VMI_EBX || reg == VMI_ESP))
			return 0;
	}
	return 1;
}

static enum vrom_status check_site(const struct vrom_table *table, const struct vrom_site *site)
{
	const struct vrom_call *known;

	if (site->at < table->text || site->at >= table->text_end ||
	    site->size > (uintptr_t)(table->text_end - site->at))
		return VROM_OUTSIDE;
	if (site->call >= VMI_CALL_COUNT)
		return VROM_CALL;
	known = &vrom_calls[site->call];
	if (site->size < vrom_call_length(site))
		return VROM_SIZE;
	if (!holds_arguments(site, known))
		return VROM_OPERANDS;
	return holds_native(site) ? VROM_OK : VROM_NATIVE;
}

/* In a 64-bit guest. In a 32-bit one everything can be reached from everywhere. */
static int reaches(const struct vrom_host *host, const struct vrom_becomes *becomes, uintptr_t from)
{
	int64_t distance = (int64_t)(becomes->target - from);

	/* The call ends up to 255 bytes further on. */
	return sizeof from < 8 || !host->wide ||
	       (distance == (int32_t)distance && distance - 255 == (int32_t)(distance - 255));
}

static enum vrom_status choose(const struct vrom_host *host, const struct vrom_table *table,
			       const struct vrom_site *site, const struct vrom_becomes *becomes,
			       unsigned char *choice)
{
	for (unsigned i = becomes->first; i < becomes->last; i++) {
		const struct vrom_template *template = &host->templates[i];

		if (template->call == site->call && vrom_template_fits(template, site) == VROM_WHY_TAKEN) {
			*choice = VROM_INLINE + i;
			return VROM_OK;
		}
	}
	*choice = becomes->choice;
	if (becomes->changes & ~site->operands)
		return VROM_CHANGES;
	return is_relative(*choice) && !reaches(host, becomes, (uintptr_t)site->at + table->moved) ? VROM_REACH : VROM_OK;
}

/* The most that can be looked at at once. */
#define ALIKE_SIZE 32
#define ALIKE_NATIVE 16
#define NATIVE_MOST (1 + ALIKE_NATIVE)

/* Where what is remembered of sites like this one may be: at one of so many places from that on. */
#define ALIKE_PLACES 4
static inline uint32_t place_of(const struct vrom_site *site)
{
	return (site->record * 0x9e3779b1u + (uint32_t)site->ends * 0x85ebca6bu + (uint32_t)(site->ends >> 32) * 0xc2b2ae35u) >> 25;
}
_Static_assert(VROM_ALIKE == 1 << (32 - 25), "the place is so many bits");

/* Which bits of eight bytes count, of which there are so many. */
static inline uint64_t bits_of(uint32_t bytes)
{
	uint32_t half = 4 * (bytes < 8 ? bytes : 8);

	/* In two steps, because the processor has no shift by 64. */
	return ~(UINT64_MAX << half << half);
}

static inline int is_alike(const struct vrom_alike *alike, const struct vrom_site *site)
{
	uint32_t i = 1;

	if (alike->record != site->record || alike->constants != site->ends)
		return 0;
	if (site->constant_count <= 2)
		return 1;
	while (i + 1 < site->constant_count &&
	       *(const vrom_four_bytes *)(alike->all + 4 * i) == *(const vrom_four_bytes *)(site->constants + 4 * i))
		i++;
	return i + 1 >= site->constant_count;
}

/*
 * The first short site of a kind stands for all that have the same record but for the place, the same constants and the
 * same bytes: what was found and chosen holds for them too, if the target is in reach of them all.
 */
static void remember(struct vrom_plan *plan, const struct vrom_host *host, const struct vrom_table *table,
		     const struct vrom_site *site, unsigned choice)
{
	const struct vrom_becomes *becomes = &plan->becomes[site->call];
	struct vrom_alike *alike = NULL;
	unsigned distances = is_relative(choice);
	uint8_t from = 0;

	/* The distance of a call has its place at the end, or before a lea. */
	if (distances)
		from = (uint8_t)(site->size - (vrom_calls[site->call].args > 3 ? 8 : 4));
	else if (choice >= VROM_INLINE)
		distances = vrom_template_distances(&plan->templates[choice - VROM_INLINE], &from);
	if (site->size > ALIKE_SIZE || site->native_size > ALIKE_NATIVE || table->text_end - site->at < ALIKE_SIZE || distances > 1)
		return;
	for (const struct vrom_table *t = plan->tables; is_relative(choice) && t < plan->tables + plan->table_count; t++)
		if (!reaches(host, becomes, (uintptr_t)t->text + t->moved) ||
		    !reaches(host, becomes, (uintptr_t)t->text_end + t->moved))
			return;
	for (uint32_t i = ALIKE_PLACES; i-- > 0;) {
		struct vrom_alike *here = &plan->alike[(place_of(site) + i) % VROM_ALIKE];

		if (is_alike(here, site))
			return;
		if (!here->record)
			alike = here;
	}
	if (alike)
		*alike = (struct vrom_alike){
			.record = site->record, .choice = (uint8_t)choice, .native = (uint8_t)site->native_size,
			.place = (uint8_t)(alike - plan->alike),
			.length = (uint8_t)(VROM_RECORD_SIZE + 4 * site->constant_count), .from = from, .distance = -distances,
			.second = site->size > 8 ? (uint8_t)(site->size - 8) : 0, .site_bits = bits_of(site->size),
			.native_bits = bits_of(site->native_size), .constants = site->ends, .all = site->constants, .text = site->at,
			.written = site->at + table->alias, .address = (uintptr_t)site->at + table->moved,
		};
}

/* Whether table does not end inside of record. */
static int is_whole(const struct vrom_table *table, const unsigned char *record)
{
	size_t left = table->records_end - record;

	return left >= VROM_RECORD_SIZE && left >= vrom_record_size(record);
}

/* Site number index of table t, at cursor. Not part of the loop that calls it, which is the faster for that. */
static __attribute__((noinline)) enum vrom_status plan_site(struct vrom_plan *plan, const struct vrom_host *host,
							    uint32_t t, uint32_t index, struct vrom_cursor cursor,
							    unsigned char *choice, struct vrom_error *error)
{
	const struct vrom_table *table = &plan->tables[t];
	struct vrom_site site;
	enum vrom_status status;

	if (!is_whole(table, cursor.record))
		return vrom_fail(error, VROM_TABLE, t, index, VROM_NO_INDEX, 0);
	if (cursor.native >= table->native_end || (uintptr_t)(table->native_end - cursor.native) <= *cursor.native)
		return vrom_fail(error, VROM_TABLE, t, index, cursor.record[4], 0);
	*choice = VROM_KEEP;
	site = vrom_next(&cursor);
	status = check_site(table, &site);
	if (status == VROM_OK && host)
		status = ask(host, site.call, &plan->becomes[site.call]);
	if (status == VROM_OK && host)
		status = choose(host, table, &site, &plan->becomes[site.call], choice);
	if (status != VROM_OK)
		return vrom_fail(error, status, t, index, site.call, (uintptr_t)site.at + table->moved);
	remember(plan, host, table, &site, *choice);
	return VROM_OK;
}

/* ---- One site at one go ---- */

/* What site is like, if there is such; then it has the same choice. If not, it may still be good: plan_site tells. Eight
 * bytes of the seal are looked at at once, and eight of the text. */
static inline struct vrom_alike *find_alike(struct vrom_plan *plan, const struct vrom_site *site)
{
	struct vrom_alike *alike;
	const unsigned char *at = site->at, *text;
	uint32_t n = site->native_size, place = place_of(site), tries = 0;
	uint64_t begin = eight(at), wrong;

	while (alike = &plan->alike[place++ % VROM_ALIKE], !is_alike(alike, site))
		if (++tries == ALIKE_PLACES)
			return NULL;
	text = alike->text;
	wrong = (begin ^ eight(text)) & alike->site_bits;
	wrong |= (begin ^ eight(site->native)) & alike->native_bits;
	wrong |= (eight(at + alike->second) ^ eight(text + alike->second)) & alike->site_bits;
	wrong |= n ^ alike->native;
	if (n > 8 && !wrong)
		wrong |= eight(at + n - 8) ^ eight(site->native + n - 8);
	if (alike->second > 8)
		wrong |= (eight(at + 8) ^ eight(text + 8)) | (eight(at + alike->second - 8) ^ eight(text + alike->second - 8));
	return wrong ? NULL : alike;
}

/* How far the plan is. */
struct progress {
	struct vrom_cursor cursor;
	unsigned char *choice, *hint;
	const unsigned char *end; /* of the site before */
	unsigned char *limit;     /* of choice: so far there is memory */
	int sorted;
};

/* Notes that the site has its choice. */
static inline void step(struct progress *to, const struct vrom_site *site, unsigned hint)
{
	to->sorted &= site->at >= to->end;
	to->end = site->at + site->size;
	*--to->hint = (unsigned char)hint;
	to->choice++;
}

/* Goes on as long as sites are like others. A function of its own, for its registers. */
static __attribute__((noinline)) void plan_usual_sites(struct vrom_plan *plan, const struct vrom_table *table,
						       struct progress *progress)
{
	uintptr_t text = (uintptr_t)table->text, text_size = (uintptr_t)table->text_end - text;
	/* Where a site may begin, for as much to be there as is looked at. */
	uintptr_t begins = text_size < ALIKE_SIZE ? 0 : text_size - ALIKE_SIZE + 1;
	const unsigned char *records_end = table->records_end, *native_end = table->native_end;
	struct progress now = *progress;

	while (now.choice < now.limit && records_end - now.cursor.record >= VROM_RECORD_MOST &&
	       native_end - now.cursor.native >= NATIVE_MOST) {
		struct vrom_cursor next = now.cursor;
		struct vrom_site site = vrom_next(&next);
		struct vrom_alike *alike;

		if ((uintptr_t)site.at - text >= begins)
			break;
		alike = find_alike(plan, &site);
		if (!alike)
			break;
		*now.choice = alike->choice;
		alike->count++;
		step(&now, &site, alike->place);
		now.cursor = next;
	}
	*progress = now;
}

/* ---- The whole ---- */

static void count(uint32_t *counts, unsigned choice, uint32_t more)
{
	counts[choice < VROM_INLINE ? choice : VROM_INLINE] += more;
}

enum vrom_status vrom_plan(struct vrom_plan *plan, const struct vrom_host *host, const struct vrom_table *tables,
			   uint32_t table_count, void *memory, size_t size, struct vrom_error *error)
{
	uint32_t counts[VROM_INLINE + 1] = { 0 };
	struct progress now = { .choice = memory, .hint = (unsigned char *)memory + size, .sorted = 1 };
	enum vrom_status status;
	size_t most;

	/* Not as a whole: of a structure that large a compiler makes a call of memset. */
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++)
		plan->becomes[call] = (struct vrom_becomes){ 0 };
	for (unsigned i = 0; i < VROM_ALIKE; i++)
		plan->alike[i].record = 0;
	plan->sites = plan->kept = plan->called = plan->jumped = plan->erased = plan->inlined = 0;
	plan->state = VROM_EMPTY;
	plan->tables = tables;
	plan->table_count = table_count;
	plan->templates = host ? host->templates : NULL;
	plan->rom = host ? host->rom : 0;
	if (size < VROM_PLAN_MEMORY(0))
		return vrom_fail(error, VROM_MEMORY, 0, VROM_NO_INDEX, VROM_NO_INDEX, 0);
	most = (size - VROM_PLAN_MEMORY(0)) / (VROM_PLAN_MEMORY(1) - VROM_PLAN_MEMORY(0));
	now.limit = now.choice + (most < VROM_NO_INDEX ? most : VROM_NO_INDEX - 1);
	plan->choices = now.choice;
	plan->hints = now.hint;
	for (uint32_t t = 0; t < table_count; t++) {
		const struct vrom_table *table = &tables[t];
		const unsigned char *first = now.choice;
		uintptr_t bytes = (uintptr_t)table->records_end - (uintptr_t)table->records;

		/* Nothing is larger than what two pointers can be apart. */
		if (table->records_end < table->records || bytes > PTRDIFF_MAX || bytes % 4)
			return vrom_fail(error, VROM_TABLE, t, VROM_NO_INDEX, VROM_NO_INDEX, 0);
		now.cursor = vrom_first(table);
		while (plan_usual_sites(plan, table, &now), now.cursor.record < table->records_end) {
			struct vrom_site site;

			/* For a record that is cut there need be none. */
			if (now.choice == now.limit && is_whole(table, now.cursor.record))
				return vrom_fail(error, VROM_MEMORY, t, VROM_NO_INDEX, VROM_NO_INDEX, 0);
			status = plan_site(plan, host, t, (uint32_t)(now.choice - first), now.cursor, now.choice, error);
			if (status != VROM_OK)
				return status;
			count(counts, *now.choice, 1);
			site = vrom_next(&now.cursor);
			step(&now, &site, VROM_ALIKE_NONE);
		}
		if (now.cursor.native != table->native_end)
			return vrom_fail(error, VROM_TABLE, t, VROM_NO_INDEX, VROM_NO_INDEX, 0);
	}
	if (!now.sorted) {
		status = vrom_check_overlap(plan, (uint64_t *)(((uintptr_t)now.choice + 7) & ~(uintptr_t)7), error);
		if (status != VROM_OK)
			return status;
	}
	for (unsigned i = 0; i < VROM_ALIKE; i++)
		if (plan->alike[i].record)
			count(counts, plan->alike[i].choice, plan->alike[i].count);
	plan->sites = now.choice - plan->choices;
	plan->kept = counts[VROM_KEEP];
	plan->called = counts[VROM_CALLED];
	plan->jumped = counts[VROM_JUMPED];
	plan->erased = counts[VROM_ERASED];
	plan->inlined = counts[VROM_INLINE];
	if (host)
		plan->state = VROM_ACCEPTED;
	return VROM_OK;
}
