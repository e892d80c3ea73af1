/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unicorn/unicorn.h>

#include <vmi/rom.h>

#include "emulate.h"

#define PAGE 0x1000u
#define PAGE_MASK (~(PAGE - 1))

struct emulator {
	uc_engine *engine;
	const unsigned char *rom;
	unsigned char *copy;
	uint32_t at, size;
	uint32_t stack; /* of one page */
	uint32_t home;  /* where get_reloc returns to: a page of halts */
};

/* A page that is not among those of the ROM. */
static uint32_t free_page(uint32_t at, uint32_t size, uint32_t wanted)
{
	uint32_t first = at & PAGE_MASK, behind = ((at + size - 1) & PAGE_MASK) + PAGE;

	return wanted >= first && wanted - first < behind - first ? behind : wanted;
}

struct emulator *emulator_open(const char *file, const unsigned char *rom, size_t size, uint32_t at)
{
	struct emulator *emulator = allocate(1, sizeof *emulator);
	uint32_t first = at & PAGE_MASK, length;
	unsigned char halts[16];

	if (size == 0 || (uint64_t)at + size + 4 * PAGE > 0xffffffffu) {
		fail(file, "a ROM of %zu bytes does not fit at 0x%x: name a lower address with --rom-at", size, at);
		free(emulator);
		return NULL;
	}
	*emulator = (struct emulator){ .rom = rom, .copy = allocate(size, 1), .at = at, .size = (uint32_t)size };
	length = ((at + emulator->size - 1) & PAGE_MASK) + PAGE - first;
	emulator->stack = free_page(at, emulator->size, 0x70000);
	emulator->home = free_page(at, emulator->size, 0x80000);
	if (emulator->home == emulator->stack)
		emulator->home += PAGE;
	memset(halts, 0xf4, sizeof halts);
	if (uc_open(UC_ARCH_X86, UC_MODE_32, &emulator->engine) == UC_ERR_OK) {
		if (uc_mem_map(emulator->engine, first, length, UC_PROT_ALL) == UC_ERR_OK &&
		    uc_mem_map(emulator->engine, emulator->stack, PAGE, UC_PROT_READ | UC_PROT_WRITE) == UC_ERR_OK &&
		    uc_mem_map(emulator->engine, emulator->home, PAGE, UC_PROT_READ | UC_PROT_EXEC) == UC_ERR_OK &&
		    uc_mem_write(emulator->engine, emulator->home, halts, sizeof halts) == UC_ERR_OK)
			return emulator;
		uc_close(emulator->engine);
	}
	emulator->engine = NULL;
	emulator_close(emulator);
	fail(file, "the emulated processor cannot be set up: is there memory left?");
	return NULL;
}

static void set(struct emulator *emulator, int name, uint32_t value)
{
	uc_reg_write(emulator->engine, name, &value);
}

static uint32_t get(struct emulator *emulator, int name)
{
	uint32_t value = 0;

	uc_reg_read(emulator->engine, name, &value);
	return value;
}

void emulator_ask(struct emulator *emulator, uint32_t call, struct reply *reply)
{
	/* Registers that a VMI call keeps, with values to know them by. */
	static const int kept[] = { UC_X86_REG_EBX, UC_X86_REG_ESI, UC_X86_REG_EDI, UC_X86_REG_EBP };
	uint32_t stack = emulator->stack + PAGE - 64, eip;
	uc_err error;

	memset(reply, 0, sizeof *reply);
	/* Each question meets the ROM as it was built. */
	if (uc_mem_write(emulator->engine, emulator->at, emulator->rom, emulator->size) != UC_ERR_OK ||
	    uc_mem_write(emulator->engine, stack, &emulator->home, 4) != UC_ERR_OK) {
		snprintf(reply->problem, sizeof reply->problem, "the emulated memory cannot be written");
		return;
	}
	set(emulator, UC_X86_REG_EAX, call);
	set(emulator, UC_X86_REG_ECX, 0);
	set(emulator, UC_X86_REG_EDX, 0);
	for (unsigned i = 0; i < 4; i++)
		set(emulator, kept[i], 0x5eed0000u + i);
	set(emulator, UC_X86_REG_ESP, stack);
	set(emulator, UC_X86_REG_EFLAGS, 2);
	error = uc_emu_start(emulator->engine, emulator->at + VMI_OFF_GET_RELOC, emulator->home, 0, EMULATION_LIMIT);
	eip = get(emulator, UC_X86_REG_EIP);
	if (error != UC_ERR_OK) {
		snprintf(reply->problem, sizeof reply->problem, "get_reloc crashes at 0x%x: %s", eip, uc_strerror(error));
		return;
	}
	if (eip != emulator->home) {
		snprintf(reply->problem, sizeof reply->problem,
			 "get_reloc does not come back: after up to %d instructions it is at 0x%x", EMULATION_LIMIT, eip);
		return;
	}
	reply->target = get(emulator, UC_X86_REG_EAX);
	reply->type = (uint8_t)get(emulator, UC_X86_REG_EDX);
	reply->spoils = get(emulator, UC_X86_REG_ESP) != stack + 4;
	for (unsigned i = 0; i < 4; i++)
		reply->spoils |= get(emulator, kept[i]) != 0x5eed0000u + i;
	if (uc_mem_read(emulator->engine, emulator->at, emulator->copy, emulator->size) == UC_ERR_OK)
		reply->stores = memcmp(emulator->copy, emulator->rom, emulator->size) != 0;
}

void emulator_close(struct emulator *emulator)
{
	if (!emulator)
		return;
	if (emulator->engine)
		uc_close(emulator->engine);
	free(emulator->copy);
	free(emulator);
}
