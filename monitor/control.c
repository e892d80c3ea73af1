/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Control registers, debug registers, model specific registers. The guest has values of its own, and reads what it wrote.
 * Of them the machine gets what concerns the guest alone, and can do no harm to the monitor; the rest is the monitor's.
 */
#include "monitor.h"
#include "stub.h"

/* ---- CR0, CR3, CR4 ---- */

#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define CR0_OURS (CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG)
#define CR0_PASSED (CR0_MP | CR0_EM | CR0_TS | CR0_AM)
#define CR0_PAGING (CR0_PE | CR0_WP | CR0_PG)
#define CR0_DEFINED (CR0_OURS | CR0_PASSED | CR0_NW | CR0_CD)

/* stub.c clears TS without asking: the machine knows better. */
uint32_t get_cr0(void)
{
	return (guest.cr0 & ~CR0_TS) | (read_cr0() & CR0_TS);
}

static void put_cr0(uint32_t value)
{
	guest.cr0 = value;
	shared_page.cr0 = value;
	write_cr0(CR0_OURS | (value & CR0_PASSED));
}

bool set_cr0(uint32_t value)
{
	uint32_t changed;

	value = (value & CR0_DEFINED) | CR0_ET;
	if (((value & CR0_PG) && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD)))
		return false;
	if (!(value & CR0_PE))
		guest_stop("it wants to leave protected mode");
	changed = guest.cr0 ^ value;
	put_cr0(value);
	if (changed & CR0_PAGING)
		shadow_root();
	return true;
}

void set_cr3(uint32_t value)
{
	guest.cr3 = value;
	shared_page.cr3 = value;
	shadow_root();
}

#define CR4_VME 0x001
#define CR4_PVI 0x002
#define CR4_MCE 0x040
#define CR4_PCE 0x100
#define CR4_OSXSAVE 0x40000
#define CR4_PASSED (CR4_TSD | CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE)
#define CR4_ALLOWED (CR4_PASSED | CR4_PSE | CR4_PAE | CR4_PGE | CR4_VME | CR4_PVI | CR4_MCE | CR4_PCE)
/* In EDX of CPUID 1. The others are as old as the P6. */
#define CPU_FXSR (1 << 24)
#define CPU_SSE (1 << 25)
#define CPU_XSAVE (1 << 26) /* in ECX */
#define XCR0_X87 1
#define XCR0_SSE 2
#define XCR0_AVX 4
#define XCR0_KNOWN 7

static void put_cr4(uint32_t value)
{
	uint32_t cpu[4], has = CR4_DE | CR4_TSD;

	cpuid(1, 0, cpu);
	has |= cpu[3] & CPU_FXSR ? CR4_OSFXSR : 0;
	has |= cpu[3] & CPU_SSE ? CR4_OSXMMEXCPT : 0;
	has |= cpu[2] & CPU_XSAVE ? CR4_OSXSAVE : 0;
	guest.cr4 = value;
	shared_page.cr4 = value;
	write_cr4((read_cr4() & ~CR4_PASSED) | (value & has));
}

static void xsetbv(uint32_t value)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"(value), "d"(0));
}

/* Which registers of the FPU there are. They are the guest's; the monitor uses none. */
bool write_xcr(uint32_t number, uint64_t value)
{
	uint32_t cpu[4];

	cpuid(0xd, 0, cpu);
	if (number || !(value & XCR0_X87) || (value & ~(uint64_t)(cpu[0] & XCR0_KNOWN)) ||
	    ((value & XCR0_AVX) && !(value & XCR0_SSE)) || !(read_cr4() & CR4_OSXSAVE))
		return false;
	xsetbv((uint32_t)value);
	return true;
}

bool set_cr4(uint32_t value)
{
	uint32_t changed = guest.cr4 ^ value;

	if (value & ~CR4_ALLOWED)
		return false;
	put_cr4(value);
	/* Each of them flushes everything, and the first two give entries another meaning. */
	if ((guest.cr0 & CR0_PG) && (changed & (CR4_PSE | CR4_PAE)))
		shadow_root();
	if ((guest.cr0 & CR0_PG) && (changed & (CR4_PSE | CR4_PAE | CR4_PGE)))
		shadow_flush(true);
	return true;
}

/* ---- Debug registers ---- */

#define DR6_CLEAR 0xffff0ff0
#define DR6_EVENTS 0xe00f
#define DR7_FIXED 0x400
#define DR7_DEFINED 0xffff03ff
#define DR7_ENABLES 0xff
#define DR7_IO 2

#define MOV_TO_DR(n, value) __asm__ volatile("movl %0, %%db" #n : : "r"(value) : "memory")

static uint32_t dr7; /* as the machine has it while the guest runs; 0: nothing is enabled */

