#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Boots the demonstration kernel on its hosts and compares: on bare hardware with no ROM, with the native and with the
counting one; and on the monitor in each of its modes. With the native ROM and on the monitor, code of the host's is placed in
line nowhere, for the four calls of the interrupt mask only, or wherever it fits.

usage: demo.py BUILD

Each boots once with QEMU counting instructions, once with a counter at each call site, and a few times for time. Writes BUILD/demo.json and BUILD/demo.svg, prints
a table. Exit status 0 only if every test of the kernel passed in every run; but in mode trap it need not run, since there
are instructions that do not trap.
"""
import collections
import hashlib
import json
import re
import statistics
import subprocess
import sys

# timed: how many boots for time, fewer where one takes long.
Host = collections.namedtuple("Host", "label host rom mode inline timed colour options")
HOSTS = (
    Host("no ROM", "bare", None, None, "none", 7, "#888888", ()),
    Host("native ROM, call", "bare", "native", None, "none", 5, "#80a0c0", ("--rom", "{build}/native-none.rom")),
    Host("native ROM, four", "bare", "native", None, "four", 5, "#5088b8", ("--rom", "{build}/native-four.rom")),
    Host("native ROM", "bare", "native", None, "all", 7, "#3070b0", ("--rom", "{build}/native.rom")),
    Host("count ROM", "bare", "count", None, "all", 5, "#90b8e0", ("--rom", "{build}/count.rom")),
    Host("monitor, trap", "monitor", None, "trap", "none", 3, "#a03030", ("--host", "monitor", "--mode", "trap")),
    Host("monitor, call", "monitor", "monitor", "call", "none", 5, "#e09030", ("--host", "monitor", "--mode", "call")),
    Host("monitor, four", "monitor", "monitor", "four", "four", 5, "#90a040", ("--host", "monitor", "--mode", "four")),
    Host("monitor, in line", "monitor", "monitor", "inline", "all", 5, "#308050", ("--host", "monitor", "--mode", "inline")),
)
# Operations that in mode trap are not what they are elsewhere, and why.
UNFAITHFUL = {
    "irq_pair": "pushf and popf do not trap, so nothing reads or restores the interrupt flag",
    "timer_tick": "ticks hide in the slow system calls between which the kernel's program looks for them",
}
TRAP_NOTE = "; ".join([f"{name}: {reason}" for name, reason in UNFAITHFUL.items()] +
                      ["pte_update: a mere store, which is paid for when the page is flushed or used"])
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
    ("boot", "booting the kernel", "boot"),
)
CHOICES = ("native", "called", "erased", "inlined")


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def why(text, status):
    """Why a boot failed, in a few words."""
    stopped = re.search(r"^monitor: (?:the guest is stopped|failed): (.*?)\s*$", text, re.M)
    complaint = re.search(r"^vrom: [^:\n]*: (.*)$", text, re.M)
    return stopped[1] if stopped else complaint[1] if complaint else f"exit status {status}"


def executed(text):
    """How often sites ran in each part of a run, by what stood there. A part may be told in pieces."""
    parts = {}
    for name, counts in re.findall(r"^executed (\w+) (.*)$", text, re.M):
        part = parts.setdefault({"start": "boot"}.get(name, name), dict.fromkeys(CHOICES, 0))
        for choice, count in re.findall(r"(\w+)=(\d+)", counts):
            part[choice] += int(count)
    return parts


def boot(build, kernel, host, icount):
    """One boot: its exit status and what it printed, taken apart."""
    command = [f"{build}/vrom", "run", f"{build}/{kernel}", "--timeout", "60" if host.mode == "trap" else "120"]
    command += [option.format(build=build) for option in host.options]
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
        "executed": executed(text),
    }
    missing = [name for name, *_ in OPS if name not in result["ticks"]]
    if not result["ok"] or missing or not result["hertz"]:
        result["ok"] = False
        result["why"] = why(text, done.returncode)
        if host.mode == "trap":
            print(f"{host.label}: the kernel does not run: {result['why']}")
            return result
        print(f"{' '.join(command)}: exit status {done.returncode}, no figures for: {' '.join(missing) or 'none'}")
        print("\n".join("    " + line for line in text.splitlines()[-15:]))
    return result


def measure(host, counted, profiled, timed, hertz):
    """One run of the result: instructions from the counted boot (they repeat), the least of the timed ones: what comes in
    between, another program on the machine for one, can only make it larger."""
    ops = {}
    for name, *_ in OPS:
        if host.mode == "trap" and name in UNFAITHFUL:
            continue
        if timed and all(name in run["ticks"] for run in timed) and name in counted["ticks"] and hertz:
            ops[name] = {
                "ns": round(min(run["ticks"][name] for run in timed) * 1e9 / hertz, 2),
                "insns": round(counted["ticks"][name], 2),
            }
    boots = [counted, *timed]
    runs = [*boots, profiled] if profiled else boots
    sites = counted["sites"]
    notes = [run["why"] for run in boots if "why" in run][:1] or [TRAP_NOTE] * (host.mode == "trap")
    return {
        "host": host.host,
        "rom": host.rom,
        "mode": host.mode,
        "inline": host.inline,
        "accel": "tcg",
        "ok": all(run["ok"] and run["failed"] == 0 for run in runs),
        "guest_sha256": " ".join(sorted({run["guest_sha256"] for run in boots})),
        "sites": sites.get("sites", 0),
        "native": sites.get("native", 0),
        "called": sites.get("called", 0) + sites.get("jumped", 0),
        "erased": sites.get("erased", 0),
        "inlined": sites.get("inlined", 0),
        "tests": {"passed": min(run["passed"] for run in boots), "failed": max(run["failed"] for run in boots)},
        "ops": ops,
        "executed": profiled["executed"] if profiled else {},
        **({"note": notes[0]} if notes else {}),
    }


def short(number):
    """A figure for people."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def ratio(number):
    """A ratio for people."""
    return f"{number:.2f}" if number < 10 else f"{number:,.0f}" if number >= 100 else f"{number:.1f}"


