/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VROM_OPS_H
#define VROM_OPS_H

/*
 * One function for each call of VMI 3.0, a site each: natively it does what the plain i386 instruction does.
 * A kernel that uses these in place of its own inline assembly is annotated. What leaves the kernel by IRET
 * or SYSEXIT is assembly: vrom_site in vrom/site.h.
 *
 * Where native does nothing, the call is a notice that a hypervisor needs, and bare hardware does not.
 * Everything here keeps EBX, ESI, EDI and EBP; the compiler takes care of the others. Arguments that the compiler knows to be
 * constant are recorded and not loaded, where the native instructions do not need them in a register.
 */
#ifndef __i386__
#error "vrom/ops.h: VMI 3.0 is an interface of i386"
#endif
#include <stdint.h>

#include <vmi/abi.h>
#include <vrom/site.h>

/* Arguments for VROM_CALL_WITH that may be constants, by the places that most calls have. */
#define VMI__1(x) "ai"((unsigned long)(x))
#define VMI__2(x) "di"((unsigned long)(x))
#define VMI__3(x) "ci"((unsigned long)(x))
#define VMI__4(x) "Si"((unsigned long)(x))
#define VMI__5(x) "Di"((unsigned long)(x))
/* And one that is in its register. */
#define VMI__R1(x) "a"((unsigned long)(x))
#define VMI__R2(x) "d"((unsigned long)(x))
#define VMI__R3(x) "c"((unsigned long)(x))

/* Whether a value is known where another instruction is better for one that is. A compiler that does not optimise keeps both. */
#ifdef __OPTIMIZE__
#define VMI__KNOWN(x) __builtin_constant_p(x)
#else
#define VMI__KNOWN(x) 0
#endif

/* ---- Interrupts ---- */

static inline void vmi_enable_interrupts(void)
{
	VROM_SITE(EnableInterrupts, "sti", VROM_FLAGS, (), (), "memory");
}

static inline void vmi_disable_interrupts(void)
{
	VROM_SITE(DisableInterrupts, "cli", VROM_FLAGS, (), (), "memory");
}

/* Only bit 9, VMI_MASK_ENABLED, has a meaning. */
static inline unsigned long vmi_get_interrupt_mask(void)
{
	unsigned long mask;

	VROM_SITE(GetInterruptMask, "pushfl; popl %%eax", VROM_FLAGS, ("=a"(mask)), (), "memory");
	return mask;
}

/* mask: what vmi_get_interrupt_mask gave. */
static inline void vmi_set_interrupt_mask(unsigned long mask)
{
	VROM_SITE(SetInterruptMask, "pushl %0; popfl", VROM_FLAGS, (), ("a"(mask)), "memory");
}

/* Enables interrupts and waits for one. */
static inline void vmi_halt(void)
{
	VROM_CALL(Halt, "sti; hlt");
}

/* how: VMI_REBOOT_... Natively the keyboard controller's reset line, for both. */
__attribute__((noreturn)) static inline void vmi_reboot(uint32_t how)
{
	VROM_CALL_WITH(Reboot, "cli; movb $0xfe, %%al; outb %%al, $0x64; hlt; jmp .-1", (VMI__1(how)));
	__builtin_unreachable();
}

/* Stops this processor for good. */
__attribute__((noreturn)) static inline void vmi_shutdown(void)
{
	VROM_CALL(Shutdown, "cli; hlt; jmp .-1");
	__builtin_unreachable();
}

/* ---- Control and debug registers ---- */

