/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What compilers expect to find even without a C library. */
#include "monitor.h"

void *memcpy(void *to, const void *from, size_t length)
{
	void *d = to;
	size_t words = length / 4, rest = length % 4;

	__asm__ volatile("rep movsl" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(rest) : : "memory");
	return to;
}

void *memset(void *to, int value, size_t length)
{
	void *d = to;
	size_t words = length / 4, rest = length % 4;
	uint32_t pattern = (uint8_t)value * 0x01010101u;

	__asm__ volatile("rep stosl" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(pattern) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t length)
{
	const uint8_t *x = a, *y = b;

	for (; length; length--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end) {
		end++;
		__asm__ volatile("" : : : "memory"); /* or a compiler would make this a call of strlen */
	}
	return (size_t)(end - s);
}
