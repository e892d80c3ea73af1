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
#define VERSION_LEAST 0x206   /* of 2.6.22 */
#define LOADER_UNKNOWN 0xff
#define LOADED_HIGH 0x01
#define KEEP_SEGMENTS 0x40
#define CAN_USE_HEAP 0x80

/* Fields of the zero page, some of which are the header's. */
#define AT(type, offset) (*(type *)(zero + (offset)))
_Static_assert(sizeof(struct range) == 20 && GUEST_RANGES <= 128, "the zero page's map of memory is another");

/* As high as the kernel and the memory allow. */
static void load_initrd(uint8_t *zero, const struct module *initrd, uint32_t kernel_end)
{
	uint32_t most = AT(uint32_t, 0x22c), at;

	if (most >= guest.ram_end)
		most = guest.ram_end - 1;
	at = (most + 1 - initrd->size) & -PAGE;
	if (initrd->size > most || at < kernel_end)
		monitor_fail("%s does not fit into the guest's memory", initrd->line);
	guest_put(initrd, 0, initrd->size, at, initrd->size);
	AT(uint32_t, 0x218) = at;
	AT(uint32_t, 0x21c) = initrd->size;
}

/* False: the kernel is no bzImage. */
bool load_linux(void)
{
	const struct module *kernel = &boot.modules[0];
	uint8_t *file = physical(kernel->start), *zero = file;
	uint32_t setup, size, end;

	if (kernel->size < HEADER_MOST || AT(uint32_t, 0x202) != SIGNATURE)
		return false;
	if (AT(uint16_t, 0x206) < VERSION_LEAST || !(AT(uint8_t, 0x211) & LOADED_HIGH))
		monitor_fail("%s is a Linux kernel with boot protocol %x: it must be a bzImage with %x or later", kernel->line,
			     AT(uint16_t, 0x206), VERSION_LEAST);
	setup = (AT(uint8_t, 0x1f1) + 1u) * SECTOR;
	size = kernel->size - setup;
	if (setup >= kernel->size || (size + 15) / 16 < AT(uint32_t, 0x1f4))
		monitor_fail("%s is truncated", kernel->line);
	guest_put(kernel, setup, size, MIB, size);

	end = 0x202u + AT(uint8_t, 0x201);
	zero = physical(ZERO_PAGE);
	memcpy(zero + HEADER, file + HEADER, (end < HEADER_MOST ? end : HEADER_MOST) - HEADER);
	AT(uint8_t, 0x210) = LOADER_UNKNOWN;
	AT(uint8_t, 0x211) = (AT(uint8_t, 0x211) & ~CAN_USE_HEAP) | KEEP_SEGMENTS;
	AT(uint32_t, 0x214) = MIB;
	AT(uint32_t, 0x228) = LINE;
	guest_line(physical(LINE), kernel);
	if (boot.module_count > 1)
		load_initrd(zero, &boot.modules[1], MIB + size);
	AT(uint8_t, 0x1e8) = (uint8_t)guest_ranges(&AT(struct range, 0x2d0));
	/* A VGA with 80 columns and 25 lines of 16 points, in the last of which the cursor is. */
	AT(uint8_t, 0x01) = 24;
	AT(uint8_t, 0x06) = 3;
	AT(uint8_t, 0x07) = 80;
	AT(uint8_t, 0x0e) = 25;
	AT(uint8_t, 0x0f) = 1;
	AT(uint16_t, 0x10) = 16;

	guest_start(MIB);
	guest.regs.esi = ZERO_PAGE;
	return true;
}
