/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which instructions behave differently when the kernel does not run at ring 0, and how. Those that trap can be
 * emulated, slowly; the others silently do the wrong thing.
 */
#include "check.h"

#define TRAPS "it traps outside ring 0"
#define TRAPS_IO "it traps when the kernel's I/O privilege is taken away"

static const struct {
	ZydisMnemonic mnemonic;
	struct sensitive sensitive;
} table[] = {
	{ ZYDIS_MNEMONIC_CLI, { LEVEL_MUST, TRAPS, "DisableInterrupts" } },
	{ ZYDIS_MNEMONIC_STI, { LEVEL_MUST, TRAPS, "EnableInterrupts" } },
	{ ZYDIS_MNEMONIC_HLT, { LEVEL_MUST, TRAPS, "Halt, or Shutdown for good" } },
	{ ZYDIS_MNEMONIC_CLTS, { LEVEL_MUST, TRAPS, "CLTS" } },
	{ ZYDIS_MNEMONIC_LMSW, { LEVEL_MUST, TRAPS, "SetCR0" } },
	{ ZYDIS_MNEMONIC_LGDT, { LEVEL_MUST, TRAPS, "SetGDT" } },
	{ ZYDIS_MNEMONIC_LIDT, { LEVEL_MUST, TRAPS, "SetIDT" } },
	{ ZYDIS_MNEMONIC_LLDT, { LEVEL_MUST, TRAPS, "SetLDT" } },
	{ ZYDIS_MNEMONIC_LTR, { LEVEL_MUST, TRAPS, "SetTR" } },
	{ ZYDIS_MNEMONIC_INVLPG, { LEVEL_MUST, TRAPS, "InvalPage" } },
	{ ZYDIS_MNEMONIC_INVD, { LEVEL_MUST, TRAPS, NULL } },
	{ ZYDIS_MNEMONIC_WBINVD, { LEVEL_MUST, TRAPS, "WBINVD" } },
	{ ZYDIS_MNEMONIC_RDMSR, { LEVEL_MUST, TRAPS, "RDMSR" } },
	{ ZYDIS_MNEMONIC_WRMSR, { LEVEL_MUST, TRAPS, "WRMSR" } },
	{ ZYDIS_MNEMONIC_RDPMC, { LEVEL_MUST, TRAPS, "RDPMC" } },
	{ ZYDIS_MNEMONIC_SYSEXIT, { LEVEL_MUST, TRAPS, "SYSEXIT" } },
	{ ZYDIS_MNEMONIC_SYSRET, { LEVEL_MUST, TRAPS, NULL } },
	{ ZYDIS_MNEMONIC_SWAPGS, { LEVEL_MUST, TRAPS, NULL } },
	{ ZYDIS_MNEMONIC_MONITOR, { LEVEL_MUST, TRAPS, NULL } },
	{ ZYDIS_MNEMONIC_MWAIT, { LEVEL_MUST, TRAPS, "Halt" } },
	{ ZYDIS_MNEMONIC_XSETBV, { LEVEL_MUST, TRAPS, NULL } },
	{ ZYDIS_MNEMONIC_CLAC, { LEVEL_MUST, TRAPS, NULL } },
	{ ZYDIS_MNEMONIC_STAC, { LEVEL_MUST, TRAPS, NULL } },
	{ ZYDIS_MNEMONIC_IN, { LEVEL_MUST, TRAPS_IO, "INB, INW, INL" } },
	{ ZYDIS_MNEMONIC_INSB, { LEVEL_MUST, TRAPS_IO, "INSB" } },
	{ ZYDIS_MNEMONIC_INSW, { LEVEL_MUST, TRAPS_IO, "INSW" } },
	{ ZYDIS_MNEMONIC_INSD, { LEVEL_MUST, TRAPS_IO, "INSL" } },
	{ ZYDIS_MNEMONIC_OUT, { LEVEL_MUST, TRAPS_IO, "OUTB, OUTW, OUTL" } },
	{ ZYDIS_MNEMONIC_OUTSB, { LEVEL_MUST, TRAPS_IO, "OUTSB" } },
	{ ZYDIS_MNEMONIC_OUTSW, { LEVEL_MUST, TRAPS_IO, "OUTSW" } },
	{ ZYDIS_MNEMONIC_OUTSD, { LEVEL_MUST, TRAPS_IO, "OUTSL" } },
#define SHOWS "it shows the processor's interrupt flag and privilege, not the guest's"
	{ ZYDIS_MNEMONIC_PUSHF, { LEVEL_MUST, SHOWS, "GetInterruptMask" } },
	{ ZYDIS_MNEMONIC_PUSHFD, { LEVEL_MUST, SHOWS, "GetInterruptMask" } },
	{ ZYDIS_MNEMONIC_PUSHFQ, { LEVEL_MUST, SHOWS, "GetInterruptMask" } },
#define IGNORES "outside ring 0 it leaves the interrupt flag as it is, and does not trap"
	{ ZYDIS_MNEMONIC_POPF, { LEVEL_MUST, IGNORES, "SetInterruptMask" } },
	{ ZYDIS_MNEMONIC_POPFD, { LEVEL_MUST, IGNORES, "SetInterruptMask" } },
	{ ZYDIS_MNEMONIC_POPFQ, { LEVEL_MUST, IGNORES, "SetInterruptMask" } },
	{ ZYDIS_MNEMONIC_IRET, { LEVEL_MUST, IGNORES, "IRET" } },
	{ ZYDIS_MNEMONIC_IRETD, { LEVEL_MUST, IGNORES, "IRET" } },
	{ ZYDIS_MNEMONIC_IRETQ, { LEVEL_MUST, IGNORES, "IRET" } },
#define REAL "it shows the processor's own, not what the guest has set, and does not trap"
	{ ZYDIS_MNEMONIC_SGDT, { LEVEL_MUST, REAL, "GetGDT" } },
	{ ZYDIS_MNEMONIC_SIDT, { LEVEL_MUST, REAL, "GetIDT" } },
	{ ZYDIS_MNEMONIC_SLDT, { LEVEL_MUST, REAL, "GetLDT" } },
	{ ZYDIS_MNEMONIC_STR, { LEVEL_MUST, REAL, "GetTR" } },
	{ ZYDIS_MNEMONIC_SMSW, { LEVEL_MUST, REAL, "GetCR0" } },
#define PRIVILEGE "its result depends on the privilege that the kernel has"
	{ ZYDIS_MNEMONIC_LAR, { LEVEL_MUST, PRIVILEGE, NULL } },
	{ ZYDIS_MNEMONIC_LSL, { LEVEL_MUST, PRIVILEGE, NULL } },
	{ ZYDIS_MNEMONIC_VERR, { LEVEL_MUST, PRIVILEGE, NULL } },
	{ ZYDIS_MNEMONIC_VERW, { LEVEL_MUST, PRIVILEGE, NULL } },
	{ ZYDIS_MNEMONIC_RDTSC, { LEVEL_NOTE, "it traps if CR4.TSD is set", "RDTSC" } },
	{ ZYDIS_MNEMONIC_RDTSCP, { LEVEL_NOTE, "it traps if CR4.TSD is set", NULL } },
	{ ZYDIS_MNEMONIC_CPUID, { LEVEL_NOTE, "it shows features that the hypervisor may not offer", "CPUID" } },
	{ ZYDIS_MNEMONIC_INT, { LEVEL_NOTE, "its gate must let the kernel's privilege through", NULL } },
	{ ZYDIS_MNEMONIC_INT1, { LEVEL_NOTE, "its gate must let the kernel's privilege through", NULL } },
	{ ZYDIS_MNEMONIC_INT3, { LEVEL_NOTE, "its gate must let the kernel's privilege through", NULL } },
	{ ZYDIS_MNEMONIC_INTO, { LEVEL_NOTE, "its gate must let the kernel's privilege through", NULL } },
};

