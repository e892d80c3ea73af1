/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Interrupt controllers: the machine's two, which are the monitor's, and the two that the guest believes to have.
 *
 * An interrupt of a device ends at once for the machine: its line is masked and the guest's controller gets an edge. The
 * line stays held, masked, until the guest ends the interrupt. So a line that stays up makes one interrupt at a time,
 * and nothing is lost of one that does not. What the guest masks is masked in the machine. IRQ 0 is the
 * monitor's own; the guest's comes from pit.c and alarm.c.
 */
#include "monitor.h"

#define MASTER 0x20
#define SLAVE 0xa0
#define CASCADE 2
#define ICW1 0x10             /* command port: the first of the words of initialisation */
#define ICW1_WITH_ICW4 0x01
#define ICW1_SINGLE 0x02
#define ICW4_8086 0x01
#define ICW4_AUTOMATIC 0x02   /* interrupts end when they are taken */
#define OCW3 0x08
#define OCW3_POLL 0x04
#define OCW3_SELECT 0x02      /* what a read gives: by bit 0 ISR or IRR */
#define OCW2_ROTATE 0x80
#define OCW2_SPECIFIC 0x40
#define OCW2_END 0x20
#define READ_ISR 0x0b
#define POLL_FOUND 0x80

struct chip {
	uint8_t irr, isr, imr;
	uint8_t vectors;
	uint8_t lowest;       /* the line that has the lowest priority; the next one has the highest */
	uint8_t expected;     /* the word of initialisation that comes next, 2-4; 0: initialised */
	uint8_t elcr;         /* kept for the guest, no more */
	bool single, with_icw4, automatic, read_isr, poll;
};

static struct chip chips[2];
static uint16_t held;
static uint8_t machine_mask[2];

/* ---- The machine's ---- */

static void machine_update(unsigned n)
{
	uint8_t mask = chips[n].imr | (uint8_t)(held >> 8 * n);

	if (!n)
		mask &= ~(1 | 1 << CASCADE);
	if (mask == machine_mask[n])
		return;
	machine_mask[n] = mask;
	outb((n ? SLAVE : MASTER) + 1, mask);
}

static void machine_chip(uint16_t port, uint8_t vectors, uint8_t wiring, uint8_t mask)
{
	outb(port, ICW1 | ICW1_WITH_ICW4);
	outb(port + 1, vectors);
	outb(port + 1, wiring);
	outb(port + 1, ICW4_8086);
	outb(port + 1, mask);
}

