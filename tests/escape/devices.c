/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Devices that could reach memory by themselves, reset the machine, or lead into firmware; and ports by the thousand. */
#include "escape.h"

#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define PCI(device, reg) (0x80000000 | (device) << 11 | (reg))

static uint32_t pci(uint32_t device, uint32_t reg)
{
	outl(PCI_ADDRESS, PCI(device, reg));
	return inl(PCI_DATA);
}

/* The configuration of every device is as it was, whatever is written, in any size. */
static void pci_writes(uint32_t n)
{
	for (uint32_t device = 0; device < 32 * 8; device++) {
		uint32_t address = 0x80000000 | device << 8;

		outl(PCI_ADDRESS, address);
		if ((inl(PCI_DATA) & 0xffff) == 0xffff && device)
			continue;
		for (uint32_t reg = 0; reg < 256; reg += 4) {
			uint32_t before, after;

			outl(PCI_ADDRESS, address | reg);
			before = inl(PCI_DATA);
			if (n == 0)
				outl(PCI_DATA, 0xffffffff);
			if (n == 1)
				outw(PCI_DATA + 2, 0x3333), outw(PCI_DATA, 7);
			if (n == 2)
				for (unsigned i = 0; i < 4; i++)
					outb((uint16_t)(PCI_DATA + i), 0x33);
			if (n == 3)
				outl(PCI_DATA - 2, 0x33333333), outl(PCI_DATA + 1, 0x33333333), outl(PCI_DATA + 3, 0x33333333);
			outl(PCI_ADDRESS, address | reg);
			after = inl(PCI_DATA);
			if (before != after)
				wrong("register %x of PCI device %x: %x has become %x", reg, device, before, after);
		}
	}
}

/* The bridge's memory attributes: RAM behind the BIOS and the ROM area. */
static void pam(uint32_t n)
{
	uint32_t before = *word_at(0xd0000), map = pci(0, 0x58);

	(void)n;
	for (uint32_t reg = 0x58; reg < 0x74; reg++) {
		outl(PCI_ADDRESS, PCI(0, reg & ~3u));
		outb((uint16_t)(PCI_DATA + (reg & 3)), 0x33);
		/* By halves and with a string, too. */
		__asm__ volatile("outsb" : : "S"("\x33"), "d"(PCI_DATA + (reg & 3)));
	}
	if (pci(0, 0x58) != map)
		wrong("PAM is %x, was %x", pci(0, 0x58), map);
	attempt(write_at, 0xd0000);
	if (*word_at(0xd0000) != before)
		wrong("the ROM can be written");
}

static bool quiet(uint32_t port)
{
	/* What resets or ends, or is the console. */
	return port == 0x92 || port == 0xcf9 || port == 0x64 || port == 0x60 || (port >= 0x604 && port < 0x606) ||
	       (port >= 0xf1 && port < 0xf8) || (port >= 0x3f8 - 3 && port < 0x400) || (port >= 0xcf6 && port < 0xcfc) ||
	       (port >= 0x601 && port < 0x604) || (port >= 0x8f && port < 0x92) || (port >= 0x5d && port < 0x64);
}

static void every_port(uint32_t n)
{
	static const uint32_t values[] = { 0xffffffff, 0, 0x11111111, 0x5a5a5a5a };

	/* 16384 ports each, the first in every size, the others now and then. */
	for (uint32_t port = 0; port < 0x10000; port += port < 0x1000 ? 1 : 37) {
		if (port % 4 != n || quiet(port))
			continue;
		for (unsigned v = 0; v < 4; v++) {
			outb((uint16_t)port, (uint8_t)values[v]);
			inb((uint16_t)port);
			if (port == 0x40 || port == 0x43)
				continue;
			outw((uint16_t)port, (uint16_t)values[v]);
			outl((uint16_t)port, values[v]);
			inw((uint16_t)port);
			inl((uint16_t)port);
		}
	}
	interrupts(false);
	timer_off();
}

/* The 8237: a transfer from memory to memory, or by a channel that is asked by software, to the monitor. */
static void isa_dma(uint32_t n)
{
	(void)n;
	outb(0x0d, 0);
	outb(0x08, 0x01);
	for (unsigned channel = 0; channel < 4; channel++) {
		outb((uint16_t)(channel * 2), 0);
		outb((uint16_t)(channel * 2), 0);
		outb((uint16_t)(channel * 2 + 1), 0xff);
		outb((uint16_t)(channel * 2 + 1), 0x0f);
		outb(0x0b, (uint8_t)(0x84 + channel));
		outb((uint16_t)(const uint8_t[]){ 0x87, 0x83, 0x81, 0x82 }[channel], (uint8_t)(ram_end >> 16));
		outb(0x09, (uint8_t)(4 + channel));
	}
	for (uint32_t port = 0xc0; port < 0xe0; port++)
		outb((uint16_t)port, 0);
	for (uint32_t port = 0x80; port < 0x90; port++)
		outb((uint16_t)port, 0xff);
	if (inb(0x08) != 0xff || inb(0x00) != 0xff || inb(0xd0) != 0xff)
		wrong("there is a DMA controller: %x", inb(0x08));
}

