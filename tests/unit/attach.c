/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Plan, enter, commit: in which order, and what a refusal leaves. */
#include "fixture.h"

static enum vrom_status attach(void)
{
	return vrom_attach_host(&plan, &fake.host, &kernel.table, 1, memory, sizeof memory, &error);
}

static void a_refusal_comes_before_init(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_usual_site(&kernel, 16, VMI_CALL_IRET);
	kernel_finish(&kernel);
	fake.types[VMI_CALL_IRET] = VMI_RELOCATION_NONE;
	assert_int_equal(attach(), VROM_REQUIRED);
	assert_int_equal(fake.entered, 0);
	assert_true(kernel_untouched(&kernel));
	fake.types[VMI_CALL_IRET] = VMI_RELOCATION_CALL_REL;
	assert_int_equal(attach(), VROM_OK);
	assert_int_equal(fake.entered, 1);
	assert_false(kernel_untouched(&kernel));
}

static void init_may_refuse(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_finish(&kernel);
	fake.refuse = -1;
	for (int early = 0; early < 2; early++) {
		fake.host.answers_early = early;
		assert_int_equal(attach(), VROM_REFUSED);
		assert_int_equal(error.status, VROM_REFUSED);
		assert_true(kernel_untouched(&kernel));
		assert_int_equal(vrom_commit(&plan), VROM_STATE);
	}
}

static void a_host_without_the_promise(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_usual_site(&kernel, 16, VMI_CALL_SetCR3);
	kernel_finish(&kernel);
	fake.host.answers_early = 0;

	/* What needs no answer is found before Init. */
	kernel.text[16] ^= 1;
	kernel.before[16] ^= 1;
	assert_int_equal(attach(), VROM_NATIVE);
	assert_int_equal(fake.entered, 0);
	kernel.text[16] ^= 1;
	kernel.before[16] ^= 1;

	assert_int_equal(attach(), VROM_OK);
	assert_int_equal(fake.entered, 1);
	assert_int_equal(vrom_revert(&plan), VROM_OK);

	/* The rest after it, and then the guest must stop. */
	fake.late = true;
	fake.late_call = VMI_CALL_SetCR3;
	fake.late_type = 77;
	assert_int_equal(attach(), VROM_STRANDED);
	assert_int_equal(error.status, VROM_STRANDED);
	assert_int_equal(error.reason, VROM_ANSWER);
	assert_int_equal(error.index, 1);
	assert_int_equal(fake.entered, 2);
	assert_true(kernel_untouched(&kernel));
	assert_int_equal(vrom_commit(&plan), VROM_STATE);
}

static void a_plan_without_host_commits_nothing(void **state)
{
	(void)state;
	kernel_usual_site(&kernel, 0, VMI_CALL_SetCR0);
	kernel_finish(&kernel);
	assert_int_equal(vrom_plan(&plan, NULL, &kernel.table, 1, memory, sizeof memory, NULL), VROM_OK);
	assert_int_equal(plan.sites, 1);
	assert_int_equal(vrom_commit(&plan), VROM_STATE);
	assert_int_equal(vrom_commit_live(&plan, NULL, NULL), VROM_STATE);
	assert_false(vrom_trapped(&plan, 1));
	assert_int_equal(make_plan(), VROM_OK);
	assert_false(vrom_trapped(&plan, 1));
	assert_true(vrom_trapped(&plan, (uintptr_t)kernel.text + 1));
	assert_int_equal(vrom_plan(&plan, NULL, &kernel.table, 1, memory, sizeof memory, NULL), VROM_OK);
	assert_int_equal(vrom_revert_live(&plan, NULL, NULL), VROM_STATE);
	assert_true(kernel_untouched(&kernel));
}

static void every_status_has_a_sentence(void **state)
{
	(void)state;
	for (int i = 0; i < VROM_STATUS_COUNT; i++)
		assert_true(strlen(vrom_strstatus(i)) > 5);
	assert_non_null(vrom_strstatus(VROM_STATUS_COUNT));
	assert_non_null(vrom_strstatus((enum vrom_status)-1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_refusal_comes_before_init), TEST(init_may_refuse), TEST(a_host_without_the_promise),
		TEST(a_plan_without_host_commits_nothing), TEST(every_status_has_a_sentence),
	};

	return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}
