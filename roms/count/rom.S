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

/*
 * In line: the count, and what the native function does, of calls that sites have room for.
 *
 * The four of the interrupt mask come first. Where a handler starts, DS may be a user's, so the counter is reached by SS;
 * that leaves one of the eight bytes that a site has. Two of them take nine: a kernel can give that (VROM_MASK_ROOM).
 */
.macro count_mask call
	incl %ss:4 * .LVMI_CALL_\call
	hole ROM
.endm

	template EnableInterrupts, changes=VROM_FLAGS
	count_mask EnableInterrupts
	sti
	end_template

	template DisableInterrupts, changes=VROM_FLAGS
	count_mask DisableInterrupts
	cli
	end_template

	template GetInterruptMask, changes=VROM_FLAGS
	count_mask GetInterruptMask
	pushfl
	popl %eax
	end_template

	template SetInterruptMask, register, changes=VROM_FLAGS
	count_mask SetInterruptMask
	pushl %eax
	popfl
	end_template

.macro count call
	incl 4 * .LVMI_CALL_\call
	hole ROM
.endm

	template SetPxE, register, register, any, changes=VROM_FLAGS
	count SetPxE
	movl %eax, (%edx)
	end_template

	template SetPxE, constant, register, any, changes=VROM_FLAGS
	count SetPxE
	movl $0, (%edx)
	hole IMM32, 1
	end_template

	template FlushTLB, constant, changes=VROM_ECX + VROM_FLAGS
	guard 1, 0, VMI_FLUSH_GLOBAL
	count FlushTLB
	movl %cr3, %ecx
	movl %ecx, %cr3
	end_template

/* Notices, of which bare hardware needs none. */
	template UpdateKernelStack, any, any, changes=VROM_FLAGS
	count UpdateKernelStack
	end_template

	template UpdatePxE, any, any, changes=VROM_FLAGS
	count UpdatePxE
	end_template

	template UpdatePxELong, any, any, changes=VROM_FLAGS
	count UpdatePxELong
	end_template

	template AllocatePage, any, any, any, any, any, changes=VROM_FLAGS
	count AllocatePage
	end_template

	template ReleasePage, any, any, changes=VROM_FLAGS
	count ReleasePage
	end_template

	template SetLazyMode, any, changes=VROM_FLAGS
	count SetLazyMode
	end_template

/* Ports that are constants below 256, where the flags are free. */
.macro count_ports suffix, SUFFIX, register
	template IN\SUFFIX, constant, changes=VROM_FLAGS
	count IN\SUFFIX
	in\suffix $0, \register
	hole PORT, 1
	end_template

	template OUT\SUFFIX, register, constant, changes=VROM_FLAGS
	count OUT\SUFFIX
	out\suffix \register, $0
	hole PORT, 2
	end_template
.endm
	count_ports b, B, %al
	count_ports w, W, %ax
	count_ports l, L, %eax

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
