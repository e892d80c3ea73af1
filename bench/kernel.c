/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A kernel that is never run: random bytes for code, and sites among them. What sites there are and how often
 * follows an i386 Linux with VMI, where nearly all are the four interrupt-mask calls; a third here is others, so that
 * all sizes take part and no processor can learn the order. A fifth of all has constants: of the demonstration
 * kernel's sites it is a third, but most of these write to one port.
 */
#include <stdlib.h>
#include <string.h>

#include <vrom/site.h>

#include "bench.h"

#define NATIVE_MAX 12
#define SITE_MAX 40
#define RECORD_MAX 28

static const struct kind {
	unsigned share; /* of 1000 sites */
	uint8_t call, args, type, is_mask;
	uint8_t native_size, native[NATIVE_MAX];
	/* Which arguments are constants, and where in native the first is. values: so many sets of them, of which each site
	 * has one; three values each. Further arguments have the last. */
	uint8_t constants, at, bytes, sets;
	uint32_t values[8][3];
} kinds[] = {
#define SITE(often, name, answer, ...) \
	.share = often, .call = VMI_CALL_##name, .args = VMI_ARGS_##name, .type = VMI_RELOCATION_##answer, \
	.is_mask = VMI_KIND_##name & VMI_IS_MASK, .native_size = sizeof((uint8_t[]){ 0, ##__VA_ARGS__ }) - 1, \
	.native = { __VA_ARGS__ }
	{ SITE(230, DisableInterrupts, CALL_REL, 0xfa) }, /* in line, as are many below: see templates */
	{ SITE(170, SetInterruptMask, CALL_REL, 0x50, 0x9d) },
	{ SITE(160, GetInterruptMask, CALL_REL, 0x9c, 0x58) },
	{ SITE(100, EnableInterrupts, CALL_REL, 0xfb) },
	{ SITE(15, SetCR3, CALL_REL, 0x0f, 0x22, 0xd8) },
	{ SITE(10, GetCR2, CALL_REL, 0x0f, 0x20, 0xd0) },
	{ SITE(10, CLTS, CALL_REL, 0x0f, 0x06) },
	{ SITE(15, InvalPage, CALL_REL, 0x0f, 0x01, 0x38) },
	{ SITE(15, SetPxE, CALL_REL, 0x89, 0x02) },
	{ SITE(15, RDTSC, NONE, 0x0f, 0x31) },
	{ SITE(5, CPUID, NONE, 0x0f, 0xa2) },
	{ SITE(15, OUTB, NONE, 0xee) },
	{ SITE(5, INB, NONE, 0xec) },
	{ SITE(10, IODelay, CALL_REL, 0xe6, 0x80) },
	{ SITE(15, SetPxELong, CALL_REL, 0x89, 0x51, 0x04, 0x89, 0x01) },
	{ SITE(5, WriteGDTEntry, CALL_REL, 0x89, 0x0c, 0xd0, 0x89, 0x74, 0xd0, 0x04) },
	{ SITE(5, AllocatePage, CALL_REL) },
	{ SITE(5, IRET, CALL_REL, 0xcf) },
	/* With constants. */
	{ SITE(25, OUTB, NONE, 0xe6, 0), 0x02, 1, 1, 5, { { 0x20 }, { 0x21 }, { 0xa0 }, { 0x70 }, { 0x80 } } },
	{ SITE(35, OUTB, NONE, 0xba, 0, 0, 0, 0, 0xee), 0x02, 1, 4, 8,
	  { { 0x3f8 }, { 0x3f9 }, { 0x3fa }, { 0x3fb }, { 0x3fc }, { 0x3f2 }, { 0x1f6 }, { 0x1f7 } } },
	{ SITE(20, INB, NONE, 0xba, 0, 0, 0, 0, 0xec), 0x01, 1, 4, 4, { { 0x3fd }, { 0x3f8 }, { 0x1f7 }, { 0x3f4 } } },
	{ SITE(25, SetPxE, CALL_REL, 0x89, 0x02), 0x04, 0, 0, 4, { { 1 }, { 2 }, { 9 }, { 1 } } },
	{ SITE(20, UpdatePxE, CALL_REL), 0x02, 0, 0, 3, { { 1 }, { 2 }, { 17 } } },
	{ SITE(20, SetLazyMode, CALL_REL), 0x01, 0, 0, 3, { { 0 }, { 1 }, { 2 } } },
	{ SITE(15, FlushTLB, CALL_REL, 0x0f, 0x20, 0xd9, 0x0f, 0x22, 0xd9), 0x01, 0, 0, 2, { { 1 }, { 3 } } },
	{ SITE(15, APICWrite, CALL_REL, 0x89, 0x15, 0, 0, 0, 0), 0x01, 2, 4, 4,
	  { { 0xfee00080 }, { 0xfee000b0 }, { 0xfee00300 }, { 0xfee00310 } } },
	{ SITE(8, AllocatePage, CALL_REL), 0x1a, 0, 0, 2, { { 0x41 }, { 0x62, 0x300, 0x100 } } },
	{ SITE(7, GetCycleCounter, CALL_REL, 0x0f, 0x31), 0x01, 0, 0, 3, { { 0 }, { 1 }, { 2 } } },
	{ SITE(5, SetAlarm, CALL_REL), 0x1f, 0, 0, 2, { { 1, 0x1000, 0 }, { 0x101, 0x2000 } } },
};

