/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Breakpoints on the hole, on stacks, on ports; single step through the ways into the monitor and out of it. */
#include "escape.h"

#define ENABLE(n) (3u << 2 * (n))
#define KIND(n, kind, size) ((uint32_t)((kind) | (size) << 2) << (16 + 4 * (n)))
#define EXECUTE 0
#define WRITE 1
#define PORT 2
#define ACCESS 3

static volatile uint32_t debugged;

static bool count_debug(struct frame *frame)
{
	if (frame->vector != EX_DB)
		return false;
	debugged++;
	frame->eflags |= FLAG_RF;
	/* Enough is enough. */
	return debugged < 100000;
}

static void set_debug(unsigned n, uint32_t value)
{
	hypercall(VMI_CALL_SetDR, n, value, 0, 0, 0);
}

static void use_all(void)
{
	attempt_user(int80, 0);
	attempt_user(read_at, NOWHERE);
	attempt_user(general, 0);
	attempt(undefined, 0);
	attempt(general, 0);
	attempt(read_at, NOWHERE);
	hypercall(VMI_CALL_GetTR, 0, 0, 0, 0, 0);
	hypercall(VMI_CALL_CLTS, 0, 0, 0, 0, 0);
	set_cr3(address_of(directory));
	interrupts(false);
}

static void off(void)
{
	set_debug(7, 0);
	trap_hook = NULL;
}

/* None of these is hit: they are in the monitor's part. */
static void on_hole(uint32_t n)
{
	static const uint32_t places[] = { ENTRY_STACK + 0xfe0, ENTRY_STACK, SHADOW_GDT + 8, IDT_PAGE + 0x70, IMAGE_CODE, STUB_DATA,
					   TASK_STATE + 4, TASK_ESP1, SHARED_CR2, RING1_CODE, MONITOR_CS, 0xffd00000, 0xffffffff, VIRTUAL_TOP };

	trap_hook = count_debug;
	for (unsigned i = 0; i < sizeof places / 4; i++)
		for (unsigned size = 0; size < 4; size++) {
			for (unsigned k = 0; k < 4; k++)
				set_debug(k, places[i] + k * 4);
			set_debug(7, 0x400 | ENABLE(0) | ENABLE(1) | ENABLE(2) | ENABLE(3) | KIND(0, n, size) | KIND(1, n, size) |
				     KIND(2, n, size) | KIND(3, n, size));
			use_all();
		}
	if (debugged)
		wrong("%u breakpoints in the hole were hit", debugged);
	off();
}

/* All physical memory is the monitor's to see at these addresses; a breakpoint there is not the monitor's to hit. */
static void on_physical(uint32_t n)
{
	trap_hook = count_debug;
	for (uint32_t page = reserved_end - 0x300000; page < reserved_end; page += 0x10000) {
		for (unsigned k = 0; k < 4; k++)
			set_debug(k, page + k * 0x4000);
		set_debug(7, 0x400 | ENABLE(0) | ENABLE(1) | ENABLE(2) | ENABLE(3) | KIND(0, n, 3) | KIND(1, n, 3) | KIND(2, n, 3) |
			     KIND(3, n, 3));
		use_all();
	}
	if (debugged)
		wrong("%u breakpoints on the monitor's memory were hit", debugged);
	off();
}

/* The guest's own stack and tables, which the monitor writes and reads for it. What the processor itself pushes there is left out:
 * QEMU's own code does not bear that. */
static void on_guest(uint32_t n)
{
	trap_hook = count_debug;
	for (unsigned i = 0; i < 16; i++) {
		set_debug(0, address_of(trap_stack_top) - 4 - 4 * i);
		set_debug(1, address_of(&directory[i]));
		set_debug(2, address_of(&idt[14]) + 4 * (i & 1));
		set_debug(3, address_of(&gdt[i]));
		set_debug(7, 0x400 | ENABLE(0) | ENABLE(1) | ENABLE(2) | ENABLE(3) | KIND(0, n, 3) | KIND(1, n, 3) | KIND(2, n, 3) |
			     KIND(3, n, 3));
		attempt_user(read_at, NOWHERE);
		attempt_user(general, 0);
		attempt(general, 0);
		hypercall(VMI_CALL_GetTR, 0, 0, 0, 0, 0);
		set_cr3(address_of(directory));
	}
	off();
}

