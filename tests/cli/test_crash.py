#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What calque run tells of a guest that has died, or whose kernel has panicked."""
import os
import pty
import re
import subprocess

from common import Suite, contains, equal, patiently

s = Suite("cli/crash")
PROFILE = ["--kernel", s.guest("profile_kernel"), "-m", "64M", "--serial", "none"]


def died(*args):
    r = s.run("run", "--kernel", s.guest("crash"), "-m", "64M", "--serial", "none", *args)
    equal(r.returncode, 4, r.stderr)
    return r.stderr.decode()


def sections(text):
    """{title: lines}; what comes before the first of them is the vCPU's"""
    parts = re.split(r"^(?=code$|last exceptions and interrupts$|last jumps to code that was not at hand$|last blocks$|stack$|calque: )", text, flags=re.M)
    return {p.split("\n", 1)[0].split(":")[0]: p.splitlines()[1:] for p in parts}


def report():
    """A jump into nowhere, whose handler is nowhere, too: the caller is known by the return address register."""
    text = died()
    found = sections(text)
    equal(list(found), ["vCPU 0, kernel mode", "code", "last exceptions and interrupts", "last jumps to code that was not at hand", "stack", "calque"])
    contains(text, "   pc 0000000000000010")
    equal(found["code"], ["  0000000000000010  (not readable)"])
    equal(found["last jumps to code that was not at hand"][-1], "  0 instructions ago: 0x10")
    contains(found["last jumps to code that was not at hand"][0], "_start")
    equal(found["last exceptions and interrupts"], ["  0 instructions ago: instruction access fault, value 0x10, 1001 times, at 0x10"])
    equal([x.split()[0] for x in found["stack"]], ["#0", "#1"])
    contains(found["stack"][1], "  _start+0x")
    assert "\033" not in text, "colour in a pipe"
    equal(died("--quiet"), "")
    equal(died("--json").count("\n"), 1)


def ring():
    """With --crash-ring the last blocks are those of -d exec."""
    text = died("--crash-ring", "-d", "exec", "--log", f"{s.tmp}/log")
    with open(f"{s.tmp}/log", encoding="ascii") as f:
        executed = re.findall(r": block (\w+), ", f.read())
    shown = [int(x.split("-")[0], 16) for x in sections(text)["last blocks"]]
    equal(shown, [int(x, 16) for x in executed[-32:]])
    contains(sections(text)["last blocks"][-1], "_start+0x")


def panic():
    """A function of this name on the stack of a guest that has been stopped; where it stands its neighbours are instructions of one function."""
    def find_outer(seconds):
        r = s.run("profile", "--for", f"{seconds * 1000:.0f}ms", "--out", "json", "--", *PROFILE)
        return re.search(r'"function": ?"outer"[^}]*?"start": ?"(0x\w+)"', r.stdout.decode())
    outer = patiently(find_outer, bool)
    with open(f"{s.tmp}/map", "w", encoding="ascii") as f:
        f.write(f"{int(outer[1], 16):016x} T panic\n{int(outer[1], 16) + 0x60:016x} T behind\n")
    for args in ([], ["--engine", "interp"]):
        # stopped within a prologue its stack is without a caller
        r = patiently(lambda n, more=tuple(args): s.run("run", *PROFILE, "--timeout", str(n), "--symbols", f"{s.tmp}/map", *more),
                      lambda r: all(x in r.stderr for x in (b"  panic+0x", b"  work+0x", b"  _start+0x")), (0.5, 0.6, 5))
        equal(r.returncode, 124)
        found = sections(r.stderr.decode())
        assert re.fullmatch(r"  #\d+ +0x802020\w\w  panic\+0x\w+", next(x for x in found["stack"] if "panic" in x)), found["stack"]
        assert "work+0x" in found["stack"][-2] and "_start+0x" in found["stack"][-1], found["stack"]
        here = [x for x in found["code"] if x.startswith("> ")]
        equal(len(here), 1)
        pc = re.search(r"^   pc (\w+)", r.stderr.decode(), re.M)[1]
        equal(here[0].split()[1], pc)
        code = [x[2:].split()[:2] for x in found["code"]]
        assert len(code) > 5
        for (at, hex_bytes), (after, _) in zip(code, code[1:]):
            equal(int(at, 16) + len(hex_bytes) // 2, int(after, 16))
    r = s.run("run", *PROFILE, "--timeout", "0.3")
    equal(len(r.stderr.splitlines()), 1, "nobody has panicked")


def terminal():
    ours, theirs = pty.openpty()
    with subprocess.Popen([s.calque, "run", "--kernel", s.guest("crash"), "-m", "64M", "--serial", "none"], stdin=subprocess.DEVNULL, stderr=theirs,
                          env={k: v for k, v in os.environ.items() if k != "NO_COLOR"}) as p:
        os.close(theirs)
        text = b""
        try:
            while part := os.read(ours, 4096):
                text += part
        except OSError:	# the other end has been closed
            pass
        equal(p.wait(), 4)
    os.close(ours)
    contains(text, "\033[1mstack\033[0m")
    contains(text, "\033[36m_start+0x")


s.case("report", report)
s.case("ring", ring)
s.case("panic", panic)
s.case("terminal", terminal)
s.end()
