/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The list of what a check has found. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static struct finding *add(struct findings *findings, enum level level, enum about about, const char *format,
			   va_list arguments)
{
	struct finding *finding;

	if (findings->count == findings->room) {
		size_t room = findings->room * 2 + 64;
		struct finding *list = allocate(room, sizeof *list);

		if (findings->count)
			memcpy(list, findings->list, findings->count * sizeof *list);
		free(findings->list);
		findings->list = list;
		findings->room = room;
	}
	finding = &findings->list[findings->count++];
	*finding = (struct finding){ .level = level, .about = about, .site = -1 };
	if (vasprintf(&finding->text, format, arguments) < 0)
		exit(fail("memory", "there is none left: close something else"));
	if (level == LEVEL_EXEMPT)
		findings->exempt++;
	else
		(level == LEVEL_MUST ? findings->musts : findings->notes)[about]++;
	return finding;
}

struct finding *find_fault(struct findings *findings, enum level level, enum about about, const char *format, ...)
{
	struct finding *finding;
	va_list arguments;

	va_start(arguments, format);
	finding = add(findings, level, about, format, arguments);
	va_end(arguments);
	return finding;
}

struct finding *find_at(struct findings *findings, enum level level, enum about about, uint64_t address, long site,
			const char *format, ...)
{
	struct finding *finding;
	va_list arguments;

	va_start(arguments, format);
	finding = add(findings, level, about, format, arguments);
	va_end(arguments);
	finding->has_address = 1;
	finding->address = address;
	finding->site = site;
	return finding;
}

static size_t sum_of(const size_t counts[ABOUT_COUNT])
{
	size_t sum = 0;

	for (unsigned about = 0; about < ABOUT_COUNT; about++)
		sum += counts[about];
	return sum;
}

size_t findings_musts(const struct findings *findings)
{
	return sum_of(findings->musts);
}

size_t findings_notes(const struct findings *findings)
{
	return sum_of(findings->notes);
}

static const char *section_name(const struct elf *elf, const struct finding *finding)
{
	const struct section *section = finding->has_address ? elf_section_at(elf, finding->address, 1) : NULL;

	return section ? section->name : "";
}

static const char *const level_names[] = { "note", "must", "exempt" };

/* Notes are many and shown on demand, but nobody must miss that there is no site table. */
static int is_hidden(const struct finding *finding, int notes)
{
	return finding->level == LEVEL_NOTE && !notes && finding->about != ABOUT_TABLE;
}

void findings_print(const struct findings *findings, const struct elf *elf, int notes)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		char place[PLACE_SIZE];

		if (is_hidden(finding, notes))
			continue;
		printf("%s ", level_names[finding->level]);
		if (finding->has_address)
			printf("%08llx %s (%s): ", (unsigned long long)finding->address,
			       elf_place(elf, finding->address, place), section_name(elf, finding));
		if (finding->site >= 0)
			printf("site %ld: ", finding->site);
		if (finding->instruction)
			printf("%s: ", finding->instruction);
		printf("%s", finding->text);
		if (finding->instead)
			printf(": use %s", finding->instead);
		putchar('\n');
	}
}

json_t *findings_json(const struct findings *findings, const struct elf *elf, int notes)
{
	static const char *const names[] = { "table", "site", "branch", "sensitive", "text", "rom" };
	json_t *list = json_array();

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];
		char place[PLACE_SIZE];
		json_t *object;

		if (is_hidden(finding, notes))
			continue;
		object = json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "level", level_names[finding->level], "about",
				   names[finding->about], "text", finding->text, "instruction", finding->instruction,
				   "instead", finding->instead);
		if (finding->has_address) {
			json_object_set_new(object, "address", json_integer((json_int_t)finding->address));
			json_object_set_new(object, "symbol", json_string(elf_place(elf, finding->address, place)));
			json_object_set_new(object, "section", json_string(section_name(elf, finding)));
		}
		if (finding->site >= 0)
			json_object_set_new(object, "site", json_integer(finding->site));
		json_array_append_new(list, object);
	}
	return list;
}

void findings_free(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].instruction);
		free(findings->list[i].text);
	}
	free(findings->list);
	memset(findings, 0, sizeof *findings);
}
