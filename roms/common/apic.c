/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Finding the guest's local APIC. No call says where the guest has mapped it, but its page tables do, and
 * SetLinearMapping says where the guest sees those.
 */
#include "clock.h"

#define CPUID_MSR_AND_APIC 0x220 /* in EDX */
#define MSR_APIC_BASE 0x1b
#define APIC_BASE_MODE 0xc00     /* enabled, and accessed by MSRs */
#define APIC_BASE_ENABLED 0x800
#define CR4_PSE 0x10
#define CR4_PAE 0x20
#define ENTRY_PRESENT 0x01
#define ENTRY_LARGE 0x80
#define ENTRY_NX (1ull << 63)

/* Where the guest sees a page table, or NULL. */
static const void *table(const struct rom_ram *ram, uint64_t physical)
{
	uint64_t frame = physical >> 12;

	for (unsigned i = 0; i < VMI_LINEAR_MAP_SLOTS; i++) {
		const struct rom_mapping *map = &ram->mappings[i];

		if (frame >= map->frame && frame - map->frame < map->pages)
			return (const void *)(map->address + ((uint32_t)frame - map->frame) * 4096);
	}
	return NULL;
}

/* Present entry number i, without flags, or 0. */
static uint64_t entry(const void *from, unsigned i, int pae, uint32_t *flags)
{
	uint64_t value = pae ? ((const uint64_t *)from)[i] : ((const uint32_t *)from)[i];

	*flags = (uint32_t)value & 0xfff;
	return value & ENTRY_PRESENT ? value & ~ENTRY_NX & ~0xfffull : 0;
}

/* Kernels map devices near the top, so the search begins there. */
static uint32_t find_in_directory(const struct rom_ram *ram, uint64_t at, int pae, int large_pages, uint64_t physical)
{
	unsigned entries = pae ? 512 : 1024, shift = pae ? 21 : 22;
	const void *directory = table(ram, at);
	uint32_t flags;

	for (unsigned i = entries; directory && i--;) {
		uint64_t value = entry(directory, i, pae, &flags);
		const void *pages;

		if (!value)
			continue;
		if (large_pages && (flags & ENTRY_LARGE)) {
			uint64_t offset = physical - (value & -(1ull << shift));

			if (offset >> shift == 0)
				return (i << shift) + (uint32_t)offset;
			continue;
		}
		pages = table(ram, value);
		for (unsigned j = entries; pages && j--;)
			if (entry(pages, j, pae, &flags) == physical)
				return (i << shift) + (j << 12);
	}
	return 0;
}

static uint32_t find(const struct rom_ram *ram, uint64_t physical)
{
	uint32_t cr3, cr4, found = 0, flags;
	const void *directories;

	__asm__ volatile("movl %%cr3, %0" : "=r"(cr3));
	__asm__ volatile("movl %%cr4, %0" : "=r"(cr4));
	if (!(cr4 & CR4_PAE))
		return find_in_directory(ram, cr3 & ~0xfffu, 0, cr4 & CR4_PSE, physical);
	directories = table(ram, cr3);
	if (!directories)
		return 0;
	directories = (const char *)directories + (cr3 & 0xfe0);
	for (unsigned i = 4; i-- && !found;) {
		uint64_t at = entry(directories, i, 1, &flags);

		if (at)
			found = find_in_directory(ram, at, 1, 1, physical);
		if (found)
			found += i << 30;
	}
	return found;
}

/* Ticks of the APIC's timer per cycle, times 2^32. */
static uint32_t measure_rate(const struct rom_ram *ram)
{
	volatile uint32_t *apic = ram->apic;
	uint32_t rest, ticks, lvtt = apic[APIC_LVTT];
	uint64_t from, to;

	apic[APIC_LVTT] = lvtt & ~APIC_LVTT_MODE;
	apic[APIC_DIVIDE] = APIC_DIVIDE_BY_16;
	from = rdtsc();
	apic[APIC_INITIAL] = 0xffffffff;
	do {
		ticks = apic[APIC_CURRENT];
		to = rdtsc();
	} while (to - from < (uint64_t)ram->khz * 20);
	apic[APIC_INITIAL] = 0;
	apic[APIC_LVTT] = lvtt;
	return (uint32_t)divide((uint64_t)~ticks << 32, (uint32_t)(to - from), &rest);
}

volatile uint32_t *rom_apic(struct rom_ram *ram)
{
	uint32_t eax = 1, ebx, ecx = 0, edx;
	uint64_t base;

	if (ram->apic)
		return ram->apic;
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	if ((edx & CPUID_MSR_AND_APIC) != CPUID_MSR_AND_APIC)
		return NULL;
	__asm__ volatile("rdmsr" : "=A"(base) : "c"(MSR_APIC_BASE));
	if ((base & APIC_BASE_MODE) != APIC_BASE_ENABLED)
		return NULL;
	ram->apic = (volatile uint32_t *)find(ram, base & ~0xfffull);
	if (ram->apic)
		ram->apic_rate = measure_rate(ram);
	return ram->apic;
}

void native_SetLinearMapping(uint32_t slot, uint32_t address, uint32_t pages, uint32_t frame)
{
	if (slot < VMI_LINEAR_MAP_SLOTS)
		rom_ram()->mappings[slot] = (struct rom_mapping){ address, pages, frame };
}
