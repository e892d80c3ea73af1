/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reading a patched site: whole instructions, which change only what is free there, take only what the record names, and go
 * nowhere but into the ROM or on. Zydis says what each instruction does. What holds before an instruction is what holds on
 * every way to it, so the site is gone through until nothing new is found, and then once more to tell.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vrom/site.h>

#include "calls.h"
#include "prove.h"

#define ARITHMETIC (ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_PF | ZYDIS_CPUFLAG_AF | ZYDIS_CPUFLAG_ZF | ZYDIS_CPUFLAG_SF | ZYDIS_CPUFLAG_OF)

/* Of a frame that IRET takes, to another ring. */
#define FRAME_SIZE 20

/* Before an instruction. */
struct known {
	int reached;
	uint32_t written; /* bytes of registers, four bits each */
	int flags_written;
	int depth;        /* bytes pushed */
};

struct reader {
	const struct against *against;
	const struct kernel *kernel;
	const struct site *site;
	const unsigned char *code;
	struct findings *findings;
	int telling, changed;
	unsigned found;
	unsigned free;           /* registers, bit by number, that may be changed */
	uint32_t operands;       /* bytes of registers that may be read */
	uint32_t told;           /* about these enough was said */
	int flags_free;
	struct known now;        /* at the instruction that is read, and then behind it */
	struct known before[256];
	unsigned char starts[256]; /* where an instruction starts, and at the end */
};

__attribute__((format(printf, 3, 4))) static void wrong(struct reader *reader, unsigned at, const char *format, ...)
{
	const struct site *site = reader->site;
	char text[160];
	struct finding *finding;
	va_list arguments;

	if (!reader->telling)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	finding = find_at(reader->findings, LEVEL_MUST, ABOUT_ROM, site->address + at, site->index, "patched, %s", text);
	finding->instruction = disassemble(&reader->kernel->decoder, reader->code, site->size, site->address);
	reader->found++;
}

static void reads(struct reader *reader, unsigned at, ZydisRegister reg)
{
	int number = general_register(reg);

	if (number < 0 || number == VMI_ESP ||
	    (register_bytes(reg) & ~(reader->now.written | reader->operands | reader->told)) == 0)
		return;
	wrong(reader, at, "it reads %s, which holds no argument there", register_name((unsigned)number));
	if (reader->telling)
		reader->told |= all_bytes(1u << number); /* once is enough */
}

/* Registers that are not general: what equal.c sees, and what the way out loads. */
static int may_write(ZydisRegister reg, ZydisMnemonic mnemonic)
{
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_FLAGS: /* by what they are: read_flags */
	case ZYDIS_REGCLASS_IP:
		return 1;
	case ZYDIS_REGCLASS_CONTROL:
		return mnemonic == ZYDIS_MNEMONIC_MOV || mnemonic == ZYDIS_MNEMONIC_CLTS;
	case ZYDIS_REGCLASS_DEBUG:
		return mnemonic == ZYDIS_MNEMONIC_MOV;
	case ZYDIS_REGCLASS_TABLE:
		return mnemonic == ZYDIS_MNEMONIC_LGDT || mnemonic == ZYDIS_MNEMONIC_LIDT ||
		       mnemonic == ZYDIS_MNEMONIC_LLDT || mnemonic == ZYDIS_MNEMONIC_LTR;
	default:
		return mnemonic == ZYDIS_MNEMONIC_IRETD || mnemonic == ZYDIS_MNEMONIC_SYSEXIT ||
		       mnemonic == ZYDIS_MNEMONIC_WRMSR;
	}
}

static void writes(struct reader *reader, unsigned at, ZydisRegister reg, ZydisMnemonic mnemonic)
{
	int number = general_register(reg);

	if (number == VMI_ESP)
		return;
	if (number < 0) {
		if (!may_write(reg, mnemonic))
			wrong(reader, at, "it changes %s, which no call does", ZydisRegisterGetString(reg));
		return;
	}
	if (!(reader->free >> number & 1))
		wrong(reader, at, "it changes %s, which is in use there", register_name((unsigned)number));
	reader->now.written |= register_bytes(reg);
}

