/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Segments, of which i386 leaves a kernel no choice but to have some: all flat, for the kernel's ring and
 * for programs, and a task state segment that tells the processor where the kernel's stack is.
 *
 * A hypervisor runs the kernel in ring 1 or 2. So the ring is read from CS, once a ROM has been entered,
 * and every selector and descriptor of the kernel's is made from it.
 */
#include "kernel.h"

struct task_state {
	uint32_t link, esp0, ss0, unused[22];
	uint16_t trap, port_map;
} __attribute__((packed));
_Static_assert(sizeof(struct task_state) == 104, "the processor defines it so");

#define DESCRIPTORS 6
#define FLAT_LOW 0x0000ffff
#define FLAT_HIGH 0x00cf9100 /* 4 GiB, present, accessed: the processor need not write to the table */
#define CODE_READABLE 0x0a00
#define DATA_WRITABLE 0x0200
#define TASK_PRESENT 0x8900
#define FOR_RING(n) ((n) << 13)

uint32_t ring;

static uint32_t gdt[DESCRIPTORS][2] __attribute__((aligned(PAGE_SIZE)));
static struct task_state tss __attribute__((aligned(128)));

void segments_init(void)
{
	const struct vmi_table_register table = { sizeof gdt - 1, (uint32_t)gdt };
	uint32_t cs, base = (uint32_t)&tss;

	__asm__ volatile("movl %%cs, %0" : "=r"(cs));
	ring = cs & 3;

	for (int i = 1; i <= 4; i++) {
		gdt[i][0] = FLAT_LOW;
		gdt[i][1] = FLAT_HIGH + (i & 1 ? CODE_READABLE : DATA_WRITABLE) + FOR_RING(i <= 2 ? ring : USER_RING);
	}
	vmi_set_gdt(&table);
	load_segments(KERNEL_CODE + ring, KERNEL_DATA + ring);

	tss.ss0 = KERNEL_DATA + ring;
	tss.port_map = sizeof tss; /* beyond the end: programs get no port at all */
	vmi_write_gdt_entry(gdt, TASK_STATE / 8, base << 16 | (sizeof tss - 1),
			    (base & 0xff000000) | TASK_PRESENT | (base >> 16 & 0xff));
	vmi_set_tr(TASK_STATE);
}

/* The stack on which the processor enters the kernel from a program. */
void segments_set_stack(uint32_t top)
{
	tss.esp0 = top;
	update_kernel_stack(&tss, top);
}
