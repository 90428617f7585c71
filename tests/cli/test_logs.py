#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The logs of -d: what each category holds, that it is whole and the same under every engine, and --log-filter."""
import re
import subprocess

from common import Suite, contains, equal, patiently

s = Suite("cli/logs")
ENGINES = (["--engine", "interp"], ["--engine", "stencil"], ["--engine", "auto"], ["--engine", "llvm"])
# each block becomes a region when it is translated, and the vCPU waits for it
REGIONS = ["--engine", "llvm", "--memory", "tlb"]
NAMES = ["insn", "uop", "ir", "host", "exec", "step", "int", "mmu", "dev", "guest_errors"]


def log(what, *args, guest="profile_rounds", image="--kernel", status=0):
    where = f"{s.tmp}/log"
    r = s.run("run", image, s.guest(guest), "-m", "64M", "-d", what, "--log", where, "--serial", "none", "--quiet", "--timeout", "30", *args)
    equal((r.returncode, r.stderr), (status, b""))
    with open(where, encoding="utf-8") as f:
        return f.read()


def blocks(text):
    """[(count before it, address, instructions)] of vCPU 0"""
    return [(int(a), int(b, 16), int(c)) for a, b, c in re.findall(r"^vcpu 0 at (\d+): block (\w+), (\d+) instructions", text, re.M)]


def help_lists():
    r = s.run("run", "-d", "help")
    equal((r.returncode, [x.split()[0] for x in r.stdout.decode().splitlines()]), (0, NAMES))


def executed(guest):
    """Each block once, in order, under every engine: the counts leave no gap, and single steps meet the same addresses."""
    status = 9 if guest == "debug" else 0
    texts = [log("exec,int", "--deterministic", *e, guest=guest, status=status) for e in ENGINES]
    for e, text in zip(ENGINES, texts):
        equal(text == texts[0], True, e)
    found = blocks(texts[0])
    for (at, _, n), (after, _, _) in zip(found, found[1:]):
        equal(at + n, after)
    if guest == "debug":
        steps = [int(x.split()[1], 16) for x in log("step", "--deterministic", guest=guest, status=status).splitlines()]
        assert len(steps) > found[-1][0], "the last block ends with the guest"
        for at, address, _ in found:
            equal(steps[at], address)


def translated():
    """-d insn,uop: each instruction is followed by its micro-ops; QEMU's names mean the same."""
    text = log("insn,uop", "--deterministic")
    heads = re.findall(r"^vcpu 0: block at \w+, (\d+) instructions, (\d+) micro-ops", text, re.M)
    equal(sum(int(x[0]) for x in heads), len(re.findall(r"^    [0-9a-f]{16}  ", text, re.M)))
    equal(sum(int(x[1]) for x in heads), len(re.findall(r"^        uop   ", text, re.M)))
    assert re.search(r"  xor +(\w+), (\w+), \w+\n        uop   \1 = xor \2, ", text), text
    equal(log("in_asm,op_opt", "--deterministic"), text)


def host(engine, begins, branch):
    """Machine code stands under the guest's instruction that it comes from, and is the same in two deterministic runs."""
    text = log("host", "--deterministic", *engine)
    equal(log("host", "--deterministic", *engine), text)
    found = [x for x in re.split(r"^(?=\S)", text, flags=re.M) if x.startswith(begins)]
    hot = [x for x in found if "<hot+0xa>" in x]
    equal(len(hot), 1, begins)
    size = int(re.search(r"(\d+) bytes of machine code", hot[0])[1])
    code = re.findall(r"^        host +([0-9a-f]+)  ((?:[0-9a-f]{2} )+) *(\S+)", hot[0], re.M)
    equal(sum(len(c.split()) for _, c, _ in code), size)
    equal([int(a, 16) for a, _, _ in code], sorted({int(a, 16) for a, _, _ in code}))
    turn = re.search(r"  bnez .*\n((?:        host .*\n)+)", hot[0])[1]
    contains(turn, branch)


