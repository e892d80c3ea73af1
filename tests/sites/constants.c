/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the site macros record: each site here and in constants.S is for a call that no other is for. None of them is
 * run, so this is built for 64 bits too.
 */
#include <stdio.h>
#include <string.h>

#include <vrom/patch.h>
#include <vrom/site.h>

void sites_in_assembly(void);
void sites_in_c(unsigned long x, unsigned long y, unsigned long z);

/* In a function by itself: what a compiler knows after it has put one function into another is a constant too. */
static inline void inlined(unsigned long value)
{
	VROM_CALL_WITH(SetCR4, "nop", ("ai"(value)));
}

__attribute__((noinline)) void sites_in_c(unsigned long x, unsigned long y, unsigned long z)
{
	VROM_CALL_WITH(SetCR3, "nop", ("ai"(0x11223344ul)));
	VROM_CALL_WITH(SetCR0, "nop", ("ai"(x)));
	VROM_CALL_WITH(SetDR, "nop; nop; nop", ("ai"(7ul), "di"(x)));
	VROM_CALL_WITH(SetPxE, "", ("a"(x), "di"(0x80ul), "ci"(0ul)));
	VROM_CALL_WITH(SetPxELong, "", ("a"(x), "di"(y), "c"(z), "Si"(127ul)));
	VROM_CALL_WITH(SetAlarm, ".skip 50, 0x90", ("ai"(1ul), "di"(2ul), "ci"(3ul), "Si"(4ul), "Di"(0x7fffffffl)));
	VROM_CALL_WITH(AllocatePage, "", ("a"(x), "di"(5ul), "c"(y), "Si"(1ul), "Di"(z)));
	VROM_CALL_WITH(APICWrite, "nop", ("i"(-1l), "d"(x)));
	VROM_SITE(SetInterruptMask, "nop", VROM_FLAGS, (), ("a"(x)), "memory");
	inlined(0x600d);
}

/* Of a call's site. registers: of the fourth and the fifth argument, 0 where it is a constant or not there. */
static const struct expected {
	const char *name;
	unsigned call, args, native_size, constants;
	int32_t values[5];
	unsigned fourth, fifth, changes;
} expected[] = {
#define SITE(name, ...) { #name, VMI_CALL_##name, VMI_ARGS_##name, __VA_ARGS__ }
	SITE(FlushTLB, 1, 1, { 1 }, 0, 0, VROM_STANDARD),
	SITE(WriteGDTEntry, 2, 10, { 3, -5 }, 0, 0, VROM_STANDARD),
	SITE(WriteLDTEntry, 0, 0, { 0 }, VMI_EBP, 0, VROM_STANDARD),
	SITE(SetLinearMapping, 0, 15, { 1, -0x40000000, 0x2000, 0x7fffffff }, 0, 0, VROM_STANDARD),
	SITE(OUTB, 2, 2, { 0x20 }, 0, 0, VROM_EDX),
	SITE(INSL, 1, 4, { 0x1234 }, 0, 0, 0),
	SITE(IRET, 1, 0, { 0 }, 0, 0, 0),
	SITE(SetCR3, 1, 1, { 0x11223344 }, 0, 0, VROM_STANDARD),
	SITE(SetCR0, 1, 0, { 0 }, 0, 0, VROM_STANDARD),
	SITE(SetDR, 3, 1, { 7 }, 0, 0, VROM_STANDARD),
	SITE(SetPxE, 0, 6, { 0x80, 0 }, 0, 0, VROM_STANDARD),
	SITE(SetPxELong, 0, 8, { 127 }, 0, 0, VROM_STANDARD),
	SITE(SetAlarm, 50, 31, { 1, 2, 3, 4, 0x7fffffff }, 0, 0, VROM_STANDARD),
	SITE(AllocatePage, 0, 10, { 5, 1 }, 0, VMI_EDI, VROM_STANDARD),
	SITE(APICWrite, 1, 1, { -1 }, 0, 0, VROM_STANDARD),
	SITE(SetInterruptMask, 1, 0, { 0 }, 0, 0, VROM_FLAGS),
#ifdef __OPTIMIZE__
	SITE(SetCR4, 1, 1, { 0x600d }, 0, 0, VROM_STANDARD),
#else
	SITE(SetCR4, 1, 0, { 0 }, 0, 0, VROM_STANDARD),
#endif
};
#define COUNT (sizeof expected / sizeof *expected)

