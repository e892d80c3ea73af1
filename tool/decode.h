/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TOOL_DECODE_H
#define TOOL_DECODE_H

/* Zydis, which knows nothing of how our sites are made: a second opinion on every byte. */
#include <Zydis/Zydis.h>

#include "tool.h"

struct decoder {
	ZydisDecoder decoder;
	ZydisFormatter formatter;
};

struct instruction {
	ZydisDecodedInstruction decoded;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	unsigned length;
};

void decoder_init(struct decoder *decoder, int is_64);

/* The instruction that starts at bytes. 0, or -1 if there is none in size bytes. */
int decode(const struct decoder *decoder, const unsigned char *bytes, size_t size, struct instruction *instruction);

/* In AT&T syntax, as it reads at address. */
#define INSTRUCTION_SIZE 160
void format_instruction(const struct decoder *decoder, const struct instruction *instruction, uint64_t address,
			char buffer[INSTRUCTION_SIZE]);

/* All of size bytes in one line, "pushl %eax; popfl". What is no instruction reads ".byte 0x0f". Free it. */
char *disassemble(const struct decoder *decoder, const unsigned char *bytes, size_t size, uint64_t address);

/*
 * Where the instruction at address may jump to, or call: 1 and *target, or 0 if it does not or it cannot
 * be known.
 */
int branch_target(const struct decoder *decoder, const struct instruction *instruction, uint64_t address,
		  uint64_t *target);

/* How many bytes from the start of size bytes are whole instructions. */
size_t whole_instructions(const struct decoder *decoder, const unsigned char *bytes, size_t size);

/* The recommended nop of length 1 to 9, and whether size bytes are such nops, each as long as can be. */
#define NOP_MAX 9
const unsigned char *nop_of(unsigned length);
int is_padding(const unsigned char *bytes, size_t size);

/* The number of a general register or of a part of one, -1 for what is something else. */
int general_register(ZydisRegister reg);

/* The bytes that are this general register, or this part of one: four bits for each register, by number. */
uint32_t register_bytes(ZydisRegister reg);
/* All bytes of these registers, bit by number. */
uint32_t all_bytes(unsigned registers);

#endif
