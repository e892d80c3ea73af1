/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Calls: every number, with arguments that point nowhere, into the hole and around the end of memory. */
#include "escape.h"

static const uint32_t wild[] = { VIRTUAL_TOP, SHADOW_GDT, 0xffffffff, 0xfffffffc, 0xffbffffe, NOWHERE, 0xd0000, 0, 0x80000000, 0x100000,
				 IMAGE_CODE, STUB_DATA, TASK_STATE, 0xff88 };
#define WILD (sizeof wild / sizeof *wild)

/* One number, and its arguments all wild; what ends the guest ends the boot. */
static void any_call(uint32_t number, uint32_t n)
{
	hypercall(number, wild[n % WILD], wild[(n * 5 + 1) % WILD], wild[(n * 3 + 2) % WILD], wild[(n * 11 + 3) % WILD],
		  wild[(n * 13 + 4) % WILD]);
}

static void every_call(uint32_t number)
{
	if (number == VMI_CALL_Halt)
		timer(1000);
	for (unsigned n = 0; n < 2 * WILD; n++)
		any_call(number, n);
}

static void no_such_call(uint32_t n)
{
	static const uint32_t numbers[] = { VMI_CALL_COUNT, 0x7f, 0xff, 0x104, 0x110, 0x7fffffff, 0xffffffff, VMI_CALL_SetLazyMode,
					    VMI_CALL_CPUID };

	hypercall(numbers[n], 0, 0, 0, 0, 0);
}

/* The ROM's own functions, with the same. */
static void every_function(uint32_t number)
{
	uint32_t function = rom_function(number);

	if (!function || number == VMI_CALL_IRET || number == VMI_CALL_SYSEXIT)
		return;
	if (number == VMI_CALL_Halt)
		timer(1000);
	/* Strings of ports take as long as they are: ECX. */
	for (unsigned n = 0; n < 2 * WILD; n++)
		rom_call(function, wild[n % WILD], wild[(n * 5 + 1) % WILD],
			 wild[(n * 3 + 2) % WILD] & (number >= VMI_CALL_INL && number <= VMI_CALL_OUTSW ? 0xfff : 0xffffffff),
			 wild[(n * 11 + 3) % WILD], wild[(n * 13 + 4) % WILD]);
}

static void get_relocations(uint32_t n)
{
	(void)n;
	for (uint32_t number = 0; number < 0x200; number++)
		rom_function(number);
	for (unsigned i = 0; i < 1000; i++)
		rom_function(random32());
}

static void init_again(uint32_t n)
{
	(void)n;
	for (unsigned i = 0; i < 50; i++) {
		if (i == 20)
			hypercall(VMI_CALL_SetLinearMapping, 0, 0xffc00000, 0xffffffff, 0xfffff, 0);
		if (rom_init())
			wrong("Init refuses the second time");
	}
	hypercall(ENTRY_INIT, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff);
}

/* ---- Descriptor tables by calls ---- */

static void table_operands(uint32_t n)
{
	static const uint32_t places[] = { VIRTUAL_TOP, 0xffbffffd, 0xfffffffd, NOWHERE, SHADOW_GDT };

	hypercall(n < 5 ? VMI_CALL_SetGDT : VMI_CALL_SetIDT, places[n % 5], 0, 0, 0, 0);
}

static void store_operands(uint32_t n)
{
	static const uint32_t places[] = { VIRTUAL_TOP, 0xffbffffd, 0xfffffffd, 0xd0000, SHADOW_GDT, 0xfffff };

	hypercall(n < 6 ? VMI_CALL_GetGDT : VMI_CALL_GetIDT, places[n % 6], 0, 0, 0, 0);
}

static void read_only_operand(uint32_t n)
{
	window(1, PTE_PRESENT | fresh_page());
	hypercall(n ? VMI_CALL_GetIDT : VMI_CALL_GetGDT, WINDOW + PAGE, 0, 0, 0, 0);
}

