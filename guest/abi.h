/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef GUEST_ABI_H
#define GUEST_ABI_H

/*
 * What the kernel and its programs agree on. A program puts the number of a system call into EAX, up to
 * three arguments into EBX, ECX and EDX, and executes int $0x80. The result comes back in EAX; -4095 to -1
 * are errors. All other registers are kept.
 */
#define SYSTEM_CALLS(X) \
	X(exit)         /* (status) */ \
	X(fork)         /* () -> pid of the child, 0 in the child */ \
	X(exec)         /* (name, arguments): a built-in program; arguments end with NULL */ \
	X(wait)         /* (address of status or NULL) -> pid */ \
	X(kill)         /* (pid) */ \
	X(getpid)       /* () -> pid */ \
	X(yield)        /* () */ \
	X(sleep)        /* (milliseconds) */ \
	X(uptime)       /* () -> milliseconds */ \
	X(pipe)         /* (address of two descriptors: for reading, for writing) */ \
	X(read)         /* (descriptor, buffer, length) -> length, 0 at the end */ \
	X(write)        /* (descriptor, buffer, length) -> length */ \
	X(close)        /* (descriptor) */ \
	X(brk)          /* (new end of the heap or 0) -> end */ \
	X(mmap)         /* (length) -> address of zeroed memory */ \
	X(munmap)       /* (address that mmap gave) */ \
	X(free_pages)   /* () -> free page frames of the machine */ \
	X(check)        /* (passed, name): reports a test */ \
	X(measure)      /* (MEASURE_..., iterations) -> ticks of the time stamp counter, spent in the kernel */ \
	X(profile)      /* (name or NULL): reports how often the call sites ran since the last time, if the kernel counts */ \
	X(poweroff)     /* (): the run is over; does not come back */

#define SYSTEM_CALL_VECTOR 0x80

/* Errors, negated in EAX. The numbers are the usual ones of Unix. */
#define E_NOENT 2
#define E_SRCH 3
#define E_INTR 4
#define E_2BIG 7
#define E_BADF 9
#define E_CHILD 10
#define E_AGAIN 11
#define E_NOMEM 12
#define E_FAULT 14
#define E_INVAL 22
#define E_MFILE 24
#define E_PIPE 32
#define E_NOSYS 38

/* What wait reports: the low 8 bits of the exit status, or for a process that was ended this, plus what
 * ended it: the processor's exception vector, or one of the others. */
#define STATUS_KILLED 0x100
#define KILLED_BY_KILL 0x80
#define KILLED_BY_MEMORY 0x81

#define EXCEPTION_DIVIDE 0
#define EXCEPTION_DEBUG 1
#define EXCEPTION_OPCODE 6
#define EXCEPTION_NO_FPU 7
#define EXCEPTION_GENERAL 13
#define EXCEPTION_PAGE 14

#define MEASURE_IRQ_PAIR 0
#define MEASURE_IRQ_TOGGLE 1
#define MEASURE_PTE_UPDATE 2

/* Where things are in a program's memory. The program itself is linked where it likes below MAP_BASE. */
#define USER_BASE 0x00001000
#define MAP_BASE 0x40000000
#define STACK_TOP 0xb0000000
#define STACK_SIZE 0x00040000
#define MAX_ARGUMENTS 8
#define MAX_ARGUMENT_BYTES 1024

#ifndef __ASSEMBLER__
enum system_call {
#define X(name) SYS_##name,
	SYSTEM_CALLS(X)
#undef X
	SYSTEM_CALL_COUNT
};
#endif
#endif
