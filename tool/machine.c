/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <stdlib.h>
#include <string.h>

#include "machine_parts.h"
#include "romfile.h"

#define STEPS 2000

const int machine_registers[8] = { UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX,
				   UC_X86_REG_ESP, UC_X86_REG_EBP, UC_X86_REG_ESI, UC_X86_REG_EDI };

uint32_t machine_mix(uint32_t seed, uint32_t what)
{
	uint64_t x = (uint64_t)seed << 32 | what;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (uint32_t)(x ^ x >> 31);
}

/* Often what code is likely to look for. */
uint32_t machine_content(const struct start *start, uint32_t address)
{
	uint32_t mixed = machine_mix(start->seed, address), word = (address - start->registers[VMI_ESP]) / 4;

	if (word < start->frame_size)
		return start->frame[word];

	switch (mixed >> 16 & 7) {
	case 0: return 0;
	case 1: return 1;
	case 2: return 0xffffffff;
	case 3: return start->registers[(mixed >> 8 & 3) == VMI_EBX ? VMI_ECX : mixed >> 8 & 3];
	default: return machine_mix(mixed, address);
	}
}

uint32_t machine_get(const struct machine *machine, int name)
{
	uint32_t value = 0;

	uc_reg_read(machine->engine, name, &value);
	return value;
}

void machine_set(struct machine *machine, int name, uint32_t value)
{
	uc_reg_write(machine->engine, name, &value);
}

/* ---- Memory ---- */

static bool touch(uc_engine *engine, uc_mem_type type, uint64_t address, int size, int64_t value, void *user)
{
	struct machine *machine = user;
	struct outcome *outcome = machine->outcome;
	uint32_t page = (uint32_t)address & ~(PAGE - 1), words[PAGE / 4];

	(void)size, (void)value;
	if (type == UC_MEM_FETCH_UNMAPPED || outcome->page_count == OUTCOME_PAGES)
		return false;
	for (uint32_t i = 0; i < PAGE / 4; i++)
		words[i] = machine_content(machine->start, page + 4 * i);
	if (uc_mem_map(engine, page, PAGE, UC_PROT_READ | UC_PROT_WRITE) != UC_ERR_OK)
		return false;
	outcome->pages[outcome->page_count++].address = page;
	uc_mem_write(engine, page, words, sizeof words);
	return true;
}

int machine_reach(struct machine *machine, uint32_t address, uint32_t size, int writing)
{
	const struct romfile *rom = machine->rom;
	unsigned char byte;

	for (uint32_t at = address; at - address < size; at = (at | (PAGE - 1)) + 1)
		if (uc_mem_read(machine->engine, at, &byte, 1) != UC_ERR_OK &&
		    !touch(machine->engine, UC_MEM_READ_UNMAPPED, at, 1, 0, machine))
			return -1;
	return writing && (address - rom->at < rom->size ||
			   address - machine->start->address < machine->start->size) ? -1 : 0;
}

uint32_t machine_digest(struct machine *machine)
{
	const struct start *start = machine->start;
	uint32_t digest = 0, words[PAGE / 4];

	for (unsigned i = 0; i < machine->outcome->page_count; i++) {
		uint32_t page = machine->outcome->pages[i].address;

		uc_mem_read(machine->engine, page, words, sizeof words);
		for (uint32_t at = page; at - page < PAGE; at += 4)
			if (!is_below_stack(start, at) && words[(at - page) / 4] != machine_content(start, at))
				digest += machine_mix(words[(at - page) / 4], at);
	}
	return digest;
}

static void read_pages(struct machine *machine)
{
	struct outcome *outcome = machine->outcome;

	for (unsigned i = 0; i < outcome->page_count; i++) {
		struct page *page = &outcome->pages[i];

		page->bytes = allocate(PAGE, 1);
		uc_mem_read(machine->engine, page->address, page->bytes, PAGE);
		uc_mem_unmap(machine->engine, page->address, PAGE);
	}
}

/* ---- Branches ---- */

static int is_conditional(const struct instruction *instruction)
{
	return instruction->decoded.meta.category == ZYDIS_CATEGORY_COND_BR;
}

static void note_branch(struct machine *machine, uint32_t address, int taken)
{
	unsigned i = 0;

	while (i < machine->branch_count && machine->branches[i].address != address)
		i++;
	if (i == BRANCHES)
		return;
	if (i == machine->branch_count) {
		machine->branch_count++;
		machine->branches[i].address = address;
		machine->branches[i].seen = 0;
	}
	machine->branches[i].seen |= taken ? 1 : 2;
}

unsigned machine_branch(const struct machine *machine, uint32_t address)
{
	for (unsigned i = 0; i < machine->branch_count; i++)
		if (machine->branches[i].address == address)
			return machine->branches[i].seen;
	return 0;
}

void machine_forget(struct machine *machine)
{
	machine->branch_count = 0;
}

uint32_t machine_code_segment(const struct machine *machine)
{
	return machine_get(machine, UC_X86_REG_CS);
}

/* ---- A run ---- */

/* Code of the host's that is not in the ROM's file: whatever it does, it is an event. */
static int is_elsewhere(const struct machine *machine, uint32_t eip)
{
	return machine->rom->header->virtual_top && eip >= machine->rom->header->virtual_top;
}

