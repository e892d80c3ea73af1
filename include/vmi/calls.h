/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef VMI_CALLS_H
#define VMI_CALLS_H

/*
 * The calls of VMI 3.0, as Linux 2.6.21-2.6.36 knows them: one table.
 *
 * X(number, Name, arguments, first, second, third, result, changes, kind)
 *
 *   number     what GetRelocation is asked with
 *   arguments  how many 32-bit argument places the call has
 *   first..third   the registers that the first three places are in (VMI_EAX ... VMI_EDI, VMI_NOREG).
 *              A fourth and a fifth lie on the stack: [esp+4] and [esp+8] when the callee starts; the
 *              caller removes them. A 64-bit argument takes two places, low half first.
 *   result     registers that carry results: VMI_R_... below
 *   changes    registers that the callee may change besides the results: VMI_R_...
 *   kind       VMI_K_... below
 *
 * Every call keeps EBX, ESI, EDI, EBP and ESP unless they are results, expects flat CS, SS, DS and ES
 * (MASK and EXIT: flat CS and SS only), and promises nothing of FS and GS. Nothing is said of stack
 * alignment: a callee may count on 4 bytes and no more. Numbers that are not here belong to no call.
 */
#define VMI_CALLS(X) \
 X( 0, CPUID,            2, EAX, ECX, NOREG, CPUID, FLAGS, PLAIN) /* leaf, subleaf */ \
 X( 1, WRMSR,            3, ECX, EAX, EDX,   NONE, STANDARD, PLAIN) /* register; low, high */ \
 X( 2, RDMSR,            1, ECX, NOREG, NOREG, EDX_EAX, STANDARD, PLAIN) /* register */ \
 X( 3, SetGDT,           1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) /* address of limit, base */ \
 X( 4, SetLDT,           1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) /* selector */ \
 X( 5, SetIDT,           1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) /* address of limit, base */ \
 X( 6, SetTR,            1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) /* selector */ \
 X( 7, GetGDT,           1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) /* address of 6 bytes to fill */ \
 X( 8, GetLDT,           0, NOREG, NOREG, NOREG, EAX, STANDARD, PLAIN) \
 X( 9, GetIDT,           1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) /* address of 6 bytes to fill */ \
 X(10, GetTR,            0, NOREG, NOREG, NOREG, EAX, STANDARD, PLAIN) \
 X(11, WriteGDTEntry,    4, EAX, EDX, ECX,   NONE, STANDARD, PLAIN) /* table, index, low; high */ \
 X(12, WriteLDTEntry,    4, EAX, EDX, ECX,   NONE, STANDARD, PLAIN) /* table, index, low; high */ \
 X(13, WriteIDTEntry,    4, EAX, EDX, ECX,   NONE, STANDARD, PLAIN) /* table, index, low; high */ \
 X(14, UpdateKernelStack, 2, EAX, EDX, NOREG, NONE, STANDARD, PLAIN)   /* ignored; esp0 */ \
 X(15, SetCR0,           1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) \
 X(16, SetCR2,           1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) \
 X(17, SetCR3,           1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) \
 X(18, SetCR4,           1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) \
 X(19, GetCR0,           0, NOREG, NOREG, NOREG, EAX, STANDARD, PLAIN) \
 X(20, GetCR2,           0, NOREG, NOREG, NOREG, EAX, STANDARD, PLAIN) \
 X(21, GetCR3,           0, NOREG, NOREG, NOREG, EAX, STANDARD, PLAIN) \
 X(22, GetCR4,           0, NOREG, NOREG, NOREG, EAX, STANDARD, PLAIN) \
 X(23, WBINVD,           0, NOREG, NOREG, NOREG, NONE, STANDARD, PLAIN) \
 X(24, SetDR,            2, EAX, EDX, NOREG, NONE, STANDARD, PLAIN) /* number, value */ \
 X(25, GetDR,            1, EAX, NOREG, NOREG, EAX, STANDARD, PLAIN)   /* number */ \
 X(26, RDPMC,            1, ECX, NOREG, NOREG, EDX_EAX, STANDARD, PLAIN) /* counter */ \
 X(27, RDTSC,            0, NOREG, NOREG, NOREG, EDX_EAX, STANDARD, PLAIN) \
 X(28, CLTS,             0, NOREG, NOREG, NOREG, NONE, STANDARD, PLAIN) \
 X(29, EnableInterrupts, 0, NOREG, NOREG, NOREG, NONE, FLAGS, MASK) \
 X(30, DisableInterrupts, 0, NOREG, NOREG, NOREG, NONE, FLAGS, MASK) \
 X(31, GetInterruptMask, 0, NOREG, NOREG, NOREG, EAX, FLAGS, MASK) \
 X(32, SetInterruptMask, 1, EAX, NOREG, NOREG, NONE, FLAGS, MASK) /* bit 9: enabled */ \
 X(33, IRET,             0, NOREG, NOREG, NOREG, NONE, NONE, EXIT) \
 X(34, SYSEXIT,          2, EDX, ECX, NOREG, NONE, NONE, EXIT) /* eip, esp */ \
 X(35, Halt,             0, NOREG, NOREG, NOREG, NONE, STANDARD, PLAIN) \
 X(36, Reboot,           1, EAX, NOREG, NOREG, NONE, STANDARD, END) /* VMI_REBOOT_... */ \
 X(37, Shutdown,         0, NOREG, NOREG, NOREG, NONE, STANDARD, END) \
 X(38, SetPxE,           3, EAX, EDX, ECX,   NONE, STANDARD, PLAIN) /* entry, its address, flags */ \
 X(39, SetPxELong,       4, EAX, EDX, ECX,   NONE, STANDARD, PLAIN) /* entry (64 bits), address; flags */ \
 X(40, UpdatePxE,        2, EAX, EDX, NOREG, NONE, STANDARD, PLAIN) /* address, flags */ \
 X(41, UpdatePxELong,    2, EAX, EDX, NOREG, NONE, STANDARD, PLAIN) /* address, flags */ \
 X(42, MachineToPhysical, 1, EAX, NOREG, NOREG, EAX, STANDARD, PLAIN) /* address */ \
 X(43, PhysicalToMachine, 1, EAX, NOREG, NOREG, EAX, STANDARD, PLAIN) /* address */ \
 X(44, AllocatePage,     5, EAX, EDX, ECX,   NONE, STANDARD, PLAIN) /* frame, flags, cloned frame; base, count */ \
 X(45, ReleasePage,      2, EAX, EDX, NOREG, NONE, STANDARD, PLAIN) /* frame, flags */ \
 X(46, InvalPage,        1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) /* address */ \
 X(47, FlushTLB,         1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) /* VMI_FLUSH_... */ \
 X(48, SetLinearMapping, 4, EAX, EDX, ECX,   NONE, STANDARD, PLAIN) /* slot, address, pages; first frame */ \
 X(49, INL,              1, EDX, NOREG, NOREG, EAX, NONE, PLAIN)       /* port */ \
 X(50, INB,              1, EDX, NOREG, NOREG, EAX, NONE, PLAIN)       /* port */ \
 X(51, INW,              1, EDX, NOREG, NOREG, EAX, NONE, PLAIN)       /* port */ \
 X(52, INSL,             3, EDI, EDX, ECX,   ECX_EDI, NONE, PLAIN) /* buffer, port, count */ \
 X(53, INSB,             3, EDI, EDX, ECX,   ECX_EDI, NONE, PLAIN) /* buffer, port, count */ \
 X(54, INSW,             3, EDI, EDX, ECX,   ECX_EDI, NONE, PLAIN) /* buffer, port, count */ \
 X(55, OUTL,             2, EAX, EDX, NOREG, NONE, NONE, PLAIN)        /* value, port */ \
 X(56, OUTB,             2, EAX, EDX, NOREG, NONE, NONE, PLAIN)        /* value, port */ \
 X(57, OUTW,             2, EAX, EDX, NOREG, NONE, NONE, PLAIN)        /* value, port */ \
 X(58, OUTSL,            3, ESI, EDX, ECX,   ECX_ESI, NONE, PLAIN) /* buffer, port, count */ \
 X(59, OUTSB,            3, ESI, EDX, ECX,   ECX_ESI, NONE, PLAIN) /* buffer, port, count */ \
 X(60, OUTSW,            3, ESI, EDX, ECX,   ECX_ESI, NONE, PLAIN) /* buffer, port, count */ \
 X(61, SetIOPLMask,      1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) /* level << 12 */ \
 X(62, SetInitialAPState, 2, EAX, EDX, NOREG, NONE, STANDARD, PLAIN)   /* address of vmi_ap_state, APIC id */ \
 X(63, APICWrite,        2, EAX, EDX, NOREG, NONE, STANDARD, PLAIN) /* register, value */ \
 X(64, APICRead,         1, EAX, NOREG, NOREG, EAX, STANDARD, PLAIN)   /* register */ \
 X(65, IODelay,          0, NOREG, NOREG, NOREG, NONE, STANDARD, PLAIN) \
 X(66, GetCycleFrequency, 0, NOREG, NOREG, NOREG, EDX_EAX, STANDARD, PLAIN) /* Hz */ \
 X(67, GetCycleCounter,  1, EAX, NOREG, NOREG, EDX_EAX, STANDARD, PLAIN) /* VMI_CYCLES_... */ \
 X(68, SetAlarm,         5, EAX, EDX, ECX,   NONE, STANDARD, PLAIN) /* flags, expiry (64 bits); period (64 bits) */ \
 X(69, CancelAlarm,      1, EAX, NOREG, NOREG, EAX, STANDARD, PLAIN)   /* flags; 1: was armed */ \
 X(70, GetWallclockTime, 0, NOREG, NOREG, NOREG, EDX_EAX, STANDARD, PLAIN) /* ns since 1970 */ \
 X(71, WallclockUpdated, 0, NOREG, NOREG, NOREG, EAX, STANDARD, PLAIN) /* 1: it jumped */ \
 X(72, SetCallbacks,     0, NOREG, NOREG, NOREG, NONE, STANDARD, PLAIN) /* a name only: arguments unknown */ \
 X(73, SetLazyMode,      1, EAX, NOREG, NOREG, NONE, STANDARD, PLAIN) /* VMI_LAZY_... */

