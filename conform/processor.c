/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* CPUID, counters, model specific registers, caches, translation of addresses, start of other processors. */
#include "conform.h"

#define CPUID_TSC 0x10
#define CPUID_MSR 0x20
#define CPUID_SEP 0x800
#define MSR_SYSENTER_ESP 0x175
#define MSR_APIC_BASE 0x1b

struct leaf {
	uint32_t eax, ebx, ecx, edx;
};

static struct leaf by_call(uint32_t leaf, uint32_t subleaf)
{
	struct registers r = REGISTERS(.eax = leaf, .ecx = subleaf);

	make(VMI_CALL_CPUID, &r, 0, 0);
	return (struct leaf){ r.eax, r.ebx, r.ecx, r.edx };
}

/* The instruction. It does not trap, in whatever ring. */
static struct leaf by_processor(uint32_t leaf, uint32_t subleaf)
{
	struct leaf l = { leaf, 0, subleaf, 0 };

	__asm__ volatile("cpuid" : "+a"(l.eax), "=b"(l.ebx), "+c"(l.ecx), "=d"(l.edx));
	return l;
}

static bool same_leaf(struct leaf a, struct leaf b)
{
	return a.eax == b.eax && a.ebx == b.ebx && a.ecx == b.ecx && a.edx == b.edx;
}

CASE(cpuid_vendor, "CPUID", "leaf 0 names the processor's maker, and a highest leaf that it has", "3.1")
{
	struct leaf ours = by_call(0, 0), real = by_processor(0, 0);

	CHECK(ours.eax >= 1 && ours.eax <= real.eax);
	EQUAL(ours.ebx, real.ebx);
	EQUAL(ours.edx, real.edx);
	EQUAL(ours.ecx, real.ecx);
}

CASE(cpuid_features, "CPUID", "leaf 1 hides features, but invents none", "3.1")
{
	struct leaf ours = by_call(1, 0), real = by_processor(1, 0);

	EQUAL(ours.eax, real.eax);
	EQUAL(ours.edx & ~real.edx, 0);
	/* The top bit says that there is a hypervisor. */
	EQUAL(ours.ecx & ~real.ecx & 0x7fffffff, 0);
	CHECK(ours.edx & CPUID_TSC);
}

CASE(cpuid_native, "CPUID", "in ring 0 it is the instruction, for every leaf and for subleaves", "3.1")
{
	uint32_t highest = by_processor(0, 0).eax;

	if (ring != 0) {
		skip("the kernel is not in ring 0");
		return;
	}
	for (uint32_t leaf = 0; leaf <= highest; leaf++)
		CHECK(same_leaf(by_call(leaf, 0), by_processor(leaf, 0)));
	if (highest >= 4) {
		CHECK(same_leaf(by_call(4, 1), by_processor(4, 1)));
		CHECK(same_leaf(by_call(4, 2), by_processor(4, 2)));
	}
	CHECK(same_leaf(by_call(0x80000000, 0), by_processor(0x80000000, 0)));
}

CASE(cpuid_again, "CPUID", "asked again, it says the same", "3.1")
{
	for (uint32_t leaf = 0; leaf <= 1; leaf++)
		CHECK(same_leaf(by_call(leaf, 0), by_call(leaf, 0)));
}

CASE(tsc_grows, "RDTSC", "grows, and is the processor's time stamp counter in ring 0", "3.2")
{
	uint64_t first = DO(RDTSC), raw = rdtsc(), second = DO(RDTSC);

	CHECK(second > first);
	if (ring == 0)
		CHECK(first <= raw && raw <= second);
}

CASE(tsc_rate, "RDTSC", "goes at the rate of the instruction", "3.2")
{
	uint64_t raw = rdtsc(), ours = DO(RDTSC);

	spin(20);
	ours = DO(RDTSC) - ours;
	raw = rdtsc() - raw;
	CHECK(ours <= raw && ours >= raw - raw / 4);
}

static bool have_sysenter(void)
{
	struct leaf leaf = by_call(1, 0);

	if ((leaf.edx & (CPUID_SEP | CPUID_MSR)) == (CPUID_SEP | CPUID_MSR))
		return true;
	skip("CPUID says that there is no SYSENTER, and so no register to try it on");
	return false;
}

static uint64_t raw_msr(uint32_t number)
{
	uint64_t value;

	__asm__ volatile("rdmsr" : "=A"(value) : "c"(number));
	return value;
}

