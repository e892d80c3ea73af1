#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
"""Looks at, and damages, kernels with a note for vrom. It knows no more of them than vrom/note.h and site.h say.

    edit.py set KERNEL OUT FIELD=VALUE...   fields of the note; FIELD+=VALUE adds. Also site=N: the following are of
                                            that record: call, size, operands, offset
    edit.py header KERNEL OUT N FIELD=VALUE fields of program header N; type=note is the first of that type
    edit.py same KERNEL PATCHED             whether nothing but sites and the note has changed
    edit.py text KERNEL                     the sum of the text, as vrom patch prints it
"""
import struct
import sys

FIELDS = ("version records records_end native native_end text text_end patched rom rom_sum "
          "sites kept called jumped erased inlined").split()
HEADER = "type offset address physical file_size size flags align".split()
RECORD = {"offset": ("<i", 0), "call": ("<B", 4), "size": ("<B", 5), "operands": ("<H", 6)}


class Kernel:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        self.headers_at, = struct.unpack_from("<I", self.data, 28)
        self.count, = struct.unpack_from("<H", self.data, 44)
        self.headers = [dict(zip(HEADER, struct.unpack_from("<8I", self.data, self.headers_at + 32 * i)))
                        for i in range(self.count)]
        self.note_at = next(h["offset"] for h in self.headers if h["type"] == 4) + 20
        self.note = dict(zip(FIELDS, struct.unpack_from("<16I", self.data, self.note_at)))

    def offset(self, address):
        return next(h["offset"] + address - h["address"] for h in self.headers
                    if h["type"] == 1 and 0 <= address - h["address"] < h["file_size"])

    def records(self):
        """(offset in the file, address of the record) of each."""
        address = self.note["records"]
        while address < self.note["records_end"]:
            at = self.offset(address)
            yield at, address
            address += 8 + 4 * bin(self.data[at + 6] & 0x1f).count("1")

    def sites(self):
        """(offset in the file, size)"""
        for at, address in self.records():
            distance, = struct.unpack_from("<i", self.data, at)
            yield self.offset((address + distance) & 0xffffffff), self.data[at + 5]

    def text(self):
        start = self.offset(self.note["text"])
        return self.data[start:start + self.note["text_end"] - self.note["text"]]


def changed(old, change):
    """A field's name and its new value."""
    name, value = change.split("=")
    if name.endswith("+"):
        return name[:-1], (old[name[:-1]] + int(value, 0)) & 0xffffffff
    return name, int(value, 0)


def set_fields(kernel, changes):
    record = None
    for change in changes:
        name = change.split("=")[0].rstrip("+")
        if name == "site":
            record = list(kernel.records())[int(change.split("=")[1])][0]
        elif record is not None:
            form, at = RECORD[name]
            struct.pack_into(form, kernel.data, record + at, int(change.split("=")[1], 0))
        else:
            name, kernel.note[name] = changed(kernel.note, change)
    struct.pack_into("<16I", kernel.data, kernel.note_at, *(kernel.note[name] for name in FIELDS))


def set_header(kernel, which, changes):
    n = next(i for i, h in enumerate(kernel.headers) if h["type"] == 4) if which == "note" else int(which)
    for change in changes:
        name, value = changed(kernel.headers[n], change)
        kernel.headers[n][name] = value
    struct.pack_into("<8I", kernel.data, kernel.headers_at + 32 * n, *(kernel.headers[n][name] for name in HEADER))


def same(kernel, other):
    allowed = bytearray(len(kernel.data))
    for at, size in list(kernel.sites()) + [(kernel.note_at, 64)]:
        allowed[at:at + size] = b"\1" * size
    wrong = [i for i, (a, b) in enumerate(zip(kernel.data, other.data)) if a != b and not allowed[i]]
    return len(kernel.data) == len(other.data) and not wrong and kernel.data != other.data


def main():
    what, path, *rest = sys.argv[1:]
    kernel = Kernel(path)
    if what == "same":
        sys.exit(not same(kernel, Kernel(rest[0])))
    if what == "text":
        total = 0xcbf29ce484222325
        for byte in kernel.text():
            total = (total ^ byte) * 0x100000001b3 & 0xffffffffffffffff
        print(f"{total:016x}")
        return
    if what == "set":
        set_fields(kernel, rest[1:])
    else:
        set_header(kernel, rest[1], rest[2:])
    with open(rest[0], "wb") as file:
        file.write(kernel.data)


main()
