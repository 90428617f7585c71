#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The GDB server, with gdb-multiarch at the other end, and with a hostile client."""
import os
import re
import subprocess
import time

import gdb_guest
from common import Suite, contains, equal, patiently
from gdb_guest import Client

s = Suite("cli/gdb")


def Guest(name, *args, **kwargs):  # pylint: disable=invalid-name
    return gdb_guest.Guest(s, name, *args, **kwargs)


def gdb(guest, name, *commands):
    script = ["set confirm off", "set pagination off", "set architecture riscv:rv64", f"target remote {guest.target}", *commands]
    args = ["gdb-multiarch", "-nx", "-batch", s.guest(name)]
    for c in script:
        args += ["-ex", c]
    r = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, timeout=90, check=False)
    return r.stdout.decode(errors="replace") + r.stderr.decode(errors="replace")


def breakpoints():
    with Guest("debug") as g:
        out = gdb(g, "debug", "info registers pc", "break *work", "continue", "p/x $a0", "p (long)counter", "continue", "p $a0", "delete",
                  "break after_one if $a0 == 5", "continue", "p $a0", "p $fa0", "bt", "delete", "continue")
        contains(out, "pc             0x80200000")
        contains(out, "$1 = 0x0")
        contains(out, "$2 = 0")
        contains(out, "$3 = 1")
        contains(out, "$4 = 5")
        assert re.search(r"\$5 = (\{float = [^,]+, double = 5\}|5)", out), out
        contains(out, "work ()")
        contains(out, "exited with code 011")  # 9, which GDB tells in octal
        status, error = g.end()
        equal(status, 9, error)


def steps():
    with Guest("debug") as g:
        out = gdb(g, "debug", "p/x $pc", "stepi", "p/x $pc", "p/x $sp", "stepi", "p/x $pc", "x/i $pc", "p/x $sp & 0xff0", "stepi 3", "p/x $pc", "kill")
        contains(out, "$1 = 0x80200000")
        contains(out, "$2 = 0x80200004")
        contains(out, "$4 = 0x80200008")
        contains(out, "auipc\ta0")
        status, error = g.end()
        equal(status, 0, error)
        contains(error, "debugger")


def writes():
    """Registers and memory, data and code; the changed program is what runs."""
    with Guest("debug") as g:
        out = gdb(g, "debug", "break *work", "continue", "set var $a0 = 998", "p $a0", "set var *(long *)&counter = 7", "p (long)counter", "x/4xb &counter",
                  "set var $fa1 = 2.5", "p $fa1", "delete", "break after_one", "continue", "p $a0", "delete",
                  # addi a0, a0, 1 becomes addi a0, a0, 2 (c.addi)
                  "set var *(unsigned short *)&work = 0x0509", "x/i &work", "break after_one", "continue", "p $a0", "delete", "continue")
        contains(out, "$1 = 998")
        contains(out, "$2 = 7")
        contains(out, "0x07\t0x00\t0x00\t0x00")
        contains(out, "2.5")
        contains(out, "$4 = 999")
        assert re.search(r"addi?\ta0,a0,2", out), out
        contains(out, "$5 = 1001")
        equal(g.end()[0], 9)


def memory_that_is_not():
    with Guest("debug") as g:
        out = gdb(g, "debug", "x/x 0x3000000000", "p 1+1", "x/2xb 0x83ffffff", "kill")
        contains(out, "Cannot access memory")
        contains(out, "$1 = 2")


def control_registers():
    with Guest("debug") as g:
        out = gdb(g, "debug", "info registers sstatus", "p/x $stvec", "set var $sscratch = 0x1234", "p/x $sscratch", "kill")
        contains(out, "sstatus")
        contains(out, "= 0x1234")


def threads():
    with Guest("spin", "--smp", "3") as g:
        out = gdb(g, "spin", "info threads", "thread 3", "p $pc", "thread 1", "break spin", "continue", "info threads", "kill")
        contains(out, "vCPU 0 (running)")
        contains(out, "vCPU 1 (halted)")
        contains(out, "vCPU 2 (halted)")
        contains(out, "Switching to thread 3")
        contains(out, "spin ()")


def interrupt():
    with Guest("spin") as g:
        out = gdb(g, "spin", "python import threading,gdb", "python threading.Timer(1.0, lambda: gdb.post_event(lambda: gdb.execute('interrupt'))).start()",
                  "continue", "p $pc == &spin", "kill")
        contains(out, "SIGINT")
        contains(out, "$1 = 1")


def detach():
    """The guest goes on by itself, and at full speed: no breakpoint stays behind."""
    with Guest("debug") as g:
        out = gdb(g, "debug", "break *work", "continue", "detach")
        contains(out, "detached")
        equal(g.end()[0], 9)