CASE(msr_write, "WRMSR", "writes EDX:EAX to the register in ECX", "3.1")
{
	struct registers r = REGISTERS(.ecx = MSR_SYSENTER_ESP, .eax = 0x1234abcd, .edx = 0);
	struct registers check_it = REGISTERS(.ecx = MSR_SYSENTER_ESP);

	if (!have_sysenter())
		return;
	make(VMI_CALL_WRMSR, &r, 0, 0);
	make(VMI_CALL_RDMSR, &check_it, 0, 0);
	EQUAL(check_it.eax, 0x1234abcd);
	if (ring == 0)
		CHECK(raw_msr(MSR_SYSENTER_ESP) == 0x1234abcd);
	r = REGISTERS(.ecx = MSR_SYSENTER_ESP, .eax = 0, .edx = 0);
	make(VMI_CALL_WRMSR, &r, 0, 0);
}

CASE(msr_read, "RDMSR", "reads the register in ECX into EDX:EAX", "3.1")
{
	static const uint32_t values[] = { 0, 0x0badcafe, 0xffffffff };

	if (!have_sysenter())
		return;
	for (unsigned i = 0; i < COUNT(values); i++) {
		struct registers r = REGISTERS(.ecx = MSR_SYSENTER_ESP, .eax = values[i], .edx = 0);

		make(VMI_CALL_WRMSR, &r, 0, 0);
		r = REGISTERS(.ecx = MSR_SYSENTER_ESP);
		make(VMI_CALL_RDMSR, &r, 0, 0);
		EQUAL(r.eax, values[i]);
		EQUAL(r.edx, 0);
		if (ring != 0)
			continue;
		CHECK(raw_msr(MSR_SYSENTER_ESP) == values[i]);
		r = REGISTERS(.ecx = MSR_APIC_BASE);
		make(VMI_CALL_RDMSR, &r, 0, 0);
		CHECK(raw_msr(MSR_APIC_BASE) == ((uint64_t)r.edx << 32 | r.eax));
	}
}

static void native_rdpmc(void *context)
{
	(void)context;
	__asm__ volatile("rdpmc" : : "c"(0) : "eax", "edx");
}

static void call_rdpmc(void *context)
{
	struct registers r = REGISTERS(.ecx = 0);

	(void)context;
	make(VMI_CALL_RDPMC, &r, 0, 0);
}

/* Some processors, and emulators, have no such counters. */
CASE(pmc, "RDPMC", "reads a counter, or traps, as the instruction does", "3.2")
{
	bool traps = catch(native_rdpmc, NULL);
	uint32_t vector = trapped.vector;

	if (ring != 0) {
		if (catch(call_rdpmc, NULL))
			CHECK(trapped.vector == EXCEPTION_GENERAL || trapped.vector == EXCEPTION_OPCODE);
		return;
	}
	EQUAL(catch(call_rdpmc, NULL), traps);
	if (!traps)
		return;
	EQUAL(trapped.vector, vector);
	EQUAL(trapped.ebx, 0xb4b4b4b4);
	EQUAL(trapped.esi, 0x56565656);
	EQUAL(trapped.edi, 0x67676767);
	EQUAL(trapped.ebp, 0xe5e5e5e5);
}

CASE(cache, "WBINVD", "leaves memory as it was written", "3.2")
{
	static volatile uint32_t word;

	word = 0x600dbeef;
	DO(WBINVD);
	EQUAL(word, 0x600dbeef);
}

CASE(to_physical, "MachineToPhysical", "is the reverse of PhysicalToMachine", "3.4")
{
	for (uint32_t address = 0x1000; address < MEMORY_MAX; address += 0x123000)
		EQUAL((uint32_t)DO(MachineToPhysical, (uint32_t)DO(PhysicalToMachine, address)), address);
}

CASE(to_machine, "PhysicalToMachine", "in ring 0 both are the same", "3.4")
{
	if (ring != 0) {
		skip("the kernel is not in ring 0");
		return;
	}
	for (uint32_t address = 0x1000; address < MEMORY_MAX; address += 0x123000) {
		EQUAL((uint32_t)DO(PhysicalToMachine, address), address);
		EQUAL((uint32_t)DO(MachineToPhysical, address), address);
	}
}

CASE(ap_state, "SetInitialAPState", "takes a state and leaves it as it was", "4.10")
{
	static struct vmi_ap_state state;
	const struct vmi_ap_state wanted = {
		.cr0 = 0x80050023, .cr3 = main_space.cr3, .eip = KERNEL_BASE, .esp = (uint32_t)stack_top,
		.cs = KERNEL_CODE, .ss = KERNEL_DATA, .ds = USER_DATA, .es = USER_DATA,
		.gdtr_limit = sizeof gdt - 1, .gdtr_base = (uint32_t)gdt, .idtr_base = (uint32_t)idt, .idtr_limit = 2047,
	};
	const uint8_t *a = (const uint8_t *)&state, *b = (const uint8_t *)&wanted;

	state = wanted;
	DO(SetInitialAPState, (uint32_t)&state, 1);
	for (unsigned i = 0; i < 0x5a; i++)
		EQUAL(a[i], b[i]);
}
