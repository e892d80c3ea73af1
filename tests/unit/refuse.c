/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The patcher on tables made by hand: everything that it refuses. */
#include "fixture.h"

static void a_bad_record_is_refused(void **state)
{
	unsigned char good[8];

	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_usual_site(&kernel, 100, VMI_CALL_SetAlarm);
	kernel_usual_site(&kernel, 200, VMI_CALL_EnableInterrupts);
	kernel_finish(&kernel);
	assert_int_equal(make_plan(), VROM_OK);
	memcpy(good, kernel.records + 8, 8);

	kernel.records[8 + 4] = VMI_CALL_COUNT;
	refused(VROM_CALL, 1);
	kernel.records[8 + 4] = 255;
	refused(VROM_CALL, 1);
	assert_int_equal(error.call, 255);
	memcpy(kernel.records + 8, good, 8);

	kernel.records[8 + 5] = 10;
	refused(VROM_SIZE, 1);
	kernel.records[8 + 5] = 0;
	refused(VROM_SIZE, 1);
	kernel.records[8 + 5] = 12;
	refused(VROM_NATIVE, 1);
	memcpy(kernel.records + 8, good, 8);

	for (unsigned bit = 0; bit < 5; bit++) {
		/* A constant in place of a register needs more room. */
		kernel.records[8 + 6] ^= 1 << bit;
		refused(VROM_SIZE, 1);
		memcpy(kernel.records + 8, good, 8);
	}
	kernel.records[8 + 7] ^= 0x80;
	refused(VROM_OPERANDS, 1);
	memcpy(kernel.records + 8, good, 8);
	/* A stack argument in a register that another has, or in ESP; a register for a call that wants none. */
	kernel.records[8 + 6] = VMI_EAX << 5;
	refused(VROM_OPERANDS, 1);
	kernel.records[8 + 6] = VMI_ESP << 5;
	refused(VROM_OPERANDS, 1);
	memcpy(kernel.records + 8, good, 8);
	for (unsigned reg = 0; reg < 8; reg++) {
		static const unsigned free = 1 << VMI_EBX | 1 << VMI_EBP | 1 << VMI_ESI | 1 << VMI_EDI;
		uint16_t bits = VROM_STANDARD + (VMI_ESI << VROM_ARG4_SHIFT) + (reg << VROM_ARG5_SHIFT);

		memcpy(kernel.records + 8 + 6, &bits, 2);
		if (free >> reg & 1)
			assert_int_equal(make_plan(), VROM_OK);
		else
			refused(VROM_OPERANDS, 1);
	}
	memcpy(kernel.records + 8, good, 8);
	kernel.records[6] = VMI_ESI << 5;
	refused(VROM_OPERANDS, 0);
}

static void a_site_outside_the_text_is_refused(void **state)
{
	int32_t distance;

	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_usual_site(&kernel, 100, VMI_CALL_SetCR3);
	kernel_finish(&kernel);
	memcpy(&distance, kernel.records + 8, 4);
	for (int i = 0; i < 4; i++) {
		static const int32_t wrong[] = { -101, KERNEL_TEXT - 104, INT32_MIN, INT32_MAX };
		int32_t moved = i < 2 ? distance + wrong[i] : wrong[i];

		memcpy(kernel.records + 8, &moved, 4);
		refused(VROM_OUTSIDE, 1);
	}
	memcpy(kernel.records + 8, &distance, 4);
	kernel.table.text_end = kernel.text + 104;
	refused(VROM_OUTSIDE, 1);
	kernel.table.text_end = kernel.text + 105;
	assert_int_equal(make_plan(), VROM_OK);
}

