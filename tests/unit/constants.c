/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Arguments that are constants: records of several lengths, the code that loads and pushes them, and sites that are alike. */
#include "fixture.h"

#define FOURTH(reg) (VMI_##reg << VROM_ARG4_SHIFT)
#define FIFTH(reg) (VMI_##reg << VROM_ARG5_SHIFT)

/* A site with so much room as it says, which becomes before, call or jump, after. */
struct example {
	unsigned call, operands;
	uint32_t constants[5];
	unsigned size;
	const char *before;
	unsigned before_size, opcode;
	const char *after;
};
#define BYTES(text) text, sizeof text - 1
static const struct example examples[] = {
	{ VMI_CALL_SetCR3, VROM_STANDARD + 0x01, { 0x11223344 }, 10, BYTES("\xb8\x44\x33\x22\x11"), 0xe8, "" },
	{ VMI_CALL_SetCR3, VROM_STANDARD + 0x01, { 0 }, 11, BYTES("\x90\xb8\0\0\0\0"), 0xe8, "" },
	{ VMI_CALL_SetDR, VROM_STANDARD + 0x01, { 7 }, 10, BYTES("\xb8\7\0\0\0"), 0xe8, "" },
	{ VMI_CALL_SetDR, VROM_STANDARD + 0x02, { -1 }, 10, BYTES("\xba\xff\xff\xff\xff"), 0xe8, "" },
	{ VMI_CALL_SetPxE, VROM_STANDARD + 0x04, { 0x80 }, 10, BYTES("\xb9\x80\0\0\0"), 0xe8, "" },
	{ VMI_CALL_SetPxE, VROM_STANDARD + 0x07, { 1, 2, 3 }, 20, BYTES("\xb9\3\0\0\0\xba\2\0\0\0\xb8\1\0\0\0"), 0xe8, "" },
	{ VMI_CALL_SetPxE, VROM_STANDARD + 0x05, { 1, 3 }, 16, BYTES("\x90\xb9\3\0\0\0\xb8\1\0\0\0"), 0xe8, "" },
	{ VMI_CALL_WRMSR, VROM_STANDARD + 0x07, { 1, 2, 3 }, 20, BYTES("\xba\3\0\0\0\xb8\2\0\0\0\xb9\1\0\0\0"), 0xe8, "" },
	/* Registers that are results of the call are free. */
	{ VMI_CALL_INSB, 0x05, { 1, 2 }, 15, BYTES("\xb9\2\0\0\0\xbf\1\0\0\0"), 0xe8, "" },
	{ VMI_CALL_OUTSB, 0x01, { 1 }, 10, BYTES("\xbe\1\0\0\0"), 0xe8, "" },
	{ VMI_CALL_OUTB, VROM_EDX + 0x02, { 0x3f8 }, 10, BYTES("\xba\xf8\3\0\0"), 0xe8, "" },
	{ VMI_CALL_CPUID, VROM_FLAGS + 0x03, { 4, 5 }, 15, BYTES("\xb9\5\0\0\0\xb8\4\0\0\0"), 0xe8, "" },
	/* On the stack. */
	{ VMI_CALL_SetPxELong, VROM_STANDARD + 0x08, { 127 }, 11, BYTES("\x6a\x7f"), 0xe8, "\x8d\x64\x24\4" },
	{ VMI_CALL_SetPxELong, VROM_STANDARD + 0x08, { 128 }, 14, BYTES("\x68\x80\0\0\0"), 0xe8, "\x8d\x64\x24\4" },
	{ VMI_CALL_SetPxELong, VROM_STANDARD + 0x08, { -128 }, 11, BYTES("\x6a\x80"), 0xe8, "\x8d\x64\x24\4" },
	{ VMI_CALL_SetPxELong, VROM_STANDARD + 0x08, { -129 }, 14, BYTES("\x68\x7f\xff\xff\xff"), 0xe8, "\x8d\x64\x24\4" },
	{ VMI_CALL_SetPxELong, VROM_STANDARD + 0x09, { 9, 8 }, 16, BYTES("\x6a\x08\xb8\x09\0\0\0"), 0xe8, "\x8d\x64\x24\4" },
	{ VMI_CALL_SetAlarm, VROM_STANDARD + 0x08 + FIFTH(EBX), { 5 }, 12, BYTES("\x53\x6a\x05"), 0xe8, "\x8d\x64\x24\x08" },
	{ VMI_CALL_SetAlarm, VROM_STANDARD + 0x10 + FOURTH(EBP), { 5 }, 12, BYTES("\x6a\x05\x55"), 0xe8, "\x8d\x64\x24\x08" },
	{ VMI_CALL_SetAlarm, VROM_STANDARD + 0x18, { 5, 0x100 }, 16, BYTES("\x68\0\1\0\0\x6a\x05"), 0xe8, "\x8d\x64\x24\x08" },
	{ VMI_CALL_SetAlarm, VROM_STANDARD + 0x1f, { 1, 2, 3, 4, 5 }, 28,
	  BYTES("\x6a\5\x6a\4\xb9\3\0\0\0\xba\2\0\0\0\xb8\1\0\0\0"), 0xe8, "\x8d\x64\x24\x08" },
	{ VMI_CALL_SetAlarm, VROM_STANDARD + 0x1f, { 1, 2, 3, 0x400, 0x500 }, 34,
	  BYTES("\x68\0\5\0\0\x68\0\4\0\0\xb9\3\0\0\0\xba\2\0\0\0\xb8\1\0\0\0"), 0xe8, "\x8d\x64\x24\x08" },
	/* A jump. */
	{ VMI_CALL_SYSEXIT, VROM_EDX + VROM_ECX + 0x03, { 0x10, 0x20 }, 15, BYTES("\xb9\x20\0\0\0\xba\x10\0\0\0"), 0xe9, "" },
	{ VMI_CALL_SYSEXIT, VROM_ECX + 0x02, { 0x20 }, 10, BYTES("\xb9\x20\0\0\0"), 0xe9, "" },
};
#define EXAMPLES (sizeof examples / sizeof *examples)

