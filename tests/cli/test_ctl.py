#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The control socket: every command and event, by itself and through calque ctl, profile --vm, annotate --vm and lift --vm; and hostile clients."""
import json
import os
import re
import select
import signal
import socket
import stat
import subprocess
import time
import xml.etree.ElementTree as ET

from common import Running, Suite, check_schema, contains, equal

s = Suite("cli/ctl")
with open(os.path.join(os.path.dirname(__file__), "../../docs/control.schema.json"), encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)
HOT = ["--engine", "auto", "--tune", "sample_period=100000", "--tune", "heat=1"]
LINE = 256 << 10


class Guest(Running):
    """A guest with a control socket."""
    count = 0

    def __init__(self, name, *args):
        Guest.count += 1
        self.path = f"{s.tmp}/{Guest.count}.sock"
        super().__init__(s, "--kernel", s.guest(name), "-m", "64M", "--timeout", "200", "--serial", "none", "--ctl", self.path, *args)
        while not os.path.exists(self.path) and self.p.poll() is None:
            time.sleep(0.01)
        assert self.p.poll() is None, self.p.stderr.read()

    def ctl(self, *args, status=0):
        r = s.run("ctl", self.path, *args)
        equal(r.returncode, status, r.stderr)
        return r.stdout.decode() if not status else r.stderr.decode()


class Client:
    """One connection. Every line that comes is what the schema says."""

    def __init__(self, guest):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(60)
        for _ in range(100):	# it is there before it listens
            try:
                self.s.connect(guest.path)
                break
            except ConnectionRefusedError:
                time.sleep(0.01)
        self.f = self.s.makefile("rb")
        self.events = []

    def line(self):
        text = self.f.readline()
        if not text:
            return None
        d = json.loads(text)
        kind = [k for k in ("reply", "error", "event") if k in d]
        equal(len(kind), 1, text)
        check_schema(d, SCHEMA["$defs"][kind[0]], SCHEMA)
        return d

    def answer(self):
        while True:
            d = self.line()
            if d is None or "event" not in d:
                return d
            self.events.append(d)

    def event(self, name):
        while True:
            d = self.events.pop(0) if self.events else self.line()
            assert d and "event" in d, f"{d} before {name}"
            if d["event"] == name:
                return d

    def raw(self, data):
        self.s.sendall(data)
        return self.answer()

    def ask(self, command, **args):
        d = self.raw(json.dumps({"command": command, **args}).encode() + b"\n")
        assert "reply" in d, d
        check_schema(d["reply"], SCHEMA["$defs"][command], SCHEMA)
        return d["reply"]

    def refused(self, command, **args):
        d = self.raw(json.dumps({"command": command, **args}).encode() + b"\n")
        assert "error" in d, d
        return d["error"]["text"]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.f.close()
        self.s.close()


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def instructions(c):
    return c.ask("status")["vcpus"][0]["instructions"]


def goes_on(c, n=1):
    """Waits until the guest has executed n instructions more."""
    before = instructions(c)
    wait_until(lambda: instructions(c) >= before + n)


# ---- the socket ----


def private():
    with Guest("sleep") as g:
        st = os.stat(g.path)
        assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o600, oct(st.st_mode)
        r = s.run("run", "--kernel", s.guest("sleep"), "-m", "64M", "--ctl", g.path)
        equal(r.returncode, 2)
        contains(r.stderr, f"--ctl {g.path}: in use")
        g.ctl("status")
        g.ctl("quit")
        equal(g.end()[0], 0)
        assert not os.path.exists(g.path), "the socket is left"


def stale():
    """A dead program's socket makes way; a file does not. A socket that another has put in our place stays."""
    with Guest("sleep") as g:
        g.p.kill()
        g.p.wait()
        assert os.path.exists(g.path)
        Guest.count -= 1
        with Guest("sleep") as again:
            wait_until(lambda: s.run("ctl", again.path, "status").returncode == 0)
            os.rename(again.path, again.path + ".moved")
            with open(again.path, "w", encoding="ascii") as f:
                f.write("other")
            again.path += ".moved"
            again.ctl("quit")
            again.end()
        assert os.path.exists(g.path)
    r = s.run("run", "--kernel", s.guest("sleep"), "-m", "64M", "--ctl", g.path)
    equal(r.returncode, 2)
    contains(r.stderr, "there is a file of this name")
    r = s.run("run", "--kernel", s.guest("sleep"), "-m", "64M", "--ctl", "x" * 200)
    equal(r.returncode, 2)
    contains(r.stderr, "longer than 107 bytes")


