/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * vrom patch: what a kernel would do to itself when it starts, done to its file. The library patches a copy of the text for
 * the ROM as the guest will find it; what it wrote goes to the file, and the kernel's note says so. Nothing else changes.
 */
#include <elf.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vrom/note.h>

#include "against.h"
#include "calls.h"

#define MEMORY_MOST 640

struct options {
	const char *kernel, *rom, *output;
	uint64_t rom_at, memory;
};

/* ---- The kernel's note ---- */

/* The bytes at address in what is loaded, or NULL. The plan was made from sections; what runs is segments. */
static unsigned char *loaded_at(const struct elf *elf, uint64_t address, uint64_t size)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct segment *segment = &elf->segments[i];

		if (address >= segment->address && address - segment->address <= segment->file_size &&
		    size <= segment->file_size - (address - segment->address))
			return elf->file.bytes + (segment->bytes - elf->file.bytes) + (address - segment->address);
	}
	return NULL;
}

/* The contents of ours in size bytes of notes, and how far into them; or NULL. */
static unsigned char *find_in(unsigned char *notes, uint64_t size, uint64_t *offset)
{
	Elf32_Nhdr header;

	for (uint64_t at = 0; size - at >= sizeof header;) {
		uint64_t name = at + sizeof header, text, end;

		memcpy(&header, notes + at, sizeof header);
		text = name + (((uint64_t)header.n_namesz + 3) & ~(uint64_t)3);
		end = text + (((uint64_t)header.n_descsz + 3) & ~(uint64_t)3);
		if (end > size)
			return NULL;
		if (header.n_type == VROM_NOTE_TYPE && header.n_namesz == 5 && memcmp(notes + name, "vrom", 5) == 0 &&
		    header.n_descsz >= sizeof(struct vrom_note)) {
			*offset = text;
			return notes + text;
		}
		at = end;
	}
	return NULL;
}

/* Where the note's contents are in the file's bytes. NULL after a complaint. */
static unsigned char *find_note(const struct elf *elf)
{
	const Elf32_Ehdr *file = (const Elf32_Ehdr *)elf->file.bytes;
	unsigned char *found = NULL;
	uint64_t offset;

	for (unsigned i = 0; i < file->e_phnum && !found; i++) {
		uint64_t at = file->e_phoff + (uint64_t)i * file->e_phentsize;
		Elf32_Phdr header;

		/* elf_open has looked at the program headers, but kept only what is loaded. */
		memcpy(&header, elf->file.bytes + at, sizeof header);
		if (header.p_type != PT_NOTE || header.p_offset > elf->file.size ||
		    header.p_filesz > elf->file.size - header.p_offset)
			continue;
		found = find_in(elf->file.bytes + header.p_offset, header.p_filesz, &offset);
		if (found && loaded_at(elf, header.p_vaddr + offset, sizeof(struct vrom_note)) != found) {
			fail(elf->path, "its note is not among what is loaded, so that it could not read it: see vrom/note.h");
			return NULL;
		}
	}
	if (!found)
		fail(elf->path, "it has no note by which it could tell that it was patched: put VROM_NOTE of vrom/note.h in it");
	return found;
}

/* Whether the note and the table that was read are about the same. 0, or EXIT_BAD after a complaint. */
static int check_note(const struct kernel *kernel, const struct vrom_note *note)
{
	const struct table *table = &kernel->table;
	const char *path = kernel->elf.path;

	if (note->version < VROM_NOTE_VERSION)
		return fail(path, "its note is of version %u: build it with this version of vrom", note->version);
	if (note->patched)
		return fail(path, "it was patched already, for a ROM at 0x%x: use the kernel as it was linked", note->rom);
	if (note->records != table->records_address || note->records_end - note->records != table->records_size ||
	    note->native != table->native_address || note->native_end - note->native != table->native_size)
		return fail(path, "its note tells of another site table than its sections: link it again");
	if (note->text >= note->text_end)
		return fail(path, "its note tells of no text: VROM_NOTE is given its start and its end");
	return 0;
}

/* Sites are to lie in the text that the kernel itself would accept. */
static int narrow_text(struct against *against, const struct vrom_note *note)
{
	struct vrom_table *table = &against->table;
	unsigned char *start = copy_at(against, note->text), *end = copy_at(against, note->text_end);

	if (start > table->text)
		table->text = start;
	if (end < table->text_end)
		table->text_end = end;
	return table->text < table->text_end;
}

