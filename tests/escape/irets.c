/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* IRET with frames that are bad in every way, by the instruction, by the ROM, and by the call. */
#include "escape.h"

static const uint16_t codes[] = { KERNEL_CODE, KERNEL_CODE & ~3, USER_CODE, USER_CODE & ~3, MONITOR_CS, MONITOR_CS | 1, MONITOR_CS | 3, 0, 1,
				  3, TASK, MONITOR_TASK, KERNEL_DATA, 0xfffc, 0xffff, SPARE | 2, SPARE | 3 };
static const uint16_t datas[] = { KERNEL_DATA, USER_DATA, MONITOR_DS, MONITOR_DS | 1, MONITOR_DS | 3, 0, 3, USER_CODE, KERNEL_DATA | 3,
				  USER_DATA & ~3, 0xffff, TASK | 3 };
static struct {
	uint32_t eip, cs, eflags, esp, ss, es, ds, fs, gs;
} frame;
static unsigned way;

static void do_iret(uint32_t unused)
{
	(void)unused;
	if (way == 0)
		__asm__ volatile("subl $64, %%esp; movl %%esp, %%edi; cld; rep movsl; iret" : : "S"(&frame), "c"(9) : "edi", "memory");
	if (way == 1)
		__asm__ volatile("subl $64, %%esp; movl %%esp, %%edi; cld; rep movsl; call *%0"
				 : : "b"(RING1_CODE), "S"(&frame), "c"(9) : "edi", "memory");
	if (way == 2)
		__asm__ volatile("subl $64, %%esp; movl %%esp, %%edi; cld; rep movsl; pushl $0; pushl %%ebx; int %1"
				 : : "b"(ENTRY_IRET), "i"(ENTRY_VECTOR), "S"(&frame), "c"(9) : "edi", "memory");
}

/* It comes to land, in ring 1 or 3 as the frame says, or there is an exception, in ring 1, or where it would have gone. */
static void try_frame(void)
{
	attempt(do_iret, 0);
	if (!(fault.cs & 3) && !(fault.eflags & FLAG_VM))
		wrong("cs %x ss %x flags %x: vector %x in ring 0", frame.cs, frame.ss, frame.eflags, fault.vector);
	if (fault.vector == LANDED_VECTOR && (fault.cs & 3) < (frame.cs & 3) && !(frame.eflags & FLAG_VM))
		wrong("cs %x ss %x flags %x: landed with cs %x", frame.cs, frame.ss, frame.eflags, fault.cs);
}

static void every_selector(uint32_t n)
{
	way = n;
	flat_descriptor(SPARE, 0xdb);
	for (unsigned c = 0; c < sizeof codes / 2; c++)
		for (unsigned s = 0; s < sizeof datas / 2; s++)
			for (unsigned f = 0; f < 4; f++) {
				frame.eip = f == 3 ? SHADOW_GDT : address_of(land);
				frame.cs = codes[c] | (f & 1 ? 0xffff0000 : 0);
				frame.eflags = f & 2 ? FLAGS_ON : FLAGS_NONE;
				frame.esp = f & 1 ? address_of(user_stack_top) : 0xffc10000;
				frame.ss = datas[s] | (f & 2 ? 0xabcd0000 : 0);
				try_frame();
			}
}

static void every_flag(uint32_t n)
{
	way = n;
	for (unsigned c = 0; c < 3; c++)
		for (unsigned bit = 0; bit < 32; bit++) {
			frame.eip = address_of(land);
			frame.cs = codes[c];
			frame.eflags = FLAGS_NONE | 1u << bit;
			frame.esp = address_of(user_stack_top);
			frame.ss = c == 2 ? USER_DATA : KERNEL_DATA;
			try_frame();
			if (fault.vector == LANDED_VECTOR && (fault.eflags & FLAG_IOPL))
				wrong("IOPL is %x", fault.eflags);
		}
}

static void random_frames(uint32_t n)
{
	/* QEMU's iret sets VM in any ring, and IF and IOPL with it; code that then loops cannot be interrupted. */
	uint32_t flags = n ? 0xfffffeff : 0xfffdfeff;

	way = n;
	watchdog();
	for (unsigned i = 0; i < 400; i++) {
		frame.eip = i & 1 ? address_of(land) : random32() | 0x60000000;
		frame.cs = i & 2 ? codes[random32() % (sizeof codes / 2)] : random32();
		frame.eflags = i & 4 ? random32() & flags : FLAGS_ON;
		frame.esp = i & 8 ? random32() : address_of(user_stack_top);
		frame.ss = i & 16 ? datas[random32() % (sizeof datas / 2)] : random32();
		frame.es = frame.ds = frame.fs = frame.gs = random32();
		try_frame();
	}
	timer_off();
}

