/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every call but IRET, SYSEXIT and the timer's: what it does, what it keeps, that it is counted. */
#include "guest.h"

#define IF 0x200
#define ARITHMETIC 0x8d5
#define SCRATCH_PORT 0x3ff       /* of the serial port: a byte that nothing uses */
#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define PCI_ROUTES 0x80000860    /* how the ISA bridge routes interrupts, which here there are none of */

static const struct {
	const char *name;
	uint32_t result, changes;
} table[VMI_CALL_COUNT] = {
#define X(number, name, args, r1, r2, r3, result, changes, kind) [number] = { #name, VMI_R_##result, VMI_R_##changes },
	VMI_CALLS(X)
#undef X
};

/* Makes the call if it is provided; what must be kept is compared. Returns whether it is. */
static int try(unsigned call, struct registers *r, uint32_t stack1, uint32_t stack2)
{
	static const uint8_t order[7] = { VMI_EAX, VMI_ECX, VMI_EDX, VMI_EBX, VMI_EBP, VMI_ESI, VMI_EDI };
	uint32_t function = target(call), may = table[call].result | table[call].changes, counted;
	struct registers before;
	int kept = 1;

	if (!function)
		return 0;
	r->eflags |= ARITHMETIC | 2;
	before = *r;
	counted = counters ? counters[call] : 0;
	invoke(function, r, stack1, stack2);
	for (unsigned i = 0; i < 7; i++)
		if (!(may & 1u << order[i]) && (&r->eax)[i] != (&before.eax)[i])
			kept = 0;
	if (!(may & VMI_R_FLAGS) && r->eflags != before.eflags)
		kept = 0;
	ok(kept && (!counters || counters[call] == counted + 1), "%s keeps what it must%s", table[call].name,
	   counters ? ", and is counted" : "");
	return 1;
}

/* Odd values, and then what a call needs. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define REGISTERS(...) \
	(struct registers) { .eax = 0xa1a1a1a1, .ecx = 0xc2c2c2c2, .edx = 0xd3d3d3d3, .ebx = 0xb4b4b4b4, .ebp = 0xe5e5e5e5, \
			     .esi = 0x56565656, .edi = 0x67676767 __VA_OPT__(, ) __VA_ARGS__ }
/* Runs what follows if the call is provided; its registers are in r. */
#define TRY(call, stack1, ...) if (r = REGISTERS(__VA_ARGS__), try(VMI_CALL_##call, &r, stack1, 0))
/* Only makes it. */
#define CALL(call, stack1, ...) (r = REGISTERS(__VA_ARGS__), (void)try(VMI_CALL_##call, &r, stack1, 0))
#define READ(instruction, value) __asm__ volatile(instruction : "=r"(value))

static void test_mask(void)
{
	struct registers r;

	TRY(EnableInterrupts, 0)
		ok(r.eflags & IF, "EnableInterrupts enables");
	TRY(DisableInterrupts, 0, .eflags = IF)
		ok(!(r.eflags & IF), "DisableInterrupts disables");
	TRY(GetInterruptMask, 0, .eflags = IF)
		ok((r.eax & IF) && (r.eflags & IF), "GetInterruptMask when enabled");
	TRY(GetInterruptMask, 0)
		ok(!(r.eax & IF) && !(r.eflags & IF), "GetInterruptMask when disabled");
	TRY(SetInterruptMask, 0, .eax = IF + 2)
		ok(r.eflags & IF, "SetInterruptMask enables");
	TRY(SetInterruptMask, 0, .eax = 2, .eflags = IF)
		ok(!(r.eflags & IF), "SetInterruptMask disables");
	TRY(SetIOPLMask, 0, .eax = 0x3000)
		ok((r.eflags & 0x3000) == 0x3000, "SetIOPLMask sets");
	TRY(SetIOPLMask, 0, .eax = 0, .eflags = 0x3000)
		ok((r.eflags & 0x3000) == 0, "SetIOPLMask clears");
}

