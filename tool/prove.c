/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reading a patched site: whole instructions, which change only what is free there, take only what the record names, and go
 * nowhere but into the ROM or on. Zydis says what each instruction does.
 */
#include <stdarg.h>
#include <stdio.h>

#include <vrom/site.h>

#include "calls.h"
#include "prove.h"

#define ARITHMETIC (ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_PF | ZYDIS_CPUFLAG_AF | ZYDIS_CPUFLAG_ZF | ZYDIS_CPUFLAG_SF | ZYDIS_CPUFLAG_OF)

struct reader {
	const struct against *against;
	const struct kernel *kernel;
	const struct site *site;
	const unsigned char *code;
	struct findings *findings;
	unsigned found;
	unsigned free, operands; /* registers, bit by number: what may be changed, what may be read */
	unsigned written;        /* so far */
	int flags_free, flags_written;
	int depth;               /* bytes pushed */
	int leaves;              /* for good */
	unsigned char starts[256]; /* where an instruction starts, and at the end */
};

__attribute__((format(printf, 3, 4))) static void wrong(struct reader *reader, unsigned at, const char *format, ...)
{
	const struct site *site = reader->site;
	char text[160];
	struct finding *finding;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	finding = find_at(reader->findings, LEVEL_MUST, ABOUT_ROM, site->address + at, site->index, "patched, %s", text);
	finding->instruction = disassemble(&reader->kernel->decoder, reader->code, site->size, site->address);
	reader->found++;
}

/* The number of a general register or of a part of one, -1 for what is something else. */
static int general(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LEGACY_32, reg);

	return whole >= ZYDIS_REGISTER_EAX && whole <= ZYDIS_REGISTER_EDI ? (int)(whole - ZYDIS_REGISTER_EAX) : -1;
}

static void reads(struct reader *reader, unsigned at, ZydisRegister reg)
{
	int number = general(reg);

	if (number < 0 || number == VMI_ESP || reader->written >> number & 1 || reader->operands >> number & 1)
		return;
	wrong(reader, at, "it reads %s, which holds no argument there", register_name((unsigned)number));
	reader->written |= 1u << number; /* once is enough */
}

static void writes(struct reader *reader, unsigned at, ZydisRegister reg)
{
	int number = general(reg);

	if (number < 0 || number == VMI_ESP)
		return;
	if (!(reader->free >> number & 1))
		wrong(reader, at, "it changes %s, which is in use there", register_name((unsigned)number));
	reader->written |= 1u << number;
}

/* DS and ES may be a user's where these calls are made. */
static int is_flat(const struct reader *reader, ZydisRegister segment)
{
	return !(calls[reader->site->call].kind & (VMI_IS_MASK | VMI_IS_REQUIRED)) || segment == ZYDIS_REGISTER_SS ||
	       segment == ZYDIS_REGISTER_CS;
}

static void read_operand(struct reader *reader, unsigned at, const ZydisDecodedOperand *operand, int is_zeroing)
{
	switch (operand->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		if (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ && !is_zeroing)
			reads(reader, at, operand->reg.value);
		break;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		reads(reader, at, operand->mem.base);
		reads(reader, at, operand->mem.index);
		if (operand->mem.type == ZYDIS_MEMOP_TYPE_MEM && !is_flat(reader, operand->mem.segment))
			wrong(reader, at, "it reaches memory by %s, which may be a user's there",
			      ZydisRegisterGetString(operand->mem.segment));
		break;
	default:
		break;
	}
}

static void read_flags(struct reader *reader, unsigned at, const struct instruction *instruction)
{
	const ZydisAccessedFlags *flags = instruction->decoded.cpu_flags;
	ZydisMnemonic mnemonic = instruction->decoded.mnemonic;

	/* These push or pop all of them: the interrupt flag is meant. */
	if (!flags || mnemonic == ZYDIS_MNEMONIC_PUSHFD || mnemonic == ZYDIS_MNEMONIC_IRETD)
		return;
	if (flags->tested & ARITHMETIC && !reader->flags_written)
		wrong(reader, at, "it depends on flags that nothing has set there");
	if (((flags->modified | flags->set_0 | flags->set_1 | flags->undefined) & ARITHMETIC) == 0)
		return;
	if (!reader->flags_free)
		wrong(reader, at, "it changes flags that are in use there");
	reader->flags_written = 1;
}

/* ESP may be moved by what pushes and pops, and by a lea that adds to it. */
static void read_stack(struct reader *reader, unsigned at, const struct instruction *instruction)
{
	const ZydisDecodedOperand *to = &instruction->operands[0], *from = &instruction->operands[1];

	switch (instruction->decoded.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_PUSHFD:
		reader->depth += 4;
		return;
	case ZYDIS_MNEMONIC_POP:
	case ZYDIS_MNEMONIC_POPFD:
		reader->depth -= 4;
		break;
	case ZYDIS_MNEMONIC_LEA:
		if (to->reg.value != ZYDIS_REGISTER_ESP)
			return;
		if (from->mem.base != ZYDIS_REGISTER_ESP || from->mem.index != ZYDIS_REGISTER_NONE)
			wrong(reader, at, "it puts the stack somewhere else");
		reader->depth -= (int)from->mem.disp.value;
		break;
	case ZYDIS_MNEMONIC_CALL:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_INT:
		return;
	default:
		for (unsigned i = 0; i < instruction->decoded.operand_count; i++)
			if (instruction->operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
			    instruction->operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
			    general(instruction->operands[i].reg.value) == VMI_ESP &&
			    instruction->decoded.mnemonic != ZYDIS_MNEMONIC_SYSEXIT)
				wrong(reader, at, "it moves the stack");
		return;
	}
	if (reader->depth < 0) {
		wrong(reader, at, "it takes more off the stack than it has pushed");
		reader->depth = 0;
	}
}

