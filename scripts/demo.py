#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Boots the demonstration kernel with no ROM, with the native and with the counting one, and compares.

usage: demo.py BUILD

Each boots once with QEMU counting instructions, and a few times for time. Writes BUILD/demo.json and BUILD/demo.svg, prints
a table. Exit status 0 only if every test of the kernel passed in every run.
"""
import hashlib
import json
import re
import statistics
import subprocess
import sys

ROMS = (None, "native", "count")
# Each operation, with a name for the picture and one for the head of a column.
OPS = (
    ("irq_pair", "irq save + restore", "irq pair"),
    ("irq_toggle", "irq disable + enable", "irq toggle"),
    ("pte_update", "page table entry", "PTE"),
    ("getpid", "getpid", "getpid"),
    ("pipe_switch", "pipe context switch", "pipe switch"),
    ("fork_exit_wait", "fork + exit + wait", "fork + exit"),
    ("page_fault", "page fault", "page fault"),
    ("timer_tick", "timer tick", "timer tick"),
)
TIMED_RUNS = 7


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def boot(build, kernel, rom, icount):
    """One boot: its exit status and what it printed, taken apart."""
    command = [f"{build}/vrom", "run", f"{build}/{kernel}", "--timeout", "120"]
    if rom:
        command += ["--rom", f"{build}/{rom}.rom"]
    if icount:
        command.append("--icount")
    digest = sha256(f"{build}/{kernel}")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    text = done.stdout
    sites = re.search(r"^vrom: (sites=.*)$", text, re.M)
    hertz = re.search(r"\btsc_hz=(\d+)", text)
    result = {
        "ok": done.returncode == 0,
        "guest_sha256": digest,
        "sites": dict((key, int(value)) for key, value in re.findall(r"(\w+)=(\d+)", sites[1])) if sites else {},
        "passed": len(re.findall(r"^ok \d+(?!.*# *SKIP)", text, re.M)),
        "failed": len(re.findall(r"^not ok", text, re.M)),
        "ticks": {name: int(ticks) / int(count)
                  for name, count, ticks in re.findall(r"^bench (\w+) iterations=(\d+) ticks=(\d+)", text, re.M)},
        "hertz": int(hertz[1]) if hertz else 0,
    }
    missing = [name for name, *_ in OPS if name not in result["ticks"]]
    if not result["ok"] or missing or not result["hertz"]:
        result["ok"] = False
        print(f"{' '.join(command)}: exit status {done.returncode}, no figures for: {' '.join(missing) or 'none'}")
        print("\n".join("    " + line for line in text.splitlines()[-15:]))
    return result


def measure(rom, counted, timed, hertz):
    """One run of the result: instructions from the counted boot (they repeat), the median of the timed ones."""
    ops = {}
    for name, *_ in OPS:
        if all(name in run["ticks"] for run in timed) and name in counted["ticks"] and hertz:
            ops[name] = {
                "ns": round(statistics.median(run["ticks"][name] for run in timed) * 1e9 / hertz, 2),
                "insns": round(counted["ticks"][name], 2),
            }
    boots = [counted, *timed]
    sites = timed[0]["sites"]
    return {
        "host": "bare",
        "rom": rom,
        "accel": "tcg",
        "ok": all(run["ok"] and run["failed"] == 0 for run in boots),
        "guest_sha256": " ".join(sorted({run["guest_sha256"] for run in boots})),
        "sites": sites.get("sites", 0),
        "native": sites.get("native", 0),
        "called": sites.get("called", 0) + sites.get("jumped", 0),
        "erased": sites.get("erased", 0),
        "inlined": sites.get("inlined", 0),
        "tests": {"passed": min(run["passed"] for run in boots), "failed": max(run["failed"] for run in boots)},
        "ops": ops,
    }


def short(number):
    """A figure for people."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def print_table(runs, plain):
    def row(label, cells):
        print(f"{label:24}" + "".join(f"{cell:>13}" for cell in cells))

    def rows(title, cell):
        row(title, [head for *_, head in OPS])
        for run in runs:
            row(named(run), [cell(run, name) if name in run["ops"] else "-" for name, *_ in OPS])
        print()

    def named(run):
        return f"{run['rom']} ROM" if run["rom"] else "no ROM"

    print()
    row("QEMU TCG", ["sites", "left native", "called", "erased", "in line", "tests"])
    for run in runs:
        tests = run["tests"]
        row(named(run), [run[key] for key in ("sites", "native", "called", "erased", "inlined")] +
            [f"{tests['passed']} of {tests['passed'] + tests['failed']}"])
    print()
    base = runs[0]["ops"]
    rows("time, ratio to no ROM", lambda run, name: f"{run['ops'][name]['ns'] / base[name]['ns']:.2f}")
    rows("time, ns", lambda run, name: short(run["ops"][name]["ns"]))
    rows("instructions", lambda run, name: short(run["ops"][name]["insns"]))
    plain_insns = {name: plain["ops"][name]["insns"] for name, *_ in OPS if name in plain["ops"] and name in base}
    row("annotations left out", [short(plain_insns[name]) if name in plain_insns else "-" for name, *_ in OPS])
    row("what padding costs", [f"{base[name]['insns'] - plain_insns[name]:+.3g}" if name in plain_insns else "-"
                               for name, *_ in OPS])