static void test_control(void)
{
	uint32_t cr0, cr3, cr4, value;
	struct registers r;

	READ("movl %%cr0, %0", cr0);
	READ("movl %%cr3, %0", cr3);
	READ("movl %%cr4, %0", cr4);
	TRY(GetCR0, 0)
		ok(r.eax == cr0, "GetCR0");
	TRY(GetCR3, 0)
		ok(r.eax == cr3, "GetCR3");
	TRY(GetCR4, 0)
		ok(r.eax == cr4, "GetCR4");
	TRY(SetCR0, 0, .eax = cr0 | 8) {
		READ("movl %%cr0, %0", value);
		ok(value == (cr0 | 8), "SetCR0");
	}
	TRY(CLTS, 0) {
		READ("movl %%cr0, %0", value);
		ok(value == cr0, "CLTS");
	}
	TRY(SetCR2, 0, .eax = 0x12345000) {
		READ("movl %%cr2, %0", value);
		ok(value == 0x12345000, "SetCR2");
	}
	TRY(GetCR2, 0)
		ok(r.eax == 0x12345000, "GetCR2");
	TRY(SetCR3, 0, .eax = cr3) {
		READ("movl %%cr3, %0", value);
		ok(value == cr3, "SetCR3");
	}
	TRY(SetCR4, 0, .eax = cr4 | 0x80) { /* PGE, for FlushTLB */
		READ("movl %%cr4, %0", value);
		ok(value == (cr4 | 0x80), "SetCR4");
	}
	for (uint32_t n = 0; n < 8; n++) {
		if (n == 4 || n == 5)
			continue;
		value = n < 4 ? 0x1000 * n + 0x10000 : n == 6 ? 0xffff0ff0 : 0x400;
		TRY(SetDR, 0, .eax = n, .edx = value)
			TRY(GetDR, 0, .eax = n)
				ok(r.eax == value, "SetDR and GetDR %u", n);
	}
	TRY(GetDR, 0, .eax = 17)
		ok(r.eax == 0, "GetDR of none");
}

static void test_descriptors(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint32_t base;
	} native, ours = { 0, 0 };
	static uint32_t entries[4];
	struct registers r;
	static const unsigned writes[] = { VMI_CALL_WriteGDTEntry, VMI_CALL_WriteLDTEntry, VMI_CALL_WriteIDTEntry };

	__asm__ volatile("sgdtl %0" : "=m"(native));
	TRY(GetGDT, 0, .eax = (uint32_t)&ours)
		ok(ours.limit == native.limit && ours.base == native.base, "GetGDT");
	TRY(SetGDT, 0, .eax = (uint32_t)&native) {
		__asm__ volatile("sgdtl %0" : "=m"(ours));
		ok(ours.limit == native.limit && ours.base == native.base, "SetGDT");
	}
	__asm__ volatile("sidtl %0" : "=m"(native));
	TRY(GetIDT, 0, .eax = (uint32_t)&ours)
		ok(ours.limit == native.limit && ours.base == native.base, "GetIDT");
	TRY(SetIDT, 0, .eax = (uint32_t)&native) {
		__asm__ volatile("sidtl %0" : "=m"(ours));
		ok(ours.limit == native.limit && ours.base == native.base, "SetIDT");
	}
	TRY(SetLDT, 0, .eax = 0)
		TRY(GetLDT, 0)
			ok(r.eax == 0, "SetLDT and GetLDT");
	TRY(GetTR, 0)
		ok(r.eax == TSS_SELECTOR, "GetTR");
	gdt[TSS_SELECTOR / 8] &= ~(0x200ull << 32); /* no longer busy */
	TRY(SetTR, 0, .eax = TSS_SELECTOR)
		ok((gdt[TSS_SELECTOR / 8] & 0x200ull << 32) != 0, "SetTR");
	for (unsigned i = 0; i < 3; i++) {
		entries[2] = entries[3] = 0;
		r = REGISTERS(.eax = (uint32_t)entries, .edx = 1, .ecx = 0x11223344);
		if (try(writes[i], &r, 0x55667788, 0))
			ok(entries[2] == 0x11223344 && entries[3] == 0x55667788, "%s", table[writes[i]].name);
	}
	CALL(UpdateKernelStack, 0);
}

