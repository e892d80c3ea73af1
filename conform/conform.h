/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef CONFORM_H
#define CONFORM_H

/* What the files of the conformance guest know of each other. README.md says in which order to read them. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmi/abi.h>
#include <vmi/calls.h>
#include <vmi/rom.h>
#include <vrom/patch.h>

#include "layout.h"

/* Where arguments are left out, they are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define FLAGS_ARITHMETIC 0x8d5
#define FLAGS_FIXED 0x002
#define FLAGS_TF 0x100
#define FLAGS_IF 0x200
#define FLAGS_DF 0x400
#define FLAGS_IOPL 0x3000
#define FLAGS_NT 0x4000
#define FLAGS_RF 0x10000
#define FLAGS_VM 0x20000

#define EXCEPTION_DEBUG 1
#define EXCEPTION_OPCODE 6
#define EXCEPTION_NO_FPU 7
#define EXCEPTION_TASK 10
#define EXCEPTION_NOT_PRESENT 11
#define EXCEPTION_STACK 12
#define EXCEPTION_GENERAL 13
#define EXCEPTION_PAGE 14

struct multiboot {
	uint32_t flags, lower, upper, device, command_line, modules, module_list, symbols[4], map_size, map;
};
#define MULTIBOOT_HAS_MEMORY 1
#define MULTIBOOT_HAS_COMMAND_LINE 4
#define MULTIBOOT_HAS_MAP 0x40
#define MULTIBOOT_USABLE 1
struct multiboot_range {
	uint32_t size; /* of the rest */
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));

/* ---- tap.c: the cases, and what became of them ---- */

/*
 * One case, one line of TAP. call is the name in vmi/calls.h, or "Init", "GetRelocation", "header"; source says where the rule
 * stands: sections 1 to 4 are the ABI reference's, "vrom" is this product's own extension.
 *
 *	CASE(switches, "SetCR3", "what must be so", "3.2")
 *	{
 *		CHECK(...);
 *	}
 */
struct test {
	const char *call, *what, *source;
	void (*run)(void);
};
#define CASE(id, call, what, source) \
	static void id(void); \
	static const struct test test_##id = { call, what, source, id }; \
	static const struct test *const case_##id __attribute__((section(".cases"), used)) = &test_##id; \
	static void id(void)

/* A case goes on after a check that failed. detail is for the message: a number that was not as it should be. */
#define CHECK(condition) check(condition, #condition, __FILE__, __LINE__)
#define EQUAL(value, wanted) check_equal(value, wanted, #value, __FILE__, __LINE__)
bool check(bool good, const char *text, const char *file, int line);
bool check_equal(uint32_t value, uint32_t wanted, const char *text, const char *file, int line);
void skip(const char *why);
void omit(void); /* it is for the other form of page tables: no line at all */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A result outside CASE. */
void report(bool good, const char *call, const char *what, const char *source);
void run_cases(void);
void step(const char *call);
bool selected(const char *call);
__attribute__((noreturn)) void finish(void);
/* Something without which no case makes sense. */
__attribute__((noreturn)) void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- console.c ---- */

void console_init(void);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
unsigned print(char *to, unsigned size, const char *format, __builtin_va_list arguments);
extern bool have_serial;
bool same_text(const char *a, const char *b);

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* ---- main.c, options.c ---- */

struct options {
	bool trace;
	const char *only, *end; /* "" if not given */
	unsigned from;          /* so many cases are left out at first */
};
extern struct options options;
void read_options(const struct multiboot *boot);
uint32_t conventional_end(void);
void main(const struct multiboot *boot);
void before_init(void); /* relocation.c */

/* ---- rom.c: the ROM, and calls into it ---- */

/* Pseudo numbers for what has none. */
#define CALL_INIT VMI_CALL_COUNT
#define CALL_GET_RELOC (VMI_CALL_COUNT + 1)
#define CALLS (VMI_CALL_COUNT + 2)

struct registers {
	uint32_t eax, ecx, edx, ebx, ebp, esi, edi, eflags;
	uint32_t far_segments; /* DS and ES are to be FAR_DATA at the call */
	int32_t moved;          /* by how much ESP was wrong after it */
};
/* Odd values, and what a call needs. */
#define REGISTERS(...) \
	(struct registers) { .eax = 0xa1a1a1a1, .ecx = 0xc2c2c2c2, .edx = 0xd3d3d3d3, .ebx = 0xb4b4b4b4, .ebp = 0xe5e5e5e5, \
			     .esi = 0x56565656, .edi = 0x67676767, .eflags = FLAGS_ARITHMETIC __VA_OPT__(, ) __VA_ARGS__ }
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif

struct arguments {
	uint32_t eax, edx, ecx, stack1, stack2;
};

extern struct vrom_rom rom;
extern const char *const call_names[CALLS];
extern uint32_t ring;               /* the kernel's, once Init was called */
extern volatile uint32_t *counters; /* of a ROM that counts, or NULL */

