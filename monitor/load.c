/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Loading a guest. The first module is its kernel: a multiboot ELF file here, a Linux bzImage in linux.c. Both begin in
 * 32-bit mode with flat segments and paging off, and both are told what memory they have; the rest of it, the monitor's
 * with it, is reserved.
 *
 * The monitor's user has chosen the files. They are checked all the same, that nothing gets where it does not belong.
 */
#include "monitor.h"
#include "multiboot.h"

#define MIB 0x100000u
#define LOW_FIRST 0x10000     /* a kernel may have parts in low memory from here, after what is below, */
#define LOW_LAST 0x90000      /* to here, before what the BIOS has */
#define STACK 0x7000
#define INFO 0x9000

#define FLAT_CS 0x11          /* segments.c has them in its tables until the guest loads its own */
#define FLAT_DS 0x19

#define ELF_MAGIC 0x464c457f
#define ELF_CLASS_32 1
#define ELF_DATA_LITTLE 1
#define ELF_EXECUTABLE 2
#define ELF_386 3
#define ELF_LOAD 1

struct elf {
	uint32_t magic;
	uint8_t class, data, unused[10];
	uint16_t type, machine;
	uint32_t version, entry, headers, sections, flags;
	uint16_t size, header_size, header_count;
};
struct elf_header {
	uint32_t type, offset, address, physical, file_size, size, flags, align;
};

/* What a multiboot guest is told, at INFO. */
struct info {
	struct multiboot info;
	struct multiboot_range ranges[GUEST_RANGES];
	struct multiboot_module modules[MODULES];
	char lines[MODULES][GUEST_LINE], loader[16];
};
_Static_assert(INFO + sizeof(struct info) <= LOW_FIRST, "struct info is too large");

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

/* The machine's ranges; RAM from the end of the guest's on is reserved. */
unsigned guest_ranges(struct range to[GUEST_RANGES])
{
	unsigned count = 0;

	for (unsigned i = 0; i < boot.range_count; i++) {
		struct range range = boot.ranges[i];
		uint64_t end = range.start + range.length;

		if (range.kind == 1 && range.start < guest.ram_end && end > guest.ram_end) {
			range.length = guest.ram_end - range.start;
			to[count++] = range;
			range = (struct range){ guest.ram_end, end - guest.ram_end, 2 };
		}
		/* Tables of ACPI are hidden, so their memory is not to be used either. */
		if (range.start >= guest.ram_end || range.kind != 1)
			range.kind = 2;
		to[count++] = range;
	}
	return count;
}

/* ---- Multiboot ---- */

static bool is_multiboot(const struct module *kernel)
{
	const uint32_t *words = physical(kernel->start);

	for (uint32_t i = 0; i + 3 <= MULTIBOOT_SEARCH / 4 && (i + 3) * 4 <= kernel->size; i++)
		if (words[i] == MULTIBOOT_MAGIC && words[i] + words[i + 1] + words[i + 2] == 0) {
			if (words[i + 1] & MULTIBOOT_REQUIRED & ~MULTIBOOT_FLAGS)
				monitor_fail("%s asks for more than a memory map: multiboot flags %x", kernel->line,
					     words[i + 1]);
			return true;
		}
	return false;
}

static bool guest_has(uint32_t start, uint32_t size)
{
	if (start < MIB)
		return start >= LOW_FIRST && start <= LOW_LAST && size <= LOW_LAST - start;
	return start <= guest.ram_end && size <= guest.ram_end - start;
}

/* Gives where the kernel ends, and its first instruction. */
static uint32_t load_elf(const struct module *kernel, uint32_t *entry)
{
	const uint8_t *file = physical(kernel->start);
	const struct elf *elf = (const struct elf *)file;
	uint32_t last = MIB;

	if (kernel->size < sizeof *elf || elf->magic != ELF_MAGIC || elf->class != ELF_CLASS_32 ||
	    elf->data != ELF_DATA_LITTLE || elf->type != ELF_EXECUTABLE || elf->machine != ELF_386 ||
	    elf->header_size != sizeof(struct elf_header))
		monitor_fail("%s has a multiboot header, but is no ELF executable for i386", kernel->line);
	if (elf->headers > kernel->size || elf->header_count * sizeof(struct elf_header) > kernel->size - elf->headers)
		monitor_fail("%s is truncated: its program headers are missing", kernel->line);
	*entry = elf->entry;
	for (uint32_t i = 0; i < elf->header_count; i++) {
		struct elf_header h;

		memcpy(&h, file + elf->headers + i * sizeof h, sizeof h);
		if (h.type != ELF_LOAD || !h.size)
			continue;
		if (h.offset > kernel->size || h.file_size > kernel->size - h.offset)
			monitor_fail("%s is truncated: a segment is missing", kernel->line);
		if (h.file_size > h.size || !guest_has(h.physical, h.size))
			monitor_fail("%s does not fit: it wants %x bytes at %08x, and there are %08x-%08x and %08x-%08x",
				     kernel->line, h.size, h.physical, LOW_FIRST, LOW_LAST, MIB, guest.ram_end);
		memcpy(physical(h.physical), file + h.offset, h.file_size);
		memset(physical(h.physical + h.file_size), 0, h.size - h.file_size);
		if (elf->entry - h.address < h.size)
			*entry = elf->entry - h.address + h.physical;
		if (h.physical + h.size > last)
			last = h.physical + h.size;
	}
	return last;
}

static void load_multiboot(const struct module *kernel)
{
	struct info *at = physical(INFO);
	struct range ranges[GUEST_RANGES];
	uint32_t entry, end = load_elf(kernel, &entry);
	unsigned count = guest_ranges(ranges);

	at->info = (struct multiboot){
		.flags = MULTIBOOT_MEMORY | MULTIBOOT_LINE | MULTIBOOT_MODULES | MULTIBOOT_MAP | MULTIBOOT_LOADER,
		.memory_upper = (guest.ram_end - MIB) / 1024, .line = (uint32_t)at->lines[0],
		.module_count = boot.module_count - 1, .modules = (uint32_t)at->modules,
		.map_length = count * sizeof *at->ranges, .map = (uint32_t)at->ranges, .loader = (uint32_t)at->loader,
	};
	format(at->loader, sizeof at->loader, "vrom monitor");
	for (unsigned i = 0; i < count; i++) {
		if (!ranges[i].start)
			at->info.memory_lower = (uint32_t)ranges[i].length / 1024;
		at->ranges[i] = (struct multiboot_range){ sizeof *at->ranges - 4, ranges[i].start, ranges[i].length,
							  ranges[i].kind };
	}
	guest_line(at->lines[0], kernel);
	for (unsigned i = 1; i < boot.module_count; i++) {
		const struct module *module = &boot.modules[i];

		end = (end + PAGE - 1) & -PAGE;
		if (!guest_has(end, module->size))
			monitor_fail("%s does not fit into the guest's memory", module->line);
		memcpy(physical(end), physical(module->start), module->size);
		guest_line(at->lines[i], module);
		at->modules[i - 1] = (struct multiboot_module){ end, end + module->size, (uint32_t)at->lines[i], 0 };
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
	else if (!load_linux())
		monitor_fail("%s is neither a multiboot ELF kernel nor a Linux bzImage", kernel->line);
}
