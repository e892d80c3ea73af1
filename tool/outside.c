/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What reaches outside the processor. Each instruction that does is noted as an event, with all that the outside would see of
 * it, and gets a made-up result. What is neither here nor ordinary is not tried.
 */
#include "machine_parts.h"

struct event *machine_event(struct machine *machine, unsigned kind)
{
	struct outcome *outcome = machine->outcome;

	if (outcome->event_count == OUTCOME_EVENTS) {
		outcome->problem = "it does more than can be looked at";
		return &outcome->events[0];
	}
	outcome->events[outcome->event_count] = (struct event){ .kind = kind, .memory = machine_digest(machine) };
	return &outcome->events[outcome->event_count++];
}

/* The result of the last event: made up of what it is, and how many there were before. */
static uint32_t result(struct machine *machine, uint32_t what)
{
	return machine_mix(machine->start->seed ^ machine->outcome->event_count << 24, what);
}

static uint32_t general(const struct machine *machine, unsigned number)
{
	return machine_get(machine, machine_registers[number]);
}

static uint32_t value_of(struct machine *machine, const ZydisDecodedOperand *operand)
{
	int number = ZydisRegisterGetId(operand->reg.value);

	if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return (uint32_t)operand->imm.value.u;
	if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return 0;
	return number >= 0 && number < 8 ? general(machine, (unsigned)number) & (uint32_t)((1ull << operand->size) - 1) : 0;
}

static uint32_t address_of(struct machine *machine, const ZydisDecodedOperandMem *mem)
{
	uint32_t address = mem->disp.has_displacement ? (uint32_t)mem->disp.value : 0;

	if (mem->base != ZYDIS_REGISTER_NONE)
		address += general(machine, (unsigned)ZydisRegisterGetId(mem->base));
	if (mem->index != ZYDIS_REGISTER_NONE)
		address += general(machine, (unsigned)ZydisRegisterGetId(mem->index)) * mem->scale;
	return address;
}

/* mov to or from a control or debug register. */
static int special_move(struct machine *machine, const struct instruction *instruction)
{
	const ZydisDecodedOperand *to = &instruction->operands[0], *from = &instruction->operands[1];

	for (int i = 0; i < 2; i++) {
		ZydisRegister reg = instruction->operands[i].reg.value;
		ZydisRegisterClass class = ZydisRegisterGetClass(reg);
		uint32_t *bank = class == ZYDIS_REGCLASS_CONTROL ? machine->control : machine->debug;
		unsigned number = (unsigned)ZydisRegisterGetId(reg) & 15;
		struct event *done;

		if (instruction->operands[i].type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    (class != ZYDIS_REGCLASS_CONTROL && class != ZYDIS_REGCLASS_DEBUG))
			continue;
		if (i == 1) {
			machine_set(machine, machine_registers[ZydisRegisterGetId(to->reg.value)], bank[number]);
			return 1;
		}
		done = machine_event(machine, ZYDIS_MNEMONIC_MOV);
		done->value[0] = (uint32_t)class;
		done->value[1] = number;
		done->value[2] = bank[number] = value_of(machine, from);
		return 1;
	}
	return 0;
}

/* Data that one string instruction may move here. */
#define STRING_MOST 4096

/* rep ins and outs: all of it is one event. What comes in is made up, what goes out is looked at. */
static int special_string(struct machine *machine, const struct instruction *instruction, unsigned width, int in)
{
	uint32_t count = instruction->decoded.attributes & ZYDIS_ATTRIB_HAS_REP ? general(machine, VMI_ECX) : 1;
	unsigned pointer = in ? VMI_EDI : VMI_ESI;
	uint32_t at = general(machine, pointer);
	uint32_t step = machine_get(machine, UC_X86_REG_EFLAGS) & 0x400 ? -width : width;
	struct event *done = machine_event(machine, instruction->decoded.mnemonic);

	if (count > STRING_MOST / width) {
		machine->outcome->problem = "it moves more than can be tried";
		return 2;
	}
	done->value[0] = width;
	done->value[1] = general(machine, VMI_EDX) & 0xffff;
	done->value[2] = count;
	done->value[3] = at;
	for (uint32_t i = 0; i < count; i++, at += step) {
		uint32_t data = in ? result(machine, i) : 0;

		if (machine_reach(machine, at, width, in) != 0) {
			machine->outcome->problem = "it faults";
			return 2;
		}
		if (in)
			uc_mem_write(machine->engine, at, &data, width);
		else
			uc_mem_read(machine->engine, at, &data, width);
		done->value[4] = machine_mix(done->value[4], data);
	}
	machine_set(machine, machine_registers[pointer], at);
	if (instruction->decoded.attributes & ZYDIS_ATTRIB_HAS_REP)
		machine_set(machine, UC_X86_REG_ECX, 0);
	return 1;
}

