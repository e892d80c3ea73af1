#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Plants a defect in a call of the count ROM, boots the conformance guest with it, and wants the guest to name that call:
in a "not ok" line, or as what it was trying when it came to no end. One ROM for each line of plants.py. Prints TAP.

    plant.py BUILD [CALL...]

The build says by PLANT_CC, PLANT_LD, PLANT_OBJECTS and PLANT_ROM how a ROM is made (conform/build.mk).
"""
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import plants

TOGETHER = 2
SECONDS = 15  # for a boot; most need half of one
CALL_NUMBER = {"EnableInterrupts": 29, "DisableInterrupts": 30, "IRET": 33, "SYSEXIT": 34}
TEMPLATES, TEMPLATE_COUNT, TEMPLATE_SIZE, TEMPLATE_CODE = 0x28, 0x2C, 64, 40


class Plant:
    """One defect: where it is put, and the ROM that has it."""

    def __init__(self, place, call, what, code, second=None):
        self.place, self.call, self.what, self.code, self.second = place, call, what, code, second
        self.words = f"trace only={call}"
        if call.endswith("Long"):
            self.words += " pae"
        if call in ("Reboot", "Shutdown"):
            self.words = f"end={call}"


def all_plants():
    """What plants.py has."""
    for call, what, code in list(plants.generic()) + plants.SPECIAL:
        yield Plant("call", call, what, code)
    for call, what, code, *second in plants.PAIRS:
        yield Plant("call", call, what, code, second)
    for call, what, code in plants.RELOCATION:
        yield Plant("PLANT_INIT" if call == "Init" else "PLANT_GET_RELOC", call, what, code)
    for call, what, code in plants.TEMPLATES:
        yield Plant("template", call, what, code)


def run(command):
    """A command that has to succeed."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{shlex.join(command)}:\n{result.stdout}")


def spoil_template(old, new, call, last):
    """A ROM with another last byte of the code in line for a call, and another for the sum to be 0."""
    with open(old, "rb") as file:
        rom = bytearray(file.read())
    at = int.from_bytes(rom[TEMPLATES:TEMPLATES + 4], "little")
    count = int.from_bytes(rom[TEMPLATE_COUNT:TEMPLATE_COUNT + 2], "little")
    entry = next(at + i * TEMPLATE_SIZE for i in range(count) if rom[at + i * TEMPLATE_SIZE] == CALL_NUMBER[call])
    rom[entry + TEMPLATE_CODE + rom[entry + 1] - 1] = last
    rom[-1] = (rom[-1] - sum(rom)) % 256
    with open(new, "wb") as file:
        file.write(rom)


def make_rom(build, folder, number, plant):
    """Builds the ROM and returns its name."""
    base = f"{folder}/{number}"
    rom = f"{base}.rom"
    if plant.place == "template":
        old, last = plant.code
        spoil_template(f"{build}/{old}.rom", rom, plant.call, last)
        return rom
    code, code_2 = f"{base}.inc", f"{base}-2.inc"
    call_2, text_2 = plant.second or (".none", "")
    objects = os.environ["PLANT_OBJECTS"].split()
    with open(code, "w", encoding="ascii") as file:
        file.write(f"{plant.code}\n")
    with open(code_2, "w", encoding="ascii") as file:
        file.write(f"{text_2}\n")
    defines = [f"-DPLANT_CALL={plant.call if plant.place == 'call' else '.none'}", f'-DPLANT_FILE="{code}"',
               f"-DPLANT_CALL_2={call_2}", f'-DPLANT_FILE_2="{code_2}"']
    if plant.place.startswith("PLANT"):
        defines.append(f'-D{plant.place}="{code}"')
        # The real function gets another name.
        name = "rom_init" if plant.place == "PLANT_INIT" else "rom_get_reloc"
        real = name.replace("rom_", "real_")
        for i, old in enumerate(objects):
            if old.endswith(("/entry.S.o", "/time.c.o")):
                objects[i] = f"{base}-{os.path.basename(old)}"
                run(["objcopy", f"--redefine-sym={name}={real}", f"--globalize-symbol={real}", old, objects[i]])
    run(shlex.split(os.environ["PLANT_CC"]) + ["-Iroms/common"] + defines + ["-c", "-o", f"{base}.o", "tests/conform/plant.S"])
    run(shlex.split(os.environ["PLANT_LD"]) + ["-o", f"{base}.elf", f"{base}.o"] + objects)
    run([f"{build}/vrom", "build"] + shlex.split(os.environ["PLANT_ROM"]) + ["-o", rom, f"{base}.elf"])
    return rom


def boot(build, rom, words):
    """What the guest says, and whether it came to its end."""
    command = [f"{build}/vrom", "run", f"{build}/conform.elf", "--rom", rom, "--append", words, "--timeout", str(SECONDS),
               "--", "-vga", "none", "-rtc", "clock=vm", "-icount", "shift=5,sleep=off"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return result.stdout.decode("latin-1").replace("\r", "").split("\n")


def verdict(lines, call):
    """The line that names the call, or None."""
    for line in lines:
        if re.match(rf"not ok \d+ - {call}: ", line):
            return line
    if any(line.startswith("1..") for line in lines):
        return None
    tried = [line for line in lines if re.match(r"# \w+: ", line) and not line.startswith("# conform")]
    if tried and tried[-1].startswith(f"# {call}: "):
        return f"no end after \"{tried[-1][2:]}\""
    return None


def try_one(build, folder, number, plant):
    """Whether the plant is found, and how; or why it could not be tried."""
    try:
        rom = make_rom(build, folder, number, plant)
    except RuntimeError as error:
        return False, str(error)
    lines = boot(build, rom, plant.words)
    found = verdict(lines, plant.call)
    return found is not None, found or "\n".join(lines[-8:])


def main():
    build = sys.argv[1]
    wanted = [plant for plant in all_plants() if len(sys.argv) == 2 or plant.call in sys.argv[2:]]
    folder = os.path.abspath(f"{build}/conform-plants")
    os.makedirs(folder, exist_ok=True)
    missed = 0
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        results = pool.map(lambda pair: try_one(build, folder, *pair), enumerate(wanted))
        for number, (plant, (found, how)) in enumerate(zip(wanted, results), 1):
            missed += not found
            print(f"{'ok' if found else 'not ok'} {number} - {plant.call} that {plant.what} is found", flush=True)
            print("\n".join(f"#   {line}" for line in how.split("\n")))
    print(f"1..{len(wanted)}")
    return 1 if missed else 0


sys.exit(main())
