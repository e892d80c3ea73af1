/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a Linux guest, 2.6.24 to 2.6.36 with CONFIG_VMI, does with a ROM. It reaches calls in different ways, and
 * each way has its own opinion of an answer that it does not expect.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "romfile.h"

enum use {
	UNUSED,  /* never asked for */
	DIRECT,  /* put into a table of functions: a call is taken, nothing keeps the native one */
	WRAPPED, /* called through a function of Linux's: a jump is a BUG */
	SITE,    /* DIRECT, and sites are patched: an unknown answer is a BUG */
	EXIT,    /* only sites; the native form is poisoned, so there must be an answer */
	FETCHED, /* its address is kept: a jump is a BUG */
	TIMER    /* FETCHED, together with the other timer calls, if GetCycleFrequency is there */
};

static const unsigned char uses[VMI_CALL_COUNT] = {
	[VMI_CALL_CPUID] = WRAPPED, [VMI_CALL_SetGDT] = DIRECT, [VMI_CALL_SetLDT] = WRAPPED,
	[VMI_CALL_SetIDT] = DIRECT, [VMI_CALL_SetTR] = WRAPPED, [VMI_CALL_GetGDT] = DIRECT,
	[VMI_CALL_GetIDT] = DIRECT, [VMI_CALL_GetTR] = DIRECT, [VMI_CALL_WriteGDTEntry] = WRAPPED,
	[VMI_CALL_WriteLDTEntry] = WRAPPED, [VMI_CALL_WriteIDTEntry] = WRAPPED,
	[VMI_CALL_UpdateKernelStack] = WRAPPED, [VMI_CALL_SetCR0] = DIRECT, [VMI_CALL_SetCR2] = DIRECT,
	[VMI_CALL_SetCR3] = DIRECT, [VMI_CALL_SetCR4] = DIRECT, [VMI_CALL_GetCR0] = DIRECT,
	[VMI_CALL_GetCR2] = DIRECT, [VMI_CALL_GetCR3] = DIRECT, [VMI_CALL_GetCR4] = DIRECT,
	[VMI_CALL_WBINVD] = DIRECT, [VMI_CALL_SetDR] = DIRECT, [VMI_CALL_GetDR] = DIRECT,
	[VMI_CALL_RDTSC] = DIRECT, [VMI_CALL_CLTS] = DIRECT, [VMI_CALL_EnableInterrupts] = SITE,
	[VMI_CALL_DisableInterrupts] = SITE, [VMI_CALL_GetInterruptMask] = SITE,
	[VMI_CALL_SetInterruptMask] = SITE, [VMI_CALL_IRET] = EXIT, [VMI_CALL_SYSEXIT] = EXIT,
	[VMI_CALL_Halt] = DIRECT, [VMI_CALL_SetPxE] = WRAPPED, [VMI_CALL_SetPxELong] = WRAPPED,
	[VMI_CALL_UpdatePxE] = WRAPPED, [VMI_CALL_UpdatePxELong] = WRAPPED, [VMI_CALL_AllocatePage] = WRAPPED,
	[VMI_CALL_ReleasePage] = WRAPPED, [VMI_CALL_InvalPage] = DIRECT, [VMI_CALL_FlushTLB] = WRAPPED,
	[VMI_CALL_SetLinearMapping] = FETCHED, [VMI_CALL_SetIOPLMask] = DIRECT,
	[VMI_CALL_SetInitialAPState] = WRAPPED, [VMI_CALL_APICWrite] = DIRECT, [VMI_CALL_APICRead] = DIRECT,
	[VMI_CALL_IODelay] = DIRECT, [VMI_CALL_GetCycleFrequency] = TIMER, [VMI_CALL_GetCycleCounter] = TIMER,
	[VMI_CALL_SetAlarm] = TIMER, [VMI_CALL_CancelAlarm] = TIMER, [VMI_CALL_GetWallclockTime] = TIMER,
	[VMI_CALL_WallclockUpdated] = TIMER, [VMI_CALL_SetLazyMode] = WRAPPED,
};

__attribute__((format(printf, 3, 4))) static void say(struct verdicts *verdicts, enum verdict_level level,
						       const char *format, ...)
{
	va_list arguments;

	if (verdicts->count == VERDICT_LIMIT)
		return;
	verdicts->list[verdicts->count].level = level;
	va_start(arguments, format);
	vsnprintf(verdicts->list[verdicts->count].text, sizeof verdicts->list[0].text, format, arguments);
	va_end(arguments);
	verdicts->count++;
	if (level > verdicts->worst)
		verdicts->worst = level;
}

