/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The machine and the console. */
#include <stdarg.h>

#include "guest.h"

#define SERIAL 0x3f8
#define PIC1 0x20
#define PIC2 0xa0
#define PIC_EOI 0x20
#define EXIT_PORT 0xf4
#define EXIT_PASSED 0x10
#define EXIT_FAILED 0x11
#define APIC_EOI (0xb0 / 4)
#define APIC_PHYSICAL 0xfee00000u
#define PAGE_FLAGS 0x07          /* present, writable, for ring 3 too */
#define PAGE_LARGE 0x80

extern uint8_t stubs[], trap_stack_top[];
int handle(const struct trap *trap);

unsigned failed;
volatile uint32_t interrupts[256];
static unsigned count;

/* ---- Console ---- */

static void put(char c)
{
	while (!(inb(SERIAL + 5) & 0x20))
		;
	outb(SERIAL, (uint8_t)c);
}

static void put_number(uint32_t value, unsigned base)
{
	if (value >= base)
		put_number(value / base, base);
	put("0123456789abcdef"[value % base]);
}

/* %s, %u and %x. */
static void vsay(const char *format, va_list arguments)
{
	for (; *format; format++) {
		if (*format != '%') {
			put(*format);
			continue;
		}
		switch (*++format) {
		case 's':
			for (const char *s = va_arg(arguments, const char *); *s; s++)
				put(*s);
			break;
		case 'u':
			put_number(va_arg(arguments, uint32_t), 10);
			break;
		default:
			put_number(va_arg(arguments, uint32_t), 16);
		}
	}
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsay(format, arguments);
	va_end(arguments);
}

void ok(int good, const char *format, ...)
{
	va_list arguments;

	failed += !good;
	say("%s %u ", good ? "ok" : "not ok", ++count);
	va_start(arguments, format);
	vsay(format, arguments);
	va_end(arguments);
	put('\n');
}

void finish(void)
{
	say("1..%u\n", count);
	outb(EXIT_PORT, failed ? EXIT_FAILED : EXIT_PASSED);
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* ---- Interrupts ---- */

int handle(const struct trap *trap)
{
	unsigned vector = trap->vector;

	if (vector >= IRQ_VECTOR && vector < 0x80) {
		interrupts[vector]++;
		if (vector == APIC_VECTOR) {
			((volatile uint32_t *)APIC_VIRTUAL)[APIC_EOI] = 0;
		} else {
			if (vector >= IRQ_VECTOR + 8)
				outb(PIC2, PIC_EOI);
			outb(PIC1, PIC_EOI);
		}
		return 1;
	}
	last_trap = *trap;
	if (vector == 6 || vector == 8 || vector == 14) {
		ok(0, "exception %u at %x, error %x", vector, trap->eip, trap->error);
		finish();
	}
	return 0;
}

void set_gate(unsigned vector, int trap_gate, int ring)
{
	uint32_t address = (uint32_t)stubs + 16 * vector;
	uint32_t low = (uint32_t)KERNEL_CS << 16 | (address & 0xffff);
	uint32_t high = (address & 0xffff0000) | 0x8e00 | (trap_gate ? 0x100 : 0) | (uint32_t)ring << 13;

	idt[vector] = (uint64_t)high << 32 | low;
}

void unmask_irq0(int unmask)
{
	outb(PIC1 + 1, unmask ? 0xfe : 0xff);
}

void set_up_machine(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) idtr = { 256 * 8 - 1, (uint32_t)idt };

	for (unsigned i = 0; i <= 0x80; i++)
		set_gate(i, 0, i == 0x80 ? 3 : 0);
	__asm__ volatile("lidtl %0" : : "m"(idtr));

	tss[1] = (uint32_t)trap_stack_top;
	tss[2] = KERNEL_DS;
	tss[25] = 104u << 16;
	gdt[TSS_SELECTOR / 8] = (uint64_t)((uint32_t)tss >> 24) << 56 | 0x8900ull << 32 |
				(uint64_t)((uint32_t)tss & 0xffffff) << 16 | 103;
	__asm__ volatile("ltr %w0; lldt %w1" : : "r"(TSS_SELECTOR), "r"(0));

	/* Both interrupt controllers: edges, vectors from IRQ_VECTOR on, everything masked. */
	outb(PIC1, 0x11);
	outb(PIC1 + 1, IRQ_VECTOR);
	outb(PIC1 + 1, 4);
	outb(PIC1 + 1, 1);
	outb(PIC2, 0x11);
	outb(PIC2 + 1, IRQ_VECTOR + 8);
	outb(PIC2 + 1, 2);
	outb(PIC2 + 1, 1);
	outb(PIC1 + 1, 0xff);
	outb(PIC2 + 1, 0xff);
}

/* ---- Paging: the first 16 MiB as they are and at HIGH, and the local APIC ---- */

static uint32_t tables[8][1024] __attribute__((aligned(4096)));

void set_up_paging(int pae)
{
	uint32_t cr3 = (uint32_t)tables[0], cr4;

	if (!pae) {
		for (uint32_t i = 0; i < 4; i++)
			tables[0][i] = tables[0][(HIGH >> 22) + i] = i << 22 | PAGE_LARGE | PAGE_FLAGS;
		tables[0][1023] = (uint32_t)tables[1] | PAGE_FLAGS;
		tables[1][APIC_VIRTUAL >> 12 & 1023] = APIC_PHYSICAL | PAGE_FLAGS;
	} else {
		uint64_t *top = (uint64_t *)tables[0], *low = (uint64_t *)tables[1], *high = (uint64_t *)tables[2];

		for (uint32_t i = 0; i < 8; i++)
			low[i] = high[i] = i << 21 | PAGE_LARGE | PAGE_FLAGS;
		high[511] = (uint32_t)tables[3] | PAGE_FLAGS;
		((uint64_t *)tables[3])[APIC_VIRTUAL >> 12 & 511] = APIC_PHYSICAL | PAGE_FLAGS;
		top[0] = (uint32_t)low | 1;
		top[3] = (uint32_t)high | 1;
	}
	__asm__ volatile("movl %%cr4, %0" : "=r"(cr4));
	cr4 |= pae ? 0x20 : 0x10;
	__asm__ volatile("movl %0, %%cr4; movl %1, %%cr3; movl %%cr0, %0; orl $0x80010000, %0; movl %0, %%cr0"
			 : "+r"(cr4)
			 : "r"(cr3)
			 : "memory");
}
