/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The monitor's memory by its physical address: behind the guest's RAM, as a page, as a page table, as CR3. Whatever is found
 * there must be the page that means nothing, which is one and the same everywhere: what is written at one place is
 * there at the next. What is written to the monitor itself is found out by its sum, or by what happens then.
 */
#include "escape.h"

#define MARK 0x5a5a0000
#define ALL (PTE_PRESENT | PTE_WRITE | PTE_USER)
#define BITS_PAE 0xffffff000ull

static uint64_t *pdpt, *pd;

/* Of all frames that are reserved some, and all of the last, where the monitor is. */
static uint32_t next_frame(uint32_t frame)
{
	return frame + (reserved_end - frame > 0x400000 ? 61 * PAGE : PAGE);
}

/* One frame, seen at address: reads, writes and marks. */
static void try_frame(uint32_t address, uint32_t frame, bool first)
{
	volatile uint32_t *at = word_at(address);
	uint32_t before = *at;

	if (!first && before != (MARK | 1))
		wrong("frame %x has %x", frame, before);
	*at = MARK;
	if (*at != MARK)
		wrong("frame %x keeps %x", frame, *at);
	*at = MARK | 1;
}

static void by_pte(uint32_t user)
{
	for (uint32_t frame = ram_end; frame < reserved_end; frame = next_frame(frame)) {
		window(1, frame | PTE_PRESENT | PTE_WRITE | user);
		try_frame(WINDOW + PAGE, frame, frame == ram_end);
	}
}

static void by_pte_kernel(uint32_t n)
{
	(void)n;
	by_pte(0);
}

static void user_window(uint32_t frame)
{
	try_frame(WINDOW + PAGE, frame, frame == ram_end);
}

static void by_pte_user(uint32_t n)
{
	(void)n;
	for (uint32_t frame = ram_end; frame < reserved_end; frame = next_frame(frame)) {
		window(1, frame | ALL);
		must_user("a frame of the monitor's", user_window, frame, NO_FAULT, 0);
	}
}

static void by_large_page(uint32_t n)
{
	(void)n;
	for (uint32_t frame = ram_end & 0xffc00000; frame < reserved_end; frame += 0x400000) {
		directory[WINDOW >> 22] = frame | ALL | PTE_LARGE;
		set_cr3(address_of(directory));
		for (uint32_t i = 0; i < 0x400000; i += PAGE)
			if (frame + i >= ram_end)
				try_frame(WINDOW + i, frame + i, frame + i == ram_end);
	}
}

/* A large page that begins as RAM and ends as the monitor's, which is why ram_end is no multiple of 4 MiB here. */
static void by_page_table(uint32_t n)
{
	(void)n;
	for (uint32_t frame = ram_end; frame < reserved_end; frame = next_frame(frame)) {
		directory[WINDOW >> 22] = frame | ALL;
		hypercall(VMI_CALL_FlushTLB, 3, 0, 0, 0, 0);
		must("a page table of the monitor's", read_at, WINDOW + (frame & 0x3ff000), EX_PF, 0);
	}
}

static void page_table_marked(uint32_t n)
{
	(void)n;
	/* The page that means nothing says how to map what is the monitor's. */
	window(1, ram_end | ALL);
	for (unsigned i = 0; i < 1024; i++)
		word_at(WINDOW + PAGE)[i] = ((reserved_end - 1024 * PAGE) + i * PAGE) | ALL;
	directory[(WINDOW >> 22) + 1] = ram_end | ALL;
	set_cr3(address_of(directory));
	for (unsigned i = 0; i < 1024; i++)
		must("a page by a table outside RAM", write_at, WINDOW + 0x400000 + i * PAGE, EX_PF, FAULT_WRITE);
}

static void cr3_outside(uint32_t n)
{
	static const uint32_t offset[4] = { 0, PAGE, 0x10000, 0x30000 };

	set_cr3(n < 4 ? ram_end + offset[n] : reserved_end - PAGE);
}

/* ---- PAE ---- */

/* The low 32 MiB by large pages, and the window by a table. */
static void pae_on(void)
{
	uint32_t pt = fresh_page();

	pdpt = (uint64_t *)fresh_page();
	pd = (uint64_t *)fresh_page();
	for (unsigned i = 0; i < 8; i++)
		pd[i] = i * 0x200000ull | ALL | PTE_LARGE;
	for (unsigned i = 8; i < 16; i++)
		pd[i] = i * 0x200000ull | ALL | PTE_LARGE;
	pd[16] = pt | ALL;
	pdpt[0] = pdpt[1] = address_of(pd) | PTE_PRESENT;
	write_cr0(read_cr0() & ~CR0_PG);
	write_cr4(CR4_PAE | CR4_PSE);
	set_cr3(address_of(pdpt));
	write_cr0(read_cr0() | CR0_PG);
}

