/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The reader of ROMs: damaged images of every kind, and areas with several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <vrom/patch.h>

#define SIZE 2048

static _Alignas(8) unsigned char image[SIZE];
static struct vrom_rom rom;
static struct vrom_error error;

static void make_sum_zero(unsigned char *at, unsigned size)
{
	unsigned char sum = 0;

	for (unsigned i = 0; i < size; i++)
		sum += at[i];
	at[size - 1] -= sum;
}

/* A small ROM with all there can be: strings, PCI and PnP headers, an extension with two templates. */
static void make_rom(unsigned char *at)
{
	struct vmi_rom_header *header = (struct vmi_rom_header *)at;
	struct vmi_pci_header pci = { .signature = "PCIR", .vendor = VMI_PCI_VENDOR, .device = VMI_PCI_DEVICE };
	struct vmi_pnp_header pnp = { .signature = "$PnP", .product_offs = 0x208 };
	struct vrom_extension extension = { .signature = VROM_EXTENSION_SIGNATURE, .version = VROM_EXTENSION_VERSION, .size = 32,
					    .templates = 0x300, .template_count = 2 };

	memset(at, 0, SIZE);
	header->boot_signature = VMI_ROM_BOOT_SIGNATURE;
	header->rom_length = SIZE / VMI_ROM_UNIT;
	header->signature = VMI_ROM_SIGNATURE;
	header->api_major = VMI_API_MAJOR;
	header->license_offs = 0x200;
	header->pci_header_offs = 0x220;
	header->pnp_header_offs = 0x240;
	memcpy(at + 0x200, "GPL v2", 7);
	memcpy(at + 0x208, "test", 5);
	memcpy(at + 0x220, &pci, sizeof pci);
	memcpy(at + 0x240, &pnp, sizeof pnp);
	memcpy(at + VROM_EXTENSION_OFFSET, &extension, sizeof extension);
	make_sum_zero(at, SIZE);
}

static int start(void **state)
{
	(void)state;
	make_rom(image);
	memset(&rom, 0xee, sizeof rom);
	return 0;
}

static void refused(const void *at, size_t available, enum vrom_status status)
{
	struct vrom_rom before = rom;

	assert_string_equal(vrom_strstatus(vrom_check_rom(at, available, &rom, &error)), vrom_strstatus(status));
	assert_int_equal(error.status, status);
	assert_int_equal(error.address, (uintptr_t)at);
	assert_memory_equal(&rom, &before, sizeof rom);
}

static void a_good_rom_is_read(void **state)
{
	(void)state;
	assert_int_equal(vrom_check_rom(image, SIZE, &rom, &error), VROM_OK);
	assert_int_equal(rom.size, SIZE);
	assert_string_equal(rom.licence, "GPL v2");
	assert_ptr_equal(rom.pci, image + 0x220);
	assert_ptr_equal(rom.pnp, image + 0x240);
	assert_ptr_equal(rom.extension, image + VROM_EXTENSION_OFFSET);
	assert_ptr_equal(rom.templates, image + 0x300);
	assert_int_equal(rom.template_count, 2);
	assert_int_equal(vrom_check_rom(image, SIZE, &rom, NULL), VROM_OK);
	/* Without anything that may be left out. */
	memset(image + 0x16, 0, 6);
	memset(image + VROM_EXTENSION_OFFSET, 0, 32);
	make_sum_zero(image, SIZE);
	assert_int_equal(vrom_check_rom(image, SIZE, &rom, &error), VROM_OK);
	assert_string_equal(rom.licence, "");
	assert_null(rom.pci);
	assert_null(rom.pnp);
	assert_null(rom.extension);
	assert_int_equal(rom.template_count, 0);
}

/* Every bit of the whole image, in turn: the sum alone finds it. */
static void every_flipped_bit_is_found(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SIZE; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			image[i] ^= 1 << bit;
			assert_int_not_equal(vrom_check_rom(image, SIZE, &rom, &error), VROM_OK);
			assert_in_range(error.status, VROM_NO_ROM, VROM_ROM_EXTENSION);
			image[i] ^= 1 << bit;
		}
}