def draw(build, runs):
    """Bars, one group for each operation: time as a ratio to no ROM."""
    with open(f"{build}/demo.dat", "w", encoding="ascii") as data:
        for name, label, _ in OPS:
            if all(name in run["ops"] for run in runs):
                base = runs[0]["ops"][name]["ns"]
                values = " ".join(f"{run['ops'][name]['ns'] / base:.4f}" for run in runs)
                print(f'"{label}" {values}', file=data)
    script = f"""
set terminal svg size 960,480 font "sans,12" background "white"
set output "{build}/demo.svg"
set title "One kernel binary, three hosts: time per operation, no ROM = 1 (QEMU TCG)"
set style data histograms
set style histogram clustered gap 1.5
set style fill solid 0.9
set yrange [0:*]
set grid y
set xtics rotate by -20
set key top left
plot "{build}/demo.dat" using 2:xtic(1) title "no ROM" linecolor rgb "#888888", \\
     "" using 3 title "native ROM" linecolor rgb "#3070b0", \\
     "" using 4 title "count ROM" linecolor rgb "#d08020"
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = sys.argv[1]
    summary = json.loads(subprocess.run([f"{build}/vrom", "sites", "--summary", "--json", f"{build}/guest.elf"],
                                        stdout=subprocess.PIPE, text=True, check=True).stdout)
    print("counting instructions ...", flush=True)
    counted = {rom: boot(build, "guest.elf", rom, True) for rom in ROMS}
    print("taking times ...", flush=True)
    timed = {rom: [] for rom in ROMS}
    # In turns, so that a machine that slows down slows them all.
    for _ in range(TIMED_RUNS):
        for rom in ROMS:
            timed[rom].append(boot(build, "guest.elf", rom, False))
    # All boots have the same counter; each measured its speed.
    hertz = statistics.median(run["hertz"] for rom in ROMS for run in timed[rom])
    runs = [measure(rom, counted[rom], timed[rom], hertz) for rom in ROMS]
    print("counting without annotations ...", flush=True)
    plain_run = boot(build, "guest-plain.elf", None, True)
    plain = {"ok": plain_run["ok"] and plain_run["failed"] == 0, "sha256": plain_run["guest_sha256"],
             "ops": {name: {"insns": round(ticks, 2)} for name, ticks in plain_run["ticks"].items()}}
    same = len({run["guest_sha256"] for run in runs} | {sha256(f"{build}/guest.elf")}) == 1
    result = {
        "guest": {"sha256": runs[0]["guest_sha256"], "sites": summary["sites"], "padding_bytes": summary["padding_bytes"]},
        "runs": runs,
        "plain": plain,
    }
    with open(f"{build}/demo.json", "w", encoding="ascii") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    print_table(runs, plain)
    draw(build, runs)
    print(f"\nthe guest file was {'the same' if same else 'NOT THE SAME'} in every run: sha256 {runs[0]['guest_sha256']}")
    print(f"written: {build}/demo.json {build}/demo.svg")
    sys.exit(0 if same and plain["ok"] and all(run["ok"] for run in runs) else 1)


main()
