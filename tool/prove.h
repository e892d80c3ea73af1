/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_PROVE_H
#define TOOL_PROVE_H

/* That what stands at a patched site is right: by reading it (prove.c), and by running it (equal.c). */
#include "against.h"

const char *proof_name(enum proof proof);

#define DEFAULT_STATES 64

/* Reads one patched site and adds what is wrong with it. 0: nothing. */
unsigned prove_reading(const struct against *against, const struct kernel *kernel, const struct site *site,
		       unsigned choice, struct findings *findings);

/* Runs all sites that have code in line, and fills proofs and tried. 0, or EXIT_BAD after a complaint. */
int prove_running(struct against *against, const struct kernel *kernel, unsigned states, struct findings *findings);

#endif
