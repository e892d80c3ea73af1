/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * bench FOLDER: measures, prints tables for people, and writes FOLDER.json and FOLDER.dat (for plot.gp). The XRay
 * programs are FOLDER/xray-1000 and so on; those that are missing are left out.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define XRAY_HINT "XRay was not measured: install clang-14 and libclang-rt-14-dev"

/* ---- What bench.h declares ---- */

double bench_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double one = *(const double *)a, two = *(const double *)b;

	return (one > two) - (one < two);
}

double bench_median(double *values, unsigned count)
{
	qsort(values, count, sizeof *values, compare);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void bench_die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void *bench_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		bench_die("bench: no memory");
	madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 0xcc, size);
	return memory;
}

void bench_memory_free(void *memory, size_t size)
{
	munmap(memory, size);
}

/* ---- The tables ---- */

static struct bench_patch main_rows[] = {
	{ .shape = { 1000, 32, 0 } },
	{ .shape = { 10000, 32, 0 } },
	{ .shape = { 100000, 32, 0 } },
	{ .shape = { 1000000, 32, 0 } },
};
/* Sites as far apart as in a real kernel, and tables that are not in the order of addresses. */
static struct bench_patch other_rows[] = {
	{ .shape = { 2000, 1024, 0 } },
	{ .shape = { 100000, 1024, 0 } },
	{ .shape = { 2000, 32, 100 } },
	{ .shape = { 100000, 32, 100 } },
	{ .shape = { 1000000, 32, 100 } },
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void print_row(const struct bench_patch *row)
{
	printf("%9u %7u %7s  %6.2f", row->shape.sites, row->shape.distance, row->shape.object ? "no" : "yes",
	       row->both / row->floor);
	if (row->xray >= 0)
		printf(" %6.2f", row->both / row->xray);
	else
		printf("      -");
	printf("  %6.2f %6.2f %6.2f %6.2f  %6.2f", row->both, row->plan, row->commit, row->revert, row->floor);
	if (row->xray >= 0)
		printf(" %6.2f\n", row->xray);
	else
		printf("      -\n");
}

static void print_tables(int has_xray)
{
	printf("Patching, ns for each site: plan and commit with every check, a bare memcpy of the same bytes, and XRay's\n"
	       "__xray_patch with its own mprotect. All warm, medians, taking turns.\n\n"
	       "                              ratio to       ns a site\n"
	       "    sites   apart  sorted   floor   xray    both   plan commit revert   floor   xray\n");
	for (unsigned i = 0; i < COUNT(main_rows); i++)
		print_row(&main_rows[i]);
	for (unsigned i = 0; i < COUNT(other_rows); i++)
		print_row(&other_rows[i]);
	printf("\n%.0f %% of the sites become a call, %.0f %% code in line, %.0f %% nops, %.0f %% stay native; %.1f bytes on"
	       " average;\n%.0f %% have constants.\nUnsorted: object files of 100 sites, a tenth of each in a second text section.\n",
	       100.0 * main_rows[2].called / main_rows[2].shape.sites,
	       100.0 * main_rows[2].inlined / main_rows[2].shape.sites,
	       100.0 * main_rows[2].erased / main_rows[2].shape.sites,
	       100.0 * main_rows[2].kept / main_rows[2].shape.sites, main_rows[2].site_bytes,
	       100.0 * main_rows[2].constants / main_rows[2].shape.sites);
	if (!has_xray)
		printf("%s.\n", XRAY_HINT);
	printf("\nOne call site, ns and the ratio to a direct call. Warm and cold: added to real work, over a nop.\n\n"
	       "                                    back to back          cold            warm\n");
	for (unsigned i = 0; i < BENCH_SITE_KINDS; i++) {
		const struct bench_site *site = &bench_sites[i], *call = &bench_sites[3];

		printf("%-34s %6.2f (%5.2f)", site->name, site->back_to_back, site->back_to_back / call->back_to_back);
		if (i == 0)
			printf("  %6.2f           %6.2f\n", 0.0, 0.0);
		else
			printf("  %6.2f (%5.2f)   %6.2f\n", site->cold, site->cold / call->cold, site->warm);
	}
	printf("The work around a site alone takes %.2f ns cold, %.2f ns warm: less than a tenth of that is noise.\n",
	       bench_sites[0].cold, bench_sites[0].warm);
}

/* ---- JSON ---- */

static void write_xray(FILE *file, const char *key, double ns)
{
	if (ns < 0)
		fprintf(file, ", \"%s\": null", key);
	else
		fprintf(file, ", \"%s\": %.3f", key, ns);
}

static void write_rows(FILE *file, const char *key, const struct bench_patch *rows, unsigned count)
{
	fprintf(file, "  \"%s\": [\n", key);
	for (unsigned i = 0; i < count; i++) {
		const struct bench_patch *row = &rows[i];

		fprintf(file, "    {\"sites\": %u, \"ns_per_site\": %.3f, \"floor_ns_per_site\": %.3f", row->shape.sites,
			row->both, row->floor);
		write_xray(file, "xray_ns_per_site", row->xray);
		fprintf(file, ", \"plan_ns\": %.3f, \"commit_ns\": %.3f, \"revert_ns\": %.3f", row->plan, row->commit,
			row->revert);
		write_xray(file, "xray_revert_ns", row->xray_revert);
		fprintf(file, ", \"distance\": %u, \"sorted\": %s, \"site_bytes\": %.2f, \"called\": %u, \"inlined\": %u, "
			"\"erased\": %u, \"native\": %u, \"with_constants\": %u}%s\n", row->shape.distance, row->shape.object ? "false" : "true",
			row->site_bytes, row->called, row->inlined, row->erased, row->kept, row->constants, i + 1 < count ? "," : "");
	}
	fprintf(file, "  ],\n");
}

/* A value of /proc/cpuinfo, without what JSON would want escaped. */
static void processor(char *name, size_t size)
{
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "r");

