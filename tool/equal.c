/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Running patched sites: what has code in line, and what it would have without, the call of the ROM's own function or the
 * native instructions. Both start from the same state, many times over, and must end in the same: registers that are not
 * free, results, flags, all memory above the stack pointer, and what was done outside the processor, in order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmi/abi.h>
#include <vrom/site.h>

#include "calls.h"
#include "machine.h"
#include "prove.h"

#define STACK 0x70000800u
#define STACK_USED 0x400u /* what lies this far below the stack pointer is nobody's */
#define POINTERS 0x20000000u
#define FLAGS_FIXED 0x202 /* bit 1, and interrupts on */
#define FLAGS_ARITHMETIC 0x8d5
#define FLAG_DF 0x400

const char *proof_name(enum proof proof)
{
	static const char *const proofs[] = { "native", "call", "native instructions", "equal", "undecided", "wrong" };

	return proofs[proof];
}

struct trial {
	const struct site *site;
	const unsigned char *in_line;
	unsigned char without[255];
	uint32_t free;        /* registers, by number */
	uint32_t result_mask; /* bits of EAX that are a result */
};

/* The bits of EAX that a call gives. */
static uint32_t result_mask(unsigned call)
{
	switch (call) {
	case VMI_CALL_GetInterruptMask: return VMI_MASK_ENABLED;
	case VMI_CALL_INB: return 0xff;
	case VMI_CALL_INW: return 0xffff;
	default: return calls[call].result & VMI_R_EAX ? 0xffffffff : 0;
	}
}

/* ---- States ---- */

/* Numbers that code looks for, pointers, and others. */
static uint32_t some_value(uint32_t seed, unsigned what)
{
	uint32_t mixed = machine_mix(seed, what);

	switch (mixed >> 24 & 7) {
	case 0: return 0;
	case 1: return 1;
	case 2: return 0xffffffff;
	case 3: return VMI_MASK_ENABLED | (mixed & 0xff);
	case 4: return machine_mix(mixed, what);
	default: return POINTERS + (mixed & 0xfffc);
	}
}

static void make_state(struct start *start, uint32_t seed)
{
	start->seed = seed;
	for (unsigned i = 0; i < 8; i++)
		start->registers[i] = some_value(seed, i);
	start->registers[VMI_ESP] = STACK;
	start->flags = FLAGS_FIXED | (machine_mix(seed, 8) & FLAGS_ARITHMETIC);
	if (seed & 1)
		start->flags &= ~(uint32_t)VMI_MASK_ENABLED;
}

/* ---- Comparing ---- */

static const struct page *page_at(const struct outcome *outcome, uint32_t address)
{
	for (unsigned i = 0; i < outcome->page_count; i++)
		if (outcome->pages[i].address == address)
			return &outcome->pages[i];
	return NULL;
}

static uint32_t word_at(const struct start *start, const struct outcome *outcome, uint32_t address)
{
	const struct page *page = page_at(outcome, address & ~0xfffu);
	uint32_t word;

	if (!page)
		return machine_content(start, address);
	memcpy(&word, page->bytes + (address & 0xfff), sizeof word);
	return word;
}

static int memory_differs(const struct start *start, const struct outcome *one, const struct outcome *two, uint32_t *where)
{
	for (unsigned i = 0; i < one->page_count; i++)
		for (uint32_t at = one->pages[i].address, end = at + 0xffc;; at += 4) {
			int below_stack = STACK - at <= STACK_USED && at < STACK;

			if (!below_stack && word_at(start, one, at) != word_at(start, two, at)) {
				*where = at;
				return 1;
			}
			if (at == end)
				break;
		}
	return 0;
}

