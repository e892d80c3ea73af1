/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Exceptions and interrupts into the guest, by its own descriptor table, as the processor would: the frame on its stack has
 * the virtual interrupt flag and the virtual IOPL, and the handler starts in ring 1.
 */
#include "monitor.h"
#include "stub.h"

#define GATE_TYPE 0x1f00 /* with S */
#define GATE_INTERRUPT 0x0e00
#define GATE_TRAP 0x0f00
#define GATE_PRESENT 0x8000
#define IDT_ERROR 2      /* in an error code: the rest is a vector */
#define CODE_BITS 0xfc00 /* of a descriptor: present, DPL, no system descriptor, code, conforming */
#define CODE_RING1 0xb800

/* ---- The virtual interrupt flag ---- */

static bool flag_protected;

#ifdef MONITOR_OPEN
/* The page may be read only for us too. */
#undef flag_byte
#define flag_byte (*(volatile uint8_t *)physical(image_physical((void *)INTERRUPT_FLAG)))
#endif

bool interrupts_enabled(void)
{
	return flag_byte & FLAG_ENABLED;
}

void interrupts_enable(bool enable)
{
#ifdef MONITOR_SIGN
	flag_byte = (flag_byte & FLAG_WAITING) | (enable ? FLAG_ENABLED : 0);
#else
	flag_byte = enable ? FLAG_ENABLED : 0;
#endif
}

/* Makes the guest notice, when it next enables interrupts, that one waits. */
static void announce(bool waits)
{
#ifdef MONITOR_SIGN
	flag_byte = (flag_byte & (uint8_t)~FLAG_WAITING) | (waits ? FLAG_WAITING : 0);
#endif
	if (waits == flag_protected)
		return;
	flag_protected = waits;
#ifndef MONITOR_SIGN
	shadow_protect_flag(waits);
#endif
}

/*
 * The guest stored to the page of its interrupt flag while an interrupt waits and the page is protected. The stores are those
 * of the ROM's code: movb $imm8, abs32 and movb %ah, abs32, with an SS prefix or without.
 */
bool flag_store(uint32_t address)
{
	uint8_t code[8];
	uint8_t *at = code;
	uint32_t eip = guest.regs.eip;

	if (!flag_protected || address != INTERRUPT_FLAG)
		return false;
	if (eip >= RING1_CODE && eip <= GUEST_END - sizeof code)
		memcpy(code, (void *)eip, sizeof code);
	else if (!guest_read(eip, code, sizeof code, false))
		return false;
	if (*at == 0x36)
		at++;
	if (at[0] == 0xc6 && at[1] == 0x05) {
		interrupts_enable(at[6] & FLAG_ENABLED);
		guest.regs.eip += at + 7 - code;
	} else if (at[0] == 0x88 && at[1] == 0x25) {
		interrupts_enable(guest.regs.eax >> 8 & FLAG_ENABLED);
		guest.regs.eip += at + 6 - code;
	} else {
		return false;
	}
	return true;
}

#ifdef MONITOR_SIGN
/* The guest executed the operand of the store that enables interrupts, because one waits: shared.h. */
bool flag_waits(void)
{
	static const uint8_t code[] = { FLAG_SIGN_ENABLE, 0x78, 0xfd };
	uint8_t bytes[sizeof code];

	if (guest_ring() == 3 || !guest_read(guest.regs.eip, bytes, sizeof bytes, false) || memcmp(bytes, code, sizeof code))
		return false;
	guest.regs.eip += sizeof code;
	return true;
}
#endif

/* ---- Delivery ---- */

static void push(uint32_t *esp, uint32_t value)
{
	*esp -= 4;
	if (!guest_write(*esp, &value, sizeof value, false))
		guest_stop("an exception or interrupt cannot be delivered: the kernel's stack at %08x cannot be written", *esp);
}

