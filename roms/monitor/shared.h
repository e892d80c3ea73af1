/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MONITOR_SHARED_H
#define MONITOR_SHARED_H

/*
 * What the monitor and its ROM have in common: where the pages lie that both see, and how the ROM enters the monitor.
 *
 * The monitor keeps the last 4 MiB of linear addresses, the hole. While a guest runs, these pages of it are there, in
 * this order. The limits of the guest's flat segments end behind the last that its ROM has to reach.
 */
#define VIRTUAL_TOP 0xffc00000

#define FLAG_PAGE VIRTUAL_TOP              /* the interrupt flag, alone in its page; guest may write */
#define SHARED_PAGE (VIRTUAL_TOP + 0x1000) /* struct shared; guest may write */
#define TASK_PAGE (VIRTUAL_TOP + 0x2000)   /* the end of this page, read only, and the start of the next, which the */
#define TASK_TAIL (VIRTUAL_TOP + 0x3000)   /* guest may write, are the task state segment */
#define STUB_DATA (VIRTUAL_TOP + 0x4000)   /* what the code below reads; read only */
#define RING1_CODE (VIRTUAL_TOP + 0x5000)  /* code of the monitor's for the guest's ring; read only, 4 pages */
#define GUEST_END (VIRTUAL_TOP + 0x9000)   /* end of the guest's segments */

/*
 * The task state segment begins 12 bytes before a page ends. So the ring 0 stack is out of the guest's reach, and the
 * ring 1 stack, which is behind it, is the guest's to set.
 */
#define TASK_STATE (TASK_TAIL - 12)
#define TASK_ESP1 TASK_TAIL
#define TASK_SS1 (TASK_TAIL + 4)

/* The interrupt flag is bit 9 of the word at FLAG_PAGE, as in EFLAGS: bit 1 of the byte at INTERRUPT_FLAG. That byte
 * may hold anything in its other bits (MONITOR_SIGN: except bit 7, set while an interrupt waits). */
#define INTERRUPT_FLAG (FLAG_PAGE + 1)
#define FLAG_ENABLED 0x02
/*
 * What MONITOR_SIGN enables with, in line: orb $0x0f, FLAG; js .-1. If the sign flag says that an interrupt waits, the jump is
 * to the operand of the orb, and with the jump's own bytes that is 0f 78 fd: vmread, which is an invalid instruction here.
 * So the two instructions take 10 bytes and no address.
 */
#define FLAG_SIGN_ENABLE 0x0f
#define FLAG_WAITING 0x80

/*
 * Entry from the ROM: EBX is a call's number, EAX, EDX, ECX, ESI, EDI its five arguments; the result is in EAX or
 * EDX:EAX, nothing else changes. There are two entries beside the calls of the ABI.
 */
#define ENTRY_VECTOR 0xf3
#define ENTRY_INIT 0x100  /* Init */
#define ENTRY_QUEUE 0x101 /* the queue is full. ECX: a notice that finds no place */
#define ENTRY_IRET 0x102  /* IRET that the ROM cannot do. ESP: the return address, then the frame */
#define ENTRY_DELIVER 0x103 /* interrupts are enabled, and one waits */

/* Notices of page tables wait here until they matter: when the guest flushes, changes the root, or enters for any
 * other reason. Each is a physical address and, in bits that it has to spare, what is to be done. 0 is none: a place is
 * taken first, by one instruction, and filled then, and the guest may be interrupted in between. */
#define QUEUE_ENTRIES 512
#define QUEUE_FULL (QUEUE_ENTRIES - 64) /* the rest is for handlers that come in between */
#define QUEUE_CHANGED 0 /* the entry at this address has changed */
#define QUEUE_PAGE 1    /* the page at this address becomes a page table, or is one no longer */

#define SHARED_CR0 (SHARED_PAGE + 0x00)
#define SHARED_CR2 (SHARED_PAGE + 0x04)
#define SHARED_CR3 (SHARED_PAGE + 0x08)
#define SHARED_CR4 (SHARED_PAGE + 0x0c)
#define SHARED_IRET (SHARED_PAGE + 0x10)
#define SHARED_COUNT (SHARED_PAGE + 0x14)
#define SHARED_LINEAR_START (SHARED_PAGE + 0x18)
#define SHARED_LINEAR_SIZE (SHARED_PAGE + 0x1c)
#define SHARED_LINEAR_BASE (SHARED_PAGE + 0x20)
#define SHARED_TSC (SHARED_PAGE + 0x24)
#define SHARED_HZ (SHARED_PAGE + 0x2c)
#define SHARED_LDT (SHARED_PAGE + 0x34)
#define SHARED_LAST (SHARED_PAGE + 0x38)
#define SHARED_DRAINED (SHARED_PAGE + 0x3c)
#define SHARED_QUEUE (SHARED_PAGE + 0x40)

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

/* Nothing here is believed by the monitor, which has copies of what it needs. */
struct shared {
	uint32_t cr0, cr2, cr3, cr4; /* as the guest set them */
	uint32_t iret;               /* not 0: IRET to a program must go through the monitor */
	uint32_t count;              /* of all notices that there ever were; modulo QUEUE_ENTRIES: the next place */
	uint32_t linear_start;       /* SetLinearMapping, slot 0: address, size in bytes, physical address */
	uint32_t linear_size;
	uint32_t linear_base;
	uint32_t tsc_low, tsc_high;  /* the time stamp counter at cycle 0 */
	uint32_t hz_low, hz_high;    /* of the cycle counters */
	uint32_t ldt;                /* address of the LDT that is loaded, 0: none */
	uint32_t last;               /* address of the entry that was put into the queue last, as the guest sees it */
	uint32_t drained;            /* all before this one are dealt with */
	uint32_t queue[QUEUE_ENTRIES];
};
_Static_assert(offsetof(struct shared, iret) == SHARED_IRET - SHARED_PAGE, "shared.iret has moved");
_Static_assert(offsetof(struct shared, linear_start) == SHARED_LINEAR_START - SHARED_PAGE, "shared.linear_start has moved");
_Static_assert(offsetof(struct shared, tsc_low) == SHARED_TSC - SHARED_PAGE, "shared.tsc_low has moved");
_Static_assert(offsetof(struct shared, ldt) == SHARED_LDT - SHARED_PAGE, "shared.ldt has moved");
_Static_assert(offsetof(struct shared, queue) == SHARED_QUEUE - SHARED_PAGE, "shared.queue has moved");
_Static_assert(sizeof(struct shared) <= 0x1000, "struct shared is larger than its page");
#endif
#endif
