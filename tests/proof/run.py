#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Plants faults in the code that ROMs place in line, and in the patcher that makes calls, one at a time, and asks vrom check,
which must find each and name it. The ROMs as they are must pass. Prints TAP.

usage: run.py BUILD
"""
import concurrent.futures
import glob
import json
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
CPUID, IRET, SYSEXIT, SET_PXE, FLUSH_TLB, INB, INSB, OUTB, CYCLES, LAZY = 0, 33, 34, 38, 47, 50, 53, 56, 67, 73
STANDARD = 0x7800
ESP1 = bytes.fromhex("0030c0ff")  # ... and the stack for its ring
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


def turn_into(call, code, changes=0):
    """A template of another call."""
    def change(template):
        template.drop_holes()
        template.drop_guards()
        template.image[template.at] = call
        template.image[template.at + 2:template.at + 6] = struct.pack("<HBB", changes, 0, 0)
        template.code = code
    return change


def rotate(size):
    """The last bytes of the code come first, and its holes move with it."""
    def change(template):
        code, at = template.code, template.at
        for hole in range(at + 8, at + 16, 2):
            if template.image[hole + 1]:
                template.image[hole] = (template.image[hole] + size) % len(code)
        template.code = code[-size:] + code[:-size]
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
    ("no store", "monitor", SET_PXE, 0, replace(b"\x89\x02", b"\x66\x90"), r"memory (at .* in line and|is not)"),
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
    ("a part is written and the whole is read", "monitor", LAZY, 0, turn_into(FLUSH_TLB, b"\xb1\0\x89\xc8", STANDARD), r"reads ecx"),
    ("what is read was written on one way only", "monitor", LAZY, 0,
     turn_into(FLUSH_TLB, b"\x31\xc0\x74\2\xb1\0\x88\xc8", STANDARD), r"reads ecx"),
    ("the stack is moved on one way only", "monitor", LAZY, 0,
     turn_into(FLUSH_TLB, b"\x31\xc0\x6a\0\x75\1\x58", STANDARD), r"not the same on two ways"),
    ("a segment register is changed", "monitor", LAZY, 0, become(b"\x6a\0\x0f\xa9"), r"changes gs"),
    ("a register of SSE is changed", "monitor", LAZY, 0, become(b"\x0f\x57\xc0"), r"changes xmm0"),
    ("the FPU is changed", "monitor", LAZY, 0, become(b"\xdb\xe3"), r"changes x87"),
    ("CR0 is changed by lmsw", "monitor", UPDATE_KERNEL_STACK, 0, become(b"\x89\x15" + ESP1 + b"\x0f\1\xf2"), r"changes cr0"),
    ("memory by GS", "monitor", UPDATE_KERNEL_STACK, 0, become(b"\x65\x89\x15" + ESP1), r"memory by gs"),
    ("a store by CS", "monitor", UPDATE_KERNEL_STACK, 0, become(b"\x2e\x89\x15" + ESP1), r"memory by cs"),
    ("the kernel's stack is read", "monitor", LAZY, 0, become(b"\x8b\x0c\x24"), r"kernel's stack"),
    ("what is below the stack is used", "monitor", LAZY, 0, become(b"\xc7\x44\x24\xf8\0\0\0\0"), r"below the stack"),
    ("a far call", "monitor", LAZY, 0, become(b"\x9a\0\0\x0d\xc0\0\0"), r"who knows where"),
    ("memory is read that the call does not read", "monitor", LAZY, 0, become(b"\x8b\x0d\0\0\x0a\xc0"), r"page at 0xc00a0000"),
    ("a privileged instruction too many", "monitor", LAZY, 0, become(b"\x0f\x08"), r"not tried here, where the call is well"),
    ("a time stamp too many", "monitor", LAZY, 0, become(b"\x0f\x31"), r"outside the processor .* rdtsc in line, nothing more"),
    ("the direction flag is set", "monitor", LAZY, 0, become(b"\xfd"), r"flags are"),
    ("an endless loop", "monitor", LAZY, 0, become(b"\xeb\xfe"), r"does not come to its end"),
    ("a breakpoint", "monitor", LAZY, 0, become(b"\xcc"), r"faults, where the call is well"),
    ("the count comes after the port", "count", OUTB, 0, rotate(2), r"at its out memory is not"),
    ("the native iret, where it is not the host's", "monitor", LAZY, 0, turn_into(IRET, b"\xcf"), r"iretd? in line, call by"),
    ("an iret that does not count", "count", LAZY, 0, turn_into(IRET, b"\xcf"), r"memory"),
    ("an iret of another frame", "native", IRET, 0, become(b"\x58\xcf"), r"off the stack"),
    ("an iret to another address", "native", IRET, 0, become(b"\xc6\4\x24\0\xcf"), r"outside the processor|memory is not"),
    ("sti before iret", "native", IRET, 0, become(b"\xfb\xcf"), r"outside the processor .* sti in line"),
    ("sysexit without sti", "native", SYSEXIT, 0, become(b"\x90\x0f\x35"), r"outside the processor .* sysexit in line, sti by"),
    ("sysexit to another address", "native", SYSEXIT, 0, turn_into(SYSEXIT, b"\xfb\x42\x0f\x35"), r"changes edx"),
    ("a string that goes the other way", "monitor", LAZY, 0, turn_into(INSB, b"\xf3\x6e"), r"reads esi"),
    ("a string of words", "monitor", LAZY, 0, turn_into(INSB, b"\xf3\x66\x6d"), r"outside the processor .* insw in line, insb by"),
    ("a string of one", "monitor", LAZY, 0, turn_into(INSB, b"\x6c"), r"outside the processor .* insb in line, insb by"),
    ("another leaf", "count", LAZY, 0, turn_into(CPUID, b"\x40\x0f\xa2", 0x4000), r"outside the processor .* cpuid in line, cpuid|flags"),
    ("the wrong sum", "native", CYCLES, 0, replace(b"\x2b\x01", b"\x03\x01"), r"e[ad]x is .* in line and"),
    ("the stack pointer of the kernel is not stored", "monitor", UPDATE_KERNEL_STACK, 0, become(b""), r"memory at 0xffc03000 is"),
)


# In the patcher, put_call of src/code.c: what is changed, into what, what must be said.
MUTANTS = (
    ("a constant is loaded into another register", "0xb8 + (unsigned char)vrom_register", "0xb9 + (unsigned char)vrom_register",
     r"loads what is not the constant"),
    ("another constant is loaded", "value = vrom_constant(site, place);", "value = vrom_constant(site, place) + (place < 3);",
     r"loads what is not the constant"),
    ("a constant is not loaded", "*to++ = place >= 3 ? 0x68 : 0xb8 +", "if (place == 0) { vrom_nops(to, 5); to += 5; continue; }\n"
     "*to++ = place >= 3 ? 0x68 : 0xb8 +", r"does not load all|no call or jump"),
    ("another constant is pushed", "value = vrom_constant(site, place);", "value = vrom_constant(site, place) + (place >= 3);",
     r"pushes what is not the argument"),
    ("another register is pushed", "0x50 + (unsigned char)vrom_register(site, place)",
     "0x50 + (unsigned char)(vrom_register(site, place) ^ 1)", r"pushes what is not the argument"),
    ("more is taken off the stack", "0x0024648d | stacked << 26", "0x0024648d | (stacked + 1) << 26", r"take the arguments off"),
    ("the call goes elsewhere", "site->size - lea));", "site->size - lea) + 1);", r"go where the ROM said"),
)


def check(build, rom, kernel="tests/proof.elf", states="24", vrom=None):
    kernel = os.path.join(build, kernel)
    done = subprocess.run([vrom or f"{build}/vrom", "check", "--states", states, kernel, rom], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=120)
    return done.returncode, done.stdout


def judge(status, output, expected):
    """Whether the check fails for the reason that is expected."""
    return status == 1 and any(line.startswith("must") and re.search(expected, line) for line in output.splitlines())


def plant(build, folder, number):
    name, rom, call, which, change, expected = PLANTS[number]
    path = os.path.join(folder, f"planted-{number}.rom")
    with open(f"{build}/{rom}.rom", "rb") as file:
        image = bytearray(file.read())
    before = bytes(image)
    change(templates(image, call)[which])
    assert bytes(image) != before, name
    image[-1] = (image[-1] - sum(image)) % 256
    with open(path, "wb") as file:
        file.write(image)
    status, output = check(build, path)
    return judge(status, output, expected), f"planted in the {rom} ROM: {name}", output


def mutate(build, folder, number):
    name, old, new, expected = MUTANTS[number]
    with open("src/code.c", encoding="utf-8") as file:
        text = file.read()
    assert text.count(old) == 1, name
    vrom = os.path.join(folder, f"vrom-{number}")
    with open(f"{vrom}.c", "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    subprocess.run(["gcc", "-Iinclude", "-Isrc", "-DVROM_LIBRARY", "-o", vrom, f"{vrom}.c"] + glob.glob(f"{build}/host/tool/*.o") +
                   [f"{build}/host/libvrom.a", "-lelf", "-lZydis", "-lunicorn", "-ljansson"], check=True)
    status, output = check(build, f"{build}/count.rom", "guest.elf", "0", vrom)
    return judge(status, output, expected), f"planted in the patcher: {name}", output


def good_one(build, folder, name, call, code):
    """What is the same as the ROM's own function passes."""
    with open(f"{build}/monitor.rom", "rb") as file:
        image = bytearray(file.read())
    turn_into(call, code)(templates(image, LAZY)[0])
    image[-1] = (image[-1] - sum(image)) % 256
    path = os.path.join(folder, f"good-{call}.rom")
    with open(path, "wb") as file:
        file.write(image)
    status, output = check(build, path)
    return (status == 0 and re.search(rf"{name} +in line equal", output) and " 0 are undecided, 0 wrong" in output,
            f"as good as the call: {name}", output)


