#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""calque lift: each stage is what its own tools take it for, and what is shown beside an instruction came from it."""
import json
import os
import re
import subprocess
import sys

from common import Suite, check_schema, contains, equal

s = Suite("cli/lift")
elf = s.guest("lift")
read_uops = s.guest("read_uops")
with open(os.path.join(os.path.dirname(__file__), "../../docs/lift.schema.json"), encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)
PASSES = "function(mem2reg,early-cse,simplifycfg)"


def lift(*args):
    r = s.run("lift", *args)
    assert r.returncode == 0, f"{args}: {r.stderr.decode()}"
    return r.stdout.decode()


def lifted(*args):
    return json.loads(lift(*args, "--json"))


def tool(*args, text):
    r = subprocess.run(args, input=text if isinstance(text, bytes) else text.encode(), capture_output=True, timeout=60, check=False)
    assert r.returncode == 0, f"{args}: {r.stderr.decode()}"
    return r.stdout


def blocks(d):
    return [b for r in d["regions"] for b in r["blocks"]]


def insns(d):
    return [i for b in blocks(d) for i in b["insns"]]


def everything(d, stage):
    """All lines of a stage, whomever they belong to."""
    owners = [d["shared"]] + [r["ways"] for r in d["regions"]] + [b["beginning"] for b in blocks(d)] + insns(d)
    return [line for o in owners for line in o.get(stage, [])]


# ---- what is lifted


def inputs():
    words = ["0x80000000"]
    equal(insns(lifted("--hex", "13 05 15 00"))[0]["text"].split(), ["addi", "a0,", "a0,", "1"])
    for text in ("13051500", "13,05,15,00", "0x13 0x05 0x15 0x00", "13:05:15:00"):
        equal(insns(lifted("--hex", text, "--base", words[0]))[0]["address"], words[0], text)
    flat = os.path.join(s.tmp, "flat")
    with open(flat, "wb") as f:
        f.write(bytes.fromhex("1305150067800000"))
    equal([i["code"] for i in insns(lifted(flat, "--base", "0x1000"))], ["13051500", "67800000"])
    equal(len(insns(lifted(flat, "--base", "0x1000", "--at", "0x1004"))), 1)
    # an ELF file: its entry, a symbol with its size, a place in it, a label, a section
    equal(blocks(lifted(elf))[0]["symbol"], "_start")
    equal(len(insns(lifted(elf, "--at", "add_up"))), 9)
    equal(blocks(lifted(elf, "--at", "add_up+0x8"))[0]["symbol"], "add_up+0x8")
    equal(len(insns(lifted(elf, "--at", "unsized", "--insns", "2"))), 2)
    section = lifted(elf, "--at", ".text", "--insns", "12", "--stage", "guest")
    equal((len(insns(section)), section["cut"]), (12, True))
    several = lift(elf, "--at", "add_up", "--at", "mixed", "--json", "--engine", "stencil").splitlines()
    equal([json.loads(line)["symbol"] for line in several], ["add_up", "mixed"])


def symbols():
    """A kernel's System.map beside a file without symbols."""
    flat, names = os.path.join(s.tmp, "image"), os.path.join(s.tmp, "System.map")
    with open(flat, "wb") as f:
        f.write(bytes.fromhex("13051500 13051500 67800000 67800000".replace(" ", "")))
    with open(names, "w", encoding="ascii") as f:
        f.write("[    1.0] a console's line\r\nffffffff80000000 T first\r\nffffffff8000000c t second\nffffffff80000010 D data\n")
    kernel = [flat, "--base", "0xffffffff80000000", "--symbols", names]
    d = lifted(*kernel, "--at", "first", "--stage", "guest")
    equal((len(insns(d)), d["mode"]), (3, "supervisor"))
    equal(blocks(lifted(*kernel, "--at", "second"))[0]["address"], "0xffffffff8000000c")
    contains(lift(*kernel, "--at", "first", "--stage", "guest"), "block 0xffffffff80000000 (first)")
    # a name in the middle of an instruction ends what is before it, not the instruction
    with open(names, "a", encoding="ascii") as f:
        f.write("ffffffff80000006 t middle\n")
    equal([i["code"] for i in insns(lifted(*kernel, "--at", "first", "--stage", "guest"))], ["13051500", "13051500"])


