/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MONITOR_LAYOUT_H
#define MONITOR_LAYOUT_H

/*
 * Where the monitor is. Its image is linked into the hole, the last 4 MiB of linear addresses, and lies in one piece at
 * the top of physical memory: an address of the image less image_offset is physical. Of the image, a guest sees the pages
 * of shared.h, those that the processor itself needs to enter the monitor, and the code of stub.c; the rest of the hole is
 * not there while the guest runs. The monitor has page tables of its own, in which all of physical memory is mapped too.
 */
#include "shared.h"

/* Behind the pages that the guest's segments reach. RO: read only while the guest runs. */
#define ENTRY_STACK (VIRTUAL_TOP + 0x9000)  /* where the processor enters ring 0; holds nothing while the guest runs */
#define IDT_PAGE (VIRTUAL_TOP + 0xa000)     /* RO: two interrupt descriptor tables */
#define OPEN_TASK (VIRTUAL_TOP + 0xb000)    /* RO: a task state segment with a map of the ports that are open, 3 pages */
#define SHADOW_GDT (VIRTUAL_TOP + 0x10000)  /* RO, 16 pages */
#define SHADOW_LDT (VIRTUAL_TOP + 0x20000)  /* RO, 16 pages */
#define IMAGE_CODE (VIRTUAL_TOP + 0x30000)  /* what the linker fills; the code of stub.c and entry.S first (RO) */
#define IMAGE_LIMIT (VIRTUAL_TOP + 0x200000)

/*
 * Where physical memory is in the monitor's page tables. MONITOR_OPEN is the monitor without isolation, to measure what that
 * costs: all of the monitor, and all memory, is in the guest's page tables too, above GUEST_TOP, so entering needs no others.
 * It is for machines of at most 188 MiB.
 */
#ifdef MONITOR_OPEN
#define PHYSICAL_BASE 0xf0000000
#define GUEST_TOP PHYSICAL_BASE
#else
#define PHYSICAL_BASE 0
#define GUEST_TOP VIRTUAL_TOP
#endif

/* Descriptors of the monitor's, at the end of the GDT, where no guest has any. */
#define GUEST_DESCRIPTORS 8168 /* six more hold what a register keeps of a table that is gone */
#define MONITOR_CS 0xff88
#define MONITOR_DS 0xff90
#define MONITOR_TASK 0xff98
#define MONITOR_OPEN_TASK 0xffa0
#define MONITOR_LDT 0xffa8

/* The machine's interrupts. */
#define IRQ_BASE 0x20

/* What a guest writes to the debug exit port goes out as it is; these are the monitor's own words there. */
#define EXIT_PORT 0xf4
#define EXIT_STOPPED 0x12 /* the guest broke a rule */
#define EXIT_FAILED 0x13  /* no guest was run */
#endif
