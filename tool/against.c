/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a ROM would make of a kernel's sites. The library's own patcher works on a copy of the text, with the
 * answers that the ROM's code gives; then Zydis reads what has come of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vrom/site.h>

#include "against.h"
#include "calls.h"
#include "prove.h"

static void explain(const struct against *against, const struct vrom_error *error, struct findings *findings)
{
	const char *sentence = vrom_strstatus(error->status);

	if (error->index == VROM_NO_INDEX) {
		find_fault(findings, LEVEL_MUST, ABOUT_ROM, "the patcher refuses all of it: %s", sentence);
		return;
	}
	if (error->call < VMI_CALL_COUNT && error->status == VROM_ANSWER && against->rom.replies[error->call].problem[0])
		sentence = against->rom.replies[error->call].problem;
	find_at(findings, LEVEL_MUST, ABOUT_ROM, (uint32_t)error->address, error->index,
		"the patcher refuses all of it because of this site for %s: %s", call_name(error->call), sentence);
}

static void make_plan(struct against *against, const struct kernel *kernel, struct findings *findings)
{
	struct vrom_error error;

	if (against_plan(against, kernel, &error) != VROM_OK)
		explain(against, &error, findings);
}

/* How many bytes of nops the code starts with. */
static unsigned leading_nops(const struct kernel *kernel, const unsigned char *code, unsigned size)
{
	struct instruction instruction;
	unsigned at = 0;

	while (at < size && decode(&kernel->decoder, code + at, size - at, &instruction) == 0 &&
	       instruction.decoded.mnemonic == ZYDIS_MNEMONIC_NOP)
		at += instruction.length;
	return at;
}

/* Whether a push is of the argument at place. */
static int pushes_argument(const struct site *site, unsigned place, const struct instruction *instruction)
{
	const ZydisDecodedOperand *what = &instruction->operands[0];

	if (site_is_constant(site, place))
		return what->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && (uint32_t)what->imm.value.s == site->constants[place];
	return what->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       what->reg.value == ZYDIS_REGISTER_EAX + (ZydisRegister)site_register(site, place);
}

/* The place of the argument whose constant is loaded where it belongs, or -1. */
static int loads_argument(const struct site *site, const struct instruction *instruction)
{
	const ZydisDecodedOperand *to = &instruction->operands[0], *what = &instruction->operands[1];

	for (unsigned place = 0; place < 3 && place < calls[site->call].arguments; place++)
		if (site_is_constant(site, place) && to->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    to->reg.value == ZYDIS_REGISTER_EAX + (ZydisRegister)site_register(site, place) &&
		    what->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && (uint32_t)what->imm.value.u == site->constants[place])
			return (int)place;
	return -1;
}

/*
 * Whether a patched site is nops, then pushes of a fifth and a fourth argument, loads of those that are constants, the one
 * call or jump to where the ROM said, then the lea that removes what was pushed, and ends there. NULL, or what is wrong.
 */
static const char *judge_transfer(const struct against *against, const struct kernel *kernel, const struct site *site,
				  const unsigned char *code, ZydisMnemonic transfer)
{
	unsigned at = leading_nops(kernel, code, site->size), place = calls[site->call].arguments;
	unsigned stacked = place > 3 ? place - 3u : 0, missing = site->operands & VROM_CONSTANTS & 7;
	struct instruction instruction;
	uint64_t target;

	if (!is_padding(code, at))
		return "its nops are not the recommended ones";
	if (transfer == ZYDIS_MNEMONIC_JMP && stacked)
		return "a jump leaves no way to take the arguments off the stack again";
	for (; decode(&kernel->decoder, code + at, site->size - at, &instruction) == 0 &&
	       instruction.decoded.mnemonic == ZYDIS_MNEMONIC_PUSH; at += instruction.length)
		if (place <= 3 || !pushes_argument(site, --place, &instruction))
			return "it pushes what is not the argument that belongs there";
	if (place > 3)
		return "it does not push as many arguments as the call has on the stack";
	for (; decode(&kernel->decoder, code + at, site->size - at, &instruction) == 0 &&
	       instruction.decoded.mnemonic == ZYDIS_MNEMONIC_MOV; at += instruction.length) {
		int loaded = loads_argument(site, &instruction);

		if (loaded < 0)
			return "it loads what is not the constant that belongs there";
		missing &= ~(1u << loaded);
	}
	if (missing)
		return "it does not load all arguments that are constants";
	if (decode(&kernel->decoder, code + at, site->size - at, &instruction) != 0 ||
	    instruction.decoded.mnemonic != transfer)
		return "there is no call or jump behind the nops";
	if (!branch_target(&kernel->decoder, &instruction, site->address + at, &target) ||
	    target != against->rom.replies[site->call].target)
		return "it does not go where the ROM said";
	at += instruction.length;
	if (stacked) {
		if (decode(&kernel->decoder, code + at, site->size - at, &instruction) != 0 ||
		    instruction.decoded.mnemonic != ZYDIS_MNEMONIC_LEA || instruction.operands[1].mem.disp.value != 4 * stacked)
			return "it does not take the arguments off the stack again";
		at += instruction.length;
	}
	return at == site->size ? NULL : "it does not end with the site";
}

