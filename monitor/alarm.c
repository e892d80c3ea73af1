/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Alarms, one for each counter that can have one. Nobody takes time from the guest, so all counters are the same. */
#include "monitor.h"

#define MOST_KHZ 20 /* no alarm repeats faster: the guest could do nothing else */

static struct alarm {
	bool armed, apic;
	uint64_t expiry, period; /* period 0: once */
} alarms[VMI_ALARM_COUNTERS];

/* Those that were missed are one: the next is the first of the series that is still to come. */
static void next(struct alarm *alarm, uint64_t now)
{
	uint64_t late = now - alarm->expiry, step = alarm->period;

	alarm->armed = step != 0;
	if (!step)
		return;
	/* late modulo period. A step is the period times a power of two. */
	while (step <= late / 2)
		step *= 2;
	for (; step >= alarm->period; step /= 2)
		if (late >= step)
			late -= step;
	alarm->expiry = now - late + alarm->period;
	if (alarm->expiry <= now) /* beyond the end of time */
		alarm->armed = false;
}

uint64_t alarm_run(uint64_t now)
{
	uint64_t first = ~0ull;

	for (struct alarm *alarm = alarms; alarm < alarms + VMI_ALARM_COUNTERS; alarm++) {
		if (alarm->armed && alarm->expiry <= now) {
			next(alarm, now);
			if (alarm->apic)
				apic_timer();
			else
				pic_raise(0);
		}
		if (alarm->armed && alarm->expiry < first)
			first = alarm->expiry;
	}
	return first;
}

void alarm_set(uint32_t flags, uint64_t expiry, uint64_t period)
{
	unsigned i = flags & VMI_ALARM_COUNTER_MASK;
	uint32_t least = time_khz / MOST_KHZ;

	if (i >= VMI_ALARM_COUNTERS)
		return;
	if (!(flags & VMI_ALARM_PERIODIC))
		period = 0;
	else if (period && period < least)
		period = least;
	alarms[i] = (struct alarm){ true, flags & VMI_ALARM_WIRED_LVTT, expiry, period };
	time_run();
}

/* One that is due has come, even if the machine's timer was not that fast. */
bool alarm_cancel(uint32_t flags)
{
	unsigned i = flags & VMI_ALARM_COUNTER_MASK;
	bool armed;

	if (i >= VMI_ALARM_COUNTERS)
		return false;
	alarm_run(time_now());
	armed = alarms[i].armed;
	alarms[i].armed = false;
	return armed;
}

void alarm_reset(void)
{
	memset(alarms, 0, sizeof alarms);
}
