#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Test vectors for the floating-point micro-ops: 'TEXT ; r1 r2 r3 ; r10 ; rm flags' with RISC-V's rounding modes and flag bits.
Values are exact rationals, rounded once as IEEE 754-2008 section 4.3 says; no floating-point unit takes part."""

import random
from fractions import Fraction
from math import isqrt

NX, UF, OF, DZ, NV = 1, 2, 4, 8, 16
RNE, RTZ, RDN, RUP, RMM = range(5)
M = (1 << 64) - 1


class Format:
    def __init__(self, bits, precision, emax):
        self.bits, self.p, self.emax, self.emin = bits, precision, emax, 1 - emax
        self.fraction = precision - 1
        self.inf = (2 * emax + 1) << self.fraction
        self.nan = self.inf | 1 << (self.fraction - 1)
        self.sign = 1 << (bits - 1)

    def box(self, v):
        return v | M >> self.bits << self.bits

    def unbox(self, v):
        return v & ((1 << self.bits) - 1) if self.box(v & ((1 << self.bits) - 1)) == v else self.nan


H, S, D = Format(16, 11, 15), Format(32, 24, 127), Format(64, 53, 1023)


class Value:  # sign, and one of: nan (2 signalling, 1 quiet), inf, or the exact magnitude
    def __init__(self, f, slot):
        v = f.unbox(slot)
        self.sign = v >> (f.bits - 1)
        v &= f.sign - 1
        self.nan = 0 if v <= f.inf else 1 if v >> (f.fraction - 1) & 1 else 2
        self.inf = v == f.inf
        self.mag = self.x = None
        if v < f.inf:
            exp, frac = v >> f.fraction, v & ((1 << f.fraction) - 1)
            m, e = (frac | 1 << f.fraction, exp) if exp else (frac, 1)
            self.mag = Fraction(m) * Fraction(2) ** (e - f.emax - f.fraction)
            self.x = -self.mag if self.sign else self.mag


def round_int(x, rm, negative):
    """A non-negative rational to an integer."""
    n, rest = divmod(x.numerator, x.denominator)
    twice = 2 * rest - x.denominator
    up = {RNE: twice > 0 or (twice == 0 and n & 1), RTZ: False, RDN: negative and rest, RUP: not negative and rest,
          RMM: twice >= 0}[rm]
    return n + (1 if up else 0), rest != 0


def exponent(x):
    """floor(log2(x))"""
    e = x.numerator.bit_length() - x.denominator.bit_length()
    return e if x >= Fraction(2) ** e else e - 1


def round_to(f, rm, negative, x):
    """(bits, flags) of the non-zero magnitude x."""
    e = exponent(x)
    unbounded, _ = round_int(x / Fraction(2) ** (e - f.fraction), rm, negative)
    tiny = unbounded * Fraction(2) ** (e - f.fraction) < Fraction(2) ** f.emin
    q = max(e, f.emin) - f.fraction
    n, inexact = round_int(x / Fraction(2) ** q, rm, negative)
    flags = (NX | (UF if tiny else 0)) if inexact else 0
    bits = n if q == f.emin - f.fraction else n + ((q + f.fraction - f.emin) << f.fraction)
    if bits >= f.inf:
        flags = OF | NX
        away = rm in (RNE, RMM) or rm == (RDN if negative else RUP)
        bits = f.inf if away else f.inf - 1
    return bits | (f.sign if negative else 0), flags


def result(f, rm, x, zero_negative):
    if x == 0:
        return (f.sign if zero_negative else 0), 0
    return round_to(f, rm, x < 0, abs(x))


def inf(f, sign):
    return f.inf | (f.sign if sign else 0), 0


def nan(f, *values):
    return f.nan, NV if any(v.nan == 2 for v in values) else 0


def add(f, rm, a, b):
    if a.nan or b.nan:
        return nan(f, a, b)
    if a.inf or b.inf:
        if a.inf and b.inf and a.sign != b.sign:
            return f.nan, NV
        return inf(f, a.sign if a.inf else b.sign)
    same = a.x == 0 and b.x == 0 and a.sign == b.sign
    return result(f, rm, a.x + b.x, a.sign if same else rm == RDN)


def negated(v):
    v.sign ^= 1
    if v.x is not None:
        v.x = -v.x
    return v


def mul(f, rm, a, b):
    if a.nan or b.nan:
        return nan(f, a, b)
    sign = a.sign ^ b.sign
    if a.inf or b.inf:
        return (f.nan, NV) if a.x == 0 or b.x == 0 else inf(f, sign)
    return result(f, rm, a.x * b.x, sign)


def div(f, rm, a, b):
    if a.nan or b.nan:
        return nan(f, a, b)
    sign = a.sign ^ b.sign
    if (a.inf and b.inf) or (a.x == 0 and b.x == 0):
        return f.nan, NV
    if a.inf or b.x == 0:
        return inf(f, sign)[0], 0 if a.inf else DZ
    return ((f.sign if sign else 0), 0) if b.inf else result(f, rm, a.x / b.x, sign)


def sqrt(f, rm, a):
    if a.nan:
        return nan(f, a)
    if a.x == 0:
        return (f.sign if a.sign else 0), 0
    if a.sign:
        return f.nan, NV
    if a.inf:
        return inf(f, 0)
    k = 1300  # scaled far beyond the precision; an inexact root gets half a unit more, which stands for the rest
    n = a.x.numerator * 4 ** k // a.x.denominator
    root = isqrt(n)
    exact = root * root == n and a.x.numerator * 4 ** k % a.x.denominator == 0
    return result(f, rm, Fraction(2 * root + (0 if exact else 1), 2 ** (k + 1)), 0)


def fma(f, rm, a, b, c):
    if (a.inf and b.x == 0) or (a.x == 0 and b.inf):
        return f.nan, NV
    if a.nan or b.nan or c.nan:
        return nan(f, a, b, c)
    sign = a.sign ^ b.sign
    if a.inf or b.inf:
        return (f.nan, NV) if c.inf and c.sign != sign else inf(f, sign)
    if c.inf:
        return inf(f, c.sign)
    p = a.x * b.x
    return result(f, rm, p + c.x, sign if p == 0 and c.x == 0 and sign == c.sign else rm == RDN)


def convert(to, rm, a):
    if a.nan:
        return nan(to, a)
    return inf(to, a.sign) if a.inf else result(to, rm, a.x, a.sign)


def to_int(bits, signed, rm, a):
    least, most = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if a.nan or a.inf:
        return (least if a.inf and a.sign else most), NV
    n, inexact = round_int(a.mag, rm, a.sign)
    n = -n if a.sign else n
    if not least <= n <= most:
        return (least if n < least else most), NV
    return n, NX if inexact else 0


def from_int(f, rm, n):
    return result(f, rm, Fraction(n), 0)


def minmax(f, a, b, av, bv, largest):
    flags = NV if a.nan == 2 or b.nan == 2 else 0
    if a.nan and b.nan:
        return f.nan, flags
    if a.nan or b.nan:
        return (bv if a.nan else av), flags

    def key(v):
        return (1 if not v.sign else -1) * (Fraction(2) ** 2000 if v.inf else v.mag), -v.sign
    a_first = key(a) < key(b)
    return (av if a_first != largest else bv), flags


def compare(a, b, op):
    if a.nan or b.nan:
        return 0, NV if op != 'feq' or 2 in (a.nan, b.nan) else 0

    def key(v):
        return (-1 if v.sign else 1) * (Fraction(2) ** 2000 if v.inf else v.mag)
    x, y = key(a), key(b)
    return int({'feq': x == y, 'flt': x < y, 'fle': x <= y}[op]), 0


def classify(f, v):
    a = Value(f, v)
    if a.nan:
        return 1 << (8 if a.nan == 2 else 9)
    kind = 0 if a.inf else 3 if a.mag == 0 else 2 if a.mag < Fraction(2) ** f.emin else 1
    return 1 << (kind if a.sign else 7 - kind)


# ---- operands ----

def edges(f):
    one, small = f.emax << f.fraction, 1 << f.fraction
    v = [0, 1, 2, small - 1, small, small + 1, one - 1, one, one + 1, one + (1 << (f.fraction - 1)), f.inf - 1, f.inf, f.nan,
         f.inf + 1]
    return [f.box(x | s) for x in v for s in (0, f.sign)]


def some(f, rng):
    """Random operands, often with exponents close enough for results to interact, or with few bits set."""
    kind = rng.randrange(4)
    frac = rng.getrandbits(f.fraction)
    if kind == 1:
        frac &= rng.getrandbits(f.fraction) & rng.getrandbits(f.fraction) & rng.getrandbits(f.fraction)
    elif kind == 2:
        frac |= rng.getrandbits(f.fraction) | rng.getrandbits(f.fraction)
    exp = rng.randrange(2 * f.emax + 1) if kind == 3 else f.emax + rng.randrange(-f.fraction - 4, f.fraction + 4)
    return f.box(max(exp, 0) << f.fraction | frac | (f.sign if rng.randrange(2) else 0))


def badly_boxed(f, rng):
    """A single that counts as a NaN: the upper half is not all ones."""
    return some(f, rng) & 0xffffffff | rng.choice((0, 1, 0xfffffffe, rng.getrandbits(31))) << 32


SOFT = ('ADD_S SUB_S MUL_S DIV_S SQRT_S MADD_S ADD_D SUB_D MUL_D DIV_D SQRT_D MADD_D CVT_W_S CVT_WU_S CVT_L_S CVT_LU_S CVT_W_D '
        'CVT_WU_D CVT_L_D CVT_LU_D CVT_S_W CVT_S_WU CVT_S_L CVT_S_LU CVT_D_W CVT_D_WU CVT_D_L CVT_D_LU CVT_S_D CVT_D_S CVT_S_H '
        'CVT_H_S CVT_D_H CVT_H_D').split()


def emit(text, operands, value, rm, flags):
    a, b, c = (list(operands) + [0, 0, 0])[:3]
    print(f'{text} ; {a:#x} {b:#x} {c:#x} ; {value & M:#x} ; {rm} {flags}')


def both(op, soft, operands, fn, box, negate=None):
    """The op in the host's four modes, and fsoft in all five."""
    slots = ', '.join(f'r{i + 1}' for i in range(len(operands)))
    imm = '' if negate is None else f', {negate}'
    for rm in range(5):
        value, flags = fn(rm)
        if rm != RMM:
            emit(f'r10 = {op} {slots}{imm}', operands, box(value), rm, flags)
        code = SOFT.index(soft) | rm << 8 | (negate or 0) << 12
        emit(f'r10 = fsoft r1, r2, r3, {code}', operands, box(value), 0, flags)


