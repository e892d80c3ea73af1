/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The guest's local APIC. It is not at any address: the calls APICRead and APICWrite reach it. There is one processor and
 * no other bus, so interrupts come from an alarm that is wired to LVTT, and from the guest to itself, by the shorthand. It
 * has no count of its own, as those who know of these calls have alarms: the current count is 0.
 */
#include "monitor.h"

#define REG(offset) ((offset) >> 4)
#define VERSION 0x00050014    /* 6 local vectors */
#define ENABLED 0x100         /* in SVR */
#define LVT_MASKED 0x10000
#define LEAST_VECTOR 16
#define ICR_KIND 0xc0700      /* to whom, and what */
#define ICR_SELF 0x40000      /* an interrupt to itself */

enum { ID = REG(0x20), VERSIONS = REG(0x30), TPR = REG(0x80), PPR = REG(0xa0), EOI = REG(0xb0), LDR = REG(0xd0),
       DFR = REG(0xe0), SVR = REG(0xf0), ISR = REG(0x100), IRR = REG(0x200), ICR = REG(0x300), ICR_TO = REG(0x310),
       LVTT = REG(0x320), LVTERR = REG(0x370), INITIAL = REG(0x380), DIVIDE = REG(0x3e0), REGS = REG(0x400) };

static uint32_t regs[REGS];

/* The bits that a guest can set; of all other registers, none. */
static const uint32_t writable[REGS] = {
	[ID] = 0xff000000, [TPR] = 0xff, [LDR] = 0xff000000, [DFR] = 0xf0000000, [SVR] = 0x3ff, [ICR] = 0xccfff,
	[ICR_TO] = 0xff000000, [LVTT] = 0x300ff, [LVTT + 1] = 0x107ff, [LVTT + 2] = 0x107ff, [LVTT + 3] = 0x1a7ff,
	[LVTT + 4] = 0x1a7ff, [LVTERR] = 0x100ff, [INITIAL] = 0xffffffff, [DIVIDE] = 0xb,
};

/* The highest vector of a set, which is eight registers; or 0. */
static unsigned highest(unsigned set)
{
	for (unsigned i = 8; i--;)
		if (regs[set + i])
			return i * 32 + 31 - (unsigned)__builtin_clz(regs[set + i]);
	return 0;
}

static void raise(uint32_t vector)
{
	if ((regs[SVR] & ENABLED) && vector >= LEAST_VECTOR)
		regs[IRR + vector / 32] |= 1u << vector % 32;
}

/* Only what is above this in its class is delivered. */
static uint32_t processor_priority(void)
{
	unsigned serving = highest(ISR) & 0xf0;

	return (regs[TPR] & 0xf0) >= serving ? regs[TPR] : serving;
}

uint32_t apic_read(uint32_t reg)
{
	reg = REG(reg) % REGS;
	return reg == PPR ? processor_priority() : regs[reg];
}

void apic_write(uint32_t reg, uint32_t value)
{
	unsigned serving = highest(ISR);

	reg = REG(reg) % REGS;
	if (reg == EOI)
		regs[ISR + serving / 32] &= ~(1u << serving % 32);
	regs[reg] = (regs[reg] & ~writable[reg]) | (value & writable[reg]);
	/* While it is switched off its local vectors are masked. */
	if (!(regs[SVR] & ENABLED))
		for (unsigned i = LVTT; i <= LVTERR; i++)
			regs[i] |= LVT_MASKED;
	if (reg == ICR && (value & ICR_KIND) == ICR_SELF)
		raise(value & 0xff);
}

void apic_timer(void)
{
	if (!(regs[LVTT] & LVT_MASKED))
		raise(regs[LVTT] & 0xff);
}

bool apic_waiting(void)
{
	return (regs[SVR] & ENABLED) && (highest(IRR) & 0xf0) > (processor_priority() & 0xf0);
}

unsigned apic_take(void)
{
	unsigned vector = highest(IRR);

	if (!apic_waiting())
		return regs[SVR] & 0xff;
	regs[IRR + vector / 32] &= ~(1u << vector % 32);
	regs[ISR + vector / 32] |= 1u << vector % 32;
	return vector;
}

void apic_reset(void)
{
	memset(regs, 0, sizeof regs);
	regs[VERSIONS] = VERSION;
	regs[DFR] = 0xffffffff;
	regs[SVR] = 0xff;
	for (unsigned i = LVTT; i <= LVTERR; i++)
		regs[i] = LVT_MASKED;
}