/* As a hypervisor with its flags at fixed addresses would have them; the guards tell which value means what. */
static const struct vrom_template templates[] = {
	/* orb, andb of a byte of the ROM's; movzbl */
	{ .call = VMI_CALL_EnableInterrupts, .length = 7, .changes = VROM_FLAGS, .holes = { { 2, VROM_HOLE_ROM } },
	  .code = { 0x80, 0x0d, 0, 1, 0, 0, 1 } },
	{ .call = VMI_CALL_DisableInterrupts, .length = 7, .changes = VROM_FLAGS, .holes = { { 2, VROM_HOLE_ROM } },
	  .code = { 0x80, 0x25, 0, 1, 0, 0, 0xfe } },
	{ .call = VMI_CALL_GetInterruptMask, .length = 7, .holes = { { 3, VROM_HOLE_ROM } },
	  .code = { 0x0f, 0xb6, 0x05, 0, 1, 0, 0 } },
	/* Ports: below 256, and others that belong to one device. */
	{ .call = VMI_CALL_OUTB, .length = 2, .constant = 2, .holes = { { 1, 2 << 4 | VROM_HOLE_PORT } }, .code = { 0xe6 } },
	{ .call = VMI_CALL_OUTB, .length = 6, .changes = VROM_EDX, .holes = { { 1, 2 << 4 | VROM_HOLE_IMM32 } },
	  .guard_arguments = { 2 }, .guards = { { 0xfffffff8, 0x3f8 } }, .code = { 0xba, 0, 0, 0, 0, 0xee } },
	{ .call = VMI_CALL_INB, .length = 6, .changes = VROM_EDX, .holes = { { 1, 1 << 4 | VROM_HOLE_IMM32 } },
	  .guard_arguments = { 1 }, .guards = { { 0xfffffff8, 0x3f8 } }, .code = { 0xba, 0, 0, 0, 0, 0xec } },
	/* An entry of a table that nobody uses now: eax is stored where edx says. */
	{ .call = VMI_CALL_SetPxE, .length = 9, .in_register = 3, .changes = VROM_FLAGS,
	  .holes = { { 1, 1 << 4 | VROM_HOLE_REG }, { 1, 2 << 4 | VROM_HOLE_RM }, { 4, VROM_HOLE_ROM } },
	  .guard_arguments = { 3 }, .guards = { { 3, 1 } }, .code = { 0x89, 0x00, 0x80, 0x0d, 0, 2, 0, 0, 1 } },
	{ .call = VMI_CALL_UpdatePxE, .guard_arguments = { 2 }, .guards = { { 3, 1 } } },
	{ .call = VMI_CALL_SetLazyMode, .length = 10, .holes = { { 2, VROM_HOLE_ROM }, { 6, 1 << 4 | VROM_HOLE_IMM32 } },
	  .guard_arguments = { 1 }, .guards = { { 0xfffffffe, 0 } }, .code = { 0xc7, 0x05, 0, 3, 0, 0 } },
	{ .call = VMI_CALL_FlushTLB, .length = 7, .changes = VROM_FLAGS, .holes = { { 2, VROM_HOLE_ROM } },
	  .guard_arguments = { 1 }, .guards = { { 0xffffffff, 1 } }, .code = { 0x80, 0x0d, 0, 4, 0, 0, 1 } },
	{ .call = VMI_CALL_APICWrite, .length = 6, .in_register = 2, .holes = { { 2, 1 << 4 | VROM_HOLE_IMM32 } },
	  .guard_arguments = { 1 }, .guards = { { 0xff0, 0x80 } }, .code = { 0x89, 0x15 } },
	{ .call = VMI_CALL_GetCycleCounter, .length = 2, .guard_arguments = { 1 }, .guards = { { 0xffffffff, 0 } },
	  .code = { 0x0f, 0x31 } },
	{ .call = VMI_CALL_SetPxELong, .length = 9, .in_register = 8, .holes = { { 6, 4 << 4 | VROM_HOLE_RM } },
	  .code = { 0x89, 0x51, 0x04, 0x89, 0x01, 0x85, 0xc0, 0x90, 0x90 }, .changes = VROM_FLAGS },
};

