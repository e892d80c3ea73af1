/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* vrom check: would this kernel run under a hypervisor, and with this ROM? check.h names the parts. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "emulate.h"
#include "prove.h"

struct options {
	const char *kernel, *rom;
	const char **exempt;
	size_t exempt_count;
	uint64_t rom_at, states;
	int notes, json, summary;
};

/* ---- Reading the kernel ---- */

static int compare_areas(const void *left, const void *right)
{
	const struct area *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

static int compare_sites(const void *left, const void *right)
{
	const struct site *const *a = left, *const *b = right;

	if ((*a)->address != (*b)->address)
		return (*a)->address < (*b)->address ? -1 : 1;
	return (*a)->index < (*b)->index ? -1 : 1;
}

static void find_areas(struct kernel *kernel)
{
	const struct elf *elf = &kernel->elf;

	kernel->areas = allocate(elf->section_count + elf->segment_count, sizeof *kernel->areas);
	for (size_t i = 0; i < elf->section_count; i++) {
		const struct section *section = &elf->sections[i];

		if (section->executable && section->bytes && section->size)
			kernel->areas[kernel->area_count++] = (struct area){ section->name, section->address, section->size,
									     section->bytes, 0 };
	}
	/* A kernel that was stripped of its section headers. */
	for (size_t i = 0; elf->section_count == 0 && i < elf->segment_count; i++) {
		const struct segment *segment = &elf->segments[i];

		if (segment->executable && segment->file_size)
			kernel->areas[kernel->area_count++] = (struct area){ "segment", segment->address, segment->file_size,
									     segment->bytes, 0 };
	}
	qsort(kernel->areas, kernel->area_count, sizeof *kernel->areas, compare_areas);
}

/* A function without a size ends where the next one begins. */
static uint64_t end_of_function(const struct elf *elf, const struct symbol *symbol)
{
	if (symbol->size)
		return symbol->address + symbol->size;
	for (const struct symbol *next = symbol; next < elf->symbols + elf->symbol_count; next++)
		if (next->address > symbol->address && next->kind != SYMBOL_DATA)
			return next->address;
	return UINT64_MAX;
}

/* 0, or EXIT_BAD after a complaint: nothing has this name. */
static int exempt(struct kernel *kernel, const char *name)
{
	int found = 0;

	for (size_t i = 0; i < kernel->area_count; i++)
		if (strcmp(kernel->areas[i].name, name) == 0)
			kernel->areas[i].exempt = found = 1;
	for (size_t i = 0; !found && i < kernel->elf.symbol_count; i++) {
		const struct symbol *symbol = &kernel->elf.symbols[i];

		if (symbol->kind == SYMBOL_DATA || strcmp(symbol->name, name) != 0)
			continue;
		kernel->exempt[kernel->exempt_count++] = (struct range){ symbol->address,
									 end_of_function(&kernel->elf, symbol) };
		return 0;
	}
	return found ? 0 : fail(kernel->elf.path, "--exempt %s: no executable section or function has this name", name);
}

int kernel_open(struct kernel *kernel, const char *path, const char *const *exempt_names, size_t exempt_count)
{
	memset(kernel, 0, sizeof *kernel);
	if (elf_open(&kernel->elf, path) != 0)
		return EXIT_BAD;
	decoder_init(&kernel->decoder, kernel->elf.is_64);
	find_areas(kernel);
	if (kernel->area_count == 0)
		return fail(path, "nothing in it is executable: name the linked kernel");
	kernel->table_state = table_read(&kernel->table, &kernel->elf);
	kernel->order = allocate(kernel->table.count, sizeof *kernel->order);
	for (size_t i = 0; i < kernel->table.count; i++)
		kernel->order[kernel->order_count++] = &kernel->table.sites[i];
	qsort(kernel->order, kernel->order_count, sizeof *kernel->order, compare_sites);
	kernel->exempt = allocate(exempt_count, sizeof *kernel->exempt);
	for (size_t i = 0; i < kernel->area_count; i++)
		if (strcmp(kernel->areas[i].name, EARLY_SECTION) == 0)
			kernel->areas[i].exempt = 1;
	for (size_t i = 0; i < exempt_count; i++)
		if (exempt(kernel, exempt_names[i]) != 0)
			return EXIT_BAD;
	return 0;
}

void kernel_close(struct kernel *kernel)
{
	free(kernel->exempt);
	free(kernel->order);
	free(kernel->areas);
	table_free(&kernel->table);
	elf_close(&kernel->elf);
}

/* ---- The table as a whole ---- */

/* Whether a segment brings these bytes into memory. */
static int is_loaded(const struct elf *elf, uint64_t address, uint64_t size)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct segment *segment = &elf->segments[i];

		if (address >= segment->address && address - segment->address <= segment->file_size &&
		    size <= segment->file_size - (address - segment->address))
			return 1;
	}
	return 0;
}

