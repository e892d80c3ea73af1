/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The macros of vrom/ops.h, run: natively, then patched to reach a host that lives in this very program and
 * notes how it was called. A 32-bit program of ring 3, so the calls whose native instruction a user may
 * execute are run natively too. It is built by two compilers at every level of optimisation, see build.mk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <vrom/ops.h>
#include <vrom/patch.h>

/* ---- The host ---- */

/* What a stub saves: pusha's order, then the call's number, the return address, the arguments on the stack. */
struct frame {
	uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax, flags, number, back, stack[2];
};

/* Written from within an asm statement, which the compiler does not know to reach static variables. */
volatile struct frame last;
volatile unsigned calls;

#define GARBAGE 0x0badf00d

/* Keeps to the letter of what a call may change, and changes all of that. */
void host_was_called(struct frame *frame);
__attribute__((used)) void host_was_called(struct frame *frame)
{
	static const struct {
		uint16_t results, changes;
	} table[] = {
#define X(number, name, args, r1, r2, r3, result, changes, kind) [number] = { VMI_R_##result, VMI_R_##changes },
		VMI_CALLS(X)
#undef X
	};
	unsigned free = table[frame->number].results | table[frame->number].changes;

	memcpy((void *)&last, frame, sizeof last);
	calls++;
	if (free & 0x01)
		frame->eax = table[frame->number].results & 1 ? 0x1000 + frame->number : GARBAGE;
	if (free & 0x02)
		frame->ecx = table[frame->number].results & 2 ? 0x2000 + frame->number : GARBAGE;
	if (free & 0x04)
		frame->edx = table[frame->number].results & 4 ? 0x3000 + frame->number : GARBAGE;
	if (free & 0x08)
		frame->ebx = 0x4000 + frame->number;
	if (free & 0x40)
		frame->esi = 0x5000 + frame->number;
	if (free & 0x80)
		frame->edi = 0x6000 + frame->number;
	if (free & VMI_R_FLAGS)
		frame->flags ^= 0x8d5; /* the arithmetic ones */
}

__asm__(".pushsection .text\n"
	".balign 16\n"
	"stubs:\n"
	".set .Lnumber, 0\n"
	".rept 74\n"
	"	.balign 16\n"
	"	pushl $.Lnumber\n"
	"	jmp stub\n"
	"	.set .Lnumber, .Lnumber + 1\n"
	".endr\n"
	"stub:	pushfl\n"
	"	pusha\n"
	"	movl %esp, %ebp\n"
	"	andl $-16, %esp\n"
	"	subl $16, %esp\n"
	"	movl %ebp, (%esp)\n"
	"	cld\n"
	"	call host_was_called\n"
	"	movl %ebp, %esp\n"
	"	popa\n"
	"	popfl\n"
	"	leal 4(%esp), %esp\n"
	"	ret\n"
	".popsection\n");
extern char stubs[];

static VROM_ABI void answer(void *context, unsigned call, struct vrom_answer *result)
{
	(void)context;
	result->type = VMI_RELOCATION_CALL_REL;
	result->target = (uintptr_t)stubs + 16 * call;
}

/* ---- Checking ---- */

static unsigned number, failed;

static void check(int good, const char *what)
{
	failed += !good;
	printf("%s %u - %s\n", good ? "ok" : "not ok", ++number, what);
}

static int was(unsigned call, unsigned a, unsigned d, unsigned c)
{
	int good = calls == 1 && last.number == call && last.eax == a && last.edx == d && last.ecx == c;

	if (!good)
		printf("# %u calls, the last of number %u with %x %x %x\n", calls, last.number, last.eax, last.edx,
		       last.ecx);
	calls = 0;
	return good;
}

/* Values that no compiler knows, and that it has to keep across the sites. */
static volatile unsigned one = 1;

/* ---- The sites ---- */

#define TEN(x) x x x x x x x x x x

static inline unsigned long many_times(unsigned long value)
{
	vmi_update_pxe((uint32_t *)value, value + 1);
	return vmi_get_interrupt_mask() & VMI_MASK_ENABLED;
}

__attribute__((noinline)) static unsigned a_hundred_times(unsigned value)
{
	unsigned enabled = 0;

	TEN(TEN(enabled += many_times(value) == VMI_MASK_ENABLED;));
	return enabled;
}