def in_its_loop(g):
    """What GDB says of a guest that spins, once a busy host has let it come to its loop."""
    return patiently(lambda n: time.sleep(n) or gdb(g, "spin", "p $pc == &spin", "detach"), lambda out: "$1 = 1" in out, (0.3, 3, 10))


def attach_again():
    with Guest("spin") as g:
        gdb(g, "spin", "detach")
        contains(in_its_loop(g), "$1 = 1")
        gdb(g, "spin", "kill")
        equal(g.end()[0], 0)


def unix_socket():
    where = f"{s.tmp}/gdb.sock"
    with Guest("debug", listen=f"unix:{where}") as g:
        equal(g.target, where)
        contains(gdb(g, "debug", "continue"), "exited with code 011")
        equal(g.end()[0], 9)
    assert not os.path.exists(where), "the socket stays behind"


def watchpoints():
    """GDB's own view: values before and after, and the instruction behind the access."""
    with Guest("debug") as g:
        out = gdb(g, "debug", "watch *(long *)&counter", "continue", "continue", "info registers a0", "delete", "rwatch *(long *)&counter", "continue",
                  "delete", "awatch *(int *)&counter", "continue", "continue", "delete", "hbreak *work", "continue", "info breakpoints", "delete", "continue")
        equal(re.findall(r"(Old|New) value = (\d+)\n", out)[:4], [("Old", "0"), ("New", "1"), ("Old", "1"), ("New", "2")])
        contains(out, "Hardware read watchpoint 2: *(long *)&counter\n\nValue = 2\n")
        contains(out, "Hardware access (read/write) watchpoint 3: *(int *)&counter\n\nOld value = 2\nNew value = 3\n")
        contains(out, "Hardware access (read/write) watchpoint 3: *(int *)&counter\n\nValue = 3\n")
        contains(out, "breakpoint already hit 1 time")
        contains(out, "exited with code 011")
        equal(g.end()[0], 9)


def conditions():
    """A breakpoint and a watchpoint that GDB passes by some hundred times."""
    with Guest("debug") as g:
        out = gdb(g, "debug", "break *work if $a0 == 300", "watch *(long *)&counter if *(long *)&counter == 200", "continue", "continue", "p $a0", "delete", "continue")
        contains(out, "New value = 200\n")
        contains(out, "Breakpoint 1, ")
        contains(out, "$1 = 300")
        contains(out, "exited with code 011")


def late():
    """A debugger comes to a guest that runs, by a host's name, and again."""
    with Guest("spin", listen="localhost:0", wait=False) as g:
        for _ in range(2):
            contains(in_its_loop(g), "$1 = 1")
        contains(gdb(g, "spin", "kill"), "killed")
        equal(g.end()[0], 0)
    with Guest("debug", listen="[::1]:0", wait=False) as g:
        assert g.target.startswith("[::1]:"), g.target
        equal(g.end()[0], 9)


def monitor():
    with Guest("debug", "--smp", "2") as g:
        out = gdb(g, "debug", "monitor help", "monitor info cpus", "monitor info registers", "monitor info mtree", "monitor info stats", "monitor info", "monitor gva2gpa 0x80200004",
                  "monitor gva2gpa here", "monitor xp /2h 0x80200000", "monitor xp/9 0x83fffffc", "monitor nonsense", "break *work", "continue", "monitor system_reset",
                  "maintenance flush register-cache", "p $pc == &_start", "continue", "monitor system_powerdown", "monitor quit")
        for part in ("\nsystem_powerdown ", "\n  vCPU 1: pc 0x0000000080200000, halted, 0 instructions\n", "* vCPU 0: pc 0x0000000080200000, running, ", "mstatus       0000000a00002000", "priv          0000000000000001", "\nall other control registers are 0\n",
                     "-0000000083ffffff  ram  ", "gpa: 0x80200004\n", '"here" is no address', "0000000080200000: 0x1117 0x0000\n", "no memory at 0x84000000",
                     'no command "nonsense"; try help', "info what?", "$1 = 1"):
            contains(out, part)
        equal(out.count("Breakpoint 1, "), 2)
        status, error = g.end()
        equal(status, 0, error)


def deterministic():
    with Guest("debug", "--deterministic") as g:
        contains(gdb(g, "debug", "break *work", "continue", "stepi", "delete", "continue"), "exited with code 011")


def reboots():
    """A reboot is no stop: breakpoints hold in the guest's next life."""
    with Guest("reboot") as g:
        out = gdb(g, "reboot", "break *print", "continue", "continue", "p $pc == &print", "delete", "kill")
        equal(out.count("Breakpoint 1, "), 2)
        contains(out, "$1 = 1")
        equal(g.end()[0], 0)
    with Guest("reboot", "--no-reboot") as g:
        contains(gdb(g, "reboot", "continue"), "exited normally")


def death():
    with Guest("crash") as g:
        contains(gdb(g, "crash", "continue"), "exited with code 04")
        equal(g.end()[0], 4)


