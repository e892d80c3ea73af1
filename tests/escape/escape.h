/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef ESCAPE_H
#define ESCAPE_H

/* What the files of the escape guest know of each other. README.md says what this is and in which order to read it. */

/* ---- Numbers that assembly and C share ---- */

/* Selectors. The kernel is in ring 1 from its first instruction. */
#define KERNEL_CODE 0x09
#define KERNEL_DATA 0x11
#define USER_CODE 0x1b
#define USER_DATA 0x23
#define TASK 0x28
#define LDT 0x30
#define SPARE 0x38               /* the first of those that attacks may use */
#define SPARES 32

#define DONE_VECTOR 0x80         /* a program in ring 3 says that it has come to its end */
#define LANDED_VECTOR 0x81       /* a far transfer has arrived at land */
#define NO_FAULT 0x100
#define STUB_SIZE 16
#define FLAGS_NONE 2
#define FLAGS_ON 0x202

/* Linear addresses. All memory of the guest is mapped to itself, for programs too; this is where attacks map things. */
#define WINDOW 0x40000000        /* 4 MiB, one page table: window_table */
#define NOWHERE 0x50000000       /* nothing is ever mapped here */

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmi/abi.h>
#include <vmi/calls.h>
#include <vmi/rom.h>

#include "cpu.h"
#include "layout.h"

/* ---- Attacks ---- */

/*
 * An attack is one boot, and a family of them is as many: run is called with 0, 1, ... If it returns, the guest looks whether it is
 * well, and ends as one that is, or with 11h if something was not as it should be.
 */
struct attack {
	const char *name;
	void (*run)(uint32_t n);
	const char *end;         /* what the monitor is to say in the end, a regular expression; NULL: that the guest is well */
	uint32_t count;          /* of a family; 0: it is none */
	bool early;              /* before Init */
};
#define STOPPED "the guest is stopped: "
#define RESET "the guest reset the machine: "
#define STACK_GONE STOPPED "an exception or interrupt cannot be delivered: the kernel's stack at [0-9a-f]+ cannot be written"
#define ORDERLY "the guest (is stopped|ended|reset|turned)"
extern const struct attack frame_attacks[], hole_attacks[], shared_attacks[], table_attacks[], control_attacks[],
	segment_attacks[], transfer_attacks[], gate_attacks[], call_attacks[], stack_attacks[], iret_attacks[], debug_attacks[],
	v86_attacks[], device_attacks[], storm_attacks[], text_attacks[];

/* Something is not as it should be: says so, and the guest ends with 11h. */
__attribute__((format(printf, 1, 2))) void wrong(const char *text, ...);
__attribute__((format(printf, 1, 2))) void print(const char *text, ...); /* %s %x %u */
__attribute__((noreturn)) void finish(void);
uint32_t random32(void);

/* ---- Faults: trap.c, entry.S ---- */

struct frame {
	uint32_t es, ds, edi, esi, ebp, unused, ebx, edx, ecx, eax, vector, error, eip, cs, eflags, esp, ss;
};
struct fault {
	uint32_t vector, error, address, eip, cs, eflags;
};
extern struct fault fault;       /* the last one that ended an attempt */

/* Calls attack, in ring 1 or in ring 3 (there with user_flags). Gives the vector that ended it, or NO_FAULT. */
uint32_t attempt(void (*attack)(uint32_t), uint32_t argument);
uint32_t attempt_user(void (*attack)(uint32_t), uint32_t argument);
extern uint32_t user_flags;
/* In virtual 8086 mode, code of so many bytes. */
uint32_t attempt_v86(const void *code, uint32_t size);
extern struct { uint32_t eip, cs, eflags, esp, ss, es, ds, fs, gs; } v86_frame; /* what attempt_v86 starts with */
/* As attempts, and it is wrong if they end otherwise. ANY as error: it may be any. */
#define ANY 0xfffffffe
void must(const char *what, void (*attack)(uint32_t), uint32_t argument, uint32_t vector, uint32_t error);
void must_user(const char *what, void (*attack)(uint32_t), uint32_t argument, uint32_t vector, uint32_t error);
/* If it gives true, the guest goes on with the frame. */
extern bool (*trap_hook)(struct frame *frame);
void land(uint32_t unused);      /* where transfers shall go to: its own fault is LANDED_VECTOR, and fault.cs tells the ring */
void user_done(void);

/* Attacks with one argument that are often needed. */
void read_at(uint32_t address);
void write_at(uint32_t address); /* a byte, 0 */
void jump_to(uint32_t address);
void run_at(uint32_t address);   /* with registers that are 0, and a stack full of addresses of int3 */
void int80(uint32_t unused);
void undefined(uint32_t unused); /* ud2: straight to the handler */
void general(uint32_t unused);   /* #GP: through the monitor */
void page_fault(uint32_t unused);

/* ---- The machine: machine.c ---- */
extern uint32_t gdt[8192][2], idt[256][2], ldt[8192][2], task[32];
extern uint32_t ram_end, reserved_end; /* of RAM; and of what is reserved behind it, where the monitor is */
extern uint32_t directory[1024], tables[8][1024], window_table[1024];
extern char stack_top[], user_stack_top[], trap_stack_top[], guard[], trap_guard[];
extern bool attached;
void machine_init(bool attach);
void set_descriptor(uint32_t selector, uint32_t low, uint32_t high); /* with a notice */
void flat_descriptor(uint32_t selector, uint32_t access);            /* base 0, 4 GiB; access: bits 8-15 of the high word */
void set_gate(uint32_t vector, uint32_t selector, uint32_t address, uint32_t access); /* access: bits 8-15, 8Eh */
void good_gate(uint32_t vector);
/* What the pages at WINDOW + 4096 n is. Any old mapping is forgotten. */
void window(uint32_t n, uint32_t entry);
void invalidate(uint32_t address);
void set_cr3(uint32_t value);
uint32_t fresh_page(void);       /* a page of RAM, cleared; there are many */
/* Interrupts of the timer, so many in a second; and how many came. */
void timer(uint32_t hz);
void timer_off(void);
void watchdog(void);             /* attempts that loop end with the timer's vector, 20h, if interrupts are on */
extern volatile uint32_t ticks;
void interrupts(bool on);
void healthy(void);              /* memory, faults, programs, interrupts, calls: all works */

/* ---- The monitor's ROM ---- */
uint32_t hypercall(uint32_t number, uint32_t eax, uint32_t edx, uint32_t ecx, uint32_t esi, uint32_t edi);
uint32_t rom_function(uint32_t number); /* its address, 0: none */
uint32_t rom_call(uint32_t address, uint32_t eax, uint32_t edx, uint32_t ecx, uint32_t arg4, uint32_t arg5);
extern uint8_t *rom;
uint32_t rom_init(void);

static inline uint32_t address_of(const volatile void *at)
{
	return (uint32_t)at;
}
static inline volatile uint32_t *word_at(uint32_t address)
{
	__asm__("" : "+r"(address));
	return (volatile uint32_t *)address;
}
#endif
#endif
