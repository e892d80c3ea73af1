/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Descriptor tables. The processor uses the monitor's own, in pages that the guest can at most read. They hold what the guest
 * put into its tables, made harmless: ring 0 becomes ring 1, limits end below the monitor, and task states and gates, which
 * could lead to ring 0, are left out. All have the accessed bit: the processor does not write to these pages.
 */
#include "monitor.h"
#include "stub.h"

#define HIGH_PRESENT 0x8000
#define HIGH_SEGMENT 0x1000      /* code or data, not a system descriptor */
#define HIGH_CODE 0x0800
#define HIGH_DOWN 0x0400         /* data: grows down; code: conforming */
#define HIGH_ACCESSED 0x0100
#define HIGH_GRANULAR 0x800000
#define HIGH_DPL 0x6000
#define DPL1 0x2000
#define SYSTEM_TYPE 0x0f00
#define TYPE_LDT 0x0200
#define TYPE_TASK 0x0900
#define TYPE_TASK_BUSY 0x0b00
#define FLAT_LOW 0x0000ffff
#define FLAT_CODE1 0x00cfbb00    /* 4 GiB, present, ring 1, accessed */
#define FLAT_DATA1 0x00cfb300
#define GATE_TO_RING0 0x8e00
#define GATE_TRAP 0x8f00
#define IDT_BYTES 2048
#define RPL 3
#define LOCAL 4                  /* a selector of the LDT */
#define PART 64                  /* descriptors that are read at a time */

typedef uint32_t descriptor_pair[2];
#define shadow_gdt ((descriptor_pair *)SHADOW_GDT)
#define shadow_ldt ((descriptor_pair *)SHADOW_LDT)
/* With gates straight to the guest, and without. */
#define idt_direct ((descriptor_pair *)IDT_PAGE)
#define idt_all ((descriptor_pair *)(IDT_PAGE + IDT_BYTES))

struct task_state {
	uint32_t link, esp0, ss0, esp1, ss1, unused[20];
	uint16_t trap, port_map;
} __attribute__((packed));
#define OPEN_BYTES (sizeof(struct task_state) + 8192 + 1)

static const uint8_t direct_exceptions[] = { EX_BP, EX_OF, EX_BR, EX_NM, EX_MF, EX_XM,
#ifndef MONITOR_SIGN
					     EX_UD, /* else the guest's way of enabling interrupts: deliver.c */
#endif
};
static unsigned gdt_count;
static bool ports_open;
static const void *loaded_idt;

/* ---- Descriptors ---- */

static uint32_t base_of(const uint32_t *d)
{
	return d[0] >> 16 | (d[1] & 0xff) << 16 | (d[1] & 0xff000000);
}

static uint32_t limit_of(const uint32_t *d)
{
	uint32_t limit = (d[0] & 0xffff) | (d[1] & 0xf0000);

	return d[1] & HIGH_GRANULAR ? limit << 12 | 0xfff : limit;
}

static void set_limit(uint32_t *d, uint32_t limit)
{
	d[1] &= ~(HIGH_GRANULAR | 0xf0000);
	if (limit > 0xfffff) {
		d[1] |= HIGH_GRANULAR;
		limit >>= 12;
	}
	d[0] = (d[0] & 0xffff0000) | (limit & 0xffff);
	d[1] |= limit & 0xf0000;
}

/*
 * The guest's descriptor, made harmless. A segment that would reach the monitor, or wrap around, ends where the guest's
 * linear addresses do. (A segment that grows down is left to the page tables.)
 */
static void harmless(uint32_t *to, uint32_t low, uint32_t high)
{
	uint32_t base;

	to[0] = low;
	to[1] = high;
	if (!(high & HIGH_SEGMENT)) {
		to[0] = to[1] = 0;
		return;
	}
	if (!(high & HIGH_DPL))
		to[1] |= DPL1;
	to[1] |= HIGH_ACCESSED;
	base = base_of(to);
	if ((high & (HIGH_CODE | HIGH_DOWN)) == HIGH_DOWN)
		return;
	if (base >= GUEST_END)
		to[1] &= ~HIGH_PRESENT;
	else if (limit_of(to) > GUEST_END - 1 - base)
		set_limit(to, GUEST_END - 1 - base);
}

bool descriptor(uint16_t selector, uint32_t words[2])
{
	unsigned index = selector >> 3;

	if (selector & LOCAL ? index * 8 + 7 > guest.ldt_limit : !(selector & ~RPL) || index >= MONITOR_CS / 8)
		return false;
	memcpy(words, selector & LOCAL ? shadow_ldt[index] : shadow_gdt[index], 8);
	return words[0] || words[1];
}

