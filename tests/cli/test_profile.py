#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""calque profile and annotate: shares, modes, tiers, stacks and counts of guests whose profile is known, and every form of output."""
import json
import re
import xml.etree.ElementTree as ET

from common import Suite, contains, equal, patiently

s = Suite("cli/profile")
KERNEL = s.guest("profile_kernel")
# a loop that is hot in hundredths of a second becomes a region in tenths; more samples of heat would be a share of the profile themselves
HOT = ["--engine", "auto", "--tune", "sample_period=100000", "--tune", "heat=1"]
# guests/profile.c
ROUNDS, HOT_TURNS, WARM_TURNS, LOOP = 50, 4000, 1000, 5


def profile(*args, kernel=KERNEL, engine=("--engine", "auto"), seconds=0.8, image="--kernel", command="profile"):
    r = s.run(command, *(["--for", f"{seconds * 1000:.0f}ms"] if seconds else []), *args, "--", image, kernel, *engine, "-m", "64M", "--quiet", "--serial", "none")
    equal((r.returncode, r.stderr), (0, b""))
    return r.stdout


def as_json(*args, **kwargs):
    return json.loads(profile("--out", "json", *args, **kwargs))


def sampled(*args, seconds=(0.8, 5, 20), **kwargs):
    """As JSON, with samples enough for shares to tell something."""
    return patiently(lambda n: as_json(*args, seconds=n, **kwargs), lambda p: p["observed"] > 60, seconds)


def function(p, name):
    found = [f for f in p["functions"] if f["function"] == name]
    equal(len(found), 1, f"rows of {name}")
    return found[0]


def shares(engine, tier):
    p = sampled(engine=engine, seconds=(2 if tier == "region" else 0.8, 5, 20))
    equal((p["kind"], p["unit"], p["vcpus"], p["arch"]), ("sampled", "samples", 1, "riscv64"))
    seen = p["observed"]
    assert seen > 30 and seen == sum(f["self"] for f in p["functions"]) == sum(x["count"] for x in p["samples"]), p
    hot, warm, outer = (function(p, n) for n in ("hot", "warm", "outer"))
    # it is four times warm's and eight tenths: what a busy host adds to some instruction, and chance, leave that much
    assert warm["self"] < hot["self"] > 0.5 * seen, (hot, warm, seen)
    # within a prologue or an epilogue the frame pointer is another function's: a caller is left out
    assert all(function(p, n)["total"] > 0.7 * seen for n in ("work", "outer")), (p["functions"], seen)
    equal(hot["mode"], "kernel")
    # a region has to be compiled first
    assert hot["tiers"].get(tier, 0) > (0.1 if tier == "region" else 0.5) * hot["self"], (tier, hot)
    block = p["blocks"][0]
    equal((block["function"], block["instructions"], block["bytes"]), ("hot", LOOP, block["bytes"]))
    assert block["offset"] > 0 and ("host_bytes" in block) == (tier in ("stencil", "region")), block


def stacks():
    def counts(text):
        return [int(x.rsplit(" ", 1)[1]) for x in text.splitlines()]
    lines = patiently(lambda n: profile("--out", "folded", seconds=n).decode(), lambda text: sum(counts(text)) > 60, (0.8, 5, 20)).splitlines()
    assert all(re.fullmatch(r"[^ ;]+(;[^ ;]+)* \d+", x) for x in lines), lines
    found = {x.rsplit(" ", 1)[0]: int(x.rsplit(" ", 1)[1]) for x in lines}
    equal(len(found), len(lines), "each stack once")
    hot = "kernel;_start;work;outer;hot"
    assert found[hot] > 0.5 * sum(found.values()), found


def modes(guest, image, mode):
    p = sampled(kernel=s.guest(guest), image=image)
    inside = sum(f["self"] for f in p["functions"] if f["mode"] == mode)
    assert inside > 0.7 * p["observed"] > 0, p["functions"]
    equal(function(p, "hot")["mode"], mode)


def idle():
    p = patiently(lambda n: as_json(kernel=s.guest("profile_idle"), seconds=n), lambda p: p["idle"] > 50 and p["observed"] < 0.1 * p["idle"], (0.8, 5, 20))
    assert p["idle"] > 50 and p["observed"] < 0.1 * p["idle"], p
    text = profile(kernel=s.guest("profile_idle")).decode()
    contains(text, "idle (waiting for an interrupt")


def several_vcpus():
    """Those that were never started are idle; the one that runs is sampled as often."""
    p = sampled(engine=["--smp", "3"])
    equal(p["vcpus"], 3)
    assert p["observed"] > 30 and p["idle"] > p["observed"], p


