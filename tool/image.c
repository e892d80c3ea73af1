/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Kernels that QEMU can start: Linux bzImages and multiboot kernels. QEMU looks at them in this order too. What
 * it says about a damaged one is little, and some start and hang: so they are checked here.
 */
#include <elf.h>
#include <string.h>

#include "image.h"

/* Of the Linux boot protocol. */
#define LINUX_SETUP_SECTS 0x1f1
#define LINUX_SYSSIZE 0x1f4
#define LINUX_FLAG 0x1fe
#define LINUX_MAGIC 0x202
#define LINUX_VERSION 0x206
#define LINUX_LOADFLAGS 0x211

#define MULTIBOOT_MAGIC 0x1badb002u
#define MULTIBOOT_SEARCH 8192
#define MULTIBOOT_ADDRESSES 0x10000u

static uint32_t get(const struct blob *blob, size_t at, unsigned bytes)
{
	uint32_t value = 0;

	memcpy(&value, blob->bytes + at, bytes);
	return value;
}

static int check_linux(const char *path, const struct blob *blob)
{
	uint32_t setup, version, paragraphs;
	uint64_t whole;

	if (blob->size < 0x264)
		return fail(path, "a Linux kernel image that ends inside its header: copy it again");
	version = get(blob, LINUX_VERSION, 2);
	if (version < 0x200)
		return fail(path, "a Linux kernel image of boot protocol %u.%02u: 2.00 is needed", version >> 8, version & 255);
	if (!(get(blob, LINUX_LOADFLAGS, 1) & 1))
		return fail(path, "a zImage, which loads low: build a bzImage");
	setup = get(blob, LINUX_SETUP_SECTS, 1);
	if (setup == 0)
		setup = 4;
	/* Before 2.04 the upper half of the size was something else. */
	paragraphs = get(blob, LINUX_SYSSIZE, version >= 0x204 ? 4 : 2);
	whole = (setup + 1) * 512 + (uint64_t)paragraphs * 16;
	/* The last paragraph need not be full. */
	if (blob->size + 15 < whole)
		return fail(path, "a Linux kernel image of %llu bytes, of which %zu are here: it is truncated, copy it again",
			    (unsigned long long)whole, blob->size);
	return 0;
}

/* The offset of the multiboot header, or -1. */
static long find_multiboot(const struct blob *blob)
{
	for (size_t at = 0; at + 12 <= blob->size && at + 12 <= MULTIBOOT_SEARCH; at += 4)
		if (get(blob, at, 4) == MULTIBOOT_MAGIC &&
		    get(blob, at, 4) + get(blob, at + 4, 4) + get(blob, at + 8, 4) == 0)
			return (long)at;
	return -1;
}

static int check_elf(const char *path, const struct blob *blob)
{
	const Elf32_Ehdr *header = (const Elf32_Ehdr *)blob->bytes;

	if (blob->size < sizeof *header)
		return fail(path, "an ELF file that ends inside its header: link it again");
	if (header->e_ident[EI_CLASS] != ELFCLASS32 || header->e_machine != EM_386)
		return fail(path, "an ELF file, but not for i386: VMI guests are 32-bit kernels");
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return fail(path, "an ELF file that is not linked: link it");
	if (header->e_phnum == 0 || header->e_phentsize != sizeof(Elf32_Phdr) || header->e_phoff > blob->size ||
	    (uint64_t)header->e_phnum * sizeof(Elf32_Phdr) > blob->size - header->e_phoff)
		return fail(path, "an ELF file without a readable program header: it is truncated or not linked");
	for (unsigned i = 0; i < header->e_phnum; i++) {
		Elf32_Phdr segment;

		memcpy(&segment, blob->bytes + header->e_phoff + i * sizeof segment, sizeof segment);
		if (segment.p_type == PT_LOAD &&
		    (segment.p_offset > blob->size || segment.p_filesz > blob->size - segment.p_offset))
			return fail(path, "segment %u reaches beyond the end of the file: it is truncated, link it again", i);
	}
	return 0;
}

int image_recognise(const char *path, const struct blob *blob, enum image_kind *kind)
{
	int elf = blob->size >= SELFMAG && memcmp(blob->bytes, ELFMAG, SELFMAG) == 0;
	long multiboot;

	*kind = IMAGE_UNKNOWN;
	if (blob->size == 0)
		return fail(path, "the file is empty: name a kernel");
	if (blob->size >= LINUX_VERSION && get(blob, LINUX_FLAG, 2) == 0xaa55 &&
	    memcmp(blob->bytes + LINUX_MAGIC, "HdrS", 4) == 0) {
		*kind = IMAGE_LINUX;
		return check_linux(path, blob);
	}
	multiboot = find_multiboot(blob);
	if (multiboot >= 0)
		*kind = IMAGE_MULTIBOOT;
	if (elf && check_elf(path, blob) != 0)
		return EXIT_BAD;
	if (multiboot >= 0 && (elf || get(blob, (size_t)multiboot + 4, 4) & MULTIBOOT_ADDRESSES))
		return 0;
	if (elf)
		return fail(path, "an ELF file with no multiboot header in its first 8192 bytes: put the header's "
			    "section first in the linker script (for Linux, name the bzImage, not vmlinux)");
	return fail(path, "neither a multiboot kernel nor a Linux bzImage: name one of these");
}