uint16_t deprivileged(uint16_t selector)
{
	return (selector & RPL) || !(selector & ~RPL) ? selector : selector | 1;
}

bool segment_base(uint16_t selector, uint32_t *base, uint32_t *limit)
{
	uint32_t words[2];

	if (!descriptor(selector, words))
		return false;
	*base = base_of(words);
	*limit = limit_of(words);
	return true;
}

/* What selector names in the guest's own GDT. */
static bool guest_descriptor(uint16_t selector, uint32_t words[2])
{
	return !(selector & LOCAL) && (selector & ~RPL) && (selector | 7u) <= guest.gdt_limit &&
	       guest_read(guest.gdt_base + (selector & ~7u), words, 8, false);
}

/* Makes count shadow entries from the guest's table at base. What is behind its limit is empty. Returns how many could be
 * read. */
static unsigned read_table(descriptor_pair *shadow, uint32_t base, uint32_t limit, unsigned index, unsigned count)
{
	descriptor_pair part[PART];
	unsigned n, done = 0;

	for (; done < count; done += n, index += n) {
		n = count - done < PART ? count - done : PART;
		if (index * 8 + 7 > limit)
			memset(part, 0, sizeof part);
		else if (index * 8 + n * 8 - 1 > limit)
			n = (limit + 1 - index * 8) / 8;
		if (index * 8 + 7 <= limit && !guest_read(base + index * 8, part, n * 8, false))
			break;
		for (unsigned i = 0; i < n; i++)
			harmless(shadow[index + i], part[i][0], part[i][1]);
	}
	return done;
}

/* ---- GDT ---- */

void gdt_changed(unsigned index, unsigned count)
{
	if (guest.gdt_limit && index < GUEST_DESCRIPTORS) /* else the descriptors are those that it was booted with */
		read_table(shadow_gdt, guest.gdt_base, guest.gdt_limit, index, count);
}

/*
 * A segment register keeps what it was loaded with when another table comes. So the descriptors that are in use and not the
 * same in the new table move to places of their own, and the registers' selectors with them, until they are loaded again.
 */
void set_gdt(uint32_t base, uint16_t limit)
{
	uint32_t *registers[] = { &guest.regs.cs, &guest.regs.ss, &guest.regs.ds, &guest.regs.es, &guest.regs.fs,
				  &guest.regs.gs };
	descriptor_pair before[6];
	unsigned count = (limit + 1u) / 8;

	for (unsigned i = 0; i < 6; i++)
		if (!descriptor((uint16_t)*registers[i], before[i]) || (*registers[i] & LOCAL))
			before[i][0] = before[i][1] = 0;
	guest.gdt_base = base;
	guest.gdt_limit = limit;
	if (count > GUEST_DESCRIPTORS)
		count = GUEST_DESCRIPTORS;
	if (count < gdt_count)
		count = gdt_count;
	if (read_table(shadow_gdt, base, limit, 0, count) < count)
		guest_stop("it loaded a descriptor table at %08x, which cannot be read", base);
	gdt_count = (limit + 1u) / 8 < GUEST_DESCRIPTORS ? (limit + 1u) / 8 : GUEST_DESCRIPTORS;
	for (unsigned i = 0; i < 6; i++) {
		unsigned alias = GUEST_DESCRIPTORS + i, index = (*registers[i] & 0xffff) >> 3;

		if (in_v86() || !before[i][1] || index == alias || !memcmp(before[i], shadow_gdt[index], 8))
			continue;
		memcpy(shadow_gdt[alias], before[i], 8);
		*registers[i] = alias * 8 + (*registers[i] & RPL);
	}
}

/* ---- LDT, task register ---- */

static void load_ldt(uint32_t limit)
{
	uint32_t *d = shadow_gdt[MONITOR_LDT / 8];

	d[0] = SHADOW_LDT << 16 | limit;
	d[1] = (SHADOW_LDT & 0xff000000) | HIGH_PRESENT | TYPE_LDT | (SHADOW_LDT >> 16 & 0xff);
	__asm__ volatile("lldt %w0" : : "r"(limit ? MONITOR_LDT : 0));
}

void ldt_changed(unsigned index, unsigned count)
{
	if (guest.ldt_limit)
		read_table(shadow_ldt, guest.ldt_base, guest.ldt_limit, index, count);
}

bool set_ldt(uint16_t selector)
{
	uint32_t words[2];
	unsigned count = 0;

	guest.ldt_limit = guest.ldt_base = 0;
	if (selector & ~RPL) {
		if (!guest_descriptor(selector, words) || !(words[1] & HIGH_PRESENT) ||
		    (words[1] & (HIGH_SEGMENT | SYSTEM_TYPE)) != TYPE_LDT)
			return false;
		guest.ldt_base = base_of(words);
		guest.ldt_limit = limit_of(words) & 0xffff;
	}
	guest.ldt = selector;
	shared_page.ldt = guest.ldt_base;
	if (guest.ldt_limit)
		count = read_table(shadow_ldt, guest.ldt_base, guest.ldt_limit, 0, (guest.ldt_limit + 1) / 8);
	load_ldt(count ? count * 8 - 1 : 0);
	return true;
}