static void judge_header(const struct romfile *rom, struct verdicts *verdicts)
{
	const struct vmi_rom_header *header = rom->header;

	if (header->api_major != VMI_API_MAJOR)
		say(verdicts, VERDICT_REFUSES, "it passes over a ROM of API version %u.%u: 3 is the only major version that it knows",
		    header->api_major, header->api_minor);
	if (header->pci_header_offs == 0)
		say(verdicts, VERDICT_REFUSES, "there is no PCI header, which it demands");
	else if (!rom->pci)
		say(verdicts, VERDICT_WARNS, "the PCI header is not inside the ROM: what it reads there is chance");
	else if (rom->pci->vendor != VMI_PCI_VENDOR || rom->pci->device != VMI_PCI_DEVICE)
		say(verdicts, VERDICT_WARNS, "the PCI id is %04x:%04x; it expects 15ad:0801, and goes on", rom->pci->vendor,
		    rom->pci->device);
	if (!rom->licence)
		say(verdicts, VERDICT_REFUSES, "there is no licence string; it wants exactly \"GPL\" or \"GPL v2\"");
	else if (strcmp(rom->licence, "GPL") != 0 && strcmp(rom->licence, "GPL v2") != 0)
		say(verdicts, VERDICT_REFUSES, "the licence is not exactly \"GPL\" or \"GPL v2\"");
	if (rom->sum != 0)
		say(verdicts, VERDICT_WARNS, "it does not look at the checksum, but firmware does not publish a ROM with a bad one");
	if (header->rom_length == 0 || (size_t)header->rom_length * VMI_ROM_UNIT > rom->file.size)
		say(verdicts, VERDICT_WARNS, "it does not look at the length, but firmware goes by it");
	if (header->virtual_top && header->virtual_top % 4096)
		say(verdicts, VERDICT_CRASHES, "virtual_top 0x%x is not at a page's start: its fixed mappings end up askew",
		    header->virtual_top);
	else if (header->virtual_top && header->virtual_top < 0xf0000000u)
		say(verdicts, VERDICT_WARNS, "virtual_top 0x%x takes %u MiB of the kernel's address space", header->virtual_top,
		    (0u - header->virtual_top) >> 20);
}

/* One answer, by the way in which Linux uses the call. */
static void judge_answer(const struct romfile *rom, unsigned call, struct verdicts *verdicts)
{
	const struct reply *reply = &rom->replies[call];
	const char *name = call_name(call), *answer = answer_name(reply->type);
	unsigned use = uses[call];

	if (use == UNUSED)
		return;
	if (reply->problem[0]) {
		say(verdicts, VERDICT_CRASHES, "%s: %s", name, reply->problem);
		return;
	}
	switch (reply->type) {
	case VMI_RELOCATION_NONE:
		if (use == EXIT)
			say(verdicts, VERDICT_CRASHES, "%s is not provided: it jumps to a poisoned address", name);
		return;
	case VMI_RELOCATION_CALL_REL:
		if (reply->target - rom->at >= rom->size &&
		    !(rom->header->virtual_top && reply->target >= rom->header->virtual_top))
			say(verdicts, VERDICT_WARNS, "%s: the address 0x%x is neither in the ROM nor above virtual_top", name,
			    reply->target);
		return;
	case VMI_RELOCATION_JUMP_REL:
		if (call == VMI_CALL_IRET)
			say(verdicts, VERDICT_WARNS, "IRET is a jump: a fault on the way to a user is then not at the kernel's own "
			    "iret, and a user's bad CS is an oops; answer call");
		else if (use == WRAPPED || use == FETCHED || use == TIMER)
			say(verdicts, VERDICT_CRASHES, "%s is a jump: a BUG, it wants a call", name);
		else if (use == SITE)
			say(verdicts, VERDICT_CRASHES, "%s is a jump: its sites would not come back", name);
		else if (use == DIRECT)
			say(verdicts, VERDICT_WARNS, "%s is a jump: it stays native", name);
		return;
	case VMI_RELOCATION_NOP:
		if (use == EXIT)
			say(verdicts, VERDICT_CRASHES, "%s is erased: it runs on behind the site", name);
		else if (call == VMI_CALL_GetCycleFrequency)
			say(verdicts, VERDICT_CRASHES, "%s is nop: it calls address 0x%x", name, reply->target);
		else if (use == WRAPPED)
			say(verdicts, VERDICT_NOTE, "%s is nop: it stays native", name);
		return;
	default:
		if (use == SITE || use == EXIT)
			say(verdicts, VERDICT_CRASHES, "%s is of %s: a BUG at its first site", name, answer);
		else
			say(verdicts, VERDICT_WARNS, "%s is of %s: it stays native", name, answer);
	}
}

/* Whether Linux gets a function for a timer call. */
static int has_function(const struct romfile *rom, unsigned call)
{
	return !rom->replies[call].problem[0] && rom->replies[call].type == VMI_RELOCATION_CALL_REL;
}

static void judge_groups(const struct romfile *rom, struct verdicts *verdicts)
{
	if (rom->replies[VMI_CALL_GetCycleFrequency].type == VMI_RELOCATION_NONE) {
		say(verdicts, VERDICT_NOTE, "GetCycleFrequency is not provided: it keeps its own timer");
	} else {
		/* WallclockUpdated is fetched and never called. */
		for (unsigned call = VMI_CALL_GetCycleCounter; call <= VMI_CALL_GetWallclockTime; call++)
			if (!has_function(rom, call))
				say(verdicts, VERDICT_CRASHES, "%s is missing though GetCycleFrequency is there: it calls address 0",
				    call_name(call));
	}
	if (has_function(rom, VMI_CALL_APICRead) != has_function(rom, VMI_CALL_APICWrite))
		say(verdicts, VERDICT_WARNS, "only one of APICRead and APICWrite is provided: they belong together");
}

void linux_judge(const struct romfile *rom, struct verdicts *verdicts)
{
	memset(verdicts, 0, sizeof *verdicts);
	if (!rom->is_vmi) {
		say(verdicts, VERDICT_REFUSES, "it passes over what does not begin with 55 AA and have \"cVmi\" at 8");
		return;
	}
	judge_header(rom, verdicts);
	if (!rom->emulator)
		return;
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++)
		judge_answer(rom, call, verdicts);
	judge_groups(rom, verdicts);
	if (rom->unknown.problem[0] || rom->unknown.type != VMI_RELOCATION_NONE)
		say(verdicts, VERDICT_NOTE, "it asks for no unknown numbers; but a newer guest may, and the answer should be none");
}

const char *verdict_name(enum verdict_level level)
{
	static const char *const names[] = { "note", "warns", "crashes", "refuses" };

	return names[level];
}