static void check_table(const struct kernel *kernel, struct findings *findings)
{
	const struct table *table = &kernel->table;

	if (kernel->table_state == TABLE_NONE) {
		find_fault(findings, LEVEL_NOTE, ABOUT_TABLE, "there is no site table: nothing is annotated, or the linker "
			   "script drops .vrom.sites; vrom/sites.ld keeps it");
		return;
	}
	if (table->problem[0])
		find_fault(findings, LEVEL_MUST, ABOUT_TABLE, "%s", table->problem);
	if (kernel->table_state == TABLE_BAD)
		return;
	if (table->count == 0 && !table->problem[0])
		find_fault(findings, LEVEL_NOTE, ABOUT_TABLE, "the site table is empty: does the linker script drop .vrom.sites?");
	if (table->records_address % 4)
		find_fault(findings, LEVEL_MUST, ABOUT_TABLE, "the site table is not aligned to 4: use vrom/sites.ld");
	if (table->count && (!is_loaded(&kernel->elf, table->records_address, table->records_size) ||
			     !is_loaded(&kernel->elf, table->native_address, table->native_size)))
		find_fault(findings, LEVEL_MUST, ABOUT_TABLE, "no segment brings the site table and its seal into memory: put "
			   "vrom/sites.ld among the read-only data");
}

/* ---- Telling ---- */

static void print_count(const char *what, size_t musts, size_t notes)
{
	if (musts || notes)
		printf("  %-48s %6zu must, %6zu note\n", what, musts, notes);
}

static void print_exempt(const struct kernel *kernel, const struct options *options, const struct findings *findings)
{
	const char *between = "";

	if (!findings->exempt)
		return;
	printf("  %zu sensitive instructions are exempt, in ", findings->exempt);
	for (size_t i = 0; i < kernel->area_count; i++)
		if (kernel->areas[i].exempt && strcmp(kernel->areas[i].name, EARLY_SECTION) == 0) {
			printf("%s", EARLY_SECTION);
			between = ", ";
		}
	for (size_t i = 0; i < options->exempt_count; i++, between = ", ")
		printf("%s%s", between, options->exempt[i]);
	putchar('\n');
}

static void print_summary(const struct kernel *kernel, const struct options *options, const struct findings *findings)
{
	static const char *const names[] = { "the site table", "sites", "branches", "sensitive instructions outside all sites",
					     "text", "the ROM" };

	printf("%s: %zu sites, %llu instructions outside them\n", options->kernel, kernel->table.count,
	       (unsigned long long)kernel->instructions);
	for (unsigned about = 0; about < ABOUT_COUNT; about++)
		print_count(names[about], findings->musts[about], findings->notes[about]);
	print_exempt(kernel, options, findings);
	printf("%s\n", findings_musts(findings) ? "it must be changed" : "all is well");
}

static void print_json(const struct kernel *kernel, const struct options *options, const struct findings *findings,
		       const struct against *against)
{
	json_t *object = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "ok", findings_musts(findings) == 0, "sites",
				   (json_int_t)kernel->table.count, "instructions", (json_int_t)kernel->instructions, "must",
				   (json_int_t)findings_musts(findings), "notes", (json_int_t)findings_notes(findings), "exempt", (json_int_t)findings->exempt,
				   "sensitive", (json_int_t)findings->musts[ABOUT_SENSITIVE], "findings",
				   findings_json(findings, &kernel->elf, options->notes));

	if (against)
		json_object_set_new(object, "rom", against_json(against, kernel));
	json_dumpf(object, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(object);
}

static int check(const struct options *options)
{
	struct findings findings = { 0 };
	struct against *against = NULL;
	struct kernel kernel;
	int status = kernel_open(&kernel, options->kernel, options->exempt, options->exempt_count);

	if (status == 0) {
		check_table(&kernel, &findings);
		check_sites(&kernel, &findings);
		sweep(&kernel, &findings);
		if (options->rom) {
			against = against_open(&kernel, options->rom, (uint32_t)options->rom_at,
					       (unsigned)options->states, &findings);
			if (!against)
				status = EXIT_BAD;
		}
		if (options->json) {
			print_json(&kernel, options, &findings, against);
		} else {
			if (against && !options->summary)
				against_print(against, &kernel);
			if (!options->summary)
				findings_print(&findings, &kernel.elf, options->notes);
			print_summary(&kernel, options, &findings);
		}
		if (findings_musts(&findings))
			status = EXIT_BAD;
	}
	against_close(against);
	findings_free(&findings);
	kernel_close(&kernel);
	return status;
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option long_options[] = {
		{ "exempt", required_argument, NULL, 'e' },
		{ "rom-at", required_argument, NULL, 'r' },
		{ "states", required_argument, NULL, 'S' },
		{ "notes", no_argument, NULL, 'n' },
		{ "summary", no_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
		switch (c) {
		case 'e': options->exempt[options->exempt_count++] = optarg; break;
		case 'r':
			if (parse_number(optarg, 0xffffffffu, &options->rom_at) != 0)
				return misuse("check", "--rom-at is an address of 32 bits, like 0xC00D0000");
			break;
		case 'S':
			if (parse_number(optarg, 1000000, &options->states) != 0)
				return misuse("check", "--states is how often code in line is tried, up to 1000000");
			break;
		case 'n': options->notes = 1; break;
		case 's': options->summary = 1; break;
		case 'j': options->json = 1; break;
		default: return misuse_option("check", argv, c);
		}
	if (argc - optind != 1 && argc - optind != 2)
		return misuse("check", "name one kernel, and one ROM if you want");
	options->kernel = argv[optind];
	options->rom = argv[optind + 1];
	return 0;
}

int cmd_check(int argc, char **argv)
{
	struct options options = { .rom_at = DEFAULT_ROM_AT, .states = DEFAULT_STATES };
	int status;

	options.exempt = allocate((size_t)argc, sizeof *options.exempt);
	status = parse(argc, argv, &options);
	if (status == 0)
		status = check(&options);
	free(options.exempt);
	return status;
}