def arithmetic(f, suffix, rng):
    e = edges(f)
    pairs = [(a, b) for a in e for b in e] + [(some(f, rng), some(f, rng)) for _ in range(150)]
    if f is S:
        for _ in range(100):
            bad = badly_boxed(f, rng)
            pairs += [(some(f, rng), bad), (bad, some(f, rng))]
    for a, b in pairs:
        def x():
            return Value(f, a)

        def y():
            return Value(f, b)
        both('fadd' + suffix, 'ADD' + suffix.upper(), (a, b), lambda rm: add(f, rm, x(), y()), f.box)
        both('fsub' + suffix, 'SUB' + suffix.upper(), (a, b), lambda rm: add(f, rm, x(), negated(y())), f.box)
        both('fmul' + suffix, 'MUL' + suffix.upper(), (a, b), lambda rm: mul(f, rm, x(), y()), f.box)
        both('fdiv' + suffix, 'DIV' + suffix.upper(), (a, b), lambda rm: div(f, rm, x(), y()), f.box)
        av, bv = f.unbox(a), f.unbox(b)
        for name, largest in (('fmin', False), ('fmax', True)):
            v, flags = minmax(f, x(), y(), av, bv, largest)
            emit(f'r10 = {name}{suffix} r1, r2', (a, b), f.box(v), 0, flags)
        for name in ('feq', 'flt', 'fle'):
            v, flags = compare(x(), y(), name)
            emit(f'r10 = {name}{suffix} r1, r2', (a, b), v, 0, flags)
        for name, sign in (('fsgnj', bv), ('fsgnjn', ~bv), ('fsgnjx', av ^ bv)):
            emit(f'r10 = {name}{suffix} r1, r2', (a, b), f.box(av & (f.sign - 1) | sign & f.sign), 0, 0)
        both('fsqrt' + suffix, 'SQRT' + suffix.upper(), (b,), lambda rm: sqrt(f, rm, y()), f.box)
        emit(f'r10 = fclass{suffix} r1', (b,), classify(f, b), 0, 0)
    triples = [(a, rng.choice(e), rng.choice(e)) for a in e for _ in range(8)]
    # every meeting of zeros, infinities and NaNs
    special = [f.box(x) for x in (0, f.sign, f.emax << f.fraction, f.inf, f.inf | f.sign, f.nan, f.inf + 1)]
    triples += [(a, b, c) for a in special for b in special for c in special]
    for _ in range(200):
        a, b = some(f, rng), some(f, rng)
        c = some(f, rng)
        if rng.randrange(2):  # c close to the product, so that they cancel
            p, _ = mul(f, RNE, Value(f, a), Value(f, b))
            c = f.box(p ^ f.sign) if rng.randrange(2) else f.box(p ^ rng.randrange(4))
        triples.append((a, b, c))
        if f is S:
            which = rng.randrange(3)
            triples.append(tuple(badly_boxed(f, rng) if i == which else v for i, v in enumerate((a, b, c))))
    for a, b, c in triples:
        negate = rng.randrange(4)

        def fn(rm):
            x, z = Value(f, a), Value(f, c)
            return fma(f, rm, negated(x) if negate & 1 else x, Value(f, b), negated(z) if negate & 2 else z)
        both('fmadd' + suffix, 'MADD' + suffix.upper(), (a, b, c), fn, f.box, negate)


