/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How a run is judged and how it ends: by power-off after the last test, or by a panic. */
#include "kernel.h"

/* QEMU's isa-debug-exit: it ends with twice this plus 1. */
#define EXIT_PORT 0xf4
#define EXIT_PASSED 0x10
#define EXIT_FAILED 0x11

#define ACPI_PORT 0x604 /* of QEMU's i440FX, if isa-debug-exit is not there */
#define ACPI_OFF 0x2000

static unsigned checks, failures;

void check(bool passed, const char *name)
{
	failures += !passed;
	printf("%s %u - %s\n", passed ? "ok" : "not ok", ++checks, name);
}

void check_skip(const char *name, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++checks, name, why);
}

__attribute__((noreturn)) static void stop(uint8_t status)
{
	vmi_outb(status, EXIT_PORT);
	vmi_outw(ACPI_OFF, ACPI_PORT);
	vmi_shutdown();
}

void power_off(void)
{
	vmi_disable_interrupts();
	host_report();
	printf("1..%u\n", checks);
	printf("guest: %u checks, %u failed: power off\n", checks, failures);
	stop(failures || !checks ? EXIT_FAILED : EXIT_PASSED);
}

/* frame is NULL if there is none to show. */
void panic(const struct trap_frame *frame, const char *text, ...)
{
	char line[160];
	va_list values;

	vmi_disable_interrupts();
	va_start(values, text);
	format(line, sizeof line, text, values);
	va_end(values);
	printf("\npanic: %s\n", line);
	printf("panic: process %d (%s), ring %u\n", current->pid, current->name, ring);
	if (frame) {
		printf("panic: vector %u error %08x eip %04x:%08x flags %08x\n", frame->vector, frame->error, frame->cs,
		       frame->eip, frame->eflags);
		printf("panic: eax %08x ebx %08x ecx %08x edx %08x\n", frame->eax, frame->ebx, frame->ecx, frame->edx);
		printf("panic: esi %08x edi %08x ebp %08x esp %08x\n", frame->esi, frame->edi, frame->ebp,
		       from_user(frame) ? frame->esp : (uint32_t)&frame->esp);
		printf("panic: ds %04x es %04x fs %04x gs %04x cr3 %08x\n", frame->ds, frame->es, frame->fs, frame->gs,
		       (uint32_t)vmi_get_cr3());
	}
	stop(EXIT_FAILED);
}