#define VMI__CR(n) \
	static inline void vmi_set_cr##n(unsigned long value) \
	{ \
		VROM_CALL(SetCR##n, "movl %[a1], %%cr" #n, value); \
	} \
	static inline unsigned long vmi_get_cr##n(void) \
	{ \
		return VROM_CALL32(GetCR##n, "movl %%cr" #n ", %%eax"); \
	}
VMI__CR(0)
VMI__CR(2)
VMI__CR(3)
VMI__CR(4)

static inline void vmi_clts(void)
{
	VROM_CALL(CLTS, "clts");
}

/* n is a number, 0-3, 6 or 7: it is part of the instruction. */
#define VMI_SET_DR(n, value) VROM_CALL_WITH(SetDR, "movl %[a2], %%db" #n, (VMI__1(n), VMI__R2(value)))
#define VMI_GET_DR(n) VROM_CALL32_WITH(GetDR, "movl %%db" #n ", %%eax", (VMI__1(n)))

/* ---- Descriptor tables ---- */

/* The operand of lgdt and lidt. */
struct vmi_table_register {
	uint16_t limit;
	uint32_t base;
} __attribute__((packed));

static inline void vmi_set_gdt(const struct vmi_table_register *gdt)
{
	VROM_CALL(SetGDT, "lgdtl (%[a1])", gdt);
}

static inline void vmi_set_idt(const struct vmi_table_register *idt)
{
	VROM_CALL(SetIDT, "lidtl (%[a1])", idt);
}

static inline void vmi_get_gdt(struct vmi_table_register *gdt)
{
	VROM_CALL(GetGDT, "sgdtl (%[a1])", gdt);
}

static inline void vmi_get_idt(struct vmi_table_register *idt)
{
	VROM_CALL(GetIDT, "sidtl (%[a1])", idt);
}

static inline void vmi_set_ldt(uint16_t selector)
{
	VROM_CALL(SetLDT, "lldt %w[a1]", selector);
}

static inline void vmi_set_tr(uint16_t selector)
{
	VROM_CALL(SetTR, "ltr %w[a1]", selector);
}

static inline uint16_t vmi_get_ldt(void)
{
	return (uint16_t)VROM_CALL32(GetLDT, "sldtl %%eax");
}

static inline uint16_t vmi_get_tr(void)
{
	return (uint16_t)VROM_CALL32(GetTR, "strl %%eax");
}

/* Once a table is loaded, its entries are written with these and not by plain stores. */
#define VMI__ENTRY(name, NAME) \
	static inline void vmi_write_##name##_entry(void *table, unsigned index, uint32_t low, uint32_t high) \
	{ \
		VROM_CALL_WITH(Write##NAME##Entry, "movl %[a3], (%[a1],%[a2],8); movl %[a4], 4(%[a1],%[a2],8)", \
			       (VMI__R1(table), VMI__R2(index), VMI__3(low), VMI__4(high))); \
	}
VMI__ENTRY(gdt, GDT)
VMI__ENTRY(ldt, LDT)
VMI__ENTRY(idt, IDT)

/* After tss.esp0 was stored: the stack on which the kernel is next entered. */
static inline void vmi_update_kernel_stack(void *tss, unsigned long esp0)
{
	VROM_CALL_WITH(UpdateKernelStack, "", (VMI__1(tss), VMI__R2(esp0)));
}

/* level << 12. Neither popf nor iret can set it under a hypervisor. */
static inline void vmi_set_iopl_mask(uint32_t mask)
{
	VROM_CALL_WITH(SetIOPLMask, "pushfl; andl $0xffffcfff, (%%esp); orl %[a1], (%%esp); popfl", (VMI__1(mask)));
}

/* ---- Page tables ---- */

/* flags: the level, VMI_PAGE_PT or VMI_PAGE_PD, and VMI_PAGE_CURRENT_AS with the page's address, VMI_PAGE_DEFER. */
static inline void vmi_set_pxe(uint32_t entry, uint32_t *where, uint32_t flags)
{
	VROM_CALL_WITH(SetPxE, "movl %[a1], (%[a2])", (VMI__1(entry), VMI__R2(where), VMI__3(flags)));
}

/* The high half first: an entry that is not present may have a new address, not the reverse. */
static inline void vmi_set_pxe_long(uint64_t entry, uint64_t *where, uint32_t flags)
{
	VROM_CALL_WITH(SetPxELong, "movl %[a2], 4(%[a3]); movl %[a1], (%[a3])",
		       (VMI__1(entry), VMI__2(entry >> 32), VMI__R3(where), VMI__4(flags)));
}

/* After the entry was written by a plain store. */
static inline void vmi_update_pxe(uint32_t *where, uint32_t flags)
{
	VROM_CALL_WITH(UpdatePxE, "", (VMI__R1(where), VMI__2(flags)));
}

static inline void vmi_update_pxe_long(uint64_t *where, uint32_t flags)
{
	VROM_CALL_WITH(UpdatePxELong, "", (VMI__R1(where), VMI__2(flags)));
}

/*
 * Before page frame is used as a page table: flags VMI_PAGE_PT, _PD, _PAE, _ZEROED; with VMI_PAGE_CLONE, count
 * entries from base on were copied from clone.
 */
static inline void vmi_allocate_page(uint32_t frame, uint32_t flags, uint32_t clone, uint32_t base, uint32_t count)
{
	VROM_CALL_WITH(AllocatePage, "", (VMI__R1(frame), VMI__2(flags), VMI__3(clone), VMI__4(base), VMI__5(count)));
}

/* After page frame was last used as a page table, before it is used for anything else. */
static inline void vmi_release_page(uint32_t frame, uint32_t flags)
{
	VROM_CALL_WITH(ReleasePage, "", (VMI__R1(frame), VMI__2(flags)));
}

static inline void vmi_inval_page(const void *address)
{
	VROM_CALL(InvalPage, "invlpg (%[a1])", address);
}

/* All but global pages. */
static inline void vmi_flush_tlb(void)
{
	VROM_CALL_WITH(FlushTLB, "movl %%cr3, %%ecx; movl %%ecx, %%cr3", (VMI__1(VMI_FLUSH_TLB)));
}

/* Global pages too. A processor without CR4 has none: do not call it there. */
static inline void vmi_flush_tlb_global(void)
{
	VROM_CALL_WITH(FlushTLB,
		       "movl %%cr4, %%ecx; movl %%ecx, %%edx; andb $0x7f, %%dl; movl %%edx, %%cr4; movl %%ecx, %%cr4; "
		       "movl %%cr3, %%ecx; movl %%ecx, %%cr3",
		       (VMI__1(VMI_FLUSH_TLB + VMI_FLUSH_GLOBAL)));
}

/* Tells that pages from address on map the frames from frame on, so that a page table's address can be turned
 * into its frame. slot: below VMI_LINEAR_MAP_SLOTS. */
static inline void vmi_set_linear_mapping(unsigned slot, const void *address, uint32_t pages, uint32_t frame)
{
	VROM_CALL_WITH(SetLinearMapping, "", (VMI__1(slot), VMI__2(address), VMI__3(pages), VMI__4(frame)));
}

/* mode: VMI_LAZY_... */
static inline void vmi_set_lazy_mode(uint32_t mode)
{
	VROM_CALL_WITH(SetLazyMode, "", (VMI__1(mode)));
}

static inline uint32_t vmi_machine_to_physical(uint32_t address)
{
	return VROM_CALL32(MachineToPhysical, "", address);
}

static inline uint32_t vmi_physical_to_machine(uint32_t address)
{
	return VROM_CALL32(PhysicalToMachine, "", address);
}

/* ---- Processor identification, counters, cache ---- */

/* regs: EAX, EBX, ECX, EDX. */
static inline void vmi_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
	VROM_SITE(CPUID, "cpuid", VROM_FLAGS, ("=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])),
		  ("a"((unsigned long)leaf), "c"((unsigned long)subleaf)), "memory");
}

static inline void vmi_wrmsr(uint32_t msr, uint64_t value)
{
	unsigned long a, c, d;

	VROM_SITE(WRMSR, "wrmsr", VROM_STANDARD, ("=a"(a), "=c"(c), "=d"(d)),
		  ("c"((unsigned long)msr), "a"((unsigned long)value), "d"((unsigned long)(value >> 32))), "memory");
	(void)a, (void)c, (void)d;
}

static inline uint64_t vmi_rdmsr(uint32_t msr)
{
	unsigned long a, c, d;

	VROM_SITE(RDMSR, "rdmsr", VROM_STANDARD, ("=a"(a), "=c"(c), "=d"(d)), ("c"((unsigned long)msr)), "memory");
	(void)c;
	return (uint64_t)d << 32 | a;
}

static inline uint64_t vmi_rdpmc(uint32_t counter)
{
	unsigned long a, c, d;

	VROM_SITE(RDPMC, "rdpmc", VROM_STANDARD, ("=a"(a), "=c"(c), "=d"(d)), ("c"((unsigned long)counter)),
		  "memory");
	(void)c;
	return (uint64_t)d << 32 | a;
}

static inline uint64_t vmi_rdtsc(void)
{
	return VROM_CALL64(RDTSC, "rdtsc");
}

static inline void vmi_wbinvd(void)
{
	VROM_CALL(WBINVD, "wbinvd");
}

/* ---- Ports ---- */

/* A port below 256 is part of the instruction. Another one that is a constant is loaded, natively too. */
#define VMI__PORT(suffix, SUFFIX, type, reg) \
	static inline type vmi_in##suffix(uint16_t port) \
	{ \
		unsigned long spare; \
		type value; \
\
		if (!VMI__KNOWN(port)) \
			VROM_SITE(IN##SUFFIX, "in" #suffix " %%dx, %%" reg, VROM_FLAGS, ("=a"(value)), \
				  ("d"((unsigned long)port)), "memory"); \
		else if (port < 256) \
			VROM_SITE(IN##SUFFIX, "in" #suffix " %b[a1], %%" reg, VROM_EDX + VROM_FLAGS, \
				  ("=a"(value), "=d"(spare)), ("di"((unsigned long)(uint8_t)port)), "memory"); \
		else \
			VROM_SITE(IN##SUFFIX, "movl %[a1], %%edx; in" #suffix " %%dx, %%" reg, VROM_EDX + VROM_FLAGS, \
				  ("=a"(value), "=d"(spare)), ("di"((unsigned long)port)), "memory"); \
		return value; \
	} \
	static inline void vmi_out##suffix(type value, uint16_t port) \
	{ \
		unsigned long spare; \
\
		if (!VMI__KNOWN(port)) \
			VROM_SITE(OUT##SUFFIX, "out" #suffix " %%" reg ", %%dx", VROM_FLAGS, (), \
				  ("a"((unsigned long)value), "d"((unsigned long)port)), "memory"); \
		else if (port < 256) \
			VROM_SITE(OUT##SUFFIX, "out" #suffix " %%" reg ", %b[a2]", VROM_EDX + VROM_FLAGS, \
				  ("=d"(spare)), ("a"((unsigned long)value), "di"((unsigned long)(uint8_t)port)), "memory"); \
		else \
			VROM_SITE(OUT##SUFFIX, "movl %[a2], %%edx; out" #suffix " %%" reg ", %%dx", \
				  VROM_EDX + VROM_FLAGS, ("=d"(spare)), ("a"((unsigned long)value), "di"((unsigned long)port)), "memory"); \
	} \
	static inline void vmi_ins##suffix(uint16_t port, void *buffer, unsigned long count) \
	{ \
		unsigned long to, left; \
\
		VROM_SITE(INS##SUFFIX, "rep ins" #suffix, VROM_FLAGS, ("=D"(to), "=c"(left)), \
			  ("D"(buffer), "d"((unsigned long)port), "c"(count)), "memory"); \
		(void)to, (void)left; \
	} \
	static inline void vmi_outs##suffix(uint16_t port, const void *buffer, unsigned long count) \
	{ \
		unsigned long from, left; \
\
		VROM_SITE(OUTS##SUFFIX, "rep outs" #suffix, VROM_FLAGS, ("=S"(from), "=c"(left)), \
			  ("S"(buffer), "d"((unsigned long)port), "c"(count)), "memory"); \
		(void)from, (void)left; \
	}
VMI__PORT(b, B, uint8_t, "al")
VMI__PORT(w, W, uint16_t, "ax")
VMI__PORT(l, L, uint32_t, "eax")

/* Waits a little, for an old device. */
static inline void vmi_io_delay(void)
{
	VROM_CALL(IODelay, "outb %%al, $0x80");
}

/* ---- Local APIC, second processors ---- */

/* reg: the register's address in the page where the guest has mapped the APIC. */
static inline void vmi_apic_write(volatile uint32_t *reg, uint32_t value)
{
	if (VMI__KNOWN(reg))
		VROM_CALL_WITH(APICWrite, "movl %[a2], %c[a1]", ("i"((unsigned long)reg), VMI__2(value)));
	else
		VROM_CALL_WITH(APICWrite, "movl %[a2], (%[a1])", (VMI__R1(reg), VMI__2(value)));
}

static inline uint32_t vmi_apic_read(volatile uint32_t *reg)
{
	if (VMI__KNOWN(reg))
		return VROM_CALL32_WITH(APICRead, "movl %c[a1], %%eax", ("i"((unsigned long)reg)));
	return VROM_CALL32(APICRead, "movl (%[a1]), %%eax", reg);
}

/* Between the INIT and the STARTUP interrupts that are sent to apic_id. */
static inline void vmi_set_initial_ap_state(const struct vmi_ap_state *state, uint32_t apic_id)
{
	VROM_CALL_WITH(SetInitialAPState, "", (VMI__R1(state), VMI__2(apic_id)));
}

/* ---- Time. Natively there is none but the time stamp counter: a frequency of 0 says so. ---- */

/* Hz of the counters below, or 0. */
static inline uint64_t vmi_get_cycle_frequency(void)
{
	return VROM_CALL64(GetCycleFrequency, "xorl %%eax, %%eax; xorl %%edx, %%edx");
}

/* counter: VMI_CYCLES_... */
static inline uint64_t vmi_get_cycle_counter(uint32_t counter)
{
	if (counter == VMI_CYCLES_STOLEN)
		return VROM_CALL64_WITH(GetCycleCounter, "xorl %%eax, %%eax; xorl %%edx, %%edx", (VMI__1(counter)));
	return VROM_CALL64_WITH(GetCycleCounter, "rdtsc", (VMI__1(counter)));
}

/* flags: a counter and VMI_ALARM_...; expiry and period in its cycles. */
static inline void vmi_set_alarm(uint32_t flags, uint64_t expiry, uint64_t period)
{
	VROM_CALL_WITH(SetAlarm, "",
		       (VMI__1(flags), VMI__2(expiry), VMI__3(expiry >> 32), VMI__4(period), VMI__5(period >> 32)));
}

/* 1 if it was armed and will not fire any more. */
static inline uint32_t vmi_cancel_alarm(uint32_t flags)
{
	return VROM_CALL32_WITH(CancelAlarm, "xorl %%eax, %%eax", (VMI__1(flags)));
}

/* Nanoseconds since 1970, or 0. */
static inline uint64_t vmi_get_wallclock_time(void)
{
	return VROM_CALL64(GetWallclockTime, "xorl %%eax, %%eax; xorl %%edx, %%edx");
}

/* 1, once, after the wall clock jumped. */
static inline uint32_t vmi_wallclock_updated(void)
{
	return VROM_CALL32(WallclockUpdated, "xorl %%eax, %%eax");
}
#endif
