#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Wrong descriptions of templates do not assemble, or make no ROM, and the message says what is wrong. Each case has a right
# twin, so that it is the fault that is refused and not the case. Prints TAP.
#
#	errors.sh VROM COMPILER...
set -u
vrom=$1
shift
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
. "$(dirname "$0")/../tap.sh"

# assemble TEXT: a ROM that has it, with $compiler; messages in $tmp/messages
assemble() {
	printf '#include "rom.h"\n\tprovide IRET\n\t.globl rom_init, rom_get_reloc\n\t.text\nrom_init:\nrom_get_reloc:\nother: ret\n%s\n' \
		"$1" >"$tmp/rom.S"
	"$compiler" -m32 -Iinclude -Iroms/common -c -o "$tmp/rom.o" "$tmp/rom.S" 2>"$tmp/messages"
}

# build TEXT: and makes a ROM of it
build() {
	assemble "$1" && "$compiler" -m32 -Iinclude -Iroms/common -c -o "$tmp/iret.o" roms/common/iret.S &&
		ld -m elf_i386 --emit-relocs -z noexecstack --no-warn-rwx-segments -T roms/rom.ld -o "$tmp/rom.elf" "$tmp/rom.o" "$tmp/iret.o" &&
		"$vrom" build -o "$tmp/rom.rom" "$tmp/rom.elf" 2>"$tmp/messages"
}

# try STEP NAME RIGHT WRONG MESSAGE: STEP is what refuses it
try() {
	build "$3"
	say $? "$compiler: $2: the right form makes a ROM"
	if [ "$1" = build ] && ! assemble "$4"; then
		say 1 "$compiler: $2: it did not even assemble"
	elif "$1" "$4"; then
		say 1 "$compiler: $2: the wrong form was taken"
	elif grep -q -- "$5" "$tmp/messages"; then
		say 0 "$compiler: $2: $5"
	else
		say 1 "$compiler: $2: no message has \"$5\""
		sed 's/^/# /' "$tmp/messages" | head -5
	fi
}

# Templates for the INB of a constant port, for SetPxE, and for WriteGDTEntry.
inb='template INB, constant, changes=0
inb $0, %al
hole PORT, 1
end_template'
pxe='template SetPxE, register, register, any, changes=VROM_STANDARD
testb $1, (%edx)
movl %eax, (%edx)
jz 1f
call other
hole REL
1: end_template'
entry='template WriteGDTEntry, register, register, register, register, changes=0
movl %ecx, (%eax,%edx,8)
movl %eax, 4(%eax,%edx,8)
hole REG, 4, 2
end_template'

# with TEXT OLD NEW: TEXT with something else
with() {
	printf '%s\n' "$1" | sed "s/$2/$3/"
}

