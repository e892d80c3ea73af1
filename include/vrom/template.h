/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VROM_TEMPLATE_H
#define VROM_TEMPLATE_H

/*
 * What a ROM may say beyond VMI 3.0: an extension header in bytes that the ABI reserves, which a guest
 * that does not know of it ignores, and a table of templates: code that may be placed in line.
 */
#define VROM_EXTENSION_OFFSET 0x20
#define VROM_EXTENSION_SIGNATURE 0x6d6f7276 /* "vrom" */
#define VROM_EXTENSION_VERSION 1

/* The ROM promises to answer get_reloc before Init, and to give the same answers after it: a plan can be
 * accepted as a whole before the point of no return. */
#define VROM_PROMISES_RELOC 1

/* Longest code of a template. */
#define VROM_TEMPLATE_CODE 16

/* What is to be added to the 32 bits at a hole. */
#define VROM_HOLE_NONE 0 /* this hole is not used */
#define VROM_HOLE_ROM 1 /* the address at which the guest sees the ROM */

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

/* 32 bytes at VROM_EXTENSION_OFFSET. */
struct vrom_extension {
	uint32_t signature;
	uint8_t version;
	uint8_t size;             /* of this header: 32 */
	uint16_t flags;           /* VROM_PROMISES_... */
	uint32_t templates;       /* offset of the first template from the ROM's start, a multiple of 4 */
	uint16_t template_count;  /* at most VROM_MAX_TEMPLATES */
	uint16_t counter_count;
	uint32_t counters;        /* physical address of 32-bit counters, one for each call number; 0: none */
	uint32_t reserved[3];     /* zero */
};
#define VROM_MAX_TEMPLATES 251

/*
 * One template, 32 bytes. The first template of a call that fits a site is placed there: its code is not
 * longer than the site, and it changes nothing that the site does not leave free. If none fits, the
 * site gets what get_reloc answers.
 */
struct vrom_template {
	uint8_t call;
	uint8_t length;           /* of the code, 1 to VROM_TEMPLATE_CODE */
	uint16_t changes;         /* a sum of VROM_EAX, VROM_ECX, VROM_EDX, VROM_FLAGS of vrom/site.h */
	struct {
		uint8_t offset;   /* of 4 bytes inside the code */
		uint8_t kind;     /* VROM_HOLE_... */
	} holes[2];
	uint8_t reserved[8];      /* zero */
	uint8_t code[VROM_TEMPLATE_CODE];
};
_Static_assert(sizeof(struct vrom_extension) == 32, "vrom_extension has a wrong size");
_Static_assert(offsetof(struct vrom_extension, templates) == 8, "vrom_extension.templates has moved");
_Static_assert(offsetof(struct vrom_extension, counters) == 16, "vrom_extension.counters has moved");
_Static_assert(sizeof(struct vrom_template) == 32, "vrom_template has a wrong size");
_Static_assert(offsetof(struct vrom_template, holes) == 4, "vrom_template.holes has moved");
_Static_assert(offsetof(struct vrom_template, code) == 16, "vrom_template.code has moved");
#endif
#endif
