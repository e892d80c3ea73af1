/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * vrom build: a ROM image from an ELF file.
 *
 * The ELF file has the code, linked at 0 (roms/rom.ld), and names its entry points by symbols. What this adds
 * is what no code needs to know: the header, the strings, the PCI and PnP structures, the length, the sum.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmi/calls.h>
#include <vmi/rom.h>
#include <vrom/template.h>

#include "calls.h"
#include "templates.h"
#include "tool.h"

#define IMAGE_MOST (127 * VMI_ROM_UNIT) /* the length is a byte, and some take it for a signed one */
#define CODE_MOST (64 * 1024)
#define PNP_UNIT 16
#define JMP_REL32 0xe9
#define LRET 0xcb

struct options {
	const char *in, *out, *licence, *manufacturer, *product;
	unsigned vendor, device, major, minor;
	enum { TEMPLATES_ALL, TEMPLATES_FOUR, TEMPLATES_NONE } templates;
	uint64_t virtual_top;
};

struct image {
	_Alignas(4) unsigned char bytes[CODE_MOST + VMI_ROM_UNIT];
	size_t size;
};

struct symbol {
	const char *name;
	int needed, found;
	uint32_t value;
};

enum { BIOS_ENTRY, INIT, GET_RELOC, TEMPLATES, TEMPLATES_END, PROMISES, COUNTERS, SYMBOLS };

struct source {
	const char *path;
	int fd;
	Elf *elf;
	size_t names;             /* section with the names of the sections */
	struct symbol symbols[SYMBOLS];
	int relocations;
};

static const char usage_text[] =
	"usage: vrom build [options] -o OUT.rom IN.elf\n"
	"Makes a VMI ROM from an i386 ELF file that is linked at 0 with --emit-relocs.\n"
	"  -o, --output FILE        the image to write\n"
	"      --license TEXT       a Linux guest wants \"GPL\" or \"GPL v2\"\n"
	"      --pci VENDOR:DEVICE  default 15AD:0801, which Linux knows\n"
	"      --rom-version M.N    of the ROM itself, default 1.0\n"
	"      --manufacturer TEXT\n"
	"      --product TEXT\n"
	"      --virtual-top ADDR   lowest linear address that the hypervisor keeps, default 0: none\n"
	"      --templates WHICH    of its templates keep all (default), none, or those of the four interrupt mask calls: four\n"
	"  -h, --help\n";

/* ---- Options ---- */

/* Two numbers below most with between in the middle, and nothing else. */
static int two_numbers(const char *text, int base, char between, unsigned most, unsigned *first, unsigned *second)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	unsigned long a, b;
	char *end;

	if (strspn(text, digits) == 0)
		return -1;
	a = strtoul(text, &end, base);
	if (end == text || *end != between || strspn(end + 1, digits) == 0)
		return -1;
	text = end + 1;
	b = strtoul(text, &end, base);
	if (end == text || *end || a > most || b > most)
		return -1;
	*first = (unsigned)a;
	*second = (unsigned)b;
	return 0;
}

static int read_options(int argc, char **argv, struct options *options)
{
	enum { LICENSE = 256, PCI, VERSION, MANUFACTURER, PRODUCT, VIRTUAL_TOP, WHICH };
	static const struct option known[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "license", required_argument, NULL, LICENSE },
		{ "pci", required_argument, NULL, PCI },
		{ "rom-version", required_argument, NULL, VERSION },
		{ "manufacturer", required_argument, NULL, MANUFACTURER },
		{ "product", required_argument, NULL, PRODUCT },
		{ "virtual-top", required_argument, NULL, VIRTUAL_TOP },
		{ "templates", required_argument, NULL, WHICH },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*options = (struct options){ .vendor = VMI_PCI_VENDOR, .device = VMI_PCI_DEVICE, .major = 1 };
	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":o:h", known, NULL)) != -1) {
		switch (option) {
		case 'o':
			options->out = optarg;
			break;
		case LICENSE:
			options->licence = optarg;
			break;
		case PCI:
			if (two_numbers(optarg, 16, ':', 0xffff, &options->vendor, &options->device))
				return misuse("build", "--pci takes two hexadecimal numbers, as in 15AD:0801");
			break;
		case VERSION:
			if (two_numbers(optarg, 10, '.', 0xff, &options->major, &options->minor))
				return misuse("build", "--rom-version takes two numbers up to 255, as in 1.0");
			break;
		case MANUFACTURER:
			options->manufacturer = optarg;
			break;
		case PRODUCT:
			options->product = optarg;
			break;
		case VIRTUAL_TOP:
			if (parse_number(optarg, 0xffffffff, &options->virtual_top) || options->virtual_top % 4096)
				return misuse("build", "--virtual-top takes a multiple of 4096 below 4 GiB, as in 0xffc00000");
			break;
		case WHICH:
			if (strcmp(optarg, "all") != 0 && strcmp(optarg, "four") != 0 && strcmp(optarg, "none") != 0)
				return misuse("build", "--templates is all, four or none");
			options->templates = *optarg == 'a' ? TEMPLATES_ALL : *optarg == 'f' ? TEMPLATES_FOUR : TEMPLATES_NONE;
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(0);
		default:
			return misuse_option("build", argv, option);
		}
	}
	if (!options->out)
		return misuse("build", "-o FILE is missing, which says where the image goes");
	if (optind + 1 != argc)
		return misuse("build", "give one ELF file");
	options->in = argv[optind];
	return 0;
}

