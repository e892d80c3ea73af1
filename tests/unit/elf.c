/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf.h"

static void need(int condition, const char *path, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "%s: %s\n", path, what);
	exit(1);
}

void image_load(struct image *image, const char *path)
{
	Elf *elf;
	Elf_Scn *section = NULL;
	size_t strings, segments;
	uint64_t low = UINT64_MAX, high = 0, text = UINT64_MAX, text_end = 0;
	int file = open(path, O_RDONLY);

	memset(image, 0, sizeof *image);
	need(file >= 0, path, "cannot be opened");
	elf_version(EV_CURRENT);
	elf = elf_begin(file, ELF_C_READ, NULL);
	need(elf && !elf_getphdrnum(elf, &segments) && !elf_getshdrstrndx(elf, &strings), path, "no ELF file");
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < segments; i++) {
			GElf_Phdr segment;

			need(gelf_getphdr(elf, i, &segment) != NULL, path, "segment");
			/* What runs before paging lies low; it holds no sites. */
			if (segment.p_type != PT_LOAD || segment.p_vaddr < 0xc0000000)
				continue;
			if (pass) {
				need(pread(file, image->bytes + (segment.p_vaddr - low), segment.p_filesz,
					   segment.p_offset) == (ssize_t)segment.p_filesz, path, "cut");
				continue;
			}
			low = segment.p_vaddr < low ? segment.p_vaddr : low;
			high = segment.p_vaddr + segment.p_memsz > high ? segment.p_vaddr + segment.p_memsz : high;
			if (segment.p_flags & PF_X) {
				text = segment.p_vaddr < text ? segment.p_vaddr : text;
				text_end = segment.p_vaddr + segment.p_memsz;
			}
		}
		need(low < high && text < text_end, path, "nothing to load");
		if (!pass)
			image->bytes = calloc(1, high - low);
	}
	image->base = low;
	image->size = high - low;
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name;
		unsigned char *at;

		gelf_getshdr(section, &header);
		name = elf_strptr(elf, strings, header.sh_name);
		at = image->bytes + (header.sh_addr - low);
		if (strcmp(name, ".vrom.sites") == 0) {
			image->table.records = at;
			image->table.records_end = at + header.sh_size;
		} else if (strcmp(name, ".vrom.native") == 0) {
			image->table.native = at;
			image->table.native_end = at + header.sh_size;
		}
	}
	image->sites = image->table.records ? vrom_count(&image->table) : 0;
	need(image->sites && image->table.native, path, "no site table");
	image->table.text = image->bytes + (text - low);
	image->table.text_end = image->bytes + (text_end - low);
	image->table.moved = (ptrdiff_t)(low - (uintptr_t)image->bytes);
	elf_end(elf);
}