#define LOADS "the selector's descriptor and privilege must suit the kernel's ring"
static const struct sensitive load_segment = { LEVEL_NOTE, LOADS, NULL };
static const struct sensitive read_segment = {
	LEVEL_MUST, "it shows the privilege that the kernel really has, and does not trap", NULL
};
/* The ABI means it so: after Init a guest learns its ring from CS. */
static const struct sensitive read_ring = {
	LEVEL_NOTE, "it shows the kernel's ring: right after attaching, to make selectors; wrong as a test for ring 0", NULL
};
static const struct sensitive far_transfer = {
	LEVEL_MUST, "its selector must be of the ring that the kernel really has: it traps, or changes privilege", NULL
};
static const struct sensitive privileged = { LEVEL_MUST, TRAPS, NULL };

/* A mov of a control or debug register. */
static int classify_register(const struct instruction *instruction, struct sensitive *sensitive)
{
	static const char *const set[] = { "SetCR0", NULL, "SetCR2", "SetCR3", "SetCR4" };
	static const char *const get[] = { "GetCR0", NULL, "GetCR2", "GetCR3", "GetCR4" };

	for (unsigned i = 0; i < instruction->decoded.operand_count_visible && i < 2; i++) {
		const ZydisDecodedOperand *operand = &instruction->operands[i];
		ZydisRegisterClass class;
		unsigned number;

		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER)
			continue;
		class = ZydisRegisterGetClass(operand->reg.value);
		number = (unsigned)ZydisRegisterGetId(operand->reg.value);
		if (class == ZYDIS_REGCLASS_CONTROL) {
			*sensitive = privileged;
			if (number < 5)
				sensitive->instead = i == 0 ? set[number] : get[number];
			return 1;
		}
		if (class == ZYDIS_REGCLASS_DEBUG) {
			*sensitive = privileged;
			sensitive->instead = i == 0 ? "SetDR" : "GetDR";
			return 1;
		}
	}
	return 0;
}

