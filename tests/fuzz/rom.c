/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The ROM reader. The first byte of the input is about the rest: bit 0 repairs the checksum, which chance does not
 * find. The rest is an image, and an area to search.
 */
#include <string.h>

#include <vrom/patch.h>

#include "fuzz.h"

const char *fuzz_outcome;

static void repair(unsigned char *image, size_t size)
{
	size_t length = size > VMI_OFF_ROM_LENGTH ? (size_t)image[VMI_OFF_ROM_LENGTH] * VMI_ROM_UNIT : 0;
	unsigned char sum = 0;

	if (length == 0 || length > size)
		return;
	for (size_t i = 0; i < length; i++)
		sum += image[i];
	image[length - 1] -= sum;
}

/* Everything that a caller may look at. */
static void use(const struct vrom_rom *rom, const unsigned char *image, size_t size)
{
	MUST((const unsigned char *)rom->header == image && rom->size <= size && rom->size >= VMI_ROM_UNIT);
	fuzz_touch(rom->header, sizeof *rom->header);
	fuzz_touch(image, rom->size);
	fuzz_touch(rom->licence, strlen(rom->licence) + 1);
	if (rom->pci)
		fuzz_touch(rom->pci, sizeof *rom->pci);
	if (rom->pnp)
		fuzz_touch(rom->pnp, sizeof *rom->pnp);
	if (rom->extension)
		fuzz_touch(rom->extension, sizeof *rom->extension);
	MUST(rom->template_count <= VROM_MAX_TEMPLATES);
	for (uint32_t i = 0; i < rom->template_count; i++)
		fuzz_touch(&rom->templates[i], sizeof rom->templates[i]);
}

static int same(const struct vrom_rom *one, const struct vrom_rom *two)
{
	return one->header == two->header && one->size == two->size && one->licence == two->licence &&
	       one->pci == two->pci && one->pnp == two->pnp && one->extension == two->extension &&
	       one->templates == two->templates && one->template_count == two->template_count;
}

/* The status of an image; the same each time, and rom is filled or left alone. */
static enum vrom_status check(const unsigned char *image, size_t size, struct vrom_rom *rom)
{
	struct vrom_rom before, again;
	struct vrom_error error = { 0 };
	enum vrom_status status;

	memset(&before, 0x5a, sizeof before);
	*rom = again = before;
	status = vrom_check_rom(image, size, rom, &error);
	MUST(vrom_check_rom(image, size, &again, NULL) == status);
	MUST(same(rom, &again));
	if (status == VROM_OK) {
		use(rom, image, size);
		return status;
	}
	MUST(same(rom, &before));
	MUST(error.status == status && error.reason == status && error.index == VROM_NO_INDEX);
	MUST(error.address == (uintptr_t)image && status >= VROM_NO_ROM && status <= VROM_ROM_EXTENSION);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum vrom_status found, best = VROM_NO_ROM;
	struct vrom_rom rom, first;
	struct vrom_error error;
	unsigned char *image;
	size_t at, closest = 0;

	if (size == 0)
		return 0;
	size--;
	/* Of exactly this size, so that one byte too far is seen. */
	image = malloc(size ? size : 1);
	memcpy(image, data + 1, size);
	if (data[0] & 1)
		for (at = 0; at < size; at += VMI_ROM_STEP)
			repair(image + at, size - at);
	check(image, size, &rom);
	/* The first that is good, or else the reason of the one that got furthest; a foreign one has none. */
	found = vrom_find(image, size, &rom, &error);
	for (at = 0; at < size; at += VMI_ROM_STEP) {
		enum vrom_status status = check(image + at, size - at, &first);

		if (status == VROM_OK) {
			MUST(found == VROM_OK && same(&rom, &first));
			break;
		}
		if (status > best && status != VROM_FOREIGN) {
			best = status;
			closest = at;
		}
	}
	if (at >= size)
		MUST(found == best && error.status == best && error.address == (uintptr_t)(image + closest));
	fuzz_outcome = vrom_strstatus(found);
	free(image);
	return 0;
}
