/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What one call site costs the code around it, by what stands there. The code is written into memory as a patcher
 * would write it, x86-64, and run three ways:
 *
 *	back to back   the sites alone, one after another: what benchmarks like to show
 *	warm           a site in each block of real work, few blocks, run again and again
 *	cold           the same blocks, 8 MiB of them in an order that nothing can guess, each run once in a round
 *
 * What is called stays warm in all three, as a kernel's few handlers do. The memory is in large pages if the
 * system has them, as a kernel's text is.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

#define BLOCK 256
#define WARM_BLOCKS 32
#define COLD_BLOCKS 32768
#define ROUNDS 51

/* What a site refers to: at fixed places in front of the blocks, each in a cache line of its own. */
enum place { FLAG = 64, POINTER = 128, HANDLER = 192, STUB = 256, THUNK = 320, AREA = 4096 };

/* Some work that a kernel might do between two sites: a hash step, a store, a branch that is always taken. */
extern const unsigned char bench_work[], bench_work_end[];
__asm__(".pushsection .rodata; bench_work: movq %rdi, %rax; imulq $0x1e3779b1, %rax, %rax; shrq $9, %rax; "
	"andl $0xff, %eax; movq (%rsi,%rax,8), %rdx; addq %rdx, %rdi; xorq %rax, %rdx; rolq $7, %rdi; "
	"movq %rdx, (%rsi,%rax,8); testq %rsi, %rsi; jz bench_work; leaq 1(%rdi,%rdx,2), %rdi; bench_work_end: .popsection");

/* The bytes of a site; at hole, if it is not 0, 32 bits that lead from the end of their instruction to place. */
static const struct kind {
	const char *name, *key;
	unsigned size;
	unsigned char code[16];
	unsigned hole, end;
	enum place place;
} kinds[BENCH_SITE_KINDS] = {
	{ "nop of 8 bytes", "nop", 8, "\x0f\x1f\x84\0\0\0\0\0", 0, 0, 0 },
	{ "flag cleared in line", "inline_disable", 8, "\xc6\x05\0\0\0\0\0\x90", 2, 7, FLAG },
	{ "flag set in line, pending tested", "inline_enable", 9, "\x80\x0d\0\0\0\0\1\x78\0", 2, 7, FLAG },
	{ "direct call", "direct_call", 8, "\x0f\x1f\0\xe8\0\0\0\0", 4, 8, HANDLER },
	{ "call through a pointer", "pointer_call", 8, "\xff\x15\0\0\0\0\x66\x90", 2, 6, POINTER },
	{ "call through the PLT", "plt_call", 8, "\x0f\x1f\0\xe8\0\0\0\0", 4, 8, STUB },
	{ "retpoline", "retpoline", 8, "\x0f\x1f\0\xe8\0\0\0\0", 4, 8, THUNK },
	{ "pushf; pop and push; popf", "flags_save_restore", 4, "\x9c\x58\x50\x9d", 0, 0, 0 },
};
struct bench_site bench_sites[BENCH_SITE_KINDS];

static void put_relative(unsigned char *hole, const unsigned char *end, const unsigned char *target)
{
	int32_t relative = (int32_t)(target - end);

	memcpy(hole, &relative, sizeof relative);
}

static unsigned char *put_site(const struct kind *kind, unsigned char *base, unsigned char *to)
{
	memcpy(to, kind->code, kind->size);
	if (kind->hole)
		put_relative(to + kind->hole, to + kind->end, base + kind->place);
	return to + kind->size;
}

static void put_places(unsigned char *base)
{
	unsigned char *handler = base + HANDLER, *thunk = base + THUNK, *stub = base + STUB;

	memcpy(base + POINTER, &handler, sizeof handler);
	memcpy(handler, "\xc6\x05\0\0\0\0\0\xc3", 8); /* movb $0, flag; ret */
	put_relative(handler + 2, handler + 7, base + FLAG);
	memcpy(stub, "\xff\x25", 2); /* jmp *pointer */
	put_relative(stub + 2, stub + 6, base + POINTER);
	/* mov pointer, %rax; call 1f; 0: pause; lfence; jmp 0b; 1: mov %rax, (%rsp); ret */
	memcpy(thunk, "\x48\x8b\x05\0\0\0\0\xe8\7\0\0\0\xf3\x90\x0f\xae\xe8\xeb\xf9\x48\x89\x04\x24\xc3", 24);
	put_relative(thunk + 3, thunk + 7, base + POINTER);
}

