/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Control registers, model specific registers, and the system instructions from both rings. */
#include "escape.h"

#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define EFER_SCE 0x001
#define EFER_LME 0x100
#define EFER_SVME 0x1000
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176

static void load_cr0(uint32_t value)
{
	write_cr0(value);
}

static void load_cr4(uint32_t value)
{
	write_cr4(value);
}

static void hole_is_closed(void)
{
	must("the hole", write_at, SHADOW_GDT, EX_PF, FAULT_WRITE);
	must("the hole", read_at, 0xffe00000, EX_PF, 0);
	must_user("the hole", read_at, FLAG_PAGE, EX_PF, FAULT_USER);
}

static void cr0_bits(uint32_t n)
{
	uint32_t before = read_cr0();

	(void)n;
	must("PG without PE", load_cr0, CR0_PG, EX_GP, 0);
	must("NW without CD", load_cr0, before | CR0_NW, EX_GP, 0);
	for (unsigned bit = 1; bit < 31; bit++) {
		attempt(load_cr0, before ^ (1u << bit));
		if (fault.vector != NO_FAULT && fault.vector != EX_GP)
			wrong("CR0 bit %u: vector %x", bit, fault.vector);
		hole_is_closed();
		write_cr0(before);
	}
	for (unsigned i = 0; i < 500; i++) {
		attempt(load_cr0, random32() | CR0_PE | (i & 1 ? CR0_PG : 0));
		hole_is_closed();
		write_cr0(before);
	}
}

static void cr0_pe(uint32_t n)
{
	if (n == 0)
		write_cr0(read_cr0() & ~(CR0_PE | CR0_PG));
	if (n == 1)
		hypercall(VMI_CALL_SetCR0, 0, 0, 0, 0, 0);
	if (n == 2)
		hypercall(VMI_CALL_SetCR0, CR0_ET | CR0_NE, 0, 0, 0, 0);
}

static void cr0_call(uint32_t n)
{
	static const uint32_t values[] = { CR0_PG, CR0_PE | CR0_NW, 0xffffffff & ~(CR0_PE | CR0_CD) };

	hypercall(VMI_CALL_SetCR0, values[n], 0, 0, 0, 0);
}

static void lmsw(uint32_t value)
{
	__asm__ volatile("lmsw %w0" : : "r"(value));
}

static void lmsw_values(uint32_t n)
{
	(void)n;
	for (uint32_t value = 0; value < 0x10000; value += 61)
		attempt(lmsw, value);
	if (!(read_cr0() & CR0_PE))
		wrong("LMSW cleared PE");
	hole_is_closed();
	hypercall(VMI_CALL_CLTS, 0, 0, 0, 0, 0);
}

/* PE and PG stay on in the machine, whatever SMSW is shown. */
static void ts_games(uint32_t n)
{
	(void)n;
	for (unsigned i = 0; i < 200; i++) {
		hypercall(VMI_CALL_SetCR0, read_cr0() ^ CR0_TS, 0, 0, 0, 0);
		hypercall(VMI_CALL_CLTS, 0, 0, 0, 0, 0);
		__asm__ volatile("clts");
		*word_at(SHARED_CR0) = 0;
		hypercall(VMI_CALL_SetCR0, 0x80010033 | (i & 1 ? CR0_TS : 0), 0, 0, 0, 0);
	}
	hole_is_closed();
}

static void cr4_bits(uint32_t n)
{
	(void)n;
	for (unsigned bit = 0; bit < 32; bit++) {
		if (1u << bit == CR4_PAE)
			continue;
		attempt(load_cr4, CR4_PSE | 1u << bit);
		if (fault.vector != NO_FAULT && fault.vector != EX_GP)
			wrong("CR4 bit %u: vector %x", bit, fault.vector);
		/* VMXE, SMXE, PCIDE, SMEP, SMAP and whatever may come */
		if ((bit == 11 || (bit > 12 && bit != 18)) && fault.vector == NO_FAULT)
			wrong("CR4 takes bit %u", bit);
		hole_is_closed();
		write_cr4(CR4_PSE);
	}
	for (unsigned i = 0; i < 300; i++) {
		attempt(load_cr4, random32() & random32() & ~CR4_PAE);
		hole_is_closed();
		write_cr4(CR4_PSE);
	}
}

static void cr4_call(uint32_t n)
{
	hypercall(VMI_CALL_SetCR4, n ? 0xffffffff : 0x00100000, 0, 0, 0, 0);
}

/* Bits of CR3 that mean nothing, and the value by which the monitor itself knows "no paging". */
static void cr3_values(uint32_t n)
{
	(void)n;
	for (uint32_t bits = 0; bits < PAGE; bits += 13) {
		set_cr3(address_of(directory) | bits);
		hole_is_closed();
	}
	set_cr3(address_of(directory));
}

