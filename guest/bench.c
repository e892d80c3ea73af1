/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The measurements that only the kernel can make. The call sites are in line, as in any kernel code, and ten
 * in a row, so that little of the result is the loop's.
 */
#include "kernel.h"

#define MOST_ITERATIONS 100000
#define ENTRY_SPARE 0x200 /* a bit that the processor leaves to the kernel */

#define TEN(statement) \
	do { \
		statement; statement; statement; statement; statement; \
		statement; statement; statement; statement; statement; \
	} while (0)

static void irq_pair(uint32_t tens)
{
	unsigned long flags;

	for (; tens; tens--)
		TEN(flags = irq_save(); irq_restore(flags));
}

static void irq_toggle(uint32_t tens)
{
	for (; tens; tens--)
		TEN(vmi_disable_interrupts(); vmi_enable_interrupts());
}

/* A page of the program's stack, in the space that is in use. The entry ends as it was. */
static void pte_update(uint32_t tens)
{
	uint32_t address = process_frame(current)->esp;
	uint32_t *where = space_entry(&current->space, address);
	uint32_t entry = *where;

	for (; tens; tens--)
		TEN(entry ^= ENTRY_SPARE; space_set_entry(&current->space, where, address, entry));
}

/* Ticks of the time stamp counter, or an error. iterations: a multiple of ten. */
uint32_t bench_measure(uint32_t what, uint32_t iterations)
{
	static void (*const loops[])(uint32_t) = {
		[MEASURE_IRQ_PAIR] = irq_pair,
		[MEASURE_IRQ_TOGGLE] = irq_toggle,
		[MEASURE_PTE_UPDATE] = pte_update,
	};
	uint64_t start;

	if (what >= sizeof loops / sizeof *loops || iterations > MOST_ITERATIONS || iterations % 10)
		return -E_INVAL;
	start = vmi_rdtsc();
	loops[what](iterations / 10);
	return vmi_rdtsc() - start;
}
