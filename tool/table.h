/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_TABLE_H
#define TOOL_TABLE_H

/* A kernel's site table: the records of vrom/site.h and their seal. */
#include "elffile.h"

#define RECORD_SIZE 8 /* and 4 for each constant */

struct site {
	uint32_t index;
	uint64_t address;
	uint8_t call, size;
	uint16_t operands;
	uint32_t constants[5];       /* by the argument's place, from 0, where operands says so */
	uint8_t native_size;         /* 0 and native NULL if the seal ends before */
	const unsigned char *native; /* what the build put there, from the seal */
	const unsigned char *bytes;  /* size of them, what is there; NULL if the file has nothing at that address */
};

struct table {
	struct site *sites;
	size_t count;
	uint64_t records_address, records_size;
	uint64_t native_address, native_size;
	const unsigned char *records, *native;
	uint64_t seal_used; /* bytes of the seal that the records account for */
	void *made;         /* memory of records and seal that are in no file */
	uint64_t annotations_size, translations_size; /* of 2006, if they were made of those */
	char problem[200];  /* something wrong with the table as a whole, or "" */
};

enum table_state { TABLE_FOUND, TABLE_NONE, TABLE_BAD };

/*
 * Finds and reads the table. TABLE_NONE: there is none. TABLE_BAD: problem says why nothing of it can be read.
 * TABLE_FOUND: problem may be set too. table_free is right after each.
 */
enum table_state table_read(struct table *table, const struct elf *elf);
void table_free(struct table *table);

/* Fills in sites, from records and native. A part of table_read. */
void table_fill(struct table *table, const struct elf *elf);

/* As table_read, from annotations of 2006: sections .vmi.annotation and .vmi.translation. TABLE_BAD: one is refused. */
enum table_state annotations_read(struct table *table, const struct elf *elf);

/* Whether argument place, from 0, is a constant. */
static inline int site_is_constant(const struct site *site, unsigned place)
{
	return site->operands >> place & 1;
}

/* The register that it is in, if it is not: a number. The call exists and has it. */
unsigned site_register(const struct site *site, unsigned place);

/* "eax, edx, 0x1f, ebx": where the arguments of the site are, or what they are. */
#define OPERANDS_SIZE 80
const char *site_arguments(const struct site *site, char buffer[OPERANDS_SIZE]);
/* "eax ecx flags": what a replacement may change. */
const char *site_changes(const struct site *site, char buffer[OPERANDS_SIZE]);

#endif
