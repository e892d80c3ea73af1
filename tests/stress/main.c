/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A guest that does nothing but enable and disable interrupts, ten million times, while a fast timer interrupts: its handler
 * checks that it may. Between the blocks of operations there are cases in which one is known to wait, or has to come. How
 * many came is printed; a host that counts too can be compared. The first thing that is wrong ends it. TAP.
 */
#include <vrom/ops.h>
#include <vrom/patch.h>

#include "stress.h"

#define MULTIBOOT_BOOTED 0x2badb002
#define MULTIBOOT_LINE 4 /* flag: there is a command line */
#define EXIT_PORT 0xf4
#define EXIT_PASSED 0x10
#define EXIT_FAILED 0x11
#define PIC1 0x20
#define PIC2 0xa0
#define PIC_READ_IRR 0x0a
#define PIT_CHANNEL0 0x40
#define PIT_MODE 0x43
#define PIT_HZ 1193182
#define MODE_RATE 0x34
#define MODE_ONE_SHOT 0x30
#define MOST_SITES 2000
#define BLOCKS 8000 /* between two of the other cases */
#define PATIENCE 40000000000ull /* ticks of the time stamp counter: ten seconds or so */

static unsigned char plan_memory[VROM_PLAN_MEMORY(MOST_SITES)];
static struct vrom_plan plan;
static struct vrom_rom rom;
static uint32_t wanted = 10000000, rate = 10000;
static uint32_t period; /* ticks of the time stamp counter */

/* ---- What it says, and how it ends ---- */

static uint32_t checks;

/*
 * Not before much of the work is done: a hypervisor may open the console's ports to a kernel that uses them, and have a
 * longer way for IRET from then on. Both ways are to be tried.
 */
static void open_console(void)
{
	static bool is_open;

	if (is_open)
		return;
	is_open = true;
	console_init();
	if (plan.sites)
		printf("vrom: sites=%u native=%u called=%u jumped=%u erased=%u inlined=%u\n", plan.sites, plan.kept, plan.called,
		       plan.jumped, plan.erased, plan.inlined);
	else
		printf("# native\n");
}

__attribute__((noreturn)) static void stop(uint8_t status)
{
	vmi_outb(status, EXIT_PORT);
	vmi_shutdown();
}

void fail(const char *property, const char *text, ...)
{
	char line[160];
	va_list values;

	vmi_disable_interrupts();
	open_console();
	va_start(values, text);
	format(line, sizeof line, text, values);
	va_end(values);
	printf("not ok %u - %s\n# %s; delivery %u\n1..%u\n", checks + 1, property, line, deliveries, checks + 1);
	stop(EXIT_FAILED);
}

static void pass(const char *property)
{
	printf("ok %u - %s\n", ++checks, property);
}

void failed_registers(void)
{
	fail("registers are kept", "%s", "ebx, ecx, edx, esi, edi, ebp or esp, at the end of a block or in a handler");
}

void failed_flags(void)
{
	fail("flags are kept", "%s", "over a stretch of nops");
}

void failed_mask(void)
{
	fail("the mask is what it was set to", "now kind %u", now->kind);
}

void unexpected(uint32_t vector, uint32_t first, uint32_t second, uint32_t third)
{
	fail("no other vector comes", "%u: %08x %08x %08x on the stack", vector, first, second, third);
}

/* ---- The machine ---- */

static void attach(void)
{
	static struct vrom_table sites = VROM_KERNEL_TABLE(text_start, text_end);
	struct vrom_error error;
	enum vrom_status status = vrom_find((void *)VMI_ROM_AREA, VMI_ROM_AREA_SIZE, &rom, &error);

	if (status == VROM_OK)
		status = vrom_attach(&plan, &rom, &sites, 1, plan_memory, sizeof plan_memory, &error);
	if (status != VROM_OK && status != VROM_NO_ROM)
		fail("the sites can be patched", "%s", vrom_strstatus(error.reason));
}

