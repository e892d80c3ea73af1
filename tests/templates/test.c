/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The templates of the ROMs, at the sites of kernel.S: each is taken at one of them, and where none is taken the plan says why.
 *
 *	templates KERNEL templates.rom ROM...
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <vrom/patch.h>
#include <vrom/site.h>

#include "../unit/elf.h"
#include "sites.h"

#define ROM_AT 0xc00d0000
#define ROMS 8

enum site_index {
#define X(name, ...) SITE_##name,
	TEMPLATE_SITES(X)
#undef X
	SITES
};

static const char *const site_names[] = {
#define X(name, ...) #name,
	TEMPLATE_SITES(X)
#undef X
};

struct planned {
	const char *path;
	unsigned char image[127 * VMI_ROM_UNIT] __attribute__((aligned(4)));
	struct vrom_rom rom;
	struct vrom_plan plan;
	unsigned char memory[VROM_PLAN_MEMORY(SITES)];
};

static struct image kernel;
static struct planned roms[ROMS];
static unsigned rom_count;

/* Of the answers only one thing matters here: that every call is provided. */
static void answer(void *context, unsigned call, struct vrom_answer *result)
{
	(void)context;
	result->type = VMI_RELOCATION_CALL_REL;
	result->target = ROM_AT + 0x100 + 4 * call;
}

static void plan_for(struct planned *planned)
{
	FILE *file = fopen(planned->path, "rb");
	struct vrom_host host = { .answer = answer, .rom = ROM_AT, .low = ROM_AT, .answers_early = 1 };
	struct vrom_error error = { 0 };
	size_t size;

	assert_non_null(file);
	size = fread(planned->image, 1, sizeof planned->image, file);
	fclose(file);
	assert_int_equal(vrom_check_rom(planned->image, size, &planned->rom, NULL), VROM_OK);
	host.high = ROM_AT + size;
	host.templates = planned->rom.templates;
	host.template_count = planned->rom.template_count;
	assert_int_equal(vrom_plan(&planned->plan, &host, &kernel.table, 1, planned->memory, sizeof planned->memory, &error),
			 VROM_OK);
	assert_int_equal(planned->plan.sites, SITES);
}

/* The number of the nth template for a call, from 0. */
static unsigned template_of(const struct planned *planned, unsigned call, unsigned nth)
{
	unsigned i = 0;

	while (i < planned->rom.template_count && (planned->rom.templates[i].call != call || nth--))
		i++;
	assert_true(i < planned->rom.template_count);
	return i;
}

static struct planned *rom_named(const char *name)
{
	for (unsigned i = 0; i < rom_count; i++)
		if (strstr(roms[i].path, name))
			return &roms[i];
	fail_msg("there is no ROM %s among the arguments", name);
	return NULL;
}

static unsigned call_of(enum site_index site)
{
	static const unsigned calls[] = {
#define X(name, call, ...) VMI_CALL_##call,
		TEMPLATE_SITES(X)
#undef X
	};

	return calls[site];
}

/* ---- Each is used ---- */

static void every_template_is_used(void **state)
{
	unsigned unused = 0;

	(void)state;
	for (unsigned r = 0; r < rom_count; r++) {
		const struct planned *planned = &roms[r];

		assert_true(planned->rom.template_count > 0);
		for (unsigned i = 0; i < planned->rom.template_count; i++) {
			unsigned taken = 0;

			for (unsigned site = 0; site < SITES; site++) {
				int here = vrom_choice(&planned->plan, site) == VROM_INLINE + i;

				assert_int_equal(here, vrom_why(&planned->plan, 0, site, i) == VROM_WHY_TAKEN);
				taken += (unsigned)here;
			}
			if (!taken)
				print_error("%s: template %u, for call %u, is at no site\n", planned->path, i,
					    planned->rom.templates[i].call);
			unused += !taken;
		}
	}
	assert_int_equal(unused, 0);
}

