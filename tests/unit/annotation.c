/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Annotations of 2006 made by hand: what they become, and each that is refused, with its place. */
#include <sys/mman.h>

#include <vrom/annotation.h>

#include "fixture.h"

#define GUEST 0x00100000u /* where the guest sees arena */
#define TEXT 0x000
#define TRANSLATIONS 0x400
#define MOST 8

static _Alignas(16) unsigned char arena[0x800];
static unsigned char annotations[MOST * VROM_ANNOTATION_SIZE];
static unsigned char converted[VROM_ANNOTATION_MEMORY(MOST)];
static unsigned count;
static struct vrom_annotations all;
static struct vrom_table table;

static int clear(void **state)
{
	(void)state;
	memset(arena, 0xcc, sizeof arena);
	count = 0;
	all = (struct vrom_annotations){ .annotations = annotations, .annotations_end = annotations,
					 .translations = arena + TRANSLATIONS, .translations_end = arena + sizeof arena,
					 .text = arena + TEXT, .text_end = arena + TRANSLATIONS,
					 .moved = (ptrdiff_t)(GUEST - (uintptr_t)arena) };
	memset(&table, 0, sizeof table);
	memset(&error, 0, sizeof error);
	if (start(state) != 0)
		return -1;
	fake.host.wide = 0; /* annotations are of 32-bit guests */
	return 0;
}
#define ANNOTATION_TEST(name) cmocka_unit_test_setup(name, clear)

/* An annotation as bytes say, with its site and its translation at offsets of their areas. */
static unsigned char *annotate(unsigned call, unsigned site, unsigned size, int nops, unsigned translation,
			       const char *code, unsigned length)
{
	unsigned char *at = annotations + count++ * VROM_ANNOTATION_SIZE;
	uint32_t words[3] = { call, GUEST + TEXT + site, GUEST + TRANSLATIONS + translation };

	memcpy(at, words, sizeof words);
	at[12] = (unsigned char)size;
	at[13] = (unsigned char)length;
	at[14] = (unsigned char)(nops > 0 ? nops : (int)length - (int)size);
	at[15] = 0;
	memset(arena + TEXT + site, 0x90, size);
	memcpy(arena + TRANSLATIONS + translation, code, length);
	all.annotations_end = annotations + count * VROM_ANNOTATION_SIZE;
	return at;
}

static enum vrom_status convert(void)
{
	return vrom_read_annotations(&all, converted, sizeof converted, &table, &error);
}

/* Annotation number index is refused, and nothing came of it. */
static void refused_at(enum vrom_status status, unsigned index, uint32_t address)
{
	struct vrom_table none = { 0 };

	assert_int_equal(convert(), status);
	assert_int_equal(error.status, status);
	assert_int_equal(error.index, index);
	assert_int_equal(error.address, address);
	assert_int_equal(error.call, load32(annotations + index * VROM_ANNOTATION_SIZE));
	assert_memory_equal(&table, &none, sizeof none);
}

#define CALL0 "\xe8\0\0\0\0"

static void a_call_with_registers(void **state)
{
	uint32_t record[2];

	(void)state;
	annotate(VMI_CALL_SetCR3, 16, 9, 0, 0, CALL0, 5);
	annotate(VMI_CALL_EnableInterrupts, 32, 5, 4, 8, "\xe8\x1d\0\0\0", 5);
	arena[TEXT + 32] = 0xfb;
	memcpy(arena + TEXT + 33, "\x66\x66\x66\x90", 4);
	assert_int_equal(convert(), VROM_OK);
	assert_int_equal(table.records_end - table.records, 16);
	assert_int_equal(vrom_count(&table), 2);
	memcpy(record, table.records, 8);
	assert_ptr_equal(table.records + (int32_t)record[0], arena + TEXT + 16);
	assert_int_equal(record[1], VMI_CALL_SetCR3 + (9 << 8) + (VROM_STANDARD << 16));
	memcpy(record, table.records + 8, 8);
	assert_int_equal(record[1], VMI_CALL_EnableInterrupts + (5 << 8) + (VROM_FLAGS << 16));
	/* The seal has all of each site. */
	assert_int_equal(table.native_end - table.native, 10 + 6);
	assert_memory_equal(table.native, "\x09\x90", 2);
	assert_memory_equal(table.native + 10, "\x05\xfb\x66\x66\x66\x90", 6);
	assert_int_equal(vrom_plan(&plan, &fake.host, &table, 1, memory, sizeof memory, NULL), VROM_OK);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_int_equal(arena[TEXT + 32], 0xe8);
	assert_int_equal(load32(arena + TEXT + 33),
			 (uint32_t)(fake.targets[VMI_CALL_EnableInterrupts] - (GUEST + TEXT + 37)));
	assert_int_equal(arena[TEXT + 37], 0xcc);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	assert_memory_equal(arena + TEXT + 32, "\xfb\x66\x66\x66\x90\xcc", 6);
}

