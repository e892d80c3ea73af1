/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Descriptors: of every kind and privilege, with limits that reach the hole or wrap around, in GDT and LDT. */
#include "escape.h"

#define GRANULAR 0x00800000
#define BIG 0x00400000
#define FLAT_HIGH 0x00cf0000

static uint32_t selector_used;

#define LOAD(name, text) \
	static void name(uint32_t selector) \
	{ \
		__asm__ volatile(text : : "r"(selector), "m"(selector) : "memory"); \
	}
LOAD(load_ds, "movw %w0, %%ds")
LOAD(load_es, "movw %w0, %%es")
LOAD(load_fs, "movw %w0, %%fs")
LOAD(load_gs, "movw %w0, %%gs")

static void load_ss(uint32_t selector)
{
	/* With a segment of 16 bits, the return from the monitor spoils the high half of ESP. */
	__asm__ volatile("movl %%ss, %%ecx; movl %%esp, %%edx; movl %0, %%ss; movl %%ecx, %%ss; movl %%edx, %%esp"
			 : : "a"(selector) : "ecx", "edx", "memory");
}

static void far_jump(uint32_t selector)
{
	const struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) to = { address_of(land), (uint16_t)selector };

	__asm__ volatile("ljmp *%0" : : "m"(to) : "memory");
}

static void far_call(uint32_t selector)
{
	const struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) to = { address_of(land), (uint16_t)selector };

	__asm__ volatile("lcall *%0" : : "m"(to) : "memory");
}

/* Every way to use a descriptor. Whatever comes of it, no code may run in ring 0, and the hole stays closed. */
static void use(uint32_t selector)
{
	static void (*const ways[])(uint32_t) = { load_ds, load_es, load_fs, load_gs, load_ss, far_jump, far_call };

	selector_used = selector;
	for (unsigned rpl = 0; rpl < 4; rpl += rpl ? 2 : 1)
		for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
			for (unsigned user = 0; user < 2; user++) {
				if (user)
					attempt_user(ways[i], selector | rpl);
				else
					attempt(ways[i], selector | rpl);
				if (fault.vector != NO_FAULT && !(fault.cs & 3))
					wrong("selector %x: vector %x in ring 0", selector | rpl, fault.vector);
				if (user && fault.vector == LANDED_VECTOR && (fault.cs & 3) != 3)
					wrong("selector %x: a program is in ring %u", selector | rpl, fault.cs & 3);
			}
}

static void every_type(uint32_t n)
{
	/* A task that is in ring 0, if anybody switches to it. */
	task[7] = address_of(directory);
	task[8] = address_of(land);
	task[9] = FLAGS_NONE;
	task[14] = address_of(user_stack_top);
	task[18] = task[20] = task[21] = MONITOR_DS;
	task[19] = MONITOR_CS;
	set_descriptor(SPARE + 8, address_of(task) << 16 | 0x67,
		       (address_of(task) & 0xff000000) | 0xe900 | (address_of(task) >> 16 & 0xff));
	for (uint32_t type = 0; type < 32; type++)
		for (uint32_t dpl = 0; dpl < 4; dpl++) {
			uint32_t access = 0x80 | dpl << 5 | type;

			/* As a segment it is flat; as a gate it leads to the monitor's code segment, or to the task. */
			if (n == 0)
				set_descriptor(SPARE, 0x0000ffff, FLAT_HIGH | access << 8);
			if (n == 1)
				set_descriptor(SPARE, (type == 5 ? SPARE + 8 : MONITOR_CS) << 16 | (address_of(land) & 0xffff),
					       (address_of(land) & 0xffff0000) | access << 8);
			if (n == 2)
				set_descriptor(SPARE, address_of(task) << 16 | 0x67,
					       (address_of(task) & 0xff000000) | access << 8 | (address_of(task) >> 16 & 0xff));
			if (n == 3) {
				ldt[3][0] = MONITOR_CS << 16 | (address_of(land) & 0xffff);
				ldt[3][1] = (address_of(land) & 0xffff0000) | access << 8;
				hypercall(VMI_CALL_SetLDT, LDT, 0, 0, 0, 0);
			}
			if (n == 4) {
				ldt[3][0] = 0x0000ffff;
				ldt[3][1] = FLAT_HIGH | access << 8;
				__asm__ volatile("lldt %w0" : : "r"(LDT));
			}
			use(n < 3 ? SPARE : 3 * 8 + 4);
		}
	hypercall(VMI_CALL_SetLDT, 0, 0, 0, 0, 0);
}

