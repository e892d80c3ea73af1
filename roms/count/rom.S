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

/* Two of the interrupt-mask calls in line. Where a handler starts, DS may be a user's, so the counter is reached
 * by SS; that leaves one of the eight bytes of a site. The other two calls have a native form of two bytes, so
 * they are called. */
#define COUNT(name) incl %ss:4 * .LVMI_CALL_##name
#define COUNT_HOLE 3

	template EnableInterrupts, VROM_FLAGS, COUNT_HOLE
	COUNT(EnableInterrupts)
	sti
	end_template

	template DisableInterrupts, VROM_FLAGS, COUNT_HOLE
	COUNT(DisableInterrupts)
	cli
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
