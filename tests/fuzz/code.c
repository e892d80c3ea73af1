/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Templates, and the bytes at a site, worked out once more. A call is judged by what it does: the code before it is run. */
#include <string.h>

#include "verdict.h"

/* In nops of 9 and one shorter. */
int verdict_is_padding(const unsigned char *text, unsigned count)
{
	static const unsigned char nops[10][9] = {
		{ 0 }, { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0 }, { 0x0f, 0x1f, 0x40, 0 }, { 0x0f, 0x1f, 0x44, 0, 0 },
		{ 0x66, 0x0f, 0x1f, 0x44, 0, 0 }, { 0x0f, 0x1f, 0x80, 0, 0, 0, 0 }, { 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 },
		{ 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 },
	};
	unsigned nines = count / 9 * 9;

	for (unsigned i = 0; i < nines; i++)
		if (text[i] != nops[9][i % 9])
			return 0;
	return memcmp(text + nines, nops[count - nines], count - nines) == 0;
}

/* ---- Templates ---- */

static int takes_argument(unsigned kind)
{
	return kind == VROM_HOLE_IMM32 || kind == VROM_HOLE_IMM8 || kind == VROM_HOLE_PORT || kind == VROM_HOLE_RM ||
	       kind == VROM_HOLE_REG;
}

int verdict_template_is_good(const struct vrom_template *template)
{
	unsigned args = verdict_calls[template->call].args, all = (1u << args) - 1;

	if (template->length > 24 || template->changes & ~(VROM_EAX | VROM_ECX | VROM_EDX | VROM_FLAGS) ||
	    (template->in_register & all) != template->in_register || (template->constant & all) != template->constant ||
	    (template->interrupts != VROM_INTERRUPTS_ANYWHERE && template->interrupts != VROM_INTERRUPTS_OUTSIDE))
		return 0;
	for (unsigned i = 0; i < 4; i++) {
		unsigned kind = template->holes[i].what % 16, argument = template->holes[i].what / 16;
		unsigned end = template->holes[i].offset;

		end += kind == VROM_HOLE_ROM || kind == VROM_HOLE_REL || kind == VROM_HOLE_IMM32 ? 4 : 1;
		if (kind > VROM_HOLE_REG || (kind != VROM_HOLE_NONE && end > template->length) ||
		    (takes_argument(kind) && (argument < 1 || argument > args)))
			return 0;
	}
	return template->guard_arguments[0] <= args && template->guard_arguments[1] <= args;
}

/* number is from 1. */
static const struct argument *argument_of(const struct site *site, unsigned number)
{
	MUST(number >= 1 && number <= 5);
	return &site->arguments[number - 1];
}

enum vrom_why verdict_template(const struct vrom_template *template, const struct site *site)
{
	for (unsigned place = 0; place < 5; place++)
		if (site->arguments[place].is_constant ? template->in_register >> place & 1 : template->constant >> place & 1)
			return VROM_WHY_OPERAND;
	for (unsigned i = 0; i < 2; i++) {
		const struct argument *argument;
		uint32_t mask = template->guards[i].mask;

		if (template->guard_arguments[i] == 0)
			continue;
		argument = argument_of(site, template->guard_arguments[i]);
		if (!argument->is_constant)
			return VROM_WHY_OPERAND;
		if ((argument->value & mask) != (template->guards[i].value & mask))
			return VROM_WHY_GUARD;
	}
	for (unsigned i = 0; i < 4; i++) {
		unsigned kind = template->holes[i].what % 16;
		const struct argument *argument;
		const unsigned char *byte;

		if (!takes_argument(kind))
			continue;
		argument = argument_of(site, template->holes[i].what / 16);
		byte = &template->code[template->holes[i].offset];
		if ((kind == VROM_HOLE_RM || kind == VROM_HOLE_REG) == argument->is_constant)
			return VROM_WHY_OPERAND;
		if (kind == VROM_HOLE_IMM8) {
			/* In 32 bits, as the processor adds. */
			int32_t sum = (int32_t)(argument->value + (uint32_t)(int8_t)*byte);

			if (sum < -128 || sum > 127)
				return VROM_WHY_RANGE;
		}
		if (kind == VROM_HOLE_PORT && (uint32_t)(argument->value + *byte) > 255)
			return VROM_WHY_RANGE;
	}
	if (template->length > site->size)
		return VROM_WHY_SIZE;
	return (template->changes & site->operands) == template->changes ? VROM_WHY_TAKEN : VROM_WHY_CHANGES;
}

enum vrom_why verdict_why(const struct kernel *kernel, uint32_t table, uint32_t index, unsigned choice,
			  unsigned template)
{
	const struct vrom_template *one = &kernel->host.templates[template];
	enum vrom_why why = VROM_WHY_CALL;
	struct site site;

	verdict_read(&site, &kernel->tables[table], kernel_record(kernel, table, index));
	if (one->call == site.call)
		why = verdict_template(one, &site);
	return why == VROM_WHY_TAKEN && choice != VROM_INLINE + template ? VROM_WHY_EARLIER : why;
}

/* ---- Bytes ---- */