/* One more than the highest number. */
#define VMI_CALL_COUNT 74

/* Registers by the numbers that the processor's instruction encoding gives them. */
#define VMI_EAX 0
#define VMI_ECX 1
#define VMI_EDX 2
#define VMI_EBX 3
#define VMI_ESP 4
#define VMI_EBP 5
#define VMI_ESI 6
#define VMI_EDI 7
#define VMI_NOREG 15

/* Sets of registers: bit n is register n, and bit 8 the arithmetic flags. */
#define VMI_R_NONE 0
#define VMI_R_EAX 0x01
#define VMI_R_EDX_EAX 0x05
#define VMI_R_CPUID 0x0f
#define VMI_R_ECX_ESI 0x42
#define VMI_R_ECX_EDI 0x82
#define VMI_R_FLAGS 0x100
#define VMI_R_STANDARD 0x107 /* EAX, ECX, EDX, flags */

/* Kinds of call: a byte of properties. */
#define VMI_IS_MASK 1      /* one of the four interrupt-mask calls: a site has room for 8 bytes */
#define VMI_IS_FINAL 2     /* does not come back, so it may be reached by a jump */
#define VMI_IS_REQUIRED 4  /* a ROM must provide it */
#define VMI_K_PLAIN 0
#define VMI_K_MASK VMI_IS_MASK
#define VMI_K_END VMI_IS_FINAL
#define VMI_K_EXIT (VMI_IS_FINAL + VMI_IS_REQUIRED)