static void test_pages(void)
{
	static uint32_t entry[2] __attribute__((aligned(8)));
	struct registers r;

	TRY(SetPxE, 0, .eax = 0x12345067, .edx = (uint32_t)entry, .ecx = VMI_PAGE_PT)
		ok(entry[0] == 0x12345067 && entry[1] == 0, "SetPxE");
	TRY(SetPxELong, VMI_PAGE_PT, .eax = 0x11111067, .edx = 0x80000000, .ecx = (uint32_t)entry)
		ok(entry[0] == 0x11111067 && entry[1] == 0x80000000, "SetPxELong");
	CALL(UpdatePxE, 0);
	CALL(UpdatePxELong, 0);
	CALL(AllocatePage, 0);
	CALL(ReleasePage, 0);
	CALL(InvalPage, 0, .eax = 0x400000);
	CALL(FlushTLB, 0, .eax = VMI_FLUSH_TLB);
	TRY(FlushTLB, 0, .eax = VMI_FLUSH_TLB + VMI_FLUSH_GLOBAL) {
		uint32_t cr4;

		READ("movl %%cr4, %0", cr4);
		ok(cr4 & 0x80, "FlushTLB leaves PGE as it was");
	}
	CALL(SetLazyMode, 0, .eax = VMI_LAZY_MMU_UPDATES);
	TRY(MachineToPhysical, 0, .eax = 0x123000)
		ok(r.eax == 0x123000, "MachineToPhysical");
	TRY(PhysicalToMachine, 0, .eax = 0x123000)
		ok(r.eax == 0x123000, "PhysicalToMachine");
	CALL(SetInitialAPState, 0);
}

static void test_ports(void)
{
	static uint8_t bytes[4] = { 1, 2, 3, 4 };
	struct registers r;

	TRY(OUTB, 0, .eax = 0x5a, .edx = SCRATCH_PORT)
		ok(inb(SCRATCH_PORT) == 0x5a, "OUTB");
	TRY(INB, 0, .edx = SCRATCH_PORT)
		ok((uint8_t)r.eax == 0x5a, "INB");
	TRY(OUTSB, 0, .esi = (uint32_t)bytes, .edx = SCRATCH_PORT, .ecx = 3)
		ok(r.ecx == 0 && r.esi == (uint32_t)bytes + 3 && inb(SCRATCH_PORT) == 3, "OUTSB");
	TRY(INSB, 0, .edi = (uint32_t)bytes, .edx = SCRATCH_PORT, .ecx = 2)
		ok(r.ecx == 0 && r.edi == (uint32_t)bytes + 2 && bytes[0] == 3 && bytes[1] == 3 && bytes[2] == 3, "INSB");
	__asm__ volatile("outl %0, %w1" : : "a"(PCI_ROUTES), "d"(PCI_ADDRESS));
	TRY(OUTW, 0, .eax = 0x1234, .edx = PCI_DATA)
		ok(inb(PCI_DATA) == 0x34 && inb(PCI_DATA + 1) == 0x12, "OUTW");
	TRY(INW, 0, .edx = PCI_DATA)
		ok((uint16_t)r.eax == 0x1234, "INW");
	TRY(OUTSW, 0, .esi = (uint32_t)bytes, .edx = PCI_DATA, .ecx = 2)
		ok(r.ecx == 0 && r.esi == (uint32_t)bytes + 4 && inb(PCI_DATA) == 3 && inb(PCI_DATA + 1) == 4,
		   "OUTSW");
	TRY(INSW, 0, .edi = (uint32_t)bytes, .edx = PCI_DATA, .ecx = 1)
		ok(r.ecx == 0 && r.edi == (uint32_t)bytes + 2 && bytes[0] == 3 && bytes[1] == 4, "INSW");
	CALL(OUTL, 0, .eax = 0x80000000, .edx = PCI_ADDRESS);
	TRY(INL, 0, .edx = PCI_ADDRESS)
		ok(r.eax == 0x80000000, "OUTL and INL");
	TRY(INSL, 0, .edi = (uint32_t)bytes, .edx = PCI_DATA, .ecx = 1)
		ok(r.ecx == 0 && r.edi == (uint32_t)bytes + 4 && bytes[0] == 0x86 && bytes[1] == 0x80,
		   "INSL reads Intel's number from the host bridge");
	*(uint32_t *)bytes = 0x80000800;
	TRY(OUTSL, 0, .esi = (uint32_t)bytes, .edx = PCI_ADDRESS, .ecx = 1)
		TRY(INL, 0, .edx = PCI_ADDRESS)
			ok(r.eax == 0x80000800, "OUTSL");
	CALL(IODelay, 0);
}