def nobody():
    for args in (["ctl", f"{s.tmp}/none", "status"], ["profile", "--vm", f"{s.tmp}/none"], ["lift", "--vm", f"{s.tmp}/none", "--at", "x"]):
        r = s.run(*args)
        equal(r.returncode, 2, args)
        contains(r.stderr, "is a guest running with --ctl")
        equal(r.stderr.count(b"\n"), 1)
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(f"{s.tmp}/dead")
    dead.close()
    contains(s.run("ctl", f"{s.tmp}/dead").stderr, "nobody listens")
    contains(s.run("ctl").stderr, "which guest?")


# ---- commands ----


def commands():
    with Guest("profile_kernel") as g, Client(g) as c:
        listed = c.ask("help")
        equal({x["name"] for x in listed["commands"]} - set(SCHEMA["$defs"]), set(), "commands without schema")
        equal(len(listed["commands"]), 15)
        text = g.ctl("help")
        for x in listed["commands"]:
            contains(text, x["name"])
        st = c.ask("status", id=7)
        equal((st["state"], st["arch"], st["board"], st["ram"]), ("running", "riscv64", "virt", 64 << 20))
        equal(c.raw(b'{"command": "status", "id": "x y"}\r\n')["id"], "x y")
        at = int(c.ask("symbol", at="hot")["address"], 16)
        equal(c.ask("symbol", at=f"0x{at + 2:x}")["symbol"], "hot")
        equal(int(c.ask("symbol", at="hot+0x2")["address"], 16), at + 2)
        equal(c.ask("symbol", at="0x10")["symbol"], None)
        contains(c.refused("symbol", at="hott"), "did you mean hot")
        t = c.ask("translate", address="0x10000000")
        equal((t["physical"], t["kind"]), ("0x10000000", "device"))
        equal(c.ask("translate", address=at)["kind"], "ram")
        goes_on(c)
        stats = c.ask("stats")
        assert stats["vcpus"][0]["instructions"] > 0 and stats["engine"], stats
        contains(c.refused("powerdown"), "power off")
        contains(c.refused("cont", vcpu=1), "has no argument vcpu")
        contains(c.refused("regs", vcpu=1), "the guest has 1")
        contains(c.refused("screenshot"), "unknown command")


def pause(engine):
    """In the midst of a hot loop: nothing moves until it is continued."""
    with Guest("profile_kernel", *engine) as g, Client(g) as c:
        c.ask("events")
        goes_on(c, 3000000)
        equal(c.ask("pause")["state"], "paused")
        equal(c.ask("pause")["state"], "paused")
        c.event("paused")
        before = c.ask("status")
        r = c.ask("regs")
        time.sleep(0.1)
        equal(c.ask("status"), before)
        equal(c.ask("regs"), r)
        equal((before["state"], r["pc"], r["mode"]), ("paused", before["vcpus"][0]["pc"], "kernel"))
        equal(c.ask("cont")["state"], "running")
        equal(c.ask("cont")["state"], "running")
        c.event("resumed")
        equal(c.events, [], "one event for each change")
        goes_on(c)


def registers():
    with Guest("spin", "--smp", "2") as g, Client(g) as c:
        c.ask("pause")
        r = c.ask("regs")
        assert {"cpu", "fpu", "csr"} <= set(r["registers"]), r["registers"].keys()
        equal(len(r["registers"]["cpu"]), 33)
        equal(len(r["registers"]["fpu"]) >= 32, True)
        assert r["registers"]["cpu"]["pc"] == r["pc"] and "sstatus" in r["registers"]["csr"] and "fa0" in r["registers"]["fpu"]
        equal(c.ask("regs", vcpu=1)["registers"]["cpu"]["t0"], "0x0")
        equal([v["state"] for v in c.ask("status")["vcpus"]], ["active", "halted"])


