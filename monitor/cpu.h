/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef MONITOR_CPU_H
#define MONITOR_CPU_H

/* The processor: its bits by their names in the manual, and the instructions that C has no words for. */

#define CR0_PE 0x00000001
#define CR0_MP 0x00000002
#define CR0_EM 0x00000004
#define CR0_TS 0x00000008
#define CR0_ET 0x00000010
#define CR0_NE 0x00000020
#define CR0_WP 0x00010000
#define CR0_AM 0x00040000
#define CR0_PG 0x80000000
#define CR4_TSD 0x004
#define CR4_DE 0x008
#define CR4_PSE 0x010
#define CR4_PAE 0x020
#define CR4_PGE 0x080
#define CR4_OSFXSR 0x200
#define CR4_OSXMMEXCPT 0x400

#define FLAG_TF 0x00100
#define FLAG_IF 0x00200
#define FLAG_IOPL 0x03000
#define FLAG_NT 0x04000
#define FLAG_RF 0x10000
#define FLAG_VM 0x20000
#define FLAG_AC 0x40000

#define PTE_PRESENT 0x001
#define PTE_WRITE 0x002
#define PTE_USER 0x004
#define PTE_ACCESSED 0x020
#define PTE_DIRTY 0x040
#define PTE_LARGE 0x080
#define PTE_GLOBAL 0x100
#define PTE_NX (1ull << 63)
#define PAGE 4096u

/* Error code of a page fault. */
#define FAULT_PRESENT 1
#define FAULT_WRITE 2
#define FAULT_USER 4
#define FAULT_FETCH 16

#define MSR_EFER 0xc0000080
#define EFER_NXE 0x800

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Exceptions. */
enum { EX_DE, EX_DB, EX_NMI, EX_BP, EX_OF, EX_BR, EX_UD, EX_NM, EX_DF, EX_TS = 10, EX_NP, EX_SS, EX_GP, EX_PF, EX_MF = 16,
       EX_AC, EX_MC, EX_XM, EX_COUNT };

#define CPU_CR(n) \
	static inline uint32_t read_cr##n(void) \
	{ \
		uint32_t value; \
		__asm__ volatile("movl %%cr" #n ", %0" : "=r"(value)); \
		return value; \
	} \
	static inline void write_cr##n(uint32_t value) \
	{ \
		__asm__ volatile("movl %0, %%cr" #n : : "r"(value) : "memory"); \
	}
CPU_CR(0)
CPU_CR(2)
CPU_CR(3)
CPU_CR(4)

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint64_t rdtsc(void)
{
	uint64_t value;

	__asm__ volatile("rdtsc" : "=A"(value));
	return value;
}

static inline uint64_t rdmsr(uint32_t number)
{
	uint64_t value;

	__asm__ volatile("rdmsr" : "=A"(value) : "c"(number));
	return value;
}

static inline void wrmsr(uint32_t number, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "A"(value), "c"(number) : "memory");
}

static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
	__asm__ volatile("cpuid" : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3]) : "a"(leaf), "c"(subleaf));
}

/* The compiler would call a library for these. */
static inline uint64_t divide(uint64_t value, uint32_t by, uint32_t *rest)
{
	uint32_t high = (uint32_t)(value >> 32), low = (uint32_t)value;
	uint32_t quotient = high / by;

	high %= by;
	__asm__("divl %2" : "+a"(low), "+d"(high) : "r"(by) : "cc");
	if (rest)
		*rest = high;
	return (uint64_t)quotient << 32 | low;
}

/* value * rate / 2^32 */
static inline uint64_t scale(uint64_t value, uint32_t rate)
{
	return (value >> 32) * rate + ((uint64_t)(uint32_t)value * rate >> 32);
}
#endif
#endif
