/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_SHOW_H
#define TOOL_SHOW_H

#include <jansson.h>

#include "decode.h"
#include "romfile.h"
#include "table.h"

void show_json(const struct romfile *rom, const struct decoder *decoder, const struct verdicts *verdicts);

/* show_templates.c: all of them, as text and as an array. */
void show_templates(const struct romfile *rom, const struct decoder *decoder);
json_t *templates_json(const struct romfile *rom, const struct decoder *decoder);

#endif
