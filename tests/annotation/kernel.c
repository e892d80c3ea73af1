/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a kernel does with vrom/ops.h, annotated in both ways. Only planned and patched, never run. */
#include "both.h"

#include <vrom/ops.h>

void kernel(uint32_t *table, uint64_t *wide, uint32_t value, uint32_t other, uint32_t third, uint32_t fourth);
uint32_t kernel_reads(uint32_t which);
void kernel_constants(uint32_t *table, uint64_t *wide, uint32_t value);

/* Everything in registers. */
void kernel(uint32_t *table, uint64_t *wide, uint32_t value, uint32_t other, uint32_t third, uint32_t fourth)
{
	vmi_disable_interrupts();
	vmi_set_cr0(value);
	vmi_set_cr2(value);
	vmi_set_cr3(other);
	vmi_set_cr4(third);
	vmi_clts();
	vmi_wbinvd();
	vmi_set_gdt((void *)table);
	vmi_set_idt((void *)table);
	vmi_get_gdt((void *)wide);
	vmi_set_ldt((uint16_t)value);
	vmi_set_tr((uint16_t)other);
	vmi_write_gdt_entry(table, value, other, third);
	vmi_write_ldt_entry(wide, other, third, fourth);
	vmi_write_idt_entry(table, third, fourth, value);
	vmi_update_kernel_stack(table, value);
	vmi_set_iopl_mask(value);
	vmi_set_pxe(value, table, other);
	vmi_set_pxe_long((uint64_t)value << 32 | other, wide, third);
	vmi_update_pxe(table, value);
	vmi_update_pxe_long(wide, other);
	vmi_allocate_page(value, other, third, fourth, (uint32_t)(uintptr_t)table);
	vmi_release_page(value, other);
	vmi_inval_page(table);
	vmi_set_linear_mapping(value, table, other, third);
	vmi_set_lazy_mode(value);
	vmi_set_alarm(value, (uint64_t)other << 32 | third, (uint64_t)fourth << 32 | value);
	vmi_wrmsr(value, (uint64_t)other << 32 | third);
	vmi_io_delay();
	vmi_outsl((uint16_t)value, table, other);
	vmi_insb((uint16_t)value, table, third);
	vmi_apic_write(table, fourth);
	vmi_set_initial_ap_state((void *)table, value);
	vmi_set_interrupt_mask(value);
	vmi_enable_interrupts();
	vmi_halt();
}

/* With results. */
uint32_t kernel_reads(uint32_t which)
{
	uint32_t regs[4], sum = (uint32_t)vmi_get_interrupt_mask();

	vmi_cpuid(which, sum, regs);
	sum += regs[0] + regs[1] + (uint32_t)(vmi_get_cr0() + vmi_get_cr2() + vmi_get_cr3() + vmi_get_cr4());
	sum += (uint32_t)(vmi_get_tr() + vmi_get_ldt() + VMI_GET_DR(6));
	sum += (uint32_t)(vmi_rdtsc() + vmi_rdmsr(which) + vmi_rdpmc(which));
	sum += vmi_apic_read((volatile uint32_t *)(uintptr_t)sum) + vmi_apic_read((volatile uint32_t *)0xfee00020);
	sum += (uint32_t)(vmi_get_cycle_frequency() + vmi_get_cycle_counter(VMI_CYCLES_AVAILABLE));
	return sum + vmi_cancel_alarm(VMI_CYCLES_REAL) + (uint32_t)vmi_get_wallclock_time();
}

/* Constants of all sizes, among them addresses that the linker puts in. */
void kernel_constants(uint32_t *table, uint64_t *wide, uint32_t value)
{
	static uint32_t page[1024];

	VMI_SET_DR(7, value);
	vmi_set_pxe(0, table, 0);
	vmi_set_pxe(0x1234567, table + 1, VMI_PAGE_PT);
	vmi_set_pxe(value, page, VMI_PAGE_PD);
	vmi_set_pxe_long(0x123456780000001full, wide, 127);
	vmi_set_pxe_long(value, wide, 128);
	vmi_set_pxe_long(1, wide, (uint32_t)-129);
	vmi_update_pxe(table, VMI_PAGE_PT);
	vmi_flush_tlb();
	vmi_flush_tlb_global();
	vmi_write_gdt_entry(table, value, 0xffff, 0xcf9b00);
	vmi_write_gdt_entry(table, value, value, 0);
	vmi_write_idt_entry(table, value, 0x80000, value);
	vmi_allocate_page(value, VMI_PAGE_PT + VMI_PAGE_ZEROED, 0, 0, 0);
	vmi_allocate_page(value, VMI_PAGE_PD + VMI_PAGE_CLONE, value, 768, 256);
	vmi_release_page(value, VMI_PAGE_PT);
	vmi_set_linear_mapping(0, (void *)0xc0000000, 0x38000, 0);
	vmi_set_linear_mapping(1, page, 1, value);
	vmi_set_alarm(VMI_ALARM_PERIODIC, value, 0x100000002ull);
	vmi_set_lazy_mode(VMI_LAZY_MMU_UPDATES);
	vmi_set_lazy_mode(VMI_LAZY_CPU_STATE);
	vmi_set_lazy_mode(VMI_LAZY_NONE);
	vmi_set_iopl_mask(0x3000);
	vmi_apic_write((volatile uint32_t *)0xfee000b0, 0);
}
