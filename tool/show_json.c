/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* vrom show --json. */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "calls.h"
#include "show.h"

/* A string of the ROM, or null. */
static json_t *string_json(const struct romfile *rom, unsigned offset)
{
	char *text = offset ? romfile_string(rom, offset) : NULL;
	json_t *json = text ? json_string(text) : json_null();

	free(text);
	return json;
}

static json_t *header_json(const struct romfile *rom)
{
	const struct vmi_rom_header *header = rom->header;

	return json_pack("{s:b, s:b, s:i, s:i, s:i, s:I, s:o, s:i, s:i, s:i}", "boot_signature",
			 header->boot_signature == VMI_ROM_BOOT_SIGNATURE, "vmi_signature",
			 header->signature == VMI_ROM_SIGNATURE, "length", header->rom_length * VMI_ROM_UNIT,
			 "api_major", header->api_major, "api_minor", header->api_minor, "virtual_top",
			 (json_int_t)header->virtual_top, "licence", string_json(rom, header->license_offs), "pci_offset",
			 header->pci_header_offs, "pnp_offset", header->pnp_header_offs, "jump_slots", header->jump_slots);
}

static json_t *pci_json(const struct vmi_pci_header *pci)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i}", "vendor", pci->vendor, "device", pci->device, "image_length",
			 pci->image_length * VMI_ROM_UNIT, "rom_major", pci->rom_major, "rom_minor", pci->rom_minor);
}

static json_t *pnp_json(const struct romfile *rom)
{
	return json_pack("{s:o, s:o}", "manufacturer", string_json(rom, rom->pnp->manufacturer_offs), "product",
			 string_json(rom, rom->pnp->product_offs));
}

static json_t *extension_json(const struct romfile *rom, const struct decoder *decoder)
{
	const struct vrom_extension *extension = rom->extension;

	return json_pack("{s:i, s:b, s:I, s:i, s:o}", "version", extension->version, "promises_reloc",
			 (extension->flags & VROM_PROMISES_RELOC) != 0, "counters", (json_int_t)extension->counters,
			 "counter_count", extension->counter_count, "templates",
			 templates_json(rom, decoder));
}

static json_t *calls_json(const struct romfile *rom)
{
	json_t *list = json_array();

	for (unsigned call = 0; call < VMI_CALL_COUNT; call++) {
		const struct reply *reply = &rom->replies[call];
		json_t *object = json_pack("{s:i, s:s}", "number", call, "name", call_name(call));

		if (reply->problem[0]) {
			json_object_set_new(object, "problem", json_string(reply->problem));
		} else {
			json_object_set_new(object, "answer", json_string(answer_name(reply->type)));
			json_object_set_new(object, "target", json_integer(reply->target));
			json_object_set_new(object, "spoils_registers", json_boolean(reply->spoils));
			json_object_set_new(object, "writes_rom", json_boolean(reply->stores));
		}
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *linux_json(const struct verdicts *verdicts)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < verdicts->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "level", verdict_name(verdicts->list[i].level), "text",
						      verdicts->list[i].text));
	return json_pack("{s:s, s:o}", "verdict", verdicts->worst == VERDICT_NOTE ? "accepts" :
			 verdict_name(verdicts->worst), "reasons", list);
}

void show_json(const struct romfile *rom, const struct decoder *decoder, const struct verdicts *verdicts)
{
	json_t *object = json_pack("{s:I, s:b, s:b, s:s, s:I, s:o}", "file_bytes", (json_int_t)rom->file.size, "checksum_good",
				   rom->header && rom->sum == 0, "accepted", rom->status == VROM_OK, "library",
				   vrom_strstatus(rom->status), "rom_at", (json_int_t)rom->at, "linux", linux_json(verdicts));

	if (rom->header)
		json_object_set_new(object, "header", header_json(rom));
	if (rom->pci)
		json_object_set_new(object, "pci", pci_json(rom->pci));
	if (rom->pnp)
		json_object_set_new(object, "pnp", pnp_json(rom));
	if (rom->extension)
		json_object_set_new(object, "extension", extension_json(rom, decoder));
	if (rom->emulator)
		json_object_set_new(object, "calls", calls_json(rom));
	json_dumpf(object, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(object);
}
