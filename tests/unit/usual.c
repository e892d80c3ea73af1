/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Many sites that are alike, or nearly: the patcher takes a short way for them, and they must come out as by the long
 * one, which vrom_preview goes.
 */
#include "fixture.h"

#define FOURTH(reg) (VMI_##reg << VROM_ARG4_SHIFT)
#define FIFTH(reg) (VMI_##reg << VROM_ARG5_SHIFT)

/* Calls of each number of arguments, and what their sites become. */
static const struct kind {
	unsigned call, operands, least, type;
	uint32_t constants[5];
} kinds[] = {
	{ VMI_CALL_EnableInterrupts, VROM_FLAGS, 5, VMI_RELOCATION_CALL_REL, { 0 } },
	{ VMI_CALL_SetCR3, VROM_STANDARD, 5, VMI_RELOCATION_NONE, { 0 } },
	{ VMI_CALL_IODelay, VROM_STANDARD, 5, VMI_RELOCATION_NOP, { 0 } },
	{ VMI_CALL_DisableInterrupts, VROM_FLAGS, 5, VMI_RELOCATION_CALL_REL, { 0 } },
	{ VMI_CALL_INSB, 0, 5, VMI_RELOCATION_CALL_REL, { 0 } },
	{ VMI_CALL_IRET, 0, 5, VMI_RELOCATION_JUMP_REL, { 0 } },
	{ VMI_CALL_SYSEXIT, VROM_ECX + 2, 10, VMI_RELOCATION_JUMP_REL, { 0x77 } },
	{ VMI_CALL_FlushTLB, VROM_STANDARD + 1, 10, VMI_RELOCATION_CALL_REL, { 2 } },
	{ VMI_CALL_SetDR, VROM_STANDARD + 3, 15, VMI_RELOCATION_CALL_REL, { 7, 0x400 } },
	{ VMI_CALL_SetPxELong, VROM_STANDARD + FOURTH(ESI), 10, VMI_RELOCATION_CALL_REL, { 0 } },
	{ VMI_CALL_SetPxELong, VROM_STANDARD + 8, 11, VMI_RELOCATION_CALL_REL, { 3 } },
	{ VMI_CALL_SetAlarm, VROM_STANDARD + FOURTH(EBX) + FIFTH(EBP), 11, VMI_RELOCATION_CALL_REL, { 0 } },
	{ VMI_CALL_SetAlarm, VROM_STANDARD + 0x19, 18, VMI_RELOCATION_CALL_REL, { 5, 6, 7 } },
	{ VMI_CALL_SetAlarm, VROM_STANDARD + 0x1e + FOURTH(EAX), 23, VMI_RELOCATION_NOP, { 1, 2, 3, 4 } },
};
#define KINDS (sizeof kinds / sizeof *kinds)

static const char native[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* Of so many, the last do not go the short way: there is nothing behind their records that may be read. */
#define MANY 14

/* MANY sites of one kind, 5 bytes apart; their places. Nothing lies behind the last one. */
static void many(const struct kind *kind, unsigned native_size, unsigned size, unsigned *places)
{
	unsigned at = 7;

	start(NULL);
	fake.types[kind->call] = kind->type;
	for (unsigned i = 0; i < MANY; i++, at += size + 5)
		kernel_site_with(&kernel, places[i] = at, kind->call, native, native_size, size, kind->operands,
				 kind->constants);
	kernel_finish(&kernel);
	kernel.table.text_end = kernel.text + at - 5;
}

static void every_size(void **state)
{
	unsigned places[MANY];

	(void)state;
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned size = kinds[k].least; size <= 40; size++)
			for (unsigned native_size = 0; native_size <= 20 && native_size <= size; native_size++) {
				many(&kinds[k], native_size, size, places);
				commits_as_previewed();
			}
}

static void every_size_in_line(void **state)
{
	struct vrom_template templates[] = {
		{ .call = VMI_CALL_FlushTLB, .changes = VROM_FLAGS, .code = "abcdefghijklmnopqrstuvwx" },
		{ .call = VMI_CALL_SetAlarm, .changes = VROM_FLAGS, .code = "abcdefghijklmnopqrstuvwx",
		  .holes = { { 0, VROM_HOLE_ROM } } },
		{ .call = VMI_CALL_EnableInterrupts, .code = "abcdefghijklmnopqrstuvwx", .holes = { { 0, VROM_HOLE_REL } } },
		/* A distance with another hole over it, which does not carry. */
		{ .call = VMI_CALL_DisableInterrupts, .code = "\xff\xff\xff\xff____________________",
		  .holes = { { 0, VROM_HOLE_REL }, { 0, VROM_HOLE_ROM } } },
		{ .call = VMI_CALL_INSB, .code = "\x01\x02\x03\x04____________________",
		  .holes = { { 0, VROM_HOLE_REL }, { 0, 0x16 } } },
		/* Two distances: the second one at the end. */
		{ .call = VMI_CALL_SetCR3, .code = "abcdefghijklmnopqrstuvwx",
		  .holes = { { 0, VROM_HOLE_REL }, [3] = { 0, VROM_HOLE_REL } } },
	};
	unsigned places[MANY];

	(void)state;
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned size = kinds[k].least; size <= 40; size++)
			for (unsigned length = 4; length <= VROM_TEMPLATE_CODE; length++) {
				many(&kinds[k], size / 2, size, places);
				for (unsigned i = 0; i < 6; i++)
					templates[i].length = length;
				templates[5].holes[3].offset = length - 4;
				fake.host.templates = templates;
				fake.host.template_count = 6;
				commits_as_previewed();
			}
}