/*
 * For each call the constant VMI_CALL_Name, and its columns as VMI_ARGS_Name, VMI_IN1_Name (2, 3),
 * VMI_RESULT_Name, VMI_CHANGES_Name and VMI_KIND_Name: enumerators in C. In assembly they are symbols
 * of the assembler and begin with .L, which keeps them out of the symbol table.
 */
#ifdef __ASSEMBLER__
#define VMI_X(number, name, args, r1, r2, r3, result, changes, kind) \
	.set .LVMI_CALL_##name, number; .set .LVMI_ARGS_##name, args; \
	.set .LVMI_IN1_##name, VMI_##r1; .set .LVMI_IN2_##name, VMI_##r2; .set .LVMI_IN3_##name, VMI_##r3; \
	.set .LVMI_RESULT_##name, VMI_R_##result; .set .LVMI_CHANGES_##name, VMI_R_##changes; \
	.set .LVMI_KIND_##name, VMI_K_##kind;
VMI_CALLS(VMI_X)
#else
#define VMI_X(number, name, args, r1, r2, r3, result, changes, kind) \
	VMI_CALL_##name = (number), VMI_ARGS_##name = (args), \
	VMI_IN1_##name = VMI_##r1, VMI_IN2_##name = VMI_##r2, VMI_IN3_##name = VMI_##r3, \
	VMI_RESULT_##name = VMI_R_##result, VMI_CHANGES_##name = VMI_R_##changes, \
	VMI_KIND_##name = VMI_K_##kind,
enum vmi_call { VMI_CALLS(VMI_X) };
#endif
#undef VMI_X

#endif