def modes():
    equal(lifted(elf, "--at", "add_up")["mode"], "user")
    user, machine = (insns(lifted("--hex", "73000000", "--mode", m))[0]["uop"] for m in ("user", "machine"))
    assert "raise" in user[-1] and user != machine, "ecall's cause tells the mode"


def wrong():
    def fails(args, part):
        r = s.run("lift", *args)
        equal((r.returncode, r.stdout), (2, b""), args)
        equal(r.stderr.count(b"\n"), 1, f"{args}: {r.stderr}")
        contains(r.stderr, part)

    text = os.path.join(s.tmp, "text")
    with open(text, "wb") as f:
        f.write(b"no program\n" * 20)
    cut = os.path.join(s.tmp, "cut")
    with open(elf, "rb") as f, open(cut, "wb") as g:
        g.write(f.read(0x1100))
    for args, part in [
        ([], "--hex"),
        ([elf, elf], "one file"),
        ([elf, "--hex", "13"], "leave one"),
        ([elf, "--at", "ad_up"], "did you mean add_up?"),
        ([elf, "--at", "frobnicate_it_all"], "no such symbol or section"),
        ([elf, "--at", ".data"], "no such symbol or section"),
        ([elf, "--at", "0x1000"], "is not in the file, which"),
        ([elf, "--at", "0x80000001"], "multiples of 2"),
        ([elf, "--at", "add_up+1"], "multiples of 2"),
        ([elf, "--at", "add_up+four"], "not a number"),
        ([elf, "--base", "0x1000"], "leave --base out"),
        ([elf, "--arch", "riscv32"], "there is riscv64"),
        ([elf, "--cpu", "rv64,zbq=on"], "zbq"),
        ([elf, "--mode", "hypervisor"], "there are user, supervisor and machine"),
        ([elf, "--stage", "ir"], "there are guest, uop, llvm, llvm-opt, host and all"),
        ([elf, "--stage", "llvm", "--engine", "stencil"], "there is no IR"),
        ([elf, "--engine", "interp"], "there are llvm and stencil"),
        ([elf, "--memory", "flat"], "there are tlb and windows"),
        ([elf, "--memory", "windows", "--engine", "stencil"], "is for LLVM"),
        ([elf, "--passes", "default<O1>", "--engine", "stencil"], "is for LLVM"),
        ([elf, "--passes", "frobnicate"], "unknown pass name 'frobnicate'"),
        ([elf, "--syntax", "nasm"], "there are att and intel"),
        ([elf, "--dot"], "give --region too"),
        ([elf, "--dot", "--region", "--json"], "leave --json out"),
        ([elf, "--region", "--insns", "7"], "leave --insns or --region out"),
        ([elf, "--region", "--at", "crossing"], "crosses its page"),
        ([elf, "--insns", "0"], "at least 1"),
        ([elf, "--at", "add_up", "--at", "mixed", "--stage", "llvm"], "one --at"),
        ([elf, "--symbols", text], "System.map"),
        ([text], "--base"),
        ([text, "--base", "0x1001"], "multiple of 2"),
        ([text, "--base", "0xfffffffffffffff0"], "whole code behind it"),
        ([sys.executable], "for another machine"),
        ([cut], "cut short"),
        ([s.tmp], "is a directory"),
        ([os.path.join(s.tmp, "missing")], "No such file"),
        (["--hex", "13 05 1"], "half a byte"),
        (["--hex", "13 0h"], '"h" (character 5)'),
        (["--hex", " "], "no bytes"),
        (["--hex", "13"], "a single byte"),
        (["--hex", "13 05"], "cut short"),
        (["--vm", "x"], "no such socket"),
    ]:
        fails(args, part)


