#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the cases of faults.c: faults.py > faults_cases.S

A case is a line of instructions with one memory access in it, and what it must do, by a model that knows nothing of
Calque. faults.c makes the access fault, looks at everything, mends the page and goes on. Registers of an access are drawn
from those that an engine may treat differently (a0, a3, a4, a5) and others, equal ones included.
"""
import itertools
import random

M = (1 << 64) - 1
POOL = [10, 13, 14, 15, 5, 28]
SHORT = [10, 13, 14, 15, 8, 9]		# what compressed instructions reach
FP_POOL = [10, 15, 0, 8, 31]
FP_SHORT = [8, 10, 15]
WINDOW = 0x40000000			# scratch page, target page, its neighbour
TARGET, SECOND = WINDOW + 0x1000, WINDOW + 0x2000
STEPS = [3, 5, 7, 11, 13, 17]		# what each register of the pool is counted up by: before the access, thrice that after
STORE, FLOAT, CROSS, MISALIGNED, ZERO, FEW = 1, 2, 4, 8, 16, 32		# faults.c: enum flags
rng = random.Random(1)
code, table = [], []


def pattern(n):
    return ((n + 1) * 0x9e3779b97f4a7c15 + 0x1234567) & M


def memory(address, size):
    return sum(((address + i) * 37 + 11 & 0xff) << 8 * i for i in range(size))


def signed(value, size):
    value &= (1 << 8 * size) - 1
    return value - (1 << 8 * size) if value >> (8 * size - 1) else value


AMO = {
    "swap": lambda m, r: r, "add": lambda m, r: m + r, "xor": lambda m, r: m ^ r, "and": lambda m, r: m & r, "or": lambda m, r: m | r,
    "min": min, "max": max, "minu": min, "maxu": max,
}


def case(text, size, rs1, address, *, rd=0, rs2=None, offset=0, flags=0, load=None, store=None, mended=None):
    """text: the access. load(memory): what rd gets. store(memory, rs2's value): what memory gets.
    mended: the right address, if `address` is misaligned for an atomic; then offset is 0."""
    n = len(table)
    lead, trail = rng.getrandbits(9), rng.getrandbits(9)
    border = n % 32 == 7	# the access lies across the border of two pages, or at the end of one
    if n % 8 == 0 or border:
        lead = 0		# it is its block's first instruction
    if n % 8 == 1:
        trail = 0
    at = mended or address
    old = memory(at, size) if size <= 8 else 0
    value = None
    if rs2 is not None:
        value = pattern(rs2) + (STEPS[POOL.index(rs2)] if rs2 in POOL and lead >> POOL.index(rs2) & 1 else 0)
        if rs2 == rs1:
            value = at - offset
        if rs2 == 0:
            value = 0
        if flags & FLOAT:
            value = pattern(100 + rs2)
    new = store(old, value) & M if store else old
    result = load(old) & M if load else 0
    lines, n_lead, n_trail = [f"c{n}:", "\t.option " + ("rvc" if n & 1 else "norvc")], 0, 0
    if border:
        lines = ["\t.balign 4096", f"\t.skip {4092 + rng.randrange(2) * 2}", *lines]
    for k, reg in enumerate(POOL):
        if lead >> k & 1:
            lines.append(f"\taddi x{reg}, x{reg}, {STEPS[k]}")
            n_lead += 1
    if lead >> 6 & 1:
        lines.append("\tfadd.d f28, f29, f30")
        n_lead += 1
    if lead >> 7 & 1:
        lines += ["\tld x11, 8(x12)", "\tsd x11, 16(x12)"]
        n_lead += 2
    if lead >> 8 & 1:
        lines += [f"\tj p{n}", "\t.word 0", f"p{n}:"]
        n_lead += 1
    lines += [f"f{n}:", "\t.option " + ("rvc" if text.startswith("c.") else "norvc"), "\t" + text,
              "\t.option " + ("rvc" if n & 1 else "norvc")]
    if trail >> 7 & 1:
        lines.append("\tsd x13, 24(x12)")
        n_trail += 1
    for k, reg in enumerate(POOL):
        if trail >> k & 1:
            lines.append(f"\taddi x{reg}, x{reg}, {3 * STEPS[k]}")
            n_trail += 1
    if trail >> 6 & 1:
        lines.append("\tfdiv.d f27, f26, f25")
        n_trail += 1
    if trail >> 8 & 1:
        lines += [f"\tj q{n}", "\t.word 0", f"q{n}:"]
        n_trail += 1
    lines.append("\tebreak")
    code.extend(lines)
    table.append(f"\t.dword {address:#x}, {address - offset & M:#x}, {at - offset & M:#x}, {result:#x}, {new:#x}\n"
                 f"\t.word c{n} - cases, f{n} - cases\n\t.half {lead}, {trail}\n"
                 f"\t.byte {rs1}, {rd}, {size}, {flags}, {n_lead}, {n_trail}, 0, 0, 0, 0, 0, 0")


def aligned(size):
    return TARGET + rng.randrange(8, 56) * 64 + rng.randrange(0, 64, size)


def places(size, plain):
    """Addresses: an aligned one, and for plain accesses one across the border."""
    yield aligned(size), 0
    if plain and size > 1:
        yield SECOND - rng.randrange(1, size), CROSS


def offset():
    return rng.choice([0, rng.randrange(-2048, 2048)])


def loads():
    for name, size, wide in (("lb", 1, True), ("lbu", 1, False), ("lh", 2, True), ("lhu", 2, False), ("lw", 4, True), ("lwu", 4, False), ("ld", 8, False)):
        for rd, rs1 in itertools.product(POOL + [0], POOL):
            for at, flags in places(size, True):
                o = offset()
                case(f"{name} x{rd}, {o}(x{rs1})", size, rs1, at, rd=rd, offset=o, flags=flags,
                     load=lambda m, s=size, w=wide: signed(m, s) if w else m)


def stores():
    for name, size in (("sb", 1), ("sh", 2), ("sw", 4), ("sd", 8)):
        for rs2, rs1 in itertools.product(POOL + [0], POOL):
            for at, flags in places(size, True):
                o = offset()
                case(f"{name} x{rs2}, {o}(x{rs1})", size, rs1, at, rs2=rs2, offset=o, flags=flags | STORE, store=lambda m, v: v)


def floats():
    for letter, size in (("h", 2), ("w", 4), ("d", 8)):
        box = M << 8 * size & M
        for f, rs1 in itertools.product(FP_POOL, POOL):
            for at, flags in places(size, True):
                o = offset()
                case(f"fl{letter} f{f}, {o}(x{rs1})", size, rs1, at, rd=f, offset=o, flags=flags | FLOAT, load=lambda m, b=box: m | b)
                case(f"fs{letter} f{f}, {o}(x{rs1})", size, rs1, at, rs2=f, offset=o, flags=flags | FLOAT | STORE, store=lambda m, v: v)


def compressed():
    for size, letter in ((4, "w"), (8, "d")):
        for r, rs1 in itertools.product(SHORT, SHORT):
            for at, flags in places(size, True):
                o = rng.randrange(32) * size
                case(f"c.l{letter} x{r}, {o}(x{rs1})", size, rs1, at, rd=r, offset=o, flags=flags, load=lambda m, s=size: signed(m, s))
                case(f"c.s{letter} x{r}, {o}(x{rs1})", size, rs1, at, rs2=r, offset=o, flags=flags | STORE, store=lambda m, v: v)
        for r in POOL:
            for at, flags in places(size, True):
                o = rng.randrange(64) * size
                case(f"c.l{letter}sp x{r}, {o}(x2)", size, 2, at, rd=r, offset=o, flags=flags, load=lambda m, s=size: signed(m, s))
                case(f"c.s{letter}sp x{r}, {o}(x2)", size, 2, at, rs2=r, offset=o, flags=flags | STORE, store=lambda m, v: v)
    for at, flags in list(places(8, True)) * 2:
        for f, rs1 in itertools.product(FP_SHORT, SHORT):
            o = rng.randrange(32) * 8
            case(f"c.fld f{f}, {o}(x{rs1})", 8, rs1, at, rd=f, offset=o, flags=flags | FLOAT, load=lambda m: m)
            case(f"c.fsd f{f}, {o}(x{rs1})", 8, rs1, at, rs2=f, offset=o, flags=flags | FLOAT | STORE, store=lambda m, v: v)
        for f in FP_POOL:
            o = rng.randrange(64) * 8
            case(f"c.fldsp f{f}, {o}(x2)", 8, 2, at, rd=f, offset=o, flags=flags | FLOAT, load=lambda m: m)
            case(f"c.fsdsp f{f}, {o}(x2)", 8, 2, at, rs2=f, offset=o, flags=flags | FLOAT | STORE, store=lambda m, v: v)


def atomics():
    order = itertools.cycle(["", ".aq", ".rl", ".aqrl"])
    for size, letter in ((4, "w"), (8, "d")):
        def put(text, rs1, n, size=size, **kwargs):
            at = aligned(size)
            if n % 9:
                case(text, size, rs1, at, **kwargs)
            else:
                case(text, size, rs1, at + rng.randrange(1, size), mended=at, **{**kwargs, "flags": kwargs.get("flags", 0) | MISALIGNED})
        for op, fn in AMO.items():
            def apply(m, v, s=size, f=fn, u=op.endswith("u")):
                low = (1 << 8 * s) - 1
                return f(m & low, v & low) if u else f(signed(m, s), signed(v, s))
            for n, (rd, rs1, rs2) in enumerate(itertools.chain(itertools.product(POOL, POOL, POOL), itertools.product([0], POOL, POOL + [0]))):
                put(f"amo{op}.{letter}{next(order)} x{rd}, x{rs2}, (x{rs1})", rs1, n, rd=rd, rs2=rs2, flags=STORE, load=lambda m, s=size: signed(m, s), store=apply)
        for n, (rd, rs1) in enumerate(itertools.product(POOL + [0], POOL)):
            put(f"lr.{letter}{next(order)} x{rd}, (x{rs1})", rs1, n, rd=rd, load=lambda m, s=size: signed(m, s))
        for n, (rd, rs1, rs2) in enumerate(itertools.product(POOL + [0], POOL, POOL)):	# no reservation outlives a trap: it fails
            put(f"sc.{letter}{next(order)} x{rd}, x{rs2}, (x{rs1})", rs1, n, rd=rd, rs2=rs2, flags=STORE, load=lambda m: 1, store=lambda m, v: m)


def blocks():
    for rs1, _ in itertools.product(POOL, range(4)):
        case(f"cbo.zero (x{rs1})", 64, rs1, aligned(1), flags=STORE | ZERO)
        for op in ("clean", "flush", "inval"):
            case(f"cbo.{op} (x{rs1})", 0, rs1, aligned(1), flags=STORE | FEW)


for group in (loads, stores, floats, compressed, atomics, blocks):
    group()
print("# SPDX-License-Identifier: Apache-2.0")
print("\t.section .data.cases, \"aw\", @progbits\n\t.balign 0x200000\n\t.globl cases, cases_end\ncases:")
print("\n".join(code))
print("\t.balign 0x1000\ncases_end:")
print(f"\t.section .data.table, \"aw\", @progbits\n\t.balign 8\n\t.globl table, table_end\ntable:")
print("\n".join(table))
print("table_end:")
