/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A Linux bzImage, by the 32-bit boot protocol (Documentation/x86/boot.txt): first sectors of 16-bit code that is not
 * run, with a header in it; then what goes to 1 MiB. A page of parameters, the zero page, gets the header, and what
 * the 16-bit code would have found out.
 */
#include "monitor.h"

#define MIB 0x100000u
#define ZERO_PAGE 0x10000
#define LINE 0x20000
#define HEADER 0x1f1          /* where the header is, in the file and in the zero page, */
#define HEADER_MOST 0x290     /* and where the latest ends */
#define SECTOR 512
#define SIGNATURE 0x53726448  /* "HdrS" */
#define VERSION_LEAST 0x202   /* the command line is anywhere */
#define VERSION_INITRD 0x203  /* initrd_most */
#define VERSION_SIZE 0x204    /* system_size has 32 bits */
#define VERSION_SEGMENTS 0x207 /* segments can be left alone */
#define INITRD_MOST 0x37ffffff /* before VERSION_INITRD */
#define LOADER_UNKNOWN 0xff
#define LOADED_HIGH 0x01
#define KEEP_SEGMENTS 0x40
#define CAN_USE_HEAP 0x80
#define RANGES_MOST 128

/* Fields of the zero page, some of which are the header's. */
#define AT(type, offset) (*(type *)(zero + (offset)))
struct e820 {
	uint64_t start, length;
	uint32_t kind;
} __attribute__((packed));

/* What the BIOS keeps of its video mode. */
#define BIOS_MODE 0x449
#define BIOS_COLUMNS 0x44a
#define BIOS_COLUMN 0x450
#define BIOS_ROW 0x451
#define BIOS_LAST_ROW 0x484
#define BIOS_POINTS 0x485
#define MODE_TEXT 3

_Static_assert(GUEST_RANGES <= RANGES_MOST, "the zero page has no room for so many");

static void show_screen(uint8_t *zero)
{
	const uint8_t *bios = physical(0);

	if ((bios[BIOS_MODE] & 0x7f) != MODE_TEXT)
		return;
	AT(uint8_t, 0x00) = bios[BIOS_COLUMN];
	AT(uint8_t, 0x01) = bios[BIOS_ROW];
	AT(uint8_t, 0x06) = MODE_TEXT;
	AT(uint8_t, 0x07) = bios[BIOS_COLUMNS];
	AT(uint16_t, 0x0a) = 3;                     /* as int 10h says: 256 KiB, colour */
	AT(uint8_t, 0x0e) = bios[BIOS_LAST_ROW] + 1;
	AT(uint8_t, 0x0f) = 1;                      /* a VGA */
	AT(uint16_t, 0x10) = bios[BIOS_POINTS];
}

/* As high as the kernel and the memory allow. */
static void load_initrd(uint8_t *zero, const struct module *initrd, uint32_t version, uint32_t kernel_end)
{
	uint32_t most = version < VERSION_INITRD ? INITRD_MOST : AT(uint32_t, 0x22c), at;

	if (most >= guest.ram_end)
		most = guest.ram_end - 1;
	at = most + 1 - initrd->size;
	if (initrd->size > most || (at & -PAGE) < kernel_end)
		monitor_fail("%s, of %u bytes, does not fit into the guest's memory", initrd->line, initrd->size);
	at &= -PAGE;
	memcpy(physical(at), physical(initrd->start), initrd->size);
	AT(uint32_t, 0x218) = at;
	AT(uint32_t, 0x21c) = initrd->size;
}

/* False: the kernel is no bzImage. */
bool load_linux(void)
{
	const struct module *kernel = &boot.modules[0];
	uint8_t *file = physical(kernel->start), *zero = file;
	uint32_t sectors, setup, size, version, end;
	struct range ranges[GUEST_RANGES];

	if (kernel->size < HEADER_MOST || AT(uint32_t, 0x202) != SIGNATURE)
		return false;
	version = AT(uint16_t, 0x206);
	if (version < VERSION_LEAST || !(AT(uint8_t, 0x211) & LOADED_HIGH))
		monitor_fail("%s is a Linux kernel with boot protocol %u.%02u: it must be a bzImage with 2.02 or later",
			     kernel->line, version >> 8, version & 0xff);
	sectors = AT(uint8_t, 0x1f1);
	setup = ((sectors ? sectors : 4) + 1) * SECTOR;
	if (setup >= kernel->size || (version >= VERSION_SIZE && (kernel->size - setup + 15) / 16 < AT(uint32_t, 0x1f4)))
		monitor_fail("%s is truncated", kernel->line);
	size = kernel->size - setup;
	if (size > guest.ram_end - MIB)
		monitor_fail("%s, of %u bytes, does not fit into the guest's memory", kernel->line, size);
	memcpy(physical(MIB), file + setup, size);

	end = 0x202u + AT(uint8_t, 0x201);
	zero = physical(ZERO_PAGE);
	memcpy(zero + HEADER, file + HEADER, (end < HEADER_MOST ? end : HEADER_MOST) - HEADER);
	show_screen(zero);
	AT(uint8_t, 0x210) = LOADER_UNKNOWN;
	AT(uint8_t, 0x211) &= (uint8_t)~CAN_USE_HEAP;
	if (version >= VERSION_SEGMENTS)
		AT(uint8_t, 0x211) |= KEEP_SEGMENTS;
	AT(uint32_t, 0x214) = MIB;
	guest_line(physical(LINE), kernel);
	AT(uint32_t, 0x228) = LINE;
	if (boot.module_count > 1)
		load_initrd(zero, &boot.modules[1], version, MIB + size);
	AT(uint8_t, 0x1e8) = (uint8_t)guest_ranges(ranges);
	for (unsigned i = 0; i < AT(uint8_t, 0x1e8); i++)
		AT(struct e820, 0x2d0 + i * sizeof(struct e820)) = (struct e820){ ranges[i].start, ranges[i].length,
									       ranges[i].kind };

	guest_start(MIB);
	guest.regs.esi = ZERO_PAGE;
	return true;
}
