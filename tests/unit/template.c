/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Templates: every kind of hole, guards, which is taken and why, and what is damaged. */
#include "fixture.h"

static struct vrom_template templates[8];

static struct vrom_template *add(struct vrom_template template)
{
	templates[fake.host.template_count] = template;
	fake.host.templates = templates;
	return &templates[fake.host.template_count++];
}

/* The next site, 64 bytes from the one before, with constants for the bits in operands. */
static unsigned site(unsigned call, unsigned size, unsigned operands, const uint32_t *constants)
{
	unsigned index = kernel_site_with(&kernel, 64 * kernel.sites, call, "\xfa", 1, size, operands, constants);

	kernel_finish(&kernel);
	return index;
}

/* The bytes of a site once committed, then nops to its end. */
static void becomes(unsigned index, const char *bytes, unsigned count)
{
	const unsigned char *text = patched + 64 * index;
	unsigned char nops[255];
	unsigned size = kernel_record(&kernel, index)[5];

	assert_int_equal(vrom_choice(&plan, index) >= VROM_INLINE, 1);
	assert_memory_equal(text, bytes, count);
	expected_nops(nops, size - count);
	assert_memory_equal(text + count, nops, size - count);
	assert_int_equal(text[size], 0xcc);
}

static void why(unsigned index, unsigned template, enum vrom_why expected)
{
	assert_string_equal(vrom_strwhy(vrom_why(&plan, 0, index, template)), vrom_strwhy(expected));
}

#define FLUSH VMI_CALL_FlushTLB
#define ONE (VROM_STANDARD + 1) /* its argument is a constant */

static void a_distance_is_from_the_site(void **state)
{
	(void)state;
	add((struct vrom_template){ .call = VMI_CALL_EnableInterrupts, .length = 8,
				    .holes = { { 4, VROM_HOLE_REL }, { 0, VROM_HOLE_ROM } },
				    .code = { 1, 0, 0, 0, 0x10, 0, 0, 0 } });
	for (unsigned i = 0; i < 9; i++)
		site(VMI_CALL_EnableInterrupts, 8 + i % 3, VROM_STANDARD, NULL);
	/* It may be a call, and then who comes back is not at the site's end. */
	assert_int_equal(make_plan(), VROM_OK);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_int_equal(vrom_revert_live(&plan, NULL, NULL), VROM_STATE);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	for (ptrdiff_t moved = 0; moved < 0x3000; moved += 0x1234) {
		kernel.table.moved = moved;
		commits_as_previewed();
		assert_int_equal(plan.inlined, 9);
		for (unsigned i = 0; i < 9; i++) {
			uint32_t end = (uint32_t)((uintptr_t)kernel.text + 64 * i + 8 + moved);

			assert_int_equal(load32(patched + 64 * i), (uint32_t)fake.host.rom + 1);
			assert_int_equal(load32(patched + 64 * i + 4) + end, (uint32_t)fake.host.rom + 0x10);
		}
	}
}