for compiler in "$@"; do
	# What the assembler says.
	try assemble 'no such call' "$inb" "$(with "$inb" 'template INB' 'template INQ')" 'template INQ: there is no such call'
	try assemble 'an argument left out' "$pxe" "$(with "$pxe" ', any' '')" 'say register, constant or any for argument 3'
	try assemble 'an argument too many' "$inb" "$(with "$inb" 'constant' 'constant, any')" 'template INB: it has no argument 2'
	try assemble 'another word' "$inb" "$(with "$inb" 'constant' 'const')" 'argument 1 is register, constant or any, not const'
	try assemble 'changes left out' "$inb" "$(with "$inb" ', changes=0' '')" 'say what it changes'
	try assemble 'interrupts' "$(with "$inb" 'changes=0' 'changes=0, interrupts=outside')" \
		"$(with "$inb" 'changes=0' 'changes=0, interrupts=never')" 'interrupts is anywhere or outside, not never'
	try assemble 'no end' "$inb" "$(printf '%s\n' "$inb" "$inb" | sed '4d')" 'end_template is missing'
	try assemble 'no start' "$inb" "$(with "$inb" 'template INB.*' '')" 'it is in no template'
	try assemble 'kind of hole' "$inb" "$(with "$inb" 'PORT' 'IMM16')" 'hole IMM16: the kinds are'
	try assemble 'hole of an argument that is no constant' "$inb" "$(with "$inb" 'constant' 'register')" \
		'hole PORT: name an argument that is described as constant'
	try assemble 'hole of no argument' "$inb" "$(with "$inb" 'PORT, 1' 'PORT')" 'hole PORT: name an argument'
	try assemble 'hole of an argument that it has no use for' "$pxe" "$(with "$pxe" 'REL' 'REL, 1')" \
		'hole REL: it is not about an argument'
	try assemble 'hole of an argument that is in no register' "$entry" "$(with "$entry" 'REG, 4' 'REG, 5')" \
		'hole REG: name an argument that is described as register'
	try assemble 'five holes' "$inb" "$(printf '%s\n' "$inb" | sed 's/^hole.*/&\n&\n&\n&\n&/')" 'a template has four at most'
	try assemble 'guard of an argument that is no constant' \
		"$(with "$inb" 'changes=0' 'changes=0\nguard 1, 0, 0x80')" \
		"$(with "$pxe" 'VROM_STANDARD' 'VROM_STANDARD\nguard 3, 0')" 'argument 3 must be described as constant'
	try assemble 'guard that is never met' "$(with "$inb" 'changes=0' 'changes=0\nguard 1, 0x80, 0x80')" \
		"$(with "$inb" 'changes=0' 'changes=0\nguard 1, 0x81, 0x80')" 'it is never met'
	try assemble 'three guards' "$(with "$inb" 'changes=0' 'changes=0\nguard 1, 0, 1\nguard 1, 0, 2')" \
		"$(with "$inb" 'changes=0' 'changes=0\nguard 1, 0, 1\nguard 1, 0, 2\nguard 1, 0, 4')" 'a template has two at most'
	try assemble 'code too long' "$(with "$inb" 'end_template' '.skip 22, 0x90\nend_template')" \
		"$(with "$inb" 'end_template' '.skip 23, 0x90\nend_template')" '[.]org'

	# What vrom build says: of the description,
	try build 'hole outside the code' "$inb" "$(with "$inb" 'PORT, 1' 'PORT, 1, 2')" 'hole 0, 1 bytes at 255, is not inside the code'
	try build 'holes that overlap' "$inb" "$(with "$inb" 'hole.*' '&\n&')" 'holes 0 and 1 overlap'
	try build 'a result among what changes' "$inb" "$(with "$inb" 'changes=0' 'changes=VROM_EAX')" \
		"it says that it changes a register of the call's results"
	try build 'no sum of VROM_...' "$inb" "$(with "$inb" 'changes=0' 'changes=1')" 'it changes 0x1: a sum of VROM_EAX'
	try build 'a branch that leads out of the ROM' "$pxe" "$(with "$pxe" 'call other' 'call . + 0x12345')" 'hole 0 is no branch into the ROM'
	try build 'a register where one goes' "$entry" "$(with "$entry" 'movl %eax' 'movl %ebx')" 'has a register in it already'
	# and of the code.
	try build 'an argument that need not be there' "$pxe" "$(with "$pxe" 'register, any, changes' 'any, any, changes')" \
		'it reads %edx, which need not hold argument 2'
	try build 'a register that holds nothing' "$inb" "$(with "$inb" 'hole.*' '&\nmovb %ch, %al')" 'it reads %ecx, which holds no argument'
	try build 'a change that is not described' "$(with "$inb" 'changes=0' 'changes=VROM_ECX')" \
		"$(with "$inb" 'hole.*' '&\nmovl $0, %ecx')" 'it changes %ecx and does not say so'
	try build 'flags' "$(with "$inb" 'changes=0' 'changes=VROM_FLAGS')" "$(with "$inb" 'hole.*' '&\ntestb %al, %al')" \
		'it changes the flags and does not say so'
	try build 'a register that is kept' "$inb" "$(with "$inb" 'hole.*' '&\nmovl $0, %esi')" 'it changes %esi, which every call keeps'
	try build 'half an instruction' "$inb" "$(with "$inb" 'hole.*' '&\n.byte 0x0f')" 'at 2 of its code there is no whole instruction'
	# Not by the macros: what they cannot write.
	raw() {
		printf '\t.section .vrom.templates, "a"\n\t.byte %s, %s\n\t.short 0\n\t.byte %s, %s, %s, %s\n\t.byte %s, %s\n\t.skip 6\n\t.long %s, %s\n\t.skip 8\n\t.byte %s, %s\n\t.skip 5\n\t.byte %s\n\t.byte 0x90\n\t.skip 23\n' \
			"$@"
	}
	good=$(raw 29 1 0 0 0 0 0 0 0 0 0 0 0)
	try build 'raw: a call' "$good" "$(raw 74 1 0 0 0 0 0 0 0 0 0 0 0)" 'for call 74: there is no such call'
	try build 'raw: a length' "$good" "$(raw 29 25 0 0 0 0 0 0 0 0 0 0 0)" '25 bytes of code are too many'
	try build 'raw: an argument that it has not' "$good" "$(raw 29 1 1 0 0 0 0 0 0 0 0 0 0)" \
		'it describes an argument that the call does not have'
	try build 'raw: constant and in a register' "$good" "$(raw 73 1 1 1 0 0 0 0 0 0 0 0 0)" 'an argument is to be a constant and in a register'
	try build 'raw: interrupts' "$good" "$(raw 29 1 0 0 2 0 0 0 0 0 0 0 0)" 'interrupts is 2'
	try build 'raw: a reserved byte' "$good" "$(raw 29 1 0 0 0 1 0 0 0 0 0 0 0)" 'bytes that are reserved are not zero'
	try build 'raw: the last reserved byte' "$good" "$(raw 29 1 0 0 0 0 0 0 0 0 0 0 1)" 'bytes that are reserved are not zero'
	try build 'raw: an unknown hole' "$good" "$(raw 73 1 0 1 0 0 0 0x18 0 0 0 0 0)" 'hole 0 is of the unknown kind 8'
	try build 'raw: a hole that is none' "$good" "$(raw 29 1 0 0 0 0 1 0 0 0 0 0 0)" 'hole 0 is of no kind, and not zero'
	try build 'raw: the argument of a hole' "$good" "$(raw 73 1 0 1 0 0 0 0x24 0 0 0 0 0)" 'hole 0 names argument 2, and the call has 1'
	try build 'raw: the argument of a guard' "$good" "$(raw 73 1 0 1 0 0 0 0 1 0 2 0 0)" 'guard 0 is about argument 2, and the call has 1'
	try build 'raw: a guard of a register' "$good" "$(raw 73 1 1 0 0 0 0 0 1 0 1 0 0)" 'guard 0 is about argument 1: describe that as constant'
	try build 'raw: a guard that is none' "$good" "$(raw 73 1 0 1 0 0 0 0 1 0 0 0 0)" 'guard 0 is about no argument, and not zero'
	try build 'raw: a guard that is never met' "$good" "$(raw 73 1 0 1 0 0 0 0 1 2 1 0 0)" 'which never is'
	try build 'raw: half a template' "$good" "$good
	.byte 0" 'no table of templates'
done
the_end
