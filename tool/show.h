/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_SHOW_H
#define TOOL_SHOW_H

#include "decode.h"
#include "romfile.h"
#include "table.h"

void show_json(const struct romfile *rom, const struct decoder *decoder, const struct verdicts *verdicts);

/* A template's code in one line. Free it. */
char *template_code(const struct romfile *rom, const struct decoder *decoder, unsigned n);

/* "eax flags", or "nothing": of VROM_EAX and so on. */
const char *changes_text(unsigned changes, char buffer[OPERANDS_SIZE]);

#endif