/* Segment registers in mov, push and pop, and the loads of a far pointer. */
static int classify_segment(const struct instruction *instruction, struct sensitive *sensitive)
{
	for (unsigned i = 0; i < instruction->decoded.operand_count_visible; i++) {
		const ZydisDecodedOperand *operand = &instruction->operands[i];

		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    ZydisRegisterGetClass(operand->reg.value) != ZYDIS_REGCLASS_SEGMENT)
			continue;
		if (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) {
			*sensitive = load_segment;
			return 1;
		}
		if (operand->reg.value == ZYDIS_REGISTER_CS && instruction->decoded.mnemonic == ZYDIS_MNEMONIC_MOV) {
			*sensitive = read_ring;
			return 1;
		}
		if (operand->reg.value == ZYDIS_REGISTER_CS || operand->reg.value == ZYDIS_REGISTER_SS) {
			*sensitive = read_segment;
			return 1;
		}
		return 0;
	}
	return 0;
}

int classify(const struct instruction *instruction, struct sensitive *sensitive)
{
	ZydisMnemonic mnemonic = instruction->decoded.mnemonic;

	switch (mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		if (classify_register(instruction, sensitive))
			return 1;
		return classify_segment(instruction, sensitive);
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_POP:
		return classify_segment(instruction, sensitive);
	case ZYDIS_MNEMONIC_LDS:
	case ZYDIS_MNEMONIC_LES:
	case ZYDIS_MNEMONIC_LFS:
	case ZYDIS_MNEMONIC_LGS:
	case ZYDIS_MNEMONIC_LSS:
		*sensitive = load_segment;
		return 1;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].mnemonic == mnemonic) {
			*sensitive = table[i].sensitive;
			return 1;
		}
	if (instruction->decoded.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR) {
		*sensitive = far_transfer;
		return 1;
	}
	if (instruction->decoded.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) {
		*sensitive = privileged;
		return 1;
	}
	return 0;
}
