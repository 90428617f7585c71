#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ctl_kernel.py --calque PROGRAM: the control socket of Debian's kernel while it boots on two vCPUs: its own symbols, its page tables, its patched code."""
import json
import os
import re
import subprocess
import time

from common import Suite, contains, equal

s = Suite("cli/ctl-kernel")
tools = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools")
paths = dict(re.findall(r"^(\w+)=(\S+)$", subprocess.run([f"{tools}/guest-paths", "riscv64"], capture_output=True, text=True, check=True).stdout, re.M))
SOCK = f"{s.tmp}/sock"


def ctl(*args):
    r = s.run("ctl", "--json", SOCK, *args)
    equal(r.returncode, 0, r.stderr)
    return json.loads(r.stdout)["reply"]


def instructions():
    return sum(v["instructions"] for v in ctl("status")["vcpus"])


def goes_on(n):
    end, before = time.monotonic() + 200, instructions()
    while instructions() < before + n:
        assert time.monotonic() < end
        time.sleep(0.05)


def symbols():
    strlen = ctl("symbol", "strlen")
    equal(ctl("symbol", hex(int(strlen["address"], 16) + 4))["symbol"], "strlen")
    for vcpu in ("0", "1"):
        at = ctl("translate", strlen["address"], "--vcpu", vcpu)
        equal(at["kind"], "ram")
        equal(ctl("mem", strlen["address"], "64", "--vcpu", vcpu)["data"], ctl("mem", at["physical"], "64", "--physical")["data"])


def lifts():
    text = s.run("lift", "--vm", SOCK, "--at", "strlen", "--stage", "guest,uop").stdout
    contains(text, "<strlen_zbb>")		# patched in by this kernel for this processor
    r = s.run("lift", "--vm", SOCK, "--at", "memcpy", "--region", "--json")
    equal((r.returncode, json.loads(r.stdout)["mode"]), (0, "supervisor"), r.stderr)


def profiles():
    """Also in the midst of a pause, which stays one."""
    r = s.run("profile", "--vm", SOCK, "--for", "1s", "--out", "json")
    p = json.loads(r.stdout)
    named = sum(f["self"] for f in p["functions"] if f["function"] and f["mode"] == "kernel")
    assert p["vcpus"] == 2 and named > 0.5 * p["observed"] > 0, p["functions"][:20]
    ctl("pause")
    equal(json.loads(s.run("profile", "--vm", SOCK, "--for", "10ms", "--out", "json").stdout)["instructions"], 0)
    equal(ctl("status")["state"], "paused")
    ctl("cont")
    goes_on(1000000)


guest = subprocess.Popen([s.calque, "run", "--kernel", paths["KERNEL"], "--initrd", paths["INITRD"], "--append", "console=ttyS0 quiet", "-m", "1G", "--smp", "2",
                          "--serial", "none", "--ctl", SOCK, "--timeout", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
try:
    while s.run("ctl", SOCK, "status").returncode:
        assert guest.poll() is None, guest.stderr.read()
        time.sleep(0.05)
    goes_on(200000000)
    s.case("symbols", symbols)
    s.case("lifts", lifts)
    s.case("profiles", profiles)
    ctl("quit")
    equal(guest.wait(60), 0)
finally:
    guest.kill()
    guest.communicate()
s.end()
