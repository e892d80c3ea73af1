#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Wrong use of the site macros does not compile or assemble, and the message says what is wrong. Each case has a
# right twin that compiles, so that it is the fault that is refused and not the case.
#
#	errors.sh COMPILER...
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
. "$(dirname "$0")/../tap.sh"

# compile SUFFIX TEXT: with $compiler, messages in $tmp/messages
compile() {
	{
		echo '#include <vrom/ops.h>' | sed "s,ops.h,$([ "$1" = c ] && echo ops.h || echo site.h),"
		printf '%s\n' "$2"
	} >"$tmp/case.$1"
	"$compiler" -m32 -O2 -Wall -Wextra -Iinclude -c -o "$tmp/case.o" "$tmp/case.$1" 2>"$tmp/messages"
}

# try NAME SUFFIX RIGHT WRONG MESSAGE
try() {
	compile "$2" "$3"
	say $? "$compiler: $1: the right form compiles"
	if compile "$2" "$4"; then
		say 1 "$compiler: $1: the wrong form compiled"
	elif grep -q -- "$5" "$tmp/messages"; then
		say 0 "$compiler: $1: $5"
	else
		say 1 "$compiler: $1: no message has \"$5\""
		sed 's/^/# /' "$tmp/messages" | head -5
	fi
}

