/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One kernel, annotated in both ways (by hand in sites.S, by the compiler in kernel.c): the plan for our table and that for
 * the annotations of 2006 are the same, site by site and byte by byte, whatever the host answers. A 32-bit program, as
 * annotations have addresses of 32 bits. The kernel's text is this program's own, of which nothing else has sites.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <vrom/annotation.h>
#include <vrom/site.h>

#define SITES 200

extern unsigned char __executable_start[], etext[];
extern const unsigned char __start_both_annotations[], __stop_both_annotations[], __start_both_translations[],
	__stop_both_translations[];

static unsigned tests, failures;

static void check(int passed, const char *what, const char *host)
{
	failures += !passed;
	printf("%sok %u - %s: %s\n", passed ? "" : "not ", ++tests, host, what);
}

/* ---- Hosts ---- */

enum answers { CALLS, MIXED, NOTHING };

static void answer(void *context, unsigned call, struct vrom_answer *result)
{
	enum answers how = *(const enum answers *)context;

	result->target = 0x08000000 + 16 * call;
	result->type = VMI_RELOCATION_CALL_REL;
	if (call == VMI_CALL_IRET || call == VMI_CALL_SYSEXIT)
		result->type = how == CALLS ? VMI_RELOCATION_CALL_REL : VMI_RELOCATION_JUMP_REL;
	else if (how == NOTHING)
		result->type = VMI_RELOCATION_NONE;
	else if (how == MIXED && call == VMI_CALL_Reboot)
		result->type = VMI_RELOCATION_JUMP_REL;
	else if (how == MIXED && (call == VMI_CALL_SetLazyMode || call == VMI_CALL_IODelay))
		result->type = VMI_RELOCATION_NOP;
}

static const struct vrom_template templates[] = {
	{ .call = VMI_CALL_EnableInterrupts, .length = 6, .code = "\xff\x05\x10\0\0\0", .holes = { { 2, VROM_HOLE_ROM } },
	  .changes = VROM_FLAGS },
	{ .call = VMI_CALL_FlushTLB, .length = 3, .code = "\x31\xc0\x90", .guards = { { 2, 0 } }, .guard_arguments = { 1 },
	  .changes = VROM_EAX + VROM_FLAGS },
	{ .call = VMI_CALL_FlushTLB, .length = 5, .code = "\xe8\x40\0\0\0", .holes = { { 1, VROM_HOLE_REL } }, .constant = 1,
	  .changes = VROM_STANDARD },
	{ .call = VMI_CALL_SetPxE, .length = 6, .code = "\xc7\x02\0\0\0\0", .in_register = 2,
	  .holes = { { 2, VROM_HOLE_IMM32 + (1 << 4) } } },
	{ .call = VMI_CALL_WriteGDTEntry, .length = 3, .code = "\x89\x40\x04", .holes = { { 1, VROM_HOLE_REG + (4 << 4) } } },
	{ .call = VMI_CALL_WriteIDTEntry, .length = 1, .code = "\x50", .holes = { { 0, VROM_HOLE_RM + (4 << 4) } } },
	{ .call = VMI_CALL_SetLinearMapping, .length = 2, .code = "\x6a\0", .holes = { { 1, VROM_HOLE_IMM8 + (4 << 4) } },
	  .constant = 1 },
	{ .call = VMI_CALL_SetAlarm, .length = 2, .code = "\xb0\0", .holes = { { 1, VROM_HOLE_PORT + (5 << 4) } },
	  .guards = { { 0xffffffff, 0x100 } }, .guard_arguments = { 1 }, .changes = VROM_EAX },
	{ .call = VMI_CALL_SetLazyMode, .length = 0, .guards = { { 0xffffffff, 1 } }, .guard_arguments = { 1 } },
};

/* ---- The two plans ---- */

static unsigned char *native_text, *patched_text;

static unsigned different_sites(const struct vrom_plan *ours, const struct vrom_plan *theirs)
{
	unsigned different = 0;

	for (uint32_t i = 0; i < ours->sites; i++) {
		unsigned char one[255] = { 0 }, two[255] = { 0 };
		unsigned size = vrom_preview(ours, 0, i, one), size2 = vrom_preview(theirs, 0, i, two);

		if (size == size2 && memcmp(one, two, sizeof one) == 0 && vrom_choice(ours, i) == vrom_choice(theirs, i))
			continue;
		printf("# site %u: chosen %u and %u\n", i, vrom_choice(ours, i), vrom_choice(theirs, i));
		different++;
	}
	return different;
}

/*
 * The records say the same: call, size, registers and constants. What may change is what the call may change for one, and for
 * the other what the compiler was told, which may be more.
 */
