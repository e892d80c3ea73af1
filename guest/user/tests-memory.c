/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Heap, mappings, the kernel's own reads and writes of a program's memory, and running out of it. */
#include "tests.h"

#define PAGE 4096
#define KERNEL_ADDRESS 0xc0100000

static volatile char page[2 * PAGE] __attribute__((aligned(4096)));

static bool is_zero(const volatile char *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

static int heap_grows(void)
{
	uint32_t start = brk(0);
	volatile char *heap = (volatile char *)start;

	if (brk(start + 10 * PAGE) != start + 10 * PAGE || !is_zero(heap, 10 * PAGE))
		return 0;
	memset((char *)heap, 1, 10 * PAGE);
	if (brk(start + PAGE) != start + PAGE || heap[0] != 1)
		return 0;
	return brk(start + 3 * PAGE) == start + 3 * PAGE && heap[PAGE - 1] == 1 && is_zero(heap + PAGE, 2 * PAGE);
}

static int heap_ends(void)
{
	uint32_t start = brk(0);

	return is_error(brk(start - PAGE)) && is_error(brk(MAP_BASE + PAGE)) && is_error(brk(0xfffffff0)) && brk(0) == start;
}

static int leaves_heap(void)
{
	volatile char *heap = (volatile char *)brk(0);

	brk(P(heap) + PAGE);
	heap[0] = 1;
	brk(P(heap));
	return heap[0];
}

static int maps(void)
{
	char *a = mmap(3 * PAGE), *b = mmap(1), *c;

	if (is_error(P(a)) || is_error(P(b)) || !is_zero(a, 3 * PAGE) || !is_zero(b, PAGE))
		return 0;
	memset(a, 1, 3 * PAGE);
	memset(b, 2, PAGE);
	if (a[0] != 1 || a[3 * PAGE - 1] != 1 || munmap(a) || b[0] != 2)
		return 0;
	c = mmap(2 * PAGE);
	return c == a && is_zero(c, 2 * PAGE) && munmap(c) == 0 && munmap(c) == -E_INVAL;
}

static int maps_too_much(void)
{
	int count = 0;

	if (!is_error(P(mmap(0))) || !is_error(P(mmap(0x80000000))) || !is_error(P(mmap(0xffffffff))))
		return 0;
	while (!is_error(P(mmap(PAGE))))
		count++;
	return count > 0 && count < 100;
}

static int reads_unmapped(void)
{
	volatile char *a = mmap(PAGE);

	a[0] = 1;
	munmap((char *)a);
	return a[0];
}

/* The page is shared with the parent: the kernel, which writes here, has to make the copy. */
static int kernel_writes_shared(void)
{
	int ends[2];

	pipe(ends);
	write(ends[1], "new", 3);
	return read(ends[0], (char *)page, 3) == 3 && page[0] == 'n';
}

static int passes_bad_buffers(void)
{
	char *hole = mmap(2 * PAGE);
	int ends[2], good = 0;

	munmap(hole);
	pipe(ends);
	write(ends[1], "1234", 4);
	good += write(1, (const void *)KERNEL_ADDRESS, 4) == -E_FAULT;
	good += write(1, (const void *)0xfffffffc, 100) == -E_FAULT;
	good += write(1, NULL, 1) == -E_FAULT;
	good += write(ends[1], hole, 4) == -E_FAULT;
	good += write(1, "x", 0xffffffff) == -E_INVAL;
	good += read(ends[0], (void *)KERNEL_ADDRESS, 4) == -E_FAULT;
	good += read(ends[0], (void *)kernel_writes_shared, 4) == -E_FAULT; /* this program's own text */
	good += pipe((int *)KERNEL_ADDRESS) == -E_FAULT;
	good += pipe((int *)kernel_writes_shared) == -E_FAULT;
	good += check(true, (const char *)KERNEL_ADDRESS) == -E_FAULT;
	if (!fork())
		exit(0);
	good += wait((int *)KERNEL_ADDRESS) == -E_FAULT;
	good += wait(NULL) > 0;
	return good;
}

static int passes_across_the_end(void)
{
	char *two = mmap(PAGE);
	int ends[2], got;

	pipe(ends);
	memset(two, 'x', PAGE);
	got = write(ends[1], two + PAGE - 2, 4);
	return got == -E_FAULT && write(ends[1], two + PAGE - 2, 2) == 2;
}

static int takes_all_memory(void)
{
	uint32_t length = (free_pages() + 100) * PAGE;
	volatile char *all = mmap(length);

	if (is_error(P(all)))
		return 1;
	for (uint32_t i = 0; i < length; i += PAGE)
		all[i] = 1;
	return 2;
}

/* With only a handful of pages left, fork has to give up half way, and give back what it took. */
static int forks_without_memory(void)
{
	volatile char *all = mmap(free_pages() * PAGE);
	uint32_t left;
	int pid;

	for (uint32_t i = 0; free_pages() > 3; i += PAGE)
		all[i] = 1;
	left = free_pages();
	pid = fork();
	if (!pid)
		exit(0);
	if (pid > 0)
		wait(NULL);
	return pid < 0 && free_pages() == left && all[0] == 1;
}

void tests_memory(void)
{
	uint32_t before;
	int status;

	page[0] = 'o';
	check(run(heap_grows) == 1, "brk gives zeroed memory, takes it back, gives it zeroed again");
	check(run(heap_ends) == 1, "brk below the start, into the mappings and around is refused");
	check(run(leaves_heap) == STATUS_KILLED + EXCEPTION_PAGE, "memory that brk took back is gone");
	check(run(maps) == 1, "mmap gives zeroed memory, munmap takes it back");
	check(run(maps_too_much) == 1, "mmap of too much, of nothing and too often is refused");
	check(run(reads_unmapped) == STATUS_KILLED + EXCEPTION_PAGE, "memory that munmap took back is gone");
	check(run(kernel_writes_shared) == 1 && page[0] == 'o', "a system call that writes to a shared page copies it");
	check(run(passes_bad_buffers) == 12, "system calls refuse pointers that the program may not use");
	check(run(passes_across_the_end) == 1, "system calls refuse a buffer of which only the start is good");
	before = free_pages();
	status = run(takes_all_memory);
	check(status == STATUS_KILLED + KILLED_BY_MEMORY && free_pages() == before,
	      "who takes all memory is ended, and all of it comes back");
	check(run(forks_without_memory) == 1 && free_pages() == before,
	      "fork without memory is refused, and loses none");
}