static void test_processor(void)
{
	uint32_t a = 0, b, c = 0, d;
	struct registers r;
	uint64_t before, after;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	TRY(CPUID, 0, .eax = 0, .ecx = 0)
		ok(r.eax == a && r.ebx == b && r.ecx == c && r.edx == d, "CPUID");
	TRY(WRMSR, 0, .ecx = 0x175, .eax = 0x55aa, .edx = 0)
		TRY(RDMSR, 0, .ecx = 0x175)
			ok(r.eax == 0x55aa && r.edx == 0, "WRMSR and RDMSR");
	__asm__ volatile("rdtsc" : "=A"(before));
	TRY(RDTSC, 0) {
		__asm__ volatile("rdtsc" : "=A"(after));
		ok(((uint64_t)r.edx << 32 | r.eax) >= before && ((uint64_t)r.edx << 32 | r.eax) <= after, "RDTSC");
	}
	CALL(WBINVD, 0);
}

void test_calls(void)
{
	test_mask();
	test_control();
	test_descriptors();
	test_pages();
	test_ports();
	test_processor();
	ok(!target(VMI_CALL_APICRead) && !target(VMI_CALL_APICWrite) && !target(VMI_CALL_SetCallbacks),
	   "APICRead, APICWrite and SetCallbacks are left native");
}

/* What leaves the kernel by itself cannot be placed and come back: it must be the native instructions. */
static void test_final_template(const struct vrom_template *template)
{
	const char *native = template->call == VMI_CALL_IRET ? "\xcf" : "\xfb\x0f\x35";
	uint8_t length = template->call == VMI_CALL_IRET ? 1 : 3;
	int same = template->length == length && !template->changes && !template->holes[0].kind;

	for (unsigned i = 0; i < length; i++)
		same &= template->code[i] == (uint8_t)native[i];
	ok(same, "template of %s is what it is natively", table[template->call].name);
}

/* Placed and run, with interrupts on and off. */
static void test_mask_template(const struct vrom_template *template)
{
	static uint8_t code[VROM_TEMPLATE_CODE + 1];
	uint32_t counted, value;

	for (uint32_t on = 0; on <= IF; on += IF) {
		struct registers r = REGISTERS(.eax = on, .eflags = on);
		uint32_t wanted = template->call == VMI_CALL_EnableInterrupts ? IF : 0;

		__builtin_memcpy(code, template->code, VROM_TEMPLATE_CODE);
		code[template->length] = 0xc3;
		for (unsigned hole = 0; hole < 2; hole++)
			if (template->holes[hole].kind == VROM_HOLE_ROM) {
				__builtin_memcpy(&value, code + template->holes[hole].offset, 4);
				value += rom;
				__builtin_memcpy(code + template->holes[hole].offset, &value, 4);
			}
		counted = counters[template->call];
		invoke((uint32_t)code, &r, 0, 0);
		ok((template->call == VMI_CALL_EnableInterrupts || template->call == VMI_CALL_DisableInterrupts) &&
		   template->length <= 8 && counters[template->call] == counted + 1 && (r.eflags & IF) == wanted &&
		   r.eax == on && r.edx == 0xd3d3d3d3 && r.ecx == 0xc2c2c2c2,
		   "template of %s in %u bytes counts and works", table[template->call].name, template->length);
	}
}

void test_templates(void)
{
	const struct vrom_extension *extension = (const void *)(rom + VROM_EXTENSION_OFFSET);
	const struct vrom_template *template = (const void *)(rom + extension->templates);

	for (unsigned i = 0; i < extension->template_count; i++, template++)
		if (template->call == VMI_CALL_IRET || template->call == VMI_CALL_SYSEXIT)
			test_final_template(template);
		else
			test_mask_template(template);
}
