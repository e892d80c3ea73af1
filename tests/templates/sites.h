/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The sites of the kernel for templates: X(name, call, native, arguments..., may_change). kernel.S makes them, and the test
 * knows them by name. Natively they are what they have to be to be sites; nothing runs them.
 */
#define FLAGS_EDX (VROM_FLAGS + VROM_EDX)
#define TEMPLATE_SITES(X) \
	X(enable, EnableInterrupts, "sti", , , , , , VROM_FLAGS) \
	X(disable, DisableInterrupts, "cli", , , , , , VROM_FLAGS) \
	X(get_mask, GetInterruptMask, "pushfl; popl %eax", , , , , , VROM_FLAGS) \
	X(get_mask_wide, GetInterruptMask, "pushfl; popl %eax; .skip 7, 0x90", , , , , , VROM_FLAGS) \
	X(set_mask, SetInterruptMask, "pushl %eax; popfl", %eax, , , , , VROM_FLAGS) \
	X(set_mask_wide, SetInterruptMask, "pushl %eax; popfl; .skip 7, 0x90", %eax, , , , , VROM_FLAGS) \
	X(iret, IRET, "iret", , , , , , 0) \
	X(sysexit, SYSEXIT, "sti; sysexit", %edx, %ecx, , , , 0) \
	X(get_cr0, GetCR0, "movl %cr0, %eax", , , , , , VROM_STANDARD) \
	X(get_cr2, GetCR2, "movl %cr2, %eax", , , , , , VROM_STANDARD) \
	X(get_cr3, GetCR3, "movl %cr3, %eax", , , , , , VROM_STANDARD) \
	X(get_cr4, GetCR4, "movl %cr4, %eax", , , , , , VROM_STANDARD) \
	X(set_cr2, SetCR2, "movl %eax, %cr2", %eax, , , , , VROM_STANDARD) \
	X(set_cr2_0, SetCR2, "xorl %eax, %eax; movl %eax, %cr2", 0, , , , , VROM_STANDARD) \
	X(kernel_stack, UpdateKernelStack, " ", %eax, %edx, , , , VROM_STANDARD) \
	X(kernel_stack_of, UpdateKernelStack, " ", 0x1000, %edx, , , , VROM_STANDARD) \
	X(kernel_stack_fixed, UpdateKernelStack, " ", %eax, 0x2000, , , , VROM_STANDARD) \
	X(wbinvd, WBINVD, "wbinvd", , , , , , VROM_STANDARD) \
	X(io_delay, IODelay, "outb %al, $0x80", , , , , , VROM_STANDARD) \
	X(set_pxe, SetPxE, "movl %eax, (%edx)", %eax, %edx, %ecx, , , VROM_STANDARD) \
	X(set_pxe_of, SetPxE, "movl %eax, (%edx)", %eax, %edx, 0x31, , , VROM_STANDARD) \
	X(clear_pxe, SetPxE, "movl $0, (%edx)", 0, %edx, %ecx, , , VROM_STANDARD) \
	X(clear_pxe_of, SetPxE, "movl $0, (%edx)", 0, %edx, 0x31, , , VROM_STANDARD) \
	X(fixed_pxe, SetPxE, "movl $0x1007, (%edx)", 0x1007, %edx, 0x31, , , VROM_STANDARD) \
	X(set_pxe_long, SetPxELong, "movl %edx, 4(%ecx); movl %eax, (%ecx)", %eax, %edx, %ecx, %esi, , VROM_STANDARD) \
	X(set_pxe_long_of, SetPxELong, "movl %edx, 4(%ecx); movl %eax, (%ecx)", %eax, %edx, %ecx, 0x31, , VROM_STANDARD) \
	X(update_pxe, UpdatePxE, " ", %eax, %edx, , , , VROM_STANDARD) \
	X(update_pxe_of, UpdatePxE, " ", %eax, 0x21, , , , VROM_STANDARD) \
	X(update_pxe_long_of, UpdatePxELong, " ", %eax, 0x21, , , , VROM_STANDARD) \
	X(allocate_page, AllocatePage, " ", %eax, %edx, %ecx, %ebx, %esi, VROM_STANDARD) \
	X(allocate_pt, AllocatePage, " ", %eax, 1, 0, 0, 0, VROM_STANDARD) \
	X(release_page, ReleasePage, " ", %eax, %edx, , , , VROM_STANDARD) \
	X(release_pt, ReleasePage, " ", %eax, 1, , , , VROM_STANDARD) \
	X(flush, FlushTLB, "movl %cr3, %ecx; movl %ecx, %cr3", 1, , , , , VROM_STANDARD) \
	X(flush_wide, FlushTLB, "movl %cr3, %ecx; movl %ecx, %cr3; .skip 8, 0x90", 1, , , , , VROM_STANDARD) \
	X(flush_global, FlushTLB, "movl %cr3, %ecx; movl %ecx, %cr3; .skip 6, 0x90", 3, , , , , VROM_STANDARD) \
	X(lazy, SetLazyMode, " ", %eax, , , , , VROM_STANDARD) \
	X(lazy_mmu, SetLazyMode, " ", 1, , , , , VROM_STANDARD) \
	X(lazy_300, SetLazyMode, " ", 300, , , , , VROM_STANDARD) \
	X(to_physical, MachineToPhysical, " ", %eax, , , , , VROM_STANDARD) \
	X(to_physical_fixed, MachineToPhysical, "movl $0x5000, %eax", 0x5000, , , , , VROM_STANDARD) \
	X(to_machine, PhysicalToMachine, " ", %eax, , , , , VROM_STANDARD) \
	X(to_machine_fixed, PhysicalToMachine, "movl $0x5000, %eax", 0x5000, , , , , VROM_STANDARD) \
	X(inb, INB, "inb %dx, %al", %edx, , , , , VROM_FLAGS) \
	X(inb_60, INB, "inb $0x60, %al", 0x60, , , , , FLAGS_EDX) \
	X(inb_60_flags, INB, "inb $0x60, %al", 0x60, , , , , VROM_EDX) \
	X(inb_3f8, INB, "movl $0x3f8, %edx; inb %dx, %al", 0x3f8, , , , , FLAGS_EDX) \
	X(outb, OUTB, "outb %al, %dx", %eax, %edx, , , , VROM_FLAGS) \
	X(outb_20, OUTB, "outb %al, $0x20", %eax, 0x20, , , , FLAGS_EDX) \
	X(outb_3f8, OUTB, "movl $0x3f8, %edx; outb %al, %dx", %eax, 0x3f8, , , , FLAGS_EDX) \
	X(inw, INW, "inw %dx, %ax", %edx, , , , , VROM_FLAGS) \
	X(inw_f0, INW, "inw $0xf0, %ax", 0xf0, , , , , FLAGS_EDX) \
	X(inw_1f0, INW, "movl $0x1f0, %edx; inw %dx, %ax", 0x1f0, , , , , FLAGS_EDX) \
	X(outw, OUTW, "outw %ax, %dx", %eax, %edx, , , , VROM_FLAGS) \
	X(outw_f0, OUTW, "outw %ax, $0xf0", %eax, 0xf0, , , , FLAGS_EDX) \
	X(outw_604, OUTW, "movl $0x604, %edx; outw %ax, %dx", %eax, 0x604, , , , FLAGS_EDX) \
	X(inl, INL, "inl %dx, %eax", %edx, , , , , VROM_FLAGS) \
	X(inl_f8, INL, "inl $0xf8, %eax", 0xf8, , , , , FLAGS_EDX) \
	X(inl_cfc, INL, "movl $0xcfc, %edx; inl %dx, %eax", 0xcfc, , , , , FLAGS_EDX) \
	X(outl, OUTL, "outl %eax, %dx", %eax, %edx, , , , VROM_FLAGS) \
	X(outl_f8, OUTL, "outl %eax, $0xf8", %eax, 0xf8, , , , FLAGS_EDX) \
	X(outl_cf8, OUTL, "movl $0xcf8, %edx; outl %eax, %dx", %eax, 0xcf8, , , , FLAGS_EDX) \
	X(cycles, GetCycleCounter, "rdtsc", %eax, , , , , VROM_STANDARD) \
	X(cycles_real, GetCycleCounter, "rdtsc", 0, , , , , VROM_STANDARD) \
	X(cycles_available, GetCycleCounter, "rdtsc", 1, , , , , VROM_STANDARD) \
	X(cycles_stolen, GetCycleCounter, "xorl %eax, %eax; xorl %edx, %edx", 2, , , , , VROM_STANDARD) \
	X(cycles_5, GetCycleCounter, "xorl %eax, %eax; xorl %edx, %edx", 5, , , , , VROM_STANDARD) \
	X(wallclock_updated, WallclockUpdated, "xorl %eax, %eax", , , , , , VROM_STANDARD) \
	X(gdt_entry_ebx, WriteGDTEntry, "movl %ecx, (%eax,%edx,8)", %eax, %edx, %ecx, %ebx, , VROM_STANDARD) \
	X(gdt_entry_edi, WriteGDTEntry, "movl %ecx, (%eax,%edx,8)", %eax, %edx, %ecx, %edi, , VROM_STANDARD) \
	X(gdt_entry_fixed, WriteGDTEntry, "movl %ecx, (%eax,%edx,8)", %eax, %edx, %ecx, 0xcf9a00, , VROM_STANDARD) \
	X(set_alarm, SetAlarm, " ", %eax, %edx, %ecx, %esi, %edi, VROM_STANDARD)