__attribute__((noinline, section(".init.text"))) static unsigned in_another_section(unsigned value)
{
	uint32_t entry = 0;

	vmi_set_pxe(value, &entry, 0);
	return entry;
}

static void natively(void)
{
	uint32_t entry = 0, regs[4], table[8] = { 0 };
	uint64_t entry_long = 0, tick;

	vmi_set_interrupt_mask(vmi_get_interrupt_mask());
	check(vmi_get_interrupt_mask() & VMI_MASK_ENABLED, "natively: interrupt mask");
	vmi_set_pxe(0x1234, &entry, 7);
	check(entry == 0x1234, "natively: SetPxE");
	vmi_set_pxe_long(0x123456789abcdefull, &entry_long, 7);
	check(entry_long == 0x123456789abcdefull, "natively: SetPxELong");
	vmi_write_gdt_entry(table, 2, 0x55, 0x66);
	check(table[4] == 0x55 && table[5] == 0x66, "natively: WriteGDTEntry");
	tick = vmi_rdtsc();
	check(vmi_rdtsc() > tick, "natively: RDTSC");
	check(vmi_get_cycle_counter(VMI_CYCLES_REAL) > tick && !vmi_get_cycle_counter(VMI_CYCLES_STOLEN),
	      "natively: GetCycleCounter");
	vmi_cpuid(0, 0, regs);
	check(regs[0] && regs[1], "natively: CPUID");
	check(vmi_machine_to_physical(0x77) == 0x77, "natively: MachineToPhysical");
	check(vmi_cancel_alarm(0) == 0 && vmi_get_cycle_frequency() == 0, "natively: time");
	vmi_set_alarm(1, 2, 3);
	vmi_allocate_page(1, 2, 3, 4, 5);
	check(a_hundred_times(one) == 100, "natively: a hundred times");
	check(in_another_section(one + 1) == 2, "natively: in another section");
}