/* ---- Patching ---- */

static int explain(const struct against *against, const struct kernel *kernel, const struct vrom_error *error)
{
	const char *path = kernel->elf.path;

	if (error->index == VROM_NO_INDEX)
		return fail(path, "nothing is patched: %s: see \"vrom check\"", vrom_strstatus(error->status));
	return fail(path, "nothing is patched, because of site %u at 0x%x for %s: %s: see \"vrom check\"", error->index,
		    (uint32_t)error->address, call_name(error->call),
		    error->status == VROM_ANSWER && error->call < VMI_CALL_COUNT &&
				    against->rom.replies[error->call].problem[0] ?
			    against->rom.replies[error->call].problem :
			    vrom_strstatus(error->status));
}

/* The ROM as the guest will find it, asked. 0, or EXIT_BAD after a complaint. */
static int prepare_rom(struct romfile *rom, const struct options *options)
{
	uint32_t physical = (uint32_t)options->rom_at % 0x100000;

	if (romfile_open(rom, options->rom, (uint32_t)options->rom_at) != 0)
		return EXIT_BAD;
	if (rom->status != VROM_OK)
		return fail(options->rom, "%s: see \"vrom show\"", vrom_strstatus(rom->status));
	if (!rom->extension || !(rom->extension->flags & VROM_PROMISES_RELOC))
		return fail(options->rom, "it does not promise what it answers before a guest has called its Init, so nobody but "
			    "that guest can patch for it");
	if (physical < VMI_ROM_AREA || physical + rom->size > VMI_ROM_AREA + VMI_ROM_AREA_SIZE || physical % VMI_ROM_STEP)
		return fail(options->rom, "no guest finds a ROM at 0x%llx: give --rom-at the address that the kernel has for a "
			    "multiple of 0x%x from 0x%x to 0x%x", (unsigned long long)options->rom_at, VMI_ROM_STEP, VMI_ROM_AREA,
			    VMI_ROM_AREA + VMI_ROM_AREA_SIZE - 1);
	if (options->memory && romfile_boot(rom, physical, (unsigned)options->memory) != 0)
		return EXIT_BAD;
	return romfile_ask(rom);
}

/* Takes what the patcher wrote into the file's bytes. 0, or EXIT_BAD after a complaint. */
static int take_over(const struct against *against, const struct kernel *kernel)
{
	const struct table *table = &kernel->table;

	for (size_t i = 0; i < table->count; i++) {
		const struct site *site = &table->sites[i];
		unsigned char *to = loaded_at(&kernel->elf, site->address, site->size);

		if (!to || to != site->bytes)
			return fail(kernel->elf.path, "site %zu is not loaded from where its section has it: link the kernel again", i);
		memcpy(to, copy_at(against, site->address), site->size);
	}
	/* In a file where two places are one, they would not all be right. */
	for (size_t i = 0; i < table->count; i++)
		if (memcmp(table->sites[i].bytes, copy_at(against, table->sites[i].address), table->sites[i].size) != 0)
			return fail(kernel->elf.path, "site %zu has its bytes in the file where another has them: link the kernel again", i);
	return 0;
}

/* 0, or EXIT_BAD after a complaint. note is filled in. */
static int patch(struct against *against, const struct kernel *kernel, struct vrom_note *note)
{
	struct vrom_host host = against_host(against);
	const struct vrom_plan *plan = &against->plan;
	struct vrom_error error;

	if (against_lay_out(against, kernel) != 0)
		return EXIT_BAD;
	if (!narrow_text(against, note))
		return fail(kernel->elf.path, "its sites are not in the text that its note tells of: link it again");
	if (against_plan(against, kernel, &error) != VROM_OK)
		return explain(against, kernel, &error);
	note->patched = VROM_BY_TOOL;
	note->rom = against->rom.at;
	note->rom_sum = vrom_fingerprint(&host);
	note->sites = plan->sites;
	note->kept = plan->kept;
	note->called = plan->called;
	note->jumped = plan->jumped;
	note->erased = plan->erased;
	note->inlined = plan->inlined;
	return take_over(against, kernel);
}

/* ---- Out ---- */

