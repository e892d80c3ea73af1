/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The ROM: finding it, entering it, and calling it with an eye on every register. */
#include "conform.h"

#define CALL_SIZE 5
#define OPCODE_CALL 0xe8
#define OPCODE_JUMP 0xe9

struct vrom_rom rom;
uint32_t ring;
volatile uint32_t *counters;

static struct vrom_answer answers[VMI_CALL_COUNT];
static uint32_t made[CALLS];       /* how often */
static uint32_t violated[CALLS];   /* a set of registers, by their numbers; and these: */
#define WRONG_FLAGS (1u << 8)
#define WRONG_STACK (1u << 9)
#define WRONG_DIRECTION (1u << 10)
#define WRONG_MASK (1u << 11)
#define WRONG_COUNT (1u << 12)

const char *const call_names[CALLS] = {
#define X(number, name, args, r1, r2, r3, result, changes, kind) [number] = #name,
	VMI_CALLS(X)
#undef X
	[CALL_INIT] = "Init", [CALL_GET_RELOC] = "GetRelocation",
};

/* What a call may leave changed. */
static const uint16_t may_change[CALLS] = {
#define X(number, name, args, r1, r2, r3, result, changes, kind) [number] = VMI_R_##result | VMI_R_##changes,
	VMI_CALLS(X)
#undef X
	[CALL_INIT] = VMI_R_STANDARD, [CALL_GET_RELOC] = VMI_R_STANDARD,
};

/* ---- Natively: natives.S ---- */

#define NATIVES(X) \
	X(CPUID) X(WRMSR) X(RDMSR) X(SetGDT) X(SetLDT) X(SetIDT) X(SetTR) X(GetGDT) X(GetLDT) X(GetIDT) X(GetTR) X(SetCR0) \
	X(SetCR2) X(SetCR3) X(SetCR4) X(GetCR0) X(GetCR2) X(GetCR3) X(GetCR4) X(WBINVD) X(SetDR) X(GetDR) X(RDPMC) \
	X(RDTSC) X(CLTS) X(EnableInterrupts) X(DisableInterrupts) X(GetInterruptMask) X(SetInterruptMask) X(Halt) \
	X(Reboot) X(Shutdown) X(SetPxE) X(SetPxELong) X(InvalPage) X(FlushTLB) X(INL) X(INB) X(INW) X(INSL) X(INSB) \
	X(INSW) X(OUTL) X(OUTB) X(OUTW) X(OUTSL) X(OUTSB) X(OUTSW) X(SetIOPLMask) X(IODelay)
#define X(name) void native_##name(void);
NATIVES(X)
#undef X
void native_WriteEntry(void);
void native_Nothing(void);
void native_Zero(void);

static void (*const natives[VMI_CALL_COUNT])(void) = {
#define X(name) [VMI_CALL_##name] = native_##name,
	NATIVES(X)
#undef X
	[VMI_CALL_WriteGDTEntry] = native_WriteEntry,
	[VMI_CALL_WriteLDTEntry] = native_WriteEntry,
	[VMI_CALL_WriteIDTEntry] = native_WriteEntry,
	[VMI_CALL_GetCycleFrequency] = native_Zero,
	[VMI_CALL_GetCycleCounter] = native_Zero,
	[VMI_CALL_CancelAlarm] = native_Zero,
	[VMI_CALL_GetWallclockTime] = native_Zero,
	[VMI_CALL_WallclockUpdated] = native_Zero,
};

static uint32_t target(unsigned call)
{
	switch (answers[call].type) {
	case VMI_RELOCATION_CALL_REL:
		return answers[call].target;
	case VMI_RELOCATION_NOP:
		return (uint32_t)native_Nothing;
	default:
		return (uint32_t)(natives[call] ? natives[call] : native_Nothing);
	}
}

bool provided(unsigned call)
{
	return answers[call].type != VMI_RELOCATION_NONE;
}

/* ---- Calls ---- */

static void compare(unsigned call, const struct registers *before, const struct registers *after)
{
	static const uint8_t order[7] = { VMI_EAX, VMI_ECX, VMI_EDX, VMI_EBX, VMI_EBP, VMI_ESI, VMI_EDI };

	for (unsigned i = 0; i < COUNT(order); i++)
		if (!(may_change[call] & 1u << order[i]) && (&after->eax)[i] != (&before->eax)[i])
			violated[call] |= 1u << order[i];
	if (!(may_change[call] & VMI_R_FLAGS) && (after->eflags ^ before->eflags) & FLAGS_ARITHMETIC)
		violated[call] |= WRONG_FLAGS;
	if (after->eflags & FLAGS_DF)
		violated[call] |= WRONG_DIRECTION;
	if (after->moved)
		violated[call] |= WRONG_STACK;
}

/* Whether the call is one that may change the interrupt mask. */
static bool sets_mask(unsigned call)
{
	return call == VMI_CALL_EnableInterrupts || call == VMI_CALL_DisableInterrupts ||
	       call == VMI_CALL_SetInterruptMask || call == VMI_CALL_Halt;
}

static uint32_t real_flags(void)
{
	uint32_t flags;

	__asm__ volatile("pushfl; popl %0" : "=r"(flags));
	return flags;
}

void make(unsigned call, struct registers *r, uint32_t stack1, uint32_t stack2)
{
	make_at(target(call), call, r, stack1, stack2);
}

