/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_TEMPLATES_H
#define TOOL_TEMPLATES_H

/* The templates of a ROM that is being built. */
#include <stdint.h>

#include <vrom/template.h>

/*
 * Checks count templates that lie at offset start of an image of size bytes, and makes their branches into the ROM what
 * VROM_HOLE_REL wants: the ELF file has them as the linker made them, from their place in the image. 0, or EXIT_BAD after
 * a complaint about path.
 */
int build_templates(const char *path, struct vrom_template *templates, unsigned count, uint32_t start, uint32_t size);

#endif