/* One instruction. 0: there are more. */
static int step(struct machine *machine)
{
	struct instruction instruction;
	unsigned char bytes[15];
	uint32_t eip = machine_get(machine, UC_X86_REG_EIP);
	size_t size = sizeof bytes;
	uc_err error;
	int done;

	if (is_elsewhere(machine, eip)) {
		machine_event(machine, ZYDIS_MNEMONIC_CALL)->value[0] = eip;
		return 1;
	}
	while (size && uc_mem_read(machine->engine, eip, bytes, size) != UC_ERR_OK)
		size--;
	if (decode(&machine->decoder, bytes, size, &instruction) != 0) {
		machine->outcome->problem = "it comes to what is no instruction, or not there";
		return 1;
	}
	done = machine_special(machine, &instruction);
	if (done == 2)
		return 1;
	if (done == 1) {
		machine_set(machine, UC_X86_REG_EIP, eip + instruction.length);
		return 0;
	}
	/* It looks for the next one too. */
	error = uc_emu_start(machine->engine, eip, 0xffffffff, 0, 1);
	if (error != UC_ERR_OK &&
	    !(error == UC_ERR_FETCH_UNMAPPED && is_elsewhere(machine, machine_get(machine, UC_X86_REG_EIP)))) {
		machine->outcome->problem = "it faults";
		return 1;
	}
	if (is_conditional(&instruction) && eip - machine->start->address < machine->start->size)
		note_branch(machine, eip, machine_get(machine, UC_X86_REG_EIP) != eip + instruction.length);
	return 0;
}

static void run(struct machine *machine)
{
	const struct start *start = machine->start;
	uint32_t end = start->address + start->size;

	for (unsigned i = 0; i < 16; i++) {
		machine->control[i] = machine_mix(start->seed, 0xc0 + i);
		machine->debug[i] = machine_mix(start->seed, 0xd0 + i);
	}
	for (unsigned i = 0; i < 8; i++)
		machine_set(machine, machine_registers[i], start->registers[i]);
	machine_set(machine, UC_X86_REG_EFLAGS, start->flags);
	machine_set(machine, UC_X86_REG_EIP, start->address);
	for (unsigned i = 0; machine_get(machine, UC_X86_REG_EIP) != end; i++) {
		if (i == STEPS) {
			machine->outcome->problem = "it does not come to its end";
			return;
		}
		if (step(machine) != 0)
			return;
	}
}

void machine_run(struct machine *machine, const struct start *start, struct outcome *outcome)
{
	uint32_t first = start->address & ~(PAGE - 1);
	/* Unicorn reads ahead, beyond the site. */
	uint32_t size = ((start->address + start->size - 1) & ~(PAGE - 1)) + 2 * PAGE - first;

	memset(outcome, 0, sizeof *outcome);
	machine->start = start;
	machine->outcome = outcome;
	if (uc_mem_map(machine->engine, first, size, UC_PROT_READ | UC_PROT_EXEC) != UC_ERR_OK) {
		outcome->problem = "it is where the ROM is";
		return;
	}
	uc_mem_write(machine->engine, start->address, start->code, start->size);
	/* Unicorn would go on with what it has translated of the code that was there before. */
	uc_ctl_remove_cache(machine->engine, first, (uint64_t)first + size);
	run(machine);
	for (unsigned i = 0; i < 8; i++)
		outcome->registers[i] = machine_get(machine, machine_registers[i]);
	outcome->eip = machine_get(machine, UC_X86_REG_EIP);
	outcome->flags = machine_get(machine, UC_X86_REG_EFLAGS);
	read_pages(machine);
	uc_mem_unmap(machine->engine, first, size);
}

void outcome_free(struct outcome *outcome)
{
	for (unsigned i = 0; i < outcome->page_count; i++)
		free(outcome->pages[i].bytes);
	outcome->page_count = 0;
}

struct machine *machine_open(const struct romfile *rom)
{
	struct machine *machine = allocate(1, sizeof *machine);
	uint32_t first = rom->at & ~(PAGE - 1);
	uint32_t size = ((rom->at + (uint32_t)rom->size - 1) & ~(PAGE - 1)) + PAGE - first;

	machine->rom = rom;
	decoder_init(&machine->decoder, 0);
	if (uc_open(UC_ARCH_X86, UC_MODE_32, &machine->engine) == UC_ERR_OK &&
	    uc_mem_map(machine->engine, first, size, UC_PROT_READ | UC_PROT_EXEC) == UC_ERR_OK &&
	    uc_mem_write(machine->engine, rom->at, rom->file.bytes, rom->size) == UC_ERR_OK &&
	    uc_hook_add(machine->engine, &machine->hook, UC_HOOK_MEM_UNMAPPED, (void *)touch, machine, 1, 0) == UC_ERR_OK)
		return machine;
	machine_close(machine);
	fail(rom->path, "the emulated processor cannot be set up: is there memory left?");
	return NULL;
}

void machine_close(struct machine *machine)
{
	if (machine && machine->engine)
		uc_close(machine->engine);
	free(machine);
}
