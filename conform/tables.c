/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The global and the interrupt descriptor table. A host may store descriptors altered, so they are never read back
 * from memory, but used: loaded into FS, jumped through, asked by LSL and LAR.
 */
#include "conform.h"

static uint32_t words[2][4] = { { 0x11111111, 0x11112222 }, { 0x22221111, 0x22222222 } };

struct load {
	uint16_t selector;
	uint32_t offset, value;
};

static void load_fs(void *context)
{
	struct load *load = context;

	__asm__ volatile("movw %1, %%fs; movl %%fs:(%2), %0" : "=r"(load->value) : "r"(load->selector), "r"(load->offset));
	__asm__ volatile("movl %0, %%fs" : : "r"(0));
}

/* What is at an offset in a segment. The exception's number, or 0. */
static unsigned read_segment(unsigned selector, uint32_t offset, uint32_t *value)
{
	struct load load = { (uint16_t)selector, offset, 0 };

	if (catch(load_fs, &load))
		return trapped.vector;
	*value = load.value;
	return 0;
}

CASE(gdt_get, "GetGDT", "gives limit and base as SetGDT was given them, and writes no more than six bytes", "3.1")
{
	struct __attribute__((packed)) {
		uint8_t before;
		struct table_register table;
		uint8_t after;
	} place = { 0x5a, { 0, 0 }, 0xa5 };

	DO(GetGDT, (uint32_t)&place.table);
	EQUAL(place.table.limit, sizeof gdt - 1);
	EQUAL(place.table.base, (uint32_t)gdt);
	EQUAL(place.before, 0x5a);
	EQUAL(place.after, 0xa5);
}

CASE(idt_get, "GetIDT", "gives limit and base as SetIDT was given them, and writes no more than six bytes", "3.1")
{
	struct __attribute__((packed)) {
		uint8_t before;
		struct table_register table;
		uint8_t after;
	} place = { 0x5a, { 0, 0 }, 0xa5 };

	DO(GetIDT, (uint32_t)&place.table);
	EQUAL(place.table.limit, sizeof idt - 1);
	EQUAL(place.table.base, (uint32_t)idt);
	EQUAL(place.before, 0x5a);
	EQUAL(place.after, 0xa5);
}

CASE(gdt_write, "WriteGDTEntry", "the new descriptor has its base, limit and rights", "3.1")
{
	uint32_t value = 0, limit = 0, rights = 0;

	for (unsigned i = 0; i < 2; i++) {
		write_gdt(SCRATCH, segment((uint32_t)words[i], 0x123 + i, BYTES, DATA_WRITABLE + DPL(USER_RING)));
		EQUAL(read_segment(SCRATCH + USER_RING, 4, &value), 0);
		EQUAL(value, words[i][1]);
		__asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"(SCRATCH + USER_RING));
		EQUAL(limit, 0x123 + i);
		__asm__ volatile("lar %1, %0" : "+r"(rights) : "r"(SCRATCH + USER_RING));
		EQUAL(rights & 0xff00, DATA_WRITABLE + DPL(USER_RING));
	}
	write_gdt(SCRATCH, (struct descriptor){ 0, 0 });
}

CASE(gdt_kernel, "WriteGDTEntry", "a descriptor of the kernel's ring is the kernel's, and no user's", "3.1")
{
	struct state state = user_state(user_call);
	uint32_t value = 0;

	write_gdt(SCRATCH, segment((uint32_t)words[0], 0xfff, BYTES, DATA_WRITABLE + DPL(ring)));
	EQUAL(read_segment(SCRATCH + ring, 0, &value), 0);
	EQUAL(value, words[0][0]);
	/* SS of a user has to be the user's. */
	state.ss = SCRATCH + USER_RING;
	run_user(user_call, &state);
	EQUAL(trapped.vector, EXCEPTION_GENERAL);
	EQUAL(trapped.error, SCRATCH);
	write_gdt(SCRATCH, (struct descriptor){ 0, 0 });
}

