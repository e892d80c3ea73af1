/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The console: the first serial port. Output only. The guest has the same port for itself, so console_init is called again
 * where a guest has ended: it may have left it in any state. What is written to a port that is not there does no harm.
 */
#include "monitor.h"

#define COM1 0x3f8 /* its data */
#define COM_STATUS (COM1 + 5)
#define STATUS_CAN_SEND 0x20
#define STATUS_ALL_SENT 0x40

/* A port that never gets ready must not stop the monitor; at 115200 baud a character takes far less. */
#define PATIENCE 100000

static void wait_for(uint8_t status)
{
	for (int i = 0; i < PATIENCE && !(inb(COM_STATUS) & status); i++)
		;
}

/* No interrupts; divisor 1, 115200 baud; 8 bits, no parity, one stop bit; an empty FIFO; DTR and RTS. */
void console_init(void)
{
	static const uint8_t registers[][2] = { { 3, 0x03 }, { 1, 0 }, { 3, 0x83 }, { 0, 1 }, { 1, 0 }, { 3, 0x03 },
						{ 2, 0x07 }, { 4, 0x03 } };

	wait_for(STATUS_ALL_SENT);
	for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++)
		outb(COM1 + registers[i][0], registers[i][1]);
}

static void send(char c)
{
	if (c == '\n')
		send('\r');
	wait_for(STATUS_CAN_SEND);
	outb(COM1, (uint8_t)c);
}

/* ---- printf's formats ---- */

struct output {
	char *to; /* NULL: the console */
	size_t size, length;
};

static void put(struct output *out, char c)
{
	if (!out->to)
		send(c);
	else if (out->length + 1 < out->size)
		out->to[out->length++] = c;
}

static void put_number(struct output *out, uint64_t value, uint32_t base, int width, char fill)
{
	char digits[24];
	int n = 0;

	do {
		uint32_t digit;

		value = divide(value, base, &digit);
		digits[n++] = "0123456789abcdef"[digit];
	} while (value);
	for (; width > n; width--)
		put(out, fill);
	while (n)
		put(out, digits[--n]);
}

static void put_list(struct output *out, const char *text, va_list values)
{
	for (; *text; text++) {
		int width = 0, longs = 0;
		char fill;

		if (*text != '%') {
			put(out, *text);
			continue;
		}
		text++;
		fill = *text == '0' ? '0' : ' ';
		for (; *text >= '0' && *text <= '9'; text++)
			width = width * 10 + *text - '0';
		for (; *text == 'l'; text++)
			longs++;
		if (*text == 's') {
			for (const char *s = va_arg(values, const char *); *s; s++)
				put(out, *s);
		} else {
			uint64_t n = longs == 2 ? va_arg(values, uint64_t) : va_arg(values, uint32_t);

			put_number(out, n, *text == 'x' ? 16 : 10, width, fill);
		}
	}
}

void print_list(const char *text, va_list values)
{
	struct output out = { NULL, 0, 0 };

	put_list(&out, text, values);
}

void print(const char *text, ...)
{
	va_list values;

	va_start(values, text);
	print_list(text, values);
	va_end(values);
}

/* At most size - 1 characters and a NUL. */
void format(char *to, size_t size, const char *text, ...)
{
	struct output out = { to, size, 0 };
	va_list values;

	va_start(values, text);
	put_list(&out, text, values);
	va_end(values);
	to[out.length] = 0;
}
