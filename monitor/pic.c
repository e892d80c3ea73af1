/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Interrupt controllers: the machine's two, which are the monitor's, and the two that the guest believes to have.
 *
 * An interrupt of a device ends at once for the machine: its line is masked and the guest's controller gets an edge. The
 * line stays held, masked, until the guest ends the interrupt. So a line that stays up makes one interrupt at a time,
 * and nothing is lost of one that does not. What the guest masks is masked in the machine. IRQ 0 is the
 * monitor's own; the guest's comes from pit.c and alarm.c.
 *
 * The guest's have what a PC's need: both are initialised with four words, and priorities do not rotate.
 */
#include "monitor.h"

#define MASTER 0x20
#define SLAVE 0xa0
#define CASCADE 2
#define NONE 8                /* no line */
#define ICW1 0x10             /* command port: the first of the words of initialisation */
#define ICW1_WITH_ICW4 0x01
#define ICW4_8086 0x01
#define ICW4_AUTOMATIC 0x02   /* interrupts end when they are taken */
#define OCW3 0x08
#define OCW3_SELECT 0x02      /* what a read gives: by bit 0 ISR or IRR */
#define OCW2_SPECIFIC 0x40
#define OCW2_END 0x20
#define READ_ISR 0x0b

static struct chip {
	uint8_t irr, isr, imr;
	uint8_t vectors;
	uint8_t expected;     /* the word of initialisation that comes next, 2-4; 0: initialised */
	bool automatic, read_isr;
} chips[2];
static uint16_t held;
struct timer_count timer_count;
static uint8_t machine_mask[2];

/* ---- The machine's ---- */

static void machine_update(unsigned n)
{
	uint8_t mask = chips[n].imr | (uint8_t)(held >> 8 * n);

	if (!n)
		mask &= ~(1 | 1 << CASCADE);
	if (mask != machine_mask[n])
		outb((n ? SLAVE : MASTER) + 1, mask);
	machine_mask[n] = mask;
}

void pic_init(void)
{
	for (unsigned n = 0; n < 2; n++) {
		uint16_t port = n ? SLAVE : MASTER;

		outb(port, ICW1 | ICW1_WITH_ICW4);
		outb(port + 1, (uint8_t)(IRQ_BASE + 8 * n));
		outb(port + 1, n ? CASCADE : 1 << CASCADE);
		outb(port + 1, ICW4_8086);
		outb(port + 1, 0xff);
		machine_mask[n] = 0xff;
	}
	pic_reset();
}

void machine_interrupt(unsigned irq)
{
	unsigned n = irq >> 3, line = irq & 7;
	uint16_t port = n ? SLAVE : MASTER;

	if (irq > 15)
		return;
	if (line == 7) {
		/* It may be nobody's. The master then still believes the slave. */
		outb(port, READ_ISR);
		if (!(inb(port) & 0x80)) {
			if (n)
				outb(MASTER, OCW2_SPECIFIC | OCW2_END | CASCADE);
			return;
		}
	}
	if (irq && irq != CASCADE) {
		held |= (uint16_t)(1 << irq);
		machine_update(n);
	}
	if (n)
		outb(SLAVE, (uint8_t)(OCW2_SPECIFIC | OCW2_END | line));
	outb(MASTER, (uint8_t)(OCW2_SPECIFIC | OCW2_END | (n ? CASCADE : line)));
	if (irq)
		pic_raise(irq);
	else
		time_interrupt();
}

/* ---- The guest's ---- */

/* Of these lines the one with the highest priority. */
static unsigned first(unsigned lines)
{
	return (unsigned)__builtin_ctz(lines | 1 << NONE);
}

/* The line that would interrupt now. */
static unsigned request(unsigned n)
{
	const struct chip *chip = &chips[n];
	unsigned line, lines = chip->irr & ~chip->imr;

	if (!n && !(chip->imr & 1 << CASCADE) && request(1) != NONE)
		lines |= 1 << CASCADE;
	line = chip->expected ? NONE : first(lines);
	return line < first(chip->isr) ? line : NONE;
}

static void ended(unsigned n, unsigned line)
{
	held &= (uint16_t)~(1 << (8 * n + line));
	machine_update(n);
	if (!n && !line)
		time_run(); /* ticks that are owed may follow */
}

/* With nothing to take it is line 7, and that is not in service then. */
static unsigned take(unsigned n)
{
	unsigned line = request(n);

	if (line == NONE)
		return 7;
	chips[n].irr &= (uint8_t)~(1 << line);
	timer_count.delivered += !n && !line;
	if (chips[n].automatic)
		ended(n, line);
	else
		chips[n].isr |= (uint8_t)(1 << line);
	return line;
}

static void command(unsigned n, uint8_t value)
{
	struct chip *chip = &chips[n];
	unsigned line;

	if (value & ICW1) {
		*chip = (struct chip){ .vectors = chip->vectors, .expected = 2 };
		if (!n)
			timer_count = (struct timer_count){ 0, 0, 0 };
		held &= n ? 0x00ff : 0xff00;
		machine_update(n);
		time_run();
	} else if (value & OCW3) {
		if (value & OCW3_SELECT)
			chip->read_isr = value & 1;
	} else if (value & OCW2_END) {
		line = value & OCW2_SPECIFIC ? value & 7 : first(chip->isr);
		if (!(chip->isr >> line & 1))
			return;
		chip->isr &= (uint8_t)~(1 << line);
		ended(n, line);
	}
}

static void data(unsigned n, uint8_t value)
{
	struct chip *chip = &chips[n];

	if (chip->expected == 2)
		chip->vectors = value & 0xf8;
	if (chip->expected == 4)
		chip->automatic = value & ICW4_AUTOMATIC;
	if (chip->expected) {
		chip->expected = chip->expected == 4 ? 0 : chip->expected + 1;
	} else {
		chip->imr = value;
		machine_update(n);
	}
}

uint8_t pic_port_read(uint16_t port)
{
	unsigned n = port >> 7;

	if (port & 1)
		return chips[n].imr;
	if (chips[n].read_isr)
		return chips[n].isr;
	return chips[n].irr | (!n && request(1) != NONE ? 1 << CASCADE : 0);
}

void pic_port_write(uint16_t port, uint8_t value)
{
	if (port & 1)
		data(port >> 7, value);
	else
		command(port >> 7, value);
}

void pic_raise(unsigned irq)
{
	timer_count.raised += !irq;
	timer_count.merged += !irq && (chips[0].irr & 1);
	if (irq < 16 && irq != CASCADE)
		chips[irq >> 3].irr |= (uint8_t)(1 << (irq & 7));
}

bool pic_busy(unsigned irq)
{
	const struct chip *chip = &chips[irq >> 3 & 1];

	return (chip->irr | chip->isr) & 1 << (irq & 7);
}

bool pic_waiting(void)
{
	return request(0) != NONE;
}

unsigned pic_take(void)
{
	unsigned line = take(0);

	return line == CASCADE ? chips[1].vectors + take(1) : chips[0].vectors + line;
}

/* As a BIOS leaves them, but for the mask. */
void pic_reset(void)
{
	held = 0;
	timer_count = (struct timer_count){ 0, 0, 0 };
	for (unsigned n = 0; n < 2; n++) {
		chips[n] = (struct chip){ .imr = 0xff, .vectors = n ? 0x70 : 0x08 };
		machine_update(n);
	}
}