/* ---- The ELF file ---- */

static int open_elf(struct source *source)
{
	GElf_Ehdr header;
	size_t size = 0;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return fail(source->path, "libelf is older than the one the tool was built with: install that");
	source->fd = open(source->path, O_RDONLY | O_CLOEXEC);
	if (source->fd < 0)
		return fail(source->path, "cannot be opened (%s): check the name", strerror(errno));
	source->elf = elf_begin(source->fd, ELF_C_READ, NULL);
	if (!source->elf || elf_kind(source->elf) != ELF_K_ELF || !gelf_getehdr(source->elf, &header))
		return fail(source->path, "it is not an ELF file: give a linked i386 program");
	if (header.e_ident[EI_CLASS] != ELFCLASS32 || header.e_machine != EM_386)
		return fail(source->path, "it is not for i386: compile and link with -m32");
	if (header.e_type != ET_EXEC)
		return fail(source->path, "it is not a linked program: link it with -static -no-pie and rom.ld");
	elf_rawfile(source->elf, &size);
	if (header.e_shoff > size || (uint64_t)header.e_shnum * header.e_shentsize > size - header.e_shoff)
		return fail(source->path, "its section headers are not all there: it is truncated, so link it again");
	if (elf_getshdrstrndx(source->elf, &source->names))
		return fail(source->path, "it has no section names: it is damaged, so link it again");
	return 0;
}

static const char *section_name(const struct source *source, const GElf_Shdr *header)
{
	const char *name = elf_strptr(source->elf, source->names, header->sh_name);

	return name ? name : "(a section without a name)";
}

/* Copies one section to its place. Its address is its offset in the image. */
static int load_section(const struct source *source, Elf_Scn *section, const GElf_Shdr *header, struct image *image)
{
	const char *name = section_name(source, header);
	Elf_Data *data;

	if (header->sh_size == 0)
		return 0;
	if (header->sh_flags & SHF_WRITE)
		return fail(source->path, "%s is writable data, which a ROM cannot have: make it constant, or keep "
					  "it in memory taken from the BIOS", name);
	if (header->sh_addr < VMI_ROM_HEADER_SIZE)
		return fail(source->path, "%s lies where the header goes: link it from 0x%x on", name,
				VMI_ROM_HEADER_SIZE);
	if (header->sh_addr > CODE_MOST || header->sh_size > CODE_MOST - header->sh_addr)
		return fail(source->path, "%s reaches beyond 64 KiB: link it at 0 and make it smaller", name);
	data = header->sh_type == SHT_NOBITS ? NULL : elf_rawdata(section, NULL);
	if (header->sh_type != SHT_NOBITS) {
		if (!data || data->d_size != header->sh_size || !data->d_buf)
			return fail(source->path, "%s is not all there: the file is truncated or damaged, so link it again", name);
		memcpy(image->bytes + header->sh_addr, data->d_buf, data->d_size);
	}
	if (image->size < header->sh_addr + header->sh_size)
		image->size = header->sh_addr + header->sh_size;
	return 0;
}

