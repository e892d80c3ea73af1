/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Attacks from virtual 8086 mode, which IRET of the ROM leads to. */
#include "escape.h"

/* Each ends with "int $0x81" if nothing happens before. */
#define END 0xcd, 0x81
static const struct {
	const char *name;
	uint8_t code[16];
	uint32_t vector, error;
} programs[] = {
	{ "cli", { 0xfa, END }, EX_GP, 0 },
	{ "sti", { 0xfb, END }, EX_GP, 0 },
	{ "pushf", { 0x9c, END }, EX_GP, 0 },
	{ "popf", { 0x9d, END }, EX_GP, 0 },
	{ "iret", { 0xcf, END }, EX_GP, 0 },
	{ "int 80h", { 0xcd, 0x80, END }, EX_GP, 0 },
	{ "int F3h", { 0xcd, ENTRY_VECTOR, END }, EX_GP, 0 },
	{ "int F3h, Reboot", { 0x66, 0xbb, VMI_CALL_Reboot, 0, 0, 0, 0xcd, ENTRY_VECTOR, END }, EX_GP, 0 },
	{ "int3", { 0xcc, END }, EX_BP, ANY },
	{ "hlt", { 0xf4, END }, EX_GP, 0 },
	{ "in", { 0xe4, 0x20, END }, EX_GP, 0 },
	{ "out", { 0xe6, 0xf4, END }, EX_GP, 0 },
	{ "rep outsb", { 0xf3, 0x6e, END }, EX_GP, 0 },
	{ "rep insb", { 0xf3, 0x6c, END }, EX_GP, 0 },
	{ "mov cr0", { 0x0f, 0x22, 0xc0, END }, EX_GP, 0 },
	{ "mov from cr0", { 0x0f, 0x20, 0xc0, END }, EX_GP, 0 },
	{ "mov dr7", { 0x0f, 0x23, 0xf8, END }, EX_GP, 0 },
	{ "lgdt", { 0x0f, 0x01, 0x16, 0, 0, END }, EX_GP, 0 },
	{ "lidt", { 0x0f, 0x01, 0x1e, 0, 0, END }, EX_GP, 0 },
	{ "lldt", { 0x0f, 0x00, 0xd0, END }, EX_UD, ANY },
	{ "ltr", { 0x0f, 0x00, 0xd8, END }, EX_UD, ANY },
	{ "lar", { 0x0f, 0x02, 0xc0, END }, EX_UD, ANY },
	{ "arpl", { 0x63, 0xc0, END }, EX_UD, ANY },
	{ "lmsw", { 0x0f, 0x01, 0xf0, END }, EX_GP, 0 },
	{ "clts", { 0x0f, 0x06, END }, EX_GP, 0 },
	{ "wrmsr", { 0x0f, 0x30, END }, EX_GP, 0 },
	{ "rdmsr", { 0x0f, 0x32, END }, EX_GP, 0 },
	{ "invlpg", { 0x0f, 0x01, 0x3e, 0, 0, END }, EX_GP, 0 },
	{ "sysenter", { 0x0f, 0x34, END }, EX_GP, 0 },
	{ "ud2", { 0x0f, 0x0b, END }, EX_UD, ANY },
	{ "a far jump to FFFF:FFFF", { 0xea, 0xff, 0xff, 0xff, 0xff }, NO_FAULT, ANY },
	{ "a 32-bit offset", { 0x66, 0x67, 0xa1, 0x00, 0x00, 0xc1, 0xff, END }, NO_FAULT, ANY },
	{ "a prefix without end", { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66 }, EX_GP, ANY },
};
#define PROGRAMS (sizeof programs / sizeof *programs)

static void from_v86(uint32_t n)
{
	for (unsigned i = 0; i < PROGRAMS; i++) {
		v86_frame.eflags = 0;
		attempt_v86(programs[i].code, 16);
		if (programs[i].vector == NO_FAULT)
			continue;
		if (fault.vector != programs[i].vector || (programs[i].error != ANY && fault.error != programs[i].error))
			wrong("%s in virtual 8086 mode: vector %x, error code %x", programs[i].name, fault.vector, fault.error);
		if (!(fault.eflags & FLAG_VM))
			wrong("%s: not in virtual 8086 mode", programs[i].name);
	}
	(void)n;
}