#define PAE_WINDOW (16 * 0x200000u)

static void pae_table(uint32_t slot, uint64_t entry)
{
	((uint64_t *)(uint32_t)(pd[16] & BITS_PAE))[slot] = entry;
	invalidate(PAE_WINDOW + slot * PAGE);
}

static void by_pae_pte(uint32_t n)
{
	(void)n;
	pae_on();
	for (uint32_t frame = ram_end; frame < reserved_end; frame = next_frame(frame)) {
		pae_table(1, frame | ALL);
		try_frame(PAE_WINDOW + PAGE, frame, frame == ram_end);
	}
	pae_table(1, (1ull << 35) | ram_end | ALL);
	try_frame(PAE_WINDOW + PAGE, ram_end, false);
}

static void by_pae_large_page(uint32_t n)
{
	(void)n;
	pae_on();
	for (uint32_t frame = ram_end & 0xffe00000; frame < reserved_end; frame += 0x200000) {
		pd[17] = frame | ALL | PTE_LARGE;
		set_cr3(address_of(pdpt));
		for (uint32_t i = 0; i < 0x200000; i += PAGE)
			if (frame + i >= ram_end)
				try_frame(17 * 0x200000 + i, frame + i, frame + i == ram_end);
	}
}

static void by_pae_page_table(uint32_t n)
{
	(void)n;
	pae_on();
	for (uint32_t frame = ram_end; frame < reserved_end; frame = next_frame(frame)) {
		pd[17] = frame | ALL;
		set_cr3(address_of(pdpt));
		must("a page table of the monitor's", read_at, 17 * 0x200000 + (frame & 0x1ff000), EX_PF, 0);
	}
}

static void by_pdpte(uint32_t n)
{
	(void)n;
	pae_on();
	for (uint32_t frame = ram_end; frame < reserved_end; frame = next_frame(frame)) {
		pdpt[2] = pdpt[3] = frame | PTE_PRESENT;
		set_cr3(address_of(pdpt));
		must("a directory of the monitor's", read_at, 0x80000000 + frame, EX_PF, 0);
		must("a directory of the monitor's, at the top", write_at, 0xffb00000, EX_PF, FAULT_WRITE);
	}
}

static void pae_cr3_outside(uint32_t n)
{
	pae_on();
	set_cr3(n ? reserved_end - 32 : ram_end);
}

/* Entries for what is above 4 GiB, and bits that are reserved. */
static void pae_reserved_bits(uint32_t n)
{
	(void)n;
	pae_on();
	for (unsigned bit = 32; bit < 63; bit++) {
		pae_table(2, (1ull << bit) | ram_end | ALL);
		attempt(write_at, PAE_WINDOW + 2 * PAGE);
		pd[17] = (1ull << bit) | ram_end | ALL;
		set_cr3(address_of(pdpt));
		must("a page table above 4 GiB", read_at, 17 * 0x200000, EX_PF, 0);
		pd[17] = 0;
	}
}

/* NX, if there is such a thing. */
static void no_execute(uint32_t n)
{
	uint32_t code = fresh_page();

	(void)n;
	*(volatile uint8_t *)code = 0xc3;
	pae_on();
	hypercall(VMI_CALL_WRMSR, EFER_NXE, 0, MSR_EFER, 0, 0);
	if (!(hypercall(VMI_CALL_RDMSR, 0, 0, MSR_EFER, 0, 0) & EFER_NXE))
		return;
	pae_table(3, code | ALL);
	must("a page with code", jump_to, PAE_WINDOW + 3 * PAGE, NO_FAULT, 0);
	pae_table(3, code | ALL | PTE_NX);
	must("data that is no code", read_at, PAE_WINDOW + 3 * PAGE, NO_FAULT, 0);
	must("data that is no code", jump_to, PAE_WINDOW + 3 * PAGE, EX_PF, FAULT_PRESENT | FAULT_FETCH);
}

/* ---- What is neither the guest's nor the monitor's ---- */

static void devices(uint32_t n)
{
	static const uint32_t frames[] = { 0xfee00000, 0xfec00000, 0xfed00000, 0xe0000000, 0xfd000000, 0xfffc0000, 0xfffff000,
					   0x80000000, 0xffc00000, 0xffc10000, 0xffc30000 };

	(void)n;
	window(1, ram_end | ALL);
	try_frame(WINDOW + PAGE, ram_end, true);
	for (unsigned i = 0; i < sizeof frames / 4; i++) {
		window(1, frames[i] | ALL);
		try_frame(WINDOW + PAGE, frames[i], false);
	}
}

