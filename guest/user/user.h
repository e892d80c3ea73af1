/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef GUEST_USER_H
#define GUEST_USER_H

/* What programs can use: the system calls, and very little on top. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

static inline int system_call(uint32_t number, uint32_t a, uint32_t b, uint32_t c)
{
	int result;

	__asm__ volatile("int %1" : "=a"(result) : "i"(SYSTEM_CALL_VECTOR), "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
	return result;
}

#define P(value) ((uint32_t)(value))

static inline int fork(void)
{
	return system_call(SYS_fork, 0, 0, 0);
}

static inline int exec(const char *name, const char *const *arguments)
{
	return system_call(SYS_exec, P(name), P(arguments), 0);
}

static inline int wait(int *status)
{
	return system_call(SYS_wait, P(status), 0, 0);
}

static inline int kill(int pid)
{
	return system_call(SYS_kill, P(pid), 0, 0);
}

static inline int getpid(void)
{
	return system_call(SYS_getpid, 0, 0, 0);
}

static inline int yield(void)
{
	return system_call(SYS_yield, 0, 0, 0);
}

static inline int sleep(uint32_t milliseconds)
{
	return system_call(SYS_sleep, milliseconds, 0, 0);
}

static inline uint32_t uptime(void)
{
	return system_call(SYS_uptime, 0, 0, 0);
}

static inline int pipe(int ends[2])
{
	return system_call(SYS_pipe, P(ends), 0, 0);
}

static inline int read(int descriptor, void *buffer, uint32_t length)
{
	return system_call(SYS_read, P(descriptor), P(buffer), length);
}

static inline int write(int descriptor, const void *buffer, uint32_t length)
{
	return system_call(SYS_write, P(descriptor), P(buffer), length);
}

static inline int close(int descriptor)
{
	return system_call(SYS_close, P(descriptor), 0, 0);
}

/* An address, or an error: those are the highest 4095 numbers. */
static inline uint32_t brk(uint32_t end)
{
	return system_call(SYS_brk, end, 0, 0);
}

static inline void *mmap(uint32_t length)
{
	return (void *)system_call(SYS_mmap, length, 0, 0);
}

static inline bool is_error(uint32_t result)
{
	return result > -4096u;
}

static inline int munmap(const void *address)
{
	return system_call(SYS_munmap, P(address), 0, 0);
}

static inline uint32_t free_pages(void)
{
	return system_call(SYS_free_pages, 0, 0, 0);
}

static inline int check(bool passed, const char *name)
{
	return system_call(SYS_check, passed, P(name), 0);
}

static inline uint32_t measure(uint32_t what, uint32_t iterations)
{
	return system_call(SYS_measure, what, iterations, 0);
}

static inline int profile(const char *name)
{
	return system_call(SYS_profile, P(name), 0, 0);
}

static inline void poweroff(void)
{
	system_call(SYS_poweroff, 0, 0, 0);
}

static inline uint64_t time_stamp(void)
{
	uint64_t value;

	__asm__ volatile("rdtsc" : "=A"(value) : : "memory");
	return value;
}

/* library.c */
__attribute__((noreturn)) void exit(int status);
__attribute__((format(printf, 1, 2))) void printf(const char *text, ...);
int run(int (*body)(void));
int number(const char *digits);

/* string.c */
void *memset(void *to, int value, size_t length);
void *memcpy(void *to, const void *from, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

int main(int count, char **arguments);
#endif