static void on_ports(uint32_t n)
{
	(void)n;
	write_cr4(CR4_PSE | CR4_DE);
	trap_hook = count_debug;
	for (unsigned i = 0; i < 4; i++)
		set_debug(i, (const uint16_t[]){ 0x20, 0x40, 0x3f8, 0x70 }[i]);
	set_debug(7, 0x400 | 0xff | KIND(0, PORT, 0) | KIND(1, PORT, 3) | KIND(2, PORT, 3) | KIND(3, PORT, 1));
	outb(0x20, 0x20);
	inb(0x40);
	outb(0x70, 0);
	timer(1000);
	trap_hook = count_debug;
	use_all();
	off();
	timer_off();
}

/* Every value of DR7, general detect with it. */
static void dr7_values(uint32_t n)
{
	uint32_t value;

	(void)n;
	trap_hook = count_debug;
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned k = 0; k < 4; k++)
			set_debug(k, NOWHERE + k * 16);
		set_debug(7, random32());
		set_debug(6, random32());
		set_debug(random32(), random32());
		hypercall(VMI_CALL_GetDR, random32(), 0, 0, 0, 0);
		use_all();
	}
	__asm__ volatile("movl %0, %%db7" : : "r"(0xffffffff));
	__asm__ volatile("movl %%db7, %0" : "=r"(value));
	if (value & 0x2000)
		wrong("DR7 is %x", value);
	off();
}

/* A breakpoint on the first instruction of its own handler. */
static void own_handler(uint32_t n)
{
	(void)n;
	set_debug(0, (idt[1][0] & 0xffff) | (idt[1][1] & 0xffff0000));
	set_debug(7, 0x400 | ENABLE(0) | KIND(0, EXECUTE, 0));
	__asm__ volatile("int $1");
}

/* ---- Single step ---- */

#define STEP(name, text) \
	static void name(uint32_t argument) \
	{ \
		__asm__ volatile("pushfl; orl $0x100, (%%esp); popfl; " text "; nop; pushfl; andl $~0x100, (%%esp); popfl; nop" \
				 : "+a"(argument) : "b"(VMI_CALL_GetTR), "c"(0xc0000080), "d"(0x40) : "memory"); \
	}
STEP(step_call, "int $0xf3")
STEP(step_int80, "int $0x82")
STEP(step_int3, "int3")
STEP(step_in, "inb %%dx, %%al")
STEP(step_out, "outb %%al, $0xed")
STEP(step_cli, "cli; sti; cli")
STEP(step_ss, "movl %%ss, %%eax; movl %%eax, %%ss; int $0xf3")
STEP(step_pop_ss, "pushl %%ss; popl %%ss; int $0x82")
STEP(step_ss0, "movl $0x10, %%eax; movl %%eax, %%ss; nop")
STEP(step_cr, "movl %%cr0, %%eax; movl %%eax, %%cr0; movl %%cr3, %%eax; movl %%eax, %%cr3")
STEP(step_msr, "rdmsr; wrmsr")
STEP(step_strings, "pushl %%ecx; pushl %%edi; movl $3, %%ecx; movl $0x2000, %%edi; cld; rep insb; popl %%edi; popl %%ecx")
STEP(step_fault, "movl 0x50000000, %%eax")
STEP(step_ud, "ud2")
STEP(step_iret, "pushfl; pushl %%cs; call 1f; jmp 2f; 1: iret; 2: nop")
STEP(step_icebp, ".byte 0xf1")

static bool go_on(struct frame *frame)
{
	return frame->vector == 0x82 || frame->vector == EX_BP || count_debug(frame);
}

