/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The input, byte by byte. What is missing at its end is zero, except that there are no more sites.
 *
 *	0     bit 0: a 64-bit guest; 1: no host; 2: the text is written through an alias; 3: the sites from half
 *	      on are a second table; 4: the guest sees the text somewhere else
 *	1     bits 0-3: templates; 4-7: answers other than a call
 *	2     bytes of text behind the last site
 *	3     bits 0-3: bytes that are missing at the end of the records, 4-7: of the seal
 *	4     bits 0-3: bytes too many at the end of the seal; 4-7: bytes of the plan's memory that are missing
 *	then 3 bytes for each answer: call; type; where (0: in range; 1-3: outside; 4: out of a call's reach; 5, 6:
 *	      just in reach of the middle of the text, from above and from below)
 *	then for each template: call; length; changes (bits 0-3); which arguments must be in registers; which constants;
 *	      interrupts; how many holes, and offset, what for each; which arguments the guards are for (4 bits each), and
 *	      mask, value (signed) for each guard; the first byte of the code, whose bytes count up
 *	then for each site 8 bytes: distance from the one before; call - 29; what to add to the size that the call needs;
 *	      native bytes - 1; 2 bytes that change bits of the operands; how far aside it lies (signed), where it
 *	      claims what is there; which byte of the text to change (0: none), with bit 7 of the seal; then for each
 *	      constant (bits 0-4 of the operands) a signed byte, or 80h and 4 bytes
 */
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#include "kernel.h"

#define ARENA (1 << 20)
#define MAX_SITES 400
#define GUARD 64

/* The parts of a kernel lie near each other, and what lies between them is poisoned. */
static unsigned char *arena;
static size_t arena_used;

static void *take(size_t size)
{
	unsigned char *memory = arena + arena_used;

	arena_used += (size + 2 * GUARD) & ~(size_t)(GUARD - 1);
	MUST(arena_used <= ARENA);
	ASAN_UNPOISON_MEMORY_REGION(memory, size);
	return memory;
}

struct input {
	const uint8_t *data;
	size_t size;
};

static unsigned next(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

static const struct {
	uint8_t args, kind;
	uint16_t changes;
} calls[VMI_CALL_COUNT] = {
#define CALL(number, name, args, r1, r2, r3, result, changes, kind) \
	[number] = { args, VMI_K_##kind, VROM_FROM_VMI(VMI_R_##changes) },
	VMI_CALLS(CALL)
#undef CALL
};

static unsigned next32(struct input *input)
{
	unsigned value = next(input);

	value |= next(input) << 8;
	value |= next(input) << 16;
	return value | next(input) << 24;
}

/* The nops of vrom/site.h. */
static void put_nops(unsigned char *to, unsigned count)
{
	static const char *const nops[] = { "", "\x90", "\x66\x90", "\x0f\x1f\0", "\x0f\x1f\x40\0", "\x0f\x1f\x44\0\0",
					    "\x66\x0f\x1f\x44\0\0", "\x0f\x1f\x80\0\0\0\0", "\x0f\x1f\x84\0\0\0\0\0",
					    "\x66\x0f\x1f\x84\0\0\0\0\0" };

	for (; count > 9; count -= 9, to += 9)
		memcpy(to, nops[9], 9);
	memcpy(to, nops[count], count);
}

static void answer(void *context, unsigned call, struct vrom_answer *result)
{
	struct kernel *kernel = context;

	MUST(call < VMI_CALL_COUNT && kernel->asked[call]++ == 0);
	result->type = kernel->types[call];
	result->target = kernel->targets[call];
}

static void read_answers(struct kernel *kernel, struct input *input, unsigned answers, unsigned where[])
{
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++) {
		kernel->types[call] = VMI_RELOCATION_CALL_REL;
		where[call] = 0;
	}
	while (answers--) {
		unsigned call = next(input) % VMI_CALL_COUNT;

		kernel->types[call] = next(input);
		where[call] = next(input) % 7;
	}
}

/* The answers' targets, when it is known where the text is. */
static void build_targets(struct kernel *kernel, const unsigned where[])
{
	uintptr_t middle = (uintptr_t)kernel->text + kernel->text_size / 2 + kernel->tables[0].moved;
	uintptr_t base = (uintptr_t)arena + kernel->tables[0].moved + ARENA;
	struct vrom_host *host = &kernel->host;

	host->answer = answer;
	host->context = kernel;
	host->rom = host->low = base;
	host->high = base + 0x8000;
	host->answers_early = 1;
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++) {
		const uintptr_t targets[] = { base + 64 * call, base - 1, base + 0x8000, 0, base + 0x90000000u,
					      middle + INT32_MAX, middle + INT32_MIN + 255 };

		kernel->targets[call] = targets[where[call]];
		/* With a top, what lies above it is allowed. */
		if (where[call] >= 4 && (host->top == 0 || host->top > targets[where[call]]))
			host->top = targets[where[call]];
	}
}