	snprintf(name, size, "unknown");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, "model name", 10) == 0 && strchr(line, ':')) {
			snprintf(name, size, "%s", strchr(line, ':') + 2);
			name[strcspn(name, "\n\"\\")] = 0;
			break;
		}
	if (file)
		fclose(file);
}

static void write_json(const char *path, int has_xray)
{
	FILE *file = fopen(path, "w");
	char name[128];

	if (!file)
		bench_die("bench: %s cannot be written", path);
	processor(name, sizeof name);
	fprintf(file, "{\n");
	write_rows(file, "plan_commit", main_rows, COUNT(main_rows));
	write_rows(file, "plan_commit_other_tables", other_rows, COUNT(other_rows));
	fprintf(file, "  \"call_site\": [\n");
	for (unsigned i = 0; i < BENCH_SITE_KINDS; i++)
		fprintf(file, "    {\"site\": \"%s\", \"back_to_back_ns\": %.3f, \"%s_warm_ns\": %.3f, \"%s_cold_ns\": %.3f}%s\n",
			bench_sites[i].key, bench_sites[i].back_to_back, i ? "added" : "work", bench_sites[i].warm,
			i ? "added" : "work", bench_sites[i].cold, i + 1 < BENCH_SITE_KINDS ? "," : "");
	fprintf(file, "  ],\n  \"machine\": \"%s, %ld processors\",\n  \"compiler\": \"%s\",\n", name,
		sysconf(_SC_NPROCESSORS_ONLN),
#ifdef __clang__
		__VERSION__
#else
		"gcc " __VERSION__
#endif
	);
	fprintf(file, "  \"clang_xray\": %s\n}\n", has_xray ? "true" : "null");
	if (!has_xray)
		fprintf(stderr, "%s.\n", XRAY_HINT);
	if (fclose(file) != 0)
		bench_die("bench: %s cannot be written", path);
}

static void write_data(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		bench_die("bench: %s cannot be written", path);
	fprintf(file, "# sites vrom memcpy xray\n");
	for (unsigned i = 0; i < COUNT(main_rows); i++) {
		fprintf(file, "%u %.3f %.3f ", main_rows[i].shape.sites, main_rows[i].both, main_rows[i].floor);
		if (main_rows[i].xray < 0)
			fprintf(file, "?\n");
		else
			fprintf(file, "%.3f\n", main_rows[i].xray);
	}
	if (fclose(file) != 0)
		bench_die("bench: %s cannot be written", path);
}

int main(int argc, char **argv)
{
	char path[4096];
	int has_xray = 1;

	if (argc != 2) {
		fprintf(stderr, "usage: bench FOLDER\n");
		return 2;
	}
	for (unsigned i = 0; i < COUNT(main_rows); i++) {
		snprintf(path, sizeof path, "%s/xray-%u", argv[1], main_rows[i].shape.sites);
		has_xray &= access(path, X_OK) == 0;
		bench_patch_run(&main_rows[i], access(path, X_OK) == 0 ? path : NULL);
	}
	for (unsigned i = 0; i < COUNT(other_rows); i++)
		bench_patch_run(&other_rows[i], NULL);
	bench_site_run();
	print_tables(has_xray);
	snprintf(path, sizeof path, "%s.json", argv[1]);
	write_json(path, has_xray);
	snprintf(path, sizeof path, "%s.dat", argv[1]);
	write_data(path);
	return 0;
}