# ---- the bare protocol ----


def protocol():
    with Guest("debug") as g:
        c = Client(g)
        contains(c.ask("qSupported:multiprocess+"), "qXfer:features:read+")
        contains(c.ask("?"), "T05thread:1;")
        # the description in pieces, large and small, is the same
        def description(size):
            pieces, more = "", "m"
            while more == "m":
                got = c.ask(f"qXfer:features:read:target.xml:{len(pieces):x},{size:x}")
                more, pieces = got[0], pieces + got[1:]
            equal(more, "l")
            return pieces
        xml = description(0x4000)
        equal(description(0x100), xml)
        for part in ("<architecture>riscv:rv64", "org.gnu.gdb.riscv.cpu", "org.gnu.gdb.riscv.fpu", 'name="pc"', "</target>"):
            contains(xml, part)
        equal(len(c.ask("m80200000,ffffffffffffffff")), 2 * 8192)
        registers = c.ask("g")
        equal(len(registers), 33 * 16)
        equal(registers[32 * 16:], "0000208000000000")
        equal(c.ask("p20"), "0000208000000000")
        equal(c.ask("vMustReplyEmpty"), "")
        equal(c.ask("m80200000,4"), "17110000")
        equal(c.ask("G" + registers), "OK")
        equal(c.ask("T1"), "OK")
        equal(c.ask("T2"), "E01")
        equal(c.ask("qfThreadInfo"), "m1")
        equal(c.ask("qC"), "QC1")
        contains(c.ask("vCont;s:1"), "T05thread:1;")
        equal(c.ask("p20"), "0400208000000000")
        c.send("k")
        equal(g.end()[0], 0)


def binary_and_physical():
    """Memory in binary, and by physical address; QEMU's packets."""
    with Guest("debug") as g:
        c = Client(g)
        contains(c.ask("qSupported"), "binary-upload+")
        equal(c.ask("X83000000,5:a}\x03}\x04}]b"), "OK")  # a # $ } b
        equal(c.ask("m83000000,5"), "6123247d62")
        equal(c.ask("x83000000,5"), "ba}\x03}\x04}]b")
        equal(c.ask("x83000000,0"), "b")
        equal(c.ask("x3000000000,4"), "E01")
        # paging on, by hand: one leaf of 1 GiB for the addresses from 0x40000000 on, RAM behind it
        entry = (0x80000000 >> 12 << 10 | 0xcf).to_bytes(8, "little").hex()
        equal(c.ask(f"M83000008,8:{entry}"), "OK")
        satp, priv = 65 + 0x180, 65 + 4096
        equal(c.register(priv), 1)
        equal(c.ask(f"P{satp:x}={(8 << 60 | 0x83000000 >> 12).to_bytes(8, 'little').hex()}"), "OK")
        equal(c.ask("m80200000,4"), "E01")
        equal(c.ask("m40200000,4"), "17110000")
        equal(c.monitor("gva2gpa 0x40200004"), "gpa: 0x80200004\n")
        equal(c.ask("qqemu.PhyMemMode"), "0")
        equal(c.ask("Qqemu.PhyMemMode:1"), "OK")
        equal(c.ask("qqemu.PhyMemMode"), "1")
        equal(c.ask("m80200000,4"), "17110000")
        equal(c.ask("M83000010,2:abcd"), "OK")
        equal(c.ask("Qqemu.PhyMemMode:0"), "OK")
        equal(c.ask("m43000010,2"), "abcd")
        # a vCPU in M-mode has no page tables
        equal(c.ask(f"P{priv:x}=0300000000000000"), "OK")
        equal(c.ask("m80200000,4"), "17110000")
        equal(c.ask("qqemu.sstep"), "0x3")
        equal(c.ask("Qqemu.sstep=0x1"), "OK")
        equal(c.ask("qqemu.sstep"), "0x1")
        contains(c.ask("qqemu.sstepbits"), "NOIRQ=2")
        contains(c.ask("qqemu.Supported"), "PhyMemMode")
        c.send("k")
        equal(g.end()[0], 0)


def halted_vcpu():
    """A step of a vCPU that is not started ends where it began."""
    with Guest("spin", "--smp", "2") as g:
        c = Client(g)
        contains(c.ask("vCont;s:2"), "T05thread:2;")
        equal(c.pc(), 0x80200000)
        contains(c.ask("vCont;s:1"), "T05thread:1;")
        equal(c.pc(), 0x80200004)
        c.send("k")
        equal(g.end()[0], 0)