CASE(gdt_absent, "WriteGDTEntry", "a segment that is not present cannot be loaded, and can once it is", "3.1")
{
	uint32_t value = 0;

	write_gdt(SCRATCH, segment((uint32_t)words[0], 0xfff, BYTES, DATA_WRITABLE - SEGMENT_PRESENT + DPL(USER_RING)));
	EQUAL(read_segment(SCRATCH + USER_RING, 0, &value), EXCEPTION_NOT_PRESENT);
	EQUAL(trapped.error, SCRATCH);
	write_gdt(SCRATCH, segment((uint32_t)words[0], 0xfff, BYTES, DATA_WRITABLE + DPL(USER_RING)));
	EQUAL(read_segment(SCRATCH + USER_RING, 0, &value), 0);
	write_gdt(SCRATCH, (struct descriptor){ 0, 0 });
	EQUAL(read_segment(SCRATCH + USER_RING, 0, &value), EXCEPTION_GENERAL);
	EQUAL(trapped.error, SCRATCH);
}

CASE(gdt_index, "WriteGDTEntry", "the entries beside it stay as they were", "3.1")
{
	uint32_t value = 0;

	write_gdt(SCRATCH_2, segment((uint32_t)words[1], 0xfff, BYTES, DATA_WRITABLE + DPL(USER_RING)));
	write_gdt(SCRATCH, segment((uint32_t)words[0], 0xfff, BYTES, DATA_WRITABLE + DPL(USER_RING)));
	write_gdt(SCRATCH_2, segment((uint32_t)words[1], 0xfff, BYTES, DATA_WRITABLE + DPL(USER_RING)));
	EQUAL(read_segment(SCRATCH_2 + USER_RING, 0, &value), 0);
	EQUAL(value, words[1][0]);
	EQUAL(read_segment(SCRATCH + USER_RING, 0, &value), 0);
	EQUAL(value, words[0][0]);
	write_gdt(SCRATCH, (struct descriptor){ 0, 0 });
	EQUAL(read_segment(SCRATCH_2 + USER_RING, 0, &value), 0);
	EQUAL(value, words[1][0]);
	write_gdt(SCRATCH_2, (struct descriptor){ 0, 0 });
}

CASE(gdt_set, "SetGDT", "another table is in use at once, and so is the old one after it", "3.1")
{
	static struct descriptor other[GDT_ENTRIES] __attribute__((aligned(PAGE_SIZE)));
	const struct table_register old = { sizeof gdt - 1, (uint32_t)gdt }, new = { sizeof other - 1, (uint32_t)other };
	struct table_register seen = { 0, 0 };
	uint32_t value = 0;

	write_gdt(SCRATCH, segment((uint32_t)words[0], 0xfff, BYTES, DATA_WRITABLE + DPL(USER_RING)));
	for (unsigned i = 0; i < GDT_ENTRIES; i++)
		other[i] = gdt[i];
	other[SCRATCH / 8] = segment((uint32_t)words[1], 0xfff, BYTES, DATA_WRITABLE + DPL(USER_RING));
	DO(SetGDT, (uint32_t)&new);
	EQUAL(read_segment(SCRATCH + USER_RING, 0, &value), 0);
	EQUAL(value, words[1][0]);
	DO(GetGDT, (uint32_t)&seen);
	EQUAL(seen.base, (uint32_t)other);
	DO(SetGDT, (uint32_t)&old);
	EQUAL(read_segment(SCRATCH + USER_RING, 0, &value), 0);
	EQUAL(value, words[0][0]);
	DO(GetGDT, (uint32_t)&seen);
	EQUAL(seen.base, (uint32_t)gdt);
	write_gdt(SCRATCH, (struct descriptor){ 0, 0 });
}