static void cr3_ones(uint32_t n)
{
	(void)n;
	set_cr3(0xffffffff);
}

static void control_numbers(uint32_t n)
{
	static uint8_t code[] = { 0x0f, 0x22, 0xc0, 0xc3 };

	(void)n;
	for (unsigned opcode = 0x20; opcode < 0x28; opcode++)
		for (unsigned modrm = 0; modrm < 256; modrm++) {
			/* The source or target is EAX to EDX at most; CR0, CR3 and CR4 are not written. */
			unsigned reg = modrm >> 3 & 7;

			if ((modrm & 7) > 3 || (opcode == 0x22 && (reg == 0 || reg == 3 || reg == 4)) || opcode == 0x23)
				continue;
			code[1] = (uint8_t)opcode;
			code[2] = (uint8_t)modrm;
			attempt((void (*)(uint32_t))address_of(code), 0);
			attempt_user((void (*)(uint32_t))address_of(code), 0);
			if (fault.vector != EX_GP && fault.vector != EX_UD)
				wrong("0F %x %x in a program: vector %x", opcode, modrm, fault.vector);
		}
}

/* ---- Model specific registers ---- */

static void rdmsr_at(uint32_t number)
{
	rdmsr(number);
}

static void wrmsr_at(uint32_t number)
{
	wrmsr(number, 0xffc10000ffc10000);
}

static void all_msrs(uint32_t n)
{
	static const uint32_t bases[] = { 0, 0x80000000, 0xc0000000, 0xc0010000 };
	uint32_t value;

	(void)n;
	for (unsigned i = 0; i < 4; i++)
		for (uint32_t number = bases[i]; number < bases[i] + 0x200; number++) {
			attempt(rdmsr_at, number);
			attempt(wrmsr_at, number);
			if (fault.vector != NO_FAULT && fault.vector != EX_GP)
				wrong("wrmsr %x: vector %x", number, fault.vector);
			hypercall(VMI_CALL_WRMSR, 0xffffffff, 0xffffffff, number, 0, 0);
			must_user("wrmsr", wrmsr_at, number, EX_GP, 0);
			must_user("rdmsr", rdmsr_at, number, EX_GP, 0);
		}
	value = hypercall(VMI_CALL_RDMSR, 0, 0, MSR_EFER, 0, 0);
	if (value & ~EFER_NXE)
		wrong("EFER is %x", value);
	hole_is_closed();
}

static void write_efer(uint32_t value)
{
	wrmsr(MSR_EFER, value);
}

static void efer(uint32_t n)
{
	static const uint32_t bits[] = { EFER_SCE, EFER_LME, EFER_LME | 0x400, EFER_SVME, 0xffffffff, 0x2000, 0x4000 };

	(void)n;
	for (unsigned i = 0; i < sizeof bits / 4; i++) {
		must("EFER", write_efer, bits[i], EX_GP, ANY);
		hypercall(VMI_CALL_WRMSR, bits[i], 0, MSR_EFER, 0, 0);
		if (hypercall(VMI_CALL_RDMSR, 0, 0, MSR_EFER, 0, 0))
			wrong("EFER takes %x", bits[i]);
	}
}

#define CODE(name, text) \
	static void name(uint32_t argument) \
	{ \
		__asm__ volatile(text : : "a"(argument), "d"(0x3f8), "c"(MSR_SYSENTER_CS) : "memory"); \
	}
CODE(do_sysenter, "sysenter")
CODE(do_sysexit, "sysexit")
CODE(do_syscall, ".byte 0x0f, 0x05")
CODE(do_sysret, ".byte 0x0f, 0x07")

static void system_calls(uint32_t n)
{
	(void)n;
	for (unsigned i = 0; i < 2; i++) {
		wrmsr(MSR_SYSENTER_CS, i ? MONITOR_CS : KERNEL_CODE & ~3);
		wrmsr(MSR_SYSENTER_ESP, address_of(trap_stack_top));
		wrmsr(MSR_SYSENTER_EIP, address_of(land));
		must("sysenter", do_sysenter, 0, EX_GP, 0);
		must_user("sysenter", do_sysenter, 0, EX_GP, 0);
		must("sysexit", do_sysexit, 0, EX_GP, 0);
		must_user("sysexit", do_sysexit, 0, EX_GP, 0);
		must("syscall", do_syscall, 0, EX_UD, 0);
		must_user("syscall", do_syscall, 0, EX_UD, 0);
		attempt(do_sysret, 0);
		if (fault.vector != EX_UD && fault.vector != EX_GP)
			wrong("sysret: vector %x", fault.vector);
	}
}

