/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* vrom show: a ROM explained; its templates are in show_templates.c. show_json.c says the same to a program. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "decode.h"
#include "show.h"

/* The code at offset, to the first instruction that goes elsewhere. */
static void print_entry(const struct romfile *rom, const struct decoder *decoder, const char *name, unsigned offset)
{
	struct instruction instruction;
	char text[INSTRUCTION_SIZE] = "no instruction";
	uint64_t target, address = (uint64_t)rom->at + offset;

	if (decode(decoder, rom->file.bytes + offset, rom->size - offset, &instruction) == 0)
		format_instruction(decoder, &instruction, address, text);
	printf("  %02x  %-18s %s", offset, name, text);
	if (text[0] != 'n' && branch_target(decoder, &instruction, address, &target)) {
		if (target - rom->at < rom->size)
			printf("  (ROM + 0x%x)", (unsigned)(target - rom->at));
		else
			printf("  (outside the ROM)");
	}
	putchar('\n');
}

static void print_string(const struct romfile *rom, unsigned at, const char *name, unsigned offset)
{
	char *text = offset ? romfile_string(rom, offset) : NULL;

	printf("  %02x  %-18s ", at, name);
	if (!offset)
		puts("0: none");
	else if (text)
		printf("at 0x%x: \"%s\"\n", offset, text);
	else
		printf("at 0x%x: outside the ROM, or without an end\n", offset);
	free(text);
}

static void print_header(const struct romfile *rom, const struct decoder *decoder)
{
	const struct vmi_rom_header *header = rom->header;

	printf("header\n");
	printf("  00  %-18s %04x: %s\n", "boot signature", header->boot_signature,
	       header->boot_signature == VMI_ROM_BOOT_SIGNATURE ? "an option ROM" : "not an option ROM, which has aa55");
	printf("  02  %-18s %u units of 512: %u bytes\n", "length", header->rom_length, header->rom_length * VMI_ROM_UNIT);
	printf("  03  %-18s %02x %02x %02x %02x: 16-bit code that the firmware calls\n", "BIOS entry", header->rom_entry[0],
	       header->rom_entry[1], header->rom_entry[2], header->rom_entry[3]);
	printf("  08  %-18s %08x: %s\n", "signature", header->signature,
	       header->signature == VMI_ROM_SIGNATURE ? "\"cVmi\", a VMI ROM" : "not a VMI ROM, which has \"cVmi\"");
	if (!rom->is_vmi)
		return;
	printf("  0c  %-18s %u.%u\n", "API version", header->api_major, header->api_minor);
	printf("  0e  %-18s %u (no guest is known to read it)\n", "jump slots", header->jump_slots);
	if (header->virtual_top)
		printf("  10  %-18s 0x%08x: addresses from here on are the hypervisor's\n", "virtual top", header->virtual_top);
	else
		printf("  10  %-18s 0: the hypervisor needs no addresses of the guest's\n", "virtual top");
	print_string(rom, VMI_OFF_LICENSE, "licence", header->license_offs);
	printf("  18  %-18s at 0x%x%s\n", "PCI header", header->pci_header_offs,
	       !header->pci_header_offs ? ": none" : rom->pci ? "" : ": outside the ROM");
	printf("  1a  %-18s at 0x%x%s\n", "PnP header", header->pnp_header_offs,
	       !header->pnp_header_offs ? ": none" : rom->pnp ? "" : ": outside the ROM");
	print_entry(rom, decoder, "Init", VMI_OFF_INIT);
	print_entry(rom, decoder, "get_reloc", VMI_OFF_GET_RELOC);
}

