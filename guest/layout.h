/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

/* Numbers that assembly and C share. */

/*
 * All memory that the kernel uses is mapped at KERNEL_BASE plus its physical address, and nothing else
 * is mapped above KERNEL_BASE. That leaves everything from KERNEL_BASE + MEMORY_MAX up to a hypervisor.
 */
#define KERNEL_BASE 0xc0000000
#define MEMORY_MAX 0x02000000
#define PAGE_SIZE 4096
#define KERNEL_TABLES (MEMORY_MAX / PAGE_SIZE / 1024)
#define KERNEL_SLOT (KERNEL_BASE >> 22) /* the first entry of a page directory that is the kernel's */

/* Selectors, with RPL 0. The kernel adds the ring that it finds itself in. */
#define KERNEL_CODE 0x08
#define KERNEL_DATA 0x10
#define USER_CODE 0x18
#define USER_DATA 0x20
#define TASK_STATE 0x28
#define USER_RING 3

/* Each of the first TRAP_STUBS vectors has an entry stub of TRAP_STUB_SIZE bytes. */
#define TRAP_STUBS 48
#define TRAP_STUB_SIZE 16
#define IRQ_BASE 32

#endif
