#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Test vectors for the integer micro-ops: one line 'TEXT ; r1 r2 r3 ; r10', from what ir/ops.def says in Python's unbounded
integers, independent of the C bodies. For branches the last field is the target."""

import random

M = (1 << 64) - 1
EDGE = [0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
        0x80000001, 0xffffffff, 0x100000000, 0x123456789abcdef0, 0x00ff00f000010080, 0x7fffffffffffffff, 0x8000000000000000,
        0x8000000000000001, 0xfffffffeffffffff, 0xffffffff00000000, 0xffffffff7fffffff, 0xffffffff80000000, M - 1, M]
IMM = [0, 1, 2, 5, 31, 32, 33, 63, 64, 127, 2047, -1, -2, -64, -2048, 0x7fffffff, -0x80000000, 0x12345678]


def s(v, bits=64):
    v &= (1 << bits) - 1
    return v - (1 << bits) if v >> (bits - 1) else v


def w(v):
    return s(v, 32) & M


def lo(v):
    return v & 0xffffffff


def quotient(a, b):  # towards zero
    q = abs(a) // abs(b)
    return -q if (a < 0) != (b < 0) else q


def div(a, b, bits, signed):
    mask = (1 << bits) - 1
    a, b = (s(a, bits), s(b, bits)) if signed else (a & mask, b & mask)
    return -1 if b == 0 else quotient(a, b)


def rem(a, b, bits, signed):
    mask = (1 << bits) - 1
    a, b = (s(a, bits), s(b, bits)) if signed else (a & mask, b & mask)
    return a if b == 0 else a - b * quotient(a, b)


def rol(v, n, bits):
    n %= bits
    v &= (1 << bits) - 1
    return v << n | v >> (bits - n)


def carryless(a, b):
    r = 0
    for i in range(64):
        if b >> i & 1:
            r ^= a << i
    return r


def leading(v, bits):
    return bits - v.bit_length()


def trailing(v, bits):
    return (v & -v).bit_length() - 1 if v else bits


# d = op a, b; and with an immediate (as b, sign-extended) those in IMMEDIATE
TWO = {
    'add': lambda a, b: a + b, 'sub': lambda a, b: a - b, 'and': lambda a, b: a & b, 'or': lambda a, b: a | b,
    'xor': lambda a, b: a ^ b, 'shl': lambda a, b: a << b % 64, 'shr': lambda a, b: a >> b % 64,
    'sar': lambda a, b: s(a) >> b % 64, 'slt': lambda a, b: int(s(a) < s(b)), 'sltu': lambda a, b: int(a < b),
    'addw': lambda a, b: w(a + b), 'subw': lambda a, b: w(a - b), 'shlw': lambda a, b: w(a << b % 32),
    'shrw': lambda a, b: w(lo(a) >> b % 32), 'sarw': lambda a, b: w(s(a, 32) >> b % 32),
    'mul': lambda a, b: a * b, 'mulw': lambda a, b: w(a * b), 'mulh': lambda a, b: s(a) * s(b) >> 64,
    'mulhu': lambda a, b: a * b >> 64, 'mulhsu': lambda a, b: s(a) * b >> 64,
    'div': lambda a, b: div(a, b, 64, True), 'divu': lambda a, b: div(a, b, 64, False),
    'rem': lambda a, b: rem(a, b, 64, True), 'remu': lambda a, b: rem(a, b, 64, False),
    'divw': lambda a, b: w(div(a, b, 32, True)), 'divuw': lambda a, b: w(div(a, b, 32, False)),
    'remw': lambda a, b: w(rem(a, b, 32, True)), 'remuw': lambda a, b: w(rem(a, b, 32, False)),
    'andn': lambda a, b: a & (M - b), 'orn': lambda a, b: a | (M - b), 'xnor': lambda a, b: M - (a ^ b),
    'rol': lambda a, b: rol(a, b, 64), 'ror': lambda a, b: rol(a, -b, 64), 'rolw': lambda a, b: w(rol(a, b, 32)),
    'rorw': lambda a, b: w(rol(a, -b, 32)),
    'min': lambda a, b: min(s(a), s(b)), 'max': lambda a, b: max(s(a), s(b)), 'minu': min, 'maxu': max,
    'sh1add': lambda a, b: 2 * a + b, 'sh2add': lambda a, b: 4 * a + b, 'sh3add': lambda a, b: 8 * a + b,
    'add_uw': lambda a, b: lo(a) + b, 'sh1add_uw': lambda a, b: 2 * lo(a) + b, 'sh2add_uw': lambda a, b: 4 * lo(a) + b,
    'sh3add_uw': lambda a, b: 8 * lo(a) + b, 'shl_uw': lambda a, b: lo(a) << b % 64,
    'bclr': lambda a, b: a & ~(1 << b % 64), 'bset': lambda a, b: a | 1 << b % 64, 'binv': lambda a, b: a ^ 1 << b % 64,
    'bext': lambda a, b: a >> b % 64 & 1, 'clmul': carryless, 'clmulh': lambda a, b: carryless(a, b) >> 64,
    'clmulr': lambda a, b: carryless(a, b) >> 63, 'czero_eqz': lambda a, b: 0 if b == 0 else a,
    'czero_nez': lambda a, b: 0 if b != 0 else a,
}
IMMEDIATE = ('add and or xor shl shr sar slt sltu addw shlw shrw sarw ror rorw bclr bset binv bext shl_uw').split()
IMMEDIATE_ONLY = ['shl_uw']
ONE = {
    'mov': lambda a: a, 'clz': lambda a: leading(a, 64), 'clzw': lambda a: leading(lo(a), 32), 'ctz': lambda a: trailing(a, 64),
    'ctzw': lambda a: trailing(lo(a), 32), 'popcnt': lambda a: bin(a).count('1'), 'popcntw': lambda a: bin(lo(a)).count('1'),
    'bswap': lambda a: int.from_bytes(a.to_bytes(8, 'little'), 'big'),
    'orcb': lambda a: int.from_bytes(bytes(255 if x else 0 for x in a.to_bytes(8, 'little')), 'little'),
    'sext8': lambda a: s(a, 8), 'sext16': lambda a: s(a, 16), 'sext32': w, 'zext16': lambda a: a & 0xffff, 'zext32': lo,
    'box16': lambda a: a & 0xffff | M - 0xffff, 'box32': lambda a: lo(a) | M - 0xffffffff,
}
BRANCH = {
    'beq': lambda a, b: a == b, 'bne': lambda a, b: a != b, 'blt': lambda a, b: s(a) < s(b), 'bge': lambda a, b: s(a) >= s(b),
    'bltu': lambda a, b: a < b, 'bgeu': lambda a, b: a >= b,
}


def line(text, a, b, result):
    print(f'{text} ; {a:#x} {b:#x} 0 ; {result & M:#x} ; 0 0')


def main():
    rng = random.Random(1)
    values = EDGE + [rng.getrandbits(64) for _ in range(4)]
    pairs = [(a, b) for a in EDGE for b in EDGE] + [(rng.getrandbits(64), rng.getrandbits(64)) for _ in range(100)]
    for name, fn in TWO.items():
        if name not in IMMEDIATE_ONLY:
            for a, b in pairs:
                line(f'r10 = {name} r1, r2', a, b, fn(a, b))
        if name in IMMEDIATE:
            for a in values:
                for imm in IMM:
                    line(f'r10 = {name}_i r1, {imm}', a, 0, fn(a, imm & M))
    for name, fn in ONE.items():
        for a in EDGE + [rng.getrandbits(64) for _ in range(100)] + [1 << i for i in range(64)]:
            line(f'r10 = {name} r1', a, 0, fn(a))
    for imm in IMM:
        line(f'r10 = li {imm}', 0, 0, imm)
        line(f'r10 = lih {imm}', 0, 0, imm << 32)
    for name, fn in BRANCH.items():
        for a, b in pairs:
            line(f'{name} r1, r2 -> 0x100 else -0x80', a, b, 0x100 if fn(a, b) else -0x80)


if __name__ == '__main__':
    main()
