/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef ROM_TEMPLATE_H
#define ROM_TEMPLATE_H

/*
 * How a ROM's author writes code to be placed in line: a description, and the code as assembly.
 *
 *	template SetPxE, register, register, any, changes=VROM_STANDARD
 *	testb $1, (%edx)
 *	movl %eax, (%edx)
 *	jz 1f
 *	call pxe_changed
 *	hole REL
 * 1:
 *	end_template
 *
 *	template Call, argument..., changes=what, interrupts=where
 *
 *   argument    one word for each argument of the call:
 *                 register  it must be in its register (the fourth and fifth: in any)
 *                 constant  it must be a constant, which the code has from a hole, or knows by a guard. Its register
 *                           is not loaded, and may be changed if the site leaves it free
 *                 any       the code has no use for it
 *   changes     a sum of VROM_EAX, VROM_ECX, VROM_EDX, VROM_FLAGS, 0 for nothing. Not what the call has for its results
 *   interrupts  anywhere (unless given), or outside: none may be delivered between its first instruction and its end
 *
 *	guard argument, value, mask
 *
 *   right behind that: only where the constant, and mask if one is given, is value. Two at most.
 *
 *	hole kind, argument, behind
 *
 *   behind an instruction: its last bytes depend on the site. behind is how many bytes of it come after the hole, which
 *   is 0 unless given. Four at most.
 *     ROM       32 bits are an offset in the ROM, or with common/bios.S in its memory, and become an address
 *     REL       32 bits of a branch to a label of the ROM
 *     IMM32     32 bits, an immediate or a displacement, to which the constant is added
 *     IMM8      8 bits, signed, likewise. If the sum does not fit, the template does not apply
 *     PORT      8 bits, unsigned, likewise: the port of in and out
 *     RM, REG   the byte's bits 0-2, or 3-5, are 0 and become the number of the argument's register
 *
 * Labels from 770 on are used here. The code must not be longer than VROM_TEMPLATE_CODE bytes: if it is, the assembler
 * says that .org goes backwards. What it cannot see, vrom build checks.
 *
 * A template is described before its code is known, so it is put together from two subsections of .vrom.templates: its
 * first 40 bytes, and its code.
 */
#include <vrom/site.h>
#include <vrom/template.h>

#define TEMPLATE_HEAD 40

	.set .Ltemplate_open, 0
	.set .Ltemplate_number, 0

	.set .Lhole_ROM, VROM_HOLE_ROM
	.set .Lhole_REL, VROM_HOLE_REL
	.set .Lhole_IMM32, VROM_HOLE_IMM32
	.set .Lhole_IMM8, VROM_HOLE_IMM8
	.set .Lhole_PORT, VROM_HOLE_PORT
	.set .Lhole_RM, VROM_HOLE_RM
	.set .Lhole_REG, VROM_HOLE_REG

.macro template__argument call, place, what
	.set .Ltemplate_known, 0
	.ifc \what, register
		.set .Ltemplate_known, 1
		.set .Ltemplate_register, .Ltemplate_register + (1 << (\place - 1))
	.endif
	.ifc \what, constant
		.set .Ltemplate_known, 1
		.set .Ltemplate_constant, .Ltemplate_constant + (1 << (\place - 1))
	.endif
	.ifc \what, any
		.set .Ltemplate_known, 1
	.endif
	.ifb \what
		.if .LVMI_ARGS_\call >= \place
			.error "template \call: say register, constant or any for argument \place"
		.endif
	.else
		.if .LVMI_ARGS_\call < \place
			.error "template \call: it has no argument \place"
		.elseif .Ltemplate_known == 0
			.error "template \call: argument \place is register, constant or any, not \what"
		.endif
	.endif
.endm

