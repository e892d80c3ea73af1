/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How often the monitor was entered for what, and how long that took; and the last calls, for a report. */
#include "monitor.h"

#define LAST 16

uint32_t stats_call;

static const char *const names[VMI_CALL_COUNT] = {
#define VMI_X(number, name, ...) [number] = #name,
	VMI_CALLS(VMI_X)
#undef VMI_X
};
static struct {
	uint32_t count;
	uint64_t cycles;
} stats[STAT_TRAPS + 257];
static uint64_t begun;
static struct {
	uint32_t call, eax, edx, ecx, site;
} last[LAST];
static uint32_t last_count;

void stats_begin(void)
{
	begun = rdtsc();
}

void stats_end(unsigned what)
{
	if (what >= sizeof stats / sizeof *stats)
		return;
	stats[what].count++;
	stats[what].cycles += rdtsc() - begun;
}

void stats_note(const struct regs *regs)
{
	stats_call = regs->ebx;
	last[last_count++ % LAST] = (typeof(*last)){ regs->ebx, regs->eax, regs->edx, regs->ecx, regs->eip };
}

static const char *name_of(uint32_t what, char *text, size_t size)
{
	if (what < VMI_CALL_COUNT && names[what])
		return names[what];
	switch (what) {
	case ENTRY_INIT: return "Init";
	case ENTRY_QUEUE: return "(queue full)";
	case ENTRY_IRET: return "IRET (slow)";
	case ENTRY_DELIVER: return "(enabled, and one waits)";
	case STAT_TRAPS + EX_GP: return "trap 13: instruction emulated";
	case STAT_TRAPS + EX_PF: return "trap 14: page";
	}
	format(text, size, what >= STAT_TRAPS + IRQ_BASE ? "interrupt %u" : what >= STAT_TRAPS ? "trap %u" : "call %u",
	       what >= STAT_TRAPS + IRQ_BASE ? what - STAT_TRAPS - IRQ_BASE : what >= STAT_TRAPS ? what - STAT_TRAPS : what);
	return text;
}

void stats_print(void)
{
	char text[40];

	for (unsigned i = 0; i < sizeof stats / sizeof *stats; i++)
		if (stats[i].count)
			print("monitor: stat count=%u cycles=%llu each=%llu %s\n", stats[i].count, stats[i].cycles,
			      divide(stats[i].cycles, stats[i].count, NULL), name_of(i, text, sizeof text));
	print("monitor: timer raised=%u merged=%u delivered=%u\n", timer_count.raised, timer_count.merged, timer_count.delivered);
}

void stats_reset(void)
{
	memset(stats, 0, sizeof stats);
	last_count = 0;
}

void stats_last_calls(void)
{
	char text[40];

	for (uint32_t i = last_count > LAST ? last_count - LAST : 0; i < last_count; i++)
		print("monitor: call %s eax %08x edx %08x ecx %08x\n", name_of(last[i % LAST].call, text, sizeof text),
		      last[i % LAST].eax, last[i % LAST].edx, last[i % LAST].ecx);
}
