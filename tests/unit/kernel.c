/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "kernel.h"

void expected_nops(unsigned char *to, unsigned count)
{
	static const char *const forms[] = {
		"", "\x90", "\x66\x90", "\x0f\x1f\x00", "\x0f\x1f\x40\x00", "\x0f\x1f\x44\x00\x00",
		"\x66\x0f\x1f\x44\x00\x00", "\x0f\x1f\x80\x00\x00\x00\x00", "\x0f\x1f\x84\x00\x00\x00\x00\x00",
		"\x66\x0f\x1f\x84\x00\x00\x00\x00\x00",
	};

	for (; count > 9; count -= 9, to += 9)
		memcpy(to, forms[9], 9);
	memcpy(to, forms[count], count);
}

void kernel_start(struct kernel *kernel)
{
	memset(kernel, 0, sizeof *kernel);
	memset(kernel->text, 0xcc, sizeof kernel->text);
}

unsigned record_size(unsigned operands)
{
	return 8 + 4 * (unsigned)__builtin_popcount(operands & VROM_CONSTANTS);
}

unsigned char *kernel_record(struct kernel *kernel, unsigned index)
{
	unsigned char *record = kernel->records;

	while (index--)
		record += record_size(record[6]);
	return record;
}

unsigned kernel_site(struct kernel *kernel, unsigned offset, unsigned call, const char *native, unsigned native_size,
		     unsigned size, unsigned operands)
{
	return kernel_site_with(kernel, offset, call, native, native_size, size, operands, NULL);
}

unsigned kernel_site_with(struct kernel *kernel, unsigned offset, unsigned call, const char *native,
			  unsigned native_size, unsigned size, unsigned operands, const uint32_t *constants)
{
	unsigned char *record = kernel->records + kernel->records_size;
	int32_t distance = (int32_t)(kernel->text + offset - record);
	uint16_t bits = operands;

	memcpy(kernel->text + offset, native, native_size);
	expected_nops(kernel->text + offset + native_size, size - native_size);
	memcpy(record, &distance, 4);
	record[4] = call;
	record[5] = size;
	memcpy(record + 6, &bits, 2);
	kernel->records_size += record_size(operands);
	if (constants)
		memcpy(record + 8, constants, record_size(operands) - 8);
	kernel->native[kernel->native_size++] = native_size;
	memcpy(kernel->native + kernel->native_size, native, native_size);
	kernel->native_size += native_size;
	return kernel->sites++;
}

static const struct {
	unsigned args, changes, kind;
} calls[] = {
#define X(number, name, args, r1, r2, r3, result, changes, kind) \
	[number] = { args, VROM_FROM_VMI(VMI_R_##changes), VMI_K_##kind },
	VMI_CALLS(X)
#undef X
};

unsigned kernel_usual_site(struct kernel *kernel, unsigned offset, unsigned call)
{
	unsigned operands = calls[call].changes;

	if (calls[call].args > 3)
		operands += VMI_ESI << VROM_ARG4_SHIFT;
	if (calls[call].args > 4)
		operands += VMI_EDI << VROM_ARG5_SHIFT;
	return kernel_site(kernel, offset, call, "\xfa", 1, VROM_ROOM(call, calls[call].args, calls[call].kind), operands);
}

void kernel_finish(struct kernel *kernel)
{
	kernel->table = (struct vrom_table){ kernel->records, kernel->records + kernel->records_size,
					     kernel->native, kernel->native + kernel->native_size,
					     kernel->text, kernel->text + KERNEL_TEXT, 0, 0 };
	memcpy(kernel->before, kernel->text, KERNEL_TEXT);
}

bool kernel_untouched(const struct kernel *kernel)
{
	return memcmp(kernel->before, kernel->text, KERNEL_TEXT) == 0;
}

static void answer(void *context, unsigned call, struct vrom_answer *result)
{
	struct fake_host *fake = context;

	fake->asked[call]++;
	result->type = fake->types[call];
	result->target = fake->targets[call];
}

static int enter(void *context)
{
	struct fake_host *fake = context;

	fake->entered++;
	if (fake->late)
		fake->types[fake->late_call] = fake->late_type;
	return fake->refuse;
}

void fake_host_start(struct fake_host *fake, uintptr_t target)
{
	memset(fake, 0, sizeof *fake);
	for (unsigned call = 0; call < VMI_CALL_COUNT; call++) {
		fake->types[call] = VMI_RELOCATION_CALL_REL;
		fake->targets[call] = target + 16 * call;
	}
	fake->host = (struct vrom_host){ .answer = answer, .context = fake, .rom = target, .low = target,
					 .high = target + 0x10000, .enter = enter, .answers_early = 1, .wide = 1 };
}