.macro template call:req, a1, a2, a3, a4, a5, changes, interrupts=anywhere
	.if .Ltemplate_open
		.error "template \call: end_template is missing before it"
	.endif
	.ifb \changes
		.error "template \call: say what it changes, changes=0 if nothing"
	.endif
	.set .Ltemplate_open, 1
	.set .Ltemplate_register, 0
	.set .Ltemplate_constant, 0
	.set .Ltemplate_holes, 0
	.set .Ltemplate_guards, 0
	.set .Ltemplate_mask0, 0
	.set .Ltemplate_mask1, 0
	.set .Ltemplate_value0, 0
	.set .Ltemplate_value1, 0
	.set .Ltemplate_guard0, 0
	.set .Ltemplate_guard1, 0
	.set .Ltemplate_interrupts, VROM_INTERRUPTS_ANYWHERE
	.ifc \interrupts, outside
		.set .Ltemplate_interrupts, VROM_INTERRUPTS_OUTSIDE
	.else
		.ifnc \interrupts, anywhere
			.error "template \call: interrupts is anywhere or outside, not \interrupts"
		.endif
	.endif
	.ifndef .LVMI_CALL_\call
		.error "template \call: there is no such call"
	.else
		template__argument \call, 1, \a1
		template__argument \call, 2, \a2
		template__argument \call, 3, \a3
		template__argument \call, 4, \a4
		template__argument \call, 5, \a5
	.section .vrom.templates, "a"
	.subsection 2 * .Ltemplate_number
770:	.byte .LVMI_CALL_\call, 772f - 771f
	.short \changes + 0
	.byte .Ltemplate_register, .Ltemplate_constant, .Ltemplate_interrupts, 0
	.endif
	.subsection 2 * .Ltemplate_number + 1
771:
.endm

.macro guard argument:req, value:req, mask=0xffffffff
	.if .Ltemplate_guards == 0
		.set .Ltemplate_guard0, \argument
		.set .Ltemplate_mask0, \mask
		.set .Ltemplate_value0, \value
	.elseif .Ltemplate_guards == 1
		.set .Ltemplate_guard1, \argument
		.set .Ltemplate_mask1, \mask
		.set .Ltemplate_value1, \value
	.else
		.error "guard: a template has two at most"
	.endif
	.if (\value) & ~(\mask) & 0xffffffff
		.error "guard: its value has bits that its mask has not, so it is never met"
	.endif
	.if .Ltemplate_open == 0
		.error "guard: it is in no template"
	.elseif (.Ltemplate_constant >> (\argument - 1) & 1) == 0
		.error "guard: argument \argument must be described as constant"
	.endif
	.set .Ltemplate_guards, .Ltemplate_guards + 1
.endm

.macro hole kind:req, argument=0, behind=0
	.ifndef .Lhole_\kind
		.error "hole \kind: the kinds are ROM, REL, IMM32, IMM8, PORT, RM, REG"
	.elseif .Ltemplate_open == 0
		.error "hole \kind: it is in no template"
	.else
		.if .Ltemplate_holes == VROM_TEMPLATE_HOLES
			.error "hole \kind: a template has four at most"
		.endif
		.if .Lhole_\kind <= VROM_HOLE_REL
			.if \argument
				.error "hole \kind: it is not about an argument"
			.endif
		.elseif .Lhole_\kind >= VROM_HOLE_RM
			.if (.Ltemplate_register << 1 >> \argument & 1) == 0
				.error "hole \kind: name an argument that is described as register"
			.endif
		.elseif (.Ltemplate_constant << 1 >> \argument & 1) == 0
			.error "hole \kind: name an argument that is described as constant"
		.endif
		.set .Ltemplate_holes, .Ltemplate_holes + 1
773:	.subsection 2 * .Ltemplate_number
		.if .Lhole_\kind <= VROM_HOLE_IMM32
			.byte 773b - 771b - 4 - \behind
		.else
			.byte 773b - 771b - 1 - \behind
		.endif
	.byte .Lhole_\kind + 16 * \argument
	.subsection 2 * .Ltemplate_number + 1
	.endif
.endm

.macro end_template
	.if .Ltemplate_open == 0
		.error "end_template: there is no template to end"
	.else
772:	.org 771b + VROM_TEMPLATE_CODE
	.subsection 2 * .Ltemplate_number
	.skip 2 * (VROM_TEMPLATE_HOLES - .Ltemplate_holes)
	.long .Ltemplate_mask0, .Ltemplate_value0, .Ltemplate_mask1, .Ltemplate_value1
	.byte .Ltemplate_guard0, .Ltemplate_guard1
	.org 770b + TEMPLATE_HEAD
	.endif
	.set .Ltemplate_open, 0
	.set .Ltemplate_number, .Ltemplate_number + 1
.endm
#endif
