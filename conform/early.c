/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The first page tables. This file is linked where it is loaded, and runs before paging: it must not call
 * anything outside, and addresses of what is outside are KERNEL_BASE too high.
 *
 * All tables are full pages: paging.c announces them once the ROM has been entered.
 */
#include "conform.h"

#define PHYSICAL(symbol) ((uint32_t)(symbol) - KERNEL_BASE)

struct early_result {
	uint32_t cr3, pae;
};
uint64_t early(const struct multiboot *boot);

static int is_end(char c)
{
	return !c || c == ' ';
}

/* Whether the command line has the word "pae". */
static int wants_pae(const struct multiboot *boot)
{
	const char *line = (const char *)boot->command_line;

	if (!(boot->flags & MULTIBOOT_HAS_COMMAND_LINE))
		return 0;
	for (; *line; line++) {
		if (line[0] == 'p' && line[1] == 'a' && line[2] == 'e' && is_end(line[3]))
			return 1;
		while (!is_end(*line))
			line++;
		if (!*line)
			break;
	}
	return 0;
}

static void fill(uint32_t table, unsigned index, uint32_t entry, int wide)
{
	if (wide)
		((uint64_t *)table)[index] = entry;
	else
		((uint32_t *)table)[index] = entry;
}

/* EAX: what CR3 is to be. EDX: whether the tables are PAE's. */
uint64_t early(const struct multiboot *boot)
{
	int wide = wants_pae(boot);
	uint32_t top = PHYSICAL(boot_tables), directory = wide ? top + PAGE_SIZE : top;
	uint32_t entries = wide ? 512 : 1024, shift = wide ? 21 : 22;
	uint32_t table = top + 2 * PAGE_SIZE;

	for (uint32_t frame = 0; frame < MEMORY_MAX / PAGE_SIZE; frame++) {
		if (frame && frame % entries == 0)
			table += PAGE_SIZE;
		fill(table, frame % entries, frame * PAGE_SIZE + ENTRY_PRESENT + ENTRY_WRITE, wide);
		if (frame % entries == 0)
			fill(directory, (KERNEL_BASE >> shift) % entries + frame / entries,
			     table + ENTRY_PRESENT + ENTRY_WRITE, wide);
	}
	table += PAGE_SIZE;
	fill(directory, (KERNEL_TEST >> shift) % entries, table + ENTRY_PRESENT + ENTRY_WRITE, wide);
	if (wide) {
		/* The kernel's directory for the jump, too: its first entries are what is needed. */
		fill(top, 0, directory + ENTRY_PRESENT, 1);
		fill(top, 3, directory + ENTRY_PRESENT, 1);
	} else {
		fill(directory, 0, top + 2 * PAGE_SIZE + ENTRY_PRESENT + ENTRY_WRITE, 0);
	}
	return (uint64_t)wide << 32 | top;
}