/* A breakpoint in the hole would be hit by the way into the monitor, and one for a port by the monitor's own. */
static void load_breakpoints(void)
{
	uint32_t value = guest.dr[7];

	for (unsigned n = 0; n < 4; n++)
		if ((value >> (16 + 4 * n) & 3) == DR7_IO || (guest.dr[n] | 7) >= VIRTUAL_TOP)
			value &= ~(3u << 2 * n);
	dr7 = value & DR7_ENABLES ? value : 0;
	MOV_TO_DR(0, guest.dr[0]);
	MOV_TO_DR(1, guest.dr[1]);
	MOV_TO_DR(2, guest.dr[2]);
	MOV_TO_DR(3, guest.dr[3]);
}

bool debug_armed(void)
{
	return dr7;
}

void debug_enter(void)
{
	if (dr7)
		MOV_TO_DR(7, DR7_FIXED);
}

void debug_leave(void)
{
	if (dr7)
		MOV_TO_DR(7, dr7);
}

void debug_trapped(void)
{
	uint32_t dr6;

	__asm__ volatile("movl %%db6, %0" : "=r"(dr6));
	guest.dr[6] |= dr6 & DR6_EVENTS;
	MOV_TO_DR(6, DR6_CLEAR);
}

/* 4 and 5 are other names of 6 and 7. */
void set_dr(unsigned n, uint32_t value)
{
	if (n > 7)
		return;
	if (n > 3)
		n |= 2;
	if (n == 6)
		value = (value & DR6_EVENTS) | DR6_CLEAR;
	if (n == 7)
		value = (value & DR7_DEFINED) | DR7_FIXED;
	guest.dr[n] = value;
	load_breakpoints();
}

uint32_t get_dr(unsigned n)
{
	return n > 7 ? 0 : guest.dr[n > 3 ? n | 2 : n];
}

/* ---- Model specific registers ---- */

#define MSR_TSC 0x10
#define APIC_BASE_BOOT 0xfee00100 /* the boot processor's; bit 11, enabled, is clear */
#define PAT_RESET 0x0007040600070406

static uint64_t sysenter[3], pat;

/* Those that there are, beside TSC and EFER: what they read as, or where they keep what is written. */
static const struct msr {
	uint32_t first, last;
	uint64_t value, *kept;
} msrs[] = {
	{ 0x017, 0x017, 0, NULL },              /* platform */
	{ 0x01b, 0x01b, APIC_BASE_BOOT, NULL },
	{ 0x08b, 0x08b, 0, NULL },              /* microcode */
	{ 0x0fe, 0x0fe, 0, NULL },              /* how many memory types can be set: none */
	{ 0x174, 0x176, 0, sysenter },          /* CS, ESP, EIP */
	{ 0x1a0, 0x1a0, 1, NULL },              /* features: fast strings */
	{ 0x277, 0x277, 0, &pat },
	{ 0x200, 0x2ff, 0, NULL },              /* memory types */
};

static const struct msr *find_msr(uint32_t number)
{
	for (const struct msr *msr = msrs; msr < msrs + sizeof msrs / sizeof *msrs; msr++)
		if (number >= msr->first && number <= msr->last)
			return msr;
	return NULL;
}

/* An early guest has no handler yet, so it may try any. */
bool read_msr(uint32_t number, uint64_t *value)
{
	const struct msr *msr = find_msr(number);

	*value = number == MSR_TSC ? rdtsc() : number == MSR_EFER ? guest.efer : msr ? msr->value : 0;
	if (msr && msr->kept)
		*value = msr->kept[number - msr->first];
	return msr || number == MSR_TSC || number == MSR_EFER || !guest.entered;
}

bool write_msr(uint32_t number, uint64_t value)
{
	const struct msr *msr = find_msr(number);
	uint64_t changed = guest.efer ^ value;

	if (msr && msr->kept)
		msr->kept[number - msr->first] = value;
	if (number != MSR_EFER)
		return msr || number == MSR_TSC || !guest.entered;
	if ((value & ~(uint64_t)EFER_NXE) || (value && !cpu_has_nx))
		return false;
	guest.efer = value;
	if (changed && (guest.cr0 & CR0_PG))
		shadow_flush(true);
	return true;
}

void control_reset(void)
{
	MOV_TO_DR(7, DR7_FIXED);
	MOV_TO_DR(6, DR6_CLEAR);
	for (unsigned n = 0; n < 8; n++)
		set_dr(n, 0);
	put_cr0(CR0_PE | CR0_ET);
	if (read_cr4() & CR4_OSXSAVE)
		xsetbv(XCR0_X87);
	put_cr4(0);
	guest.cr3 = shared_page.cr3 = shared_page.cr2 = 0;
	guest.efer = 0;
	memset(sysenter, 0, sizeof sysenter);
	pat = PAT_RESET;
}
