/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A ROM for what the others have no use for: each kind of hole, two guards, code that must not be interrupted. */
#include "rom.h"

	provide IRET
	provide SYSEXIT
	provide WriteGDTEntry

/* IMM8: a mode that a byte holds. */
	template SetLazyMode, constant, changes=VROM_EAX
	pushl $0x10
	hole IMM8, 1
	popl %eax
	end_template

/* REG: the fourth argument is stored from where it is. */
	template WriteGDTEntry, register, register, register, register, changes=0
	movl %ecx, (%eax,%edx,8)
	movl %eax, 4(%eax,%edx,8)
	hole REG, 4, 2
	end_template

/* IMM32 in the middle of an instruction, and a branch into the ROM. */
	template FlushTLB, constant, changes=VROM_STANDARD
	guard 1, VMI_FLUSH_TLB, VMI_FLUSH_TLB
	guard 1, 0, VMI_FLUSH_GLOBAL
	cmpb $1, %ss:0x1000
	hole IMM32, 1, 1
	jne native_WriteGDTEntry
	hole REL
	end_template

/* RM and REG in one byte, an address in the ROM, no interrupts inside. */
	template SetAlarm, any, any, any, register, register, changes=VROM_FLAGS, interrupts=outside
	cmpl %eax, %eax
	hole RM, 4
	hole REG, 5
	cli
	incl 0x20
	hole ROM
	sti
	end_template

/* A displacement of 8 bits. */
	template UpdatePxE, register, constant, changes=VROM_FLAGS
	incl -4(%eax)
	hole IMM8, 2
	end_template
