/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* printf's formats, as far as the kernel and its programs need them: %s %c %d %u %x %llu, width and 0. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int format(char *to, size_t size, const char *text, va_list values);

struct output {
	char *to;
	size_t size, length;
};

static void put(struct output *out, char c)
{
	if (out->length + 1 < out->size)
		out->to[out->length++] = c;
}

/* 64-bit division would need a library; two divisions of the processor's do. */
static uint32_t divide(uint64_t *value, uint32_t by)
{
	uint32_t high = *value >> 32, low = *value, rest;

	rest = high % by;
	high /= by;
	__asm__("divl %2" : "+a"(low), "+d"(rest) : "rm"(by) : "cc");
	*value = (uint64_t)high << 32 | low;
	return rest;
}

static void put_number(struct output *out, uint64_t value, uint32_t base, bool negative, int width, char fill)
{
	char digits[24];
	int n = 0;

	do
		digits[n++] = "0123456789abcdef"[divide(&value, base)];
	while (value);
	if (negative)
		digits[n++] = '-';
	for (; width > n; width--)
		put(out, fill);
	while (n)
		put(out, digits[--n]);
}

/* Writes at most size - 1 characters and a NUL. Returns how many characters it wrote. */
int format(char *to, size_t size, const char *text, va_list values)
{
	struct output out = { to, size, 0 };

	for (; *text; text++) {
		int width = 0, longs = 0;
		char fill = ' ';
		uint64_t value;

		if (*text != '%') {
			put(&out, *text);
			continue;
		}
		text++;
		if (*text == '0')
			fill = '0';
		for (; *text >= '0' && *text <= '9'; text++)
			width = width * 10 + *text - '0';
		for (; *text == 'l'; text++)
			longs++;
		if (*text == 's') {
			const char *s = va_arg(values, const char *);

			for (; *s; s++, width--)
				put(&out, *s);
			for (; width > 0; width--)
				put(&out, ' ');
		} else if (*text == 'c') {
			put(&out, va_arg(values, int));
		} else if (*text == 'd') {
			int32_t n = va_arg(values, int32_t);

			put_number(&out, n < 0 ? -(uint32_t)n : (uint32_t)n, 10, n < 0, width, fill);
		} else if (*text == 'u' || *text == 'x') {
			value = longs == 2 ? va_arg(values, uint64_t) : va_arg(values, uint32_t);
			put_number(&out, value, *text == 'x' ? 16 : 10, false, width, fill);
		} else {
			put(&out, *text);
		}
	}
	if (size)
		to[out.length] = 0;
	return out.length;
}
