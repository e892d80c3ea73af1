/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The first process: the tests, then the measurements, then the end. */
#include "user.h"

static bool run_program(const char *name)
{
	int status = -1, pid = fork(), ended;

	if (!pid) {
		exec(name, NULL);
		exit(1);
	}
	/* Orphans end here too. */
	do
		ended = wait(&status);
	while (ended > 0 && ended != pid);
	return ended == pid && !status;
}

int main(int count, char **arguments)
{
	(void)count, (void)arguments;
	check(run_program("tests"), "the test program ended well");
	profile("tests");
	check(run_program("bench"), "the measurements ended well");
	poweroff();
	return 0;
}