def memory():
    """What is written is read, by either address, also as code: the guest runs what the socket has written."""
    with Guest("spin") as g, Client(g) as c:
        goes_on(c, 1000)
        spin = c.ask("symbol", at="spin")["address"]
        equal(c.ask("mem", address=spin, size=2)["data"], "01a0")
        far = "0x83000001"
        c.ask("mem", address=far, data="00 01,02 ff")
        equal(c.ask("mem", address=far, size=4, physical=True)["data"], "000102ff")
        c.ask("mem", address=far, data="aa", physical=True)
        equal(c.ask("mem", address=far, size=2)["data"], "aa01")
        equal(c.ask("mem", address="0x80200000", size=65536)["size"], 65536)
        for args, words in (({"address": "0x83fffff0", "size": 32}, "not all"), ({"address": "0x83fffff0", "size": 32, "physical": True}, "not all"),
                            ({"address": far, "size": 65537}, "from 1 to 65536"), ({"address": far, "size": 0}, "from 1"),
                            ({"address": far, "data": "0"}, "half a byte"), ({"address": far, "data": "00", "size": 2}, "leave size out"),
                            ({"address": "zz"}, "address: not a number"), ({"size": 1}, "needs address"), ({"address": -1}, "address"),
                            ({"address": "0x10000000"}, "not all"), ({"address": "0xffffffffffffffff", "size": 2}, "not all")):
            contains(c.refused("mem", **args), words)
        # lui t0, 0x100; lui t1, 5; addi t1, t1, 0x555; sw t1, (t0): power off, in place of the loop
        c.ask("mem", address=spin, data="b7021000 37530000 13035355 23a06200")
        equal(g.end()[0], 0)


def life():
    """Reset runs on, or stays paused; a reboot is no end; the end comes as an event, with its cause."""
    with Guest("profile_kernel", "--smp", "2") as g, Client(g) as c:
        c.ask("events")
        equal(c.ask("reset")["state"], "running")
        c.event("reset")
        c.ask("pause")
        n = instructions(c)
        equal(c.ask("reset")["state"], "paused")
        equal((c.ask("regs")["pc"], instructions(c)), ("0x80200000", n))
        c.ask("cont")
        goes_on(c)
        c.ask("quit")
        equal(c.event("end")["cause"], "stopped")
        equal(c.line(), None)
        status, error = g.end()
        equal(status, 0)
        contains(error, "through the control socket")


def jump(c, symbol, code):
    """Has a paused guest execute other code at a symbol."""
    c.ask("mem", address=c.ask("symbol", at=symbol)["address"], data=code)


def ends():
    """How guests end by themselves: what was a loop asks the test device for a reboot, or dies of a trap vector that is nowhere."""
    reboot = "b7021000" "37730000" "13037377" "23a06200"	# lui t0, 0x100; lui t1, 7; addi t1, t1, 0x777; sw t1, (t0)
    with Guest("spin") as g, Client(g) as c:
        c.ask("events")
        goes_on(c, 1000)
        jump(c, "spin", reboot)
        c.event("reboot")
        wait_until(lambda: c.ask("mem", address=c.ask("symbol", at="spin")["address"], size=2)["data"] == "01a0")
        jump(c, "spin", "93025000" "73905210" "00000000")	# li t0, 5; csrw stvec, t0; illegal
        e = c.event("end")
        equal((e["cause"], e["status"], e["vcpu"]), ("died", 4, 0), e)
        equal(g.end()[0], 4)
    with Guest("spin", "--no-reboot") as g, Client(g) as c:
        c.ask("events")
        goes_on(c, 1000)
        jump(c, "spin", reboot)
        equal(c.event("end")["cause"], "reboot")
        equal(g.end()[0], 0)


def debugged():
    """Beside a debugger the socket looks, and leaves starting and stopping to it."""
    with Guest("debug", "--gdb", "0", "--wait-gdb") as g, Client(g) as c:
        there = {x["name"] for x in c.ask("help")["commands"]}
        equal({"pause", "cont", "reset", "profile", "profile-end"} & there, set())
        contains(c.refused("cont"), "debugger")
        equal((c.ask("status")["state"], c.ask("regs")["pc"]), ("paused", "0x80200000"))
        equal(c.ask("symbol", at="work")["symbol"], "work")


# ---- hostile clients ----


