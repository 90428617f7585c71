#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An import library for LLVM's C API: for each function a jump through an address that llvm_load.c fills in once the library is loaded.

    llvm_import.py LIBRARY OUTPUT.S
"""
import re
import subprocess
import sys

SOURCE = """\
	.macro table name, section
	\\section
	.balign 8
	.globl \\name
	.hidden \\name
\\name:
	.endm

	.macro function name
	.text
	.globl \\name
	.hidden \\name
	.type \\name, @function
\\name:	endbr64
	jmp *1f(%rip)
	.bss
1:	.zero 8
	.section .rodata
	.asciz "\\name"
	.endm

	table llvm_soname, ".section .rodata"
	.asciz "{soname}"
	table llvm_functions, .bss		/* an address each */
	table llvm_names, ".section .rodata"	/* one after the other, behind the last an empty one */
{functions}
	.section .rodata
	.asciz ""
	.section .note.GNU-stack,"",@progbits
"""


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


library, out = sys.argv[1:]
soname = re.search(r"SONAME\s+(\S+)", output("objdump", "-p", library)).group(1)
names = sorted(set(re.findall(r" T (LLVM\w+)", output("nm", "-D", "--defined-only", library))))
with open(out, "w", encoding="ascii") as f:
    f.write(SOURCE.format(soname=soname, functions="\n".join(f"\tfunction {name}" for name in names)))
