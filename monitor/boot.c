/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The monitor's first code, which runs where the loader put it, at 1 MiB, with paging off. It reads what the loader says,
 * finds a place for the monitor at the top of memory, takes modules and image there, and maps them. The guest gets what
 * is below.
 *
 * The image is not where it was linked, so nothing of it may be called, and what it holds is reached by LOADED. No
 * function here may be one that a compiler turns into memcpy.
 *
 * If something is wrong, the image stays where it was loaded. It says there what it was.
 */
#include "monitor.h"
#include "multiboot.h"

#define MIB 0x100000u
#ifdef MONITOR_OPEN
#define RAM_LIMIT (VIRTUAL_TOP - PHYSICAL_BASE) /* that much is in the guest's page tables */
#else
#define RAM_LIMIT 0xf0000000u /* devices are above, and the hole */
#endif
#define GUEST_LEAST (8 * MIB)
#define POOL_LEAST MIB
#define POOL_MOST (8 * MIB)
#define POOL_SHARE 32         /* of all memory, one part */
#define CPUID_PSE 0x08        /* in EDX */
#define LARGE_PAGE 0x400000u
#define HOLE (VIRTUAL_TOP / LARGE_PAGE)

/* The linker script has these numbers too. */
_Static_assert(VIRTUAL_TOP == 0xffc00000 && RING1_CODE == 0xffc05000 && GUEST_END == 0xffc09000, "see monitor.ld");
_Static_assert(IMAGE_CODE == 0xffc30000 && IMAGE_LIMIT == 0xffe00000, "see monitor.ld");

extern char image_load[], image_end[]; /* where it was loaded; where it ends as it was linked */
#define OFFSET(symbol) ((uint32_t)&(symbol) - VIRTUAL_TOP)
#define LOADED(symbol) ((void *)(image_load + OFFSET(symbol)))

uint32_t boot_prepare(uint32_t magic, const struct multiboot *info);

static uint32_t low_table[1024] __attribute__((aligned(PAGE)));

static void copy(uint32_t to, uint32_t from, uint32_t size)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

static uint32_t pages(uint32_t size)
{
	return (size + PAGE - 1) & -PAGE;
}

/* A string of the loader's. False: it is too long. */
static bool take_line(char *to, uint32_t size, uint32_t from)
{
	const char *s = (const char *)from;
	uint32_t n = 0;

	for (; s[n] && n < size - 2; n++)
		to[n] = s[n];
	return !s[n];
}

static void read_loader(struct boot *b, const struct multiboot *info)
{
	const struct multiboot_module *modules = (const struct multiboot_module *)info->modules;
	const char *line = (const char *)info->line;

	for (uint32_t at = info->map; (info->flags & MULTIBOOT_MAP) && at < info->map + info->map_length;) {
		const struct multiboot_range *range = (const struct multiboot_range *)at;

		if (b->range_count == RANGES) {
			b->failed = BOOT_TOO_MANY;
			return;
		}
		b->ranges[b->range_count++] = range->range;
		at += range->size + sizeof range->size;
	}
	if (info->flags & MULTIBOOT_LINE) {
		while (*line && *line != ' ')
			line++;
		if (!take_line(b->line, sizeof b->line, (uint32_t)line))
			b->failed = BOOT_TOO_MANY;
	}
	if (!(info->flags & MULTIBOOT_MODULES) || !info->module_count)
		b->failed = BOOT_NO_MODULE;
	for (uint32_t i = 0; !b->failed && i < info->module_count; i++) {
		struct module *module = &b->modules[i];
		char *s = module->line;

		if (i == MODULES || !take_line(module->line, sizeof module->line, modules[i].line)) {
			b->failed = BOOT_TOO_MANY;
			return;
		}
		while (*s && *s != ' ')
			s++;
		*s = 0;
		module->start = modules[i].start;
		module->size = modules[i].end > modules[i].start ? modules[i].end - modules[i].start : 0;
		b->module_count = i + 1;
	}
}