/* The stack of ring 1 is the one that the guest's task state has for ring 0. */
bool read_kernel_stack(void)
{
	uint32_t base, limit, stack[2];

	if (!guest_read(guest.tr_base + 4, stack, sizeof stack, false))
		return false;
	stub_data.ss1 = deprivileged((uint16_t)stack[1]);
	((volatile uint32_t *)TASK_SS1)[0] = stub_data.ss1;
	task_esp1 = stack[0];
	if (segment_base((uint16_t)stub_data.ss1, &base, &limit) && base)
		guest_stop("its kernel stack segment %04x is not flat", stub_data.ss1);
	return true;
}

bool set_tr(uint16_t selector)
{
	uint32_t words[2];

	if (!guest_descriptor(selector, words) || !(words[1] & HIGH_PRESENT) ||
	    ((words[1] & (HIGH_SEGMENT | SYSTEM_TYPE)) != TYPE_TASK &&
	     (words[1] & (HIGH_SEGMENT | SYSTEM_TYPE)) != TYPE_TASK_BUSY))
		return false;
	guest.tr = selector;
	guest.tr_base = base_of(words);
	guest.tr_limit = limit_of(words);
	return read_kernel_stack();
}

/* ---- IDT ---- */

static void set_gate(uint32_t *gate, uint16_t selector, const char *to, uint32_t kind, unsigned dpl)
{
	gate[0] = (uint32_t)selector << 16 | ((uint32_t)to & 0xffff);
	gate[1] = ((uint32_t)to & 0xffff0000) | kind | dpl << 13;
}

/* How the processor gets from vector to the monitor. */
static void own_gate(unsigned vector, uint32_t *gate)
{
	const char *stub = vector_stubs + VECTOR_STUB_SIZE * (vector == ENTRY_VECTOR ? VECTOR_STUBS : vector);

	gate[0] = gate[1] = 0;
	if (vector < VECTOR_STUBS || vector == ENTRY_VECTOR)
		set_gate(gate, MONITOR_CS, stub, GATE_TO_RING0, vector == ENTRY_VECTOR ? 1 : 0);
}

/*
 * Whether vector may lead straight to ring 1: exceptions that can interrupt the delivery of nothing and that the processor
 * retries if their own delivery faults, and what programs use with an int instruction. A page fault may not: while it is
 * delivered the stack may fault, and that would be a double fault.
 */
static bool may_be_direct(unsigned vector, const uint32_t *gate)
{
	for (unsigned i = 0; i < sizeof direct_exceptions; i++)
		if (vector == direct_exceptions[i])
			return true;
	return vector >= VECTOR_STUBS && vector != ENTRY_VECTOR && (gate[1] & HIGH_DPL) == HIGH_DPL;
}

void idt_changed(unsigned vector)
{
	uint32_t gate[2], code[2];
	bool good, masks;

	if (vector > 255)
		return;
	good = vector * 8 + 7 <= guest.idt_limit && guest_read(guest.idt_base + vector * 8, gate, sizeof gate, false) &&
	       ((gate[1] & 0x9f00) == GATE_TO_RING0 || (gate[1] & 0x9f00) == GATE_TRAP) &&
	       descriptor((uint16_t)(gate[0] >> 16), code) && (code[1] & HIGH_PRESENT) &&
	       (code[1] & (HIGH_CODE | HIGH_DOWN)) == HIGH_CODE && (code[1] & HIGH_DPL) == DPL1;
	own_gate(vector, idt_direct[vector]);
	if (vector == EX_PF)
		stub_data.fault_eip = 0;
	if (!good)
		return;
	masks = (gate[1] & 0x9f00) == GATE_TO_RING0;
	stub_direct[vector] = (gate[1] & 0xffff0000) | (gate[0] & 0xffff);
	if (vector == EX_PF) {
		stub_data.fault_eip = stub_direct[vector];
		stub_data.fault_cs = deprivileged((uint16_t)(gate[0] >> 16));
		stub_data.fault_masks = masks;
	}
	if (may_be_direct(vector, gate))
		set_gate(idt_direct[vector], deprivileged((uint16_t)(gate[0] >> 16)),
			 masks ? ring1_interrupt + RING1_INTERRUPT_SIZE * vector : ring1_trap + RING1_TRAP_SIZE * vector,
			 GATE_TRAP, (gate[1] & HIGH_DPL) == HIGH_DPL ? 3 : 1);
}

