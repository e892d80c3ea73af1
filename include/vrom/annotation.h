/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VROM_ANNOTATION_H
#define VROM_ANNOTATION_H

/*
 * Kernels that were annotated as VMware's patches for Linux did it in March 2006. There each site has an annotation of 16
 * bytes and, elsewhere, a translation: the pushes, the call and the lea that are to replace the native code. Here these are
 * read and become a site table like that of vrom/site.h, which vrom_plan and all the rest then take:
 *
 *	static unsigned char memory[VROM_ANNOTATION_MEMORY(500)];
 *	struct vrom_annotations old = { start, end, translations, translations_end, text, text_end, 0, 0 };
 *	struct vrom_table sites;
 *
 *	status = vrom_read_annotations(&old, memory, sizeof memory, &sites, &error);
 *
 * The annotation, little endian:
 *
 *   +0  u32  call, by its number in VMI 3.0
 *   +4  u32  address of the site
 *   +8  u32  address of the translation
 *   +12 u8   size of the site
 *   +13 u8   size of the translation, not more than that
 *   +14 s8   size of the translation less that of the native instructions: if positive, so many bytes of nops end the site
 *   +15 u8   0, or where in the translation the call is
 *
 * A translation is pushes (of eax to edi but esp, of 8 or 32 bits), one call with 0 or the call's number in place of a
 * distance, and if there was a push, a lea that takes off the stack what was pushed. Nothing else is accepted. What is
 * pushed is either the fourth and fifth argument, the last one first; or all arguments: then the first three must be
 * constants, or registers, and those that VMI 3.0 has them in.
 *
 * What a site may change is what its call may change.
 */
#include <vrom/patch.h>

/* All addresses but those inside the annotations are the caller's; moved and alias are as in struct vrom_table. */
struct vrom_annotations {
	const unsigned char *annotations, *annotations_end;
	const unsigned char *translations, *translations_end;
	unsigned char *text, *text_end;
	ptrdiff_t moved, alias;
};

#define VROM_ANNOTATION_SIZE 16

/* Enough for n annotations, whatever they say. */
#define VROM_ANNOTATION_MEMORY(n) ((size_t)(n) * (8 + 5 * 4 + 1 + 255) + 3)

/*
 * Fills *table, whose records and seal are written to memory, size bytes within 2 GiB of the text; they must stay there as
 * long as the table is used. Reads annotations, translations and text, and changes no text. A status other than VROM_OK
 * leaves *table alone. error may be NULL; its index is that of the annotation, its address that of the site unless said
 * otherwise. What vrom_plan checks is not checked here: that sites do not overlap, and that operands and size suit a call as
 * the patcher makes it. A fourth or fifth argument in EAX, ECX or EDX it refuses (VROM_OPERANDS); a constant among the first
 * three needs a register that the call may change (VROM_OPERANDS), and 5 bytes where a translation may have a push of 2 (so
 * of several small ones VROM_SIZE may come).
 *
 *   VROM_TABLE        the annotations are no multiple of 16 bytes
 *   VROM_CALL         there is no such call
 *   VROM_OUTSIDE      the site is not in the text, the translation not among the translations; or too far from memory
 *   VROM_SIZE         the three sizes contradict each other
 *   VROM_NATIVE       what should be nops is something else
 *   VROM_TRANSLATION  there is something else in the translation; error's address is that of the translation
 *   VROM_MEMORY       there is too little memory
 */
enum vrom_status vrom_read_annotations(const struct vrom_annotations *annotations, void *memory, size_t size,
				       struct vrom_table *table, struct vrom_error *error) VROM_ABI;

#endif
