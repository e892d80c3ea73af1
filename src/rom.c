/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reading a ROM's header. Nothing in an image is believed before it is checked. */
#include <vrom/patch.h>

#include "lib.h"

enum vrom_status vrom_fail(struct vrom_error *error, enum vrom_status status, uint32_t table, uint32_t index,
			   uint32_t call, uintptr_t address)
{
	if (error)
		*error = (struct vrom_error){ status, status, table, index, VROM_NO_INDEX, call, address };
	return status;
}

/* A string of the image, or NULL if its end is not in it. */
static const char *string_at(const unsigned char *image, uint32_t size, uint32_t offset)
{
	for (uint32_t i = offset; i < size; i++)
		if (image[i] == 0)
			return (const char *)image + offset;
	return NULL;
}

/* length bytes at offset that begin with the four of signature, or NULL. */
static const void *structure_at(const unsigned char *image, uint32_t size, uint32_t offset, uint32_t length,
				uint32_t signature)
{
	uint32_t found;

	if (size < length || offset > size - length)
		return NULL;
	__builtin_memcpy(&found, image + offset, sizeof found);
	return found == signature ? image + offset : NULL;
}

static enum vrom_status read_extension(const unsigned char *image, struct vrom_rom *rom)
{
	const struct vrom_extension *extension;
	uint32_t bytes;

	extension = structure_at(image, rom->size, VROM_EXTENSION_OFFSET, sizeof *extension, VROM_EXTENSION_SIGNATURE);
	if (!extension)
		return VROM_OK;
	if (extension->version != VROM_EXTENSION_VERSION || extension->size != sizeof *extension ||
	    extension->template_count > VROM_MAX_TEMPLATES || extension->templates % 4)
		return VROM_ROM_EXTENSION;
	bytes = extension->template_count * sizeof(struct vrom_template);
	if (bytes > rom->size || extension->templates > rom->size - bytes)
		return VROM_ROM_EXTENSION;
	rom->extension = extension;
	rom->templates = (const struct vrom_template *)(image + extension->templates);
	rom->template_count = extension->template_count;
	return VROM_OK;
}

static enum vrom_status read_rom(const unsigned char *image, size_t available, struct vrom_rom *rom)
{
	const struct vmi_rom_header *header = (const struct vmi_rom_header *)image;
	uint8_t sum = 0;

	if (available < VMI_ROM_HEADER_SIZE || header->boot_signature != VMI_ROM_BOOT_SIGNATURE)
		return VROM_NO_ROM;
	if (header->signature != VMI_ROM_SIGNATURE)
		return VROM_FOREIGN;
	*rom = (struct vrom_rom){ .header = header, .size = (uint32_t)header->rom_length * VMI_ROM_UNIT, .licence = "" };
	if (rom->size == 0 || rom->size > available)
		return VROM_ROM_LENGTH;
	if (header->api_major != VMI_API_MAJOR)
		return VROM_ROM_VERSION;
	for (uint32_t i = 0; i < rom->size; i++)
		sum += image[i];
	if (sum != 0)
		return VROM_ROM_CHECKSUM;
	if (header->license_offs)
		rom->licence = string_at(image, rom->size, header->license_offs);
	if (header->pci_header_offs)
		rom->pci = structure_at(image, rom->size, header->pci_header_offs, sizeof *rom->pci, VMI_PCI_SIGNATURE);
	if (header->pnp_header_offs)
		rom->pnp = structure_at(image, rom->size, header->pnp_header_offs, sizeof *rom->pnp, VMI_PNP_SIGNATURE);
	if (!rom->licence || (header->pci_header_offs && !rom->pci) || (header->pnp_header_offs && !rom->pnp))
		return VROM_ROM_OFFSET;
	return read_extension(image, rom);
}

enum vrom_status vrom_check_rom(const void *image, size_t available, struct vrom_rom *rom, struct vrom_error *error)
{
	struct vrom_rom found;
	enum vrom_status status = read_rom(image, available, &found);

	if (status != VROM_OK)
		return vrom_fail(error, status, 0, VROM_NO_INDEX, VROM_NO_INDEX, (uintptr_t)image);
	*rom = found;
	return VROM_OK;
}