/* software: by an instruction, so the gate must allow it. */
static void deliver(unsigned vector, uint32_t error, bool software)
{
	struct regs *regs = &guest.regs;
	bool user = guest_ring() == 3, v86 = in_v86();
	uint32_t gate[2] = { 0, 0 }, code[2], esp;
	uint32_t flags = (regs->eflags & ~(FLAG_IF | FLAG_IOPL)) | guest.iopl << 12 |
			 (user || interrupts_enabled() ? FLAG_IF : 0);

	if (vector * 8 + 7 <= guest.idt_limit && !guest_read(guest.idt_base + vector * 8, gate, sizeof gate, false))
		guest_stop("the interrupt descriptor table at %08x cannot be read", guest.idt_base);
	if (software && (gate[1] >> 13 & 3) < (user ? 3 : 0))
		return deliver(EX_GP, vector * 8 + IDT_ERROR, false);
	if (!(gate[1] & GATE_PRESENT) || ((gate[1] & GATE_TYPE) != GATE_INTERRUPT && (gate[1] & GATE_TYPE) != GATE_TRAP)) {
		if (!guest.idt_limit)
			guest_reset("triple fault");
		guest_stop("exception or interrupt %u (error code %x, address %08x), for which it has no 32-bit gate", vector,
			   error == NO_ERROR_CODE ? 0 : error, shared_page.cr2);
	}
	if (!descriptor((uint16_t)(gate[0] >> 16), code) || (code[1] & CODE_BITS) != CODE_RING1)
		guest_stop("the gate of vector %u names segment %04x, which is no code segment of its kernel's", vector,
			   gate[0] >> 16);
	if (user && !stub_data.ss1)
		guest_stop("an exception or interrupt cannot be delivered: its task state has no stack segment");
	if (user && !guest.entered)
		read_kernel_stack();
	esp = user ? task_esp1 : regs->esp;
	if (v86) {
		push(&esp, regs->v86_gs);
		push(&esp, regs->v86_fs);
		push(&esp, regs->v86_ds);
		push(&esp, regs->v86_es);
		regs->ds = regs->es = regs->fs = regs->gs = 0;
	}
	if (user) {
		push(&esp, regs->ss);
		push(&esp, regs->esp);
		regs->ss = stub_data.ss1;
	}
	push(&esp, flags);
	push(&esp, regs->cs);
	push(&esp, regs->eip);
	if (error != NO_ERROR_CODE)
		push(&esp, error);
	if ((gate[1] & GATE_TYPE) == GATE_INTERRUPT)
		interrupts_enable(false);
	else if (user)
		interrupts_enable(true);
	regs->esp = esp;
	regs->eip = (gate[1] & 0xffff0000) | (gate[0] & 0xffff);
	regs->cs = (gate[0] >> 16 & 0xfffc) | 1; /* the RPL in a gate does not count */
	regs->eflags &= ~(FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM);
}

void deliver_exception(unsigned vector, uint32_t error)
{
	if (vector != EX_DB)
		guest.regs.eflags |= FLAG_RF;
	deliver(vector, error, false);
}

void deliver_page_fault(uint32_t address, uint32_t error)
{
	shared_page.cr2 = address;
	deliver_exception(EX_PF, error);
}

void deliver_software(unsigned vector)
{
	uint32_t eip = guest.regs.eip, gate[2];
	unsigned length = vector == EX_BP || vector == EX_OF ? 1 : 2;

	/* A gate that refuses is a fault of the instruction, so EIP is before it. */
	if (vector * 8 + 7 > guest.idt_limit || !guest_read(guest.idt_base + vector * 8, gate, sizeof gate, false) ||
	    (gate[1] >> 13 & 3) < (guest_ring() == 3 ? 3u : 0)) {
		guest.regs.eip = eip - length;
		deliver_exception(EX_GP, vector * 8 + IDT_ERROR);
		return;
	}
	if (!(gate[1] & GATE_PRESENT)) {
		guest.regs.eip = eip - length;
		deliver_exception(EX_NP, vector * 8 + IDT_ERROR);
		return;
	}
	deliver(vector, NO_ERROR_CODE, true);
}

/* The guest is in ring1_iret, past the point where it enables interrupts: it does the rest at once. The frame is at frame. */
static void finish_iret(uint32_t frame)
{
	uint32_t error;
	unsigned vector = iret(frame, &error);

	if (vector)
		iret_fault(frame - 4, vector, error);
}

/* The processor, or we, could not do an IRET. Its return address is at address on the guest's stack; the fault is the call's. */
void iret_fault(uint32_t address, unsigned vector, uint32_t error)
{
	uint32_t site = 0;

	guest_read(address, &site, sizeof site, false);
	guest.regs.eip = site - 5;
	guest.regs.esp = address + 4;
	interrupts_enable(false);
	deliver_exception(vector, error);
}

void deliver_pending(void)
{
	bool waits = apic_waiting() || pic_waiting();
	char *eip = (char *)guest.regs.eip;

	if (guest_ring() == 3 && !interrupts_enabled())
		interrupts_enable(true);
	if (waits && interrupts_enabled()) {
		/* A program may be there too, but not for long. All that the code after ring1_iret_store does is to drop the return address, and iret. */
		if (guest_ring() != 3 && eip >= ring1_iret_drop && eip < ring1_iret_iret)
			finish_iret(guest.regs.esp + 4);
		else if (guest_ring() != 3 && eip == ring1_iret_iret)
			finish_iret(guest.regs.esp);
		if (interrupts_enabled()) {
			deliver(apic_waiting() ? apic_take() : pic_take(), NO_ERROR_CODE, false);
			guest.halted = false;
			waits = apic_waiting() || pic_waiting();
		}
	}
	announce(waits && !interrupts_enabled());
}

void deliver_reset(void)
{
	flag_protected = true;
	flag_byte = 0;
	announce(false);
}