/* DS and ES may be a user's where these calls are made. FS and GS may always be anything. CS is for code, which is read only. */
static int is_flat(const struct reader *reader, const ZydisDecodedOperand *operand)
{
	switch (operand->mem.segment) {
	case ZYDIS_REGISTER_SS:
		return 1;
	case ZYDIS_REGISTER_CS:
		return !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE);
	case ZYDIS_REGISTER_DS:
	case ZYDIS_REGISTER_ES:
		return !(calls[reader->site->call].kind & (VMI_IS_MASK | VMI_IS_REQUIRED));
	default:
		return 0;
	}
}

/* Of the stack, only what was pushed here belongs to the site; and to the way out its frame. */
static void read_stack_operand(struct reader *reader, unsigned at, const ZydisDecodedOperand *operand)
{
	int64_t from = operand->mem.disp.value;
	int own = reader->now.depth + (calls[reader->site->call].kind & VMI_IS_REQUIRED ? FRAME_SIZE : 0);

	if (operand->mem.index != ZYDIS_REGISTER_NONE || from + operand->size / 8 > own)
		wrong(reader, at, "it looks at the kernel's stack");
	else if (from < 0)
		wrong(reader, at, "it uses what is below the stack pointer, which an interrupt changes");
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
		if (operand->mem.type != ZYDIS_MEMOP_TYPE_MEM)
			break;
		if (!is_flat(reader, operand))
			wrong(reader, at, "it reaches memory by %s, which may be a user's there or is no good for it",
			      ZydisRegisterGetString(operand->mem.segment));
		if (operand->mem.base == ZYDIS_REGISTER_ESP && operand->visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN)
			read_stack_operand(reader, at, operand);
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
	if (flags->tested & ARITHMETIC && !reader->now.flags_written)
		wrong(reader, at, "it depends on flags that nothing has set there");
	if (((flags->modified | flags->set_0 | flags->set_1 | flags->undefined) & ARITHMETIC) == 0)
		return;
	if (!reader->flags_free)
		wrong(reader, at, "it changes flags that are in use there");
	reader->now.flags_written = 1;
}

/* ESP may be moved by what pushes and pops, and by a lea that adds to it. */
static void read_stack(struct reader *reader, unsigned at, const struct instruction *instruction)
{
	const ZydisDecodedOperand *to = &instruction->operands[0], *from = &instruction->operands[1];

	switch (instruction->decoded.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_PUSHFD:
		reader->now.depth += 4;
		return;
	case ZYDIS_MNEMONIC_POP:
	case ZYDIS_MNEMONIC_POPFD:
		reader->now.depth -= 4;
		break;
	case ZYDIS_MNEMONIC_LEA:
		if (to->reg.value != ZYDIS_REGISTER_ESP)
			return;
		if (from->mem.base != ZYDIS_REGISTER_ESP || from->mem.index != ZYDIS_REGISTER_NONE)
			wrong(reader, at, "it puts the stack somewhere else");
		reader->now.depth -= (int)from->mem.disp.value;
		break;
	case ZYDIS_MNEMONIC_CALL:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_INT:
		return;
	default:
		for (unsigned i = 0; i < instruction->decoded.operand_count; i++)
			if (instruction->operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
			    instruction->operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
			    general_register(instruction->operands[i].reg.value) == VMI_ESP &&
			    instruction->decoded.mnemonic != ZYDIS_MNEMONIC_SYSEXIT)
				wrong(reader, at, "it moves the stack");
		return;
	}
	if (reader->now.depth < 0) {
		wrong(reader, at, "it takes more off the stack than it has pushed");
		reader->now.depth = 0;
	}
}

static int is_host(const struct reader *reader, uint64_t target)
{
	const struct romfile *rom = &reader->against->rom;

	return (target >= rom->at && target - rom->at < rom->size) ||
	       (rom->header->virtual_top && target >= rom->header->virtual_top);
}

/* What holds there is what held before and what holds now. */
static void goes_to(struct reader *reader, unsigned at, unsigned target)
{
	struct known *there = &reader->before[target], was = *there;

	if (!there->reached) {
		*there = reader->now;
		there->reached = 1;
	} else {
		there->written &= reader->now.written;
		there->flags_written &= reader->now.flags_written;
		if (there->depth != reader->now.depth)
			wrong(reader, at, "the stack is not the same on two ways through it");
	}
	reader->changed |= memcmp(&was, there, sizeof was) != 0;
}

