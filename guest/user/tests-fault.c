/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a program must not do. Each of these ends the process that does it, with the exception's number,
 * and nobody else. */
#include "tests.h"

#define KERNEL_ADDRESS ((volatile char *)0xc0100000)

/* A function that executes text, and should not live to return 1. */
#define BAD(name, text) \
	static int name(void) \
	{ \
		__asm__ volatile(text : : : "memory", "cc", "eax", "ecx", "edx"); \
		return 1; \
	}

BAD(divides, "xorl %%ecx, %%ecx; movl $1, %%eax; cltd; idivl %%ecx")
BAD(does_cli, "cli")
BAD(does_sti, "sti")
BAD(does_hlt, "hlt")
BAD(does_in, "inb $0x60, %%al")
BAD(does_out, "movb $0x11, %%al; outb %%al, $0xf4")
BAD(does_iopl, "pushfl; orl $0x3000, (%%esp); popfl; inb $0x60, %%al")
BAD(loads_cr3, "xorl %%eax, %%eax; movl %%eax, %%cr3")
BAD(reads_cr0, "movl %%cr0, %%eax")
BAD(loads_gdt, "subl $8, %%esp; movl $0, (%%esp); movl $0, 4(%%esp); lgdtl (%%esp); addl $8, %%esp")
BAD(loads_tr, "movl $0x28, %%eax; ltr %%ax")
BAD(reads_msr, "movl $0x1b, %%ecx; rdmsr")
BAD(clears_ts, "clts")
BAD(invalidates, "invlpg 0")
BAD(fakes_timer, "int $0x20")
BAD(fakes_fault, "int $0xe")
BAD(loads_kernel_ds, "movl $0x10, %%eax; movl %%eax, %%ds")
BAD(loads_kernel_ss, "movl $0x10, %%eax; movl %%eax, %%ss")
BAD(loads_beyond_gdt, "movl $0x7fb, %%eax; movl %%eax, %%es")
BAD(calls_kernel_code, "lcall $0x08, $0xc0100000")
BAD(irets_to_kernel, "pushfl; pushl $0x08; pushl $0xc0100000; iretl")
BAD(jumps_to_bad_cs, "pushl $0x7fb; pushl $1f; lretl; 1:")
BAD(no_such_opcode, "ud2")
BAD(traces_itself, "pushfl; orl $0x100, (%%esp); popfl; nop; nop")
BAD(uses_fpu, "fld1; fstp %%st(0)")
BAD(jumps_nowhere, "movl $0x300000, %%eax; jmp *%%eax")
BAD(jumps_to_kernel, "movl $0xc0100000, %%eax; jmp *%%eax")
BAD(loses_stack, "movl $0xc0100000, %%esp; pushl %%eax")

static int writes_null(void)
{
	*(volatile char *)0 = 1;
	return 1;
}

static int reads_kernel(void)
{
	return *KERNEL_ADDRESS + 1;
}

static int writes_kernel(void)
{
	*KERNEL_ADDRESS = 1;
	return 1;
}

static int writes_text(void)
{
	*(volatile char *)writes_kernel = 1;
	return 1;
}

static int overflows_stack(void)
{
	__asm__ volatile("1: pushl $0; jmp 1b" : : : "memory");
	return 1;
}

static int calls_nothing(void)
{
	return system_call(SYSTEM_CALL_COUNT, 0, 0, 0) == -E_NOSYS && system_call(-1, 0, 0, 0) == -E_NOSYS &&
	       system_call(0x80000000, 0, 0, 0) == -E_NOSYS;
}

static const struct {
	const char *name;
	int (*body)(void);
	int exception;
} bad[] = {
	{ "a divide error ends a process", divides, EXCEPTION_DIVIDE },
	{ "an unknown instruction ends a process", no_such_opcode, EXCEPTION_OPCODE },
	{ "the trap flag ends a process", traces_itself, EXCEPTION_DEBUG },
	{ "programs have no FPU", uses_fpu, EXCEPTION_NO_FPU },
	{ "writing to address 0 ends a process", writes_null, EXCEPTION_PAGE },
	{ "reading the kernel's memory ends a process", reads_kernel, EXCEPTION_PAGE },
	{ "writing the kernel's memory ends a process", writes_kernel, EXCEPTION_PAGE },
	{ "writing its own text ends a process", writes_text, EXCEPTION_PAGE },
	{ "jumping to nowhere ends a process", jumps_nowhere, EXCEPTION_PAGE },
	{ "jumping into the kernel ends a process", jumps_to_kernel, EXCEPTION_PAGE },
	{ "running out of stack ends a process", overflows_stack, EXCEPTION_PAGE },
	{ "a stack pointer into the kernel ends a process", loses_stack, EXCEPTION_PAGE },
	{ "cli is not for programs", does_cli, EXCEPTION_GENERAL },
	{ "sti is not for programs", does_sti, EXCEPTION_GENERAL },
	{ "hlt is not for programs", does_hlt, EXCEPTION_GENERAL },
	{ "in is not for programs", does_in, EXCEPTION_GENERAL },
	{ "out is not for programs", does_out, EXCEPTION_GENERAL },
	{ "popf gives a program no ports", does_iopl, EXCEPTION_GENERAL },
	{ "writing CR3 is not for programs", loads_cr3, EXCEPTION_GENERAL },
	{ "reading CR0 is not for programs", reads_cr0, EXCEPTION_GENERAL },
	{ "lgdt is not for programs", loads_gdt, EXCEPTION_GENERAL },
	{ "ltr is not for programs", loads_tr, EXCEPTION_GENERAL },
	{ "rdmsr is not for programs", reads_msr, EXCEPTION_GENERAL },
	{ "clts is not for programs", clears_ts, EXCEPTION_GENERAL },
	{ "invlpg is not for programs", invalidates, EXCEPTION_GENERAL },
	{ "int cannot pretend a timer interrupt", fakes_timer, EXCEPTION_GENERAL },
	{ "int cannot pretend a page fault", fakes_fault, EXCEPTION_GENERAL },
	{ "the kernel's DS cannot be loaded", loads_kernel_ds, EXCEPTION_GENERAL },
	{ "the kernel's SS cannot be loaded", loads_kernel_ss, EXCEPTION_GENERAL },
	{ "a selector beyond the table cannot be loaded", loads_beyond_gdt, EXCEPTION_GENERAL },
	{ "a far call into the kernel is refused", calls_kernel_code, EXCEPTION_GENERAL },
	{ "a program's iret into the kernel is refused", irets_to_kernel, EXCEPTION_GENERAL },
	{ "a far return to a bad CS is refused", jumps_to_bad_cs, EXCEPTION_GENERAL },
};

void tests_fault(void)
{
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		int status = run(bad[i].body);

		check(status == STATUS_KILLED + bad[i].exception, bad[i].name);
		if (status != STATUS_KILLED + bad[i].exception)
			printf("# status %x, expected %x\n", status, STATUS_KILLED + bad[i].exception);
	}
	check(run(calls_nothing) == 1, "system calls that do not exist are refused");
}
