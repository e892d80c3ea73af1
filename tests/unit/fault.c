/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A real kernel's site table with a fault at one site, for every site and every kind of fault: the plan is
 * refused, names that site, and not a byte of the kernel has changed.
 *
 *	fault KERNEL
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vrom/site.h>

#include "elf.h"
#include "kernel.h"

static struct image image;
static unsigned char *before;
static void *memory;
static struct fake_host fake;
/* The first one may be damaged; the kernel has sites for the others. */
static struct vrom_template templates[6];
#define template templates[0]
static struct vrom_plan plan;

/* What the kernel has, but for a table that a fault cuts. */
static struct vrom_table table;

/* For each number of arguments a call that no site of the kernel is for, so that an answer for it is an answer for one
 * site. */
static const uint8_t spares[] = { VMI_CALL_SetCallbacks, VMI_CALL_SetCR4, VMI_CALL_SetDR, VMI_CALL_WRMSR,
				  VMI_CALL_WriteLDTEntry, VMI_CALL_SetAlarm };

static const uint8_t arguments[VMI_CALL_COUNT] = {
#define X(number, name, args, r1, r2, r3, result, changes, kind) [number] = args,
	VMI_CALLS(X)
#undef X
};

struct place {
	unsigned char *record, *native, *text;
	unsigned size, native_size, constants;
};

static struct place place_of(unsigned index)
{
	struct place place = { .record = image.bytes + (image.table.records - image.bytes) };
	unsigned char *native = image.bytes + (image.table.native - image.bytes);
	int32_t distance;

	for (unsigned i = 0; i < index; i++) {
		native += 1 + *native;
		place.record += record_size(place.record[6]);
	}
	memcpy(&distance, place.record, 4);
	place.text = place.record + distance;
	place.size = place.record[5];
	place.native_size = *native;
	place.native = native + 1;
	place.constants = place.record[6] & VROM_CONSTANTS;
	return place;
}

/* Each plants a fault at a place, and says what must come of it, or one of these. What it changes is undone. */
#define NOT_HERE VROM_STATUS_COUNT           /* no such fault at this site */
#define FROM_HERE_ON (VROM_STATUS_COUNT + 1) /* a refusal, of this site or a later one */
static struct place site;
static unsigned site_index, spare_call;
static unsigned char old_record[28], old_text[255];

static enum vrom_status first_byte(void)
{
	site.text[0] ^= 0x10;
	return VROM_NATIVE;
}
static enum vrom_status last_byte(void)
{
	site.text[site.size - 1] ^= 0x01;
	return VROM_NATIVE;
}
static enum vrom_status call_number(void)
{
	site.record[4] = VMI_CALL_COUNT + site_index % (256 - VMI_CALL_COUNT);
	return VROM_CALL;
}
static enum vrom_status size(void)
{
	site.record[5] = 4;
	return VROM_SIZE;
}
static enum vrom_status outside(void)
{
	int32_t distance = (int32_t)(image.table.text - site.record) - 1;

	memcpy(site.record, &distance, 4);
	return VROM_OUTSIDE;
}
static enum vrom_status operands(void)
{
	site.record[7] |= 0x80;
	return VROM_OPERANDS;
}

/* The site becomes one of a spare call with as many arguments, and all registers free. */
static void spare(void)
{
	spare_call = spares[arguments[site.record[4]]];
	site.record[4] = spare_call;
	site.record[7] |= VROM_STANDARD >> 8;
}
static enum vrom_status unknown_answer(void)
{
	spare();
	fake.types[spare_call] = 4 + site_index % 252;
	return VROM_ANSWER;
}
static enum vrom_status out_of_reach(void)
{
	spare();
	fake.targets[spare_call] = fake.host.high + site_index;
	return VROM_REACH;
}
static enum vrom_status jump_without_return(void)
{
	spare();
	fake.types[spare_call] = VMI_RELOCATION_JUMP_REL;
	return VROM_RETURNS;
}
static enum vrom_status long_template(void)
{
	spare();
	template.call = spare_call;
	template.length = VROM_TEMPLATE_CODE + 1;
	return VROM_TEMPLATE;
}
static enum vrom_status hole_outside(void)
{
	spare();
	template.call = spare_call;
	template.length = 5;
	template.holes[site_index % VROM_TEMPLATE_HOLES] = (struct vrom_hole){ 2, VROM_HOLE_REL };
	return VROM_TEMPLATE;
}
static enum vrom_status unknown_hole(void)
{
	spare();
	template.call = spare_call;
	template.length = 5;
	template.holes[site_index % VROM_TEMPLATE_HOLES].what = VROM_HOLE_KINDS + site_index % 8;
	return VROM_TEMPLATE;
}
static enum vrom_status guard_for_nothing(void)
{
	spare();
	template.call = spare_call;
	template.guard_arguments[site_index % VROM_TEMPLATE_GUARDS] = arguments[spare_call] + 1 + site_index % 3;
	return VROM_TEMPLATE;
}
/* A template that the site does not get, and the call changes what is in use. */
static enum vrom_status guard_not_met(void)
{
	if (!(site.constants & 1))
		return NOT_HERE;
	spare();
	template.call = spare_call;
	template.guard_arguments[0] = 1;
	memcpy(&template.guards[0].value, site.record + 8, 4);
	template.guards[0].value ^= 1;
	template.guards[0].mask = 0xff;
	site.record[7] &= ~(VROM_FLAGS >> 8);
	return VROM_CHANGES;
}
static enum vrom_status constant_not_free(void)
{
	static const uint8_t in[][3] = {
#define X(number, name, args, r1, r2, r3, result, changes, kind) [number] = { VMI_##r1, VMI_##r2, VMI_##r3 },
		VMI_CALLS(X)
#undef X
	};
	unsigned place = site.constants & 1 ? 0 : site.constants & 2 ? 1 : 2;

