/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef STUB_H
#define STUB_H

/*
 * What entry.S, ring1.S and stub.c read while the guest's page tables are loaded. It lies in a page that the guest cannot
 * write, so it can be believed.
 */
#include "layout.h"

#define STUB_MONITOR_CR3 (STUB_DATA + 0x00)
#define STUB_DIRECT (STUB_DATA + 0x400) /* handlers of vectors with a gate of their own, 256 addresses */

/* Words at the start of the entry stack's page, valid while the processor is in ring 0. */
#define ENTRY_FRAME ENTRY_STACK        /* where the registers of the guest were saved */
#define ENTRY_CR2 (ENTRY_STACK + 4)
/* The processor pushes here. A frame of virtual 8086 mode is 16 bytes longer, and begins as much lower. */
#define ENTRY_ESP0 (ENTRY_STACK + 0x1000 - 16)

#define VECTOR_STUB_SIZE 16
#define VECTOR_STUBS 48 /* of the first vectors; one more for ENTRY_VECTOR */
#define RING1_INTERRUPT_SIZE 32
#define RING1_TRAP_SIZE 24

/* A return to the guest was refused by the processor. */
#define VECTOR_EXIT 256

#ifndef __ASSEMBLER__
#include <stdint.h>

struct regs;
#define ROOTS 16 /* of shadow page tables that are kept */

struct stub_page {
	uint32_t monitor_cr3;
	uint32_t fast_fault;     /* stub.c may give page faults to the guest: there are a handler and a map to read tables by */
	uint32_t cr0;            /* the guest's; TS may be out of date */
	uint32_t pae;            /* the form of the guest's page tables */
	uint32_t fast_switch;    /* stub.c may load another root */
	struct {
		uint32_t cr3;        /* the guest's */
		uint32_t processor;  /* what stands for it; 0: not in use */
	} roots[ROOTS];
	uint32_t linear_start, linear_size, linear_base;
	uint32_t fault_eip, fault_cs, fault_masks; /* the guest's handler of page faults; masks: by an interrupt gate */
	uint32_t ss1;            /* the guest's kernel stack segment */
};
_Static_assert(sizeof(struct stub_page) <= STUB_DIRECT - STUB_DATA, "struct stub_page is too large");

#define stub_data (*(struct stub_page *)STUB_DATA)
#define stub_direct ((uint32_t *)STUB_DIRECT)
#define shared_page (*(volatile struct shared *)SHARED_PAGE)
#define flag_byte (*(volatile uint8_t *)INTERRUPT_FLAG)
#define task_esp1 (*(volatile uint32_t *)TASK_ESP1)

/* entry.S: the end of the way back to the guest, where a segment register is loaded. */
extern char exit_gs[], exit_fs[], exit_es[], exit_ds[], exit_iret[], fast_es[], fast_ds[], fast_iret[];
/* ring1.S: IRET, and the places in it where an interrupt finds the frame (less a return address, or bare). */
extern char ring1_iret[], ring1_iret_store[], ring1_iret_drop[], ring1_iret_iret[];
/* ring1.S: for each vector, the way to a handler by an interrupt gate and by a trap gate. */
extern char ring1_interrupt[], ring1_trap[];
extern char vector_stubs[];
#endif
#endif
