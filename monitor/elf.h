/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MONITOR_ELF_H
#define MONITOR_ELF_H

/* A guest's ELF file, as far as the monitor reads it. load.c has checked that the headers are there. */
#include <stdint.h>

#define ELF_MAGIC 0x464c457f
#define ELF_KIND 0x00030002   /* executable, i386 */
#define ELF_LOAD 1
#define ELF_NOTE 4

struct elf {
	uint32_t magic;
	uint8_t unused[12];
	uint32_t kind, version, entry, headers, sections, flags;
	uint16_t size, header_size, header_count;
};
struct elf_header {
	uint32_t type, offset, address, physical, file_size, size, flags, align;
};
struct elf_note {
	uint32_t name_size, size, type; /* then the name, then the contents, each up to a multiple of 4 */
};
#endif
