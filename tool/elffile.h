/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_ELFFILE_H
#define TOOL_ELFFILE_H

/*
 * A linked kernel, 32 or 64 bits, x86. Read by hand and not with a library: a file may be damaged or made to
 * harm, and every offset and count in it is checked here, once.
 */
#include "tool.h"

struct section {
	const char *name;           /* printable */
	uint64_t address, size;
	const unsigned char *bytes; /* size of them, or NULL if the file holds none */
	int loaded, executable;
};

struct segment {
	uint64_t address, size;     /* in memory */
	const unsigned char *bytes; /* file_size of them; the rest is zero */
	uint64_t file_size;
	int executable;
};

enum symbol_kind { SYMBOL_FUNCTION, SYMBOL_LABEL, SYMBOL_DATA };

struct symbol {
	const char *name; /* printable */
	uint64_t address, size;
	enum symbol_kind kind;
	int global;
};

struct elf {
	const char *path;
	struct blob file;
	int is_64;
	struct section *sections;
	size_t section_count;
	struct segment *segments; /* the loaded ones */
	size_t segment_count;
	struct symbol *symbols;   /* by address; of two at one address functions first, then global ones */
	size_t symbol_count;
	char **names;             /* printable copies of string tables */
	size_t name_count;
};

/* Reads a linked ELF file. 0, or EXIT_BAD after a complaint; elf_close is right after both. */
int elf_open(struct elf *elf, const char *path);
void elf_close(struct elf *elf);

const struct section *elf_section_named(const struct elf *elf, const char *name);
/* The loaded section that holds all size bytes at address, or NULL. */
const struct section *elf_section_at(const struct elf *elf, uint64_t address, uint64_t size);

const struct symbol *elf_symbol_named(const struct elf *elf, const char *name);
/* The last function or label at or before address, and in its section, or NULL. */
const struct symbol *elf_symbol_before(const struct elf *elf, uint64_t address);
/* "name+0x12", or "" if there is no symbol. buffer is also the result. */
#define PLACE_SIZE 120
const char *elf_place(const struct elf *elf, uint64_t address, char buffer[PLACE_SIZE]);

/* The size bytes at address in the file, or NULL if it does not hold all of them. */
const unsigned char *elf_bytes(const struct elf *elf, uint64_t address, uint64_t size);

#endif