/* QEMU's configuration device, which reads and writes memory by itself when told an address. */
static void fw_cfg(uint32_t n)
{
	uint32_t *command = (uint32_t *)fresh_page();
	static const uint32_t writes[] = { 0x12, 0x0a, 0x08, 0x18 };

	(void)n;
	outw(0x510, 0);
	if (inb(0x511) == 'Q' || inl(0x514) == 0x554d4551)
		wrong("QEMU's configuration device is there");
	for (unsigned i = 0; i < 4; i++) {
		command[0] = writes[i] << 24;
		command[1] = 0x00100000;
		command[2] = 0;
		command[3] = __builtin_bswap32(ram_end);
		outl(0x514, 0);
		outl(0x518, __builtin_bswap32(address_of(command)));
		if (command[0] != writes[i] << 24)
			wrong("it has carried out a command");
	}
}

/* IDE, with a bus master of the PIIX3 at what its BAR says; ACPI; VGA's other ports; USB. */
static void bus_masters(uint32_t n)
{
	(void)n;
	for (uint32_t device = 0; device < 32 * 8; device++) {
		outl(PCI_ADDRESS, 0x80000000 | device << 8 | 4);
		outl(PCI_DATA, 7);
		for (uint32_t bar = 0x10; bar < 0x28; bar += 4) {
			outl(PCI_ADDRESS, 0x80000000 | device << 8 | bar);
			outl(PCI_DATA, 0xc001);
		}
	}
	for (uint32_t port = 0xc000; port < 0xc040; port += 4) {
		outl((uint16_t)port, address_of(directory));
		if (inl((uint16_t)port) != 0xffffffff)
			wrong("there is something at port %x", port);
	}
	for (uint32_t port = 0x1f0; port < 0x1f8; port++)
		outb((uint16_t)port, 0xa0);
	if (inb(0x1f7) != 0xff)
		wrong("there is a disk");
	outw(0x1ce, 4);
	outw(0x1cf, 0xffff);
}

static void smi(uint32_t n)
{
	(void)n;
	for (uint32_t value = 0; value < 256; value++) {
		outb(0xb2, (uint8_t)value);
		outb(0xb3, (uint8_t)value);
		outw(0xb2, (uint16_t)(value * 0x101));
	}
	for (uint32_t port = 0x600; port < 0x640; port += 4)
		if (port != 0x604)
			outl((uint16_t)port, 0);
	outl(0x5fe, 0xffff);
}

/* Ways to reset the machine, or to turn it off: it is the guest's alone. */
static void resets(uint32_t n)
{
	switch (n) {
	case 0: outb(0x92, 1); break;
	case 1: outb(0xcf9, 6); break;
	case 2: outb(0x64, 0xfe); break;
	case 3: outb(0x64, 0xf0); break;
	case 4: outw(0x91, 0x0100); break;
	case 5: outw(0xcf8, 0x0600); break;
	case 6: outl(0x90, 0x00ff0000); break;
	}
}

static void turn_off(uint32_t n)
{
	if (n == 0)
		outw(0x604, 0x2000);
	if (n == 1)
		outb(0x605, 0x20);
	if (n == 2)
		outl(0x603, 0x00200000);
	if (n == 3)
		__asm__ volatile("cli; hlt");
	if (n == 4)
		hypercall(VMI_CALL_Shutdown, 0, 0, 0, 0, 0);
}

static void ends_well(uint32_t n)
{
	if (n == 0)
		outl(0xf4, 0x10);
	if (n == 1)
		outw(0xf3, 0x1000);
	if (n == 2)
		__asm__ volatile("rep outsb" : : "S"("\x10\x10"), "c"(2), "d"(0xf4));
	if (n == 3)
		hypercall(VMI_CALL_OUTB, 0xffffff10, 0xffff00f4, 0, 0, 0);
}

