/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_MACHINE_H
#define TOOL_MACHINE_H

/*
 * A machine to try the code of a site in: Unicorn for ordinary instructions, one at a time; what reaches outside the processor
 * (ports, interrupts by instruction, control registers ...) is an event, whose result is made up. So is the way to code of the
 * host that is not in its ROM; there the run ends. Memory that nobody has put
 * there is there when it is touched, with made-up contents. All that is made up depends on a seed alone, so two pieces of code
 * that do the same see the same.
 */
#include <vmi/calls.h>

#include "decode.h"

struct romfile;
struct machine;

struct start {
	uint32_t address; /* of the site */
	const unsigned char *code;
	unsigned size;
	uint32_t registers[8], flags, seed;
	/* What is on the stack, if that matters: the frame of an IRET. It is one to another ring if it is of five words. */
	uint32_t frame[5];
	unsigned frame_size;
};

/* What lies so far below the stack pointer of the start is nobody's. */
#define STACK_USED 0x400u
static inline int is_below_stack(const struct start *start, uint32_t address)
{
	return start->registers[VMI_ESP] - address <= STACK_USED && address != start->registers[VMI_ESP];
}

#define OUTCOME_PAGES 32
#define OUTCOME_EVENTS 64

struct outcome {
	/* Not NULL: why nothing can be said; the rest is not filled. */
	const char *problem;
	uint32_t registers[8], eip, flags;
	/* What was done outside the processor, in order. */
	unsigned event_count;
	struct event {
		unsigned kind;     /* a ZydisMnemonic */
		uint32_t value[7];
		uint32_t memory;   /* a digest of all of it at that time */
	} events[OUTCOME_EVENTS];
	/* Memory that was touched, as it is in the end. */
	unsigned page_count;
	struct page {
		uint32_t address;
		unsigned char *bytes;
	} pages[OUTCOME_PAGES];
};

/* NULL after a complaint about the ROM's file. The ROM is where the guest sees it. */
struct machine *machine_open(const struct romfile *rom);
void machine_close(struct machine *machine);

/* Runs the site from its first byte until it is at its end, or has left for good. outcome_free is right after it. */
void machine_run(struct machine *machine, const struct start *start, struct outcome *outcome);
void outcome_free(struct outcome *outcome);

/* Whether the branch at address has been seen to be taken (1), and not to be (2), or both (3), since machine_forget. */
unsigned machine_branch(const struct machine *machine, uint32_t address);
void machine_forget(struct machine *machine);

/* What is in CS. */
uint32_t machine_code_segment(const struct machine *machine);

/* What is made up of a seed: contents of the word at address. registers: some of these are found in memory too. */
uint32_t machine_content(const struct start *start, uint32_t address);

/* Some number, always the same one for the same two. */
uint32_t machine_mix(uint32_t seed, uint32_t what);

#endif