	if (!(site.constants & 7))
		return NOT_HERE;
	spare();
	site.record[7] &= ~(VROM_EAX >> 8 << in[spare_call][place]);
	return VROM_OPERANDS;
}
/* All records behind are then read from a wrong place. */
static enum vrom_status constant_more(void)
{
	for (unsigned bit = 0; bit < 5; bit++)
		if (!(site.constants >> bit & 1)) {
			site.record[6] ^= 1 << bit;
			return FROM_HERE_ON;
		}
	return NOT_HERE;
}
static enum vrom_status constant_less(void)
{
	if (!site.constants)
		return NOT_HERE;
	site.record[6] &= site.record[6] - 1;
	return FROM_HERE_ON;
}
static enum vrom_status records_cut(void)
{
	table.records_end = site.record + record_size(site.constants) - 4;
	return VROM_TABLE;
}
static enum vrom_status seal_cut(void)
{
	table.native_end = site.native + site.native_size - 1;
	return VROM_TABLE;
}
static enum vrom_status in_use(void)
{
	spare();
	site.record[7] &= ~(VROM_FLAGS >> 8);
	return VROM_CHANGES;
}
static enum vrom_status not_provided(void)
{
	/* A site of the right bytes for a call that a host must provide, and does not. None of these has more than two. */
	unsigned call = site.constants ? VMI_CALL_SYSEXIT : VMI_CALL_IRET;

	spare();
	site.record[4] = call;
	if (arguments[spare_call] > 3 || site.constants >> arguments[call])
		return VROM_OPERANDS;
	fake.types[call] = VMI_RELOCATION_NONE;
	return VROM_REQUIRED;
}

/* Of a call at the site, with what pushes and loads its arguments. */
static unsigned length_of_call(void)
{
	unsigned args = arguments[site.record[4]], length = args > 3 ? 5 + 4 : 5, constant = 0;

	for (unsigned i = 0; i < args; i++) {
		int32_t value;

		if (site.constants >> i & 1) {
			memcpy(&value, site.record + 8 + 4 * constant++, 4);
			length += i > 2 && value == (int8_t)value ? 2 : 5;
		} else if (i > 2)
			length++;
	}
	return length;
}

/* The record that is planted last in table order is the one that is named, so a site is laid over the one before
 * it: its record says what that says. The seal has to agree, so neighbours with other bytes are refused for those. */
static enum vrom_status overlap(void)
{
	struct place other = place_of(site_index ? site_index - 1 : 1);
	int32_t distance = (int32_t)(other.text - site.record);
	int same;

	memcpy(site.record, &distance, 4);
	site.record[5] = other.size;
	same = other.native_size == site.native_size && memcmp(other.native, site.native, site.native_size) == 0;
	/* The seal of this site stands for the text of the other only if they are alike. */
	if (other.size < length_of_call())
		return VROM_SIZE;
	return same ? VROM_OVERLAP : VROM_NATIVE;
}

static const struct {
	const char *name;
	enum vrom_status (*plant)(void);
} faults[] = {
	{ "wrong first byte", first_byte },
	{ "wrong last byte", last_byte },
	{ "unknown call", call_number },
	{ "too small", size },
	{ "address outside", outside },
	{ "bad operands", operands },
	{ "answer of unknown type", unknown_answer },
	{ "target out of reach", out_of_reach },
	{ "jump that does not return", jump_without_return },
	{ "template too long", long_template },
	{ "register in use", in_use },
	{ "call not provided", not_provided },
	{ "hole outside its template", hole_outside },
	{ "hole of unknown kind", unknown_hole },
	{ "guard for no argument", guard_for_nothing },
	{ "guard not met, and register in use", guard_not_met },
	{ "constant whose register is in use", constant_not_free },
	{ "constant too many", constant_more },
	{ "constant too few", constant_less },
	{ "records cut", records_cut },
	{ "seal cut", seal_cut },
	{ "overlap", overlap },
};