/* A value that is right wherever the image is: a distance, an offset of 8 or 16 bits, or a plain number. */
static int is_position_independent(const GElf_Rel *relocation, const GElf_Sym *symbol)
{
	switch (GELF_R_TYPE(relocation->r_info)) {
	case R_386_NONE:
	case R_386_16:
	case R_386_8:
	case R_386_GOTOFF:
	case R_386_GOTPC:
		return 1;
	case R_386_PC32:
	case R_386_PC16:
	case R_386_PC8:
	case R_386_PLT32:
		return symbol->st_shndx != SHN_ABS && symbol->st_shndx != SHN_UNDEF;
	case R_386_32:
		return symbol->st_shndx == SHN_ABS || GELF_R_SYM(relocation->r_info) == STN_UNDEF;
	default:
		return 0;
	}
}

/* Looks through the relocations that the linker has applied and left for us. */
static int check_relocations(struct source *source, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Scn *target = elf_getscn(source->elf, header->sh_info);
	Elf_Scn *table = elf_getscn(source->elf, header->sh_link);
	Elf_Data *relocations = elf_getdata(section, NULL), *symbols = table ? elf_getdata(table, NULL) : NULL;
	GElf_Shdr target_header, table_header;

	if (!target || !gelf_getshdr(target, &target_header) || !table || !gelf_getshdr(table, &table_header) ||
	    !relocations || !symbols)
		return fail(source->path, "%s is damaged: link it again", section_name(source, header));
	source->relocations = 1;
	if (!(target_header.sh_flags & SHF_ALLOC))
		return 0;
	for (int i = 0; i < (int)(relocations->d_size / sizeof(Elf32_Rel)); i++) {
		GElf_Rel relocation;
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getrel(relocations, i, &relocation) ||
		    !gelf_getsym(symbols, (int)GELF_R_SYM(relocation.r_info), &symbol))
			return fail(source->path, "%s is damaged: link it again", section_name(source, header));
		if (is_position_independent(&relocation, &symbol))
			continue;
		name = elf_strptr(source->elf, table_header.sh_link, symbol.st_name);
		return fail(source->path, "the word at 0x%llx in %s depends on where the ROM is (%s, relocation type %u): "
					  "make it position independent", (unsigned long long)relocation.r_offset,
			    section_name(source, &target_header), name && *name ? name : "no symbol",
			    (unsigned)GELF_R_TYPE(relocation.r_info));
	}
	return 0;
}

static int read_symbols(struct source *source, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);

	if (!data)
		return fail(source->path, "its symbol table is damaged: link it again");
	for (int i = 0; i < (int)(data->d_size / sizeof(Elf32_Sym)); i++) {
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getsym(data, i, &symbol))
			return fail(source->path, "its symbol table is damaged: link it again");
		name = elf_strptr(source->elf, header->sh_link, symbol.st_name);
		for (int k = 0; name && k < SYMBOLS; k++)
			if (symbol.st_shndx != SHN_UNDEF && GELF_ST_BIND(symbol.st_info) != STB_LOCAL &&
			    strcmp(name, source->symbols[k].name) == 0) {
				source->symbols[k].found = 1;
				source->symbols[k].value = (uint32_t)symbol.st_value;
			}
	}
	return 0;
}

static int read_elf(struct source *source, struct image *image)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	int status = open_elf(source);

	while (status == 0 && (section = elf_nextscn(source->elf, section))) {
		if (!gelf_getshdr(section, &header))
			return fail(source->path, "a section header is damaged: link it again");
		if (header.sh_type == SHT_RELA)
			status = fail(source->path, "%s is of a kind that i386 does not have: link it again",
					  section_name(source, &header));
		else if (header.sh_type == SHT_REL)
			status = check_relocations(source, section, &header);
		else if (header.sh_type == SHT_SYMTAB)
			status = read_symbols(source, section, &header);
		else if (header.sh_flags & SHF_ALLOC)
			status = load_section(source, section, &header, image);
	}
	if (status)
		return status;
	if (image->size == 0)
		return fail(source->path, "it holds no code: link one with rom.ld");
	for (int k = 0; k < SYMBOLS; k++) {
		const struct symbol *symbol = &source->symbols[k];

		if (symbol->needed && !symbol->found)
			return fail(source->path, "it has no global symbol %s: define it, and do not strip the file", symbol->name);
		if (k <= GET_RELOC && symbol->found &&
		    (symbol->value < VMI_ROM_HEADER_SIZE || symbol->value >= image->size))
			return fail(source->path, "%s is not in the image: define it as a function of the ROM", symbol->name);
	}
	if (!source->relocations)
		fail(source->path, "note: it has no relocations to tell whether it is position independent: link it with "
				   "--emit-relocs");
	return 0;
}