static void patched(void)
{
	uint32_t regs[4], buffer[4], entry = 0;
	uint64_t wide = 0;
	unsigned a = one, b = one + 1, c = one + 2, d = one + 3, e = one + 4, f = one + 5;

	calls = 0;
	vmi_enable_interrupts();
	check(was(VMI_CALL_EnableInterrupts, last.eax, last.edx, last.ecx), "EnableInterrupts");
	vmi_disable_interrupts();
	check(was(VMI_CALL_DisableInterrupts, last.eax, last.edx, last.ecx), "DisableInterrupts");
	check(vmi_get_interrupt_mask() == 0x1000 + VMI_CALL_GetInterruptMask, "GetInterruptMask");
	calls = 0;
	vmi_set_interrupt_mask(a);
	check(was(VMI_CALL_SetInterruptMask, a, last.edx, last.ecx), "SetInterruptMask");
	vmi_set_cr3(b);
	check(was(VMI_CALL_SetCR3, b, last.edx, last.ecx), "SetCR3");
	check(vmi_get_cr2() == 0x1000 + VMI_CALL_GetCR2, "GetCR2");
	calls = 0;
	vmi_set_pxe(a, &entry, c);
	check(was(VMI_CALL_SetPxE, a, (uintptr_t)&entry, c) && entry == 0, "SetPxE");
	vmi_set_pxe_long((uint64_t)a << 32 | b, &wide, c);
	check(last.stack[0] == c && was(VMI_CALL_SetPxELong, b, a, (uintptr_t)&wide) && wide == 0, "SetPxELong");
	vmi_write_idt_entry(buffer, a, b, c);
	check(last.stack[0] == c && was(VMI_CALL_WriteIDTEntry, (uintptr_t)buffer, a, b), "WriteIDTEntry");
	vmi_allocate_page(a, b, c, d, e);
	check(last.stack[0] == d && last.stack[1] == e && was(VMI_CALL_AllocatePage, a, b, c), "AllocatePage");
	vmi_set_alarm(a, (uint64_t)c << 32 | b, (uint64_t)e << 32 | d);
	check(last.stack[0] == d && last.stack[1] == e && was(VMI_CALL_SetAlarm, a, b, c), "SetAlarm");
	/* Constants, which a call loads and pushes. */
	vmi_set_alarm(7, 0x1234567800000009ull, 0xfffffff000000080ull);
	check(last.stack[0] == 0x80 && last.stack[1] == 0xfffffff0 && was(VMI_CALL_SetAlarm, 7, 9, 0x12345678),
	      "SetAlarm, all constants");
	vmi_allocate_page(a, 2, b, 0x300, e);
	check(last.stack[0] == 0x300 && last.stack[1] == e && was(VMI_CALL_AllocatePage, a, 2, b), "AllocatePage, two constants");
	vmi_set_pxe(a, &entry, 0x85);
	check(was(VMI_CALL_SetPxE, a, (uintptr_t)&entry, 0x85) && entry == 0, "SetPxE, the third a constant");
	vmi_write_gdt_entry(buffer, b, c, -2);
	check(last.stack[0] == 0xfffffffe && was(VMI_CALL_WriteGDTEntry, (uintptr_t)buffer, b, c), "WriteGDTEntry, a constant");
	vmi_outb(a, 0x80);
	check(was(VMI_CALL_OUTB, a, 0x80, last.ecx), "OUTB");
	vmi_set_lazy_mode(2);
	check(was(VMI_CALL_SetLazyMode, 2, last.edx, last.ecx), "SetLazyMode");
	vmi_apic_write((volatile uint32_t *)0xfee000b0, 0);
	check(was(VMI_CALL_APICWrite, 0xfee000b0, 0, last.ecx), "APICWrite");
	check(vmi_rdtsc() == ((uint64_t)(0x3000 + VMI_CALL_RDTSC) << 32 | (0x1000 + VMI_CALL_RDTSC)), "RDTSC");
	calls = 0;
	vmi_cpuid(a, b, regs);
	check(regs[0] == 0x1000 && regs[1] == 0x4000 && regs[2] == 0x2000 && regs[3] == 0x3000 &&
		      was(VMI_CALL_CPUID, a, last.edx, b), "CPUID");
	vmi_wrmsr(a, (uint64_t)b << 32 | c);
	check(was(VMI_CALL_WRMSR, c, b, a), "WRMSR");
	check(vmi_rdmsr(a) == ((uint64_t)(0x3000 + VMI_CALL_RDMSR) << 32 | (0x1000 + VMI_CALL_RDMSR)) &&
		      was(VMI_CALL_RDMSR, last.eax, last.edx, a), "RDMSR");
	check(vmi_inb(0x3f8) == (uint8_t)(0x1000 + VMI_CALL_INB) && was(VMI_CALL_INB, last.eax, 0x3f8, last.ecx), "INB");
	vmi_outl(d, 0xcf8);
	check(was(VMI_CALL_OUTL, d, 0xcf8, last.ecx), "OUTL");
	vmi_insw(0x1f0, buffer, e);
	check(last.edi == (uintptr_t)buffer && was(VMI_CALL_INSW, last.eax, 0x1f0, e), "INSW");
	vmi_outsb(0xe9, buffer, f);
	check(last.esi == (uintptr_t)buffer && was(VMI_CALL_OUTSB, last.eax, 0xe9, f), "OUTSB");
	VMI_SET_DR(3, f);
	check(was(VMI_CALL_SetDR, 3, f, last.ecx), "SetDR");
	check(VMI_GET_DR(6) == 0x1000 + VMI_CALL_GetDR && was(VMI_CALL_GetDR, 6, last.edx, last.ecx), "GetDR");
	vmi_flush_tlb_global();
	check(was(VMI_CALL_FlushTLB, VMI_FLUSH_TLB + VMI_FLUSH_GLOBAL, last.edx, last.ecx), "FlushTLB");
	check(a == 1 && b == 2 && c == 3 && d == 4 && e == 5 && f == 6, "what the compiler kept is kept");
	/* Its last mask is not 200h, so none of the hundred finds interrupts enabled. */
	calls = 0;
	check(a_hundred_times(a) == 0 && calls == 200, "a hundred times");
	calls = 0;
	check(in_another_section(b) == 0 && calls == 1, "in another section");
}

extern const char __executable_start[], etext[];

