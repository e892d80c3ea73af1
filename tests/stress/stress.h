/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef STRESS_H
#define STRESS_H

/*
 * What the files of the stress guest share.
 *
 * The main line says at any moment, in the variable now, what the mask is or what it is about to become: it points to a
 * struct place. Around an operation that is one store before and one behind, and the place has the operation's
 * addresses; so by the address where an interrupt came, its handler knows what the mask must have been, to the instruction.
 */
#define ON 0      /* enabled */
#define OFF 1
#define ENABLE 2  /* an operation from start to end is to enable */
#define DISABLE 3
#define RETURN 4  /* an IRET enables: whatever came while it was masked comes at its target, end */

/* What the main line has in its registers while blocks run. EDX is the port of the interrupt mask, which no host opens. */
#define KNOWN_EAX 0x5e7a1e55
#define KNOWN_EBX 0xb0b0b0b1
#define KNOWN_ECX 0xc0c0c0c2
#define KNOWN_EDX 0x00000021
#define KNOWN_ESI 0x51515154
#define KNOWN_EDI 0xd1d1d1d5
#define KNOWN_EBP 0xe8e8e8e6
#define ALL_KNOWN 1    /* of registers_known */
#define SAVED_KNOWN 2  /* ECX and EDX may be anything */

/* The code segment, the data segment: add the ring. */
#define CODE 0x08
#define DATA 0x10
#define TIMER_VECTOR 32
#define VECTORS 48

#ifndef __ASSEMBLER__
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place {
	uint32_t kind, start, end;
};

/* As interrupt in boot.S leaves it on the stack. */
struct frame {
	const struct place *was;
	uint32_t edi, esi, ebp, unused, ebx, edx, ecx, eax;
	uint32_t eip, cs, eflags;
};

/* ---- boot.S, stress.ld ---- */
extern const struct place *volatile now;
extern const struct place on, off;
extern char text_start[], text_end[], masked_start[], masked_end[], traps[];
void load_segments(uint32_t code, uint32_t data);
void interrupt(void);
void main(uint32_t magic, uint32_t multiboot);

/* ---- blocks.S: each function begins and ends with interrupts on unless its name says otherwise ---- */
struct block {
	uint32_t enables, disables, restores, irets;
};
extern const struct block blocks[];
extern const uint32_t block_count;
extern uint32_t blocks_done[];
extern volatile uint8_t registers_known;
extern uint32_t registers_esp;
void blocks_run(uint32_t count);
void halt_masked(void);        /* Halt with interrupts off, which enables them */
void mask(void);               /* on to off */
void unmask(void);             /* off to on, in each of these ways */
void unmask_by_restore(void);
void unmask_by_iret(void);
void unmask_for_a_moment(void);   /* off to on to off, */
void unmask_for_an_instant(void); /* and with nothing between the two */

/* ---- handler.c: the whole file runs masked ---- */
extern volatile uint32_t deliveries;
extern volatile bool mask_interrupted; /* the next delivery returns to where it came with interrupts off */
void delivered(struct frame *frame);

/* ---- main.c ---- */
__attribute__((noreturn, format(printf, 2, 3))) void fail(const char *property, const char *text, ...);
__attribute__((noreturn)) void failed_registers(void);
__attribute__((noreturn)) void failed_flags(void);
__attribute__((noreturn)) void failed_mask(void);
__attribute__((noreturn)) void unexpected(uint32_t vector, uint32_t first, uint32_t second, uint32_t third);

/* ---- ../../guest/console.c ---- */
void console_init(void);
__attribute__((format(printf, 1, 2))) void printf(const char *text, ...);
int format(char *to, size_t size, const char *text, va_list values);
#endif
#endif