void set_idt(uint32_t base, uint16_t limit)
{
	guest.idt_base = base;
	guest.idt_limit = limit;
	for (unsigned vector = 0; vector < 256; vector++)
		idt_changed(vector);
}

/* ---- The way out: what the processor is to use while the guest runs ---- */

static void load_task(unsigned selector)
{
	shadow_gdt[selector / 8][1] &= ~(TYPE_TASK_BUSY ^ TYPE_TASK);
	__asm__ volatile("ltr %w0" : : "r"(selector));
}

/* The guest's kernel reaches the ports that need no policy without us until it next goes to a program. */
void segments_open_ports(bool open)
{
	if (open == ports_open)
		return;
	ports_open = open;
	shared_page.iret = open;
	load_task(open ? MONITOR_OPEN_TASK : MONITOR_TASK);
}

void segments_leave(void)
{
	/* A guest that does not call does not say where its stack is, either. */
	const void *idt = guest.iopl || in_v86() || !guest.entered ? idt_all : idt_direct;
	const struct {
		uint16_t limit;
		const void *base;
	} __attribute__((packed)) table = { IDT_BYTES - 1, idt };

	if (guest_ring() == 3)
		segments_open_ports(false);
	stub_data.fast_fault = stub_data.fault_eip && stub_data.ss1 && stub_data.linear_size && !guest.iopl &&
			       (guest.cr0 & CR0_PG);
	stub_data.cr0 = guest.cr0;
#ifndef MONITOR_VERIFY
	stub_data.fast_switch = guest.entered && (guest.cr0 & CR0_PG);
#endif
	stub_data.pae = guest.cr4 & CR4_PAE;
	if (idt != loaded_idt)
		__asm__ volatile("lidt %0" : : "m"(table));
	loaded_idt = idt;
}

/* ---- Start ---- */

static void make_task(unsigned selector, struct task_state *task, uint32_t limit)
{
	uint32_t base = (uint32_t)task, *d = shadow_gdt[selector / 8];

	task->esp0 = ENTRY_ESP0;
	task->ss0 = MONITOR_DS;
	task->port_map = sizeof *task;
	d[0] = base << 16 | limit;
	d[1] = (base & 0xff000000) | HIGH_PRESENT | TYPE_TASK | (base >> 16 & 0xff);
}

/* The tables of a guest that has just started, and which has loaded none. */
void segments_reset(void)
{
	const struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) table = { 0xffff, SHADOW_GDT };
	uint8_t *map = (uint8_t *)OPEN_TASK + sizeof(struct task_state);

	memset(shadow_gdt, 0, 0x10000);
	memset(&stub_data.fast_fault, 0, sizeof stub_data - offsetof(struct stub_page, fast_fault));
	memset(stub_direct, 0, 1024);
	gdt_count = 4;
	shadow_gdt[2][0] = shadow_gdt[3][0] = FLAT_LOW;
	harmless(shadow_gdt[2], FLAT_LOW, FLAT_CODE1);
	harmless(shadow_gdt[3], FLAT_LOW, FLAT_DATA1);
	shadow_gdt[MONITOR_CS / 8][0] = shadow_gdt[MONITOR_DS / 8][0] = FLAT_LOW;
	shadow_gdt[MONITOR_CS / 8][1] = FLAT_CODE1 & ~HIGH_DPL;
	shadow_gdt[MONITOR_DS / 8][1] = FLAT_DATA1 & ~HIGH_DPL;
	/* The limit of the first leaves out its last bytes, where the map's offset is: the guest could write that. With
	 * a limit so short, no port is open. */
	make_task(MONITOR_TASK, (struct task_state *)TASK_STATE, sizeof(struct task_state) - 8);
	make_task(MONITOR_OPEN_TASK, (struct task_state *)OPEN_TASK, OPEN_BYTES - 1);
	memset(map, 0xff, 8192 + 1);
	for (unsigned port = 0; port < 0x10000; port++)
		if (port_direct((uint16_t)port))
			map[port / 8] &= (uint8_t)~(1 << port % 8);
	for (unsigned vector = 0; vector < 256; vector++) {
		own_gate(vector, idt_direct[vector]);
		own_gate(vector, idt_all[vector]);
	}
	__asm__ volatile("lgdt %0; ljmp %1, $1f; 1: movl %2, %%ds; movl %2, %%es; movl %2, %%ss; movl %3, %%fs; movl %3, %%gs"
			 : : "m"(table), "i"(MONITOR_CS), "r"(MONITOR_DS), "r"(0) : "memory");
	loaded_idt = NULL;
	ports_open = true;
	segments_open_ports(false);
	load_ldt(0);
}
