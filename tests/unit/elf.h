/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TEST_ELF_H
#define TEST_ELF_H

/* A real kernel's site table and text, read from its ELF file. */
#include <vrom/patch.h>

struct image {
	unsigned char *bytes; /* the loaded segments, from address base on */
	uint32_t base, size;
	struct vrom_table table;
	unsigned sites;
};

/* Exits with a sentence if the file is not what it should be. */
void image_load(struct image *image, const char *path);
#endif