/* A call of the host's. What its code may change there is what the call may. */
static void read_call(struct reader *reader, unsigned at)
{
	const struct call *call = &calls[reader->site->call];
	unsigned changed = (call->changes | call->result) & 0xffu;

	for (unsigned number = 0; number < 8; number++)
		if (changed & ~reader->free & 1u << number)
			wrong(reader, at, "the ROM may change %s, which is in use there", register_name(number));
	if (call->changes & VMI_R_FLAGS && !reader->flags_free)
		wrong(reader, at, "the ROM may change flags that are in use there");
	reader->now.written |= all_bytes(changed);
	reader->now.flags_written = 1;
}

/* Whether what follows it is reached. */
static int read_branch(struct reader *reader, unsigned at, const struct instruction *instruction)
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
		if (instruction->decoded.mnemonic != ZYDIS_MNEMONIC_IRETD)
			wrong(reader, at, "it returns to who knows where");
		return 0;
	default:
		return instruction->decoded.mnemonic != ZYDIS_MNEMONIC_SYSEXIT;
	}
	if (!branch_target(&reader->kernel->decoder, instruction, site->address + at, &target) ||
	    instruction->operands[0].type == ZYDIS_OPERAND_TYPE_POINTER) {
		wrong(reader, at, "it goes who knows where");
		return category != ZYDIS_CATEGORY_UNCOND_BR;
	}
	target &= 0xffffffff;
	if (is_host(reader, target)) {
		if (category == ZYDIS_CATEGORY_CALL)
			read_call(reader, at);
		else if (category == ZYDIS_CATEGORY_COND_BR || !(calls[site->call].kind & VMI_IS_FINAL))
			wrong(reader, at, "it jumps to the ROM, which cannot come back");
	} else if (category == ZYDIS_CATEGORY_CALL || target < site->address || target > site->address + site->size) {
		wrong(reader, at, "it goes to %llx, which is neither in the site nor in the ROM", (unsigned long long)target);
	} else if (!reader->starts[target - site->address]) {
		wrong(reader, at, "it goes into the middle of an instruction");
	} else {
		goes_to(reader, at, (unsigned)(target - site->address));
	}
	return category != ZYDIS_CATEGORY_UNCOND_BR;
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

	reader->now = reader->before[at];
	if (instruction->decoded.mnemonic == ZYDIS_MNEMONIC_NOP) {
		goes_to(reader, at, at + instruction->length);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		read_operand(reader, at, &instruction->operands[i], zeroing);
	read_flags(reader, at, instruction);
	read_stack(reader, at, instruction);
	for (unsigned i = 0; i < count; i++)
		if (instruction->operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    instruction->operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			writes(reader, at, instruction->operands[i].reg.value, instruction->decoded.mnemonic);
	if (read_branch(reader, at, instruction))
		goes_to(reader, at, at + instruction->length);
}

/* Once from first to last byte. Where no way leads nothing is looked at. */
static void read_through(struct reader *reader)
{
	struct instruction instruction;

	reader->changed = 0;
	for (unsigned at = 0; at < reader->site->size; at += instruction.length) {
		decode(&reader->kernel->decoder, reader->code + at, reader->site->size - at, &instruction);
		if (reader->before[at].reached)
			read_instruction(reader, at, &instruction);
	}
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
			reader.operands |= all_bytes(1u << site_register(site, place));
	for (at = 0; at < site->size && decode(&kernel->decoder, reader.code + at, site->size - at, &instruction) == 0;
	     at += instruction.length)
		reader.starts[at] = 1;
	reader.starts[site->size] = 1;
	reader.telling = at != site->size;
	if (reader.telling) {
		wrong(&reader, 0, "it is not whole instructions");
		return reader.found;
	}
	reader.before[0].reached = 1;
	do
		read_through(&reader);
	while (reader.changed);
	reader.telling = 1;
	read_through(&reader);
	if (reader.before[site->size].depth)
		wrong(&reader, 0, "it leaves %d bytes on the stack", reader.before[site->size].depth);
	return reader.found;
}