/* ---- Why not ---- */

/* At the site the nth template of its call was passed over for the reason; another, or if other is -1 the call, is there. */
struct reason {
	const char *rom;
	enum site_index site;
	unsigned nth;
	enum vrom_why why;
	int other;
};

static const struct reason reasons[] = {
	/* A guard, one way and the other. */
	{ "monitor", SITE_cycles_real, 1, VROM_WHY_GUARD, 0 },
	{ "monitor", SITE_cycles_stolen, 0, VROM_WHY_GUARD, 1 },
	{ "monitor", SITE_cycles_5, 0, VROM_WHY_GUARD, -1 },
	{ "monitor", SITE_cycles_5, 1, VROM_WHY_GUARD, -1 },
	{ "native", SITE_cycles_5, 0, VROM_WHY_GUARD, -1 },
	{ "native", SITE_cycles_available, 1, VROM_WHY_GUARD, 0 },
	{ "count", SITE_flush_global, 0, VROM_WHY_GUARD, -1 },
	/* A constant that its hole does not hold. */
	{ "count", SITE_inb_3f8, 0, VROM_WHY_RANGE, -1 },
	{ "count", SITE_outb_3f8, 0, VROM_WHY_RANGE, -1 },
	{ "monitor", SITE_inb_3f8, 1, VROM_WHY_RANGE, 2 },
	{ "templates", SITE_lazy_300, 0, VROM_WHY_RANGE, -1 },
	/* Flags that are in use. */
	{ "count", SITE_inb_60_flags, 0, VROM_WHY_CHANGES, -1 },
	/* No room. */
	{ "count", SITE_get_mask, 0, VROM_WHY_SIZE, -1 },
	{ "count", SITE_set_mask, 0, VROM_WHY_SIZE, -1 },
	{ "count", SITE_flush, 0, VROM_WHY_SIZE, -1 },
	{ "count", SITE_release_page, 0, VROM_WHY_SIZE, -1 },
	/* It would fit. */
	{ "monitor", SITE_inb_60, 2, VROM_WHY_EARLIER, 1 },
	/* A register and not a constant, and the reverse. */
	{ "monitor", SITE_cycles, 0, VROM_WHY_OPERAND, -1 },
	{ "monitor", SITE_update_pxe, 0, VROM_WHY_OPERAND, -1 },
	{ "monitor", SITE_clear_pxe, 0, VROM_WHY_OPERAND, 1 },
	{ "templates", SITE_gdt_entry_fixed, 0, VROM_WHY_OPERAND, -1 },
};

static void the_plan_says_why(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		const struct reason *reason = &reasons[i];
		const struct planned *planned = rom_named(reason->rom);
		unsigned call = call_of(reason->site), template = template_of(planned, call, reason->nth);
		unsigned choice = vrom_choice(&planned->plan, reason->site);
		enum vrom_why why = vrom_why(&planned->plan, 0, reason->site, template);

		unsigned expected = VROM_CALLED;

		if (reason->other >= 0)
			expected = VROM_INLINE + template_of(planned, call, (unsigned)reason->other);
		if (why == reason->why && choice == expected)
			continue;
		print_error("%s ROM, site %s, template %u: \"%s\", expected \"%s\"; choice %u\n", reason->rom,
			    site_names[reason->site], template, vrom_strwhy(why), vrom_strwhy(reason->why), choice);
		wrong++;
	}
	assert_int_equal(wrong, 0);
	assert_int_equal(vrom_why(&rom_named("native")->plan, 0, SITE_enable, 0), VROM_WHY_CALL);
}

/* ---- What is in the holes ---- */

