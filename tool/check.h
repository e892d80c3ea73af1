/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_CHECK_H
#define TOOL_CHECK_H

/*
 * vrom check, in parts: check.c the command, site_check.c every site by itself, sweep.c every instruction outside
 * them, sensitive.c which of these matter, against.c what a ROM would make of the sites, findings.c the list of
 * what was found.
 */
#include <jansson.h>

#include "decode.h"
#include "table.h"

/* Code that runs before a kernel looks for a ROM. */
#define EARLY_SECTION ".text.early"

/* ---- What was found ---- */

/* Exempt: it must be changed where it is, but the user, or the section that it is in, says that it is harmless there. */
enum level { LEVEL_NOTE, LEVEL_MUST, LEVEL_EXEMPT };

/* What a finding is about. */
enum about { ABOUT_TABLE, ABOUT_SITE, ABOUT_BRANCH, ABOUT_SENSITIVE, ABOUT_TEXT, ABOUT_ROM, ABOUT_COUNT };

struct finding {
	enum level level;
	enum about about;
	long site;         /* index, or -1 */
	int has_address;
	uint64_t address;
	char *instruction; /* or NULL */
	char *text;
	const char *instead; /* the VMI call to use, or NULL */
};

struct findings {
	struct finding *list;
	size_t count, room;
	size_t musts[ABOUT_COUNT], notes[ABOUT_COUNT];
	size_t exempt; /* sensitive instructions in exempt code */
};

/* Adds a finding and returns it, for the rest of its members to be set. The text is format's. */
struct finding *find_fault(struct findings *findings, enum level level, enum about about, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
struct finding *find_at(struct findings *findings, enum level level, enum about about, uint64_t address, long site,
			const char *format, ...) __attribute__((format(printf, 6, 7)));
size_t findings_musts(const struct findings *findings);
size_t findings_notes(const struct findings *findings);
void findings_print(const struct findings *findings, const struct elf *elf, int notes);
json_t *findings_json(const struct findings *findings, const struct elf *elf, int notes);
void findings_free(struct findings *findings);

/* ---- The kernel under examination ---- */

struct area {
	const char *name;
	uint64_t address, size;
	const unsigned char *bytes;
	int exempt;
};

struct range {
	uint64_t start, end;
};

struct kernel {
	struct elf elf;
	struct table table;
	enum table_state table_state;
	struct decoder decoder;
	struct area *areas; /* executable, by address */
	size_t area_count;
	struct site **order; /* the sites by address */
	size_t order_count;
	struct range *exempt; /* functions, beside whole areas */
	size_t exempt_count;
	uint64_t instructions; /* that the sweep has read */
	uint64_t strange;      /* bytes of text that are no instructions */
};

/*
 * Reads path. exempt: names of sections and functions. 0, or EXIT_BAD after a complaint; kernel_close is right after both.
 */
int kernel_open(struct kernel *kernel, const char *path, const char *const *exempt, size_t exempt_count);
void kernel_close(struct kernel *kernel);

/* The area that holds all size bytes at address, or NULL. */
const struct area *kernel_area(const struct kernel *kernel, uint64_t address, uint64_t size);
/* The site that address lies inside, behind its first byte, or NULL. */
const struct site *kernel_inside(const struct kernel *kernel, uint64_t address);
/* How many sites begin before address. */
size_t kernel_sites_before(const struct kernel *kernel, uint64_t address);

void check_sites(struct kernel *kernel, struct findings *findings);
/* Whether a branch at address, in site from or outside all (NULL), goes where it may not. */
void check_branch(const struct kernel *kernel, const struct instruction *instruction, uint64_t address,
		  const struct site *from, struct findings *findings);
void sweep(struct kernel *kernel, struct findings *findings);

/* ---- Sensitive instructions ---- */

struct sensitive {
	enum level level;
	const char *why, *instead;
};

/* 1 and *sensitive, or 0 for an instruction that does the same at any privilege. */
int classify(const struct instruction *instruction, struct sensitive *sensitive);

/* ---- Against a ROM ---- */

struct against; /* the plan, and what it was made from */

/* Plans for a ROM. NULL after a complaint: it cannot be asked at all. What is wrong goes to findings. */
struct against *against_open(struct kernel *kernel, const char *rom, uint32_t at, unsigned states,
			     struct findings *findings);
void against_print(const struct against *against, const struct kernel *kernel);
json_t *against_json(const struct against *against, const struct kernel *kernel);
void against_close(struct against *against);

#endif