/* 0, or 1 and what is different. */
static int differs(const struct trial *trial, const struct start *start, const struct outcome *in_line,
		   const struct outcome *without, char *text, size_t size)
{
	uint32_t where, mask;

	for (unsigned i = 0; i < in_line->event_count || i < without->event_count; i++) {
		const struct event *one = &in_line->events[i], *two = &without->events[i];

		if (i < in_line->event_count && i < without->event_count && memcmp(one, two, sizeof *one) == 0)
			continue;
		snprintf(text, size, "what it does outside the processor is not the same: %s in line, %s by the call",
			 i < in_line->event_count ? ZydisMnemonicGetString((ZydisMnemonic)one->kind) : "nothing more",
			 i < without->event_count ? ZydisMnemonicGetString((ZydisMnemonic)two->kind) : "nothing more");
		return 1;
	}
	for (unsigned i = 0; i < 8; i++) {
		mask = trial->free >> i & 1 ? 0 : 0xffffffff;
		if (i == VMI_EAX && calls[trial->site->call].result & VMI_R_EAX)
			mask = trial->result_mask;
		else if (calls[trial->site->call].result >> i & 1)
			mask = 0xffffffff;
		if ((in_line->registers[i] ^ without->registers[i]) & mask) {
			snprintf(text, size, "%s is 0x%x in line and 0x%x by the call", register_name(i),
				 in_line->registers[i], without->registers[i]);
			return 1;
		}
	}
	mask = trial->site->operands & VROM_FLAGS ? 0xffffffff & ~(uint32_t)FLAGS_ARITHMETIC : 0xffffffff;
	if ((in_line->flags ^ without->flags) & mask) {
		snprintf(text, size, "flags are 0x%x in line and 0x%x by the call", in_line->flags, without->flags);
		return 1;
	}
	if (in_line->eip != without->eip) {
		snprintf(text, size, "it goes on at 0x%x in line and at 0x%x by the call", in_line->eip, without->eip);
		return 1;
	}
	if (memory_differs(start, in_line, without, &where) || memory_differs(start, without, in_line, &where)) {
		snprintf(text, size, "memory at 0x%x is 0x%x in line and 0x%x by the call", where,
			 word_at(start, in_line, where), word_at(start, without, where));
		return 1;
	}
	return 0;
}

/* ---- A site ---- */

static void report(const struct against *against, const struct kernel *kernel, const struct site *site,
		   struct findings *findings, enum level level, const char *text)
{
	struct finding *finding = find_at(findings, level, ABOUT_ROM, site->address, site->index, "patched, %s", text);

	finding->instruction = disassemble(&kernel->decoder, copy_at(against, site->address), site->size, site->address);
}

/* Branches of the code that no state took both ways. */
static void report_branches(const struct against *against, const struct kernel *kernel, const struct machine *machine,
			    const struct site *site, struct findings *findings)
{
	const unsigned char *code = copy_at(against, site->address);
	struct instruction instruction;

	for (unsigned at = 0; at < site->size && decode(&kernel->decoder, code + at, site->size - at, &instruction) == 0;
	     at += instruction.length)
		if (instruction.decoded.meta.category == ZYDIS_CATEGORY_COND_BR &&
		    machine_branch(machine, (uint32_t)site->address + at) != 3)
			report(against, kernel, site, findings, LEVEL_NOTE, "a branch of it was tried one way only");
}

static enum proof try_site(const struct against *against, const struct kernel *kernel, struct machine *machine,
			   const struct trial *trial, unsigned states, struct findings *findings)
{
	const struct site *site = trial->site;
	struct start start = { .address = (uint32_t)site->address, .size = site->size };
	struct outcome *outcomes = allocate(2, sizeof *outcomes);
	const char *problem = NULL;
	enum proof proof = PROOF_EQUAL;
	unsigned tried = 0;
	char text[200];

	machine_forget(machine);
	for (uint32_t seed = 0; seed < states && proof == PROOF_EQUAL; seed++) {
		make_state(&start, seed);
		start.code = trial->without;
		machine_run(machine, &start, &outcomes[1]);
		start.code = trial->in_line;
		machine_run(machine, &start, &outcomes[0]);
		if (outcomes[1].problem) {
			problem = outcomes[1].problem; /* a state in which the ROM's own function cannot be tried */
		} else if (outcomes[0].problem) {
			snprintf(text, sizeof text, "%s, where the call is well", outcomes[0].problem);
			report(against, kernel, site, findings, LEVEL_MUST, text);
			proof = PROOF_WRONG;
		} else if (differs(trial, &start, &outcomes[0], &outcomes[1], text, sizeof text)) {
			report(against, kernel, site, findings, LEVEL_MUST, text);
			proof = PROOF_WRONG;
		} else {
			tried++;
		}
		outcome_free(&outcomes[0]);
		outcome_free(&outcomes[1]);
	}
	free(outcomes);
	if (proof == PROOF_EQUAL && tried < states / 2) {
		snprintf(text, sizeof text, "it could be tried in %u of %u states only: in the others, for the call, %s", tried, states,
			 problem ? problem : "?");
		report(against, kernel, site, findings, LEVEL_NOTE, text);
		proof = tried ? PROOF_EQUAL : PROOF_UNDECIDED;
	}
	if (proof == PROOF_EQUAL)
		report_branches(against, kernel, machine, site, findings);
	return proof;
}

