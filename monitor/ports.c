/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The ports. A table says what becomes of each: a device that is a model, one of the machine's that can do no harm and
 * is the guest's, or something between. What is not in the table is not there, or, if devices are trusted, the guest's:
 * a device that reads and writes memory by itself would reach the monitor's.
 */
#include "monitor.h"

#define PCI_PORT 0xcf8
#define RESET_PORT 0xcf9
#define RESET_NOW 0x04
#define POWER_PORT 0x604
#define POWER_OFF 0x2000
#define A20_ENABLED 0x02      /* port 92h */
#define FAST_RESET_NOW 0x01
#define KEYBOARD_DATA 0x60
#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_WRITE_OUTPUT 0xd1 /* its operand has A20 and the reset line */
#define KEYBOARD_A20_OFF 0xdd
#define KEYBOARD_A20_ON 0xdf
#define KEYBOARD_PULSE 0xf0   /* and a mask of the lines that are not pulsed, bit 0 the reset line */

enum kind {
	ABSENT,
	DIRECT,               /* the machine's, without a condition */
	POWER,                /* ACPI's PM1 control where QEMU's machine has it */
	EXIT,
	PCI_ADDRESS,          /* a register of four bytes, and one of one byte within */
	SPLIT,                /* those that follow take single bytes */
	PIC, PIT, FAST_RESET, KEYBOARD,
};

static const struct rule {
	uint16_t from, to;
	enum kind kind;
} rules[] = {
	{ 0x20, 0x21, PIC },
	{ 0x40, 0x43, PIT },
	{ KEYBOARD_DATA, KEYBOARD_DATA, KEYBOARD },
	{ 0x61, 0x61, PIT },
	{ KEYBOARD_COMMAND, KEYBOARD_COMMAND, KEYBOARD },
	{ 0x70, 0x71, DIRECT },       /* real-time clock */
	{ 0x92, 0x92, FAST_RESET },
	{ 0xa0, 0xa1, PIC },
	{ 0xe9, 0xe9, DIRECT },       /* QEMU's debug console */
	{ EXIT_PORT, EXIT_PORT + 3, EXIT },
	{ 0x2f8, 0x2ff, DIRECT },     /* serial ports */
	{ 0x3b0, 0x3bb, DIRECT },     /* VGA */
	{ 0x3c0, 0x3df, DIRECT },
	{ 0x3f8, 0x3ff, DIRECT },
	{ POWER_PORT, POWER_PORT + 1, POWER },
	{ PCI_PORT, PCI_PORT + 3, PCI_ADDRESS },
	{ 0, 0xffff, ABSENT },
};

static bool operand_dropped;  /* what is next written to port 60h belongs to a command that was not given */

static const struct rule *rule_of(uint16_t port)
{
	const struct rule *rule = rules;

	while (port < rule->from || port > rule->to)
		rule++;
	return rule;
}

/* What is done with an access. SPLIT: each byte by itself. */
static enum kind kind_of(uint16_t port, unsigned size)
{
	const struct rule *rule = rule_of(port);

	for (unsigned i = 1; i < size; i++)
		if (rule_of((uint16_t)(port + i)) != rule)
			return SPLIT;
	return (rule->kind > SPLIT && size > 1) || (rule->kind == PCI_ADDRESS && size == 2) ? SPLIT : rule->kind;
}

static uint32_t machine(uint16_t port, unsigned size, uint32_t value, bool write)
{
	if (!write)
		return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
	if (size == 1)
		outb(port, (uint8_t)value);
	else if (size == 2)
		outw(port, (uint16_t)value);
	else
		outl(port, value);
	return 0;
}

static void keyboard(uint16_t port, uint8_t value)
{
	bool drop = operand_dropped;

	operand_dropped = port == KEYBOARD_COMMAND && value == KEYBOARD_WRITE_OUTPUT;
	if (port == KEYBOARD_COMMAND) {
		if (value >= KEYBOARD_PULSE && !(value & 1))
			guest_reset("keyboard controller");
		/* The other pulses have the A20 gate's among them. */
		drop = operand_dropped || value >= KEYBOARD_PULSE || value == KEYBOARD_A20_OFF || value == KEYBOARD_A20_ON;
	}
	if (!drop)
		outb(port, value);
}

/* Reads, or writes value. */
static uint32_t access(uint16_t port, unsigned size, uint32_t value, bool write)
{
	uint32_t ones = 0xffffffff >> (32 - 8 * size), all = 0;

	value &= ones;
	switch (kind_of(port, size)) {
	case SPLIT:
		for (unsigned i = 0; i < size; i++)
			all |= access((uint16_t)(port + i), 1, value >> 8 * i, write) << 8 * i;
		return all;
	case PIC:
		if (!write)
			return pic_port_read(port);
		pic_port_write(port, (uint8_t)value);
		break;
	case PIT:
		if (!write)
			return pit_port_read(port);
		pit_port_write(port, (uint8_t)value);
		break;
	case KEYBOARD:
		if (!write)
			return inb(port);
		keyboard(port, (uint8_t)value);
		break;
	case FAST_RESET:
		if (write && (value & FAST_RESET_NOW))
			guest_reset("port 92h");
		return A20_ENABLED;
	case EXIT:
		if (write && port == EXIT_PORT)
			guest_exit(value);
		break;
	case POWER:
		if (write && (value << 8 * (port - POWER_PORT) & POWER_OFF))
			guest_power_off();
		/* fall through */
	case PCI_ADDRESS:
		if (write && port == RESET_PORT && (value & RESET_NOW))
			guest_reset("port CF9h");
		/* fall through */
	case ABSENT:
		if (!options.trust)
			break;
		/* fall through */
	case DIRECT:
		return machine(port, size, value, write);
	}
	return ones;
}

uint32_t port_read(uint16_t port, unsigned size)
{
	return access(port, size, 0, false);
}

void port_write(uint16_t port, unsigned size, uint32_t value)
{
	access(port, size, value, true);
}

bool port_direct(uint16_t port)
{
	return rule_of(port)->kind == DIRECT;
}

/* The next guest is not to find what the last one has set going. The controllers' lines are masked by pic_reset. */
void ports_reset(void)
{
	uint8_t status;

	operand_dropped = false;
	for (uint16_t com = 0x2f8; com <= 0x3f8; com += 0x100) {
		outb(com + 3, 0x03); /* 8 bits, and no divisor */
		outb(com + 1, 0);    /* no interrupts */
	}
	for (unsigned i = 0; i < 32 && (inb(KEYBOARD_COMMAND) & 1); i++)
		inb(KEYBOARD_DATA);
	outb(0x70, 0x0b);            /* the real-time clock: no interrupts either */
	status = inb(0x71);
	outb(0x71, status & ~0x70);
	outb(0x70, 0x0c);            /* and none that waits */
	inb(0x71);
}