INTS = {'w': (32, True), 'wu': (32, False), 'l': (64, True), 'lu': (64, False)}


def near_limits(f):
    """Floats around the borders of the integer types, and halves around zero."""
    for power in (0, 31, 32, 63, 64):
        for delta in (Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1), Fraction(3, 2), Fraction(2)):
            for x in (2 ** power - delta, 2 ** power + delta):
                if x > 0:
                    for rm in (RTZ, RUP):
                        bits = round_to(f, rm, False, x)[0]
                        yield f.box(bits)
                        yield f.box(bits | f.sign)


def conversions(rng):
    for f, suffix in ((S, '_s'), (D, '_d')):
        operands = edges(f) + sorted(set(near_limits(f))) + [some(f, rng) for _ in range(60)]
        for name, (bits, signed) in INTS.items():
            def box(v):
                return (v & 0xffffffff ^ 0x80000000) - 0x80000000 if bits == 32 else v
            for a in operands:
                both(f'fcvt_{name}{suffix}', f'CVT_{name}{suffix}'.upper(), (a,),
                     lambda rm: to_int(bits, signed, rm, Value(f, a)), box)
                v, flags = to_int(bits, signed, RTZ, Value(f, a))
                for rm in range(4):
                    emit(f'r10 = fcvtz_{name}{suffix} r1', (a,), box(v), rm, flags)
            values = [0, 1, 2, 3, M, M - 1, 1 << 31, (1 << 31) - 1, 0xffffffff, 1 << 32, 1 << 63, (1 << 63) - 1, (1 << 63) + 1]
            values += [(1 << k) + d & M for k in (24, 25, 53, 54, 55, 63) for d in (-2, -1, 1, 2, 3)]
            values += [M - (1 << k) + d & M for k in (8, 9, 10, 11, 38, 39, 40) for d in (-1, 0, 1, 2)]
            values += [rng.getrandbits(64) >> rng.randrange(64) for _ in range(60)]
            for v in values:
                n = v & ((1 << bits) - 1)
                n = n - (1 << bits) if signed and n >> (bits - 1) else n
                both(f'fcvt{suffix}_{name}', f'CVT{suffix}_{name}'.upper(), (v,), lambda rm: from_int(f, rm, n), f.box)
    for to, tn, source, sn in ((S, 's', D, 'd'), (D, 'd', S, 's'), (S, 's', H, 'h'), (H, 'h', S, 's'), (D, 'd', H, 'h'), (H, 'h', D, 'd')):
        operands = edges(source) + [some(source, rng) for _ in range(200)] + [source.box(0x3c00) & M >> 1, 0x123456]
        if source is S:
            operands += [badly_boxed(S, rng) for _ in range(200)]
        if source.bits > to.bits:  # around the borders and halfway points of the narrower format
            for k in list(range(to.emin - to.p - 2, to.emin + 3)) + [to.emax, to.emax + 1, 0]:
                for m in (1, Fraction(3, 2), 1 + Fraction(1, 2 ** to.p), 2 - Fraction(1, 2 ** to.p), 2 - Fraction(3, 2 ** (to.p + 1)),
                          1 + Fraction(1, 2 ** 22), 2 - Fraction(1, 2 ** 22), 1 + Fraction(1, 2 ** 40), 2 - Fraction(1, 2 ** 40)):
                    bits = round_to(source, RTZ, False, m * Fraction(2) ** k)[0]
                    operands += [source.box(bits), source.box(bits | source.sign)]
        for a in operands:
            both(f'fcvt_{tn}_{sn}', f'CVT_{tn}_{sn}'.upper(), (a,), lambda rm: convert(to, rm, Value(source, a)), to.box)


def main():
    rng = random.Random(2)
    arithmetic(S, '_s', rng)
    arithmetic(D, '_d', rng)
    conversions(rng)


if __name__ == '__main__':
    main()
