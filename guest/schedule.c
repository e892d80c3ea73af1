/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who runs. A process that is ready is in one queue, one that waits is in another. The timer interrupt makes a
 * process give way when it would go back to its program; inside the kernel only one that waits gives way. So
 * only what interrupts touch, the queues, needs interrupts off.
 */
#include "kernel.h"

struct process *current = &idle_process;
bool reschedule;

static struct queue ready;

static void queue_add(struct queue *queue, struct process *process)
{
	process->next = NULL;
	process->queue = queue;
	if (queue->last)
		queue->last->next = process;
	else
		queue->first = process;
	queue->last = process;
}

static struct process *queue_take(struct queue *queue)
{
	struct process *process = queue->first;

	if (process) {
		queue->first = process->next;
		if (!queue->first)
			queue->last = NULL;
		process->queue = NULL;
	}
	return process;
}

static void queue_remove(struct queue *queue, struct process *process)
{
	struct process *before = NULL;

	for (struct process *p = queue->first; p != process; p = p->next)
		before = p;
	if (before)
		before->next = process->next;
	else
		queue->first = process->next;
	if (queue->last == process)
		queue->last = before;
	process->queue = NULL;
}

void make_ready(struct process *process)
{
	process->state = READY;
	queue_add(&ready, process);
}

/* Interrupts are off. What a hypervisor needs to know of a switch, it may take in one go. */
static void switch_to(struct process *process)
{
	struct process *before = current;

	if (*(uint32_t *)before->stack != STACK_MARK)
		panic(NULL, "the kernel stack of process %d has overflowed", before->pid);
	current = process;
	process->state = RUNNING;
	lazy(VMI_LAZY_CPU_STATE);
	space_load(process->space.directory ? &process->space : NULL);
	segments_set_stack((uint32_t)process->stack + PAGE_SIZE);
	lazy(VMI_LAZY_NONE);
	switch_stacks(&before->saved_esp, process->saved_esp);
}

/* Gives way to whoever has been ready longest. Comes back when it is this process's turn again. */
void schedule(void)
{
	unsigned long flags = irq_save();
	struct process *next;

	reschedule = false;
	if (current->state == RUNNING && current != &idle_process)
		make_ready(current);
	next = queue_take(&ready);
	if (!next)
		next = &idle_process;
	if (next != current)
		switch_to(next);
	else
		current->state = RUNNING;
	irq_restore(flags);
}

/* Waits until the queue is woken. -E_INTR: the process is to end instead. */
int wait_in(struct queue *queue)
{
	unsigned long flags = irq_save();

	if (!current->killed) {
		current->state = WAITING;
		queue_add(queue, current);
		schedule();
	}
	irq_restore(flags);
	return current->killed ? -E_INTR : 0;
}

void wake(struct process *process)
{
	unsigned long flags = irq_save();

	if (process->state == WAITING) {
		queue_remove(process->queue, process);
		make_ready(process);
	}
	irq_restore(flags);
}

void wake_all(struct queue *queue)
{
	unsigned long flags = irq_save();
	struct process *process;

	while ((process = queue_take(queue)))
		make_ready(process);
	irq_restore(flags);
}