static void print_pci(const struct romfile *rom)
{
	const struct vmi_pci_header *pci = rom->pci;
	char *signature = printable(pci->signature, 4);

	printf("PCI data structure at 0x%x\n", rom->header->pci_header_offs);
	printf("  00  %-18s \"%s\"%s\n", "signature", signature, strcmp(signature, "PCIR") == 0 ? "" : ": should be \"PCIR\"");
	printf("  04  %-18s %04x:%04x%s\n", "vendor, device", pci->vendor, pci->device,
	       pci->vendor == VMI_PCI_VENDOR && pci->device == VMI_PCI_DEVICE ? ": a VMI ROM" : ": Linux expects 15ad:0801");
	printf("  08  %-18s 0x%x\n", "vital product data", pci->vpd);
	printf("  0a  %-18s %u bytes, revision %u\n", "structure", pci->length, pci->revision);
	printf("  0d  %-18s %02x %02x %02x (class, subclass, interface)\n", "class code", pci->class_code[2],
	       pci->class_code[1], pci->class_code[0]);
	printf("  10  %-18s %u units of 512%s\n", "image length", pci->image_length,
	       pci->image_length == rom->header->rom_length ? "" : ": the ROM's header says otherwise");
	printf("  12  %-18s %u.%u\n", "ROM version", pci->rom_major, pci->rom_minor);
	printf("  14  %-18s %u%s, %s\n", "code type", pci->code_type, pci->code_type == 0 ? " (PC)" : "",
	       pci->indicator & 0x80 ? "the last image" : "another image follows");
	free(signature);
}

static void print_pnp(const struct romfile *rom)
{
	const struct vmi_pnp_header *pnp = rom->pnp;
	size_t offset = rom->header->pnp_header_offs, length = (size_t)pnp->length * 16;
	char *signature = printable(pnp->signature, 4);
	unsigned char sum = 0;

	for (size_t i = 0; i < length && offset + i < rom->size; i++)
		sum += rom->file.bytes[offset + i];
	printf("PnP expansion header at 0x%zx\n", offset);
	printf("  00  %-18s \"%s\"%s\n", "signature", signature, strcmp(signature, "$PnP") == 0 ? "" : ": should be \"$PnP\"");
	printf("  04  %-18s %u, %zu bytes, sum 0x%02x%s\n", "revision", pnp->revision, length, sum,
	       sum == 0 && length >= sizeof *pnp ? "" : ": the sum should be 0");
	printf("  06  %-18s 0x%x\n", "next header", pnp->next);
	printf("  0a  %-18s %04x%04x\n", "device id", pnp->device_id[1], pnp->device_id[0]);
	print_string(rom, 0x0e, "manufacturer", pnp->manufacturer_offs);
	print_string(rom, 0x10, "product", pnp->product_offs);
	free(signature);
}

static void print_extension(const struct romfile *rom)
{
	const struct vrom_extension *extension = rom->extension;

	printf("vrom extension at 0x%x\n", VROM_EXTENSION_OFFSET);
	printf("  24  %-18s %u, %u bytes%s\n", "version", extension->version, extension->size,
	       extension->version == VROM_EXTENSION_VERSION ? "" : ": an unknown version");
	printf("  26  %-18s 0x%04x%s\n", "flags", extension->flags,
	       extension->flags & VROM_PROMISES_RELOC ? ": get_reloc answers before Init as after it" : "");
	printf("  28  %-18s %u at 0x%x%s\n", "templates", extension->template_count, extension->templates,
	       rom->template_count < extension->template_count ? ": not all inside the ROM" : "");
	if (extension->counter_count && !extension->counters)
		printf("  30  %-18s %u, placed when the BIOS calls the ROM\n", "counters", extension->counter_count);
	else if (extension->counters)
		printf("  30  %-18s %u at physical 0x%x\n", "counters", extension->counter_count, extension->counters);
	else
		printf("  30  %-18s none\n", "counters");
}