f='void f(unsigned long x); void f(unsigned long x)'
for compiler in "$@"; do
	try 'register of the first argument' c \
		"$f { VROM_SITE(SetInterruptMask, \"pushl %0; popfl\", VROM_FLAGS, (), (\"a\"(x)), \"memory\"); }" \
		"$f { VROM_SITE(SetInterruptMask, \"pushl %0; popfl\", VROM_FLAGS, (), (\"b\"(x)), \"memory\"); }" \
		'SetInterruptMask: argument 1 must not be in %ebx'
	try 'register of the third argument' c \
		"$f { VROM_SITE(INSB, \"nop\", 0, (), (\"D\"(x), \"d\"(x), \"c\"(x))); }" \
		"$f { VROM_SITE(INSB, \"nop\", 0, (), (\"D\"(x), \"d\"(x), \"S\"(x))); }" \
		'INSB: argument 3 must not be in %esi'
	try 'register of a stack argument' c \
		"$f { unsigned long a, d, c; VROM_SITE(SetPxELong, \"\", VROM_STANDARD, (\"=a\"(a), \"=d\"(d), \"=c\"(c)), (\"a\"(x), \"d\"(x + 1), \"c\"(x + 2), \"S\"(x + 3))); (void)a, (void)d, (void)c; }" \
		"$f { unsigned long a, d, c; VROM_SITE(SetPxELong, \"\", VROM_STANDARD, (\"=a\"(a), \"=d\"(d), \"=c\"(c)), (\"a\"(x), \"d\"(x + 1), \"c\"(x + 2), \"a\"(x))); (void)a, (void)d, (void)c; }" \
		'SetPxELong: argument 4 must be in ebx, esi, edi or ebp'
	try 'too many arguments' c \
		"$f { VROM_CALL(SetCR3, \"movl %[a1], %%cr3\", x); }" \
		"$f { VROM_CALL(SetCR3, \"movl %[a1], %%cr3\", x, x); }" \
		'SetCR3 does not take that many arguments'
	try 'too few arguments' c \
		"$f { VROM_CALL(UpdatePxE, \"\", x, x); }" \
		"$f { VROM_CALL(UpdatePxE, \"\", x); }" \
		'UpdatePxE does not take that many arguments'
	try 'unknown call' c \
		"$f { VROM_CALL(SetCR3, \"movl %[a1], %%cr3\", x); }" \
		"$f { VROM_CALL(SetCR5, \"movl %[a1], %%cr3\", x); }" \
		'SetCR5'
	try 'registers in use' c \
		"$f { (void)x; VROM_SITE(WBINVD, \"wbinvd\", VROM_STANDARD, (), (), \"eax\", \"ecx\", \"edx\"); }" \
		"$f { (void)x; VROM_SITE(WBINVD, \"wbinvd\", VROM_FLAGS, (), ()); }" \
		'WBINVD changes more than may_change leaves free'
	try 'native code too long' c \
		"$f { (void)x; VROM_CALL(WBINVD, \".skip 255, 0x90\"); }" \
		"$f { (void)x; VROM_CALL(WBINVD, \".skip 256, 0x90\"); }" \
		'[.]org'
	try 'in assembly: register' S \
		'vrom_site SetCR3, "movl %eax, %cr3", %eax' \
		'vrom_site SetCR3, "movl %ebx, %cr3", %ebx' \
		'vrom_site SetCR3: argument 1 must not be in %ebx'
	try 'in assembly: register of a stack argument' S \
		'vrom_site WriteGDTEntry, "nop", %eax, %edx, %ecx, %ebp' \
		'vrom_site WriteGDTEntry, "nop", %eax, %edx, %ecx, %eax' \
		'argument 4 must be in %ebx, %esi, %edi or %ebp, not in %eax'
	try 'in assembly: argument not stated' S \
		'vrom_site SetInterruptMask, "pushl %eax; popfl", %eax' \
		'vrom_site SetInterruptMask, "pushl %eax; popfl"' \
		'vrom_site SetInterruptMask: say in which register argument 1 is'
	try 'in assembly: argument too many' S \
		'vrom_site IRET, "iret"' \
		'vrom_site IRET, "iret", %eax' \
		'vrom_site IRET: it has no argument 1'
	try 'in assembly: unknown call' S \
		'vrom_site IRET, "iret"' \
		'vrom_site IRET16, "iret"' \
		'vrom_site IRET16: there is no such call'
	try 'in assembly: native code left out' S \
		'vrom_site UpdatePxE, " ", %eax, %edx' \
		'vrom_site UpdatePxE' \
		'native'
	try 'in assembly: registers in use' S \
		'vrom_site CLTS, "clts", may_change=VROM_STANDARD' \
		'vrom_site CLTS, "clts", may_change=VROM_EAX' \
		'vrom_site CLTS: the call changes more than may_change leaves free'

	try 'a constant whose register is in use' c \
		"$f { VROM_SITE(SetInterruptMask, \"nop\", VROM_FLAGS, (), (\"a\"(x)), \"memory\"); }" \
		"$f { (void)x; VROM_SITE(SetInterruptMask, \"nop\", VROM_FLAGS, (), (\"ai\"(512ul)), \"memory\"); }" \
		'SetInterruptMask: argument 1 is a constant, and its register is not free'
	try 'a constant port whose register is in use' c \
		"$f { unsigned long d; VROM_SITE(OUTB, \"nop\", VROM_EDX, (\"=d\"(d)), (\"a\"(x), \"di\"(32ul))); (void)d; }" \
		"$f { VROM_SITE(OUTB, \"nop\", 0, (), (\"a\"(x), \"di\"(32ul))); }" \
		'OUTB: argument 2 is a constant, and its register is not free'
	try 'a constant in a third place' c \
		"$f { unsigned long c; VROM_SITE(INSB, \"nop\", 0, (\"=c\"(c)), (\"D\"(x), \"d\"(x), \"ci\"(32ul))); (void)c; }" \
		"$f { VROM_SITE(INSB, \"nop\", 0, (), (\"D\"(x), \"di\"(32ul), \"c\"(x))); }" \
		'INSB: argument 2 is a constant, and its register is not free'
	try 'in assembly: a constant whose register is in use' S \
		'vrom_site OUTB, "nop", %eax, 0x20, may_change=VROM_EDX' \
		'vrom_site OUTB, "nop", %eax, 0x20' \
		'vrom_site OUTB: argument 2 is a constant, and its register is not free'
	try 'in assembly: a constant too many' S \
		'vrom_site FlushTLB, "nop", 1' \
		'vrom_site FlushTLB, "nop", 1, 2' \
		'vrom_site FlushTLB: it has no argument 2'
	try 'in assembly: a fourth argument left out' S \
		'vrom_site WriteGDTEntry, "nop", %eax, %edx, %ecx, 1' \
		'vrom_site WriteGDTEntry, "nop", %eax, %edx, %ecx' \
		'say in which register argument 4 is, or which constant'
	try 'in assembly: a register that is no constant' S \
		'vrom_site FlushTLB, "nop", 1' \
		'vrom_site FlushTLB, "nop", %esp' \
		'register\|esp'

	# 8 bytes a record, and 4 for each constant.
	compile S "$(printf 'vrom_site CLTS, "clts"\nvrom_site FlushTLB, "nop", 1\nvrom_site SetLinearMapping, " ", 1, 2, 3, 4\n')"
	size -A "$tmp/case.o" | grep -q '^\.vrom\.sites *44 '
	say $? "$compiler: bytes for each record"

	# A function that the linker keeps one copy of takes the records of the others away with them.
	for file in one two; do
		compile S "$(printf '.globl _start, start_%s\n_start = twice\n start_%s = twice\n%s\ntwice: vrom_site CLTS, "clts"\n' \
			"$file" "$file" '.section .text.twice,"axG",@progbits,twice,comdat; .weak twice, _start')"
		mv "$tmp/case.o" "$tmp/$file.o"
	done
	"$compiler" -m32 -nostdlib -static -no-pie -o "$tmp/linked" "$tmp/one.o" "$tmp/two.o" 2>"$tmp/messages"
	say $? "$compiler: a function of which the linker keeps one copy"
	size -A "$tmp/linked" 2>&1 | grep -q '^\.vrom\.sites *8 '
	say $? "$compiler: has its record once"
done
the_end