/* Every value of every byte of the header, with the sum made right: what is then accepted must lie inside. */
static void every_header_byte_is_read_with_care(void **state)
{
	unsigned accepted = 0;

	(void)state;
	for (unsigned i = 0; i < VMI_ROM_HEADER_SIZE; i++)
		for (unsigned value = 0; value < 256; value++) {
			unsigned char *exact;

			make_rom(image);
			image[i] = value;
			make_sum_zero(image, SIZE);
			exact = malloc(SIZE); /* so that ASan sees a read beyond */
			memcpy(exact, image, SIZE);
			if (vrom_check_rom(exact, SIZE, &rom, &error) == VROM_OK) {
				const unsigned char *end = exact + rom.size;

				accepted++;
				assert_true((const unsigned char *)rom.licence + strlen(rom.licence) < end);
				assert_true(!rom.pci || (const unsigned char *)(rom.pci + 1) <= end);
				assert_true(!rom.pnp || (const unsigned char *)(rom.pnp + 1) <= end);
				assert_true((const unsigned char *)(rom.templates + rom.template_count) <= end ||
					    !rom.template_count);
			} else
				assert_in_range(error.status, VROM_NO_ROM, VROM_ROM_EXTENSION);
			free(exact);
		}
	assert_true(accepted > 1000); /* most bytes mean nothing to the reader */
}

static void a_truncated_rom_is_refused(void **state)
{
	(void)state;
	for (size_t available = 0; available < SIZE; available++) {
		unsigned char *exact = malloc(available ? available : 1);

		memcpy(exact, image, available);
		refused(exact, available, available < VMI_ROM_HEADER_SIZE ? VROM_NO_ROM : VROM_ROM_LENGTH);
		free(exact);
	}
}

static void each_refusal_has_its_reason(void **state)
{
	struct vmi_rom_header *header = (struct vmi_rom_header *)image;
	struct vrom_extension *extension = (struct vrom_extension *)(image + VROM_EXTENSION_OFFSET);

	(void)state;
	image[SIZE - 1]++;
	refused(image, SIZE, VROM_ROM_CHECKSUM);
#define CASE(change, status) \
	make_rom(image); \
	change; \
	make_sum_zero(image, SIZE); \
	refused(image, SIZE, status)
	CASE(header->boot_signature = 0xaa56, VROM_NO_ROM);
	CASE(header->signature ^= 1, VROM_FOREIGN);
	CASE(header->rom_length = 0, VROM_ROM_LENGTH);
	CASE(header->rom_length++, VROM_ROM_LENGTH);
	CASE(header->api_major = 13, VROM_ROM_VERSION);
	CASE(header->license_offs = SIZE, VROM_ROM_OFFSET);
	CASE(memset(image + 0x200, 'x', SIZE - 0x200); header->pci_header_offs = header->pnp_header_offs = 0;
	     header->license_offs = SIZE - 2; image[SIZE - 3] = 0, VROM_ROM_OFFSET);
	CASE(header->pci_header_offs = SIZE - 0x17, VROM_ROM_OFFSET);
	CASE(header->pci_header_offs++, VROM_ROM_OFFSET);
	CASE(header->pnp_header_offs = 0xffff, VROM_ROM_OFFSET);
	CASE(extension->version = 1, VROM_ROM_EXTENSION);
	CASE(extension->version = 3, VROM_ROM_EXTENSION);
	CASE(extension->size = 31, VROM_ROM_EXTENSION);
	CASE(extension->templates = 0x302, VROM_ROM_EXTENSION);
	CASE(extension->templates = SIZE - 124, VROM_ROM_EXTENSION);
	CASE(extension->templates = 0xfffffffc, VROM_ROM_EXTENSION);
	CASE(extension->template_count = VROM_MAX_TEMPLATES + 1, VROM_ROM_EXTENSION);
	CASE(extension->template_count = 200, VROM_ROM_EXTENSION);
#undef CASE
	/* A minor version only adds. */
	make_rom(image);
	header->api_minor = 200;
	make_sum_zero(image, SIZE);
	assert_int_equal(vrom_check_rom(image, SIZE, &rom, &error), VROM_OK);
}

/* ---- Areas ---- */

static _Alignas(8) unsigned char area[VMI_ROM_AREA_SIZE];

static int start_area(void **state)
{
	memset(area, 0xff, sizeof area);
	return start(state);
}

static void none_is_found_in_nothing(void **state)
{
	(void)state;
	assert_int_equal(vrom_find(area, sizeof area, &rom, &error), VROM_NO_ROM);
	assert_int_equal(error.status, VROM_NO_ROM);
	assert_int_equal(vrom_find(area, 0, &rom, &error), VROM_NO_ROM);
}

