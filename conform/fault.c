/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * IRET with a frame that is bad, which a user can bring about. The exception is the processor's, and reported for the
 * call in the guest, or for a jump in place of one: that is how a kernel tells that a user is to blame.
 */
#include "conform.h"

static const struct frame {
	const char *what;
	uint32_t cs, ss; /* with RPL 0 */
	uint32_t eip, vector, error;
	uint8_t rpl, ss_rpl;
	bool kernel;     /* to the kernel's ring: RPL is added */
	bool limit;      /* of segments: emulated processors do not look at those */
} frames[] = {
	{ "no CS", 0, USER_DATA, 0, EXCEPTION_GENERAL, 0, 3, 3 },
	{ "CS 0 in the kernel", 0, 0, 0, EXCEPTION_GENERAL, 0, 0, 0, true },
	{ "CS beyond the GDT", 0xff0, USER_DATA, 0, EXCEPTION_GENERAL, 0xff0, 3, 3 },
	{ "CS in no LDT", 0x0c, USER_DATA, 0, EXCEPTION_GENERAL, 0x0c, 3, 3 },
	{ "CS is data", USER_DATA, USER_DATA, 0, EXCEPTION_GENERAL, USER_DATA, 3, 3 },
	{ "CS is a task state", TASK_STATE, USER_DATA, 0, EXCEPTION_GENERAL, TASK_STATE, 3, 3 },
	{ "CS is the kernel's, with RPL 3", KERNEL_CODE, USER_DATA, 0, EXCEPTION_GENERAL, KERNEL_CODE, 3, 3 },
	{ "CS is of ring 2, with RPL 3", RING2_CODE, USER_DATA, 0, EXCEPTION_GENERAL, RING2_CODE, 3, 3 },
	{ "CS is conforming code of ring 3, with RPL 2", USER_CONFORMING_CODE, USER_DATA, 0, EXCEPTION_GENERAL, USER_CONFORMING_CODE,
	  2, 2 },
	{ "CS is a user's, with the kernel's RPL", USER_CODE, 0, 0, EXCEPTION_GENERAL, USER_CODE, 0, 0, true },
	{ "CS is data of the kernel", KERNEL_DATA, 0, 0, EXCEPTION_GENERAL, KERNEL_DATA, 0, 0, true },
	{ "CS is not present", USER_CODE_ABSENT, USER_DATA, 0, EXCEPTION_NOT_PRESENT, USER_CODE_ABSENT, 3, 3 },
	{ "CS of the kernel is not present", KERNEL_CODE_ABSENT, 0, 0, EXCEPTION_NOT_PRESENT, KERNEL_CODE_ABSENT, 0, 0, true },
	{ "no SS", USER_CODE, 0, 0, EXCEPTION_GENERAL, 0, 3, 3 },
	{ "SS beyond the GDT", USER_CODE, 0xff0, 0, EXCEPTION_GENERAL, 0xff0, 3, 3 },
	{ "SS with another RPL than CS", USER_CODE, USER_DATA, 0, EXCEPTION_GENERAL, USER_DATA, 3, 2 },
	{ "SS is the kernel's", USER_CODE, KERNEL_DATA, 0, EXCEPTION_GENERAL, KERNEL_DATA, 3, 3 },
	{ "SS is code", USER_CODE, USER_CODE, 0, EXCEPTION_GENERAL, USER_CODE, 3, 3 },
	{ "SS is read only", USER_CODE, USER_DATA_READ_ONLY, 0, EXCEPTION_GENERAL, USER_DATA_READ_ONLY, 3, 3 },
	{ "SS and EIP are bad", USER_CODE_SHORT, USER_DATA_READ_ONLY, USER_CODE_PAGE, EXCEPTION_GENERAL, USER_DATA_READ_ONLY, 3, 3 },
	{ "SS is not present", USER_CODE, USER_DATA_ABSENT, 0, EXCEPTION_STACK, USER_DATA_ABSENT, 3, 3, false, true },
	{ "EIP is beyond CS", USER_CODE_SHORT, USER_DATA, USER_CODE_PAGE, EXCEPTION_GENERAL, 0, 3, 3, false, true },
	{ "EIP is beyond CS of the kernel", KERNEL_CODE_SHORT, 0, KERNEL_BASE, EXCEPTION_GENERAL, 0, 0, 0, true, true },
};

static void set_gates(uint32_t kind)
{
	for (unsigned vector = EXCEPTION_TASK; vector <= EXCEPTION_GENERAL; vector++)
		write_gate(vector, gate(vector, kind, ring));
}

