/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Annotations of 2006. The input, zero where it ends: how many annotations (mod 8); bytes of text / 4; bytes of translations;
 * bytes of memory that are missing; then the annotations, whose addresses are taken modulo a little more than what is there;
 * the translations; the text.
 */
#include <string.h>

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

/* Within 32 bits of the text, as a kernel's memory is; each part is allocated by itself, so that its end is watched. */
static unsigned char *part(size_t size)
{
	unsigned char *memory = malloc(size ? size : 1);

	MUST(memory);
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
	count = next() % (MOST + 1);
	text_size = next() * 4;
	translation_size = next();
	missing = next();
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
		static const struct vrom_host host = { .answer = answer, .high = (uintptr_t)-1 };
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
			/* The reader has checked the rest. */
			MUST(status == VROM_SIZE || status == VROM_OPERANDS || status == VROM_OVERLAP);
		}
	}
	free(annotations);
	free(text);
	free(before);
	free(translations);
	free(memory);
	return 0;
}
