/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * patch=host: the monitor patches the guest's kernel in memory, before its first instruction. A note in the kernel's file
 * says where its call sites are (vrom/note.h); the rest is the library's work, the same as in a guest that patches itself.
 *
 * Whatever the note and the site table say, only text of the guest's is written: all that they name is looked up among what
 * was loaded, and the library writes to sites, which are in the text.
 */
#include <vrom/note.h>

#include "elf.h"
#include "monitor.h"

/* What the monitor knows of the kernel. moved: what to add to a physical address to have the one that it is linked for. */
struct kernel {
	const struct module *file;
	uint32_t headers, header_count, moved;
};

static struct elf_header header_of(const struct kernel *kernel, uint32_t n)
{
	struct elf_header header;

	memcpy(&header, physical(kernel->file->start + kernel->headers + n * sizeof header), sizeof header);
	return header;
}

__attribute__((noreturn)) static void damaged(const struct kernel *kernel, const char *what)
{
	monitor_fail("%s cannot be patched: its note for vrom %s", kernel->file->line, what);
}

/* Where the size bytes that are linked for address were loaded from the file. */
static uint32_t loaded_at(const struct kernel *kernel, uint32_t address, uint32_t size, uint32_t *moved)
{
	for (uint32_t i = 0; i < kernel->header_count; i++) {
		struct elf_header h = header_of(kernel, i);
		uint32_t offset = address - h.address;

		if (h.type == ELF_LOAD && h.size && offset <= h.file_size && size <= h.file_size - offset) {
			*moved = h.address - h.physical;
			return h.physical + offset;
		}
	}
	damaged(kernel, "names what is not loaded");
}

/* ---- The note ---- */

static uint32_t up(uint32_t size)
{
	return (size + 3) & -4u;
}

/* Where in size bytes of notes, which are in the file, ours has its contents; or 0. */
static uint32_t find_in(const char *notes, uint32_t size)
{
	struct elf_note note;

	for (uint32_t at = 0, next; size - at >= sizeof note; at = next) {
		uint32_t rest = size - at - sizeof note;

		memcpy(&note, notes + at, sizeof note);
		if (note.name_size > rest || up(note.name_size) > rest || note.size > rest - up(note.name_size) ||
		    up(note.size) > rest - up(note.name_size))
			return 0;
		next = at + sizeof note + up(note.name_size);
		if (note.type == VROM_NOTE_TYPE && note.name_size == sizeof "vrom" &&
		    !memcmp(notes + at + sizeof note, "vrom", sizeof "vrom") && note.size >= sizeof(struct vrom_note))
			return next;
		next += up(note.size);
	}
	return 0;
}

/* In the guest's memory. */
static struct vrom_note *find_note(struct kernel *kernel)
{
	for (uint32_t i = 0; i < kernel->header_count; i++) {
		struct elf_header h = header_of(kernel, i);
		struct vrom_note *note;
		const char *notes;
		uint32_t offset;

		if (h.type != ELF_NOTE || h.offset > kernel->file->size || h.file_size > kernel->file->size - h.offset)
			continue;
		notes = physical(kernel->file->start + h.offset);
		offset = find_in(notes, h.file_size);
		if (!offset)
			continue;
		note = physical(loaded_at(kernel, h.address + offset, sizeof *note, &kernel->moved));
		if (memcmp(note, notes + offset, sizeof *note))
			damaged(kernel, "is not loaded");
		return note;
	}
	monitor_fail("%s has no note for vrom that says where its call sites are: patch=host needs one", kernel->file->line);
}

/* What the note names from start to end, in the guest's memory. All of it has been moved alike, so distances hold. */
static void *part(const struct kernel *kernel, uint32_t start, uint32_t end)
{
	uint32_t moved, at;

	if (start > end)
		damaged(kernel, "has an end before its start");
	at = loaded_at(kernel, start, end - start, &moved);
	if (moved != kernel->moved)
		damaged(kernel, "names parts that are not loaded as far from each other as they are linked");
	return physical(at);
}

/* What is written must not be what is read meanwhile. */
static bool apart(const void *start, const void *end, const void *other, const void *other_end)
{
	return (uint32_t)end <= (uint32_t)other || (uint32_t)other_end <= (uint32_t)start;
}

