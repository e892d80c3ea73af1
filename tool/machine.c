/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <stdlib.h>
#include <string.h>

#include <unicorn/unicorn.h>

#include "machine.h"
#include "romfile.h"

#define PAGE 0x1000u
#define STEPS 2000
#define BRANCHES 64

struct machine {
	uc_engine *engine;
	uc_hook hook;
	struct decoder decoder;
	const struct romfile *rom;
	/* The run. */
	const struct start *start;
	struct outcome *outcome;
	uint32_t control[16], debug[16];
	/* Branches inside the site. */
	unsigned branch_count;
	struct {
		uint32_t address;
		unsigned seen;
	} branches[BRANCHES];
};

static const int names[8] = { UC_X86_REG_EAX, UC_X86_REG_ECX, UC_X86_REG_EDX, UC_X86_REG_EBX,
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
	uint32_t mixed = machine_mix(start->seed, address);

	switch (mixed >> 16 & 7) {
	case 0: return 0;
	case 1: return 1;
	case 2: return 0xffffffff;
	case 3: return start->registers[(mixed >> 8 & 3) == VMI_EBX ? VMI_ECX : mixed >> 8 & 3];
	default: return machine_mix(mixed, address);
	}
}

static uint32_t get(const struct machine *machine, int name)
{
	uint32_t value = 0;

	uc_reg_read(machine->engine, name, &value);
	return value;
}

static void set(struct machine *machine, int name, uint32_t value)
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

/* ---- Instructions ---- */

static struct event *event(struct machine *machine, ZydisMnemonic kind)
{
	struct outcome *outcome = machine->outcome;

	if (outcome->event_count == OUTCOME_EVENTS) {
		outcome->problem = "it does more than can be looked at";
		return &outcome->events[0];
	}
	outcome->events[outcome->event_count] = (struct event){ .kind = kind };
	return &outcome->events[outcome->event_count++];
}

/* The result of the last event: made up of what it is, and how many there were before. */
static uint32_t result(struct machine *machine, uint32_t what)
{
	return machine_mix(machine->start->seed ^ machine->outcome->event_count << 24, what);
}

static uint32_t value_of(struct machine *machine, const ZydisDecodedOperand *operand)
{
	int number = ZydisRegisterGetId(operand->reg.value);

	if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return (uint32_t)operand->imm.value.u;
	if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return 0;
	return number >= 0 && number < 8 ? get(machine, names[number]) & (uint32_t)((1ull << operand->size) - 1) : 0;
}

static uint32_t address_of(struct machine *machine, const ZydisDecodedOperandMem *mem)
{
	uint32_t address = mem->disp.has_displacement ? (uint32_t)mem->disp.value : 0;

	if (mem->base != ZYDIS_REGISTER_NONE)
		address += get(machine, names[ZydisRegisterGetId(mem->base)]);
	if (mem->index != ZYDIS_REGISTER_NONE)
		address += get(machine, names[ZydisRegisterGetId(mem->index)]) * mem->scale;
	return address;
}

/* mov to or from a control or debug register. */
static int special_move(struct machine *machine, const struct instruction *instruction)
{
	const ZydisDecodedOperand *to = &instruction->operands[0], *from = &instruction->operands[1];

	for (int i = 0; i < 2; i++) {
		ZydisRegister reg = instruction->operands[i].reg.value;
		ZydisRegisterClass class = ZydisRegisterGetClass(reg);
		uint32_t *bank = class == ZYDIS_REGCLASS_CONTROL ? machine->control : machine->debug;
		unsigned number = (unsigned)ZydisRegisterGetId(reg) & 15;
		struct event *done;

		if (instruction->operands[i].type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    (class != ZYDIS_REGCLASS_CONTROL && class != ZYDIS_REGCLASS_DEBUG))
			continue;
		if (i == 1) {
			set(machine, names[ZydisRegisterGetId(to->reg.value)], bank[number]);
			return 1;
		}
		done = event(machine, ZYDIS_MNEMONIC_MOV);
		done->value[0] = (uint32_t)class;
		done->value[1] = number;
		done->value[2] = bank[number] = value_of(machine, from);
		return 1;
	}
	return 0;
}