static void answer(void *context, unsigned call, struct vrom_answer *result)
{
	const struct bench_kernel *kernel = context;

	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].call == call) {
			result->type = kinds[i].type;
			result->target = kernel->host.low + 64 * call;
		}
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const struct kind *pick(uint64_t *state)
{
	unsigned at = next_random(state) % 1000, i = 0;

	while (at >= kinds[i].share)
		at -= kinds[i++].share;
	return &kinds[i];
}

/* Values of the constants of one site; how many. */
static unsigned pick_constants(const struct kind *kind, uint64_t *state, uint32_t *values)
{
	const uint32_t *set = kind->values[kind->constants ? next_random(state) % kind->sets : 0];
	unsigned count = 0;

	for (unsigned place = 0; place < 5; place++)
		if (kind->constants >> place & 1) {
			values[count] = set[count < 3 ? count : 2];
			count++;
		}
	return count;
}

/* As many bytes as the macros of vrom/site.h make. */
static unsigned room(const struct kind *kind)
{
	unsigned size = VROM_ROOM(kind->call, kind->args, kind->is_mask);

	for (unsigned place = 0; place < kind->args; place++)
		if (kind->constants >> place & 1)
			size += place < 3 ? VROM__ROOM_FIXED : VROM__ROOM_FREE;
	return size < kind->native_size ? kind->native_size : size;
}

/* Writes native instructions and padding in the forms of vrom/site.h. */
static void put_site(unsigned char *to, const unsigned char *native, unsigned native_size, unsigned size)
{
	static const char *const nops[] = { "", "\x90", "\x66\x90", "\x0f\x1f\0", "\x0f\x1f\x40\0", "\x0f\x1f\x44\0\0",
					    "\x66\x0f\x1f\x44\0\0", "\x0f\x1f\x80\0\0\0\0", "\x0f\x1f\x84\0\0\0\0\0",
					    "\x66\x0f\x1f\x84\0\0\0\0\0" };
	unsigned pad = size - native_size;

	memcpy(to, native, native_size);
	to += native_size;
	for (; pad > 9; pad -= 9, to += 9)
		memcpy(to, nops[9], 9);
	memcpy(to, nops[pad], pad);
}

