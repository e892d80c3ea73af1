/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_CALLS_H
#define TOOL_CALLS_H

/* The table of vmi/calls.h, to be looked up by number. */
#include <vmi/calls.h>

struct call {
	const char *name;        /* NULL: no such call */
	unsigned char arguments; /* how many */
	unsigned char in[3];     /* registers of the first three */
	unsigned char kind;
	unsigned short result, changes;
};

extern const struct call calls[VMI_CALL_COUNT];

/* Its name, or "call 99"; the latter in a buffer that the next such call reuses. */
const char *call_name(unsigned call);

/* "eax" and so on; number as in the instruction encoding. "?" if there is none. */
const char *register_name(unsigned number);

#endif
