/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Annotations of 2006 become a site table. Twice through them: once to check and to measure, once to write. */
#include <vrom/annotation.h>

#include "lib.h"

#define PUSHES 5 /* no call has more arguments */

struct annotation {
	uint32_t call, site, translation;
	uint8_t size, translation_size;
	int8_t nop_size;
	uint8_t call_offset;
};
_Static_assert(sizeof(struct annotation) == VROM_ANNOTATION_SIZE, "struct annotation has a wrong size");

struct operand {
	uint32_t value;
	uint8_t reg, constant;
};

/* One annotation as our table has it. */
struct converted {
	unsigned char *site;
	uint32_t operands, constants[PUSHES], constant_count;
};

static uint32_t load32(const unsigned char *from)
{
	uint32_t value;

	__builtin_memcpy(&value, from, sizeof value);
	return value;
}

/* The push at code, of which left bytes are there. Its length, 0 if it is none. */
static unsigned read_push(const unsigned char *code, unsigned left, struct operand *operand)
{
	if (code[0] >= 0x50 && code[0] <= 0x57 && code[0] != 0x50 + VMI_ESP) {
		*operand = (struct operand){ .reg = code[0] - 0x50 };
		return 1;
	}
	if (code[0] == 0x6a && left >= 2) {
		*operand = (struct operand){ .value = (uint32_t)(int8_t)code[1], .constant = 1 };
		return 2;
	}
	if (code[0] == 0x68 && left >= 5) {
		*operand = (struct operand){ .value = load32(code + 1), .constant = 1 };
		return 5;
	}
	return 0;
}

/* Reads all of a translation. How many pushes it has, in the order in which they stand, or -1. */
static int read_translation(const unsigned char *code, const struct annotation *annotation,
			    struct operand operands[PUSHES])
{
	unsigned at = 0, size = annotation->translation_size, length, pushes = 0;

	while (at < size && pushes < PUSHES && (length = read_push(code + at, size - at, &operands[pushes])) != 0) {
		at += length;
		pushes++;
	}
	if (size - at < 5 || code[at] != 0xe8 || (load32(code + at + 1) && load32(code + at + 1) != annotation->call) ||
	    (annotation->call_offset && annotation->call_offset != at))
		return -1;
	at += 5;
	if (pushes) {
		/* lea n(%esp), %esp */
		if (size - at < 4 || load32(code + at) != (0x0024648du | pushes << 26))
			return -1;
		at += 4;
	}
	return at == size ? (int)pushes : -1;
}

/* The operands of a record, from what is pushed: the last push is that of the first argument, or of the fourth. */
static enum vrom_status convert_operands(const struct annotation *annotation, const unsigned char *code,
					 struct converted *converted)
{
	const struct vrom_call *call = &vrom_calls[annotation->call];
	struct operand operands[PUSHES];
	int pushes = read_translation(code, annotation, operands);
	int first = pushes == call->args ? 0 : 3;

	if (pushes < 0 || pushes != (call->args > first ? call->args - first : 0))
		return VROM_TRANSLATION;
	converted->operands = call->changes;
	converted->constant_count = 0;
	for (int place = first; place < call->args; place++) {
		const struct operand *operand = &operands[pushes - 1 - (place - first)];

		if (operand->constant) {
			converted->operands |= 1u << place;
			converted->constants[converted->constant_count++] = operand->value;
		} else if (place >= 3) {
			converted->operands |= (uint32_t)operand->reg << (place == 3 ? VROM_ARG4_SHIFT : VROM_ARG5_SHIFT);
		} else if (operand->reg != (call->in >> 4 * place & 15)) {
			return VROM_TRANSLATION;
		}
	}
	return VROM_OK;
}

/* Whether count bytes are nops of up to eleven prefixes each. */
static int are_nops(const unsigned char *bytes, unsigned count)
{
	unsigned prefixes = 0;

	for (unsigned i = 0; i < count; i++)
		if (bytes[i] == 0x66 && prefixes < 11)
			prefixes++;
		else if (bytes[i] == 0x90)
			prefixes = 0;
		else
			return 0;
	return prefixes == 0;
}

