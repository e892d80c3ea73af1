/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The monitor's part of the page tables. It has tables of its own, in two forms, with and without PAE, because the processor
 * goes from the guest's to them and back without leaving the form that the guest chose. And each root of the guest's has in
 * the hole those pages that the processor needs while the guest runs.
 */
#include "shadow.h"

#define CPU_SEP (1 << 11)        /* EDX of CPUID 1: sysenter */
#define CPU_SYSCALL (1 << 11)    /* EDX of CPUID 80000001h */
#define CPU_NX (1 << 20)
#define MSR_SYSENTER_CS 0x174
#define HOLE_ENTRIES 512         /* the first half: the image ends before the other */
#define LINK (PTE_PRESENT | PTE_WRITE)

HOT_DATA bool pae;
#ifdef MONITOR_OPEN
bool shadow_stale;
#endif
uint32_t monitor_directory[1024] __attribute__((aligned(PAGE)));
uint32_t monitor_hole[1024] __attribute__((aligned(PAGE)));
static uint32_t guest_hole[1024] __attribute__((aligned(PAGE)));
static uint64_t monitor_hole_pae[512] __attribute__((aligned(PAGE)));
static uint64_t guest_hole_pae[512] __attribute__((aligned(PAGE)));
static uint64_t monitor_directories_pae[4][512] __attribute__((aligned(PAGE)));
static uint64_t monitor_pdpt[4] __attribute__((aligned(32)));

/* Of the hole the guest sees, read only, what the processor needs to enter the monitor and the code that runs on the
 * guest's tables; and writable, what cannot hurt. */
static bool seen(uint32_t address, bool *writable)
{
	*writable = address == FLAG_PAGE || address == SHARED_PAGE || address == TASK_TAIL || address == ENTRY_STACK;
#ifdef MONITOR_OPEN
	return *writable = true;
#endif
	return address < IMAGE_CODE || (address >= (uint32_t)stub_start && address < (uint32_t)stub_end);
}

/* The entries of the directories for linear addresses that are the monitor's. */
void map_hole(struct root *root, bool map)
{
	uint32_t hole = image_physical(pae ? (void *)guest_hole_pae : (void *)guest_hole);

	for (unsigned slot = slots(); slot <= VIRTUAL_TOP >> shift(); slot++) {
		uint64_t entry = pae ? monitor_directories_pae[slot / 512][slot % 512] : monitor_directory[slot];

		if (slot == VIRTUAL_TOP >> shift())
			entry = hole | LINK;
		put(root->pages[slot / entries()], slot % entries(), map ? entry : 0);
	}
}

void shadow_protect_flag(bool protect)
{
	guest_hole[0] = (guest_hole[0] & ~PTE_WRITE) | (protect ? 0 : PTE_WRITE);
	guest_hole_pae[0] = (guest_hole_pae[0] & ~(uint64_t)PTE_WRITE) | (protect ? 0 : PTE_WRITE);
#ifdef MONITOR_OPEN
	shadow_stale = true;
#endif
}

/* The processor goes to page tables of the other form. */
void shadow_form(bool with_pae)
{
#ifdef MONITOR_OPEN
	write_cr3(stub_data.monitor_cr3);
	shadow_stale = true;
#endif
	pae = with_pae;
	stub_data.monitor_cr3 = image_physical(pae ? (void *)monitor_pdpt : (void *)monitor_directory);
	switch_paging(stub_data.monitor_cr3, (read_cr4() & ~CR4_PAE) | (pae ? CR4_PAE : 0));
}

bool cpu_has_nx;

/* Entries of 64 bits can forbid execution, if that is on. And two instructions lead from ring 3 to ring 0 past the IDT: they
 * are switched off, whatever the firmware left. */
static void set_features(void)
{
	uint32_t cpu[4];

	cpuid(1, 0, cpu);
	if (cpu[3] & CPU_SEP)
		wrmsr(MSR_SYSENTER_CS, 0);
	cpuid(0x80000000, 0, cpu);
	if (cpu[0] <= 0x80000000)
		return;
	cpuid(0x80000001, 0, cpu);
	cpu_has_nx = cpu[3] & CPU_NX;
	if (cpu[3] & (CPU_NX | CPU_SYSCALL))
		wrmsr(MSR_EFER, cpu_has_nx ? EFER_NXE : 0);
}

void shadow_init(void)
{
	for (unsigned i = 0; i < HOLE_ENTRIES; i++) {
		bool writable;

		monitor_hole_pae[i] = monitor_hole[i];
		if (monitor_hole[i] && seen(VIRTUAL_TOP + i * PAGE, &writable))
			guest_hole[i] = monitor_hole[i] & ~(writable ? 0u : PTE_WRITE);
		guest_hole_pae[i] = guest_hole[i];
	}
	/* What is above PHYSICAL_BASE is physical memory from 0 on. */
	for (unsigned i = 0; i < VIRTUAL_TOP >> 21; i++)
		monitor_directories_pae[i / 512][i % 512] =
			((uint64_t)(i % (PHYSICAL_BASE ? PHYSICAL_BASE >> 21 : 2048)) << 21) | LINK | PTE_LARGE;
	monitor_directories_pae[3][510] = image_physical(monitor_hole_pae) | LINK;
	for (unsigned i = 0; i < 4; i++)
		monitor_pdpt[i] = image_physical(monitor_directories_pae[i]) | PTE_PRESENT;
	stub_data.monitor_cr3 = image_physical(monitor_directory);
	write_cr0(read_cr0() | CR0_WP);
	set_features();
}
