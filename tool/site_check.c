/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every site by itself, and the sites among each other. */
#include <string.h>

#include <vrom/site.h>

#include "calls.h"
#include "check.h"

const struct area *kernel_area(const struct kernel *kernel, uint64_t address, uint64_t size)
{
	for (size_t i = 0; i < kernel->area_count; i++) {
		const struct area *area = &kernel->areas[i];

		if (address >= area->address && address - area->address < area->size &&
		    size <= area->size - (address - area->address))
			return area;
	}
	return NULL;
}

size_t kernel_sites_before(const struct kernel *kernel, uint64_t address)
{
	size_t low = 0, high = kernel->order_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kernel->order[middle]->address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct site *kernel_inside(const struct kernel *kernel, uint64_t address)
{
	/* Sites may overlap if the table is bad; a site has at most 255 bytes. */
	for (size_t i = kernel_sites_before(kernel, address); i-- > 0;) {
		const struct site *site = kernel->order[i];

		if (address - site->address > 255)
			break;
		if (address - site->address < site->size)
			return site;
	}
	return NULL;
}

void check_branch(const struct kernel *kernel, const struct instruction *instruction, uint64_t address,
		  const struct site *from, struct findings *findings)
{
	char text[INSTRUCTION_SIZE];
	const struct site *into;
	struct finding *finding;
	uint64_t target;

	if (branch_target(&kernel->decoder, instruction, address, &target)) {
		into = kernel_inside(kernel, target);
		if (!into || into == from)
			return;
		finding = find_at(findings, LEVEL_MUST, ABOUT_BRANCH, address, -1,
				  "it goes into the middle of site %u, %llu bytes behind its start: move the label out of the site",
				  into->index, (unsigned long long)(target - into->address));
		format_instruction(&kernel->decoder, instruction, address, text);
		finding->instruction = strdup(text);
		return;
	}
	for (unsigned i = 0; i < instruction->decoded.operand_count_visible; i++) {
		const ZydisDecodedOperand *operand = &instruction->operands[i];

		if (operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || operand->size < 32)
			continue;
		target = operand->imm.value.u;
		if (!kernel->elf.is_64)
			target &= 0xffffffffu;
		into = kernel_inside(kernel, target);
		if (!into)
			continue;
		finding = find_at(findings, LEVEL_NOTE, ABOUT_BRANCH, address, -1,
				  "if this constant is an address, it is one in the middle of site %u", into->index);
		format_instruction(&kernel->decoder, instruction, address, text);
		finding->instruction = strdup(text);
	}
}

/* The registers of a fourth and a fifth argument. */
static int arguments_are_right(const struct site *site, const struct call *call)
{
	unsigned free = VROM_TO_VMI(site->operands) | call->result;

	if (site->operands & 0x8000 || (site->operands & VROM_CONSTANTS) >> call->arguments)
		return 0;
	for (unsigned place = 0; place < 5; place++) {
		unsigned reg = site_register(site, place);
		int constant = site_is_constant(site, place);

		if (place < 3 ? constant && !(free >> reg & 1) :
		    constant || place >= call->arguments ? reg != 0 : reg < VMI_EBX || reg == VMI_ESP)
			return 0;
	}
	return 1;
}

static void check_code(const struct kernel *kernel, const struct site *site, struct findings *findings)
{
	struct instruction instruction;
	size_t at = 0;

	while (at < site->native_size &&
	       decode(&kernel->decoder, site->bytes + at, site->native_size - at, &instruction) == 0) {
		check_branch(kernel, &instruction, site->address + at, site, findings);
		at += instruction.length;
	}
	if (at != site->native_size)
		find_at(findings, LEVEL_MUST, ABOUT_SITE, site->address, site->index,
			"its native part is not whole instructions: they end at byte %zu of %u", at, site->native_size);
	if (!is_padding(site->bytes + site->native_size, site->size - site->native_size))
		find_at(findings, LEVEL_MUST, ABOUT_SITE, site->address, site->index,
			"its native part is not followed by %u bytes of the recommended nops, the longest first",
			site->size - site->native_size);
}

/* What the patcher needs to put a call there. */
static unsigned room_for_call(const struct site *site, const struct call *call)
{
	unsigned room = VROM_CALL_ROOM(call->arguments);

	for (unsigned place = 0; place < call->arguments; place++)
		if (site_is_constant(site, place))
			room += place < 3 ? 5 : (int32_t)site->constants[place] == (int8_t)site->constants[place] ? 1 : 4;
	return room;
}

static void check_site(const struct kernel *kernel, const struct site *site, struct findings *findings)
{
	unsigned room;

	if (site->call >= VMI_CALL_COUNT) {
		find_at(findings, LEVEL_MUST, ABOUT_SITE, site->address, site->index,
			"it is for call %u, which does not exist", site->call);
	} else {
		const struct call *call = &calls[site->call];

		room = room_for_call(site, call);
		if (site->size < room)
			find_at(findings, LEVEL_MUST, ABOUT_SITE, site->address, site->index,
				"it has %u bytes, and %s needs %u", site->size, call->name, room);
		if (!arguments_are_right(site, call))
			find_at(findings, LEVEL_MUST, ABOUT_SITE, site->address, site->index,
				"its operands 0x%04x make no sense for %s", site->operands, call->name);
	}
	if (!kernel_area(kernel, site->address, site->size)) {
		find_at(findings, LEVEL_MUST, ABOUT_SITE, site->address, site->index,
			"its %u bytes are not all in one executable section: was the code discarded, or moved?", site->size);
		return;
	}
	/* The table's own problem says why. */
	if (!site->native || !site->bytes)
		return;
	if (site->native_size > site->size) {
		find_at(findings, LEVEL_MUST, ABOUT_SITE, site->address, site->index,
			"its native part has %u bytes by the seal, and it has room for %u", site->native_size, site->size);
		return;
	}
	if (memcmp(site->bytes, site->native, site->native_size) != 0) {
		unsigned i = 0;

		while (site->bytes[i] == site->native[i])
			i++;
		find_at(findings, LEVEL_MUST, ABOUT_SITE, site->address, site->index,
			"it does not hold what the build put there: byte %u is 0x%02x, by the seal 0x%02x", i, site->bytes[i],
			site->native[i]);
	}
	check_code(kernel, site, findings);
}

static void check_neighbours(const struct kernel *kernel, struct findings *findings)
{
	for (size_t i = 1; i < kernel->order_count; i++) {
		const struct site *one = kernel->order[i - 1], *two = kernel->order[i];

		if (two->address == one->address)
			find_at(findings, LEVEL_MUST, ABOUT_SITE, two->address, two->index, "it is at the same address as site %u",
				one->index);
		else if (two->address - one->address < one->size)
			find_at(findings, LEVEL_MUST, ABOUT_SITE, two->address, two->index, "it overlaps site %u", one->index);
	}
}

static void check_labels(const struct kernel *kernel, struct findings *findings)
{
	for (size_t i = 0; i < kernel->elf.symbol_count; i++) {
		const struct symbol *symbol = &kernel->elf.symbols[i];
		const struct site *site = kernel_inside(kernel, symbol->address);

		if (site && symbol->kind != SYMBOL_DATA)
			find_at(findings, LEVEL_NOTE, ABOUT_SITE, symbol->address, site->index, "the symbol %s is in the middle of it",
				symbol->name);
	}
}

void check_sites(struct kernel *kernel, struct findings *findings)
{
	for (size_t i = 0; i < kernel->table.count; i++)
		check_site(kernel, &kernel->table.sites[i], findings);
	check_neighbours(kernel, findings);
	check_labels(kernel, findings);
}
