/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * SLEDS sleds as clang 14 makes them with -fxray-instrument: functions that are never called, with a sled of
 * 11 bytes at their entry and one at their exit, 32 bytes from sled to sled, and in xray_instr_map a record of
 * 32 bytes for each: sled, function, kind (0: entry, 1: exit), always, version 2.
 */
	.text
	.rept SLEDS / 2
	.p2align 5, 0x90
0:
1:	.byte 0xeb, 0x09
	nopw 512(%rax, %rax)
	leal 1(%rdi), %eax
	.p2align 5, 0x90
2:	retq
	nopw %cs:512(%rax, %rax)
	.pushsection xray_instr_map, "a", @progbits
3:	.quad 1b - 3b, 0b - (3b + 8)
	.byte 0, 0, 2
	.zero 13
3:	.quad 2b - 3b, 0b - (3b + 8)
	.byte 1, 0, 2
	.zero 13
	.popsection
	.endr
	.p2align 5, 0x90
	.section .note.GNU-stack, "", @progbits
