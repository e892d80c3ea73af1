/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * vrom_plan and vrom_commit, beside the floor: a memcpy of the same bytes to the same places, and beside XRay's
 * patching of as many sleds. The three take turns, so that what slows the machine down slows all three.
 */
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vrom/site.h>

#include "bench.h"

#define TURNS 15
#define SAMPLES 12000

/* ---- The floor ---- */

struct place {
	uint32_t offset, size;
};

/* What the commit writes, as bytes to copy. Sites that stay native are not among them. */
struct floor {
	struct place *places;
	unsigned char *patched, *native;
	unsigned count;
};

static void floor_make(struct floor *floor, const struct bench_kernel *kernel, const struct vrom_plan *plan)
{
	const unsigned char *next = kernel->table.records;
	unsigned char *patched, *native;

	floor->places = bench_memory(kernel->sites * sizeof *floor->places);
	floor->patched = patched = bench_memory(kernel->site_bytes);
	floor->native = native = bench_memory(kernel->site_bytes);
	floor->count = 0;
	for (unsigned i = 0; i < kernel->sites; i++) {
		const unsigned char *record = next;
		struct place place = { .size = record[5] };
		int32_t offset;

		next += 8 + 4 * __builtin_popcount(record[6] & VROM_CONSTANTS);
		if (vrom_choice(plan, i) == VROM_KEEP)
			continue;
		memcpy(&offset, record, sizeof offset);
		place.offset = (uint32_t)(record + offset - kernel->table.text);
		floor->places[floor->count++] = place;
		memcpy(native, kernel->table.text + place.offset, place.size);
		native += place.size;
	}
	if (vrom_commit((struct vrom_plan *)plan) != VROM_OK)
		bench_die("bench: the commit failed");
	for (unsigned i = 0; i < floor->count; i++) {
		memcpy(patched, kernel->table.text + floor->places[i].offset, floor->places[i].size);
		patched += floor->places[i].size;
	}
}

static void floor_free(struct floor *floor, const struct bench_kernel *kernel)
{
	bench_memory_free(floor->places, kernel->sites * sizeof *floor->places);
	bench_memory_free(floor->patched, kernel->site_bytes);
	bench_memory_free(floor->native, kernel->site_bytes);
}

__attribute__((noinline)) static void floor_copy(const struct floor *floor, unsigned char *text,
						 const unsigned char *from)
{
	for (unsigned i = 0; i < floor->count; i++) {
		unsigned size = floor->places[i].size;

		memcpy(text + floor->places[i].offset, from, size);
		from += size;
	}
}

/* ---- XRay: a program of its own, told over a pipe how often to patch ---- */

struct child {
	pid_t pid;
	FILE *to, *from;
};

static void child_start(struct child *child, const char *program)
{
	extern char **environ;
	char *arguments[] = { (char *)program, NULL };
	int in[2], out[2];
	posix_spawn_file_actions_t actions;

	if (pipe(in) || pipe(out) || posix_spawn_file_actions_init(&actions))
		bench_die("bench: no pipe");
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_addclose(&actions, in[1]);
	posix_spawn_file_actions_addclose(&actions, out[0]);
	if (posix_spawn(&child->pid, program, &actions, NULL, arguments, environ))
		bench_die("bench: %s does not start", program);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	child->to = fdopen(in[1], "w");
	child->from = fdopen(out[0], "r");
}

static void child_ask(struct child *child, unsigned count, double *patch, double *unpatch)
{
	fprintf(child->to, "%u\n", count);
	fflush(child->to);
	for (unsigned i = 0; i < count; i++)
		if (fscanf(child->from, "%lf %lf", &patch[i], &unpatch[i]) != 2)
			bench_die("bench: the XRay program ended early");
}

static void child_end(struct child *child)
{
	int status;

	fclose(child->to);
	fclose(child->from);
	if (waitpid(child->pid, &status, 0) < 0 || status != 0)
		bench_die("bench: the XRay program failed");
}

/* ---- The measurement ---- */

void bench_patch_run(struct bench_patch *result, const char *xray)
{
	/* At least a few samples a turn, about a tenth of a second of them at 20 ns a site. */
	unsigned sites = result->shape.sites, each = 5000000 / sites, count = 0;
	static double plans[SAMPLES], commits[SAMPLES], boths[SAMPLES], reverts[SAMPLES], floors[SAMPLES],
		patches[SAMPLES], unpatches[SAMPLES];
	struct bench_kernel kernel;
	struct vrom_error error;
	struct vrom_plan plan;
	struct floor floor;
	struct child child;
	size_t size = VROM_PLAN_MEMORY(sites);
	void *memory = bench_memory(size);
	unsigned char *before, *after;

	if (each < 3)
		each = 3;
	if (each > SAMPLES / TURNS)
		each = SAMPLES / TURNS;
	bench_kernel_make(&kernel, &result->shape);
	before = bench_memory(kernel.text_size);
	after = bench_memory(kernel.text_size);
	memcpy(before, kernel.table.text, kernel.text_size);
	if (vrom_plan(&plan, &kernel.host, &kernel.table, 1, memory, size, &error) != VROM_OK)
		bench_die("bench: site %u: %s", error.index, vrom_strstatus(error.status));
	floor_make(&floor, &kernel, &plan);
	memcpy(after, kernel.table.text, kernel.text_size);
	vrom_revert(&plan);
	if (xray)
		child_start(&child, xray);
	for (unsigned turn = 0; turn < TURNS; turn++) {
		/* Sample -1 warms up. */
		for (int i = -1; i < (int)each; i++) {
			unsigned at = count + (i < 0 ? 0 : i);
			double start = bench_now(), planned, committed;

			if (vrom_plan(&plan, &kernel.host, &kernel.table, 1, memory, size, &error) != VROM_OK)
				bench_die("bench: the plan failed");
			planned = bench_now();
			vrom_commit(&plan);
			committed = bench_now();
			vrom_revert(&plan);
			reverts[at] = bench_now() - committed;
			plans[at] = planned - start;
			commits[at] = committed - planned;
			boths[at] = committed - start;
		}
		if (memcmp(before, kernel.table.text, kernel.text_size) != 0)
			bench_die("bench: the revert did not restore the text");
		for (int i = -1; i < (int)each; i++) {
			double start = bench_now();

			floor_copy(&floor, kernel.table.text, floor.patched);
			floors[count + (i < 0 ? 0 : i)] = bench_now() - start;
			if (turn == 0 && i < 0 && memcmp(after, kernel.table.text, kernel.text_size) != 0)
				bench_die("bench: the floor does not write what the commit writes");
			floor_copy(&floor, kernel.table.text, floor.native);
		}
		if (xray)
			child_ask(&child, each, patches + count, unpatches + count);
		count += each;
	}
	if (xray)
		child_end(&child);
	result->plan = bench_median(plans, count) / sites;
	result->commit = bench_median(commits, count) / sites;
	result->both = bench_median(boths, count) / sites;
	result->revert = bench_median(reverts, count) / sites;
	result->floor = bench_median(floors, count) / sites;
	result->xray = xray ? bench_median(patches, count) / sites : -1;
	result->xray_revert = xray ? bench_median(unpatches, count) / sites : -1;
	result->site_bytes = (double)kernel.site_bytes / sites;
	result->called = plan.called;
	result->inlined = plan.inlined;
	result->erased = plan.erased;
	result->kept = plan.kept;
	result->constants = kernel.constants;
	floor_free(&floor, &kernel);
	bench_memory_free(before, kernel.text_size);
	bench_memory_free(after, kernel.text_size);
	bench_memory_free(memory, size);
	bench_kernel_free(&kernel);
}