static void constants_fill_holes(void **state)
{
	static const struct {
		uint32_t value;
		uint8_t kind, code; /* code: what the value is added to */
		int fits;
		uint8_t becomes[4];
	} cases[] = {
		{ 0x12345678, VROM_HOLE_IMM32, 0, 1, { 0x78, 0x56, 0x34, 0x12 } },
		{ 0xffffffff, VROM_HOLE_IMM32, 1, 1, { 0, 0, 0, 0 } },
		{ 0x000000ff, VROM_HOLE_IMM32, 1, 1, { 0, 1, 0, 0 } },
		{ 127, VROM_HOLE_IMM8, 0, 1, { 127 } },
		{ 128, VROM_HOLE_IMM8, 0, 0, { 0 } },
		{ 128, VROM_HOLE_IMM8, 0xff, 1, { 127 } },
		{ 127, VROM_HOLE_IMM8, 1, 0, { 0 } },
		{ -128, VROM_HOLE_IMM8, 0, 1, { 0x80 } },
		{ -129, VROM_HOLE_IMM8, 0, 0, { 0 } },
		{ -129, VROM_HOLE_IMM8, 1, 1, { 0x80 } },
		{ -128, VROM_HOLE_IMM8, 0xff, 0, { 0 } },
		{ 0x7fffffff, VROM_HOLE_IMM8, 0, 0, { 0 } },
		{ 0x80000000, VROM_HOLE_IMM8, 0xff, 0, { 0 } },
		{ 255, VROM_HOLE_PORT, 0, 1, { 255 } },
		{ 256, VROM_HOLE_PORT, 0, 0, { 0 } },
		{ 0xf0, VROM_HOLE_PORT, 0x0f, 1, { 255 } },
		{ 0xf0, VROM_HOLE_PORT, 0x10, 0, { 0 } },
		/* Which wraps, and is then a small number: as processors add. */
		{ 0xffffffff, VROM_HOLE_PORT, 1, 1, { 0 } },
		{ 0xffffffff, VROM_HOLE_PORT, 0, 0, { 0 } },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		char bytes[6] = { 0x40, 0, 0, 0, 0, 0x41 };
		unsigned size = cases[i].kind == VROM_HOLE_IMM32 ? 4 : 1;

		start(state);
		add((struct vrom_template){ .call = FLUSH, .length = 6, .holes = { [2] = { 1, 0x10 | cases[i].kind } },
					    .code = { 0x40, cases[i].code, 0, 0, 0, 0x41 } });
		site(FLUSH, 10, ONE, &cases[i].value);
		commits_as_previewed();
		why(0, 0, cases[i].fits ? VROM_WHY_TAKEN : VROM_WHY_RANGE);
		assert_int_equal(plan.inlined, cases[i].fits);
		memcpy(bytes + 1, cases[i].becomes, size);
		if (cases[i].fits)
			becomes(0, bytes, 6);
		else
			assert_int_equal(patched[0], 0xb8); /* movl $value, %eax; call */
	}
}

/* The second of two constants in a record, and the fifth of five, is the one that is named. */
static void holes_name_their_argument(void **state)
{
	static const uint32_t values[] = { 1, 2, 3, 4, 5 };

	(void)state;
	add((struct vrom_template){ .call = VMI_CALL_SetAlarm, .length = 5, .constant = 0x14,
				    .holes = { { 0, 0x34 }, { 1, 0x54 }, { 2, 0x24 }, { 3, 0x44 } }, .code = { 0, 0, 0, 0, 9 } });
	add((struct vrom_template){ .call = VMI_CALL_SetAlarm, .length = 2, .in_register = 0x01, .constant = 0x14,
				    .holes = { { 0, 0x34 }, { 1, 0x54 } } });
	site(VMI_CALL_SetAlarm, 30, VROM_STANDARD + 0x1f, values);
	site(VMI_CALL_SetAlarm, 30, VROM_STANDARD + (VMI_EBX << VROM_ARG4_SHIFT) + 0x14, values);
	commits_as_previewed();
	becomes(0, "\3\5\2\4\x9", 5);
	becomes(1, "\1\2", 2);
}

/* A fourth and a fifth argument in each register that they may be in; and the others, which have theirs. */
static void registers_fill_holes(void **state)
{
	static const uint8_t regs[] = { VMI_EBX, VMI_EBP, VMI_ESI, VMI_EDI };
	static const uint32_t one = 1;

	(void)state;
	add((struct vrom_template){ .call = VMI_CALL_SetAlarm, .length = 6, .in_register = 0x18,
				    .holes = { { 1, 0x56 }, { 1, 0x47 }, { 3, 0x46 }, { 5, 0x57 } },
				    .code = { 0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc1 } });
	add((struct vrom_template){ .call = VMI_CALL_WRMSR, .length = 3,
				    .holes = { { 0, 0x16 }, { 1, 0x26 }, { 2, 0x37 }, { 2, 0x16 } }, .code = { 0x50, 0x50, 0xc0 } });
	add((struct vrom_template){ .call = VMI_CALL_INSB, .length = 2, .holes = { { 0, 0x16 }, { 1, 0x17 } } });
	add((struct vrom_template){ .call = VMI_CALL_OUTSB, .length = 2, .holes = { { 0, 0x16 }, { 1, 0x17 } } });
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 4; k++)
			site(VMI_CALL_SetAlarm, 20, VROM_STANDARD + (regs[i] << VROM_ARG4_SHIFT) + (regs[k] << VROM_ARG5_SHIFT), NULL);
	site(VMI_CALL_WRMSR, 5, VROM_STANDARD, NULL);
	site(VMI_CALL_INSB, 5, 0, NULL);
	site(VMI_CALL_OUTSB, 5, 0, NULL);
	/* What is a constant is in no register. */
	site(VMI_CALL_WRMSR, 10, VROM_STANDARD + 1, &one);
	site(VMI_CALL_WRMSR, 10, VROM_STANDARD + 4, &one);
	commits_as_previewed();
	assert_int_equal(plan.inlined, 19);
	why(19, 1, VROM_WHY_OPERAND);
	why(20, 1, VROM_WHY_OPERAND);
	for (unsigned i = 0; i < 16; i++) {
		unsigned char fourth = regs[i / 4], fifth = regs[i % 4];
		char bytes[] = { 0x89, (char)(0xc0 | fifth | fourth << 3), 0x89, (char)(0xc0 | fourth), 0x89, (char)(0xc1 | fifth << 3) };

		becomes(i, bytes, 6);
	}
	becomes(16, "\x51\x50\xd1", 3);
	becomes(17, "\x07\x38", 2);
	becomes(18, "\x06\x30", 2);
}