/* Blocks of work and a site, each ending in a jump to the next; next[i] is the number of the block after i. */
static void put_blocks(const struct kind *kind, unsigned char *base, const unsigned *next, unsigned count)
{
	size_t work = (size_t)(bench_work_end - bench_work);

	for (unsigned i = 0; i < count; i++) {
		unsigned char *to = base + AREA + (size_t)i * BLOCK;

		memcpy(to, bench_work, work);
		to = put_site(kind, base, to + work);
		if (next[i] == 0)
			*to = 0xc3;
		else {
			*to = 0xe9;
			put_relative(to + 1, to + 5, base + AREA + (size_t)next[i] * BLOCK);
		}
	}
}

static void put_row(const struct kind *kind, unsigned char *base, unsigned count)
{
	unsigned char *to = base + AREA;

	while (count--)
		to = put_site(kind, base, to);
	*to = 0xc3;
}

/* ns of a run of the code at base, divided by count sites. */
static double run(unsigned char *base, unsigned times, unsigned count)
{
	static uint64_t table[256];
	uint64_t value = 1;
	double start = bench_now();

	while (times--) {
		void *code = base + AREA;

		/* The red zone of this function must not be under the stack that the code uses. */
		__asm__ __volatile__("leaq -128(%%rsp), %%rsp; call *%[code]; leaq 128(%%rsp), %%rsp"
				     : "+D"(value)
				     : [code] "r"(code), "S"(table)
				     : "rax", "rcx", "rdx", "r8", "cc", "memory");
	}
	return (bench_now() - start) / count;
}

/* A single cycle through all blocks that starts and ends at 0: in order, or shuffled. */
static void make_order(unsigned *next, unsigned count, int shuffled)
{
	unsigned *order = malloc(count * sizeof *order);

	for (unsigned i = 0; i < count; i++)
		order[i] = i;
	srand(1);
	for (unsigned i = count - 1; shuffled && i > 1; i--) {
		unsigned j = 1 + rand() % i, swap = order[i];

		order[i] = order[j];
		order[j] = swap;
	}
	for (unsigned i = 0; i < count; i++)
		next[order[i]] = i + 1 < count ? order[i + 1] : 0;
	free(order);
}

void bench_site_run(void)
{
	enum { BACK, WARM, COLD, WAYS };
	static double samples[WAYS][BENCH_SITE_KINDS][ROUNDS];
	static unsigned next[COLD_BLOCKS];
	size_t page = 2 << 20, size = ((AREA + (size_t)COLD_BLOCKS * BLOCK) / page + 2) * page;
	unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *base = (unsigned char *)(((uintptr_t)memory + page - 1) & ~(page - 1));

	if (memory == MAP_FAILED)
		bench_die("bench: no memory that is writable and executable");
	madvise(memory, size, MADV_HUGEPAGE);
	put_places(base);
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned k = 0; k < BENCH_SITE_KINDS; k++) {
			put_row(&kinds[k], base, 64);
			run(base, 100, 1);
			samples[BACK][k][round] = run(base, 2000, 2000 * 64);
			make_order(next, WARM_BLOCKS, 0);
			put_blocks(&kinds[k], base, next, WARM_BLOCKS);
			run(base, 100, 1);
			samples[WARM][k][round] = run(base, 2000, 2000 * WARM_BLOCKS);
			make_order(next, COLD_BLOCKS, 1);
			put_blocks(&kinds[k], base, next, COLD_BLOCKS);
			run(base, 1, 1);
			samples[COLD][k][round] = run(base, 2, 2 * COLD_BLOCKS);
		}
	munmap(memory, size);
	for (unsigned k = 0; k < BENCH_SITE_KINDS; k++)
		bench_sites[k] = (struct bench_site){
			.name = kinds[k].name,
			.key = kinds[k].key,
			.back_to_back = bench_median(samples[BACK][k], ROUNDS),
			.warm = bench_median(samples[WARM][k], ROUNDS) - (k ? bench_median(samples[WARM][0], ROUNDS) : 0),
			.cold = bench_median(samples[COLD][k], ROUNDS) - (k ? bench_median(samples[COLD][0], ROUNDS) : 0),
		};
}
