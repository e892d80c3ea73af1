/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The patcher on tables made by hand: each choice, each refusal, each order of steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel.h"

static struct kernel kernel;
static struct fake_host fake;
static struct vrom_plan plan;
static struct vrom_error error;
static unsigned char memory[VROM_PLAN_MEMORY(KERNEL_SITES)];

/* Near the text, so that a call reaches it. */
static uintptr_t near_text(void)
{
	return (uintptr_t)kernel.text + 0x100000;
}

static int start(void **state)
{
	(void)state;
	kernel_start(&kernel);
	fake_host_start(&fake, near_text());
	memset(&error, 0xee, sizeof error);
	return 0;
}

static enum vrom_status make_plan(void)
{
	return vrom_plan(&plan, &fake.host, &kernel.table, 1, memory, sizeof memory, &error);
}

static void refused(enum vrom_status status, unsigned index)
{
	assert_string_equal(vrom_strstatus(make_plan()), vrom_strstatus(status));
	assert_int_equal(error.status, status);
	assert_int_equal(error.reason, status);
	assert_int_equal(error.index, index);
	assert_int_equal(plan.sites + plan.kept + plan.called + plan.jumped + plan.erased + plan.inlined, 0);
	assert_false(vrom_trapped(&plan, (uintptr_t)kernel.text + 1));
	assert_false(vrom_inside(&plan, (uintptr_t)kernel.text + 1));
	assert_true(kernel_untouched(&kernel));
	assert_int_equal(vrom_commit(&plan), VROM_STATE);
	assert_int_equal(vrom_revert(&plan), VROM_STATE);
	assert_true(kernel_untouched(&kernel));
}

static uint32_t load32(const unsigned char *from)
{
	uint32_t value;

	memcpy(&value, from, 4);
	return value;
}

static void calls_end_the_site(void **state)
{
	unsigned char nops[8];

	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_EnableInterrupts);
	kernel_usual_site(&kernel, 100, VMI_CALL_SetCR3);
	kernel_site(&kernel, 200, VMI_CALL_SetCR3, "\x0f\x22\xd8", 3, 30, VROM_STANDARD);
	kernel_finish(&kernel);
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(plan.sites, 3);
	assert_int_equal(plan.called, 3);
	assert_true(kernel_untouched(&kernel));
	assert_int_equal(vrom_commit(&plan), VROM_OK);

	assert_memory_equal(kernel.text, "\x0f\x1f\x00\xe8", 4);
	assert_int_equal(load32(kernel.text + 4),
			 (uint32_t)(fake.targets[VMI_CALL_EnableInterrupts] - (uintptr_t)kernel.text - 8));
	assert_int_equal(kernel.text[8], 0xcc);
	assert_int_equal(kernel.text[100], 0xe8);
	assert_int_equal(load32(kernel.text + 101),
			 (uint32_t)(fake.targets[VMI_CALL_SetCR3] - (uintptr_t)kernel.text - 105));
	expected_nops(nops, 7);
	assert_memory_equal(kernel.text + 200 + 18, nops, 7);
	assert_int_equal(kernel.text[225], 0xe8);
	assert_int_equal(kernel.text[230], 0xcc);

	assert_int_equal(vrom_commit(&plan), VROM_STATE);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	assert_true(kernel_untouched(&kernel));
	assert_int_equal(vrom_revert(&plan), VROM_STATE);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_false(kernel_untouched(&kernel));
}

