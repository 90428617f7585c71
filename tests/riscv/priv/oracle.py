#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The privileged architecture against QEMU 10: random machine-mode programs run in both, and every value they record is compared.

  oracle.py CALQUE PEER RISCV-GCC [SEED [PROGRAMS]]

A program is a list of experiments: a CSR instruction in some mode, a trap with some delegation, a set of pending interrupts, an
access through random page tables and PMP entries. Each leaves a few registers in a buffer, which the program sends through the
UART at its end before it powers off.
"""
import os
import random
import subprocess
import sys
import tempfile

RAM = 0x80000000
TABLES, TABLE_PAGES = RAM + 0x200000, 16
DATA, DATA_PAGES = RAM + 0x400000, 32
M64 = (1 << 64) - 1

# The same hart as Calque's default; what QEMU has besides is off, but for AIA: without it QEMU takes the interrupt of the lowest
# number, not that of the highest priority (section 3.1.9).
QEMU_CPU = ("rv64,h=off,v=off,debug=off,zawrs=off,zfa=off,sscofpmf=off,pmu-mask=0,zfhmin=on,svadu=on,svade=off,svnapot=on,svpbmt=on,"
            "smaia=on,ssaia=on,svinval=on,sstc=on,zicond=on,zicbom=on,zicboz=on,zicbop=on")

# CSRs whose every write and read-back is compared. Left out, with the reason:
#   counters, time: they run; hpm registers: QEMU traps where section 3.1.10 wants them present
#   misa: QEMU's has no B; marchid and its like: identity; tselect: QEMU's are all there or all absent
CSRS = {0x001: "fflags", 0x002: "frm", 0x003: "fcsr", 0x100: "sstatus", 0x104: "sie", 0x105: "stvec", 0x106: "scounteren",
        0x10a: "senvcfg", 0x140: "sscratch", 0x141: "sepc", 0x142: "scause", 0x143: "stval", 0x144: "sip", 0x14d: "stimecmp",
        0x180: "satp", 0x300: "mstatus", 0x302: "medeleg", 0x303: "mideleg", 0x304: "mie", 0x305: "mtvec", 0x306: "mcounteren",
        0x30a: "menvcfg", 0x340: "mscratch", 0x341: "mepc", 0x342: "mcause", 0x343: "mtval", 0x344: "mip"}
for n in range(16):
    CSRS[0x3b0 + n] = f"pmpaddr{n}"
CSRS[0x3a0], CSRS[0x3a2] = "pmpcfg0", "pmpcfg2"
ABSENT = [0x120, 0x200, 0x310, 0x34a, 0x3a1, 0x3a4, 0x5a8, 0x600, 0x747, 0x7c0, 0xc80, 0xda0, 0xfff, 0x008, 0x015, 0x10c, 0x30c]


# Bits that are compared where QEMU's differ, with the reason. (It also keeps reserved values of pmpcfg and ignores writes of
# reserved tvec modes whole, which WARL allows or section 3.7.1 does not: operand() keeps off them; test_csr.c has them.)
MASKS = [
    (0x3b0, 0x3bf, (1 << 54) - 1),      # section 3.7.1: pmpaddr holds address bits 55 to 2; QEMU keeps 64 bits
    (0x141, 0x141, M64 - 1), (0x341, 0x341, M64 - 1),   # sections 3.1.14, 10.1.7: bit 0 of epc is always zero
    (0x106, 0x106, 7), (0x306, 0x306, 7),       # without counters QEMU has no bits for them; they may be writable
    (0x30a, 0x30a, M64 & ~(1 << 60 | 0x30)),    # QEMU has the counter delegation's enable without that extension, and keeps
    (0x10a, 0x10a, M64 & ~0x30),                # the reserved value of CBIE
    (0x302, 0x302, 0xb3ff),             # QEMU lets causes of the absent hypervisor extension be delegated,
    (0x303, 0x304, 0xaaa), (0x104, 0x104, 0x222),    # and has its interrupt bits
    (0x344, 0x344, 0xa8a), (0x144, 0x144, 0x202),   # what is left of STIP when STCE has been on, no manual says
]


class Program:
    """Collects assembly and, for each recorded word, what it is."""

    def __init__(self, rng):
        self.rng = rng
        self.text = []
        self.words = []     # (experiment, register, mask of bits to compare)
        self.n = 0

    def emit(self, *lines):
        self.text += lines

    def record(self, what, *regs, mask=M64):
        for i, r in enumerate(regs):
            self.emit(f"sd {r}, {8 * i}(s0)")
            self.words.append((what, r, mask))
        self.emit(f"addi s0, s0, {8 * len(regs)}")

    def label(self):
        self.n += 1
        return f"l{self.n}"

    # What every experiment starts and ends with. After it we are in M-mode, without interrupts, MPRV or translation.
    def begin(self, after):
        self.emit(f"la s10, {after}", "li a1, 0x5a", "li a2, 0", "li a3, 0", "li a4, 0", "li a5, 0", "li s8, 0")

    def end(self, after):
        self.emit(f"{after}:", "csrr a6, mstatus", "csrw mtvec, s9", "li s11, 0x20000", "csrc mstatus, s11", "csrci mstatus, 8")

    def enter(self, mode, target, extra=0):
        self.emit(f"la t0, {target}" if isinstance(target, str) else f"li t0, {target:#x}", "csrw mepc, t0",
                  "li t1, 0x1800", "csrc mstatus, t1", f"li t1, {mode << 11 | extra:#x}", "csrs mstatus, t1", "mret")


def value(rng):
    return rng.choice([0, M64, rng.getrandbits(64), rng.getrandbits(64) & rng.getrandbits(64), 1 << rng.randrange(64),
                       rng.getrandbits(12), rng.getrandbits(32)])


def operand(rng, csr, op, mode):
    v = value(rng)
    if csr == 0x180 and rng.random() < 0.7:
        v = rng.choice([0, 8, 9, 10, 11]) << 60 | v & (1 << 60) - 1
    if csr in (0x3a0, 0x3a2):       # a locked entry would lock this program out
        v = sum((b & (0x1f if b & 1 else 0x1c)) << 8 * i for i, b in enumerate(v.to_bytes(8, "little")))
    if csr in (0x105, 0x305):
        v &= ~2
    if csr in (0x100, 0x300):       # QEMU has 32-bit modes, which WARL allows
        v = v & ~0xf00000000 & ~8 | (0xa00000000 if op == "csrrw" else 0)
    if csr <= 3:                    # writing nothing back makes FS dirty here, and not in QEMU
        v |= 1
    if csr == 0x180 and mode != 3:  # a root table where nothing is: QEMU walks tables in ROM, too
        v |= 1 << 43
    if csr == 0x14d:                # never: what is left in STIP when STCE goes off, no manual says
        v = M64
    return v


def csr_experiment(p):
    """A CSR instruction in any mode, and what the register reads afterwards."""
    rng = p.rng
    csr = rng.choice(list(CSRS)) if rng.random() < 0.93 else rng.choice(ABSENT)
    mode = rng.choice([3, 3, 3, 1, 1, 0])
    op = "csrrw" if csr in (0x3a0, 0x3a2, 0x105, 0x305, 0x14d) else rng.choice(["csrrw", "csrrs", "csrrc"])
    v = operand(rng, csr, op, mode)
    mask = next((m for first, last, m in MASKS if first <= csr <= last), M64)
    after, done, at = p.label(), p.label(), p.label()
    what = f"{op} {CSRS.get(csr, hex(csr))}, {v:#x} in mode {mode}"
    if mode != 3:
        p.emit("csrw medeleg, x0", "csrw mideleg, x0", "csrw mie, x0", "csrw satp, x0", "li t0, -1", "csrw pmpaddr15, t0",
               "csrw pmpcfg0, x0", "li t0, 0x1f00000000000000", "csrw pmpcfg2, t0", "sfence.vma")
    p.begin(after)
    p.emit(f"li a0, {v:#x}")
    insn = f"{op} a1, {csr:#x}, a0"
    if csr not in (0x14d, 0x100, 0x300) and rng.random() < 0.2:
        insn = f"{op}i a1, {csr:#x}, {v & 0x1d}"
    elif csr not in (0x14d, 0x100, 0x300) and rng.random() < 0.2:
        insn = f"{op} a1, {csr:#x}, x0"
    if mode == 3:
        p.emit(insn)
    else:
        p.enter(mode, at)
        p.emit(f"{at}:", insn, "ecall")
    p.end(after)
    p.record(what + ": " + insn, "a1", mask=mask)
    p.record(what + ": " + insn, "a2", "a3", "a4", "a5", "a6", "s8")
    # read back in M-mode; it may be absent
    p.begin(done)
    p.emit(f"csrr a1, {csr:#x}")
    p.end(done)
    p.record(what + ": read back", "a1", mask=mask)
    p.record(what + ": read back", "a2", "a3")


TRAPS = ["ebreak", ".word 0", ".word 0xffffffff", "ecall", "lw a1, 0(x0)", "sw a1, 0(x0)", "jr x0", "csrr a1, mstatus", "mret", "sret",
         "wfi", "sfence.vma", ".word 0x18000073", ".word 0x18100073", ".word 0x16000073", "lr.w a1, (x0)", "amoadd.w a1, a1, (x0)",
         "cbo.zero (s0)", "cbo.inval (s0)", "cbo.clean (s0)", "cbo.flush (s0)", "rdtime a1\nli a1, 0", "csrr a1, stimecmp\nli a1, 0",
         "fadd.s ft0, ft0, ft0", "csrr a1, satp", "lr.w a1, (s7)", "sc.w a1, a1, (s7)",
         "lr.d a1, (s7)\nsc.d a1, a1, (s7)", "addi t6, s7, 1\nlr.w a1, (t6)", "addi t6, s7, 2\nsc.w a1, a1, (t6)",
         "addi t6, s7, 4\namoadd.d a1, a1, (t6)", "addi t6, s7, 3\nld a1, (t6)", "addi t6, s7, 5\nsd x0, (t6)\nld a1, (s7)", "amoor.w a1, x0, (s7)"]


def trap_experiment(p):
    """An instruction that may trap, from any mode, with random delegation, status and environment."""
    rng = p.rng
    mode = rng.choice([3, 1, 1, 0, 0])
    medeleg = rng.getrandbits(16) & ~(1 << 9) if rng.random() < 0.7 else 0
    status = rng.getrandbits(23) & 0x7c0122 | rng.randrange(4) << 13    # SIE SPIE SPP, FS, SUM MXR TVM TW TSR
    menv = rng.choice([0, M64, rng.getrandbits(8)]) & 0xc1 | rng.choice([0, 1, 3]) << 4 | rng.getrandbits(1) << 63
    senv = rng.choice([0, M64, rng.getrandbits(8)]) & 0xc1 | rng.choice([0, 1, 3]) << 4
    counters = rng.choice([0, 7, rng.getrandbits(3)])
    insn = rng.choice(TRAPS)
    if insn in ("wfi", "mret", "sret") and (mode == 3 or (mode == 1 and insn != "mret" and not status & 0x600000 == 0x600000)):
        insn = "ebreak"     # legal there, and we would wait, or be gone
    if insn in (".word 0x18000073", ".word 0x18100073") and mode == 0:
        insn = "ebreak"     # QEMU executes the fences of Svinval in U-mode, where its chapter says that they are illegal
    if insn == "ecall" and mode == 3:
        insn = "ebreak"
    after, at, stop = p.label(), p.label(), p.label()
    what = f"'{insn}' in mode {mode}, medeleg {medeleg:#x}, status {status:#x}, menvcfg {menv:#x}, senvcfg {senv:#x}, counters {counters}"
    p.emit(f"li t0, {medeleg:#x}", "csrw medeleg, t0", "csrw mideleg, x0", "csrw mie, x0", "csrw satp, x0", "li t0, -1",
           "csrw pmpaddr15, t0", "csrw pmpcfg0, x0", "li t0, 0x1f00000000000000", "csrw pmpcfg2, t0", "la t0, shandler",
           f"addi t0, t0, {rng.getrandbits(1)}", "csrw stvec, t0", f"li t0, {menv:#x}", "csrw menvcfg, t0", f"li t0, {senv:#x}",
           "csrw senvcfg, t0", f"li t0, {counters}", "csrw mcounteren, t0", "li t0, 7", "csrw scounteren, t0", "li t0, 0x7e79aa",
           "csrc mstatus, t0", f"li t0, {status:#x}", "csrs mstatus, t0", "csrw sepc, x0", "csrw scause, x0", "csrw stval, x0",
           "la s7, scratch", "sfence.vma", "addi t0, s7, 8", "sc.w x0, x0, (t0)")   # whether a trap clears the reservation is free
    p.begin(after)
    if mode == 3:
        p.emit(insn)
    else:
        p.enter(mode, at)
        # not at the end of a page, where QEMU's pc of a wfi that traps is off by a page
        p.emit(".balign 8", f"{at}:", insn, f"{stop}: ecall")
    p.end(after)
    # mtval of an illegal instruction may be its bits or zero; both give the bits, and both give pc for a breakpoint
    p.record(what, "a1", "a2", "a3", "a4", "a5", "a6", "s8")
    p.emit("csrr t0, scause", "csrr t1, sepc", "csrr t2, stval", "csrr t3, sstatus")
    p.record(what + ", S registers", "t0", "t1", "t2", "t3")


def interrupt_experiment(p):
    """Random pending, enabled and delegated interrupts; which one comes first, and where it goes."""
    rng = p.rng
    mode = rng.choice([3, 1, 0])
    mip = rng.getrandbits(12) & 0x222
    mie, mideleg = rng.getrandbits(12), rng.getrandbits(12)
    msip, mtip = rng.getrandbits(1), rng.getrandbits(1)
    on = rng.getrandbits(2)     # MIE (MPIE below M-mode), SIE
    after, at = p.label(), p.label()
    what = f"interrupts: mip {mip:#x} msip {msip} mtip {mtip} mie {mie:#x} mideleg {mideleg:#x} mode {mode} on {on}"
    p.emit("csrw mie, x0", "csrw medeleg, x0", "csrw satp, x0", "csrw menvcfg, x0", "li t0, -1", "csrw pmpaddr15, t0", "csrw pmpcfg0, x0",
           "li t0, 0x1f00000000000000", "csrw pmpcfg2, t0", f"li t0, {mideleg:#x}", "csrw mideleg, t0", f"li t0, {mip:#x}",
           "csrw mip, t0", "li t1, 0x2000000", f"li t0, {msip}", "sw t0, 0(t1)", "li t1, 0x2004000", f"li t0, {0 if mtip else -1}",
           "sd t0, 0(t1)", "la t0, shandler", f"addi t0, t0, {rng.getrandbits(1)}", "csrw stvec, t0",
           f"addi t0, s9, {rng.getrandbits(1)}", "csrw mtvec, t0", "li t0, 0x7e79aa", "csrc mstatus, t0", "csrw scause, x0",
           "csrw sepc, x0", "sfence.vma")
    # the lines settle: the CLINT may take its time
    p.emit("fence", *["nop"] * 8, f"li t0, {mie:#x}", "csrw mie, t0", "csrr s6, mip")
    p.begin(after)
    if mode == 3:
        p.emit(f"csrsi mstatus, {on >> 1 << 1}", f"csrsi mstatus, {(on & 1) << 3}", "nop", "nop")
    else:
        p.enter(mode, at, (on & 1) << 7 | on >> 1 << 1)
        p.emit(f"{at}:", "nop", "ecall")
    p.end(after)
    p.record(what, "a2", "a3", "a4", "a5", "a6", "s6", "s8")
    p.emit("csrw mie, x0", "csrr t0, scause", "csrr t1, sepc", "csrr t2, mip")
    p.record(what + ", S registers", "t0", "t1", "t2")
    p.emit("csrw mip, x0", "li t1, 0x2000000", "sw x0, 0(t1)", "li t1, 0x2004000", "li t0, -1", "sd t0, 0(t1)")


def random_pte(rng):
    kind = rng.random()
    pte = 1
    if kind < 0.55:
        pte |= (TABLES // 4096 + rng.randrange(TABLE_PAGES)) << 10 | (0x20 if rng.random() < 0.1 else 0)
    elif kind < 0.95:
        ppn = DATA // 4096 + rng.randrange(DATA_PAGES)
        if rng.random() < 0.4:
            ppn = DATA // 4096      # aligned for a 2 MiB page
        if rng.random() < 0.3:
            ppn = ppn & ~15 | 8
        if rng.random() < 0.1:
            ppn = 0x100000000 | rng.choice([0, 1, 0x200, 0x40000])  # nothing there
        pte |= ppn << 10 | rng.getrandbits(8) & 0xfe
        if rng.random() < 0.6:
            pte |= 0xca if rng.random() < 0.5 else 0xc6
        if rng.random() < 0.3:
            pte |= 1 << 63
        if rng.random() < 0.25:
            pte |= rng.getrandbits(2) << 61
    else:
        pte = rng.getrandbits(10) | rng.getrandbits(10) << 54
    if rng.random() < 0.06:
        pte ^= 1 << rng.choice(list(range(10)) + list(range(54, 64)))
    if pte >> 63:       # QEMU sets A and D before it finds that N is reserved here (section 10.3.2: step 3 comes before 9)
        pte |= 0xc0
    return pte


def world_experiment(p, accesses):
    """Settings for translation, then accesses to random addresses, as data through MPRV and as fetches; the tables' sum last."""
    rng = p.rng
    mode = rng.choice([8, 9, 10])
    levels = mode - 5
    satp = mode << 60 | rng.getrandbits(16) << 44 | TABLES // 4096 + rng.randrange(TABLE_PAGES)
    menv = rng.getrandbits(1) << 61 | rng.getrandbits(1) << 62
    cfg, addrs = 0, []
    for i in range(3):      # pieces of tables and data with other rights, then everything
        bits = rng.choice([3, 4, 6, 12, 13])
        base = (TABLES + rng.randrange(TABLE_PAGES * 4096) if i == 0 else DATA + rng.randrange(DATA_PAGES * 4096)) >> bits << bits
        addrs.append(base >> 2 | (1 << bits - 3) - 1)
        cfg |= rng.choice([0, 0x18, 0x19, 0x1b, 0x1c, 0x1d, 0x1f]) << 8 * i
    cfg |= 0x1f << 24
    p.emit(f"li t0, {satp:#x}", "csrw satp, t0", f"li t0, {menv:#x}", "csrw menvcfg, t0", "csrw medeleg, x0", "csrw mideleg, x0",
           "csrw mie, x0", "csrw pmpcfg2, x0")
    for i, a in enumerate(addrs + [M64]):
        p.emit(f"li t0, {a:#x}", f"csrw pmpaddr{i}, t0")
    p.emit(f"li t0, {cfg:#x}", "csrw pmpcfg0, t0", "sfence.vma")
    for _ in range(accesses):
        priv, sum_mxr = rng.choice([0, 1, 1]), rng.getrandbits(2)
        size = rng.choice([1, 2, 4, 8])
        va = rng.getrandbits(64)
        if rng.random() < 0.95:
            top = 12 + 9 * levels
            va &= (1 << top) - 1
            if va >> top - 1:
                va |= M64 >> top << top
        va &= ~(size - 1)
        kind = rng.choice(["load", "load", "store", "fetch"])
        after = p.label()
        p.emit("li t0, 0x7e79aa", "csrc mstatus, t0", f"li t0, {sum_mxr << 18:#x}", "csrs mstatus, t0")
        p.begin(after)
        if kind == "fetch":
            va &= ~3
            p.enter(priv, va)
        else:
            insn = {"load": ["lbu a1", "lhu a1", "lwu a1", "ld a1"], "store": ["sb a0", "sh a0", "sw a0", "sd a0"]}[kind][size.bit_length() - 1]
            p.emit(f"li a0, 0x7373737373737373", f"li t1, {0x20000 | priv << 11:#x}", f"li t0, {va:#x}", "csrs mstatus, t1", f"{insn}, (t0)")
        p.end(after)
        # a store leaves the word that was there; so all data stay calls, and any fetch of them returns
        p.record(f"{kind} of {size} at {va:#x}, mode {priv}, sum/mxr {sum_mxr}, satp {satp:#x}, menvcfg {menv:#x}, pmp {cfg:#x} "
                 f"{[hex(a) for a in addrs]}", "a1", "a2", "a3", "a5")
    p.emit("call sum")
    p.record(f"tables after satp {satp:#x}", "a1")