/* The frame is read where the fault left it: on this stack. */
static void try(const struct frame *frame)
{
	struct state state = user_state(user_call);

	state.cs = frame->cs + (frame->kernel ? ring : frame->rpl);
	state.ss = frame->ss + frame->ss_rpl;
	state.words = frame->kernel ? 3 : 5;
	state.eflags = FLAGS_FIXED + FLAGS_IF;
	state.segments = FAR_DATA + USER_RING;
	if (frame->eip)
		state.eip = frame->eip;
	else if (frame->kernel)
		state.eip = (uint32_t)kernel_code;
	trapped = (struct trap){ .vector = ~0u };
	enter(&state);

	EQUAL(trapped.vector, frame->vector);
	if (trapped.vector != frame->vector)
		return;
	EQUAL(trapped.error & 0xffff, frame->error);
	EQUAL(trapped.eip, (uint32_t)iret_site);
	EQUAL(trapped.cs & 0xffff, KERNEL_CODE + ring);
	EQUAL(trapped.live_flags & (FLAGS_TF | FLAGS_NT | FLAGS_VM), 0);
	EQUAL(trapped.eax, state.eax);
	EQUAL(trapped.ecx, state.ecx);
	EQUAL(trapped.edx, state.edx);
	EQUAL(trapped.ebx, state.ebx);
	EQUAL(trapped.ebp, state.ebp);
	EQUAL(trapped.esi, state.esi);
	EQUAL(trapped.edi, state.edi);
	EQUAL(trapped.ds & 0xffff, FAR_DATA + USER_RING);
	EQUAL(trapped.es & 0xffff, FAR_DATA + USER_RING);
	/* The bad frame lies above the new one, whole. */
	EQUAL(trapped.esp, state.eip);
	EQUAL(trapped.ss, state.cs);
	EQUAL(trapped.vm_es, state.eflags);
}

static void try_all(unsigned vector)
{
	for (unsigned i = 0; i < COUNT(frames); i++) {
		if (frames[i].vector != vector || (frames[i].limit && ring != 0))
			continue;
		note("#   frame: %s\n", frames[i].what);
		try(&frames[i]);
	}
}

CASE(fault_general, "IRET", "a bad selector is #GP at the call, with the frame and the registers as they were", "2.1")
{
	try_all(EXCEPTION_GENERAL);
}

CASE(fault_absent, "IRET", "a code segment that is not present is #NP at the call", "2.1")
{
	try_all(EXCEPTION_NOT_PRESENT);
}

CASE(fault_stack, "IRET", "a stack segment that is not present is #SS at the call", "2.1")
{
	if (ring != 0)
		skip("outside ring 0 the processor checks, and emulated ones do not do it by the manual");
	try_all(EXCEPTION_STACK);
}

static const struct frame cs_is_data = { "CS is data", USER_DATA, USER_DATA, 0, EXCEPTION_GENERAL, USER_DATA, 3, 3 },
			  cs_is_absent = { "CS is not present", USER_CODE_ABSENT, USER_DATA, 0, EXCEPTION_NOT_PRESENT,
					   USER_CODE_ABSENT, 3, 3 };

CASE(fault_off, "IRET", "behind an interrupt gate, interrupts are off, and the frame says that they were", "2.1")
{
	try(&cs_is_data);
	EQUAL(trapped_mask, 0);
	EQUAL(trapped.eflags & FLAGS_IF, 0);
	DO(EnableInterrupts);
	try(&cs_is_data);
	EQUAL(trapped_mask, 0);
}

CASE(fault_trap_gate, "IRET", "behind a trap gate the exception is the same", "2.1")
{
	set_gates(GATE_TRAP);
	try(&cs_is_data);
	try(&cs_is_absent);
	set_gates(GATE_INTERRUPT);
}

CASE(fault_goes_on, "IRET", "after a fault the next return is as good as any", "2.1")
{
	for (int i = 0; i < 3; i++) {
		try(&cs_is_data);
		run_user(user_call, NULL);
		EQUAL(trapped.vector, SYSTEM_CALL);
		EQUAL(trapped_at, (uint32_t)kernel_stack);
	}
}

CASE(fault_vm86, "IRET", "an EIP that virtual 8086 mode cannot have is #GP at the call", "2.1")
{
	struct state state = user_state(user_call);

	if (ring != 0) {
		skip("outside ring 0 the processor checks, and emulated ones do not do it by the manual");
		return;
	}
	state.words = 9;
	state.eip = 0x10000;
	state.cs = state.ss = VM86_PAGE >> 4;
	state.eflags |= FLAGS_VM;
	trapped = (struct trap){ .vector = ~0u };
	enter(&state);
	EQUAL(trapped.vector, EXCEPTION_GENERAL);
	EQUAL(trapped.error, 0);
	EQUAL(trapped.eip, (uint32_t)iret_site);
}

CASE(fault_task, "IRET", "with NT and no task to return to, it is #TS at the call", "2.1")
{
	struct state state = user_state(user_call);

	if (ring != 0) {
		skip("only SYSENTER lets a user do this, and outside ring 0 there is none");
		return;
	}
	trapped = (struct trap){ .vector = ~0u };
	__asm__ volatile("pushfl; orl %0, (%%esp); popfl" : : "i"(FLAGS_NT) : "cc", "memory");
	enter(&state);
	EQUAL(trapped.vector, EXCEPTION_TASK);
	EQUAL(trapped.eip, (uint32_t)iret_site);
	EQUAL(trapped.live_flags & FLAGS_NT, 0);
	EQUAL(trapped.eflags & FLAGS_NT, FLAGS_NT);
}
