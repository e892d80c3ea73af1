/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef FUZZ_H
#define FUZZ_H

/* What the fuzz targets share. A target is a program: by libFuzzer, or with replay.c in its place. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What came of the last input, for people. */
extern const char *fuzz_outcome;

/* What must hold, whatever the input. */
#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: this does not hold: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* Reads every byte, so that the address sanitizer sees it. */
static inline void fuzz_touch(const void *from, size_t size)
{
	const volatile unsigned char *byte = from;

	while (size--)
		(void)*byte++;
}
#endif
