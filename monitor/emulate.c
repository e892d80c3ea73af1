/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Instructions that are refused to a guest because it is not in ring 0. Its kernel, in ring 1, believes that it is: what
 * it may do there is done for it, to the guest's state and never to the machine's. Whatever else was refused is the
 * guest's own fault, and it gets the exception.
 *
 * Functions that are bool say whether the guest goes on behind the instruction. If not, they have delivered an exception,
 * or set guest.regs.eip themselves.
 */
#include "operand.h"
#include "stub.h"

/* Bits of a #GP's error code; the rest is a selector or, with IDT, a vector. */
#define ERROR_EXTERNAL 1
#define ERROR_IDT 2
#define ERROR_LDT 4

#define DR6_STEP 0x4000
#define FLAG_DF 0x400
#define SELECTOR_INDEX 0xfffc /* with the bit that says which table */

/*
 * ---- Segments ----
 *
 * The shadow tables have the kernel's segments in ring 1. The processor accepts selectors for them that say ring 0 in data
 * segment registers and in far jumps and calls, but not in SS, nor in what returns.
 */

/* What the processor would raise, and its error code, if SS were loaded in that ring, or CS to go on at eip. 0: nothing. */
static unsigned load_fault(bool stack, uint16_t selector, unsigned ring, uint32_t eip, uint32_t *error)
{
	uint32_t words[2], access, base, limit = 0;
	unsigned level;

	*error = selector & SELECTOR_INDEX;
	if (!*error || (selector & 3) != ring || !descriptor(selector, words))
		return EX_GP;
	access = words[1] >> 8;
	level = access >> 5 & 3;
	if (stack) /* writable data */
		return (access & 0x1a) != 0x12 || level != ring ? EX_GP : access & 0x80 ? 0 : EX_SS;
	if ((access & 0x18) != 0x18 || (access & 4 ? level > ring : level != ring)) /* code; 4: conforming */
		return EX_GP;
	if (!(access & 0x80))
		return EX_NP;
	segment_base(selector, &base, &limit);
	if (eip <= limit)
		return 0;
	*error = 0;
	return EX_GP;
}

static bool load_ss(uint32_t value)
{
	uint16_t selector = deprivileged((uint16_t)value);
	uint32_t error;
	unsigned vector = load_fault(true, selector, guest_ring(), 0, &error);

	if (vector)
		return refuse(vector, error);
	guest.regs.ss = selector;
	return true;
}

static bool lss(struct instruction *i)
{
	uint32_t offset, selector = 0;

	if (!operands(i))
		return false;
	if (!i->memory)
		return refuse(EX_UD, NO_ERROR_CODE);
	if (!operand_read(i, i->size, &offset) || !memory_read(i->address + i->size, &selector, 2) || !load_ss(selector))
		return false;
	register_write(i->reg, i->size, offset);
	return true;
}

/* A far return within the ring: how many a kernel gets from the loader's CS to its own. */
static bool far_return(struct instruction *i, uint32_t error)
{
	uint32_t frame[2], drop = 0;
	unsigned vector;
	uint16_t cs;

	if (i->size != 4)
		return refuse(EX_GP, error);
	if ((i->opcode == 0xca && !fetch(i, 2, &drop)) ||
	    !memory_read(segment_start(SS) + guest.regs.esp, frame, sizeof frame))
		return false;
	cs = deprivileged((uint16_t)frame[1]);
	vector = load_fault(false, cs, guest_ring(), frame[0], &error);
	if (vector)
		return refuse(vector, error);
	guest.regs.eip = frame[0];
	guest.regs.cs = cs;
	guest.regs.esp += sizeof frame + drop;
	return false;
}

/* ---- IRET ---- */

/* What IRET restores: all but the interrupt flag and IOPL, which are virtual, and what is for virtual 8086 mode. */
#define IRET_FLAGS 0x00254dd5

