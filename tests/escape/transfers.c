/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every instruction that loads a segment register or goes to another segment, with the selectors that lead to ring 0. */
#include "escape.h"

static const uint16_t selectors[] = { MONITOR_CS, MONITOR_DS, MONITOR_TASK, MONITOR_OPEN_TASK, MONITOR_LDT, 0xff70, 0xfff8, 0xfffc,
				      TASK, LDT };
#define SELECTORS (sizeof selectors / sizeof *selectors)

struct pointer {
	uint32_t offset;
	uint16_t selector;
} __attribute__((packed));

#define FAR(name, text) \
	static void name(uint32_t selector) \
	{ \
		const struct pointer to = { address_of(land), (uint16_t)selector }; \
		uint32_t stack = selector; \
\
		__asm__ volatile(text : : "m"(to), "m"(stack), "r"(selector), "r"(to.offset), "r"(0) : "memory"); \
	}
FAR(mov_ds, "movw %w2, %%ds")
FAR(mov_es, "movw %w2, %%es")
FAR(mov_fs, "movw %w2, %%fs")
FAR(mov_gs, "movw %w2, %%gs")
FAR(mov_ss, "movw %w2, %%ss")
FAR(mov_ss_memory, "movw %1, %%ss")
FAR(pop_ds, "pushl %2; popl %%ds")
FAR(pop_es, "pushl %2; popl %%es")
FAR(pop_fs, "pushl %2; popl %%fs")
FAR(pop_gs, "pushl %2; popl %%gs")
FAR(pop_ss, "pushl %2; popl %%ss")
FAR(pop_ss16, "pushw %w2; popw %%ss")
FAR(lds_, "ldsl %0, %%eax")
FAR(les_, "lesl %0, %%eax")
FAR(lss_, "lssl %0, %%esp")
FAR(lfs_, "lfsl %0, %%eax")
FAR(lgs_, "lgsl %0, %%eax")
FAR(jump_far, "ljmp *%0")
FAR(call_far, "lcall *%0")
FAR(return_far, "pushl %2; pushl %3; lret")
FAR(return_far_drop, "pushl %2; pushl %3; lret $8")
FAR(return_far16, "pushw %w2; pushw %w3; lretw")
FAR(iret_, "pushfl; pushl %2; pushl %3; iret")
FAR(iret16, "pushfw; pushw %w2; pushw %w3; iretw")
FAR(iret_outer, "pushl %2; pushl %%esp; pushfl; pushl $0x1b; pushl %3; iret")
FAR(return_outer, "pushl %2; pushl %%esp; pushl $0x1b; pushl %3; lret")
FAR(iret_null, "pushl %2; pushl %%esp; pushfl; pushl %4; pushl %3; iret")

static const struct {
	void (*run)(uint32_t);
	const char *name;
} ways[] = {
	{ mov_ds, "mov ds" }, { mov_es, "mov es" }, { mov_fs, "mov fs" }, { mov_gs, "mov gs" }, { mov_ss, "mov ss" },
	{ mov_ss_memory, "mov ss, memory" }, { pop_ds, "pop ds" }, { pop_es, "pop es" }, { pop_fs, "pop fs" },
	{ pop_gs, "pop gs" }, { pop_ss, "pop ss" }, { pop_ss16, "pop ss, 16" }, { lds_, "lds" }, { les_, "les" }, { lss_, "lss" },
	{ lfs_, "lfs" }, { lgs_, "lgs" }, { jump_far, "ljmp" }, { call_far, "lcall" }, { return_far, "lret" },
	{ return_far_drop, "lret n" }, { return_far16, "lret, 16" }, { iret_, "iret" }, { iret16, "iret, 16" },
	{ iret_outer, "iret to ring 3 and a stack" }, { return_outer, "lret to ring 3 and a stack" },
	{ iret_null, "iret to a null selector" },
};
#define WAYS (sizeof ways / sizeof *ways)

/* The attempt ended with a fault, or where a program stays in ring 3 and has not loaded what was on its stack. */
static bool refused(bool user)
{
	if (user && fault.vector == LANDED_VECTOR)
		return fault.cs == USER_CODE;
	return (fault.cs & 3) &&
	       (fault.vector == EX_GP || fault.vector == EX_TS || fault.vector == EX_NP || fault.vector == EX_SS);
}

/* None of them may be loaded: the processor says so, or the monitor in its place. */
static void toward_ring0(uint32_t n)
{
	for (unsigned w = 0; w < WAYS; w++)
		for (unsigned s = 0; s < SELECTORS; s++)
			for (unsigned rpl = 0; rpl < 4; rpl++) {
				uint32_t selector = selectors[s] | rpl;

				if (n)
					attempt_user(ways[w].run, selector);
				else
					attempt(ways[w].run, selector);
				if (!refused(n))
					wrong("%s, selector %x: vector %x, cs %x", ways[w].name, selector, fault.vector, fault.cs);
			}
}

