/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef GUEST_KERNEL_H
#define GUEST_KERNEL_H

/* What the files of the kernel know of each other. README.md says in which order to read them. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "layout.h"
#include "machine.h"

struct process;

/* ---- boot.S, kernel.ld ---- */
extern uint32_t boot_directory[1024];
extern char boot_stack[], text_start[], text_end[], kernel_end[];
extern char early_stop[]; /* a function, but not at this address: boot.S */
__attribute__((noreturn)) void main(uint32_t magic, uint32_t multiboot);

/* Physical addresses are uint32_t; what C can use are the kernel's addresses for them. */
static inline void *at_physical(uint32_t address)
{
	return (char *)KERNEL_BASE + address;
}

static inline uint32_t physical(const void *address)
{
	return (uint32_t)address - KERNEL_BASE;
}

/* ---- string.c, format.c ---- */
void *memcpy(void *to, const void *from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int value, size_t length);
int memcmp(const void *a, const void *b, size_t length);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int format(char *to, size_t size, const char *text, va_list values);

/* ---- console.c ---- */
void console_init(void);
void console_write(const char *bytes, size_t length);
__attribute__((format(printf, 1, 2))) void printf(const char *text, ...);

/* ---- host.c ---- */
/* Before all call sites: those of a kernel that was patched from outside are calls already. */
void host_adopt(void);
extern bool host_adopted; /* it was */
void host_attach(void);
void host_report(void);
void host_print_text(void);
/* What stands at site number n, unless host_adopted: enum vrom_choice. */
unsigned host_choice(uint32_t n);

/* ---- stop.c ---- */
void check(bool passed, const char *name);
void check_skip(const char *name, const char *why);
__attribute__((noreturn)) void power_off(void);
struct trap_frame;
__attribute__((noreturn, format(printf, 2, 3))) void panic(const struct trap_frame *frame, const char *text, ...);

/* ---- segments.c ---- */
extern uint32_t ring; /* that the kernel runs in, 0 to 2 */
void segments_init(void);
void segments_set_stack(uint32_t top);

/* ---- entry.S, trap.c ---- */
struct trap_frame {
	uint32_t gs, fs, es, ds;
	uint32_t edi, esi, ebp, ignored_esp, ebx, edx, ecx, eax;
	uint32_t vector, error;
	uint32_t eip, cs, eflags;
	uint32_t esp, ss; /* there only if the trap came from a program */
};

/* The kernel may run in ring 1 or 2, so "not a program" is all that can be asked. */
static inline bool from_user(const struct trap_frame *frame)
{
	return (frame->cs & 3) == USER_RING;
}

extern char trap_stubs[], trap_system_call[], trap_return[];
void load_segments(uint32_t code, uint32_t stack);
void switch_stacks(uint32_t *save, uint32_t load);
void trap_init(void);
void trap(struct trap_frame *frame);

/* ---- memory.c: page frames, by physical address ---- */
struct multiboot_info;
void memory_init(uint32_t multiboot);
bool boot_option(uint32_t multiboot, const char *word); /* whether it is on the kernel's command line */
uint32_t frame_get(void); /* 0 if there is none; content undefined; used once */
void frame_share(uint32_t frame);
void frame_put(uint32_t frame);
bool frame_shared(uint32_t frame);
extern uint32_t frames_free;

/* ---- paging.c: address spaces ---- */
#define ENTRY_PRESENT 0x001
#define ENTRY_WRITE 0x002
#define ENTRY_USER 0x004
#define ENTRY_FRAME 0xfffff000

struct region {
	uint32_t start, end; /* page boundaries; start == end: not in use */
	bool writable;
};

enum { REGION_TEXT, REGION_DATA, REGION_HEAP, REGION_STACK, REGION_MAP, REGIONS = REGION_MAP + 8 };

struct space {
	uint32_t *directory;
	struct region regions[REGIONS];
};

int space_new(struct space *space);
int space_copy(struct space *child, struct space *parent);
void space_free(struct space *space);
void space_load(const struct space *space); /* NULL: the kernel's own */
int space_fault(struct space *space, uint32_t address, bool write);
void *space_byte(struct space *space, uint32_t address, bool write);
void space_unmap(struct space *space, uint32_t start, uint32_t end);
uint32_t *space_entry(const struct space *space, uint32_t address);
void space_set_entry(const struct space *space, uint32_t *where, uint32_t address, uint32_t entry);
int copy_in(void *to, uint32_t from, size_t length);
int copy_out(uint32_t to, const void *from, size_t length);
int copy_in_string(char *to, uint32_t from, size_t size);

/* ---- pipe.c: descriptors and what they stand for ---- */
#define FILES 16
enum file_kind { FILE_NONE, FILE_CONSOLE, FILE_PIPE_READ, FILE_PIPE_WRITE };
struct file {
	enum file_kind kind;
	struct pipe *pipe;
};
void file_share(struct file *file);
void file_close(struct file *file);
int file_read(struct file *file, uint32_t buffer, uint32_t length);
int file_write(struct file *file, uint32_t buffer, uint32_t length);
int pipe_new(struct file *reader, struct file *writer);

/* ---- schedule.c ---- */
struct queue {
	struct process *first, *last;
};
extern bool reschedule; /* the time slice is over */
void make_ready(struct process *process);
void schedule(void);
int wait_in(struct queue *queue);
void wake_all(struct queue *queue);
void wake(struct process *process); /* if it waits */

/* ---- process.c ---- */
#define PROCESSES 64
#define STACK_MARK 0x4b434154 /* at the lowest address of a kernel stack, which is one page */
enum process_state { UNUSED, READY, RUNNING, WAITING, ZOMBIE };
struct process {
	int pid;
	enum process_state state;
	int status;
	int killed; /* what wait is to report, once it gets to it; 0: it may live */
	struct process *parent;
	struct queue *queue; /* it waits in */
	struct process *next;
	struct queue children; /* it waits in here for a child to end */
	uint32_t wake_at;
	char *stack;
	uint32_t saved_esp;
	struct space space;
	struct file files[FILES];
	char name[16];
};
extern struct process *current, idle_process;
void process_init(void);
int process_fork(void);
int process_exec(uint32_t name, uint32_t arguments);
int process_wait(uint32_t status);
int process_kill(int pid);
__attribute__((noreturn)) void process_exit(int status);
struct trap_frame *process_frame(struct process *process);

/* ---- exec.c, programs.S ---- */
struct program {
	const char *name;
	const unsigned char *image, *image_end;
};
extern const struct program programs[];
int exec_load(struct space *space, const char *name, uint32_t *entry);

/* ---- timer.c ---- */
#define HZ 250
extern volatile uint32_t ticks;
void timer_init(void);
void timer_mask(bool masked);
void timer_interrupt(void);
void timer_calibrate(void);
int timer_sleep(uint32_t milliseconds);

/* ---- syscall.c, bench.c ---- */
void system_call(struct trap_frame *frame);
uint32_t bench_measure(uint32_t what, uint32_t iterations);

/* profile.c: how often the sites ran since the last report. name may be NULL. */
void profile_report(const char *name);
#endif
