/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Text goes to the first serial port, and to the debug port of emulators. */
#include "conform.h"

#define COM1 0x3f8
#define COM_INTERRUPTS (COM1 + 1)
#define COM_FIFO (COM1 + 2)
#define COM_LINE (COM1 + 3)
#define COM_MODEM (COM1 + 4)
#define COM_STATUS (COM1 + 5)
#define COM_SCRATCH (COM1 + 7)
#define LINE_8N1 0x03
#define LINE_DIVISOR 0x80
#define STATUS_CAN_SEND 0x20
#define DEBUG_PORT 0xe9 /* reads as its own number where it exists */
#define PATIENCE 100000

bool have_serial;
static bool have_debug;

void console_init(void)
{
	have_debug = inb(DEBUG_PORT) == DEBUG_PORT;
	outb(COM_SCRATCH, 0x5a);
	have_serial = inb(COM_SCRATCH) == 0x5a;
	if (!have_serial)
		return;
	outb(COM_INTERRUPTS, 0);
	outb(COM_LINE, LINE_DIVISOR);
	outb(COM1, 1);
	outb(COM_INTERRUPTS, 0);
	outb(COM_LINE, LINE_8N1);
	outb(COM_FIFO, 0x07);
	outb(COM_MODEM, 0x0b);
}

static void send(char c)
{
	if (have_debug)
		outb(DEBUG_PORT, (uint8_t)c);
	if (have_serial) {
		for (int i = 0; i < PATIENCE && !(inb(COM_STATUS) & STATUS_CAN_SEND); i++)
			;
		outb(COM1, (uint8_t)c);
	}
}

/* A buffer that gets full keeps the beginning. */
struct text {
	char *to;
	unsigned used, size;
};

static void put(struct text *text, char c)
{
	if (text->used + 1 < text->size)
		text->to[text->used++] = c;
}

static void put_number(struct text *text, uint32_t value, unsigned base)
{
	if (value >= base)
		put_number(text, value / base, base);
	put(text, "0123456789abcdef"[value % base]);
}

/* %s, %u and %x. Returns how much of to is used, a NUL not counted. */
unsigned print(char *to, unsigned size, const char *format, __builtin_va_list arguments)
{
	struct text text = { to, 0, size };

	for (; *format; format++) {
		if (*format != '%') {
			put(&text, *format);
			continue;
		}
		switch (*++format) {
		case 's':
			for (const char *s = __builtin_va_arg(arguments, const char *); *s; s++)
				put(&text, *s);
			break;
		case 'u':
			put_number(&text, __builtin_va_arg(arguments, uint32_t), 10);
			break;
		default:
			put_number(&text, __builtin_va_arg(arguments, uint32_t), 16);
		}
	}
	to[text.used] = 0;
	return text.used;
}

void say(const char *format, ...)
{
	char line[200];
	__builtin_va_list arguments;

	__builtin_va_start(arguments, format);
	print(line, sizeof line, format, arguments);
	__builtin_va_end(arguments);
	for (const char *s = line; *s; s++)
		send(*s);
}

/* ---- What the compiler may call ---- */

void *memcpy(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);

void *memcpy(void *to, const void *from, size_t length)
{
	void *start = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
	return start;
}

void *memset(void *to, int value, size_t length)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(length) : "a"(value) : "memory");
	return start;
}

bool same_text(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}