def no_kernel():
    """A guest without symbols in its memory has no file for GDB."""
    with Guest("debug") as g:
        c = Client(g)
        equal(c.ask("vFile:setfs:0"), "F0")
        equal(c.ask("vFile:open:" + b"vmlinux".hex() + ",0,0"), "F-1,2")
        equal(c.ask("vFile:open:" + b"/etc/passwd".hex() + ",0,0"), "F-1,2")
        for packet in ("vFile:pread:3,10,0", "vFile:fstat:3", "vFile:close:3", "vFile:close:0"):
            equal(c.ask(packet), "F-1,9")
        equal(c.ask("vFile:unlink:00"), "")
        c.send("k")
        equal(g.end()[0], 0)


def interrupts_among_reboots():
    """A guest that reboots over and over stops when it is asked to, whichever moment that is, and then stands still."""
    with Guest("reboot") as g:
        c = Client(g)
        for _ in range(200):
            c.send("vCont;c")
            c.s.sendall(b"\x03")
            contains(c.reply(), "T02thread:1;")
            equal(c.ask("g"), c.ask("g"))
        c.send("k")
        equal(g.end()[0], 0)


BAD = ["m", "m,", "mzz,4", "m80200000", "M80200000,4:00", "X80200000,ffff:x", "Z0", "Z0,", "Z0,zz,4", "p", "pzzzz", "pffff", "P", "P20",
       "P20=", "P20=00", "Pffff=00", "H", "Hg", "Hgffff", "Hx0", "T", "Tzz", "vCont", "vCont;", "vCont;x", "vCont;s:ffff", "vCont;C", "qXfer:features:read:target.xml:",
       "qXfer:features:read:target.xml:ffffffffffff,4", "qXfer:features:read:other.xml:0,4", "qThreadExtraInfo,", "qThreadExtraInfo,99", "c zz", "cz", "\xff\xfe", "",
       "Z2,80200000,0", "Z2,80200000", "Z2,8020000000000000,ffffffffffffffff", "Z5,80200000,4", "vFile:", "vFile:open:", "vFile:pread:", "vFile:pread:zz", "vFile:fstat",
       "qRcmd,", "qRcmd,zz", "x", "x80200000", "vCont;r", "vCont;r1", "vCont;r1,", "vCont;r80200000,80200010:9", "Qqemu.PhyMemMode:2", "Qqemu.sstep=", "Qqemu.sstep=9", "!", "R00", "A1", "b", "B", "i", "t", "v", "q", "Q", "G", "Gzz"]


def nonsense():
    """Whatever a client sends gets an answer, and the guest is as it was."""
    with Guest("debug") as g:
        c = Client(g)
        before = c.ask("g")
        for packet in BAD:
            got = c.ask(packet.encode("latin-1"))
            assert got is not None, packet
            while got.startswith("O") and got != "OK":	# a monitor command's text
                got = c.reply()
            assert got in ("", "OK", "F-1,9", "F-1,2") or got.startswith("E"), (packet, got)
        equal(c.ask("g"), before)
        # a wrong checksum is asked for again
        c.s.sendall(b"$g#00")
        equal(c.s.recv(1), b"-")
        # an endless packet ends the session, and the next client is served
        c.s.sendall(b"$" + b"a" * 100000)
        try:
            while c.s.recv(65536):
                pass
        except ConnectionError:
            pass
        # with the debugger gone the guest ran on to its end
        equal(g.end()[0], 9)


def many_breakpoints():
    with Guest("debug") as g:
        c = Client(g)
        got = [c.ask(f"Z0,{0x90000000 + 2 * i:x},2") for i in range(300)]
        equal(got.count("OK"), 256)
        equal(got[256:], ["E01"] * 44)
        equal(c.ask("Z0,90000000,2"), "OK")
        equal(c.ask("z0,90000000,2"), "OK")
        equal(c.ask("Z0,a0000000,2"), "OK")
        c.send("k")
        equal(g.end()[0], 0)


def hang_up_running():
    """A client that vanishes while the guest runs leaves it running."""
    with Guest("spin", "--timeout", "5") as g:
        c = Client(g)
        c.send("c")
        time.sleep(0.3)
        c.s.close()
        status, error = g.end()
        equal(status, 124, error)


for name, function in (("breakpoints", breakpoints), ("steps", steps), ("writes", writes), ("memory that is not", memory_that_is_not),
                       ("control registers", control_registers), ("threads", threads), ("interrupt", interrupt), ("detach", detach),
                       ("attach again", attach_again), ("unix socket", unix_socket),
                       ("watchpoints", watchpoints), ("conditions", conditions), ("late", late), ("monitor", monitor), ("binary and physical", binary_and_physical),
                       ("halted vcpu", halted_vcpu), ("no kernel", no_kernel), ("deterministic", deterministic), ("reboots", reboots), ("death", death),
                       ("protocol", protocol), ("interrupts among reboots", interrupts_among_reboots), ("nonsense", nonsense),
                       ("many breakpoints", many_breakpoints), ("hang up", hang_up_running)):
    s.case(name, function)
s.end()