static void tables(void)
{
	static uint32_t gdt[3][2], idt[VECTORS][2];
	uint32_t cs;

	__asm__ volatile("movl %%cs, %0" : "=r"(cs));
	for (uint32_t i = 1; i < 3; i++) {
		gdt[i][0] = 0x0000ffff;
		gdt[i][1] = (i == 1 ? 0x00cf9b00 : 0x00cf9300) + ((cs & 3) << 13);
	}
	vmi_set_gdt(&(const struct vmi_table_register){ sizeof gdt - 1, (uint32_t)gdt });
	load_segments(CODE + (cs & 3), DATA + (cs & 3));
	for (uint32_t i = 0; i < VECTORS; i++) {
		uint32_t to = i == TIMER_VECTOR ? (uint32_t)interrupt : (uint32_t)traps + 16 * i;

		idt[i][0] = (CODE + (cs & 3)) << 16 | (to & 0xffff);
		idt[i][1] = (to & 0xffff0000) | 0x8e00;
	}
	vmi_set_idt(&(const struct vmi_table_register){ sizeof idt - 1, (uint32_t)idt });
}

/* Reads of the command port give what waits. A controller that is initialised forgets what waited before. */
static void controllers(void)
{
	static const uint8_t words[2][4] = { { 0x11, TIMER_VECTOR, 4, 1 }, { 0x11, TIMER_VECTOR + 8, 2, 1 } };

	vmi_outb(MODE_ONE_SHOT, PIT_MODE);
	for (int n = 0; n < 2; n++) {
		uint16_t port = n ? PIC2 : PIC1;

		vmi_outb(words[n][0], port);
		for (int i = 1; i < 4; i++)
			vmi_outb(words[n][i], port + 1);
		vmi_outb(n ? 0xff : 0xfe, port + 1);
	}
	vmi_outb(PIC_READ_IRR, PIC1);
}

/* An alarm, or where there are none the interval timer. */
static void start_timer(void)
{
	uint64_t hz = vmi_get_cycle_frequency();
	uint32_t step = (uint32_t)(hz >> 4) / rate * 16;

	if (hz) {
		vmi_set_alarm(VMI_CYCLES_REAL | VMI_ALARM_PERIODIC | VMI_ALARM_WIRED_IRQ0,
			      vmi_get_cycle_counter(VMI_CYCLES_REAL) + step, step);
		return;
	}
	vmi_outb(MODE_RATE, PIT_MODE);
	vmi_outb(PIT_HZ / rate & 0xff, PIT_CHANNEL0);
	vmi_outb(PIT_HZ / rate >> 8, PIT_CHANNEL0);
}

static void stop_timer(void)
{
	if (vmi_get_cycle_frequency())
		vmi_cancel_alarm(VMI_CYCLES_REAL | VMI_ALARM_WIRED_IRQ0);
	else
		vmi_outb(MODE_ONE_SHOT, PIT_MODE);
}

static bool one_waits(void)
{
	return vmi_inb(PIC1) & 1;
}

/* ---- Cases ---- */

/* With interrupts on: until one comes. */
static void wait(void)
{
	uint64_t start = vmi_rdtsc();
	uint32_t before = deliveries;

	while (deliveries == before)
		if (vmi_rdtsc() - start > PATIENCE)
			fail("while interrupts are on they come", "none for %llu ticks of the time stamp counter", PATIENCE);
}

static void spin(uint32_t ticks)
{
	uint64_t start = vmi_rdtsc();

	while (vmi_rdtsc() - start < ticks)
		;
}

static void measure_period(void)
{
	uint64_t start;

	wait();
	start = vmi_rdtsc();
	for (int i = 0; i < 64; i++)
		wait();
	period = (vmi_rdtsc() - start) >> 6;
}

static void halts(void)
{
	uint32_t before = deliveries;

	halt_masked();
	if (deliveries == before)
		fail("Halt waits for an interrupt", "at delivery %u it did not", before);
}

