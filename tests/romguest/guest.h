/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef ROMGUEST_H
#define ROMGUEST_H

/*
 * A guest that tries a ROM: multiboot, ring 0, the ROM seen at its physical address plus HIGH. It speaks TAP
 * on the serial port. In reading order: boot.S, main.c, calls.c, iret.c, timer.c; support.c has the rest.
 */
#include <stddef.h>
#include <stdint.h>

#include <vmi/abi.h>
#include <vmi/calls.h>
#include <vmi/rom.h>
#include <vrom/template.h>

#define HIGH 0xc0000000u
#define APIC_VIRTUAL 0xffffe000u
#define IRQ_VECTOR 0x20
#define APIC_VECTOR 0x41

/* Selectors of boot.S. */
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_CS 0x1b
#define USER_DS 0x23
#define TSS_SELECTOR 0x28

/* ---- boot.S ---- */

struct registers {
	uint32_t eax, ecx, edx, ebx, ebp, esi, edi, eflags;
};

/* What a handler finds. user_esp and user_ss only from another ring. */
struct trap {
	uint32_t live_eflags, edi, esi, ebp, esp, ebx, edx, ecx, eax, vector, error;
	uint32_t eip, cs, eflags, user_esp, user_ss;
};

/* Calls function with these registers, and these two words on the stack; they are what it leaves then. */
void invoke(uint32_t function, struct registers *registers, uint32_t stack1, uint32_t stack2);

/* Executes iret, or the call at rom_iret_call, on a frame of words words, with odd registers and no DS; or SYSEXIT.
 * Comes back at the next trap, which is then in last_trap. */
void try_iret(const uint32_t *frame, uint32_t words, int rom);
void try_sysexit(uint32_t eip, uint32_t esp);
extern uint8_t native_iret[], rom_iret_call[], rom_sysexit_call[], user_code[], kernel_code[];
extern struct trap last_trap;
extern uint32_t try_eflags;       /* what iret is executed with */
extern uint64_t gdt[], idt[];
extern uint32_t tss[];

/* ---- support.c ---- */

extern unsigned failed;
void ok(int good, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
__attribute__((noreturn)) void finish(void);
void set_gate(unsigned vector, int trap_gate, int ring);
void unmask_irq0(int unmask);
void set_up_machine(void);
void set_up_paging(int pae);
/* How often an interrupt came. */
extern volatile uint32_t interrupts[256];

/* ---- main.c: the ROM ---- */

extern uint32_t rom;              /* where the guest sees it */
extern volatile uint32_t *counters; /* NULL: it does not count */
/* The address of a call, 0 if the ROM does not provide it. */
uint32_t target(unsigned call);
uint64_t call0(unsigned call);
uint64_t call1(unsigned call, uint32_t eax);
uint64_t call5(unsigned call, uint32_t eax, uint32_t edx, uint32_t ecx, uint32_t stack1, uint32_t stack2);

void test_calls(void);
void test_templates(void);
void test_iret(void);
void test_timer(void);

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
#endif
