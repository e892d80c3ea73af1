/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Control and debug registers. What a register is for is looked at, where a guest can see it; the register itself, only
 * where the kernel is in ring 0.
 */
#include "conform.h"

#define CR0_TS 0x08
#define CR0_WP 0x10000
#define CR0_PG_PE 0x80000001
#define CR4_PSE 0x10
#define CR4_PAE 0x20
#define CR4_PGE 0x80
#define CPUID_PSE 0x08
#define CPUID_PGE 0x2000
#define CPUID_DE 0x04
#define DR6_STEP 0x4000
#define DR6_RESERVED 0xffff0ff0
#define DR7_FIXED 0x400
#define DR7_ENABLE(n) (2u << (2 * (n)))
#define DR7_WRITE(n) (1u << (16 + 4 * (n)))
#define DR7_FOUR(n) (3u << (18 + 4 * (n)))

#define RAW(instruction, value) __asm__ volatile(instruction : "=r"(value))

static void use_fpu(void *context)
{
	(void)context;
	__asm__ volatile("fnop");
}

static uint32_t features(void)
{
	struct registers r = REGISTERS(.eax = 1, .ecx = 0);

	make(VMI_CALL_CPUID, &r, 0, 0);
	return r.edx;
}

CASE(cr0_get, "GetCR0", "has PE, PG and WP, as set at boot", "3.2")
{
	uint32_t value = (uint32_t)DO(GetCR0), raw;

	EQUAL(value & (CR0_PG_PE | CR0_WP), CR0_PG_PE | CR0_WP);
	EQUAL(value & CR0_TS, 0);
	if (ring == 0) {
		RAW("movl %%cr0, %0", raw);
		EQUAL(value, raw);
	}
}

CASE(cr0_ts, "SetCR0", "TS makes the FPU trap, and is seen by GetCR0", "3.2")
{
	uint32_t cr0 = (uint32_t)DO(GetCR0);

	DO(SetCR0, cr0 | CR0_TS);
	EQUAL((uint32_t)DO(GetCR0), cr0 | CR0_TS);
	if (CHECK(catch(use_fpu, NULL)))
		EQUAL(trapped.vector, EXCEPTION_NO_FPU);
	DO(SetCR0, cr0);
	EQUAL((uint32_t)DO(GetCR0), cr0);
	CHECK(!catch(use_fpu, NULL));
}

CASE(clts, "CLTS", "clears TS, and nothing else", "3.2")
{
	uint32_t cr0 = (uint32_t)DO(GetCR0);

	DO(SetCR0, cr0 | CR0_TS);
	DO(CLTS);
	EQUAL((uint32_t)DO(GetCR0), cr0);
	if (!CHECK(!catch(use_fpu, NULL)))
		DO(SetCR0, cr0);
	DO(CLTS);
	EQUAL((uint32_t)DO(GetCR0), cr0);
}

CASE(ts_user, "SetCR0", "TS makes the FPU trap for a user, too, and not after CLTS", "3.2")
{
	uint32_t cr0 = (uint32_t)DO(GetCR0);

	DO(SetCR0, cr0 | CR0_TS);
	run_user(user_fpu, NULL);
	EQUAL(trapped.vector, EXCEPTION_NO_FPU);
	DO(CLTS);
	run_user(user_fpu, NULL);
	EQUAL(trapped.vector, SYSTEM_CALL);
	DO(SetCR0, cr0);
}

CASE(cr2_set, "SetCR2", "what it sets, GetCR2 gives", "3.2")
{
	DO(SetCR2, 0x12345678);
	EQUAL((uint32_t)DO(GetCR2), 0x12345678);
	DO(SetCR2, 0);
	EQUAL((uint32_t)DO(GetCR2), 0);
	if (ring == 0) {
		uint32_t raw;

		DO(SetCR2, 0x89abcdef);
		RAW("movl %%cr2, %0", raw);
		EQUAL(raw, 0x89abcdef);
	}
}

CASE(cr2_get, "GetCR2", "gives the address of the last page fault, to the byte", "3.2")
{
	uint32_t value;

	EQUAL(read_at(USER_TEST + 0x1234, &value), EXCEPTION_PAGE);
	EQUAL((uint32_t)DO(GetCR2), USER_TEST + 0x1234);
	EQUAL(user_read_at(USER_TEST + 0x5677, &value), EXCEPTION_PAGE);
	EQUAL((uint32_t)DO(GetCR2), USER_TEST + 0x5677);
}

CASE(cr3_get, "GetCR3", "gives what SetCR3 was given", "3.2")
{
	uint32_t raw;

	EQUAL((uint32_t)DO(GetCR3), main_space.cr3);
	if (ring == 0) {
		RAW("movl %%cr3, %0", raw);
		EQUAL(raw, main_space.cr3);
	}
}