static void entries(uint32_t n)
{
	static const struct {
		uint32_t call, table, index;
	} bad[] = {
		{ VMI_CALL_WriteGDTEntry, 0, 8192 }, { VMI_CALL_WriteGDTEntry, SHADOW_GDT, 1 }, { VMI_CALL_WriteGDTEntry, 0xffff0000, 8191 },
		{ VMI_CALL_WriteIDTEntry, IDT_PAGE, 3 }, { VMI_CALL_WriteIDTEntry, 0, 0xffffffff }, { VMI_CALL_WriteLDTEntry, SHADOW_LDT, 0 },
		{ VMI_CALL_WriteIDTEntry, 0xfffffff8, 0 }, { VMI_CALL_WriteGDTEntry, NOWHERE, 1 }, { VMI_CALL_WriteGDTEntry, 0xd0000, 1 },
		{ VMI_CALL_WriteGDTEntry, 0xffbffff8, 1 },
	};

	hypercall(bad[n].call, bad[n].table, bad[n].index, 0x0000ffff, 0x00cf9b00, 0);
}

/* Entries of the guest's tables that are the monitor's in its own, or none. */
static void far_entries(uint32_t n)
{
	(void)n;
	for (unsigned i = 64; i < 8192; i++)
		hypercall(VMI_CALL_WriteGDTEntry, address_of(gdt), i, 0x0000ffff, 0x00cf9b00, 0);
	for (unsigned i = 256; i < 8192; i += 31)
		hypercall(VMI_CALL_WriteIDTEntry, address_of(ldt), i, 0xff880000, 0xffc38e00, 0);
	must("the hole", write_at, SHADOW_GDT, EX_PF, FAULT_WRITE);
}

/* ---- From where it may not be ---- */

static void from_user(uint32_t number)
{
	uint32_t result;

	__asm__ volatile("int %1" : "=a"(result) : "i"(ENTRY_VECTOR), "b"(number), "a"(0) : "ecx", "edx", "memory");
}

static void user_calls(uint32_t n)
{
	(void)n;
	for (uint32_t number = 0; number < 0x110; number++)
		must_user("a call", from_user, number, EX_GP, ENTRY_VECTOR * 8 + 2);
	/* With a gate of the guest's own it is that. */
	set_gate(ENTRY_VECTOR, KERNEL_CODE, (idt[ENTRY_VECTOR][0] & 0xffff) | (idt[ENTRY_VECTOR][1] & 0xffff0000), 0xee);
	must_user("a call", from_user, VMI_CALL_Reboot, ENTRY_VECTOR, 0);
}

/* IRET (slow) with the stack anywhere. */
static void iret_stack(uint32_t n)
{
	static const uint32_t stacks[] = { VIRTUAL_TOP, SHADOW_GDT, 0xfffffffc, 0xffbffffe, NOWHERE, ENTRY_STACK + 0x800, FLAG_PAGE };

	__asm__ volatile("movl %0, %%esp; int %1" : : "r"(stacks[n]), "i"(ENTRY_VECTOR), "b"(ENTRY_IRET) : "memory");
}

static void iret_frame_page(uint32_t esp)
{
	__asm__ volatile("movl %0, %%esp; int %1" : : "r"(esp), "i"(ENTRY_VECTOR), "b"(ENTRY_IRET) : "memory");
}

/* The frame runs out of its page; the fault is the call's, on the same stack, where there is room below. */
static void iret_frame_end(uint32_t n)
{
	uint32_t page = fresh_page();

	(void)n;
	window(1, page | PTE_PRESENT | PTE_WRITE | PTE_USER);
	window(2, 0);
	for (uint32_t left = 8; left < 28; left += 4) {
		for (unsigned i = 0; i < PAGE; i += 4)
			*word_at(page + i) = 0;
		*word_at(page + PAGE - 4) = FLAGS_ON;
		if (left >= 16)
			*word_at(page + PAGE - left + 12) = USER_CODE;
		attempt(iret_frame_page, WINDOW + 2 * PAGE - left);
		if (fault.vector != EX_PF && fault.vector != EX_GP)
			wrong("IRET with %u bytes: vector %x", left, fault.vector);
	}
}

