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

/* A string of the loader's. */
static void take_line(struct boot *b, char *to, uint32_t size, const char *from)
{
	uint32_t n = 0;

	for (; from[n] && n < size - 2; n++)
		to[n] = from[n];
	if (from[n])
		b->failed = BOOT_TOO_MANY;
}

static void read_loader(struct boot *b, const struct multiboot *info)
{
	const struct multiboot_module *modules = (const struct multiboot_module *)info->modules;
	uint32_t map_end = info->flags & MULTIBOOT_MAP ? info->map + info->map_length : 0;
	const char *line = info->flags & MULTIBOOT_LINE ? (const char *)info->line : "";

	for (uint32_t at = info->map; at < map_end;) {
		const struct multiboot_range *range = (const struct multiboot_range *)at;

		if (b->range_count == RANGES) {
			b->failed = BOOT_TOO_MANY;
			break;
		}
		b->ranges[b->range_count++] = (struct range){ range->start, range->length, range->kind };
		at += range->size + sizeof range->size;
	}
	while (*line && *line != ' ')
		line++;
	take_line(b, b->line, sizeof b->line, line);
	if (info->flags & MULTIBOOT_MODULES)
		b->module_count = info->module_count;
	if (!b->module_count)
		b->failed = BOOT_NO_MODULE;
	if (b->module_count > MODULES)
		b->failed = BOOT_TOO_MANY;
	for (uint32_t i = 0; !b->failed && i < b->module_count; i++) {
		struct module *module = &b->modules[i];
		char *s = module->line;

		take_line(b, module->line, sizeof module->line, (const char *)modules[i].line);
		while (*s && *s != ' ')
			s++;
		*s = 0;
		module->start = modules[i].start;
		module->size = modules[i].end > modules[i].start ? modules[i].end - modules[i].start : 0;
	}
}

/* False: there is no room, or what is to be moved lies where it is to be moved to. From below: image, pool, modules. */
static bool find_place(struct boot *b)
{
	uint32_t top = 0, image = pages((uint32_t)image_end - VIRTUAL_TOP), used = (uint32_t)image_load + image, pool, to;
	uint64_t need;

	for (uint32_t i = 0; i < b->range_count; i++) {
		uint64_t end = b->ranges[i].start + b->ranges[i].length;

		if (b->ranges[i].kind == 1 && b->ranges[i].start <= MIB && end > MIB)
			top = (end < RAM_LIMIT ? (uint32_t)end : RAM_LIMIT) & -PAGE;
	}
	pool = pages(top / POOL_SHARE);
	if (pool < POOL_LEAST)
		pool = POOL_LEAST;
	if (pool > POOL_MOST)
		pool = POOL_MOST;
	need = image + pool;
	for (uint32_t i = 0; i < b->module_count; i++) {
		need += pages(b->modules[i].size);
		if (b->modules[i].start + b->modules[i].size > used)
			used = b->modules[i].start + b->modules[i].size;
	}
	if (top < need + GUEST_LEAST || top - need < used)
		return false;
	b->size = (uint32_t)need;
	b->start = top - b->size;
	b->pool = b->start + image;
	b->pool_pages = pool / PAGE;
	to = b->pool + pool;
	for (uint32_t i = 0; i < b->module_count; i++) {
		copy(to, b->modules[i].start, b->modules[i].size);
		b->modules[i].start = to;
		to += pages(b->modules[i].size);
	}
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