/* With the rights that the kernel's file has. On failure there is no file. */
static int write_file(const char *path, const struct elf *elf)
{
	struct stat about;
	FILE *file = fopen(path, "wb");

	if (!file)
		return fail(path, "cannot be written (%s): check the name", strerror(errno));
	if (fwrite(elf->file.bytes, 1, elf->file.size, file) != elf->file.size || fflush(file) != 0) {
		int reason = errno;

		fclose(file);
		unlink(path);
		return fail(path, "cannot be written (%s): is the disk full?", strerror(reason));
	}
	if (stat(elf->path, &about) == 0)
		(void)!fchmod(fileno(file), about.st_mode & 0777);
	fclose(file);
	return 0;
}

/* FNV-1a of the text as it is loaded, by which it can be compared with that of a kernel that runs. */
static uint64_t text_sum(const struct elf *elf, const struct vrom_note *note)
{
	const unsigned char *text = loaded_at(elf, note->text, note->text_end - note->text);
	uint64_t sum = 0xcbf29ce484222325;

	for (uint32_t i = 0; text && i < note->text_end - note->text; i++)
		sum = (sum ^ text[i]) * 0x100000001b3;
	return sum;
}

static void tell(const struct options *options, const struct elf *elf, const struct vrom_note *note)
{
	printf("%s: patched for %s at 0x%x\n", options->output, options->rom, note->rom);
	printf("vrom: sites=%u native=%u called=%u jumped=%u erased=%u inlined=%u\n", note->sites, note->kept, note->called,
	       note->jumped, note->erased, note->inlined);
	printf("vrom: text=%016llx\n", (unsigned long long)text_sum(elf, note));
}

static int run(const struct options *options, struct kernel *kernel, struct against *against)
{
	unsigned char *place;
	struct vrom_note note;

	if (kernel_open(kernel, options->kernel, NULL, 0) != 0)
		return EXIT_BAD;
	if (kernel->elf.is_64)
		return fail(options->kernel, "VMI ROMs are for i386, and it is not");
	if (kernel->table_state == TABLE_FOUND && kernel->table.problem[0] == 0 && kernel->table.records_address % 4)
		return fail(options->kernel, "its site table is not aligned to 4: use vrom/sites.ld");
	if (kernel->table.problem[0])
		return fail(options->kernel, "%s", kernel->table.problem);
	if (kernel->table_state != TABLE_FOUND || kernel->table.count == 0)
		return fail(options->kernel, "it has no call sites that could be patched: see \"vrom sites\"");
	place = find_note(&kernel->elf);
	if (!place)
		return EXIT_BAD;
	memcpy(&note, place, sizeof note);
	if (check_note(kernel, &note) != 0 || prepare_rom(&against->rom, options) != 0 || patch(against, kernel, &note) != 0)
		return EXIT_BAD;
	memcpy(place, &note, sizeof note);
	if (write_file(options->output, &kernel->elf) != 0)
		return EXIT_BAD;
	tell(options, &kernel->elf, &note);
	return 0;
}

static int parse(int argc, char **argv, struct options *options)
{
	static const struct option long_options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "rom-at", required_argument, NULL, 'r' },
		{ "bios-memory", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1)
		switch (c) {
		case 'o': options->output = optarg; break;
		case 'r':
			if (parse_number(optarg, 0xffffffffu, &options->rom_at) != 0)
				return misuse("patch", "--rom-at is an address of 32 bits, like 0xC00D0000");
			break;
		case 'm':
			if (parse_number(optarg, MEMORY_MOST, &options->memory) != 0)
				return misuse("patch", "--bios-memory is a number of KiB up to %d", MEMORY_MOST);
			break;
		default: return misuse_option("patch", argv, c);
		}
	if (argc - optind != 2)
		return misuse("patch", "name one kernel and one ROM");
	if (!options->output)
		return misuse("patch", "name the file to write with -o");
	options->kernel = argv[optind];
	options->rom = argv[optind + 1];
	return 0;
}

int cmd_patch(int argc, char **argv)
{
	struct options options = { .rom_at = DEFAULT_ROM_AT, .memory = DEFAULT_BIOS_MEMORY };
	struct kernel kernel = { 0 };
	struct against against = { 0 };
	int status = parse(argc, argv, &options);

	if (status != 0)
		return status;
	status = run(&options, &kernel, &against);
	against_free(&against);
	kernel_close(&kernel);
	return status;
}
