/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The ROM that the monitor publishes. */
	.section .rodata, "a"
	.globl monitor_rom, monitor_rom_end
	.balign 4
monitor_rom:
#ifdef MONITOR_SIGN
	.incbin "monitor-sign.rom"
#elif defined(MONITOR_OPEN)
	.incbin "monitor-open.rom"
#else
	.incbin "monitor.rom"
#endif
monitor_rom_end:

	.section .note.GNU-stack, "", @progbits