def exact(engine):
    p = as_json("--exact", kernel=s.guest("profile_rounds"), engine=engine, seconds=None)
    equal((p["kind"], p["unit"], p["dropped"]), ("exact", "instructions", 0))
    equal(p["observed"], p["instructions"], "every instruction is in some block")
    for name, turns in (("hot", HOT_TURNS), ("warm", WARM_TURNS)):
        f = function(p, name)
        equal(f["executions"], ROUNDS, name)
        loops = [b for b in p["blocks"] if b["function"] == name and b["instructions"] == LOOP]
        # the first turn belongs to the block that leads into the loop
        equal(max(b["executions"] for b in loops), ROUNDS * (turns - 1), name)
    equal(function(p, "outer")["executions"], ROUNDS)


def human():
    text = profile("--top", "3").decode()
    contains(text, "samples of 1 vCPU at 199 Hz")
    assert "\033" not in text, "colour in a pipe"
    tables = re.split(r"\n\n", text)
    equal(len(tables), 5)
    rows = tables[3].splitlines()
    equal(rows[0].split(), ["self", "total", "samples", "mode", "tier", "function"])
    contains(rows[1], "hot")
    contains(tables[4].splitlines()[1], "hot+0x")
    assert len(rows) <= 4
    def first_three(n):
        return {x.split()[-1] for x in profile("--total", seconds=n).decode().split("\n\n")[3].splitlines()[1:4]}
    callers = {"_start", "work", "outer"}
    equal(patiently(first_three, lambda found: found == callers, (0.8, 5, 20)), callers, "callers first")
    contains(profile("--rate", "100").decode(), "at 100 Hz")


def annotate():
    for engine in (["--engine", "stencil"], HOT, ["--engine", "interp"]):
        text = patiently(lambda n, e=engine: profile("hot", command="annotate", engine=e, seconds=n).decode(),
                         lambda text: int(re.search(r"bytes: (\d+) samples", text)[1]) > 60, (0.8, 5, 20))
        contains(text.splitlines()[0], "hot at 0x802")
        listing = text.split("\n\n")[1]
        rows = [re.match(r"\s*(?:([\d.]+)%\s+(\d+))?\s+([0-9a-f]{16})  [0-9a-f]+\s+(.*)", x) for x in listing.splitlines()[1:]]
        assert all(rows), text
        share = {r[4]: float(r[1] or 0) for r in rows}
        loop = [i for i, r in enumerate(rows) if r[4].startswith(("add ", "xor ", "slli ", "addi ", "bnez "))]
        # the five of the loop stand together and have nearly all, but for the time that calque itself takes where the function is entered
        inside = sum(float(rows[i][1] or 0) for i in loop if 0 < i < len(rows))
        assert inside > 70, (engine, share)
    text = profile("hot", "--exact", command="annotate", kernel=s.guest("profile_rounds"), seconds=None).decode()
    turns = re.findall(r"^\s+(\d+)  \S+  \S+\s+xor ", text, re.M)
    equal(turns, [str(ROUNDS * HOT_TURNS)])
    address = re.search(r"^\s+\d+  (\S+)  \S+\s+xor ", text, re.M)[1]
    contains(profile("0x" + address, command="annotate"), "hot at 0x802")


def annotate_a_file():
    """What --symbols names is shown as the file has it, whatever stands in memory at the end."""
    gone = s.guest("profile_gone")

    def shown(*args):
        return profile("hot", "--exact", *args, command="annotate", kernel=gone, seconds=None).decode()
    text = shown()
    assert " xor " not in text and " nop" in text and gone not in text, text
    text = shown("--symbols", gone)
    assert text.splitlines()[0].endswith(f"; the code is that of {gone}"), text
    equal(re.findall(r"^\s+(\d+)  \S+  \S+\s+xor ", text, re.M), [str(ROUNDS * HOT_TURNS)])
    contains(text.split("the hottest block", 1)[1], " xor ")
    start, size = re.match(r"hot at 0x(\w+), (\d+) bytes", text).groups()
    # loaded elsewhere; names alone
    moved = shown("--symbols", f"{gone}@0x1000")
    assert moved.startswith(f"hot at {int(start, 16) + 0x1000:#x}, {size} bytes") and " xor " in moved, moved
    with open(f"{s.tmp}/hot.map", "w", encoding="ascii") as f:
        f.write(f"{int(start, 16):016x} T hot\n{int(start, 16) + int(size):016x} T warm\n")
    text = shown("--symbols", f"{s.tmp}/hot.map")
    assert " xor " not in text and " nop" in text and "hot.map" not in text, text


