/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The heart: why the guest was left, what is done about it, and how it goes on. Called from entry.S on the monitor's stack and
 * page tables, with interrupts off.
 */
#include "monitor.h"
#include "stub.h"

#define FLAGS_ARITHMETIC 0x8d5
#define FLAG_DF 0x400
#define FLAG_ID 0x200000
#define FLAG_ALWAYS 2

static void page_fault(uint32_t address, uint32_t error)
{
	if (address >= VIRTUAL_TOP) {
		if ((error & FAULT_WRITE) && guest_ring() != 3 && flag_store(address))
			return;
		/* Whatever is there is not the guest's. */
		deliver_page_fault(address, error & ~FAULT_PRESENT);
		return;
	}
	if (!shadow_fault(address, &error))
		deliver_page_fault(address, error);
}

/* The guest could not be entered: a selector of CS or SS is no longer what it was. */
static void refused(void)
{
	if (guest_ring() != 3)
		guest_stop("its kernel's code or stack segment is gone (exception %u, error code %x)",
			   guest.regs.error >> 16, guest.regs.error & 0xffff);
	guest.regs.cs |= 3;
	deliver_exception(guest.regs.error >> 16, guest.regs.error & 0xffff);
}

static void exception(unsigned vector)
{
	uint32_t error = guest.regs.error;
	bool has_error = vector == EX_DF || (vector >= EX_TS && vector <= EX_PF) || vector == EX_AC;

	if ((char *)guest.regs.eip == ring1_iret_iret && guest_ring() != 3 && vector >= EX_TS && vector <= EX_GP) {
		iret_fault(guest.regs.esp - 4, vector, error);
		return;
	}
	switch (vector) {
	case EX_PF:
		page_fault(*(uint32_t *)ENTRY_CR2, error);
		break;
	case EX_GP:
		emulate(error);
		break;
	case EX_NMI:
	case EX_MC:
		break;
#ifdef MONITOR_SIGN
	case EX_UD:
		if (flag_waits())
			break;
		deliver_exception(vector, NO_ERROR_CODE);
		break;
#endif
	case EX_DB:
		debug_trapped();
		deliver_exception(vector, NO_ERROR_CODE);
		break;
	default:
		deliver_exception(vector, has_error ? error : NO_ERROR_CODE);
	}
}

/* What the guest's registers must be for the processor to take it back, and to come back to us. */
static struct regs *put_registers(void)
{
	struct regs *frame = (struct regs *)(ENTRY_ESP0 - offsetof(struct regs, v86_es));

	guest.regs.eflags &= FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC | FLAG_ID;
	guest.regs.eflags |= FLAG_IF | FLAG_ALWAYS;
	if (in_v86()) {
		frame = (struct regs *)((uintptr_t)frame - 16);
		*frame = guest.regs;
		return frame;
	}
	if (!(guest.regs.cs & 3) || !(guest.regs.ss & 3))
		monitor_fail("the guest would go on in ring 0: cs %04x, ss %04x, eip %08x", guest.regs.cs, guest.regs.ss,
			     guest.regs.eip);
	memcpy(frame, &guest.regs, offsetof(struct regs, v86_es));
	return frame;
}

/* Until the guest can run: delivers what waits, and waits if the guest does. Returns where the registers are for entry.S. */
struct regs *guest_leave(void)
{
	for (;;) {
		deliver_pending();
		if (!guest.halted)
			break;
		wait_for_interrupt();
	}
	segments_leave();
	debug_leave();
	return put_registers();
}

/*
 * What is asked for most often, and changes nothing in how the guest goes on. Under an emulator that translates code, and to a
 * lesser degree on a processor, most of the time of an entry goes to finding code and data again after the page tables were
 * changed: so this is one function in one page, and it leaves the registers where they are.
 */
HOT static bool quick(struct regs *frame)
{
	uint32_t error = frame->error;

	if (frame->vector == EX_PF) {
		uint32_t address = *(uint32_t *)ENTRY_CR2;

		if (address >= VIRTUAL_TOP)
			return false;
		shadow_drain();
		return shadow_fault(address, &error);
	}
	if (frame->vector != ENTRY_VECTOR || (frame->cs & 3) == 3 || (frame->eflags & FLAG_VM))
		return false;
	switch (frame->ebx) {
	case VMI_CALL_InvalPage:
		shadow_drain();
		shadow_inval(frame->eax);
		break;
	case VMI_CALL_FlushTLB:
		shadow_drain();
		shadow_flush(frame->eax & VMI_FLUSH_GLOBAL);
		break;
	case VMI_CALL_SetCR3:
		set_cr3(frame->eax);
		break;
	default:
		return false;
	}
	stats_note(frame);
	return true;
}

/* frame: the guest's registers, on the entry stack. cr3: what the processor had while the guest ran. */
struct regs *guest_entered(struct regs *frame, uint32_t cr3)
{
	uint32_t vector = frame->vector;

	stats_begin();
	shadow_sync(cr3);
	if (!debug_armed() && quick(frame)) {
		stats_end(vector == ENTRY_VECTOR ? frame->ebx : STAT_TRAPS + vector);
		return frame;
	}
	debug_enter();
	memcpy(&guest.regs, frame, frame->eflags & FLAG_VM ? sizeof guest.regs : offsetof(struct regs, v86_es));
	guest.cr0 = get_cr0();
	shadow_drain();
	if (vector == ENTRY_VECTOR)
		call();
	else if (vector == VECTOR_EXIT)
		refused();
	else if (vector >= IRQ_BASE)
		machine_interrupt(vector - IRQ_BASE);
	else
		exception(vector);
	frame = guest_leave();
	stats_end(vector == ENTRY_VECTOR ? stats_call : STAT_TRAPS + vector);
	return frame;
}

void monitor_crash(const struct regs *regs)
{
	monitor_fail("exception %u (error code %x, address %08x) in the monitor at %08x", regs->vector, regs->error, read_cr2(),
		     regs->eip);
}
