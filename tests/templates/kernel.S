/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A site for every template that a ROM here has. It is planned, and never run. */
#include <vrom/site.h>

#include "sites.h"

#define X(name, call, native, a1, a2, a3, a4, a5, change) \
	name: vrom_site call, native, a1, a2, a3, a4, a5, change;
	.text
	.globl start
start:
TEMPLATE_SITES(X)
	.skip 16, 0x90