def columns(engine, tier, middle, wanted):
    """The hottest block: counts as in the listing, and beside each instruction what became of it."""
    def parts(n):
        return profile("hot", command="annotate", engine=engine, seconds=n).decode().rstrip("\n").split("\n\n")
    _, listing, title, table = patiently(parts, lambda found: found[2].endswith(tier), (1, 5, 20))     # a region has to be compiled first
    assert re.fullmatch(r"the hottest block, at 0x802\w+, mostly run by: " + tier, title), title
    head, *rows = table.splitlines()
    equal(head.split(), ["count", "address", "guest", middle, "host"])
    at, end = head.index(middle), head.index("host")
    samples = {a: int(n or 0) for n, a in re.findall(r"^\s*(?:[\d.]+%\s+(\d+))?\s+([0-9a-f]{16})  ", listing, re.M)}
    found = {}
    for row in rows:
        guest = re.match(r" *(\d+)  0x([0-9a-f]{16})  (\w+)", row[:at])
        if guest:
            equal(int(guest[1]), samples[guest[2]])
            name = guest[3]
            found[name] = ([], [])
        elif row[:at].strip():
            name = row[:at].strip()
            found[name] = ([], [])
        found[name][0].append(row[at:end].strip())
        found[name][1].append(row[end:].split(" ")[0])
    equal([n for n in found if n != "(beginning)"], ["add", "xor", "slli", "addi", "bnez"])
    for name, part, host in wanted:
        assert any(part in x for x in found[name][0]), (name, found[name])
        assert host in found[name][1], (name, found[name])


# ---- protocol buffers, as little as it takes: https://protobuf.dev/programming-guides/encoding/ ----
def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def message(data):
    """[(field, value)]: a number or bytes"""
    at, out = 0, []
    while at < len(data):
        key, at = varint(data, at)
        assert key & 7 in (0, 2), f"wire type {key & 7}"
        value, at = varint(data, at)
        if key & 7 == 2:
            assert at + value <= len(data)
            at, value = at + value, data[at:at + value]
        out.append((key >> 3, value))
    return out


def packed(data):
    at, out = 0, []
    while at < len(data):
        value, at = varint(data, at)
        out.append(value)
    return out


def pprof_samples(data):
    return sum(packed(dict(message(v))[2])[0] for f, v in message(data) if f == 2)


def pprof():
    top = message(patiently(lambda n: profile("--out", "pprof", seconds=n), lambda data: pprof_samples(data) > 60, (0.8, 5, 20)))
    texts = [v.decode() for f, v in top if f == 6]
    equal(texts[0], "")
    types = [dict(message(v)) for f, v in top if f == 1]
    equal([(texts[t[1]], texts[t[2]]) for t in types], [("samples", "count"), ("time", "nanoseconds")])
    functions = {d[1]: texts[d[2]] for d in (dict(message(v)) for f, v in top if f == 5)}
    locations = {d[1]: (d[3], functions[dict(message(d[4]))[1]]) for d in (dict(message(v)) for f, v in top if f == 4)}
    weight, total = {}, 0
    for field, value in top:
        if field != 2:
            continue
        sample = message(value)
        stack, values = packed(dict(sample)[1]), packed(dict(sample)[2])
        equal(len(values), 2)
        assert all(i in locations for i in stack)
        labels = {texts[dict(message(v))[1]] for f, v in sample if f == 3}
        assert {"mode", "tier"} <= labels, labels
        if stack:
            name = locations[stack[0]][1]
            weight[name] = weight.get(name, 0) + values[0]
        total += values[0]
    assert weight["hot"] > 0.5 * total > 0, weight
    period = [v for f, v in top if f == 12]
    assert 1000000 < period[0] < 400000000, period  # nanoseconds; a busy host takes fewer samples
    assert [v for f, v in top if f == 10][0] > 500000000


