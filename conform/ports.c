/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Port input and output. The registers 4 to 7 of the serial port serve: modem control, two of status, and a byte that
 * nothing uses. A device of bytes takes wider accesses as several.
 */
#include "conform.h"

#define PORT 0x3fc       /* modem control */
#define SCRATCH_PORT 0x3ff
#define MODEM 0x0b
#define NO_PORT 0x0ef0   /* of no device */

static bool no_port(void)
{
	if (!have_serial)
		skip("there is no serial port to try it on");
	return !have_serial;
}

static struct registers port_call(unsigned call, uint32_t eax, uint32_t port)
{
	struct registers r = REGISTERS(.eax = eax, .edx = port);

	make(call, &r, 0, 0);
	return r;
}

CASE(out_byte, "OUTB", "writes AL to the port in DX", "3.5")
{
	if (no_port())
		return;
	outb(SCRATCH_PORT, 0);
	port_call(VMI_CALL_OUTB, 0x1234565a, SCRATCH_PORT);
	EQUAL(inb(SCRATCH_PORT), 0x5a);
}

CASE(in_byte, "INB", "reads a byte from the port in DX into AL", "3.5")
{
	if (no_port())
		return;
	outb(SCRATCH_PORT, 0xa6);
	EQUAL(port_call(VMI_CALL_INB, 0, SCRATCH_PORT).eax & 0xff, 0xa6);
	EQUAL(port_call(VMI_CALL_INB, 0, NO_PORT).eax & 0xff, 0xff);
}

CASE(out_word, "OUTW", "writes AX", "3.5")
{
	if (no_port())
		return;
	outb(SCRATCH_PORT, 0);
	port_call(VMI_CALL_OUTW, 0x12346b00, SCRATCH_PORT - 1);
	EQUAL(inb(SCRATCH_PORT), 0x6b);
}

CASE(in_word, "INW", "reads into AX", "3.5")
{
	if (no_port())
		return;
	outb(SCRATCH_PORT, 0x7c);
	EQUAL(port_call(VMI_CALL_INW, 0, SCRATCH_PORT - 1).eax >> 8 & 0xff, 0x7c);
	EQUAL(port_call(VMI_CALL_INW, 0, NO_PORT).eax & 0xffff, 0xffff);
}

CASE(out_long, "OUTL", "writes EAX", "3.5")
{
	if (no_port())
		return;
	outb(SCRATCH_PORT, 0);
	port_call(VMI_CALL_OUTL, 0x8d000000 + MODEM, PORT);
	EQUAL(inb(SCRATCH_PORT), 0x8d);
	EQUAL(inb(PORT), MODEM);
}

CASE(in_long, "INL", "reads into EAX", "3.5")
{
	uint32_t value;

	if (no_port())
		return;
	outb(SCRATCH_PORT, 0x9e);
	value = port_call(VMI_CALL_INL, 0, PORT).eax;
	EQUAL(value >> 24, 0x9e);
	EQUAL(value & 0xff, MODEM);
}

/* A string of count of so many bytes, of which the last byte is a mark. */
static void out_string(unsigned call, unsigned size, unsigned units, uint32_t port)
{
	static uint8_t bytes[16];
	struct registers r = REGISTERS(.esi = (uint32_t)bytes, .edx = port, .ecx = units);

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = i % 4 == 0 && size == 4 ? MODEM : (uint8_t)(i + 0x10);
	outb(SCRATCH_PORT, 0);
	make(call, &r, 0, 0);
	EQUAL(r.ecx, 0);
	EQUAL(r.esi, (uint32_t)bytes + units * size);
	EQUAL(inb(SCRATCH_PORT), 0x10 + units * size - 1);
}

static void in_string(unsigned call, unsigned size, unsigned units, uint32_t port, uint8_t mark)
{
	static uint8_t bytes[20];
	struct registers r = REGISTERS(.edi = (uint32_t)bytes, .edx = port, .ecx = units);

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = 0x77;
	outb(SCRATCH_PORT, mark);
	make(call, &r, 0, 0);
	EQUAL(r.ecx, 0);
	EQUAL(r.edi, (uint32_t)bytes + units * size);
	for (unsigned i = 0; i < units; i++)
		EQUAL(bytes[i * size + size - 1], mark);
	for (unsigned i = units * size; i < sizeof bytes; i++)
		EQUAL(bytes[i], 0x77);
}

CASE(outs_byte, "OUTSB", "writes ECX bytes from ESI on", "3.5")
{
	if (!no_port())
		out_string(VMI_CALL_OUTSB, 1, 3, SCRATCH_PORT);
}

CASE(outs_word, "OUTSW", "writes ECX words from ESI on", "3.5")
{
	if (!no_port())
		out_string(VMI_CALL_OUTSW, 2, 3, SCRATCH_PORT - 1);
}

CASE(outs_long, "OUTSL", "writes ECX double words from ESI on", "3.5")
{
	if (!no_port())
		out_string(VMI_CALL_OUTSL, 4, 2, PORT);
}

CASE(ins_byte, "INSB", "reads ECX bytes to EDI on", "3.5")
{
	if (!no_port())
		in_string(VMI_CALL_INSB, 1, 5, SCRATCH_PORT, 0x21);
}

CASE(ins_word, "INSW", "reads ECX words to EDI on", "3.5")
{
	if (!no_port())
		in_string(VMI_CALL_INSW, 2, 3, SCRATCH_PORT - 1, 0x43);
}

CASE(ins_long, "INSL", "reads ECX double words to EDI on", "3.5")
{
	if (!no_port())
		in_string(VMI_CALL_INSL, 4, 2, PORT, 0x65);
}

CASE(delay, "IODelay", "does nothing that can be seen", "3.5")
{
	if (no_port())
		return;
	outb(SCRATCH_PORT, 0x3c);
	DO(IODelay);
	EQUAL(inb(SCRATCH_PORT), 0x3c);
}