static void start_host(void)
{
	fake_host_start(&fake, 0xc00d0000);
	fake.host.wide = 0;
	memset(templates, 0, sizeof templates);
	template.call = 255;
	template.length = 1;
	templates[1] = (struct vrom_template){ .call = VMI_CALL_OUTB, .length = 3, .code = "\xe6", .holes = { { 1, 0x25 } } };
	templates[2] = (struct vrom_template){ .call = VMI_CALL_OUTB, .length = 2, .code = "\xee", .in_register = 2 };
	templates[3] = (struct vrom_template){ .call = VMI_CALL_SetLazyMode, .guard_arguments = { 1 },
					       .guards = { { 1, 1 } } };
	templates[4] = (struct vrom_template){ .call = VMI_CALL_DisableInterrupts, .length = 7, .code = "\x80\x25",
					       .holes = { { 2, VROM_HOLE_ROM } } };
	templates[5] = (struct vrom_template){ .call = VMI_CALL_EnableInterrupts, .length = 5, .code = "\xe8",
					       .holes = { { 1, VROM_HOLE_REL } } };
	fake.host.templates = templates;
	fake.host.template_count = 6;
	table = image.table;
}

/* Whether it came out as it must; *tried counts the sites that can have it. */
static int try_fault(unsigned kind, unsigned index, unsigned *tried, unsigned *overlaps)
{
	struct vrom_error error;
	enum vrom_status expected, status;
	unsigned char *planted = malloc(image.size);
	int good;

	site_index = index;
	site = place_of(index);
	memcpy(old_record, site.record, record_size(site.constants));
	memcpy(old_text, site.text, site.size);
	start_host();
	expected = faults[kind].plant();
	memcpy(planted, image.bytes, image.size);
	status = vrom_plan(&plan, &fake.host, &table, 1, memory, VROM_PLAN_MEMORY(image.sites), &error);
	*tried += expected != NOT_HERE;
	good = expected == NOT_HERE ? status == VROM_OK : expected == FROM_HERE_ON ? status != VROM_OK : status == expected;
	good &= status == VROM_OK || error.status == status;
	/* Sites that another's record was laid over: either may be named, but of two the later. */
	if (expected == FROM_HERE_ON) {
		good &= error.index >= index;
	} else if (status == VROM_OVERLAP) {
		++*overlaps;
		good &= error.index == index || error.other == index;
	} else if (status == VROM_REQUIRED) {
		/* Another site of the kernel's own may be the first that needs the call. */
		good &= error.index <= index;
	} else if (expected != NOT_HERE) {
		good &= error.index == index;
	}
	good &= (expected == NOT_HERE || vrom_commit(&plan) == VROM_STATE) && memcmp(planted, image.bytes, image.size) == 0;
	if (!good)
		printf("# site %u: %s; wanted: %s\n", index, vrom_strstatus(status), vrom_strstatus(expected));
	memcpy(site.record, old_record, record_size(site.constants));
	memcpy(site.text, old_text, site.size);
	free(planted);
	return good;
}

int main(int argc, char **argv)
{
	unsigned number = 0, failed = 0, overlaps = 0;
	struct vrom_error error;

	if (argc != 2)
		return fprintf(stderr, "usage: fault KERNEL\n"), 2;
	image_load(&image, argv[1]);
	memory = malloc(VROM_PLAN_MEMORY(image.sites));
	before = malloc(image.size);
	memcpy(before, image.bytes, image.size);
	printf("1..%zu\n", sizeof faults / sizeof *faults + 2);

	start_host();
	int sound = vrom_plan(&plan, &fake.host, &image.table, 1, memory, VROM_PLAN_MEMORY(image.sites), &error) ==
			    VROM_OK &&
		    plan.sites == image.sites && plan.inlined && vrom_commit(&plan) == VROM_OK &&
		    memcmp(before, image.bytes, image.size) != 0 && vrom_revert(&plan) == VROM_OK &&
		    memcmp(before, image.bytes, image.size) == 0;

	printf("%s %u - %u sites, sound, committed and reverted\n", sound ? "ok" : "not ok", ++number, image.sites);
	failed += !sound;
	for (unsigned kind = 0; kind < sizeof faults / sizeof *faults; kind++) {
		unsigned good = 0, tried = 0;

		for (unsigned i = 0; i < image.sites; i++)
			good += try_fault(kind, i, &tried, &overlaps);
		failed += good != image.sites || !tried;
		printf("%s %u - %s at each of %u sites\n", good == image.sites && tried ? "ok" : "not ok", ++number,
		       faults[kind].name, tried);
	}
	/* The overlap check itself must have been reached, not only the seal before it. */
	printf("%s %u - %u overlaps of equal sites among them\n", overlaps ? "ok" : "not ok", ++number, overlaps);
	failed += !overlaps;
	if (memcmp(before, image.bytes, image.size))
		failed++, printf("# the kernel has changed\n");
	return failed != 0;
}
