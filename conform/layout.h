/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef CONFORM_LAYOUT_H
#define CONFORM_LAYOUT_H

/* Numbers that assembly and C share. */

/* Physical memory is seen at KERNEL_BASE. Nothing is mapped from FFC00000h on: that is a hypervisor's. */
#define KERNEL_BASE 0xc0000000
#define MEMORY_MAX 0x01000000
#define PAGE_SIZE 4096
#define VIRTUAL_TOP_MIN 0xd0400000 /* the kernel uses nothing from here on */

#define KERNEL_TEST 0xd0000000   /* pages for tests, with the kernel's rights: one page table */
#define USER_CODE_PAGE 0x40000000 /* three pages that every address space has */
#define USER_DATA_PAGE 0x40001000
#define USER_STACK_PAGE 0x40002000
#define USER_TEST 0x50000000     /* where tests map what they like */
#define VM86_PAGE 0x7000

/* Selectors with RPL 0. The kernel adds the ring that it finds itself in, or USER_RING. */
#define KERNEL_CODE 0x08
#define KERNEL_DATA 0x10
#define USER_CODE 0x18
#define USER_DATA 0x20
#define TASK_STATE 0x28
#define LOCAL_TABLE 0x30
#define USER_CODE_ABSENT 0x38
#define USER_DATA_ABSENT 0x40
#define USER_CODE_SHORT 0x48     /* 4 KiB */
#define CONFORMING_CODE 0x50     /* of the kernel's ring */
#define USER_DATA_READ_ONLY 0x58
#define KERNEL_CODE_SHORT 0x60   /* 4 KiB */
#define USER_CONFORMING_CODE 0x68
#define KERNEL_CODE_ABSENT 0x70
#define RING2_CODE 0x78          /* the kernel is in ring 0 or 1 */
#define TASK_STATE_2 0x80
#define SCRATCH 0x88             /* for tests of WriteGDTEntry */
#define SCRATCH_2 0x90
#define USER_DATA_2 0x98         /* another flat one */
#define KERNEL_CODE_2 0xa0
#define FAR_DATA 0xa8            /* of users, and not flat: what is reached through it is not there */
#define FAR_BASE 0x20000000
#define GDT_ENTRIES 22
#define USER_RING 3

#define STUBS 0xa0               /* vectors that have a handler */
#define STUB_SIZE 16
#define IRQ_BASE 0x20
#define APIC_VECTOR 0x41
#define SYSTEM_CALL 0x80         /* an interrupt gate that users may use */
#define SYSTEM_TRAP 0x81         /* a trap gate that users may use */
#define KERNEL_CALL 0x82         /* gates that only the kernel may use */
#define KERNEL_TRAP 0x83
#define FREE_VECTOR 0x84         /* from here on, for tests */
#endif
