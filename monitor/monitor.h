/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MONITOR_H
#define MONITOR_H

/*
 * What the files of the monitor know of each other. README.md says in which order to read them.
 *
 * There is one processor, one guest, and never an interrupt inside the monitor but where it waits for one. So there are no
 * locks, and the state of the guest is one structure.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmi/abi.h>
#include <vmi/calls.h>
#include <vmi/rom.h>

#include "cpu.h"
#include "layout.h"
#include "shared.h"

/* ---- Memory as the monitor sees it: layout.h ---- */

/* All physical memory, in the monitor's own page tables. */
static inline void *physical(uint32_t address)
{
	__asm__("" : "+r"(address)); /* or compilers take addresses near 0 for mistakes */
	return (void *)(address + PHYSICAL_BASE);
}

/* What the boot code (boot.c) found, and leaves for the rest. Addresses are physical. */
#define MODULES 4
#define RANGES 32
struct module {
	uint32_t start, size;
	char line[256]; /* its file name, NUL, its arguments, NUL */
};
struct range {
	uint64_t start, length;
	uint32_t kind; /* as the BIOS names it: 1 is RAM */
};
struct boot {
	char line[512];                   /* the monitor's own command line, without its name */
	uint32_t module_count, range_count;
	struct module modules[MODULES];   /* copies in the monitor's memory: they are not changed */
	struct range ranges[RANGES];
	uint32_t start, size;             /* of the memory that is the monitor's, image first */
	uint32_t pool, pool_pages;        /* what of it is free for page tables */
	uint32_t failed;                  /* a boot_failure, 0: none */
};
enum boot_failure { BOOT_OK, BOOT_NOT_MULTIBOOT, BOOT_NO_MODULE, BOOT_NO_MEMORY, BOOT_TOO_MANY, BOOT_NO_PSE };
extern struct boot boot;
extern uint32_t image_offset; /* an address of the image less this is physical */
extern uint32_t monitor_directory[1024], monitor_hole[1024]; /* the monitor's own page tables, made by boot.c (in hole.c) */
__attribute__((noreturn)) void monitor_main(void);
/* All from the start: memory, devices, the BIOS's window with the ROM in it, the guest. */
__attribute__((noreturn)) void boot_guest(void);
extern uint8_t bios_window[0x40000]; /* what the guest sees at C0000h */
extern char stub_start[], stub_end[]; /* code of the image that the guest's page tables have too: monitor.ld */

/* ---- Options: options.c ---- */
enum mode { MODE_TRAP, MODE_CALL, MODE_FOUR, MODE_INLINE };
enum patch { PATCH_GUEST, PATCH_HOST };
struct options {
	uint32_t mode;    /* mode=trap: no ROM; mode=call: a ROM without templates; mode=inline */
	uint32_t patch;   /* patch=guest: the guest patches itself; patch=host: we patch it before its first instruction */
	uint32_t restart; /* restart, restart=N: how many more times a guest that ended is booted again */
	uint32_t stats;   /* stats */
	uint32_t trust;   /* trust=devices: every port and device is the guest's, DMA included */
	uint32_t memory;  /* memory=MIB: the guest gets no more than that; 0: all */
};
extern struct options options;
void options_parse(const char *line); /* ends the monitor if something is wrong */

/* ---- The guest ---- */

/* As the entry code leaves it on the stack. The last four are there only if the guest was in virtual 8086 mode. */
struct regs {
	uint32_t gs, fs, es, ds;
	uint32_t edi, esi, ebp, unused, ebx, edx, ecx, eax;
	uint32_t vector, error;
	uint32_t eip, cs, eflags, esp, ss;
	uint32_t v86_es, v86_ds, v86_fs, v86_gs;
};

struct guest {
	struct regs regs;
	uint32_t cr0, cr3, cr4; /* as the guest set them; CR2 is in the shared page */
	uint64_t efer;
	uint64_t pdpte[4];      /* PAE: what the processor read when CR3 was loaded */
	uint32_t gdt_base, idt_base;
	uint16_t gdt_limit, idt_limit;
	uint16_t ldt, tr;       /* selectors */
	uint32_t tr_base, tr_limit, ldt_base, ldt_limit;
	uint32_t dr[8];
	uint32_t iopl;          /* virtual, 0-3 */
	bool entered;           /* Init was called */
	bool halted;            /* it waits for an interrupt */
	uint32_t ram_end;       /* guest physical: RAM ends here, and so does what the guest may touch */
	uint32_t boots;         /* how often a guest was booted before this one */
};
extern struct guest guest;

