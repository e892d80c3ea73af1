/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* vrom show: the templates of a ROM, which may be any bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "show.h"

static const struct {
	const char *name, *text; /* %u in text is the argument */
} kinds[VROM_HOLE_KINDS] = {
	[VROM_HOLE_NONE] = { "none", "nothing" },
	[VROM_HOLE_ROM] = { "rom", "plus the ROM's address" },
	[VROM_HOLE_REL] = { "rel", "plus the distance to the ROM" },
	[VROM_HOLE_IMM32] = { "imm32", "plus argument %u" },
	[VROM_HOLE_IMM8] = { "imm8", "plus argument %u, if -128 to 127 comes out" },
	[VROM_HOLE_PORT] = { "port", "plus argument %u, if 0 to 255 comes out" },
	[VROM_HOLE_RM] = { "rm", "the register of argument %u, bits 0-2" },
	[VROM_HOLE_REG] = { "reg", "the register of argument %u, bits 3-5" },
};

static unsigned arguments_of(const struct vrom_template *template)
{
	return template->call < VMI_CALL_COUNT ? calls[template->call].arguments : 0;
}

/* How it wants argument number place, from 0. */
static const char *wants(const struct vrom_template *template, unsigned place)
{
	return template->constant >> place & 1 ? "constant" : template->in_register >> place & 1 ? "register" : "any";
}

static const char *interrupts_text(const struct vrom_template *template)
{
	return template->interrupts == VROM_INTERRUPTS_ANYWHERE ? "anywhere" :
	       template->interrupts == VROM_INTERRUPTS_OUTSIDE ? "outside" : "unknown";
}

static const char *changes_text(unsigned changes, char buffer[OPERANDS_SIZE])
{
	struct site site = { .operands = (uint16_t)changes };

	return *site_changes(&site, buffer) ? buffer : "nothing";
}

/* Its code in one line, as if it lay where it lies in the ROM, with what can be known in its holes. Free it. */
static char *template_code(const struct romfile *rom, const struct decoder *decoder, const struct vrom_template *template)
{
	unsigned length = template->length < VROM_TEMPLATE_CODE ? template->length : VROM_TEMPLATE_CODE;
	uint32_t address = rom->at + (uint32_t)(template->code - rom->file.bytes);
	unsigned char code[VROM_TEMPLATE_CODE];

	memcpy(code, template->code, sizeof code);
	for (unsigned i = 0; i < VROM_TEMPLATE_HOLES; i++) {
		unsigned offset = template->holes[i].offset, kind = template->holes[i].what & 15;
		uint32_t value;

		if ((kind != VROM_HOLE_ROM && kind != VROM_HOLE_REL) || offset + 4 > length)
			continue;
		memcpy(&value, code + offset, sizeof value);
		value += kind == VROM_HOLE_ROM ? rom->at : rom->at - address - offset - 4;
		memcpy(code + offset, &value, sizeof value);
	}
	return disassemble(decoder, code, length, address);
}

static void print_hole(struct vrom_hole hole)
{
	unsigned kind = hole.what & 15;

	printf("       hole at %u: ", hole.offset);
	if (kind >= VROM_HOLE_KINDS)
		printf("of the unknown kind %u", kind);
	else if (kind < VROM_HOLE_IMM32)
		fputs(kinds[kind].text, stdout);
	else
		printf(kinds[kind].text, hole.what >> 4);
	putchar('\n');
}

static void print_template(const struct romfile *rom, const struct decoder *decoder, unsigned number)
{
	const struct vrom_template *template = &rom->templates[number];
	char changes[OPERANDS_SIZE], *code = template_code(rom, decoder, template);

	printf("  %3u  %-18s ", number, call_name(template->call));
	if (template->length > VROM_TEMPLATE_CODE)
		printf("%u bytes, of which there can be %u: ", template->length, VROM_TEMPLATE_CODE);
	printf("%s\n", template->length ? code : "nothing is to be done");
	free(code);
	printf("       %u byte%s, changes %s", template->length, template->length == 1 ? "" : "s",
	       changes_text(template->changes, changes));
	for (unsigned i = 0; i < arguments_of(template); i++)
		printf("%s%s", i ? ", " : arguments_of(template) > 1 ? "; arguments " : "; argument ", wants(template, i));
	printf("%s\n", template->interrupts == VROM_INTERRUPTS_ANYWHERE ? "" :
	       template->interrupts == VROM_INTERRUPTS_OUTSIDE ? "; no interrupt inside" : "; interrupts unknown");
	for (unsigned i = 0; i < VROM_TEMPLATE_GUARDS; i++) {
		const struct vrom_guard *guard = &template->guards[i];

		if (template->guard_arguments[i] && guard->mask == 0xffffffff)
			printf("       if argument %u is 0x%x\n", template->guard_arguments[i], guard->value);
		else if (template->guard_arguments[i])
			printf("       if argument %u & 0x%x is 0x%x\n", template->guard_arguments[i], guard->mask, guard->value);
	}
	for (unsigned i = 0; i < VROM_TEMPLATE_HOLES; i++)
		if (template->holes[i].what)
			print_hole(template->holes[i]);
}

void show_templates(const struct romfile *rom, const struct decoder *decoder)
{
	printf("templates\n");
	for (unsigned i = 0; i < rom->template_count; i++)
		print_template(rom, decoder, i);
}

/* ---- The same to a program ---- */

static json_t *template_json(const struct romfile *rom, const struct decoder *decoder, const struct vrom_template *template)
{
	json_t *arguments = json_array(), *guards = json_array(), *holes = json_array(), *object;
	char changes[OPERANDS_SIZE], *code = template_code(rom, decoder, template);

	for (unsigned i = 0; i < arguments_of(template); i++)
		json_array_append_new(arguments, json_string(wants(template, i)));
	for (unsigned i = 0; i < VROM_TEMPLATE_GUARDS; i++)
		if (template->guard_arguments[i])
			json_array_append_new(guards, json_pack("{s:i, s:I, s:I}", "argument", template->guard_arguments[i],
								"mask", (json_int_t)template->guards[i].mask, "value",
								(json_int_t)template->guards[i].value));
	for (unsigned i = 0; i < VROM_TEMPLATE_HOLES; i++) {
		struct vrom_hole hole = template->holes[i];
		unsigned kind = hole.what & 15;

		if (hole.what)
			json_array_append_new(holes, json_pack("{s:i, s:s, s:i}", "offset", hole.offset, "kind",
							       kind < VROM_HOLE_KINDS ? kinds[kind].name : "unknown", "argument",
							       hole.what >> 4));
	}
	object = json_pack("{s:s, s:i, s:s, s:s, s:s, s:o, s:o, s:o}", "call", call_name(template->call), "length",
			   template->length, "changes", changes_text(template->changes, changes), "code", code, "interrupts",
			   interrupts_text(template), "arguments", arguments, "guards", guards, "holes", holes);
	free(code);
	return object;
}

json_t *templates_json(const struct romfile *rom, const struct decoder *decoder)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < rom->template_count; i++)
		json_array_append_new(list, template_json(rom, decoder, &rom->templates[i]));
	return list;
}
