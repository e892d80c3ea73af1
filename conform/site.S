/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Call sites as functions, for sites.c: what a kernel would have in its own code. */
#include <vrom/site.h>

	.text
	.globl site_enable, site_disable, site_get, site_set, site_cpuid, site_gdt_entry, site_iret, site_sysexit, site_cr2
site_enable:
	vrom_site EnableInterrupts, "sti"
	ret
site_disable:
	vrom_site DisableInterrupts, "cli"
	ret
site_get:
	vrom_site GetInterruptMask, "pushfl; popl %eax"
	ret
site_set:
	vrom_site SetInterruptMask, "pushl %eax; popfl", %eax
	ret
site_cpuid:
	vrom_site CPUID, "cpuid", %eax, %ecx
	ret
site_gdt_entry:                  /* EBX: the high half */
	vrom_site WriteGDTEntry, "movl %ecx, (%eax,%edx,8); movl %ebx, 4(%eax,%edx,8)", %eax, %edx, %ecx, %ebx
	ret
site_cr2:
	vrom_site SetCR2, "movl %eax, %cr2", %eax
	ret

/* Arguments that are constants. */
	.globl site_cycles_real, site_cycles_available, site_cycles_stolen, site_out_scratch, site_in_scratch, site_out_index, \
		site_in_data, site_pxe, site_pxe_clear, site_stack, site_lazy, site_release
site_cycles_real:
	vrom_site GetCycleCounter, "rdtsc", 0
	ret
site_cycles_available:
	vrom_site GetCycleCounter, "rdtsc", 1
	ret
site_cycles_stolen:
	vrom_site GetCycleCounter, "xorl %eax, %eax; xorl %edx, %edx", 2
	ret
site_out_scratch:
	vrom_site OUTB, "movl $0x3ff, %edx; outb %al, %dx", %eax, 0x3ff, may_change=VROM_EDX + VROM_FLAGS
	ret
site_in_scratch:
	vrom_site INB, "movl $0x3ff, %edx; inb %dx, %al", 0x3ff, may_change=VROM_EDX + VROM_FLAGS
	ret
site_out_index:
	vrom_site OUTB, "outb %al, $0x70", %eax, 0x70, may_change=VROM_EDX + VROM_FLAGS
	ret
site_in_data:
	vrom_site INB, "inb $0x71, %al", 0x71, may_change=VROM_EDX + VROM_FLAGS
	ret
site_pxe:
	vrom_site SetPxE, "movl %eax, (%edx)", %eax, %edx, 1
	ret
site_pxe_clear:
	vrom_site SetPxE, "movl $0, (%edx)", 0, %edx, 1
	ret
site_stack:
	vrom_site UpdateKernelStack, " ", 0, %edx
	ret
site_lazy:
	vrom_site SetLazyMode, " ", 0
	ret
site_release:
	vrom_site ReleasePage, " ", %eax, 1
	ret

site_iret:
	vrom_site IRET, "iret"
site_sysexit:
	vrom_site SYSEXIT, "sti; sysexit", %edx, %ecx