/* They stay on from here: they cannot be switched off again. */
CASE(cr4_set, "SetCR4", "switches on what CPUID says there is, and GetCR4 sees it", "3.2")
{
	uint32_t cr4 = (uint32_t)DO(GetCR4), has = features(), wanted = cr4, raw;

	if (has & CPUID_PSE)
		wanted |= CR4_PSE;
	if (has & CPUID_PGE)
		wanted |= CR4_PGE;
	if (wanted == cr4) {
		skip("there is nothing to switch on");
		return;
	}
	DO(SetCR4, wanted);
	EQUAL((uint32_t)DO(GetCR4), wanted);
	if (ring == 0) {
		RAW("movl %%cr4, %0", raw);
		EQUAL(raw, wanted);
	}
}

CASE(cr4_get, "GetCR4", "has PAE as set at boot, and what SetCR4 switched on", "3.2")
{
	uint32_t value = (uint32_t)DO(GetCR4), raw;

	EQUAL(value & CR4_PAE, pae ? CR4_PAE : 0);
	if (features() & CPUID_PGE) {
		DO(SetCR4, value | CR4_PGE);
		EQUAL((uint32_t)DO(GetCR4), value | CR4_PGE);
		value |= CR4_PGE;
	}
	if (ring == 0) {
		RAW("movl %%cr4, %0", raw);
		EQUAL(value, raw);
	}
}

/* ---- Debug registers ---- */

static bool no_debug_registers(void)
{
	DO(SetDR, 0, 0x12345678);
	if ((uint32_t)DO(GetDR, 0) == 0 && ring != 0)
		skip("there are no debug registers");
	else if ((uint32_t)DO(GetDR, 0) == 0x12345678)
		return false;
	else
		EQUAL((uint32_t)DO(GetDR, 0), 0x12345678);
	return true;
}

static void no_breakpoints(void)
{
	DO(SetDR, 7, DR7_FIXED);
	DO(SetDR, 6, DR6_RESERVED);
	for (unsigned n = 0; n < 4; n++)
		DO(SetDR, n, 0);
}

CASE(dr_set, "SetDR", "each register holds what it was given", "3.2")
{
	if (no_debug_registers())
		return;
	for (uint32_t n = 0; n < 4; n++)
		DO(SetDR, n, 0x10000 + 0x1000 * n);
	DO(SetDR, 6, DR6_RESERVED);
	DO(SetDR, 7, DR7_FIXED);
	for (uint32_t n = 0; n < 4; n++)
		EQUAL((uint32_t)DO(GetDR, n), 0x10000 + 0x1000 * n);
	EQUAL((uint32_t)DO(GetDR, 6), DR6_RESERVED);
	EQUAL((uint32_t)DO(GetDR, 7), DR7_FIXED);
	no_breakpoints();
}

CASE(dr_get, "GetDR", "in ring 0 it is the register", "3.2")
{
	uint32_t raw;

	if (ring != 0) {
		skip("the kernel is not in ring 0");
		return;
	}
	DO(SetDR, 2, 0xabcd1234);
	RAW("movl %%db2, %0", raw);
	EQUAL(raw, 0xabcd1234);
	EQUAL((uint32_t)DO(GetDR, 2), raw);
	no_breakpoints();
}

static volatile uint32_t watched;

static void write_watched(void *context)
{
	(void)context;
	watched = 1;
	__asm__ volatile("nop; nop");
}

CASE(dr_watch, "SetDR", "a watched word traps when it is written, and DR6 tells which", "3.2")
{
	if (no_debug_registers())
		return;
	DO(SetDR, 6, DR6_RESERVED);
	DO(SetDR, 1, (uint32_t)&watched);
	DO(SetDR, 7, DR7_FIXED | DR7_ENABLE(1) | DR7_WRITE(1) | DR7_FOUR(1));
	if (CHECK(catch(write_watched, NULL))) {
		EQUAL(trapped.vector, EXCEPTION_DEBUG);
		EQUAL((uint32_t)DO(GetDR, 6) & 0xf, 1 << 1);
	}
	no_breakpoints();
	CHECK(!catch(write_watched, NULL));
}

CASE(dr_break, "SetDR", "a breakpoint in a program traps before the instruction", "3.2")
{
	if (no_debug_registers())
		return;
	DO(SetDR, 6, DR6_RESERVED);
	DO(SetDR, 0, AT_USER(user_step) + 1);
	DO(SetDR, 7, DR7_FIXED | DR7_ENABLE(0));
	run_user(user_step, NULL);
	EQUAL(trapped.vector, EXCEPTION_DEBUG);
	EQUAL(trapped.eip, AT_USER(user_step) + 1);
	EQUAL((uint32_t)DO(GetDR, 6) & 0xf, 1);
	no_breakpoints();
	run_user(user_step, NULL);
	EQUAL(trapped.vector, SYSTEM_CALL);
}