static void stack_arguments_are_pushed(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_WriteGDTEntry);
	kernel_usual_site(&kernel, 64, VMI_CALL_SetAlarm);
	kernel_site(&kernel, 128, VMI_CALL_SetPxELong, "", 0, 12,
		    VROM_STANDARD + (VMI_EBP << VROM_ARG4_SHIFT));
	kernel_finish(&kernel);
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	/* push esi; call; lea 4(esp), esp */
	assert_memory_equal(kernel.text, "\x56\xe8", 2);
	assert_int_equal(load32(kernel.text + 2),
			 (uint32_t)(fake.targets[VMI_CALL_WriteGDTEntry] - (uintptr_t)kernel.text - 6));
	assert_memory_equal(kernel.text + 6, "\x8d\x64\x24\x04\xcc", 5);
	/* push edi; push esi; call; lea 8(esp), esp */
	assert_memory_equal(kernel.text + 64, "\x57\x56\xe8", 3);
	assert_memory_equal(kernel.text + 71, "\x8d\x64\x24\x08\xcc", 5);
	assert_memory_equal(kernel.text + 128, "\x66\x90\x55\xe8", 4);
	/* A return from such a call does not end at the site's end. */
	assert_int_equal(vrom_revert_live(&plan, NULL, NULL), VROM_STATE);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	assert_true(kernel_untouched(&kernel));
}

/* A call that only registers go to; a site that its native code fills; and the bytes around them. */
static void nothing_is_written_beside_a_site(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 16, VMI_CALL_SetPxE);
	kernel_site(&kernel, 64, VMI_CALL_SetInterruptMask, "12345678", 8, 8, VROM_FLAGS);
	kernel_site(&kernel, 96, VMI_CALL_SetPxE, "123456789", 9, 9, VROM_STANDARD);
	kernel_finish(&kernel);
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_memory_equal(kernel.text + 15, "\xcc\xe8", 2);
	assert_int_equal(kernel.text[21], 0xcc);
	assert_memory_equal(kernel.text + 95, "\xcc\x0f\x1f\x40\x00\xe8", 6);
	assert_int_equal(kernel.text[105], 0xcc);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	assert_true(kernel_untouched(&kernel));
}

static void every_kind_of_answer(void **state)
{
	unsigned char nops[8];

	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_EnableInterrupts);
	kernel_usual_site(&kernel, 16, VMI_CALL_IRET);
	kernel_usual_site(&kernel, 32, VMI_CALL_IODelay);
	kernel_usual_site(&kernel, 48, VMI_CALL_SetCR3);
	kernel_finish(&kernel);
	fake.types[VMI_CALL_EnableInterrupts] = VMI_RELOCATION_NONE;
	fake.types[VMI_CALL_IRET] = VMI_RELOCATION_JUMP_REL;
	fake.types[VMI_CALL_IODelay] = VMI_RELOCATION_NOP;
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(plan.kept, 1);
	assert_int_equal(plan.jumped, 1);
	assert_int_equal(plan.erased, 1);
	assert_int_equal(plan.called, 1);
	assert_int_equal(vrom_choice(&plan, 0), VROM_KEEP);
	assert_int_equal(vrom_choice(&plan, 1), VROM_JUMPED);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_memory_equal(kernel.text, kernel.before, 16);
	assert_int_equal(kernel.text[16], 0xe9);
	expected_nops(nops, 5);
	assert_memory_equal(kernel.text + 32, nops, 5);
	assert_int_equal(kernel.text[48], 0xe8);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	assert_true(kernel_untouched(&kernel));
}

static void each_call_is_asked_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		kernel_usual_site(&kernel, 16 * i, i % 3 ? VMI_CALL_EnableInterrupts : VMI_CALL_DisableInterrupts);
	kernel_finish(&kernel);
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(fake.asked[VMI_CALL_EnableInterrupts], 1);
	assert_int_equal(fake.asked[VMI_CALL_DisableInterrupts], 1);
	assert_int_equal(fake.asked[VMI_CALL_SetCR3], 0);
}

