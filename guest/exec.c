/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Starting a program: an ELF file out of those that are part of the kernel's image (programs.S). */
#include "kernel.h"

#define ELF_MAGIC 0x464c457f
#define ELF_LOAD 1
#define ELF_WRITABLE 2

struct elf_header {
	uint32_t magic;
	uint8_t ident[12];
	uint16_t type, machine;
	uint32_t version, entry, segments, sections, flags;
	uint16_t size, segment_size, segment_count;
};

struct elf_segment {
	uint32_t type, offset, address, physical, file_size, memory_size, flags, align;
};

static uint32_t page_up(uint32_t address)
{
	return (address + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static const struct program *find_program(const char *name)
{
	for (const struct program *program = programs; program->name; program++)
		if (!strcmp(program->name, name))
			return program;
	return NULL;
}

/* To a space that is not loaded, or to pages that the program itself may not write. */
static int fill(struct space *space, uint32_t address, const void *from, size_t length)
{
	const char *bytes = from;

	while (length) {
		size_t part = PAGE_SIZE - address % PAGE_SIZE;
		char *to = space_byte(space, address, false);

		if (!to)
			return -E_NOMEM;
		if (part > length)
			part = length;
		memcpy(to, bytes, part);
		bytes += part;
		address += part;
		length -= part;
	}
	return 0;
}

/* A fresh space with the program in it: a segment without and one with the right to write, heap and stack. */
int exec_load(struct space *space, const char *name, uint32_t *entry)
{
	const struct program *program = find_program(name);
	const struct elf_header *elf;
	const struct elf_segment *segment;
	int error;

	if (!program)
		return -E_NOENT;
	elf = (const void *)program->image;
	if (elf->magic != ELF_MAGIC || elf->segment_size != sizeof *segment)
		return -E_INVAL;
	segment = (const void *)(program->image + elf->segments);
	error = space_new(space);
	for (int i = 0; i < elf->segment_count && !error; i++, segment++) {
		struct region *region = &space->regions[segment->flags & ELF_WRITABLE ? REGION_DATA : REGION_TEXT];

		if (segment->type != ELF_LOAD || !segment->memory_size)
			continue;
		if (region->end || segment->address % PAGE_SIZE || segment->address < USER_BASE ||
		    segment->memory_size > MAP_BASE - segment->address)
			error = -E_INVAL;
		region->start = segment->address;
		region->end = page_up(segment->address + segment->memory_size);
		region->writable = segment->flags & ELF_WRITABLE;
		if (!error)
			error = fill(space, segment->address, program->image + segment->offset, segment->file_size);
	}
	if (error) {
		space_free(space);
		return error;
	}
	space->regions[REGION_HEAP].start = space->regions[REGION_HEAP].end =
		page_up(space->regions[space->regions[REGION_DATA].end ? REGION_DATA : REGION_TEXT].end);
	space->regions[REGION_HEAP].writable = true;
	space->regions[REGION_STACK] = (struct region){ STACK_TOP - STACK_SIZE, STACK_TOP, true };
	*entry = elf->entry;
	return 0;
}

/*
 * The arguments, as a program finds them at its start: [esp] is their number, then come their addresses and
 * NULL, then the strings. page is that end of the stack, as it will be.
 */
static int gather(uint32_t arguments, char *page, uint32_t *esp)
{
	uint32_t where[MAX_ARGUMENTS + 1], used = 0, count = 0;
	uint32_t strings = STACK_TOP - MAX_ARGUMENT_BYTES;

	for (; arguments; arguments += 4, count++) {
		int length = copy_in(&where[count], arguments, 4);

		if (length)
			return length;
		if (!where[count])
			break;
		if (count == MAX_ARGUMENTS)
			return -E_2BIG;
		length = copy_in_string(page + PAGE_SIZE - MAX_ARGUMENT_BYTES + used, where[count],
					MAX_ARGUMENT_BYTES - used);
		if (length < 0)
			return length;
		where[count] = strings + used;
		used += length + 1;
	}
	where[count] = 0;
	*esp = strings - 4 * (count + 2);
	memcpy(page + *esp % PAGE_SIZE, &count, 4);
	memcpy(page + *esp % PAGE_SIZE + 4, where, 4 * (count + 1));
	return 0;
}

/* On success the current process is another program, with the files and the pid of the old one. */
int process_exec(uint32_t name_address, uint32_t arguments)
{
	struct trap_frame *frame = process_frame(current);
	char name[sizeof current->name];
	struct space fresh = { 0 };
	uint32_t page, entry, esp;
	int error = copy_in_string(name, name_address, sizeof name);

	if (error < 0)
		return error;
	page = frame_get();
	if (!page)
		return -E_NOMEM;
	memset(at_physical(page), 0, PAGE_SIZE);
	error = gather(arguments, at_physical(page), &esp);
	if (!error)
		error = exec_load(&fresh, name, &entry);
	if (!error)
		error = fill(&fresh, STACK_TOP - PAGE_SIZE, at_physical(page), PAGE_SIZE);
	frame_put(page);
	if (error) {
		space_free(&fresh);
		return error;
	}
	space_free(&current->space);
	current->space = fresh;
	space_load(&current->space);
	memcpy(current->name, name, sizeof name);

	frame->eip = entry;
	frame->esp = esp;
	frame->eflags = VMI_MASK_ENABLED;
	frame->ds = frame->es = USER_DATA + USER_RING;
	frame->fs = frame->gs = 0;
	frame->ebx = frame->ecx = frame->edx = frame->esi = frame->edi = frame->ebp = 0;
	return 0;
}
