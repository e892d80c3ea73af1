/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Exceptions, interrupts, system calls: everything that comes in through the interrupt descriptor table. */
#include "kernel.h"

#define VECTORS 256
#define GATE_INTERRUPT 0x8e00 /* present; interrupts are off inside */
#define GATE_RING(n) ((n) << 13)
#define PAGE_WRITE 2 /* in the error code of a page fault */

static uint32_t idt[VECTORS][2] __attribute__((aligned(PAGE_SIZE)));

static const char *const exceptions[] = {
	"divide error", "debug exception", "NMI", "breakpoint", "overflow", "bound exceeded", "invalid opcode",
	"no FPU for programs", "double fault", "coprocessor segment", "invalid TSS", "segment not present",
	"stack fault", "general protection", "page fault", "exception 15", "FPU error", "alignment check",
	"machine check", "SIMD error",
};

/* ring: the outermost that may use the vector with an int instruction. */
static void set_gate(unsigned vector, const char *entry, uint32_t from_ring)
{
	uint32_t address = (uint32_t)entry;

	vmi_write_idt_entry(idt, vector, (KERNEL_CODE + ring) << 16 | (address & 0xffff),
			    (address & 0xffff0000) | GATE_INTERRUPT | GATE_RING(from_ring));
}

void trap_init(void)
{
	const struct vmi_table_register table = { sizeof idt - 1, (uint32_t)idt };

	vmi_set_idt(&table);
	for (unsigned vector = 0; vector < TRAP_STUBS; vector++)
		set_gate(vector, trap_stubs + vector * TRAP_STUB_SIZE, ring);
	set_gate(SYSTEM_CALL_VECTOR, trap_system_call, USER_RING);
}

static const char *name_of(uint32_t vector)
{
	return vector < sizeof exceptions / sizeof *exceptions ? exceptions[vector] : "interrupt";
}

/* A program did what it must not do. It ends here, and who waits for it is told why. */
static void end_program(const struct trap_frame *frame, uint32_t address, int error)
{
	current->killed = STATUS_KILLED + frame->vector;
	if (frame->vector == EXCEPTION_PAGE && error == -E_NOMEM) {
		current->killed = STATUS_KILLED + KILLED_BY_MEMORY;
		printf("# process %d (%s) ended: no memory for page %08x\n", current->pid, current->name, address);
	} else if (frame->vector == EXCEPTION_PAGE) {
		printf("# process %d (%s) ended: page fault at eip %08x, %s %08x\n", current->pid, current->name,
		       frame->eip, frame->error & PAGE_WRITE ? "writing" : "reading", address);
	} else {
		printf("# process %d (%s) ended: %s at eip %08x, error code %x\n", current->pid, current->name,
		       name_of(frame->vector), frame->eip, frame->error);
	}
}

static void exception(const struct trap_frame *frame)
{
	uint32_t address = frame->vector == EXCEPTION_PAGE ? vmi_get_cr2() : 0;
	int error = -E_FAULT;

	/* The kernel goes through space_byte and keeps its own hands off programs' memory. */
	if (!from_user(frame))
		panic(frame, "%s in the kernel, address %08x", name_of(frame->vector), address);
	vmi_enable_interrupts();
	if (frame->vector == EXCEPTION_PAGE)
		error = space_fault(&current->space, address, frame->error & PAGE_WRITE);
	if (error)
		end_program(frame, address, error);
	vmi_disable_interrupts();
}

/*
 * Called from entry.S with interrupts off, and returns so. System calls and the exceptions of programs run with
 * interrupts on, but give way to no other process unless they wait.
 */
void trap(struct trap_frame *frame)
{
	if (frame->vector == SYSTEM_CALL_VECTOR) {
		vmi_enable_interrupts();
		system_call(frame);
		vmi_disable_interrupts();
	} else if (frame->vector == IRQ_BASE) {
		timer_interrupt();
	} else if (frame->vector < IRQ_BASE) {
		exception(frame);
	}
	/* What is left are interrupts that were masked a moment too late: nothing to do. */

	if (!from_user(frame))
		return;
	if (reschedule)
		schedule();
	if (current->killed)
		process_exit(current->killed);
}
