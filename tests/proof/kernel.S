/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Sites to be patched by ROMs with faults. Nothing here is ever run. */
#include <vrom/site.h>

	.text
	.globl _start
_start:
	vrom_site EnableInterrupts, "sti"
	vrom_site DisableInterrupts, "cli"
	vrom_site GetInterruptMask, "pushfl; popl %eax"
	vrom_site SetInterruptMask, "pushl %eax; popfl", %eax
	vrom_site SetPxE, "movl %eax, (%edx)", %eax, %edx, %ecx
	vrom_site SetPxE, "movl $0, (%edx)", 0, %edx, %ecx
	vrom_site GetCR3, "movl %cr3, %eax"
	vrom_site SetLazyMode, " ", 1
	vrom_site UpdateKernelStack, " ", 0, %edx
	/* With more room than they need, for code that counts too. */
	vrom_site FlushTLB, "movl %cr3, %eax; movl %eax, %cr3; .skip 8, 0x90", 1
	vrom_site FlushTLB, "movl %cr3, %eax; movl %eax, %cr3; .skip 8, 0x90", 3
	vrom_site INB, "inb %dx, %al", %edx                  /* flags are in use */
	vrom_site INB, "inb $0x61, %al", 0x61, may_change=VROM_EDX
	vrom_site OUTB, "outb %al, $0x20", %eax, 0x20, may_change=VROM_EDX + VROM_FLAGS
	vrom_site GetCycleCounter, "rdtsc", 0
	vrom_site IRET, "iret"
	vrom_site SYSEXIT, "sti; sysexit", %edx, %ecx
	vrom_site INSB, "rep insb", %edi, %edx, %ecx
	vrom_site CPUID, "cpuid", %eax, %ecx
	nop