static void preview_is_what_is_written(void **state)
{
	unsigned char bytes[255];
	static const uint8_t sites[] = { VMI_CALL_EnableInterrupts, VMI_CALL_SetAlarm, VMI_CALL_IRET,
					 VMI_CALL_SetPxE, VMI_CALL_IODelay };

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		kernel_usual_site(&kernel, 32 * i, sites[i]);
	kernel_finish(&kernel);
	fake.types[VMI_CALL_IODelay] = VMI_RELOCATION_NOP;
	fake.types[VMI_CALL_SetPxE] = VMI_RELOCATION_NONE;
	assert_int_equal(make_plan(), VROM_OK);
	vrom_preview(&plan, 0, 0, bytes);
	assert_true(kernel_untouched(&kernel));
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	for (unsigned i = 0; i < 5; i++) {
		unsigned size = vrom_preview(&plan, 0, i, bytes);

		assert_memory_equal(bytes, kernel.text + 32 * i, size);
	}
}

/* ---- Templates ---- */

static void a_template_goes_in_line(void **state)
{
	static const struct vrom_template templates[] = {
		/* Too long for the site, changes too much, then one that fits. */
		{ .call = VMI_CALL_SetCR3, .length = 9, .code = "\x90\x90\x90\x90\x90\x90\x90\x90\x90" },
		{ .call = VMI_CALL_EnableInterrupts, .length = 1, .changes = VROM_EAX, .code = "\x90" },
		{ .call = VMI_CALL_EnableInterrupts, .length = 7, .changes = VROM_FLAGS,
		  .holes = { { 2, VROM_HOLE_ROM } }, .code = "\xff\x05\x78\x56\x34\x12\xfb" },
	};
	uint32_t expected;

	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_EnableInterrupts);
	kernel_usual_site(&kernel, 16, VMI_CALL_SetCR3);
	kernel_finish(&kernel);
	fake.host.templates = templates;
	fake.host.template_count = 3;
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(plan.inlined, 1);
	assert_int_equal(plan.called, 1);
	assert_int_equal(vrom_choice(&plan, 0), VROM_INLINE + 2);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	expected = 0x12345678 + (uint32_t)fake.host.rom;
	assert_memory_equal(kernel.text, "\xff\x05", 2);
	assert_int_equal(load32(kernel.text + 2), expected);
	assert_memory_equal(kernel.text + 6, "\xfb\x90\xcc", 3);
	assert_int_equal(kernel.text[16], 0xe8);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	assert_true(kernel_untouched(&kernel));
}

static void a_template_may_fill_its_site(void **state)
{
	struct vrom_template template = { .call = VMI_CALL_SetInterruptMask, .length = VROM_TEMPLATE_CODE,
					  .holes = { { 12, VROM_HOLE_ROM } }, .code = "abcdefghijkl" };

	(void)state;
	kernel_site(&kernel, 32, VMI_CALL_SetInterruptMask, "1", 1, VROM_TEMPLATE_CODE, VROM_FLAGS);
	kernel_site(&kernel, 64, VMI_CALL_SetInterruptMask, "1", 1, VROM_TEMPLATE_CODE - 1, VROM_FLAGS);
	kernel_finish(&kernel);
	fake.host.templates = &template;
	fake.host.template_count = 1;
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(vrom_choice(&plan, 0), VROM_INLINE);
	assert_int_equal(vrom_choice(&plan, 1), VROM_CALLED);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_memory_equal(kernel.text + 31, "\xcc" "abcdefghijkl", 13);
	assert_int_equal(load32(kernel.text + 44), (uint32_t)fake.host.rom);
	assert_int_equal(kernel.text[48], 0xcc);
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
	template.length = 0;
	refused(VROM_TEMPLATE, 1);
	template.length = VROM_TEMPLATE_CODE + 1;
	refused(VROM_TEMPLATE, 1);
	template.length = 5;
	template.changes = 1;
	refused(VROM_TEMPLATE, 1);
	template.changes = 0;
	template.holes[1].kind = 2;
	refused(VROM_TEMPLATE, 1);
	template.holes[1].kind = VROM_HOLE_ROM;
	template.holes[1].offset = 2;
	refused(VROM_TEMPLATE, 1);
	template.holes[1].offset = 1;
	assert_int_equal(make_plan(), VROM_OK);
	/* One for a call that has no site is nobody's business. */
	template.call = VMI_CALL_Halt;
	template.length = 0;
	assert_int_equal(make_plan(), VROM_OK);
}

