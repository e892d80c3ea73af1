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
#define POINTERS 0x20000000u
#define FLAGS_FIXED 0x202 /* bit 1, and interrupts on */
#define FLAGS_ARITHMETIC 0x8d5
#define FLAG_NT 0x4000
#define FLAG_VM 0x20000
#define USER_CODE 0x73
#define USER_DATA 0x7b
#define STATES_MOVED 8 /* for a site that is like another but for where it is */

const char *proof_name(enum proof proof)
{
	static const char *const proofs[] = { "native", "call", "equal", "undecided", "wrong" };

	return proofs[proof];
}

struct trial {
	const struct site *site;
	const unsigned char *in_line;
	unsigned char without[255];
	uint32_t free;        /* registers, by number */
	uint32_t result_mask; /* bits of EAX that are a result */
	uint32_t top;         /* from here on it is the host's memory; 0: there is none */
	unsigned states, tried;
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

/* What the processor's iret takes without a fault: to the same ring, to another, to virtual 8086 mode. */
static void make_frame(struct start *start, uint32_t seed, uint32_t kernel_code)
{
	start->frame[0] = some_value(seed, 16);
	start->frame[1] = kernel_code;
	start->frame[2] = machine_mix(seed, 17) & ~(uint32_t)FLAG_VM;
	start->frame[3] = some_value(seed, 18);
	start->frame[4] = some_value(seed, 19);
	start->frame_size = 5;
	switch (seed % 4) {
	case 0:
		start->frame_size = 3;
		break;
	case 1:
		start->frame[0] &= 0xffff;
		start->frame[1] = machine_mix(seed, 20) & 0xffff;
		start->frame[2] |= FLAG_VM;
		break;
	default:
		start->frame[1] = USER_CODE;
		start->frame[4] = USER_DATA;
	}
}

static void make_state(const struct machine *machine, unsigned call, struct start *start, uint32_t seed)
{
	start->seed = seed;
	for (unsigned i = 0; i < 8; i++)
		start->registers[i] = some_value(seed, i);
	start->registers[VMI_ESP] = STACK;
	/* What the string instructions count. */
	if ((calls[call].result & VMI_R_ECX_EDI) == VMI_R_ECX_EDI || (calls[call].result & VMI_R_ECX_ESI) == VMI_R_ECX_ESI)
		start->registers[VMI_ECX] &= 7;
	if (call == VMI_CALL_IRET)
		make_frame(start, seed, machine_code_segment(machine));
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
			if (!is_below_stack(start, at) && word_at(start, one, at) != word_at(start, two, at)) {
				*where = at;
				return 1;
			}
			if (at == end)
				break;
		}
	return 0;
}

/* A page that only one of them has touched, and that may not be there at all. What is behind the host's top is. */
static int touches_more(const struct trial *trial, const struct outcome *in_line, const struct outcome *without, uint32_t *where)
{
	for (unsigned i = 0; i < in_line->page_count; i++) {
		uint32_t page = in_line->pages[i].address;

		if (STACK - page < 2 * 0x1000 || page_at(without, page) || (trial->top && page >= trial->top))
			continue;
		*where = page;
		return 1;
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
		if (i < in_line->event_count && i < without->event_count && one->kind == two->kind &&
		    memcmp(one->value, two->value, sizeof one->value) == 0) {
			snprintf(text, size, "at its %s memory is not what it is at the call's",
				 ZydisMnemonicGetString((ZydisMnemonic)one->kind));
			return 1;
		}
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
	if (touches_more(trial, in_line, without, &where)) {
		snprintf(text, size, "it reads memory in the page at 0x%x, which the call does not touch", where);
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
			   struct trial *trial, struct findings *findings)
{
	const struct site *site = trial->site;
	struct start start = { .address = (uint32_t)site->address, .size = site->size };
	struct outcome *outcomes = allocate(2, sizeof *outcomes);
	const char *problem = NULL;
	enum proof proof = PROOF_EQUAL;
	char text[200];

	machine_forget(machine);
	for (uint32_t seed = 0; seed < trial->states && proof == PROOF_EQUAL; seed++) {
		make_state(machine, site->call, &start, seed);
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
			trial->tried++;
		}
		outcome_free(&outcomes[0]);
		outcome_free(&outcomes[1]);
	}
	free(outcomes);
	if (proof == PROOF_EQUAL && trial->tried < (trial->states + 1) / 2) {
		snprintf(text, sizeof text, "it could be tried in %u of %u states only: in the others, for the call, %s", trial->tried,
			 trial->states, problem ? problem : "?");
		report(against, kernel, site, findings, LEVEL_NOTE, text);
		if (trial->tried < (trial->states + 7) / 8)
			proof = PROOF_UNDECIDED;
	}
	if (proof == PROOF_EQUAL && site->call == VMI_CALL_IRET)
		report(against, kernel, site, findings, LEVEL_NOTE,
		       "it was tried with frames that iret takes: with another the fault is at the site");
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

int prove_running(struct against *against, const struct kernel *kernel, unsigned states, struct findings *findings)
{
	enum proof *proofs = against->proofs;
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
		struct trial trial = { .site = site, .in_line = copy_at(against, site->address), .states = states,
				       .free = VROM_TO_VMI(site->operands), .result_mask = result_mask(site->call),
				       .top = against->rom.header->virtual_top };
		size_t like = 0;

		if (vrom_choice(&against->plan, (uint32_t)i) < VROM_INLINE || proofs[i] == PROOF_WRONG)
			continue;
		while (like < i && !(proofs[like] != PROOF_WRONG && alike(&against->plan, &table->sites[like], site)))
			like++;
		if (like < i) {
			proofs[i] = proofs[like];
			against->tried[i] = against->tried[like];
			if (memcmp(trial.in_line, copy_at(against, table->sites[like].address), site->size) == 0)
				continue;
			trial.states = states < STATES_MOVED ? states : STATES_MOVED;
			if (proofs[i] == PROOF_UNDECIDED)
				continue;
		}
		if (!have_without) {
			proofs[i] = PROOF_UNDECIDED;
			report(against, kernel, site, findings, LEVEL_NOTE, "without code in line the ROM has no plan to compare it with");
			continue;
		}
		vrom_preview(&without, 0, (uint32_t)i, trial.without);
		proofs[i] = try_site(against, kernel, machine, &trial, findings);
		against->tried[i] = trial.tried;
	}
	machine_close(machine);
	free(memory);
	return 0;
}
