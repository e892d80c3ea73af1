/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The calls of the ROM that need the monitor. Arguments are in EAX, EDX, ECX, ESI and EDI; what is an address is the guest's,
 * and is looked up in its page tables. The other calls are done by the ROM itself: roms/monitor.
 */
#include "monitor.h"
#include "stub.h"

#define LINEAR_MOST 0x100000     /* pages that a linear mapping can have */

/* A descriptor table's register: limit and base, in the guest's memory. */
static void table_register(uint32_t at, void (*set)(uint32_t base, uint16_t limit))
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) value;

	if (!guest_read(at, &value, sizeof value, false))
		guest_stop("the operand of a descriptor table call, at %08x, cannot be read", at);
	set(value.base, value.limit);
}

static void store_table_register(uint32_t at, uint32_t base, uint16_t limit)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) value = { limit, base };

	if (!guest_write(at, &value, sizeof value, false))
		guest_stop("the operand of a descriptor table call, at %08x, cannot be written", at);
}

/* Table in EAX, index in EDX, the entry in ECX and ESI. */
static void write_entry(const struct regs *regs)
{
	const uint32_t entry[2] = { regs->ecx, regs->esi };

	if (regs->edx >= 8192 || !guest_write(regs->eax + regs->edx * 8, entry, sizeof entry, false))
		guest_stop("entry %u of a descriptor table at %08x cannot be written", regs->edx, regs->eax);
}

static void result64(uint64_t value)
{
	guest.regs.eax = (uint32_t)value;
	guest.regs.edx = (uint32_t)(value >> 32);
}

static void set_linear_mapping(const struct regs *regs)
{
	if (regs->eax || regs->ecx > LINEAR_MOST)
		return; /* the queue takes addresses of slot 0 only */
	shared_page.linear_start = stub_data.linear_start = regs->edx;
	shared_page.linear_size = stub_data.linear_size = regs->ecx << 12;
	shared_page.linear_base = stub_data.linear_base = regs->esi << 12;
	/* The whole of 4 GiB, or more than there is of it above its start. */
	if (regs->ecx >= LINEAR_MOST - (regs->edx >> 12))
		shared_page.linear_size = stub_data.linear_size = VIRTUAL_TOP - regs->edx;
}

/* A notice of an entry that is in no linear mapping: the address is looked up now. */
static void notice(uint32_t address)
{
	struct walk w;

	if (address < VIRTUAL_TOP && !walk_look(address, &w))
		shadow_notice((uint32_t)w.frame + address % PAGE);
}

/* Selectors are those that SYSEXIT takes: 16 and 24 behind the guest's SYSENTER_CS. */
static void sysexit(struct regs *regs)
{
	uint64_t cs = 0;

	read_msr(0x174, &cs);
	regs->eip = regs->edx;
	regs->esp = regs->ecx;
	regs->cs = ((uint32_t)cs + 16) | 3;
	regs->ss = ((uint32_t)cs + 24) | 3;
	interrupts_enable(true);
}

void enter_paravirtual(void)
{
	guest.entered = true;
	shared_page.tsc_low = (uint32_t)time_tsc;
	shared_page.tsc_high = (uint32_t)(time_tsc >> 32);
	shared_page.hz_low = (uint32_t)((uint64_t)time_khz * 1000);
	shared_page.hz_high = (uint32_t)((uint64_t)time_khz * 1000 >> 32);
	shadow_flush(true);
}

static void init(struct regs *regs)
{
	enter_paravirtual();
	regs->eax = 0;
}

/* The ROM has saved EBX on the stack, over the return address and the frame. */
static void slow_iret(struct regs *regs)
{
	uint32_t at = regs->esp + 4, error;
	unsigned vector;

	if (!guest_read(regs->esp, &regs->ebx, 4, false))
		guest_stop("IRET with a stack at %08x that cannot be read", regs->esp);
	vector = iret(at + 4, &error);
	if (vector)
		iret_fault(at, vector, error);
}

