#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""calque run: ways to end, reports, logs, signals, consoles in pipes; and the help of every command."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from common import Suite, contains, equal, patiently

s = Suite("cli/run")


def run_guest(name, *args, **kwargs):
    return s.run("run", "--kernel", s.guest(name), "-m", "64M", "--timeout", "30", *args, **kwargs)


def final_line(r):
    lines = r.stderr.decode().splitlines()
    assert lines and lines[-1].startswith("calque: "), r.stderr
    return lines[-1]


# ---- ways to end ----


def ends(name, args, status, words, seconds=(30,)):
    """A timeout comes after some of these: at the first ones a busy host may not have let the guest come to its loop."""
    r = patiently(lambda n: run_guest(name, "--timeout", str(n), *args), lambda r: words.encode() in r.stderr and r.stdout, seconds)
    equal(r.returncode, status, r.stderr.decode())
    equal(r.stdout, b"guest here\r\n")
    contains(final_line(r), words)
    assert re.search(r"after \d+\.\d\d s, [\d ]+ instructions", final_line(r)), final_line(r)


s.case("power-off", ends, "poweroff", [], 0, "powered off")
s.case("reboot refused", ends, "reboot", ["--no-reboot"], 0, "asked for a reboot")
s.case("exit code", ends, "code7", [], 7, "code 7")
s.case("large exit code", ends, "code300", [], 255, "code 300")
s.case("death", ends, "crash", [], 4, "pc 0x10")
s.case("timeout of a sleeper", ends, "sleep", [], 124, "--timeout", (0.3, 3, 20))
s.case("timeout of a runner", ends, "spin", [], 124, "(spin)", (0.3, 3, 20))
s.case("deterministic", ends, "poweroff", ["--deterministic"], 0, "powered off")
s.case("two vCPUs", ends, "poweroff", ["--smp", "2"], 0, "powered off")


def reboots():
    """Without --no-reboot the guest starts anew, again and again."""
    r = patiently(lambda n: run_guest("reboot", "--timeout", str(n)), lambda r: r.stdout.count(b"guest here") > 1, (1, 5, 20))
    equal(r.returncode, 124)
    assert r.stdout.count(b"guest here") > 1, r.stdout


def quiet():
    r = run_guest("poweroff", "--quiet")
    equal((r.returncode, r.stderr), (0, b""))


def dead_registers():
    r = run_guest("crash")
    text = r.stderr.decode()
    contains(text, "pc 0000000000000010")
    contains(text, "t0 0000000000000010")
    contains(text, "sp ")


s.case("reboots", reboots)
s.case("quiet", quiet)
s.case("registers of the dead", dead_registers)

# ---- reports ----


def report_on_stderr():
    r = run_guest("code7", "--json")
    report = json.loads(r.stderr)
    equal((report["cause"], report["code"], report["status"]), ("code", 7, 7))
    assert report["instructions"] > 20 and report["vcpus"] == 1


def report_in_file():
    where = f"{s.tmp}/report.json"
    r = run_guest("crash", f"--json={where}")
    equal(r.returncode, 4)
    contains(final_line(r), "died")
    with open(where, encoding="utf-8") as f:
        report = json.load(f)
    equal((report["cause"], report["status"], report["pc"]), ("died", 4, "0x10"))


def report_of_timeout():
    report = patiently(lambda n: json.loads(run_guest("spin", "--timeout", str(n), "--json").stderr), lambda report: report.get("symbol") == "spin", (0.2, 3, 20))
    equal((report["cause"], report["status"], report["symbol"]), ("timeout", 124, "spin"))


def stats():
    r = run_guest("poweroff", "--stats")
    contains(r.stderr, "instructions")
    equal(r.returncode, 0)


s.case("report on stderr", report_on_stderr)
s.case("report in a file", report_in_file)
s.case("report of a timeout", report_of_timeout)
s.case("stats", stats)

# ---- logs ----


