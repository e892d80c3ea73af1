/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a kernel has: descriptor tables, page tables, a timer, and the way into the ROM. All of it in its simplest form. */
#include "escape.h"

#define ROM_AREA_END (VMI_ROM_AREA + VMI_ROM_AREA_SIZE)
#define PIC 0x20
#define PIC_ICW1 0x11
#define PIC_ICW4 0x01
#define PIC_END 0x20
#define PIT_CONTROL 0x43
#define PIT_PERIODIC 0x34
#define PIT_HZ 1193182
#define IRQ_VECTOR 0x20
#define MAPPED (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

uint32_t gdt[8192][2] __attribute__((aligned(4096))), idt[256][2] __attribute__((aligned(4096)));
uint32_t ldt[8192][2] __attribute__((aligned(4096))), task[32] __attribute__((aligned(128)));
uint32_t directory[1024] __attribute__((aligned(4096))), tables[8][1024] __attribute__((aligned(4096)));
uint32_t window_table[1024] __attribute__((aligned(4096)));
bool attached;
volatile uint32_t ticks;
uint8_t *rom;
static uint32_t next_page;
extern char trap_stubs[], guest_end[];

/* ---- Segments ---- */

void set_descriptor(uint32_t selector, uint32_t low, uint32_t high)
{
	hypercall(VMI_CALL_WriteGDTEntry, address_of(gdt), selector >> 3, low, high, 0);
}

void flat_descriptor(uint32_t selector, uint32_t access)
{
	set_descriptor(selector, 0x0000ffff, 0x00cf0000 | access << 8);
}

void set_gate(uint32_t vector, uint32_t selector, uint32_t address, uint32_t access)
{
	hypercall(VMI_CALL_WriteIDTEntry, address_of(idt), vector, selector << 16 | (address & 0xffff),
		  (address & 0xffff0000) | access << 8, 0);
}

static uint32_t stub(uint32_t vector)
{
	return address_of(trap_stubs) + STUB_SIZE * vector;
}

void good_gate(uint32_t vector)
{
	bool user = vector == EX_BP || vector == EX_OF || vector == DONE_VECTOR || vector == LANDED_VECTOR;

	set_gate(vector, KERNEL_CODE, stub(vector), user ? 0xee : 0x8e);
}

static void segments_init(void)
{
	static const uint8_t access[5] = { 0, 0xbb, 0xb3, 0xfb, 0xf3 };
	const struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) gdtr = { SPARE + 8 * SPARES - 1, address_of(gdt) }, idtr = { 2047, address_of(idt) };
	uint32_t base = address_of(task);

	for (unsigned i = 1; i < 5; i++) {
		gdt[i][0] = 0x0000ffff;
		gdt[i][1] = 0x00cf0000 | (uint32_t)access[i] << 8;
	}
	gdt[TASK / 8][0] = base << 16 | (sizeof task - 1);
	gdt[TASK / 8][1] = (base & 0xff000000) | 0x8900 | (base >> 16 & 0xff);
	base = address_of(ldt);
	gdt[LDT / 8][0] = base << 16 | 0xffff;
	gdt[LDT / 8][1] = (base & 0xff000000) | 0x8200 | (base >> 16 & 0xff);
	task[1] = address_of(trap_stack_top);
	task[2] = KERNEL_DATA;
	task[25] = sizeof task << 16;
	for (unsigned i = 0; i < 256; i++) {
		bool user = i == EX_BP || i == EX_OF || i == DONE_VECTOR || i == LANDED_VECTOR;

		idt[i][0] = KERNEL_CODE << 16 | (stub(i) & 0xffff);
		idt[i][1] = (stub(i) & 0xffff0000) | (user ? 0xee00 : 0x8e00);
	}
	__asm__ volatile("lgdt %0; ljmp %1, $1f; 1: movl %2, %%ss; movl %3, %%ds; movl %3, %%es; movl %4, %%fs; movl %4, %%gs;"
			 "lidt %5; ltr %w6" : : "m"(gdtr), "i"(KERNEL_CODE), "r"(KERNEL_DATA), "r"(USER_DATA), "r"(0), "m"(idtr),
			 "r"(TASK) : "memory");
}

/* ---- Pages ---- */

void set_cr3(uint32_t value)
{
	__asm__ volatile("movl %0, %%cr3" : : "r"(value) : "memory");
}