def flamegraph():
    odd = f"{s.tmp}/odd.map"
    p = as_json()
    with open(odd, "w", encoding="ascii") as f:     # names that mean something to XML, to scripts and to folded stacks
        f.write(f'{int(function(p, "hot")["start"], 16):016x} T a<b>"&;\']]>c\nnot a line\n')
    svg = f"{s.tmp}/flame.svg"
    out = profile("--flamegraph", svg, "--symbols", odd, "--out", "folded").decode()
    contains(out, "a<b>\"&_']]>c")
    root = ET.parse(svg).getroot()
    ns = "{http://www.w3.org/2000/svg}"
    frames = root.findall(f"{ns}g")
    titles = [g.find(f"{ns}title").text for g in frames]
    assert any(t.startswith("all (") for t in titles) and any(t.startswith("a<b>\"&;']]>c (") for t in titles), titles
    box = {g.get("data-name"): {k: float(v) for k, v in g.find(f"{ns}rect").attrib.items() if k in "xy" or k == "width"} for g in frames}
    outer, hot = box["outer"], box["a<b>\"&;']]>c"]
    assert hot["y"] < outer["y"] and outer["x"] <= hot["x"] and hot["x"] + hot["width"] <= outer["x"] + outer["width"] + 0.01, box
    equal(len(root.findall(f"{ns}script")), 1)
    with open(svg, encoding="utf-8") as f:
        assert "http" not in f.read().replace("http://www.w3.org/2000/svg", ""), "it needs nothing from elsewhere"


def symbols():
    """A file with an address; the kernel's own ELF is known without being named."""
    start = int(function(as_json(), "hot")["start"], 16)
    with open(f"{s.tmp}/map", "w", encoding="ascii") as f:
        f.write("0000000000001000 t elsewhere\n0000000000001000 T moved\n0000000000001100 T next\n")
    p = sampled("--symbols", f"{s.tmp}/map@{start - 0x1000:#x}")
    assert function(p, "moved")["self"] > 0.5 * p["observed"], p["functions"]


def refusals():
    with open(f"{s.tmp}/nothing", "w", encoding="ascii") as f:
        f.write("nothing of use\n")
    run = ["--", "--kernel", KERNEL]
    for args, part in (
            (["profile"], "nothing to run"),
            (["profile", "--rate", "0"] + run, "from 1 to 10000"),
            (["profile", "--for", "1h"] + run, "30s, 500ms or 2m"),
            (["profile", "--for", "0"] + run, "30s, 500ms or 2m"),
            (["profile", "--out", "jsn"] + run, "did you mean json"),
            (["profile", "--symbols", f"{s.tmp}/nothing"] + run, "neither an ELF file with symbols nor a System.map"),
            (["profile", "--symbols", f"{s.tmp}/none"] + run, "No such file"),
            (["profile", "--symbols", f"{KERNEL}@here"] + run, "address behind @"),
            (["profile", "--output", "/nowhere/x"] + run, "--output /nowhere/x: No such file"),
            (["annotate"] + run, "SYMBOL|ADDRESS"),
            (["annotate", "hot", "warm"] + run, "one symbol or address at a time"),
            (["annotate", "cold", "--for", "50ms"] + run + ["--serial", "none", "--quiet"], "cold: neither an address"),
    ):
        r = s.run(*args)
        equal(r.returncode, 2, args)
        equal(len(r.stderr.decode().splitlines()), 1, args)
        contains(r.stderr, part)


for name, engine, tier in (("interp", ["--engine", "interp"], "interp"), ("stencil", ["--engine", "stencil"], "stencil"), ("auto", HOT, "region"),
                           ("tlb", HOT + ["--memory", "tlb"], "region")):
    s.case("shares " + name, shares, engine, tier)
s.case("stacks", stacks)
s.case("kernel mode", modes, "profile_kernel", "--kernel", "kernel")
s.case("user mode", modes, "profile_user", "--kernel", "user")
s.case("firmware mode", modes, "profile_firmware", "--firmware", "firmware")
s.case("idle", idle)
s.case("several vCPUs", several_vcpus)
s.case("exact auto", exact, ["--engine", "auto"])
s.case("exact interp", exact, ["--engine", "interp"])
s.case("human", human)
s.case("annotate", annotate)
s.case("annotate a file", annotate_a_file)
s.case("columns of a region", columns, HOT + ["--memory", "tlb"], "region", "llvm-opt", [("xor", "= xor i64 ", "xorq"), ("bnez", "br i1 ", "jne")])
s.case("columns of stencils", columns, ["--engine", "stencil"], "stencil", "uop", [("xor", "a4 = xor a4, a5", "xorq"), ("bnez", "bne a0, zero", "jmp")])
s.case("columns of the interpreter", columns, ["--engine", "interp"], "interp", "uop", [("xor", "a4 = xor a4, a5", "")])
s.case("pprof", pprof)
s.case("flamegraph", flamegraph)
s.case("symbols", symbols)
s.case("refusals", refusals)
s.end()
