/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

/* What the tests of the patcher share: one kernel, one host, one plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel.h"

extern struct kernel kernel;
extern struct fake_host fake;
extern struct vrom_plan plan;
extern struct vrom_error error;
extern unsigned char memory[VROM_PLAN_MEMORY(KERNEL_SITES)];

/* Before each test: an empty kernel, and a host that answers every call with a call. */
int start(void **state);
#define TEST(name) cmocka_unit_test_setup(name, start)

/* A plan for kernel alone. */
enum vrom_status make_plan(void);

/* That plan is refused for status at site number index, and nothing has changed, nor can anything be changed. */
void refused(enum vrom_status status, unsigned index);

/* Plans, and commits what is previewed, and nothing else; then reverts. The text as it was committed is in patched. */
void commits_as_previewed(void);
extern unsigned char patched[KERNEL_TEXT];

uint32_t load32(const unsigned char *from);

/* The numbers from 0 to count - 1, in no order, but the same one each time. */
void shuffle(unsigned *numbers, unsigned count, unsigned seed);
#endif
