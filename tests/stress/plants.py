#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Plants defects in the monitor, its ROM and the count ROM, one at a time, and wants the stress guest, or the comparison of
its count with the monitor's, to find each. Works in a copy of the tree. Prints TAP.

usage: plants.py BUILD [WORD]     WORD: only plants whose text has it
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

OPERATIONS = 400000
DELIVER = "monitor/deliver.c"
ROM = "roms/monitor/rom.S"
# What is wrong, in which file, the text in it, and what is put there; and which variant of the monitor, or which ROM.
PLANTS = (
    ("Enable in line does not set the flag", ROM, "template EnableInterrupts, changes=0\n\tENABLE",
     "template EnableInterrupts, changes=0\n\tDISABLE", "monitor"),
    ("Disable in line does not clear the flag", ROM, "\tDISABLE\n\tend_template", "\tENABLE\n\tend_template", "monitor"),
    ("Set in line stores AL", ROM, "template SetInterruptMask, register, changes=0\n\tmovb %ah",
     "template SetInterruptMask, register, changes=0\n\tmovb %al", "monitor"),
    ("Get in line changes nothing", ROM, "template GetInterruptMask, changes=0\n\tmovb %ss:INTERRUPT_FLAG, %ah",
     "template GetInterruptMask, changes=0\n\tmovb %ah, %ah", "monitor"),
    ("a called Enable changes EBX", ROM, "\tfunction EnableInterrupts\n", "\tfunction EnableInterrupts\n\tincl %ebx\n",
     "monitor --mode call"),
    ("one interrupt in 300 is taken and not delivered", DELIVER, "\t\t\tdeliver(apic_waiting()",
     "\t\t\tstatic unsigned n;\n\t\t\tif (n++ % 300 == 299)\n\t\t\t\tpic_take(), pic_port_write(0x20, 0x20);\n"
     "\t\t\telse\n\t\t\tdeliver(apic_waiting()", "monitor"),
    ("one raise in 300 is forgotten", "monitor/pic.c", "\tif (irq < 16 && irq != CASCADE)\n\t\tchips",
     "\tstatic unsigned n;\n\tif (irq < 16 && irq != CASCADE && n++ % 300 != 299)\n\t\tchips", "monitor"),
    ("one interrupt in 100 comes while masked", DELIVER, "\tif (waits && interrupts_enabled()) {",
     "\tstatic unsigned n;\n\tif (waits && !interrupts_enabled() && n++ % 100 == 99)\n\t\tinterrupts_enable(true);\n"
     "\tif (waits && interrupts_enabled()) {", "monitor"),
    ("the flag's page is not protected while one waits", DELIVER, "\tshadow_protect_flag(waits);", "", "monitor"),
    ("the sign flag is not set while one waits", DELIVER, "| (waits ? FLAG_WAITING : 0)", "", "monitor-sign"),
    ("a store to the protected page enables always", DELIVER, "interrupts_enable(guest.regs.eax >> 8 & FLAG_ENABLED)",
     "interrupts_enable(true)", "monitor"),
    ("a store to the protected page is skipped", DELIVER, "\t\tinterrupts_enable(at[6] & FLAG_ENABLED);\n", "", "monitor"),
    ("a handler starts with interrupts on", DELIVER, "\tif ((gate[1] & GATE_TYPE) == GATE_INTERRUPT)\n\t\tinterrupts_enable(false);",
     "\tif ((gate[1] & GATE_TYPE) == GATE_INTERRUPT)\n\t\tinterrupts_enable(true);", "monitor"),
    ("the saved flags have no interrupt flag", DELIVER, "(user || interrupts_enabled() ? FLAG_IF : 0)", "(user ? FLAG_IF : 0)",
     "monitor"),
    ("the saved flags lose the carry", DELIVER, "(regs->eflags & ~(FLAG_IF | FLAG_IOPL))",
     "(regs->eflags & ~(FLAG_IF | FLAG_IOPL | 1))", "monitor"),
    ("a delivery changes ESI", DELIVER, "\tregs->esp = esp;\n", "\tregs->esp = esp;\n\tregs->esi++;\n", "monitor"),
    ("an IRET with interrupts off leaves them", "monitor/ring1.S", "\tCLEAR_FLAG\n\tleal 4(%esp), %esp\n\tiret\nslow:",
     "\tleal 4(%esp), %esp\n\tiret\nslow:", "monitor"),
    ("an IRET with interrupts on leaves them", "monitor/ring1.S", "\tSET_FLAG  ", "\tCLEAR_FLAG  ", "monitor"),
    ("an IRET is interrupted before its end", DELIVER, "eip >= ring1_iret_drop", "0", "monitor"),
    ("Halt does not wait", "monitor/calls.c", "guest.halted = true", "guest.halted = false", "monitor"),
    ("Halt leaves interrupts off", "monitor/calls.c", "\t\tinterrupts_enable(true);\n\t\tguest.halted",
     "\t\tguest.halted", "monitor"),
    ("Enable of the count ROM disables", "roms/count/rom.S", "\tcount_mask EnableInterrupts\n\tsti",
     "\tcount_mask EnableInterrupts\n\tcli", "count"),
    ("Disable of the count ROM does nothing", "roms/count/rom.S", "\tcount_mask DisableInterrupts\n\tcli",
     "\tcount_mask DisableInterrupts\n\tnop", "count"),
)