static const char *judge_template(const struct against *against, const struct kernel *kernel, const struct site *site,
				  const unsigned char *code, unsigned choice)
{
	unsigned length = against->rom.rom.templates[choice - VROM_INLINE].length;

	if (whole_instructions(&kernel->decoder, code, length) != length)
		return "the ROM's code is not whole instructions";
	return is_padding(code + length, site->size - length) ? NULL : "the ROM's code is not followed by nops";
}

static const char *judge_code(const struct against *against, const struct kernel *kernel, const struct site *site,
			      unsigned choice)
{
	const unsigned char *code = copy_at(against, site->address);

	if (whole_instructions(&kernel->decoder, code, site->size) != site->size)
		return "it is not whole instructions";
	switch (choice) {
	case VROM_KEEP:
		return memcmp(code, site->bytes, site->size) == 0 ? NULL : "it should have stayed native";
	case VROM_CALLED:
		return judge_transfer(against, kernel, site, code, ZYDIS_MNEMONIC_CALL);
	case VROM_JUMPED:
		return judge_transfer(against, kernel, site, code, ZYDIS_MNEMONIC_JMP);
	case VROM_ERASED:
		return is_padding(code, site->size) ? NULL : "it is not all nops";
	default:
		return judge_template(against, kernel, site, code, choice);
	}
}

static void judge_sites(struct against *against, const struct kernel *kernel, struct findings *findings)
{
	for (size_t i = 0; i < kernel->table.count; i++) {
		const struct site *site = &kernel->table.sites[i];
		unsigned choice = vrom_choice(&against->plan, (uint32_t)i);
		const char *wrong = judge_code(against, kernel, site, choice);
		struct finding *finding;

		against->proofs[i] = choice == VROM_KEEP ? PROOF_NATIVE : choice < VROM_INLINE ? PROOF_CALL : PROOF_UNDECIDED;
		if (!wrong && prove_reading(against, kernel, site, choice, findings) != 0)
			against->proofs[i] = PROOF_WRONG;
		if (!wrong)
			continue;
		against->proofs[i] = PROOF_WRONG;
		finding = find_at(findings, LEVEL_MUST, ABOUT_ROM, site->address, site->index, "patched, %s", wrong);
		finding->instruction = disassemble(&kernel->decoder, copy_at(against, site->address), site->size,
						   site->address);
	}
}

/* In the memory of a PC where a guest looks for it. */
static int is_in_rom_area(const struct romfile *rom)
{
	uint32_t physical = rom->at % 0x100000;

	return physical >= VMI_ROM_AREA && physical + rom->size <= VMI_ROM_AREA + VMI_ROM_AREA_SIZE;
}

struct against *against_open(struct kernel *kernel, const char *path, uint32_t at, unsigned states, struct findings *findings)
{
	struct against *against = allocate(1, sizeof *against);

	if (romfile_open(&against->rom, path, at) != 0)
		goto out;
	against->status = against->rom.status;
	if (against->rom.status != VROM_OK) {
		find_fault(findings, LEVEL_MUST, ABOUT_ROM, "%s: %s", path, vrom_strstatus(against->rom.status));
		return against;
	}
	against->status = VROM_TABLE;
	if (kernel->elf.is_64) {
		find_fault(findings, LEVEL_MUST, ABOUT_ROM, "VMI ROMs are for i386, and the kernel is not");
		return against;
	}
	if (kernel->table_state != TABLE_FOUND || kernel->table.count == 0) {
		find_fault(findings, LEVEL_MUST, ABOUT_ROM, "there are no sites that a ROM could change");
		return against;
	}
	if (kernel->table.records_address % 4)
		return against; /* said already */
	/* As a guest finds it. What lies elsewhere has met no BIOS. */
	if (is_in_rom_area(&against->rom) &&
	    romfile_boot(&against->rom, at % 0x100000, DEFAULT_BIOS_MEMORY) != 0)
		goto out;
	if (romfile_ask(&against->rom) != 0)
		goto out;
	if (against_lay_out(against, kernel) != 0)
		goto out;
	make_plan(against, kernel, findings);
	if (against->committed) {
		against->proofs = allocate(kernel->table.count, sizeof *against->proofs);
		against->tried = allocate(kernel->table.count, sizeof *against->tried);
		judge_sites(against, kernel, findings);
		if (states && prove_running(against, kernel, states, findings) != 0)
			goto out;
	}
	return against;
out:
	against_close(against);
	return NULL;
}