/* Whether two sites have the same to show: the same template, and all else but the place. */
static int alike(const struct vrom_plan *plan, const struct site *one, const struct site *two)
{
	return vrom_choice(plan, one->index) == vrom_choice(plan, two->index) && one->operands == two->operands &&
	       one->size == two->size && memcmp(one->constants, two->constants, sizeof one->constants) == 0;
}

/* A plan without templates. The text must be native for it, so the other is taken back for a moment. */
static int plan_without(struct against *against, const struct kernel *kernel, struct vrom_plan *plan, void *memory)
{
	struct vrom_host host = against_host(against);
	enum vrom_status status;

	host.templates = NULL;
	host.template_count = 0;
	vrom_revert(&against->plan);
	status = vrom_plan(plan, &host, &against->table, 1, memory, VROM_PLAN_MEMORY(kernel->table.count), NULL);
	vrom_commit(&against->plan);
	return status == VROM_OK ? 0 : -1;
}

static int is_native(const struct site *site, const unsigned char *code)
{
	return memcmp(code, site->native, site->native_size) == 0 &&
	       is_padding(code + site->native_size, site->size - site->native_size);
}

int prove_running(struct against *against, const struct kernel *kernel, unsigned states, enum proof *proofs,
		  struct findings *findings)
{
	const struct table *table = &kernel->table;
	void *memory = allocate(VROM_PLAN_MEMORY(table->count), 1);
	struct machine *machine = machine_open(&against->rom);
	struct vrom_plan without;
	int have_without;

	if (!machine) {
		free(memory);
		return EXIT_BAD;
	}
	have_without = plan_without(against, kernel, &without, memory) == 0;
	for (size_t i = 0; i < table->count; i++) {
		const struct site *site = &table->sites[i];
		struct trial trial = { .site = site, .in_line = copy_at(against, site->address),
				       .free = VROM_TO_VMI(site->operands), .result_mask = result_mask(site->call) };
		unsigned choice = vrom_choice(&against->plan, (uint32_t)i);
		size_t like = 0;

		if (choice < VROM_INLINE || proofs[i] == PROOF_WRONG)
			continue;
		while (like < i && !(proofs[like] != PROOF_WRONG && alike(&against->plan, &table->sites[like], site)))
			like++;
		if (like < i) {
			proofs[i] = proofs[like];
			continue;
		}
		/* The way out of the kernel cannot be tried: it leads to another ring. */
		if (calls[site->call].kind & VMI_IS_REQUIRED) {
			proofs[i] = is_native(site, trial.in_line) ? PROOF_SAME : PROOF_UNDECIDED;
			if (proofs[i] == PROOF_UNDECIDED)
				report(against, kernel, site, findings, LEVEL_NOTE, "a way out of the kernel cannot be tried");
			continue;
		}
		if (!have_without) {
			proofs[i] = PROOF_UNDECIDED;
			report(against, kernel, site, findings, LEVEL_NOTE, "without code in line the ROM has no plan to compare it with");
			continue;
		}
		vrom_preview(&without, 0, (uint32_t)i, trial.without);
		proofs[i] = try_site(against, kernel, machine, &trial, states, findings);
	}
	machine_close(machine);
	free(memory);
	return 0;
}
