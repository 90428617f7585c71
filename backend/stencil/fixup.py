#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fixup.py OUTPUT.o DEPFILE COMPILER ARG…: compiles stencils.c, with two changes on the way.

In the IR, holes become absolute symbols of the range of a signed 32-bit number, so that the compiler extends them as it should. In the
assembly, a stencil's jump to the next one is put last where it can be, where it is then left out (extract.c)."""

import re
import subprocess
import sys
import tempfile

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
            out += next_last(jump_directly(body))
            out.append(line)
            body = None
        elif line.strip() and (body is None or not re.match(r'\s*\.(p2align|cfi)', line)):
            (out if body is None else body).append(line)
    return '\n'.join(out) + '\n'


def main():
    output, depfile, compiler, args = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]

    def run(language, text, *more):
        with tempfile.NamedTemporaryFile('w', suffix=language) as f:
            f.write(text)
            f.flush()
            return subprocess.run([compiler, *more, f.name], check=True, capture_output=True, text=True).stdout

    flags = [a for a in args if a.startswith(('-O', '-m', '-f')) and a != '-frounding-math' and a != '-ftrapping-math']
    ir = subprocess.run([compiler, *args, '-S', '-emit-llvm', '-o', '-', '-MD', '-MF', depfile, '-MT', output], check=True, capture_output=True, text=True).stdout
    assembly = run('.ll', absolute_holes(ir), *flags, '-Xclang', '-disable-llvm-passes', '-S', '-o', '-', '-x', 'ir')
    run('.s', fix_assembly(assembly), '-c', '-o', output)


if __name__ == '__main__':
    main()