static struct vrom_table read_note(const struct kernel *kernel, const struct vrom_note *note)
{
	struct vrom_table table = { .moved = (ptrdiff_t)(kernel->moved - PHYSICAL_BASE) };

	if (note->version < VROM_NOTE_VERSION)
		damaged(kernel, "is of an unknown version");
	if (note->patched)
		damaged(kernel, "says that it is patched already: use the kernel as it was linked, or patch=guest");
	if (note->records % 4)
		damaged(kernel, "names a site table that is not aligned to 4");
	table.records = part(kernel, note->records, note->records_end);
	table.records_end = table.records + (note->records_end - note->records);
	table.native = part(kernel, note->native, note->native_end);
	table.native_end = table.native + (note->native_end - note->native);
	table.text = part(kernel, note->text, note->text_end);
	table.text_end = table.text + (note->text_end - note->text);
	if (!apart(table.text, table.text_end, table.records, table.records_end) ||
	    !apart(table.text, table.text_end, table.native, table.native_end) ||
	    !apart(table.text, table.text_end, note, note + 1))
		damaged(kernel, "names a text that holds the site table, its seal or the note itself");
	return table;
}

/* ---- Our ROM ---- */

struct asked {
	struct vrom_rom rom;
	struct vrom_host here; /* the ROM where we have it */
	uint32_t moved;        /* what to add to get where the guest sees it */
};

/* Its get_reloc is ours, looks at nothing but the image, and answers with addresses there or in the hole. */
static void VROM_ABI answer(void *context, unsigned call_number, struct vrom_answer *result)
{
	struct asked *asked = context;

	asked->here.answer(asked->here.context, call_number, result);
	if (result->target - asked->here.rom < asked->rom.size)
		result->target += asked->moved;
}

static struct vrom_host host_for(struct asked *asked, const struct kernel *kernel)
{
	struct vrom_host host;
	uint32_t at;

	if (vrom_find(bios_window, VMI_ROM_AREA_SIZE, &asked->rom, NULL) != VROM_OK)
		monitor_fail("patch=host needs a ROM: with mode=trap there is none");
	vrom_rom_host(&asked->rom, &asked->here);
	at = VMI_ROM_AREA + (uint32_t)((const uint8_t *)asked->rom.header - bios_window) + kernel->moved;
	asked->moved = at - asked->here.rom;
	host = asked->here;
	host.answer = answer;
	host.context = asked;
	host.rom = host.low = at;
	host.high = at + asked->rom.size;
	host.enter = NULL; /* that is for us to do */
	return host;
}

/* ---- */

/* The plan's memory is the guest's own, from free on, which has nothing in it yet. */
void patch_guest(const struct module *file, const struct elf *elf, uint32_t free)
{
	static struct vrom_plan plan;
	static struct asked asked;
	struct kernel kernel = { file, elf->headers, elf->header_count, 0 };
	struct vrom_note *note = find_note(&kernel);
	struct vrom_table table = read_note(&kernel, note);
	struct vrom_host host = host_for(&asked, &kernel);
	struct vrom_error error;
	uint32_t sites = vrom_count(&table), size = guest.ram_end - free;

	if (free > guest.ram_end || size < VROM_PLAN_MEMORY(0) || sites > (size - VROM_PLAN_MEMORY(0)) / 9)
		monitor_fail("%s cannot be patched: there is no memory left to plan for %u call sites", file->line, sites);
	size = VROM_PLAN_MEMORY(sites);
	if (vrom_plan(&plan, &host, &table, 1, physical(free), size, &error) != VROM_OK) {
		if (error.index == VROM_NO_INDEX)
			monitor_fail("%s cannot be patched: %s", file->line, vrom_strstatus(error.status));
		monitor_fail("%s cannot be patched: call site %u at %08x, for call %u: %s", file->line, error.index,
			     (uint32_t)error.address, error.call, vrom_strstatus(error.status));
	}
	vrom_commit(&plan);
	memset(physical(free), 0, size);
	note->patched = VROM_BY_HOST;
	note->rom = host.rom;
	note->rom_sum = vrom_fingerprint(&host);
	note->sites = plan.sites;
	note->kept = plan.kept;
	note->called = plan.called;
	note->jumped = plan.jumped;
	note->erased = plan.erased;
	note->inlined = plan.inlined;
	enter_paravirtual();
}