static inline bool in_v86(void)
{
	return guest.regs.eflags & FLAG_VM;
}

/* The ring that the guest is in: 1 (or 2) its kernel, 3 a program. */
static inline unsigned guest_ring(void)
{
	return in_v86() ? 3 : guest.regs.cs & 3;
}

/* ---- Virtual interrupt flag: deliver.c ---- */
bool interrupts_enabled(void);
void interrupts_enable(bool enable);
bool flag_waits(void);             /* MONITOR_SIGN: the guest found that one waits; it is behind that */
bool flag_store(uint32_t address); /* the guest stored to the flag's page while that is protected: true, it is done */

/* ---- How a guest ends: end.c. None of these returns. ---- */
/* It broke a rule: a report (what, where, registers, last calls), then the next boot or the end of the machine. */
__attribute__((noreturn, format(printf, 1, 2))) void guest_stop(const char *what, ...);
/* It wrote value to the port of isa-debug-exit. */
__attribute__((noreturn)) void guest_exit(uint32_t value);
__attribute__((noreturn)) void guest_power_off(void);
__attribute__((noreturn)) void guest_reset(const char *how);
/* The monitor itself is wrong or cannot begin. */
__attribute__((noreturn, format(printf, 1, 2))) void monitor_fail(const char *what, ...);
void memory_seal(void); /* code, constants and modules are as they are to stay: they are compared when a guest ends */

/* ---- Console: console.c, to COM1 ---- */
void console_init(void);
__attribute__((format(printf, 1, 2))) void print(const char *text, ...); /* %s; %u %x with ll, widths, 0 */
void print_list(const char *text, va_list values);
__attribute__((format(printf, 3, 4))) void format(char *to, size_t size, const char *text, ...);

/* ---- Strings: string.c ---- */
void *memcpy(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *s);

/* ---- Guest memory: memory.c ---- */

/* Where the monitor finds guest physical memory, or NULL: it is no RAM of the guest's, or not to be written. The bytes up
 * to the end of that page are there. */
void *guest_physical(uint32_t address, bool write);
/* Copies. False: some of it is not the guest's RAM (ROM may be read); nothing is to be relied on then. */
bool guest_read_physical(uint32_t address, void *to, uint32_t length);
bool guest_write_physical(uint32_t address, const void *from, uint32_t length);
uint32_t memory_frame(uint64_t page, bool *writable);   /* the machine's frame for a page of the guest's */
void memory_reset(void);
bool memory_writable(uint64_t page);                     /* what is there can be written */
bool memory_plain(uint64_t start, uint32_t size);       /* all RAM of the guest's, at the same address */
static inline uint32_t image_physical(const void *address)
{
	return (uint32_t)address - image_offset;
}
/* Linear addresses, through the guest's page tables, with the guest kernel's rights (user: a program's). Accessed and
 * dirty bits are set as the processor would. On failure guest_fault and guest_fault_address hold what a page fault would report. */
bool guest_read(uint32_t address, void *to, uint32_t length, bool user);
bool guest_write(uint32_t address, const void *from, uint32_t length, bool user);
extern uint32_t guest_fault, guest_fault_address;

/* ---- Loading a guest: load.c, linux.c ---- */
/* Puts boot.modules into the guest's memory, and guest.regs to its first instruction. */
void load_guest(void);
#define GUEST_RANGES (2 * RANGES)
#define GUEST_LINE 288
unsigned guest_ranges(struct range to[GUEST_RANGES]);         /* its memory map; how many ranges */
void guest_line(char *to, const struct module *module);       /* its command line, GUEST_LINE bytes */
void guest_start(uint32_t eip);                               /* guest.regs as 32-bit code begins */
void guest_put(const struct module *module, uint32_t offset, uint32_t length, uint32_t at, uint32_t size);
bool load_linux(void);                                        /* false: it is no bzImage */

/* patch.c: patches the kernel that was loaded from file. Memory of the guest's from free on has nothing in it. */
struct elf;
void patch_guest(const struct module *file, const struct elf *elf, uint32_t free);

/* ---- Exceptions and interrupts into the guest: deliver.c ---- */
#define NO_ERROR_CODE 0xffffffffu
/* An exception at guest.regs.eip. */
void deliver_exception(unsigned vector, uint32_t error);
void deliver_page_fault(uint32_t address, uint32_t error);
/* int n: guest.regs.eip is behind the instruction. */
void deliver_software(unsigned vector);
/* If interrupts are enabled and one waits, the guest is put into its handler. */
void deliver_pending(void);
/* An IRET of vector's kind failed. Its return address is at address on the guest's stack, below the frame. */
void iret_fault(uint32_t address, unsigned vector, uint32_t error);
void deliver_reset(void);