unsigned iret(uint32_t frame, uint32_t *error)
{
	uint32_t word[9]; /* EIP CS EFLAGS, ESP SS, ES DS FS GS: in this order they are in struct regs too */
	unsigned ring = guest_ring(), to, vector, words = 5;
	bool v86;

	if (!guest_read(frame, word, 12, false))
		goto page_fault;
	v86 = (word[2] & FLAG_VM) && ring < 3;
	if (v86) {
		words = 9;
		to = 3;
		*error = 0;
		vector = word[0] > 0xffff ? EX_GP : 0;
	} else {
		word[1] = deprivileged((uint16_t)word[1]);
		to = word[1] & 3;
		vector = load_fault(false, (uint16_t)word[1], to, 0, error);
		if (to < ring)
			vector = EX_GP;
	}
	if (vector)
		return vector;
	if (to == ring) {
		word[3] = frame + 12;
		word[4] = guest.regs.ss;
	} else if (!guest_read(frame + 12, word + 3, words * 4 - 12, false)) {
		goto page_fault;
	} else if (!v86) {
		vector = load_fault(true, (uint16_t)word[4], to, 0, error);
		if (vector)
			return vector;
	}
	/* Only now is it looked at whether EIP is in the segment. */
	vector = v86 ? 0 : load_fault(false, (uint16_t)word[1], to, word[0], error);
	if (vector)
		return vector;
	if (v86)
		guest.regs.ds = guest.regs.es = guest.regs.fs = guest.regs.gs = 0;
	memcpy((char *)&guest.regs + offsetof(struct regs, eip), word, words * 4);
	guest.regs.eflags = (word[2] & IRET_FLAGS) | FLAG_IF | 2 | (v86 ? FLAG_VM : 0);
	interrupts_enable(word[2] & FLAG_IF);
	return 0;
page_fault:
	*error = guest_fault;
	return EX_PF;
}

static bool iret_instruction(struct instruction *i, uint32_t error)
{
	unsigned vector = i->size == 4 ? iret(guest.regs.esp, &error) : EX_GP;

	if (vector == EX_PF)
		deliver_page_fault(guest_fault_address, error);
	else if (vector)
		deliver_exception(vector, error);
	return false;
}

/* ---- Ports ---- */

#define TSS_LEAST 0x67  /* limit of the smallest */
#define TSS_IO_MAP 0x66 /* where the offset of its map is */
#define MOST_ELEMENTS 4096

/* As the processor would decide it, with the guest's task state segment. IOPL does not count in virtual 8086 mode. */
static bool ports_allowed(uint16_t port, unsigned size)
{
	uint16_t map, bits;
	uint32_t at;

	if (guest_ring() < 3 || (guest.iopl == 3 && !in_v86()))
		return true;
	if (guest.tr_limit < TSS_LEAST || !guest_read(guest.tr_base + TSS_IO_MAP, &map, 2, false))
		return false;
	at = map + port / 8u;
	if (at + 1 > guest.tr_limit || !guest_read(guest.tr_base + at, &bits, 2, false))
		return false;
	return !(bits >> (port & 7) & ((1 << size) - 1));
}

/* INS and OUTS. Registers are right after each element; what is too long goes on when the guest executes it again. */
static bool port_string(struct instruction *i, uint16_t port, unsigned size, bool in)
{
	unsigned segment = in ? ES : i->segment == NO_SEGMENT ? DS : i->segment, index = in ? EDI : ESI;
	uint32_t base = segment_start(segment), address, value;
	uint32_t step = guest.regs.eflags & FLAG_DF ? 0 - size : size;

	for (unsigned n = 0; n < MOST_ELEMENTS; n++) {
		if (i->repeat && !low_part(guest.regs.ecx, i->address_size))
			return true;
		address = base + low_part(*general_register(index), i->address_size);
		/* What was read from a port must not be lost: it is tried first whether memory can be written. */
		if (!memory_read(address, &value, size) || (in && !memory_write(address, &value, size)))
			return false;
		if (in) {
			value = port_read(port, size);
			memory_write(address, &value, size);
		} else {
			port_write(port, size, low_part(value, size));
		}
		register_write(index, i->address_size, *general_register(index) + step);
		if (!i->repeat)
			return true;
		register_write(ECX, i->address_size, guest.regs.ecx - 1);
	}
	return false;
}