/* Random words, in a table that is loaded anew, and in one that is written under the monitor's feet. Their bases are where the guest
 * has nothing, so that code there is a page fault. */
static void random_words(uint32_t n)
{
	for (unsigned i = 0; i < 100; i++) {
		uint32_t low = random32(), high = random32() | 0x60000000 | (i & 1 ? 0x8000 : 0);

		if (n)
			gdt[SPARE / 8][0] = low, gdt[SPARE / 8][1] = high;
		else
			set_descriptor(SPARE, low, high);
		use(SPARE);
	}
}

/* ---- Limits ---- */

static void write_by_fs(uint32_t address)
{
	__asm__ volatile("movw %w0, %%fs; movb $0, %%fs:(%1)" : : "r"(SPARE | 1), "r"(address) : "memory");
}

static void write_by_fs_user(uint32_t address)
{
	__asm__ volatile("movw %w0, %%fs; movb $0, %%fs:(%1)" : : "r"(SPARE | 3), "r"(address) : "memory");
}

/* 0: it cannot be loaded. */
static uint32_t segment_limit(uint32_t selector)
{
	uint32_t limit = 0;

	__asm__ volatile("lsll %1, %0; jz 1f; xorl %0, %0; 1:" : "+r"(limit) : "r"(selector) : "cc");
	return limit;
}

static void limits(uint32_t n)
{
	static const uint32_t bases[] = { 0, 0x1000, 0x80000000, 0xffbff000, 0xffc00000, 0xffc10000, 0xfffff000, 0xffffffff };
	static const uint32_t targets[] = { SHADOW_GDT + 0x38, IDT_PAGE, SHADOW_LDT, TASK_STATE + 4, STUB_DATA, IMAGE_CODE, 0xffe00000 };

	for (unsigned b = 0; b < 8; b++)
		for (unsigned kind = 0; kind < 6; kind++) {
			/* Data and expand-down data, granular and not, big or not. */
			uint32_t limit = kind & 2 ? 0xfffff : 0, access = kind & 1 ? 0xf7 : 0xf3;

			if (n)
				access &= 0x9f;
			set_descriptor(SPARE, bases[b] << 16 | (limit & 0xffff),
				       (bases[b] & 0xff000000) | (bases[b] >> 16 & 0xff) | (limit & 0xf0000) | access << 8 |
					       (kind & 4 ? 0 : GRANULAR) | BIG);
			/* QEMU does not look at limits. They must be right all the same. */
			if (!(kind & 1) && segment_limit(SPARE) > GUEST_END - 1 - bases[b] && bases[b] < GUEST_END)
				wrong("base %x, kind %u: the limit is %x", bases[b], kind, segment_limit(SPARE));
			for (unsigned t = 0; t < sizeof targets / 4; t++) {
				attempt(write_by_fs, targets[t] - bases[b]);
				if (fault.vector != EX_GP && fault.vector != EX_PF && fault.vector != EX_NP)
					wrong("base %x, kind %u, to %x: vector %x", bases[b], kind, targets[t], fault.vector);
				attempt_user(write_by_fs_user, targets[t] - bases[b]);
				if (fault.vector != EX_GP && fault.vector != EX_PF && fault.vector != EX_NP)
					wrong("base %x, kind %u, to %x in ring 3: vector %x", bases[b], kind, targets[t], fault.vector);
			}
		}
}

/* ---- Ring 0 descriptors become ring 1's ---- */

