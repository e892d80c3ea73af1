/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The same by call sites: the library rewrites those of site.S as it would those of a kernel, and what the ROM has for
 * them in line is run. It enters the ROM a second time.
 */
#include "conform.h"

#define MOST_SITES 32
#define MSR_SYSENTER_CS 0x174
#define CPUID_SEP 0x800

extern char text_start[], text_end[];
extern uint8_t site_enable[], site_disable[], site_get[], site_set[], site_cpuid[], site_gdt_entry[], site_iret[],
	site_sysexit[], site_cr2[];

static unsigned char memory[VROM_PLAN_MEMORY(MOST_SITES)];
static struct vrom_table table = VROM_KERNEL_TABLE(text_start, text_end);
static struct vrom_plan plan;

/* Before the first case that needs it. */
static bool attach(void)
{
	static enum { NOT_YET, DONE, FAILED } state;
	struct vrom_error error;
	enum vrom_status status;

	if (state == NOT_YET) {
		status = vrom_attach(&plan, &rom, &table, 1, memory, sizeof memory, &error);
		state = status == VROM_OK ? DONE : FAILED;
		if (status != VROM_OK)
			note("#   vrom_attach: %s, call %u\n", vrom_strstatus(error.reason), error.call);
	}
	return CHECK(state == DONE);
}

static bool enabled(void)
{
	return DO(GetInterruptMask) & VMI_MASK_ENABLED;
}

CASE(site_attach, "GetRelocation", "the library accepts the ROM for a kernel's sites, and rewrites them", "vrom")
{
	if (!attach())
		return;
	EQUAL(plan.sites, plan.kept + plan.called + plan.jumped + plan.erased + plan.inlined);
	CHECK(plan.kept < plan.sites);
}

static void by_site(const uint8_t *site, unsigned call, uint32_t eax)
{
	struct registers r = REGISTERS(.eax = eax);

	make_at((uint32_t)site, call, &r, 0, 0);
}

CASE(at_enable, "EnableInterrupts", "at a rewritten site it does the same, and delivers what waits", "vrom")
{
	if (!attach())
		return;
	unmask(IRQ_SERIAL);
	if (have_serial)
		raise_serial();
	by_site(site_enable, VMI_CALL_EnableInterrupts, 0x12345678);
	CHECK(enabled());
	EQUAL(interrupts[IRQ_BASE + 4], have_serial);
	by_site(site_enable, VMI_CALL_EnableInterrupts, 0);
	CHECK(enabled());
}

CASE(at_disable, "DisableInterrupts", "at a rewritten site it does the same", "vrom")
{
	if (!attach())
		return;
	DO(EnableInterrupts);
	by_site(site_disable, VMI_CALL_DisableInterrupts, 0x12345678);
	CHECK(!enabled());
	unmask(IRQ_SERIAL);
	raise_serial();
	spin(2);
	EQUAL(interrupts[IRQ_BASE + 4], 0);
}

CASE(at_get, "GetInterruptMask", "at a rewritten site it does the same", "vrom")
{
	for (uint32_t on = 0; on <= VMI_MASK_ENABLED && attach(); on += VMI_MASK_ENABLED) {
		struct registers r = REGISTERS();

		if (on)
			DO(EnableInterrupts);
		make_at((uint32_t)site_get, VMI_CALL_GetInterruptMask, &r, 0, 0);
		EQUAL(r.eax & VMI_MASK_ENABLED, on);
	}
}

CASE(at_set, "SetInterruptMask", "at a rewritten site it does the same, and delivers what waits", "vrom")
{
	if (!attach())
		return;
	unmask(IRQ_SERIAL);
	if (have_serial)
		raise_serial();
	by_site(site_set, VMI_CALL_SetInterruptMask, FLAGS_FIXED);
	EQUAL(interrupts[IRQ_BASE + 4], 0);
	CHECK(!enabled());
	by_site(site_set, VMI_CALL_SetInterruptMask, FLAGS_FIXED | FLAGS_IF);
	EQUAL(interrupts[IRQ_BASE + 4], have_serial);
	CHECK(enabled());
	by_site(site_set, VMI_CALL_SetInterruptMask, FLAGS_FIXED);
	CHECK(!enabled());
}

static void far_at(const uint8_t *site, unsigned call, uint32_t eax)
{
	struct registers r = REGISTERS(.eax = eax, .far_segments = 1);

	make_at((uint32_t)site, call, &r, 0, 0);
}

