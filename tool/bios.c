/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a BIOS does with a ROM: it calls its entry point, once, in real mode. A ROM that takes memory then notes in its image
 * where that is, also in code that is placed in line. So what a guest finds is not what is in the file.
 */
#include <string.h>

#include <unicorn/unicorn.h>

#include "romfile.h"

#define MEGABYTE 0x100000u
#define ENTRY 3                   /* offset of rom_entry in the header */
#define MEMORY_KIB 0x413          /* 16 bits: how many KiB start at 0 and belong to nobody */
#define STACK_SEGMENT 0x1000
#define STACK 0xfff0
#define HOME_SEGMENT 0x2000       /* where the entry point returns to */
#define LIMIT 10000000            /* instructions */

/* A far return address. */
static const uint16_t home[2] = { 0, HOME_SEGMENT };

static void set(uc_engine *engine, int name, uint32_t value)
{
	uc_reg_write(engine, name, &value);
}

/* NULL, or what is wrong. */
static const char *boot(uc_engine *engine, struct romfile *rom, uint32_t physical, unsigned memory)
{
	uint16_t kib = (uint16_t)memory;
	uint32_t stack = STACK_SEGMENT * 16 + STACK, ip = 0;
	uint16_t cs = 0;

	if (uc_mem_map(engine, 0, MEGABYTE, UC_PROT_ALL) != UC_ERR_OK ||
	    uc_mem_write(engine, physical, rom->file.bytes, rom->size) != UC_ERR_OK ||
	    uc_mem_write(engine, MEMORY_KIB, &kib, sizeof kib) != UC_ERR_OK ||
	    uc_mem_write(engine, stack, home, sizeof home) != UC_ERR_OK)
		return "the emulated memory cannot be set up";
	set(engine, UC_X86_REG_CS, physical >> 4);
	set(engine, UC_X86_REG_DS, 0);
	set(engine, UC_X86_REG_ES, 0);
	set(engine, UC_X86_REG_SS, STACK_SEGMENT);
	set(engine, UC_X86_REG_ESP, STACK);
	if (uc_emu_start(engine, physical + ENTRY, HOME_SEGMENT * 16, 0, LIMIT) != UC_ERR_OK)
		return "its entry point for the BIOS crashes";
	uc_reg_read(engine, UC_X86_REG_CS, &cs);
	uc_reg_read(engine, UC_X86_REG_EIP, &ip);
	if (cs != HOME_SEGMENT || ip % MEGABYTE)
		return "its entry point for the BIOS does not come back";
	if (uc_mem_read(engine, physical, rom->file.bytes, rom->size) != UC_ERR_OK)
		return "the emulated memory cannot be read";
	rom->status = vrom_check_rom(rom->file.bytes, rom->file.size, &rom->rom, NULL);
	return rom->status == VROM_OK ? NULL : vrom_strstatus(rom->status);
}

int romfile_boot(struct romfile *rom, uint32_t physical, unsigned memory)
{
	const char *problem = "the emulated processor cannot be set up";
	uc_engine *engine;

	if (uc_open(UC_ARCH_X86, UC_MODE_16, &engine) == UC_ERR_OK) {
		problem = boot(engine, rom, physical, memory);
		uc_close(engine);
	}
	return problem ? fail(rom->path, "as the BIOS calls it: %s: see \"vrom show\"", problem) : 0;
}
