#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_extract.py FIXUP EXTRACT STENCILS CLANG ARG…: the stencils' build gives the same table each time, and refuses what cannot be copied."""

import subprocess
import sys
import tempfile

FIXUP, EXTRACT, STENCILS, CLANG, *ARGS = sys.argv[1:]

HEAD = '#include <stdint.h>\nextern char hole_a, hole_imm;\n' \
       'typedef __attribute__((preserve_none)) void fn(char *cpu, uint64_t x);\nextern fn hole_next;\n' \
       '#define GO __attribute__((musttail)) return hole_next(cpu, x)\n' \
       '#define STENCIL(name) __attribute__((preserve_none)) void op_##name##__000(char *cpu, uint64_t x)\n' \
       '#define A (*(uint64_t *)(cpu + (intptr_t)&hole_a))\n'
REFUSED = {
    'static data': 'STENCIL(fadd_d) { double v; __builtin_memcpy(&v, &A, 8); v *= 3.7; __builtin_memcpy(&A, &v, 8); GO; }',
    'a table': 'static const uint64_t t[] = { 5, 3, 9, 1 }; STENCIL(add) { A = t[A & 3]; GO; }',
    'a call': 'extern int other(void); STENCIL(add) { A += other(); GO; }',
    'an op that the table does not have': 'STENCIL(frobnicate) { A += 1; GO; }',
    'ops without a stencil': 'STENCIL(add) { A += (intptr_t)&hole_imm; GO; }',
}

passed = failed = 0


def check(name, good, text=''):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f'{name}: {text}', file=sys.stderr)


def build(folder, name, source, extra=()):
    out = f'{folder}/{name}.o'
    subprocess.run([sys.executable, FIXUP, out, f'{folder}/{name}.d', CLANG, source, *extra, *ARGS], check=True)
    return out


def extract(folder, name, *objects):
    table, choice = f'{folder}/{name}.h', f'{folder}/{name}-choice.h'
    return table, choice, subprocess.run([EXTRACT, table, choice, *objects], capture_output=True, text=True)


with tempfile.TemporaryDirectory() as folder:
    for i, (what, text) in enumerate(REFUSED.items()):
        with open(f'{folder}/bad{i}.c', 'w', encoding='ascii') as f:
            f.write(HEAD + text + '\n')
        *_, result = extract(folder, f'bad{i}', build(folder, f'bad{i}', f.name))
        check(what, result.returncode == 1 and result.stderr.startswith('extract: ') and result.stderr.count('\n') == 1,
              f'exit status {result.returncode}, {result.stderr}')
    tables = []
    for name in 'first', 'again':
        *paths, result = extract(folder, name, build(folder, name, STENCILS, ['-DPLACE_D=0']))
        check(f'{name} table', result.returncode == 0, result.stderr)
        tables.append([open(path, 'rb').read() for path in paths])
    check('reproducible', tables[0] == tables[1], 'two builds differ')

print(f'stencil-build: {passed} passed, {failed} failed, 0 skipped')
sys.exit(1 if failed else 0)