def in_use(build, folder):
    """A site that keeps the flags, against what its macro allows, and a template that hides that it calls the ROM."""
    with open(f"{build}/tests/proof.elf", "rb") as file:
        kernel = file.read()
    record = re.search(bytes([SET_PXE]) + rb"\x0c\0\x78", kernel)
    kernel = kernel[:record.end() - 1] + b"\x38" + kernel[record.end():]
    with open(f"{folder}/kernel.elf", "wb") as file:
        file.write(kernel)
    with open(f"{build}/monitor.rom", "rb") as file:
        image = bytearray(file.read())
    template = templates(image, SET_PXE)[0]
    image[template.at + 2:template.at + 4] = bytes(2)
    image[-1] = (image[-1] - sum(image)) % 256
    with open(f"{folder}/in-use.rom", "wb") as file:
        file.write(image)
    status, output = check(build, f"{folder}/in-use.rom", os.path.abspath(f"{folder}/kernel.elf"))
    return judge(status, output, r"ROM may change flags"), "planted in a record: the ROM is called where flags are in use", output


def whole(build, rom, kernel):
    status, output = check(build, f"{build}/{rom}.rom", kernel, "64")
    proved = re.search(r"^of the (\d+) in line (\d+) do what they would by a call, 0 are undecided, 0 wrong$", output, re.M)
    return (status == 0 and proved and int(proved[1]) > 0 and proved[1] == proved[2],
            f"the {rom} ROM, {kernel}: all code in line is proved", output)