static void every_register_is_pushed(void **state)
{
	static const char codes[][10] = { "\x53\xe8\0\0\0\0\x8d\x64\x24\x04", "\x55\xe8\0\0\0\0\x8d\x64\x24\x04",
					  "\x56\xe8\0\0\0\0\x8d\x64\x24\x04", "\x57\xe8\0\0\0\0\x8d\x64\x24\x04" };
	static const unsigned regs[] = { VMI_EBX, VMI_EBP, VMI_ESI, VMI_EDI };

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		annotate(VMI_CALL_WriteGDTEntry, 16 * i, 10, 0, 16 * i, codes[i], 10)[15] = 1;
	assert_int_equal(convert(), VROM_OK);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(load32(table.records + 8 * i + 4) >> 16, VROM_STANDARD + (regs[i] << VROM_ARG4_SHIFT));
	/* The fifth is pushed before the fourth. */
	annotate(VMI_CALL_AllocatePage, 64, 11, 0, 64, "\x55\x57\xe8\0\0\0\0\x8d\x64\x24\x08", 11);
	assert_int_equal(convert(), VROM_OK);
	assert_int_equal(load32(table.records + 36) >> 16,
			 VROM_STANDARD + (VMI_EDI << VROM_ARG4_SHIFT) + (VMI_EBP << VROM_ARG5_SHIFT));
}

static void constants_of_all_arguments(void **state)
{
	uint32_t words[7];

	(void)state;
	/* push 0x12345678; push -2; push ecx; push 5; push eax */
	annotate(VMI_CALL_SetAlarm, 0, 30, 0, 0,
		 "\x68\x78\x56\x34\x12\x6a\xfe\x51\x6a\x05\x50\xe8\x44\0\0\0\x8d\x64\x24\x14", 20)[15] = 11;
	assert_int_equal(convert(), VROM_OK);
	assert_int_equal(table.records_end - table.records, 20);
	memcpy(words, table.records, 20);
	assert_int_equal(words[1] >> 16, VROM_STANDARD + 2 + 8 + 16);
	assert_int_equal(words[2], 5);
	assert_int_equal(words[3], (uint32_t)-2);
	assert_int_equal(words[4], 0x12345678);
	assert_int_equal(vrom_plan(&plan, &fake.host, &table, 1, memory, sizeof memory, NULL), VROM_OK);
}

/* Makes translation, which annotation at has, the last of all, with nothing that can be read behind it. */
static uint32_t put_last(unsigned char *at, const char *code, unsigned length)
{
	static unsigned char *edge;
	uint32_t address;

	if (!edge) {
		edge = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_ptr_not_equal(edge, MAP_FAILED);
		edge += 4096;
		assert_int_equal(mprotect(edge, 4096, PROT_NONE), 0);
	}
	memcpy(edge - length, code, length);
	all.translations = edge - length;
	all.translations_end = edge;
	address = (uint32_t)((uintptr_t)all.translations + (uintptr_t)all.moved);
	memcpy(at + 8, &address, sizeof address);
	return address;
}