/* Where what the guest sees at address is in the size bytes at start, or NULL. */
static const unsigned char *find(const struct vrom_annotations *all, const unsigned char *start, const unsigned char *end,
				 uint32_t address, unsigned size)
{
	uint32_t offset = address - (uint32_t)((uintptr_t)start + (uintptr_t)all->moved);
	uintptr_t room = end > start ? (uintptr_t)(end - start) : 0;

	return offset < room && size <= room - offset ? start + offset : NULL;
}

static enum vrom_status convert(const struct vrom_annotations *all, const struct annotation *annotation,
				struct converted *converted)
{
	int nops = annotation->nop_size > 0 ? annotation->nop_size : 0;
	const unsigned char *site, *translation;

	if (annotation->call >= VMI_CALL_COUNT)
		return VROM_CALL;
	site = find(all, all->text, all->text_end, annotation->site, annotation->size);
	translation = find(all, all->translations, all->translations_end, annotation->translation,
			   annotation->translation_size);
	if (!site || !translation)
		return VROM_OUTSIDE;
	if (annotation->size < annotation->translation_size || nops > annotation->size ||
	    annotation->nop_size != (int8_t)(annotation->translation_size - (annotation->size - nops)))
		return VROM_SIZE;
	if (!are_nops(site + annotation->size - nops, nops))
		return VROM_NATIVE;
	converted->site = all->text + (site - all->text);
	return convert_operands(annotation, translation, converted);
}

static struct annotation annotation_at(const unsigned char *at)
{
	struct annotation annotation;

	__builtin_memcpy(&annotation, at, sizeof annotation);
	return annotation;
}

/* Whether the first of two can have the distance to the second in 32 bits. */
static int in_reach(const unsigned char *from, const unsigned char *to)
{
	intptr_t distance = (intptr_t)((uintptr_t)to - (uintptr_t)from);

	return distance == (int32_t)distance;
}

enum vrom_status vrom_read_annotations(const struct vrom_annotations *all, void *memory, size_t size,
				       struct vrom_table *table, struct vrom_error *error)
{
	unsigned char *record = (unsigned char *)(((uintptr_t)memory + 3) & ~(uintptr_t)3), *start = record;
	size_t room = size < 3 ? 0 : size - 3, records = 0, seal = 0;
	const unsigned char *at;
	struct converted converted;
	unsigned char *native;
	uint32_t index = 0;

	if (all->annotations_end < all->annotations ||
	    (all->annotations_end - all->annotations) % VROM_ANNOTATION_SIZE)
		return vrom_fail(error, VROM_TABLE, 0, VROM_NO_INDEX, VROM_NO_INDEX, 0);
	for (at = all->annotations; at < all->annotations_end; at += VROM_ANNOTATION_SIZE, index++) {
		struct annotation annotation = annotation_at(at);
		enum vrom_status status = convert(all, &annotation, &converted);

		if (status == VROM_OK && !(in_reach(start, converted.site) && in_reach(start + room, converted.site)))
			status = VROM_OUTSIDE;
		if (status != VROM_OK)
			return vrom_fail(error, status, 0, index, annotation.call,
					 status == VROM_TRANSLATION ? annotation.translation : annotation.site);
		records += VROM_RECORD_SIZE + 4 * converted.constant_count;
		seal += 1 + annotation.size;
		if (records + seal > room)
			return vrom_fail(error, VROM_MEMORY, 0, index, annotation.call, annotation.site);
	}
	native = start + records;
	for (at = all->annotations; at < all->annotations_end; at += VROM_ANNOTATION_SIZE) {
		struct annotation annotation = annotation_at(at);
		uint32_t words[2];

		convert(all, &annotation, &converted);
		words[0] = (uint32_t)((uintptr_t)converted.site - (uintptr_t)record);
		words[1] = annotation.call | (uint32_t)annotation.size << 8 | converted.operands << 16;
		__builtin_memcpy(record, words, sizeof words);
		record += sizeof words;
		for (uint32_t i = 0; i < converted.constant_count; i++, record += 4)
			__builtin_memcpy(record, &converted.constants[i], 4);
		/* Old nops are native bytes here: the patcher knows only our own. */
		*native++ = annotation.size;
		for (unsigned i = 0; i < annotation.size; i++)
			*native++ = converted.site[i];
	}
	*table = (struct vrom_table){ .records = start, .records_end = record, .native = start + records,
				      .native_end = native, .text = all->text, .text_end = all->text_end,
				      .moved = all->moved, .alias = all->alias };
	return VROM_OK;
}