def illegal():
    r = s.run("lift", elf, "--at", "broken")
    equal(r.returncode, 0)
    contains(r.stderr, "0xffffffff is no instruction of this processor")
    contains(r.stdout, ".4byte  0xffffffff  # no instruction of this processor")
    equal([i["legal"] for i in insns(lifted(elf, "--at", "broken"))], [False, True])
    # what is an instruction depends on the processor
    equal(insns(lifted("--hex", "33 45 b5 40", "--cpu", "rv64,zbb=off"))[0]["legal"], False)
    equal(insns(lifted("--hex", "33 45 b5 40"))[0]["legal"], True)


# ---- stages


def guest_stage():
    text = lift(elf, "--at", "add_up", "--stage", "guest")
    equal([line.split()[2] for line in text.splitlines() if line.startswith("  ")], "li beqz ld add addi addi bnez mv ret".split())
    contains(text, "<add_up+0x1c>")  # where the branch leads


def uop_stage():
    for place in ("_start", "add_up", "mixed", "broken", "crossing"):
        d = lifted(elf, "--at", place, "--stage", "guest")
        equal(tool(read_uops, text=lift(elf, "--at", place, "--stage", "uop")).decode().strip(), f"{len(blocks(d))} blocks")


def llvm_stages():
    """What opt and llc make of the module is what we show."""
    for place in ("add_up", "mixed", "caller"):
        for args in ([], ["--region"], ["--memory", "windows"], ["--region", "--memory", "windows"]):
            args = [elf, "--at", place, *args]
            before, after = lift(*args, "--stage", "llvm"), lift(*args, "--stage", "llvm-opt")
            for text in (before, after):
                tool("opt-19", "-passes=verify", "-S", "-o", "-", text=text)
            cost = lifted(*args)["cost"]
            equal(count_ir(before), cost["llvm"], args)
            equal(count_ir(after), cost["llvm_opt"], args)
            equal(count_ir(tool("opt-19", f"-passes={PASSES}", "-S", "-o", "-", text=before).decode()), cost["llvm_opt"], args)
            contains(after, f"\n  ; {insns(lifted(*args))[-1]['address']}  ")


def count_ir(module):
    """Instructions in functions; a switch goes over several lines."""
    body = [line for f in re.findall(r"^define .*?^}$", module, re.M | re.S) for line in f.splitlines()]
    return len([line for line in body if re.match(r"  [^ ;\]]", line)])


def compared_addresses():
    """An access through an address of which nothing is known is behind a comparison with the segment that it is expected in; the host's MMU would not stop all others."""
    load = next(i["address"] for i in insns(lifted(elf, "--at", "add_up")) if i["text"].startswith("ld "))
    insn = insns(lifted(elf, "--at", load, "--insns", "1", "--memory", "windows"))[0]
    text = " ".join(line["text"] for line in insn["host"])
    assert re.search(r"shrq\s+\$0x27, (%\w+) jne\s+\S+ movq\s+\(%\w+,%\w+\), \1", text), text