/* Room for so many bytes below *at. */
static bool take_room(uint32_t *at, uint32_t size)
{
	if (size > RAM_LIMIT || *at < GUEST_LEAST || *at - GUEST_LEAST < pages(size))
		return false;
	*at -= pages(size);
	return true;
}

/* False: there is no room, or what is to be moved lies where it is to be moved to. */
static bool find_place(struct boot *b)
{
	uint32_t top = 0, at, used = (uint32_t)image_load + pages((uint32_t)image_end - VIRTUAL_TOP);
	uint32_t to[MODULES];

	for (uint32_t i = 0; i < b->range_count; i++) {
		uint64_t end = b->ranges[i].start + b->ranges[i].length;

		if (b->ranges[i].kind == 1 && b->ranges[i].start <= MIB && end > MIB)
			top = (end < RAM_LIMIT ? (uint32_t)end : RAM_LIMIT) & -PAGE;
	}
	at = top;
	for (uint32_t i = 0; i < b->module_count; i++) {
		uint32_t end = b->modules[i].start + b->modules[i].size;

		if (!take_room(&at, b->modules[i].size))
			return false;
		to[i] = at;
		if (end > used)
			used = end;
	}
	b->pool_pages = (top / POOL_SHARE < POOL_LEAST ? POOL_LEAST : top / POOL_SHARE > POOL_MOST ? POOL_MOST :
			 top / POOL_SHARE) / PAGE;
	if (!take_room(&at, b->pool_pages * PAGE))
		return false;
	b->pool = at;
	if (!take_room(&at, (uint32_t)image_end - VIRTUAL_TOP) || at < used)
		return false;
	for (uint32_t i = 0; i < b->module_count; i++) {
		copy(to[i], b->modules[i].start, b->modules[i].size);
		b->modules[i].start = to[i];
	}
	b->start = at;
	b->size = top - at;
	return true;
}

/* Gives the physical address of the page directory. */
uint32_t boot_prepare(uint32_t magic, const struct multiboot *info)
{
	struct boot *b = LOADED(boot);
	uint32_t *directory = LOADED(monitor_directory), *hole = LOADED(monitor_hole), *offset = LOADED(image_offset);
	uint32_t size = pages((uint32_t)image_end - VIRTUAL_TOP), regs[4];

	if (magic == MULTIBOOT_BOOTED)
		read_loader(b, info);
	else
		b->failed = BOOT_NOT_MULTIBOOT;
	if (!b->failed && !find_place(b))
		b->failed = BOOT_NO_MEMORY;
	cpuid(1, 0, regs);
	if (!(regs[3] & CPUID_PSE))
		b->failed = BOOT_NO_PSE;
	else
		write_cr4(read_cr4() | CR4_PSE);
	if (b->failed)
		b->start = (uint32_t)image_load;

	for (uint32_t i = 0; i < HOLE; i++)
		directory[i] = i % (PHYSICAL_BASE ? PHYSICAL_BASE / LARGE_PAGE : 1024) * LARGE_PAGE +
			       PTE_LARGE + PTE_WRITE + PTE_PRESENT;
	if (b->failed == BOOT_NO_PSE) {
		for (uint32_t i = 0; i < 1024; i++)
			low_table[i] = i * PAGE + PTE_WRITE + PTE_PRESENT;
		directory[0] = (uint32_t)low_table + PTE_WRITE + PTE_PRESENT;
	}
	for (uint32_t i = 0; i < size / PAGE; i++)
		hole[i] = b->start + i * PAGE + PTE_WRITE + PTE_PRESENT;
	directory[HOLE] = b->start + OFFSET(monitor_hole) + PTE_WRITE + PTE_PRESENT;
	*offset = VIRTUAL_TOP - b->start;
	if (!b->failed)
		copy(b->start, (uint32_t)image_load, size);
	return b->start + OFFSET(monitor_directory);
}
