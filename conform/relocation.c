/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The ROM's header, what get_reloc answers, and Init. */
#include "conform.h"

#define ASKED 256
#define BDA_MEMORY_KIB 0x413
#define CONVENTIONAL_END 0xa0000

static uint64_t asked_before[ASKED];

static uint64_t as_one(struct vrom_answer answer)
{
	return (uint64_t)answer.type << 32 | answer.target;
}

static bool promises(void)
{
	return rom.extension && (rom.extension->flags & VROM_PROMISES_RELOC);
}

/* Called before Init, when a ROM that does not promise it must not be asked. */
void before_init(void)
{
	for (unsigned call = 0; call < ASKED && promises(); call++)
		asked_before[call] = as_one(ask(call));
}

CASE(header_licence, "header", "the licence is one that Linux accepts", "1.4")
{
	CHECK(same_text(rom.licence, "GPL") || same_text(rom.licence, "GPL v2"));
}

CASE(header_pci, "header", "there is a PCI data structure with the ids of VMI", "1.3")
{
	if (!CHECK(rom.pci != NULL))
		return;
	EQUAL(rom.pci->vendor, VMI_PCI_VENDOR);
	EQUAL(rom.pci->device, VMI_PCI_DEVICE);
}

CASE(header_sum, "header", "the bytes of the image still sum to 0, after the BIOS and Init", "1.2")
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < rom.size; i++)
		sum += ((const uint8_t *)rom.header)[i];
	EQUAL(sum, 0);
}

/* As option ROMs do: bios.S of this product's ROMs lowers the end of conventional memory. */
CASE(header_memory, "header", "the memory that a ROM took from the BIOS is not the guest's", "vrom")
{
	uint32_t end = *(volatile uint16_t *)at_physical(BDA_MEMORY_KIB) * 1024u;

	if (ring != 0) {
		skip("the kernel is not in ring 0");
		return;
	}
	CHECK(end >= 512 * 1024 && end <= CONVENTIONAL_END - 1024);
	CHECK(conventional_end() <= end);
	if (counters)
		CHECK((uint32_t)counters - KERNEL_BASE >= end);
}

CASE(header_hole, "header", "virtual_top is 0 or the start of a page table's range", "1.5")
{
	CHECK(rom.header->virtual_top % (2 << 20) == 0);
}

CASE(answers_known, "GetRelocation", "every answer is of a known type, and has an address if it is a call or a jump", "2.1")
{
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++) {
		struct vrom_answer answer = ask(call);

		CHECK(answer.type <= VMI_RELOCATION_NOP);
		if (answer.type == VMI_RELOCATION_CALL_REL || answer.type == VMI_RELOCATION_JUMP_REL)
			CHECK(answer.target >= KERNEL_BASE);
	}
}

CASE(answers_jump, "GetRelocation", "only what does not come back is answered by a jump", "2.1")
{
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++)
		if (ask(call).type == VMI_RELOCATION_JUMP_REL)
			CHECK(call == VMI_CALL_IRET || call == VMI_CALL_SYSEXIT || call == VMI_CALL_Reboot ||
			      call == VMI_CALL_Shutdown);
}

CASE(answers_nop, "GetRelocation", "no call that has a result is answered by nothing", "8")
{
	static const uint16_t results[VMI_CALL_COUNT] = {
#define X(number, name, args, r1, r2, r3, result, changes, kind) [number] = VMI_R_##result,
		VMI_CALLS(X)
#undef X
	};

	for (unsigned call = 0; call < VMI_CALL_COUNT; call++)
		if (ask(call).type == VMI_RELOCATION_NOP)
			EQUAL(results[call], 0);
}

CASE(answers_unknown, "GetRelocation", "numbers of no call are answered by none", "2.1")
{
	static const uint32_t numbers[] = { VMI_CALL_COUNT, 0x100, 0x121, 0x1000, 0x8000, 0x10021, 0x80000000, 0x80000021,
					    0xffffff00, 0xffffffff };

	for (unsigned call = VMI_CALL_COUNT; call < ASKED; call++)
		EQUAL(ask(call).type, VMI_RELOCATION_NONE);
	for (unsigned i = 0; i < COUNT(numbers); i++)
		EQUAL(ask(numbers[i]).type, VMI_RELOCATION_NONE);
}

