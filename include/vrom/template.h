/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VROM_TEMPLATE_H
#define VROM_TEMPLATE_H

/*
 * What a ROM may say beyond VMI 3.0: an extension header in bytes that the ABI reserves, which a guest
 * that does not know of it ignores, and a table of templates: code that may be placed in line.
 */
#define VROM_EXTENSION_OFFSET 0x20
#define VROM_EXTENSION_SIGNATURE 0x6d6f7276 /* "vrom" */
#define VROM_EXTENSION_VERSION 2

/* The ROM promises to answer get_reloc before Init, and to give the same answers after it: a plan can be
 * accepted as a whole before the point of no return. */
#define VROM_PROMISES_RELOC 1

/* Longest code of a template. */
#define VROM_TEMPLATE_CODE 24
#define VROM_TEMPLATE_HOLES 4
#define VROM_TEMPLATE_GUARDS 2

/* What a hole is filled with. The value is added to what the code has there. */
#define VROM_HOLE_NONE 0  /* this hole is not used */
#define VROM_HOLE_ROM 1   /* 32 bits: the address at which the guest sees the ROM */
#define VROM_HOLE_REL 2   /* 32 bits: the distance from the hole's end to the ROM, for a call or a branch */
#define VROM_HOLE_IMM32 3 /* 32 bits: an argument that is a constant */
#define VROM_HOLE_IMM8 4  /* 8 bits, which the processor extends: such an argument, if the sum is -128 to 127 */
#define VROM_HOLE_PORT 5  /* 8 bits: such an argument, if the sum is 0 to 255 */
#define VROM_HOLE_RM 6    /* bits 0-2 of a byte: the number of the register that an argument is in */
#define VROM_HOLE_REG 7   /* bits 3-5 of a byte: likewise */
#define VROM_HOLE_KINDS 8

/*
 * Whether the host may deliver an interrupt while the guest is inside. If not, the host tells by the bytes around
 * the instruction pointer that it is: vrom_template_inside in vrom/patch.h.
 */
#define VROM_INTERRUPTS_ANYWHERE 0
#define VROM_INTERRUPTS_OUTSIDE 1 /* not between the end of the first instruction and the end of the code */

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
 * One template, 64 bytes. The first template of a call that fits a site is placed there:
 *
 *   - each argument in in_register is in its register at the site, each in constant is a constant;
 *   - each guard holds: the argument is a constant, and of its bits those in mask are as in value;
 *   - each hole can be filled: the argument that it names is a constant or in a register as the kind wants it, and
 *     the sum is in the range of the kind;
 *   - the code is not longer than the site;
 *   - it changes nothing that the site does not leave free.
 *
 * If none fits, the site gets what get_reloc answers. Code of length 0: there is nothing to do.
 */
struct vrom_template {
	uint8_t call;
	uint8_t length;           /* of the code, 0 to VROM_TEMPLATE_CODE */
	uint16_t changes;         /* a sum of VROM_EAX, VROM_ECX, VROM_EDX, VROM_FLAGS of vrom/site.h; not the call's results */
	uint8_t in_register;      /* bit k: argument k + 1 */
	uint8_t constant;         /* likewise */
	uint8_t interrupts;       /* VROM_INTERRUPTS_... */
	uint8_t reserved;         /* zero */
	struct vrom_hole {
		uint8_t offset;   /* in the code; the whole hole is inside it */
		uint8_t what;     /* kind + argument << 4, where the kind has an argument, 1 to 5 */
	} holes[VROM_TEMPLATE_HOLES];
	struct vrom_guard {
		uint32_t mask, value;
	} guards[VROM_TEMPLATE_GUARDS];
	uint8_t guard_arguments[VROM_TEMPLATE_GUARDS]; /* 1 to 5; 0: this guard is not used */
	uint8_t reserved2[6];     /* zero */
	uint8_t code[VROM_TEMPLATE_CODE];
};
_Static_assert(sizeof(struct vrom_extension) == 32, "vrom_extension has a wrong size");
_Static_assert(offsetof(struct vrom_extension, templates) == 8, "vrom_extension.templates has moved");
_Static_assert(offsetof(struct vrom_extension, counters) == 16, "vrom_extension.counters has moved");
_Static_assert(sizeof(struct vrom_template) == 64, "vrom_template has a wrong size");
_Static_assert(offsetof(struct vrom_template, holes) == 8, "vrom_template.holes has moved");
_Static_assert(offsetof(struct vrom_template, guards) == 16, "vrom_template.guards has moved");
_Static_assert(offsetof(struct vrom_template, code) == 40, "vrom_template.code has moved");
#endif
#endif
