/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef GUEST_MACHINE_H
#define GUEST_MACHINE_H

/*
 * The machine as the kernel uses it: the call sites of vrom/ops.h, and beside those that a hypervisor
 * must hear of, a count of what the kernel did. host.c compares it with what a counting ROM saw.
 */
#include <vrom/ops.h>

extern uint32_t did[VMI_CALL_COUNT];

#define DID(call) (did[VMI_CALL_##call]++)

static inline unsigned long irq_save(void)
{
	unsigned long flags = vmi_get_interrupt_mask();

	vmi_disable_interrupts();
	return flags;
}

static inline void irq_restore(unsigned long flags)
{
	vmi_set_interrupt_mask(flags);
}

static inline void halt(void)
{
	DID(Halt);
	vmi_halt();
}

static inline void set_entry(uint32_t entry, uint32_t *where, uint32_t flags)
{
	DID(SetPxE);
	vmi_set_pxe(entry, where, flags);
}

static inline void table_allocated(uint32_t table, uint32_t flags, uint32_t clone, uint32_t base, uint32_t count)
{
	DID(AllocatePage);
	vmi_allocate_page(table / 4096, flags, clone / 4096, base, count);
}

static inline void table_released(uint32_t table, uint32_t flags)
{
	DID(ReleasePage);
	vmi_release_page(table / 4096, flags);
}

static inline void load_directory(uint32_t directory)
{
	DID(SetCR3);
	vmi_set_cr3(directory);
}

static inline void flush_page(uint32_t address)
{
	DID(InvalPage);
	vmi_inval_page((void *)address);
}

static inline void flush_all(void)
{
	DID(FlushTLB);
	vmi_flush_tlb();
}

static inline void lazy(uint32_t mode)
{
	DID(SetLazyMode);
	vmi_set_lazy_mode(mode);
}

static inline void update_kernel_stack(void *tss, uint32_t esp0)
{
	DID(UpdateKernelStack);
	vmi_update_kernel_stack(tss, esp0);
}
#endif
