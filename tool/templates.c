/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What vrom build looks for in templates: whatever vrom/template.h forbids, and what it allows and no author can mean. The
 * code is decoded, too: a template must not change more than its description says, nor read an argument that may be
 * elsewhere. Code in the ROM that it calls is not looked at: vrom check compares what comes of it all.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <vmi/rom.h>
#include <vrom/site.h>

#include "calls.h"
#include "decode.h"
#include "templates.h"

#define STANDARD_REGISTERS ((1u << VMI_EAX) + (1u << VMI_ECX) + (1u << VMI_EDX))

/* Where a complaint is about. */
struct subject {
	const char *path;
	unsigned number;
	const struct vrom_template *template;
	const struct call *call;
};

/* Complains of a template: what is wrong, and after a colon what to do. */
#define COMPLAIN(subject, format, ...) \
	fail((subject)->path, "template %u, for %s: " format, (subject)->number, \
	     call_name((subject)->template->call) __VA_OPT__(, ) __VA_ARGS__)

static unsigned kind_of(struct vrom_hole hole)
{
	return hole.what & 15;
}

static unsigned size_of(struct vrom_hole hole)
{
	return kind_of(hole) == VROM_HOLE_NONE ? 0 : kind_of(hole) <= VROM_HOLE_IMM32 ? 4 : 1;
}

/* ---- The description ---- */

static int check_hole(const struct subject *subject, unsigned i)
{
	const struct vrom_template *template = subject->template;
	struct vrom_hole hole = template->holes[i];
	unsigned kind = kind_of(hole), argument = hole.what >> 4, bit = 1u << argument >> 1;
	uint8_t byte;

	if (kind == VROM_HOLE_NONE)
		return !hole.offset && !hole.what ? 0 :
		       COMPLAIN(subject, "hole %u is of no kind, and not zero: make it zero", i);
	if (kind >= VROM_HOLE_KINDS)
		return COMPLAIN(subject, "hole %u is of the unknown kind %u: the last is %u", i, kind,
				VROM_HOLE_KINDS - 1);
	if (hole.offset + size_of(hole) > template->length)
		return COMPLAIN(subject, "hole %u, %u bytes at %u, is not inside the code, of %u bytes: say \"hole\" "
				"behind the instruction that has it", i, size_of(hole), hole.offset, template->length);
	if (kind < VROM_HOLE_IMM32)
		return !argument ? 0 :
		       COMPLAIN(subject, "hole %u names argument %u, and its kind has no use for one: leave it out", i, argument);
	if (argument < 1 || argument > subject->call->arguments)
		return COMPLAIN(subject, "hole %u names argument %u, and the call has %u: name one of those", i, argument,
				subject->call->arguments);
	if (kind >= VROM_HOLE_RM && !(template->in_register & bit))
		return COMPLAIN(subject, "hole %u wants the register of argument %u: describe that as register", i, argument);
	if (kind < VROM_HOLE_RM && !(template->constant & bit))
		return COMPLAIN(subject, "hole %u wants the value of argument %u: describe that as constant", i, argument);
	byte = template->code[hole.offset];
	if ((kind == VROM_HOLE_RM && byte & 7) || (kind == VROM_HOLE_REG && byte & 0x38))
		return COMPLAIN(subject, "the byte of hole %u has a register in it already: write %%eax there", i);
	return 0;
}

static int check_overlap(const struct subject *subject)
{
	const struct vrom_hole *holes = subject->template->holes;

	for (unsigned i = 0; i < VROM_TEMPLATE_HOLES; i++)
		for (unsigned k = 0; k < i; k++) {
			unsigned kinds = 1u << kind_of(holes[i]) | 1u << kind_of(holes[k]);

			/* The two registers of one byte are not the same bits. */
			if (kinds != (1u << VROM_HOLE_RM) + (1u << VROM_HOLE_REG) &&
			    holes[i].offset < holes[k].offset + size_of(holes[k]) &&
			    holes[k].offset < holes[i].offset + size_of(holes[i]))
				return COMPLAIN(subject, "holes %u and %u overlap: say \"hole\" once for each place", k, i);
		}
	return 0;
}