void make_at(uint32_t function, unsigned call, struct registers *r, uint32_t stack1, uint32_t stack2)
{
	struct registers before = *r;
	bool ours = provided(call);
	uint32_t mask = real_flags() & FLAGS_IF, counted = counters ? counters[call] : 0;

	made[call]++;
	invoke(function, r, stack1, stack2);
	if (!ours)
		return;
	compare(call, &before, r);
	/* Only in ring 0 is it in EFLAGS. */
	if (ring == 0 && !sets_mask(call) && (r->eflags & FLAGS_IF) != mask)
		violated[call] |= WRONG_MASK;
	/* A handler may have made that call, too. */
	if (counters && !enable_in_handler && counters[call] - counted != 1)
		violated[call] |= WRONG_COUNT;
}

/* The registers that a call takes. */
static const uint8_t inputs[VMI_CALL_COUNT] = {
#define X(number, name, args, r1, r2, r3, result, changes, kind) \
	[number] = (uint8_t)(1u << VMI_##r1 | 1u << VMI_##r2 | 1u << VMI_##r3),
	VMI_CALLS(X)
#undef X
};

/* Registers that it does not take keep their odd values. */
uint64_t make_simple(unsigned call, const struct arguments *arguments)
{
	struct registers r = REGISTERS();

	if (inputs[call] & 1u << VMI_EAX)
		r.eax = arguments->eax;
	if (inputs[call] & 1u << VMI_EDX)
		r.edx = arguments->edx;
	if (inputs[call] & 1u << VMI_ECX)
		r.ecx = arguments->ecx;

	make(call, &r, arguments->stack1, arguments->stack2);
	return (uint64_t)r.edx << 32 | r.eax;
}

uint64_t quietly(unsigned call, uint32_t eax, uint32_t edx, uint32_t ecx)
{
	return call_kept(target(call), eax, edx, ecx);
}

void let_in(void)
{
	let_interrupts_in(target(VMI_CALL_EnableInterrupts), target(VMI_CALL_DisableInterrupts));
}

void rom_report(void)
{
	static const struct {
		uint32_t what;
		const char *name;
	} names[] = {
		{ 1u << VMI_EAX, "EAX" }, { 1u << VMI_ECX, "ECX" }, { 1u << VMI_EDX, "EDX" }, { 1u << VMI_EBX, "EBX" },
		{ 1u << VMI_EBP, "EBP" }, { 1u << VMI_ESI, "ESI" }, { 1u << VMI_EDI, "EDI" },
		{ WRONG_FLAGS, "the arithmetic flags" }, { WRONG_STACK, "ESP" }, { WRONG_DIRECTION, "the direction flag" },
		{ WRONG_MASK, "the interrupt flag" }, { WRONG_COUNT, "its counter, by other than 1" },
	};

	for (unsigned call = 0; call < CALLS; call++) {
		if (!made[call] || (call < VMI_CALL_COUNT && !provided(call)))
			continue;
		for (unsigned i = 0; i < COUNT(names); i++)
			if (violated[call] & names[i].what)
				note("#   it changed %s\n", names[i].name);
		report(!violated[call], call_names[call], "changes nothing but what it may, each time it was made", "2");
	}
}

/* ---- The ROM ---- */

struct vrom_answer ask(uint32_t number)
{
	struct registers r = REGISTERS(.eax = number), before = r;

	made[CALL_GET_RELOC]++;
	invoke((uint32_t)rom.header->get_reloc, &r, 0, 0);
	compare(CALL_GET_RELOC, &before, &r);
	return (struct vrom_answer){ r.eax, (uint8_t)r.edx };
}

void rom_find(void)
{
	struct vrom_error error;
	enum vrom_status status = vrom_find(at_physical(VMI_ROM_AREA), VMI_ROM_AREA_SIZE, &rom, &error);

	if (status != VROM_OK)
		give_up("there is no ROM to test: %s", vrom_strstatus(status));
	if (rom.header->virtual_top && rom.header->virtual_top < VIRTUAL_TOP_MIN)
		give_up("the ROM claims memory from %x on, where this guest is", rom.header->virtual_top);
	if (rom.extension && rom.extension->counters && rom.extension->counter_count >= VMI_CALL_COUNT &&
	    rom.extension->counters < MEMORY_MAX - PAGE_SIZE)
		counters = at_physical(rom.extension->counters);
}

/* A site that leaves the kernel, as the answer wants it. */
static void patch(uint8_t *site, const struct vrom_answer *answer)
{
	uint32_t distance = answer->target - (uint32_t)(site + CALL_SIZE);

	if (answer->type != VMI_RELOCATION_CALL_REL && answer->type != VMI_RELOCATION_JUMP_REL)
		return;
	site[0] = answer->type == VMI_RELOCATION_CALL_REL ? OPCODE_CALL : OPCODE_JUMP;
	__builtin_memcpy(site + 1, &distance, sizeof distance);
}

/* Init, and everything that follows from it but descriptor tables and page tables. */
void rom_enter(void)
{
	struct registers r = REGISTERS(), before = r;
	uint32_t cs;

	made[CALL_INIT]++;
	invoke((uint32_t)rom.header->init, &r, 0, 0);
	compare(CALL_INIT, &before, &r);
	report(r.eax == 0, "Init", "succeeds", "2.1");
	if (r.eax)
		finish();
	step("GetRelocation");
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++)
		answers[call] = ask(call);
	__asm__ volatile("movl %%cs, %0" : "=r"(cs));
	ring = cs & 3;
	patch(iret_site, &answers[VMI_CALL_IRET]);
	patch(sysexit_site, &answers[VMI_CALL_SYSEXIT]);
	ask_mask = target(VMI_CALL_GetInterruptMask);
	/* A serialising instruction between writing code and running it. */
	__asm__ volatile("cpuid" : "=a"(cs) : "0"(0) : "ebx", "ecx", "edx");
}