static unsigned different_records(const struct vrom_table *ours, const struct vrom_table *theirs)
{
	const unsigned char *one = ours->records, *two = theirs->records;
	unsigned different = 0;

	while (one < ours->records_end && two < theirs->records_end) {
		uint16_t operands[2];
		uint32_t constants;

		memcpy(&operands[0], one + 6, 2);
		memcpy(&operands[1], two + 6, 2);
		constants = 4 * (uint32_t)__builtin_popcount(operands[0] & VROM_CONSTANTS);
		if (memcmp(one + 4, two + 4, 2) || (operands[0] ^ operands[1]) & ~VROM_STANDARD || operands[1] & ~operands[0] ||
		    memcmp(one + 8, two + 8, constants))
			different++;
		one += 8 + constants;
		two += 8 + 4 * __builtin_popcount(operands[1] & VROM_CONSTANTS);
	}
	return different + (one != ours->records_end || two != theirs->records_end);
}

/* How many sites end in nops as those of 2006. */
static unsigned padded(const struct vrom_annotations *annotations)
{
	unsigned count = 0;

	for (const unsigned char *at = annotations->annotations; at < annotations->annotations_end; at += VROM_ANNOTATION_SIZE)
		count += (int8_t)at[14] > 0;
	return count;
}

static void compare(const char *name, enum answers how, unsigned template_count)
{
	static unsigned char old_memory[VROM_ANNOTATION_MEMORY(SITES)], our_plan[VROM_PLAN_MEMORY(SITES)],
		their_plan[VROM_PLAN_MEMORY(SITES)];
	struct vrom_annotations annotations = { __start_both_annotations, __stop_both_annotations, __start_both_translations,
						__stop_both_translations, __executable_start, etext, 0, 0 };
	struct vrom_table ours = VROM_KERNEL_TABLE(__executable_start, etext), theirs;
	struct vrom_host host = { .answer = answer, .context = &how, .templates = templates,
				  .template_count = template_count, .rom = 0x08000000, .high = (uintptr_t)-1 };
	struct vrom_plan one, two;
	struct vrom_error error = { 0 };
	size_t size = (size_t)(etext - __executable_start);
	enum vrom_status status = vrom_read_annotations(&annotations, old_memory, sizeof old_memory, &theirs, &error);

	check(status == VROM_OK, "the annotations can be read", name);
	if (status != VROM_OK) {
		printf("# annotation %u: %s\n", error.index, vrom_strstatus(status));
		return;
	}
	check(!different_records(&ours, &theirs), "the records are the same", name);
	check(padded(&annotations) > 20, "there are nops of 2006 among what is native", name);
	status = vrom_plan(&one, &host, &ours, 1, our_plan, sizeof our_plan, &error);
	if (status == VROM_OK)
		status = vrom_plan(&two, &host, &theirs, 1, their_plan, sizeof their_plan, &error);
	check(status == VROM_OK, "both plans are accepted", name);
	if (status != VROM_OK) {
		printf("# site %u: %s\n", error.index, vrom_strstatus(status));
		return;
	}
	printf("# %u sites: %u native, %u called, %u jumps, %u erased, %u in line\n", one.sites, one.kept, one.called,
	       one.jumped, one.erased, one.inlined);
	check(one.sites > 90 && one.sites == two.sites && !different_sites(&one, &two), "they are the same", name);
	vrom_commit(&one);
	memcpy(patched_text, __executable_start, size);
	vrom_revert(&one);
	check(memcmp(native_text, __executable_start, size) == 0, "ours is reverted", name);
	vrom_commit(&two);
	check(memcmp(patched_text, __executable_start, size) == 0 && memcmp(native_text, __executable_start, size) != 0, "they write the same", name);
	vrom_revert(&two);
	check(memcmp(native_text, __executable_start, size) == 0, "theirs is reverted", name);
	check(!template_count || (two.inlined > 8 && two.called + two.kept > 8), "some sites are in line, some are not", name);
}

int main(void)
{
	uintptr_t start = (uintptr_t)__executable_start & ~(uintptr_t)4095;
	size_t size = (size_t)(etext - __executable_start);

	native_text = malloc(size);
	patched_text = malloc(size);
	if (!native_text || !patched_text || mprotect((void *)start, (uintptr_t)etext - start, PROT_READ | PROT_WRITE | PROT_EXEC))
		return perror("memory"), 1;
	memcpy(native_text, __executable_start, size);
	compare("calls", CALLS, 0);
	compare("mixed answers", MIXED, 0);
	compare("little is answered", NOTHING, 0);
	compare("calls and templates", CALLS, sizeof templates / sizeof *templates);
	compare("mixed answers and templates", MIXED, sizeof templates / sizeof *templates);
	printf("1..%u\n", tests);
	return failures != 0;
}