#define RIGHTS_CODE 0xc09b00 /* as lar gives them: present, readable */
#define RIGHTS_DATA 0xc09300 /* writable */
#define RIGHTS_DPL_SHIFT 13
#define FLAG_ZF 0x40
#define FLAG_VM 0x20000

/* lar, lsl: the selectors of a frame are good ones, of segments without a limit; others do not exist. */
static int special_rights(struct machine *machine, const struct instruction *instruction)
{
	const struct start *start = machine->start;
	uint32_t selector = value_of(machine, &instruction->operands[1]) & 0xffff, flags = machine_get(machine, UC_X86_REG_EFLAGS);
	int is_code = start->frame_size > 1 && selector == start->frame[1];
	int is_data = start->frame_size > 4 && selector == start->frame[4];
	uint32_t value = (is_code ? RIGHTS_CODE : RIGHTS_DATA) | (selector & 3) << RIGHTS_DPL_SHIFT;

	if (instruction->operands[1].type != ZYDIS_OPERAND_TYPE_REGISTER) {
		machine->outcome->problem = "it has an instruction that is not tried here";
		return 2;
	}
	if (instruction->decoded.mnemonic == ZYDIS_MNEMONIC_LSL)
		value = 0xffffffff;
	if (is_code || is_data)
		machine_set(machine, machine_registers[ZydisRegisterGetId(instruction->operands[0].reg.value)], value);
	machine_set(machine, UC_X86_REG_EFLAGS, is_code || is_data ? flags | FLAG_ZF : flags & ~(uint32_t)FLAG_ZF);
	return 1;
}

/* Where it goes, what it takes, and from where. Flags are the frame's then. */
static int special_iret(struct machine *machine)
{
	struct event *done = machine_event(machine, ZYDIS_MNEMONIC_IRETD);

	done->value[0] = general(machine, VMI_ESP);
	if (machine_reach(machine, done->value[0], sizeof machine->start->frame, 0) != 0) {
		machine->outcome->problem = "it faults";
		return 2;
	}
	uc_mem_read(machine->engine, done->value[0], &done->value[1], sizeof machine->start->frame);
	/* Within a ring it takes three words. */
	if (!(done->value[2] & 3) && !(done->value[3] & FLAG_VM))
		done->value[4] = done->value[5] = 0;
	machine_set(machine, UC_X86_REG_EFLAGS, 2);
	machine_set(machine, UC_X86_REG_EIP, done->value[1]);
	return 2;
}

static int loads_segment(const struct instruction *instruction)
{
	for (unsigned i = 0; i < instruction->decoded.operand_count; i++)
		if (instruction->operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    instruction->operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    ZydisRegisterGetClass(instruction->operands[i].reg.value) == ZYDIS_REGCLASS_SEGMENT)
			return 1;
	return 0;
}

