/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A kernel that is never run: random bytes for code, and sites among them. What sites there are and how often
 * follows an i386 Linux with VMI, where nearly all are the four interrupt-mask calls; a fifth here
 * is others, so that the sizes 5, 6, 10 and 11 take part and no processor can learn the order.
 */
#include <stdlib.h>
#include <string.h>

#include <vrom/site.h>

#include "bench.h"

#define NATIVE_MAX 8
#define SITE_MAX 16

static const struct kind {
	unsigned share; /* of 1000 sites */
	uint8_t call, args, type;
	uint8_t native_size, native[NATIVE_MAX];
} kinds[] = {
#define SITE(share, name, type, ...) \
	{ share, VMI_CALL_##name, VMI_ARGS_##name, VMI_RELOCATION_##type, \
	  sizeof((uint8_t[]){ 0, ##__VA_ARGS__ }) - 1, { __VA_ARGS__ } }
	SITE(280, DisableInterrupts, CALL_REL, 0xfa),
	SITE(205, SetInterruptMask, CALL_REL, 0x50, 0x9d),
	SITE(190, GetInterruptMask, CALL_REL, 0x9c, 0x58),
	SITE(125, EnableInterrupts, CALL_REL, 0xfb), /* the host has a template for it */
	SITE(20, SetCR3, CALL_REL, 0x0f, 0x22, 0xd8),
	SITE(15, GetCR2, CALL_REL, 0x0f, 0x20, 0xd0),
	SITE(15, CLTS, CALL_REL, 0x0f, 0x06),
	SITE(15, InvalPage, CALL_REL, 0x0f, 0x01, 0x38),
	SITE(15, FlushTLB, CALL_REL, 0x0f, 0x20, 0xd9, 0x0f, 0x22, 0xd9),
	SITE(20, SetPxE, CALL_REL, 0x89, 0x02),
	SITE(15, UpdatePxE, NOP),
	SITE(10, SetLazyMode, NOP),
	SITE(15, RDTSC, NONE, 0x0f, 0x31),
	SITE(10, CPUID, NONE, 0x0f, 0xa2),
	SITE(10, OUTB, NONE, 0xee),
	SITE(10, IODelay, CALL_REL, 0xe6, 0x80),
	SITE(15, SetPxELong, CALL_REL, 0x89, 0x51, 0x04, 0x89, 0x01),
	SITE(10, AllocatePage, CALL_REL),
	SITE(5, IRET, CALL_REL, 0xcf),
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

/* Sets a byte to 1, as a hypervisor with its flags at a fixed address would have it. */
static const struct vrom_template enable = {
	.call = VMI_CALL_EnableInterrupts, .length = 7, .changes = VROM_FLAGS,
	.holes = { { 2, VROM_HOLE_ROM } }, .code = { 0x80, 0x0d, 0, 1, 0, 0, 1 },
};

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

/* Writes native instructions and padding, 0 to 9 bytes of it, in the forms of vrom/site.h. */
static unsigned put_site(unsigned char *to, const struct kind *kind)
{
	static const char *const nops[] = { "", "\x90", "\x66\x90", "\x0f\x1f\0", "\x0f\x1f\x40\0", "\x0f\x1f\x44\0\0",
					    "\x66\x0f\x1f\x44\0\0", "\x0f\x1f\x80\0\0\0\0", "\x0f\x1f\x84\0\0\0\0\0",
					    "\x66\x0f\x1f\x84\0\0\0\0\0" };
	int is_mask = kind->call >= VMI_CALL_EnableInterrupts && kind->call <= VMI_CALL_SetInterruptMask;
	unsigned size = VROM_ROOM(kind->args, is_mask ? VMI_IS_MASK : 0), pad;

	if (size < kind->native_size)
		size = kind->native_size;
	memcpy(to, kind->native, kind->native_size);
	to += kind->native_size;
	pad = size - kind->native_size;
	if (pad > 9) {
		memcpy(to, nops[9], 9);
		to += 9;
		pad -= 9;
	}
	memcpy(to, nops[pad], pad);
	return size;
}

static unsigned operands(const struct kind *kind)
{
	static const unsigned changes[] = {
#define CHANGES(number, name, args, r1, r2, r3, result, changes, kind) [number] = VROM_FROM_VMI(VMI_R_##changes),
		VMI_CALLS(CHANGES)
#undef CHANGES
	};

	return changes[kind->call] + (kind->args > 3 ? VMI_ESI << VROM_ARG4_SHIFT : 0) +
	       (kind->args > 4 ? VMI_EDI << VROM_ARG5_SHIFT : 0);
}

void bench_kernel_make(struct bench_kernel *kernel, const struct bench_shape *shape)
{
	unsigned object = shape->object ? shape->object : shape->sites, code = shape->distance - 8;
	size_t text_size = (size_t)shape->sites * (shape->distance * 3 / 2 + SITE_MAX) + 64;
	unsigned char *text = bench_memory(text_size);
	unsigned char *records = bench_memory((size_t)shape->sites * 8);
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
		unsigned char *site = text + (*here += code / 2 + next_random(&state) % code);
		unsigned char *record = records + (size_t)i * 8;
		int32_t offset = (int32_t)(site - record);
		uint16_t bits = operands(kind);
		unsigned size = put_site(site, kind);

		if (site - record != offset)
			bench_die("bench: the text is too far from its table");
		memcpy(record, &offset, sizeof offset);
		record[4] = kind->call;
		record[5] = size;
		memcpy(record + 6, &bits, sizeof bits);
		native[sealed++] = kind->native_size;
		memcpy(native + sealed, kind->native, kind->native_size);
		sealed += kind->native_size;
		kernel->site_bytes += size;
		*here += size;
	}
	kernel->native_size = (size_t)shape->sites * (1 + NATIVE_MAX);
	kernel->table = (struct vrom_table){ records, records + (size_t)shape->sites * 8, native, native + sealed, text,
					     text + text_size, 0, 0 };
	kernel->host = (struct vrom_host){ .answer = answer, .context = kernel, .templates = &enable, .template_count = 1,
					   .low = (uintptr_t)text + text_size, .high = (uintptr_t)text + text_size + 65536,
					   .answers_early = 1, .wide = 1 };
}

void bench_kernel_free(struct bench_kernel *kernel)
{
	bench_memory_free(kernel->table.text, kernel->text_size);
	bench_memory_free((void *)kernel->table.records, (size_t)kernel->sites * 8);
	bench_memory_free((void *)kernel->table.native, kernel->native_size);
}
