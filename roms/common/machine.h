/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef ROM_MACHINE_H
#define ROM_MACHINE_H

/* The instructions and the arithmetic that the clock needs. */
#include <stdint.h>

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint64_t rdtsc(void)
{
	uint64_t value;

	__asm__ volatile("rdtsc" : "=A"(value));
	return value;
}

static inline uint32_t interrupts_off(void)
{
	uint32_t flags;

	__asm__ volatile("pushfl; popl %0; cli" : "=r"(flags) : : "memory");
	return flags;
}

static inline void interrupts_as_before(uint32_t flags)
{
	__asm__ volatile("pushl %0; popfl" : : "r"(flags) : "memory", "cc");
}

/* The compiler would call a library for these. */
static inline uint64_t divide(uint64_t value, uint32_t by, uint32_t *rest)
{
	uint32_t high = (uint32_t)(value >> 32), low = (uint32_t)value;
	uint32_t quotient = high / by;

	high %= by;
	__asm__("divl %2" : "+a"(low), "+d"(high) : "r"(by) : "cc");
	*rest = high;
	return (uint64_t)quotient << 32 | low;
}

/* value * rate / 2^32 */
static inline uint64_t scale(uint64_t value, uint32_t rate)
{
	return (value >> 32) * rate + ((uint64_t)(uint32_t)value * rate >> 32);
}
#endif
