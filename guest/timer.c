/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The interrupt controllers, and the interval timer, the only device that interrupts here. */
#include "kernel.h"

#define PIC1 0x20
#define PIC2 0xa0
#define PIC_INIT 0x11
#define PIC_CASCADE 2
#define PIC_8086 1
#define PIC_END_OF_INTERRUPT 0x20
#define MASK_ALL 0xff
#define MASK_ALL_BUT_TIMER 0xfe

#define PIT_HZ 1193182
#define PIT_CHANNEL0 0x40
#define PIT_CHANNEL2 0x42
#define PIT_MODE 0x43
#define MODE_RATE 0x34     /* channel 0, again and again */
#define MODE_ONE_SHOT 0xb0 /* channel 2, once */
#define SPEAKER 0x61       /* has channel 2's gate and output */
#define SPEAKER_GATE 1
#define SPEAKER_SOUND 2
#define SPEAKER_OUT 0x20

volatile uint32_t ticks;

static struct queue sleepers;

static void pic_init(uint16_t pic, uint8_t vectors, uint8_t wiring)
{
	vmi_outb(PIC_INIT, pic);
	vmi_outb(vectors, pic + 1);
	vmi_outb(wiring, pic + 1);
	vmi_outb(PIC_8086, pic + 1);
	vmi_outb(MASK_ALL, pic + 1);
}

void timer_mask(bool masked)
{
	vmi_outb(masked ? MASK_ALL : MASK_ALL_BUT_TIMER, PIC1 + 1);
}

void timer_init(void)
{
	pic_init(PIC1, IRQ_BASE, 1 << PIC_CASCADE);
	pic_init(PIC2, IRQ_BASE + 8, PIC_CASCADE);
	vmi_outb(MODE_RATE, PIT_MODE);
	vmi_outb(PIT_HZ / HZ & 0xff, PIT_CHANNEL0);
	vmi_outb(PIT_HZ / HZ >> 8, PIT_CHANNEL0);
	timer_mask(false);
}

void timer_interrupt(void)
{
	struct process *next;

	vmi_outb(PIC_END_OF_INTERRUPT, PIC1);
	ticks++;
	reschedule = true;
	for (struct process *process = sleepers.first; process; process = next) {
		next = process->next;
		if ((int32_t)(ticks - process->wake_at) >= 0)
			wake(process);
	}
}

/* Never less than that, because the tick that is under way does not count. */
int timer_sleep(uint32_t milliseconds)
{
	uint32_t wait = milliseconds / 1000 * HZ + (milliseconds % 1000 * HZ + 999) / 1000 + 1;
	unsigned long flags = irq_save();
	int error = 0;

	current->wake_at = ticks + wait;
	while (!error && (int32_t)(ticks - current->wake_at) < 0)
		error = wait_in(&sleepers);
	irq_restore(flags);
	return error;
}

/*
 * How fast the time stamp counter runs, by 2 ms of the interval timer. If something holds the machine up the
 * result can only be too large: so the smallest of many.
 */
void timer_calibrate(void)
{
	uint32_t count = PIT_HZ / 500;
	uint64_t best = ~0ull;

	for (int i = 0; i < 15; i++) {
		uint8_t speaker = vmi_inb(SPEAKER) & ~(SPEAKER_SOUND + SPEAKER_GATE);
		uint64_t start;

		vmi_outb(speaker | SPEAKER_GATE, SPEAKER);
		vmi_outb(MODE_ONE_SHOT, PIT_MODE);
		vmi_outb(count & 0xff, PIT_CHANNEL2);
		start = vmi_rdtsc();
		vmi_outb(count >> 8, PIT_CHANNEL2);
		while (!(vmi_inb(SPEAKER) & SPEAKER_OUT))
			;
		start = vmi_rdtsc() - start;
		if (start < best)
			best = start;
		vmi_outb(speaker, SPEAKER);
	}
	printf("tsc_hz=%llu\n", best * 500);
}
