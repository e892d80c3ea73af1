/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_AGAINST_H
#define TOOL_AGAINST_H

/* A kernel patched for a ROM, in a copy of its text: copy.c makes it, against.c judges it, patch.c writes it out. */
#include <vrom/patch.h>

#include "check.h"
#include "romfile.h"

/* What was shown of a patched site. */
enum proof {
	PROOF_NATIVE,    /* it is as it was built */
	PROOF_CALL,      /* a call, a jump or nops: what the ROM says */
	PROOF_EQUAL,     /* in line, and in all states that were tried it does what the site would do without code in line */
	PROOF_UNDECIDED, /* in line, and nothing could be tried */
	PROOF_WRONG,     /* see the findings */
};

struct against {
	struct romfile rom;
	unsigned char *memory; /* the copy, where the kernel sees first_address */
	size_t size;
	uint64_t first;        /* position of memory[0] */
	uint64_t centre;       /* address of the records */
	void *plan_memory;
	struct vrom_table table;
	struct vrom_plan plan;
	enum vrom_status status;
	int committed;
	enum proof *proofs;    /* of each site; NULL if nothing was proved */
	unsigned *tried;       /* in how many states */
};

/* Where the copy has the byte at an address that was laid out. */
unsigned char *copy_at(const struct against *against, uint64_t address);

/* Copies what the patcher reads: a table with sites, whose records are aligned to 4. 0, or EXIT_BAD after a complaint. */
int against_lay_out(struct against *against, const struct kernel *kernel);

/* The ROM as the patcher sees it, once it has been asked. */
struct vrom_host against_host(const struct against *against);

/* Patches the copy, for a ROM that has been asked. Fills status and committed too. */
enum vrom_status against_plan(struct against *against, const struct kernel *kernel, struct vrom_error *error);

/* What these have allocated, and the ROM. */
void against_free(struct against *against);

#endif