static int check_guards(const struct subject *subject)
{
	const struct vrom_template *template = subject->template;

	for (unsigned i = 0; i < VROM_TEMPLATE_GUARDS; i++) {
		unsigned argument = template->guard_arguments[i];
		const struct vrom_guard *guard = &template->guards[i];

		if (argument > subject->call->arguments)
			return COMPLAIN(subject, "guard %u is about argument %u, and the call has %u: name one of those", i,
					argument, subject->call->arguments);
		if (!argument && (guard->mask || guard->value))
			return COMPLAIN(subject, "guard %u is about no argument, and not zero: make it zero", i);
		if (argument && !(template->constant >> (argument - 1) & 1))
			return COMPLAIN(subject, "guard %u is about argument %u: describe that as constant", i, argument);
		if (guard->value & ~guard->mask)
			return COMPLAIN(subject, "guard %u wants 0x%x under the mask 0x%x, which never is: correct one of them",
					i, guard->value, guard->mask);
	}
	return 0;
}

static int check_description(const struct subject *subject)
{
	const struct vrom_template *template = subject->template;
	unsigned results = (unsigned)VROM_FROM_VMI(subject->call->result);
	uint8_t reserved = template->reserved;
	int status = 0;

	for (unsigned i = 0; i < sizeof template->reserved2; i++)
		reserved |= template->reserved2[i];
	if (template->length > VROM_TEMPLATE_CODE)
		return COMPLAIN(subject, "%u bytes of code are too many: make it %u at most", template->length,
				VROM_TEMPLATE_CODE);
	if (template->changes & ~VROM_STANDARD)
		return COMPLAIN(subject, "it changes 0x%x: a sum of VROM_EAX, VROM_ECX, VROM_EDX and VROM_FLAGS is wanted",
				template->changes);
	if (template->changes & results)
		return COMPLAIN(subject, "it says that it changes a register of the call's results: leave that out");
	if ((template->in_register | template->constant) >> subject->call->arguments)
		return COMPLAIN(subject, "it describes an argument that the call does not have, which has %u: leave it out",
				subject->call->arguments);
	if (template->in_register & template->constant)
		return COMPLAIN(subject, "an argument is to be a constant and in a register: make it one of them");
	if (template->interrupts > VROM_INTERRUPTS_OUTSIDE)
		return COMPLAIN(subject, "interrupts is %u: make it 0, anywhere, or 1, outside", template->interrupts);
	if (reserved)
		return COMPLAIN(subject, "bytes that are reserved are not zero: make them zero");
	for (unsigned i = 0; i < VROM_TEMPLATE_HOLES && !status; i++)
		status = check_hole(subject, i);
	if (!status)
		status = check_overlap(subject);
	return status ? status : check_guards(subject);
}

/* ---- The code ---- */

/* What is known of the code so far: registers as bits by their numbers. */
struct state {
	unsigned arguments; /* hold an argument, as the template is told */
	unsigned written;
};

/* The number of the general register that has this one in it, 8 if there is none. */
static unsigned number_of(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LEGACY_32, reg);

	return whole >= ZYDIS_REGISTER_EAX && whole <= ZYDIS_REGISTER_EDI ? (unsigned)(whole - ZYDIS_REGISTER_EAX) : 8;
}

static int read_register(const struct subject *subject, const struct state *state, unsigned number)
{
	/* What the guest is sure to have there, or the code. */
	if (number == 8 || number == VMI_ESP || (state->arguments | state->written) >> number & 1)
		return 0;
	for (unsigned i = 0; i < 3 && i < subject->call->arguments; i++)
		if (subject->call->in[i] == number)
			return COMPLAIN(subject, "it reads %%%s, which need not hold argument %u: describe that as register",
					register_name(number), i + 1);
	return COMPLAIN(subject, "it reads %%%s, which holds no argument: write it first", register_name(number));
}

static int write_register(const struct subject *subject, struct state *state, unsigned number)
{
	unsigned allowed = subject->call->result;

	for (unsigned i = 0; i < 3; i++)
		if (subject->template->changes & VROM_EAX << i)
			allowed |= 1u << i;
	if (number == 8 || number == VMI_ESP)
		return 0;
	state->written |= 1u << number;
	if (allowed >> number & 1)
		return 0;
	if (STANDARD_REGISTERS >> number & 1)
		return COMPLAIN(subject, "it changes %%%s and does not say so: add that to changes", register_name(number));
	return COMPLAIN(subject, "it changes %%%s, which every call keeps: use another register", register_name(number));
}

/* "xorl %eax, %eax" needs no %eax. */
static int is_clearing(const struct instruction *instruction)
{
	const ZydisDecodedOperand *operands = instruction->operands;

	return (instruction->decoded.mnemonic == ZYDIS_MNEMONIC_XOR || instruction->decoded.mnemonic == ZYDIS_MNEMONIC_SUB) &&
	       operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER && operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       operands[0].reg.value == operands[1].reg.value;
}