static bool port_instruction(struct instruction *i, uint32_t error)
{
	bool in = !(i->opcode & 2), string = i->opcode < 0x70;
	unsigned size = i->opcode & 1 ? i->size : 1;
	uint32_t number = guest.regs.edx;
	uint16_t port;

	if (!string && !(i->opcode & 8) && !fetch(i, 1, &number)) /* else it is DX */
		return false;
	port = (uint16_t)number;
	if (!ports_allowed(port, size))
		return refuse(EX_GP, error);
	if (string)
		return port_string(i, port, size, in);
	if (in)
		register_write(EAX, size, port_read(port, size));
	else
		port_write(port, size, low_part(guest.regs.eax, size));
	/* Drivers come in bursts. From here to the next IRET to a program, which then is a call that we see. */
	if (guest.entered && guest_ring() != 3 && port_direct(port))
		segments_open_ports(true);
	return true;
}

/* ---- System registers ---- */

/* 0F 00, 0F 01 */
static bool table_instruction(struct instruction *i)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) table;
	uint32_t value;

	if (!operands(i))
		return false;
	switch ((i->opcode & 1) << 3 | i->reg) {
	case 2: case 3: /* LLDT, LTR */
		if (!operand_read(i, 2, &value))
			return false;
		return (i->reg == 2 ? set_ldt : set_tr)((uint16_t)value) || refuse(EX_GP, value & SELECTOR_INDEX);
	case 8 + 2: case 8 + 3: /* LGDT, LIDT */
		if (!i->memory)
			return (i->reg == 2 && i->rm == 1 && /* XSETBV */
				write_xcr(guest.regs.ecx, (uint64_t)guest.regs.edx << 32 | guest.regs.eax)) ||
			       refuse(EX_GP, 0);
		if (!memory_read(i->address, &table, sizeof table))
			return false;
		(i->reg == 2 ? set_gdt : set_idt)(i->size == 2 ? table.base & 0xffffff : table.base, table.limit);
		return true;
	case 8 + 6: /* LMSW, which can set PE and not clear it */
		if (!operand_read(i, 2, &value))
			return false;
		value &= CR0_PE | CR0_MP | CR0_EM | CR0_TS;
		return set_cr0((get_cr0() & ~(CR0_MP | CR0_EM | CR0_TS)) | value) || refuse(EX_GP, 0);
	case 8 + 7: /* INVLPG */
		if (i->memory)
			shadow_inval(i->address);
		return i->memory || refuse(EX_GP, 0);
	}
	return refuse(EX_GP, 0);
}

/* MOV from and to control and debug registers. The operand is a register, whatever ModRM says. */
static bool control_instruction(struct instruction *i)
{
	uint32_t modrm, *operand;
	unsigned n;

	if (!fetch(i, 1, &modrm))
		return false;
	n = modrm >> 3 & 7;
	operand = general_register(modrm & 7);
	if (i->opcode & 1 ? (n == 4 || n == 5) && (guest.cr4 & CR4_DE) : n == 1 || n > 4)
		return refuse(EX_UD, NO_ERROR_CODE);
	if (i->opcode == 0x121)
		*operand = get_dr(n);
	else if (i->opcode == 0x123)
		set_dr(n, *operand);
	else if (i->opcode == 0x120)
		*operand = n == 0 ? get_cr0() : n == 2 ? shared_page.cr2 : n == 3 ? guest.cr3 : guest.cr4;
	else if (n == 2)
		shared_page.cr2 = *operand;
	else if (n == 3)
		set_cr3(*operand);
	else if (!(n == 0 ? set_cr0(*operand) : set_cr4(*operand)))
		return refuse(EX_GP, 0);
	/* Of a guest that we have patched, early code does not call yet, nor tell of its page tables. */
	if (i->opcode == 0x122 && n != 2 && guest.entered)
		shadow_flush(true);
	return true;
}

/* ---- Which instruction it is ---- */

