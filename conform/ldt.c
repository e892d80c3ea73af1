/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The local descriptor table, and the task register. */
#include "conform.h"

#define IN_LDT 4 /* of a selector */
#define LDT_ENTRY(n) ((n) * 8 + IN_LDT + USER_RING)

static uint32_t words[3] = { 0x10101010, 0x20202020, 0x30303030 };

static void load_gs(void *context)
{
	uint32_t *value = context;

	__asm__ volatile("movw %w0, %%gs; movl %%gs:0, %0" : "+r"(*value));
	__asm__ volatile("movl %0, %%gs" : : "r"(0));
}

/* The first word of a segment, or the exception's number. */
static uint32_t first_word(uint32_t selector)
{
	uint32_t value = selector;

	if (catch(load_gs, &value))
		return trapped.vector;
	return value;
}

static struct descriptor data_at(const uint32_t *word)
{
	return segment((uint32_t)word, 3, BYTES, DATA_WRITABLE + DPL(USER_RING));
}

/* As Linux does: its descriptor is written, then it is loaded. */
static void load_ldt(void)
{
	ldt[1] = data_at(&words[0]);
	write_gdt(LOCAL_TABLE, segment((uint32_t)ldt, sizeof ldt - 1, 0, LDT_PRESENT));
	DO(SetLDT, LOCAL_TABLE);
}

static void unload_ldt(void)
{
	DO(SetLDT, 0);
	write_gdt(LOCAL_TABLE, (struct descriptor){ 0, 0 });
}

CASE(ldt_set, "SetLDT", "the table's descriptors can be used", "3.1")
{
	EQUAL(first_word(LDT_ENTRY(1)), EXCEPTION_GENERAL);
	EQUAL(trapped.error, LDT_ENTRY(1) - USER_RING);
	load_ldt();
	EQUAL(first_word(LDT_ENTRY(1)), words[0]);
	unload_ldt();
}

CASE(ldt_none, "SetLDT", "with selector 0 there is no table", "3.1")
{
	load_ldt();
	DO(SetLDT, 0);
	EQUAL(first_word(LDT_ENTRY(1)), EXCEPTION_GENERAL);
	EQUAL((uint32_t)DO(GetLDT) & 0xffff, 0);
	unload_ldt();
}

CASE(ldt_get, "GetLDT", "gives the selector", "3.1")
{
	load_ldt();
	EQUAL((uint32_t)DO(GetLDT) & 0xffff, LOCAL_TABLE);
	unload_ldt();
	EQUAL((uint32_t)DO(GetLDT) & 0xffff, 0);
}

CASE(ldt_write, "WriteLDTEntry", "the new descriptor is what the next load finds", "3.1")
{
	load_ldt();
	for (unsigned i = 1; i < 3; i++) {
		struct descriptor descriptor = data_at(&words[i]);

		DO(WriteLDTEntry, (uint32_t)ldt, 1, descriptor.low, descriptor.high);
		EQUAL(first_word(LDT_ENTRY(1)), words[i]);
	}
	DO(WriteLDTEntry, (uint32_t)ldt, 1, 0, 0);
	EQUAL(first_word(LDT_ENTRY(1)), EXCEPTION_GENERAL);
	unload_ldt();
}

CASE(ldt_index, "WriteLDTEntry", "the entries beside it stay as they were", "3.1")
{
	struct descriptor descriptor = data_at(&words[2]);

	load_ldt();
	DO(WriteLDTEntry, (uint32_t)ldt, 3, descriptor.low, descriptor.high);
	EQUAL(first_word(LDT_ENTRY(3)), words[2]);
	EQUAL(first_word(LDT_ENTRY(1)), words[0]);
	EQUAL(first_word(LDT_ENTRY(2)), EXCEPTION_GENERAL);
	EQUAL(first_word(LDT_ENTRY(4)), EXCEPTION_GENERAL);
	DO(WriteLDTEntry, (uint32_t)ldt, 3, 0, 0);
	unload_ldt();
}

CASE(ldt_user, "WriteLDTEntry", "a user's code segment can be there", "3.1")
{
	struct descriptor code = segment(0, FLAT, CODE_READABLE + DPL(USER_RING));
	struct state state = user_state(user_call);

	load_ldt();
	DO(WriteLDTEntry, (uint32_t)ldt, 2, code.low, code.high);
	state.cs = LDT_ENTRY(2);
	run_user(user_call, &state);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped.cs & 0xffff, LDT_ENTRY(2));
	DO(WriteLDTEntry, (uint32_t)ldt, 2, 0, 0);
	unload_ldt();
}

/* ---- Task register ---- */

CASE(tr_get, "GetTR", "gives the selector", "3.1")
{
	EQUAL((uint32_t)DO(GetTR) & 0xffff, TASK_STATE);
}

CASE(tr_set, "SetTR", "entries from ring 3 go by the new task state", "3.1")
{
	use_task_state(tss_2, TASK_STATE_2);
	set_kernel_stack(kernel_stack_2);
	EQUAL((uint32_t)DO(GetTR) & 0xffff, TASK_STATE_2);
	/* Only natively is the old one without a say from here on. */
	tss[1] = 0x10;
	run_user(user_call, NULL);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped_at, (uint32_t)kernel_stack_2);
	use_task_state(tss, TASK_STATE);
	set_kernel_stack(kernel_stack);
	EQUAL((uint32_t)DO(GetTR) & 0xffff, TASK_STATE);
	run_user(user_call, NULL);
	EQUAL(trapped_at, (uint32_t)kernel_stack);
}

CASE(tr_busy, "SetTR", "in ring 0, marks the descriptor as busy", "3.1")
{
	if (ring != 0) {
		skip("the kernel is not in ring 0");
		return;
	}
	write_gdt(TASK_STATE, segment((uint32_t)tss, sizeof tss - 1, 0, TSS_PRESENT));
	DO(SetTR, TASK_STATE);
	EQUAL(gdt[TASK_STATE / 8].high & 0x0f00, 0x0b00);
}
