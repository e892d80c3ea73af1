/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Page frames: which memory there is, and who uses how much of it. Frames that are in nobody's use are on a list
 * that goes through an array, not through the frames, so a free frame is never written to.
 */
#include "kernel.h"

#define HAS_MEMORY 0x01
#define HAS_LINE 0x04
#define HAS_MAP 0x40
#define KIND_RAM 1
#define ONE_MEGABYTE 0x100000
#define MEMORY_MIN (2 * ONE_MEGABYTE)

struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, symbols[4];
	uint32_t map_length, map;
};

struct multiboot_range {
	uint32_t size; /* of the rest of this */
	uint64_t base, length;
	uint32_t kind;
} __attribute__((packed));

#define FRAMES (MEMORY_MAX / PAGE_SIZE)
#define LAST FRAMES /* ends the list */

uint32_t frames_free;
static uint16_t users[FRAMES];
static uint16_t next_free[FRAMES]; /* 0: not on the list */
static uint16_t first_free = LAST;

/* What can be reached of a range: from 1 MiB on, because below that everybody keeps something. */
static void add_range(uint64_t start, uint64_t end)
{
	if (start < physical(kernel_end))
		start = physical(kernel_end);
	if (end > MEMORY_MAX)
		end = MEMORY_MAX;
	start = (start + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
	for (; start + PAGE_SIZE <= end; start += PAGE_SIZE) {
		uint16_t frame = start / PAGE_SIZE;

		if (next_free[frame])
			continue; /* the loader named it twice */
		next_free[frame] = first_free;
		first_free = frame;
		frames_free++;
	}
}

void memory_init(uint32_t address)
{
	const struct multiboot_info *info = at_physical(address);
	uint32_t offset, length;

	if (address > MEMORY_MAX - sizeof *info)
		panic(NULL, "the boot loader's information is not where the kernel can read it");
	if (info->flags & HAS_MAP && info->map < MEMORY_MAX && info->map_length <= MEMORY_MAX - info->map) {
		length = info->map_length;
		for (offset = 0; offset + sizeof(struct multiboot_range) <= length;) {
			const struct multiboot_range *range = at_physical(info->map + offset);

			if (range->kind == KIND_RAM)
				add_range(range->base, range->base + range->length);
			offset += range->size + sizeof range->size;
		}
	} else if (info->flags & HAS_MEMORY) {
		add_range(ONE_MEGABYTE, ONE_MEGABYTE + (uint64_t)info->mem_upper * 1024);
	}
	if (frames_free < MEMORY_MIN / PAGE_SIZE)
		panic(NULL, "only %u KiB of memory are free: give the machine at least 8 MiB", frames_free * 4);
	printf("memory: %u KiB free\n", frames_free * 4);
}

bool boot_option(uint32_t address, const char *word)
{
	const struct multiboot_info *info = at_physical(address);
	size_t length = strlen(word);

	if (address > MEMORY_MAX - sizeof *info || !(info->flags & HAS_LINE) || info->cmdline >= MEMORY_MAX)
		return false;
	for (const char *at = at_physical(info->cmdline); *at; at++) {
		const char *start = at;

		while (*at && *at != ' ')
			at++;
		if ((size_t)(at - start) == length && memcmp(start, word, length) == 0)
			return true;
		if (!*at)
			break;
	}
	return false;
}

uint32_t frame_get(void)
{
	uint16_t frame = first_free;

	if (frame == LAST)
		return 0;
	first_free = next_free[frame];
	next_free[frame] = 0;
	frames_free--;
	users[frame] = 1;
	return frame * PAGE_SIZE;
}

void frame_share(uint32_t frame)
{
	users[frame / PAGE_SIZE]++;
}

bool frame_shared(uint32_t frame)
{
	return users[frame / PAGE_SIZE] > 1;
}

void frame_put(uint32_t address)
{
	uint16_t frame = address / PAGE_SIZE;

	if (!users[frame])
		panic(NULL, "frame %08x is freed twice", address);
	if (--users[frame])
		return;
	next_free[frame] = first_free;
	first_free = frame;
	frames_free++;
}
