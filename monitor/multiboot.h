/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MONITOR_MULTIBOOT_H
#define MONITOR_MULTIBOOT_H

/* The Multiboot Specification 0.6.96: a loader starts the monitor by it, and the monitor its guests. */
#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAGS 3            /* modules on page boundaries, memory map: all that we ask for or can give */
#define MULTIBOOT_REQUIRED 0xffff    /* flags that a loader must know */
#define MULTIBOOT_BOOTED 0x2badb002  /* in EAX; EBX is the address of struct multiboot */
#define MULTIBOOT_SEARCH 8192        /* the header is in the first bytes */

/* What struct multiboot has. */
#define MULTIBOOT_MEMORY 0x001
#define MULTIBOOT_LINE 0x004
#define MULTIBOOT_MODULES 0x008
#define MULTIBOOT_MAP 0x040

#ifndef __ASSEMBLER__
#include <stdint.h>

struct multiboot {
	uint32_t flags, memory_lower, memory_upper, boot_device, line, module_count, modules, symbols[4];
	uint32_t map_length, map, drives_length, drives, config, loader;
};
struct multiboot_module {
	uint32_t start, end, line, reserved;
};
struct multiboot_range {
	uint32_t size; /* of what follows */
	uint64_t start, length;
	uint32_t kind;
} __attribute__((packed));
#endif
#endif