def print_table(runs, plain):
    def row(label, cells):
        print(f"{label:24}" + "".join(f"{cell:>13}" for cell in cells))

    def rows(title, cell):
        row(title, [head for *_, head in OPS])
        for host, run in zip(HOSTS, runs):
            row(host.label, [cell(run, name) if name in run["ops"] else "-" for name, *_ in OPS])
        print()

    print()
    row("QEMU TCG", ["sites", "left native", "called", "erased", "in line", "tests"])
    for host, run in zip(HOSTS, runs):
        tests = run["tests"]
        row(host.label, [run[key] for key in ("sites", "native", "called", "erased", "inlined")] +
            [f"{tests['passed']} of {tests['passed'] + tests['failed']}"])
    print()
    base = runs[0]["ops"]
    rows("time, ratio to no ROM", lambda run, name: ratio(run["ops"][name]["ns"] / base[name]["ns"]))
    rows("time, ns", lambda run, name: short(run["ops"][name]["ns"]))
    rows("instructions", lambda run, name: short(run["ops"][name]["insns"]))
    plain_insns = {name: plain["ops"][name]["insns"] for name, *_ in OPS if name in plain["ops"] and name in base}
    row("annotations left out", [short(plain_insns[name]) if name in plain_insns else "-" for name, *_ in OPS])
    row("what padding costs", [f"{base[name]['insns'] - plain_insns[name]:+.3g}" if name in plain_insns else "-"
                               for name, *_ in OPS])
    for host, run in zip(HOSTS, runs):
        if "note" in run:
            print(f"\n-  {host.label}:\n    " + run["note"].replace("; ", "\n    "))


# Of a time. The native ROM makes one and the same text with none and with four, and the two differ by that much.
NOISE = 0.25


def share(runs, host):
    """What the four calls of the interrupt mask, in line, bring of what all that can be in line brings: for each
    operation, in calls, instructions and time, which are given with code in line nowhere, for the four, for all."""
    three = [next(run for run in runs if run["host"] == host and run["rom"] in ("native", "monitor") and
                  run["inline"] == inline) for inline in ("none", "four", "all")]
    result = {}
    for name, *_ in OPS:
        if not all(name in run["ops"] for run in three):
            continue
        figures = {"insns": [run["ops"][name]["insns"] for run in three], "ns": [run["ops"][name]["ns"] for run in three]}
        if all(name in run["executed"] for run in three):
            figures["calls"] = [run["executed"][name]["called"] for run in three]
        result[name] = {
            figure: {"none": none, "four": four, "all": most,
                     "share": round((none - four) / (none - most), 3)
                     if none - most > (NOISE * none if figure == "ns" else 0) else None}
            for figure, (none, four, most) in figures.items()
        }
    return result


