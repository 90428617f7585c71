#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a self-checking guest program: isa.py GROUP > GROUP.S

Each case loads operands, runs one instruction and compares; what it must give comes from the exact models beside the
micro-op tests (tests/ir/*_vectors.py), which know nothing of Calque. The program ends with ecall, a0 = 0 or the number of the case
that failed. It is position independent and keeps to user level, so that it runs in M-mode (bare.S) as well as in U-mode
under a kernel that pages it in and out (paged.c).
"""
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "ir"))
import fp_vectors as fp  # noqa: E402
import int_vectors as iv  # noqa: E402

M = (1 << 64) - 1
RM = ["rne", "rtz", "rdn", "rup", "rmm"]
# gp counts cases, t6 (x31) holds what is expected, t5 is scratch
FREE = [n for n in range(1, 30) if n != 3]


class Program:
    def __init__(self, group):
        self.rng, self.n, self.lines = random.Random(group), 0, []

    def put(self, *lines):
        self.lines += ["\t" + line if line[0] != "." and not line.endswith(":") else line for line in lines]

    def regs(self, count, same=True):
        """Register numbers; now and then the same one twice."""
        if same and self.rng.randrange(4) == 0:
            return [self.rng.choice(FREE)] * count
        return self.rng.sample(FREE, count)

    def start(self):
        self.n += 1
        self.put(f"li gp, {self.n}")

    def want(self, reg, value):
        self.put(f"li t6, {value & M:#x}", f"beq {reg}, t6, 1f", "j fail", "1:")

    def finish(self):
        head = [".globl isa_test", '.section .user, "awx", @progbits', "isa_test:"]
        tail = ["\tli a0, 0", "\tecall", "fail:", "\tmv a0, gp", "\tecall"]
        data = [".balign 64", "data:"] + [f"\t.dword {v:#x}" for v in DATA] + ["\t.space 128"]
        return "\n".join(["# SPDX-License-Identifier: Apache-2.0"] + head + self.lines + tail + data) + "\n"


DATA = [0x8f7e6d5c4b3a2918, 0x0123456789abcdef, 0xfedcba9876543210, 0x8000000080008080, 0x7f00ff00807fff01, 0, M, 0x55aa55aa55aa55aa]
BYTES = b"".join(v.to_bytes(8, "little") for v in DATA)


# ---- integer computation ----

def pairs(p, count):
    for _ in range(count):
        values = [p.rng.choice(iv.EDGE), p.rng.choice(iv.EDGE), p.rng.getrandbits(64)]
        yield p.rng.sample(values, 2)


def two(p, template, fn, count=14):
    """rd = op rs1, rs2"""
    for a, b in pairs(p, count):
        d, x, y = p.regs(3)
        if x == y:
            b = a
        p.start()
        p.put(f"li x{x}, {a:#x}", f"li x{y}, {b:#x}", template.format(d=f"x{d}", a=f"x{x}", b=f"x{y}"))
        p.want(f"x{d}", fn(a, b))
    p.start()
    p.put("li a0, 5", template.format(d="x0", a="a0", b="a0"))
    p.want("x0", 0)


def immediate(p, template, fn, values, count=12):
    for k in range(count):
        a, imm = p.rng.choice(iv.EDGE + [p.rng.getrandbits(64)]), values[k % len(values)] if k < len(values) else p.rng.choice(values)
        d, x = p.regs(2)
        p.start()
        p.put(f"li x{x}, {a:#x}", template.format(d=f"x{d}", a=f"x{x}", i=imm))
        p.want(f"x{d}", fn(a, imm & M))


def one(p, template, fn, count=16):
    for k in range(count):
        a = p.rng.choice(iv.EDGE) if k % 2 else p.rng.getrandbits(64) >> p.rng.randrange(64)
        d, x = p.regs(2)
        p.start()
        p.put(f"li x{x}, {a:#x}", template.format(d=f"x{d}", a=f"x{x}"))
        p.want(f"x{d}", fn(a))


def ops(p, names, family=two):
    for asm, op in names.items():
        if family is two:
            two(p, asm + " {d}, {a}, {b}", iv.TWO[op])
        else:
            one(p, asm + " {d}, {a}", iv.ONE[op])


def shifts(p, names, bits):
    for asm, op in names.items():
        immediate(p, asm + " {d}, {a}, {i}", iv.TWO[op], [0, 1, 7, bits // 2 - 1, bits // 2, bits - 2, bits - 1])


# ---- memory and control (ui) ----

LOADS = {"lb": (1, True), "lbu": (1, False), "lh": (2, True), "lhu": (2, False), "lw": (4, True), "lwu": (4, False), "ld": (8, False)}


def loads(p):
    for name, (size, signed) in LOADS.items():
        for offset in range(0, 40):
            disp = p.rng.choice([0, 1, -1, 2047 - 64, -2048])
            d, x = p.regs(2)
            p.start()
            p.put(f"la x{x}, data + {offset - disp}", f"{name} x{d}, {disp}(x{x})")
            p.want(f"x{d}", int.from_bytes(BYTES[offset:offset + size], "little", signed=signed))


def stores(p):
    for name, size in {"sb": 1, "sh": 2, "sw": 4, "sd": 8}.items():
        for offset in range(16):
            value = p.rng.getrandbits(64)
            x, y = p.regs(2, same=False)
            memory = bytearray(M.to_bytes(8, "little") * 3)
            memory[offset:offset + size] = value.to_bytes(8, "little")[:size]
            p.start()
            p.put("la t5, data + 64", "li t6, -1", "sd t6, 0(t5)", "sd t6, 8(t5)", "sd t6, 16(t5)")
            p.put(f"la x{x}, data + 64 + {offset - 7}", f"li x{y}, {value:#x}", f"{name} x{y}, 7(x{x})")
            for word in range(3):
                p.put("la t5, data + 64", f"ld t5, {8 * word}(t5)")
                p.want("t5", int.from_bytes(memory[8 * word:8 * word + 8], "little"))


def branches(p):
    for name, taken in iv.BRANCH.items():
        for a, b in list(pairs(p, 12)) + [[7, 7], [M, M]]:
            x, y = p.regs(2, same=False)
            p.start()
            backward = p.rng.randrange(2)
            p.put(f"li x{x}, {a:#x}", f"li x{y}, {b:#x}", "li t5, 0")
            if backward:
                p.put("j 3f", "2: li t5, 1", "j 4f", f"3: {name} x{x}, x{y}, 2b", "4:")
            else:
                p.put(f"{name} x{x}, x{y}, 2f", "j 4f", "2: li t5, 1", "4:")
            p.want("t5", int(taken(a, b)))


def jumps(p):
    p.start()
    p.put("jal a1, 2f", "2: la a2, 2b", "sub a1, a1, a2")
    p.want("a1", 0)
    for link, base, odd in (("a0", "a1", 0), ("a1", "a1", 0), ("ra", "t0", 1), ("t0", "ra", 0), ("zero", "a3", 1)):
        p.start()
        p.put(f"la {base}, 2f", f"addi {base}, {base}, {odd} - 16", f"jalr {link}, 16({base})", "3: j fail", "2: la t5, 3b")
        if link != "zero":
            p.put(f"sub t5, {link}, t5")
            p.want("t5", 0)
    p.start()  # a loop of calls
    p.put("li a0, 100", "li a1, 0", "2: call 4f", "addi a0, a0, -1", "bnez a0, 2b", "j 5f", "4: add a1, a1, a0", "ret", "5:")
    p.want("a1", 5050)
    p.start()
    p.put("2: auipc a0, 0", "la a1, 2b", "sub a0, a0, a1")
    p.want("a0", 0)
    p.start()
    p.put("2: auipc a0, 0xfffff", "la a1, 2b", "sub a0, a1, a0")
    p.want("a0", 0x1000)


def ui(p):
    ops(p, {"add": "add", "sub": "sub", "and": "and", "or": "or", "xor": "xor", "sll": "shl", "srl": "shr", "sra": "sar", "slt": "slt",
            "sltu": "sltu", "addw": "addw", "subw": "subw", "sllw": "shlw", "srlw": "shrw", "sraw": "sarw"})
    for asm, op in {"addi": "add", "andi": "and", "ori": "or", "xori": "xor", "slti": "slt", "sltiu": "sltu", "addiw": "addw"}.items():
        immediate(p, asm + " {d}, {a}, {i}", iv.TWO[op], [0, 1, -1, 2047, -2048, 0x555, -0x556])
    shifts(p, {"slli": "shl", "srli": "shr", "srai": "sar"}, 64)
    shifts(p, {"slliw": "shlw", "srliw": "shrw", "sraiw": "sarw"}, 32)
    for imm in (0, 1, 0x7ffff, 0x80000, 0xfffff):
        p.start()
        p.put(f"lui a0, {imm:#x}")
        p.want("a0", iv.w(imm << 12))
    loads(p)
    stores(p)
    branches(p)
    jumps(p)
    for fence in ("fence", "fence r, w", "fence.tso", "pause"):
        p.put(fence)


def um(p):
    ops(p, {name: name for name in "mul mulh mulhu mulhsu div divu rem remu mulw divw divuw remw remuw".split()})


# ---- A ----

AMO = {
    "swap": lambda m, v, bits: v, "add": lambda m, v, bits: m + v, "and": lambda m, v, bits: m & v, "or": lambda m, v, bits: m | v,
    "xor": lambda m, v, bits: m ^ v, "min": lambda m, v, bits: min(iv.s(m, bits), iv.s(v, bits)),
    "max": lambda m, v, bits: max(iv.s(m, bits), iv.s(v, bits)), "minu": lambda m, v, bits: min(m % 2 ** bits, v % 2 ** bits),
    "maxu": lambda m, v, bits: max(m % 2 ** bits, v % 2 ** bits),
}


def ua(p):
    for name, fn in AMO.items():
        for bits, suffix in ((32, ".w"), (64, ".d")):
            for memory, value in pairs(p, 8):
                d, x, y = p.regs(3, same=False)
                order = p.rng.choice(["", ".aq", ".rl", ".aqrl"])
                place = p.rng.choice([0, 4]) if bits == 32 else 0
                shift, keep = 8 * place, (2 ** bits - 1) << 8 * place
                old = memory >> shift & 2 ** bits - 1
                after = memory & ~keep | (fn(old, value, bits) % 2 ** bits) << shift
                p.start()
                p.put("la t5, data + 64", f"li t6, {memory:#x}", "sd t6, (t5)", f"addi x{x}, t5, {place}", f"li x{y}, {value:#x}")
                p.put(f"amo{name}{suffix}{order} x{d}, x{y}, (x{x})")
                p.want(f"x{d}", iv.s(old, bits))
                p.put("la t5, data + 64", "ld t5, (t5)")
                p.want("t5", after)
    for suffix, bits in ((".w", 32), (".d", 64)):
        p.start()  # succeeds in the end (constrained loop), and stores
        p.put("la a1, data + 64", "li a2, 0x123456789", f"2: lr{suffix} a3, (a1)", f"sc{suffix} a4, a2, (a1)", "bnez a4, 2b")
        p.put("ld a5, (a1)" if bits == 64 else "lw a5, (a1)")
        p.want("a5", iv.s(0x123456789, bits))
        p.start()  # without a reservation, and one that another SC took: fails, stores nothing
        p.put("la a1, data + 64", f"2: lr{suffix} a3, (a1)", f"sc{suffix} a4, zero, (a1)", "bnez a4, 2b", f"sc{suffix} a4, a2, (a1)")
        p.want("a4", 1)
        p.put(f"l{suffix[1]} a5, (a1)")
        p.want("a5", 0)
        p.start()  # a reservation elsewhere
        p.put("la a1, data + 64", "la a2, data + 256", f"lr{suffix} a3, (a1)", f"sc{suffix} a4, a2, (a2)")
        p.want("a4", 1)
    p.start()  # a counter
    p.put("la a1, data + 64", "sd zero, (a1)", "li a0, 200", "2: lr.d a2, (a1)", "addi a2, a2, 3", "sc.d a3, a2, (a1)", "bnez a3, 2b",
          "addi a0, a0, -1", "bnez a0, 2b", "ld a0, (a1)")
    p.want("a0", 600)


# ---- bit manipulation, conditions, cache blocks, counters ----

def zb(p):
    ops(p, {"add.uw": "add_uw", "sh1add": "sh1add", "sh2add": "sh2add", "sh3add": "sh3add", "sh1add.uw": "sh1add_uw",
            "sh2add.uw": "sh2add_uw", "sh3add.uw": "sh3add_uw"})
    shifts(p, {"slli.uw": "shl_uw"}, 64)
    ops(p, {"andn": "andn", "orn": "orn", "xnor": "xnor", "min": "min", "max": "max", "minu": "minu", "maxu": "maxu", "rol": "rol",
            "ror": "ror", "rolw": "rolw", "rorw": "rorw"})
    shifts(p, {"rori": "ror"}, 64)
    shifts(p, {"roriw": "rorw"}, 32)
    ops(p, {"clz": "clz", "clzw": "clzw", "ctz": "ctz", "ctzw": "ctzw", "cpop": "popcnt", "cpopw": "popcntw", "sext.b": "sext8",
            "sext.h": "sext16", "zext.h": "zext16", "rev8": "bswap", "orc.b": "orcb"}, one)
    ops(p, {"clmul": "clmul", "clmulh": "clmulh", "clmulr": "clmulr"})
    ops(p, {"bclr": "bclr", "bset": "bset", "binv": "binv", "bext": "bext"})
    shifts(p, {"bclri": "bclr", "bseti": "bset", "binvi": "binv", "bexti": "bext"}, 64)
    # Zicond is younger than the assembler
    two(p, ".insn r 0x33, 5, 7, {d}, {a}, {b}", iv.TWO["czero_eqz"])
    two(p, ".insn r 0x33, 7, 7, {d}, {a}, {b}", iv.TWO["czero_nez"])


def zi(p):
    p.start()  # Zicboz: the 64 bytes around the address, and no others
    p.put("la a0, data + 63", "andi a0, a0, -64", "addi a0, a0, 64", "li a1, -1", "sd a1, -8(a0)", "sd a1, 0(a0)", "sd a1, 56(a0)",
          "sd a1, 64(a0)", "addi a2, a0, 37", "cbo.zero (a2)", "ld a3, -8(a0)", "ld a4, 0(a0)", "ld a5, 56(a0)", "ld a6, 64(a0)")
    for reg, value in (("a3", M), ("a4", 0), ("a5", 0), ("a6", M)):
        p.want(reg, value)
    for insn in ("cbo.clean (a2)", "cbo.flush (a2)", "cbo.inval (a2)", "prefetch.r 32(a2)", "prefetch.w 0(a2)", "prefetch.i -32(a2)"):
        p.start()
        p.put("la a2, data + 64", "li a1, 0x1234", "sd a1, (a2)", insn, "ld a1, (a2)")
        p.want("a1", 0x1234)
    for counter in ("cycle", "time", "instret"):
        p.start()
        p.put(f"rd{counter} a0", "li a2, 20000", "2: addi a2, a2, -1", "bnez a2, 2b", f"rd{counter} a1", "sltu a0, a0, a1")
        p.want("a0", 1)
    p.start()  # Zifencei: two instructions written over another function's, then executed, then again
    for value in (1, 2, 3):
        p.put("la a1, patch", f"li a2, {0x00000513 | value << 20:#x}", "sw a2, (a1)", "fence.i", "call patch")
        p.want("a0", value)
    p.put("j 2f", ".balign 4", "patch:", "li a0, 0", "ret", "2:")


# ---- C ----

SMALL = [f"x{n}" for n in range(8, 16)]
ANY = [f"x{n}" for n in FREE]


def uc(p):
    def check(lines, reg, value):
        p.start()
        p.put(*lines)
        p.want(reg, value)

    for a in p.rng.sample(iv.EDGE, 12):
        b, x, y = p.rng.choice(iv.EDGE), *p.rng.sample(SMALL, 2)
        for name, op in {"c.sub": "sub", "c.xor": "xor", "c.or": "or", "c.and": "and", "c.subw": "subw", "c.addw": "addw"}.items():
            check([f"li {x}, {a:#x}", f"li {y}, {b:#x}", f"{name} {x}, {y}"], x, iv.TWO[op](a, b))
        shift, imm = p.rng.randrange(1, 64), p.rng.choice([1, -1, 31, -32, 5])
        for name, op in {"c.srli": "shr", "c.srai": "sar", "c.slli": "shl"}.items():
            check([f"li {x}, {a:#x}", f"{name} {x}, {shift}"], x, iv.TWO[op](a, shift))
        check([f"li {x}, {a:#x}", f"c.andi {x}, {imm}"], x, a & imm & M)
        x, y = p.rng.sample(ANY, 2)
        check([f"li {x}, {a:#x}", f"c.addi {x}, {imm}"], x, a + imm)
        check([f"li {x}, {a:#x}", f"c.addiw {x}, {imm}"], x, iv.w(a + imm))
        check([f"li {x}, {a:#x}", f"c.addiw {x}, 0"], x, iv.w(a))
        check([f"c.li {x}, {imm}"], x, imm)
        check([f"li {y}, {a:#x}", f"c.mv {x}, {y}"], x, a)
        check([f"li {x}, {a:#x}", f"li {y}, {b:#x}", f"c.add {x}, {y}"], x, a + b)
    for imm in (1, 31, 0xfffe0, 0xfffff, 16):
        check([f"c.lui a0, {imm:#x}"], "a0", iv.w(imm << 12))
    for imm in (16, -16, 496, -512, 32, 64, 128, 256):
        check(["li sp, 0x1000", f"c.addi16sp sp, {imm}"], "sp", 0x1000 + imm)
    for imm in (4, 8, 16, 32, 64, 128, 256, 512, 1020):
        check(["li sp, 0x1000", f"c.addi4spn a0, sp, {imm}"], "a0", 0x1000 + imm)
    for offset in range(0, 64, 4):  # memory: by register and by stack pointer, all offsets' bits
        word = int.from_bytes(BYTES[offset:offset + 4], "little", signed=True)
        for base, disp in (("a1", p.rng.choice([0, 4, 8, 16, 32, 64, 124])), ("sp", p.rng.choice([0, 4, 8, 16, 32, 64, 128, 252]))):
            check([f"la {base}, data + {offset - disp}", f"c.lw{'sp' * (base == 'sp')} a0, {disp}({base})"], "a0", word)
            check(["la t5, data + 64", f"addi {base}, t5, {-disp}", f"li a0, {offset * 77}", f"c.sw{'sp' * (base == 'sp')} a0, {disp}({base})",
                   "lw a0, (t5)"], "a0", offset * 77)
    for offset in range(0, 64, 8):
        for base, disp in (("a1", p.rng.choice([0, 8, 16, 32, 64, 128, 248])), ("sp", p.rng.choice([0, 8, 16, 32, 64, 128, 256, 504]))):
            sp = "sp" * (base == "sp")
            check([f"la {base}, data + {offset - disp}", f"c.ld{sp} a0, {disp}({base})"], "a0", DATA[offset // 8])
            check([f"la {base}, data + {offset - disp}", f"c.fld{sp} fa0, {disp}({base})", "fmv.x.d a0, fa0"], "a0", DATA[offset // 8])
            check(["la t5, data + 64", f"addi {base}, t5, {-disp}", f"li a0, {offset * 99}", f"c.sd{sp} a0, {disp}({base})", "ld a0, (t5)"],
                  "a0", offset * 99)
            check(["la t5, data + 64", f"addi {base}, t5, {-disp}", f"li a0, {offset * 55}", "fmv.d.x fa0, a0",
                   f"c.fsd{sp} fa0, {disp}({base})", "ld a0, (t5)"], "a0", offset * 55)
    check(["c.j 2f", "c.j fail", "2: li a0, 1"], "a0", 1)
    check(["li a0, 0", "c.beqz a0, 2f", "j fail", "2: c.bnez a0, 3f", "li a0, 2", "3:"], "a0", 2)
    check(["la a1, 2f", "c.jr a1", "j fail", "2: li a0, 3"], "a0", 3)
    check(["la a1, 2f", "c.jalr a1", "3: j fail", "2: la a0, 3b", "sub a0, a0, ra"], "a0", 0)
    check(["la ra, 2f", "c.jalr ra", "3: j fail", "2: la a0, 3b", "sub a0, a0, ra"], "a0", 0)
    # 32-bit instructions whose halves lie in two pages
    for insn, value in (("addi a0, a0, 3", 8), ("ld a0, (a1)", DATA[1]), ("sd a2, 56(a1)", 5), ("beq a0, a0, 2f", 5), ("jal ra, 2f", 5),
                        ("mul a0, a0, a0", 25), ("amoadd.d a0, a2, (a1)", DATA[1])):
        p.start()
        p.put("li a0, 5", "la a1, data + 8", "li a2, 0", "j 3f", ".balign 4096", ".skip 4092", "3: c.nop", insn)
        p.put("2:")
        p.want("a0", value)


# ---- floating point ----

def fcase(p, template, operands, fn, box, to_x=False, from_x=False):
    """One instruction in one rounding mode, static or dynamic; the result and the flags."""
    rm = p.rng.randrange(5)
    value, flags = fn(rm)
    d, *f = (f"f{n}" for n in p.rng.sample(range(32), 1 + len(operands)))
    dynamic = p.rng.randrange(2)
    p.start()
    p.put(f"li t5, {(rm if dynamic else p.rng.randrange(8)) << 5}", "csrw fcsr, t5")
    for reg, v in zip(f, operands):
        p.put(f"li t5, {v & M:#x}")
        if not from_x:
            p.put(f"fmv.d.x {reg}, t5")
    fields = {"d": "t5" if to_x else d, "rm": "dyn" if dynamic else RM[rm]}
    fields.update(zip("abc", ["t5"] if from_x else f))
    p.put(template.format(**fields))
    if not to_x:
        p.put(f"fmv.x.d t5, {d}")
    p.want("t5", box(value))
    p.put("csrr t5, fflags")
    p.want("t5", flags)


def farith(p, f, s, count):
    e = fp.edges(f)

    def some():
        return p.rng.choice(e) if p.rng.randrange(2) else fp.some(f, p.rng)
    for k in range(count):
        a, b, c = some(), some(), some()
        if k % 4 == 1:
            b = a
        if k % 4 == 3:  # c near the product: they cancel
            c = f.box(fp.mul(f, fp.RNE, fp.Value(f, a), fp.Value(f, b))[0] ^ f.sign ^ p.rng.randrange(2))

        def v(x):
            return fp.Value(f, x)

        def n(x):
            return fp.negated(v(x))
        fcase(p, f"fadd.{s} {{d}}, {{a}}, {{b}}, {{rm}}", [a, b], lambda rm: fp.add(f, rm, v(a), v(b)), f.box)
        fcase(p, f"fsub.{s} {{d}}, {{a}}, {{b}}, {{rm}}", [a, b], lambda rm: fp.add(f, rm, v(a), n(b)), f.box)
        fcase(p, f"fmul.{s} {{d}}, {{a}}, {{b}}, {{rm}}", [a, b], lambda rm: fp.mul(f, rm, v(a), v(b)), f.box)
        fcase(p, f"fdiv.{s} {{d}}, {{a}}, {{b}}, {{rm}}", [a, b], lambda rm: fp.div(f, rm, v(a), v(b)), f.box)
        fcase(p, f"fsqrt.{s} {{d}}, {{a}}, {{rm}}", [a], lambda rm: fp.sqrt(f, rm, v(a)), f.box)
        for name, x, z in (("fmadd", v, v), ("fmsub", v, n), ("fnmsub", n, v), ("fnmadd", n, n)):
            fcase(p, f"{name}.{s} {{d}}, {{a}}, {{b}}, {{c}}, {{rm}}", [a, b, c], lambda rm: fp.fma(f, rm, x(a), v(b), z(c)), f.box)
        ua_, ub = f.unbox(a), f.unbox(b)
        for name, largest in (("fmin", False), ("fmax", True)):
            fcase(p, f"{name}.{s} {{d}}, {{a}}, {{b}}", [a, b], lambda rm: fp.minmax(f, v(a), v(b), ua_, ub, largest), f.box)
        for name in ("feq", "flt", "fle"):
            fcase(p, f"{name}.{s} {{d}}, {{a}}, {{b}}", [a, b], lambda rm: fp.compare(v(a), v(b), name), lambda x: x, to_x=True)
        for name, sign in (("fsgnj", ub), ("fsgnjn", ~ub), ("fsgnjx", ua_ ^ ub)):
            fcase(p, f"{name}.{s} {{d}}, {{a}}, {{b}}", [a, b], lambda rm: (ua_ & f.sign - 1 | sign & f.sign, 0), f.box)
        fcase(p, f"fclass.{s} {{d}}, {{a}}", [a], lambda rm: (fp.classify(f, a), 0), lambda x: x, to_x=True)


def fints(p, f, s, count):
    operands = fp.edges(f) + sorted(set(fp.near_limits(f)))
    for name, (bits, signed) in fp.INTS.items():
        for _ in range(count):
            a, v = p.rng.choice(operands), p.rng.choice(iv.EDGE + [p.rng.getrandbits(64) >> p.rng.randrange(64)])
            n = iv.s(v, bits) if signed else v % 2 ** bits
            fcase(p, f"fcvt.{name}.{s} {{d}}, {{a}}, {{rm}}", [a], lambda rm: fp.to_int(bits, signed, rm, fp.Value(f, a)),
                  lambda x: iv.s(x, bits), to_x=True)
            # conversions that are always exact take no mode in assembly
            rm = "" if s == "d" and bits == 32 else ", {rm}"
            fcase(p, f"fcvt.{s}.{name} {{d}}, {{a}}{rm}", [v], lambda rm: fp.from_int(f, rm, n), f.box, from_x=True)


def fmoves(p, f, s, load, store, to_x, from_x):
    for k in range(12):
        v = p.rng.getrandbits(64)
        if k % 2:
            v = f.box(v & 2 ** f.bits - 1)
        fcase(p, f"{to_x} {{d}}, {{a}}", [v], lambda rm: (iv.s(v, f.bits), 0), lambda x: x, to_x=True)
        fcase(p, f"{from_x} {{d}}, {{a}}", [v], lambda rm: (v & 2 ** f.bits - 1, 0), f.box, from_x=True)
        offset = p.rng.randrange(40)
        p.start()
        p.put(f"la a0, data + {offset}", f"{load} fa1, (a0)", "fmv.x.d a1, fa1")
        p.want("a1", f.box(int.from_bytes(BYTES[offset:offset + f.bits // 8], "little")))
        p.start()
        p.put(f"li a1, {v:#x}", "fmv.d.x fa1, a1", "la a0, data + 64", "sd zero, (a0)", f"{store} fa1, (a0)", "ld a1, (a0)")
        p.want("a1", v & 2 ** f.bits - 1)


def fconvert(p, to, tn, source, sn, count):
    for _ in range(count):
        a = p.rng.choice(fp.edges(source)) if p.rng.randrange(2) else fp.some(source, p.rng)
        rm = ", {rm}" if to.bits < source.bits else ""
        fcase(p, f"fcvt.{tn}.{sn} {{d}}, {{a}}{rm}", [a], lambda rm: fp.convert(to, rm, fp.Value(source, a)), to.box)


def uf(p):
    farith(p, fp.S, "s", 16)
    fints(p, fp.S, "s", 24)
    fmoves(p, fp.S, "s", "flw", "fsw", "fmv.x.w", "fmv.w.x")
    for k in range(20):  # values that are not boxed read as the canonical NaN
        v = p.rng.getrandbits(63)
        fcase(p, "fadd.s {d}, {a}, {a}, {rm}", [v], lambda rm: (fp.S.nan, 0), fp.S.box)


def ud(p):
    farith(p, fp.D, "d", 16)
    fints(p, fp.D, "d", 24)
    fmoves(p, fp.D, "d", "fld", "fsd", "fmv.x.d", "fmv.d.x")
    fconvert(p, fp.S, "s", fp.D, "d", 40)
    fconvert(p, fp.D, "d", fp.S, "s", 20)


def zfhmin(p):
    fmoves(p, fp.H, "h", "flh", "fsh", "fmv.x.h", "fmv.h.x")
    for to, tn, source, sn in ((fp.S, "s", fp.H, "h"), (fp.H, "h", fp.S, "s"), (fp.D, "d", fp.H, "h"), (fp.H, "h", fp.D, "d")):
        fconvert(p, to, tn, source, sn, 60)


def main():
    group = sys.argv[1]
    p = Program(group)
    {"ui": ui, "um": um, "ua": ua, "zb": zb, "zi": zi, "uc": uc, "uf": uf, "ud": ud, "zfhmin": zfhmin}[group](p)
    sys.stdout.write(p.finish())


main()