static unsigned operands(const struct kind *kind)
{
	static const uint16_t changes[] = {
#define CHANGES(number, name, args, r1, r2, r3, result, changes, kind) [number] = VROM_FROM_VMI(VMI_R_##changes),
		VMI_CALLS(CHANGES)
#undef CHANGES
	};
	unsigned bits = changes[kind->call] | kind->constants;

	/* The register of a constant port is free. */
	if (kind->call == VMI_CALL_OUTB || kind->call == VMI_CALL_INB)
		bits |= kind->constants ? VROM_EDX : 0;
	if (kind->args > 3 && !(kind->constants & 8))
		bits |= VMI_ESI << VROM_ARG4_SHIFT;
	if (kind->args > 4 && !(kind->constants & 16))
		bits |= VMI_EDI << VROM_ARG5_SHIFT;
	return bits;
}

/* Writes the record of a site; what follows it. */
static unsigned char *put_record(unsigned char *record, const unsigned char *site, const struct kind *kind, unsigned size,
				 const uint32_t *values, unsigned count)
{
	int32_t offset = (int32_t)(site - record);
	uint16_t bits = operands(kind);

	if (site - record != offset)
		bench_die("bench: the text is too far from its table");
	memcpy(record, &offset, sizeof offset);
	record[4] = kind->call;
	record[5] = size;
	memcpy(record + 6, &bits, sizeof bits);
	memcpy(record + 8, values, count * sizeof *values);
	return record + 8 + count * sizeof *values;
}

void bench_kernel_make(struct bench_kernel *kernel, const struct bench_shape *shape)
{
	unsigned object = shape->object ? shape->object : shape->sites, code = shape->distance - 8;
	size_t text_size = (size_t)shape->sites * (shape->distance * 3 / 2 + SITE_MAX) + 64;
	unsigned char *text = bench_memory(text_size);
	unsigned char *records = bench_memory((size_t)shape->sites * RECORD_MAX), *record = records;
	unsigned char *native = bench_memory((size_t)shape->sites * (1 + NATIVE_MAX));
	/* The second section begins where the first cannot reach. */
	size_t at[2] = { 0, shape->object ? text_size / 10 * 9 : text_size }, sealed = 0;
	uint64_t state = 88172645463325252;

	*kernel = (struct bench_kernel){ .sites = shape->sites, .text_size = text_size };
	for (size_t i = 0; i + 8 <= text_size; i += 8) {
		uint64_t bytes = next_random(&state);

		memcpy(text + i, &bytes, sizeof bytes);
	}
	for (unsigned i = 0; i < shape->sites; i++) {
		const struct kind *kind = pick(&state);
		size_t *here = &at[shape->object && i % object >= object - object / 10];
		unsigned char *site = text + (*here += code / 2 + next_random(&state) % code), bytes[NATIVE_MAX];
		uint32_t values[5];
		unsigned size = room(kind), count = pick_constants(kind, &state, values);

		memcpy(bytes, kind->native, kind->native_size);
		memcpy(bytes + kind->at, values, kind->bytes);
		put_site(site, bytes, kind->native_size, size);
		record = put_record(record, site, kind, size, values, count);
		native[sealed++] = kind->native_size;
		memcpy(native + sealed, bytes, kind->native_size);
		sealed += kind->native_size;
		kernel->site_bytes += size;
		kernel->constants += count != 0;
		*here += size;
	}
	kernel->native_size = (size_t)shape->sites * (1 + NATIVE_MAX);
	kernel->table = (struct vrom_table){ records, record, native, native + sealed, text,
					     text + text_size, 0, 0 };
	kernel->host = (struct vrom_host){ .answer = answer, .context = kernel, .templates = templates,
					   .template_count = sizeof templates / sizeof *templates,
					   .low = (uintptr_t)text + text_size, .high = (uintptr_t)text + text_size + 65536,
					   .answers_early = 1, .wide = 1 };
}

void bench_kernel_free(struct bench_kernel *kernel)
{
	bench_memory_free(kernel->table.text, kernel->text_size);
	bench_memory_free((void *)kernel->table.records, (size_t)kernel->sites * RECORD_MAX);
	bench_memory_free((void *)kernel->table.native, kernel->native_size);
}