def boot(build, host):
    """What the stress guest says of a host."""
    name, *options = host.split()
    command = [f"{build}/vrom", "run", f"{build}/stress-wide.elf" if name == "monitor-sign" else f"{build}/stress.elf"]
    if name == "count":
        command += ["--rom", f"{build}/count.rom", "--append", f"ops={OPERATIONS}"]
    else:
        command += ["--host", "monitor", "--monitor", f"{build}/{name}.elf", "--stats", "--append", f"ops={OPERATIONS} rate=1000"]
    done = subprocess.run(command + options + ["--timeout", "60"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return done.stdout, done.returncode


def verdict(text, status):
    """How a defect was found, or None."""
    bad = re.search(r"^not ok \d+ - (.*)\n(.*)", text, re.M)
    if bad:
        return f"{bad[1]} ({bad[2][2:]})"
    if status:
        stopped = re.search(r"^monitor: (?:the guest is stopped|failed): (.*?)\s*$", text, re.M)
        return stopped[1] if stopped else f"it ended with status {status}"
    number = {name: int(value) for name, value in re.findall(r"\b(raised|merged|delivered|deliveries|waiting)=(\d+)", text)}
    if "raised" in number and number["delivered"] != number["deliveries"]:
        return f"{number['delivered']} were delivered, the guest saw {number['deliveries']}"
    if "raised" in number and number["raised"] != number["merged"] + number["delivered"] + number["waiting"]:
        return f"{number['raised']} were raised: {number}"
    return None


def main():
    build = sys.argv[1]
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    plants = [(what, "", "", "", host) for what, host in
              (("nothing", "monitor"), ("nothing", "monitor-sign"), ("nothing", "count"))] + list(PLANTS)
    plants = [plant for plant in plants if word in plant[0] + plant[1]]
    missed = 0
    with tempfile.TemporaryDirectory() as tree:
        files = subprocess.run(["git", "ls-files"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        for file in files:
            os.makedirs(os.path.dirname(f"{tree}/{file}"), exist_ok=True)
            shutil.copy2(file, f"{tree}/{file}")
        shutil.copytree(build, f"{tree}/build", ignore=shutil.ignore_patterns("clang", "sanitize", "*dev", "*.d", "*plants"))
        for number, (what, file, old, new, host) in enumerate(plants, 1):
            name = host.split()[0]
            if file:
                with open(f"{tree}/{file}", encoding="utf-8") as source:
                    original = source.read()
                if original.count(old) < 1:
                    print(f"not ok {number} - {what}: {file} has no such text")
                    missed += 1
                    continue
                with open(f"{tree}/{file}", "w", encoding="utf-8") as source:
                    source.write(original.replace(old, new))
            target = f"build/{name}.rom" if name == "count" else f"build/{name}.elf"
            made = subprocess.run(["make", "-s", "-j2", "BUILD=build", target, "build/stress.elf", "build/stress-wide.elf"],
                                  cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            found = verdict(*boot(f"{tree}/build", host)) if made.returncode == 0 else None
            if made.returncode:
                print("\n".join("# " + line for line in made.stdout.splitlines()[-5:]))
            if file:
                with open(f"{tree}/{file}", "w", encoding="utf-8") as source:
                    source.write(original)
            good = (found is None) == (not file)
            missed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {host}: {what}: {found or 'nothing is found'}", flush=True)
    print(f"1..{len(plants)}")
    sys.exit(1 if missed else 0)


main()
