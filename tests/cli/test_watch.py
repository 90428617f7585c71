#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Breakpoints, watchpoints and steps are exact under this engine, in code that it has compiled. Further options: RUN_ARGS."""
import os
import re
import subprocess

from common import Suite, contains, equal
from gdb_guest import Client, Guest

s = Suite("cli/watch")
options = os.environ.get("RUN_ARGS", "").split()
slow = options == ["--engine", "llvm"]		# milliseconds for each block
one_vcpu = "lockstep" in options
symbol = {}
S1, ALL_STEPS = 9, 40


def at(name):
    """A symbol's address."""
    if not symbol:
        text = subprocess.run(["riscv64-linux-gnu-nm", s.guest("watch")], check=True, capture_output=True, text=True).stdout
        symbol.update((line.split()[2], int(line.split()[0], 16)) for line in text.splitlines())
    return symbol[name]


def guest(*args, **kwargs):
    return Guest(s, "watch", *options, *args, **kwargs)


def stop(c, packet, *parts):
    got = c.ask(packet)
    for part in ("T05", *parts):
        contains(got, part)
    return got


def end(g, c):
    c.send("k")
    equal(g.end()[0], 0)


def warm(c):
    """Runs until the loop is hot; stops at its beginning."""
    equal(c.ask(f"Z0,{at('round'):x},2"), "OK")
    for n in range(1, 3 if slow else 30):
        stop(c, "vCont;c", "swbreak:;")
        equal((c.pc(), c.register(S1)), (at("round"), n))
        stop(c, "vCont;s:1", "thread:1;")	# as GDB leaves a breakpoint
    equal(c.ask(f"z0,{at('round'):x},2"), "OK")


ACCESSES = (("lb", "r", 3), ("sd", "w", 0), ("amo", "rw", 0), ("lr", "r", 0), ("sc", "rw", 0), ("fsd", "w", 0), ("fld", "r", 0))


def kinds(kind, word, sees):
    """Each access of the kind, and no other, is stopped behind."""
    with guest() as g:
        c = Client(g)
        warm(c)
        point = f"{kind},{at('target'):x},8"
        equal(c.ask("Z" + point), "OK")
        for _ in range(2):
            for name, does, offset in ACCESSES:
                if set(does) & set(sees):
                    stop(c, "vCont;c", f"{word}:{at('target') + offset:x};", "thread:1;")
                    equal(c.pc(), at("after_" + name), name)
                    if name == "sd":
                        equal(c.long(at("target")), c.register(S1))
        equal(c.ask("z" + point), "OK")
        # not watched any more: on to a breakpoint
        equal(c.ask(f"Z1,{at('after_crossing'):x},2"), "OK")
        stop(c, "vCont;c", "hwbreak:;")
        end(g, c)


def page_crossing():
    """One byte, in the second of the two pages that the store reaches."""
    with guest() as g:
        c = Client(g)
        warm(c)
        equal(c.ask(f"Z2,{at('crossed') + 5:x},1"), "OK")
        for _ in range(2):
            stop(c, "vCont;c", f"watch:{at('crossed') + 5:x};")
            equal(c.pc(), at("after_crossing"))
        # a neighbour that nobody touches
        equal(c.ask(f"z2,{at('crossed') + 5:x},1"), "OK")
        equal(c.ask(f"Z4,{at('crossed') + 8:x},8"), "OK")
        equal(c.ask(f"Z0,{at('after_crossing'):x},2"), "OK")
        stop(c, "vCont;c", "swbreak:;")
        end(g, c)


def whole_loop():
    """A loop that is stopped at each of its accesses computes what it should."""
    with guest() as g:
        c = Client(g)
        warm(c)
        equal(c.ask(f"Z3,{at('target') + 8:x},8"), "OK")
        before = c.long(at("target") + 8)
        for n in range(20):
            stop(c, "vCont;c", f"rwatch:{at('target') + 8:x};")
            equal(c.long(at("target") + 8), before + n)
        end(g, c)


def steps():
    """A step is one instruction; a range is left, or stopped in by a breakpoint."""
    with guest() as g:
        c = Client(g)
        warm(c)
        first, pc = at("round"), c.pc()
        for _ in range(ALL_STEPS):
            before = c.pc()
            stop(c, "vCont;s:1", "thread:1;")
            assert c.pc() - before in (2, 4) or c.pc() < before, (hex(before), hex(c.pc()))
        assert first < c.pc() < at("accesses") and pc > first
        stop(c, f"vCont;r{first:x},{at('accesses'):x}:1", "thread:1;")
        equal(c.pc(), at("after_round"))
        equal(c.ask(f"Z0,{at('after_amo'):x},4"), "OK")
        stop(c, "vCont;c", "swbreak:;")
        equal(c.ask(f"z0,{at('after_amo'):x},4"), "OK")
        equal(c.ask(f"Z0,{at('after_fsd'):x},4"), "OK")
        stop(c, f"vCont;r{at('after_lb'):x},{at('second'):x}:1", "swbreak:;")
        equal(c.pc(), at("after_fsd"))
        end(g, c)


def to_the_end():
    """With a watchpoint that never hits in a page that is written to, the guest ends as it does without."""
    with guest() as g:
        c = Client(g)
        equal(c.ask(f"Z4,{at('target') + 256:x},8"), "OK")
        equal(c.ask("vCont;c"), "W09")
        equal(g.end()[0], 9)


def two_vcpus():
    with guest("--smp", "2") as g:
        c = Client(g)
        warm(c)
        where = at("second_count")
        equal(c.ask(f"Z2,{where:x},8"), "OK")
        for _ in range(5):
            stop(c, "vCont;c:2", f"watch:{where:x};", "thread:2;")
        equal(c.ask("Hg2"), "OK")
        equal(c.pc(), at("after_second_store"))
        # this vCPU alone, then the other one alone: the first stays where it is
        stop(c, "vCont;s:2", "thread:2;")
        stop(c, "vCont;s:1", "thread:1;")
        equal(c.ask("Hg2"), "OK")
        equal(c.pc(), at("second_loop"))
        # both are stopped by points of their own, whichever comes first
        equal(c.ask(f"Z0,{at('after_sd'):x},4"), "OK")
        for _ in range(10):
            for packet, who in (("vCont;c", "[12]"), ("vCont;s:1;c", "[12]"), ("vCont;s:1;c:2", "[12]"), ("vCont;c:2", "2")):
                assert re.search(f"^T05thread:{who};", got := c.ask(packet)), (packet, got)
            stop(c, "vCont;s:1", "thread:1;")
            stop(c, "vCont;c:1", "thread:1;", "swbreak:;")
        end(g, c)


for kind, word, sees in ((2, "watch", "w"), (3, "rwatch", "r"), (4, "awatch", "rw")):
    s.case(word, kinds, kind, word, sees)
s.case("page crossing", page_crossing)
s.case("whole loop", whole_loop)
s.case("steps", steps)
if not slow and "windows" not in options:	# which never gives windows up: microseconds for each access to a watched page
    s.case("to the end", to_the_end)
if not one_vcpu:
    s.case("two vcpus", two_vcpus)
s.end()
