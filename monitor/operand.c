/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What an instruction says, and where its operands are. Only as much is fetched as the processor would fetch: the next page
 * may be absent. Operands in memory have 32-bit addresses.
 */
#include "operand.h"

#define DESCRIPTOR_BIG 0x00400000
#define LONGEST 15 /* bytes of an instruction */

static bool page_fault(void)
{
	deliver_page_fault(guest_fault_address, guest_fault);
	return false;
}

bool memory_read(uint32_t address, void *to, uint32_t length)
{
	return guest_read(address, to, length, guest_ring() == 3) || page_fault();
}

bool memory_write(uint32_t address, const void *from, uint32_t length)
{
	return guest_write(address, from, length, guest_ring() == 3) || page_fault();
}

/* ---- Registers ---- */

uint32_t *general_register(unsigned n)
{
	struct regs *r = &guest.regs;
	uint32_t *const all[8] = { &r->eax, &r->ecx, &r->edx, &r->ebx, &r->esp, &r->ebp, &r->esi, &r->edi };

	return all[n];
}

void register_write(unsigned n, unsigned size, uint32_t value)
{
	uint32_t *to = general_register(n);

	*to = (*to - low_part(*to, size)) | low_part(value, size);
}

uint32_t segment_start(unsigned n)
{
	const struct regs *r = &guest.regs;
	const uint32_t v86[6] = { r->v86_es, r->cs, r->ss, r->v86_ds, r->v86_fs, r->v86_gs };
	const uint32_t protected[6] = { r->es, r->cs, r->ss, r->ds, r->fs, r->gs };
	uint32_t base, limit;

	if (in_v86())
		return (v86[n] & 0xffff) << 4;
	return segment_base((uint16_t)protected[n], &base, &limit) ? base : 0;
}

/* ---- Decoding ---- */

bool fetch(struct instruction *i, unsigned size, uint32_t *value)
{
	*value = 0;
	if (i->length + size > LONGEST)
		return refuse(EX_GP, 0);
	if (!memory_read(i->start + i->length, value, size))
		return false;
	i->length += size;
	return true;
}

/* False: byte is no prefix. */
static bool prefix(struct instruction *i, uint32_t byte)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e:
		i->segment = byte >> 3 & 3;
		return true;
	case 0x64: case 0x65:
		i->segment = byte - 0x64 + FS;
		return true;
	case 0x66:
		i->size = i->wide ? 2 : 4;
		return true;
	case 0x67:
		i->address_size = i->wide ? 2 : 4;
		return true;
	case 0xf2: case 0xf3:
		i->repeat = true;
		return true;
	}
	return byte == 0xf0;
}

bool decode(struct instruction *i)
{
	uint32_t words[2], byte;

	memset(i, 0, sizeof *i);
	i->wide = !in_v86() && (!descriptor((uint16_t)guest.regs.cs, words) || (words[1] & DESCRIPTOR_BIG));
	i->size = i->address_size = i->wide ? 4 : 2;
	i->segment = NO_SEGMENT;
	i->start = segment_start(CS) + low_part(guest.regs.eip, i->size);
	do
		if (!fetch(i, 1, &byte))
			return false;
	while (prefix(i, byte));
	i->opcode = byte;
	if (byte != 0x0f)
		return true;
	if (!fetch(i, 1, &byte))
		return false;
	i->opcode = 0x100 | byte;
	return true;
}

/* The parts of a memory operand's address. */
static bool memory_operand(struct instruction *i, uint32_t mod)
{
	unsigned base = i->rm, segment = i->segment, size = mod == 2 ? 4 : mod;
	uint32_t sib, displacement = 0, offset = 0;
	bool absolute;

	if (i->address_size == 2)
		return refuse(EX_GP, 0);
	if (base == ESP) {
		if (!fetch(i, 1, &sib))
			return false;
		base = sib & 7;
		if ((sib >> 3 & 7) != ESP)
			offset = *general_register(sib >> 3 & 7) << (sib >> 6);
	}
	absolute = mod == 0 && base == EBP;
	if (absolute)
		size = 4;
	else
		offset += *general_register(base);
	if (size && !fetch(i, size, &displacement))
		return false;
	offset += size == 1 ? (uint32_t)(int8_t)displacement : displacement;
	if (segment == NO_SEGMENT)
		segment = !absolute && (base == ESP || base == EBP) ? SS : DS;
	i->address = segment_start(segment) + offset;
	return true;
}

bool operands(struct instruction *i)
{
	uint32_t byte;

	if (!fetch(i, 1, &byte))
		return false;
	i->reg = byte >> 3 & 7;
	i->rm = byte & 7;
	i->memory = byte < 0xc0;
	return !i->memory || memory_operand(i, byte >> 6);
}

bool operand_read(const struct instruction *i, unsigned size, uint32_t *value)
{
	*value = low_part(*general_register(i->rm), size);
	return !i->memory || memory_read(i->address, value, size);
}