static void guards_hold(void **state)
{
	static const uint32_t values[][2] = { { 0x11, 7 }, { 0x12, 7 }, { 0xf1, 7 }, { 0x11, 8 }, { 0x11, 0x107 } };

	(void)state;
	add((struct vrom_template){ .call = VMI_CALL_SetDR, .length = 1, .code = { 0x91 }, .guard_arguments = { 1, 2 },
				    .guards = { { 0x0f, 0xff01 }, { 0xffffffff, 7 } } });
	add((struct vrom_template){ .call = VMI_CALL_SetDR, .length = 1, .code = { 0x92 }, .guard_arguments = { 0, 2 },
				    .guards = { { 0xffffffff, 99 }, { 0xff, 7 } } });
	for (unsigned i = 0; i < 5; i++)
		site(VMI_CALL_SetDR, 15, VROM_STANDARD + 3, values[i]);
	/* What is not a constant has no value. */
	site(VMI_CALL_SetDR, 10, VROM_STANDARD + 1, values[0]);
	site(VMI_CALL_SetDR, 10, VROM_STANDARD + 2, values[0] + 1);
	site(VMI_CALL_SetDR, 10, VROM_STANDARD, NULL);
	commits_as_previewed();
	becomes(0, "\x91", 1);
	becomes(1, "\x92", 1);
	becomes(2, "\x91", 1);
	assert_int_equal(vrom_choice(&plan, 3), VROM_CALLED);
	becomes(4, "\x92", 1);
	why(0, 0, VROM_WHY_TAKEN);
	why(0, 1, VROM_WHY_EARLIER);
	why(1, 0, VROM_WHY_GUARD);
	why(1, 1, VROM_WHY_TAKEN);
	why(3, 0, VROM_WHY_GUARD);
	why(3, 1, VROM_WHY_GUARD);
	why(4, 0, VROM_WHY_GUARD);
	why(5, 0, VROM_WHY_OPERAND);
	why(6, 0, VROM_WHY_OPERAND);
	why(6, 1, VROM_WHY_TAKEN);
	why(7, 1, VROM_WHY_OPERAND);
}