def bad_lines():
    with Guest("sleep") as g, Client(g) as c:
        for line, words in ((b"x", "no JSON"), (b"null", "an object"), (b"[1]", "an object"), (b"{}", "no command"), (b'{"command": 1}', "no command"),
                            (b'{"command": "status"', "no JSON"), (b'{"command": "status"} x', "no JSON"), (b'{"command": "status", "id": 1.5}', "id:"),
                            (b'{"command": "status", "id": -1}', "id:"), (b'{"command": "status", "id": "\\""}', "id:"), (b'{"command": "status", "id": "\\n"}', "id:"),
                            (b'{"command": "stat"}', "did you mean"), (b'{"command": "\\u0000"}', "no command"), (b"\0", "a byte 0"), (b"\xff", "no JSON"),
                            (b'{"command": "' + b"\xc3" + b'"}', "no JSON"), (b'{"command": "regs", "vcpu": "0"}', "vcpu: must be"), (b"[" * 5000, "no JSON"),
                            (b'{"command": "mem", "address": 18446744073709551616}', ""), (b'{"command": "mem", "adress": 1}', "did you mean address"),
                            (b'{"command": "profile", "symbols": [1]}', "symbols: must be"), (b'{"command": "profile", "symbols": ["relative"]}', "symbols"),
                            (b'{"command": "profile", "out": "xml"}', "there are human"), (b'{"command": "profile", "out": "perf-map"}', "--perf map"),
                            (b'{"command": "profile", "rate": 0}', "rate:"),
                            (b'{"command": "profile-end"}', "no profile")):
            d = c.raw(line + b"\n")
            assert "error" in d and "\n" not in d["error"]["text"], (line, d)
            contains(d["error"]["text"], words)
        c.s.sendall(b"\n \r\n")		# nothing is nothing
        c.ask("status")


def pieces():
    """Lines come in pieces, several at once, too long, and without an end."""
    with Guest("sleep") as g:
        with Client(g) as c:
            for byte in b'{"command": "status"}\n':
                c.s.sendall(bytes([byte]))
            assert "reply" in c.answer()
            c.s.sendall(b'{"command":"status","id":1}\n{"command":"status","id":2}\n{"command":"sta')
            equal([c.answer()["id"] for _ in range(2)], [1, 2])
            c.s.sendall(b'tus","id":3}\n')
            equal(c.answer()["id"], 3)
            contains(c.raw(b" " * (LINE + 5))["error"]["text"], "longer than")
            c.s.sendall(b"x" * (2 * LINE) + b"\n")
            c.ask("status")
            c.s.sendall(b'{"command":"status","id":4}\n{"comm')
            c.s.shutdown(socket.SHUT_WR)
            equal(c.answer()["id"], 4)
            contains(c.answer()["error"]["text"], "cut short")
            equal(c.answer(), None)
        with Client(g) as c:	# said before it hung up, and done
            c.s.sendall(b'{"command":"help"}\n' * 50 + b'{"command":"quit"}\n')
        equal(g.end()[0], 0)


def crowd():
    with Guest("sleep") as g:
        clients = [Client(g) for _ in range(16)]
        for i, c in enumerate(clients):
            c.ask("events")
            equal(c.raw(b'{"command":"status","id":%d}\n' % i)["id"], i)
        with Client(g) as late:
            contains(late.line()["error"]["text"], "16 clients already")
            equal(late.line(), None)
        clients[0].ask("pause")
        for c in clients:
            c.event("paused")
        for c in clients[1:]:
            c.__exit__()
        wait_until(lambda: s.run("ctl", g.path, "status").returncode == 0)
        clients[0].__exit__()


def slow_readers():
    """Who does not read gets no further, and is told what it has missed; the others and the guest go on."""
    with Guest("spin", *HOT) as g, Client(g) as slow, Client(g) as c:
        slow.ask("events")
        slow.s.sendall(b'{"command": "mem", "address": "0x80200000", "size": 65536}\n' * 40)
        for _ in range(40):	# each sees one of the others served, too
            c.ask("status")
        for _ in range(50):
            c.ask("pause")
            c.ask("cont")
        goes_on(c)
        for _ in range(40):
            equal(slow.answer()["reply"]["size"], 65536)
        c.ask("pause")
        while sum(e.get("count", 1) for e in slow.events) < 101:
            slow.events.append(slow.line())
        equal([e["event"] for e in slow.events], ["missed", "paused"])
        equal(slow.events[0]["count"], 100)


# ---- calque ctl ----