static void becomes(const char *rom, enum site_index site, const unsigned char *expected, unsigned size)
{
	static const unsigned char nops[][9] = {
		{ 0 }, { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0 }, { 0x0f, 0x1f, 0x40, 0 }, { 0x0f, 0x1f, 0x44, 0, 0 },
		{ 0x66, 0x0f, 0x1f, 0x44, 0, 0 }, { 0x0f, 0x1f, 0x80 }, { 0x0f, 0x1f, 0x84 }, { 0x66, 0x0f, 0x1f, 0x84 },
	};
	unsigned char code[255];
	unsigned found = vrom_preview(&rom_named(rom)->plan, 0, site, code);

	assert_true(found >= size);
	assert_memory_equal(code, expected, size);
	for (unsigned n; size < found; size += n) {
		n = found - size < 9 ? found - size : 9;
		assert_memory_equal(code + size, nops[n], n);
	}
}
#define BECOMES(rom, site, ...) \
	becomes(rom, SITE_##site, (const unsigned char[]){ __VA_ARGS__ }, sizeof((const unsigned char[]){ __VA_ARGS__ }))

static uint32_t load32(const unsigned char *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof value);
	return value;
}

static const unsigned char *record_behind(const unsigned char *record)
{
	return record + 8 + 4 * __builtin_popcount(record[6] & 0x1f);
}

/* The address of a site as the guest sees it. */
static uint32_t address_of(enum site_index site)
{
	const unsigned char *record = kernel.table.records;
	int32_t offset;

	for (unsigned i = 0; i < site; i++)
		record = record_behind(record);
	memcpy(&offset, record, sizeof offset);
	return (uint32_t)((uintptr_t)record + (uintptr_t)kernel.table.moved) + (uint32_t)offset;
}

/* The code at the site has opcode at offset, and a branch to where the template has it: an offset in the ROM. */
static void branches(const char *rom, enum site_index site, unsigned offset, unsigned opcode)
{
	const struct planned *planned = rom_named(rom);
	const struct vrom_template *template;
	unsigned choice = vrom_choice(&planned->plan, site), distance = offset + (opcode == 0x0f ? 2 : 1);
	unsigned char code[255];

	assert_true(choice >= VROM_INLINE);
	template = &planned->rom.templates[choice - VROM_INLINE];
	vrom_preview(&planned->plan, 0, site, code);
	assert_int_equal(code[offset], opcode);
	assert_true(load32(template->code + distance) >= VMI_ROM_HEADER_SIZE);
	assert_true(load32(template->code + distance) < planned->rom.size);
	assert_int_equal(address_of(site) + distance + 4 + load32(code + distance), ROM_AT + load32(template->code + distance));
}

static void holes_are_filled(void **state)
{
	(void)state;
	BECOMES("templates", lazy_mmu, 0x6a, 0x11, 0x58);                                        /* push $0x11; pop %eax */
	BECOMES("templates", gdt_entry_ebx, 0x89, 0x0c, 0xd0, 0x89, 0x5c, 0xd0, 4);
	BECOMES("templates", gdt_entry_edi, 0x89, 0x0c, 0xd0, 0x89, 0x7c, 0xd0, 4);
	BECOMES("templates", update_pxe_of, 0xff, 0x40, 0x1d);                                   /* incl 29(%eax) */
	BECOMES("templates", set_alarm, 0x39, 0xfe, 0xfa, 0xff, 5, 0x20, 0, 0x0d, 0xc0, 0xfb);   /* cmpl %edi, %esi ... */
	BECOMES("monitor", outb_20, 0xe6, 0x20);
	BECOMES("monitor", outb_3f8, 0xba, 0xf8, 3, 0, 0, 0xee);
	BECOMES("monitor", inw_f0, 0x66, 0xe5, 0xf0);
	BECOMES("monitor", to_machine_fixed, 0xb8, 0, 0x50, 0, 0);
	BECOMES("monitor", to_machine, );
	BECOMES("count", fixed_pxe, 0xff, 5, 4 * VMI_CALL_SetPxE, 0, 0x0d, 0xc0, 0xc7, 2, 7, 0x10, 0, 0);

	/* cmpb $1, %ss:0x1001; jne ROM */
	branches("templates", SITE_flush_wide, 8, 0x0f);
	branches("monitor", SITE_set_pxe, 7, 0xe8);
	branches("monitor", SITE_fixed_pxe, 12, 0xe8);
	branches("native", SITE_cycles_real, 14, 0xe8);
}