/* One waits for certain: it has to come with the operation that enables, and not later. */
static void known_to_wait(uint32_t turn)
{
	static void (*const ways[])(void) = { unmask, unmask_by_restore, unmask_by_iret, unmask_for_a_moment,
					      unmask_for_an_instant };
	uint32_t before, way = turn % (sizeof ways / sizeof *ways);
	uint64_t start = vmi_rdtsc();

	mask();
	while (!one_waits())
		if (vmi_rdtsc() - start > PATIENCE)
			fail("while interrupts are off they wait", "none did");
	before = deliveries;
	ways[way]();
	if (deliveries == before)
		fail("one that waits comes when it may", "way %u of enabling", way);
	if (way >= 3)
		unmask();
}

/*
 * One ought to wait, but nothing was done since by which a host could notice anything but the operation itself. If it did not
 * come, and now waits, it may have come to wait just now, once in a thousand times. If that is the rule, it was forgotten.
 */
static uint32_t came, missed;

static void ought_to_wait(uint32_t turn)
{
	uint32_t before;

	mask();
	spin(period * 2);
	before = deliveries;
	(turn % 2 ? unmask_for_a_moment : unmask_for_an_instant)();
	if (deliveries != before)
		came++;
	else
		missed += one_waits();
	unmask();
	if (missed > 10 + came / 8)
		fail("one that waits comes when it may", "by the operation alone %u came, %u did not", came, missed);
}

/* The handler returns to the main line with interrupts off. */
static void returned_masked(void)
{
	uint64_t start = vmi_rdtsc();
	uint32_t before;

	mask_interrupted = true;
	while (mask_interrupted)
		if (vmi_rdtsc() - start > PATIENCE)
			fail("while interrupts are on they come", "none to be masked by");
	before = deliveries;
	spin(period * 2);
	if (deliveries != before || (vmi_get_interrupt_mask() & VMI_MASK_ENABLED))
		fail("an IRET with interrupts off keeps them off", "at delivery %u", before);
	unmask();
}

static struct block sum(void)
{
	struct block all = { 0, 0, 0, 0 };

	for (uint32_t i = 0; i < block_count; i++) {
		all.enables += blocks_done[i] * blocks[i].enables;
		all.disables += blocks_done[i] * blocks[i].disables;
		all.restores += blocks_done[i] * blocks[i].restores;
		all.irets += blocks_done[i] * blocks[i].irets;
	}
	return all;
}

static uint32_t number(const char *line, const char *name, uint32_t value)
{
	for (; *line; line++) {
		uint32_t n = 0;

		while (name[n] && line[n] == name[n])
			n++;
		if (name[n])
			continue;
		for (value = 0, line += n; *line >= '0' && *line <= '9'; line++)
			value = value * 10 + *line - '0';
		break;
	}
	return value;
}

void main(uint32_t magic, uint32_t multiboot)
{
	const uint32_t *info = (const uint32_t *)multiboot;
	const char *line = "";
	struct block all;
	uint32_t turns = 0, done;

	if (magic == MULTIBOOT_BOOTED && (info[0] & MULTIBOOT_LINE))
		line = (const char *)info[4];
	wanted = number(line, "ops=", wanted);
	rate = number(line, "rate=", rate);
	attach();
	tables();
	controllers();
	start_timer();
	unmask();
	measure_period();
	do {
		blocks_run(BLOCKS);
		wait();
		halts();
		known_to_wait(turns);
		ought_to_wait(turns);
		returned_masked();
		turns++;
		all = sum();
		done = all.enables + all.disables + all.restores;
		if (done / 3 >= wanted / 4)
			open_console();
	} while (done < wanted);

	mask();
	stop_timer();
	pass("every delivery came while the mask was on, and none where another had not been ended or had not enabled it");
	pass("registers, flags and the mask were what they should be");
	pass("what waited came with the operation that enabled, each time");
	pass("while interrupts were on they came");
	pass("Halt waited, and an IRET with interrupts off kept them off");
	printf("# %u enables, %u disables, %u restores, %u IRETs, %u turns of the other cases\n", all.enables, all.disables,
	       all.restores, all.irets, turns);
	printf("# one every %u ticks of the time stamp counter; by the operation alone %u came, %u did not\n", period, came, missed);
	printf("stress: operations=%u deliveries=%u waiting=%u\n1..%u\n", done, deliveries, one_waits(), checks);
	stop(EXIT_PASSED);
}
