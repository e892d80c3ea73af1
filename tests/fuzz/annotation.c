/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Annotations of 2006. The input, zero where it ends: how many annotations (mod 8); bytes of text / 4; bytes of translations;
 * bytes of memory that are missing / 4; then the annotations, whose addresses are taken modulo a little more than what is there;
 * the translations; the text.
 */
#include <string.h>

#include <sanitizer/asan_interface.h>

#include <vrom/annotation.h>
#include <vrom/site.h>

#include "fuzz.h"

#define GUEST 0x100000u
#define MOST 8

const char *fuzz_outcome;

static struct input {
	const uint8_t *data;
	size_t size;
} input;

static unsigned next(void)
{
	if (input.size == 0)
		return 0;
	input.size--;
	return *input.data++;
}

static void answer(void *context, unsigned call, struct vrom_answer *result)
{
	(void)context;
	*result = (struct vrom_answer){ 0x1000 + 16 * call, VMI_RELOCATION_CALL_REL };
}

/* What constants and registers that an annotation names can come to: guards and holes of each kind. */
static const struct vrom_template templates[] = {
	{ .call = VMI_CALL_FlushTLB, .length = 3, .code = "\x31\xc0\x90", .changes = VROM_EAX + VROM_FLAGS,
	  .guards = { { 2, 0 } }, .guard_arguments = { 1 } },
	{ .call = VMI_CALL_SetPxE, .length = 6, .code = "\xc7\x02\0\0\0\0", .in_register = 2,
	  .holes = { { 2, VROM_HOLE_IMM32 + (1 << 4) } } },
	{ .call = VMI_CALL_WriteGDTEntry, .length = 3, .code = "\x89\x40\x04", .holes = { { 1, VROM_HOLE_REG + (4 << 4) } } },
	{ .call = VMI_CALL_WriteIDTEntry, .length = 1, .code = "\x50", .holes = { { 0, VROM_HOLE_RM + (4 << 4) } } },
	{ .call = VMI_CALL_SetLinearMapping, .length = 2, .code = "\x6a\0", .constant = 1,
	  .holes = { { 1, VROM_HOLE_IMM8 + (4 << 4) } } },
	{ .call = VMI_CALL_SetAlarm, .length = 2, .code = "\xb0\0", .changes = VROM_EAX,
	  .holes = { { 1, VROM_HOLE_PORT + (5 << 4) } } },
	{ .call = VMI_CALL_SetLazyMode, .length = 0, .guards = { { 0xffffffff, 1 } }, .guard_arguments = { 1 } },
};

/*
 * The parts are within 32 bits of each other, as a kernel's are; what malloc gives under a sanitizer is not. Each is closed in
 * by bytes that may not be touched.
 */
static _Alignas(16) unsigned char arena[MOST * 400 + 4096];
static size_t used;

static unsigned char *part(size_t size)
{
	unsigned char *memory = arena + used;

	used += (size + 16 + 15) & ~(size_t)15;
	MUST(used <= sizeof arena);
	ASAN_UNPOISON_MEMORY_REGION(memory, size);
	return memory;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned count, text_size, translation_size, missing;
	unsigned char *annotations, *text, *before, *translations, *memory, plan_memory[VROM_PLAN_MEMORY(MOST)];
	struct vrom_annotations all;
	struct vrom_table table, none;
	struct vrom_error error;
	enum vrom_status status;
	size_t memory_size;

	input = (struct input){ data, size };
	ASAN_POISON_MEMORY_REGION(arena, sizeof arena);
	used = 16;
	count = next() % (MOST + 1);
	text_size = next() * 4;
	translation_size = next();
	missing = next() * 4;
	annotations = part(count * VROM_ANNOTATION_SIZE);
	text = part(text_size);
	before = part(text_size);
	translations = part(translation_size);
	for (unsigned i = 0; i < count; i++) {
		unsigned char *at = annotations + i * VROM_ANNOTATION_SIZE;
		uint32_t words[3];

		for (unsigned k = 0; k < VROM_ANNOTATION_SIZE; k++)
			at[k] = (unsigned char)next();
		memcpy(words, at, sizeof words);
		words[0] = words[0] % (VMI_CALL_COUNT + 1);
		words[1] = GUEST + (words[1] & 0xffff) % (text_size + 4);
		words[2] = GUEST + (uint32_t)(translations - text) + (words[2] & 0xffff) % (translation_size + 4);
		memcpy(at, words, sizeof words);
	}
	for (unsigned i = 0; i < translation_size; i++)
		translations[i] = (unsigned char)next();
	for (unsigned i = 0; i < text_size; i++)
		text[i] = before[i] = (unsigned char)next();
	memory_size = VROM_ANNOTATION_MEMORY(count);
	memory_size -= missing < memory_size ? missing : memory_size;
	memory = part(memory_size);
	all = (struct vrom_annotations){ annotations, annotations + count * VROM_ANNOTATION_SIZE, translations,
					 translations + translation_size, text, text + text_size,
					 (ptrdiff_t)(GUEST - (uintptr_t)text), 0 };
	memset(&none, 0x5a, sizeof none);
	table = none;
	status = vrom_read_annotations(&all, memory, memory_size, &table, &error);
	fuzz_outcome = vrom_strstatus(status);
	if (status != VROM_OK) {
		MUST(error.status == status && memcmp(&table, &none, sizeof table) == 0);
		MUST(error.index == VROM_NO_INDEX || error.index < count);
	} else {
		static const struct vrom_host host = { .answer = answer, .high = (uintptr_t)-1, .templates = templates,
						.template_count = sizeof templates / sizeof *templates };
		struct vrom_plan plan;

		MUST(vrom_count(&table) == count);
		status = vrom_plan(&plan, &host, &table, 1, plan_memory, sizeof plan_memory, &error);
		MUST(memcmp(text, before, text_size) == 0);
		if (status == VROM_OK) {
			fuzz_outcome = "patched";
			MUST(vrom_commit(&plan) == VROM_OK);
			/* What is in no site has not changed. */
			for (unsigned i = 0; i < text_size; i++) {
				int inside = 0;

				for (unsigned k = 0; k < count; k++) {
					uint32_t site;

					memcpy(&site, annotations + k * VROM_ANNOTATION_SIZE + 4, sizeof site);
					inside |= i >= site - GUEST && i - (site - GUEST) < annotations[k * VROM_ANNOTATION_SIZE + 12];
				}
				MUST(inside || text[i] == before[i]);
			}
			MUST(vrom_revert(&plan) == VROM_OK);
			MUST(memcmp(text, before, text_size) == 0);
		} else {
			fuzz_outcome = vrom_strstatus(status);
			/* The reader has checked the rest. */
			MUST(status == VROM_SIZE || status == VROM_OPERANDS || status == VROM_OVERLAP);
		}
	}
	return 0;
}