/* In ring 1 or 2. */
static bool kernel_instruction(struct instruction *i, uint32_t error)
{
	uint64_t result = 0;
	uint32_t value;
	uint8_t next;

	switch (i->opcode) {
	case 0xfa: /* CLI */
		interrupts_enable(false);
		return true;
	case 0xfb: /* STI. The interrupt that HLT is to wait for must not come between them. */
		interrupts_enable(true);
		if (guest_read(i->start + i->length, &next, 1, false) && next == 0xf4) {
			i->length++;
			guest.halted = true;
		}
		return true;
	case 0xf4: /* HLT, for ever if nothing can end it */
		if (!interrupts_enabled())
			guest_power_off();
		guest.halted = true;
		return true;
	case 0x100: case 0x101:
		return table_instruction(i);
	case 0x120 ... 0x123:
		return control_instruction(i);
	case 0x106: /* CLTS */
		return set_cr0(get_cr0() & ~CR0_TS);
	case 0x108: case 0x109: /* INVD, WBINVD */
		return true;
	case 0x130: /* WRMSR */
		return write_msr(guest.regs.ecx, (uint64_t)guest.regs.edx << 32 | guest.regs.eax) || refuse(EX_GP, 0);
	case 0x131: case 0x132: case 0x133: /* RDTSC, RDMSR, RDPMC, which finds no counters */
		if (i->opcode == 0x131)
			result = rdtsc();
		else if (i->opcode == 0x132 && !read_msr(guest.regs.ecx, &result))
			return refuse(EX_GP, 0);
		guest.regs.eax = (uint32_t)result;
		guest.regs.edx = (uint32_t)(result >> 32);
		return true;
	case 0x8e: /* MOV to SS */
		if (!operands(i))
			return false;
		return i->reg == SS ? operand_read(i, 2, &value) && load_ss(value) : refuse(EX_GP, error);
	case 0x17: /* POP SS */
		if (!memory_read(segment_start(SS) + guest.regs.esp, &value, 2) || !load_ss(value & 0xffff))
			return false;
		guest.regs.esp += i->size;
		return true;
	case 0x1b2:
		return lss(i);
	case 0xca: case 0xcb:
		return far_return(i, error);
	case 0xcf:
		return iret_instruction(i, error);
	}
	return refuse(EX_GP, error);
}

/* INT n, INT3, INTO whose gate the machine refused: the guest's own may allow it. */
static bool software_interrupt(struct instruction *i, uint32_t error)
{
	uint32_t vector = i->opcode == 0xcc ? EX_BP : EX_OF;

	if (i->opcode == 0xcd && !fetch(i, 1, &vector))
		return false;
	if (i->opcode < 0xcc || i->opcode > 0xce || vector != error >> 3)
		return refuse(EX_GP, error);
	guest.regs.eip += i->length;
	deliver_software(vector);
	return false;
}

static bool carry_out(struct instruction *i, uint32_t error)
{
	if (error & ERROR_EXTERNAL)
		return refuse(EX_GP, error);
	if (!decode(i))
		return false;
	if (error & ERROR_IDT)
		return software_interrupt(i, error);
	switch (i->opcode) {
	case 0x6c ... 0x6f: case 0xe4 ... 0xe7: case 0xec ... 0xef:
		return port_instruction(i, error);
	}
	if (guest_ring() < 3)
		return kernel_instruction(i, error);
	/* A program with all ports: its CLI and STI go through, but the interrupt flag is not its. */
	if (!in_v86() && guest.iopl == 3 && (i->opcode == 0xfa || i->opcode == 0xfb))
		return true;
	return refuse(EX_GP, error);
}

/* A guest may write to its table without a word. True: the shadow of what was refused was old, so it is tried again. */
static bool descriptor_changed(uint32_t error)
{
	uint16_t selector = (uint16_t)(error | guest_ring());
	uint32_t before[2] = { 0, 0 }, after[2] = { 0, 0 };

	if (!(error & SELECTOR_INDEX) || (error & (ERROR_EXTERNAL | ERROR_IDT)))
		return false;
	descriptor(selector, before);
	(error & ERROR_LDT ? ldt_changed : gdt_changed)((error & 0xffff) >> 3, 1);
	descriptor(selector, after);
	return before[0] != after[0] || before[1] != after[1];
}

void emulate(uint32_t error)
{
	struct instruction i;

	if (descriptor_changed(error) || !carry_out(&i, error))
		return;
	guest.regs.eip = low_part(guest.regs.eip + i.length, i.wide ? 4 : 2);
	guest.regs.eflags &= ~FLAG_RF;
	if ((guest.regs.eflags & FLAG_TF) && !guest.halted) {
		guest.dr[6] |= DR6_STEP;
		deliver_exception(EX_DB, NO_ERROR_CODE);
	}
}
