/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The order in which the monitor comes up, and what a guest finds when it is booted, the first time and every other: its
 * memory has nothing of a guest before it, the BIOS has its own, and in the BIOS's window there is our ROM.
 */
#include <vrom/template.h>

#include "monitor.h"

#define MIB 0x100000u
#define LOW_END 0xa0000
#define BIOS_DATA 0x500       /* bytes at 0: vectors and variables of the BIOS */
#define BIOS_END 0x9c000      /* from here to LOW_END it may have more */
#define WINDOW 0xc0000        /* option ROMs and ours, then the BIOS, up to 1 MiB */

struct boot boot;
HOT_DATA uint32_t image_offset;
HOT_DATA struct guest guest;
uint8_t bios_window[0x40000] __attribute__((aligned(PAGE)));

extern const uint8_t monitor_rom[], monitor_rom_end[];

static uint8_t bios_data[BIOS_DATA], bios_end[LOW_END - BIOS_END];

/* ---- Low memory ---- */

/* The guest is shown one processor and two 8259s: no tables of the firmware that tell of more. */
static void hide(uint8_t *from, size_t size, const char *signature)
{
	size_t length = strlen(signature);

	for (; size >= 16; from += 16, size -= 16)
		if (!memcmp(from, signature, length))
			memset(from, 0, length);
}

static void save_bios_data(void)
{
	memcpy(bios_data, physical(0), sizeof bios_data);
	memcpy(bios_end, physical(BIOS_END), sizeof bios_end);
	hide(bios_end, sizeof bios_end, "_MP_");
	hide(bios_end, sizeof bios_end, "RSD PTR ");
}

static void clear_memory(void)
{
	memcpy(physical(0), bios_data, sizeof bios_data);
	memset(physical(BIOS_DATA), 0, BIOS_END - BIOS_DATA);
	memcpy(physical(BIOS_END), bios_end, sizeof bios_end);
	/* Nothing of one guest is left for the next. The first finds what the loader left, as on bare hardware. */
	if (guest.boots)
		memset(physical(MIB), 0, guest.ram_end - MIB);
}

/* ---- The window of the BIOS ---- */

/* Other VMI ROMs are made to be none: the guest is to find ours. */
static void hide_roms(void)
{
	for (uint32_t at = 0; at < VMI_ROM_AREA_SIZE; at += VMI_ROM_STEP) {
		struct vmi_rom_header *rom = (struct vmi_rom_header *)(bios_window + at);

		if (rom->boot_signature == VMI_ROM_BOOT_SIGNATURE && rom->signature == VMI_ROM_SIGNATURE)
			memset(rom, 0, sizeof *rom);
	}
}

/* The first place in the ROM area that no option ROM covers. */
static uint8_t *find_room(uint32_t size)
{
	for (uint32_t at = 0, start = 0; at < VMI_ROM_AREA_SIZE;) { /* what is between is free */
		const struct vmi_rom_header *rom = (const struct vmi_rom_header *)(bios_window + at);

		if (rom->boot_signature == VMI_ROM_BOOT_SIGNATURE)
			at = start = (at + rom->rom_length * VMI_ROM_UNIT) / VMI_ROM_STEP * VMI_ROM_STEP + VMI_ROM_STEP;
		else
			at += VMI_ROM_STEP;
		if (at - start >= size)
			return bios_window + start;
	}
	monitor_fail("other option ROMs leave no room for a ROM of %u bytes", size);
}

/* Leaves the ROM only the templates of the four calls for the interrupt mask, or none. */
static void drop_templates(uint8_t *rom, struct vrom_extension *extension)
{
	static const bool is_mask[VMI_CALL_COUNT] = {
		[VMI_CALL_EnableInterrupts] = true, [VMI_CALL_DisableInterrupts] = true,
		[VMI_CALL_GetInterruptMask] = true, [VMI_CALL_SetInterruptMask] = true,
	};
	struct vrom_template *templates = (struct vrom_template *)(rom + extension->templates);
	unsigned kept = 0;

	for (unsigned i = 0; i < extension->template_count; i++)
		if (options.mode == MODE_FOUR && is_mask[templates[i].call])
			templates[kept++] = templates[i];
	extension->template_count = (uint16_t)kept;
}

static void publish_rom(void)
{
	uint32_t size = (uint32_t)(monitor_rom_end - monitor_rom);
	uint8_t *rom = find_room(size), total = 0;
	struct vrom_extension *extension = (struct vrom_extension *)(rom + VROM_EXTENSION_OFFSET);

	memcpy(rom, monitor_rom, size);
	if (options.mode != MODE_INLINE && extension->signature == VROM_EXTENSION_SIGNATURE)
		drop_templates(rom, extension);
	/* Its last byte is for the sum. */
	for (uint32_t i = 0; i < size; i++)
		total += rom[i];
	rom[size - 1] -= total;
}

static void make_window(void)
{
	memcpy(bios_window, physical(WINDOW), sizeof bios_window);
	hide(bios_window, sizeof bios_window, "RSD PTR ");
	hide(bios_window, sizeof bios_window, "_MP_");
	hide_roms();
	if (options.mode != MODE_TRAP)
		publish_rom();
}

/* ---- */

void boot_guest(void)
{
	uint32_t boots = guest.boots;

	memset(&guest, 0, sizeof guest);
	guest.boots = boots;
	guest.ram_end = boot.start;
	if (options.memory && options.memory * MIB < boot.start)
		guest.ram_end = options.memory * MIB;
	clear_memory();
	make_window();

	memset((void *)FLAG_PAGE, 0, STUB_DATA - FLAG_PAGE);
	time_reset();
	stats_reset();
	memory_reset();
	shadow_reset();
	segments_reset();
	control_reset();
	ports_reset();
	pic_reset();
	apic_reset();
	pit_reset();
	alarm_reset();
	deliver_reset();
	shadow_root();

	load_guest();
	print("monitor: boot %u: %s, %u MiB at 0, monitor at %08x-%08x\n", guest.boots, boot.modules[0].line,
	      guest.ram_end / MIB, boot.start, boot.start + boot.size);
	guest_run();
}

void monitor_main(void)
{
	static const char *const failures[] = {
		[BOOT_NOT_MULTIBOOT] = "it needs a multiboot loader, as grub or qemu -kernel",
		[BOOT_NO_MODULE] = "name a guest kernel: qemu -kernel monitor.elf -initrd KERNEL, or a module line of grub",
		[BOOT_NO_MEMORY] = "there is too little memory, or modules lie where the monitor would",
		[BOOT_TOO_MANY] = "there are more than 4 modules or 32 ranges of memory, or a command line is too long",
		[BOOT_NO_PSE] = "this processor has no pages of 4 MiB",
	};

	console_init();
	if (boot.failed)
		monitor_fail("%s", failures[boot.failed]);
	options_parse(boot.line);
	memory_seal();
	save_bios_data();
	time_init();
	pic_init();
	shadow_init();
	boot_guest();
}