void pic_init(void)
{
	machine_mask[0] = (uint8_t)~(1 | 1 << CASCADE);
	machine_mask[1] = 0xff;
	machine_chip(MASTER, IRQ_BASE, 1 << CASCADE, machine_mask[0]);
	machine_chip(SLAVE, IRQ_BASE + 8, CASCADE, machine_mask[1]);
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

/* How many lines come before this one. */
static unsigned rank(const struct chip *chip, unsigned line)
{
	return (line - chip->lowest - 1) & 7;
}

/* Of these lines the one with the highest priority; 8: none. */
static unsigned first(const struct chip *chip, unsigned lines)
{
	for (unsigned i = 1; lines && i <= 8; i++)
		if (lines >> ((chip->lowest + i) & 7) & 1)
			return (chip->lowest + i) & 7;
	return 8;
}

/* The line that would interrupt now; 8: none. */
static unsigned request(unsigned n)
{
	const struct chip *chip = &chips[n];
	unsigned line, serving, lines = chip->irr & ~chip->imr;

	if (!n && !(chip->imr & 1 << CASCADE) && request(1) < 8)
		lines |= 1 << CASCADE;
	if (chip->expected || !lines)
		return 8;
	line = first(chip, lines);
	serving = first(chip, chip->isr);
	return serving == 8 || rank(chip, line) < rank(chip, serving) ? line : 8;
}

static void ended(unsigned n, unsigned line)
{
	held &= (uint16_t)~(1 << (8 * n + line));
	machine_update(n);
	if (!n && !line)
		pit_acknowledged();
}

/* With nothing to take it is line 7, and that is not in service then. */
static unsigned take(unsigned n)
{
	unsigned line = request(n);

	if (line == 8)
		return 7;
	chips[n].irr &= (uint8_t)~(1 << line);
	if (chips[n].automatic)
		ended(n, line);
	else
		chips[n].isr |= (uint8_t)(1 << line);
	return line;
}

static void set_mask(unsigned n, uint8_t mask)
{
	uint8_t changed = chips[n].imr ^ mask;

	chips[n].imr = mask;
	machine_update(n);
	if (!n && (changed & 1))
		pit_masked(mask & 1);
}

/* Ends of interrupts, and changes of priority; rotation at automatic ends is not done. */
static void end(unsigned n, uint8_t value)
{
	struct chip *chip = &chips[n];
	unsigned line = value & OCW2_SPECIFIC ? value & 7 : first(chip, chip->isr);

	if (line == 8 || !(value & (OCW2_END | OCW2_SPECIFIC)))
		return;
	if (value & OCW2_ROTATE)
		chip->lowest = (uint8_t)line;
	if (!(value & OCW2_END) || !(chip->isr >> line & 1))
		return;
	chip->isr &= (uint8_t)~(1 << line);
	ended(n, line);
}

static void command(unsigned n, uint8_t value)
{
	struct chip *chip = &chips[n];

	if (value & ICW1) {
		*chip = (struct chip){
			.imr = chip->imr, .vectors = chip->vectors, .lowest = 7, .elcr = chip->elcr,
			.expected = 2, .single = value & ICW1_SINGLE, .with_icw4 = value & ICW1_WITH_ICW4,
		};
		held &= n ? 0x00ff : 0xff00;
		set_mask(n, 0);
		if (!n)
			pit_acknowledged();
	} else if (value & OCW3) {
		chip->poll = value & OCW3_POLL;
		if (value & OCW3_SELECT)
			chip->read_isr = value & 1;
	} else {
		end(n, value);
	}
}

static void data(unsigned n, uint8_t value)
{
	struct chip *chip = &chips[n];

	if (!chip->expected) {
		set_mask(n, value);
		return;
	}
	if (chip->expected == 2)
		chip->vectors = value & 0xf8;
	if (chip->expected == 4)
		chip->automatic = value & ICW4_AUTOMATIC;
	chip->expected++;
	if (chip->expected == 3 && chip->single)
		chip->expected++;
	if (chip->expected == 4 && !chip->with_icw4)
		chip->expected++;
	if (chip->expected == 5)
		chip->expected = 0;
}

/* Ports 4D0h and 4D1h are the kinds of the lines, which here are all edges. */
static unsigned chip_of(uint16_t port)
{
	return port >> 8 ? port & 1 : port >> 7;
}

uint8_t pic_port_read(uint16_t port)
{
	unsigned n = chip_of(port);
	struct chip *chip = &chips[n];

	if (port >> 8)
		return chip->elcr;
	if (chip->poll) {
		chip->poll = false;
		return request(n) == 8 ? 0 : (uint8_t)(POLL_FOUND | take(n));
	}
	if (port & 1)
		return chip->imr;
	if (chip->read_isr)
		return chip->isr;
	return chip->irr | (!n && request(1) < 8 ? 1 << CASCADE : 0);
}

void pic_port_write(uint16_t port, uint8_t value)
{
	unsigned n = chip_of(port);

	if (port >> 8)
		chips[n].elcr = value & (n ? 0xde : 0xf8);
	else if (port & 1)
		data(n, value);
	else
		command(n, value);
}

void pic_raise(unsigned irq)
{
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
	return request(0) < 8;
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
	for (unsigned n = 0; n < 2; n++) {
		chips[n] = (struct chip){ .imr = 0xff, .vectors = n ? 0x70 : 0x08, .lowest = 7 };
		machine_update(n);
	}
}