/* One bit wrong in one of them: in the text, in the seal. */
static void every_bit_counts(void **state)
{
	unsigned places[MANY];

	(void)state;
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned size = kinds[k].least; size <= 34; size++)
			for (unsigned n = 0; n < 5; n++) {
				unsigned native_size = (const unsigned[]){ 0, 1, 4, size / 2, size < 24 ? size : 24 }[n];
				unsigned bad = 1 + (size + n) % 8;

				many(&kinds[k], native_size, size, places);
				assert_int_equal(make_plan(), VROM_OK);
				for (unsigned bit = 0; bit < 8 * size; bit++) {
					kernel.text[places[bad] + bit / 8] ^= 1 << bit % 8;
					assert_int_equal(make_plan(), VROM_NATIVE);
					assert_int_equal(error.index, bad);
					kernel.text[places[bad] + bit / 8] ^= 1 << bit % 8;
				}
				for (unsigned bit = 0; bit < 8 * native_size; bit++) {
					unsigned char *seal = kernel.native + bad * (1 + native_size) + 1 + bit / 8;

					*seal ^= 1 << bit % 8;
					assert_int_equal(make_plan(), VROM_NATIVE);
					assert_int_equal(error.index, bad);
					*seal ^= 1 << bit % 8;
				}
				assert_int_equal(make_plan(), VROM_OK);
			}
}

/* The text is like that of the others, but the seal has more, or less, than theirs. */
static void the_seal_may_differ(void **state)
{
	(void)state;
	for (unsigned size = 5; size <= 20; size++)
		for (unsigned n = 0; n < 3; n++) {
			const char *seal = &"\xfa\x01\0\xfa\xfb\0\xfa"[3 * n];
			unsigned native_size = (const unsigned[]){ 2, 2, 0 }[n];

			start(NULL);
			for (unsigned i = 0; i < 40; i++)
				kernel_site(&kernel, 30 * i, VMI_CALL_SetCR3, i == 13 ? seal : "\xfa", i == 13 ? native_size : 1,
					    size, VROM_STANDARD);
			memcpy(kernel.text + 30 * 13, kernel.text, size);
			kernel_finish(&kernel);
			refused(VROM_NATIVE, 13);
		}
	/* A part of the padding may as well be in the seal. */
	start(NULL);
	for (unsigned i = 0; i < 40; i++)
		kernel_site(&kernel, 30 * i, VMI_CALL_SetCR3, "\xfa\x66", 1 + i % 3 % 2, 8 - i % 2, VROM_STANDARD);
	kernel_finish(&kernel);
	commits_as_previewed();
}

/* Each bit of a record that is like those before it is either refused or means something else. */
static void every_bit_of_a_record_counts(void **state)
{
	unsigned places[MANY];
	unsigned char usual[255], bytes[255];

	(void)state;
	for (unsigned k = 0; k < KINDS; k++) {
		unsigned size = kinds[k].least + 3, length = record_size(kinds[k].operands);

		many(&kinds[k], 2, size, places);
		assert_int_equal(make_plan(), VROM_OK);
		vrom_preview(&plan, 0, 2, usual);
		for (unsigned bit = 0; bit < 8 * length; bit++) {
			unsigned char *byte = kernel_record(&kernel, 5) + bit / 8;
			enum vrom_status status;

			*byte ^= 1 << bit % 8;
			status = make_plan();
			if (status == VROM_OK) {
				/* The call, the size (of nops), operands or constants are others. */
				assert_true(bit >= 32);
				vrom_preview(&plan, 0, 5, bytes);
				if (bit >= 64 && plan.called == MANY)
					assert_memory_not_equal(bytes, usual, size);
				commits_as_previewed();
			} else if (bit < 32)
				assert_true(status == VROM_OUTSIDE || status == VROM_NATIVE || status == VROM_OVERLAP);
			else
				assert_true(status == VROM_CALL || status == VROM_SIZE || status == VROM_NATIVE ||
					    status == VROM_OPERANDS || status == VROM_CHANGES || status == VROM_TABLE ||
					    status == VROM_OUTSIDE || status == VROM_RETURNS || status == VROM_ANSWER);
			*byte ^= 1 << bit % 8;
		}
		assert_int_equal(make_plan(), VROM_OK);
	}
}

