/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_RUN_H
#define TOOL_RUN_H

/* vrom run: what the user asked for (run.c), and the command line that QEMU gets for it (qemu.c). */
#include "image.h"

struct run {
	const char *kernel, *rom, *append, *initrd, *cpu, *accel, *qemu, *json_file;
	/* With a monitor: its file, and what it is told. patch and restart may be NULL. Without one all of these are 0. */
	const char *monitor, *mode, *patch, *restart;
	int stats, trust;
	uint64_t memory;
	double timeout;
	int icount, json, use_stdin, force, dry_run;
};

struct command {
	char **words; /* ends with NULL */
	size_t count, room;
};

/* more: words for the end. 0, or EXIT_BAD after a complaint: it cannot be said to QEMU. */
int command_make(struct command *command, const struct run *run, enum image_kind kind, char **more);

/* As a shell would take it. */
void command_print(const struct command *command);

void command_free(struct command *command);

#endif