def trace(name, *args):
    where = f"{s.tmp}/trace"
    r = run_guest(name, "-d", "step,int", "--log", where, "--deterministic", *args)
    with open(where, encoding="utf-8") as f:
        return r, f.read()


def trace_lines():
    """One line an instruction, counted from 1 without gaps, with the registers that changed."""
    r, text = trace("poweroff")
    equal(r.returncode, 0)
    lines = text.splitlines()
    equal([int(x.split()[0]) for x in lines], list(range(1, len(lines) + 1)))
    contains(lines[0], "0000000080200000")
    contains(lines[0], "auipc")
    stores = [x for x in lines if " sb " in x]
    equal(len(stores), len("guest here\r\n"), "stores to the serial port")
    assert any("t1=67" in x for x in lines), "a load of 'g' shows its value"


def trace_exception():
    _, text = trace("crash")
    contains(text, "exception 1 (")
    contains(text, "pc 0x10")


def trace_same():
    first, second = trace("debug")[1], trace("debug")[1]
    assert first == second, "two deterministic runs differ"
    assert first.count("\n") > 5000


def blocks():
    """Every instruction that ran stands in a translated block, and each block is told of once."""
    where = f"{s.tmp}/blocks"
    r = run_guest("poweroff", "-d", "insn", "--log", where)
    equal(r.returncode, 0)
    with open(where, encoding="utf-8") as f:
        text = f.read()
    heads = re.findall(r"^vcpu 0: block at (\w+), (\d+) instructions, (\d+) micro-ops", text, re.M)
    equal(len(heads), len({x[0] for x in heads}))
    contains(heads[0][0], "0000000080200000")
    told = set(re.findall(r"^    ([0-9a-f]{16})  ", text, re.M))
    _, ran = trace("poweroff")
    assert {x.split()[1] for x in ran.splitlines()} <= told


def log_on_stderr():
    r = run_guest("crash", "-d", "int")
    contains(r.stderr, "vcpu 0 at ")


s.case("trace", trace_lines)
s.case("trace of an exception", trace_exception)
s.case("trace is deterministic", trace_same)
s.case("blocks", blocks)
s.case("log on stderr", log_on_stderr)

# ---- signals ----