static void read_templates(struct kernel *kernel, struct input *input, unsigned templates)
{
	struct vrom_host *host = &kernel->host;

	host->template_count = templates;
	host->templates = take(templates * sizeof *host->templates);
	for (unsigned i = 0; i < templates; i++) {
		struct vrom_template *template = &kernel->templates[i];

		unsigned holes, guards, code;

		template->call = next(input);
		template->length = next(input);
		template->changes = next(input) << 11;
		template->in_register = next(input);
		template->constant = next(input);
		template->interrupts = next(input);
		holes = next(input) % (VROM_TEMPLATE_HOLES + 1);
		for (unsigned hole = 0; hole < holes; hole++) {
			template->holes[hole].offset = next(input);
			template->holes[hole].what = next(input);
		}
		guards = next(input);
		for (unsigned guard = 0; guard < VROM_TEMPLATE_GUARDS; guard++, guards >>= 4)
			if ((template->guard_arguments[guard] = guards & 15)) {
				template->guards[guard].mask = (int8_t)next(input);
				template->guards[guard].value = (int8_t)next(input);
			}
		code = next(input);
		for (unsigned byte = 0; byte < sizeof template->code; byte++)
			template->code[byte] = (uint8_t)(code + byte);
	}
	memcpy((void *)host->templates, kernel->templates, templates * sizeof *host->templates);
}

/* A site as the input has it. */
struct wanted {
	unsigned call, size, native, operands, damage, constants;
	uint32_t values[5]; /* so many constants */
	size_t start; /* in the text, where its bytes are put */
	int32_t aside; /* how far from there the record says that it is */
};

static void read_constants(struct wanted *site, struct input *input)
{
	site->constants = 0;
	for (unsigned place = 0; place < 5; place++)
		if (site->operands >> place & 1) {
			uint32_t value = (int8_t)next(input);

			site->values[site->constants++] = value == (uint32_t)INT8_MIN ? next32(input) : value;
		}
}

/* How many bytes a call takes at the site. */
static unsigned room(const struct wanted *site)
{
	unsigned args = calls[site->call].args, size = VROM_CALL_ROOM(args), constant = 0;

	for (unsigned place = 0; place < args; place++)
		if (site->operands >> place & 1) {
			int32_t value = (int32_t)site->values[constant++];

			size += place < 3 ? 5 : value >= -128 && value <= 127 ? 1 : 4;
		}
	return size;
}

static size_t read_sites(struct wanted *sites, struct input *input, size_t *text_size)
{
	size_t count = 0, at = 0;

	while (input->size >= 8 && count < MAX_SITES) {
		struct wanted *site = &sites[count++];
		unsigned more;

		at += next(input);
		site->call = (uint8_t)(next(input) + VMI_CALL_EnableInterrupts);
		site->start = at;
		site->size = 5;
		site->operands = 0;
		if (site->call < VMI_CALL_COUNT) {
			site->operands = calls[site->call].changes;
			if (calls[site->call].args > 3)
				site->operands += VMI_ESI << VROM_ARG4_SHIFT;
			if (calls[site->call].args > 4)
				site->operands += VMI_EDI << VROM_ARG5_SHIFT;
		}
		more = next(input);
		site->native = (uint8_t)(next(input) + 1);
		site->operands ^= next(input);
		site->operands ^= next(input) << 8;
		site->aside = (int8_t)next(input);
		site->damage = next(input);
		read_constants(site, input);
		if (site->call < VMI_CALL_COUNT)
			site->size = room(site);
		site->size = (uint8_t)(site->size + more);
		at += site->size;
	}
	*text_size = at;
	return count;
}

/* Writes the sites' bytes into the text. */
static void put_text(struct kernel *kernel, const struct wanted *sites, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct wanted *site = &sites[i];
		unsigned char *at = kernel->text + site->start;

		if (site->native > site->size)
			continue;
		for (unsigned n = 0; n < site->native; n++)
			at[n] = (unsigned char)(0xf0 + n + site->call);
		put_nops(at + site->native, site->size - site->native);
	}
}

/* Changes a bit of those sites that shall be damaged. */
static void put_damage(struct kernel *kernel, const struct wanted *sites, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned damage = sites[i].damage;

		if (damage & 0x7f && sites[i].size)
			kernel->text[sites[i].start + ((damage & 0x7f) - 1) % sites[i].size] ^= 1 << damage % 8;
	}
}

static size_t records_size(const struct wanted *sites, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += 8 + 4 * sites[i].constants;
	return size;
}

