/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The order in which the kernel comes up. Interrupts are off until the idle loop. */
#include "kernel.h"

#define MULTIBOOT_BOOTED 0x2badb002

uint32_t did[VMI_CALL_COUNT];

static void print_processor(void)
{
	uint32_t r[4], vendor[4] = { 0 };

	vmi_cpuid(0, 0, r);
	vendor[0] = r[1];
	vendor[1] = r[3];
	vendor[2] = r[2];
	vmi_cpuid(1, 0, r);
	printf("processor: %s, signature %x, the kernel is in ring %u\n", (const char *)vendor, r[0], ring);
}

void main(uint32_t magic, uint32_t multiboot)
{
	uint64_t start, waiting;

	host_adopt(); /* before the first call site */
	start = vmi_rdtsc();
	console_init();
	printf("guest: a small i386 kernel with VMI call sites\n");
	if (magic != MULTIBOOT_BOOTED)
		panic(NULL, "the kernel was not started by a multiboot loader");

	profile_report("start");
	waiting = vmi_rdtsc(); /* a ROM, and the kernel too, measure a clock: not part of how long the rest takes */
	host_attach(); /* first of all: whatever is loaded or changed from here on goes through the sites */
	start += vmi_rdtsc() - waiting;
	if (boot_option(multiboot, "text=sum"))
		host_print_text();
	segments_init();
	trap_init();
	print_processor();
	memory_init(multiboot);
	profile_report("boot");
	waiting = vmi_rdtsc();
	timer_calibrate();
	start += vmi_rdtsc() - waiting;
	profile_report(NULL);
	timer_init();
	process_init();
	printf("bench boot iterations=1 ticks=%u\n", (uint32_t)(vmi_rdtsc() - start));
	profile_report("boot");

	/* Looking and halting must be one step, or a wake-up in between would be slept through. */
	for (;;) {
		vmi_disable_interrupts();
		schedule();
		halt();
	}
}