/* The room that vrom/site.h promises: for a call, and 8 for the interrupt mask. */
static unsigned room(const struct expected *site)
{
	unsigned size = 5;

	for (unsigned place = 0; place < site->args; place++)
		size += site->constants >> place & 1 ? 5 : place >= 3;
	size += site->args > 3 ? 4 : 0;
	size += site->call == VMI_CALL_SetInterruptMask ? 3 : site->call == VMI_CALL_SetPxE ? 7 : 0;
	return size < site->native_size ? site->native_size : size;
}

static int is_right(const unsigned char *record, const struct expected *site)
{
	unsigned operands = site->constants + (site->fourth << VROM_ARG4_SHIFT) + (site->fifth << VROM_ARG5_SHIFT) + site->changes;
	unsigned found = record[6] | record[7] << 8;
	int good = found == operands && record[5] == room(site);

	if (!good)
		printf("# operands %x, not %x; %u bytes, not %u\n", found, operands, record[5], room(site));
	for (unsigned i = 0; i < (unsigned)__builtin_popcount(site->constants); i++) {
		int32_t value;

		memcpy(&value, record + 8 + 4 * i, 4);
		if (value != site->values[i])
			good = 0, printf("# constant %u is %x\n", i, (unsigned)value);
	}
	return good;
}

/* Natively nothing; all of it is accepted, and every site becomes a call. */
static void answer(void *context, unsigned call, struct vrom_answer *result)
{
	(void)call;
	result->type = VMI_RELOCATION_CALL_REL;
	result->target = (uintptr_t)context;
}

extern const char __executable_start[], etext[];

int main(void)
{
	struct vrom_table table = VROM_KERNEL_TABLE(__executable_start, etext);
	const unsigned char *record = table.records;
	static unsigned char memory[VROM_PLAN_MEMORY(100)];
	static struct vrom_plan plan;
	struct vrom_host host = { .answer = answer, .context = table.text, .high = UINTPTR_MAX, .wide = sizeof(long) == 8 };
	struct vrom_error error;
	unsigned number = 0, failed = 0, seen = 0;
	enum vrom_status status;

	if (memory[0]) {
		sites_in_assembly();
		sites_in_c(1, 2, 3);
	}
	for (; record < table.records_end; record += 8 + 4 * __builtin_popcount(record[6] & VROM_CONSTANTS))
		for (unsigned i = 0; i < COUNT; i++)
			if (expected[i].call == record[4]) {
				int good = is_right(record, &expected[i]);

				seen++;
				failed += !good;
				printf("%s %u - %s\n", good ? "ok" : "not ok", ++number, expected[i].name);
			}
	/* 8 bytes each, 4 for each constant, and nothing else. */
	failed += seen != COUNT || record != table.records_end || vrom_count(&table) != COUNT;
	printf("%s %u - %u sites in %u bytes\n", seen == COUNT && record == table.records_end ? "ok" : "not ok", ++number, seen,
	       (unsigned)(table.records_end - table.records));
	status = vrom_plan(&plan, &host, &table, 1, memory, sizeof memory, &error);
	failed += status != VROM_OK;
	printf("%s %u - the patcher: %s\n", status == VROM_OK && plan.called == COUNT ? "ok" : "not ok", ++number,
	       vrom_strstatus(status));
	if (status != VROM_OK)
		printf("# site %u, call %u\n", error.index, error.call);
	printf("1..%u\n", number);
	return failed != 0;
}