static const char *choice_name(unsigned choice)
{
	static const char *const names[] = { "native", "call", "jump", "nops" };

	return choice < VROM_INLINE ? names[choice] : "in line";
}

/* Why the ROM's code for a call is not in line at a site of it, "" if there is none or it is. Of several templates it is the
 * one that came closest: whose reason is found last. Free it. */
static char *why_not(const struct against *against, const struct site *site)
{
	const struct vrom_rom *rom = &against->rom.rom;
	unsigned closest = 0;
	enum vrom_why why = VROM_WHY_CALL;
	char *text;

	if (vrom_choice(&against->plan, site->index) >= VROM_INLINE)
		return strdup("");
	for (unsigned i = 0; i < rom->template_count; i++)
		if (rom->templates[i].call == site->call && vrom_why(&against->plan, 0, site->index, i) >= why) {
			why = vrom_why(&against->plan, 0, site->index, i);
			closest = i;
		}
	if (why == VROM_WHY_CALL || asprintf(&text, "template %u is not in line: %s", closest, vrom_strwhy(why)) < 0)
		return strdup("");
	return text;
}

void against_print(const struct against *against, const struct kernel *kernel)
{
	const struct vrom_plan *plan = &against->plan;
	size_t proofs[PROOF_WRONG + 1] = { 0 };

	if (!against->committed)
		return;
	for (size_t i = 0; i < kernel->table.count; i++) {
		const struct site *site = &kernel->table.sites[i];
		char place[PLACE_SIZE];
		char *code = disassemble(&kernel->decoder, copy_at(against, site->address), site->size, site->address);
		char *why = why_not(against, site);
		unsigned choice = vrom_choice(plan, (uint32_t)i);

		printf("%5u  %08llx  %-34s %-18s %-7s ", site->index, (unsigned long long)site->address,
		       elf_place(&kernel->elf, site->address, place), call_name(site->call), choice_name(choice));
		if (choice >= VROM_INLINE)
			printf("%-19s ", proof_name(against->proofs[i]));
		else
			printf("%-19s ", "");
		printf("%s%s%s\n", code, *why ? "  # " : "", why);
		proofs[against->proofs[i]]++;
		free(code);
		free(why);
	}
	printf("with %s at 0x%x: %u sites, %u native, %u called, %u jumps, %u erased, %u in line\n", against->rom.path,
	       against->rom.at, plan->sites, plan->kept, plan->called, plan->jumped, plan->erased, plan->inlined);
	printf("of the %u in line %zu do what they would by a call, %zu are undecided, %zu wrong\n", plan->inlined,
	       proofs[PROOF_EQUAL], proofs[PROOF_UNDECIDED], proofs[PROOF_WRONG]);
}

json_t *against_json(const struct against *against, const struct kernel *kernel)
{
	const struct vrom_plan *plan = &against->plan;
	json_t *list = json_array();
	json_t *object = json_pack("{s:b, s:s, s:I, s:o}", "accepted", against->committed, "status",
				   vrom_strstatus(against->status), "rom_at", (json_int_t)against->rom.at, "becomes", list);

	if (!against->committed)
		return object;
	for (size_t i = 0; i < kernel->table.count; i++) {
		const struct site *site = &kernel->table.sites[i];
		char *code = disassemble(&kernel->decoder, copy_at(against, site->address), site->size, site->address);

		unsigned choice = vrom_choice(plan, (uint32_t)i);
		char *why = why_not(against, site);

		json_array_append_new(list, json_pack("{s:i, s:I, s:s, s:s, s:s, s:s, s:i, s:s, s:i}", "site", (int)site->index,
						      "address", (json_int_t)site->address, "call", call_name(site->call),
						      "becomes", choice_name(choice), "code", code, "proof",
						      proof_name(against->proofs[i]), "states", (int)against->tried[i], "why", why, "template",
						      choice < VROM_INLINE ? -1 : (int)(choice - VROM_INLINE)));
		free(code);
		free(why);
	}
	json_object_update_new(object, json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "sites", (int)plan->sites, "native",
						 (int)plan->kept, "called", (int)plan->called, "jumped", (int)plan->jumped,
						 "erased", (int)plan->erased, "inlined", (int)plan->inlined));
	return object;
}

void against_close(struct against *against)
{
	if (!against)
		return;
	against_free(against);
	free(against);
}