static void one_is_found_wherever_it_is(void **state)
{
	(void)state;
	for (unsigned at = 0; at + SIZE <= sizeof area; at += VMI_ROM_STEP) {
		memset(area, 0, sizeof area);
		make_rom(area + at);
		assert_int_equal(vrom_find(area, sizeof area, &rom, &error), VROM_OK);
		assert_ptr_equal(rom.header, area + at);
	}
	memset(area, 0, sizeof area);
	make_rom(area + 512);
	assert_int_equal(vrom_find(area, sizeof area, &rom, &error), VROM_NO_ROM);
}

/* Before the good one: a foreign ROM, one of another version, one that is cut, damaged, or claims the rest. */
static void nothing_hides_a_good_one(void **state)
{
	(void)state;
	for (int bad = 0; bad < 6; bad++) {
		struct vmi_rom_header *header = (struct vmi_rom_header *)area;
		static const enum vrom_status reasons[] = { VROM_NO_ROM, VROM_ROM_VERSION, VROM_ROM_CHECKSUM,
							    VROM_ROM_LENGTH, VROM_ROM_EXTENSION, VROM_NO_ROM };

		memset(area, 0, sizeof area);
		make_rom(area);
		switch (bad) {
		case 0: header->signature = 0x12345678; break;
		case 1: header->api_major = 13; break;
		case 2: area[SIZE - 1]++; break;
		case 3: header->rom_length = 0; break;
		case 4: area[VROM_EXTENSION_OFFSET + 4] = 9; make_sum_zero(area, SIZE); break;
		case 5: header->signature = 0; header->rom_length = 255; break;
		}
		if (bad != 2 && bad != 4)
			make_sum_zero(area, SIZE);
		assert_int_equal(vrom_find(area, sizeof area, &rom, &error), reasons[bad]);
		assert_int_equal(error.address, (uintptr_t)area);
		make_rom(area + 4096);
		assert_int_equal(vrom_find(area, sizeof area, &rom, &error), VROM_OK);
		assert_ptr_equal(rom.header, area + 4096);
	}
}

static void the_closest_reason_is_told(void **state)
{
	(void)state;
	make_rom(area);
	((struct vmi_rom_header *)area)->signature = 1;
	make_rom(area + 8192);
	area[8192 + 100]++;
	make_rom(area + 16384);
	((struct vmi_rom_header *)(area + 16384))->api_major = 6;
	assert_int_equal(vrom_find(area, sizeof area, &rom, &error), VROM_ROM_CHECKSUM);
	assert_int_equal(error.address, (uintptr_t)area + 8192);
}

/* ---- The project's own ROMs, named on the command line ---- */

static const char *file_name;

static void a_real_rom(void **state)
{
	static unsigned char file[65536];
	FILE *stream = fopen(file_name, "rb");
	size_t size;

	(void)state;
	assert_non_null(stream);
	size = fread(file, 1, sizeof file, stream);
	fclose(stream);
	assert_int_equal(vrom_check_rom(file, size, &rom, &error), VROM_OK);
	assert_int_equal(rom.size, size);
	for (size_t cut = 0; cut < size; cut += VMI_ROM_UNIT) {
		unsigned char *exact = malloc(cut + 1);

		memcpy(exact, file, cut);
		refused(exact, cut, cut ? VROM_ROM_LENGTH : VROM_NO_ROM);
		free(exact);
	}
	for (unsigned i = 0; i < VMI_ROM_HEADER_SIZE; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			file[i] ^= 1 << bit;
			assert_int_not_equal(vrom_check_rom(file, size, &rom, &error), VROM_OK);
			file[i] ^= 1 << bit;
		}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_good_rom_is_read, start),
		cmocka_unit_test_setup(every_flipped_bit_is_found, start),
		cmocka_unit_test_setup(every_header_byte_is_read_with_care, start),
		cmocka_unit_test_setup(a_truncated_rom_is_refused, start),
		cmocka_unit_test_setup(each_refusal_has_its_reason, start),
		cmocka_unit_test_setup(none_is_found_in_nothing, start_area),
		cmocka_unit_test_setup(one_is_found_wherever_it_is, start_area),
		cmocka_unit_test_setup(nothing_hides_a_good_one, start_area),
		cmocka_unit_test_setup(the_closest_reason_is_told, start_area),
	};
	int failed = cmocka_run_group_tests_name("rom", tests, NULL, NULL);

	for (int i = 1; i < argc; i++) {
		const struct CMUnitTest real[] = { { argv[i], a_real_rom, NULL, NULL, NULL } };

		file_name = argv[i];
		failed += cmocka_run_group_tests_name(argv[i], real, NULL, NULL);
	}
	return failed;
}