static void interrupts_stay_outside(void **state)
{
	const struct planned *planned = rom_named("templates");
	const struct vrom_template *template = &planned->rom.templates[template_of(planned, VMI_CALL_SetAlarm, 0)];
	unsigned char code[255];
	unsigned size = vrom_preview(&planned->plan, 0, SITE_set_alarm, code);

	(void)state;
	for (unsigned at = 0; at <= size; at++)
		assert_int_equal(vrom_template_inside(template, code + at, at, size - at), at > 0 && at < template->length);
	template = &planned->rom.templates[template_of(planned, VMI_CALL_SetLazyMode, 0)];
	vrom_preview(&planned->plan, 0, SITE_lazy_mmu, code);
	assert_false(vrom_template_inside(template, code + 2, 2, 8));
}

/* ---- Back, while other processors run the text ---- */

static void nobody_else(void *context)
{
	(void)context;
}

/* A plan for one site alone, committed; what reverting it live says. */
static enum vrom_status revert_live(const char *name, enum site_index site, unsigned choice)
{
	const struct planned *planned = rom_named(name);
	struct vrom_host host = { .answer = answer, .rom = ROM_AT, .low = ROM_AT, .high = ROM_AT + planned->rom.size,
				  .templates = planned->rom.templates, .template_count = planned->rom.template_count };
	struct vrom_table table = kernel.table;
	unsigned char memory[VROM_PLAN_MEMORY(1)];
	struct vrom_plan plan;
	enum vrom_status status;

	for (unsigned i = 0; i < site; i++) {
		table.records = record_behind(table.records);
		table.native += 1 + table.native[0];
	}
	table.records_end = record_behind(table.records);
	table.native_end = table.native + 1 + table.native[0];
	assert_int_equal(vrom_plan(&plan, &host, &table, 1, memory, sizeof memory, NULL), VROM_OK);
	assert_int_equal(vrom_choice(&plan, 0) < VROM_INLINE ? vrom_choice(&plan, 0) : VROM_INLINE, choice);
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	status = vrom_revert_live(&plan, nobody_else, NULL);
	assert_int_equal(vrom_revert(&plan), status == VROM_OK ? VROM_STATE : VROM_OK);
	return status;
}

static void no_way_back_into_a_site(void **state)
{
	(void)state;
	assert_int_equal(revert_live("monitor", SITE_outb_20, VROM_INLINE), VROM_OK);
	assert_int_equal(revert_live("monitor", SITE_update_pxe, VROM_CALLED), VROM_OK);
	assert_int_equal(revert_live("monitor", SITE_set_pxe_of, VROM_INLINE), VROM_STATE);
	assert_int_equal(revert_live("monitor", SITE_allocate_page, VROM_INLINE), VROM_STATE);
	assert_int_equal(revert_live("templates", SITE_allocate_page, VROM_CALLED), VROM_STATE);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_template_is_used), cmocka_unit_test(the_plan_says_why),
		cmocka_unit_test(holes_are_filled), cmocka_unit_test(interrupts_stay_outside),
		cmocka_unit_test(no_way_back_into_a_site),
	};

	if (argc < 3 || argc - 2 > ROMS) {
		fprintf(stderr, "usage: templates KERNEL ROM...\n");
		return 2;
	}
	image_load(&kernel, argv[1]);
	for (rom_count = 0; rom_count < (unsigned)argc - 2; rom_count++) {
		roms[rom_count].path = argv[rom_count + 2];
		plan_for(&roms[rom_count]);
	}
	return cmocka_run_group_tests_name("templates", tests, NULL, NULL);
}
