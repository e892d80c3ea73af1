/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Time, for cases that need some to pass: by the ROM's clock, and by the time stamp counter to check that by. */
#include "conform.h"

#define PIT_HZ 1193182
#define PIT_CHANNEL2 0x42
#define PIT_CONTROL 0x43
#define CHANNEL2_ONCE 0xb0
#define PORT_B 0x61
#define PORT_B_GATE 1
#define PORT_B_SOUND 2
#define PORT_B_OUT 0x20

static uint32_t tsc_us10;  /* ticks of the time stamp counter in 10 us */
static uint64_t frequency; /* of the ROM's clock */

/* The quotient has to fit. */
uint32_t divide(uint64_t value, uint32_t by)
{
	uint32_t low = (uint32_t)value, high = (uint32_t)(value >> 32);

	__asm__("divl %2" : "+a"(low), "+d"(high) : "r"(by) : "cc");
	return low;
}

/* By 10 ms of the interval timer's channel 2. */
void calibrate(void)
{
	uint8_t port = (inb(PORT_B) & ~(PORT_B_SOUND | PORT_B_GATE)) | PORT_B_GATE;
	uint32_t count = PIT_HZ / 100;
	uint64_t start;

	outb(PORT_B, port & ~PORT_B_GATE);
	outb(PIT_CONTROL, CHANNEL2_ONCE);
	outb(PIT_CHANNEL2, (uint8_t)count);
	outb(PIT_CHANNEL2, (uint8_t)(count >> 8));
	outb(PORT_B, port);
	start = rdtsc();
	while (!(inb(PORT_B) & PORT_B_OUT) && rdtsc() - start < 1ull << 32)
		;
	tsc_us10 = divide(rdtsc() - start, 1000);
}

void spin(uint32_t us10)
{
	uint64_t start = rdtsc();

	while (rdtsc() - start < (uint64_t)tsc_us10 * us10)
		;
}

bool have_timer(void)
{
	if (!frequency && provided(VMI_CALL_GetCycleFrequency))
		frequency = DO(GetCycleFrequency);
	return frequency != 0;
}

uint64_t now(void)
{
	return DO(GetCycleCounter, VMI_CYCLES_REAL);
}

uint64_t ms(uint32_t n)
{
	return have_timer() ? (uint64_t)divide(frequency, 1000) * n : 0;
}

uint32_t in_us10(uint64_t cycles)
{
	return have_timer() ? divide(cycles, divide(frequency, 100000)) : 0;
}

/* ---- Alarms ---- */

static bool alarms_used;

void set_alarm(uint32_t flags, uint64_t expiry, uint64_t period)
{
	alarms_used = true;
	DO(SetAlarm, flags, (uint32_t)expiry, (uint32_t)(expiry >> 32), (uint32_t)period, (uint32_t)(period >> 32));
}

uint32_t cancel_alarm(uint32_t flags)
{
	return (uint32_t)DO(CancelAlarm, flags);
}

void settle(void)
{
	if (!have_timer() || !alarms_used)
		return;
	for (uint32_t counter = 0; counter < VMI_ALARM_COUNTERS; counter++) {
		cancel_alarm(counter | VMI_ALARM_WIRED_IRQ0);
		cancel_alarm(counter | VMI_ALARM_WIRED_LVTT);
	}
	forget_interrupts();
	set_alarm(VMI_ALARM_WIRED_IRQ0, 0, 0);
	unmask(IRQ_TIMER);
	DO(EnableInterrupts);
	for (int i = 0; i < 600 && !interrupts[IRQ_BASE]; i++)
		spin(10);
	DO(DisableInterrupts);
	unmask(0);
	cancel_alarm(VMI_ALARM_WIRED_IRQ0);
	alarms_used = false;
}
