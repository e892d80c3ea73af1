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
site_iret:
	vrom_site IRET, "iret"
site_sysexit:
	vrom_site SYSEXIT, "sti; sysexit", %edx, %ecx