void call(void)
{
	struct regs *regs = &guest.regs;
	uint32_t number = regs->ebx;

	if (guest_ring() == 3) { /* the gate does not let it through */
		deliver_exception(EX_GP, ENTRY_VECTOR * 8 + 2);
		return;
	}
	stats_note(regs);
	switch (number) {
	case ENTRY_INIT: init(regs); break;
	case ENTRY_QUEUE: shadow_notice(regs->ecx); break; /* every entry empties it, as far as it can be */
	case ENTRY_IRET: slow_iret(regs); break;
	case ENTRY_DELIVER: break;
	case VMI_CALL_WRMSR: write_msr(regs->ecx, (uint64_t)regs->edx << 32 | regs->eax); break;
	case VMI_CALL_RDMSR: {
		uint64_t value = 0;

		read_msr(regs->ecx, &value);
		result64(value);
		break;
	}
	case VMI_CALL_SetGDT: table_register(regs->eax, set_gdt); break;
	case VMI_CALL_SetIDT: table_register(regs->eax, set_idt); break;
	case VMI_CALL_SetLDT:
		if (!set_ldt((uint16_t)regs->eax))
			guest_stop("SetLDT: selector %04x is no LDT", regs->eax & 0xffff);
		break;
	case VMI_CALL_SetTR:
		if (!set_tr((uint16_t)regs->eax))
			guest_stop("SetTR: selector %04x is no task state", regs->eax & 0xffff);
		break;
	case VMI_CALL_GetGDT: store_table_register(regs->eax, guest.gdt_base, guest.gdt_limit); break;
	case VMI_CALL_GetIDT: store_table_register(regs->eax, guest.idt_base, guest.idt_limit); break;
	case VMI_CALL_GetLDT: regs->eax = guest.ldt; break;
	case VMI_CALL_GetTR: regs->eax = guest.tr; break;
	case VMI_CALL_WriteGDTEntry:
		write_entry(regs);
		if (regs->eax == guest.gdt_base)
			gdt_changed(regs->edx, 1);
		break;
	case VMI_CALL_WriteLDTEntry:
		write_entry(regs);
		if (regs->eax == guest.ldt_base && guest.ldt_limit)
			ldt_changed(regs->edx, 1);
		break;
	case VMI_CALL_WriteIDTEntry:
		write_entry(regs);
		if (regs->eax == guest.idt_base)
			idt_changed(regs->edx);
		break;
	case VMI_CALL_SetCR0:
		if (!set_cr0(regs->eax))
			guest_stop("SetCR0: %08x is no value for CR0", regs->eax);
		break;
	case VMI_CALL_SetCR3: set_cr3(regs->eax); break;
	case VMI_CALL_SetCR4:
		if (!set_cr4(regs->eax))
			guest_stop("SetCR4: %08x is no value for CR4 here", regs->eax);
		break;
	case VMI_CALL_SetDR: set_dr(regs->eax, regs->edx); break;
	case VMI_CALL_GetDR: regs->eax = get_dr(regs->eax); break;
	case VMI_CALL_CLTS: set_cr0(guest.cr0 & ~CR0_TS); break;
	case VMI_CALL_SYSEXIT: sysexit(regs); break;
	case VMI_CALL_Halt:
		interrupts_enable(true);
		guest.halted = true;
		break;
	case VMI_CALL_Reboot: guest_reset("Reboot");
	case VMI_CALL_Shutdown: guest_power_off();
	case VMI_CALL_UpdatePxE:
	case VMI_CALL_UpdatePxELong: notice(regs->eax); break;
	case VMI_CALL_InvalPage: shadow_inval(regs->eax); break;
	case VMI_CALL_FlushTLB: shadow_flush(regs->eax & VMI_FLUSH_GLOBAL); break;
	case VMI_CALL_SetLinearMapping: set_linear_mapping(regs); break;
	case VMI_CALL_SetIOPLMask: guest.iopl = regs->eax >> 12 & 3; break;
	case VMI_CALL_APICWrite: apic_write(regs->eax & 0xfff, regs->edx); break;
	case VMI_CALL_APICRead: regs->eax = apic_read(regs->eax & 0xfff); break;
	case VMI_CALL_SetAlarm:
		alarm_set(regs->eax, (uint64_t)regs->ecx << 32 | regs->edx, (uint64_t)regs->edi << 32 | regs->esi);
		break;
	case VMI_CALL_CancelAlarm: regs->eax = alarm_cancel(regs->eax); break;
	case VMI_CALL_GetWallclockTime: result64(time_wallclock()); break;
	case VMI_CALL_INB:
	case VMI_CALL_INW:
	case VMI_CALL_INL: {
		unsigned size = number == VMI_CALL_INB ? 1 : number == VMI_CALL_INW ? 2 : 4;
		uint32_t mask = size == 4 ? ~0u : (1u << 8 * size) - 1;

		regs->eax = (regs->eax & ~mask) | (port_read((uint16_t)regs->edx, size) & mask);
		break;
	}
	case VMI_CALL_OUTB: port_write((uint16_t)regs->edx, 1, regs->eax & 0xff); break;
	case VMI_CALL_OUTW: port_write((uint16_t)regs->edx, 2, regs->eax & 0xffff); break;
	case VMI_CALL_OUTL: port_write((uint16_t)regs->edx, 4, regs->eax); break;
	default: guest_stop("there is no call %u", number);
	}
}
