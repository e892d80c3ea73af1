/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stacks that cannot be pushed to, when an exception, an interrupt, an int or a call comes, of the kernel and for the kernel. */
#include "escape.h"

static const struct {
	const char *name;
	uint32_t esp;
} places[] = {
	{ "at 0", 0 }, { "at 2", 2 }, { "at the end of memory", 0xfffffffc }, { "in the GDT", SHADOW_GDT + 0x100 },
	{ "in the IDT", IDT_PAGE + 0x100 }, { "in the stub", IMAGE_CODE + 0x100 }, { "in the monitor", 0xffd00000 },
	{ "nowhere", NOWHERE + 0x800 }, { "on a read only page", WINDOW + 2 * PAGE }, { "at the end of ring 1's code", GUEST_END },
	{ "in the task state", TASK_TAIL },
};
#define PLACES (sizeof places / sizeof *places)

static void make_read_only(void)
{
	window(1, fresh_page() | PTE_PRESENT | PTE_USER);
	window(2, 0);
	window(0, 0);
}

#define ON_STACK(name, text) \
	static void name(uint32_t n) \
	{ \
		make_read_only(); \
		interrupts(false); \
		__asm__ volatile("movl %0, %%esp\n\t" text : : "r"(places[n].esp), "a"(NOWHERE), "b"(VMI_CALL_GetTR) : "memory"); \
	}
ON_STACK(ud_stack, "ud2")
ON_STACK(int80_stack, "int $0x80")
ON_STACK(page_fault_stack, "movl (%%eax), %%eax")
ON_STACK(general_stack, "movw %%ax, %%ss; hlt; movl $0xff88, %%eax; movl %%eax, %%ds")
ON_STACK(push_stack, "pushl %%eax")
ON_STACK(iret_stack, "iret")
ON_STACK(rom_iret_stack, "movl $0xffc05000, %%eax; jmp *%%eax")

static void interrupt_stack(uint32_t n)
{
	make_read_only();
	timer(1000);
	__asm__ volatile("movl %0, %%esp; movb $2, %1; 1: jmp 1b" : : "r"(places[n].esp), "m"(*(uint8_t *)INTERRUPT_FLAG) : "memory");
}

/* The stack for what comes from ring 3. */
static void user_event(uint32_t n, void (*event)(uint32_t), uint32_t argument)
{
	make_read_only();
	rom_call(rom_function(VMI_CALL_UpdateKernelStack), 0, places[n].esp, 0, 0, 0);
	attempt_user(event, argument);
}

static void user_int80(uint32_t n)
{
	user_event(n, int80, 0);
}

static void user_ud(uint32_t n)
{
	user_event(n, undefined, 0);
}

static void user_page_fault(uint32_t n)
{
	user_event(n, read_at, NOWHERE);
}

static void user_general(uint32_t n)
{
	user_event(n, general, 0);
}

static void spin(uint32_t n)
{
	(void)n;
	for (;;)
		;
}

static void user_interrupt(uint32_t n)
{
	timer(1000);
	trap_hook = NULL;
	user_event(n, spin, 0);
}

/* The kernel's stack is where the processor enters ring 0: what is pushed for the guest would lie over what it is made of. */
static void on_entry_stack(uint32_t n)
{
	*word_at(TASK_ESP1) = IDT_PAGE - 4 * n;
	attempt_user(read_at, NOWHERE);
}

static void kernel_on_entry_stack(uint32_t n)
{
	__asm__ volatile("movl %0, %%esp; movl (%1), %%eax" : : "r"(IDT_PAGE - 4 * n), "r"(NOWHERE) : "eax", "memory");
}

/* A frame that begins on a page and ends on the next, which is not there, or read only: by each of its words. */
static void half_frames(uint32_t n)
{
	uint32_t page = fresh_page();

	window(2, page | PTE_PRESENT | PTE_WRITE | PTE_USER);
	window(1, n < 8 ? 0 : fresh_page() | PTE_PRESENT);
	*word_at(TASK_ESP1) = WINDOW + 2 * PAGE + n % 8 * 4;
	attempt_user(n & 1 ? int80 : undefined, 0);
	attempt_user(n & 1 ? read_at : general, NOWHERE);
}

