/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Exceptions, attempts, and what is not as it should be. */
#include <stdarg.h>

#include "escape.h"

#define SERIAL 0x3f8
#define EXIT_WELL 0x10
#define EXIT_WRONG 0x11
#define V86_CODE 0x1000 /* in low memory */
#define MOST_WRONG 6

struct fault fault;
uint32_t user_flags = FLAGS_ON;
bool (*trap_hook)(struct frame *frame);
typeof(v86_frame) v86_frame;
static uint32_t wrongs, seed = 1;
extern uint32_t recover_esp;

void trap(struct frame *frame);
__attribute__((noreturn)) void recover(void);
uint32_t enter_v86(uint32_t unused1, uint32_t unused2);

/* ---- Words ---- */

static void put(char c)
{
	while (!(inb(SERIAL + 5) & 0x20))
		;
	outb(SERIAL, (uint8_t)c);
}

static void put_number(uint32_t value, uint32_t base)
{
	if (value >= base)
		put_number(value / base, base);
	put("0123456789abcdef"[value % base]);
}

static void print_list(const char *text, va_list values)
{
	for (; *text; text++) {
		if (*text != '%') {
			put(*text);
		} else if (*++text == 's') {
			for (const char *s = va_arg(values, const char *); *s; s++)
				put(*s);
		} else {
			put_number(va_arg(values, uint32_t), *text == 'x' ? 16 : 10);
		}
	}
}

void print(const char *text, ...)
{
	va_list values;

	va_start(values, text);
	print_list(text, values);
	va_end(values);
}

void wrong(const char *text, ...)
{
	va_list values;

	if (wrongs++ >= MOST_WRONG)
		return;
	va_start(values, text);
	print("escape: wrong: ");
	print_list(text, values);
	print("\n");
	va_end(values);
}

void finish(void)
{
	outb(EXIT_PORT, wrongs ? EXIT_WRONG : EXIT_WELL);
	for (;;)
		;
}

uint32_t random32(void)
{
	seed = seed * 1103515245 + 12345;
	return seed << 16 | seed >> 16;
}

/* ---- Exceptions ---- */

void trap(struct frame *frame)
{
	if (trap_hook && trap_hook(frame))
		return;
	fault = (struct fault){ frame->vector, frame->error, 0, frame->eip, frame->cs, frame->eflags };
	if (frame->vector == EX_PF)
		fault.address = attached ? *word_at(SHARED_CR2) : read_cr2();
	if (frame->vector == DONE_VECTOR && frame->eip == address_of(user_done) + 2)
		fault.vector = NO_FAULT;
	if (recover_esp)
		recover();
	wrong("vector %x, error code %x, address %x, eip %x, cs %x", frame->vector, frame->error, fault.address, frame->eip,
	      frame->cs);
	finish();
}

static void judge(const char *what, const char *who, uint32_t argument, uint32_t vector, uint32_t error)
{
	if (fault.vector == vector && (vector == NO_FAULT || error == ANY || fault.error == error))
		return;
	wrong("%s, %s, %x: vector %x, error code %x, at %x, eip %x; not vector %x, error code %x", what, who, argument, fault.vector,
	      fault.error, fault.address, fault.eip, vector, error);
}

void must(const char *what, void (*attack)(uint32_t), uint32_t argument, uint32_t vector, uint32_t error)
{
	attempt(attack, argument);
	judge(what, "kernel", argument, vector, error);
}

void must_user(const char *what, void (*attack)(uint32_t), uint32_t argument, uint32_t vector, uint32_t error)
{
	attempt_user(attack, argument);
	judge(what, "program", argument, vector, error);
}

uint32_t attempt_v86(const void *code, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		((volatile uint8_t *)word_at(V86_CODE))[i] = ((const uint8_t *)code)[i];
	if (!v86_frame.eflags)
		v86_frame = (typeof(v86_frame)){ 0, V86_CODE >> 4, FLAG_VM | FLAGS_ON, 0x1000, 0x200, 0x300, 0x300, 0x300, 0x300 };
	return enter_v86(0, 0);
}

/* ---- Small attacks ---- */

void read_at(uint32_t address)
{
	(void)*(volatile uint8_t *)word_at(address);
}

void write_at(uint32_t address)
{
	*(volatile uint8_t *)word_at(address) = 0;
}