/* ---- Refusals ---- */

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
		kernel.records[8 + 6] ^= 1 << bit;
		refused(VROM_OPERANDS, 1);
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

/* ---- Several tables, aliases, other addresses ---- */

static void several_tables_make_one_plan(void **state)
{
	static struct kernel module;
	struct vrom_table tables[2];

	(void)state;
	kernel_start(&module);
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_usual_site(&kernel, 16, VMI_CALL_EnableInterrupts);
	kernel_finish(&kernel);
	kernel_usual_site(&module, 0, VMI_CALL_SetCR3);
	kernel_usual_site(&module, 16, VMI_CALL_SetCR3);
	kernel_finish(&module);
	tables[0] = kernel.table;
	tables[1] = module.table;
	assert_int_equal(vrom_plan(&plan, &fake.host, tables, 2, memory, sizeof memory, &error), VROM_OK);
	assert_int_equal(plan.sites, 4);
	module.text[16] ^= 1;
	assert_int_equal(vrom_plan(&plan, &fake.host, tables, 2, memory, sizeof memory, &error), VROM_NATIVE);
	assert_int_equal(error.table, 1);
	assert_int_equal(error.index, 1);
	module.text[16] ^= 1;
	assert_true(kernel_untouched(&kernel) && kernel_untouched(&module));
	/* The same table twice: every site overlaps itself. */
	tables[1] = tables[0];
	assert_int_equal(vrom_plan(&plan, &fake.host, tables, 2, memory, sizeof memory, &error), VROM_OVERLAP);
	assert_int_equal(error.table, 1);
	assert_true(kernel_untouched(&kernel));
	assert_int_equal(vrom_plan(&plan, &fake.host, tables, 0, memory, sizeof memory, &error), VROM_OK);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
}

static void text_may_be_written_elsewhere(void **state)
{
	static unsigned char window[KERNEL_TEXT];

	(void)state;
	kernel_usual_site(&kernel, 8, VMI_CALL_SetCR0);
	kernel_finish(&kernel);
	memcpy(window, kernel.text, sizeof window);
	kernel.table.alias = window - kernel.text;
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_true(kernel_untouched(&kernel));
	assert_int_equal(window[8], 0xe8);
	assert_int_equal(load32(window + 9),
			 (uint32_t)(fake.targets[VMI_CALL_SetCR0] - (uintptr_t)kernel.text - 13));
}

static void the_guest_may_see_other_addresses(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 8, VMI_CALL_SetCR0);
	kernel_usual_site(&kernel, 16, VMI_CALL_EnableInterrupts);
	kernel_finish(&kernel);
	fake_host_start(&fake, 0xc00d0000);
	kernel.table.moved = (ptrdiff_t)0xc0100000 - (ptrdiff_t)kernel.text;
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_int_equal(load32(kernel.text + 9), 0xc00d0000 + 16 * VMI_CALL_SetCR0 - 0xc010000d);
	assert_int_equal(load32(kernel.text + 20), 0xc00d0000 + 16 * VMI_CALL_EnableInterrupts - 0xc0100018);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	kernel.text[16] ^= 1;
	kernel.before[16] ^= 1;
	refused(VROM_NATIVE, 1);
	assert_int_equal(error.address, 0xc0100010);
}

/* ---- The order of steps ---- */

static enum vrom_status attach(void)
{
	return vrom_attach_host(&plan, &fake.host, &kernel.table, 1, memory, sizeof memory, &error);
}

static void a_refusal_comes_before_init(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_usual_site(&kernel, 16, VMI_CALL_IRET);
	kernel_finish(&kernel);
	fake.types[VMI_CALL_IRET] = VMI_RELOCATION_NONE;
	assert_int_equal(attach(), VROM_REQUIRED);
	assert_int_equal(fake.entered, 0);
	assert_true(kernel_untouched(&kernel));
	fake.types[VMI_CALL_IRET] = VMI_RELOCATION_CALL_REL;
	assert_int_equal(attach(), VROM_OK);
	assert_int_equal(fake.entered, 1);
	assert_false(kernel_untouched(&kernel));
}