void invalidate(uint32_t address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

void window(uint32_t n, uint32_t entry)
{
	window_table[n] = entry;
	invalidate(WINDOW + n * PAGE);
}

uint32_t fresh_page(void)
{
	uint32_t page = next_page;

	next_page += PAGE;
	if (next_page > ram_end)
		wrong("the guest's memory is used up");
	for (unsigned i = 0; i < PAGE / 4; i++)
		word_at(page)[i] = 0;
	return page;
}

/* Also after an attack that went on with other tables. */
static void paging_on(void)
{
	directory[WINDOW >> 22] = address_of(window_table) | MAPPED;
	write_cr0(CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
	write_cr4(CR4_PSE);
	set_cr3(address_of(directory));
	write_cr0(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
}

static void paging_init(void)
{
	for (uint32_t page = 0; page < sizeof tables / 4 && page < ram_end / PAGE; page++)
		tables[0][page] = page * PAGE | MAPPED;
	tables[0][address_of(guard) / PAGE] = tables[0][address_of(trap_guard) / PAGE] = 0;
	for (unsigned i = 0; i < 8; i++)
		directory[i] = address_of(tables[i]) | MAPPED;
	paging_on();
}

/* ---- Interrupts ---- */

void interrupts(bool on)
{
	/* The monitor knows such stores, and no others. */
	if (on)
		__asm__ volatile("movb %0, %1" : : "i"(FLAG_ENABLED), "m"(*(volatile uint8_t *)INTERRUPT_FLAG) : "memory");
	else
		__asm__ volatile("movb $0, %0" : : "m"(*(volatile uint8_t *)INTERRUPT_FLAG) : "memory");
}

static bool tick(struct frame *frame)
{
	if (frame->vector != IRQ_VECTOR)
		return false;
	ticks++;
	outb(PIC, PIC_END);
	return true;
}

void timer(uint32_t hz)
{
	uint32_t count = PIT_HZ / hz;

	outb(PIC, PIC_ICW1);
	outb(PIC + 1, IRQ_VECTOR);
	outb(PIC + 1, 4);
	outb(PIC + 1, PIC_ICW4);
	outb(PIC + 1, 0xfe);
	outb(PIT_CONTROL, PIT_PERIODIC);
	outb(0x40, (uint8_t)count);
	outb(0x40, (uint8_t)(count >> 8));
	trap_hook = tick;
}

static bool bark(struct frame *frame)
{
	if (frame->vector != IRQ_VECTOR)
		return false;
	outb(PIC, PIC_END);
	return ++ticks % 4;
}

void watchdog(void)
{
	timer(200);
	trap_hook = bark;
}

void timer_off(void)
{
	outb(PIC + 1, 0xff);
	trap_hook = NULL;
}

/* ---- The ROM ---- */

static uint32_t find_rom(void)
{
	for (uint32_t at = VMI_ROM_AREA; at < ROM_AREA_END; at += VMI_ROM_STEP)
		if (*(volatile uint16_t *)at == VMI_ROM_BOOT_SIGNATURE && *word_at(at + VMI_OFF_SIGNATURE) == VMI_ROM_SIGNATURE)
			return at;
	wrong("there is no ROM");
	return 0;
}

uint32_t rom_function(uint32_t number)
{
	uint32_t address, type;

	__asm__ volatile("call *%2" : "=a"(address), "=d"(type) : "r"(rom + VMI_OFF_GET_RELOC), "a"(number) : "ecx", "memory");
	return (type & 0xff) == VMI_RELOCATION_CALL_REL || (type & 0xff) == VMI_RELOCATION_JUMP_REL ? address : 0;
}

uint32_t rom_init(void)
{
	return rom_call(address_of(rom) + VMI_OFF_INIT, 0, 0, 0, 0, 0);
}

void machine_init(bool attach)
{
	next_page = (address_of(guest_end) + PAGE - 1) & -PAGE;
	segments_init();
	paging_init();
	rom = (uint8_t *)find_rom();
	if (!attach)
		return;
	if (rom_init())
		wrong("Init refuses");
	attached = true;
	rom_call(rom_function(VMI_CALL_SetLinearMapping), 0, 0, ram_end / PAGE, 0, 0);
}

/* ---- Is all well? ---- */

static void write_word(uint32_t at)
{
	*word_at(at) = at;
}

void healthy(void)
{
	uint32_t page = fresh_page();

	trap_hook = NULL;
	paging_on();
	__asm__ volatile("ltr %w0" : : "r"(TASK));
	window(1023, page | MAPPED);
	must("writes a page", write_word, WINDOW + 1023 * PAGE, NO_FAULT, 0);
	if (*word_at(page) != WINDOW + 1023 * PAGE)
		wrong("a page is not where it was mapped");
	window(1023, 0);
	must("reads a page that is gone", read_at, WINDOW + 1023 * PAGE, EX_PF, 0);
	must_user("reads a page that is gone", read_at, NOWHERE, EX_PF, FAULT_USER);
	if (fault.address != NOWHERE)
		wrong("CR2 is %x", fault.address);
	must("ud2", undefined, 0, EX_UD, 0);
	must_user("int 80h", int80, 0, NO_FAULT, 0);
	must_user("a null stack", general, 0, EX_GP, 0);
	if (hypercall(VMI_CALL_GetTR, 0, 0, 0, 0, 0) != TASK)
		wrong("GetTR does not know the task register");
	if (!attached)
		return;
	timer(1000);
	for (uint32_t before = ticks, n = 0; ticks == before;) {
		interrupts(true);
		if (n++ > 100000000) {
			wrong("no interrupts come");
			break;
		}
	}
	interrupts(false);
	timer_off();
}