/* With a virtual IOPL of 3 the kernel gives its V86 programs cli, sti, and ports by its task state. */
static void with_iopl(uint32_t n)
{
	hypercall(VMI_CALL_SetIOPLMask, 3 << 12, 0, 0, 0, 0);
	for (unsigned i = 0; i < PROGRAMS; i++) {
		v86_frame.eflags = 0;
		attempt_v86(programs[i].code, 16);
		if (fault.vector == NO_FAULT)
			wrong("%s in virtual 8086 mode: no fault", programs[i].name);
	}
	hypercall(VMI_CALL_SetIOPLMask, 0, 0, 0, 0, 0);
	(void)n;
}

static void odd_segments(uint32_t n)
{
	static const uint8_t code[] = { 0xa1, 0x00, 0x00, 0x36, 0xa1, 0x10, 0x00, 0x8e, 0xd8, 0x8e, 0xd0, END };
	static const uint32_t values[] = { 0, 0xffff, MONITOR_DS, MONITOR_CS, 0xffffffff, 0xffc0 };

	for (unsigned i = 0; i < sizeof values / 4; i++)
		for (unsigned k = 0; k < sizeof values / 4; k++) {
			v86_frame.eflags = 0;
			attempt_v86(code, 0);
			v86_frame.ds = v86_frame.es = values[i];
			v86_frame.ss = v86_frame.fs = v86_frame.gs = values[k];
			v86_frame.esp = values[(i + k) % 6];
			attempt_v86(code, sizeof code);
			if (fault.vector == NO_FAULT)
				wrong("no fault");
			/* A fault whose saved segments a kernel would load. */
			must("the hole", write_at, SHADOW_GDT, EX_PF, FAULT_WRITE);
		}
	(void)n;
}

/* Every two bytes that an instruction can begin with. */
static void every_opcode(uint32_t n)
{
	uint8_t code[8] = { 0, 0, 0x06, 0x00, 0x20, END, 0x90 };

	watchdog();
	for (uint32_t i = n * 64; i < (n + 1) * 64; i++)
		for (unsigned k = 0; k < 2; k++) {
			code[0] = k ? 0x0f : (uint8_t)i;
			code[1] = k ? (uint8_t)i : 0xc8;
			v86_frame.eflags = 0;
			attempt_v86(code, 8);
			if (fault.vector == NO_FAULT || (!(fault.eflags & FLAG_VM) && !(fault.cs & 3)))
				wrong("opcode %x: vector %x", i, fault.vector);
		}
	timer_off();
}

/* The kernel's stack is bad when V86 is left. */
static void bad_stack(uint32_t n)
{
	static const uint32_t stacks[] = { 0, 8, SHADOW_GDT, ENTRY_STACK + 0x800, NOWHERE, 0xfffffffc };
	static const uint8_t code[] = { 0xfa };

	*word_at(TASK_ESP1) = stacks[n];
	attempt_v86(code, 1);
}

static void without_stack(uint32_t n)
{
	static const uint8_t code[] = { 0xfa };

	task[2] = 0;
	hypercall(VMI_CALL_SetTR, TASK, 0, 0, 0, 0);
	attempt_v86(code, 1);
	(void)n;
}

const struct attack v86_attacks[] = {
	{ "privileged instructions in virtual 8086 mode", from_v86, NULL, 0, false },
	{ "virtual 8086 mode with IOPL 3", with_iopl, NULL, 0, false },
	{ "virtual 8086 mode with the monitor's selectors", odd_segments, NULL, 0, false },
	{ "every opcode in virtual 8086 mode, %u", every_opcode, NULL, 4, false },
	{ "virtual 8086 mode left to a bad stack, %u", bad_stack, STACK_GONE, 6, false },
	{ "virtual 8086 mode left without a stack segment", without_stack, STOPPED "an exception or interrupt cannot be delivered", 0, false },
	{ NULL, NULL, NULL, 0, false },
};