/* No stack segment, or none that is one. */
static void no_segment(uint32_t n)
{
	static const uint32_t selectors[] = { 0, 3, MONITOR_DS, USER_DATA, KERNEL_CODE, MONITOR_TASK, 0xfffc, NOWHERE & 0xffff };

	task[2] = selectors[n % 8];
	hypercall(VMI_CALL_SetTR, TASK, 0, 0, 0, 0);
	if (n < 8)
		attempt_user(general, 0);
	else
		attempt_user(read_at, NOWHERE);
}

static void stack_not_flat(uint32_t n)
{
	(void)n;
	set_descriptor(SPARE, 0x1000ffff, 0x00cfb300);
	task[2] = SPARE | 1;
	hypercall(VMI_CALL_SetTR, TASK, 0, 0, 0, 0);
}

/* The kernel's stack segment gets a base, or 16 bits, after all. */
static void stack_changes(uint32_t n)
{
	flat_descriptor(SPARE, 0xb3);
	task[2] = SPARE | 1;
	hypercall(VMI_CALL_SetTR, TASK, 0, 0, 0, 0);
	set_descriptor(SPARE, n == 0 ? 0x8000ffff : 0x0000ffff, n == 0 ? 0x40cfb310 : n == 1 ? 0x0000b300 : 0x00cf9300);
	for (unsigned i = 0; i < 4; i++) {
		attempt_user(int80, 0);
		attempt_user(read_at, NOWHERE);
		attempt_user(general, 0);
	}
	task[2] = KERNEL_DATA;
}

/* A task state that cannot be read, or lies across a page that is gone. */
static void task_places(uint32_t n)
{
	static const uint32_t bases[] = { SHADOW_GDT, 0xffbffffc, NOWHERE, 0xfffffff8, TASK_STATE };

	set_descriptor(SPARE, bases[n] << 16 | 0x67, (bases[n] & 0xff000000) | 0x8900 | (bases[n] >> 16 & 0xff));
	hypercall(VMI_CALL_SetTR, SPARE, 0, 0, 0, 0);
}

const struct attack stack_attacks[] = {
	{ "ud2 with a bad stack, %u", ud_stack, ORDERLY, PLACES, false },
	{ "int 80h with a bad stack, %u", int80_stack, ORDERLY, PLACES, false },
	{ "a page fault with a bad stack, %u", page_fault_stack, ORDERLY, PLACES, false },
	{ "a fault with a bad stack, %u", general_stack, ORDERLY, PLACES, false },
	{ "a push with a bad stack, %u", push_stack, ORDERLY, PLACES, false },
	{ "an interrupt with a bad stack, %u", interrupt_stack, STACK_GONE, PLACES, false },
	{ "iret with a bad stack, %u", iret_stack, ORDERLY, PLACES, false },
	{ "the ROM's IRET with a bad stack, %u", rom_iret_stack, ORDERLY, PLACES, false },
	{ "int 80h from a program with a bad kernel stack, %u", user_int80, ORDERLY, PLACES, false },
	{ "ud2 from a program with a bad kernel stack, %u", user_ud, ORDERLY, PLACES, false },
	{ "a page fault from a program with a bad kernel stack, %u", user_page_fault, STACK_GONE, PLACES, false },
	{ "a fault from a program with a bad kernel stack, %u", user_general, STACK_GONE, PLACES, false },
	{ "an interrupt in a program with a bad kernel stack, %u", user_interrupt, STACK_GONE, PLACES, false },
	{ "a page fault from a program with its stack on the entry stack, %u", on_entry_stack, STACK_GONE, 32, false },
	{ "a page fault with its stack on the entry stack, %u", kernel_on_entry_stack, STACK_GONE, 32, false },
	{ "frames across the end of a stack, %u", half_frames, ORDERLY, 16, false },
	{ "a task state without a stack segment, %u", no_segment, STOPPED "(an exception or interrupt cannot be delivered|its kernel)", 16, false },
	{ "a kernel stack that is not flat", stack_not_flat, STOPPED "its kernel stack segment .* is not flat", 0, false },
	{ "a kernel stack whose segment changes, %u", stack_changes, ORDERLY, 3, false },
	{ "a task state in the hole and nowhere, %u", task_places, STOPPED "SetTR", 5, false },
	{ NULL, NULL, NULL, 0, false },
};
