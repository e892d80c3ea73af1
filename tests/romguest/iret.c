/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* IRET and SYSEXIT: the ROM's against the processor's, for good frames and bad ones. */
#include "guest.h"

#define CALL_SIZE 5
#define FLAGS 0x002              /* always set */
#define IF 0x200
#define NT 0x4000
#define RF 0x10000
#define VM 0x20000
#define IOPL3 0x3000
#define VM86_CODE 0x7000

static const struct frame {
	const char *name;
	uint32_t eip, cs, eflags, esp, ss, vm86[4];
	uint32_t try_eflags;
	int only_rom; /* QEMU's iret does not do as the processor manuals say */
	uint32_t vector, error;
} frames[] = {
	{ .name = "to ring 3", .cs = USER_CS, .eflags = IF, .ss = USER_DS, .vector = 0x80 },
	{ .name = "to ring 3 by conforming code", .cs = 0x63, .ss = USER_DS, .vector = 0x80 },
	{ .name = "to ring 3 by conforming code of ring 0", .cs = 0x4b, .ss = USER_DS, .vector = 0x80 },
	{ .name = "to ring 0", .cs = KERNEL_CS, .vector = 0x80 },
	{ .name = "to ring 0 by another segment", .cs = 0x48, .vector = 0x80 },
	{ .name = "to virtual 8086 mode", .eip = VM86_CODE & 15, .cs = VM86_CODE >> 4, .eflags = VM + IOPL3, .esp = 0x1000,
	  .ss = 0x600, .vector = 0x80 },
	{ .name = "no CS", .cs = 3, .ss = USER_DS, .vector = 13 },
	{ .name = "CS 0", .cs = 0, .vector = 13 },
	{ .name = "CS beyond the GDT", .cs = 0xff3, .ss = USER_DS, .vector = 13 },
	{ .name = "CS in no LDT", .cs = 0x0f, .ss = USER_DS, .vector = 13 },
	{ .name = "CS is data", .cs = USER_DS, .ss = USER_DS, .vector = 13 },
	{ .name = "CS is a task state", .cs = TSS_SELECTOR, .vector = 13 },
	{ .name = "CS of ring 0 with RPL 3", .cs = KERNEL_CS + 3, .ss = USER_DS, .vector = 13 },
	{ .name = "CS of ring 3 with RPL 0", .cs = USER_CS - 3, .vector = 13 },
	{ .name = "CS of ring 1 with RPL 3", .cs = 0x73, .ss = USER_DS, .vector = 13 },
	{ .name = "CS conforming of ring 3 with RPL 1", .cs = 0x61, .ss = 0x21, .vector = 13 },
	{ .name = "CS not present", .cs = 0x33, .ss = USER_DS, .vector = 11 },
	{ .name = "CS of ring 0 not present", .cs = 0x68, .vector = 11 },
	{ .name = "EIP beyond CS", .cs = 0x43, .ss = USER_DS, .only_rom = 1, .vector = 13 },
	{ .name = "EIP beyond CS of ring 0", .cs = 0x58, .only_rom = 1, .vector = 13 },
	{ .name = "EIP and SS bad", .cs = 0x43, .ss = 0x53, .vector = 13 },
	{ .name = "no SS", .cs = USER_CS, .ss = 3, .vector = 13 },
	{ .name = "SS 0", .cs = USER_CS, .ss = 0, .vector = 13 },
	{ .name = "SS beyond the GDT", .cs = USER_CS, .ss = 0xff3, .vector = 13 },
	{ .name = "SS with another RPL", .cs = USER_CS, .ss = KERNEL_DS, .vector = 13 },
	{ .name = "SS of ring 0", .cs = USER_CS, .ss = KERNEL_DS + 3, .vector = 13 },
	{ .name = "SS is code", .cs = USER_CS, .ss = USER_CS, .vector = 13 },
	{ .name = "SS is read only", .cs = USER_CS, .ss = 0x53, .vector = 13 },
	{ .name = "SS not present", .cs = USER_CS, .ss = 0x3b, .only_rom = 1, .vector = 12, .error = 0x38 },
	{ .name = "EIP beyond 64 KiB in virtual 8086 mode", .eip = 0x10000, .cs = VM86_CODE >> 4, .eflags = VM + IOPL3,
	  .esp = 0x1000, .ss = 0x600, .only_rom = 1, .vector = 13 },
	{ .name = "NT without an older task", .cs = USER_CS, .ss = USER_DS, .try_eflags = NT, .vector = 10 },
};

