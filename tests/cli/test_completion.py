#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completion in a real bash: what the installed function offers for a command line that stands at its end."""
import os
import re
import subprocess

from common import Suite, equal

s = Suite("cli/completion")
script = os.path.join(os.path.dirname(s.calque), "calque.bash")
for entry in ("vmlinux", "a kernel"):
    with open(f"{s.tmp}/{entry}", "w", encoding="ascii"):
        pass
os.mkdir(f"{s.tmp}/folder")

DRIVER = r"""
source "$1"; shift
complete -p calque >/dev/null || exit 9
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
_calque calque "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
[[ ${#COMPREPLY[@]} == 0 ]] || printf '%s\n' "${COMPREPLY[@]}"
"""


def offered(line):
    """line: as typed; readline makes words at blanks, and of "=" and ":" themselves."""
    words = []
    for word in line.split(" "):
        words += [w for w in re.split(r"([=:])", word) if w] or [""]
    r = subprocess.run(["bash", "--norc", "-c", DRIVER, "bash", script, *words], cwd=s.tmp, capture_output=True, text=True, timeout=60, check=False)
    equal((r.returncode, r.stderr), (0, ""), line)
    return r.stdout.splitlines()


def offers(line, *wanted):
    equal(sorted(offered(line)), sorted(wanted), line)


def options_of(command):
    return re.findall(r"^  (?:-\w,|   ) (--[\w-]+)", s.run(command, "--help").stdout.decode(), re.M)


def commands():
    names = re.findall(r"^  (\w+) +[A-Z]", s.run("help").stdout.decode(), re.M)
    offers("calque ", *names, "--help", "--version")
    offers("calque pro", "profile")
    offers("calque help ann", "annotate")
    offers("calque help tu", "tune")
    offers("calque nonsense ")
    for name in names:
        if name != "help":
            offers(f"calque {name} --", *options_of(name))


def engines():
    names = re.search(r"^Engines: (.*)$", s.run("help").stdout.decode(), re.M).group(1).split(", ")
    offers("calque run --engine ", *names)
    offers("calque run --engine=", *names)
    offers("calque conform --engine=int", "interp")
    offers("calque run --kernel vmlinux --engine i", "interp")


def enumerations():
    offers("calque run --memory ", "auto", "tlb", "windows")
    offers("calque lift --memory ", "tlb", "windows")
    offers("calque profile --out f", "folded")
    offers("calque conform --format=", "human", "tap", "junit", "json")
    offers("calque cache ", "stat", "verify", "prune", "clear")
    offers("calque run --arch ", "riscv64")
    equal("heat=" in offered("calque run --tune "), True)
    offers("calque run --tune heat=")
    offers("calque run --smp ")


def lists():
    """Words behind a comma; what stands before it is kept."""
    logs = offered("calque run -d ")
    equal({"exec", "int", "mmu"} <= set(logs), True, logs)
    equal(offered("calque run --debug "), logs)
    offers("calque run -d int,ex", "int,exec")
    offers("calque run --debug=int,mm", "int,mmu")
    offers("calque lift --stage guest,u", "guest,uop")
    offers("calque run --memory tlb,")
    offers("calque run --net user,")


def files():
    offers("calque run --kernel ", "vmlinux", "a kernel", "folder")
    offers("calque run --kernel=vm", "vmlinux")
    offers("calque lift vm", "vmlinux")
    offers("calque conform f", "folder")
    offers("calque run --cache ", "folder", "off")
    offers("calque run --json=vm", "vmlinux")
    offers("calque run --json vm")  # its value is only taken behind "="
    offers("calque machine vm")


def behind_dashes():
    """calque profile OPTION... -- RUN-OPTION..."""
    offers("calque profile --fo", "--for")
    offers("calque profile --kern")
    offers("calque profile --top 3 -- --kern", "--kernel")
    offers("calque annotate strlen -- --memory t", "tlb")
    offers("calque run -- --kern")


for case in (commands, engines, enumerations, lists, files, behind_dashes):
    s.case(case.__name__, case)
s.end()