void rom_find(void);
void rom_enter(void);
struct vrom_answer ask(uint32_t number);
bool provided(unsigned call);
/*
 * Makes a call, or executes what the guest would natively have there. What it keeps of registers and flags is
 * compared with what it must, each time; rom_report says so at the end.
 */
void make(unsigned call, struct registers *r, uint32_t stack1, uint32_t stack2);
void make_at(uint32_t function, unsigned call, struct registers *r, uint32_t stack1, uint32_t stack2); /* at a site */
uint64_t make_simple(unsigned call, const struct arguments *arguments);
#define DO(name, ...) make_simple(VMI_CALL_##name, &(const struct arguments){ __VA_ARGS__ })
void rom_report(void);
/* For handlers, which may interrupt what runs here: looks at nothing, and may be used at any time. */
void let_in(void); /* what waits; interrupts are off afterwards */
uint64_t quietly(unsigned call, uint32_t eax, uint32_t edx, uint32_t ecx);

/* ---- entry.S ---- */

/* What a handler finds. esp and ss only from another ring, the last four only from virtual 8086 mode. */
struct trap {
	uint32_t live_flags, gs, fs, es, ds;
	uint32_t edi, esi, ebp, unused, ebx, edx, ecx, eax;
	uint32_t vector, error, eip, cs, eflags, esp, ss, vm_es, vm_ds, vm_fs, vm_gs;
};
/* What to return to. words of the frame: 3, 5, or 9. */
struct state {
	uint32_t eax, ecx, edx, ebx, ebp, esi, edi;
	uint32_t segments; /* DS and ES */
	uint32_t words, eip, cs, eflags, esp, ss, vm_es, vm_ds, vm_fs, vm_gs;
	uint32_t site;     /* what leaves the kernel: iret_site, or another label that takes a frame */
};

void invoke(uint32_t function, struct registers *registers, uint32_t stack1, uint32_t stack2);
uint64_t call_kept(uint32_t function, uint32_t eax, uint32_t edx, uint32_t ecx);
/* Runs function until it returns (false) or something traps (true; then trapped tells). */
bool catch(void (*function)(void *context), void *context);
/* Goes to state by IRET. Comes back at the next trap that nobody else wants. */
void enter(const struct state *state);
void load_segments(uint32_t code, uint32_t stack);
void let_interrupts_in(uint32_t enable, uint32_t disable);
int trap(struct trap *trap);
extern uint8_t stubs[], iret_site[], sysexit_site[], native_iret[];
extern uint8_t kernel_code[], kernel_trap_code[], kernel_ask_code[], kernel_step_code[];
extern uint8_t user_blob[], user_blob_end[], vm86_blob[], vm86_blob_end[];
extern uint32_t saved_esp, ask_mask;
extern uint8_t stack_top[], kernel_stack[], kernel_stack_2[];
/* Programs in user_blob, where a user sees them. */
extern uint8_t user_call[], user_trap[], user_read[], user_write[], user_step[], user_in[], user_kernel_call[], user_fpu[];
#define AT_USER(label) (USER_CODE_PAGE + (uint32_t)((label)-user_blob))

/* ---- segments.c ---- */

struct __attribute__((packed)) table_register {
	uint16_t limit;
	uint32_t base;
};
struct descriptor {
	uint32_t low, high;
};
/* Present, and marked accessed: the processor need not write to the table. Add DPL and one of the last two. */
#define DATA_READ_ONLY 0x9100
#define DATA_WRITABLE 0x9300
#define CODE_READABLE 0x9b00
#define CODE_CONFORMING 0x9f00
#define SEGMENT_PRESENT 0x8000
#define LDT_PRESENT 0x8200
#define TSS_PRESENT 0x8900
#define DPL(ring) ((uint32_t)(ring) << 13)
#define PAGES 0x00c00000 /* the limit counts pages */
#define BYTES 0x00400000
#define FLAT 0xfffff, PAGES

extern struct descriptor gdt[GDT_ENTRIES], idt[256], ldt[8];
extern uint32_t tss[26], tss_2[26];
void segments_init(void);
struct descriptor segment(uint32_t base, uint32_t limit, uint32_t unit, uint32_t kind);
void write_gdt(unsigned selector, struct descriptor descriptor);
#define GATE_INTERRUPT 0x8e00
#define GATE_TRAP 0x8f00
struct descriptor gate(unsigned stub, uint32_t kind, unsigned from_ring);
void write_gate(unsigned vector, struct descriptor descriptor);
/* Stores the stack for entries from ring 3 in the current task state, and says so. */
void set_kernel_stack(const void *top);
/* By SetTR, with the descriptor made available before. */
void use_task_state(uint32_t *state, unsigned selector);

/* ---- trap.c ---- */

