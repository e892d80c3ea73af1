/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "fixture.h"

struct kernel kernel;
struct fake_host fake;
struct vrom_plan plan;
struct vrom_error error;
unsigned char memory[VROM_PLAN_MEMORY(KERNEL_SITES)];

/* Near the text, so that a call reaches it. */
static uintptr_t near_text(void)
{
	return (uintptr_t)kernel.text + 0x100000;
}

int start(void **state)
{
	(void)state;
	kernel_start(&kernel);
	fake_host_start(&fake, near_text());
	memset(&error, 0xee, sizeof error);
	return 0;
}

enum vrom_status make_plan(void)
{
	return vrom_plan(&plan, &fake.host, &kernel.table, 1, memory, sizeof memory, &error);
}

void refused(enum vrom_status status, unsigned index)
{
	assert_string_equal(vrom_strstatus(make_plan()), vrom_strstatus(status));
	assert_int_equal(error.status, status);
	assert_int_equal(error.reason, status);
	assert_int_equal(error.index, index);
	assert_int_equal(plan.sites + plan.kept + plan.called + plan.jumped + plan.erased + plan.inlined, 0);
	assert_false(vrom_trapped(&plan, (uintptr_t)kernel.text + 1));
	assert_false(vrom_inside(&plan, (uintptr_t)kernel.text + 1));
	assert_true(kernel_untouched(&kernel));
	assert_int_equal(vrom_commit(&plan), VROM_STATE);
	assert_int_equal(vrom_revert(&plan), VROM_STATE);
	assert_true(kernel_untouched(&kernel));
}

unsigned char patched[KERNEL_TEXT];

/* Previews go one way through the library, and commits of many like sites another. */
void commits_as_previewed(void)
{
	assert_string_equal(vrom_strstatus(make_plan()), vrom_strstatus(VROM_OK));
	assert_int_equal(plan.sites, kernel.sites);
	memcpy(patched, kernel.text, KERNEL_TEXT);
	for (unsigned i = 0; i < kernel.sites; i++) {
		unsigned char bytes[255];
		const unsigned char *record = kernel_record(&kernel, i);
		int32_t distance;
		unsigned size = vrom_preview(&plan, 0, i, bytes);

		assert_int_equal(size, record[5]);
		memcpy(&distance, record, 4);
		memcpy(patched + (record + distance - kernel.text), bytes, size);
	}
	assert_true(kernel_untouched(&kernel));
	assert_int_equal(vrom_commit(&plan), VROM_OK);
	assert_memory_equal(kernel.text, patched, KERNEL_TEXT);
	assert_int_equal(vrom_revert(&plan), VROM_OK);
	assert_true(kernel_untouched(&kernel));
}

uint32_t load32(const unsigned char *from)
{
	uint32_t value;

	memcpy(&value, from, 4);
	return value;
}

void shuffle(unsigned *numbers, unsigned count, unsigned seed)
{
	for (unsigned i = 0; i < count; i++)
		numbers[i] = i;
	for (unsigned i = count - 1; i; i--) {
		unsigned j, other;

		seed = seed * 1103515245 + 12345;
		j = seed / 65536 % (i + 1);
		other = numbers[j];
		numbers[j] = numbers[i];
		numbers[i] = other;
	}
}
