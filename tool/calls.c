/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <stdio.h>

#include "calls.h"

const struct call calls[VMI_CALL_COUNT] = {
#define CALL_X(number, name, args, r1, r2, r3, result, changes, kind) \
	[number] = { #name, args, { VMI_##r1, VMI_##r2, VMI_##r3 }, VMI_K_##kind, VMI_R_##result, VMI_R_##changes },
	VMI_CALLS(CALL_X)
#undef CALL_X
};

const char *call_name(unsigned call)
{
	static char unknown[24];

	if (call < VMI_CALL_COUNT && calls[call].name)
		return calls[call].name;
	snprintf(unknown, sizeof unknown, "call %u", call);
	return unknown;
}

const char *register_name(unsigned number)
{
	static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };

	return number < 8 ? names[number] : "?";
}
