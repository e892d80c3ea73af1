/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Committing and reverting while other threads run the sites. The sites are real ones of this program, their
 * native code counts and calls nothing; patched, they call a function that counts. A thread that
 * executes anything but one of the two dies.
 */
#define _GNU_SOURCE /* REG_RIP */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>
#include <vrom/patch.h>

#include "kernel.h"

#define THREADS 3
#define SITES 40
#define ROUNDS 100

static struct vrom_plan plan;
static struct fake_host fake;
static struct vrom_table table;
static unsigned char native[SITES * 16], memory[VROM_PLAN_MEMORY(SITES)];
static unsigned char *code; /* a page of sites, one of what they call, one of records */
static pthread_t threads[THREADS];
static atomic_int stop, acknowledged, inside;
static atomic_ulong traps;
static atomic_ulong rounds[THREADS];

/* A breakpoint at a site: try again from its start. */
static void on_trap(int signal, siginfo_t *info, void *context)
{
	greg_t *ip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	(void)signal, (void)info;
	if (!vrom_trapped(&plan, *ip)) {
		static const char text[] = "# a breakpoint where no site is\n";

		if (write(1, text, sizeof text - 1) < 0)
			_exit(99);
		_exit(98);
	}
	traps++;
	--*ip;
}

/* The other processors' side of sync. Taking the signal serialises. */
static void on_sync(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info;
	inside += vrom_inside(&plan, ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]);
	acknowledged++;
}

static void sync_threads(void *context)
{
	(void)context;
	do {
		acknowledged = inside = 0;
		for (unsigned i = 0; i < THREADS; i++)
			pthread_kill(threads[i], SIGUSR1);
		while (acknowledged < THREADS)
			sched_yield();
	} while (inside);
}

static void *run(void *argument)
{
	atomic_ulong *count = argument;

	while (!stop) {
		((void (*)(void))(uintptr_t)code)();
		++*count;
	}
	return NULL;
}

/* The kinds of sites, in turn: calls, one that loads a constant first, and code in line, with and without one. */
static const struct kind {
	unsigned call, size, operands;
	uint32_t constant;
} kinds[] = {
	{ VMI_CALL_EnableInterrupts, 8, VROM_STANDARD, 0 },
	{ VMI_CALL_SetCR3, 5, VROM_STANDARD, 0 },
	{ VMI_CALL_WRMSR, 10, VROM_STANDARD + 1, 0x12345678 },
	{ VMI_CALL_FlushTLB, 12, VROM_STANDARD + 1, 2 },
	{ VMI_CALL_WRMSR, 20, VROM_STANDARD + 1, 7 },
	{ VMI_CALL_FlushTLB, 10, VROM_STANDARD + 1, 2 },
	{ VMI_CALL_CLTS, 5, VROM_STANDARD, 0 },
	{ VMI_CALL_FlushTLB, 12, VROM_STANDARD + 1, 2 },
};
#define KINDS (sizeof kinds / sizeof *kinds)

static const struct vrom_template templates[] = {
	/* lea (constant - 1)(rax), rax */
	{ .call = VMI_CALL_FlushTLB, .length = 4, .code = "\x48\x8d\x40\xff", .holes = { { 3, 0x14 } },
	  .guard_arguments = { 1 }, .guards = { { 0xff, 2 } } },
	/* inc rax; nop */
	{ .call = VMI_CALL_CLTS, .length = 4, .changes = VROM_FLAGS, .code = "\x48\xff\xc0\x90" },
};

/* A function of sites only. Natively each is "lea 1(rax), rax", then nops; patched, a call of the same, or the like. */
static void make_code(void)
{
	unsigned char *at = code, *seal = native;
	unsigned char *callee = code + 4096, *record = code + 8192;

	memcpy(callee, "\x48\x8d\x40\x01\xc3", 5);
	memcpy(at, "\x31\xc0", 2);
	at += 2;
	for (unsigned i = 0; i < SITES; i++) {
		const struct kind *kind = &kinds[i % KINDS];
		int32_t distance = (int32_t)(at - record);
		uint16_t operands = kind->operands;

		memcpy(record, &distance, 4);
		record[4] = kind->call;
		record[5] = kind->size;
		memcpy(record + 6, &operands, 2);
		memcpy(record + 8, &kind->constant, 4);
		record += record_size(operands);
		*seal++ = 4;
		memcpy(seal, "\x48\x8d\x40\x01", 4);
		seal += 4;
		memcpy(at, "\x48\x8d\x40\x01", 4);
		expected_nops(at + 4, kind->size - 4);
		at += kind->size;
	}
	/* All of them ran, or the thread stops here. */
	memcpy(at, "\x83\xf8\x28\x74\x02\x0f\x0b\xc3", 8);
	table = (struct vrom_table){ code + 8192, record, native, seal, code, code + 4096, 0, 0 };
	fake_host_start(&fake, (uintptr_t)callee);
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++)
		fake.targets[call] = (uintptr_t)callee;
	fake.host.templates = templates;
	fake.host.template_count = 2;
}

static void threads_run_through_patching(void **state)
{
	struct sigaction trap = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	struct sigaction sync = { .sa_sigaction = on_sync, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct vrom_error error;

	(void)state;
	code = mmap(NULL, 12288, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(code, MAP_FAILED);
	make_code();
	assert_int_equal(vrom_plan(&plan, &fake.host, &table, 1, memory, sizeof memory, &error), VROM_OK);
	assert_int_equal(plan.called, SITES / 2);
	assert_int_equal(plan.inlined, SITES / 2);
	/* A trap is told from any other breakpoint. */
	assert_true(vrom_trapped(&plan, (uintptr_t)code + 3));
	assert_false(vrom_trapped(&plan, (uintptr_t)code + 2));
	assert_false(vrom_trapped(&plan, (uintptr_t)code + 4));
	assert_false(vrom_inside(&plan, (uintptr_t)code + 2));
	assert_true(vrom_inside(&plan, (uintptr_t)code + 3));
	assert_true(vrom_inside(&plan, (uintptr_t)code + 9));
	assert_false(vrom_inside(&plan, (uintptr_t)code + 10));

	assert_int_equal(sigaction(SIGTRAP, &trap, NULL), 0);
	assert_int_equal(sigaction(SIGUSR1, &sync, NULL), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run, &rounds[i]), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned long before = rounds[0];

		assert_int_equal(vrom_commit_live(&plan, sync_threads, NULL), VROM_OK);
		assert_int_equal(vrom_commit_live(&plan, sync_threads, NULL), VROM_STATE);
		assert_int_equal(code[2], 0x0f);
		while (rounds[0] == before)
			sched_yield();
		before = rounds[0];
		assert_int_equal(vrom_revert_live(&plan, sync_threads, NULL), VROM_OK);
		assert_int_equal(code[2], 0x48);
		while (rounds[0] == before)
			sched_yield();
	}
	stop = 1;
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	print_message("# %d rounds of patching, %lu runs through it, %lu traps\n", ROUNDS, rounds[0] + rounds[1] + rounds[2],
		      traps);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(threads_run_through_patching) };

	return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
