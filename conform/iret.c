/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* IRET to every kind of place, and SYSEXIT. Each comes back by a trap, whose frame tells where it had gone. */
#include "conform.h"

#define DR6_STEP 0x4000
#define CPUID_SEP 0x800
#define MSR_SYSENTER_CS 0x174

static struct state kernel_state(const void *code, uint32_t flags)
{
	struct state state = user_state(user_call);

	state.words = 3;
	state.eip = (uint32_t)code;
	state.cs = KERNEL_CODE + ring;
	state.eflags = FLAGS_FIXED + flags;
	return state;
}

static void go(const struct state *state)
{
	trapped = (struct trap){ .vector = ~0u };
	enter(state);
}

/* All that the state had, but EAX if it is asked into. */
static void check_registers(const struct state *state, bool eax)
{
	if (eax)
		EQUAL(trapped.eax, state->eax);
	EQUAL(trapped.ecx, state->ecx);
	EQUAL(trapped.edx, state->edx);
	EQUAL(trapped.ebx, state->ebx);
	EQUAL(trapped.ebp, state->ebp);
	EQUAL(trapped.esi, state->esi);
	EQUAL(trapped.edi, state->edi);
}

CASE(iret_user, "IRET", "goes to ring 3, with the stack of the frame and all registers", "3.3")
{
	struct state state = user_state(user_call);

	state.esp = 0x12345678;
	go(&state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped.cs & 0xffff, USER_CODE + USER_RING);
	EQUAL(trapped.ss & 0xffff, USER_DATA + USER_RING);
	EQUAL(trapped.eip, AT_USER(user_call) + 2);
	EQUAL(trapped.esp, 0x12345678);
	EQUAL(trapped_at, (uint32_t)kernel_stack);
	check_registers(&state, true);
}

CASE(iret_user_segments, "IRET", "leaves DS and ES as they were", "3.3")
{
	struct state state = user_state(user_call);

	go(&state);
	EQUAL(trapped.ds & 0xffff, USER_DATA + USER_RING);
	EQUAL(trapped.es & 0xffff, USER_DATA + USER_RING);
	state.segments = USER_DATA_2 + USER_RING;
	go(&state);
	EQUAL(trapped.ds & 0xffff, USER_DATA_2 + USER_RING);
	EQUAL(trapped.es & 0xffff, USER_DATA_2 + USER_RING);
}

CASE(iret_far_segments, "IRET", "needs no flat DS and ES, and leaves them so", "2")
{
	struct state state = user_state(user_call);

	state.segments = FAR_DATA + USER_RING;
	go(&state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped.ds & 0xffff, FAR_DATA + USER_RING);
	EQUAL(trapped.es & 0xffff, FAR_DATA + USER_RING);
	check_registers(&state, true);
	state.segments = 0;
	go(&state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped.ds & 0xffff, 0);
	EQUAL(trapped.es & 0xffff, 0);
	check_registers(&state, true);
}

CASE(iret_user_flags, "IRET", "restores the arithmetic flags and the direction flag", "3.3")
{
	struct state state = user_state(user_call);

	state.eflags |= FLAGS_ARITHMETIC | FLAGS_DF;
	go(&state);
	EQUAL(trapped.eflags & (FLAGS_ARITHMETIC | FLAGS_DF), FLAGS_ARITHMETIC | FLAGS_DF);
	state.eflags = FLAGS_FIXED | FLAGS_IF;
	go(&state);
	EQUAL(trapped.eflags & (FLAGS_ARITHMETIC | FLAGS_DF), 0);
}

