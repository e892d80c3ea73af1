/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The count ROM with a defect in one call, or in two that belong together. plant.py defines PLANT_CALL, the call's name,
 * and writes the defect to the file PLANT_FILE: what runs before the native function, or returns in its place.
 */
#define ROM_COUNTS
#include "rom.h"

.purgem provide
.macro provide name
	.section .text.vmi_\name, "ax"
	.globl vmi_\name
vmi_\name:
	pushl $4 * .LVMI_CALL_\name
	call rom_count
	.ifc \name, PLANT_CALL
#include PLANT_FILE
	.endif
	.ifc \name, PLANT_CALL_2
#include PLANT_FILE_2
	.endif
	jmp native_\name
.endm

#include "../../roms/count/rom.S"

/*
 * In place of Init or get_reloc themselves, whose functions are called real_init and real_get_reloc then. Both run on the
 * guest's stack, like a call.
 */
#ifdef PLANT_INIT
	.section .text.rom_init, "ax"
	.globl rom_init
rom_init:
#include PLANT_INIT
	jmp real_init
#endif

#ifdef PLANT_GET_RELOC
	.section .text.rom_get_reloc, "ax"
	.globl rom_get_reloc
rom_get_reloc:
#include PLANT_GET_RELOC
	jmp real_get_reloc
#endif
