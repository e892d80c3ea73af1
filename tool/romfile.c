/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reading a ROM's file, good or bad. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "romfile.h"

/* length bytes at offset, or NULL if they are not all there. */
static const void *structure_at(const struct romfile *rom, size_t offset, size_t length)
{
	return rom->size < length || offset > rom->size - length ? NULL : rom->file.bytes + offset;
}

/* The same, copied to where it is aligned. */
static const void *copy_of(const struct romfile *rom, size_t offset, void *to, size_t length)
{
	const void *from = structure_at(rom, offset, length);

	return from ? memcpy(to, from, length) : NULL;
}

static void read_extension(struct romfile *rom)
{
	const struct vrom_extension *extension = structure_at(rom, VROM_EXTENSION_OFFSET, sizeof *extension);
	size_t room;

	if (!extension || extension->signature != VROM_EXTENSION_SIGNATURE)
		return;
	rom->extension = extension;
	if (extension->templates % 4 || extension->templates > rom->size)
		return;
	room = (rom->size - extension->templates) / sizeof *rom->templates;
	rom->templates = (const struct vrom_template *)(rom->file.bytes + extension->templates);
	rom->template_count = extension->template_count < room ? extension->template_count : (unsigned)room;
}

int romfile_open(struct romfile *rom, const char *path, uint32_t at)
{
	const struct vmi_rom_header *header;
	size_t size;

	memset(rom, 0, sizeof *rom);
	rom->path = path;
	rom->at = at;
	if (read_file(path, ROM_FILE_LIMIT, &rom->file) != 0)
		return EXIT_BAD;
	rom->status = vrom_check_rom(rom->file.bytes, rom->file.size, &rom->rom, NULL);
	rom->size = rom->file.size;
	if (rom->file.size < sizeof *header)
		return 0;
	rom->header = header = (const struct vmi_rom_header *)rom->file.bytes;
	size = (size_t)header->rom_length * VMI_ROM_UNIT;
	if (size != 0 && size < rom->size)
		rom->size = size;
	for (size_t i = 0; i < rom->size; i++)
		rom->sum += rom->file.bytes[i];
	rom->is_vmi = header->boot_signature == VMI_ROM_BOOT_SIGNATURE && header->signature == VMI_ROM_SIGNATURE;
	if (!rom->is_vmi)
		return 0;
	if (header->license_offs && header->license_offs < rom->size &&
	    memchr(rom->file.bytes + header->license_offs, 0, rom->size - header->license_offs))
		rom->licence = (const char *)rom->file.bytes + header->license_offs;
	if (header->pci_header_offs)
		rom->pci = copy_of(rom, header->pci_header_offs, &rom->pci_copy, sizeof rom->pci_copy);
	if (header->pnp_header_offs)
		rom->pnp = copy_of(rom, header->pnp_header_offs, &rom->pnp_copy, sizeof rom->pnp_copy);
	read_extension(rom);
	return 0;
}

int romfile_ask(struct romfile *rom)
{
	rom->emulator = emulator_open(rom->path, rom->file.bytes, rom->size, rom->at);
	if (!rom->emulator)
		return EXIT_BAD;
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++)
		emulator_ask(rom->emulator, call, &rom->replies[call]);
	emulator_ask(rom->emulator, UNKNOWN_CALL, &rom->unknown);
	return 0;
}

void romfile_close(struct romfile *rom)
{
	emulator_close(rom->emulator);
	free(rom->file.bytes);
	memset(rom, 0, sizeof *rom);
}

char *romfile_string(const struct romfile *rom, unsigned offset)
{
	const char *from = (const char *)rom->file.bytes + offset;

	if (offset >= rom->size || !memchr(from, 0, rom->size - offset))
		return NULL;
	return printable(from, 200);
}

const char *answer_name(unsigned type)
{
	static const char *const names[] = { "none", "call", "jump", "nop" };
	static char unknown[16];

	if (type < 4)
		return names[type];
	snprintf(unknown, sizeof unknown, "type %u", type);
	return unknown;
}
