/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_IMAGE_H
#define TOOL_IMAGE_H

/* What QEMU's -kernel takes. */
#include "tool.h"

enum image_kind { IMAGE_MULTIBOOT, IMAGE_LINUX, IMAGE_UNKNOWN };

/*
 * Which kind of kernel the file is, and whether it is whole. 0, or EXIT_BAD after a complaint; *kind is
 * set either way.
 */
int image_recognise(const char *path, const struct blob *blob, enum image_kind *kind);

#endif