def print_shares(shares):
    def cell(figures, key):
        figure = figures.get(key)
        if not figure or figure["share"] is None:
            return "no gain"
        return f"{100 * figure['share']:.0f} % of {short(figure['none'] - figure['all'])}"

    for host, ops in shares.items():
        print(f"\nWhat the four mask calls in line bring of the gain of all code in line, {host}:")
        print(f"{'':24}{'calls':>20}{'instructions':>20}{'ns':>20}")
        for name, label, _ in OPS:
            if name in ops:
                print(f"{label:24}" + "".join(f"{cell(ops[name], key):>20}" for key in ("calls", "insns", "ns")))
    print()


def draw(build, runs):
    """Bars, one group for each operation: time as a ratio to no ROM."""
    with open(f"{build}/demo.dat", "w", encoding="ascii") as data:
        for name, label, _ in OPS:
            if name in runs[0]["ops"]:
                base = runs[0]["ops"][name]["ns"]
                values = " ".join(f"{run['ops'][name]['ns'] / base:.4f}" if name in run["ops"] else "?" for run in runs)
                print(f'"{label}" {values}', file=data)
    bars = ", ".join(f'"{build}/demo.dat" using {column}:xtic(1) title "{host.label}" linecolor rgb "{host.colour}"'
                     for column, (host, run) in enumerate(zip(HOSTS, runs), 2) if run["ops"])
    script = f"""
set terminal svg size 1200,560 font "sans,13" background "white"
set output "{build}/demo.svg"
set title "One kernel binary on its hosts: time per operation, no ROM = 1 (QEMU TCG)"
set datafile missing "?"
set style data histograms
set style histogram clustered gap 1.5
set style fill solid 0.9
set logscale y
set format y "%g"
set yrange [0.03:*]
set arrow from graph 0, first 1 to graph 1, first 1 nohead linecolor rgb "#404040"
set grid y
set tics nomirror
set xtics scale 0
set key above maxrows 1
plot {bars}
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = sys.argv[1]
    summary = json.loads(subprocess.run([f"{build}/vrom", "sites", "--summary", "--json", f"{build}/guest.elf"],
                                        stdout=subprocess.PIPE, text=True, check=True).stdout)
    print("counting instructions ...", flush=True)
    counted = {host: boot(build, "guest.elf", host, True) for host in HOSTS}
    print("counting call sites ...", flush=True)
    profiled = {host: boot(build, "guest-profile.elf", host, True) if host.mode != "trap" else None for host in HOSTS}
    print("taking times ...", flush=True)
    timed = {host: [] for host in HOSTS}
    # In turns, so that a machine that slows down slows them all.
    for turn in range(max(host.timed for host in HOSTS)):
        for host in HOSTS:
            if turn < host.timed and all(run["ok"] for run in (counted[host], *timed[host])):
                timed[host].append(boot(build, "guest.elf", host, False))
    # All boots have the same counter. Each measured its speed, which is hardest to do where the timer is not a real one.
    hertz = statistics.median([run["hertz"] for host in HOSTS if host.host == "bare" for run in timed[host]] or [0])
    runs = [measure(host, counted[host], profiled[host], timed[host], hertz) for host in HOSTS]
    shares = {host: share(runs, host) for host in ("bare", "monitor")}
    print("counting without annotations ...", flush=True)
    plain_run = boot(build, "guest-plain.elf", HOSTS[0], True)
    plain = {"ok": plain_run["ok"] and plain_run["failed"] == 0, "sha256": plain_run["guest_sha256"],
             "ops": {name: {"insns": round(ticks, 2)} for name, ticks in plain_run["ticks"].items()}}
    same = len({run["guest_sha256"] for run in runs} | {sha256(f"{build}/guest.elf")}) == 1
    result = {
        "guest": {"sha256": runs[0]["guest_sha256"], "sites": summary["sites"], "padding_bytes": summary["padding_bytes"]},
        "runs": runs,
        "plain": plain,
        "four": shares,
    }
    with open(f"{build}/demo.json", "w", encoding="ascii") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    print_table(runs, plain)
    print_shares(shares)
    draw(build, runs)
    print(f"\nthe guest file was {'the same' if same else 'NOT THE SAME'} in every run: sha256 {runs[0]['guest_sha256']}")
    print(f"written: {build}/demo.json {build}/demo.svg")
    sys.exit(0 if same and plain["ok"] and all(run["ok"] for run in runs if run["mode"] != "trap") else 1)


main()