static void ends(uint32_t n)
{
	static const uint32_t calls[] = { VMI_CALL_Reboot, VMI_CALL_Shutdown };

	hypercall(calls[n], 0xffffffff, 0, 0, 0, 0);
}

/* Alarms that never come, come always, came long ago. */
static void alarms(uint32_t n)
{
	static const uint32_t words[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };

	(void)n;
	for (unsigned a = 0; a < 5; a++)
		for (unsigned b = 0; b < 5; b++)
			for (unsigned c = 0; c < 5; c += 2)
				for (unsigned d = 0; d < 4; d++) {
					hypercall(VMI_CALL_SetAlarm, (d & 1) | (d & 2 ? 0x100 : 0), words[a], words[b], words[c], words[(a + b) % 5]);
					hypercall(VMI_CALL_GetTR, 0, 0, 0, 0, 0);
					hypercall(VMI_CALL_CancelAlarm, d & 1, 0, 0, 0, 0);
				}
	hypercall(VMI_CALL_SetAlarm, 0xffffffff, 0, 0, 1, 0);
	hypercall(VMI_CALL_SetAlarm, 0xff, 0, 0, 1, 0);
	hypercall(VMI_CALL_CancelAlarm, 0xff, 0, 0, 0, 0);
}

static void apic_registers(uint32_t n)
{
	(void)n;
	for (unsigned round = 0; round < 4; round++)
		for (uint32_t reg = 0; reg < 0x1000; reg += 4) {
			hypercall(VMI_CALL_APICRead, reg + round * 0x1000, 0, 0, 0, 0);
			hypercall(VMI_CALL_APICWrite, reg + round * 0x1000, round & 1 ? 0xffffffff : random32(), 0, 0, 0);
		}
	hypercall(VMI_CALL_APICRead, 0xffffffff, 0, 0, 0, 0);
	hypercall(VMI_CALL_APICWrite, 0xf0, 0, 0, 0, 0);
}

const struct attack call_attacks[] = {
	{ "call %u with wild arguments", every_call, ORDERLY, VMI_CALL_COUNT, false },
	{ "a call that there is not, %u", no_such_call, STOPPED "there is no call", 9, false },
	{ "the ROM's function %u with wild arguments", every_function, ORDERLY, VMI_CALL_COUNT, false },
	{ "GetRelocation with every number", get_relocations, NULL, 0, false },
	{ "Init, again and again", init_again, NULL, 0, false },
	{ "operands of SetGDT and SetIDT in the hole, %u", table_operands, STOPPED "the operand of a descriptor table call", 10, false },
	{ "operands of GetGDT and GetIDT in the hole, %u", store_operands, STOPPED "the operand of a descriptor table call", 12, false },
	{ "operands that are read only, %u", read_only_operand, STOPPED "the operand of a descriptor table call", 2, false },
	{ "descriptor table entries that are not the guest's, %u", entries, STOPPED "entry .* cannot be written", 10, false },
	{ "descriptor table entries far behind the end", far_entries, NULL, 0, false },
	{ "calls from a program", user_calls, NULL, 0, false },
	{ "IRET with its stack in the hole and nowhere, %u", iret_stack, STOPPED "IRET with a stack", 7, false },
	{ "IRET with a frame that runs out of its page", iret_frame_end, NULL, 0, false },
	{ "Reboot", ends, RESET "Reboot", 0, false },
	{ "alarms at every time", alarms, NULL, 0, false },
	{ "every register of the APIC", apic_registers, NULL, 0, false },
	{ NULL, NULL, NULL, 0, false },
};
