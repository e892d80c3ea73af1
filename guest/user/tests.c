/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The test program. Each test is one check() with a name; the kernel numbers and counts them. */
#include "tests.h"

static int all(void)
{
	tests_process();
	tests_schedule();
	tests_memory();
	tests_pipe();
	tests_fault();
	return 0;
}

/* In a process of their own, so that all they take must come back. */
int main(int count, char **arguments)
{
	uint32_t before;

	(void)count, (void)arguments;
	check(run(getpid) > 0, "fork, exit and wait"); /* without which nothing here can be trusted */
	before = free_pages();
	check(run(all) == 0, "the tests ran to their end");
	/* Until init has buried the orphans; if it does not, that is a failure. */
	for (int i = 0; i < PATIENCE && free_pages() != before; i++)
		sleep(4);
	check(free_pages() == before, "after all that, not a page of memory is missing");
	if (free_pages() != before)
		printf("# %u pages before, %u after\n", before, free_pages());
	return 0;
}