def tables():
    with Guest("profile_kernel", "--smp", "2") as g:
        wait_until(lambda: s.run("ctl", g.path, "status").returncode == 0)
        equal(g.ctl("pause"), "state         paused\n")
        text = g.ctl("status")
        assert re.search(r"^state +paused$", text, re.M) and "\033" not in text, text
        assert re.search(r"^0 +active +kernel +0x802[0-9a-f]+ +\d+$", text, re.M) and re.search(r"^1 +halted ", text, re.M), text
        equal(json.loads(g.ctl("--json", "status"))["reply"]["state"], "paused")
        text = g.ctl("regs", "0")
        assert re.search(r"^zero 0{16} +ra [0-9a-f]{16} ", text, re.M) and "\ncsr\n" in text, text
        equal(g.ctl("regs"), text)
        g.ctl("mem", "0x83000000", "--data", "48656c6c6f00")
        equal(g.ctl("mem", "0x83000000", "18"), "0000000083000000  48 65 6c 6c 6f 00 00 00  00 00 00 00 00 00 00 00  |Hello...........|\n"
              "0000000083000010  00 00                                             |..|\n")
        equal(g.ctl("mem", "--physical", "--size", "1", "--address", "0x83000000").split("|")[1], "H")
        contains(g.ctl("stats"), "tlb_flushes")
        contains(g.ctl("symbol", "hot"), "size          ")
        for args, words in ((["mem"], "needs address"), (["mem", "x"], "ADDRESS x: not a number"), (["mme"], "did you mean mem"), (["status", "1"], "unexpected"),
                            (["regs", "--vcpu", "9"], "no vCPU 9"), (["mem", "1", "--phys"], "--physical"), (["regs", "--vcpu", "-1"], "not a number")):
            error = g.ctl(*args, status=2)
            contains(error, words)
            equal(error.count("\n"), 1)
        contains(g.ctl("mem", "--help"), "65536 at most")
        g.ctl("cont")