extern struct trap trapped; /* the last one that ended catch or enter */
extern uint32_t trapped_mask, trapped_cr2, trapped_at; /* GetInterruptMask in its handler; where its frame ended */
extern volatile uint32_t interrupts[256]; /* how often each came */
extern volatile uint8_t interrupt_log[16];
extern volatile unsigned interrupt_count; /* in interrupt_log */
extern volatile uint32_t handler_mask;   /* GetInterruptMask at the start of the last handler */
extern volatile bool enable_in_handler;
extern volatile unsigned nested_most;
/* Returns true if it dealt with the trap, and what trapped goes on. */
extern bool (*trap_hook)(struct trap *trap);
void traps_init(void);
void unmask(unsigned irqs); /* a set: bits 0 to 7 */
#define IRQ_TIMER 0x01
#define IRQ_SERIAL 0x10
/* Raises IRQ 4, which stays raised until its handler is through. */
void raise_serial(void);
void clear_serial(void);
void forget_interrupts(void);
/* Both interrupt controllers and the timer silent, interrupts off: between cases. */
void quiet(void);

/* ---- paging.c ---- */

typedef uint64_t entry_t;
#define ENTRY_PRESENT 0x01
#define ENTRY_WRITE 0x02
#define ENTRY_USER 0x04
#define ENTRY_ACCESSED 0x20
#define ENTRY_DIRTY 0x40
#define ENTRY_LARGE 0x80
#define ENTRY_GLOBAL 0x100
#define ENTRY_FRAME 0xfffff000
#define ENTRY_ALL (ENTRY_PRESENT + ENTRY_WRITE + ENTRY_USER)

extern uint8_t boot_tables[16][PAGE_SIZE];
extern bool pae;

struct space {
	uint32_t cr3;
	void *top, *directory[4]; /* without PAE, directory[0] is top */
};
extern struct space main_space;

static inline uint32_t physical(const void *address)
{
	return (uint32_t)address - KERNEL_BASE;
}

static inline void *at_physical(uint32_t address)
{
	return (void *)(address + KERNEL_BASE);
}

void paging_init(void);
void *page_get(void);       /* zeroed */
void page_put(void *page);
void *table_get(uint32_t kind); /* announced; VMI_PAGE_PT or VMI_PAGE_PD */
void table_put(void *table, uint32_t kind);
unsigned table_index(uint32_t address);
void *directory_of(const struct space *space, uint32_t address, unsigned *index);
uint32_t large_size(void);
entry_t entry_read(const void *table, unsigned index);
void *entry_at(void *table, unsigned index);
void entry_store(void *table, unsigned index, entry_t entry); /* plain */
/* By SetPxE or SetPxELong, and by UpdatePxE or UpdatePxELong after entry_store. */
void entry_set(void *table, unsigned index, entry_t entry, uint32_t flags);
void entry_announce(void *table, unsigned index, uint32_t flags);
/* Flags for an entry that concerns address in the current address space. */
#define FOR(level, address) ((level) | VMI_PAGE_CURRENT_AS | ((address) & VMI_PAGE_VA_MASK))
void map(void *table, uint32_t address, entry_t entry);
void unmap(void *table, uint32_t address);
/* A table linked for address into the current space; all rights in the directory's entry. */
void *table_link(uint32_t address);
void table_unlink(uint32_t address, void *table);
void space_new(struct space *space);
void space_free(struct space *space);
void space_load(const struct space *space);
/* After a case that failed half way. */
void paging_reset(void);
extern void *kernel_test_table, *user_table;

/* 0, or the vector of the exception. */
unsigned read_at(uint32_t address, uint32_t *value);
unsigned write_at(uint32_t address, uint32_t value);
/* The same by a program: the vector that ended it, SYSTEM_CALL if none did. */
unsigned user_read_at(uint32_t address, uint32_t *value);
unsigned user_write_at(uint32_t address, uint32_t value);

/* ---- user.c ---- */

struct state user_state(const void *program);
/* Runs it; trapped has how it ended. */
void run_user(const void *program, struct state *state);

/* ---- clock.c ---- */

bool have_timer(void);
uint64_t ms(uint32_t n);
uint32_t in_us10(uint64_t cycles);
void calibrate(void);      /* once, before spin */
void spin(uint32_t us10);  /* so many hundredths of a millisecond, with interrupts as they are */
uint32_t divide(uint64_t value, uint32_t by);
uint64_t now(void);
/* By SetAlarm and CancelAlarm. settle ends all alarms; one that has been cancelled may have left the interval timer
 * running, so an interrupt of that is waited for. */
void set_alarm(uint32_t flags, uint64_t expiry, uint64_t period);
uint32_t cancel_alarm(uint32_t flags);
void settle(void);

static inline uint64_t rdtsc(void)
{
	uint64_t value;

	__asm__ volatile("rdtsc" : "=A"(value));
	return value;
}

/* ---- apic.c ---- */

/* Whether there is a local APIC for the guest, and its registers, by their offset. */
bool have_apic(void);
uint32_t apic_read(uint32_t offset);
void apic_write(uint32_t offset, uint32_t value);
void apic_end_of_interrupt(void);
#endif