/* From ring 3 to the kernel's own segments, and from the kernel to programs' by what must not go there. */
static void between_rings(uint32_t n)
{
	(void)n;
	/* Where those of 16 bits come to. */
	*word_at(address_of(land) & 0xffff) = LANDED_VECTOR << 8 | 0xcd;
	for (unsigned w = 0; w < WAYS; w++)
		for (unsigned rpl = 0; rpl < 4; rpl++) {
			/* Programs have no way into the kernel's segments. */
			attempt_user(ways[w].run, (KERNEL_CODE & ~3u) | rpl);
			if (!refused(true))
				wrong("%s to the kernel's code by RPL %u: vector %x", ways[w].name, rpl, fault.vector);
			attempt_user(ways[w].run, (KERNEL_DATA & ~3u) | rpl);
			if (!refused(true))
				wrong("%s to the kernel's data by RPL %u: vector %x", ways[w].name, rpl, fault.vector);
		}
	for (unsigned w = 17; w < WAYS; w++)
		for (unsigned rpl = 0; rpl < 4; rpl++) {
			attempt(ways[w].run, (USER_CODE & ~3u) | rpl);
			attempt(ways[w].run, (KERNEL_CODE & ~3u) | rpl);
			attempt(ways[w].run, (KERNEL_DATA & ~3u) | rpl);
			attempt(ways[w].run, (USER_DATA & ~3u) | rpl);
			if (fault.vector != NO_FAULT && !(fault.cs & 3))
				wrong("%s by RPL %u: ring 0", ways[w].name, rpl);
		}
}

/* Ring 2 is nobody's. */
static void enter_ring2(uint32_t eip)
{
	__asm__ volatile("pushl %0; pushl %1; pushl %2; pushl %3; pushl %4; iret"
			 : : "r"(SPARE + 8 + 2), "r"(address_of(user_stack_top)), "r"(FLAGS_ON), "r"(SPARE + 2), "r"(eip));
}

static void ring2(uint32_t n)
{
	flat_descriptor(SPARE, 0xdb);
	flat_descriptor(SPARE + 8, 0xd3);
	must("ring 2", enter_ring2, address_of(land), LANDED_VECTOR, 0);
	if (fault.cs != SPARE + 2)
		wrong("ring 2 is %x", fault.cs);
	attempt(enter_ring2, address_of(n ? page_fault : general));
}

/* Nested tasks: iret goes by the link of the task state, which is the monitor's. */
static void nested_iret(uint32_t n)
{
	__asm__ volatile("pushfl; orl $0x4000, (%%esp); popfl; iret" : : "a"(n) : "memory");
}

static void nested_int80(uint32_t n)
{
	__asm__ volatile("pushfl; orl $0x4000, (%%esp); popfl; int $0x81" : : "a"(n) : "memory");
}

static void nested_call(uint32_t n)
{
	__asm__ volatile("pushfl; orl $0x4000, (%%esp); popfl; int %1; pushfl; andl $~0x4000, (%%esp); popfl"
			 : "+a"(n) : "i"(ENTRY_VECTOR), "b"(VMI_CALL_GetTR) : "ecx", "edx", "memory");
}

static void nested_tasks(uint32_t n)
{
	uint32_t links[] = { MONITOR_TASK, MONITOR_OPEN_TASK, TASK, 0xffff };

	(void)n;
	for (unsigned i = 0; i < 4; i++) {
		task[0] = links[i];
		must("iret of a nested task", nested_iret, 0, EX_TS, ANY);
		must_user("iret of a nested task", nested_iret, 0, EX_TS, ANY);
		must("int of a nested task", nested_int80, 0, LANDED_VECTOR, 0);
		must("a call of a nested task", nested_call, 0, NO_FAULT, 0);
		must("a fault", general, 0, EX_GP, 0);
	}
	user_flags = FLAGS_ON | FLAG_NT;
	must_user("int 80h of a nested task", int80, 0, NO_FAULT, 0);
	must_user("a page fault of a nested task", read_at, NOWHERE, EX_PF, FAULT_USER);
	must_user("a fault of a nested task", general, 0, EX_GP, 0);
	user_flags = FLAGS_ON;
}

/* The task register by everything that is no task state, and then the guest's again. */
static void ltr_(uint32_t selector)
{
	__asm__ volatile("ltr %w0" : : "r"(selector));
}

static void lldt_(uint32_t selector)
{
	__asm__ volatile("lldt %w0" : : "r"(selector));
}

static void task_registers(uint32_t n)
{
	(void)n;
	for (uint32_t selector = 0; selector < 0x10000; selector += 4 * 13) {
		if ((selector & ~7u) != TASK || (selector & 4))
			must("ltr", ltr_, selector, EX_GP, selector & 0xfffc);
		if (selector && ((selector & ~7u) != LDT || (selector & 4)))
			must("lldt", lldt_, selector, EX_GP, selector & 0xfffc);
	}
}

static void set_tr_call(uint32_t n)
{
	static const uint32_t bad[] = { 0, MONITOR_TASK, KERNEL_CODE, LDT, 0xffff };

	hypercall(VMI_CALL_SetTR, bad[n], 0, 0, 0, 0);
}

static void set_ldt_call(uint32_t n)
{
	static const uint32_t bad[] = { MONITOR_LDT, KERNEL_CODE, TASK, 0xffff, 4 };

	hypercall(VMI_CALL_SetLDT, bad[n], 0, 0, 0, 0);
}

const struct attack transfer_attacks[] = {
	{ "every far transfer toward ring 0, from ring %u", toward_ring0, NULL, 2, false },
	{ "every far transfer toward ring 0, before Init, %u", toward_ring0, NULL, 2, true },
	{ "every far transfer between ring 1 and ring 3", between_rings, NULL, 0, false },
	{ "ring 2, %u", ring2, STOPPED, 2, false },
	{ "nested tasks", nested_tasks, NULL, 0, false },
	{ "LTR and LLDT with every selector", task_registers, NULL, 0, false },
	{ "SetTR of what is no task state, %u", set_tr_call, STOPPED "SetTR", 5, false },
	{ "SetLDT of what is no LDT, %u", set_ldt_call, STOPPED "SetLDT", 5, false },
	{ NULL, NULL, NULL, 0, false },
};
