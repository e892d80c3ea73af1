/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"

void decoder_init(struct decoder *decoder, int is_64)
{
	ZydisDecoderInit(&decoder->decoder, is_64 ? ZYDIS_MACHINE_MODE_LONG_64 : ZYDIS_MACHINE_MODE_LEGACY_32,
			 is_64 ? ZYDIS_STACK_WIDTH_64 : ZYDIS_STACK_WIDTH_32);
	ZydisFormatterInit(&decoder->formatter, ZYDIS_FORMATTER_STYLE_ATT);
	ZydisFormatterSetProperty(&decoder->formatter, ZYDIS_FORMATTER_PROP_FORCE_SIZE, ZYAN_TRUE);
	ZydisFormatterSetProperty(&decoder->formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
	ZydisFormatterSetProperty(&decoder->formatter, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
				  ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(&decoder->formatter, ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED);
	ZydisFormatterSetProperty(&decoder->formatter, ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED);
}

int decode(const struct decoder *decoder, const unsigned char *bytes, size_t size, struct instruction *instruction)
{
	if (size == 0 || !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder->decoder, bytes, size, &instruction->decoded,
							      instruction->operands)))
		return -1;
	instruction->length = instruction->decoded.length;
	return 0;
}

void format_instruction(const struct decoder *decoder, const struct instruction *instruction, uint64_t address,
			char buffer[INSTRUCTION_SIZE])
{
	uint64_t target;

	switch (instruction->decoded.mnemonic) {
	/* How long a nop is matters, not what it is made of. */
	case ZYDIS_MNEMONIC_NOP:
		snprintf(buffer, INSTRUCTION_SIZE, instruction->length > 1 ? "nop (%u bytes)" : "nop", instruction->length);
		return;
	/* Three that Zydis has the other syntax's names for. */
	case ZYDIS_MNEMONIC_PUSHFD: strcpy(buffer, "pushfl"); return;
	case ZYDIS_MNEMONIC_POPFD: strcpy(buffer, "popfl"); return;
	case ZYDIS_MNEMONIC_IRETD: strcpy(buffer, "iret"); return;
	default: break;
	}
	/* Zydis would show a branch below 0 with 64 bits. */
	if (instruction->decoded.operand_count_visible == 1 && instruction->operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	    branch_target(decoder, instruction, address, &target)) {
		snprintf(buffer, INSTRUCTION_SIZE, "%s 0x%llx", ZydisMnemonicGetString(instruction->decoded.mnemonic),
			 (unsigned long long)target);
		return;
	}
	if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&decoder->formatter, &instruction->decoded,
							  instruction->operands,
							  instruction->decoded.operand_count_visible, buffer,
							  INSTRUCTION_SIZE, address, NULL)))
		snprintf(buffer, INSTRUCTION_SIZE, "(%s)", ZydisMnemonicGetString(instruction->decoded.mnemonic));
	/* With a size, invlpg would read as an instruction that it is not. */
	if (instruction->decoded.mnemonic == ZYDIS_MNEMONIC_INVLPG && strncmp(buffer, "invlpgb ", 8) == 0)
		memmove(buffer + 6, buffer + 7, strlen(buffer + 7) + 1);
}

char *disassemble(const struct decoder *decoder, const unsigned char *bytes, size_t size, uint64_t address)
{
	char *line = allocate(size + 1, INSTRUCTION_SIZE + 2), *to = line;

	for (size_t at = 0; at < size;) {
		struct instruction instruction;
		char text[INSTRUCTION_SIZE];

		if (decode(decoder, bytes + at, size - at, &instruction) == 0) {
			format_instruction(decoder, &instruction, address + at, text);
		} else {
			instruction.length = 1;
			snprintf(text, sizeof text, ".byte 0x%02x", bytes[at]);
		}
		to += sprintf(to, "%s%s", at ? "; " : "", text);
		at += instruction.length;
	}
	return line;
}

int branch_target(const struct decoder *decoder, const struct instruction *instruction, uint64_t address,
		  uint64_t *target)
{
	const ZydisDecodedInstruction *decoded = &instruction->decoded;

	for (unsigned i = 0; i < decoded->operand_count_visible; i++) {
		const ZydisDecodedOperand *operand = &instruction->operands[i];

		if (operand->type == ZYDIS_OPERAND_TYPE_POINTER) {
			*target = operand->ptr.offset;
			return 1;
		}
		if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand->imm.is_relative &&
		    ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(decoded, operand, address, target))) {
			if (decoder->decoder.machine_mode != ZYDIS_MACHINE_MODE_LONG_64)
				*target &= 0xffffffffu;
			return 1;
		}
	}
	return 0;
}

size_t whole_instructions(const struct decoder *decoder, const unsigned char *bytes, size_t size)
{
	struct instruction instruction;
	size_t at = 0;

	while (at < size && decode(decoder, bytes + at, size - at, &instruction) == 0)
		at += instruction.length;
	return at;
}

const unsigned char *nop_of(unsigned length)
{
	static const unsigned char nops[NOP_MAX][NOP_MAX] = {
		{ 0x90 },
		{ 0x66, 0x90 },
		{ 0x0f, 0x1f, 0x00 },
		{ 0x0f, 0x1f, 0x40, 0x00 },
		{ 0x0f, 0x1f, 0x44, 0x00, 0x00 },
		{ 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00 },
		{ 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 },
		{ 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
		{ 0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
	};

	return nops[length - 1];
}

int is_padding(const unsigned char *bytes, size_t size)
{
	while (size > 0) {
		unsigned length = size < NOP_MAX ? (unsigned)size : NOP_MAX;

		if (memcmp(bytes, nop_of(length), length) != 0)
			return 0;
		bytes += length;
		size -= length;
	}
	return 1;
}

int general_register(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LEGACY_32, reg);

	return whole >= ZYDIS_REGISTER_EAX && whole <= ZYDIS_REGISTER_EDI ? (int)(whole - ZYDIS_REGISTER_EAX) : -1;
}

uint32_t all_bytes(unsigned registers)
{
	uint32_t bytes = 0;

	for (unsigned number = 0; number < 8; number++)
		bytes |= registers >> number & 1 ? 15u << 4 * number : 0;
	return bytes;
}

uint32_t register_bytes(ZydisRegister reg)
{
	unsigned shift = 4 * (unsigned)general_register(reg);

	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_GPR8:
		return (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH ? 2u : 1u) << shift;
	case ZYDIS_REGCLASS_GPR16:
		return 3u << shift;
	default:
		return 15u << shift;
	}
}
