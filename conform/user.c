/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Programs in ring 3: a few instructions each (entry.S), which end with a trap. */
#include "conform.h"

struct state user_state(const void *program)
{
	return (struct state){ .eax = 0x1a1a1a1a, .ecx = 0x3c3c3c3c, .edx = 0x4d4d4d4d, .ebx = 0x2b2b2b2b, .ebp = 0x5e5e5e5e,
			       .esi = 0x6f6f6f6f, .edi = 0x70707070, .segments = USER_DATA + USER_RING, .words = 5,
			       .eip = AT_USER((const uint8_t *)program), .cs = USER_CODE + USER_RING,
			       .eflags = FLAGS_FIXED + FLAGS_IF, .esp = USER_STACK_PAGE + PAGE_SIZE,
			       .ss = USER_DATA + USER_RING, .site = (uint32_t)iret_site };
}

void run_user(const void *program, struct state *state)
{
	struct state fresh = user_state(program);

	trapped = (struct trap){ .vector = ~0u };
	enter(state ? state : &fresh);
}

unsigned user_read_at(uint32_t address, uint32_t *value)
{
	struct state state = user_state(user_read);

	state.ebx = address;
	run_user(user_read, &state);
	*value = trapped.eax;
	return trapped.vector;
}

unsigned user_write_at(uint32_t address, uint32_t value)
{
	struct state state = user_state(user_write);

	state.ebx = address;
	state.eax = value;
	run_user(user_write, &state);
	return trapped.vector;
}