/* A table whose end is damaged has more records than the seal has parts, however many they are. */
static void a_damaged_end(struct vrom_table table, const struct vrom_host *host, void *memory, size_t size)
{
	static struct vrom_plan plan;
	struct vrom_error error;
	uint32_t sites = vrom_count(&table);

	for (uintptr_t end = UINTPTR_MAX / 4 * 4; end > (uintptr_t)table.records_end; end -= (end - (uintptr_t)table.records_end) / 8 / 4 * 4 + 4) {
		int too_large = end - (uintptr_t)table.records > INT32_MAX;
		struct vrom_table damaged = table;

		damaged.records_end = (const unsigned char *)end;
		if (vrom_plan(&plan, host, &damaged, 1, memory, size, &error) != VROM_TABLE ||
		    error.index != (too_large ? VROM_NO_INDEX : sites) ||
		    vrom_plan(&plan, host, &damaged, 1, memory, VROM_PLAN_MEMORY(sites - 1), NULL) !=
			    (too_large ? VROM_TABLE : VROM_MEMORY)) {
			check(0, "a damaged end");
			printf("# at %lx: site %u: %s\n", (unsigned long)end, error.index, vrom_strstatus(error.status));
			return;
		}
	}
	check(1, "a damaged end");
	table.records_end = table.records - 4;
	check(vrom_plan(&plan, host, &table, 1, memory, size, NULL) == VROM_TABLE, "an end before the start");
}

#ifdef VROM_PROFILE
extern const uint32_t __start_vrom_profile[], __stop_vrom_profile[];

/* How often sites of call have run. */
static unsigned profiled(const struct vrom_table *table, unsigned call)
{
	const uint32_t *counter = __start_vrom_profile;
	unsigned ran = 0;

	for (const unsigned char *record = table->records; record < table->records_end; counter++) {
		ran += record[4] == call ? *counter : 0;
		record += 8 + 4 * __builtin_popcount(record[6] & VROM_CONSTANTS);
	}
	return counter == __stop_vrom_profile ? ran : 99999;
}

/* After natively() has run so many times. */
static void check_profile(const struct vrom_table *table, unsigned times)
{
	check(profiled(table, VMI_CALL_UpdatePxE) == 100 * times, "profile: UpdatePxE");
	check(profiled(table, VMI_CALL_GetInterruptMask) == 102 * times, "profile: GetInterruptMask");
	check(profiled(table, VMI_CALL_RDTSC) == 2 * times, "profile: RDTSC");
	check(profiled(table, VMI_CALL_SetAlarm) == times, "profile: SetAlarm");
	check(profiled(table, VMI_CALL_SetCR3) == 0, "profile: what has not run");
}
#else
static void check_profile(const struct vrom_table *table, unsigned times)
{
	(void)table, (void)times;
}
#endif

int main(void)
{
	struct vrom_host host = { .answer = answer, .low = 0, .high = UINTPTR_MAX };
	uintptr_t start = (uintptr_t)__executable_start & ~4095ul, end = ((uintptr_t)etext + 4095) & ~4095ul;
	struct vrom_table table = VROM_KERNEL_TABLE(start, end);
	static unsigned char memory[VROM_PLAN_MEMORY(2000)];
	static struct vrom_plan plan;
	struct vrom_error error;
	enum vrom_status status;

	natively();
	check_profile(&table, 1);
	a_damaged_end(table, &host, memory, sizeof memory);
	if (mprotect((void *)start, end - start, PROT_READ | PROT_WRITE | PROT_EXEC))
		return perror("mprotect"), 1;
	status = vrom_attach_host(&plan, &host, &table, 1, memory, sizeof memory, &error);
	check(status == VROM_OK && plan.called == plan.sites && plan.sites >= 20, "attached");
	printf("# %u sites\n", plan.sites);
	if (status != VROM_OK)
		printf("# site %u at %lx: %s\n", error.index, (unsigned long)error.address, vrom_strstatus(status));
	else {
		patched();
		check(vrom_revert(&plan) == VROM_OK, "reverted");
		calls = 0;
		natively();
		check(calls == 0, "nothing reaches the host any more");
	}
	printf("1..%u\n", number);
	return failed != 0;
}