CASE(gdt_limit, "SetGDT", "what lies beyond the limit cannot be loaded", "3.1")
{
	const struct table_register whole = { sizeof gdt - 1, (uint32_t)gdt }, part = { USER_DATA_2 - 1, (uint32_t)gdt };
	uint32_t value = 0;

	EQUAL(read_segment(USER_DATA_2 + USER_RING, (uint32_t)words, &value), 0);
	DO(SetGDT, (uint32_t)&part);
	EQUAL(read_segment(USER_DATA_2 + USER_RING, (uint32_t)words, &value), EXCEPTION_GENERAL);
	EQUAL(trapped.error, USER_DATA_2);
	DO(SetGDT, (uint32_t)&whole);
	EQUAL(read_segment(USER_DATA_2 + USER_RING, (uint32_t)words, &value), 0);
	/* The last one of the table. */
	EQUAL(read_segment(FAR_DATA + USER_RING, (uint32_t)words - FAR_BASE, &value), 0);
	EQUAL(value, words[0][0]);
}

/* ---- Interrupt descriptor table ---- */

static void call_free_vector(void *context)
{
	(void)context;
	__asm__ volatile("int %0" : : "i"(FREE_VECTOR));
}

CASE(idt_write, "WriteIDTEntry", "the next interrupt goes through the new gate", "3.1")
{
	write_gate(FREE_VECTOR, gate(FREE_VECTOR, GATE_INTERRUPT, ring));
	CHECK(catch(call_free_vector, NULL));
	EQUAL(trapped.vector, FREE_VECTOR);
	write_gate(FREE_VECTOR, gate(FREE_VECTOR + 5, GATE_INTERRUPT, ring));
	CHECK(catch(call_free_vector, NULL));
	EQUAL(trapped.vector, FREE_VECTOR + 5);
}

CASE(idt_exception, "WriteIDTEntry", "so does the next exception", "3.1")
{
	uint32_t value;

	write_gate(EXCEPTION_PAGE, gate(EXCEPTION_GENERAL, GATE_INTERRUPT, ring));
	EQUAL(read_at(USER_TEST, &value), EXCEPTION_GENERAL);
	write_gate(EXCEPTION_PAGE, gate(EXCEPTION_PAGE, GATE_INTERRUPT, ring));
	EQUAL(read_at(USER_TEST, &value), EXCEPTION_PAGE);
}

CASE(idt_irq, "WriteIDTEntry", "so does the next interrupt of a device", "3.1")
{
	if (!have_serial) {
		skip("there is no serial port to interrupt");
		return;
	}
	unmask(IRQ_SERIAL);
	write_gate(IRQ_BASE + 4, gate(IRQ_BASE + 3, GATE_INTERRUPT, ring));
	raise_serial();
	DO(EnableInterrupts);
	DO(DisableInterrupts);
	EQUAL(interrupts[IRQ_BASE + 4], 0);
	EQUAL(interrupts[IRQ_BASE + 3], 1);
	clear_serial();
	write_gate(IRQ_BASE + 4, gate(IRQ_BASE + 4, GATE_INTERRUPT, ring));
}

CASE(idt_absent, "WriteIDTEntry", "a gate that is not present traps, with the vector in the error code", "3.1")
{
	write_gate(FREE_VECTOR, (struct descriptor){ 0, GATE_INTERRUPT - SEGMENT_PRESENT });
	CHECK(catch(call_free_vector, NULL));
	EQUAL(trapped.vector, EXCEPTION_NOT_PRESENT);
	EQUAL(trapped.error, FREE_VECTOR * 8 + 2);
	write_gate(FREE_VECTOR, gate(FREE_VECTOR, GATE_INTERRUPT, ring));
	CHECK(catch(call_free_vector, NULL));
	EQUAL(trapped.vector, FREE_VECTOR);
}