def start(name, *args, **kwargs):
    p = subprocess.Popen([s.calque, "run", "--kernel", s.guest(name), "-m", "64M", "--timeout", "30", *args],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
    equal(p.stdout.readline(), b"guest here\r\n")
    return p


def stopped_by(number, name):
    """The guest cannot answer the request; the second signal ends it at once."""
    p = start(name)
    while p.poll() is None:		# two that come at once are one
        p.send_signal(number)
        time.sleep(0.2)
    error = p.stderr.read().decode()
    equal(p.returncode, 128 + number, error)
    contains(error, "signal")
    assert "in time" not in error, error
    p.stdout.close()
    p.stderr.close()


for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    s.case(f"{number.name} stops a runner", stopped_by, number, "spin")
    s.case(f"{number.name} stops a sleeper", stopped_by, number, "sleep")

# ---- consoles ----


def piped_input():
    r = run_guest("echo", stdin=None, input=b"abcq")
    equal((r.returncode, r.stdout), (0, b"ready\r\nabcq"))


def closed_output():
    """A reader that goes away is no reason to die or hang."""
    p = subprocess.Popen([s.calque, "run", "--kernel", s.guest("poweroff"), "-m", "64M", "--timeout", "30"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.close()
    error = p.stderr.read()
    p.stderr.close()
    equal(p.wait(), 0, error)


def file_console():
    where = f"{s.tmp}/console"
    r = run_guest("poweroff", "--serial", f"file:{where}")
    equal((r.returncode, r.stdout), (0, b""))
    with open(where, "rb") as f:
        equal(f.read(), b"guest here\r\n")


def socket_console():
    where = f"{s.tmp}/console.sock"
    p = subprocess.Popen([s.calque, "run", "--kernel", s.guest("echo"), "-m", "64M", "--timeout", "30", "--serial", f"unix:{where}"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with socket.socket(socket.AF_UNIX) as client:
        while client.connect_ex(where):  # not there yet, or bound and not listening yet
            assert p.poll() is None
            time.sleep(0.02)
        client.sendall(b"xyzq")
        got = b""
        while not got.endswith(b"xyzq"):
            part = client.recv(100)
            assert part, got
            got += part
    p.communicate()
    equal(p.returncode, 0)
    assert not os.path.exists(where), "the socket stays behind"


s.case("input from a pipe", piped_input)
s.case("output closed", closed_output)
s.case("console in a file", file_console)
s.case("console on a socket", socket_console)

# ---- threads ----


def threads(wanted, *args):
    """Each says what it is for; the process itself is calque."""
    p = start("sleep", *args)
    tasks, found = f"/proc/{p.pid}/task", []
    while not {"calque", "events", *wanted} <= set(found):  # one may have been started and not named yet
        assert p.poll() is None, found
        found = []
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/comm", encoding="ascii") as f:
                found.append(f.read().strip())
        time.sleep(0.02)
    p.kill()
    p.communicate()


disk = f"{s.tmp}/threads.img"
with open(disk, "wb") as f:
    f.truncate(1 << 20)
s.case("names of threads", threads, {"vcpu0", "vcpu1", "ctl", "gdb", "blk0"},
       "--smp", "2", "--disk", disk, "--gdb", "0", "--ctl", f"{s.tmp}/threads.sock")
if b"llvm" in s.run("help").stdout:
    s.case("names of threads that compile", threads, {"vcpu0", "jit0", "jit1", "recall"}, "--jit-threads", "2", "--cache", f"{s.tmp}/threads.cache")

# ---- LLVM's library ----


def llvm_of(engine):
    """The files of LLVM that the process has while a guest runs."""
    p = start("sleep", "--engine", engine, "--cache", "off")
    with open(f"/proc/{p.pid}/maps", encoding="utf-8") as f:
        found = {line.split()[-1] for line in f if "libLLVM" in line}
    p.kill()
    p.communicate()
    return found


def llvm_is_loaded_when_needed():
    equal([bool(llvm_of(engine)) for engine in ("stencil", "auto", "llvm")], [False, False, True])


def without_llvm():
    """Who needs it says so; all else goes on."""
    folder = f"{s.tmp}/no-llvm"
    os.mkdir(folder)
    for path in llvm_of("llvm"):  # an empty file comes before it
        with open(f"{folder}/{os.path.basename(path)}", "wb"):
            pass
    env = {**os.environ, "LD_LIBRARY_PATH": folder}
    for args, status in ((["--engine", "stencil"], 0), (["--cache", "off"], 0), (["--engine", "llvm"], 3)):
        r = run_guest("poweroff", *args, env=env)
        equal(r.returncode, status, r.stderr)
        equal(b"install libllvm19" in r.stderr, bool(status), r.stderr)
    contains(s.run("doctor", env=env).stdout, "install libllvm19")


if b"llvm" in s.run("help").stdout:
    s.case("LLVM is loaded when it is needed", llvm_is_loaded_when_needed)
    s.case("without LLVM", without_llvm)

# ---- device tree ----


def dump_dtb():
    where = f"{s.tmp}/dtb"
    r = s.run("run", "--dump-dtb", where, "--smp", "2", "-m", "128M", "--append", "quiet", "--kernel", s.guest("poweroff"))
    equal(r.returncode, 0, r.stderr)
    text = subprocess.run(["dtc", "-I", "dtb", "-O", "dts", where], capture_output=True, check=True).stdout.decode()
    for part in ("cpu@1", "memory@80000000", 'bootargs = "quiet"', "ns16550a"):
        contains(text, part)
    assert "cpu@2" not in text


def dump_dtb_stdout():
    r = s.run("run", "--dump-dtb", "-")
    equal(r.returncode, 0, r.stderr)
    equal(r.stdout[:4], b"\xd0\x0d\xfe\xed")


if shutil.which("dtc"):
    s.case("device tree", dump_dtb)
s.case("device tree on stdout", dump_dtb_stdout)

# ---- help ----

COMMANDS = ("run", "machine", "lift", "profile", "annotate", "conform", "doctor")


def overview():
    for args in ([], ["help"], ["--help"], ["-h"]):
        r = s.run(*args)
        equal((r.returncode, r.stderr), (0, b""))
        for command in COMMANDS:
            contains(r.stdout, f"  {command} ")


def version():
    r = s.run("--version")
    equal(r.returncode, 0)
    assert re.fullmatch(rb"calque \d+\.\d+\.\d+\n", r.stdout), r.stdout


def help_of(command):
    one, two = s.run("help", command), s.run(command, "--help")
    equal((one.returncode, one.stderr, one.stdout), (0, b"", two.stdout))
    contains(one.stdout, f"usage: calque {command}")
    text = one.stdout.decode()
    assert max(len(x) for x in text.splitlines()) <= 110
    # each option has a text, and is one that the parser knows
    options = re.findall(r"^  (?:-\w,|   ) --([\w-]+)(.*(?:\n {30}.*)*)", text, re.M)
    assert options
    for name, rest in options:
        assert re.search(r"[.;)]\s*$", rest), f"--{name} has no sentence: {rest!r}"
        if name == "help":
            continue
        r = s.run(command, f"--{name}")
        assert b"unknown option" not in r.stderr, name


def issue_options():
    text = s.run("run", "--help").stdout.decode()
    for name in ("arch", "board", "cpu", "kernel", "initrd", "append", "smp", "disk", "net", "dtb", "dump-dtb", "firmware", "no-reboot", "serial",
                 "virtio-console", "log", "seed", "deterministic", "engine", "code-cache", "tune", "memory", "timeout", "stats", "json", "gdb"):
        contains(text, f"--{name}")
    contains(text, "-m, --ram")
    contains(text, "-d, ")


s.case("overview", overview)
s.case("version", version)
for command in COMMANDS:
    if command != "doctor":
        s.case(f"help of {command}", help_of, command)
s.case("options of run", issue_options)


def option_forms():
    """--name value, --name=value, -xVALUE; the last one counts."""
    for form in (["-m", "64M"], ["-m64M"], ["--ram=64M"], ["--ram", "64M"], ["-m", "1G", "-m", "64M"]):
        r = s.run("run", "--kernel", s.guest("poweroff"), *form)
        equal(r.returncode, 0, form)


def full_disk():
    with open("/dev/full", "wb") as full:
        r = subprocess.run([s.calque, "machine"], stdout=full, stderr=subprocess.PIPE, check=False)
    equal(r.returncode, 3)
    contains(r.stderr, "standard output")


s.case("forms of options", option_forms)
s.case("full disk", full_disk)

# ---- machine and doctor ----


def machine():
    text = s.run("machine").stdout.decode()
    for part in ("clint", "plic", "uart", "virtio-mmio", "0x0000000080000000", "zba", "default"):
        contains(text, part)
    told = json.loads(s.run("machine", "--json", "--cpu", "rv64,zba=off").stdout)
    equal((told["arch"], told["board"]), ("riscv64", "virt"))
    equal((told["extensions"]["zba"], told["extensions"]["zbb"]), (False, True))
    bases = {x["base"] for x in told["regions"]}
    assert {"0x2000000", "0xc000000", "0x10000000", "0x80000000"} <= bases


def doctor():
    r = s.run("doctor")
    equal(r.returncode, 0, r.stdout)
    assert b"\033" not in r.stdout, "colour in a pipe"
    told = json.loads(s.run("doctor", "--json").stdout)
    equal(told["usable"], True)
    names = {x["name"] for x in told["checks"]}
    assert {"processor", "LLVM", "memfd", "vm.max_map_count", "seccomp", "Landlock", "perf events", "network helper"} <= names
    for check in told["checks"]:
        assert check["verdict"] == "ok" or check["mend"], check


s.case("machine", machine)
s.case("doctor", doctor)
s.end()
