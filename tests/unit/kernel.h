/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef TEST_KERNEL_H
#define TEST_KERNEL_H

/* A kernel's text and site table made by hand, for tests of the patcher. */
#include <stdbool.h>
#include <string.h>

#include <vrom/patch.h>
#include <vrom/site.h>

#define KERNEL_TEXT 4096
#define KERNEL_SITES 128

struct kernel {
	_Alignas(64) unsigned char text[KERNEL_TEXT];
	_Alignas(8) unsigned char records[KERNEL_SITES * 28]; /* with up to five constants each */
	unsigned char native[KERNEL_SITES * 16];
	unsigned char before[KERNEL_TEXT]; /* the text when it was finished */
	unsigned sites, records_size, native_size;
	struct vrom_table table;
};

/* An empty kernel: its text is all int3. */
void kernel_start(struct kernel *kernel);

/* A site at offset into the text: native instructions, then nops. Its index. */
unsigned kernel_site(struct kernel *kernel, unsigned offset, unsigned call, const char *native, unsigned native_size,
		     unsigned size, unsigned operands);

/* The same with constants, one for each bit of VROM_CONSTANTS in operands. */
unsigned kernel_site_with(struct kernel *kernel, unsigned offset, unsigned call, const char *native,
			  unsigned native_size, unsigned size, unsigned operands, const uint32_t *constants);

/* The record of site number index. */
unsigned char *kernel_record(struct kernel *kernel, unsigned index);

/* How long a record with these operands is. */
unsigned record_size(unsigned operands);

/* The usual site of a call: native is "cli" for every call, the room is what the call needs, operands what the
 * macros would write. */
unsigned kernel_usual_site(struct kernel *kernel, unsigned offset, unsigned call);

/* Fills table, and remembers the text. */
void kernel_finish(struct kernel *kernel);

/* Whether the text is as it was. */
bool kernel_untouched(const struct kernel *kernel);

/* A host that answers from a table; targets are at target + 16 * call. */
struct fake_host {
	struct vrom_host host;
	uint8_t types[VMI_CALL_COUNT];
	uintptr_t targets[VMI_CALL_COUNT];
	unsigned asked[VMI_CALL_COUNT];
	unsigned entered;
	int refuse;
	/* What the answers change to when it is entered, if late. */
	uint8_t late_type;
	unsigned late_call;
	bool late;
};
void fake_host_start(struct fake_host *fake, uintptr_t target);

/* The nops that stand for count bytes, written down here once more, from the manuals. */
void expected_nops(unsigned char *to, unsigned count);
#endif