/* Writes the sites' records, and their parts of the seal; the size of the latter. */
static size_t put_records(const struct kernel *kernel, const struct wanted *sites, size_t count,
			  unsigned char *records, unsigned char *native)
{
	size_t sealed = 0, used = 0;

	for (size_t i = 0; i < count; i++) {
		const struct wanted *site = &sites[i];
		unsigned char *record = records + used, *seal = native + sealed + 1;
		int32_t offset = (int32_t)(kernel->text + site->start - record) + site->aside;
		uint16_t operands = (uint16_t)site->operands;
		long at = (long)site->start + site->aside;
		unsigned n = site->native;

		memcpy(record, &offset, sizeof offset);
		record[4] = (uint8_t)site->call;
		record[5] = (uint8_t)site->size;
		memcpy(record + 6, &operands, sizeof operands);
		memcpy(record + 8, site->values, site->constants * sizeof *site->values);
		used += 8 + 4 * site->constants;
		for (unsigned b = 0; b < n; b++)
			seal[b] = (unsigned char)(0xf0 + b + site->call);
		if (site->aside && at >= 0 && at + site->size <= (long)kernel->text_size) {
			n = site->size;
			memcpy(seal, kernel->text + at, n);
		}
		if (site->damage & 0x80 && n)
			seal[site->damage % n] ^= 0x40;
		native[sealed] = (uint8_t)n;
		sealed += n + 1;
	}
	return sealed;
}

/* One table of some of the sites, in memory of its own. */
static void build_table(struct kernel *kernel, const struct wanted *sites, size_t count, unsigned records_cut,
			unsigned seal_cut, unsigned seal_more)
{
	static unsigned char native[MAX_SITES * 256 + 16];
	struct vrom_table *table = &kernel->tables[kernel->table_count++];
	size_t whole = records_size(sites, count), left = whole > records_cut ? whole - records_cut : 0, native_size;
	/* Room for whole records; what is cut off is poisoned again. */
	unsigned char *records = take(whole), *seal;

	native_size = put_records(kernel, sites, count, records, native) + seal_more;
	native_size = native_size > seal_cut ? native_size - seal_cut : 0;
	seal = take(native_size);
	memcpy(seal, native, native_size);
	ASAN_POISON_MEMORY_REGION(records + left, whole - left);
	table->records = records;
	table->records_end = records + left;
	table->native = seal;
	table->native_end = seal + native_size;
	table->text = kernel->text;
	table->text_end = kernel->text + kernel->text_size;
	kernel->sites += verdict_count(table);
}

void kernel_build(struct kernel *kernel, const uint8_t *data, size_t size)
{
	static struct wanted sites[MAX_SITES];
	struct input input = { data, size };
	unsigned flags = next(&input), numbers = next(&input), behind = next(&input), cuts = next(&input),
		 more = next(&input);
	unsigned where[VMI_CALL_COUNT];
	size_t count, first;

	if (!arena) {
		arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		MUST(arena != MAP_FAILED);
	}
	ASAN_POISON_MEMORY_REGION(arena, ARENA);
	arena_used = GUARD;
	memset(kernel, 0, sizeof *kernel);
	kernel->no_host = flags >> 1 & 1;
	kernel->host.wide = flags & 1;
	for (unsigned t = 0; t < MAX_TABLES; t++)
		kernel->tables[t].moved = flags & 16 ? (ptrdiff_t)0x10000 * (t + 1) : 0;
	read_answers(kernel, &input, numbers >> 4, where);
	read_templates(kernel, &input, numbers & 15);
	count = read_sites(sites, &input, &kernel->text_size);
	kernel->text_size += behind;
	kernel->text = kernel->writable = take(kernel->text_size);
	memset(kernel->text, 0xcc, kernel->text_size);
	build_targets(kernel, where);
	put_text(kernel, sites, count);
	put_damage(kernel, sites, count);
	first = flags & 8 ? count / 2 : count;
	build_table(kernel, sites, first, flags & 8 ? 0 : cuts & 15, flags & 8 ? 0 : cuts >> 4, flags & 8 ? 0 : more & 15);
	if (flags & 8)
		build_table(kernel, sites + first, count - first, cuts & 15, cuts >> 4, more & 15);
	if (flags & 4) {
		kernel->writable = take(kernel->text_size);
		memcpy(kernel->writable, kernel->text, kernel->text_size);
		for (unsigned t = 0; t < kernel->table_count; t++)
			kernel->tables[t].alias = kernel->writable - kernel->text;
	}
	kernel->memory_size = VROM_PLAN_MEMORY(kernel->sites);
	kernel->memory_size -= kernel->memory_size < more >> 4 ? kernel->memory_size : more >> 4;
	/* At an odd address: any alignment will do. */
	kernel->memory = (unsigned char *)take(kernel->memory_size + 1) + 1;
}

void kernel_free(struct kernel *kernel)
{
	ASAN_UNPOISON_MEMORY_REGION(arena, ARENA);
	memset(kernel, 0, sizeof *kernel);
}