CASE(idt_privilege, "WriteIDTEntry", "a user may call the gates that are for users, and no other", "3.1")
{
	run_user(user_call, NULL);
	EQUAL(trapped.vector, SYSTEM_CALL);
	run_user(user_kernel_call, NULL);
	EQUAL(trapped.vector, EXCEPTION_GENERAL);
	EQUAL(trapped.error, KERNEL_CALL * 8 + 2);
	EQUAL(trapped.eip, AT_USER(user_kernel_call));
	write_gate(KERNEL_CALL, gate(KERNEL_CALL, GATE_INTERRUPT, USER_RING));
	run_user(user_kernel_call, NULL);
	EQUAL(trapped.vector, KERNEL_CALL);
	write_gate(KERNEL_CALL, gate(KERNEL_CALL, GATE_INTERRUPT, ring));
	run_user(user_kernel_call, NULL);
	EQUAL(trapped.vector, EXCEPTION_GENERAL);
}

CASE(idt_user_interrupt, "WriteIDTEntry", "a user's call by an interrupt gate comes with interrupts off", "3.1")
{
	write_gate(SYSTEM_CALL, gate(SYSTEM_CALL, GATE_INTERRUPT, USER_RING));
	run_user(user_call, NULL);
	EQUAL(trapped.vector, SYSTEM_CALL);
	EQUAL(trapped_mask, 0);
	EQUAL(trapped.eflags & FLAGS_IF, FLAGS_IF);
}

CASE(idt_user_trap, "WriteIDTEntry", "a user's call by a trap gate comes with interrupts on", "3.1")
{
	write_gate(SYSTEM_TRAP, gate(SYSTEM_TRAP, GATE_TRAP, USER_RING));
	run_user(user_trap, NULL);
	EQUAL(trapped.vector, SYSTEM_TRAP);
	EQUAL(trapped_mask, VMI_MASK_ENABLED);
	EQUAL(trapped.eflags & FLAGS_IF, FLAGS_IF);
}

CASE(idt_set, "SetIDT", "another table is in use at once, and so is the old one after it", "3.1")
{
	static struct descriptor other[256] __attribute__((aligned(PAGE_SIZE)));
	const struct table_register old = { sizeof idt - 1, (uint32_t)idt }, new = { sizeof other - 1, (uint32_t)other };
	struct table_register seen = { 0, 0 };

	write_gate(FREE_VECTOR, gate(FREE_VECTOR, GATE_INTERRUPT, ring));
	for (unsigned i = 0; i < COUNT(other); i++)
		other[i] = idt[i];
	other[FREE_VECTOR] = gate(FREE_VECTOR + 7, GATE_INTERRUPT, ring);
	DO(SetIDT, (uint32_t)&new);
	CHECK(catch(call_free_vector, NULL));
	EQUAL(trapped.vector, FREE_VECTOR + 7);
	DO(GetIDT, (uint32_t)&seen);
	EQUAL(seen.base, (uint32_t)other);
	DO(SetIDT, (uint32_t)&old);
	CHECK(catch(call_free_vector, NULL));
	EQUAL(trapped.vector, FREE_VECTOR);
	DO(GetIDT, (uint32_t)&seen);
	EQUAL(seen.base, (uint32_t)idt);
}

CASE(idt_limit, "SetIDT", "a vector beyond the limit is a general protection fault", "3.1")
{
	const struct table_register whole = { sizeof idt - 1, (uint32_t)idt }, part = { FREE_VECTOR * 8 - 1, (uint32_t)idt };

	write_gate(FREE_VECTOR, gate(FREE_VECTOR, GATE_INTERRUPT, ring));
	DO(SetIDT, (uint32_t)&part);
	CHECK(catch(call_free_vector, NULL));
	EQUAL(trapped.vector, EXCEPTION_GENERAL);
	EQUAL(trapped.error, FREE_VECTOR * 8 + 2);
	DO(SetIDT, (uint32_t)&whole);
	CHECK(catch(call_free_vector, NULL));
	EQUAL(trapped.vector, FREE_VECTOR);
}
