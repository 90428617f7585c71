#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stencil_form.py OPS_DEF COMPILER ARG…: compiles stencil_form.c to assembly and checks that every op's body can be copied as
machine code: no static data, no direct call, no jump table, nothing outside text sections."""

import re
import subprocess
import sys


def main():
    ops = re.findall(r'\bOP\((\w+),', open(sys.argv[1], encoding='utf-8').read().split('*/', 2)[2])
    asm = subprocess.run(sys.argv[2:] + ['-S', '-o', '-'], check=True, capture_output=True, text=True).stdout
    passed, bad, at = 0, [], None
    found = set(re.findall(r'^stencil_(\w+):', asm, re.M))
    rules = [(r'\.LCPI|\.LJTI|\.Lswitch|\.L\.str', 'static data'), (r'^\s+\.section\s+"?\.(?!text|note|llvm_addrsig|debug)', 'section'),
             (r'^\s+(\.data|\.bss|\.comm|\.local)\b', 'static data'), (r'^\s+call\w*\s+[^*\s]', 'direct call'),
             (r'^\s+jmp\w*\s+\*.*,8\)', 'jump table')]
    faults = {}
    for line in asm.splitlines():
        label = re.match(r'stencil_(\w+):', line)
        if label:
            at = label[1]
        for rule, what in rules:
            if re.search(rule, line):
                faults.setdefault(at, f'{what}: {line.strip()}')
    for op in ops:
        if op not in found or op in faults:
            bad.append(f'{op}: {faults.get(op, "no body")}')
        else:
            passed += 1
    for text in bad:
        print(text, file=sys.stderr)
    print(f'ir/stencils: {passed} passed, {len(bad)} failed, 0 skipped')
    return 1 if bad or passed < 150 else 0


if __name__ == '__main__':
    sys.exit(main())