/* What the processor does not do by itself. 1: done, go on behind it; 2: it does not come back; 0: it is ordinary. */
static int special(struct machine *machine, const struct instruction *instruction)
{
	ZydisMnemonic mnemonic = instruction->decoded.mnemonic;
	const ZydisDecodedOperand *one = &instruction->operands[0], *two = &instruction->operands[1];
	struct event *done;

	switch (mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		return special_move(machine, instruction);
	case ZYDIS_MNEMONIC_IN: {
		uint32_t keep = one->size == 32 ? 0 : 0xffffffff << one->size;

		done = event(machine, mnemonic);
		done->value[0] = one->size;
		done->value[1] = value_of(machine, two) & 0xffff;
		set(machine, UC_X86_REG_EAX, (get(machine, UC_X86_REG_EAX) & keep) | (result(machine, done->value[1]) & ~keep));
		return 1;
	}
	case ZYDIS_MNEMONIC_OUT:
		done = event(machine, mnemonic);
		done->value[0] = two->size;
		done->value[1] = value_of(machine, one) & 0xffff;
		done->value[2] = value_of(machine, two);
		return 1;
	case ZYDIS_MNEMONIC_INT:
		/* A hypervisor's entry: registers say what is wanted. */
		done = event(machine, mnemonic);
		done->value[0] = value_of(machine, one);
		for (unsigned i = 0; i < 6; i++) {
			static const int arguments[] = { VMI_EBX, VMI_EAX, VMI_EDX, VMI_ECX, VMI_ESI, VMI_EDI };

			done->value[i + 1] = get(machine, names[arguments[i]]);
		}
		set(machine, UC_X86_REG_EAX, result(machine, 0));
		set(machine, UC_X86_REG_EDX, result(machine, 1));
		return 1;
	case ZYDIS_MNEMONIC_RDTSC:
	case ZYDIS_MNEMONIC_RDMSR:
	case ZYDIS_MNEMONIC_RDPMC:
		done = event(machine, mnemonic);
		done->value[0] = mnemonic == ZYDIS_MNEMONIC_RDTSC ? 0 : get(machine, UC_X86_REG_ECX);
		set(machine, UC_X86_REG_EAX, result(machine, 0));
		set(machine, UC_X86_REG_EDX, result(machine, 1));
		return 1;
	case ZYDIS_MNEMONIC_WRMSR:
		done = event(machine, mnemonic);
		for (unsigned i = 0; i < 3; i++)
			done->value[i] = get(machine, names[i]);
		return 1;
	case ZYDIS_MNEMONIC_INVLPG:
	case ZYDIS_MNEMONIC_LGDT:
	case ZYDIS_MNEMONIC_LIDT:
		event(machine, mnemonic)->value[0] = address_of(machine, &one->mem);
		return 1;
	case ZYDIS_MNEMONIC_LLDT:
	case ZYDIS_MNEMONIC_LTR:
		event(machine, mnemonic)->value[0] = value_of(machine, one) & 0xffff;
		return 1;
	case ZYDIS_MNEMONIC_WBINVD:
	case ZYDIS_MNEMONIC_CLTS:
	case ZYDIS_MNEMONIC_HLT:
		event(machine, mnemonic);
		return 1;
	case ZYDIS_MNEMONIC_STI:
	case ZYDIS_MNEMONIC_CLI:
		event(machine, mnemonic);
		return 0;
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_SYSEXIT:
		event(machine, mnemonic);
		return 2;
	case ZYDIS_MNEMONIC_CPUID:
	case ZYDIS_MNEMONIC_INSB:
	case ZYDIS_MNEMONIC_INSW:
	case ZYDIS_MNEMONIC_INSD:
	case ZYDIS_MNEMONIC_OUTSB:
	case ZYDIS_MNEMONIC_OUTSW:
	case ZYDIS_MNEMONIC_OUTSD:
		machine->outcome->problem = "it has an instruction that is not tried here";
		return 2;
	default:
		return 0;
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

/* ---- A run ---- */

/* One instruction. 0: there are more. */
static int step(struct machine *machine)
{
	struct instruction instruction;
	unsigned char bytes[15];
	uint32_t eip = get(machine, UC_X86_REG_EIP);
	size_t size = sizeof bytes;
	int done;

	while (size && uc_mem_read(machine->engine, eip, bytes, size) != UC_ERR_OK)
		size--;
	if (decode(&machine->decoder, bytes, size, &instruction) != 0) {
		machine->outcome->problem = "it comes to what is no instruction, or not there";
		return 1;
	}
	done = special(machine, &instruction);
	if (done == 2)
		return 1;
	if (done == 1) {
		set(machine, UC_X86_REG_EIP, eip + instruction.length);
		return 0;
	}
	if (uc_emu_start(machine->engine, eip, 0xffffffff, 0, 1) != UC_ERR_OK) {
		machine->outcome->problem = "it faults";
		return 1;
	}
	if (is_conditional(&instruction) && eip - machine->start->address < machine->start->size)
		note_branch(machine, eip, get(machine, UC_X86_REG_EIP) != eip + instruction.length);
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
		set(machine, names[i], start->registers[i]);
	set(machine, UC_X86_REG_EFLAGS, start->flags);
	set(machine, UC_X86_REG_EIP, start->address);
	for (unsigned i = 0; get(machine, UC_X86_REG_EIP) != end; i++) {
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
		outcome->registers[i] = get(machine, names[i]);
	outcome->eip = get(machine, UC_X86_REG_EIP);
	outcome->flags = get(machine, UC_X86_REG_EFLAGS);
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
