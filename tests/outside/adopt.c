/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* vrom_adopt with a ROM that is made here: what it takes, what it does not, and when it calls Init. A 32-bit program: it
 * executes the ROM as a kernel does. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <vrom/note.h>

#define SIZE 1024
#define AREA (4 * VMI_ROM_STEP)
#define TEMPLATES 0x200
#define UNUSED 0x1f0

static unsigned char *area;
static volatile uint32_t entered; /* how often Init was called */
static struct vrom_rom rom;
static struct vrom_error error;
static unsigned number, failed;

static void check(int good, const char *name)
{
	failed += !good;
	printf("%s %u - %s\n", good ? "ok" : "not ok", ++number, name);
}

/* Sets the sum of the image right. */
static void seal(unsigned char *image)
{
	unsigned char sum = 0;

	for (unsigned i = 0; i < SIZE - 1; i++)
		sum += image[i];
	image[SIZE - 1] = -sum;
}

/* A ROM in the area: Init counts and gives refuses, get_reloc gives answer for every call. */
static unsigned char *make_rom(unsigned step, uint32_t refuses, uint32_t answer)
{
	unsigned char *image = area + step * VMI_ROM_STEP;
	struct vmi_rom_header *header = (struct vmi_rom_header *)image;
	struct vrom_extension *extension = (struct vrom_extension *)(image + VROM_EXTENSION_OFFSET);
	struct vrom_template *template = (struct vrom_template *)(image + TEMPLATES);
	uint32_t counter = (uint32_t)&entered;
	unsigned char init[] = { 0xff, 0x05, 0, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3 }; /* incl counter; movl $refuses, %eax; ret */
	unsigned char get_reloc[] = { 0xb8, 0, 0, 0, 0, 0x31, 0xd2, 0xc3 };        /* movl $answer, %eax; xorl %edx, %edx; ret */

	memset(image, 0, SIZE);
	header->boot_signature = VMI_ROM_BOOT_SIGNATURE;
	header->rom_length = SIZE / VMI_ROM_UNIT;
	header->signature = VMI_ROM_SIGNATURE;
	header->api_major = VMI_API_MAJOR;
	*extension = (struct vrom_extension){ VROM_EXTENSION_SIGNATURE, VROM_EXTENSION_VERSION, sizeof *extension,
					      VROM_PROMISES_RELOC, TEMPLATES, 1, 0, 0, { 0 } };
	template->call = VMI_CALL_DisableInterrupts;
	template->length = 1;
	template->code[0] = 0xfa;
	memcpy(init + 2, &counter, 4);
	memcpy(init + 7, &refuses, 4);
	memcpy(get_reloc + 1, &answer, 4);
	memcpy(image + 0x100, init, sizeof init);
	memcpy(header->init, (unsigned char[]){ 0xeb, 0x100 - 0x82 }, 2); /* jmp 0x100 */
	memcpy(header->get_reloc, get_reloc, sizeof get_reloc);
	seal(image);
	return image;
}

/* The note of a kernel that was patched by who, for the ROM that is at image now. */
static struct vrom_note note_for(uint32_t who, const unsigned char *image)
{
	struct vrom_host host;

	vrom_check_rom(image, SIZE, &rom, NULL);
	vrom_rom_host(&rom, &host);
	return (struct vrom_note){ .version = VROM_NOTE_VERSION, .patched = who, .rom = (uint32_t)image,
				   .rom_sum = vrom_fingerprint(&host) };
}

static enum vrom_status adopt(const struct vrom_note *note)
{
	memset(&rom, 0, sizeof rom);
	memset(&error, 0xff, sizeof error);
	entered = 0;
	return vrom_adopt(note, area, AREA, &rom, &error);
}

static void check_other(const struct vrom_note *note, enum vrom_status reason, const char *name)
{
	check(adopt(note) == VROM_OTHER_ROM && error.status == VROM_OTHER_ROM && error.reason == reason && !entered, name);
}

int main(void)
{
	struct vrom_note note, moved;
	unsigned char *image;

	area = mmap(NULL, AREA, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return 1;
	image = make_rom(1, 0, 0);

	note = note_for(0, image);
	check(adopt(&note) == VROM_STATE && !entered, "nobody patched it: nothing is done");
	note = note_for(VROM_BY_TOOL, image);
	check(adopt(&note) == VROM_OK && entered == 1, "a tool patched it: Init is called, once");
	check(rom.header == (const void *)image && rom.size == SIZE && rom.template_count == 1, "the ROM is told");
	check(vrom_adopt(&note, area, AREA, &rom, NULL) == VROM_OK, "error may be NULL");
	note = note_for(VROM_BY_HOST, image);
	check(adopt(&note) == VROM_OK && !entered, "the host patched it: Init is not called");

	note = note_for(VROM_BY_TOOL, image);
	image[UNUSED]++;
	seal(image);
	check(adopt(&note) == VROM_OK, "bytes that no plan depends on may differ");
	image[SIZE - 1]++;
	check_other(&note, VROM_ROM_CHECKSUM, "a damaged ROM");
	image[0] = 0;
	check_other(&note, VROM_NO_ROM, "no ROM");

	make_rom(1, 0, 4);
	check_other(&note, VROM_OTHER_ROM, "a ROM with another answer");
	make_rom(1, 0, 0);
	image[TEMPLATES + 40]++;
	seal(image);
	check_other(&note, VROM_OTHER_ROM, "a ROM with another template");
	make_rom(1, 0, 0);
	image[VROM_EXTENSION_OFFSET + 12] = 0;
	seal(image);
	check_other(&note, VROM_OTHER_ROM, "a ROM with fewer templates");
	make_rom(1, 0, 0);
	image[VROM_EXTENSION_OFFSET + 6] = 0;
	seal(image);
	check_other(&note, VROM_OTHER_ROM, "a ROM that does not promise to answer before Init");
	make_rom(1, 0, 0);
	check(adopt(&note) == VROM_OK && entered == 1, "the right one again");

	make_rom(2, 0, 0);
	moved = note;
	moved.rom += VMI_ROM_STEP;
	check_other(&moved, VROM_OTHER_ROM, "the same ROM at another address");
	moved.rom = note.rom + 4;
	check_other(&moved, VROM_NO_ROM, "an address where no ROM can be");
	moved.rom = (uint32_t)area - VMI_ROM_STEP;
	check_other(&moved, VROM_NO_ROM, "an address before the area");
	moved.rom = (uint32_t)area + AREA;
	check_other(&moved, VROM_NO_ROM, "an address behind the area");
	moved = note_for(VROM_BY_TOOL, make_rom(3, 0, 0));
	area[3 * VMI_ROM_STEP + 2] = 200;
	check_other(&moved, VROM_ROM_LENGTH, "a ROM that says it is longer than the area");

	make_rom(1, 1, 0);
	check(adopt(&note) == VROM_REFUSED && error.status == VROM_REFUSED && entered == 1, "Init refuses");
	note.patched = VROM_BY_HOST;
	check(adopt(&note) == VROM_OK && !entered, "Init of which nobody asks");
	printf("1..%u\n", number);
	return failed != 0;
}
