/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reading a linked ELF file. elffind.c answers questions about one. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "elffile.h"

#define FILE_LIMIT ((size_t)512 << 20)

/* The header of either class, of a section, a segment and a symbol, in the wider form. */
struct raw {
	const struct elf *elf;
	uint64_t section_offset, segment_offset;
	size_t section_count, segment_count, section_size, segment_size;
	uint32_t names;
};

/* Where size bytes at offset lie in the file, or NULL. */
static const unsigned char *at(const struct elf *elf, uint64_t offset, uint64_t size)
{
	if (offset > elf->file.size || size > elf->file.size - offset)
		return NULL;
	return elf->file.bytes + offset;
}

static int read_header(struct elf *elf, struct raw *raw)
{
	const unsigned char *bytes = elf->file.bytes;
	unsigned type, machine;

	if (elf->file.size < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG) != 0)
		return fail(elf->path, elf->file.size ? "it is not an ELF file: name the linked kernel, not an image made of it" :
			    "the file is empty: name a linked kernel");
	if (elf->file.size < sizeof(Elf32_Ehdr) ||
	    (bytes[EI_CLASS] == ELFCLASS64 && elf->file.size < sizeof(Elf64_Ehdr)))
		return fail(elf->path, "an ELF file that ends inside its header: link it again");
	elf->is_64 = bytes[EI_CLASS] == ELFCLASS64;
	if (elf->is_64) {
		const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;

		*raw = (struct raw){ elf, header->e_shoff, header->e_phoff, header->e_shnum, header->e_phnum,
				     header->e_shentsize, header->e_phentsize, header->e_shstrndx };
		type = header->e_type;
		machine = header->e_machine;
	} else {
		const Elf32_Ehdr *header = (const Elf32_Ehdr *)bytes;

		*raw = (struct raw){ elf, header->e_shoff, header->e_phoff, header->e_shnum, header->e_phnum,
				     header->e_shentsize, header->e_phentsize, header->e_shstrndx };
		type = header->e_type;
		machine = header->e_machine;
	}
	if (bytes[EI_DATA] != ELFDATA2LSB || machine != (elf->is_64 ? EM_X86_64 : EM_386))
		return fail(elf->path, "an ELF file, but not for x86: name a kernel for i386 or x86-64");
	if (type != ET_EXEC && type != ET_DYN)
		return fail(elf->path, "an ELF file that is not linked: link it, addresses are not known before");
	if (raw->section_offset == 0)
		raw->section_count = 0;
	return 0;
}

/* Section header number n. 0, or -1. */
static int raw_section(const struct raw *raw, size_t n, Elf64_Shdr *to)
{
	size_t size = raw->elf->is_64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	const unsigned char *from;

	if (raw->section_size < size || raw->section_offset > raw->elf->file.size)
		return -1;
	from = at(raw->elf, raw->section_offset + (uint64_t)n * raw->section_size, size);
	if (!from)
		return -1;
	if (raw->elf->is_64) {
		memcpy(to, from, size);
	} else {
		Elf32_Shdr narrow;

		memcpy(&narrow, from, size);
		*to = (Elf64_Shdr){ narrow.sh_name, narrow.sh_type, narrow.sh_flags, narrow.sh_addr, narrow.sh_offset,
				    narrow.sh_size, narrow.sh_link, narrow.sh_info, narrow.sh_addralign, narrow.sh_entsize };
	}
	return 0;
}

/* A printable copy of a string table, one byte longer than it; NULL if it is not in the file. */
static const char *string_table(struct elf *elf, const Elf64_Shdr *header)
{
	const unsigned char *from = at(elf, header->sh_offset, header->sh_size);
	char *copy;

	if (!from || header->sh_type == SHT_NOBITS)
		return NULL;
	copy = allocate(header->sh_size + 1, 1);
	for (uint64_t i = 0; i < header->sh_size; i++)
		copy[i] = from[i] == 0 || (from[i] >= ' ' && from[i] <= '~') ? (char)from[i] : '?';
	elf->names[elf->name_count++] = copy;
	return copy;
}

static int read_sections(struct elf *elf, struct raw *raw)
{
	Elf64_Shdr header, names_header;
	const char *names = NULL;

	/* Counts that do not fit into the file's header are in the first section's. */
	if (raw->section_offset && raw->section_count == 0 && raw_section(raw, 0, &header) == 0)
		raw->section_count = header.sh_size;
	if (raw->names == SHN_XINDEX && raw_section(raw, 0, &header) == 0)
		raw->names = header.sh_link;
	if (raw->section_count > elf->file.size / sizeof(Elf32_Shdr) ||
	    (raw->section_count && raw_section(raw, raw->section_count - 1, &header) != 0))
		return fail(elf->path, "its section headers reach beyond the end of the file: it is truncated, link it again");
	elf->sections = allocate(raw->section_count, sizeof *elf->sections);
	if (raw->names < raw->section_count && raw_section(raw, raw->names, &names_header) == 0)
		names = string_table(elf, &names_header);
	for (size_t i = 0; i < raw->section_count; i++) {
		struct section *section = &elf->sections[elf->section_count++];

		raw_section(raw, i, &header);
		section->name = names && header.sh_name < names_header.sh_size ? names + header.sh_name : "";
		section->address = header.sh_addr;
		section->size = header.sh_size;
		section->loaded = header.sh_flags & SHF_ALLOC && header.sh_type != SHT_NULL;
		section->executable = section->loaded && header.sh_flags & SHF_EXECINSTR;
		if (header.sh_type == SHT_NULL)
			section->size = 0;
		if (header.sh_type == SHT_NOBITS || header.sh_type == SHT_NULL)
			continue;
		section->bytes = at(elf, header.sh_offset, header.sh_size);
		if (!section->bytes)
			return fail(elf->path, "section %zu (%s) reaches beyond the end of the file: it is truncated, link it again",
				    i, section->name);
		if (section->loaded && section->address + section->size < section->address)
			return fail(elf->path, "section %zu (%s) reaches beyond the end of the address space: link it again",
				    i, section->name);
	}
	return 0;
}

