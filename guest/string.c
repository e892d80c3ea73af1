/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What compilers expect to find even without a C library. The kernel and its programs use the same. */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

void *memcpy(void *to, const void *from, size_t length)
{
	void *d = to;
	size_t words = length / 4, rest = length % 4;

	__asm__ volatile("rep movsl" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(rest) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t length)
{
	char *d = to;
	const char *s = from;

	if (d <= s || d >= s + length)
		return memcpy(to, from, length);
	while (length--) {
		d[length] = s[length];
		__asm__ volatile("" : : : "memory"); /* or a compiler would make this a call of memmove */
	}
	return to;
}

void *memset(void *to, int value, size_t length)
{
	void *d = to;
	size_t words = length / 4, rest = length % 4;
	unsigned pattern = (unsigned char)value * 0x01010101u;

	__asm__ volatile("rep stosl" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(pattern) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t length)
{
	const unsigned char *x = a, *y = b;

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
		__asm__ volatile("" : : : "memory");
	}
	return end - s;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (unsigned char)*a - (unsigned char)*b;
}