static void a_changed_byte_is_refused(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_EnableInterrupts);
	kernel_usual_site(&kernel, 8, VMI_CALL_SetCR3);
	kernel_usual_site(&kernel, 13, VMI_CALL_SetAlarm);
	kernel_site(&kernel, 24, VMI_CALL_SetInterruptMask, "12345678", 8, 8, VROM_FLAGS);
	kernel_site(&kernel, 32, VMI_CALL_SetInterruptMask, "123456789", 9, 9, VROM_FLAGS);
	kernel_site(&kernel, 41, VMI_CALL_SetInterruptMask, "", 0, 20, VROM_FLAGS);
	kernel_finish(&kernel);
	assert_int_equal(make_plan(), VROM_OK);
	for (unsigned i = 0; i < 61; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			unsigned index = i < 8 ? 0 : i < 13 ? 1 : i < 24 ? 2 : i < 32 ? 3 : i < 41 ? 4 : 5;

			kernel.text[i] ^= 1 << bit;
			kernel.before[i] ^= 1 << bit;
			refused(VROM_NATIVE, index);
			kernel.text[i] ^= 1 << bit;
			kernel.before[i] ^= 1 << bit;
		}
	/* The last site of the text, where eight bytes cannot be read. */
	kernel.table.text_end = kernel.text + 61;
	assert_int_equal(make_plan(), VROM_OK);
}

static void overlap_is_found_in_any_order(void **state)
{
	unsigned char record[8];
	int32_t distance;

	(void)state;
	/* Not ascending, and sound. */
	kernel_usual_site(&kernel, 800, VMI_CALL_SetCR0);
	kernel_usual_site(&kernel, 100, VMI_CALL_SetCR3);
	kernel_usual_site(&kernel, 105, VMI_CALL_SetCR3);
	kernel_usual_site(&kernel, 400, VMI_CALL_EnableInterrupts);
	kernel_usual_site(&kernel, 300, VMI_CALL_EnableInterrupts);
	kernel_finish(&kernel);
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	assert_true(kernel_untouched(&kernel));
	/* The last one now names the site that the one before names. */
	memcpy(record, kernel.records + 32, 8);
	memcpy(&distance, record, 4);
	distance += 100;
	memcpy(kernel.records + 32, &distance, 4);
	refused(VROM_OVERLAP, 4);
	assert_int_equal(error.other, 3);
	assert_int_equal(error.address, (uintptr_t)kernel.text + 400);
	memcpy(kernel.records + 32, record, 8);
	assert_int_equal(make_plan(), VROM_OK);
	/* Half over each other: nops of 9 bytes hold those of no other length, but a native text may. */
	kernel_site(&kernel, 1000, VMI_CALL_SetCR3, "\xfa\xfa\xfa\xfa\xfa", 5, 5, VROM_STANDARD);
	kernel_site(&kernel, 1003, VMI_CALL_SetCR3, "\xfa\xfa\xfa\xfa\xfa", 5, 5, VROM_STANDARD);
	kernel_finish(&kernel);
	refused(VROM_OVERLAP, 6);
	assert_int_equal(error.other, 5);
}

/* A table in no order at all, sites side by side; then each site in turn is laid over each of some others. */
static void a_shuffled_table(void **state)
{
	enum { SITES = 60 };
	unsigned place[SITES];

	(void)state;
	shuffle(place, SITES, 1);
	for (unsigned i = 0; i < SITES; i++)
		kernel_usual_site(&kernel, 64 + 5 * place[i], VMI_CALL_SetCR3);
	kernel_finish(&kernel);
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	assert_true(kernel_untouched(&kernel));
	for (unsigned i = 0; i < SITES; i++)
		for (unsigned j = i % 7; j < SITES; j += 7) {
			unsigned char *record = kernel.records + 8 * i;
			int32_t good, laid_over;

			if (j == i)
				continue;
			memcpy(&good, record, 4);
			laid_over = good + 5 * ((int)place[j] - (int)place[i]);
			memcpy(record, &laid_over, 4);
			refused(VROM_OVERLAP, i > j ? i : j);
			assert_int_equal(error.other, i > j ? j : i);
			memcpy(record, &good, 4);
		}
}