static void v86_frames(uint32_t n)
{
	static const uint32_t eips[] = { 0, 0x10000, 0xffff, 0xffc10000, 0xffffffff };

	way = n;
	*word_at(0x1000) = 0x81cd81cd;
	watchdog();
	for (unsigned e = 0; e < 5; e++)
		for (unsigned c = 0; c < sizeof codes / 2; c++) {
			frame.eip = eips[e];
			frame.cs = e ? codes[c] : 0x100;
			/* QEMU's iret goes there from ring 1, with the flags as they are. Where nobody knows what it
			 * executes, it must be interruptible: the processor is the guest's to waste. */
			frame.eflags = FLAG_VM | (c & 1 || e ? FLAGS_ON : FLAG_IOPL | FLAG_NT);
			frame.esp = c & 2 ? 0xffffffff : 0x1000;
			frame.ss = c & 4 ? MONITOR_DS : 0x200;
			frame.es = frame.ds = frame.fs = frame.gs = c & 8 ? MONITOR_DS : 0x300;
			try_frame();
		}
	timer_off();
}

/* The instruction in ring 3, which a processor does not let set VM: whether it does or not, only exceptions come of it. */
static void iret_vm(uint32_t eflags)
{
	__asm__ volatile("pushl $0x300; pushl $0x300; pushl $0x300; pushl $0x300; pushl $0x200; pushl $0x1000; pushl %0; pushl $0x100; "
			 "pushl $0; iret" : : "r"(eflags) : "memory");
}

static void user_v86(uint32_t n)
{
	static const uint8_t texts[][4] = { { 0xfa, 0xf4 }, { 0xcd, ENTRY_VECTOR, 0xf4 }, { 0xe6, 0x80, 0xf4 }, { 0xcd, 0x80, 0xf4 },
					    { 0x0f, 0x22, 0xd8, 0xf4 }, { 0xcc, 0xf4 }, { 0xcf, 0xf4 }, { 0x9d, 0xf4 } };

	for (unsigned i = 0; i < 8; i++) {
		for (unsigned k = 0; k < 4; k++)
			((volatile uint8_t *)word_at(0x1000))[k] = texts[i][k];
		if (n)
			attempt(iret_vm, FLAG_VM | FLAG_IOPL | FLAGS_NONE);
		else
			attempt_user(iret_vm, FLAG_VM | FLAG_IOPL | FLAGS_NONE);
		if (fault.vector == NO_FAULT || (!(fault.cs & 3) && !(fault.eflags & FLAG_VM)))
			wrong("code %u: vector %x, cs %x", i, fault.vector, fault.cs);
		must("the hole", write_at, SHADOW_GDT, EX_PF, FAULT_WRITE);
	}
}

/* An interrupt arrives at each instruction of the ROM's IRET in turn: by the guest's single step, and by the timer. */
static volatile uint32_t steps;

static bool stepping(struct frame *at)
{
	if (at->vector == EX_DB) {
		steps++;
		at->eflags |= FLAG_TF;
		return true;
	}
	if (at->vector != 0x20)
		return false;
	ticks++;
	outb(0x20, 0x20);
	return true;
}

static void stepped_iret(uint32_t unused)
{
	(void)unused;
	__asm__ volatile("pushl %0; pushl %1; pushl %2; pushl %3; pushl %4; pushfl; orl $0x100, (%%esp); popfl; call *%5"
			 : : "i"(USER_DATA), "r"(address_of(user_stack_top)), "i"(FLAGS_ON | FLAG_TF), "i"(USER_CODE), "r"(address_of(land)),
			 "r"(RING1_CODE) : "memory");
}

static void stepped(uint32_t n)
{
	(void)n;
	timer(2000);
	trap_hook = stepping;
	for (unsigned i = 0; i < 100; i++) {
		steps = 0;
		interrupts(i & 1);
		must("IRET, step by step", stepped_iret, 0, LANDED_VECTOR, 0);
		if (!steps)
			wrong("no step was seen");
	}
	timer_off();
}

static void flood(uint32_t n)
{
	frame.eip = address_of(land);
	frame.cs = USER_CODE;
	frame.eflags = FLAGS_ON;
	frame.esp = address_of(user_stack_top);
	frame.ss = USER_DATA;
	timer(4000);
	for (unsigned i = 0; i < 3000; i++) {
		way = n ? 2 : 1;
		interrupts(false);
		must("IRET while interrupts come", do_iret, 0, LANDED_VECTOR, 0);
	}
	timer_off();
}

const struct attack iret_attacks[] = {
	{ "IRET with every selector, way %u", every_selector, NULL, 3, false },
	{ "IRET with every selector, before Init, way %u", every_selector, NULL, 3, true },
	{ "IRET with every flag, way %u", every_flag, NULL, 3, false },
	{ "IRET with random frames, way %u", random_frames, NULL, 3, false },
	{ "IRET to virtual 8086 mode with bad frames, way %u", v86_frames, NULL, 3, false },
	{ "the iret instruction to virtual 8086 mode with IOPL 3, %u", user_v86, NULL, 2, false },
	{ "IRET, step by step, while interrupts come", stepped, NULL, 0, false },
	{ "IRET to programs while interrupts come, %u", flood, NULL, 2, false },
	{ NULL, NULL, NULL, 0, false },
};
