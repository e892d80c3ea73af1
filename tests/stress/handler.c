/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The timer's handler, which judges each delivery: whether the mask was enabled where it came, whether the handler of another
 * one was under way that had not enabled it, and whether the registers are the main line's.
 *
 * stress.ld puts all of this file between masked_start and masked_end: an interrupt that comes there is wrong.
 */
#include <vrom/ops.h>

#include "stress.h"

#define PIC1 0x20
#define END_OF_INTERRUPT 0x20
#define CALL_OPCODE 0xe8
#define CALL_SIZE 5
#define FLAG_IF 0x200
#define FLAGS_NEVER 0x27100 /* TF, IOPL, NT, VM */
#define ROM_START 0xc0000
#define ROM_END 0x100000
#define HOST_START 0xf0000000 /* no host has anything of its own below, in linear addresses */
#define MOST_DEPTH 3
#define STACK_MOST 128 /* that an operation may have on the stack, a call into the ROM included */

volatile uint32_t deliveries;
volatile bool mask_interrupted;
static uint32_t depth;

static bool in_host(uint32_t eip)
{
	return (eip >= ROM_START && eip < ROM_END) || eip >= HOST_START;
}

/* Whether interrupts were enabled before the instruction at eip. */
static bool was_enabled(uint32_t eip, const struct place *was)
{
	bool within = eip >= was->start && eip < was->end;

	if (eip >= (uint32_t)masked_start && eip < (uint32_t)masked_end)
		return false;
	switch (was->kind) {
	case ON:
		return in_host(eip) || (eip >= (uint32_t)text_start && eip < (uint32_t)text_end);
	case ENABLE: /* not before the first of its instructions */
		return in_host(eip) || (within && eip != was->start) || eip == was->end;
	case RETURN:
		return eip == was->end;
	case DISABLE: /* before the last of its instructions; a call has done it when it has come back */
		return in_host(eip) ||
		       (within && !(*(const uint8_t *)was->start == CALL_OPCODE && eip == was->start + CALL_SIZE));
	}
	return false;
}

/* A call into the ROM may have saved any of them. */
static bool known(const struct frame *frame)
{
	if (!registers_known || in_host(frame->eip))
		return true;
	return frame->ebx == KNOWN_EBX && frame->esi == KNOWN_ESI && frame->edi == KNOWN_EDI && frame->ebp == KNOWN_EBP &&
	       (registers_known != ALL_KNOWN || (frame->ecx == KNOWN_ECX && frame->edx == KNOWN_EDX));
}

void delivered(struct frame *frame)
{
	uint32_t before = ++deliveries, esp = (uint32_t)(frame + 1);
	bool masks;

	if (!was_enabled(frame->eip, frame->was))
		fail("it came while the mask was off", "at %08x, kind %u of operation %08x-%08x, depth %u", frame->eip,
		     frame->was->kind, frame->was->start, frame->was->end, depth);
	if ((frame->eflags & (FLAG_IF | FLAGS_NEVER)) != FLAG_IF)
		fail("it came with wrong flags", "%08x at %08x", frame->eflags, frame->eip);
	if (vmi_get_interrupt_mask() & VMI_MASK_ENABLED)
		fail("the handler starts with interrupts on", "at %08x", frame->eip);
	if (++depth > MOST_DEPTH)
		fail("it nests too deep", "%u, at %08x", depth, frame->eip);
	if (depth == 1 && (!known(frame) || (registers_known && esp - registers_esp + STACK_MOST > STACK_MOST)))
		fail("it came with other registers", "ebx %08x ecx %08x edx %08x esi %08x edi %08x ebp %08x esp %08x at %08x",
		     frame->ebx, frame->ecx, frame->edx, frame->esi, frame->edi, frame->ebp, esp, frame->eip);

	masks = mask_interrupted && depth == 1 && !in_host(frame->eip); /* which may have saved the flags */
	if (before % 16 == 1) {
		unmask_for_a_moment();
		if (deliveries != before)
			fail("it came though one was in service", "%u in place of %u", deliveries, before);
	}
	vmi_outb(END_OF_INTERRUPT, PIC1);
	if (before % 4 == 2 && depth < MOST_DEPTH)
		unmask_for_a_moment();
	depth--;
	if (masks) {
		frame->eflags &= ~FLAG_IF;
		frame->was = &off;
		mask_interrupted = false;
	}
}
