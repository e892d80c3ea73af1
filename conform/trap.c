/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What comes in through the interrupt descriptor table. */
#include "conform.h"

#define PIC1 0x20
#define PIC2 0xa0
#define PIC_END_OF_INTERRUPT 0x20
#define PIT_CHANNEL0 0x40
#define PIT_CONTROL 0x43
#define PIT_ONCE 0x30 /* channel 0, low and high byte, mode 0 */
#define COM_INTERRUPTS 0x3f9
#define COM_IDENTIFY 0x3fa
#define COM_CAN_SEND 2

struct trap trapped;
uint32_t trapped_mask, trapped_cr2, trapped_at;
volatile uint32_t interrupts[256];
volatile uint8_t interrupt_log[16];
volatile unsigned interrupt_count, nested_most;
volatile uint32_t handler_mask;
volatile bool enable_in_handler;
bool (*trap_hook)(struct trap *trap);

static volatile unsigned nested;

static bool from_user(const struct trap *t)
{
	return (t->cs & 3) == USER_RING || t->eflags & FLAGS_VM;
}

static void interrupt(unsigned vector)
{
	if (++nested > nested_most)
		nested_most = nested;
	handler_mask = (uint32_t)quietly(VMI_CALL_GetInterruptMask, 0, 0, 0) & VMI_MASK_ENABLED;
	interrupts[vector]++;
	if (interrupt_count < COUNT(interrupt_log))
		interrupt_log[interrupt_count++] = (uint8_t)vector;
	if (vector == IRQ_BASE + 4)
		clear_serial();
	if (vector == APIC_VECTOR) {
		apic_end_of_interrupt();
	} else {
		if (vector >= IRQ_BASE + 8)
			outb(PIC2, PIC_END_OF_INTERRUPT);
		outb(PIC1, PIC_END_OF_INTERRUPT);
	}
	if (enable_in_handler) {
		quietly(VMI_CALL_EnableInterrupts, 0, 0, 0);
		quietly(VMI_CALL_DisableInterrupts, 0, 0, 0);
	}
	nested--;
}

/* Returns whether what was interrupted goes on. If not, the innermost catch or enter does. */
int trap(struct trap *t)
{
	if ((t->vector >= IRQ_BASE && t->vector < IRQ_BASE + 16) || t->vector == APIC_VECTOR) {
		interrupt(t->vector);
		return 1;
	}
	if (trap_hook && trap_hook(t))
		return 1;
	/* Memory behind the shorter frames is the kernel's, too. */
	trapped = *t;
	trapped_at = from_user(t) ? (uint32_t)(&t->ss + 1) : (uint32_t)&t->esp;
	if (t->eflags & FLAGS_VM)
		trapped_at += 16;
	trapped_mask = (uint32_t)quietly(VMI_CALL_GetInterruptMask, 0, 0, 0) & VMI_MASK_ENABLED;
	trapped_cr2 = t->vector == EXCEPTION_PAGE ? (uint32_t)quietly(VMI_CALL_GetCR2, 0, 0, 0) : 0;
	quietly(VMI_CALL_DisableInterrupts, 0, 0, 0);
	nested = 0;
	if (!saved_esp)
		give_up("exception %u at %x, error %x, address %x", t->vector, t->eip, t->error, trapped_cr2);
	return 0;
}

static void pic_init(uint16_t pic, uint8_t vectors, uint8_t wiring)
{
	outb(pic, 0x11);
	outb(pic + 1, vectors);
	outb(pic + 1, wiring);
	outb(pic + 1, 1);
	outb(pic + 1, 0xff);
}

static void breakpoint(void *context)
{
	(void)context;
	__asm__ volatile("int3");
}

void traps_init(void)
{
	const struct table_register table = { sizeof idt - 1, (uint32_t)idt };

	for (unsigned vector = 0; vector < FREE_VECTOR; vector++) {
		uint32_t kind = vector == SYSTEM_TRAP || vector == KERNEL_TRAP ? GATE_TRAP : GATE_INTERRUPT;

		idt[vector] = gate(vector, kind, vector == SYSTEM_CALL || vector == SYSTEM_TRAP ? USER_RING : ring);
	}
	step("SetIDT");
	DO(SetIDT, (uint32_t)&table);
	catch(breakpoint, NULL);
	pic_init(PIC1, IRQ_BASE, 4);
	pic_init(PIC2, IRQ_BASE + 8, 2);
	/* The BIOS has left the interval timer ticking: once more, at once. */
	outb(PIT_CONTROL, PIT_ONCE);
	outb(PIT_CHANNEL0, 2);
	outb(PIT_CHANNEL0, 0);
}

void unmask(unsigned irqs)
{
	outb(PIC1 + 1, (uint8_t)~irqs);
}

/* An empty transmitter whose interrupt gets enabled interrupts at once. */
void raise_serial(void)
{
	outb(COM_INTERRUPTS, COM_CAN_SEND);
}

void clear_serial(void)
{
	outb(COM_INTERRUPTS, 0);
	inb(COM_IDENTIFY);
}

void forget_interrupts(void)
{
	for (unsigned i = 0; i < COUNT(interrupts); i++)
		interrupts[i] = 0;
	interrupt_count = 0;
	nested_most = 0;
	handler_mask = ~0u;
}

void quiet(void)
{
	trap_hook = NULL;
	enable_in_handler = false;
	DO(DisableInterrupts);
	clear_serial();
	unmask(0);
	paging_reset();
	settle();
	/* What a controller has latched goes to a handler now, and not in the next case. */
	unmask(IRQ_TIMER | IRQ_SERIAL);
	let_in();
	unmask(0);
	forget_interrupts();
}
