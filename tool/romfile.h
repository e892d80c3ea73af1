/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_ROMFILE_H
#define TOOL_ROMFILE_H

/* A ROM's file, read as far as it makes sense. Nothing here believes an offset. */
#include <vmi/calls.h>
#include <vrom/patch.h>

#include "emulate.h"

#define ROM_FILE_LIMIT ((size_t)1 << 20)

struct romfile {
	const char *path;
	struct blob file;
	size_t size;                            /* of the ROM: by its header, but not more than the file has */
	const struct vmi_rom_header *header;    /* NULL if there is no room for one */
	int is_vmi;                             /* both signatures are right */
	unsigned char sum;                      /* of size bytes: 0 is good */
	const char *licence;                    /* NULL: none, or its end is not in the ROM */
	const struct vmi_pci_header *pci;       /* NULL: none, or not inside the ROM; its signature may be anything */
	const struct vmi_pnp_header *pnp;
	struct vmi_pci_header pci_copy;         /* what these two point at: in the ROM they may be at odd addresses */
	struct vmi_pnp_header pnp_copy;
	const struct vrom_extension *extension; /* NULL if there is none with our signature */
	const struct vrom_template *templates;  /* those that lie inside the ROM */
	unsigned template_count;
	enum vrom_status status;                /* what vrom_check_rom says */
	struct vrom_rom rom;                    /* if it says VROM_OK */
	uint32_t at;                            /* where the guest sees it */
	struct emulator *emulator;              /* NULL if it has not been asked */
	struct reply replies[VMI_CALL_COUNT];   /* if emulator is not NULL */
	struct reply unknown;                   /* to a number that belongs to no call */
};

/* Reads path. 0, or EXIT_BAD after a complaint; romfile_close is right after both. */
int romfile_open(struct romfile *rom, const char *path, uint32_t at);
/* A number that no version of the interface has for a call. */
#define UNKNOWN_CALL 0x7f000000u

/* Executes get_reloc for every call. 0, or EXIT_BAD after a complaint. Only for a ROM with is_vmi. */
int romfile_ask(struct romfile *rom);
void romfile_close(struct romfile *rom);

/*
 * bios.c: lets the ROM do to itself what it does when the BIOS calls it, which finds it at a physical address with so many
 * KiB of memory from 0 on. 0, or EXIT_BAD after a complaint. Before romfile_ask, and only for a ROM with VROM_OK.
 */
#define DEFAULT_BIOS_MEMORY 639 /* what a BIOS leaves of 640, QEMU's too */
int romfile_boot(struct romfile *rom, uint32_t physical, unsigned memory);

/* A printable copy of the string at offset, or NULL if its end is not in the ROM. Free it. */
char *romfile_string(const struct romfile *rom, unsigned offset);

/* An answer's type in words: "none", "call", "jump", "nop", "type 7". */
const char *answer_name(unsigned type);

/* ---- linux.c: what Linux 2.6.24 to 2.6.36 does with a ROM ---- */

enum verdict_level { VERDICT_NOTE, VERDICT_WARNS, VERDICT_CRASHES, VERDICT_REFUSES };

struct verdict {
	enum verdict_level level;
	char text[200];
};

#define VERDICT_LIMIT 256

struct verdicts {
	struct verdict list[VERDICT_LIMIT];
	unsigned count;
	enum verdict_level worst;
};

void linux_judge(const struct romfile *rom, struct verdicts *verdicts);
const char *verdict_name(enum verdict_level level);

#endif