CASE(iret_user_interrupts, "IRET", "interrupts are on in ring 3, where one that waits is delivered", "3.3")
{
	struct state state = user_state(user_call);

	if (!have_serial) {
		skip("there is no serial port to interrupt");
		return;
	}
	unmask(IRQ_SERIAL);
	raise_serial();
	EQUAL(interrupts[IRQ_BASE + 4], 0);
	go(&state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(interrupts[IRQ_BASE + 4], 1);
	EQUAL(trapped.eflags & FLAGS_IF, FLAGS_IF);
	check_registers(&state, true);
}

CASE(iret_user_after, "IRET", "interrupts are off again behind an interrupt gate, and nothing comes", "3.3")
{
	struct state state = user_state(user_call);

	if (!have_serial) {
		skip("there is no serial port to interrupt");
		return;
	}
	go(&state);
	unmask(IRQ_SERIAL);
	raise_serial();
	spin(2);
	EQUAL(interrupts[IRQ_BASE + 4], 0);
}

CASE(iret_user_stack, "IRET", "goes to ring 3 with another SS", "3.3")
{
	struct state state = user_state(user_call);

	state.ss = USER_DATA_2 + USER_RING;
	go(&state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped.ss & 0xffff, USER_DATA_2 + USER_RING);
	check_registers(&state, true);
}

CASE(iret_user_step, "IRET", "with TF, one instruction runs in ring 3", "3.3")
{
	struct state state = user_state(user_step);

	DO(SetDR, 6, 0xffff0ff0);
	state.eflags |= FLAGS_TF;
	go(&state);
	EQUAL(trapped.vector, EXCEPTION_DEBUG);
	EQUAL(trapped.eip, AT_USER(user_step) + 1);
	EQUAL(trapped.eflags & FLAGS_TF, FLAGS_TF);
	EQUAL(trapped.live_flags & FLAGS_TF, 0);
	if (ring == 0)
		EQUAL((uint32_t)DO(GetDR, 6) & DR6_STEP, DR6_STEP);
	DO(SetDR, 6, 0xffff0ff0);
}

CASE(iret_user_conforming, "IRET", "goes to conforming code of ring 3, and of the kernel's ring", "3.3")
{
	struct state state = user_state(user_call);

	state.cs = USER_CONFORMING_CODE + USER_RING;
	go(&state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped.cs & 0xffff, USER_CONFORMING_CODE + USER_RING);
	state.cs = CONFORMING_CODE + USER_RING;
	go(&state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped.cs & 0xffff, CONFORMING_CODE + USER_RING);
}

/* ---- In the kernel ---- */

CASE(iret_kernel, "IRET", "goes to the kernel's own ring, and stays on its stack", "3.3")
{
	struct state state = kernel_state(kernel_code, 0);
	uint32_t counted = counters ? counters[VMI_CALL_IRET] : 0;

	go(&state);
	if (counters)
		EQUAL(counters[VMI_CALL_IRET] - counted, 1);
	EQUAL(trapped.vector, KERNEL_CALL);
	EQUAL(trapped.cs & 0xffff, KERNEL_CODE + ring);
	EQUAL(trapped.eip, (uint32_t)kernel_code + 2);
	CHECK(trapped_at <= (uint32_t)stack_top && trapped_at > (uint32_t)stack_top - 3 * PAGE_SIZE);
	check_registers(&state, true);
}

CASE(iret_kernel_segment, "IRET", "goes to another code segment of the kernel's ring", "3.3")
{
	struct state state = kernel_state(kernel_code, 0);

	state.cs = KERNEL_CODE_2 + ring;
	go(&state);
	EQUAL(trapped.vector, KERNEL_CALL);
	EQUAL(trapped.cs & 0xffff, KERNEL_CODE_2 + ring);
}

CASE(iret_kernel_off, "IRET", "in the kernel, IF 0 in the frame leaves interrupts off", "3.3")
{
	struct state state = kernel_state(kernel_ask_code, 0);

	go(&state);
	EQUAL(trapped.vector, KERNEL_CALL);
	EQUAL(trapped.eax & VMI_MASK_ENABLED, 0);
	EQUAL(trapped.eflags & FLAGS_IF, 0);
	check_registers(&state, false);
}

CASE(iret_kernel_on, "IRET", "in the kernel, IF 1 in the frame switches interrupts on", "3.3")
{
	struct state state = kernel_state(kernel_ask_code, FLAGS_IF);

	go(&state);
	EQUAL(trapped.vector, KERNEL_CALL);
	EQUAL(trapped.eax & VMI_MASK_ENABLED, VMI_MASK_ENABLED);
	EQUAL(trapped.eflags & FLAGS_IF, FLAGS_IF);
	EQUAL(trapped_mask, 0);
	check_registers(&state, false);
}

CASE(iret_kernel_on_to_off, "IRET", "in the kernel, IF 0 in the frame switches interrupts off", "3.3")
{
	struct state state = kernel_state(kernel_ask_code, 0);

	DO(EnableInterrupts);
	go(&state);
	EQUAL(trapped.eax & VMI_MASK_ENABLED, 0);
}

CASE(iret_kernel_pending, "IRET", "in the kernel, delivers what waits if it switches interrupts on, else not", "3.3")
{
	struct state state = kernel_state(kernel_code, 0);

	if (!have_serial) {
		skip("there is no serial port to interrupt");
		return;
	}
	unmask(IRQ_SERIAL);
	raise_serial();
	go(&state);
	EQUAL(interrupts[IRQ_BASE + 4], 0);
	state.eflags |= FLAGS_IF;
	go(&state);
	EQUAL(interrupts[IRQ_BASE + 4], 1);
	EQUAL(trapped.vector, KERNEL_CALL);
	check_registers(&state, true);
}

CASE(iret_kernel_trap, "IRET", "in the kernel, a trap gate leaves interrupts on", "3.1")
{
	struct state state = kernel_state(kernel_trap_code, FLAGS_IF);

	go(&state);
	EQUAL(trapped.vector, KERNEL_TRAP);
	EQUAL(trapped_mask, VMI_MASK_ENABLED);
	EQUAL(trapped.eflags & FLAGS_IF, FLAGS_IF);
	state.eflags &= ~FLAGS_IF;
	go(&state);
	EQUAL(trapped.vector, KERNEL_TRAP);
	EQUAL(trapped_mask, 0);
}

CASE(iret_kernel_step, "IRET", "in the kernel, with TF one instruction runs", "3.3")
{
	struct state state = kernel_state(kernel_step_code, FLAGS_TF);

	go(&state);
	EQUAL(trapped.vector, EXCEPTION_DEBUG);
	EQUAL(trapped.eip, (uint32_t)kernel_step_code + 1);
	EQUAL(trapped.eflags & FLAGS_TF, FLAGS_TF);
	EQUAL(trapped.live_flags & FLAGS_TF, 0);
	DO(SetDR, 6, 0xffff0ff0);
}

/* ---- Virtual 8086 mode ---- */

CASE(iret_vm86, "IRET", "goes to virtual 8086 mode, with all segment registers of the frame", "3.3")
{
	struct state state = user_state(user_call);

	state.words = 9;
	state.eip = 0;
	state.cs = VM86_PAGE >> 4;
	state.eflags = FLAGS_FIXED + FLAGS_IF + FLAGS_VM;
	state.esp = 0x800;
	state.ss = VM86_PAGE >> 4;
	state.vm_es = 0x1111;
	state.vm_ds = 0x2222;
	state.vm_fs = 0x3333;
	state.vm_gs = 0x4444;
	go(&state);
	EQUAL(trapped.vector, EXCEPTION_OPCODE);
	EQUAL(trapped.eflags & FLAGS_VM, FLAGS_VM);
	EQUAL(trapped.eip, 0);
	EQUAL(trapped.cs & 0xffff, VM86_PAGE >> 4);
	EQUAL(trapped.esp, 0x800);
	EQUAL(trapped.ss & 0xffff, VM86_PAGE >> 4);
	EQUAL(trapped.vm_es & 0xffff, 0x1111);
	EQUAL(trapped.vm_ds & 0xffff, 0x2222);
	EQUAL(trapped.vm_fs & 0xffff, 0x3333);
	EQUAL(trapped.vm_gs & 0xffff, 0x4444);
	EQUAL(trapped_at, (uint32_t)kernel_stack);
	check_registers(&state, true);
}

/* ---- SYSEXIT ---- */

static bool no_sysexit(void)
{
	struct registers r = REGISTERS(.eax = 1, .ecx = 0);

	make(VMI_CALL_CPUID, &r, 0, 0);
	if (!(r.edx & CPUID_SEP))
		skip("CPUID says that there is none");
	return !(r.edx & CPUID_SEP);
}

static void sysexit(struct state *state)
{
	struct registers r = REGISTERS(.ecx = MSR_SYSENTER_CS, .eax = KERNEL_CODE + ring, .edx = 0);

	make(VMI_CALL_WRMSR, &r, 0, 0);
	*state = user_state(user_call);
	state->words = 1; /* a word that nobody looks at */
	state->edx = AT_USER(user_call);
	state->ecx = USER_STACK_PAGE + 0x120;
	state->site = (uint32_t)sysexit_site;
	go(state);
}

CASE(sysexit_goes, "SYSEXIT", "goes to EDX in ring 3 with the stack ECX, and keeps the other registers", "3.3")
{
	struct state state;

	if (no_sysexit())
		return;
	sysexit(&state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped.cs & 0xffff, USER_CODE + USER_RING);
	EQUAL(trapped.ss & 0xffff, USER_DATA + USER_RING);
	EQUAL(trapped.eip, AT_USER(user_call) + 2);
	EQUAL(trapped.esp, USER_STACK_PAGE + 0x120);
	check_registers(&state, true);
}

CASE(sysexit_enables, "SYSEXIT", "enables interrupts, and what waits is delivered", "3.3")
{
	struct state state;

	if (no_sysexit())
		return;
	unmask(IRQ_SERIAL);
	if (have_serial)
		raise_serial();
	sysexit(&state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped.eflags & FLAGS_IF, FLAGS_IF);
	if (have_serial)
		EQUAL(interrupts[IRQ_BASE + 4], 1);
}
