/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The order of things: what can be asked before Init, Init, the tables of the processor, and then the cases. */
#include "conform.h"

/* A case for which the machine has to end: the script that runs this guest looks at how. */
static void end_by(const char *how)
{
	if (same_text(how, "Reboot"))
		say("# reboots\n");
	else
		say("# shuts down\n");
	if (same_text(how, "Reboot"))
		DO(Reboot, VMI_REBOOT_HARD);
	else
		DO(Shutdown);
	report(false, how, "does not come back", "3.3");
	finish();
}

void main(const struct multiboot *boot)
{
	boot = at_physical((uint32_t)boot);
	console_init();
	read_options(boot);
	pae = boot_tables[1][0] != 0;
	say("# conform: page tables %s PAE\n", pae ? "with" : "without");
	rom_find();
	step("GetRelocation");
	before_init();
	step("Init");
	rom_enter();
	segments_init();
	traps_init();
	say("# the kernel is in ring %u\n", ring);
	if (*options.end)
		end_by(options.end);
	paging_init();
	calibrate();
	step("EnableInterrupts");
	quiet();
	run_cases();
	rom_report();
	finish();
}
