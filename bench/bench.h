/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef BENCH_H
#define BENCH_H

/* What the files of the benchmark share. All times are ns of CLOCK_MONOTONIC. */
#include <stdint.h>
#include <stdio.h>

#include <vrom/patch.h>

double bench_now(void);

/* Of count values, which it sorts. */
double bench_median(double *values, unsigned count);

/* Prints a sentence and exits. */
__attribute__((noreturn, format(printf, 1, 2))) void bench_die(const char *format, ...);

/* Memory in pages of 4 KiB, as a program's own text has, all of it touched. */
void *bench_memory(size_t size);
void bench_memory_free(void *memory, size_t size);

/* ---- kernel.c: a kernel made of random bytes, with a site table in the real format ---- */

struct bench_shape {
	unsigned sites;
	unsigned distance; /* from site to site, bytes on average; more than 8 */
	unsigned object;   /* sites in one object file; 0: one object. A tenth of each lies in a second text section */
};

struct bench_kernel {
	struct vrom_table table;
	struct vrom_host host;
	unsigned sites, constants; /* so many have any */
	size_t text_size, native_size, site_bytes;
};

void bench_kernel_make(struct bench_kernel *kernel, const struct bench_shape *shape);
void bench_kernel_free(struct bench_kernel *kernel);

/* ---- patch.c ---- */

/* ns for each site. */
struct bench_patch {
	struct bench_shape shape;
	double plan, commit, both, revert, floor;
	double xray, xray_revert; /* negative: not measured */
	double site_bytes;        /* on average */
	unsigned called, inlined, erased, kept, constants;
};

/* xray: the program with as many sleds, or NULL. */
void bench_patch_run(struct bench_patch *result, const char *xray);

/* ---- site.c ---- */

struct bench_site {
	const char *name, *key;
	double back_to_back, warm, cold; /* warm and cold: more than the same code with a nop at the site */
};
#define BENCH_SITE_KINDS 8
extern struct bench_site bench_sites[BENCH_SITE_KINDS];

void bench_site_run(void);
#endif