def host_stage():
    """In order and complete; llc makes as much of our IR. (That it is what runs: test_lift_code.c.)"""
    for place, args in (("add_up", []), ("caller", []), ("caller", ["--memory", "windows"]), ("mixed", [])):
        args = [elf, "--at", place, "--region", *args]
        lines = sorted(everything(lifted(*args), "host"), key=lambda x: x["offset"])
        equal([x["offset"] for x in lines], [sum(len(y["code"]) // 2 for y in lines[:n]) for n in range(len(lines))], "no gaps")
        path = os.path.join(s.tmp, "llc.o")
        tool("llc-19", "-O1", "--relocation-model=pic", "-disable-lsr", "-filetype=obj", "-o", path, text=lift(*args, "--stage", "llvm-opt"))
        ours, theirs = sum(len(x["code"]) // 2 for x in lines), len(text_section(path))
        # what uses a value is in another order once it has been text, which moves a few instructions
        assert 0.8 < theirs / ours < 1.25, (args, ours, theirs)
    intel, att = (lift(elf, "--at", "add_up", "--stage", "host", "--syntax", x) for x in ("intel", "att"))
    assert re.search(r", 0xb8\(%r12\) +# a1$", att, re.M) and re.search(r"\[r12 \+ 0xb8\].* # a1$", intel, re.M), "registers are named"
    contains(lift(elf, "--at", "add_up", "--stage", "llvm-opt"), "ptr %0, i64 184  ; a1")


def text_section(path):
    subprocess.run(["llvm-objcopy-19", "-O", "binary", "--only-section=.text", path, path + ".bin"], check=True, timeout=60)
    with open(path + ".bin", "rb") as f:
        return f.read()


def stencil_engine():
    d = lifted(elf, "--at", "mixed", "--engine", "stencil")
    check_schema(d, SCHEMA, SCHEMA)
    assert "llvm" not in insns(d)[0] and d["cost"]["cold_bytes"] > 0
    for b in blocks(d):
        lines = b["beginning"]["host"] + [x for i in b["insns"] for x in i["host"]]
        equal([x["offset"] for x in lines], [sum(len(y["code"]) // 2 for y in lines[:n]) for n in range(len(lines))], "in order, no gaps")
        assert all(".byte" not in x["text"] for x in lines), lines
    # a loop has pins of its own: it begins twice
    loop = next(b for b in blocks(lifted(elf, "--at", "add_up", "--engine", "stencil", "--region")) if b["symbol"] == "add_up+0x8")
    equal(len([x for x in loop["beginning"]["host"] if x["text"].endswith(" cold")]), 2)


def alignment():
    """Beside each instruction stands what came from it, and everything stands somewhere."""
    for engine in ("llvm", "stencil"):
        d = lifted(elf, "--at", "mixed", "--engine", engine)
        host = {i["text"].split()[0]: " ".join(x["text"].split()[0] for x in i["host"]) for i in insns(d)}
        for name, wanted in (("mul", "imul"), ("xor", "xor"), ("fadd.d", "addsd"), ("fcvt.l.d", "cvtsd2si"), ("amoadd.d", "lock")):
            assert re.search(wanted if wanted != "lock" else "lock|xadd", host[name]), f"{engine}: {name}: {host[name]}"
        for other in ("mul", "xor", "amoadd.d"):
            assert "cvtsd2si" not in host[other], f"{engine}: {other}: {host[other]}"
    d = lifted(elf, "--at", "mixed", "--stage", "all")
    ir = {i["text"].split()[0]: "\n".join(i["llvm_opt"]) for i in insns(d)}
    for name, wanted in (("mul", " mul i64"), ("xor", " xor i64"), ("fadd.d", "constrained.fadd"), ("amoadd.d", "atomicrmw add")):
        contains(ir[name], wanted)
        equal([n for n in ir if wanted in ir[n]], [name], wanted)
    for args in ([], ["--region"], ["--memory", "windows", "--region"], ["--engine", "stencil"], ["--passes", "default<O2>"]):
        d = lifted(elf, "--at", "add_up", "--stage", "all", *args)
        check_schema(d, SCHEMA, SCHEMA)
        for stage in ("llvm", "llvm_opt", "host"):
            equal(len(everything(d, stage)), d["cost"].get(stage, 0), f"{args} {stage}")
        equal(sum(len(x["code"]) // 2 for x in everything(d, "host")), d["cost"]["host_bytes"])
        equal(sum(len(i["uop"]) for i in insns(d)), d["cost"]["uop"])
        assert all(i["host"] for i in insns(d) if i["text"].split()[0] in ("ld", "bnez", "ret"))


def passes():
    plain, none, more = (lifted(elf, "--at", "add_up", *args)["cost"]["llvm_opt"] for args in
                         ([], ["--passes", "verify"], ["--passes", "default<O2>"]))
    assert none > plain >= more, (none, plain, more)
    equal(lifted(elf, "--at", "add_up", "--passes", PASSES)["cost"]["llvm_opt"], plain)


def crossing():
    d = lifted(elf, "--at", "crossing")
    first, second = blocks(d)
    equal((first["crosses_page"], first["compiled"], second["compiled"]), (True, False, True))
    contains(lift(elf, "--at", "crossing"), "crosses its page: stencils run it")
    contains(s.run("lift", elf, "--at", "crossing", "--stage", "llvm").stderr, "LLVM leaves such blocks to stencils")
    equal(blocks(lifted(elf, "--at", "crossing", "--engine", "stencil"))[0]["compiled"], True)


# ---- regions


def regions():
    d = lifted(elf, "--at", "add_up", "--region")
    (region,) = d["regions"]
    equal(region["loops"], True)
    equal({b["symbol"] for b in region["blocks"]}, {"add_up", "add_up+0x8", "add_up+0x1c"})
    loop = next(b for b in region["blocks"] if b["symbol"] == "add_up+0x8")
    equal(loop["exits"], [{"address": loop["address"], "inside": True}, {"address": f"{int(loop['address'], 16) + 20:#x}", "inside": True}])
    # into the function that is called, and to what stands behind the call
    names = {b["symbol"] for b in blocks(lifted(elf, "--at", "caller", "--region"))}
    assert {"caller", "add_up", "caller+0x8"} <= names or {"caller", "add_up", "caller+0xc"} <= names, names
    # it goes on in another page
    away = next(b for b in blocks(lifted(elf, "--at", "_start", "--region")) if b["symbol"] == "elsewhere")
    equal([i["text"] for i in away["insns"]], ["ret"])
    contains(lift(elf, "--at", "add_up", "--region"), "it loops")
    contains(lift(elf, "--at", "broken", "--region"), "without a loop")


def crowded():
    for memory in "tlb", "windows":
        (region,) = lifted(elf, "--at", "crowded", "--region", "--memory", memory)["regions"]
        equal(region["loops"], True)


def dot():
    text = lift(elf, "--at", "caller", "--region", "--dot")
    d = lifted(elf, "--at", "caller", "--region")
    assert text.startswith('digraph "region_') and text.endswith("}\n")
    equal(len(re.findall(r"^\tb\d+ \[label=", text, re.M)), len(blocks(d)))
    inside = [e for b in blocks(d) for e in b["exits"] if e["inside"]]
    edges = re.findall(r"^\tb(\d+) -> b(\d+) \[label=\"(\w+)\"", text, re.M)
    equal(len([e for e in edges if e[2] not in ("return", "case")]), len(inside))
    assert [e for e in edges if e[2] == "return"], "a return leads behind the call"
    for line in text.splitlines()[1:-1]:
        assert re.fullmatch(r'\t(node \[.*\]|[bx]\w+ (-> [bx]\w+ )?\[label="([^"\\]|\\.)*".*\]);', line), line


# ---- looks


def looks():
    text = lift(elf, "--at", "add_up")
    assert "\033" not in text
    tags = set(re.findall(r"^      (\S+) ", text, re.M))
    equal(tags, {"uop", "llvm-opt", "host"})
    equal(set(re.findall(r"^      (\S+) ", lift(elf, "--at", "add_up", "--stage", "all"), re.M)), {"uop", "llvm", "llvm-opt", "host"})
    equal(set(re.findall(r"^      (\S+) ", lift(elf, "--at", "add_up", "--stage", "guest,uop"), re.M)), {"uop"})
    contains(text, "cost  guest 9 instructions, 36 bytes; micro-ops")
    assert re.search(r"^time  lift [\d.]+ .s, lower [\d.]+ .s, optimise [\d.]+ .s, codegen [\d.]+ .s$", text, re.M)
    terminal = subprocess.run(["script", "-qec", f"{s.calque} lift {elf} --at add_up", "/dev/null"], capture_output=True, timeout=60, check=True,
                              stdin=subprocess.DEVNULL).stdout
    contains(terminal, "\033[36m")
    help_text = s.run("help", "lift").stdout
    for option in ("--at PLACE", "--hex BYTES", "--stage STAGE", "--region", "--passes LIST"):
        contains(help_text, option)


for case in (inputs, symbols, modes, wrong, illegal, guest_stage, uop_stage, llvm_stages, compared_addresses, host_stage, stencil_engine, alignment, passes, crossing, regions,
             crowded, dot, looks):
    s.case(case.__name__, case)
s.end()
