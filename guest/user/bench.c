/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The measurements. Each is made several times and the smallest taken, because what comes in between, a timer
 * interrupt or the emulator, can only make it larger. Per operation: ticks / iterations.
 */
#include "user.h"

#define RUNS 7
#define PAGE 4096
#define SAMPLES 15 /* of timer_tick */
#define LOOKS 10000

static uint32_t irq_pair(uint32_t iterations)
{
	return measure(MEASURE_IRQ_PAIR, iterations);
}

static uint32_t irq_toggle(uint32_t iterations)
{
	return measure(MEASURE_IRQ_TOGGLE, iterations);
}

static uint32_t pte_update(uint32_t iterations)
{
	return measure(MEASURE_PTE_UPDATE, iterations);
}

static uint32_t call_getpid(uint32_t iterations)
{
	uint64_t start = time_stamp();

	while (iterations--)
		getpid();
	return time_stamp() - start;
}

/* One byte goes to the other process and back: two switches. */
static uint32_t pipe_switch(uint32_t iterations)
{
	int there[2], back[2];
	uint64_t start, ticks;
	char byte = 'x';

	pipe(there);
	pipe(back);
	if (!fork()) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			write(back[1], &byte, 1);
		exit(0);
	}
	write(there[1], &byte, 1);
	read(back[0], &byte, 1);
	start = time_stamp();
	for (uint32_t i = 0; i < iterations; i += 2) {
		write(there[1], &byte, 1);
		read(back[0], &byte, 1);
	}
	ticks = time_stamp() - start;
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
	wait(NULL);
	return ticks;
}

static uint32_t fork_exit_wait(uint32_t iterations)
{
	uint64_t start = time_stamp();

	while (iterations--) {
		if (!fork())
			exit(0);
		wait(NULL);
	}
	return time_stamp() - start;
}

/* The first access to pages of a new mapping. */
static uint32_t page_fault(uint32_t iterations)
{
	volatile char *memory = mmap((iterations + 1) * PAGE);
	uint64_t start;

	memory[iterations * PAGE] = 1; /* the page table is there now */
	start = time_stamp();
	for (uint32_t i = 0; i < iterations; i++)
		memory[i * PAGE] = 1;
	start = time_stamp() - start;
	munmap((char *)memory);
	return start;
}

/*
 * Looks at the time again and again. If the kernel's clock went on meanwhile, the longest look was the one with
 * the timer interrupt in it: a tick is what it took more than other looks. The result is the lower quartile of some:
 * most errors make it too large, but when the interrupt came between the looks and the clock it is far too small.
 */
static uint32_t timer_tick(void)
{
	uint32_t least = ~0u, longest[SAMPLES];

	for (int n = 0; n < SAMPLES;) {
		uint32_t clock = uptime(), most = 0;
		uint64_t start = time_stamp();
		int i;

		for (i = 0; i < LOOKS; i++) {
			uint64_t next = time_stamp();
			uint32_t took = next - start;

			if (took > most)
				most = took;
			if (took < least)
				least = took;
			start = next;
		}
		if (uptime() == clock)
			continue;
		for (i = n++; i > 0 && longest[i - 1] > most; i--)
			longest[i] = longest[i - 1];
		longest[i] = most;
	}
	return longest[SAMPLES / 4] - least;
}

static void bench(const char *name, uint32_t (*operation)(uint32_t), uint32_t iterations)
{
	uint32_t least = ~0u;

	profile(NULL);
	for (int i = 0; i < RUNS; i++) {
		uint32_t ticks = operation(iterations);

		if (ticks < least)
			least = ticks;
	}
	profile(name);
	printf("bench %s iterations=%u ticks=%u\n", name, iterations, least);
}

int main(int count, char **arguments)
{
	(void)count, (void)arguments;
	bench("irq_pair", irq_pair, 1000);
	bench("irq_toggle", irq_toggle, 1000);
	bench("pte_update", pte_update, 1000);
	bench("getpid", call_getpid, 1000);
	bench("pipe_switch", pipe_switch, 200);
	bench("fork_exit_wait", fork_exit_wait, 20);
	bench("page_fault", page_fault, 50);
	printf("bench timer_tick iterations=1 ticks=%u\n", timer_tick());
	return 0;
}