static uint32_t load32(const unsigned char *from)
{
	return from[0] | from[1] << 8 | from[2] << 16 | (uint32_t)from[3] << 24;
}

static void add32(unsigned char *to, uint32_t value)
{
	value += load32(to);
	for (unsigned i = 0; i < 4; i++)
		to[i] = (unsigned char)(value >> 8 * i);
}

/* start: of the site, as the guest sees it. */
static int is_template(const struct kernel *kernel, const struct vrom_template *template, const struct site *site,
		       uint32_t start, const unsigned char *bytes)
{
	unsigned char code[24];

	memcpy(code, template->code, sizeof code);
	for (unsigned i = 0; i < 4; i++) {
		unsigned kind = template->holes[i].what % 16, offset = template->holes[i].offset;
		const struct argument *argument =
			takes_argument(kind) ? argument_of(site, template->holes[i].what / 16) : NULL;

		if (kind == VROM_HOLE_ROM)
			add32(code + offset, (uint32_t)kernel->host.rom);
		else if (kind == VROM_HOLE_REL)
			add32(code + offset, (uint32_t)kernel->host.rom - (start + offset + 4));
		else if (kind == VROM_HOLE_IMM32)
			add32(code + offset, argument->value);
		else if (kind == VROM_HOLE_IMM8 || kind == VROM_HOLE_PORT)
			code[offset] = (unsigned char)(code[offset] + argument->value);
		else if (kind == VROM_HOLE_RM)
			code[offset] |= (unsigned char)argument->reg;
		else if (kind == VROM_HOLE_REG)
			code[offset] |= (unsigned char)(argument->reg * 8);
	}
	return memcmp(bytes, code, template->length) == 0 &&
	       verdict_is_padding(bytes + template->length, site->size - template->length);
}

/* A value is a constant, or what a register had at the site. */
#define HAD(reg) ((uint64_t)1 << 32 | (reg))

/* Whether bytes, run, come to target with each argument where the call has it, and only registers of constants changed. */
static int is_call(const struct site *site, uint32_t start, uint32_t target, unsigned opcode, const unsigned char *bytes)
{
	unsigned length = verdict_length(site), at = site->size - length, pushed = 0, stacked = 0;
	uint64_t registers[8], stack[8], wanted[8];

	if (!verdict_is_padding(bytes, at))
		return 0;
	for (unsigned reg = 0; reg < 8; reg++)
		registers[reg] = wanted[reg] = HAD(reg);
	for (; bytes[at] != opcode; pushed %= 8)
		if (bytes[at] >= 0x50 && bytes[at] <= 0x57) {
			stack[pushed++] = registers[bytes[at++] - 0x50];
		} else if (bytes[at] == 0x6a) {
			stack[pushed++] = (uint32_t)(int8_t)bytes[at + 1];
			at += 2;
		} else if (bytes[at] == 0x68) {
			stack[pushed++] = load32(bytes + at + 1);
			at += 5;
		} else if (bytes[at] >= 0xb8 && bytes[at] <= 0xbf) {
			registers[bytes[at] - 0xb8] = load32(bytes + at + 1);
			at += 5;
		} else
			return 0;
	for (unsigned place = 0; place < 3; place++)
		if (site->arguments[place].is_there && site->arguments[place].is_constant)
			wanted[site->arguments[place].reg] = site->arguments[place].value;
	if (memcmp(registers, wanted, sizeof wanted) != 0)
		return 0;
	/* The fourth argument lies on top. */
	for (unsigned place = 5; place-- > 3;)
		if (site->arguments[place].is_there) {
			const struct argument *argument = &site->arguments[place];

			if (stack[stacked++] != (argument->is_constant ? argument->value : HAD(argument->reg)))
				return 0;
		}
	if (stacked != pushed || start + at + 5 + load32(bytes + at + 1) != target)
		return 0;
	at += 5;
	if (pushed == 0)
		return at == site->size;
	/* lea 4(%esp), %esp, or 8 */
	return at + 4 == site->size && bytes[at] == 0x8d && bytes[at + 1] == 0x64 && bytes[at + 2] == 0x24 &&
	       bytes[at + 3] == 4 * pushed;
}

int verdict_bytes(const struct kernel *kernel, uint32_t table, uint32_t index, unsigned choice, const unsigned char *bytes)
{
	uint32_t start = (uint32_t)((uintptr_t)kernel_site(kernel, table, index) + kernel->tables[table].moved);
	struct site site;

	verdict_read(&site, &kernel->tables[table], kernel_record(kernel, table, index));
	switch (choice) {
	case VROM_KEEP:
		return memcmp(bytes, kernel_site(kernel, table, index), site.size) == 0;
	case VROM_CALLED:
		return is_call(&site, start, (uint32_t)kernel->targets[site.call], 0xe8, bytes);
	case VROM_JUMPED:
		return is_call(&site, start, (uint32_t)kernel->targets[site.call], 0xe9, bytes);
	case VROM_ERASED:
		return verdict_is_padding(bytes, site.size);
	default:
		return is_template(kernel, &kernel->host.templates[choice - VROM_INLINE], &site, start, bytes);
	}
}