CASE(at_segments, "EnableInterrupts", "at rewritten sites, none of the four needs a flat DS and ES", "2")
{
	if (!attach())
		return;
	far_at(site_enable, VMI_CALL_EnableInterrupts, 0);
	CHECK(enabled());
	far_at(site_disable, VMI_CALL_DisableInterrupts, 0);
	CHECK(!enabled());
	far_at(site_set, VMI_CALL_SetInterruptMask, FLAGS_IF);
	CHECK(enabled());
	far_at(site_get, VMI_CALL_GetInterruptMask, 0);
	CHECK(enabled());
}

CASE(at_cpuid, "CPUID", "at a rewritten site it does the same", "vrom")
{
	struct registers a = REGISTERS(.eax = 0, .ecx = 0), b = a;

	if (!attach())
		return;
	make(VMI_CALL_CPUID, &a, 0, 0);
	make_at((uint32_t)site_cpuid, VMI_CALL_CPUID, &b, 0, 0);
	EQUAL(a.eax, b.eax);
	EQUAL(a.ebx, b.ebx);
	EQUAL(a.ecx, b.ecx);
	EQUAL(a.edx, b.edx);
}

CASE(at_cr2, "SetCR2", "at a rewritten site it does the same", "vrom")
{
	if (!attach())
		return;
	by_site(site_cr2, VMI_CALL_SetCR2, 0xbeef1234);
	EQUAL((uint32_t)DO(GetCR2), 0xbeef1234);
}

CASE(at_gdt_entry, "WriteGDTEntry", "at a rewritten site it does the same, with an argument on the stack", "vrom")
{
	struct descriptor descriptor = segment(0, 0x234, BYTES, DATA_WRITABLE + DPL(USER_RING));
	struct registers r = REGISTERS(.eax = (uint32_t)gdt, .edx = SCRATCH / 8, .ecx = descriptor.low, .ebx = descriptor.high);
	uint32_t limit = 0;

	if (!attach())
		return;
	make_at((uint32_t)site_gdt_entry, VMI_CALL_WriteGDTEntry, &r, 0, 0);
	__asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"(SCRATCH + USER_RING));
	EQUAL(limit, 0x234);
	write_gdt(SCRATCH, (struct descriptor){ 0, 0 });
}

CASE(at_iret, "IRET", "at a rewritten site it does the same, in the kernel and to a user", "vrom")
{
	struct state state = user_state(user_call);

	if (!attach())
		return;
	state.site = (uint32_t)site_iret;
	state.segments = FAR_DATA + USER_RING;
	run_user(user_call, &state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped.eax, state.eax);
	EQUAL(trapped.ecx, state.ecx);
	EQUAL(trapped.edx, state.edx);
	EQUAL(trapped.ebx, state.ebx);
	EQUAL(trapped.ebp, state.ebp);
	state.words = 3;
	state.eip = (uint32_t)kernel_ask_code;
	state.cs = KERNEL_CODE + ring;
	run_user(user_call, &state);
	EQUAL(trapped.vector, KERNEL_CALL);
	EQUAL(trapped.eax & VMI_MASK_ENABLED, VMI_MASK_ENABLED);
}

/* docs/guest.md: a kernel takes any address inside the site for the user's fault. */
CASE(at_iret_fault, "IRET", "at a rewritten site, a bad frame's exception is reported inside the site", "vrom")
{
	struct state state = user_state(user_call);

	if (!attach())
		return;
	state.site = (uint32_t)site_iret;
	state.cs = USER_DATA + USER_RING;
	run_user(user_call, &state);
	EQUAL(trapped.vector, EXCEPTION_GENERAL);
	EQUAL(trapped.error, USER_DATA);
	CHECK(trapped.eip >= (uint32_t)site_iret && trapped.eip < (uint32_t)site_sysexit);
	EQUAL(trapped.eax, state.eax);
	EQUAL(trapped.edx, state.edx);
}

CASE(at_sysexit, "SYSEXIT", "at a rewritten site it does the same", "vrom")
{
	struct state state = user_state(user_call);
	struct registers r = REGISTERS(.eax = 1, .ecx = 0);

	if (!attach())
		return;
	make(VMI_CALL_CPUID, &r, 0, 0);
	if (!(r.edx & CPUID_SEP)) {
		skip("CPUID says that there is none");
		return;
	}
	r = REGISTERS(.ecx = MSR_SYSENTER_CS, .eax = KERNEL_CODE + ring, .edx = 0);
	make(VMI_CALL_WRMSR, &r, 0, 0);
	state.words = 1;
	state.edx = AT_USER(user_call);
	state.ecx = USER_STACK_PAGE + 0x120;
	state.site = (uint32_t)site_sysexit;
	run_user(user_call, &state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped.esp, USER_STACK_PAGE + 0x120);
	EQUAL(trapped.eflags & FLAGS_IF, FLAGS_IF);
}
