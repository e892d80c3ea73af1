/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The cases, one line of TAP each, and the end of the run. */
#include "conform.h"

#define EXIT_PORT 0xf4   /* QEMU's isa-debug-exit: it ends with twice this plus 1 */
#define EXIT_PASSED 0x10
#define EXIT_FAILED 0x11
#define ACPI_PORT 0x604  /* of QEMU's i440FX, if that device is not there */
#define ACPI_OFF 0x2000
#define NOTES 1200

extern const struct test *const cases[], *const cases_end[];

static unsigned count, failures;
static bool failed;              /* the case that runs */
static const char *skipped;
static bool omitted;
static const char *at_work = "header"; /* the call that is tried */
static char notes[NOTES];
static unsigned notes_used;

static void add_note(const char *format, __builtin_va_list arguments)
{
	/* Of a case that fails in a loop, the beginning is enough. */
	if (notes_used < sizeof notes - 200)
		notes_used += print(notes + notes_used, 200, format, arguments);
}

void note(const char *format, ...)
{
	__builtin_va_list arguments;

	__builtin_va_start(arguments, format);
	add_note(format, arguments);
	__builtin_va_end(arguments);
}

bool check(bool good, const char *text, const char *file, int line)
{
	if (good)
		return true;
	failed = true;
	note("#   %s:%u: %s\n", file, (uint32_t)line, text);
	return false;
}

bool check_equal(uint32_t value, uint32_t wanted, const char *text, const char *file, int line)
{
	if (value == wanted)
		return true;
	failed = true;
	note("#   %s:%u: %s is %x, not %x\n", file, (uint32_t)line, text, value, wanted);
	return false;
}

void skip(const char *why)
{
	skipped = why;
}

void omit(void)
{
	omitted = true;
}

static void print_result(const char *call, const char *what, const char *source)
{
	if (omitted && !failed) {
		omitted = false;
		return;
	}
	omitted = false;
	count++;
	failures += failed;
	if (skipped && !failed)
		say("ok %u - %s: %s # SKIP %s (abi %s)\n", count, call, what, skipped, source);
	else
		say("%s %u - %s: %s # abi %s\n", failed ? "not ok" : "ok", count, call, what, source);
	for (char *s = notes; failed && *s;) {
		char *end = s;

		while (*end != '\n')
			end++;
		*end = 0;
		say("%s\n", s);
		s = end + 1;
	}
	failed = false;
	skipped = NULL;
	notes[0] = 0;
	notes_used = 0;
}

/* Whether the command line asks for the cases of that call. */
bool selected(const char *call)
{
	const char *only = options.only;

	if (!*only)
		return true;
	while (*only) {
		const char *c = call;

		while (*c && *c == *only)
			c++, only++;
		if (!*c && (!*only || *only == ','))
			return true;
		while (*only && *only++ != ',')
			;
	}
	return false;
}

void report(bool good, const char *call, const char *what, const char *source)
{
	failed = !good;
	if (selected(call))
		print_result(call, what, source);
	else
		failed = false;
}

static void run_one(void *context)
{
	((const struct test *)context)->run();
}

/* The call that is tried next, in case the machine does not survive it. */
void step(const char *call)
{
	at_work = call;
	if (options.trace)
		say("# %s: set-up\n", call);
}

void run_cases(void)
{
	for (const struct test *const *p = cases; p < cases_end; p++) {
		const struct test *test = *p;

		if (!selected(test->call))
			continue;
		if (options.from) {
			options.from--;
			continue;
		}
		at_work = test->call;
		if (options.trace)
			say("# %s: %s\n", test->call, test->what);
		if (catch(run_one, (void *)test)) {
			failed = true;
			note("#   exception %u at %x, error %x, address %x\n", trapped.vector, trapped.eip, trapped.error,
			     trapped_cr2);
		}
		quiet();
		print_result(test->call, test->what, test->source);
	}
}

__attribute__((noreturn)) static void stop(uint8_t status)
{
	outb(EXIT_PORT, status);
	__asm__ volatile("outw %w0, %w1" : : "a"(ACPI_OFF), "d"(ACPI_PORT));
	DO(Shutdown);
	for (;;)
		;
}

void finish(void)
{
	say("1..%u\n", count);
	stop(failures || !count ? EXIT_FAILED : EXIT_PASSED);
}

void give_up(const char *format, ...)
{
	char line[160];
	__builtin_va_list arguments;

	__builtin_va_start(arguments, format);
	print(line, sizeof line, format, arguments);
	__builtin_va_end(arguments);
	say("not ok %u - %s: %s # abi 1\n1..%u\n", count + 1, at_work, line, count + 1);
	stop(EXIT_FAILED);
}