static void answers_are_checked(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_usual_site(&kernel, 100, VMI_CALL_GetCR3);
	kernel_usual_site(&kernel, 200, VMI_CALL_IRET);
	kernel_finish(&kernel);
	assert_int_equal(make_plan(), VROM_OK);
	for (unsigned type = 4; type < 256; type++) {
		fake.types[VMI_CALL_GetCR3] = type;
		refused(VROM_ANSWER, 1);
	}
	fake.types[VMI_CALL_GetCR3] = VMI_RELOCATION_NOP; /* who would make its result? */
	refused(VROM_ANSWER, 1);
	fake.types[VMI_CALL_GetCR3] = VMI_RELOCATION_JUMP_REL;
	refused(VROM_RETURNS, 1);
	fake.types[VMI_CALL_GetCR3] = VMI_RELOCATION_CALL_REL;
	fake.targets[VMI_CALL_GetCR3] = fake.host.high;
	refused(VROM_REACH, 1);
	fake.targets[VMI_CALL_GetCR3] = fake.host.high - 1;
	assert_int_equal(make_plan(), VROM_OK);
	fake.targets[VMI_CALL_GetCR3] = fake.host.low;
	assert_int_equal(make_plan(), VROM_OK);
	fake.types[VMI_CALL_IRET] = VMI_RELOCATION_NONE;
	refused(VROM_REQUIRED, 2);
	fake.types[VMI_CALL_IRET] = VMI_RELOCATION_NOP;
	refused(VROM_REQUIRED, 2);
	fake.types[VMI_CALL_IRET] = VMI_RELOCATION_JUMP_REL;
	fake.targets[VMI_CALL_IRET] = fake.host.high;
	refused(VROM_REACH, 2);
	fake.targets[VMI_CALL_IRET] = fake.host.low - 1;
	refused(VROM_REACH, 2);
	fake.host.top = fake.host.low - 1;
	assert_int_equal(make_plan(), VROM_OK);
}

static void a_call_reaches_two_gigabytes(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_finish(&kernel);
	fake.host.low = 0;
	fake.host.high = UINTPTR_MAX;
	fake.targets[VMI_CALL_SetCR0] = (uintptr_t)kernel.text + 0x7ffff000;
	assert_int_equal(make_plan(), VROM_OK);
	fake.targets[VMI_CALL_SetCR0] = (uintptr_t)kernel.text + 0x80001000;
	refused(VROM_REACH, 0);
	fake.targets[VMI_CALL_SetCR0] = (uintptr_t)kernel.text - 0x80001000;
	refused(VROM_REACH, 0);
	/* In 32 bits everything can be reached. */
	fake.host.wide = 0;
	assert_int_equal(make_plan(), VROM_OK);
}

/* What was found for one site holds for its like only where the target is in reach of them too. */
static void reach_is_a_matter_of_the_place(void **state)
{
	static struct kernel module;
	struct vrom_table tables[2];

	(void)state;
	for (int far = 0; far < 2; far++) {
		kernel_start(&kernel);
		kernel_start(&module);
		for (unsigned i = 0; i < 4; i++) {
			kernel_usual_site(&kernel, 16 * i, VMI_CALL_SetCR3);
			kernel_usual_site(&module, 16 * i, VMI_CALL_SetCR3);
		}
		kernel_finish(&kernel);
		kernel_finish(&module);
		tables[0] = kernel.table;
		tables[1] = module.table;
		assert_int_equal(vrom_plan(&plan, &fake.host, tables, 2, memory, sizeof memory, &error), VROM_OK);
		/* The guest sees one of them 4 GiB further on, or back. */
		tables[far].moved = far ? 0x100000000 : -0x100000000;
		assert_int_equal(vrom_plan(&plan, &fake.host, tables, 2, memory, sizeof memory, &error), VROM_REACH);
		assert_int_equal(error.table, far);
		assert_int_equal(error.index, 0);
		tables[far].moved = 0;
	}
}

static void registers_in_use_are_kept(void **state)
{
	static const unsigned free[] = { VROM_STANDARD - VROM_EAX, VROM_STANDARD - VROM_ECX, VROM_STANDARD - VROM_EDX,
					 VROM_STANDARD - VROM_FLAGS, 0 };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		kernel_start(&kernel);
		kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
		kernel_site(&kernel, 16, VMI_CALL_SetCR3, "\xfa", 1, 5, free[i]);
		kernel_finish(&kernel);
		refused(VROM_CHANGES, 1);
		fake.types[VMI_CALL_SetCR3] = VMI_RELOCATION_NONE;
		assert_int_equal(make_plan(), VROM_OK);
		fake.types[VMI_CALL_SetCR3] = VMI_RELOCATION_CALL_REL;
	}
}

