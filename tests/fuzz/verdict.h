/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FUZZ_VERDICT_H
#define FUZZ_VERDICT_H

/* What the model of the patcher has in two files: verdict.c judges sites, code.c templates and bytes. */
#include "kernel.h"

struct verdict_call {
	uint8_t args, kind, in[3];
	uint16_t results, changes; /* VMI_R_... */
};
extern const struct verdict_call verdict_calls[VMI_CALL_COUNT];

struct argument {
	int is_there, is_constant;
	uint32_t value; /* if it is a constant */
	unsigned reg;   /* if not */
};

struct site {
	intptr_t start; /* in the text */
	unsigned call, size, operands;
	struct argument arguments[5];
};

/* The sites of all tables, as far as they were read. */
extern struct site verdict_sites[1024];

/* Reads a whole record. */
void verdict_read(struct site *site, const struct vrom_table *table, const unsigned char *record);

/* How many bytes a call takes there. */
unsigned verdict_length(const struct site *site);

/* Whether text holds the padding of count bytes. */
int verdict_is_padding(const unsigned char *text, unsigned count);

/* Whether a template makes sense, and whether a good one for the site's call fits it: VROM_WHY_TAKEN or why not. */
int verdict_template_is_good(const struct vrom_template *template);
enum vrom_why verdict_template(const struct vrom_template *template, const struct site *site);
#endif
