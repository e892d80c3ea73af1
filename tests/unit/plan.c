/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The patcher on tables made by hand: what is chosen, and what is written. */
#include "fixture.h"

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
	kernel_site(&kernel, 16, VMI_CALL_SetPxE, "\xfa", 1, 5, VROM_STANDARD);
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
					  .holes = { { 12, VROM_HOLE_ROM } }, .code = "abcdefghijkl____mnopqrst" };

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
	assert_int_equal(load32(kernel.text + 44), (uint32_t)fake.host.rom + 0x5f5f5f5f);
	assert_memory_equal(kernel.text + 48, "mnopqrst\xcc", 9);
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
	kernel_usual_site(&kernel, 32, VMI_CALL_WriteGDTEntry);
	kernel_finish(&kernel);
	memcpy(window, kernel.text, sizeof window);
	kernel.table.alias = window - kernel.text;
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_true(kernel_untouched(&kernel));
	assert_int_equal(window[8], 0xe8);
	assert_memory_equal(window + 32, "\x56\xe8", 2);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(calls_end_the_site), TEST(stack_arguments_are_pushed),
		TEST(nothing_is_written_beside_a_site), TEST(every_kind_of_answer), TEST(each_call_is_asked_once),
		TEST(preview_is_what_is_written), TEST(a_template_goes_in_line),
		TEST(a_template_may_fill_its_site), TEST(several_tables_make_one_plan),
		TEST(text_may_be_written_elsewhere), TEST(the_guest_may_see_other_addresses),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
