/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef GUEST_TESTS_H
#define GUEST_TESTS_H

#include "user.h"

/* How often a test looks again for what must come sooner or later. */
#define PATIENCE 250

void tests_process(void);
void tests_schedule(void);
void tests_memory(void);
void tests_pipe(void);
void tests_fault(void);
#endif