static void ring0_copies(uint32_t n)
{
	(void)n;
	flat_descriptor(SPARE, 0x9b);
	flat_descriptor(SPARE + 8, 0x93);
	must("a jump to a ring 0 code segment", far_jump, SPARE, LANDED_VECTOR, 0);
	if ((fault.cs & 3) != 1)
		wrong("it is ring %u", fault.cs & 3);
	must("a jump to a ring 0 code segment", far_jump, SPARE | 1, LANDED_VECTOR, 0);
	must("a ring 0 stack", load_ss, SPARE + 8, NO_FAULT, 0);
	must_user("a jump to a ring 0 code segment", far_jump, SPARE, EX_GP, SPARE);
	must_user("a ring 0 data segment", load_ds, SPARE + 8, EX_GP, SPARE + 8);
	/* Conforming: a program may go there, and stays one. */
	flat_descriptor(SPARE, 0x9f);
	must_user("a jump to a conforming ring 0 segment", far_jump, SPARE, LANDED_VECTOR, 0);
	if ((fault.cs & 3) != 3)
		wrong("a program is in ring %u", fault.cs & 3);
}

static void code16(uint32_t selector)
{
	/* mov $GetTR, %ebx; int $ENTRY_VECTOR; hlt, as 16-bit code */
	static const uint8_t code[] = { 0x66, 0xbb, VMI_CALL_GetTR, 0, 0, 0, 0xcd, ENTRY_VECTOR, 0xcd, LANDED_VECTOR };
	const struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) to = { 0x1000, (uint16_t)selector };

	for (unsigned i = 0; i < sizeof code; i++)
		((volatile uint8_t *)word_at(0x1000))[i] = code[i];
	__asm__ volatile("ljmp *%0" : : "m"(to) : "memory");
}

static void sixteen_bits(uint32_t n)
{
	(void)n;
	set_descriptor(SPARE, 0x0000ffff, 0x0000bb00);
	must("a call from 16-bit code", code16, SPARE | 1, LANDED_VECTOR, 0);
	set_descriptor(SPARE, 0x0000ffff, 0x00009b00);
	must("a call from 16-bit code of ring 0", code16, SPARE, LANDED_VECTOR, 0);
	set_descriptor(SPARE, 0x0000ffff, 0x0000fb00);
	must_user("a call from 16-bit code", code16, SPARE | 3, EX_GP, ENTRY_VECTOR * 8 + 2);
}

/* ---- Tables in odd places ---- */

static void load_gdt(uint32_t base, uint16_t limit)
{
	const struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) value = { limit, base };

	__asm__ volatile("lgdt %0" : : "m"(value));
}

static void gdt_places(uint32_t n)
{
	static const uint32_t places[] = { VIRTUAL_TOP, SHADOW_GDT, 0xffff0001, NOWHERE, 0xffbffff8, 0xfffffff8, RING1_CODE };

	load_gdt(places[n], 0xffff);
}

static void ldt_places(uint32_t n)
{
	static const uint32_t places[] = { SHADOW_GDT, SHADOW_LDT, 0xffff8000, NOWHERE, 0xffbffff8, STUB_DATA };

	(void)n;
	for (unsigned i = 0; i < sizeof places / 4; i++) {
		set_descriptor(SPARE, places[i] << 16 | 0xffff,
			       (places[i] & 0xff000000) | 0x0f8200 | (places[i] >> 16 & 0xff));
		hypercall(VMI_CALL_SetLDT, SPARE, 0, 0, 0, 0);
		for (unsigned k = 4; k < 0x10000; k += 0x408) {
			must("a segment of an LDT that is not there", load_ds, k | 1, EX_GP, k & 0xfffc);
			must("a jump by an LDT that is not there", far_jump, k | 1, EX_GP, k & 0xfffc);
		}
	}
	hypercall(VMI_CALL_SetLDT, 0, 0, 0, 0, 0);
	must("an LDT that is gone", load_ds, 0xc, EX_GP, 0xc);
}

