/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Processes: how they come to be, and how they end. */
#include "kernel.h"

/* Stands for "nothing to run", and is what the processor did before there were processes. */
struct process idle_process = { .state = RUNNING, .name = "idle" };

static struct process processes[PROCESSES];
static struct process *init;
static int last_pid;

/* What a process was doing when it came into the kernel lies at the top of its kernel stack. */
struct trap_frame *process_frame(struct process *process)
{
	return (struct trap_frame *)(process->stack + PAGE_SIZE) - 1;
}

/* A process that is not ready yet: no memory, no files; its first steps lead to trap_return. */
static struct process *process_new(void)
{
	struct process *process = NULL;
	uint32_t stack, *top;

	for (int i = 0; i < PROCESSES && !process; i++)
		if (processes[i].state == UNUSED)
			process = &processes[i];
	stack = process ? frame_get() : 0;
	if (!stack)
		return NULL;
	memset(process, 0, sizeof *process);
	process->pid = ++last_pid;
	process->stack = at_physical(stack);
	*(uint32_t *)process->stack = STACK_MARK;
	top = (uint32_t *)process_frame(process);
	*--top = (uint32_t)trap_return;
	top -= 4; /* the registers that switch_stacks takes from the stack */
	memset(top, 0, 4 * sizeof *top);
	process->saved_esp = (uint32_t)top;
	return process;
}

/* Gives back what process_wait or process_new's caller has no more use for. */
static void process_free(struct process *process)
{
	frame_put(physical(process->stack));
	process->state = UNUSED;
}

int process_fork(void)
{
	struct process *child = process_new();
	int error;

	if (!child)
		return -E_AGAIN;
	error = space_copy(&child->space, &current->space);
	if (error) {
		process_free(child);
		return error;
	}
	child->parent = current;
	memcpy(child->name, current->name, sizeof child->name);
	memcpy(child->files, current->files, sizeof child->files);
	for (int i = 0; i < FILES; i++)
		file_share(&child->files[i]);
	*process_frame(child) = *process_frame(current);
	process_frame(child)->eax = 0;

	unsigned long flags = irq_save();
	make_ready(child);
	irq_restore(flags);
	return child->pid;
}

void process_exit(int status)
{
	struct process *self = current;

	if (self == init)
		panic(process_frame(self), "the first process has ended with status %x", status);
	for (int i = 0; i < FILES; i++)
		file_close(&self->files[i]);
	space_free(&self->space);
	for (int i = 0; i < PROCESSES; i++)
		if (processes[i].state != UNUSED && processes[i].parent == self) {
			processes[i].parent = init;
			if (processes[i].state == ZOMBIE)
				wake_all(&init->children);
		}
	self->status = status;

	vmi_disable_interrupts();
	self->state = ZOMBIE;
	wake_all(&self->parent->children);
	schedule();
	__builtin_unreachable();
}

int process_wait(uint32_t status)
{
	for (;;) {
		bool children = false;
		int error;

		for (int i = 0; i < PROCESSES; i++) {
			struct process *child = &processes[i];

			if (child->state == UNUSED || child->parent != current)
				continue;
			children = true;
			if (child->state != ZOMBIE)
				continue;
			error = status ? copy_out(status, &child->status, sizeof child->status) : 0;
			if (error)
				return error;
			process_free(child);
			return child->pid;
		}
		if (!children)
			return -E_CHILD;
		error = wait_in(&current->children);
		if (error)
			return error;
	}
}

/* It ends when it would next go back to its program, and waits for nothing any more until then. */
int process_kill(int pid)
{
	for (int i = 0; i < PROCESSES; i++) {
		struct process *process = &processes[i];

		if (process->state == UNUSED || process->state == ZOMBIE || process->pid != pid)
			continue;
		if (process == init)
			return -E_INVAL;
		if (!process->killed)
			process->killed = STATUS_KILLED + KILLED_BY_KILL;
		wake(process);
		return 0;
	}
	return -E_SRCH;
}

/* The first process: its frame is made here, all others are copies of it. */
void process_init(void)
{
	struct trap_frame *frame;
	uint32_t entry;

	idle_process.stack = boot_stack;
	*(uint32_t *)boot_stack = STACK_MARK;

	init = process_new();
	if (!init || exec_load(&init->space, "init", &entry))
		panic(NULL, "there is no memory for the first process");
	memcpy(init->name, "init", sizeof "init");
	for (int i = 0; i < 3; i++)
		init->files[i].kind = FILE_CONSOLE;
	frame = process_frame(init);
	memset(frame, 0, sizeof *frame);
	frame->cs = USER_CODE + USER_RING;
	frame->ds = frame->es = frame->ss = USER_DATA + USER_RING;
	frame->eflags = VMI_MASK_ENABLED;
	frame->eip = entry;
	frame->esp = STACK_TOP - 8; /* two zeroes: no arguments */
	make_ready(init);
}