static void print_calls(const struct romfile *rom)
{
	unsigned counts[5] = { 0 };

	printf("calls, as get_reloc answers with the ROM at 0x%x\n", rom->at);
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++) {
		const struct reply *reply = &rom->replies[call];

		printf("  %3u  %-18s ", call, call_name(call));
		if (reply->problem[0]) {
			printf("%s\n", reply->problem);
			continue;
		}
		counts[reply->type < 4 ? reply->type : 4]++;
		printf("%s", answer_name(reply->type));
		if (reply->type == VMI_RELOCATION_CALL_REL || reply->type == VMI_RELOCATION_JUMP_REL) {
			printf("  0x%08x", reply->target);
			if (reply->target - rom->at < rom->size)
				printf("  ROM + 0x%x", reply->target - rom->at);
		}
		printf("%s%s\n", reply->spoils ? "  (get_reloc changes registers that it must keep)" : "",
		       reply->stores ? "  (get_reloc writes into the ROM, which a PC does not allow)" : "");
	}
	printf("  any  %-18s %s\n", "unknown number", rom->unknown.problem[0] ? rom->unknown.problem :
	       answer_name(rom->unknown.type));
	printf("  %u calls, %u jumps, %u erased, %u left native", counts[1], counts[2], counts[3], counts[0]);
	if (counts[4])
		printf(", %u of an unknown type", counts[4]);
	putchar('\n');
}

static void print_verdicts(const struct romfile *rom, const struct verdicts *verdicts)
{
	static const char *const sum[] = { "accepts it", "accepts it, with a warning", "accepts it, and then crashes",
					   "refuses it" };

	printf("a Linux guest, 2.6.24 to 2.6.36, %s\n", sum[verdicts->worst]);
	for (unsigned i = 0; i < verdicts->count; i++)
		printf("  %-8s %s\n", verdict_name(verdicts->list[i].level), verdicts->list[i].text);
	printf("the vrom library %s%s\n", rom->status == VROM_OK ? "accepts it" : "refuses it: ",
	       rom->status == VROM_OK ? "" : vrom_strstatus(rom->status));
}

static void print_rom(const struct romfile *rom, const struct decoder *decoder, const struct verdicts *verdicts)
{
	printf("%s: %zu bytes", rom->path, rom->file.size);
	if (rom->header && rom->size < rom->file.size)
		printf(", of which %zu are the ROM", rom->size);
	putchar('\n');
	if (!rom->header) {
		printf("it is too short for a header, which has %u bytes\n", VMI_ROM_HEADER_SIZE);
	} else {
		print_header(rom, decoder);
		printf("checksum\n  the sum of %zu bytes is 0x%02x: %s\n", rom->size, rom->sum,
		       rom->sum == 0 ? "good" : "it should be 0");
	}
	if (rom->pci)
		print_pci(rom);
	if (rom->pnp)
		print_pnp(rom);
	if (rom->extension)
		print_extension(rom);
	if (rom->template_count)
		show_templates(rom, decoder);
	if (rom->emulator)
		print_calls(rom);
	print_verdicts(rom, verdicts);
}

static int show(const char *path, uint32_t at, int json)
{
	struct decoder decoder;
	struct verdicts verdicts;
	struct romfile rom;
	int status = romfile_open(&rom, path, at);

	if (status == 0 && rom.file.size == 0)
		status = fail(path, "the file is empty: name a ROM");
	if (status == 0 && rom.is_vmi)
		status = romfile_ask(&rom);
	if (status == 0) {
		decoder_init(&decoder, 0);
		linux_judge(&rom, &verdicts);
		if (json)
			show_json(&rom, &decoder, &verdicts);
		else
			print_rom(&rom, &decoder, &verdicts);
		if (rom.status != VROM_OK)
			status = fail(path, "%s: build it again", vrom_strstatus(rom.status));
	}
	romfile_close(&rom);
	return status;
}

int cmd_show(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "rom-at", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t at = DEFAULT_ROM_AT;
	int c, json = 0;

	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1)
		switch (c) {
		case 'j': json = 1; break;
		case 'r':
			if (parse_number(optarg, 0xffffffffu, &at) != 0)
				return misuse("show", "--rom-at is an address of 32 bits, like 0xC00D0000");
			break;
		default: return misuse_option("show", argv, c);
		}
	if (argc - optind != 1)
		return misuse("show", "name one ROM");
	return show(argv[optind], (uint32_t)at, json);
}