/* The guest's table is as long as the monitor's, and has something where the monitor's descriptors are. */
static void whole_table(uint32_t n)
{
	static const uint16_t theirs[] = { MONITOR_CS, MONITOR_DS, MONITOR_TASK, MONITOR_OPEN_TASK, MONITOR_LDT };

	(void)n;
	for (unsigned i = 0; i < 5; i++) {
		gdt[theirs[i] / 8][0] = 0x0000ffff;
		gdt[theirs[i] / 8][1] = FLAT_HIGH | 0xfb00;
	}
	for (unsigned i = 8168; i < 8177; i++) {
		gdt[i][0] = 0x0000ffff;
		gdt[i][1] = FLAT_HIGH | 0x9b00;
	}
	load_gdt(address_of(gdt), 0xffff);
	for (unsigned i = 0; i < 5; i++) {
		hypercall(VMI_CALL_WriteGDTEntry, address_of(gdt), theirs[i] / 8, 0x0000ffff, FLAT_HIGH | 0xbb00, 0);
		for (unsigned rpl = 0; rpl < 4; rpl++) {
			must("a jump to a descriptor of the monitor's", far_jump, theirs[i] | rpl, EX_GP, theirs[i]);
			must_user("a jump to a descriptor of the monitor's", far_jump, theirs[i] | rpl, EX_GP, theirs[i]);
			must("a stack of the monitor's", load_ss, theirs[i] | rpl, EX_GP, theirs[i]);
			must("data of the monitor's", load_ds, theirs[i] | rpl, EX_GP, theirs[i]);
		}
	}
	for (unsigned i = 8160; i < 8192; i++)
		use(i * 8);
	load_gdt(address_of(gdt), SPARE + 8 * SPARES - 1);
}

/* Segments that are in use vanish. */
static void kernel_gone(uint32_t n)
{
	uint32_t selector = n & 1 ? KERNEL_DATA : KERNEL_CODE;

	if (n < 2)
		set_descriptor(selector & ~7u, 0, 0);
	else
		flat_descriptor(selector & ~7u, n & 1 ? 0xfb : 0xf3);
}

static void data_gone(uint32_t n)
{
	(void)n;
	flat_descriptor(SPARE, 0xf3);
	__asm__ volatile("movw %w0, %%fs; movw %w0, %%gs" : : "r"(SPARE | 3));
	set_descriptor(SPARE, 0, 0);
	hypercall(VMI_CALL_GetTR, 0, 0, 0, 0, 0);
	must("a segment that is gone", load_ds, SPARE | 3, EX_GP, SPARE);
	/* A program's own segments vanish while it runs: it is the program that is at fault. */
	flat_descriptor(SPARE, 0xfb);
	gdt[USER_CODE / 8][1] = gdt[USER_DATA / 8][1] = 0;
	must_user("without segments", int80, 0, NO_FAULT, 0);
	flat_descriptor(USER_CODE & ~7, 0xfb);
	flat_descriptor(USER_DATA & ~7, 0xf3);
}

static void reload_loops(uint32_t n)
{
	static const uint16_t limits[] = { 0xffff, 0x37, 0xfff8, SPARE + 8 * SPARES - 1, 0x3f };

	(void)n;
	for (unsigned i = 0; i < 100; i++) {
		load_gdt(address_of(gdt), limits[i % 5]);
		must("ud2", undefined, 0, EX_UD, 0);
	}
	load_gdt(address_of(gdt), SPARE + 8 * SPARES - 1);
	for (unsigned i = 0; i < 100; i++) {
		hypercall(VMI_CALL_SetLDT, i & 1 ? LDT : 0, 0, 0, 0, 0);
		hypercall(VMI_CALL_WriteLDTEntry, address_of(ldt), random32() & 8191, random32(), random32(), 0);
	}
	hypercall(VMI_CALL_SetLDT, 0, 0, 0, 0, 0);
}

const struct attack segment_attacks[] = {
	{ "descriptors of every type and privilege, %u", every_type, NULL, 5, false },
	{ "descriptors of every type, before Init, %u", every_type, NULL, 5, true },
	{ "descriptors of random words, %u", random_words, NULL, 2, false },
	{ "segments that reach the hole or wrap around, %u", limits, NULL, 2, false },
	{ "copies of ring 0 segments", ring0_copies, NULL, 0, false },
	{ "calls from 16-bit segments", sixteen_bits, NULL, 0, false },
	{ "a GDT that cannot be read, %u", gdt_places, STOPPED "it loaded a descriptor table at", 7, false },
	{ "an LDT that cannot be read", ldt_places, NULL, 0, false },
	{ "a GDT with entries where the monitor's are", whole_table, NULL, 0, false },
	{ "kernel segments that vanish, %u", kernel_gone, STOPPED "(its kernel's code or stack segment is gone|.* code segment)", 4, false },
	{ "segments that vanish while they are in use", data_gone, NULL, 0, false },
	{ "tables loaded again and again", reload_loops, NULL, 0, false },
	{ NULL, NULL, NULL, 0, false },
};
