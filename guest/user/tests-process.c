/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* fork, exec, wait, kill. */
#include "tests.h"

#define MANY 200
#define TREE_DEPTH 5

static int parent_pid;
static volatile int shared = 1;

static int is_another(void)
{
	return getpid() != parent_pid && getpid() == getpid();
}

static int writes(void)
{
	volatile int on_stack = 5;

	shared = 2;
	on_stack++;
	return shared + on_stack;
}

static int has_nobody(void)
{
	return wait(NULL) == -E_CHILD;
}

/* How many processes there are at and under a node of a binary tree. */
static int tree(int depth)
{
	int nodes = 1, status;

	if (depth == 1)
		return 1;
	for (int i = 0; i < 2; i++) {
		int pid = fork();

		if (!pid)
			exit(tree(depth - 1));
		if (pid < 0)
			return 0;
	}
	while (wait(&status) > 0)
		nodes += status;
	return nodes;
}

static int whole_tree(void)
{
	return tree(TREE_DEPTH);
}

static void test_fork(void)
{
	int pid, status = -1, ended, ends[2];
	char byte = 0;

	parent_pid = getpid();
	check(parent_pid > 0 && getpid() == parent_pid, "getpid is the same every time");
	check(run(is_another) == 1, "getpid is another in the child");

	pid = fork();
	if (!pid)
		exit(0x1234);
	ended = wait(&status);
	check(pid > 0 && ended == pid && status == 0x34, "wait gives the child's pid and 8 bits of its status");
	check(run(has_nobody) == 1, "wait without a child is refused");

	check(run(writes) == 8 && shared == 1, "what a child writes, the parent does not see");

	/* The child looks only after the parent has written. */
	pipe(ends);
	pid = fork();
	if (!pid) {
		read(ends[0], &byte, 1);
		exit(shared);
	}
	shared = 3;
	write(ends[1], "x", 1);
	wait(&status);
	shared = 1;
	close(ends[0]);
	close(ends[1]);
	check(status == 1, "what the parent writes after fork, the child does not see");

	check(run(whole_tree) == (1 << TREE_DEPTH) - 1, "a tree of 31 processes, each waits for its children");
}

static int becomes_status(void)
{
	return exec("child", (const char *const[]){ "status", "42", NULL });
}

static int becomes_nothing(void)
{
	return exec("no-such-program", NULL) == -E_NOENT && shared == 1;
}

static int wants_too_much(void)
{
	const char *const many[] = { "1", "2", "3", "4", "5", "6", "7", "8", "9", NULL };
	char longer[MAX_ARGUMENT_BYTES + 1];
	const char *const one[] = { longer, NULL };

	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = 0;
	return exec("child", many) == -E_2BIG && exec("child", one) == -E_2BIG;
}

static int passes_bad_pointers(void)
{
	return exec((const char *)0xc0100000, NULL) == -E_FAULT &&
	       exec("child", (const char *const *)0xc0100000) == -E_FAULT &&
	       exec("child", (const char *const[]){ (const char *)8, NULL }) == -E_FAULT;
}

static void test_exec(void)
{
	int ends[2], status = -1;
	char text[16] = "", digits[2] = "";

	check(run(becomes_status) == 42, "exec starts another program with its arguments");
	check(run(becomes_nothing) == 1, "exec of an unknown program is refused, and the old one goes on");
	check(run(wants_too_much) == 1, "exec with too many or too long arguments is refused");
	check(run(passes_bad_pointers) == 1, "exec refuses bad pointers");

	pipe(ends);
	if (!fork()) {
		digits[0] = '0' + ends[1];
		exit(exec("child", (const char *const[]){ "say", digits, "hello", NULL }));
	}
	wait(&status);
	read(ends[0], text, sizeof text - 1);
	close(ends[0]);
	close(ends[1]);
	check(!status && !strcmp(text, "hello"), "descriptors survive exec");
}

static int for_ever(void)
{
	while (shared)
		;
	return 0;
}

static int sleeps_long(void)
{
	return sleep(1000000);
}

static int reads_for_ever(void)
{
	int ends[2];

	pipe(ends);
	return read(ends[0], ends, 1);
}

static bool killed(int (*body)(void))
{
	int status = 0, pid = fork();

	if (!pid)
		exit(body());
	sleep(10);
	return kill(pid) == 0 && wait(&status) == pid && status == STATUS_KILLED + KILLED_BY_KILL;
}

static void test_kill(void)
{
	check(killed(for_ever), "kill ends a process that never calls the kernel");
	check(killed(sleeps_long), "kill ends a process that sleeps");
	check(killed(reads_for_ever), "kill ends a process that waits for a pipe");
	check(kill(123456) == -E_SRCH && kill(1) == -E_INVAL, "kill of nobody and of init is refused");
}

/* Forks until there is no more, then lets all go by closing the pipe that they read. */
static bool fill_process_table(int *most)
{
	int ends[2], pid = 0, children = 0, status, ended = 0;
	char byte;

	pipe(ends);
	while ((pid = fork()) > 0)
		children++;
	if (!pid) {
		close(ends[1]);
		exit(read(ends[0], &byte, 1));
	}
	close(ends[0]);
	close(ends[1]);
	while (wait(&status) > 0)
		ended += !status;
	*most = children;
	return pid == -E_AGAIN && ended == children;
}

static int leaves_an_orphan(void)
{
	if (!fork()) {
		sleep(5);
		exit(0);
	}
	return 0;
}

static void test_many(void)
{
	int first = 0, second = 0, orphans = 0, good = 0;
	bool full;

	full = fill_process_table(&first);
	check(full && first > 50, "fork is refused when there is no room for one more process");
	full = fill_process_table(&second);
	check(full && second == first, "and afterwards there is room for as many again");
	for (int i = 0; i < MANY; i++)
		good += run(is_another) == 1;
	check(good == MANY, "200 processes, one after the other");
	for (int i = 0; i < MANY / 4; i++)
		orphans += run(leaves_an_orphan) == 0;
	second = 0;
	for (int i = 0; i < PATIENCE && second != first; i++) {
		sleep(4);
		fill_process_table(&second);
	}
	check(orphans == MANY / 4 && second == first, "init buries the children of others");
}

void tests_process(void)
{
	test_fork();
	test_exec();
	test_kill();
	test_many();
}