static void call_sysexit(uint32_t cs)
{
	wrmsr(MSR_SYSENTER_CS, cs);
	*word_at(address_of(user_stack_top) - 4) = address_of(user_done);
	hypercall(VMI_CALL_SYSEXIT, 0, address_of(land), address_of(user_stack_top) - 4, 0, 0);
}

/* The call goes where the guest's SYSENTER_CS says, but always to ring 3. */
static void call_sysexits(uint32_t n)
{
	(void)n;
	must("SYSEXIT", call_sysexit, USER_CODE - 3 - 16, LANDED_VECTOR, 0);
	if ((fault.cs & 3) != 3)
		wrong("SYSEXIT went to %x", fault.cs);
	for (uint32_t cs = 0; cs < 0x10000; cs += 8 * 11)
		if (cs != USER_CODE - 3u - 16 && attempt(call_sysexit, cs) != EX_GP)
			wrong("SYSEXIT by %x: vector %x", cs, fault.vector);
}

/* ---- What only ring 0 can do ---- */

CODE(do_cli, "cli")
CODE(do_sti, "sti")
CODE(do_hlt, "hlt")
CODE(do_lgdt, "lgdt (%0)")
CODE(do_lidt, "lidt (%0)")
CODE(do_lldt, "lldt %w0")
CODE(do_ltr, "ltr %w0")
CODE(do_clts, "clts")
CODE(do_invd, "invd")
CODE(do_wbinvd, "wbinvd")
CODE(do_invlpg, "invlpg (%0)")
CODE(do_mov_cr3, "movl %0, %%cr3")
CODE(do_mov_dr7, "movl %0, %%db7")
CODE(do_in, "inb %%dx, %%al")
CODE(do_out, "outb %%al, %%dx")
CODE(do_rdpmc, "rdpmc")
CODE(do_rsm, "rsm")
CODE(do_vmcall, ".byte 0x0f, 0x01, 0xc1")
CODE(do_vmrun, ".byte 0x0f, 0x01, 0xd8")
CODE(do_xsetbv, ".byte 0x0f, 0x01, 0xd1")
CODE(do_monitor, ".byte 0x0f, 0x01, 0xc8")
CODE(do_mwait, ".byte 0x0f, 0x01, 0xc9")

static void from_program(uint32_t n)
{
	static void (*const code[])(uint32_t) = { do_cli, do_sti, do_hlt, do_lgdt, do_lidt, do_lldt, do_ltr, do_clts, do_invd, do_wbinvd,
						  do_invlpg, do_mov_cr3, do_mov_dr7, do_in, do_out, lmsw, load_cr0, load_cr4 };
	static void (*const odd[])(uint32_t) = { do_rdpmc, do_rsm, do_vmcall, do_vmrun, do_xsetbv, do_monitor, do_mwait };

	(void)n;
	for (unsigned i = 0; i < sizeof code / sizeof *code; i++)
		must_user("a privileged instruction", code[i], address_of(directory), EX_GP, 0);
	for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++)
		for (unsigned kernel = 0; kernel < 2; kernel++) {
			if (kernel)
				attempt(odd[i], 0);
			else
				attempt_user(odd[i], 0);
			if (fault.vector != EX_UD && fault.vector != EX_GP && !(kernel && fault.vector == NO_FAULT))
				wrong("instruction %u: vector %x", i, fault.vector);
		}
}

const struct attack control_attacks[] = {
	{ "CR0, every bit", cr0_bits, NULL, 0, false },
	{ "CR0, every bit, before Init", cr0_bits, NULL, 0, true },
	{ "CR0 without protection, %u", cr0_pe, STOPPED "it wants to leave protected mode", 3, false },
	{ "SetCR0 with what is no value for it, %u", cr0_call, STOPPED "SetCR0", 3, false },
	{ "LMSW", lmsw_values, NULL, 0, false },
	{ "CR0.TS behind the monitor's back", ts_games, NULL, 0, false },
	{ "CR4, every bit", cr4_bits, NULL, 0, false },
	{ "SetCR4 with what is no value for it, %u", cr4_call, STOPPED "SetCR4", 2, false },
	{ "CR3 with bits that mean nothing", cr3_values, NULL, 0, false },
	{ "CR3 of all ones", cr3_ones, STOPPED "the interrupt descriptor table", 0, false },
	{ "control and debug registers of every number", control_numbers, NULL, 0, false },
	{ "every model specific register", all_msrs, NULL, 0, false },
	{ "EFER: long mode, SVM, syscall", efer, NULL, 0, false },
	{ "sysenter, sysexit, syscall, sysret", system_calls, NULL, 0, false },
	{ "SYSEXIT by every selector", call_sysexits, NULL, 0, false },
	{ "privileged instructions in a program", from_program, NULL, 0, false },
	{ NULL, NULL, NULL, 0, false },
};