/* A register of a hole is not the one that is written there: it is that of an argument. */
static int has_register_hole(const struct vrom_template *template, unsigned at, unsigned length)
{
	for (unsigned i = 0; i < VROM_TEMPLATE_HOLES; i++)
		if (kind_of(template->holes[i]) >= VROM_HOLE_RM && template->holes[i].offset - at < length)
			return 1;
	return 0;
}

static int check_operands(const struct subject *subject, struct state *state, const struct instruction *instruction)
{
	int clearing = is_clearing(instruction), status = 0;

	for (unsigned i = 0; i < instruction->decoded.operand_count && !clearing && !status; i++) {
		const ZydisDecodedOperand *operand = &instruction->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			status = read_register(subject, state, number_of(operand->mem.base));
			if (!status)
				status = read_register(subject, state, number_of(operand->mem.index));
		} else if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
			   operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
			status = read_register(subject, state, number_of(operand->reg.value));
	}
	for (unsigned i = 0; i < instruction->decoded.operand_count && !status; i++) {
		const ZydisDecodedOperand *operand = &instruction->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER && operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			status = write_register(subject, state, number_of(operand->reg.value));
	}
	return status;
}

static int writes_flags(const struct instruction *instruction)
{
	const ZydisAccessedFlags *flags = instruction->decoded.cpu_flags;
	const ZyanU32 arithmetic = ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_PF | ZYDIS_CPUFLAG_AF | ZYDIS_CPUFLAG_ZF |
				   ZYDIS_CPUFLAG_SF | ZYDIS_CPUFLAG_OF;

	return flags && (flags->modified | flags->set_0 | flags->set_1 | flags->undefined) & arithmetic;
}

static int check_code(const struct subject *subject, const struct decoder *decoder)
{
	const struct vrom_template *template = subject->template;
	struct state state = { 0 };
	unsigned length;
	int status = 0;

	for (unsigned i = 0; i < 3 && i < subject->call->arguments; i++)
		if (template->in_register >> i & 1)
			state.arguments |= 1u << subject->call->in[i];
	for (unsigned at = 0; at < template->length && !status; at += length) {
		struct instruction instruction;

		if (decode(decoder, template->code + at, template->length - at, &instruction))
			return COMPLAIN(subject, "at %u of its code there is no whole instruction: write it as one", at);
		length = instruction.length;
		/* What follows the way out is not reached, and on the way its flags are others. */
		if (subject->call->kind & VMI_IS_FINAL)
			continue;
		if (instruction.decoded.meta.category == ZYDIS_CATEGORY_CALL)
			state.written |= STANDARD_REGISTERS;
		else if (!has_register_hole(template, at, length))
			status = check_operands(subject, &state, &instruction);
		if (!status && writes_flags(&instruction) && !(template->changes & VROM_FLAGS))
			status = COMPLAIN(subject, "it changes the flags and does not say so: add VROM_FLAGS to changes");
	}
	return status;
}

/* ---- All of them ---- */

int build_templates(const char *path, struct vrom_template *templates, unsigned count, uint32_t start, uint32_t size)
{
	struct decoder decoder;

	decoder_init(&decoder, 0);
	for (unsigned n = 0; n < count; n++) {
		struct vrom_template *template = &templates[n];
		uint32_t code = start + n * (uint32_t)sizeof *template + (uint32_t)offsetof(struct vrom_template, code);
		struct subject subject = { path, n, template, NULL };

		if (template->call >= VMI_CALL_COUNT)
			return COMPLAIN(&subject, "there is no such call: the last is %d", VMI_CALL_COUNT - 1);
		subject.call = &calls[template->call];
		if (check_description(&subject) || check_code(&subject, &decoder))
			return EXIT_BAD;
		for (unsigned i = 0; i < VROM_TEMPLATE_HOLES; i++) {
			unsigned char *at = template->code + template->holes[i].offset;
			uint32_t distance;

			if (kind_of(template->holes[i]) != VROM_HOLE_REL)
				continue;
			memcpy(&distance, at, sizeof distance);
			distance += code + template->holes[i].offset + 4;
			if (distance < VMI_ROM_HEADER_SIZE || distance >= size)
				return COMPLAIN(&subject, "hole %u is no branch into the ROM: name a label of the ROM's", i);
			memcpy(at, &distance, sizeof distance);
		}
	}
	return 0;
}
