/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The stack on which the kernel is entered, and the privilege of users to use ports. */
#include "conform.h"

#define SCRATCH_PORT 0x3ff

CASE(stack_new, "UpdateKernelStack", "the next entry from ring 3 is on the new stack", "3.1")
{
	for (int i = 0; i < 2; i++) {
		set_kernel_stack(kernel_stack_2);
		run_user(user_call, NULL);
		EQUAL(trapped.vector, SYSTEM_CALL);
		EQUAL(trapped_at, (uint32_t)kernel_stack_2);
		set_kernel_stack(kernel_stack);
		run_user(user_call, NULL);
		EQUAL(trapped.vector, SYSTEM_CALL);
		EQUAL(trapped_at, (uint32_t)kernel_stack);
	}
}

CASE(stack_exception, "UpdateKernelStack", "so are exceptions, and calls by a trap gate", "3.1")
{
	uint32_t value;

	set_kernel_stack(kernel_stack_2);
	EQUAL(user_read_at(USER_TEST, &value), EXCEPTION_PAGE);
	EQUAL(trapped_at, (uint32_t)kernel_stack_2);
	run_user(user_trap, NULL);
	EQUAL(trapped_at, (uint32_t)kernel_stack_2);
	set_kernel_stack(kernel_stack);
	run_user(user_trap, NULL);
	EQUAL(trapped_at, (uint32_t)kernel_stack);
	EQUAL(user_read_at(USER_TEST, &value), EXCEPTION_PAGE);
	EQUAL(trapped_at, (uint32_t)kernel_stack);
}

CASE(stack_any, "UpdateKernelStack", "EAX is ignored, and any stack that is aligned to 4 will do", "7")
{
	for (uint32_t off = 4; off <= 16; off += 4) {
		tss[1] = (uint32_t)kernel_stack_2 - off;
		DO(UpdateKernelStack, KERNEL_DATA, (uint32_t)kernel_stack_2 - off);
		run_user(user_call, NULL);
		EQUAL(trapped_at, (uint32_t)kernel_stack_2 - off);
	}
	set_kernel_stack(kernel_stack);
}

CASE(stack_segment, "UpdateKernelStack", "the kernel starts in its own ring, on its own stack segment", "3.1")
{
	uint32_t cs, ss;

	run_user(user_call, NULL);
	__asm__ volatile("movl %%cs, %0; movl %%ss, %1" : "=r"(cs), "=r"(ss));
	EQUAL(cs & 3, ring);
	EQUAL(ss, KERNEL_DATA + ring);
	EQUAL(trapped.ss & 0xffff, USER_DATA + USER_RING);
	EQUAL(trapped.esp, USER_STACK_PAGE + PAGE_SIZE);
}

/* ---- IOPL ---- */

/* How a user's port access ends, with that privilege. Natively IRET sets it too. */
static unsigned user_port(uint32_t level)
{
	struct state state = user_state(user_in);

	outb(SCRATCH_PORT, 0x69);
	state.edx = SCRATCH_PORT;
	state.eflags |= level << 12;
	DO(SetIOPLMask, level << 12);
	run_user(user_in, &state);
	return trapped.vector;
}

CASE(iopl_three, "SetIOPLMask", "with 3, a user may use ports", "4.8")
{
	if (!have_serial) {
		skip("there is no serial port to try it on");
		return;
	}
	EQUAL(user_port(3), SYSTEM_CALL);
	EQUAL(trapped.eax & 0xff, 0x69);
	DO(SetIOPLMask, 0);
}

CASE(iopl_none, "SetIOPLMask", "with 0, a user may not, before that and after it", "4.8")
{
	EQUAL(user_port(0), EXCEPTION_GENERAL);
	EQUAL(trapped.error, 0);
	EQUAL(trapped.eip, AT_USER(user_in));
	user_port(3);
	EQUAL(user_port(0), EXCEPTION_GENERAL);
}

static uint32_t flags(void)
{
	uint32_t value;

	__asm__ volatile("pushfl; popl %0" : "=r"(value));
	return value;
}

CASE(iopl_native, "SetIOPLMask", "in ring 0 it is the field in EFLAGS, and nothing else there changes", "3.5")
{
	uint32_t before;

	if (ring != 0) {
		skip("the kernel is not in ring 0");
		return;
	}
	before = flags() & ~(FLAGS_IOPL | FLAGS_ARITHMETIC);
	for (uint32_t level = 0; level < 4; level++) {
		DO(SetIOPLMask, level << 12);
		EQUAL(flags() & ~FLAGS_ARITHMETIC, before | level << 12);
	}
	DO(SetIOPLMask, 0);
	EQUAL(flags() & ~FLAGS_ARITHMETIC, before);
}

CASE(iopl_kernel, "SetIOPLMask", "the interrupt mask works with every level", "4.8")
{
	for (uint32_t level = 0; level < 4; level++) {
		DO(SetIOPLMask, level << 12);
		DO(EnableInterrupts);
		EQUAL((uint32_t)DO(GetInterruptMask) & VMI_MASK_ENABLED, VMI_MASK_ENABLED);
		DO(DisableInterrupts);
		EQUAL((uint32_t)DO(GetInterruptMask) & VMI_MASK_ENABLED, 0);
	}
	DO(SetIOPLMask, 0);
}
