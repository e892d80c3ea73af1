#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""The demonstration kernel on variants of the monitor, which shows what two of its decisions cost:

  how a guest notices that an interrupt waits    the page of its flag is protected, or the flag's sign is set (monitor-sign)
  isolation                                      page tables of the monitor's own, loaded at each entry (monitor-open: none)

usage: monitor.py BUILD [TURNS]

One boot of each counts instructions; TURNS more (5), by turns, are timed, and the medians taken. A kernel whose sites have
more room (guest-wide.elf) is what the sign flag needs to be in line. Writes BUILD/bench-monitor.json.
"""
import collections
import json
import os
import re
import statistics
import subprocess
import sys

Run = collections.namedtuple("Run", "label kernel monitor mode")
RUNS = (
    Run("bare", "guest", None, None),
    Run("bare, wide", "guest-wide", None, None),
    Run("monitor, in line", "guest", "monitor", "inline"),
    Run("monitor, in line, wide", "guest-wide", "monitor", "inline"),
    Run("monitor, called", "guest", "monitor", "call"),
    Run("sign flag", "guest", "monitor-sign", "inline"),
    Run("sign flag, wide", "guest-wide", "monitor-sign", "inline"),
    Run("open", "guest", "monitor-open", "inline"),
)
# What is to be read first: one run by another.
RATIOS = (
    ("in line / bare", "monitor, in line", "bare"),
    ("called / in line", "monitor, called", "monitor, in line"),
    ("sign / page", "sign flag", "monitor, in line"),
    ("sign / page, both wide", "sign flag, wide", "monitor, in line, wide"),
    ("wide / not, page", "monitor, in line, wide", "monitor, in line"),
    ("isolated / open", "monitor, in line", "open"),
)
OPS = ("irq_pair", "irq_toggle", "pte_update", "getpid", "pipe_switch", "fork_exit_wait", "page_fault", "timer_tick")
SECONDS = 120


def boot(build, run, icount):
    """What one boot measured: ticks of each operation, the counter's speed, the monitor's entries, and whether all is well."""
    command = [f"{build}/vrom", "run", f"{build}/{run.kernel}.elf", "--timeout", str(SECONDS)]
    if run.monitor:
        command += ["--host", "monitor", "--monitor", f"{build}/{run.monitor}.elf", "--mode", run.mode, "--stats"]
    if icount:
        command.append("--icount")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    text = done.stdout
    ticks = {name: int(number) / int(count)
             for name, count, number in re.findall(r"^bench (\w+) iterations=(\d+) ticks=(\d+)", text, re.M)}
    hertz = re.search(r"\btsc_hz=(\d+)", text)
    sites = re.search(r"^vrom: (sites=.*?)\s*$", text, re.M)
    result = {
        "ticks": ticks,
        "hertz": int(hertz[1]) if hertz else 0,
        "sites": {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", sites[1])} if sites else {},
        "entries": {what: int(count)
                    for count, what in re.findall(r"^monitor: stat count=(\d+) cycles=\d+ each=\d+ (.*?)\s*$", text, re.M)},
    }
    result["ok"] = done.returncode == 0 and not re.search("^not ok", text, re.M) and all(name in ticks for name in OPS)
    # A kernel that took no ROM would measure something else.
    if run.monitor and result["sites"].get("called", 0) == 0:
        result["ok"] = False
    if not result["ok"]:
        print(f"{' '.join(command)}: exit status {done.returncode}")
        print("\n".join("    " + line for line in text.splitlines()[-12:]))
    return result


def measure(run, counted, timed, hertz):
    """One run of the result."""
    entries = sorted(counted["entries"].items(), key=lambda pair: -pair[1])
    return {
        "label": run.label, "kernel": run.kernel, "host": run.monitor or "bare", "mode": run.mode,
        "ok": all(one["ok"] for one in (counted, *timed)),
        "sites": counted["sites"],
        "ops": {name: {
            "ns": round(statistics.median(one["ticks"].get(name, 0) for one in timed) * 1e9 / hertz, 2),
            "ns_least": round(min(one["ticks"].get(name, 0) for one in timed) * 1e9 / hertz, 2),
            "insns": round(counted["ticks"].get(name, 0), 2),
        } for name in OPS},
        "entries": dict(entries),
    }


def short(number):
    """A figure for people."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def row(label, cells):
    print(f"{label:26}" + "".join(f"{cell:>15}" for cell in cells))


def ratio(one, two):
    """A ratio for people."""
    return f"{one / two:.2f}" if two else "-"


def print_result(result):
    runs = {run["label"]: run for run in result["runs"]}
    # What else runs on the machine can only make a time longer: the least is the steadier figure on a busy one.
    for title, key in (("time, ratio of medians", "ns"), ("time, ratio of least", "ns_least"), ("instructions, ratio", "insns")):
        row(title, OPS)
        for label, one, two in RATIOS:
            row(label, [ratio(runs[one]["ops"][name][key], runs[two]["ops"][name][key]) for name in OPS])
        print()
    for title, key in (("time, ns, median", "ns"), ("instructions", "insns")):
        row(title, OPS)
        for label, run in runs.items():
            row(label, [short(run["ops"][name][key]) for name in OPS])
        print()
    print("entries into the monitor in the whole of the counted boot, tests and all:")
    for label, run in runs.items():
        if run["entries"]:
            most = list(run["entries"].items())[:6]
            print(f"  {label:24}{sum(run['entries'].values()):>8}: " + ", ".join(f"{what} {count}" for what, count in most))
    print(f"\n{result['accel'].upper()}, {result['qemu']}, {result['machine']}; medians of {result['turns']}, load average "
          f"{result['load_average']}")


def machine():
    """The processor, as Linux names it."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        name = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    return f"{name[1] if name else 'unknown'}, {os.cpu_count()} processors"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    build = sys.argv[1]
    turns = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print("counting instructions ...", flush=True)
    counted = {run: boot(build, run, True) for run in RUNS}
    print("taking times ...", flush=True)
    timed = {run: [] for run in RUNS}
    for _ in range(turns):
        for run in RUNS:
            timed[run].append(boot(build, run, False))
    hertz = statistics.median(one["hertz"] for run in RUNS if not run.monitor for one in timed[run]) or 1
    version = subprocess.run(["qemu-system-i386", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    result = {
        "accel": "tcg", "qemu": version.split("\n", maxsplit=1)[0], "machine": machine(), "turns": turns,
        "load_average": os.getloadavg()[0], "runs": [measure(run, counted[run], timed[run], hertz) for run in RUNS],
    }
    with open(f"{build}/bench-monitor.json", "w", encoding="ascii") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    print_result(result)
    print(f"written: {build}/bench-monitor.json")
    sys.exit(0 if all(run["ok"] for run in result["runs"]) else 1)


main()
