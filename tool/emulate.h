/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_EMULATE_H
#define TOOL_EMULATE_H

/* Asks a ROM the way a guest does: by executing its get_reloc, in an emulated processor. */
#include "tool.h"

/* Where a guest that has physical memory at C0000000h sees a ROM at D0000h. */
#define DEFAULT_ROM_AT 0xc00d0000u

#define EMULATION_LIMIT 100000 /* instructions */

struct reply {
	uint32_t target;
	uint8_t type;
	char problem[120]; /* why there is no answer, or "" */
	int stores;        /* it wrote into the ROM, which on a PC cannot be written */
	int spoils;        /* it changed a register that it must keep */
};

struct emulator;

/* A ROM of size bytes at address at. NULL after a complaint about file. */
struct emulator *emulator_open(const char *file, const unsigned char *rom, size_t size, uint32_t at);
void emulator_ask(struct emulator *emulator, uint32_t call, struct reply *reply);
void emulator_close(struct emulator *emulator);

#endif
