/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Descriptor tables. The ring is read from CS after Init, and all that is the kernel's is made with it: the kernel
 * is in ring 0 under some hosts, in ring 1 under others. Each table begins a page of its own, as the ABI wants.
 */
#include "conform.h"

struct descriptor gdt[GDT_ENTRIES] __attribute__((aligned(PAGE_SIZE)));
struct descriptor idt[256] __attribute__((aligned(PAGE_SIZE)));
struct descriptor ldt[8] __attribute__((aligned(PAGE_SIZE)));
uint32_t tss[26] __attribute__((aligned(128))), tss_2[26] __attribute__((aligned(128)));
static uint32_t *current_tss = tss;

#define TSS_ESP0 1
#define TSS_SS0 2
#define TSS_PORTS 25

struct descriptor segment(uint32_t base, uint32_t limit, uint32_t unit, uint32_t kind)
{
	return (struct descriptor){ base << 16 | (limit & 0xffff),
				    (base & 0xff000000) | (base >> 16 & 0xff) | (limit & 0xf0000) | unit | kind };
}

void write_gdt(unsigned selector, struct descriptor descriptor)
{
	DO(WriteGDTEntry, (uint32_t)gdt, selector / 8, descriptor.low, descriptor.high);
}

struct descriptor gate(unsigned stub, uint32_t kind, unsigned from_ring)
{
	uint32_t address = (uint32_t)stubs + stub * STUB_SIZE;

	return (struct descriptor){ (KERNEL_CODE + ring) << 16 | (address & 0xffff),
				    (address & 0xffff0000) | kind | DPL(from_ring) };
}

void write_gate(unsigned vector, struct descriptor descriptor)
{
	DO(WriteIDTEntry, (uint32_t)idt, vector, descriptor.low, descriptor.high);
}

void set_kernel_stack(const void *top)
{
	current_tss[TSS_ESP0] = (uint32_t)top;
	DO(UpdateKernelStack, (uint32_t)current_tss, (uint32_t)top);
}

static struct descriptor fresh_task_state(uint32_t *state)
{
	state[TSS_SS0] = KERNEL_DATA + ring;
	state[TSS_PORTS] = sizeof tss << 16; /* beyond the end: no port for users */
	return segment((uint32_t)state, sizeof tss - 1, 0, TSS_PRESENT);
}

void use_task_state(uint32_t *state, unsigned selector)
{
	write_gdt(selector, fresh_task_state(state));
	DO(SetTR, selector);
	current_tss = state;
}

void segments_init(void)
{
	const struct table_register table = { sizeof gdt - 1, (uint32_t)gdt };
	const struct {
		unsigned selector;
		struct descriptor descriptor;
	} entries[] = {
		{ KERNEL_CODE, segment(0, FLAT, CODE_READABLE + DPL(ring)) },
		{ KERNEL_DATA, segment(0, FLAT, DATA_WRITABLE + DPL(ring)) },
		{ USER_CODE, segment(0, FLAT, CODE_READABLE + DPL(USER_RING)) },
		{ USER_DATA, segment(0, FLAT, DATA_WRITABLE + DPL(USER_RING)) },
		{ USER_CODE_ABSENT, segment(0, FLAT, CODE_READABLE - SEGMENT_PRESENT + DPL(USER_RING)) },
		{ USER_DATA_ABSENT, segment(0, FLAT, DATA_WRITABLE - SEGMENT_PRESENT + DPL(USER_RING)) },
		{ USER_CODE_SHORT, segment(0, PAGE_SIZE - 1, BYTES, CODE_READABLE + DPL(USER_RING)) },
		{ CONFORMING_CODE, segment(0, FLAT, CODE_CONFORMING + DPL(ring)) },
		{ USER_DATA_READ_ONLY, segment(0, FLAT, DATA_READ_ONLY + DPL(USER_RING)) },
		{ KERNEL_CODE_SHORT, segment(0, PAGE_SIZE - 1, BYTES, CODE_READABLE + DPL(ring)) },
		{ USER_CONFORMING_CODE, segment(0, FLAT, CODE_CONFORMING + DPL(USER_RING)) },
		{ KERNEL_CODE_ABSENT, segment(0, FLAT, CODE_READABLE - SEGMENT_PRESENT + DPL(ring)) },
		{ RING2_CODE, segment(0, FLAT, CODE_READABLE + DPL(2)) },
		{ USER_DATA_2, segment(0, FLAT, DATA_WRITABLE + DPL(USER_RING)) },
		{ FAR_DATA, segment(FAR_BASE, FLAT, DATA_WRITABLE + DPL(USER_RING)) },
		{ KERNEL_CODE_2, segment(0, FLAT, CODE_READABLE + DPL(ring)) },
	};

	/* What is there when a table is loaded needs no call. */
	for (unsigned i = 0; i < COUNT(entries); i++)
		gdt[entries[i].selector / 8] = entries[i].descriptor;
	gdt[TASK_STATE / 8] = fresh_task_state(tss);
	step("SetGDT");
	DO(SetGDT, (uint32_t)&table);
	__asm__ volatile("movl %0, %%ds; movl %0, %%es" : : "r"(USER_DATA + USER_RING));
	step("IRET");
	load_segments(KERNEL_CODE + ring, KERNEL_DATA + ring);
	step("SetLDT");
	DO(SetLDT, 0);
	step("SetTR");
	DO(SetTR, TASK_STATE);
	step("UpdateKernelStack");
	set_kernel_stack(kernel_stack);
}