/* One call with constants of several values in turn, a template for one of them, and sites of several sizes. */
static void only_the_constants_differ(void **state)
{
	static const uint32_t values[][2] = { { 1, 5 }, { 1, 6 }, { 2, 5 }, { 1, 5 }, { 1, 5 }, { 0x101, 5 } };
	struct vrom_template template = { .call = VMI_CALL_SetPxE, .length = 6, .code = { 0xc7, 0x02 },
					  .holes = { { 2, 0x13 } }, .guard_arguments = { 3 }, .guards = { { 1, 1 } } };
	unsigned inlined = 0;

	(void)state;
	fake.host.templates = &template;
	fake.host.template_count = 1;
	for (unsigned i = 0; i < 90; i++) {
		const uint32_t *constants = values[i * 7 % 6];

		inlined += constants[1] & 1;
		kernel_site_with(&kernel, 40 * i, VMI_CALL_SetPxE, "\x90\x90", i % 5 / 3, i < 60 ? 16 : 15 + i % 20,
				 VROM_STANDARD + 5, constants);
	}
	kernel_finish(&kernel);
	commits_as_previewed();
	assert_int_equal(plan.inlined, inlined);
	assert_int_equal(plan.called, 90 - inlined);
	for (unsigned i = 0; i < 90; i++)
		if (values[i * 7 % 6][1] & 1)
			assert_int_equal(load32(patched + 40 * i + 2), values[i * 7 % 6][0]);
		else
			assert_int_equal(vrom_choice(&plan, i), VROM_CALLED);
}

/* Like each other but for one thing, many times over. */
static void kinds_that_take_turns(void **state)
{
	struct vrom_template templates[] = {
		{ .call = VMI_CALL_FlushTLB, .length = 9, .changes = VROM_FLAGS, .code = "123456789",
		  .guard_arguments = { 1 }, .guards = { { 1, 1 } } },
		{ .call = VMI_CALL_FlushTLB, .length = 2, .changes = VROM_ECX, .code = "ab", .in_register = 1 },
	};

	(void)state;
	for (unsigned rounds = 0; rounds < 2; rounds++) {
		unsigned at = 0;

		start(NULL);
		fake.host.templates = templates;
		fake.host.template_count = 2 * rounds;
		for (unsigned i = 0; kernel.sites < KERNEL_SITES; i++) {
			const uint32_t constant = i % 7;
			unsigned in_register = i % 3 == 0, size = i % 11 ? 10 : 12;

			kernel_site_with(&kernel, at, VMI_CALL_FlushTLB, native, i % 13 % 9, size,
					 VROM_STANDARD + !in_register, &constant);
			at += size + i % 2 * 3;
		}
		kernel_finish(&kernel);
		commits_as_previewed();
		assert_int_equal(plan.inlined > 50, rounds);
	}
}

/* Each seen elsewhere by the guest, and written elsewhere. */
static void like_sites_of_several_tables(void **state)
{
	enum { TABLES = 3, SITES = 60 };
	static struct kernel kernels[TABLES];
	static unsigned char windows[TABLES][KERNEL_TEXT], wanted[TABLES][KERNEL_TEXT];
	static unsigned char space[VROM_PLAN_MEMORY(TABLES * SITES)];
	struct vrom_table tables[TABLES];

	(void)state;
	for (unsigned t = 0; t < TABLES; t++) {
		kernel_start(&kernels[t]);
		for (unsigned i = 0; i < SITES; i++)
			kernel_site_with(&kernels[t], 40 * i + t, i % 3 ? VMI_CALL_EnableInterrupts : VMI_CALL_SetPxELong, native,
					 2, 20, VROM_STANDARD + (i % 3 ? 0 : 8), kinds[10].constants);
		kernel_finish(&kernels[t]);
		tables[t] = kernels[t].table;
		memcpy(windows[t], kernels[t].text, KERNEL_TEXT);
		tables[t].alias = windows[t] - kernels[t].text;
		tables[t].moved = 0x1230 * ((ptrdiff_t)t + 1);
	}
	assert_int_equal(vrom_plan(&plan, &fake.host, tables, TABLES, space, sizeof space, &error), VROM_OK);
	memcpy(wanted, windows, sizeof wanted);
	for (unsigned t = 0; t < TABLES; t++)
		for (unsigned i = 0; i < SITES; i++) {
			unsigned char bytes[255];

			memcpy(wanted[t] + 40 * i + t, bytes, vrom_preview(&plan, t, i, bytes));
		}
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_memory_equal(windows, wanted, sizeof wanted);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	for (unsigned t = 0; t < TABLES; t++) {
		assert_true(kernel_untouched(&kernels[t]));
		assert_memory_equal(windows[t], kernels[t].text, KERNEL_TEXT);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_size), TEST(every_size_in_line), TEST(every_bit_counts), TEST(the_seal_may_differ), TEST(every_bit_of_a_record_counts),
		TEST(only_the_constants_differ), TEST(kinds_that_take_turns),
		TEST(like_sites_of_several_tables),
	};

	return cmocka_run_group_tests_name("usual", tests, NULL, NULL);
}
