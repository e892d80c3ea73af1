/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef OPERAND_H
#define OPERAND_H

#include "monitor.h"

/* As instructions number them. */
enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };
enum { ES, CS, SS, DS, FS, GS, NO_SEGMENT };

struct instruction {
	uint32_t start;          /* linear address */
	unsigned length;         /* as far as it is understood */
	bool wide;               /* 32-bit code */
	unsigned size;           /* of operands: 2 or 4 */
	unsigned address_size;
	unsigned segment;        /* what a prefix says */
	bool repeat;
	unsigned opcode;         /* 0F nn: 100h + nn */
	/* After operands(): */
	unsigned reg, rm;        /* the first is often part of the opcode */
	bool memory;             /* the operand is at a linear address, else in register rm */
	uint32_t address;
};

/* False: the guest has been given an exception instead. Memory is accessed with the rights of the guest's ring. */
bool decode(struct instruction *i);      /* prefixes and opcode of the instruction at guest.regs.eip */
bool fetch(struct instruction *i, unsigned size, uint32_t *value); /* the next bytes of it */
bool operands(struct instruction *i);    /* ModRM, SIB, displacement */
bool operand_read(const struct instruction *i, unsigned size, uint32_t *value);
bool memory_read(uint32_t address, void *to, uint32_t length);
bool memory_write(uint32_t address, const void *from, uint32_t length);

uint32_t *general_register(unsigned n);
void register_write(unsigned n, unsigned size, uint32_t value);
/* Where the segment in register n begins. Limits are not looked at, as it is the page tables that protect. */
uint32_t segment_start(unsigned n);

static inline uint32_t low_part(uint32_t value, unsigned size)
{
	return size < 4 ? value & ((1u << size * 8) - 1) : value;
}

static inline bool refuse(unsigned vector, uint32_t error)
{
	deliver_exception(vector, error);
	return false;
}
#endif
