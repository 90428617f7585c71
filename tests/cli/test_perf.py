#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names of generated code for the host's perf: the map and the jitdump against the code in memory, W^X, and perf itself where it may record."""
import contextlib
import os
import re
import shutil
import struct
import subprocess
import time

from common import Suite, contains, equal

s = Suite("cli/perf")
HOT = ["--engine", "auto", "--tune", "sample_period=100000", "--tune", "heat=1"]
GUEST = ["--kernel", s.guest("profile_kernel"), "-m", "64M", "--serial", "none", "--quiet", "--timeout", "60"]


@contextlib.contextmanager
def running(*args):
    p = subprocess.Popen([s.calque, *args], cwd=s.tmp, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield p
    finally:
        p.kill()
        p.wait()
        p.stderr.close()


def wait_for(read, wanted):
    """What read returns, once it has `wanted`; a busy host may take its time."""
    for _ in range(300):
        with contextlib.suppress(FileNotFoundError):
            found = read()
            if wanted(found):
                return found
        time.sleep(0.1)
    raise AssertionError("it never came")


def mappings(pid):
    """[(begin, end, protection, inode)]"""
    with open(f"/proc/{pid}/maps", encoding="ascii") as f:
        rows = [re.match(r"(\w+)-(\w+) (\S{4}) \w+ \S+ (\d+)", x) for x in f]
    return [(int(r[1], 16), int(r[2], 16), r[3], int(r[4])) for r in rows]


def read_map(path):
    with open(path, encoding="ascii") as f:
        rows = [x.rstrip("\n").split(" ", 2) for x in f if x.endswith("\n")]
    return [(int(a, 16), int(n, 16), name) for a, n, name in rows]


def writable_or_executable():
    """No page of a running machine is both, and machine code is the same memory mapped twice."""
    with running("run", *GUEST, *HOT) as p:
        wait_for(lambda: mappings(p.pid), lambda rows: any(r[2] == "r-xs" for r in rows))
        rows = mappings(p.pid)
    equal([r for r in rows if "w" in r[2] and "x" in r[2]], [])
    code = [r for r in rows if r[2] == "r-xs"]
    equal(len(code), 1)
    twins = [r for r in rows if r[3] == code[0][3] and r[2] == "rw-s"]
    equal([r[1] - r[0] for r in twins], [code[0][1] - code[0][0]])


def names_the_map(args, path):
    """Pieces of code do not overlap, lie in executable memory, and have the guest's names."""
    with running(*args) as p:
        where = path or f"/tmp/perf-{p.pid}.map"
        found = wait_for(lambda: read_map(where), lambda rows: any(r[2].endswith(" [region]") for r in rows))
        code = [r for r in mappings(p.pid) if r[2] == "r-xs"]
    os.unlink(where)
    names = {r[2] for r in found}
    assert {"hot [stencil]", "warm [stencil]", "outer [stencil]"} <= names, names
    assert all(re.fullmatch(r"\w+(\+0x[0-9a-f]+)? \[(stencil|region)\]", n) for n in names), names
    found.sort()
    for (at, size, _), (after, _, _) in zip(found, found[1:]):
        assert at + size <= after, (at, size, after)
    assert all(any(b <= at and at + size <= e for b, e, _, _ in code) for at, size, _ in found), found


def parse_dump(path):
    """([(address, code, name)], {address: [(address, line, file)]})"""
    with open(path, "rb") as f:
        data = f.read()
    magic, version, size, machine, _, pid, _, flags = struct.unpack_from("<6IQQ", data)
    equal((magic, version, size, machine, flags), (0x4a695444, 1, 40, 62, 0))
    at, loads, lines = size, [], {}
    while at + 16 <= len(data):
        kind, size, _ = struct.unpack_from("<IIQ", data, at)
        if at + size > len(data):	# being written
            break
        body, at = data[at + 16:at + size], at + size
        if kind == 0:
            owner, _, vma, address, length, index = struct.unpack_from("<IIQQQQ", body)
            equal((owner, vma, index), (pid, address, len(loads)))
            name, code = body[40:].split(b"\0", 1)
            equal(len(code), length)
            loads.append((address, code, name.decode()))
        elif kind == 2:
            address, n = struct.unpack_from("<QQ", body)
            rows, rest = [], body[16:]
            for _ in range(n):
                place, line, _ = struct.unpack_from("<QII", rest)
                name, rest = rest[16:].split(b"\0", 1)
                rows.append((place, line, name.decode()))
            equal(rest, b"")
            lines[address] = rows
        else:
            equal((kind, at), (3, len(data)))
    return loads, lines


def dump():
    """A region's bytes are those in memory; its lines are the guest's instructions, under which -d host shows the same code."""
    with running("run", *GUEST, *HOT, "--perf", "jitdump") as p:
        path = f"{s.tmp}/jit-{p.pid}.dump"
        loads, lines = wait_for(lambda: parse_dump(path), lambda d: any(x[2].endswith(" [region]") for x in d[0]))
        with open(f"/proc/{p.pid}/mem", "rb") as memory:
            for address, code, name in loads:
                if name.endswith("[region]"):	# blocks' exits and beginnings are patched later
                    memory.seek(address)
                    equal(memory.read(len(code)), code, name)
    r = s.run("run", *GUEST[:-1], "0.5", *HOT, "--perf", "jitdump", cwd=s.tmp)
    equal((r.returncode, r.stderr), (124, b""))
    path, = (f"{s.tmp}/{x}" for x in os.listdir(s.tmp) if x.endswith(".dump") and f"{s.tmp}/{x}" != path)
    loads, lines = parse_dump(path)
    with open(path[:-5] + ".s", encoding="ascii") as f:
        text = f.read().splitlines()
    address, code = next(x[:2] for x in loads if x[2] == "hot+0xa [stencil]")
    rows = lines[address]
    assert all(address <= at < address + len(code) and name == os.path.basename(path)[:-5] + ".s" for at, _, name in rows), rows
    equal([text[n - 1].split()[2] for _, n, _ in rows], ["add", "xor", "slli", "addi", "bnez"])
    equal(rows[0][0], address)


def perf(*args):
    return subprocess.run(["perf", *args], cwd=s.tmp, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)


def report(form):
    """The guest's hot function, or a region that it is part of, is what perf's own report has first."""
    data = f"{s.tmp}/perf.{form}"
    r = perf("record", "-k", "1", "-e", "cpu-clock", "-o", data, "--", s.calque, "run", *GUEST[:-1], "3", *HOT, "--perf", form)
    pid = int(perf("script", "-i", data, "-F", "pid").stdout.split()[-1])
    if form == "jitdump":
        perf("inject", "--jit", "-i", data, "-o", data + ".jit")
        data += ".jit"
    rows = [x.split() for x in perf("report", "-i", data, "--stdio", "--sort", "symbol").stdout.decode().splitlines() if x.strip() and x[0] != "#"]
    if form == "map":
        os.unlink(f"/tmp/perf-{pid}.map")
    assert rows and re.fullmatch(r"(hot|outer|work)(\+0x\w+)?", rows[0][2]), (r.stderr, rows[:5])
    assert rows[0][3] in ("[region]", "[stencil]"), rows[0]


def may_record():
    return shutil.which("perf") and perf("record", "-e", "cpu-clock", "-o", f"{s.tmp}/trial", "--", "true").returncode == 0


def refusals():
    for status, part, *args in ((2, "there are map and jitdump", "run", *GUEST, "--perf", "elf"),
                                (2, "start it with \"calque run --perf map\"", "profile", "--vm", "/nowhere/sock", "--out", "perf-map"),
                                (2, "takes no samples", "profile", "--out", "perf-map", "--flamegraph", "f.svg", "--", *GUEST),
                                (3, "/nowhere/map: No such file", "profile", "--out", "perf-map", "-o", "/nowhere/map", "--", *GUEST)):
        r = s.run(*args)
        equal((r.returncode, len(r.stderr.decode().splitlines())), (status, 1), r.stderr)
        contains(r.stderr, part)


s.case("W^X", writable_or_executable)
s.case("map", names_the_map, ["run", *GUEST, *HOT, "--perf", "map"], None)
s.case("profile --out perf-map", names_the_map, ["profile", "--out", "perf-map", "-o", f"{s.tmp}/map", "--", *GUEST, *HOT], f"{s.tmp}/map")
s.case("jitdump", dump)
if may_record():    # what the forms hold has been looked at without it
    s.case("perf reads the map", report, "map")
    s.case("perf reads the jitdump", report, "jitdump")
s.case("refusals", refusals)
s.end()