/* ---- Instructions that trapped: emulate.c, operand.c ---- */
/* The instruction at guest.regs.eip got a general protection fault (error: its code). It is carried out, or an exception is
 * delivered to the guest. */
void emulate(uint32_t error);
/* Carries out an IRET with the frame at linear address frame on the guest's stack. 0: done. Else the exception that the
 * processor would raise, and its error code in *error (EX_PF: guest_fault_address has the rest); nothing has changed then. */
unsigned iret(uint32_t frame, uint32_t *error);

/* ---- Segments: segments.c. What a register load would do; false: deliver a #GP with the selector. ---- */
void segments_open_ports(bool open);           /* for the guest's kernel, until it next goes to a program */
void segments_leave(void);                     /* the guest goes on */
void segments_reset(void);                     /* loads the machine's tables too */
void set_gdt(uint32_t base, uint16_t limit);
void set_idt(uint32_t base, uint16_t limit);
bool set_ldt(uint16_t selector);
bool set_tr(uint16_t selector);
bool read_kernel_stack(void);                  /* of a guest that does not say when it has changed */
void gdt_changed(unsigned index, unsigned count);
void ldt_changed(unsigned index, unsigned count);
void idt_changed(unsigned vector);
/* The selector as the guest's ring can load it: RPL 0 becomes 1. */
uint16_t deprivileged(uint16_t selector);
/* Base and limit of what selector names in the guest's tables. */
bool segment_base(uint16_t selector, uint32_t *base, uint32_t *limit);
/* The descriptor that the processor would use, which is the shadow's. False: selector is null or outside its table. */
bool descriptor(uint16_t selector, uint32_t words[2]);

/* ---- Control registers: control.c ---- */
void control_reset(void);     /* all of this as a guest finds it when it is booted */
bool set_cr0(uint32_t value); /* false: #GP */
uint32_t get_cr0(void);
void set_cr3(uint32_t value);
bool set_cr4(uint32_t value); /* false: #GP */
void set_dr(unsigned n, uint32_t value);
uint32_t get_dr(unsigned n);
/* The guest's breakpoints are off from debug_enter() to debug_leave(), which enclose all of the monitor's C. */
bool debug_armed(void);       /* the guest has breakpoints that are on */
void debug_enter(void);
void debug_leave(void);
void debug_trapped(void);     /* #DB: what the machine's DR6 says goes to the guest's */
bool read_msr(uint32_t number, uint64_t *value);  /* false: #GP */
bool write_msr(uint32_t number, uint64_t value);
bool write_xcr(uint32_t number, uint64_t value);  /* XSETBV. false: #GP */

/* ---- Ports: ports.c. size is 1, 2 or 4. ---- */
uint32_t port_read(uint16_t port, unsigned size);
void port_write(uint16_t port, unsigned size, uint32_t value);
bool port_direct(uint16_t port); /* the guest's kernel may reach it without us */
void ports_reset(void);

/* ---- Interrupt controllers: pic.c (the machine's and the guest's), apic.c (the guest's alone) ---- */
/* Of the guest's IRQ 0, since its controller was initialised. Merged: into one that still waited. */
extern struct timer_count {
	uint32_t raised, merged, delivered;
} timer_count;
void pic_init(void);                      /* the machine's: vectors IRQ_BASE.., all masked but the timer's */
void pic_reset(void);                     /* the guest's */
uint8_t pic_port_read(uint16_t port);     /* 20h 21h A0h A1h */
void pic_port_write(uint16_t port, uint8_t value);
void pic_raise(unsigned irq);             /* an edge on a line of the guest's */
bool pic_busy(unsigned irq);              /* raised, or in service */
bool pic_waiting(void);                   /* an interrupt would be delivered now, if the guest's flag allowed it */
unsigned pic_take(void);                  /* acknowledge: the vector */
void machine_interrupt(unsigned irq);     /* the machine's line irq has interrupted */
void apic_reset(void);
uint32_t apic_read(uint32_t reg);         /* offset in the APIC's page */
void apic_write(uint32_t reg, uint32_t value);
void apic_timer(void);                    /* the alarm wired to LVTT has come */
bool apic_waiting(void);
unsigned apic_take(void);