/* ---- The image ---- */

/* Room for size bytes, aligned to 4, at the end of the image. Returns its offset, 0 if there is none. */
static uint16_t append(struct image *image, size_t size)
{
	size_t at = (image->size + 3) & ~(size_t)3;

	if (at + size > CODE_MOST)
		return 0;
	image->size = at + size;
	return (uint16_t)at;
}

static int append_string(struct image *image, const char *text, uint16_t *offset)
{
	size_t size;

	if (!text)
		return 0;
	size = strlen(text) + 1;
	*offset = append(image, size);
	if (*offset)
		memcpy(image->bytes + *offset, text, size);
	return *offset ? 0 : -1;
}

static void put_jump(struct image *image, size_t at, uint32_t target)
{
	uint32_t distance = target - (uint32_t)(at + 5);

	image->bytes[at] = JMP_REL32;
	memcpy(image->bytes + at + 1, &distance, sizeof distance);
}

static uint8_t sum(const void *bytes, size_t size)
{
	uint8_t total = 0;

	for (size_t i = 0; i < size; i++)
		total += ((const unsigned char *)bytes)[i];
	return total;
}

/* Whoever measures what code in line brings wants a ROM with less of it. */
static unsigned drop_templates(const struct options *options, struct vrom_template *templates, unsigned count)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++)
		if (options->templates == TEMPLATES_ALL ||
		    (options->templates == TEMPLATES_FOUR && calls[templates[i].call].kind & VMI_IS_MASK))
			templates[kept++] = templates[i];
	memset(templates + kept, 0, (count - kept) * sizeof *templates);
	return kept;
}

static int read_templates(const struct source *source, const struct options *options, struct image *image,
			  struct vrom_extension *extension)
{
	struct vrom_template *templates;
	uint32_t start = source->symbols[TEMPLATES].value, end = source->symbols[TEMPLATES_END].value, count;

	if (!source->symbols[TEMPLATES].found || !source->symbols[TEMPLATES_END].found || start == end)
		return 0;
	count = (end - start) / (uint32_t)sizeof(struct vrom_template);
	if (start % 4 || end < start || end > image->size || (end - start) % sizeof(struct vrom_template) ||
	    count > VROM_MAX_TEMPLATES)
		return fail(source->path, "rom_templates to rom_templates_end is no table of templates: put whole ones of %zu "
					  "bytes there, %d at most", sizeof(struct vrom_template), VROM_MAX_TEMPLATES);
	templates = (struct vrom_template *)(image->bytes + start);
	if (build_templates(source->path, templates, count, start, (uint32_t)image->size) != 0)
		return EXIT_BAD;
	extension->templates = start;
	extension->template_count = (uint16_t)drop_templates(options, templates, count);
	return 0;
}