/* What is written to the keyboard controller that has to do with A20, reset and modes. */
static void keyboard(uint32_t n)
{
	(void)n;
	for (uint32_t command = 0; command < 256; command++) {
		if (command >= 0xf0 && !(command & 1))
			continue;
		outb(0x64, (uint8_t)command);
		outb(0x60, 0);
		outb(0x60, 0xfe);
		for (unsigned i = 0; i < 16; i++)
			inb(0x60);
	}
	outb(0x64, 0xd1);
	outb(0x60, 0x00);
	outb(0x64, 0xd1);
	outb(0x64, 0x20);
	outb(0x60, 0x00);
	if (*word_at(0x100000) == *word_at(0))
		wrong("A20 is off");
	outb(0x92, 0);
	if (*word_at(0x100000) == *word_at(0))
		wrong("A20 is off");
}

/* The controllers, initialised halfway, with vectors that are exceptions' or the monitor's. */
static bool take_all(struct frame *frame)
{
	if (frame->vector < EX_COUNT && frame->vector)
		return false;
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
	if (++ticks > 1000)
		outb(0x21, 0xff);
	return true;
}

static void pic_tricks(uint32_t n)
{
	static const uint8_t bases[] = { 0x00, 0x20, 0xf0, 0xf8, 0x80 };

	(void)n;
	for (unsigned i = 0; i < 5; i++)
		for (unsigned icw1 = 0x10; icw1 < 0x20; icw1 += 5) {
			timer(2000);
			trap_hook = take_all;
			outb(0xa0, (uint8_t)icw1);
			outb(0x20, (uint8_t)icw1);
			outb(0x21, bases[i]);
			outb(0x21, 4);
			outb(0x21, 3);
			outb(0x21, 0);
			for (unsigned k = 0; k < 256; k++) {
				outb(0x20, (uint8_t)(k & ~0x10));
				outb(0xa0, (uint8_t)(k & ~0x10));
				inb(0x20);
				inb(0xa0);
			}
			outb(0x4d0, 0xff);
			outb(0x4d1, 0xff);
			outb(0x21, 0xfa);
			for (unsigned k = 0; k < 100; k++)
				interrupts(true);
			interrupts(false);
		}
	timer_off();
}

/* Half an initialisation is what the next boot must not see. */
static void pic_half(uint32_t n)
{
	timer(1000);
	outb(0x20, 0x11);
	if (n)
		outb(0x21, 0xf0);
	outb(0xa0, 0x13);
	finish();
}

static void serial(uint32_t n)
{
	/* The console in no state to print: loopback, 50 baud, five bits, interrupts, and the divisor in its way. */
	outb(0x3fc, 0x1f);
	outb(0x3fb, 0x80);
	outb(0x3f8, 0xff);
	outb(0x3f9, 0xff);
	if (n == 0)
		outb(0x3fb, 0x00);
	outb(0x3f9, 0x0f);
	outb(0x3fa, 0xff);
	outb(0xf4, 0x10);
}

static void rtc(uint32_t n)
{
	(void)n;
	for (unsigned i = 0; i < 256; i++) {
		outb(0x70, (uint8_t)i);
		inb(0x71);
		if ((i & 0x7f) >= 0x0e || (i & 0x7f) == 0x0a || (i & 0x7f) == 0x0b)
			outb(0x71, 0xff);
	}
	outb(0x70, 0x8b);
	outb(0x71, 0x72);
	outb(0x70, 0x8a);
	outb(0x71, 0x21);
	timer(1000);
	trap_hook = take_all;
	outb(0x21, 0xfa);
	outb(0xa1, 0xfe);
	interrupts(true);
	for (volatile uint32_t i = 0; i < 100000; i++)
		;
	interrupts(false);
	timer_off();
}

const struct attack device_attacks[] = {
	{ "writes to the configuration of PCI devices, %u", pci_writes, NULL, 4, false },
	{ "memory attributes of the PCI bridge", pam, NULL, 0, false },
	{ "every port, %u", every_port, NULL, 4, false },
	{ "ISA DMA to the monitor", isa_dma, NULL, 0, false },
	{ "QEMU's configuration device", fw_cfg, NULL, 0, false },
	{ "bus masters, disks, VGA", bus_masters, NULL, 0, false },
	{ "system management interrupts and ACPI", smi, NULL, 0, false },
	{ "a reset, %u", resets, RESET, 7, false },
	{ "turning the machine off, %u", turn_off, "the guest turned the machine off", 5, false },
	{ "odd ways to end, %u", ends_well, "the guest ended with 10$", 4, false },
	{ "the keyboard controller's commands", keyboard, NULL, 0, false },
	{ "interrupt controllers with odd vectors", pic_tricks, NULL, 0, false },
	{ "interrupt controllers half initialised, %u", pic_half, NULL, 2, false },
	{ "a serial port that cannot print, %u", serial, NULL, 2, false },
	{ "the real-time clock's registers", rtc, NULL, 0, false },
	{ NULL, NULL, NULL, 0, false },
};
