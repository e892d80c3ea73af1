# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The defects that plant.py plants: for each call, what is wrong with it, and the code.

The code runs with the registers and the stack of the call, before the native function, unless it returns. Calls that tell a hypervisor something do nothing natively, so of them only what
they do too much can be seen.
"""

# In the ROM's memory, struct rom_ram: whether Init was called, where the local APIC is seen, whether
# an alarm is armed, and a word that nobody uses.
ENTERED = 4 * 74
APIC = ENTERED + 16
ARMED = ENTERED + 40
FREE = 1020


def after(name, code):
    """The native function first. Only for calls without arguments on the stack."""
    return f"call native_{name}; {code}; ret"


def only_first(name):
    return (f"movl %eax, %ecx; call rom_ram; cmpl $0, {FREE}(%eax); jne 9f; incl {FREE}(%eax); movl %ecx, %eax; "
            f"jmp native_{name}; 9: ret")


def page_of_frame(code):
    """For AllocatePage and ReleasePage: ECX is where the guest sees the frame in EAX."""
    return f"movl %eax, %ecx; shll $12, %ecx; orl $0xc0000000, %ecx; {code}"


USES_DS = "testb $0, 0xc0000000"
NOTHING = "ret"

# Calls that do something natively, and are seen to do nothing if they just return. With a result, what they return is
# what happens to be in EAX and EDX.
EFFECTIVE = """CPUID WRMSR RDMSR SetGDT SetLDT SetIDT SetTR GetGDT GetLDT GetIDT GetTR WriteGDTEntry WriteLDTEntry
WriteIDTEntry SetCR0 SetCR2 SetCR3 SetCR4 GetCR0 GetCR2 GetCR3 GetCR4 SetDR GetDR RDPMC RDTSC CLTS EnableInterrupts
DisableInterrupts GetInterruptMask SetInterruptMask Halt Reboot Shutdown SetPxE SetPxELong InvalPage FlushTLB
SetLinearMapping INL INB INW INSL INSB INSW OUTL OUTB OUTW OUTSL OUTSB OUTSW SetIOPLMask GetCycleFrequency
GetCycleCounter SetAlarm CancelAlarm GetWallclockTime WallclockUpdated""".split()

NOTICES = """UpdateKernelStack UpdatePxE UpdatePxELong MachineToPhysical PhysicalToMachine AllocatePage ReleasePage
SetInitialAPState SetLazyMode WBINVD IODelay""".split()

# What is wrong in a way of its own.
SPECIAL = [
    ("CPUID", "answers for the next leaf", "incl %eax"),
    ("CPUID", "ignores the subleaf", "xorl %ecx, %ecx"),
    ("CPUID", "answers otherwise each second time", f"pushl %eax; call rom_ram; xorl $1, {FREE}(%eax); "
     f"testl $1, {FREE}(%eax); popl %eax; jz 9f; cpuid; xorl $1, %edx; ret; 9:"),
    ("CPUID", "loses EDX", after("CPUID", "xorl %edx, %edx")),
    ("CPUID", "invents a feature", after("CPUID", "orl $0x80000, %edx")),
    ("WRMSR", "writes the next register", "incl %ecx"),
    ("WRMSR", "writes 16 bits", "movzwl %ax, %eax"),
    ("RDMSR", "reads the next register", "incl %ecx"),
    ("RDMSR", "swaps the halves", after("RDMSR", "xchgl %eax, %edx")),
    ("SetGDT", "loads a limit that is too small", "movzwl (%eax), %ecx; movl 2(%eax), %edx; subl $8, %ecx; "
     "subl $8, %esp; movw %cx, (%esp); movl %edx, 2(%esp); lgdtl (%esp); addl $8, %esp; ret"),
    ("SetGDT", "ignores all but the first", only_first("SetGDT")),
    ("GetGDT", "writes 8 bytes", "sgdtl (%eax); movw $0, 6(%eax); ret"),
    ("GetGDT", "gives the IDT", "sidtl (%eax); ret"),
    ("GetIDT", "writes 8 bytes", "sidtl (%eax); movw $0, 6(%eax); ret"),
    ("GetIDT", "gives a limit that is too large", "sidtl (%eax); incw (%eax); ret"),
    ("SetIDT", "ignores the limit", "movl 2(%eax), %edx; subl $8, %esp; movw $0x7ff, (%esp); movl %edx, 2(%esp); "
     "lidtl (%esp); addl $8, %esp; ret"),
    ("SetIDT", "ignores all but the first", only_first("SetIDT")),
    ("SetLDT", "ignores 0", "testw %ax, %ax; jnz 9f; ret; 9:"),
    ("SetLDT", "loads none", "xorl %eax, %eax"),
    ("GetLDT", "gives 0", "xorl %eax, %eax; ret"),
    ("GetTR", "gives another selector", "movl $0x30, %eax; ret"),
    ("SetTR", "loads the first one always", "movl $0x28, %eax; subl $8, %esp; sgdtl (%esp); movl 2(%esp), %ecx; "
     "addl $8, %esp; andb $0xfd, 0x2d(%ecx)"),
    ("SetTR", "leaves the descriptor available", "ltr %ax; subl $8, %esp; sgdtl (%esp); movl 2(%esp), %ecx; addl $8, %esp; "
     "movzwl %ax, %eax; andb $0xfd, 5(%ecx,%eax); ret"),
    ("WriteGDTEntry", "writes the low half only", "movl %ecx, (%eax,%edx,8); ret"),
    ("WriteGDTEntry", "writes the high half only", "movl 4(%esp), %ecx; movl %ecx, 4(%eax,%edx,8); ret"),
    ("WriteGDTEntry", "writes the next entry", "incl %edx"),
    ("WriteGDTEntry", "writes the entry before too", "movl %ecx, -8(%eax,%edx,8)"),
    ("WriteGDTEntry", "makes everything a user's", "orb $0x60, 5(%esp)"),
    ("WriteGDTEntry", "removes the argument", "leal (%eax,%edx,8), %eax; movl %ecx, (%eax); movl 4(%esp), %edx; "
     "movl %edx, 4(%eax); ret $4"),
    ("WriteLDTEntry", "writes the low half only", "movl %ecx, (%eax,%edx,8); ret"),
    ("WriteLDTEntry", "writes the next entry", "incl %edx"),
    ("WriteLDTEntry", "writes entry 2 always", "movl $2, %edx"),
    ("WriteIDTEntry", "writes the low half only", "movl %ecx, (%eax,%edx,8); ret"),
    ("WriteIDTEntry", "writes the high half only", "movl 4(%esp), %ecx; movl %ecx, 4(%eax,%edx,8); ret"),
    ("WriteIDTEntry", "lets users call all gates", "orb $0x60, 5(%esp)"),
    ("WriteIDTEntry", "makes all gates present", "orb $0x80, 5(%esp)"),
    ("WriteIDTEntry", "makes all gates trap gates", "orb $1, 5(%esp)"),
    ("WriteIDTEntry", "makes all gates interrupt gates", "andb $0xfe, 5(%esp)"),
    ("UpdateKernelStack", "moves the stack", "subl $4, %edx; movl %edx, 4(%eax); ret"),
    ("UpdateKernelStack", "takes EAX for the task state", "movl %edx, 4(%eax); ret"),
    ("SetCR0", "keeps TS clear", "andl $~8, %eax"),
    ("SetCR0", "clears WP", "andl $~0x10000, %eax"),
    ("SetCR2", "keeps the page only", "andl $~0xfff, %eax"),
    ("SetCR3", "ignores all but the first", only_first("SetCR3")),
    ("SetCR4", "sets PSE only", "andl $~0x80, %eax"),
    ("GetCR0", "shows TS", after("GetCR0", "orl $8, %eax")),
    ("GetCR0", "hides WP", after("GetCR0", "andl $~0x10000, %eax")),
    ("GetCR2", "gives the page only", after("GetCR2", "andl $~0xfff, %eax")),
    ("GetCR3", "gives 0", "xorl %eax, %eax; ret"),
    ("GetCR4", "gives 0", "xorl %eax, %eax; ret"),
    ("GetCR4", "shows PAE the other way", after("GetCR4", "xorl $0x20, %eax")),
    ("SetDR", "writes another register", "xorl $1, %eax"),
    ("SetDR", "forgets DR7", "cmpl $7, %eax; jne 9f; ret; 9:"),
    ("GetDR", "reads another register", "xorl $1, %eax"),
    ("GetDR", "gives 0", "xorl %eax, %eax; ret"),
    ("RDPMC", "gives 0", "xorl %eax, %eax; xorl %edx, %edx; ret"),
    ("RDTSC", "stands still", "xorl %eax, %eax; xorl %edx, %edx; ret"),
    ("RDTSC", "goes at half the rate", after("RDTSC", "shrdl $1, %edx, %eax; shrl $1, %edx")),
    ("CLTS", "clears WP too", "movl %cr0, %eax; andl $~0x10008, %eax; movl %eax, %cr0; ret"),
    ("CLTS", "sets TS", "movl %cr0, %eax; orl $8, %eax; movl %eax, %cr0; ret"),
    ("EnableInterrupts", "changes EAX", "notl %eax"),
    ("EnableInterrupts", "changes ECX", "notl %ecx"),
    ("EnableInterrupts", "needs DS", USES_DS),
    ("EnableInterrupts", "disables", "cli; ret"),
    ("EnableInterrupts", "enables too late", "sti; cli; ret"),
    ("DisableInterrupts", "changes EAX", "notl %eax"),
    ("DisableInterrupts", "changes EDX", "notl %edx"),
    ("DisableInterrupts", "needs DS", USES_DS),
    ("DisableInterrupts", "lets one in", "sti; nop; cli; ret"),
    ("GetInterruptMask", "says on always", "movl $0x200, %eax; ret"),
    ("GetInterruptMask", "says off always", "xorl %eax, %eax; ret"),
    ("GetInterruptMask", "says it in another bit", after("GetInterruptMask", "shll $1, %eax")),
    ("GetInterruptMask", "disables", "pushfl; popl %eax; cli; ret"),
    ("GetInterruptMask", "enables", "pushfl; popl %eax; sti; nop; ret"),
    ("GetInterruptMask", "changes EDX", "notl %edx"),
    ("GetInterruptMask", "needs DS", USES_DS),
    ("SetInterruptMask", "enables always", "sti; ret"),
    ("SetInterruptMask", "only enables", "testl $0x200, %eax; jz 9f; sti; 9: ret"),
    ("SetInterruptMask", "only disables", "testl $0x200, %eax; jnz 9f; cli; 9: ret"),
    ("SetInterruptMask", "looks at another bit", "testl $0x40, %eax; jz 9f; sti; ret; 9: cli; ret"),
    ("SetInterruptMask", "changes EAX", "pushl %eax; popfl; xorl %eax, %eax; ret"),
    ("SetInterruptMask", "needs DS", USES_DS),
    ("IRET", "does not look at the frame", "addl $4, %esp; iret"),
    ("IRET", "reports another address", "incl %ss:(%esp)"),
    ("IRET", "keeps the return address", "iret"),
    ("IRET", "changes EAX", "notl %eax"),
    ("IRET", "changes ECX", "notl %ecx"),
    ("IRET", "changes EDX", "notl %edx"),
    ("IRET", "changes EBP", "notl %ebp"),
    ("IRET", "needs DS", USES_DS),
    ("IRET", "enables always", "orl $0x200, %ss:12(%esp)"),
    ("IRET", "never enables", "andl $~0x200, %ss:12(%esp)"),
    ("IRET", "loses TF", "andl $~0x100, %ss:12(%esp)"),
    ("IRET", "loses the direction flag", "andl $~0x400, %ss:12(%esp)"),
    ("IRET", "loses the arithmetic flags", "andl $~0x8d5, %ss:12(%esp)"),
    ("IRET", "loses VM", "andl $~0x20000, %ss:12(%esp)"),
    ("IRET", "keeps interrupts on", "pushfl; testl $0x200, (%esp); jz 8f; orl $0x200, %ss:16(%esp); 8: popfl"),
    ("IRET", "takes one CS for the kernel", "cmpl $0xa0, %ss:8(%esp); jne 9f; movl $8, %ss:8(%esp); 9:"),
    ("IRET", "takes one CS for every user", "cmpl $0x53, %ss:8(%esp); jne 9f; movl $0x1b, %ss:8(%esp); 9:"),
    ("IRET", "goes one byte too far in ring 3", "cmpl $0x1b, %ss:8(%esp); jne 9f; incl %ss:4(%esp); 9:"),
    ("IRET", "moves the user's stack", "cmpl $0x1b, %ss:8(%esp); jne 9f; addl $4, %ss:16(%esp); 9:"),
    ("IRET", "takes one SS for every user", "cmpl $0x1b, %ss:8(%esp); jne 9f; movl $0x23, %ss:20(%esp); 9:"),
    ("IRET", "loads DS for the user", "pushl %eax; movl $0x23, %eax; movl %eax, %ds; popl %eax"),
    ("IRET", "loses EAX when a frame is bad", "cmpl $0x23, %ss:8(%esp); jne 9f; xorl %eax, %eax; 9:"),
    ("SYSEXIT", "does not enable", "sysexit"),
    ("SYSEXIT", "swaps EIP and ESP", "xchgl %ecx, %edx"),
    ("SYSEXIT", "changes EAX", "notl %eax"),
    ("SYSEXIT", "returns", NOTHING),
    ("Halt", "does not wait", "sti; ret"),
    ("Halt", "leaves interrupts off", "sti; hlt; cli; ret"),
    ("SetPxE", "takes the right to write", "andl $~2, %eax"),
    ("SetPxE", "gives the right to write", "orl $2, %eax"),
    ("SetPxE", "makes everything a user's", "orl $4, %eax"),
    ("SetPxE", "writes the next entry", "addl $4, %edx"),
    ("SetPxE", "writes two entries", "movl %eax, 4(%edx)"),
    ("SetPxE", "sets the accessed bit", "orl $0x20, %eax"),
    ("SetPxE", "keeps old bits", "orl %eax, (%edx); ret"),
    ("SetPxE", "writes only what is present", "testb $1, %al; jnz 9f; ret; 9:"),
    ("SetPxE", "does nothing for the kernel's part", "cmpl $0xc0000000, %ecx; jb 9f; ret; 9:"),
    ("SetPxE", "does nothing to directories", "testb $2, %cl; jz 9f; ret; 9:"),
    ("SetPxE", "waits for a flush if it may", "testb $0x20, %cl; jz 9f; ret; 9:"),
    ("SetPxELong", "writes the low half only", "movl %eax, (%ecx); ret"),
    ("SetPxELong", "writes the high half only", "movl %edx, 4(%ecx); ret"),
    ("SetPxELong", "takes the right to write", "andl $~2, %eax"),
    ("SetPxELong", "writes the next entry", "addl $8, %ecx"),
    ("SetPxELong", "writes half of the next entry", "movl %eax, 8(%ecx)"),
    ("SetPxELong", "makes everything a user's", "testb $1, 4(%esp); jz 9f; orl $4, %eax; 9:"),
    ("SetPxELong", "writes only what is present", "testb $1, %al; jnz 9f; ret; 9:"),
    ("SetPxELong", "waits for a flush if it may", "testb $0x20, 4(%esp); jz 9f; ret; 9:"),
    ("SetPxELong", "does nothing for the kernel's part", "cmpl $0xc0000000, 4(%esp); jb 9f; ret; 9:"),
    ("SetPxELong", "does nothing to tables", "testb $1, 4(%esp); jz 9f; ret; 9:"),
    ("SetPxELong", "does nothing to directories in use", "testb $2, 4(%esp); jz 9f; testb $0x10, 4(%esp); jz 9f; ret; 9:"),
    ("SetPxELong", "removes the argument", "movl %edx, 4(%ecx); movl %eax, (%ecx); ret $4"),
    ("UpdatePxE", "clears the entry", "movl $0, (%eax); ret"),
    ("UpdatePxE", "writes the entry beside it", "orl $1, 4(%eax); ret"),
    ("UpdatePxELong", "clears the entry", "movl $0, (%eax); ret"),
    ("UpdatePxELong", "sets the high half", "movl $1, 4(%eax); ret"),
    ("MachineToPhysical", "gives the next page", "addl $0x1000, %eax; ret"),
    ("PhysicalToMachine", "gives the next page", "addl $0x1000, %eax; ret"),
    ("PhysicalToMachine", "gives 0", "xorl %eax, %eax; ret"),
    ("AllocatePage", "clears the page", page_of_frame(
        "pushl %edi; movl %ecx, %edi; movl $1024, %ecx; xorl %eax, %eax; cld; rep stosl; popl %edi; ret")),
    ("AllocatePage", "clears the first entry", page_of_frame("movl $0, (%ecx); ret")),
    ("AllocatePage", "clears the eighth entry", page_of_frame("movl $0, 28(%ecx); ret")),
    ("AllocatePage", "removes the arguments", "ret $8"),
    ("ReleasePage", "clears the page", page_of_frame(
        "pushl %edi; movl %ecx, %edi; movl $1024, %ecx; xorl %eax, %eax; cld; rep stosl; popl %edi; ret")),
    ("ReleasePage", "writes into the page", page_of_frame("movl $-1, 8(%ecx); ret")),
    ("InvalPage", "forgets the next page", "addl $0x1000, %eax"),
    ("InvalPage", "only knows users' pages", "testl %eax, %eax; jns 9f; ret; 9:"),
    ("FlushTLB", "does nothing for global pages", "testb $2, %al; jz 9f; ret; 9:"),
    ("FlushTLB", "does nothing but for global pages", "testb $2, %al; jnz 9f; ret; 9:"),
    ("FlushTLB", "loses PGE", "movl %cr4, %ecx; andb $~0x80, %cl; movl %ecx, %cr4; movl %cr3, %ecx; movl %ecx, %cr3; ret"),
    ("SetLinearMapping", "is off by a frame", "incl 4(%esp)"),
    ("SetLinearMapping", "removes the argument", "ret $4"),
    ("SetLazyMode", "goes back to the old address space", f"movl %eax, %edx; call rom_ram; cmpl $2, %edx; jne 8f; "
     f"movl %cr3, %ecx; movl %ecx, {FREE}(%eax); ret; 8: xorl %ecx, %ecx; xchgl %ecx, {FREE}(%eax); jecxz 9f; "
     "movl %ecx, %cr3; 9: ret"),
    ("SetLazyMode", "sets TS", "movl %cr0, %eax; orl $8, %eax; movl %eax, %cr0; ret"),
    ("INB", "reads the port before", "decl %edx; inb %dx, %al; incl %edx; ret"),
    ("INW", "reads a byte", "inb %dx, %al; movzbl %al, %eax; ret"),
    ("INL", "reads a word", "inw %dx, %ax; movzwl %ax, %eax; ret"),
    ("INB", "changes flags", "testl %edx, %edx"),
    ("OUTB", "writes the port before", "decl %edx; outb %al, %dx; incl %edx; ret"),
    ("OUTB", "changes EAX", "outb %al, %dx; xorl %eax, %eax; ret"),
    ("OUTB", "changes flags", "testl %edx, %edx"),
    ("OUTW", "writes a byte", "outb %al, %dx; ret"),
    ("OUTL", "writes a word", "outw %ax, %dx; ret"),
    ("INSB", "reads one", "insb; decl %ecx; ret"),
    ("INSW", "reads bytes", "rep insb; ret"),
    ("INSL", "reads words", "rep insw; ret"),
    ("OUTSB", "writes one less", "decl %ecx; rep outsb; ret"),
    ("OUTSW", "writes bytes", "rep outsb; ret"),
    ("OUTSL", "writes words", "rep outsw; ret"),
    ("SetIOPLMask", "takes a level that is not shifted", "shll $12, %eax"),
    ("SetIOPLMask", "never takes it back", "pushfl; orl %eax, (%esp); popfl; ret"),
    ("SetIOPLMask", "enables interrupts", "pushfl; andl $~0x3000, (%esp); orl %eax, (%esp); orl $0x200, (%esp); popfl; ret"),
    ("SetInitialAPState", "writes to the state", "movl $0, (%eax); ret"),
    ("IODelay", "writes to another port", "movw $0x3ff, %dx; outb %al, %dx; ret"),
    ("GetCycleFrequency", "is half of it", after("GetCycleFrequency", "shrdl $1, %edx, %eax; shrl $1, %edx")),
    ("GetCycleFrequency", "changes", after("GetCycleFrequency", "rdtsc; andl $0xfffff, %eax; xorl %edx, %edx; "
                                          "addl $1000000000, %eax")),
    ("GetCycleCounter", "is real time for all counters", "xorl %eax, %eax"),
    ("GetCycleCounter", "is stolen time for available time", "cmpl $1, %eax; jne 9f; incl %eax; 9:"),
    ("GetCycleCounter", "stands still", "xorl %eax, %eax; xorl %edx, %edx; ret"),
    ("GetCycleCounter", "goes at half the rate", after("GetCycleCounter", "shrdl $1, %edx, %eax; shrl $1, %edx")),
    ("SetAlarm", "ignores the period", "andl $~0x100, %eax"),
    ("SetAlarm", "is periodic always", "orl $0x100, %eax"),
    ("SetAlarm", "is wired to IRQ 0 always", "andl $~0x10000, %eax"),
    ("SetAlarm", "takes stolen time for real time", "andl $~0xff, %eax"),
    ("SetAlarm", "is a millisecond late", "addl $1000000, %edx; adcl $0, %ecx"),
    ("SetAlarm", "is a millisecond early", "subl $1000000, %edx; sbbl $0, %ecx"),
    ("SetAlarm", "keeps the alarm before", f"pushl %eax; call rom_ram; cmpb $0, {ARMED}(%eax); popl %eax; je 9f; ret; 9:"),
    ("SetAlarm", "ignores an expiry of 0", "pushl %ecx; orl %edx, %ecx; popl %ecx; jnz 9f; ret; 9:"),
    ("SetAlarm", "unmasks LVTT", f"pushl %eax; call rom_ram; movl {APIC}(%eax), %eax; testl %eax, %eax; jz 8f; "
     "andl $~0x10000, 0x320(%eax); 8: popl %eax"),
    ("SetAlarm", "has twice the period", "shll $1, 4(%esp); rcll $1, 8(%esp)"),
    ("CancelAlarm", "says 1 always", after("CancelAlarm", "movl $1, %eax")),
    ("CancelAlarm", "says 0 always", after("CancelAlarm", "xorl %eax, %eax")),
    ("CancelAlarm", "ignores the counter", "andl $~0xff, %eax"),
    ("CancelAlarm", "says 1 and does nothing", "movl $1, %eax; ret"),
    ("GetWallclockTime", "is 0", "xorl %eax, %eax; xorl %edx, %edx; ret"),
    ("GetWallclockTime", "stands still", after("GetWallclockTime", "xorl %eax, %eax")),
    ("GetWallclockTime", "is an hour late", after("GetWallclockTime", "subl $838, %edx")),
    ("WallclockUpdated", "says 1 always", "movl $1, %eax; ret"),
]

# Defects that take two calls. The cases of the first are to find them.
LAZY = f"movl %eax, %ecx; call rom_ram; movl %ecx, {FREE}(%eax); ret"


def if_lazy(mode, code):
    """What another call does then; changes flags only."""
    return f"pushl %eax; call rom_ram; cmpl ${mode}, {FREE}(%eax); popl %eax; jne 9f; {code}; 9:"


PAIRS = [
    ("SetLazyMode", "loses the entries of a batch", LAZY, "SetPxE", if_lazy(1, "ret")),
    ("SetLazyMode", "loses what may be deferred in a batch", LAZY, "SetPxE", if_lazy(1, "testb $0x20, %cl; jz 9f; ret")),
    ("SetLazyMode", "loses what is announced in a batch", LAZY, "UpdatePxE", if_lazy(1, "movl $0, (%eax); ret")),
    ("SetLazyMode", "loses flushes of a page in a batch", LAZY, "InvalPage", if_lazy(1, "ret")),
    ("SetLazyMode", "loses flushes in a batch", LAZY, "FlushTLB", if_lazy(1, "ret")),
    ("SetLazyMode", "does not enable interrupts in a batch", LAZY, "EnableInterrupts", if_lazy(1, "ret")),
    ("SetLazyMode", "does not disable interrupts in a switch", LAZY, "DisableInterrupts", if_lazy(2, "ret")),
    ("SetLazyMode", "loses the address space in a switch", LAZY, "SetCR3", if_lazy(2, "ret")),
    ("SetLazyMode", "loses TS in a switch", LAZY, "SetCR0", if_lazy(2, "ret")),
    ("SetLazyMode", "loses CLTS in a switch", LAZY, "CLTS", if_lazy(2, "ret")),
    ("SetLinearMapping", "knows no slot but 0", "", "SetPxE", "cmpl $0xd0000000, %edx; jb 9f; ret; 9:"),
    ("SetIOPLMask", "is forgotten on the way to a user", "", "IRET", "andl $~0x3000, %ss:12(%esp)"),
    ("SetIOPLMask", "gives every user all ports", "", "IRET", "orl $0x3000, %ss:12(%esp)"),
    ("SetIOPLMask", "lets nobody enable interrupts", "", "EnableInterrupts",
     "pushfl; testl $0x3000, (%esp); leal 4(%esp), %esp; jz 9f; ret; 9:"),
    ("ReleasePage", "leaves the page a dead directory", f"testb $2, %dl; jz 9f; shll $12, %eax; movl %eax, %ecx; call rom_ram; "
     f"movl %ecx, {FREE}(%eax); 9: ret", "SetCR3", f"movl %eax, %ecx; call rom_ram; cmpl %ecx, {FREE}(%eax); movl %ecx, %eax; "
     "jne 9f; ret; 9:"),
    ("ReleasePage", "leaves the page to be written to", page_of_frame(f"call rom_ram; movl %ecx, {FREE}(%eax); ret"),
     "GetCR2", f"call rom_ram; movl {FREE}(%eax), %ecx; jecxz 9f; movl $0, 28(%ecx); 9:"),
]

# Init and get_reloc. The numbers are those of the calls.
RELOCATION = [
    ("GetRelocation", "answers for unknown numbers", "cmpl $74, %eax; jb 9f; movl $33, %eax; 9:"),
    ("GetRelocation", "looks at 8 bits of the number", "movzbl %al, %eax"),
    ("GetRelocation", "gives an unknown type", "call real_get_reloc; testb %dl, %dl; jz 9f; movb $7, %dl; 9: ret"),
    ("GetRelocation", "wants a jump for SetCR3", "cmpl $17, %eax; jne 9f; call real_get_reloc; movb $2, %dl; ret; 9:"),
    ("GetRelocation", "erases GetCR3", "cmpl $21, %eax; jne 9f; call real_get_reloc; movb $3, %dl; ret; 9:"),
    ("GetRelocation", "leaves SYSEXIT native", "cmpl $34, %eax; jne 9f; xorl %eax, %eax; xorl %edx, %edx; ret; 9:"),
    ("GetRelocation", "leaves SetAlarm native", "cmpl $68, %eax; jne 9f; xorl %eax, %eax; xorl %edx, %edx; ret; 9:"),
    ("GetRelocation", "provides APICRead alone", "cmpl $64, %eax; jne 9f; movl $21, %eax; 9:"),
    ("GetRelocation", "provides SetCallbacks", "cmpl $72, %eax; jne 9f; movl $73, %eax; 9:"),
    ("GetRelocation", "answers otherwise each second time", f"pushl %eax; call rom_ram; xorl $1, {FREE}(%eax); "
     f"testl $1, {FREE}(%eax); popl %eax; jz 9f; cmpl $46, %eax; jne 9f; xorl %eax, %eax; xorl %edx, %edx; ret; 9:"),
    ("GetRelocation", "changes EBX", "notl %ebx"),
    ("GetRelocation", "changes EDI", "notl %edi"),
    ("GetRelocation", "answers otherwise after Init", f"pushl %eax; call rom_ram; cmpl $0, {ENTERED}(%eax); popl %eax; jne 9f; "
     "cmpl $46, %eax; jne 9f; xorl %eax, %eax; xorl %edx, %edx; ret; 9:"),
    ("Init", "fails", "movl $-1, %eax; ret"),
    ("Init", "fails the second time", f"call rom_ram; cmpl $0, {ENTERED}(%eax); je 9f; movl $-1, %eax; ret; 9:"),
    ("Init", "sets the clock back the second time", f"call rom_ram; movl $0, {ENTERED}(%eax)"),
    ("Init", "changes EBX", "notl %ebx"),
    ("Init", "changes ESI", "notl %esi"),
]

# Code in line, of a ROM as it was built: the last byte of the template.
TEMPLATES = [
    ("EnableInterrupts", "in line, does nothing", ("count", 0x90)),
    ("EnableInterrupts", "in line, disables", ("count", 0xFA)),
    ("DisableInterrupts", "in line, does nothing", ("count", 0x90)),
    ("DisableInterrupts", "in line, enables", ("count", 0xFB)),
    ("IRET", "in line, is nothing", ("native", 0x90)),
    ("SYSEXIT", "in line, is cut off", ("native", 0x90)),
]


def generic():
    """For every call: does nothing, and changes a register that it must keep."""
    for name in EFFECTIVE:
        yield name, "does nothing", NOTHING
    for name in EFFECTIVE + NOTICES + ["IRET", "SYSEXIT"]:
        if name in ("Reboot", "Shutdown"):
            continue
        register = "esi" if name == "CPUID" else "ebx"
        yield name, f"changes {register.upper()}", f"notl %{register}"
    for name in NOTICES:
        yield name, "switches interrupts on", "sti"
        yield name, "changes EBP", "notl %ebp"
        yield name, "sets the direction flag", "std; ret" if name != "IODelay" else "std; jmp native_IODelay"
