#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the decoder from its tables: mkdecoder.py insn32.decode insn16.decode KINDS.h MATCH.inc

KINDS.h lists the instructions (an X-macro); MATCH.inc holds one matching function a table: nested switches over the bits
that all remaining patterns fix, so that an instruction is found in two or three jumps. insn32.decode explains the syntax.
"""
import re
import sys


def fail(where, why):
    sys.exit(f"{where}: {why}")


class Field:
    """Pieces POS:LEN, most significant first, then <<N and +N."""

    def __init__(self, words, where):
        self.pieces, self.shift, self.plus, self.signed = [], 0, 0, False
        for word in words:
            if m := re.fullmatch(r"(\d+):(s?)(\d+)", word):
                if m[2] and self.pieces:
                    fail(where, f"{word}: only the first piece can carry the sign")
                self.signed |= bool(m[2])
                self.pieces.append((int(m[1]), int(m[3])))
            elif m := re.fullmatch(r"<<(\d+)", word):
                self.shift = int(m[1])
            elif m := re.fullmatch(r"\+(\d+)", word):
                self.plus = int(m[1])
            else:
                fail(where, f"{word} is no piece of a field")

    def code(self):
        value, width = "", 0
        for pos, size in self.pieces:
            piece = f"w >> {pos} & {(1 << size) - 1:#x}"
            value = f"({value}) << {size} | ({piece})" if value else piece
            width += size
        if self.signed:
            return f"(int32_t)(({value}) << {32 - width}) >> {32 - width - self.shift}"
        if self.shift:
            value = f"({value}) << {self.shift}"
        return f"({value}) + {self.plus}" if self.plus else value


class Pattern:
    def __init__(self, name, bits, format_name, kind, needs, flags):
        self.name, self.format, self.kind, self.needs, self.flags = name, format_name, kind, needs, flags
        self.mask = int("".join("0" if c == "." else "1" for c in bits), 2)
        self.value = int(bits.replace(".", "0"), 2)


class Table:
    """One .decode file."""

    def __init__(self, path, width):
        self.width, self.fields, self.formats, self.patterns = width, {}, {}, []
        with open(path, encoding="ascii") as lines:
            for number, line in enumerate(lines, 1):
                words = line.split("#")[0].split()
                if words:
                    self.line(words, f"{path}:{number}")
        self.check(path)

    def line(self, words, where):
        first, rest = words[0], words[1:]
        if first[0] == "%":
            self.fields[first[1:]] = Field(rest, where)
        elif first[0] == "@":
            self.formats[first[1:]] = [self.assignment(word, where) for word in rest]
        else:
            self.pattern(first, rest, where)

    def assignment(self, word, where):
        name, _, value = word.partition("=")
        if value.isdigit():
            return name, value
        field = value[1:] or name
        if field not in self.fields:
            fail(where, f"unknown field %{field}")
        return name, self.fields[field].code()

    def pattern(self, name, words, where):
        bits = ""
        while words and re.fullmatch(r"[01.]+", words[0]):
            bits += words.pop(0)
        if len(bits) != self.width:
            fail(where, f"{name} has {len(bits)} bits, not {self.width}")
        if not words or words[0][0] != "@" or words[0][1:] not in self.formats:
            fail(where, f"{name} needs a known @format")
        form, kind = words.pop(0)[1:], name
        if words and words[0] == "=":
            kind, words = words[1], words[2:]
        needs = [word for word in words if word.isupper()]
        flags = [word for word in words if not word.isupper()]
        if set(flags) - {"first"}:
            fail(where, f"unknown flag {flags[0]}")
        self.patterns.append(Pattern(name, bits, form, kind, needs, flags))

    def check(self, path):
        """Every line must be reachable."""
        for i, late in enumerate(self.patterns):
            for early in self.patterns[:i]:
                hidden = early.mask & ~late.mask == 0 and (early.value ^ late.value) & early.mask == 0
                if hidden and set(early.needs) <= set(late.needs):
                    fail(path, f"{late.name} can never match: {early.name} comes first")


def best_run(mask, patterns):
    """The run of fixed bits that tells most patterns apart: (position, length)."""
    best, best_values, pos = None, 0, 0
    while mask >> pos:
        size = 0
        while mask >> (pos + size) & 1 and size < 8:
            size += 1
        if size:
            values = len({p.value >> pos & (1 << size) - 1 for p in patterns})
            if values > best_values:
                best, best_values = (pos, size), values
        pos += max(size, 1)
    return best


def ext_mask(needs):
    return " | ".join(f"1ull << EXT_{ext}" for ext in needs)


def accept(table, p):
    out = [f"i->{name} = {value};" for name, value in table.formats[p.format]]
    return " ".join(out + [f"return INSN_{p.kind.upper()};"])


def match(table, patterns, known, depth, out):
    """Code that tells `patterns` apart, given that the bits of `known` match already."""
    indent = "\t" * depth
    common = (1 << table.width) - 1 & ~known
    for p in patterns:
        common &= p.mask
    if len(patterns) > 1 and common:
        pos, size = best_run(common, patterns)
        bits = (1 << size) - 1
        out.append(f"{indent}switch (w >> {pos} & {bits:#x}) {{")
        for value in sorted({p.value >> pos & bits for p in patterns}):
            out.append(f"{indent}case {value:#x}:")
            match(table, [p for p in patterns if p.value >> pos & bits == value], known | bits << pos, depth + 1, out)
        out.append(f"{indent}}}")
        out.append(f"{indent}return INSN_ILLEGAL;")
        return
    for p in patterns:
        tests = []
        if left := p.mask & ~known:
            tests.append(f"(w & {left:#x}) == {p.value & left:#x}")
        if p.needs:
            need = ext_mask(p.needs)
            tests.append(f"ext & ({need})" if len(p.needs) == 1 else f"(ext & ({need})) == ({need})")
        action = "return INSN_ILLEGAL;" if p.name == "reserved" else accept(table, p)
        if not tests:
            out.append(f"{indent}{action}")
            return
        out.append(f"{indent}if ({' && '.join(tests)}) {{")
        out.append(f"{indent}\t{action}")
        out.append(f"{indent}}}")
    out.append(f"{indent}return INSN_ILLEGAL;")


def header(wide):
    """INSN(name, needs floating point, has a rounding mode, stands first in its block)"""
    out = []
    for p in wide.patterns:
        fp = not {"F", "D", "ZFHMIN"}.isdisjoint(p.needs)
        rm = any(name == "rm" for name, _ in wide.formats[p.format])
        out.append(f"\tINSN({p.name}, {p.name.upper()}, {int(fp)}, {int(rm)}, {int('first' in p.flags)}) \\")
    return "\n".join(["// Written by mkdecoder.py", "#pragma once", "", "#define RISCV_INSNS(INSN) \\"] + out + ["", ""])


def main():
    wide, narrow = Table(sys.argv[1], 32), Table(sys.argv[2], 16)
    kinds = {p.name for p in wide.patterns}
    for p in narrow.patterns:
        if p.name != "reserved" and p.kind not in kinds:
            fail(sys.argv[2], f"{p.name} expands to unknown {p.kind}")
    with open(sys.argv[3], "w", encoding="ascii") as out:
        out.write(header(wide))
    text = ["// Written by mkdecoder.py"]
    for table in wide, narrow:
        text += ["", f"static enum insn_kind match{table.width}(uint32_t w, uint64_t ext, struct insn *i)", "{"]
        match(table, table.patterns, 3 if table is wide else 0, 1, text)
        text += ["}", "", f"const struct insn_pattern riscv_patterns{table.width}[] = {{"]
        text += [f'\t{{ "{p.name}", {p.mask:#x}, {p.value:#x}, {ext_mask(p.needs) or 0} }},' for p in table.patterns]
        text += ["};", f"const unsigned riscv_n_patterns{table.width} = {len(table.patterns)};"]
    with open(sys.argv[4], "w", encoding="ascii") as out:
        out.write("\n".join(text) + "\n")


main()
