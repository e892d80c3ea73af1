/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Time, pre-emption, and that a process does not notice either. */
#include "tests.h"

#define LETTERS 4
#define TICKS_A_LETTER 2

/* Computes for some ticks, without giving way by itself, and tells so; some times. */
static void hog(int to, char letter)
{
	for (int i = 0; i < LETTERS; i++) {
		uint32_t start = uptime();

		while (uptime() - start < TICKS_A_LETTER * 4)
			;
		write(to, &letter, 1);
	}
	exit(0);
}

static void test_preemption(void)
{
	char letters[2 * LETTERS] = "";
	int ends[2], first_b = 2 * LETTERS, last_a = -1;

	pipe(ends);
	for (int i = 0; i < 2; i++)
		if (!fork())
			hog(ends[1], 'a' + i);
	while (wait(NULL) > 0)
		;
	read(ends[0], letters, sizeof letters);
	close(ends[0]);
	close(ends[1]);
	for (int i = 0; i < 2 * LETTERS; i++) {
		if (letters[i] == 'a')
			last_a = i;
		if (letters[i] == 'b' && i < first_b)
			first_b = i;
	}
	check(last_a > first_b && last_a >= 0, "two processes that only compute both make progress");
}

static void test_sleep(void)
{
	static const int naps[] = { 100, 12, 56 };
	uint32_t start = uptime(), slept;
	char order[4] = "";
	int ends[2];

	sleep(40);
	slept = uptime() - start;
	check(slept >= 40 && slept < 1000, "sleep takes its time, and not much more");

	pipe(ends);
	for (int i = 0; i < 3; i++)
		if (!fork()) {
			sleep(naps[i]);
			write(ends[1], &"012"[i], 1);
			exit(0);
		}
	while (wait(NULL) > 0)
		;
	read(ends[0], order, 3);
	close(ends[0]);
	close(ends[1]);
	check(!strcmp(order, "120"), "of three that sleep, the shortest wakes first");
}

/* All registers and the flags, over some 10 ms in which interrupts and other processes come between. */
static int keeps_registers(void)
{
	uint32_t start = uptime(), wrong = 0;

	while (uptime() - start < 12)
		__asm__ volatile("pushal; pushfl;"
				 "movl $0x11111111, %%eax; movl $0x22222222, %%ebx; movl $0x44444444, %%edx;"
				 "movl $0x55555555, %%esi; movl $0x66666666, %%edi; movl $0x77777777, %%ebp;"
				 "movl $200000, %%ecx; std; stc;"
				 "1: jnc 2f; decl %%ecx; jnz 1b;"
				 "cmpl $0x11111111, %%eax; jne 2f; cmpl $0x22222222, %%ebx; jne 2f;"
				 "cmpl $0x44444444, %%edx; jne 2f; cmpl $0x55555555, %%esi; jne 2f;"
				 "cmpl $0x66666666, %%edi; jne 2f; cmpl $0x77777777, %%ebp; jne 2f;"
				 "pushfl; popl %%eax; testl $0x400, %%eax; jz 2f;"
				 "popfl; popal; jmp 3f;"
				 "2: popfl; popal; incl %0; 3:"
				 : "+m"(wrong)
				 :
				 : "memory", "cc");
	return wrong != 0;
}

/* With the direction flag set, which the kernel must not work with when it copies to ends. */
static int calls_keep_registers(void)
{
	volatile int ends[3] = { -1, -1, -1 };
	uint32_t b = P(ends), c = 0x33333333, d = 0x44444444, s = 0x55555555, t = 0x66666666, flags;

	__asm__ volatile("std; stc; int $0x80; pushfl; popl %%eax; cld"
			 : "=a"(flags), "+b"(b), "+c"(c), "+d"(d), "+S"(s), "+D"(t)
			 : "a"(SYS_pipe)
			 : "memory", "cc");
	return b == P(ends) && c == 0x33333333 && d == 0x44444444 && s == 0x55555555 && t == 0x66666666 &&
	       (flags & 0x401) == 0x401 && ends[0] > 2 && ends[1] > 2 && ends[2] == -1;
}

/* The kernel must not depend on what a program left in DS and ES, and must give it back. */
static int keeps_segments(void)
{
	uint32_t seen;

	__asm__ volatile("movl %%ds, %%ecx; pushl %%ecx; xorl %%ecx, %%ecx; movl %%ecx, %%es; movl %%ecx, %%ds;"
			 "int $0x80; movl %%ds, %%ecx; movl %%es, %%edx; orl %%edx, %%ecx;"
			 "popl %%edx; movl %%edx, %%ds; movl %%edx, %%es"
			 : "=&c"(seen)
			 : "a"(SYS_yield)
			 : "edx", "memory");
	return seen == 0;
}

__attribute__((noreturn)) static void stops_interrupts(void)
{
	__asm__ volatile("pushfl; andl $0xfffffdff, (%%esp); popfl" : : : "memory", "cc");
	for (;;)
		;
}

static void test_unnoticed(void)
{
	int status = -1, pid = fork(), spinner;

	if (!pid)
		exit(keeps_registers());
	spinner = fork();
	if (!spinner)
		for (;;)
			;
	while (wait(&status) != pid)
		;
	kill(spinner);
	wait(NULL);
	check(status == 0, "interrupts and other processes change no register and no flag");
	check(run(calls_keep_registers) == 1, "a system call changes no register but EAX, and no flag");
	check(run(keeps_segments) == 1, "a system call works with null segments, and keeps them");

	pid = fork();
	if (!pid)
		stops_interrupts();
	sleep(10);
	kill(pid);
	check(wait(&status) == pid && status == STATUS_KILLED + KILLED_BY_KILL, "popf in a program stops no interrupts");
}

void tests_schedule(void)
{
	test_preemption();
	test_sleep();
	test_unnoticed();
}