static int read_segments(struct elf *elf, const struct raw *raw)
{
	size_t size = elf->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	if (raw->segment_count && raw->segment_size < size)
		return fail(elf->path, "its program headers are of an impossible size: link it again");
	elf->segments = allocate(raw->segment_count, sizeof *elf->segments);
	for (size_t i = 0; i < raw->segment_count; i++) {
		uint64_t where = raw->segment_offset + (uint64_t)i * raw->segment_size;
		const unsigned char *from = raw->segment_offset > elf->file.size ? NULL : at(elf, where, size);
		struct segment *segment = &elf->segments[elf->segment_count];
		Elf64_Phdr header;

		if (!from)
			return fail(elf->path, "its program headers reach beyond the end of the file: it is truncated, link it again");
		if (elf->is_64) {
			memcpy(&header, from, size);
		} else {
			Elf32_Phdr narrow;

			memcpy(&narrow, from, size);
			header = (Elf64_Phdr){ narrow.p_type, narrow.p_flags, narrow.p_offset, narrow.p_vaddr, narrow.p_paddr,
					       narrow.p_filesz, narrow.p_memsz, narrow.p_align };
		}
		if (header.p_type != PT_LOAD)
			continue;
		*segment = (struct segment){ header.p_vaddr, header.p_memsz, at(elf, header.p_offset, header.p_filesz),
					     header.p_filesz, (header.p_flags & PF_X) != 0 };
		if (!segment->bytes || segment->file_size > segment->size)
			return fail(elf->path, "segment %zu reaches beyond the end of the file: it is truncated, link it again", i);
		if (segment->address + segment->size < segment->address)
			return fail(elf->path, "segment %zu reaches beyond the end of the address space: link it again", i);
		elf->segment_count++;
	}
	return 0;
}

static int compare_symbols(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	if (a->address != b->address)
		return a->address < b->address ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->global != b->global)
		return a->global ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void add_symbol(struct elf *elf, const Elf64_Sym *from, const char *names, uint64_t names_size)
{
	unsigned type = ELF64_ST_TYPE(from->st_info);
	struct symbol *symbol = &elf->symbols[elf->symbol_count];

	if (from->st_shndx == SHN_UNDEF || from->st_shndx == SHN_ABS || from->st_name >= names_size ||
	    names[from->st_name] == 0 || (type != STT_FUNC && type != STT_NOTYPE && type != STT_OBJECT))
		return;
	*symbol = (struct symbol){ names + from->st_name, from->st_value, from->st_size,
				   type == STT_FUNC ? SYMBOL_FUNCTION : type == STT_NOTYPE ? SYMBOL_LABEL : SYMBOL_DATA,
				   ELF64_ST_BIND(from->st_info) != STB_LOCAL };
	/* A size that wraps around is none. */
	if (symbol->address + symbol->size < symbol->address)
		symbol->size = 0;
	elf->symbol_count++;
}

static void read_symbols(struct elf *elf, const struct raw *raw)
{
	size_t entry = elf->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	Elf64_Shdr header, names_header;
	const char *names;
	size_t table = raw->section_count, count;

	/* The dynamic symbols are better than none. */
	for (size_t i = 0; i < raw->section_count; i++) {
		raw_section(raw, i, &header);
		if (header.sh_type == SHT_SYMTAB || (header.sh_type == SHT_DYNSYM && table == raw->section_count))
			table = i;
		if (header.sh_type == SHT_SYMTAB)
			break;
	}
	if (table == raw->section_count)
		return;
	raw_section(raw, table, &header);
	if (header.sh_link >= raw->section_count)
		return;
	raw_section(raw, header.sh_link, &names_header);
	names = string_table(elf, &names_header);
	if (!names)
		return;
	count = elf->sections[table].size / entry;
	elf->symbols = allocate(count, sizeof *elf->symbols);
	for (size_t i = 0; i < count; i++) {
		const unsigned char *from = elf->sections[table].bytes + i * entry;
		Elf64_Sym symbol;

		if (elf->is_64) {
			memcpy(&symbol, from, entry);
		} else {
			Elf32_Sym narrow;

			memcpy(&narrow, from, entry);
			symbol = (Elf64_Sym){ narrow.st_name, narrow.st_info, narrow.st_other, narrow.st_shndx, narrow.st_value,
					      narrow.st_size };
		}
		add_symbol(elf, &symbol, names, names_header.sh_size);
	}
	qsort(elf->symbols, elf->symbol_count, sizeof *elf->symbols, compare_symbols);
}

int elf_open(struct elf *elf, const char *path)
{
	struct raw raw;

	memset(elf, 0, sizeof *elf);
	elf->path = path;
	elf->names = allocate(2, sizeof *elf->names);
	if (read_file(path, FILE_LIMIT, &elf->file) != 0 || read_header(elf, &raw) != 0 ||
	    read_sections(elf, &raw) != 0 || read_segments(elf, &raw) != 0)
		return EXIT_BAD;
	read_symbols(elf, &raw);
	return 0;
}

void elf_close(struct elf *elf)
{
	for (size_t i = 0; i < elf->name_count; i++)
		free(elf->names[i]);
	free(elf->names);
	free(elf->symbols);
	free(elf->segments);
	free(elf->sections);
	free(elf->file.bytes);
	memset(elf, 0, sizeof *elf);
}
