/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is done in ring 0 on the guest's page tables, without the monitor's: most page faults are the guest's own, and are
 * given to it here. All that this code sees beside the guest's memory are the pages of stub.h, and it can write nothing that
 * the guest could not. Whatever is unusual is left to the monitor, which begins again from the saved registers; so is
 * everything if the guest's memory faults under this code.
 */
#include "monitor.h"
#include "stub.h"

#define STUB __attribute__((section(".stub.text")))
#define STUB_INLINE static inline __attribute__((always_inline))

extern char stub_start[], stub_end[];

/* Reads 32 bits of a table of the guest's by the guest's own map of its memory. */
STUB_INLINE bool table_word(uint32_t at, uint32_t *word)
{
	uint32_t offset = at - stub_data.linear_base;

	if (offset >= stub_data.linear_size)
		return false;
	*word = *(volatile uint32_t *)(stub_data.linear_start + offset);
	return true;
}

/* What the guest's page tables say of address: 0 the fault is not the guest's, 1 it is: not present, 2: a right is missing,
 * 3 cannot tell. */
STUB_INLINE unsigned guest_fault_kind(uint32_t address, uint32_t error, bool user)
{
	/* The guest can write that word, and would deceive itself. */
	uint32_t at = shared_page.cr3 & ~0xfffu, entry, rights;
	unsigned shift = 22, width = 4;

	if (stub_data.pae) {
		if (!table_word((shared_page.cr3 & ~0x1fu) + (address >> 30) * 8, &entry))
			return 3;
		if (!(entry & PTE_PRESENT))
			return 1;
		at = entry & ~0xfffu;
		shift = 21;
		width = 8;
	}
	if (!table_word(at + (address >> shift) % (PAGE / width) * width, &entry))
		return 3;
	if (!(entry & PTE_PRESENT))
		return 1;
	rights = entry;
	if (!(entry & PTE_LARGE)) {
		if (!table_word((entry & ~0xfffu) + (address >> 12) % (PAGE / width) * width, &entry))
			return 3;
		if (!(entry & PTE_PRESENT))
			return 1;
		rights &= entry;
	}
	if (user && !(rights & PTE_USER))
		return 2;
	if ((error & FAULT_WRITE) && !(rights & PTE_WRITE) && (user || (stub_data.cr0 & CR0_WP)))
		return 2;
	return 0;
}

STUB_INLINE int give_page_fault(struct regs *regs, uint32_t address)
{
	bool user = (regs->cs & 3) == 3, enabled = flag_byte & FLAG_ENABLED;
	uint32_t esp = user ? task_esp1 : regs->esp;
	volatile uint32_t *stack = (volatile uint32_t *)esp;
	unsigned kind;

	if (!stub_data.fast_fault || (regs->eflags & FLAG_VM) || address >= GUEST_TOP || (regs->error & ~7u) ||
	    !(regs->error & FAULT_USER) == user || esp % 4 || esp < 64 || esp > VIRTUAL_TOP || (!user && regs->ss != stub_data.ss1))
		return 0;
	kind = guest_fault_kind(address, regs->error, user);
	if (kind == 0 || kind == 3)
		return 0;
	if (user) {
		*--stack = regs->ss;
		*--stack = regs->esp;
	}
	*--stack = (regs->eflags & ~(FLAG_IF | FLAG_IOPL)) | (user || enabled ? FLAG_IF : 0);
	*--stack = regs->cs;
	*--stack = regs->eip;
	*--stack = (regs->error & ~1u) | (kind - 1);
	if (enabled && stub_data.fault_masks)
		flag_byte &= (uint8_t)~FLAG_ENABLED;
	shared_page.cr2 = address;
	regs->esp = (uint32_t)stack;
	regs->ss = stub_data.ss1;
	regs->cs = stub_data.fault_cs;
	regs->eip = stub_data.fault_eip;
	regs->eflags &= ~(FLAG_TF | FLAG_NT | FLAG_RF);
	return 1;
}

/* CLTS, and SetCR0 that changes TS and nothing else: a switch of processes that use the FPU does it each time. */
STUB_INLINE int set_ts(uint32_t cr0)
{
	if ((cr0 ^ stub_data.cr0) & ~CR0_TS)
		return 0;
	write_cr0((read_cr0() & ~CR0_TS) | (cr0 & CR0_TS));
	shared_page.cr0 = cr0;
	return 1;
}

/* SetCR3 to a root that has tables, if no notice waits that may concern them. */
STUB_INLINE int set_root(uint32_t cr3)
{
	/* The same root again is meant as a flush. */
	if (!stub_data.fast_switch || shared_page.count != shared_page.drained || cr3 == shared_page.cr3)
		return 0;
	for (unsigned i = 0; i < ROOTS; i++)
		if (stub_data.roots[i].cr3 == cr3 && stub_data.roots[i].processor) {
			shared_page.cr3 = cr3;
			write_cr3(stub_data.roots[i].processor);
			return 1;
		}
	return 0;
}

/* 1: done, the guest may go on with these registers. 0: the monitor is needed. */
STUB int stub_fast(struct regs *regs)
{
	if (regs->vector == EX_PF) {
		*(volatile uint32_t *)ENTRY_CR2 = read_cr2();
		return give_page_fault(regs, *(volatile uint32_t *)ENTRY_CR2);
	}
	if (regs->vector == ENTRY_VECTOR && (regs->cs & 3) != 3) {
		if (regs->ebx == VMI_CALL_CLTS)
			return set_ts(stub_data.cr0 & ~CR0_TS);
		if (regs->ebx == VMI_CALL_SetCR0)
			return set_ts(regs->eax);
		if (regs->ebx == VMI_CALL_SetCR3)
			return set_root(regs->eax);
	}
	return 0;
}

/* The iret to the guest was refused: the guest's CS or SS are no longer what they were. What was to be its registers
 * becomes a frame as if it had come from there. */
STUB static struct regs *refused(const struct regs *nested)
{
	const uint32_t *frame = &nested->esp;
	struct regs *regs = (struct regs *)((uintptr_t)frame - offsetof(struct regs, eip));
	struct regs from = *nested;

	from.error = nested->error | nested->vector << 16;
	from.vector = VECTOR_EXIT;
	for (unsigned i = 0; i < offsetof(struct regs, eip) / 4; i++)
		((volatile uint32_t *)regs)[i] = ((const uint32_t *)&from)[i];
	return regs;
}

/*
 * An interrupt or exception in ring 0. regs has no stack pointer: what was on the stack begins at regs->esp. NULL: it is
 * dealt with. Else the monitor is to go on with those registers of the guest.
 */
STUB struct regs *stub_nested(struct regs *regs)
{
	char *eip = (char *)regs->eip;

	/* A breakpoint of the guest's, on its own memory, that the code here or the way out touched. */
	if (regs->vector == EX_NMI || regs->vector == EX_DB)
		return NULL;
	if (eip == exit_gs || eip == exit_fs || eip == exit_es || eip == exit_ds || eip == fast_es || eip == fast_ds) {
		regs->esp = 0; /* the segment is gone, and so is what the guest had in the register */
		return NULL;
	}
	if (eip == exit_iret || eip == fast_iret)
		return refused(regs);
	if (regs->vector == EX_PF && eip >= stub_start && eip < stub_end)
		return *(struct regs **)ENTRY_FRAME;
	write_cr3(stub_data.monitor_cr3);
	if (regs->vector >= IRQ_BASE)
		machine_interrupt(regs->vector - IRQ_BASE);
	else
		monitor_crash(regs);
	return NULL;
}