static void other_translations_are_refused(void **state)
{
	static const struct {
		const char *code;
		unsigned length, call, call_offset;
	} bad[] = {
		{ "", 0, VMI_CALL_SetCR3, 0 },                                    /* nothing */
		{ "\xe8\0\0\0", 4, VMI_CALL_SetCR3, 0 },                          /* cut */
		{ "\xe9\0\0\0\0", 5, VMI_CALL_SetCR3, 0 },                        /* a jump */
		{ "\xe8\x01\0\0\0", 5, VMI_CALL_SetCR3, 0 },                      /* another call's number */
		{ "\x90\xe8\0\0\0\0", 6, VMI_CALL_SetCR3, 0 },
		{ "\xe8\0\0\0\0\x90", 6, VMI_CALL_SetCR3, 0 },
		{ "\xcd\x82\x90\x90\x90", 5, VMI_CALL_SetCR3, 0 },
		{ CALL0, 5, VMI_CALL_SetCR3, 1 },                                 /* the call is not there */
		{ "\x56\xe8\0\0\0\0\x8d\x64\x24\x04", 10, VMI_CALL_WriteGDTEntry, 2 },
		{ "\x54\xe8\0\0\0\0\x8d\x64\x24\x04", 10, VMI_CALL_WriteGDTEntry, 0 }, /* push esp */
		{ "\x56\xe8\0\0\0\0\x8d\x64\x24\x08", 10, VMI_CALL_WriteGDTEntry, 0 }, /* takes too much away */
		{ "\x56\xe8\0\0\0\0\x8d\x65\x24\x04", 10, VMI_CALL_WriteGDTEntry, 0 },
		{ "\x56\xe8\0\0\0\0\x83\xc4\x04\x90", 10, VMI_CALL_WriteGDTEntry, 0 }, /* add, which changes flags */
		{ "\x56\xe8\0\0\0\0", 6, VMI_CALL_WriteGDTEntry, 0 },             /* stays on the stack */
		{ "\xe8\0\0\0\0\x8d\x64\x24\x00", 9, VMI_CALL_SetCR3, 0 },        /* takes nothing off */
		{ CALL0, 5, VMI_CALL_WriteGDTEntry, 0 },                          /* an argument is missing */
		{ "\x56\x57\xe8\0\0\0\0\x8d\x64\x24\x08", 11, VMI_CALL_WriteGDTEntry, 0 }, /* one too many */
		{ "\x52\xe8\0\0\0\0\x8d\x64\x24\x04", 10, VMI_CALL_SetCR3, 0 },   /* not where the call has it */
		{ "\x6a", 1, VMI_CALL_SetCR3, 0 },
		{ "\x68\0\0\0", 4, VMI_CALL_SetCR3, 0 },
		{ "\x68\0\0\0\0", 5, VMI_CALL_SetCR3, 0 },                      /* no call */
		{ "\x6a\x01\xe8\0\0\0", 6, VMI_CALL_FlushTLB, 0 },
		{ "\x6a\x01\xe8\0\0\0\0\x8d\x64\x24", 10, VMI_CALL_FlushTLB, 0 }, /* cut */
		{ "\x50\x50\x50\x50\x50\x50\xe8\0\0\0\0\x8d\x64\x24\x18", 15, VMI_CALL_SetAlarm, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		clear(state);
		annotate(VMI_CALL_Halt, 64, 5, 0, 0, CALL0, 5);
		annotate(bad[i].call, 0, 20, 0, 32, bad[i].code, bad[i].length)[15] = (unsigned char)bad[i].call_offset;
		refused_at(VROM_TRANSLATION, 1, GUEST + TRANSLATIONS + 32);
		if (bad[i].length == 0)
			continue;
		/* Nor is anything behind it read. */
		clear(state);
		annotate(bad[i].call, 0, 20, 0, 32, bad[i].code, bad[i].length)[15] = (unsigned char)bad[i].call_offset;
		refused_at(VROM_TRANSLATION, 0, put_last(annotations, bad[i].code, bad[i].length));
	}
}

static void sizes_and_places(void **state)
{
	unsigned char *at;

	(void)state;
	at = annotate(VMI_CALL_SetCR3, 16, 8, 0, 0, CALL0, 5);
	assert_int_equal(convert(), VROM_OK);
	memset(&table, 0, sizeof table);
	at[12] = 4; /* smaller than what is to stand there */
	refused_at(VROM_SIZE, 0, GUEST + TEXT + 16);
	at[12] = 8;
	at[14]--;
	refused_at(VROM_SIZE, 0, GUEST + TEXT + 16);
	at[14] = 100; /* more nops than there is site */
	refused_at(VROM_SIZE, 0, GUEST + TEXT + 16);
	at[12] = at[13] = 8;
	at[14] = 9; /* one more would do */
	refused_at(VROM_SIZE, 0, GUEST + TEXT + 16);
	at[12] = 5;
	at[13] = 200;
	at[14] = (unsigned char)(200 - 5); /* as if it were negative */
	refused_at(VROM_SIZE, 0, GUEST + TEXT + 16);
	at[13] = 5;
	at[14] = 3; /* of which there are only two */
	arena[TEXT + 16 + 2] = 0xfb;
	refused_at(VROM_NATIVE, 0, GUEST + TEXT + 16);
	memcpy(arena + TEXT + 16 + 2, "\x66\x66\x66", 3); /* no end */
	refused_at(VROM_NATIVE, 0, GUEST + TEXT + 16);
	memcpy(arena + TEXT + 16 + 2, "\x66\x90\x90", 3);
	assert_int_equal(convert(), VROM_OK);
	memset(&table, 0, sizeof table);
	at[0] = VMI_CALL_COUNT;
	refused_at(VROM_CALL, 0, GUEST + TEXT + 16);
	at[0] = VMI_CALL_SetCR3;
	at[3] = 1;
	refused_at(VROM_CALL, 0, GUEST + TEXT + 16);
	at[3] = 0;
	all.text_end = all.text + 20;
	refused_at(VROM_OUTSIDE, 0, GUEST + TEXT + 16);
	all.text_end = all.text + 21;
	assert_int_equal(convert(), VROM_OK);
	memset(&table, 0, sizeof table);
	all.translations_end = all.translations + 4;
	refused_at(VROM_OUTSIDE, 0, GUEST + TEXT + 16);
	all.translations_end = all.translations + 5;
	all.translations += 1;
	refused_at(VROM_OUTSIDE, 0, GUEST + TEXT + 16);
}

/* Twelve bytes are the longest nop of those days. */
static void long_nops(void **state)
{
	unsigned char *at;

	(void)state;
	at = annotate(VMI_CALL_SetAlarm, 0, 20, 20, 0, "\x68\0\0\0\0\x6a\x01\x51\x52\x50\xe8\0\0\0\0\x8d\x64\x24\x14", 19);
	at[12] = 19;
	at[14] = 19;
	memset(arena + TEXT, 0x66, 19);
	arena[TEXT + 11] = arena[TEXT + 18] = 0x90;
	assert_int_equal(convert(), VROM_OK);
	arena[TEXT + 11] = 0x66;
	arena[TEXT + 12] = 0x90;
	memset(&table, 0, sizeof table);
	refused_at(VROM_NATIVE, 0, GUEST + TEXT);
}

static void memory_and_table(void **state)
{
	size_t least = 0;

	(void)state;
	assert_int_equal(convert(), VROM_OK);
	assert_int_equal(vrom_count(&table), 0);
	annotate(VMI_CALL_SetCR3, 16, 8, 0, 0, CALL0, 5);
	annotate(VMI_CALL_FlushTLB, 32, 11, 0, 8, "\x6a\x01\xe8\0\0\0\0\x8d\x64\x24\x04", 11);
	while (vrom_read_annotations(&all, converted, least, &table, &error) == VROM_MEMORY) {
		assert_true(error.index < 2);
		assert_true(least++ < sizeof converted);
	}
	assert_int_equal(least, 3 + 8 + 12 + 9 + 12);
	assert_int_equal(vrom_count(&table), 2);
	all.annotations_end -= 8;
	assert_int_equal(convert(), VROM_TABLE);
	all.annotations_end += 7;
	assert_int_equal(convert(), VROM_TABLE);
	all.annotations_end = all.annotations - 16;
	assert_int_equal(convert(), VROM_TABLE);
}

static void where_the_memory_is(void **state)
{
	unsigned char *far = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vrom_table none = { 0 };

	(void)state;
	assert_ptr_not_equal(far, MAP_FAILED);
	all.alias = 0x1000;
	annotate(VMI_CALL_SetCR3, 16, 8, 0, 0, CALL0, 5);
	for (unsigned i = 0; i < 4; i++) {
		uint32_t distance;

		assert_int_equal(vrom_read_annotations(&all, converted + i, sizeof converted - i, &table, &error), VROM_OK);
		assert_int_equal((uintptr_t)table.records % 4, 0);
		assert_true(table.records >= converted + i && table.native_end <= converted + sizeof converted);
		memcpy(&distance, table.records, sizeof distance);
		assert_ptr_equal(table.records + (int32_t)distance, arena + TEXT + 16);
		assert_ptr_equal(table.text, all.text);
		assert_ptr_equal(table.text_end, all.text_end);
		assert_int_equal(table.moved, all.moved);
		assert_int_equal(table.alias, all.alias);
	}
	/* A record has 32 bits for the distance. */
	assert_true(far > arena ? far - arena > INT32_MAX : arena - far > INT32_MAX);
	table = none;
	assert_int_equal(vrom_read_annotations(&all, far, 4096, &table, &error), VROM_OUTSIDE);
	assert_int_equal(error.index, 0);
	assert_int_equal(error.address, GUEST + TEXT + 16);
	assert_memory_equal(&table, &none, sizeof none);
	munmap(far, 4096);
}

/* What the patcher refuses in a table of ours it refuses here. */
static void the_patcher_checks_the_rest(void **state)
{
	(void)state;
	/* The fourth argument in a register that the first three use. */
	annotate(VMI_CALL_WriteGDTEntry, 0, 10, 0, 0, "\x50\xe8\0\0\0\0\x8d\x64\x24\x04", 10);
	assert_int_equal(convert(), VROM_OK);
	assert_int_equal(vrom_plan(&plan, &fake.host, &table, 1, memory, sizeof memory, &error), VROM_OPERANDS);
	clear(state);
	/* A port that is a constant, where EDX may not be changed. */
	annotate(VMI_CALL_INB, 0, 12, 0, 0, "\x6a\x20\xe8\0\0\0\0\x8d\x64\x24\x04", 11);
	assert_int_equal(convert(), VROM_OK);
	assert_int_equal(vrom_plan(&plan, &fake.host, &table, 1, memory, sizeof memory, &error), VROM_OPERANDS);
	clear(state);
	annotate(VMI_CALL_SetCR3, 0, 8, 0, 0, CALL0, 5);
	annotate(VMI_CALL_SetCR0, 7, 8, 0, 0, CALL0, 5);
	assert_int_equal(convert(), VROM_OK);
	assert_int_equal(vrom_plan(&plan, &fake.host, &table, 1, memory, sizeof memory, &error), VROM_OVERLAP);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ANNOTATION_TEST(a_call_with_registers), ANNOTATION_TEST(every_register_is_pushed),
		ANNOTATION_TEST(constants_of_all_arguments), ANNOTATION_TEST(other_translations_are_refused),
		ANNOTATION_TEST(sizes_and_places), ANNOTATION_TEST(long_nops), ANNOTATION_TEST(memory_and_table),
		ANNOTATION_TEST(where_the_memory_is),
		ANNOTATION_TEST(the_patcher_checks_the_rest),
	};

	return cmocka_run_group_tests_name("annotation", tests, NULL, NULL);
}
