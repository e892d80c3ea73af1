/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How often the monitor was entered for what, and how long that took; and the last calls, for a report. */
#include "monitor.h"

#define LAST 16

#define ENTRIES (STAT_TRAPS + 257)

HOT_DATA uint32_t stats_call;
static HOT_DATA bool on;

static const char *const names[ENTRIES] = {
#define VMI_X(number, name, ...) [number] = #name,
	VMI_CALLS(VMI_X)
#undef VMI_X
	[ENTRY_INIT] = "Init", [ENTRY_QUEUE] = "(queue full)", [ENTRY_IRET] = "IRET (slow)",
	[ENTRY_DELIVER] = "(enabled, and one waits)", [STAT_TRAPS + EX_GP] = "(instruction emulated)",
	[STAT_TRAPS + EX_PF] = "(page fault)",
};
static struct {
	uint32_t count;
	uint64_t cycles;
} stats[ENTRIES];
static HOT_DATA uint64_t begun;
static HOT_DATA struct {
	uint32_t call, eax, edx, ecx;
} last[LAST];
static HOT_DATA uint32_t last_count;

void stats_begin(void)
{
	if (on)
		begun = rdtsc();
}

void stats_end(unsigned what)
{
	if (!on || what >= ENTRIES)
		return;
	stats[what].count++;
	stats[what].cycles += rdtsc() - begun;
}

void stats_note(const struct regs *regs)
{
	stats_call = regs->ebx;
	last[last_count++ % LAST] = (typeof(*last)){ regs->ebx, regs->eax, regs->edx, regs->ecx };
}

static void print_name(uint32_t what)
{
	if (what < ENTRIES && names[what])
		print("%s\n", names[what]);
	else
		print(what < STAT_TRAPS ? "call %u\n" : "vector %u\n", what < STAT_TRAPS ? what : what - STAT_TRAPS);
}

void stats_print(void)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		if (!stats[i].count)
			continue;
		print("monitor: stat count=%u cycles=%llu each=%llu ", stats[i].count, stats[i].cycles,
		      divide(stats[i].cycles, stats[i].count, NULL));
		print_name(i);
	}
	print("monitor: timer raised=%u merged=%u delivered=%u\n", timer_count.raised, timer_count.merged, timer_count.delivered);
}

void stats_reset(void)
{
	on = options.stats;
	memset(stats, 0, sizeof stats);
	last_count = 0;
}

void stats_last_calls(void)
{
	for (uint32_t i = last_count > LAST ? last_count - LAST : 0; i < last_count; i++) {
		print("monitor: call eax %08x edx %08x ecx %08x ", last[i % LAST].eax, last[i % LAST].edx, last[i % LAST].ecx);
		print_name(last[i % LAST].call);
	}
}
