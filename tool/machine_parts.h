/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_MACHINE_PARTS_H
#define TOOL_MACHINE_PARTS_H

/* The machine's inside: machine.c has its memory and runs it, outside.c does the instructions that reach outside. */
#include <unicorn/unicorn.h>

#include <vmi/calls.h>

#include "machine.h"

#define PAGE 0x1000u
#define BRANCHES 64

struct machine {
	uc_engine *engine;
	uc_hook hook;
	struct decoder decoder;
	const struct romfile *rom;
	/* The run. */
	const struct start *start;
	struct outcome *outcome;
	uint32_t control[16], debug[16];
	/* Branches inside the site. */
	unsigned branch_count;
	struct {
		uint32_t address;
		unsigned seen;
	} branches[BRANCHES];
};

/* Unicorn's names of the general registers, by number. */
extern const int machine_registers[8];

uint32_t machine_get(const struct machine *machine, int name);
void machine_set(struct machine *machine, int name, uint32_t value);

/* Makes size bytes at address be there, up to a page of them. 0; or -1 if that cannot be, or writing and they are read only. */
int machine_reach(struct machine *machine, uint32_t address, uint32_t size, int writing);

/* Of all memory above the stack pointer at the start that is not as it was made up: some number. */
uint32_t machine_digest(struct machine *machine);

/* Notes an event. */
struct event *machine_event(struct machine *machine, unsigned kind);

/* Does what the processor does not do by itself. 1: done, go on behind it; 2: it does not come back, or cannot be tried;
 * 0: it is ordinary. */
int machine_special(struct machine *machine, const struct instruction *instruction);

#endif
