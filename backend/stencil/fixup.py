#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fixup.py OUTPUT.o DEPFILE COMPILER ARG…: compiles stencils.c, with two changes on the way.

In the IR, holes become absolute symbols of the range of a signed 32-bit number, so that the compiler extends them as it should. In the
assembly, a stencil's jump to the next one is put last where it can be, where it is then left out (extract.c)."""

import re
import subprocess
import sys

INVERSE = {'e': 'ne', 'l': 'ge', 'g': 'le', 'b': 'ae', 'a': 'be', 's': 'ns', 'o': 'no', 'p': 'np'}
INVERSE |= {v: k for k, v in INVERSE.items()}


def absolute_holes(ir):
    ir, n = re.subn(r'^(@hole_\w+ = external (?:dso_local )?global i8, align 1)', r'\1, !absolute_symbol !9999', ir, flags=re.M)
    assert n, 'no holes in the IR'
    return ir + '\n!9999 = !{i64 -2147483648, i64 2147483648}\n'


def jump_directly(code):
    """Branches to blocks that only jump to a hole go there themselves."""
    target = {}
    for label, jump in zip(code, code[1:]):
        if (block := re.match(r'(\.L\w+):', label)) and (hole := re.match(r'\tjmp\t(hole_\w+)$', jump)):
            target[block[1]] = hole[1]
    code = [re.sub(r'^(\tj\w+\t)(\.L\w+)$', lambda m: m[1] + target.get(m[2], m[2]), line) for line in code]
    used = {name for line in code if not line.startswith('.L') for name in re.findall(r'\.L\w+', line)}
    out = []
    for line in code:
        block = re.match(r'(\.L\w+):', line)
        if block and block[1] not in used:
            continue
        # what stands behind an unconditional jump and bears no label is never reached
        if out and re.match(r'\tjmp\t', out[-1]) and not block:
            continue
        out.append(line)
    return out


def next_last(code):
    """The lines of one function, `jmp hole_next` last if the last block branches to it or another block can go behind the others."""
    tail = [re.match(r'\tj(\w+)\t(\w+)$', line) for line in code[-2:]]
    if len(tail) == 2 and all(tail) and tail[1][1] == 'mp' and tail[0][1] in INVERSE and tail[0][2] == 'hole_next' != tail[1][2]:
        return code[:-2] + [f'\tj{INVERSE[tail[0][1]]}\t{tail[1][2]}', '\tjmp\thole_next']
    if code and code[-1] != '\tjmp\thole_next':
        # blocks, each from a label on; one that is not fallen into and does not fall through may stand anywhere
        starts = [i for i, line in enumerate(code) if re.match(r'\.L\w+:', line)]
        for start, end in zip(starts, starts[1:] + [len(code)]):
            if code[end - 1] == '\tjmp\thole_next' and re.match(r'\tjmp\t', code[start - 1]):
                return code[:start] + code[end:] + code[start:end]
    return code


SCRATCH = {'rax': 'r?ax|eax|al', 'rcx': 'r?cx|ecx|cl', 'r10': 'r10[dwb]?', 'r11': 'r11[dwb]?'}


def use_immediates(code):
    """A hole that is put in a register for the one instruction behind becomes that instruction's immediate: clang does so for additions of 64
    bits and for comparisons only."""
    out = []
    for i, line in enumerate(code):
        hole = out and re.match(r'\tmovq\t\$(hole_\w+), %(\w+)$', out[-1])
        if not hole or hole[2] not in SCRATCH:
            out.append(line)
            continue
        name = SCRATCH[hole[2]]
        dead = not any(re.search(rf'%({name})\b', later) for later in code[i + 1:])
        flags = any(re.match(r'\t(j(?!mp)|set|cmov|adc|sbb)', later) for later in code[i + 1:])  # may be read, and would differ
        if dead and (op := re.match(rf'\t(and|or|xor|cmp|imul)q\t%{hole[2]}, (%\w+)$', line)) and op[2] != '%' + hole[2]:
            out[-1:] = [f'\t{op[1]}q\t${hole[1]}, {op[2]}']
        elif dead and not flags and (op := re.match(rf'\t(sh[lr]|sa[lr])x([lq])\t%({name}), (.*), (%\w+)$', line)) and op[5] != '%' + op[3]:
            out[-1:] = [f'\tmov{op[2]}\t{op[4]}, {op[5]}'] * (op[4] != op[5]) + [f'\t{op[1]}{op[2]}\t${hole[1]}, {op[5]}']
        elif hole[2] == 'rax' and not flags and (op := re.match(r'\taddl\t%(?!eax)[er](\w+?)d?, %eax$', line)):
            # of the register that the instruction writes the low half alone counts
            out[-1:] = [f'\tleal\t{hole[1]}(%r{op[1]}), %eax']
        else:
            out.append(line)
    return out


def fix_assembly(text):
    # clang's comments; and 64-bit constants, of which holes need 32, sign-extended
    text = re.sub(r'[ \t]*#.*$', '', text, flags=re.M)
    text = re.sub(r'\tmovabsq\t\$(hole_\w+)', r'\tmovq\t$\1', text)
    out, body = [], None
    for line in text.splitlines():
        if re.match(r'(op|sx)_\w+:', line):
            out.append(line)
            body = []
        elif body is not None and line.startswith('.Lfunc_end'):
            out += next_last(jump_directly(use_immediates(body)))
            out.append(line)
            body = None
        elif line.strip() and (body is None or not re.match(r'\s*\.(p2align|cfi)', line)):
            (out if body is None else body).append(line)
    return '\n'.join(out) + '\n'


def main():
    output, depfile, compiler, args = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]

    def run(text, *more):
        return subprocess.run([compiler, *more], input=text, check=True, stdout=subprocess.PIPE, text=True).stdout

    flags = [a for a in args if a.startswith(('-O', '-m', '-f')) and a != '-frounding-math' and a != '-ftrapping-math']
    ir = run(None, *args, '-S', '-emit-llvm', '-o', '-', '-MD', '-MF', depfile, '-MT', output)
    assembly = run(absolute_holes(ir), *flags, '-Xclang', '-disable-llvm-passes', '-fno-verbose-asm', '-S', '-o', '-', '-x', 'ir', '-')
    run(fix_assembly(assembly), '-c', '-o', output, '-x', 'assembler', '-')


if __name__ == '__main__':
    main()