static int write_header(const struct source *source, const struct options *options, struct image *image)
{
	const struct symbol *symbols = source->symbols;
	struct vmi_rom_header header = { .boot_signature = VMI_ROM_BOOT_SIGNATURE, .signature = VMI_ROM_SIGNATURE,
					 .api_major = VMI_API_MAJOR, .api_minor = VMI_API_MINOR,
					 .virtual_top = (uint32_t)options->virtual_top };
	struct vrom_extension extension = { .signature = VROM_EXTENSION_SIGNATURE, .version = VROM_EXTENSION_VERSION,
					    .size = sizeof extension, .flags = (uint16_t)symbols[PROMISES].value,
					    .counter_count = (uint16_t)symbols[COUNTERS].value };
	struct vmi_pci_header pci = { .signature = "PCIR", .vendor = (uint16_t)options->vendor,
				      .device = (uint16_t)options->device, .length = sizeof pci, .class_code = { 0, 0, 0xff },
				      .rom_minor = (uint8_t)options->minor, .rom_major = (uint8_t)options->major,
				      .indicator = 0x80 };
	unsigned char pnp_bytes[2 * PNP_UNIT] = { 0 };
	struct vmi_pnp_header *pnp = (struct vmi_pnp_header *)pnp_bytes;
	size_t units;

	if (read_templates(source, options, image, &extension))
		return EXIT_BAD;
	header.pci_header_offs = append(image, sizeof pci);
	header.pnp_header_offs = append(image, sizeof pnp_bytes);
	memcpy(pnp->signature, "$PnP", 4);
	pnp->revision = 1;
	pnp->length = sizeof pnp_bytes / PNP_UNIT;
	if (!header.pci_header_offs || !header.pnp_header_offs ||
	    append_string(image, options->licence, &header.license_offs) ||
	    append_string(image, options->manufacturer, &pnp->manufacturer_offs) ||
	    append_string(image, options->product, &pnp->product_offs))
		return fail(source->path, "code and strings are more than 64 KiB: make them shorter");
	pnp->checksum = (uint8_t)-sum(pnp_bytes, sizeof pnp_bytes);

	/* One byte more, for the sum. */
	units = (image->size + 1 + VMI_ROM_UNIT - 1) / VMI_ROM_UNIT;
	if (units * VMI_ROM_UNIT > IMAGE_MOST)
		return fail(source->path, "the image would have %zu bytes: make it %d at most", units * VMI_ROM_UNIT, IMAGE_MOST);
	image->size = units * VMI_ROM_UNIT;
	header.rom_length = (uint8_t)units;
	pci.image_length = (uint16_t)units;

	memcpy(image->bytes, &header, sizeof header);
	memcpy(image->bytes + VROM_EXTENSION_OFFSET, &extension, sizeof extension);
	memcpy(image->bytes + header.pci_header_offs, &pci, sizeof pci);
	memcpy(image->bytes + header.pnp_header_offs, pnp_bytes, sizeof pnp_bytes);
	put_jump(image, VMI_OFF_INIT, symbols[INIT].value);
	put_jump(image, VMI_OFF_GET_RELOC, symbols[GET_RELOC].value);
	if (symbols[BIOS_ENTRY].found) {
		/* 16-bit code: the same byte, and a distance of two. */
		uint16_t distance = (uint16_t)(symbols[BIOS_ENTRY].value - (VMI_OFF_ROM_ENTRY + 3));

		image->bytes[VMI_OFF_ROM_ENTRY] = JMP_REL32;
		memcpy(image->bytes + VMI_OFF_ROM_ENTRY + 1, &distance, sizeof distance);
	} else {
		image->bytes[VMI_OFF_ROM_ENTRY] = LRET;
	}
	image->bytes[image->size - 1] = (uint8_t)-sum(image->bytes, image->size);
	return 0;
}

static int write_image(const char *path, const struct image *image)
{
	FILE *file = fopen(path, "wb");
	int failed;

	if (!file)
		return fail(path, "cannot be written (%s): check the folder and its space", strerror(errno));
	failed = fwrite(image->bytes, 1, image->size, file) != image->size;
	failed |= fclose(file) != 0;
	return failed ? fail(path, "cannot be written (%s): check the folder and its space", strerror(errno)) : 0;
}

int cmd_build(int argc, char **argv)
{
	static struct image image;
	struct source source = { .fd = -1, .symbols = {
		[BIOS_ENTRY] = { .name = "rom_bios_entry" },
		[INIT] = { .name = "rom_init", .needed = 1 },
		[GET_RELOC] = { .name = "rom_get_reloc", .needed = 1 },
		[TEMPLATES] = { .name = "rom_templates" },
		[TEMPLATES_END] = { .name = "rom_templates_end" },
		[PROMISES] = { .name = "rom_promises" },
		[COUNTERS] = { .name = "rom_counter_count" },
	} };
	struct options options;
	int status = read_options(argc, argv, &options);

	if (status)
		return status;
	memset(&image, 0, sizeof image);
	source.path = options.in;
	status = read_elf(&source, &image);
	if (status == 0)
		status = write_header(&source, &options, &image);
	if (source.elf)
		elf_end(source.elf);
	if (source.fd >= 0)
		close(source.fd);
	return status ? status : write_image(options.out, &image);
}