def json_tells(build):
    done = subprocess.run([f"{build}/vrom", "check", "--json", "--states", "16", f"{build}/tests/proof.elf", f"{build}/native.rom"],
                          stdout=subprocess.PIPE, text=True, check=False, timeout=120)
    sites = json.loads(done.stdout)["rom"]["becomes"]
    good = all((site["proof"], site.get("states")) == ("equal", 16) if site["becomes"] == "in line" else site.get("states") == 0
               for site in sites)
    return good and any(site["becomes"] == "in line" for site in sites), "JSON: what was proved, in how many states", done.stdout


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build, failed = sys.argv[1], 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [pool.submit(whole, build, rom, kernel) for rom in ("native", "count", "monitor")
                 for kernel in ("guest.elf", "tests/proof.elf", "tests/templates.elf")]
        tasks += [pool.submit(json_tells, build), pool.submit(in_use, build, folder)]
        tasks += [pool.submit(good_one, build, folder, "INSB", INSB, b"\xf3\x6c")]
        tasks += [pool.submit(plant, build, folder, number) for number in range(len(PLANTS))]
        tasks += [pool.submit(mutate, build, folder, number) for number in range(len(MUTANTS))]
        for number, task in enumerate(tasks, 1):
            good, name, output = task.result()
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {name}", flush=True)
            if not good:
                print("\n".join("# " + line for line in output.splitlines()[-12:]))
    print(f"1..{len(tasks)}")
    sys.exit(1 if failed else 0)


main()
