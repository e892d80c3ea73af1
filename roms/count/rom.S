/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The count ROM: the native one, and how often each call was made. It provides all calls that it can, since
 * what stays native is not counted. struct vrom_extension tells where the counters are.
 */
#define ROM_COUNTS
#include <vrom/site.h>

#include "rom.h"

	/* For vrom build. */
	.globl rom_counter_count
	.set rom_counter_count, VMI_CALL_COUNT

/* All but those that have no native function. */
#define X(number, name, ...) \
	.ifnc name, APICRead; .ifnc name, APICWrite; .ifnc name, SetCallbacks; provide name; .endif; .endif; .endif;
VMI_CALLS(X)

/* The interrupt mask in line, in the eight bytes of a site. Where a handler starts, DS may not be the kernel's
 * yet, so the counter is reached by SS where that leaves room for the native instruction. The last two need a
 * byte more, and are right only where DS is flat as well. */
#define COUNT(name) incl %ss:4 * .LVMI_CALL_##name
#define COUNT_HOLE 3
#define COUNT_BY_DS(name) incl 4 * .LVMI_CALL_##name
#define COUNT_BY_DS_HOLE 2

	template EnableInterrupts, VROM_FLAGS, COUNT_HOLE
	COUNT(EnableInterrupts)
	sti
	end_template

	template DisableInterrupts, VROM_FLAGS, COUNT_HOLE
	COUNT(DisableInterrupts)
	cli
	end_template

	template GetInterruptMask, VROM_FLAGS, COUNT_BY_DS_HOLE
	COUNT_BY_DS(GetInterruptMask)
	pushfl
	popl %eax
	end_template

	template SetInterruptMask, VROM_FLAGS, COUNT_BY_DS_HOLE
	COUNT_BY_DS(SetInterruptMask)
	pushl %eax
	popfl
	end_template

/*
 * The top of the stack is four times the number of a call; it is counted and removed. Nothing else changes, no
 * flags either. It may run with a user's DS and ES.
 */
	.section .text.rom_count, "ax"
	.globl rom_count
rom_count:
	pushfl
	pushl %eax
	pushl %edx
	movl 16(%esp), %edx
	call 1f
1:	popl %eax
	leal rom_ram_distance - 1b(%eax), %eax
	addl %cs:(%eax), %eax
	incl %ss:(%eax,%edx)
	popl %edx
	popl %eax
	popfl
	ret $4