def ir():
    """Each region's module, which LLVM's own tool accepts; nothing of blocks that stay with stencils."""
    text = log("ir", "--deterministic", *REGIONS)
    regions = re.split(r"^(?=vcpu 0: region at )", text, flags=re.M)
    equal(regions[0], "")
    assert any("<hot+0x" in x.splitlines()[0] for x in regions[1:]), text
    for region in regions[1:]:
        module = region.split("\n", 1)[1]
        subprocess.run(["opt-19", "-passes=verify", "-disable-output"], input=module.encode(), check=True, timeout=60)
    equal(log("ir", "--deterministic", "--engine", "stencil"), "")


def device():
    text = log("dev", guest="poweroff")
    sent = re.findall(r"^vcpu 0: uart16550@10000000\+0x0 write 1: 0x(\w+)$", text, re.M)
    equal(bytes(int(x, 16) for x in sent), b"guest here\r\n")
    equal(log("dev", "--log-filter", "0x10000005", guest="poweroff"), "")
    equal(log("dev", "--log-filter", "0x10000000+8", guest="poweroff").count("\n"), len(sent))


def mmu():
    text = log("mmu", guest="poweroff")
    assert re.search(r"^vcpu 0: fetch 0x80200000 as bare: 0x80200000 rwx", text, re.M), text
    contains(text, "vcpu 0: flush of all pages")
    assert re.search(r"^vcpu 0: store 0x10000000 as bare: 0x10000000 rwx", text, re.M), text


def filtered():
    """A symbol is its function; what lies outside is not told of, and what is told is told in full."""
    every = blocks(log("exec", "--deterministic"))
    inside = log("exec", "--deterministic", "--log-filter", "hot")
    assert inside and all(re.search(r" <hot(\+0x\w+)?>$", x) for x in inside.splitlines())
    first, last = min(x[1] for x in blocks(inside)), max(x[1] for x in blocks(inside))
    equal(blocks(inside), [x for x in every if first <= x[1] <= last])
    both = log("exec", "--deterministic", "--log-filter", f"{first:#x}..{last:#x},warm")
    assert inside.count("\n") < both.count("\n") < len(every), both.count("\n")
    equal({x.split("<")[1].split("+")[0].strip(">") for x in both.splitlines()}, {"hot", "warm"})
    code = log("insn", "--deterministic", "--log-filter", "outer")
    assert code and all("<outer" in x for x in code.splitlines() if x.startswith("vcpu")), code


def several():
    """Lines of several vCPUs are whole."""
    def logged(seconds):
        return log("exec,int,insn", "--smp", "3", "--timeout", str(seconds), guest="profile_firmware", image="--firmware", status=124)
    text = patiently(logged, lambda text: all(f"\nvcpu {n} " in text for n in range(3)), (0.3, 2, 5))
    line = re.compile(r"vcpu [012] at \d+: (block [0-9a-f]{16}, \d+ instructions|(exception|interrupt) \d+ \(.*\), .*pc 0x\w+)( <\S+>)?"
                      r"|vcpu [012]: block at [0-9a-f]{16}, \d+ instructions, \d+ micro-ops( <\S+>)?|    [0-9a-f]{16}  [0-9a-f]+ +\S.*")
    seen = {0, 1, 2} - {int(x[5]) for x in text.splitlines() if x.startswith("vcpu")}
    equal(seen, set(), "vCPUs that are not in the log")
    for x in text.splitlines():
        assert line.fullmatch(x), x


def symbols():
    """Names from elsewhere."""
    with open(f"{s.tmp}/map", "w", encoding="ascii") as f:
        f.write("0000000080200000 T begin_here\n0000000080200010 T then\n")
    contains(log("exec", "--symbols", f"{s.tmp}/map", guest="poweroff").splitlines()[0], "<begin_here>")


s.case("help", help_lists)
s.case("exec", executed, "profile_rounds")
s.case("exec and step", executed, "debug")
s.case("insn, uop", translated)
s.case("host of stencils", host, ["--engine", "stencil"], "vcpu 0: stencils at ", "j")
s.case("host of regions", host, REGIONS, "vcpu 0: region at ", "j")
s.case("ir", ir)
s.case("dev", device)
s.case("mmu", mmu)
s.case("filter", filtered)
s.case("several vCPUs", several)
s.case("symbols", symbols)
s.end()
