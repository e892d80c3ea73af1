/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every instruction outside the sites. Code is read one instruction after the other, and the reading starts afresh
 * at each function and behind each site. Text may hold data as well: what a symbol says is data is passed over, and
 * between the functions that have a size every label is a fresh start.
 */
#include <string.h>

#include "check.h"

#define MULTIBOOT_MAGIC 0x1badb002u

struct reading {
	struct kernel *kernel;
	struct findings *findings;
	const struct area *area;
	uint64_t at, end;
	uint64_t function_end; /* of the function we are in: labels before it start nothing */
	uint64_t data_end;
	size_t symbol;         /* the next one */
	uint64_t start;        /* the next address, behind at, where the reading starts afresh */
	size_t site;           /* the next one, in order */
	uint64_t strange_at;   /* where the bytes that are no instructions begin, if strange */
	uint64_t strange;
};

static int is_exempt(const struct kernel *kernel, const struct area *area, uint64_t address)
{
	if (area->exempt)
		return 1;
	for (size_t i = 0; i < kernel->exempt_count; i++)
		if (address >= kernel->exempt[i].start && address < kernel->exempt[i].end)
			return 1;
	return 0;
}

static void look_at(struct reading *reading, const struct instruction *instruction)
{
	struct kernel *kernel = reading->kernel;
	struct sensitive sensitive;
	char text[INSTRUCTION_SIZE];
	struct finding *finding;
	int exempt;

	kernel->instructions++;
	check_branch(kernel, instruction, reading->at, NULL, reading->findings);
	if (!classify(instruction, &sensitive))
		return;
	/* Between functions some linkers fill with it. */
	if (instruction->decoded.mnemonic == ZYDIS_MNEMONIC_INT3 && reading->at >= reading->function_end)
		return;
	exempt = is_exempt(kernel, reading->area, reading->at);
	if (exempt && sensitive.level == LEVEL_NOTE)
		return;
	if (exempt)
		finding = find_at(reading->findings, LEVEL_EXEMPT, ABOUT_SENSITIVE, reading->at, -1, "%s",
				  strcmp(reading->area->name, EARLY_SECTION) == 0 ?
					  "it runs before a ROM is looked for, as all of " EARLY_SECTION :
					  "--exempt names it");
	else
		finding = find_at(reading->findings, sensitive.level, ABOUT_SENSITIVE, reading->at, -1, "%s",
				  sensitive.why);
	finding->instead = exempt ? NULL : sensitive.instead;
	format_instruction(&kernel->decoder, instruction, reading->at, text);
	finding->instruction = strdup(text);
}

/* Notes the symbols up to here. */
static void pass_symbols(struct reading *reading)
{
	const struct elf *elf = &reading->kernel->elf;

	while (reading->symbol < elf->symbol_count && elf->symbols[reading->symbol].address <= reading->at) {
		const struct symbol *symbol = &elf->symbols[reading->symbol++];
		uint64_t end = symbol->address + symbol->size;

		if (symbol->kind == SYMBOL_FUNCTION && end > reading->function_end)
			reading->function_end = end;
		if (symbol->kind == SYMBOL_DATA && end > reading->data_end)
			reading->data_end = end;
	}
}

/* The next address at which the reading starts afresh. */
static uint64_t next_start(const struct reading *reading)
{
	const struct elf *elf = &reading->kernel->elf;

	for (size_t i = reading->symbol; i < elf->symbol_count; i++) {
		const struct symbol *symbol = &elf->symbols[i];

		if (symbol->kind != SYMBOL_LABEL || symbol->address >= reading->function_end)
			return symbol->address < reading->end ? symbol->address : reading->end;
	}
	return reading->end;
}

static uint64_t next_site(struct reading *reading)
{
	const struct kernel *kernel = reading->kernel;

	while (reading->site < kernel->order_count && kernel->order[reading->site]->address < reading->at)
		reading->site++;
	return reading->site < kernel->order_count && kernel->order[reading->site]->address < reading->end ?
	       kernel->order[reading->site]->address : reading->end;
}

static void end_strange(struct reading *reading)
{
	if (reading->strange)
		find_at(reading->findings, LEVEL_NOTE, ABOUT_TEXT, reading->strange_at, -1,
			"%llu bytes here are no instructions; a symbol that says they are data would make this sure",
			(unsigned long long)reading->strange);
	reading->kernel->strange += reading->strange;
	reading->strange = 0;
}

/* How many bytes of a multiboot header lie here: it is data that stands in text, mostly without a symbol. */
static uint64_t multiboot_header(const struct reading *reading, const unsigned char *bytes)
{
	uint32_t words[3];

	if (reading->at % 4 || reading->end - reading->at < sizeof words)
		return 0;
	memcpy(words, bytes, sizeof words);
	if (words[0] != MULTIBOOT_MAGIC || words[0] + words[1] + words[2] != 0)
		return 0;
	/* Addresses, and a video mode. */
	return words[1] & 4 ? 48 : words[1] & 0x10000 ? 32 : 12;
}

/* One instruction, or what stands where one should be. */
static void step(struct reading *reading, uint64_t site)
{
	const unsigned char *bytes = reading->area->bytes + (reading->at - reading->area->address);
	uint64_t skip = multiboot_header(reading, bytes);
	struct instruction instruction;

	if (reading->start <= reading->at)
		reading->start = next_start(reading);
	if (skip) {
		reading->at = skip < reading->end - reading->at ? reading->at + skip : reading->end;
		return;
	}
	if (decode(&reading->kernel->decoder, bytes, reading->end - reading->at, &instruction) != 0) {
		if (!reading->strange++)
			reading->strange_at = reading->at;
		reading->at++;
		return;
	}
	end_strange(reading);
	if (reading->at < site && instruction.length > site - reading->at) {
		find_at(reading->findings, LEVEL_MUST, ABOUT_SITE, site, reading->kernel->order[reading->site]->index,
			"an instruction at %llx runs into it: the site does not start where one starts",
			(unsigned long long)reading->at);
		reading->at = site;
		return;
	}
	look_at(reading, &instruction);
	reading->at += instruction.length;
	if (reading->at > reading->start)
		reading->at = reading->start;
}

static void sweep_area(struct kernel *kernel, const struct area *area, struct findings *findings)
{
	struct reading reading = { .kernel = kernel, .findings = findings, .area = area, .at = area->address,
				   .end = area->address + area->size };

	/* What begins before this area does not matter in it. */
	while (reading.symbol < kernel->elf.symbol_count && kernel->elf.symbols[reading.symbol].address < area->address)
		reading.symbol++;
	while (reading.at < reading.end) {
		uint64_t site = next_site(&reading);

		if (site == reading.at) {
			unsigned size = kernel->order[reading.site]->size;

			end_strange(&reading);
			reading.at += size ? size : 1;
			continue;
		}
		pass_symbols(&reading);
		if (reading.data_end > reading.at) {
			end_strange(&reading);
			reading.at = reading.data_end < site ? reading.data_end : site;
			continue;
		}
		step(&reading, site);
	}
	end_strange(&reading);
}

void sweep(struct kernel *kernel, struct findings *findings)
{
	for (size_t i = 0; i < kernel->area_count; i++)
		sweep_area(kernel, &kernel->areas[i], findings);
}
