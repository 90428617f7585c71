#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lift_kernel.py --calque PROGRAM: lifts Debian's kernel at a few hundred random places, instructions or not, every way there is.

SEED=N repeats a run."""
import json
import os
import random
import re
import subprocess

from common import Suite, contains, equal

s = Suite("cli/lift-kernel")
tools = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools")
paths = subprocess.run([f"{tools}/guest-paths", "riscv64"], capture_output=True, text=True, check=True).stdout
kernel = re.search(r"^KERNEL=(\S+)$", paths, re.M).group(1)
BASE, TEXT = 0xffffffff80000000, (0x2000, 0xa00000)
seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
print(f"SEED={seed}", flush=True)
random.seed(seed)


def places(n):
    return [f"{BASE + random.randrange(*TEXT, 2):#x}" for _ in range(n)]


def run(*args, at):
    flags = [x for place in at for x in ("--at", place)]
    return s.run("lift", kernel, "--base", f"{BASE:#x}", "--json", "--stage", "all", *args, *flags, timeout=600)


def check(d):
    """All that was made is somebody's, and all of it has been counted."""
    blocks = [b for r in d["regions"] for b in r["blocks"]]
    owners = [d["shared"]] + [r["ways"] for r in d["regions"]] + [b["beginning"] for b in blocks] + [i for b in blocks for i in b["insns"]]
    for stage in ("llvm", "llvm_opt", "host", "uop"):
        equal(sum(len(o.get(stage, [])) for o in owners), d["cost"].get(stage, 0), f"{d['address']} {stage}")
    equal(sum(len(x["code"]) // 2 for o in owners for x in o.get("host", [])), d["cost"]["host_bytes"], d["address"])
    assert all(".byte" not in x["text"] for o in owners for x in o.get("host", [])), f"{d['address']}: what is disassembled is no code"
    equal(sum(b["bytes"] for b in blocks), d["cost"]["bytes"], d["address"])


def straight(*args):
    at = places(100)
    for batch in (at[i:i + 20] for i in range(0, len(at), 20)):
        r = run("--insns", "60", *args, at=batch)
        equal(r.returncode, 0, f"{args} {batch}: {r.stderr.decode()[:300]}")
        for line in r.stdout.splitlines():
            check(json.loads(line))


def regions(*args):
    for place in places(60):
        r = run("--region", *args, at=[place])
        if r.returncode:
            contains(r.stderr, "crosses its page")
            continue
        check(json.loads(r.stdout))


for name, args in (("llvm", []), ("windows", ["--memory", "windows"]), ("stencil", ["--engine", "stencil"]), ("O2", ["--passes", "default<O2>"])):
    s.case(f"straight-{name}", straight, *args)
    s.case(f"region-{name}", regions, *args)
s.end()