/* ---- Time: time.c (clock and deadlines), pit.c (the guest's interval timer), alarm.c ---- */
void time_init(void);                     /* measures the time stamp counter; reads the real-time clock */
void time_reset(void);                    /* cycle 0 is now */
uint64_t time_now(void);                  /* cycles since then */
extern uint64_t time_tsc;                 /* the time stamp counter at cycle 0 */
extern uint32_t time_khz;
uint64_t time_wallclock(void);            /* ns since 1970 */
void time_run(void);                      /* raises what is due, sets the machine's timer for what comes next */
void time_interrupt(void);                /* the machine's timer has come */
#define PIT_HZ 1193182
uint64_t pit_run(uint64_t now);           /* raises what is due; gives the cycle of what comes next, ~0: nothing */
void pit_reset(void);
uint8_t pit_port_read(uint16_t port);     /* 40h-43h, 61h */
void pit_port_write(uint16_t port, uint8_t value);
void alarm_reset(void);
uint64_t alarm_run(uint64_t now);         /* the same */
void alarm_set(uint32_t flags, uint64_t expiry, uint64_t period);
bool alarm_cancel(uint32_t flags);

/* ---- Shadow page tables: shadow.c, walk.c ---- */
struct walk {
	uint64_t frame;   /* guest physical address of the 4 KiB page */
	uint64_t table;   /* key of what the shadow table stands for */
	bool writable, user, nx, dirty, large;
};
/* access: FAULT_WRITE, FAULT_USER, FAULT_FETCH. 0: may be done, and accessed and dirty bits are set; else the error code
 * of the guest's page fault, plus WALK_FAULT. */
#define WALK_FAULT 0x10000
uint32_t walk(uint32_t address, uint32_t access, struct walk *result);
/* What a TLB could hold of it: as walk, but nothing is asked for or marked. Not 0: nothing. */
uint32_t walk_look(uint32_t address, struct walk *result);
uint64_t walk_key(uint32_t address);      /* struct walk.table, as far as the directory tells; 0: none */
bool guest_pae(void);
uint64_t guest_entry(uint64_t at);        /* of a page table; 0: there is none */
uint64_t guest_directory_entry(uint32_t address);
void shadow_init(void);
extern bool cpu_has_nx;
void shadow_reset(void);                  /* forgets everything */
void shadow_form(bool with_pae);          /* of the tables that the processor uses */
/* A page fault of the guest. True: it was the shadow's, and is mended. False: it is the guest's own, with this error code. */
bool shadow_fault(uint32_t address, uint32_t *error);
void shadow_root(void);                   /* CR0, CR3 or CR4 were set */
void shadow_sync(uint32_t cr3);           /* what the processor had */
void shadow_inval(uint32_t address);
void shadow_flush(bool kernel_too);
void shadow_drain(void);                  /* the queue of notices */
void shadow_notice(uint32_t notice);
void shadow_protect_flag(bool protect);   /* the page at FLAG_PAGE */
extern uint32_t shadow_cr3;               /* for the processor */

/* ---- Calls: calls.c ---- */
void call(void);                          /* guest.regs: entry from the ROM */
void enter_paravirtual(void);             /* what Init does */

/* ---- Statistics: stats.c ---- */
#define STAT_TRAPS 300
void stats_begin(void);
void stats_end(unsigned what);            /* a call, STAT_TRAPS + a vector */
void stats_note(const struct regs *regs); /* a call */
extern uint32_t stats_call;               /* the last one */
void stats_print(void);
void stats_reset(void);
void stats_last_calls(void);

/* With all that it calls, if the linker can, and apart from all that is not called often. */
#define HOT __attribute__((flatten, noinline, section(".text.hot")))
#define COLD __attribute__((noinline))
/* Data that it needs, in a page or two. */
#define HOT_DATA __attribute__((section(".bss.hot")))

/* ---- entry.S, stub.c, trap.c ---- */
__attribute__((noreturn)) void guest_run(void); /* enters guest.regs on an empty stack of the monitor's */
__attribute__((noreturn)) void restart(void);   /* boot_guest on an empty stack */
void wait_for_interrupt(void);                  /* sti; hlt; cli */
void switch_paging(uint32_t cr3, uint32_t cr4);
int stub_fast(struct regs *regs);
struct regs *stub_nested(struct regs *regs);
struct regs *guest_entered(struct regs *frame, uint32_t cr3);
struct regs *guest_leave(void);
__attribute__((noreturn)) void monitor_crash(const struct regs *regs); /* an exception in the monitor */
extern char stub_start[], stub_end[];

#endif