static void every_reason(void **state)
{
	static const uint32_t three = 3;
	const struct vrom_template fits = { .call = FLUSH, .length = 10, .changes = VROM_EAX + VROM_FLAGS };
	unsigned constant, in_register, tight;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		add(fits);
	templates[0].call = VMI_CALL_SetCR3;
	templates[1].constant = 1;
	templates[2].in_register = 1;
	templates[3].holes[3] = (struct vrom_hole){ 9, 0x14 };
	templates[3].code[9] = 125;
	templates[4].length = 11;
	templates[5].changes = VROM_STANDARD;
	templates[6] = (struct vrom_template){ .call = VMI_CALL_SetCR3 }; /* would fit all of them */
	constant = site(FLUSH, 10, VROM_EAX + VROM_FLAGS + VROM_EDX + 1, &three);
	in_register = site(FLUSH, 10, VROM_EAX + VROM_FLAGS + VROM_EDX, NULL);
	tight = site(FLUSH, 10, VROM_STANDARD - VROM_FLAGS + 1, &three);
	fake.types[FLUSH] = VMI_RELOCATION_NOP;
	commits_as_previewed();
	why(constant, 0, VROM_WHY_CALL);
	why(constant, 1, VROM_WHY_TAKEN);
	why(constant, 2, VROM_WHY_OPERAND);
	why(constant, 3, VROM_WHY_RANGE);
	why(constant, 4, VROM_WHY_SIZE);
	why(constant, 5, VROM_WHY_CHANGES);
	why(constant, 6, VROM_WHY_CALL);
	why(constant, 7, VROM_WHY_EARLIER);
	why(in_register, 1, VROM_WHY_OPERAND);
	why(in_register, 2, VROM_WHY_TAKEN);
	why(in_register, 3, VROM_WHY_OPERAND);
	why(in_register, 7, VROM_WHY_EARLIER);
	why(tight, 1, VROM_WHY_CHANGES);
	why(tight, 7, VROM_WHY_CHANGES);
	assert_int_equal(vrom_choice(&plan, constant), VROM_INLINE + 1);
	assert_int_equal(vrom_choice(&plan, in_register), VROM_INLINE + 2);
	assert_int_equal(vrom_choice(&plan, tight), VROM_ERASED);
	assert_int_equal(plan.inlined, 2);
	assert_int_equal(plan.erased, 1);
	for (unsigned i = 0; i < VROM_WHY_COUNT; i++)
		for (unsigned k = 0; k <= i; k++)
			assert_int_equal(strcmp(vrom_strwhy(i), vrom_strwhy(k)) == 0, i == k);
	assert_non_null(vrom_strwhy(VROM_WHY_COUNT));
	assert_non_null(vrom_strwhy((enum vrom_why)-1));
}

/* Each single free register and flag, against templates that change it. */
static void changes_are_what_the_site_leaves_free(void **state)
{
	static const unsigned sets[] = { VROM_EAX, VROM_ECX, VROM_EDX, VROM_FLAGS };

	(void)state;
	fake.types[FLUSH] = VMI_RELOCATION_NOP;
	for (unsigned i = 0; i < 4; i++) {
		add((struct vrom_template){ .call = FLUSH, .length = 5, .code = { (uint8_t)(i + 1) }, .changes = sets[i] });
		site(FLUSH, 5, sets[3 - i], NULL);
		site(FLUSH, 5, VROM_STANDARD - sets[i], NULL);
	}
	commits_as_previewed();
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(vrom_choice(&plan, 2 * i), VROM_INLINE + 3 - i);
		assert_int_equal(vrom_choice(&plan, 2 * i + 1), VROM_INLINE + (i == 0));
	}
}

static void nothing_to_do(void **state)
{
	static const uint32_t values[] = { 0, 1 };

	(void)state;
	/* Nops for one value, for all the others a call. */
	add((struct vrom_template){ .call = FLUSH, .guard_arguments = { 1 }, .guards = { { 0xffffffff, 0 } } });
	for (unsigned i = 0; i < 20; i++)
		site(FLUSH, 10 + i / 2, ONE, &values[i % 2]);
	commits_as_previewed();
	assert_int_equal(plan.inlined, 10);
	assert_int_equal(plan.called, 10);
	for (unsigned i = 0; i < 20; i += 2)
		becomes(i, "", 0);
}

static void it_fills_the_site_or_is_too_long(void **state)
{
	(void)state;
	for (unsigned length = 5; length <= VROM_TEMPLATE_CODE; length++) {
		start(state);
		add((struct vrom_template){ .call = FLUSH, .length = length, .code = "abcdefghijklmnopqrstuvwx" });
		for (unsigned size = 5; size <= 40; size++)
			site(FLUSH, size, VROM_STANDARD, NULL);
		commits_as_previewed();
		for (unsigned size = 5; size <= 40; size++) {
			why(size - 5, 0, size < length ? VROM_WHY_SIZE : VROM_WHY_TAKEN);
			if (size >= length)
				becomes(size - 5, "abcdefghijklmnopqrstuvwx", length);
		}
	}
}

/* ---- Damage ---- */