static void init_may_refuse(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_finish(&kernel);
	fake.refuse = -1;
	for (int early = 0; early < 2; early++) {
		fake.host.answers_early = early;
		assert_int_equal(attach(), VROM_REFUSED);
		assert_int_equal(error.status, VROM_REFUSED);
		assert_true(kernel_untouched(&kernel));
		assert_int_equal(vrom_commit(&plan), VROM_STATE);
	}
}

static void a_host_without_the_promise(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_usual_site(&kernel, 16, VMI_CALL_SetCR3);
	kernel_finish(&kernel);
	fake.host.answers_early = 0;

	/* What needs no answer is found before Init. */
	kernel.text[16] ^= 1;
	kernel.before[16] ^= 1;
	assert_int_equal(attach(), VROM_NATIVE);
	assert_int_equal(fake.entered, 0);
	kernel.text[16] ^= 1;
	kernel.before[16] ^= 1;

	assert_int_equal(attach(), VROM_OK);
	assert_int_equal(fake.entered, 1);
	assert_int_equal(vrom_revert(&plan), VROM_OK);

	/* The rest after it, and then the guest must stop. */
	fake.late = true;
	fake.late_call = VMI_CALL_SetCR3;
	fake.late_type = 77;
	assert_int_equal(attach(), VROM_STRANDED);
	assert_int_equal(error.status, VROM_STRANDED);
	assert_int_equal(error.reason, VROM_ANSWER);
	assert_int_equal(error.index, 1);
	assert_int_equal(fake.entered, 2);
	assert_true(kernel_untouched(&kernel));
	assert_int_equal(vrom_commit(&plan), VROM_STATE);
}

static void a_plan_without_host_commits_nothing(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_finish(&kernel);
	assert_int_equal(vrom_plan(&plan, NULL, &kernel.table, 1, memory, sizeof memory, NULL), VROM_OK);
	assert_int_equal(plan.sites, 1);
	assert_int_equal(vrom_commit(&plan), VROM_STATE);
	assert_int_equal(vrom_commit_live(&plan, NULL, NULL), VROM_STATE);
	assert_int_equal(vrom_revert_live(&plan, NULL, NULL), VROM_STATE);
	assert_true(kernel_untouched(&kernel));
}

static void every_status_has_a_sentence(void **state)
{
	(void)state;
	for (int i = 0; i < VROM_STATUS_COUNT; i++)
		assert_true(strlen(vrom_strstatus(i)) > 5);
	assert_non_null(vrom_strstatus(VROM_STATUS_COUNT));
	assert_non_null(vrom_strstatus((enum vrom_status)-1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, start)
	static const struct CMUnitTest tests[] = {
		TEST(calls_end_the_site), TEST(nothing_is_written_beside_a_site), TEST(a_template_may_fill_its_site),
		TEST(stack_arguments_are_pushed), TEST(every_kind_of_answer),
		TEST(each_call_is_asked_once), TEST(preview_is_what_is_written), TEST(a_template_goes_in_line),
		TEST(a_damaged_template_is_refused), TEST(a_bad_record_is_refused),
		TEST(a_site_outside_the_text_is_refused), TEST(a_changed_byte_is_refused),
		TEST(overlap_is_found_in_any_order), TEST(answers_are_checked), TEST(a_call_reaches_two_gigabytes),
		TEST(registers_in_use_are_kept), TEST(a_cut_table_is_refused), TEST(little_memory_is_refused),
		TEST(several_tables_make_one_plan), TEST(text_may_be_written_elsewhere),
		TEST(the_guest_may_see_other_addresses), TEST(a_refusal_comes_before_init), TEST(init_may_refuse),
		TEST(a_host_without_the_promise), TEST(a_plan_without_host_commits_nothing),
		TEST(every_status_has_a_sentence),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