int machine_special(struct machine *machine, const struct instruction *instruction)
{
	ZydisMnemonic mnemonic = instruction->decoded.mnemonic;
	const ZydisDecodedOperand *one = &instruction->operands[0], *two = &instruction->operands[1];
	struct event *done;

	switch (mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		if (special_move(machine, instruction))
			return 1;
		break;
	case ZYDIS_MNEMONIC_IN: {
		uint32_t keep = one->size == 32 ? 0 : 0xffffffff << one->size;

		done = machine_event(machine, mnemonic);
		done->value[0] = one->size;
		done->value[1] = value_of(machine, two) & 0xffff;
		machine_set(machine, UC_X86_REG_EAX, (machine_get(machine, UC_X86_REG_EAX) & keep) | (result(machine, done->value[1]) & ~keep));
		return 1;
	}
	case ZYDIS_MNEMONIC_OUT:
		done = machine_event(machine, mnemonic);
		done->value[0] = two->size;
		done->value[1] = value_of(machine, one) & 0xffff;
		done->value[2] = value_of(machine, two);
		return 1;
	case ZYDIS_MNEMONIC_INT:
		/* A hypervisor's entry: registers say what is wanted. */
		done = machine_event(machine, mnemonic);
		done->value[0] = value_of(machine, one);
		for (unsigned i = 0; i < 6; i++) {
			static const unsigned arguments[] = { VMI_EBX, VMI_EAX, VMI_EDX, VMI_ECX, VMI_ESI, VMI_EDI };

			done->value[i + 1] = general(machine, arguments[i]);
		}
		machine_set(machine, UC_X86_REG_EAX, result(machine, 0));
		machine_set(machine, UC_X86_REG_EDX, result(machine, 1));
		return 1;
	case ZYDIS_MNEMONIC_CPUID:
		done = machine_event(machine, mnemonic);
		done->value[0] = general(machine, VMI_EAX);
		done->value[1] = general(machine, VMI_ECX);
		for (unsigned i = 0; i < 4; i++)
			machine_set(machine, machine_registers[i], result(machine, i));
		return 1;
	case ZYDIS_MNEMONIC_RDTSC:
	case ZYDIS_MNEMONIC_RDMSR:
	case ZYDIS_MNEMONIC_RDPMC:
		done = machine_event(machine, mnemonic);
		done->value[0] = mnemonic == ZYDIS_MNEMONIC_RDTSC ? 0 : machine_get(machine, UC_X86_REG_ECX);
		machine_set(machine, UC_X86_REG_EAX, result(machine, 0));
		machine_set(machine, UC_X86_REG_EDX, result(machine, 1));
		return 1;
	case ZYDIS_MNEMONIC_WRMSR:
		done = machine_event(machine, mnemonic);
		for (unsigned i = 0; i < 3; i++)
			done->value[i] = general(machine, i);
		return 1;
	case ZYDIS_MNEMONIC_INVLPG:
	case ZYDIS_MNEMONIC_LGDT:
	case ZYDIS_MNEMONIC_LIDT:
		machine_event(machine, mnemonic)->value[0] = address_of(machine, &one->mem);
		return 1;
	case ZYDIS_MNEMONIC_LLDT:
	case ZYDIS_MNEMONIC_LTR:
		if (one->type != ZYDIS_OPERAND_TYPE_REGISTER)
			break;
		machine_event(machine, mnemonic)->value[0] = value_of(machine, one) & 0xffff;
		return 1;
	case ZYDIS_MNEMONIC_WBINVD:
	case ZYDIS_MNEMONIC_CLTS:
	case ZYDIS_MNEMONIC_HLT:
		machine_event(machine, mnemonic);
		return 1;
	case ZYDIS_MNEMONIC_STI:
	case ZYDIS_MNEMONIC_CLI:
		machine_event(machine, mnemonic);
		return 0;
	case ZYDIS_MNEMONIC_LAR:
	case ZYDIS_MNEMONIC_LSL:
		return special_rights(machine, instruction);
	case ZYDIS_MNEMONIC_IRETD:
		return special_iret(machine);
	case ZYDIS_MNEMONIC_SYSEXIT:
		machine_event(machine, mnemonic);
		machine_set(machine, UC_X86_REG_EIP, general(machine, VMI_EDX));
		machine_set(machine, UC_X86_REG_ESP, general(machine, VMI_ECX));
		return 2;
	case ZYDIS_MNEMONIC_INSB: return special_string(machine, instruction, 1, 1);
	case ZYDIS_MNEMONIC_INSW: return special_string(machine, instruction, 2, 1);
	case ZYDIS_MNEMONIC_INSD: return special_string(machine, instruction, 4, 1);
	case ZYDIS_MNEMONIC_OUTSB: return special_string(machine, instruction, 1, 0);
	case ZYDIS_MNEMONIC_OUTSW: return special_string(machine, instruction, 2, 0);
	case ZYDIS_MNEMONIC_OUTSD: return special_string(machine, instruction, 4, 0);
	case ZYDIS_MNEMONIC_RDRAND:
	case ZYDIS_MNEMONIC_RDSEED:
	case ZYDIS_MNEMONIC_RDTSCP:
	case ZYDIS_MNEMONIC_XSETBV:
		break;
	default:
		if (instruction->decoded.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED)
			break;
		if (!loads_segment(instruction))
			return 0;
	}
	if (mnemonic == ZYDIS_MNEMONIC_MOV && !loads_segment(instruction))
		return 0;
	machine->outcome->problem = "it has an instruction that is not tried here";
	return 2;
}
