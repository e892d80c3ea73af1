/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One attack each boot. The command line says "first=N", the attack of the first boot, "count=N", after how many there are no
 * more, and, from the monitor, "boot=K". With "list" all attacks are named instead, and how they are to end.
 */
#include "escape.h"
#include "multiboot.h"

uint32_t ram_end, reserved_end;
__attribute__((noreturn)) void main(const struct multiboot *info);

static const struct attack *const groups[] = {
	frame_attacks, hole_attacks, shared_attacks, table_attacks, control_attacks, segment_attacks, transfer_attacks,
	gate_attacks, call_attacks, stack_attacks, iret_attacks, debug_attacks, v86_attacks, device_attacks, storm_attacks,
	text_attacks,
};

/* The number that follows word on the command line, or 0. ~0: there is no such word. */
static uint32_t option(const char *line, const char *word)
{
	for (; *line; line++) {
		const char *w = word, *s = line;
		uint32_t value = 0;

		for (; *w && *w == *s; w++)
			s++;
		if (*w)
			continue;
		for (; *s >= '0' && *s <= '9'; s++)
			value = value * 10 + (uint32_t)(*s - '0');
		return value;
	}
	return ~0u;
}

static void memory(const struct multiboot *info)
{
	for (uint32_t at = info->map; at < info->map + info->map_length;) {
		const struct multiboot_range *range = (const struct multiboot_range *)at;

		if (range->kind == 1 && range->start == 0x100000)
			ram_end = (uint32_t)(range->start + range->length);
		if (range->kind == 2 && ram_end && range->start == ram_end)
			reserved_end = (uint32_t)(range->start + range->length);
		at += range->size + sizeof range->size;
	}
	if (!reserved_end)
		wrong("the memory map does not show where the monitor is");
	/* Who goes astray in low memory ends here: QEMU 7 does not survive an instruction that ends in the VGA's. */
	for (uint32_t at = 0x9fff0; at < 0xa0000; at++)
		*(volatile uint8_t *)at = 0xcc;
}

static void list(void)
{
	uint32_t number = 0;

	for (unsigned g = 0; g < sizeof groups / sizeof *groups; g++)
		for (const struct attack *a = groups[g]; a->name; a++)
			for (uint32_t n = 0; n < (a->count ? a->count : 1); n++, number++) {
				print("escape: attack %u: ", number);
				print(a->name, n);
				print(" | %s\n", a->end ? a->end : "");
			}
	finish();
}

void main(const struct multiboot *info)
{
	const char *line = (const char *)info->line;
	uint32_t boot = option(line, "boot="), first = option(line, "first="), count = option(line, "count=");
	uint32_t wanted;

	memory(info);
	if (option(line, "list") != ~0u)
		list();
	wanted = first + (boot == ~0u ? 0 : boot);
	if (boot != ~0u && boot >= count)
		wanted = ~0u;
	for (unsigned g = 0; g < sizeof groups / sizeof *groups; g++)
		for (const struct attack *a = groups[g]; a->name; a++) {
			uint32_t many = a->count ? a->count : 1;

			if (wanted < many) {
				machine_init(!a->early);
				for (uint32_t i = 0; i <= wanted; i++)
					random32();
				a->run(wanted);
				wanted = ~0u;
				goto done;
			}
			wanted -= wanted == ~0u ? 0 : many;
		}
	machine_init(true);
done:
	healthy();
	finish();
}