static void single_steps(uint32_t n)
{
	static void (*const code[])(uint32_t) = { step_call, step_int80, step_int3, step_in, step_out, step_cli, step_ss, step_pop_ss, step_ss0,
						  step_cr, step_msr, step_strings, step_fault, step_ud, step_iret, step_icebp };

	(void)n;
	set_gate(0x82, KERNEL_CODE, (idt[0x82][0] & 0xffff) | (idt[0x82][1] & 0xffff0000), 0xee);
	trap_hook = go_on;
	for (unsigned i = 0; i < sizeof code / sizeof *code; i++) {
		uint32_t before = debugged;

		attempt(code[i], 0);
		if (fault.vector != NO_FAULT && fault.vector != EX_PF && fault.vector != EX_UD && fault.vector != EX_GP)
			wrong("step %u: vector %x", i, fault.vector);
		if (debugged == before && code[i] != step_fault && code[i] != step_ud && code[i] != step_icebp)
			wrong("step %u: no step was seen", i);
		attempt_user(code[i], 0);
		if (fault.vector == NO_FAULT && i < 1)
			wrong("step %u in ring 3: no fault", i);
	}
	trap_hook = NULL;
}

/* A breakpoint on the memory operand of "mov ss", and then an int: the exception comes in the first instruction of the handler. */
static void mov_ss(uint32_t number)
{
	static volatile uint32_t selector;

	selector = KERNEL_DATA;
	set_debug(0, address_of(&selector));
	set_debug(7, 0x400 | ENABLE(0) | KIND(0, ACCESS, 3));
	if (number == 0)
		__asm__ volatile("movw %1, %%ss; int %2" : : "b"(VMI_CALL_GetTR), "m"(selector), "i"(ENTRY_VECTOR) : "eax", "ecx", "edx", "memory");
	if (number == 1)
		__asm__ volatile("movw %0, %%ss; int $0x82" : : "m"(selector) : "memory");
	if (number == 2)
		__asm__ volatile("movw %0, %%ss; int3" : : "m"(selector) : "memory");
	if (number == 3)
		__asm__ volatile("movw %0, %%ss; ud2" : : "m"(selector) : "memory");
	if (number == 4)
		__asm__ volatile("movw %0, %%ss; movl 0x50000000, %%eax" : : "m"(selector) : "eax", "memory");
	if (number == 5)
		__asm__ volatile("movw %0, %%ss; cli" : : "m"(selector) : "memory");
}

static void mov_ss_debug(uint32_t n)
{
	(void)n;
	set_gate(0x82, KERNEL_CODE, (idt[0x82][0] & 0xffff) | (idt[0x82][1] & 0xffff0000), 0xee);
	for (uint32_t i = 0; i < 6; i++) {
		trap_hook = go_on;
		debugged = 0;
		attempt(mov_ss, i);
		if (fault.vector != NO_FAULT && fault.vector != EX_UD && fault.vector != EX_PF)
			wrong("mov ss %u: vector %x", i, fault.vector);
		if (!debugged)
			wrong("mov ss %u: no breakpoint was hit", i);
	}
	off();
}

/* The flags of a program: TF, alignment, identification, and what it must not have. */
static void user_flag_bits(uint32_t n)
{
	(void)n;
	for (unsigned bit = 0; bit < 32; bit++) {
		if (1u << bit == FLAG_VM)
			continue;
		user_flags = FLAGS_ON ^ 1u << bit;
		trap_hook = count_debug;
		attempt_user(int80, 0);
		attempt_user(general, 0);
		attempt_user(read_at, NOWHERE);
		if (fault.eflags & FLAG_IOPL)
			wrong("a program has flags %x", fault.eflags);
	}
	user_flags = FLAGS_ON;
	trap_hook = NULL;
}

const struct attack debug_attacks[] = {
	{ "breakpoints in the hole, kind %u", on_hole, NULL, 4, false },
	{ "breakpoints on the monitor's memory, kind %u", on_physical, NULL, 4, false },
	{ "breakpoints on stacks and tables of the guest's, kind %u", on_guest, NULL, 4, false },
	{ "breakpoints on ports", on_ports, NULL, 0, false },
	{ "every DR7", dr7_values, NULL, 0, false },
	{ "a breakpoint in its own handler", own_handler, STACK_GONE, 0, false },
	{ "single step through ways into the monitor", single_steps, NULL, 0, false },
	{ "a breakpoint on mov ss, and an int behind it", mov_ss_debug, NULL, 0, false },
	{ "every flag in a program", user_flag_bits, NULL, 0, false },
	{ NULL, NULL, NULL, 0, false },
};
