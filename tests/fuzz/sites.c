/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The patcher, on the kernel that an input describes (kernel.c has the format): it must say what verdict.c says, name
 * the right site, write what it previewed and nothing else, and leave no trace when it refuses or reverts.
 */
#include <string.h>

#include "kernel.h"

#define MAX_TEXT (1 << 18)
#define MAX_WHYS 24 /* sites of a table that are asked about each template */

const char *fuzz_outcome;

static unsigned char before[MAX_TEXT], wanted[MAX_TEXT];

static enum vrom_status plan_again(struct kernel *kernel, struct vrom_plan *plan, struct vrom_error *error)
{
	memset(kernel->asked, 0, sizeof kernel->asked);
	return vrom_plan(plan, kernel->no_host ? NULL : &kernel->host, kernel->tables, kernel->table_count,
			 kernel->memory, kernel->memory_size, error);
}

static int unchanged(const struct kernel *kernel)
{
	return memcmp(before, kernel->text, kernel->text_size) == 0 &&
	       memcmp(before, kernel->writable, kernel->text_size) == 0;
}

static void check_overlap_error(const struct kernel *kernel, const struct vrom_error *error)
{
	int found = 0;

	MUST(error->table < kernel->table_count && error->index < verdict_count(&kernel->tables[error->table]));
	for (uint32_t t = 0; t <= error->table; t++)
		if (error->other < verdict_count(&kernel->tables[t]))
			found |= verdict_overlap(kernel, error->table, error->index, t, error->other);
	MUST(found);
}

static void check_refusal(struct kernel *kernel, struct vrom_plan *plan, const struct verdict *verdict,
			  const struct vrom_error *error)
{
	struct vrom_error again;

	MUST(unchanged(kernel));
	MUST(error->status == verdict->status && error->reason == verdict->status);
	if (verdict->status == VROM_OVERLAP)
		check_overlap_error(kernel, error);
	else
		MUST(error->table == verdict->table && error->index == verdict->index);
	if (error->index != VROM_NO_INDEX && verdict->status != VROM_TABLE)
		MUST(error->address == (uintptr_t)kernel_site(kernel, error->table, error->index) +
				       (uintptr_t)kernel->tables[error->table].moved);
	MUST(vrom_commit(plan) == VROM_STATE && vrom_revert(plan) == VROM_STATE);
	MUST(plan_again(kernel, plan, &again) == verdict->status);
	MUST(memcmp(&again, error, sizeof again) == 0);
	MUST(plan_again(kernel, plan, NULL) == verdict->status);
	MUST(unchanged(kernel));
}

/* The text as it must be after the commit, from the previews. */
static void want(const struct kernel *kernel, const struct vrom_plan *plan, const struct verdict *verdict)
{
	uint32_t n = 0, counts[VROM_INLINE + 1] = { 0 };

	memcpy(wanted, before, kernel->text_size);
	for (uint32_t t = 0; t < kernel->table_count; t++)
		for (uint32_t i = 0; i < verdict_count(&kernel->tables[t]); i++, n++) {
			unsigned char *at = kernel_site(kernel, t, i), bytes[255];
			unsigned size = vrom_preview(plan, t, i, bytes), choice = vrom_choice(plan, n);

			MUST(choice == verdict->choices[n]);
			MUST(size == kernel_record(kernel, t, i)[5]);
			MUST(verdict_bytes(kernel, t, i, choice, bytes));
			for (unsigned k = 0; i < MAX_WHYS && k < kernel->host.template_count; k++)
				MUST(vrom_why(plan, t, i, k) == verdict_why(kernel, t, i, choice, k));
			memcpy(wanted + (at - kernel->text), bytes, size);
			counts[choice < VROM_INLINE ? choice : VROM_INLINE]++;
		}
	MUST(plan->sites == n && plan->kept == counts[VROM_KEEP] && plan->called == counts[VROM_CALLED] &&
	     plan->jumped == counts[VROM_JUMPED] && plan->erased == counts[VROM_ERASED] &&
	     plan->inlined == counts[VROM_INLINE]);
}

static int is_wanted(const struct kernel *kernel)
{
	return memcmp(wanted, kernel->writable, kernel->text_size) == 0 &&
	       (kernel->writable == kernel->text || memcmp(before, kernel->text, kernel->text_size) == 0);
}

static unsigned syncs;

static void count_sync(void *context)
{
	(void)context;
	syncs++;
}

static void check_acceptance(struct kernel *kernel, struct vrom_plan *plan, const struct verdict *verdict)
{
	enum vrom_status status;

	MUST(unchanged(kernel));
	if (kernel->no_host) {
		MUST(vrom_commit(plan) == VROM_STATE && unchanged(kernel));
		return;
	}
	want(kernel, plan, verdict);
	MUST(vrom_revert(plan) == VROM_STATE && unchanged(kernel));
	for (unsigned round = 0; round < 2; round++) {
		MUST(vrom_commit(plan) == VROM_OK && is_wanted(kernel));
		MUST(vrom_commit(plan) == VROM_STATE && is_wanted(kernel));
		MUST(vrom_revert(plan) == VROM_OK && unchanged(kernel));
	}
	syncs = 0;
	MUST(vrom_commit_live(plan, count_sync, NULL) == VROM_OK && is_wanted(kernel) && syncs == 3);
	status = vrom_revert_live(plan, count_sync, NULL);
	if (status == VROM_STATE)
		MUST(is_wanted(kernel) && vrom_revert(plan) == VROM_OK);
	else
		MUST(status == VROM_OK && syncs == 6);
	MUST(unchanged(kernel));
	/* Planned again, it comes out the same. */
	MUST(plan_again(kernel, plan, NULL) == VROM_OK);
	want(kernel, plan, verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kernel kernel;
	static uint8_t choices[1024];
	struct verdict verdict = { .choices = choices };
	struct vrom_error error;
	struct vrom_plan plan;

	kernel_build(&kernel, data, size);
	MUST(kernel.text_size <= MAX_TEXT && kernel.sites <= sizeof choices);
	for (uint32_t t = 0; t < kernel.table_count; t++)
		MUST(vrom_count(&kernel.tables[t]) == verdict_count(&kernel.tables[t]));
	memcpy(before, kernel.text, kernel.text_size);
	verdict_reach(&verdict, &kernel);
	memset(&error, 0x5a, sizeof error);
	if (plan_again(&kernel, &plan, &error) == VROM_OK) {
		MUST(verdict.status == VROM_OK);
		check_acceptance(&kernel, &plan, &verdict);
	} else {
		check_refusal(&kernel, &plan, &verdict, &error);
	}
	fuzz_outcome = vrom_strstatus(verdict.status);
	kernel_free(&kernel);
	return 0;
}
