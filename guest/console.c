/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The console: the first serial port, and the debug port of emulators if there is one. Output only. */
#include "kernel.h"

#define COM1 0x3f8
#define COM_DATA (COM1 + 0)
#define COM_INTERRUPTS (COM1 + 1)
#define COM_DIVISOR_LOW (COM1 + 0)
#define COM_DIVISOR_HIGH (COM1 + 1)
#define COM_FIFO (COM1 + 2)
#define COM_LINE (COM1 + 3)
#define COM_MODEM (COM1 + 4)
#define COM_STATUS (COM1 + 5)
#define COM_SCRATCH (COM1 + 7)
#define LINE_8N1 0x03
#define LINE_DIVISOR 0x80
#define STATUS_CAN_SEND 0x20

#define DEBUG_PORT 0xe9 /* reads as its own number where it exists */

/* A port that never gets ready must not stop the kernel; at 115200 baud a character takes far less. */
#define PATIENCE 100000

static bool have_serial, have_debug;

void console_init(void)
{
	have_debug = vmi_inb(DEBUG_PORT) == DEBUG_PORT;
	vmi_outb(0x5a, COM_SCRATCH);
	have_serial = vmi_inb(COM_SCRATCH) == 0x5a;
	if (!have_serial)
		return;
	vmi_outb(0, COM_INTERRUPTS);
	vmi_outb(LINE_DIVISOR, COM_LINE);
	vmi_outb(1, COM_DIVISOR_LOW);
	vmi_outb(0, COM_DIVISOR_HIGH);
	vmi_outb(LINE_8N1, COM_LINE);
	vmi_outb(0x07, COM_FIFO);
	vmi_outb(0x03, COM_MODEM);
}

static void send(char c)
{
	if (have_debug)
		vmi_outb(c, DEBUG_PORT);
	if (have_serial) {
		for (int i = 0; i < PATIENCE && !(vmi_inb(COM_STATUS) & STATUS_CAN_SEND); i++)
			;
		vmi_outb(c, COM_DATA);
	}
}

void console_write(const char *bytes, size_t length)
{
	for (; length; length--, bytes++) {
		if (*bytes == '\n')
			send('\r');
		send(*bytes);
	}
}

void printf(const char *text, ...)
{
	char line[160];
	va_list values;

	va_start(values, text);
	console_write(line, format(line, sizeof line, text, values));
	va_end(values);
}