static void put(const struct example *example, unsigned size)
{
	kernel_site_with(&kernel, 64 * kernel.sites, example->call, "\xfa", 1, size, example->operands, example->constants);
	fake.types[VMI_CALL_SYSEXIT] = VMI_RELOCATION_JUMP_REL;
	kernel_finish(&kernel);
}

static void calls_load_and_push(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EXAMPLES; i++)
		put(&examples[i], examples[i].size);
	commits_as_previewed();
	assert_int_equal(plan.called + plan.jumped, EXAMPLES);
	for (unsigned i = 0; i < EXAMPLES; i++) {
		const struct example *example = &examples[i];
		const unsigned char *at = patched + 64 * i, *end = at + example->size;
		uintptr_t call_end;

		assert_memory_equal(at, example->before, example->before_size);
		at += example->before_size;
		assert_int_equal(*at, example->opcode);
		call_end = (uintptr_t)kernel.text + (at + 5 - patched);
		assert_int_equal(load32(at + 1) + (uint32_t)call_end, (uint32_t)fake.targets[example->call]);
		at += 5;
		assert_memory_equal(at, example->after, strlen(example->after));
		assert_ptr_equal(at + strlen(example->after), end);
		assert_int_equal(*end, 0xcc);
	}
	/* From code that has something behind the call nobody returns to the site's end. */
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_int_equal(vrom_revert_live(&plan, NULL, NULL), VROM_STATE);
}

static void the_room_must_be_there(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EXAMPLES; i++) {
		unsigned least = examples[i].size - (examples[i].before[0] == '\x90');

		start(state);
		put(&examples[0], 10);
		put(&examples[i], least);
		assert_int_equal(make_plan(), VROM_OK);
		start(state);
		put(&examples[0], 10);
		put(&examples[i], least - 1);
		refused(VROM_SIZE, 1);
	}
}

static void the_register_must_be_free(void **state)
{
	static const struct {
		unsigned call, good, bad;
	} cases[] = {
		{ VMI_CALL_SetCR3, VROM_STANDARD + 1, VROM_STANDARD - VROM_EAX + 1 },
		{ VMI_CALL_SetPxE, VROM_STANDARD + 2, VROM_STANDARD - VROM_EDX + 2 },
		{ VMI_CALL_SetPxE, VROM_STANDARD + 4, VROM_STANDARD - VROM_ECX + 4 },
		{ VMI_CALL_WRMSR, VROM_STANDARD + 1, VROM_STANDARD - VROM_ECX + 1 },
		{ VMI_CALL_OUTB, VROM_EDX + 2, 2 },
		{ VMI_CALL_OUTB, VROM_EDX + VROM_EAX + 3, VROM_EDX + 3 },
		{ VMI_CALL_SetInterruptMask, VROM_FLAGS + VROM_EAX + 1, VROM_FLAGS + 1 },
		{ VMI_CALL_INSB, 1, 2 }, /* EDI is a result, EDX is not */
		{ VMI_CALL_OUTSB, 4, 2 },
		{ VMI_CALL_GetDR, VROM_STANDARD - VROM_EAX + 1, VROM_STANDARD - VROM_EAX + 2 },
		/* Constants that the call does not have. */
		{ VMI_CALL_SetCR3, VROM_STANDARD, VROM_STANDARD + 2 },
		{ VMI_CALL_EnableInterrupts, VROM_STANDARD, VROM_STANDARD + 1 },
		{ VMI_CALL_SetPxE, VROM_STANDARD, VROM_STANDARD + 8 },
		{ VMI_CALL_SetPxELong, VROM_STANDARD + FOURTH(ESI), VROM_STANDARD + FOURTH(ESI) + 16 },
		/* A register for what is a constant; none for what is not. */
		{ VMI_CALL_SetPxELong, VROM_STANDARD + 8, VROM_STANDARD + 8 + FOURTH(ESI) },
		{ VMI_CALL_SetPxELong, VROM_STANDARD + FOURTH(EBX), VROM_STANDARD },
		{ VMI_CALL_SetAlarm, VROM_STANDARD + 16 + FOURTH(EBX), VROM_STANDARD + 16 + FOURTH(EBX) + FIFTH(EBX) },
		{ VMI_CALL_SetAlarm, VROM_STANDARD + 8 + FIFTH(EDI), VROM_STANDARD + 8 },
		{ VMI_CALL_SetAlarm, VROM_STANDARD + 24, VROM_STANDARD + 24 + FIFTH(ECX) },
	};
	static const uint32_t constants[5];

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
		for (unsigned bad = 0; bad < 2; bad++) {
			start(state);
			put(&examples[0], 10);
			kernel_site_with(&kernel, 64, cases[i].call, "", 0, 30, bad ? cases[i].bad : cases[i].good, constants);
			kernel_finish(&kernel);
			/* Its call would change more than this site leaves free. */
			if (cases[i].call == VMI_CALL_GetDR)
				fake.types[VMI_CALL_GetDR] = VMI_RELOCATION_NONE;
			if (!bad)
				assert_string_equal(vrom_strstatus(make_plan()), vrom_strstatus(VROM_OK));
			else
				refused(VROM_OPERANDS, 1);
		}
}