def build(seed):
    rng = random.Random(seed)
    p = Program(rng)
    for _ in range(500):
        csr_experiment(p)
    for _ in range(250):
        trap_experiment(p)
    for _ in range(120):
        interrupt_experiment(p)
    for _ in range(40):
        world_experiment(p, 12)
    tables = [random_pte(rng) for _ in range(512 * TABLE_PAGES)]
    vector = lambda to: "\n".join([f"jal s8, {to}"] * 16)
    source = f"""
.option norelax
.section .text
.globl _start
_start:
    csrr t0, mhartid
    bnez t0, .
    la s9, handler
    csrw mtvec, s9
    la s0, buffer
    csrw menvcfg, x0
    li t1, 0x2004000
    li t0, -1
    csrw stimecmp, t0
    sd t0, 0(t1)
    j experiments
.option norvc
.balign 256
handler:
{vector("trapped")}
trapped:
    csrr a4, mstatus
    li s11, 0x20000
    csrc mstatus, s11
    csrr a2, mcause
    csrr a3, mtval
    csrr a5, mepc
    jr s10
.balign 256
shandler:
{vector("strapped")}
strapped:
    ecall
sum:    # of the tables, in a1
    li t0, {TABLES:#x}
    li t1, {TABLES + TABLE_PAGES * 4096:#x}
    li a1, 0
1:  ld t2, 0(t0)
    slli t3, a1, 5
    srli a1, a1, 59
    or a1, a1, t3
    add a1, a1, t2
    addi t0, t0, 8
    bne t0, t1, 1b
    ret
experiments:
{chr(10).join(p.text)}
    csrw mie, x0
    la a0, buffer
    li a1, 0x10000000
1:  beq a0, s0, 3f
2:  lbu t0, 5(a1)
    andi t0, t0, 0x20
    beqz t0, 2b
    lbu t0, 0(a0)
    sb t0, 0(a1)
    addi a0, a0, 1
    j 1b
3:  lbu t0, 5(a1)
    andi t0, t0, 0x40
    beqz t0, 3b
    li a1, 0x100000
    li t0, 0x5555
    sw t0, 0(a1)
    j .
.balign 64
scratch: .dword 0x1122334455667788, 0
.section .tables, "aw"
{chr(10).join(f".dword {pte:#x}" for pte in tables)}
.section .data, "aw"
.fill {DATA_PAGES * 1024}, 4, 0x73
.section .bss, "aw", @nobits
.balign 8
buffer: .skip {8 * len(p.words) + 8}
"""
    return p, source