static void a_cut_table_is_refused(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_usual_site(&kernel, 16, VMI_CALL_SetCR3);
	kernel_finish(&kernel);
	kernel.table.records_end--;
	refused(VROM_TABLE, VROM_NO_INDEX);
	kernel.table.records_end -= 7; /* a record less: the seal has something left over */
	refused(VROM_TABLE, VROM_NO_INDEX);
	kernel_finish(&kernel);
	kernel.table.native_end--;
	refused(VROM_TABLE, 1);
	kernel.table.native_end--;
	refused(VROM_TABLE, 1);
	kernel_finish(&kernel);
	kernel.table.records_end = kernel.table.records - 8;
	refused(VROM_TABLE, VROM_NO_INDEX);
	kernel_finish(&kernel);
	kernel.native[0] = 200;
	refused(VROM_TABLE, 0);
	kernel.native[0] = 3; /* reaches into what the next site has */
	refused(VROM_NATIVE, 0);
}

static void little_memory_is_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		kernel_usual_site(&kernel, 1000 - 16 * i, VMI_CALL_SetCR0);
	kernel_finish(&kernel);
	for (unsigned shift = 0; shift < 8; shift++) {
		unsigned char *tight = malloc(VROM_PLAN_MEMORY(10) + shift);

		/* ASan watches the ends. */
		assert_int_equal(vrom_plan(&plan, &fake.host, &kernel.table, 1, tight + shift, VROM_PLAN_MEMORY(10),
					   &error),
				 VROM_OK);
		assert_int_equal(vrom_plan(&plan, &fake.host, &kernel.table, 1, tight + shift,
					   VROM_PLAN_MEMORY(10) - 1, &error),
				 VROM_MEMORY);
		free(tight);
	}
}

static void a_damaged_template_is_refused(void **state)
{
	struct vrom_template template = { .call = VMI_CALL_EnableInterrupts, .length = 1 };

	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_DisableInterrupts);
	kernel_usual_site(&kernel, 16, VMI_CALL_EnableInterrupts);
	kernel_finish(&kernel);
	fake.host.templates = &template;
	fake.host.template_count = 1;
	assert_int_equal(make_plan(), VROM_OK);
	template.length = 0; /* nothing to do: that is sound */
	assert_int_equal(make_plan(), VROM_OK);
	template.length = VROM_TEMPLATE_CODE + 1;
	refused(VROM_TEMPLATE, 1);
	template.length = 5;
	template.changes = 1;
	refused(VROM_TEMPLATE, 1);
	template.changes = 0;
	template.holes[1].what = VROM_HOLE_KINDS;
	refused(VROM_TEMPLATE, 1);
	template.holes[1].what = VROM_HOLE_ROM;
	template.holes[1].offset = 2;
	refused(VROM_TEMPLATE, 1);
	template.holes[1].offset = 1;
	assert_int_equal(make_plan(), VROM_OK);
	/* One for a call that has no site is nobody's business. */
	template.call = VMI_CALL_Halt;
	template.length = VROM_TEMPLATE_CODE + 1;
	assert_int_equal(make_plan(), VROM_OK);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_bad_record_is_refused), TEST(a_site_outside_the_text_is_refused),
		TEST(a_changed_byte_is_refused), TEST(overlap_is_found_in_any_order), TEST(a_shuffled_table), TEST(answers_are_checked),
		TEST(a_call_reaches_two_gigabytes), TEST(reach_is_a_matter_of_the_place), TEST(registers_in_use_are_kept), TEST(a_cut_table_is_refused),
		TEST(little_memory_is_refused), TEST(a_damaged_template_is_refused),
	};

	return cmocka_run_group_tests_name("refuse", tests, NULL, NULL);
}
