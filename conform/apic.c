/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The local APIC. Either the ROM has calls for its registers, or it is where the guest maps it, and the ROM finds it
 * there through the page tables.
 */
#include "conform.h"

#define APIC_PHYSICAL 0xfee00000u
#define APIC_VIRTUAL (KERNEL_TEST + 511 * PAGE_SIZE)
#define ENTRY_UNCACHED 0x18
#define CPUID_APIC 0x200
#define APIC_END_OF_INTERRUPT 0xb0
#define APIC_SPURIOUS 0xf0
#define APIC_ENABLED 0x1ff

static bool looked, have, by_calls;

bool have_apic(void)
{
	struct registers r = REGISTERS(.eax = 1, .ecx = 0);

	if (looked)
		return have;
	looked = true;
	by_calls = provided(VMI_CALL_APICRead) && provided(VMI_CALL_APICWrite);
	make(VMI_CALL_CPUID, &r, 0, 0);
	have = by_calls || (ring == 0 && (r.edx & CPUID_APIC));
	if (have && !by_calls)
		map(kernel_test_table, APIC_VIRTUAL, APIC_PHYSICAL + ENTRY_PRESENT + ENTRY_WRITE + ENTRY_UNCACHED);
	if (have)
		apic_write(APIC_SPURIOUS, APIC_ENABLED);
	return have;
}

uint32_t apic_read(uint32_t offset)
{
	if (by_calls)
		return (uint32_t)DO(APICRead, offset);
	return *(volatile uint32_t *)(APIC_VIRTUAL + offset);
}

void apic_write(uint32_t offset, uint32_t value)
{
	if (by_calls)
		DO(APICWrite, offset, value);
	else
		*(volatile uint32_t *)(APIC_VIRTUAL + offset) = value;
}

void apic_end_of_interrupt(void)
{
	if (by_calls)
		quietly(VMI_CALL_APICWrite, APIC_END_OF_INTERRUPT, 0, 0);
	else
		*(volatile uint32_t *)(APIC_VIRTUAL + APIC_END_OF_INTERRUPT) = 0;
}