def run(command, serial, what):
    r = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=100, check=False)
    if r.returncode:
        sys.exit(f"oracle: {what} ended with status {r.returncode}: {r.stdout.decode(errors='replace')[-400:]}")
    with open(serial, "rb") as f:
        return f.read()


def main():
    calque, peer, gcc = sys.argv[1:4]
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    programs = int(sys.argv[5]) if len(sys.argv) > 5 else 4
    passed = failed = 0
    for seed in range(first, first + programs):
        p, source = build(seed)
        with tempfile.TemporaryDirectory(prefix="calque-oracle-") as d:
            path = lambda name: os.path.join(d, name)
            with open(path("p.S"), "w", encoding="utf-8") as f:
                f.write(source)
            subprocess.run([gcc, "-nostdlib", "-nostartfiles", "-static", "-no-pie", "-Wl,--build-id=none", "-Wl,-n",
                            "-march=rv64gc_zicbom_zicboz", "-mabi=lp64d", f"-Wl,-Ttext={RAM:#x}",
                            f"-Wl,--section-start=.tables={TABLES:#x}", f"-Wl,--section-start=.data={DATA:#x}",
                            f"-Wl,--section-start=.bss={RAM + 0x800000:#x}", "-o", path("p.elf"), path("p.S")], check=True)
            theirs = run([peer, "qemu-system-riscv64", "-M", "virt", "-m", "64M", "-cpu", QEMU_CPU, "-display", "none", "-monitor", "none",
                          "-serial", "file:" + path("qemu.out"), "-bios", path("p.elf")], path("qemu.out"), "QEMU")
            ours = run([calque, "run", "--arch", "riscv64", "-m", "64M", "--firmware", path("p.elf"), "--serial", "file:" + path("our.out"),
                        "--timeout", "60"], path("our.out"), "Calque")
        if len(theirs) != 8 * len(p.words) or len(ours) != len(theirs):
            print(f"program {seed}: {len(ours)} bytes from Calque, {len(theirs)} from QEMU, expected {8 * len(p.words)}")
            failed += 1
            continue
        bad = 0
        for i, (what, reg, mask) in enumerate(p.words):
            a, b = (int.from_bytes(x[8 * i:8 * i + 8], "little") & mask for x in (ours, theirs))
            if a != b:
                bad += 1
                if bad <= int(os.environ.get("ORACLE_SHOW", "10")):
                    print(f"program {seed}: {what}\n    {reg}: {a:#x}, QEMU has {b:#x}")
        passed += not bad
        failed += bool(bad)
    print(f"riscv_oracle: {passed} passed, {failed} failed, 0 skipped")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
