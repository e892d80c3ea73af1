#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Holds the annotated kernel against the one that was built with the annotations compiled out.

usage: plain.py BUILD

Every function of both is disassembled with objdump. Without nops, both must be the same instructions: what the
annotations cost is padding and nothing else. Prints TAP.
"""
import json
import re
import subprocess
import sys

# Only these differ: they look for a ROM, which the kernel without annotations does not do.
DIFFERENT = {"host_attach", "host_report"}
NOP = re.compile(r"^(nop[wl]?|xchg +%ax,%ax|cs nopw|data16|lea +0x0\(%e?([sd]i)(,%eiz,1)?\),%e?\2)\b")


def functions(path):
    """The code of a kernel, function by function: addresses and instructions, nops left out."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-j", ".text", path], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    found, current = {}, None
    for line in text.splitlines():
        head = re.match(r"^[0-9a-f]+ <(.*)>:$", line)
        if head:
            current = found.setdefault(head[1], [])
            continue
        code = re.match(r"^ *([0-9a-f]+):\t(.*?) *$", line)
        if code and current is not None and not NOP.match(code[2]):
            current.append((int(code[1], 16), code[2]))
    return found


def normal(code):
    """Instructions without addresses: a jump inside the function says to which instruction of it."""
    places = [address for address, _ in code]
    lines = []
    for _, text in code:
        jump = re.match(r"^(j\w+|loop\w*|call) +([0-9a-f]+) <([^+>]*)(\+0x[0-9a-f]+)?>$", text)
        if jump:
            target = int(jump[2], 16)
            # A jump to a nop that was left out goes to what follows it.
            inside = places and places[0] <= target <= places[-1]
            where = sum(1 for place in places if place < target) if inside else jump[3]
            lines.append(f"{jump[1]} {where}")
            continue
        text = re.sub(r" *<.*>$", "", text)
        # Addresses of the kernel's data, virtual, physical and negative.
        lines.append(re.sub(r"0x(c01|3fe|1)[0-9a-f]{5}\b", "ADDRESS", text))
    return lines


def main():
    build = sys.argv[1]
    annotated = functions(f"{build}/guest.elf")
    plain = functions(f"{build}/guest-plain.elf")
    sites = json.loads(subprocess.run([f"{build}/vrom", "sites", "--json", f"{build}/guest.elf"], stdout=subprocess.PIPE,
                                      text=True, check=True).stdout)["list"]
    shared = sorted((set(annotated) & set(plain)) - DIFFERENT)
    different = [name for name in shared if normal(annotated[name]) != normal(plain[name])]
    covered = sum(1 for site in sites if site["symbol"].split("+")[0] in set(shared))
    print(f"# {len(shared)} functions with {covered} of {len(sites)} sites")
    print(f"{'not ok' if different else 'ok'} 1 - the same instructions but for padding")
    for name in different[:5]:
        for one, two in zip(normal(annotated[name]), normal(plain[name])):
            if one != two:
                print(f"# {name}: {one}   <>   {two}")
                break
    enough = covered * 10 >= len(sites) * 8
    print(f"{'ok' if enough else 'not ok'} 2 - most sites were compared")
    # The annotated kernel may have more: the patcher.
    missing = set(plain) - set(annotated)
    print(f"{'not ok' if missing else 'ok'} 3 - every function of the plain kernel is in the annotated one")
    for name in sorted(missing)[:5]:
        print(f"# only in the plain kernel: {name}")
    print("1..3")
    sys.exit(1 if different or not enough or missing else 0)


main()
