#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Runs the escape guest under the monitor and judges every attack. Prints TAP.

usage: run.py BUILD [--only WORD] [--cpu MODEL] [--show]

A QEMU runs many attacks, one a boot: the monitor boots its guest again after each. What is asked of each: it was begun, it
ended as the guest's list says, the monitor found its memory intact, and the next boot came. If QEMU ends or hangs,
that attack has failed, and another QEMU goes on with the next.
"""
import argparse
import os
import queue
import re
import subprocess
import sys
import threading
import time

MEMORY = 19      # MiB of the guest: no multiple of a large page's size
PATIENCE = 30    # seconds that an attack may take
BATCH = 24       # attacks of one QEMU
WELL = r"the guest ended with 10$"
QEMU = ["qemu-system-i386", "-nodefaults", "-no-reboot", "-accel", "tcg", "-m", "64", "-display", "none", "-vga", "std",
        "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
END = re.compile(r"^monitor: (the guest (ended with|is stopped:|reset the machine:|turned the machine off).*)")


class Machine:
    """A QEMU and what its console says, line by line."""

    def __init__(self, build, cpu, monitor_line, kernel, guest_line):
        model = ["-cpu", cpu] if cpu else []
        self.process = subprocess.Popen(
            QEMU + model + ["-kernel", f"{build}/monitor.elf", "-append", monitor_line, "-initrd",
                            f"{build}/{kernel} {guest_line}".strip()],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.decode("latin-1").replace("\r", "").rstrip("\n"))
        self.lines.put(None)

    def line(self):
        """The next one; None: QEMU has ended. Raises queue.Empty."""
        return self.lines.get(timeout=PATIENCE)

    def stop(self):
        self.process.kill()
        return self.process.wait()


def judge(output, expected):
    """What is wrong with an attack that printed these lines, or None."""
    ends = [match[1] for match in map(END.match, output) if match]
    if any("monitor: failed" in line for line in output):
        return "the monitor failed: " + next(line for line in output if "monitor: failed" in line)
    if not ends:
        return "it did not end"
    if not re.search(expected or WELL, ends[0]):
        return f"it ended with '{ends[0]}', not with '{expected or WELL}'"
    if "monitor: memory intact" not in output:
        return "the monitor's memory was not found intact"
    return None


def run_batch(options, attacks, results):
    """Runs attacks, (number, name, expected), from the first on; gives how many are done with."""
    first, count = attacks[0][0], len(attacks)
    machine = Machine(options.build, options.cpu, f"memory={MEMORY} restart={count}", "escape.elf",
                      f"first={first} count={count}")
    output, boots, problem, begun = [], 0, None, time.time()
    while boots <= count:
        try:
            line = machine.line()
        except queue.Empty:
            problem = f"nothing happened for {PATIENCE} s"
            break
        if line is None:
            problem = "QEMU ended"
            break
        if re.match(r"^monitor: boot \d+: ", line):
            if boots:
                output.append(f"({time.time() - begun:.2f} s)")
                results[attacks[boots - 1][0]] = (judge(output, attacks[boots - 1][2]), output)
            begun = time.time()
            boots += 1
            output = []
        output.append(line)
    machine.stop()
    if problem and boots:
        results[attacks[boots - 1][0]] = (judge(output, attacks[boots - 1][2]) or f"{problem}, and no boot came after it",
                                          output + [f"({problem})"])
    return max(boots, 1) if problem else count


def worker(options, batches, results):
    while True:
        try:
            attacks = batches.get_nowait()
        except queue.Empty:
            return
        while attacks:
            attacks = attacks[run_batch(options, attacks, results):]


def console(options, kernel, line):
    machine, output = Machine(options.build, options.cpu, f"memory={MEMORY}" if line else "", kernel, line), []
    try:
        while (text := machine.line()) is not None:
            output.append(text)
    except queue.Empty:
        pass
    machine.stop()
    return output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--only", default="", help="attacks whose name has this regular expression")
    parser.add_argument("--cpu", help="a processor model of QEMU's")
    parser.add_argument("--show", action="store_true", help="the console too")
    options = parser.parse_args()

    attacks = []
    for line in console(options, "escape.elf", "list"):
        match = re.match(r"^escape: attack (\d+): (.*) \| (.*)$", line)
        if match:
            attacks.append((int(match[1]), match[2], match[3]))
    batches, chosen = queue.Queue(), [a for a in attacks if re.search(options.only, a[1])]
    batch = []
    for attack in chosen:
        if batch and (attack[0] != batch[-1][0] + 1 or len(batch) == BATCH):
            batches.put(batch)
            batch = []
        batch.append(attack)
    if batch:
        batches.put(batch)
    results = {}
    workers = [threading.Thread(target=worker, args=(options, batches, results)) for _ in range(os.cpu_count() or 1)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()

    failed = 0
    for n, (number, name, _) in enumerate(chosen, 1):
        problem, output = results.get(number, ("it was not begun", []))
        print(f"{'not ok' if problem else 'ok'} {n} - {name}")
        if problem:
            failed += 1
            print(f"# attack {number}: {problem}")
        if problem or options.show:
            for line in output:
                print(f"#   {line}")
    sane = any("monitor: the guest ended with 10" in line for line in console(options, "guest.elf", ""))
    print(f"{'ok' if sane else 'not ok'} {len(chosen) + 1} - the demonstration kernel passes its tests under the same monitor")
    print(f"1..{len(chosen) + 1}")
    return 1 if failed or not sane or not chosen else 0


sys.exit(main())