static void a_record_may_be_cut_anywhere(void **state)
{
	static const uint32_t constants[] = { 1, 2, 3, 4, 5 };
	static const unsigned operands[] = { 0x1f, 0x18, FOURTH(ESI) + FIFTH(EDI) };
	unsigned size;

	(void)state;
	for (unsigned i = 0; i < 12; i++)
		kernel_site_with(&kernel, 64 * i, VMI_CALL_SetAlarm, "\xfa", 1, 28, VROM_STANDARD + operands[i % 3], constants);
	kernel_finish(&kernel);
	assert_int_equal(vrom_count(&kernel.table), 12);
	commits_as_previewed();
	size = kernel.records_size;
	for (unsigned cut = 1; cut <= size; cut++) {
		unsigned whole = 0, index = 0;

		kernel.table.records_end = kernel.table.records + size - cut;
		while (index < 12 && whole + record_size(operands[index % 3]) <= size - cut)
			whole += record_size(operands[index++ % 3]);
		if (whole == size - cut || (size - cut) % 4) {
			refused(VROM_TABLE, VROM_NO_INDEX);
			if ((size - cut) % 4 == 0)
				assert_int_equal(vrom_count(&kernel.table), index);
			continue;
		}
		refused(VROM_TABLE, index);
		/* Where the constants are missing there is still a record; and none that is cut needs more memory. */
		assert_int_equal(vrom_count(&kernel.table), index + (size - cut - whole >= 8));
		assert_int_equal(vrom_plan(&plan, &fake.host, &kernel.table, 1, memory, VROM_PLAN_MEMORY(index), &error), VROM_TABLE);
		assert_int_equal(error.index, index);
		if (index) {
			assert_int_equal(vrom_plan(&plan, &fake.host, &kernel.table, 1, memory, VROM_PLAN_MEMORY(index) - 1, &error),
					 VROM_MEMORY);
			assert_int_equal(error.index, VROM_NO_INDEX);
		}
	}
	kernel.table.records_end = kernel.table.records;
	assert_int_equal(vrom_count(&kernel.table), 0);
}

/* In no order, and with records of different lengths; then each laid over others. */
static void a_shuffled_table(void **state)
{
	enum { SITES = 60 };
	static const uint32_t constants[] = { 1, 2, 3, 4, 5 };
	static const unsigned operands[] = { 0, 1, 3, 7, 6 };
	unsigned place[SITES];

	(void)state;
	shuffle(place, SITES, 7);
	for (unsigned i = 0; i < SITES; i++)
		kernel_site_with(&kernel, 64 + 20 * place[i], VMI_CALL_SetPxE, "", 0, 20,
				 VROM_STANDARD + operands[i % 5], constants);
	kernel_finish(&kernel);
	commits_as_previewed();
	for (unsigned i = 0; i < SITES; i++)
		for (unsigned j = i % 5; j < SITES; j += 5) {
			unsigned char *record = kernel_record(&kernel, i);
			int32_t good, laid_over;

			if (j == i)
				continue;
			memcpy(&good, record, 4);
			laid_over = good + 20 * ((int)place[j] - (int)place[i]);
			memcpy(record, &laid_over, 4);
			refused(VROM_OVERLAP, i > j ? i : j);
			assert_int_equal(error.other, i > j ? j : i);
			memcpy(record, &good, 4);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(calls_load_and_push), TEST(the_room_must_be_there), TEST(the_register_must_be_free),
		TEST(a_record_may_be_cut_anywhere), TEST(a_shuffled_table),
	};

	return cmocka_run_group_tests_name("constants", tests, NULL, NULL);
}