static int is_host(const struct reader *reader, uint64_t target)
{
	const struct romfile *rom = &reader->against->rom;

	return (target >= rom->at && target - rom->at < rom->size) ||
	       (rom->header->virtual_top && target >= rom->header->virtual_top);
}

static void read_branch(struct reader *reader, unsigned at, const struct instruction *instruction)
{
	const struct site *site = reader->site;
	ZydisInstructionCategory category = instruction->decoded.meta.category;
	uint64_t target;

	switch (category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_COND_BR:
		break;
	case ZYDIS_CATEGORY_RET:
		if (instruction->decoded.mnemonic == ZYDIS_MNEMONIC_IRETD)
			reader->leaves = 1;
		else
			wrong(reader, at, "it returns to who knows where");
		return;
	default:
		reader->leaves |= instruction->decoded.mnemonic == ZYDIS_MNEMONIC_SYSEXIT;
		return;
	}
	if (!branch_target(&reader->kernel->decoder, instruction, site->address + at, &target)) {
		wrong(reader, at, "it goes who knows where");
		return;
	}
	target &= 0xffffffff;
	if (is_host(reader, target)) {
		/* What the host's code may change there is what the call may. */
		if (category == ZYDIS_CATEGORY_CALL) {
			reader->written |= (unsigned)(calls[site->call].changes | calls[site->call].result) & 0xff;
			reader->flags_written = 1;
		} else if (category == ZYDIS_CATEGORY_COND_BR || !(calls[site->call].kind & VMI_IS_FINAL)) {
			wrong(reader, at, "it jumps to the ROM, which cannot come back");
		} else {
			reader->leaves = 1;
		}
		return;
	}
	if (category == ZYDIS_CATEGORY_CALL || target < site->address || target > site->address + site->size)
		wrong(reader, at, "it goes to %llx, which is neither in the site nor in the ROM", (unsigned long long)target);
	else if (!reader->starts[target - site->address])
		wrong(reader, at, "it goes into the middle of an instruction");
}

/* xor or sub of a register with itself reads nothing. */
static int is_zeroing(const struct instruction *instruction)
{
	const ZydisDecodedOperand *one = &instruction->operands[0], *two = &instruction->operands[1];

	return (instruction->decoded.mnemonic == ZYDIS_MNEMONIC_XOR || instruction->decoded.mnemonic == ZYDIS_MNEMONIC_SUB) &&
	       one->type == ZYDIS_OPERAND_TYPE_REGISTER && two->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       one->reg.value == two->reg.value;
}

static void read_instruction(struct reader *reader, unsigned at, const struct instruction *instruction)
{
	unsigned count = instruction->decoded.operand_count;
	int zeroing = is_zeroing(instruction);

	if (instruction->decoded.mnemonic == ZYDIS_MNEMONIC_NOP)
		return;
	for (unsigned i = 0; i < count; i++)
		read_operand(reader, at, &instruction->operands[i], zeroing);
	read_flags(reader, at, instruction);
	read_stack(reader, at, instruction);
	read_branch(reader, at, instruction);
	for (unsigned i = 0; i < count; i++)
		if (instruction->operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    instruction->operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			writes(reader, at, instruction->operands[i].reg.value);
}

unsigned prove_reading(const struct against *against, const struct kernel *kernel, const struct site *site,
		       unsigned choice, struct findings *findings)
{
	const struct call *call = &calls[site->call];
	struct reader reader = { .against = against, .kernel = kernel, .site = site, .findings = findings,
				 .code = copy_at(against, site->address),
				 .free = VROM_TO_VMI(site->operands) | (call->result & 0xff),
				 .flags_free = (site->operands & VROM_FLAGS) != 0 };
	struct instruction instruction;
	unsigned at;

	if (choice == VROM_KEEP || choice == VROM_ERASED)
		return 0;
	for (unsigned place = 0; place < call->arguments; place++)
		if (!site_is_constant(site, place))
			reader.operands |= 1u << site_register(site, place);
	for (at = 0; at < site->size && decode(&kernel->decoder, reader.code + at, site->size - at, &instruction) == 0;
	     at += instruction.length)
		reader.starts[at] = 1;
	reader.starts[site->size] = 1;
	if (at != site->size) {
		wrong(&reader, 0, "it is not whole instructions");
		return reader.found;
	}
	for (at = 0; at < site->size; at += instruction.length) {
		decode(&kernel->decoder, reader.code + at, site->size - at, &instruction);
		read_instruction(&reader, at, &instruction);
	}
	if (reader.depth && !reader.leaves)
		wrong(&reader, 0, "it leaves %d bytes on the stack", reader.depth);
	return reader.found;
}