def follows():
    with Guest("spin") as g, Client(g) as c:
        human, as_json = (subprocess.Popen([s.calque, "ctl", *args, g.path, "events"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
                          for args in ([], ["--json"]))
        equal(as_json.stdout.readline(), b'{"reply": {}}\n')
        while not select.select([human.stdout], [], [], 0.05)[0]:	# until it has subscribed
            c.ask("pause")
            c.ask("cont")
        c.ask("pause")
        c.ask("quit")
        lines = human.communicate(timeout=60)[0].decode().splitlines()
        equal(lines[-2:], ["paused", "end  cause stopped  status 0  text through the control socket"])
        assert set(lines[:-2]) <= {"paused", "resumed"}, lines
        equal([json.loads(x)["event"] for x in as_json.communicate(timeout=60)[0].splitlines()][-2:], ["paused", "end"])
        equal((human.returncode, as_json.returncode), (0, 0))


# ---- profiles and code of a running guest ----


def attach(g, *args, command="profile", seconds="500ms"):
    r = s.run(command, "--vm", g.path, *(["--for", seconds] if seconds else []), *args)
    equal((r.returncode, r.stderr), (0, b""))
    return r.stdout


def profiles():
    with Guest("profile_kernel", "--smp", "2", *HOT) as g:
        wait_until(lambda: s.run("ctl", g.path, "status").returncode == 0)
        for seconds in ("500ms", "5s", "20s"):		# a busy host hardly lets the guest run
            p = json.loads(attach(g, "--out", "json", seconds=seconds))
            if p["observed"] > 40:
                break
        equal((p["kind"], p["vcpus"]), ("sampled", 2))
        rows = {f["function"]: f for f in p["functions"]}
        assert rows["hot"]["self"] > 0.5 * p["observed"] > 10, p["functions"]
        assert p["idle"] > 0, p
        svg = f"{s.tmp}/attached.svg"
        folded = attach(g, "--out", "folded", "--flamegraph", svg, seconds=seconds).decode()
        contains(folded, "kernel;_start;work;outer;hot")
        ET.parse(svg)
        raw = attach(g, "--out", "pprof")
        assert raw[0] == 0x0a and b"outer" in raw, raw[:40]
        os.chdir(os.path.dirname(s.guest("profile_kernel")))
        contains(attach(g, "--top", "3", "--symbols", "profile_kernel"), "samples of 2 vCPUs at 199 Hz")
        text = attach(g, "hot", command="annotate", seconds=seconds).decode()
        assert re.match(r"hot at 0x[0-9a-f]+, \d+ bytes: [1-9]\d* samples", text) and re.search(r"\d+\.\d\d% +\d+  [0-9a-f]+ .*bnez", text), text
        x = json.loads(attach(g, "--exact", "--out", "json", seconds=seconds))
        equal((x["kind"], x["observed"]), ("exact", x["instructions"]))
        # the next one samples again, and machine code runs again
        wait_until(lambda: "stencil" in json.loads(attach(g, "--out", "json"))["functions"][0]["tiers"] or "region" in json.loads(
            attach(g, "--out", "json"))["functions"][0]["tiers"])


def profile_ends():
    """By a signal to who asked, by the guest's end, by going away; one at a time."""
    with Guest("profile_kernel") as g, Client(g) as c:
        p = subprocess.Popen([s.calque, "profile", "--vm", g.path, "--exact", "--top", "1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(lambda: c.ask("status")["profiled"])
        goes_on(c, 1000000)
        p.send_signal(signal.SIGINT)
        out, error = p.communicate(timeout=60)
        equal((p.returncode, error), (0, b""))
        contains(out, "hot")
        with Client(g) as other:
            other.s.sendall(b'{"command":"profile"}\n')
            wait_until(lambda: c.ask("status")["profiled"])
        wait_until(lambda: "reply" in c.raw(b'{"command":"profile","for":1}\n'))
        with Client(g) as other:
            other.s.sendall(b'{"command":"profile","id":"p","exact":true}\n')
            equal(other.raw(b'{"command":"status","id":1}\n')["id"], 1)
            other.s.sendall(b'{"command":"profile-end","id":2}\n')
            equal([other.answer()["id"] for _ in range(2)], ["p", 2])
        p = subprocess.Popen([s.calque, "profile", "--vm", g.path, "--exact", "--out", "folded"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        wait_until(lambda: c.ask("status")["profiled"])
        goes_on(c, 1000000)
        c.ask("quit")
        contains(p.communicate(timeout=60)[0], "hot")
        equal(p.returncode, 0)
    for args, words in ((["--vm", "x", "--", "--kernel", "y"], "runs already"), (["--vm", "x", "--output", "/nonexistent/x"], "--output /nonexistent")):
        r = s.run("profile", *args)
        equal(r.returncode, 2)
        contains(r.stderr, words)


def lifts():
    """The same listing as from the file, but for what the vCPU's state adds; with code that only the memory has."""
    with Guest("profile_kernel", "--smp", "2") as g:
        wait_until(lambda: s.run("ctl", g.path, "status").returncode == 0)
        from_file = s.run("lift", s.guest("profile_kernel"), "--at", "hot", "--mode", "supervisor", "--json")
        from_guest = s.run("lift", "--vm", g.path, "--at", "hot", "--mode", "supervisor", "--json")
        equal((from_file.returncode, from_guest.returncode), (0, 0), from_guest.stderr)
        a, b = (json.loads(x.stdout) for x in (from_file, from_guest))
        equal(a["regions"], b["regions"])
        live = json.loads(s.run("lift", "--vm", g.path, "--at", "hot", "--json").stdout)
        equal(live["mode"], "supervisor")
        code = s.run("lift", "--vm", g.path, "--stage", "guest", "--vcpu", "1")
        contains(code.stdout, "80200000")
        contains(s.run("lift", "--vm", g.path, "--at", "outer", "--region", "--stage", "guest,host").stdout, "hot")
        g.ctl("mem", "0x83000000", "--data", "13051500 8280")
        out = s.run("lift", "--vm", g.path, "--at", "0x83000000", "--stage", "guest").stdout.decode()
        assert re.search(r"83000000.*addi +a0, a0, 1", out) and "ret" in out, out
        for args, words in ((["--at", "hott"], "did you mean hot"), (["--at", "0x1"], "multiples of 2"), (["--at", "0x90000000"], "--vcpu N"), (["--vcpu", "7"], "the guest has 2"),
                            (["--cpu", "rv64"], "says that itself"), ([s.guest("spin")], "leave one of the two out")):
            r = s.run("lift", "--vm", g.path, *args)
            equal(r.returncode, 2, args)
            contains(r.stderr, words)
    contains(s.run("lift", s.guest("spin"), "--vcpu", "0").stderr, "none without --vm")


s.case("private", private)
s.case("stale", stale)
s.case("nobody", nobody)
s.case("commands", commands)
s.case("pause interp", pause, ["--engine", "interp"])
s.case("pause auto", pause, ["--engine", "auto"])
s.case("pause hot", pause, [*HOT, "--smp", "2"])
s.case("registers", registers)
s.case("memory", memory)
s.case("life", life)
s.case("ends", ends)
s.case("debugged", debugged)
s.case("bad lines", bad_lines)
s.case("pieces", pieces)
s.case("crowd", crowd)
s.case("slow readers", slow_readers)
s.case("tables", tables)
s.case("follows", follows)
s.case("profiles", profiles)
s.case("profile ends", profile_ends)
s.case("lifts", lifts)
s.end()