static void what_makes_no_sense_is_refused(void **state)
{
	/* SetDR has two arguments. The second template is the one that is damaged, and the second site meets it. */
	const struct vrom_template sound = { .call = VMI_CALL_SetDR, .length = 8, .changes = VROM_STANDARD };
	struct vrom_template *template;

	(void)state;
	add(sound);
	template = add(sound);
	site(VMI_CALL_SetCR0, 5, VROM_STANDARD, NULL);
	site(VMI_CALL_SetDR, 10, VROM_STANDARD, NULL);
#define DAMAGED(change) \
	*template = sound; \
	template->change; \
	refused(VROM_TEMPLATE, 1)
#define SOUND(change) \
	*template = sound; \
	template->change; \
	assert_int_equal(make_plan(), VROM_OK)
	DAMAGED(length = 25);
	DAMAGED(length = 255);
	DAMAGED(changes = 0x8000);
	DAMAGED(changes = 0x0400);
	DAMAGED(in_register = 4);
	DAMAGED(in_register = 0x80);
	DAMAGED(constant = 4);
	SOUND(constant = 3);
	SOUND(in_register = 3);
	SOUND(interrupts = VROM_INTERRUPTS_OUTSIDE);
	DAMAGED(interrupts = 2);
	DAMAGED(guard_arguments[0] = 3);
	DAMAGED(guard_arguments[1] = 255);
	SOUND(guard_arguments[1] = 2);
	for (unsigned hole = 0; hole < VROM_TEMPLATE_HOLES; hole++)
		for (unsigned kind = VROM_HOLE_ROM; kind < 16; kind++) {
			unsigned size = kind <= VROM_HOLE_IMM32 ? 4 : 1, argument = kind < VROM_HOLE_IMM32 ? 0 : 2;

			if (kind >= VROM_HOLE_KINDS) {
				DAMAGED(holes[hole] = ((struct vrom_hole){ 0, kind | 0x10 }));
				continue;
			}
			SOUND(holes[hole] = ((struct vrom_hole){ 8 - size, kind | argument << 4 }));
			DAMAGED(holes[hole] = ((struct vrom_hole){ 9 - size, kind | argument << 4 }));
			DAMAGED(holes[hole] = ((struct vrom_hole){ 255, kind | argument << 4 }));
			if (argument) {
				DAMAGED(holes[hole] = ((struct vrom_hole){ 0, kind }));
				DAMAGED(holes[hole] = ((struct vrom_hole){ 0, kind | 3 << 4 }));
				DAMAGED(holes[hole] = ((struct vrom_hole){ 0, kind | 15 << 4 }));
			}
		}
	/* No hole is nowhere. */
	SOUND(holes[0] = ((struct vrom_hole){ 255, 0xf0 }));
#undef DAMAGED
#undef SOUND
}

/* ---- For hosts ---- */

static void a_host_recognises_its_code(void **state)
{
	struct vrom_template template = { .call = FLUSH, .length = 9, .interrupts = VROM_INTERRUPTS_OUTSIDE,
					  .holes = { { 2, VROM_HOLE_ROM }, { 8, 0x14 } },
					  .code = { 0x80, 0x0d, 0, 0, 0, 0, 1, 0x78, 0 } };
	unsigned char text[32];

	(void)state;
	memset(text, 0xcc, sizeof text);
	memcpy(text + 10, "\x80\x0d\x12\x34\x56\x78\x01\x78\x77", 9);
	for (unsigned at = 0; at < sizeof text; at++)
		assert_int_equal(vrom_template_inside(&template, text + at, at, sizeof text - at), at > 10 && at < 19);
	/* The guest has done 5 bytes of it, and all of it must be there to see. */
	for (unsigned before = 0; before <= 10; before++)
		for (unsigned behind = 0; behind <= 10; behind++)
			assert_int_equal(vrom_template_inside(&template, text + 15, before, behind), before >= 5 && behind >= 4);
	/* A byte of a hole may be anything, another may not. */
	for (unsigned i = 0; i < 9; i++) {
		text[10 + i] ^= 0x40;
		assert_int_equal(vrom_template_inside(&template, text + 12, 12, 20), (i >= 2 && i <= 5) || i == 8);
		text[10 + i] ^= 0x40;
	}
	template.interrupts = VROM_INTERRUPTS_ANYWHERE;
	assert_false(vrom_template_inside(&template, text + 12, 12, 20));
	template.interrupts = VROM_INTERRUPTS_OUTSIDE;
	template.length = 0;
	assert_false(vrom_template_inside(&template, text + 12, 12, 20));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_distance_is_from_the_site), TEST(constants_fill_holes), TEST(holes_name_their_argument),
		TEST(registers_fill_holes), TEST(guards_hold), TEST(every_reason), TEST(changes_are_what_the_site_leaves_free),
		TEST(nothing_to_do), TEST(it_fills_the_site_or_is_too_long), TEST(what_makes_no_sense_is_refused),
		TEST(a_host_recognises_its_code),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
