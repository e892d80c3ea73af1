/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* System calls: a table, and those of them that are short. */
#include "kernel.h"

typedef int call_function(uint32_t, uint32_t, uint32_t);

#define UNUSED_ARGUMENTS (void)a, (void)b, (void)c

static struct file *file_of(uint32_t descriptor)
{
	return descriptor < FILES && current->files[descriptor].kind ? &current->files[descriptor] : NULL;
}

/* Only the low 8 bits, so that no program can look like one that was killed. */
static int sys_exit(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	process_exit(a & 0xff);
}

static int sys_fork(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	return process_fork();
}

static int sys_exec(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	return process_exec(a, b);
}

static int sys_wait(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	return process_wait(a);
}

static int sys_kill(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	return process_kill(a);
}

static int sys_getpid(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	return current->pid;
}

static int sys_yield(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	schedule();
	return 0;
}

static int sys_sleep(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	return timer_sleep(a);
}

static int sys_uptime(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	return ticks * (1000 / HZ);
}

static int sys_pipe(uint32_t a, uint32_t b, uint32_t c)
{
	int ends[2], n = 0, error;

	UNUSED_ARGUMENTS;
	for (int i = 0; i < FILES && n < 2; i++)
		if (!current->files[i].kind)
			ends[n++] = i;
	if (n < 2)
		return -E_MFILE;
	error = pipe_new(&current->files[ends[0]], &current->files[ends[1]]);
	if (error)
		return error;
	error = copy_out(a, ends, sizeof ends);
	for (n = 0; n < 2 && error; n++)
		file_close(&current->files[ends[n]]);
	return error;
}

static int sys_read(uint32_t a, uint32_t b, uint32_t c)
{
	struct file *file = file_of(a);

	if (!file)
		return -E_BADF;
	return c > INT32_MAX ? -E_INVAL : file_read(file, b, c);
}

static int sys_write(uint32_t a, uint32_t b, uint32_t c)
{
	struct file *file = file_of(a);

	if (!file)
		return -E_BADF;
	return c > INT32_MAX ? -E_INVAL : file_write(file, b, c);
}

static int sys_close(uint32_t a, uint32_t b, uint32_t c)
{
	struct file *file = file_of(a);

	UNUSED_ARGUMENTS;
	if (!file)
		return -E_BADF;
	file_close(file);
	return 0;
}

/* Only moves the end: pages come when they are touched. */
static int sys_brk(uint32_t a, uint32_t b, uint32_t c)
{
	struct region *heap = &current->space.regions[REGION_HEAP];
	uint32_t end = (a + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

	UNUSED_ARGUMENTS;
	if (!a)
		return heap->end;
	if (end < heap->start || end > MAP_BASE)
		return -E_NOMEM;
	space_unmap(&current->space, end, heap->end);
	heap->end = end;
	return end;
}

static int sys_mmap(uint32_t a, uint32_t b, uint32_t c)
{
	struct region *regions = current->space.regions, *unused = NULL;
	uint32_t start = MAP_BASE, limit = STACK_TOP - STACK_SIZE, length = (a + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

	UNUSED_ARGUMENTS;
	if (!a || a > limit - MAP_BASE)
		return a ? -E_NOMEM : -E_INVAL;
	for (int i = REGION_MAP; i < REGIONS; i++) {
		if (!regions[i].end)
			unused = &regions[i];
		else if (start < regions[i].end && regions[i].start < start + length) {
			start = regions[i].end; /* in the way: begin behind it, and look at all others again */
			i = REGION_MAP - 1;
		}
	}
	if (!unused || length > limit - start)
		return -E_NOMEM;
	*unused = (struct region){ start, start + length, true };
	return start;
}

static int sys_munmap(uint32_t a, uint32_t b, uint32_t c)
{
	struct region *regions = current->space.regions;

	UNUSED_ARGUMENTS;
	for (int i = REGION_MAP; i < REGIONS; i++) {
		if (!regions[i].end || regions[i].start != a)
			continue;
		space_unmap(&current->space, regions[i].start, regions[i].end);
		regions[i] = (struct region){ 0 };
		return 0;
	}
	return -E_INVAL;
}

static int sys_free_pages(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	return frames_free;
}

static int sys_check(uint32_t a, uint32_t b, uint32_t c)
{
	char name[96];
	int error = copy_in_string(name, b, sizeof name);

	UNUSED_ARGUMENTS;
	if (error < 0)
		return error;
	check(a, name);
	return 0;
}

static int sys_measure(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	return bench_measure(a, b);
}

static int sys_profile(uint32_t a, uint32_t b, uint32_t c)
{
	char name[32];
	int error = a ? copy_in_string(name, a, sizeof name) : 0;

	UNUSED_ARGUMENTS;
	if (error < 0)
		return error;
	profile_report(a ? name : NULL);
	return 0;
}

static int sys_poweroff(uint32_t a, uint32_t b, uint32_t c)
{
	UNUSED_ARGUMENTS;
	power_off();
}

void system_call(struct trap_frame *frame)
{
	static call_function *const calls[] = {
#define X(name) [SYS_##name] = sys_##name,
		SYSTEM_CALLS(X)
#undef X
	};

	if (frame->eax < SYSTEM_CALL_COUNT)
		frame->eax = calls[frame->eax](frame->ebx, frame->ecx, frame->edx);
	else
		frame->eax = -E_NOSYS;
}
