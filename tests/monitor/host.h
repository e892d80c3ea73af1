/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MONITOR_CPU_H
#define MONITOR_CPU_H

/* In place of monitor/cpu.h, which it keeps out: a processor whose time stands still, and a machine that is watched. */
#include <stdint.h>

#define FLAG_VM 0x20000

uint64_t rdtsc(void);
void outb(uint16_t port, uint8_t value);
void outw(uint16_t port, uint16_t value);
void outl(uint16_t port, uint32_t value);
uint8_t inb(uint16_t port);
uint16_t inw(uint16_t port);
uint32_t inl(uint16_t port);

static inline uint64_t divide(uint64_t value, uint32_t by, uint32_t *rest)
{
	if (rest)
		*rest = (uint32_t)(value % by);
	return value / by;
}
#endif
