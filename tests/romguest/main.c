/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Finds the ROM, and what of it can be told by looking and asking. */
#include "guest.h"

#define BDA_MEMORY_KIB 0x413
#define CONVENTIONAL_END 0xa0000
#define MULTIBOOT_HAS_COMMAND_LINE 4
#define MULTIBOOT_HAS_MAP 0x40
#define MEMORY_USABLE 1

struct multiboot {
	uint32_t flags, lower, upper, device, command_line, modules, module_list, symbols[4], map_size, map;
};

struct memory {
	uint32_t size;
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));

void main(const struct multiboot *boot);

uint32_t rom;
volatile uint32_t *counters;
static const struct vmi_rom_header *header;

uint32_t target(unsigned call)
{
	struct registers r = { .eax = call };

	invoke(rom + VMI_OFF_GET_RELOC, &r, 0, 0);
	return (uint8_t)r.edx == VMI_RELOCATION_CALL_REL ? r.eax : 0;
}

uint64_t call5(unsigned call, uint32_t eax, uint32_t edx, uint32_t ecx, uint32_t stack1, uint32_t stack2)
{
	struct registers r = { .eax = eax, .edx = edx, .ecx = ecx };

	invoke(target(call), &r, stack1, stack2);
	return (uint64_t)r.edx << 32 | r.eax;
}

uint64_t call1(unsigned call, uint32_t eax)
{
	return call5(call, eax, 0, 0, 0, 0);
}

uint64_t call0(unsigned call)
{
	return call1(call, 0);
}

static int find_rom(void)
{
	for (uint32_t at = VMI_ROM_AREA; at < VMI_ROM_AREA + VMI_ROM_AREA_SIZE; at += VMI_ROM_STEP) {
		header = (const struct vmi_rom_header *)(at + HIGH);
		if (header->boot_signature == VMI_ROM_BOOT_SIGNATURE && header->signature == VMI_ROM_SIGNATURE) {
			rom = at + HIGH;
			return 1;
		}
	}
	return 0;
}

static int rom_sum(void)
{
	uint8_t total = 0;

	for (uint32_t i = 0; i < header->rom_length * VMI_ROM_UNIT; i++)
		total += ((const uint8_t *)rom)[i];
	return total;
}

/* What the ROM took from the BIOS must not be the guest's. */
static void test_memory(const struct multiboot *boot)
{
	uint32_t end = *(volatile uint16_t *)(HIGH + BDA_MEMORY_KIB) * 1024u, at;
	int shared = 0;

	ok(end == 638 * 1024, "the ROM took a kilobyte: conventional memory ends at %x", end);
	ok((boot->flags & MULTIBOOT_HAS_MAP) && boot->lower * 1024 <= end, "the loader knows: %u KiB", boot->lower);
	for (at = boot->map; at < boot->map + boot->map_size;) {
		const struct memory *memory = (const struct memory *)at;

		if (memory->type == MEMORY_USABLE && memory->base < CONVENTIONAL_END &&
		    memory->base + memory->length > end)
			shared = 1;
		at += memory->size + 4;
	}
	ok(!shared, "what it took is not usable in the memory map");
}

static void test_init(void)
{
	static uint64_t before[256];
	struct registers r = { 0 };
	int same = 1, inside = 1, unknown = 0;
	uint64_t frequency, counter;

	for (unsigned call = 0; call < 256; call++) {
		struct registers asked = { .eax = call, .edx = 0x12345678 };

		invoke(rom + VMI_OFF_GET_RELOC, &asked, 0, 0);
		before[call] = (uint64_t)asked.edx << 32 | asked.eax;
		if ((uint8_t)asked.edx == VMI_RELOCATION_NONE)
			continue;
		inside &= (uint8_t)asked.edx == VMI_RELOCATION_CALL_REL && asked.eax >= rom + VMI_ROM_HEADER_SIZE &&
			  asked.eax < rom + header->rom_length * VMI_ROM_UNIT;
		unknown |= call >= VMI_CALL_COUNT;
	}
	unknown |= target(0xffffffff) || target(0x80000021);
	ok(inside, "every answer is none, or a call into the ROM");
	ok(!unknown, "there is no answer for unknown calls");
	ok(target(VMI_CALL_IRET) && target(VMI_CALL_SYSEXIT), "IRET and SYSEXIT are provided");

	invoke(rom + VMI_OFF_INIT, &r, 0, 0);
	ok(r.eax == 0, "Init");
	frequency = call0(VMI_CALL_GetCycleFrequency);
	counter = call0(VMI_CALL_GetCycleCounter);
	invoke(rom + VMI_OFF_INIT, &r, 0, 0);
	ok(r.eax == 0 && call0(VMI_CALL_GetCycleFrequency) == frequency && call0(VMI_CALL_GetCycleCounter) > counter,
	   "Init again does not set the clock back");
	for (unsigned call = 0; call < 256; call++) {
		struct registers asked = { .eax = call, .edx = 0x87654321 };

		invoke(rom + VMI_OFF_GET_RELOC, &asked, 0, 0);
		same &= before[call] == ((uint64_t)asked.edx << 32 | asked.eax);
	}
	ok(same, "the answers are the same after Init");
}

static int contains(const char *text, const char *word)
{
	for (; *text; text++)
		for (unsigned i = 0; word[i] == 0 || text[i] == word[i]; i++)
			if (word[i] == 0)
				return 1;
	return 0;
}

void main(const struct multiboot *boot)
{
	const struct vrom_extension *extension;
	int pae = (boot->flags & MULTIBOOT_HAS_COMMAND_LINE) && contains((const char *)boot->command_line, "pae");

	set_up_machine();
	set_up_paging(pae);
	say("# paging %s PAE\n", pae ? "with" : "without");
	if (!find_rom()) {
		ok(0, "there is a ROM");
		finish();
	}
	extension = (const void *)(rom + VROM_EXTENSION_OFFSET);
	if (extension->signature == VROM_EXTENSION_SIGNATURE && extension->counters)
		counters = (volatile uint32_t *)(extension->counters + HIGH);
	ok(1, "there is a ROM, at %x, which %s", rom - HIGH, counters ? "counts" : "does not count");
	ok(rom_sum() == 0, "its bytes sum to 0 after the BIOS has called it");
	test_memory(boot);
	test_init();
	test_calls();
	test_templates();
	test_iret();
	test_timer();
	finish();
}