/* The BIOS and the ROM. */
static void bios(uint32_t n)
{
	(void)n;
	for (uint32_t at = 0xc0000; at < 0x100000; at += 64) {
		uint32_t before = *word_at(at);

		if (attempt(write_at, at) != NO_FAULT && fault.vector != EX_PF)
			wrong("a write to %x: vector %x", at, fault.vector);
		window(1, (at & -PAGE) | ALL);
		attempt(write_at, WINDOW + PAGE + at % PAGE);
		if (*word_at(at) != before)
			wrong("the BIOS can be written at %x", at);
	}
}

/* Tables made of whatever is there. */
static void odd_tables(uint32_t n)
{
	static const uint32_t frames[] = { 0x0, 0xa0000, 0xb8000, 0xc0000, 0xd0000, 0xf0000, 0xff000 };

	(void)n;
	for (unsigned i = 0; i < sizeof frames / 4; i++)
		for (uint32_t page = 0; page < 1024; page += 17) {
			directory[(WINDOW >> 22) + 2] = frames[i] | ALL;
			hypercall(VMI_CALL_FlushTLB, 3, 0, 0, 0, 0);
			attempt(read_at, WINDOW + 0x800000 + page * PAGE);
			if (fault.vector != NO_FAULT && fault.vector != EX_PF)
				wrong("vector %x", fault.vector);
		}
}

/* The slot of the directory where the hole is. */
static void slot_of_hole(uint32_t n)
{
	uint32_t page = fresh_page();

	(void)n;
	for (unsigned i = 0; i < 1024; i++)
		word_at(page)[i] = ram_end | ALL;
	directory[1023] = page | ALL;
	set_cr3(address_of(directory));
	must("the hole, mapped by the guest", read_at, 0xfff00000, EX_PF, 0);
	directory[1023] = ALL | PTE_LARGE;
	set_cr3(address_of(directory));
	must("the hole, as a large page", write_at, 0xfff00000, EX_PF, FAULT_WRITE);
	must("the GDT, as a large page", write_at, SHADOW_GDT, EX_PF, FAULT_WRITE);
	directory[1022] = ALL | PTE_LARGE;
	set_cr3(address_of(directory));
	must("below the hole", read_at, 0xffbff000, NO_FAULT, 0);
	invalidate(0xffc00000);
	invalidate(0xffffffff);
	invalidate(SHADOW_GDT);
	must("the hole, invalidated", write_at, SHADOW_GDT, EX_PF, FAULT_WRITE);
}

const struct attack frame_attacks[] = {
	{ "monitor frames by page table entries", by_pte_kernel, NULL, 0, false },
	{ "monitor frames by page table entries, before Init", by_pte_kernel, NULL, 0, true },
	{ "monitor frames by page table entries, from a program", by_pte_user, NULL, 0, false },
	{ "monitor frames by large pages", by_large_page, NULL, 0, false },
	{ "monitor frames by large pages, before Init", by_large_page, NULL, 0, true },
	{ "monitor frames as page tables", by_page_table, NULL, 0, false },
	{ "a page outside RAM, filled as a page table of monitor frames", page_table_marked, NULL, 0, false },
	{ "CR3 in the monitor's memory, %u", cr3_outside, STOPPED "the interrupt descriptor table", 5, false },
	{ "monitor frames by PAE entries", by_pae_pte, NULL, 0, false },
	{ "monitor frames by PAE large pages", by_pae_large_page, NULL, 0, false },
	{ "monitor frames as PAE page tables", by_pae_page_table, NULL, 0, false },
	{ "monitor frames as PAE directories", by_pdpte, NULL, 0, false },
	{ "monitor frames as PAE directories, before Init", by_pdpte, NULL, 0, true },
	{ "PAE CR3 in the monitor's memory, %u", pae_cr3_outside, STOPPED "the interrupt descriptor table", 2, false },
	{ "PAE entries with reserved and high bits", pae_reserved_bits, NULL, 0, false },
	{ "pages that are not to be executed", no_execute, NULL, 0, false },
	{ "frames of devices, APIC and BIOS", devices, NULL, 0, false },
	{ "writes to BIOS and ROM", bios, NULL, 0, false },
	{ "BIOS, ROM and video memory as page tables", odd_tables, NULL, 0, false },
	{ "the directory entry of the hole", slot_of_hole, NULL, 0, false },
	{ NULL, NULL, NULL, 0, false },
};
