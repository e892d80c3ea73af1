/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Loading a guest. The first module is its kernel: a multiboot ELF file here, a Linux bzImage in linux.c. Both begin in
 * 32-bit mode with flat segments and paging off, and both are told what memory they have; the rest of it, the monitor's
 * with it, is reserved.
 *
 * The monitor's user has chosen the files. They are checked all the same, that nothing gets where it does not belong.
 */
#include "elf.h"
#include "monitor.h"
#include "multiboot.h"

#define MIB 0x100000u
#define LOW_FIRST 0x10000     /* a kernel may have parts in low memory from here, after what is below, */
#define LOW_LAST 0x90000      /* to here, before what the BIOS has */
#define STACK 0x7000
#define INFO 0x9000

#define FLAT_CS 0x11          /* segments.c has them in its tables until the guest loads its own */
#define FLAT_DS 0x19

/* What a multiboot guest is told, at INFO. */
struct info {
	struct multiboot info;
	struct multiboot_range ranges[GUEST_RANGES];
	struct multiboot_module modules[MODULES];
	char lines[MODULES][GUEST_LINE];
};
_Static_assert(INFO + sizeof(struct info) <= LOW_FIRST, "struct info is too large");

/* ---- For kernels of both kinds ---- */

void guest_start(uint32_t eip)
{
	struct regs *r = &guest.regs;

	r->eip = eip;
	r->cs = FLAT_CS;
	r->ds = r->es = r->fs = r->gs = r->ss = FLAT_DS;
	r->eflags = 2;
	r->esp = STACK;
}

void guest_line(char *to, const struct module *module)
{
	const char *arguments = module->line + strlen(module->line) + 1;

	if (guest.boots)
		format(to, GUEST_LINE, "%s boot=%u", arguments, guest.boots);
	else
		format(to, GUEST_LINE, "%s", arguments);
}

/* RAM up to the end of the guest's. All else is reserved: tables of ACPI are hidden, so their memory is not to be used
 * either. */
unsigned guest_ranges(struct range to[GUEST_RANGES])
{
	unsigned count = 0;

	for (unsigned i = 0; i < boot.range_count; i++) {
		uint64_t start = boot.ranges[i].start, end = start + boot.ranges[i].length;

		if (boot.ranges[i].kind == 1 && start < guest.ram_end) {
			uint64_t most = end < guest.ram_end ? end : guest.ram_end;

			to[count++] = (struct range){ start, most - start, 1 };
			start = most;
		}
		if (start < end)
			to[count++] = (struct range){ start, end - start, 2 };
	}
	return count;
}

/* Puts a piece of a file into the guest's memory, in room for size bytes, of which the rest are clear already. */
void guest_put(const struct module *module, uint32_t offset, uint32_t length, uint32_t at, uint32_t size)
{
	uint32_t end = at < MIB ? LOW_LAST : guest.ram_end;

	if (at < LOW_FIRST || at > end || size > end - at)
		monitor_fail("%s does not fit: it wants %x bytes at %08x, and there are %08x-%08x and %08x-%08x", module->line,
			     size, at, LOW_FIRST, LOW_LAST, MIB, guest.ram_end);
	if (length > size || offset > module->size || length > module->size - offset)
		monitor_fail("%s is truncated", module->line);
	memcpy(physical(at), physical(module->start + offset), length);
	memset((char *)physical(at) + length, 0, size - length);
}

/* ---- Multiboot ---- */

static bool is_multiboot(const struct module *kernel)
{
	const uint32_t *words = physical(kernel->start);

	for (uint32_t i = 0; i + 3 <= MULTIBOOT_SEARCH / 4 && (i + 3) * 4 <= kernel->size; i++)
		if (words[i] == MULTIBOOT_MAGIC && words[i] + words[i + 1] + words[i + 2] == 0)
			return !(words[i + 1] & MULTIBOOT_REQUIRED & ~MULTIBOOT_FLAGS);
	return false;
}

/* Gives where the kernel ends, and its first instruction. */
static uint32_t load_elf(const struct module *kernel, uint32_t *entry)
{
	const struct elf *elf = physical(kernel->start);
	uint32_t last = MIB;

	if (kernel->size < sizeof *elf || elf->magic != ELF_MAGIC || elf->kind != ELF_KIND ||
	    elf->header_size != sizeof(struct elf_header))
		monitor_fail("%s has a multiboot header, but is no ELF executable for i386", kernel->line);
	if (elf->headers > kernel->size || elf->header_count * sizeof(struct elf_header) > kernel->size - elf->headers)
		monitor_fail("%s is truncated", kernel->line);
	*entry = elf->entry;
	for (uint32_t i = 0; i < elf->header_count; i++) {
		struct elf_header h;

		memcpy(&h, (const char *)elf + elf->headers + i * sizeof h, sizeof h);
		if (h.type != ELF_LOAD || !h.size)
			continue;
		guest_put(kernel, h.offset, h.file_size, h.physical, h.size);
		if (elf->entry - h.address < h.size)
			*entry = elf->entry - h.address + h.physical;
		if (h.physical + h.size > last)
			last = h.physical + h.size;
	}
	if (options.patch == PATCH_HOST)
		patch_guest(kernel, elf, (last + PAGE - 1) & -PAGE);
	return last;
}

/* The guest's address of a place in its memory. */
static uint32_t address_of(const void *place)
{
	return (uint32_t)place - PHYSICAL_BASE;
}

static void load_multiboot(const struct module *kernel)
{
	struct info *at = physical(INFO);
	struct range ranges[GUEST_RANGES];
	uint32_t entry, end = load_elf(kernel, &entry);
	unsigned count = guest_ranges(ranges);

	at->info = (struct multiboot){
		.flags = MULTIBOOT_MEMORY | MULTIBOOT_LINE | MULTIBOOT_MODULES | MULTIBOOT_MAP,
		.memory_lower = LOW_LAST / 1024, .memory_upper = (guest.ram_end - MIB) / 1024,
		.line = address_of(at->lines[0]), .module_count = boot.module_count - 1, .modules = address_of(at->modules),
		.map_length = count * sizeof *at->ranges, .map = address_of(at->ranges),
	};
	for (unsigned i = 0; i < count; i++)
		at->ranges[i] = (struct multiboot_range){ sizeof *ranges, ranges[i].start, ranges[i].length, ranges[i].kind };
	guest_line(at->lines[0], kernel);
	for (unsigned i = 1; i < boot.module_count; i++) {
		const struct module *module = &boot.modules[i];

		end = (end + PAGE - 1) & -PAGE;
		guest_put(module, 0, module->size, end, module->size);
		guest_line(at->lines[i], module);
		at->modules[i - 1] = (struct multiboot_module){ end, end + module->size, address_of(at->lines[i]), 0 };
		end += module->size;
	}
	guest_start(entry);
	guest.regs.eax = MULTIBOOT_BOOTED;
	guest.regs.ebx = INFO;
}

void load_guest(void)
{
	const struct module *kernel = &boot.modules[0];

	if (is_multiboot(kernel))
		load_multiboot(kernel);
	else if (options.patch == PATCH_HOST)
		monitor_fail("%s is no multiboot ELF kernel: patch=host is for those", kernel->line);
	else if (!load_linux())
		monitor_fail("%s is neither a multiboot ELF kernel nor a Linux bzImage", kernel->line);
}