static int same(const struct trap *native, const struct trap *ours, const struct frame *frame)
{
	const uint32_t *a = (const uint32_t *)native, *b = (const uint32_t *)ours;
	int good = 1;

	for (unsigned i = 0; i < sizeof *native / 4; i++) {
		uint32_t wanted = a[i];

		if (i == offsetof(struct trap, eip) / 4 && frame->vector != 0x80)
			wanted = (uint32_t)rom_iret_call;
		/* The processor sets RF, and QEMU does not. */
		if (b[i] != wanted && !(i == offsetof(struct trap, eflags) / 4 && b[i] == (wanted | RF))) {
			say("# word %u is %x, not %x\n", i, b[i], wanted);
			good = 0;
		}
	}
	return good;
}

static void try_one(const struct frame *frame, int trap_gate, uint32_t interrupt_flag)
{
	uint32_t words[9] = { frame->eip, frame->cs, frame->eflags | FLAGS, frame->esp, frame->ss };
	unsigned count = frame->eflags & VM ? 9 : 5;
	struct trap native;

	if (!frame->eip && !(frame->eflags & VM))
		words[0] = (uint32_t)user_code;
	if (!frame->esp)
		words[3] = (uint32_t)words; /* never used */
	for (unsigned vector = 10; vector <= 13; vector++)
		set_gate(vector, trap_gate, 0);
	try_eflags = frame->try_eflags | interrupt_flag | 0x8d5; /* and all arithmetic flags */
	last_trap = (struct trap){ 0 };
	if (frame->only_rom) {
		try_iret(words, count, 1);
		ok(last_trap.vector == frame->vector && last_trap.error == frame->error && last_trap.eip == (uint32_t)rom_iret_call,
		   "IRET: %s", frame->name);
		return;
	}
	try_iret(words, count, 0);
	native = last_trap;
	last_trap = (struct trap){ 0 };
	try_iret(words, count, 1);
	ok(native.vector == frame->vector && same(&native, &last_trap, frame), "IRET: %s (exception %u, error %x)%s%s",
	   frame->name, native.vector, native.error, trap_gate ? ", trap gate" : "", interrupt_flag ? ", IF" : "");
}

static void patch(uint8_t *site, unsigned call)
{
	uint32_t distance = target(call) - (uint32_t)(site + CALL_SIZE);

	__builtin_memcpy(site + 1, &distance, 4);
}

void test_iret(void)
{
	uint32_t counted = counters ? counters[VMI_CALL_IRET] : 0, tries = 0;

	patch(rom_iret_call, VMI_CALL_IRET);
	patch(rom_sysexit_call, VMI_CALL_SYSEXIT);
	__builtin_memcpy((void *)VM86_CODE, user_code, 2);
	for (unsigned i = 0; i < sizeof frames / sizeof frames[0]; i++)
		for (int gate = 0; gate < 2; gate++)
			for (uint32_t flag = 0; flag <= IF; flag += IF, tries++)
				try_one(&frames[i], gate, flag);
	if (counters)
		ok(counters[VMI_CALL_IRET] == counted + tries, "IRET was counted %u times", tries);

	__asm__ volatile("wrmsr" : : "c"(0x174), "a"(KERNEL_CS), "d"(0));
	try_sysexit((uint32_t)user_code, 0x12345678);
	ok(last_trap.vector == 0x80 && last_trap.cs == USER_CS && last_trap.user_ss == USER_DS &&
	   last_trap.user_esp == 0x12345678 && last_trap.eip == (uint32_t)user_code + 2,
	   "SYSEXIT goes where it should");
	ok((last_trap.eflags & IF) && last_trap.eax == 0x1a1a1a1a && last_trap.ebx == 0x2b2b2b2b &&
	   last_trap.ebp == 0x5e5e5e5e && last_trap.esi == 0x6f6f6f6f && last_trap.edi == 0x70707070,
	   "SYSEXIT keeps registers and enables interrupts");
	__asm__ volatile("cli");
}
