/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VMI_ABI_H
#define VMI_ABI_H

/* Values that the calls of VMI 3.0 take and give. */

/* Interrupt mask, as in EFLAGS. */
#define VMI_MASK_ENABLED 0x200

/* AllocatePage, ReleasePage: what the page is used as. */
#define VMI_PAGE_NORMAL 0x00
#define VMI_PAGE_PT 0x01
#define VMI_PAGE_PD 0x02
#define VMI_PAGE_PDP 0x04
#define VMI_PAGE_PML4 0x08
#define VMI_PAGE_PAE 0x10
#define VMI_PAGE_CLONE 0x20      /* entries base .. base+count-1 were copied from the clone frame */
#define VMI_PAGE_ZEROED 0x40     /* the rest is zero; Linux says so even where only user entries are */

/* SetPxE, SetPxELong, UpdatePxE, UpdatePxELong: which level (PT, PD, PDP), and these. They share bits with
 * the page flags above, but not their meaning. */
#define VMI_PAGE_CURRENT_AS 0x10 /* the table is in use now, and VA_MASK holds the page that it maps */
#define VMI_PAGE_DEFER 0x20      /* may wait for the next flush */
#define VMI_PAGE_VA_MASK 0xfffff000

/* FlushTLB. The first bit is always set. */
#define VMI_FLUSH_TLB 0x01
#define VMI_FLUSH_GLOBAL 0x02

/* SetLazyMode: one mode at a time, not a set. */
#define VMI_LAZY_NONE 0
#define VMI_LAZY_MMU_UPDATES 1
#define VMI_LAZY_CPU_STATE 2

/* GetCycleCounter, and the counter of an alarm (its low 8 bits). real = available + stolen. */
#define VMI_CYCLES_REAL 0
#define VMI_CYCLES_AVAILABLE 1
#define VMI_CYCLES_STOLEN 2      /* takes no alarm */
#define VMI_ALARM_COUNTERS 2
#define VMI_ALARM_COUNTER_MASK 0xff
#define VMI_ALARM_ONESHOT 0x00000
#define VMI_ALARM_PERIODIC 0x00100
#define VMI_ALARM_WIRED_IRQ0 0x00000 /* in place of the interval timer */
#define VMI_ALARM_WIRED_LVTT 0x10000 /* by the vector in the local APIC's timer entry */
#define VMI_WALLCLOCK_HZ 1000000000

/* SetLinearMapping. */
#define VMI_LINEAR_MAP_SLOTS 4

/* Reboot. */
#define VMI_REBOOT_SOFT 0
#define VMI_REBOOT_HARD 1

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

/* SetInitialAPState: what a second processor starts with. PE and PG must be set in cr0. */
struct vmi_ap_state {
	uint32_t cr0, cr2, cr3, cr4;
	uint64_t efer;
	uint32_t eip, eflags, eax, ebx, ecx, edx, esp, ebp, esi, edi;
	uint16_t cs, ss, ds, es, fs, gs, ldtr;
	uint16_t gdtr_limit;
	uint32_t gdtr_base;
	uint32_t idtr_base;
	uint16_t idtr_limit;
};
_Static_assert(offsetof(struct vmi_ap_state, efer) == 0x10, "vmi_ap_state.efer has moved");
_Static_assert(offsetof(struct vmi_ap_state, eip) == 0x18, "vmi_ap_state.eip has moved");
_Static_assert(offsetof(struct vmi_ap_state, esp) == 0x30, "vmi_ap_state.esp has moved");
_Static_assert(offsetof(struct vmi_ap_state, cs) == 0x40, "vmi_ap_state.cs has moved");
_Static_assert(offsetof(struct vmi_ap_state, ldtr) == 0x4c, "vmi_ap_state.ldtr has moved");
_Static_assert(offsetof(struct vmi_ap_state, gdtr_limit) == 0x4e, "vmi_ap_state.gdtr_limit has moved");
_Static_assert(offsetof(struct vmi_ap_state, gdtr_base) == 0x50, "vmi_ap_state.gdtr_base has moved");
_Static_assert(offsetof(struct vmi_ap_state, idtr_base) == 0x54, "vmi_ap_state.idtr_base has moved");
_Static_assert(offsetof(struct vmi_ap_state, idtr_limit) == 0x58, "vmi_ap_state.idtr_limit has moved");
#endif
#endif
