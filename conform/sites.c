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
extern uint8_t site_cycles_real[], site_cycles_available[], site_cycles_stolen[], site_out_scratch[], site_in_scratch[],
	site_out_index[], site_in_data[], site_pxe[], site_pxe_clear[], site_stack[], site_lazy[], site_release[];

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

/* ---- Sites with constants ---- */

/* What a site leaves in EDX:EAX. Code in line may change more than the call may: what the site says is free. */
static uint64_t result_at(const uint8_t *site, uint32_t eax, uint32_t edx)
{
	struct registers r = REGISTERS(.eax = eax, .edx = edx), before = r;

	invoke((uint32_t)site, &r, 0, 0);
	EQUAL(r.ebx, before.ebx);
	EQUAL(r.ebp, before.ebp);
	EQUAL(r.esi, before.esi);
	EQUAL(r.edi, before.edi);
	EQUAL((uint32_t)r.moved, 0);
	return (uint64_t)r.edx << 32 | r.eax;
}

CASE(at_cycles, "GetCycleCounter", "at rewritten sites with a constant it does the same", "vrom")
{
	if (!have_timer()) {
		skip("the ROM has no timer");
		return;
	}
	for (int i = 0; i < 100 && attach(); i++) {
		uint64_t first = now(), second = result_at(site_cycles_real, 0xa1a1a1a1, 0);
		uint64_t third = result_at(site_cycles_available, 0xa1a1a1a1, 0), last = now();

		CHECK(first <= second && second <= third && third <= last);
		CHECK(result_at(site_cycles_stolen, 0xa1a1a1a1, 0xd3d3d3d3) == DO(GetCycleCounter, VMI_CYCLES_STOLEN));
	}
}

CASE(at_cycles_far, "GetCycleCounter", "a far alarm that comes in steps ends once a rewritten site reads the counter", "vrom")
{
	uint64_t goal;
	uint32_t came;

	if (!have_timer()) {
		skip("the ROM has no timer");
		return;
	}
	if (!attach())
		return;
	set_alarm(VMI_ALARM_WIRED_IRQ0, 0, 0);
	settle();
	forget_interrupts();
	unmask(IRQ_TIMER);
	DO(EnableInterrupts);
	goal = now() + ms(120);
	set_alarm(VMI_ALARM_WIRED_IRQ0, goal, 0);
	while (result_at(site_cycles_real, 0, 0) < goal + ms(2))
		spin(1);
	came = interrupts[IRQ_BASE];
	CHECK(came >= 1);
	spin(20000);
	CHECK(interrupts[IRQ_BASE] - came <= 1); /* one may have been on its way */
	cancel_alarm(VMI_ALARM_WIRED_IRQ0);
}

CASE(at_ports, "OUTB", "at rewritten sites with a constant port it does the same, as INB does", "vrom")
{
	if (!attach())
		return;
	if (have_serial) {
		result_at(site_out_scratch, 0x1234563c, 0);
		EQUAL(inb(0x3ff), 0x3c);
		outb(0x3ff, 0xc5);
		EQUAL((uint32_t)result_at(site_in_scratch, 0, 0) & 0xff, 0xc5);
	}
	/* The real-time clock's status B, which does not change. */
	result_at(site_out_index, 0x1234560b, 0);
	EQUAL((uint32_t)result_at(site_in_data, 0, 0) & 0xff, inb(0x71));
	result_at(site_out_index, 0x1234560d, 0);
	EQUAL((uint32_t)result_at(site_in_data, 0, 0) & 0xff, inb(0x71));
}

/* What is read at USER_TEST: its own address, or 0 if nothing is there. */
static uint32_t seen_at_test(void)
{
	uint32_t value = 0;

	return read_at(USER_TEST, &value) ? 0 : value;
}

CASE(at_pxe, "SetPxE", "at rewritten sites, with an entry in a register and with 0, it does the same", "vrom")
{
	void *test_table, *pages[2];
	struct space other;
	uint32_t where;

	if (pae) {
		omit();
		return;
	}
	if (!attach())
		return;
	test_table = table_link(USER_TEST);
	where = (uint32_t)test_table + 4 * table_index(USER_TEST);
	space_new(&other);
	for (int i = 0; i < 2; i++) {
		pages[i] = page_get();
		*(uint32_t *)pages[i] = (uint32_t)pages[i];
	}
	EQUAL(seen_at_test(), 0);
	/* Present, another page while the space is not loaded, cleared likewise. */
	for (int i = 0; i < 4; i++) {
		if (i % 2)
			space_load(&other);
		result_at(site_pxe, (uint32_t)physical(pages[i % 2]) + ENTRY_ALL, where);
		space_load(&main_space);
		EQUAL(seen_at_test(), (uint32_t)pages[i % 2]);
		if (i % 2 == 0)
			continue;
		space_load(&other);
		result_at(site_pxe_clear, 0, where);
		space_load(&main_space);
		EQUAL(seen_at_test(), 0);
	}
	space_free(&other);
	table_unlink(USER_TEST, test_table);
	page_put(pages[0]);
	page_put(pages[1]);
}

CASE(at_stack, "UpdateKernelStack", "at a rewritten site, with a constant that is ignored, it does the same", "vrom")
{
	if (!attach())
		return;
	tss[1] = (uint32_t)kernel_stack_2;
	result_at(site_stack, 0, (uint32_t)kernel_stack_2);
	run_user(user_call, NULL);
	EQUAL(trapped_at, (uint32_t)kernel_stack_2);
	set_kernel_stack(kernel_stack);
	run_user(user_call, NULL);
	EQUAL(trapped_at, (uint32_t)kernel_stack);
}

CASE(at_notices, "SetLazyMode", "at rewritten sites with constants, it and ReleasePage keep what is to be kept", "vrom")
{
	void *page;

	if (!attach())
		return;
	page = page_get();
	result_at(site_lazy, 0xa1a1a1a1, 0xd3d3d3d3);
	DO(AllocatePage, (uint32_t)(physical(page) >> 12), VMI_PAGE_PT, 0, 0, 0);
	result_at(site_release, (uint32_t)(physical(page) >> 12), 0xd3d3d3d3);
	page_put(page);
}