CASE(answers_again, "GetRelocation", "asked again, it answers the same", "2.1")
{
	for (unsigned call = 0; call < ASKED; call++)
		CHECK(as_one(ask(call)) == as_one(ask(call)));
}

CASE(answers_early, "GetRelocation", "it answered the same before Init", "vrom")
{
	if (!promises()) {
		skip("it does not promise to answer before Init");
		return;
	}
	for (unsigned call = 0; call < ASKED; call++)
		CHECK(as_one(ask(call)) == asked_before[call]);
}

CASE(answers_exits, "GetRelocation", "IRET and SYSEXIT are provided", "2.1")
{
	CHECK(provided(VMI_CALL_IRET) && ask(VMI_CALL_IRET).type != VMI_RELOCATION_NOP);
	CHECK(provided(VMI_CALL_SYSEXIT) && ask(VMI_CALL_SYSEXIT).type != VMI_RELOCATION_NOP);
}

CASE(answers_timer, "GetRelocation", "the calls of the timer are provided all, or none", "2.1")
{
	static const unsigned calls[] = { VMI_CALL_GetCycleCounter, VMI_CALL_SetAlarm, VMI_CALL_CancelAlarm,
					  VMI_CALL_GetWallclockTime };

	for (unsigned i = 0; i < COUNT(calls); i++)
		EQUAL(provided(calls[i]), provided(VMI_CALL_GetCycleFrequency));
}

CASE(answers_apic, "GetRelocation", "APICRead and APICWrite are provided both, or neither", "2.1")
{
	EQUAL(provided(VMI_CALL_APICRead), provided(VMI_CALL_APICWrite));
}

CASE(answers_callbacks, "GetRelocation", "SetCallbacks, of which only the name is known, is not provided", "7")
{
	CHECK(!provided(VMI_CALL_SetCallbacks));
}

CASE(answers_mask, "GetRelocation", "outside ring 0, what EFLAGS cannot do is provided", "4.3")
{
	static const unsigned calls[] = { VMI_CALL_EnableInterrupts, VMI_CALL_DisableInterrupts, VMI_CALL_GetInterruptMask,
					  VMI_CALL_SetInterruptMask, VMI_CALL_Halt };

	if (ring == 0) {
		skip("the kernel is in ring 0");
		return;
	}
	for (unsigned i = 0; i < COUNT(calls); i++)
		CHECK(provided(calls[i]));
}

CASE(init_ring, "Init", "the kernel is not in the users' ring, and its stack is in its own", "2")
{
	uint32_t ss;

	__asm__ volatile("movl %%ss, %0" : "=r"(ss));
	CHECK(ring < USER_RING);
	EQUAL(ss & 3, ring);
}

CASE(init_twice, "Init", "a second call is borne: it succeeds, and changes neither answers nor the clock", "2.1")
{
	struct registers r = REGISTERS();
	uint64_t before = have_timer() ? now() : 0, frequency = have_timer() ? DO(GetCycleFrequency) : 0;
	uint32_t cs;

	invoke((uint32_t)rom.header->init, &r, 0, 0);
	EQUAL(r.eax, 0);
	EQUAL(r.ebx, 0xb4b4b4b4);
	EQUAL(r.esi, 0x56565656);
	EQUAL(r.edi, 0x67676767);
	EQUAL(r.ebp, 0xe5e5e5e5);
	if (have_timer()) {
		CHECK(now() > before);
		CHECK(DO(GetCycleFrequency) == frequency);
	}
	for (unsigned call = 0; call < ASKED && promises(); call++)
		CHECK(as_one(ask(call)) == asked_before[call]);
	__asm__ volatile("movl %%cs, %0" : "=r"(cs));
	EQUAL(cs & 3, ring);
}
