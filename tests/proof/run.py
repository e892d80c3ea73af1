#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Plants faults in the code that ROMs place in line, one at a time, and asks vrom check, which must find each and name it. The
ROMs as they are must pass. Prints TAP.

usage: run.py BUILD
"""
import os
import re
import struct
import subprocess
import sys
import tempfile

EXTENSION = 0x20
TEMPLATE = 64
CODE = 40
# Calls, by number.
UPDATE_KERNEL_STACK, GET_CR3, ENABLE, DISABLE, GET_MASK, SET_MASK = 14, 21, 29, 30, 31, 32
SET_PXE, FLUSH_TLB, INB, OUTB, LAZY = 38, 47, 50, 56, 73
FLAG = bytes.fromhex("0100c0ff")  # where the monitor has the interrupt flag


class Template:
    """One template of a ROM, to be changed."""

    def __init__(self, image, at):
        self.image, self.at = image, at

    @property
    def code(self):
        return bytes(self.image[self.at + CODE:self.at + CODE + self.image[self.at + 1]])

    @code.setter
    def code(self, code):
        self.image[self.at + 1] = len(code)
        self.image[self.at + CODE:self.at + TEMPLATE] = code.ljust(TEMPLATE - CODE, b"\0")

    def drop_holes(self):
        self.image[self.at + 8:self.at + 16] = bytes(8)

    def drop_guards(self):
        self.image[self.at + 32:self.at + 34] = bytes(2)


def templates(image, call):
    start, count = struct.unpack_from("<IH", image, EXTENSION + 8)
    return [Template(image, at) for at in range(start, start + count * TEMPLATE, TEMPLATE) if image[at] == call]


def replace(old, new):
    """A change of some bytes of the code, which must be there."""
    def change(template):
        assert template.code.count(old) == 1, template.code.hex()
        template.code = template.code.replace(old, new)
    return change


def become(code):
    def change(template):
        template.drop_holes()
        template.code = code
    return change


def append(code):
    def change(template):
        template.code += code
    return change


def aside(bytes_aside):
    """The call at the end goes so much further."""
    def change(template):
        assert template.code[-5] == 0xe8, template.code.hex()
        target, = struct.unpack("<i", template.code[-4:])
        template.code = template.code[:-4] + struct.pack("<i", target + bytes_aside)
    return change


def cut(template):
    template.code = template.code[:-1]


def no_guard(template):
    template.drop_guards()


# What is planted: a name, the ROM, the call and which of its templates, the change, what must be said of it.
PLANTS = (
    ("half an instruction at the end", "monitor", ENABLE, 0, cut, r"not whole instructions|not followed by nops"),
    ("a register that is in use is changed", "monitor", ENABLE, 0, become(b"\xb8\1\0\0\0"), r"changes eax"),
    ("half of one is", "monitor", DISABLE, 0, become(b"\x36\x8a\x35" + FLAG), r"changes edx"),
    ("flags that are in use are changed", "monitor", INB, 0, append(b"\xf8"), r"changes flags"),
    ("it depends on flags", "monitor", SET_MASK, 0, become(b"\x72\0\x90"), r"depends on flags"),
    ("a register that is no operand is read", "monitor", ENABLE, 0, become(b"\x36\x88\x2d" + FLAG), r"reads ecx"),
    ("an address by a register that is no operand", "monitor", GET_CR3, 0, become(b"\x8b\x03"), r"reads ebx"),
    ("memory by a segment that may be a user's", "monitor", ENABLE, 0, become(b"\xc6\x05" + FLAG + b"\2"), r"memory by ds"),
    ("a branch out of the site", "monitor", ENABLE, 0, become(b"\xeb\x20"), r"neither in the site nor in the ROM"),
    ("a call of the kernel", "monitor", GET_CR3, 0, become(b"\xe8\0\0\0\0"), r"neither in the site nor in the ROM"),
    ("a branch into an instruction", "monitor", SET_PXE, 0, replace(b"\x74\5", b"\x74\4"), r"middle of an instruction"),
    ("a branch by what is in a register", "monitor", GET_CR3, 0, become(b"\xff\xe0"), r"reads eax|who knows where"),
    ("a return", "monitor", ENABLE, 0, become(b"\xc3"), r"returns to who knows where"),
    ("something stays on the stack", "monitor", ENABLE, 0, become(b"\x6a\0"), r"leaves 4 bytes on the stack"),
    ("too much is taken off it", "monitor", GET_CR3, 0, become(b"\x58"), r"takes more off the stack"),
    ("the stack is moved", "monitor", GET_CR3, 0, become(b"\x83\xec\4"), r"moves the stack"),
    ("the other half of an operand", "monitor", SET_MASK, 0, replace(b"\x88\x25", b"\x88\x05"), r"memory at .* in line and"),
    ("the wrong constant", "monitor", ENABLE, 0, replace(FLAG + b"\2", FLAG + b"\1"), r"memory at 0xffc00000 is"),
    ("a store to the wrong place", "monitor", DISABLE, 0, replace(FLAG, b"\1\x10\xc0\xff"), r"memory at 0xffc0"),
    ("no store", "monitor", SET_PXE, 0, replace(b"\x89\x02", b"\x66\x90"), r"memory at .* in line and"),
    ("a store too many", "monitor", LAZY, 0, become(b"\xa3\x04\x10\xc0\xff"), r"reads eax|memory at 0xffc01004"),
    ("a wrong result", "monitor", GET_CR3, 0, replace(b"\x08\x10\xc0\xff", b"\x04\x10\xc0\xff"), r"eax is .* in line and"),
    ("a wrong result of eight bits", "monitor", GET_MASK, 0, replace(FLAG, b"\2\0\xc0\xff"), r"eax is .* in line and"),
    ("the wrong port", "monitor", INB, 1, replace(b"\xe4\0", b"\xe4\1"), r"outside the processor .* in in line, in by"),
    ("no port", "monitor", INB, 0, become(b"\xb0\0"), r"outside the processor .* nothing more in line, in by"),
    ("a port too many", "count", OUTB, 0, append(b"\xe6\x80"), r"outside the processor .* out in line, nothing more by"),
    ("the wrong register goes to a port", "count", OUTB, 0, replace(b"\xe6", b"\xe7"), r"outside the processor"),
    ("the opposite condition", "monitor", SET_PXE, 0, replace(b"\x74", b"\x75"), r"outside the processor|memory at .* in line"),
    ("a call of the ROM at the wrong place", "monitor", SET_PXE, 0,
     aside(1), r"in line and|in line, |where the call is well"),
    ("a call behind the ROM", "monitor", SET_PXE, 0, aside(0x10000), r"neither in the site nor in the ROM"),
    ("a count too many", "count", SET_PXE, 0, lambda t: t.drop_holes(), r"memory at .* in line and"),
    ("a guard that is missing", "count", FLUSH_TLB, 0, no_guard, r"outside the processor|in line and"),
    ("the stack pointer of the kernel is not stored", "monitor", UPDATE_KERNEL_STACK, 0, become(b""), r"memory at 0xffc03000 is"),
)


def check(build, rom, kernel="tests/proof.elf", states="24"):
    done = subprocess.run([f"{build}/vrom", "check", "--states", states, f"{build}/{kernel}", rom], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=120)
    return done.returncode, done.stdout


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build, number, failed = sys.argv[1], 0, 0

    def say(good, name, output):
        nonlocal number, failed
        number += 1
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
        if not good:
            print("\n".join("# " + line for line in output.splitlines()[-12:]))

    for rom in ("native", "count", "monitor"):
        for kernel in ("guest.elf", "tests/proof.elf"):
            status, output = check(build, f"{build}/{rom}.rom", kernel, "64")
            proved = re.search(r"^of the (\d+) in line .* 0 are undecided, 0 wrong$", output, re.M)
            say(status == 0 and proved and int(proved[1]) > 0, f"the {rom} ROM, {kernel}: all code in line is proved", output)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "planted.rom")
        for name, rom, call, which, change, expected in PLANTS:
            with open(f"{build}/{rom}.rom", "rb") as file:
                image = bytearray(file.read())
            before = bytes(image)
            change(templates(image, call)[which])
            assert bytes(image) != before, name
            image[-1] = (image[-1] - sum(image)) % 256
            with open(path, "wb") as file:
                file.write(image)
            status, output = check(build, path)
            found = [line for line in output.splitlines() if line.startswith("must") and re.search(expected, line)]
            say(status == 1 and found, f"planted in the {rom} ROM: {name}", output)
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


main()
