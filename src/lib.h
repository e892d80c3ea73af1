/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VROM_LIB_H
#define VROM_LIB_H

/*
 * The library, in reading order: rom.c finds a ROM, record.h reads a site table, plan.c decides what each
 * site becomes, code.h makes its bytes, commit.c writes them, live.c writes them under running processors,
 * attach.c is the whole way, entry.c calls into the ROM, status.c has the sentences.
 */
#include <vrom/patch.h>

/* Fills error, if there is one, and hands status on. */
static inline enum vrom_status vrom_fail(struct vrom_error *error, enum vrom_status status, uint32_t call,
					 uintptr_t address)
{
	if (error)
		*error = (struct vrom_error){ status, status, 0, VROM_NO_INDEX, call, address };
	return status;
}
#endif
