#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Guests that spin for ever stop when they are told to: by --timeout, by a signal, by GDB. Further options: RUN_ARGS."""
import os
import re
import signal
import subprocess
import time

from common import Suite, equal, patiently

s = Suite("cli/stop")
options = os.environ.get("RUN_ARGS", "").split()
KINDS = ("self", "two", "indirect", "pages")


def command(kind, *args):
    return ["run", "--kernel", s.guest(f"spin_{kind}"), "-m", "64M", "--serial", "none", *args, *options]


def timeout(kind):
    # a busy host may not have let it come to its loop
    r = patiently(lambda n: s.run(*command(kind, "--timeout", str(n))), lambda r: b"(spin" in r.stderr, (0.3, 3, 20))
    equal(r.returncode, 124, r.stderr)
    assert re.search(r"\(spin", r.stderr.decode()), r.stderr


def timeout_deterministic(kind):
    equal(s.run(*command(kind, "--timeout", "0.3", "--deterministic")).returncode, 124)


def interrupted(kind):
    """The second SIGINT at the latest ends it; a guest without a power button takes the first."""
    p = subprocess.Popen([s.calque, *command(kind, "--timeout", "100")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while p.poll() is None:
        time.sleep(0.3)
        p.send_signal(signal.SIGINT)
    error = p.stderr.read()
    p.stderr.close()
    p.wait()
    assert b"--timeout" not in error, error


def debugger(kind):
    """Stopped in the loop, stepped, run to a breakpoint in the loop again and again, left running, stopped once more."""
    p = subprocess.Popen([s.calque, *command(kind, "--timeout", "100", "--wait-gdb", "--gdb", "0")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, text=True)
    try:
        target = re.search(r"target remote (\S+)", p.stderr.readline()).group(1)
        stop = "python threading.Timer(0.5, lambda: gdb.post_event(lambda: gdb.execute('interrupt'))).start()"
        inside = "p $pc >= (long)&spin && $pc < (long)&spin_end"
        # between spin_second's addi and spin's own the counters are equal
        exact = {"self": "p 1", "pages": "p $a0 - $a1 == ($pc == (long)&spin + 4)",
                 "two": "p $a0 - $a1 == ($pc > (long)&spin && $pc <= (long)&spin_second)",
                 "indirect": "p $a0 - $a1 == ($pc > (long)&spin && $pc <= (long)&spin_second)"}[kind]
        script = ["set confirm off", "set pagination off", "set architecture riscv:rv64", f"target remote {target}",
                  "python import threading, gdb", stop, "continue", inside, exact, "stepi", inside, exact, "stepi", exact,
                  "break *&spin_second", "continue", "continue", "continue", "p $pc == (long)&spin_second", exact,
                  "p $a0 > 1000 || $a0 == 0", "delete", stop, "continue", inside, exact, "kill"]
        args = ["gdb-multiarch", "-nx", "-batch", s.guest(f"spin_{kind}")]
        for c in script:
            args += ["-ex", c]
        r = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, timeout=90, check=False)
        out = r.stdout.decode(errors="replace") + r.stderr.decode(errors="replace")
        equal(re.findall(r"^\$\d+ = (\d+)", out, re.M), ["1"] * 10, out)
        equal(out.count("Breakpoint 1, "), 3, out)
        equal(p.wait(timeout=60), 0)
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()
        p.stderr.close()


for kind_ in KINDS:
    s.case(f"timeout, {kind_}", timeout, kind_)
    s.case(f"deterministic timeout, {kind_}", timeout_deterministic, kind_)
    s.case(f"signal, {kind_}", interrupted, kind_)
    if os.environ.get("WITH_GDB"):
        s.case(f"debugger, {kind_}", debugger, kind_)
s.end()
