/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A copy of what the patcher reads of a kernel, and the patcher at work on it, with the answers that the ROM's code gives. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "against.h"

/*
 * Records reach their sites by a signed distance, around the end of the address space too. So the copy is laid
 * out by the distance from the records: addresses from 2 GiB below them to 2 GiB above.
 */
static uint64_t position(const struct against *against, uint64_t address)
{
	return (uint64_t)((int64_t)(int32_t)(uint32_t)(address - against->centre) + ((int64_t)1 << 31));
}

unsigned char *copy_at(const struct against *against, uint64_t address)
{
	return against->memory + (position(against, address) - against->first);
}

/* Makes room for size bytes at address. -1 if they cannot be laid out in one piece. */
static int cover(const struct against *against, uint64_t address, uint64_t size, uint64_t *low, uint64_t *high)
{
	uint64_t start = position(against, address), end = start + size;

	if (size > (uint64_t)1 << 31 || end > (uint64_t)1 << 32)
		return -1;
	if (start < *low)
		*low = start;
	if (end > *high)
		*high = end;
	return 0;
}

/* Whether a site lies in the area; others need not be copied. */
static int has_sites(const struct kernel *kernel, const struct area *area)
{
	size_t first = kernel_sites_before(kernel, area->address);

	return first < kernel->order_count && kernel->order[first]->address - area->address < area->size;
}

/* What is patched must not be what the patcher reads while it patches. */
static int is_apart(const struct site *site, uint64_t address, uint64_t size)
{
	return site->address + site->size <= address || address + size <= site->address;
}

static int lay_out(struct against *against, const struct kernel *kernel)
{
	const struct table *table = &kernel->table;
	uint64_t low = UINT64_MAX, high = 0, text_low = UINT64_MAX, text_high = 0;

	against->centre = table->records_address;
	if (cover(against, table->records_address, table->records_size, &low, &high) != 0 ||
	    cover(against, table->native_address, table->native_size, &low, &high) != 0)
		return -1;
	for (size_t i = 0; i < kernel->area_count; i++)
		if (has_sites(kernel, &kernel->areas[i]) &&
		    cover(against, kernel->areas[i].address, kernel->areas[i].size, &text_low, &text_high) != 0)
			return -1;
	if (text_low < low)
		low = text_low;
	if (text_high > high)
		high = text_high;
	against->first = low & ~(uint64_t)4095;
	against->size = high - against->first;
	/* Mostly holes, which cost nothing. */
	against->memory = mmap(NULL, against->size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (against->memory == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < kernel->area_count; i++)
		if (has_sites(kernel, &kernel->areas[i]))
			memcpy(copy_at(against, kernel->areas[i].address), kernel->areas[i].bytes, kernel->areas[i].size);
	memcpy(copy_at(against, table->records_address), table->records, table->records_size);
	memcpy(copy_at(against, table->native_address), table->native, table->native_size);
	against->table = (struct vrom_table){
		.records = copy_at(against, table->records_address),
		.records_end = copy_at(against, table->records_address) + table->records_size,
		.native = copy_at(against, table->native_address),
		.native_end = copy_at(against, table->native_address) + table->native_size,
		.text = against->memory,
		.text_end = against->memory,
		.moved = (ptrdiff_t)(table->records_address - (uintptr_t)copy_at(against, table->records_address)),
	};
	if (text_high) {
		against->table.text = against->memory + (text_low - against->first);
		against->table.text_end = against->memory + (text_high - against->first);
	}
	return 0;
}

int against_lay_out(struct against *against, const struct kernel *kernel)
{
	const struct table *table = &kernel->table;

	for (size_t i = 0; i < table->count; i++)
		if (!is_apart(&table->sites[i], table->records_address, table->records_size) ||
		    !is_apart(&table->sites[i], table->native_address, table->native_size))
			return fail(kernel->elf.path, "site %zu lies in the site table or its seal: link the kernel again", i);
	if (lay_out(against, kernel) == 0)
		return 0;
	against->memory = NULL;
	return fail(kernel->elf.path, "text and site table cannot be laid out in memory: are they more than 2 GiB apart?");
}

/* The patcher asks. A question without an answer gets a type that nobody knows. */
static void answer(void *context, unsigned call, struct vrom_answer *result)
{
	const struct romfile *rom = context;
	const struct reply *reply = &rom->replies[call];

	result->target = reply->target;
	result->type = reply->problem[0] ? 0xff : reply->type;
}

struct vrom_host against_host(const struct against *against)
{
	const struct romfile *rom = &against->rom;

	return (struct vrom_host){
		.answer = answer,
		.context = (void *)(uintptr_t)rom,
		.templates = rom->rom.templates,
		.template_count = rom->rom.template_count,
		.rom = rom->at,
		.low = rom->at,
		.high = (uintptr_t)rom->at + rom->size,
		.top = rom->header->virtual_top,
		.answers_early = 1,
	};
}

enum vrom_status against_plan(struct against *against, const struct kernel *kernel, struct vrom_error *error)
{
	struct vrom_host host = against_host(against);
	size_t size = VROM_PLAN_MEMORY(kernel->table.count);

	against->plan_memory = allocate(size, 1);
	against->status = vrom_plan(&against->plan, &host, &against->table, 1, against->plan_memory, size, error);
	if (against->status == VROM_OK)
		against->committed = vrom_commit(&against->plan) == VROM_OK;
	return against->status;
}

void against_free(struct against *against)
{
	if (against->memory)
		munmap(against->memory, against->size);
	free(against->plan_memory);
	free(against->proofs);
	free(against->tried);
	romfile_close(&against->rom);
}
