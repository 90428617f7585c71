#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wrong command lines, files and sizes: each gets one clear line on stderr, nothing on stdout, and exit status 2."""
import gzip
import os
import socket
import struct

from common import Suite, contains, equal

s = Suite("cli/usage")
tmp = s.tmp
good = s.guest("poweroff")


def path(name, contents=None):
    where = os.path.join(tmp, name)
    if contents is not None:
        with open(where, "wb") as f:
            f.write(contents)
    return where


with open(good, "rb") as f:
    elf = f.read()
empty = path("empty", b"")
text = path("text", b"This is no kernel.\n" * 400)
disk = path("disk.img", bytes(1 << 20))
cut_elf = path("cut.elf", elf[:100])
foreign = bytearray(elf)
struct.pack_into("<H", foreign, 18, 62)  # e_machine: x86-64
foreign = path("foreign.elf", bytes(foreign))
elf32 = bytearray(elf)
elf32[4] = 1
elf32 = path("elf32", bytes(elf32))
cut_gzip = path("cut.gz", gzip.compress(os.urandom(100000))[:5000])
bad_dtb = path("bad.dtb", b"\xd0\x0d\xfe\xed" + b"\xff" * 60)
taken = os.path.join(tmp, "taken")
with open(taken, "w", encoding="ascii") as f:
    f.write("not a socket")
missing = os.path.join(tmp, "missing")
huge_initrd = path("huge.cpio", b"")
os.truncate(huge_initrd, 1 << 30)

busy = socket.socket()
busy.bind(("127.0.0.1", 0))
busy.listen(1)
port = str(busy.getsockname()[1])

RUN = ["run", "--serial", "none", "--timeout", "20", "--kernel", good]

# (command line, what its one line must contain)
CASES = [
    # commands
    (["rum"], "did you mean run"),
    (["frobnicate"], "unknown command"),
    (["help", "mashine"], "did you mean machine"),
    (["--frobnicate"], "unknown command"),
    # options
    (["run", "--kernal", good], "did you mean --kernel"),
    (["run", "-kernel", good], "did you mean --kernel"),
    (["run", "--no-rebot"], "did you mean --no-reboot"),
    (["run", "-x"], "unknown option -x"),
    (["run", "--frobnicate"], "--help"),
    (["run", good], "unexpected argument"),
    (["run", "--kernel"], "--kernel needs a value"),
    (["run", "--kernel", ""], "empty"),
    (["run", "--no-reboot=yes", "--kernel", good], "takes no value"),
    (["run", "-m"], "-m needs a value"),
    (["run"], "--kernel FILE"),
    # sizes and numbers
    (RUN + ["-m", "lots"], "not a size"),
    (RUN + ["-m", "1Q"], "not a size"),
    (RUN + ["-m", "-1G"], "not a size"),
    (RUN + ["-m", "512"], "512M"),
    (RUN + ["-m", "0"], None),
    (RUN + ["-m", "1M"], "at least"),
    (RUN + ["-m", "100000G"], "at most"),
    (RUN + ["-m", "99999999999T"], "too large"),
    (RUN + ["-m", "67108865"], "multiple of"),
    (RUN + ["--smp", "0"], "--smp 0"),
    (RUN + ["--smp", "1000"], "--smp 1000"),
    (RUN + ["--smp", "two"], "not a number"),
    (RUN + ["--seed", "-5"], "not a number"),
    (RUN + ["--timeout", "0"], "more than 0"),
    (RUN + ["--timeout", "soon"], "seconds"),
    (RUN + ["--timeout", "1e99"], "seconds"),
    (RUN + ["--deterministic", "--smp", "2"], "--deterministic"),
    (RUN + ["--engine", "lockstep", "--smp", "2"], "leave out --smp 2"),
    (RUN + ["--engine", "lockstep", "--net", "user"], "leave out --net"),
    (RUN + ["--engine", "lockstep", "--against", "interp"], "llvm and stencil"),
    (RUN + ["--engine", "stencil", "--against", "llvm"], "only with --engine lockstep"),
    # names
    (RUN + ["--arch", "riscv46"], "did you mean riscv64"),
    (RUN + ["--arch", "z80"], "riscv64"),
    (RUN + ["--board", "vitr"], "did you mean virt"),
    (RUN + ["--engine", "warp"], "interp"),
    (RUN + ["--code-cache", "4K"], "--code-cache 4K: from 1M"),
    (RUN + ["--code-cache", "many"], "--code-cache"),
    (RUN + ["--tune", "heat=0"], "heat takes a number from 1 to"),
    (RUN + ["--tune", "heat"], "heat takes a number"),
    (RUN + ["--tune", "heat=2x"], "heat takes a number"),
    (RUN + ["--tune", "warmth=2"], "calque help tune"),
    (RUN + ["--memory", "fast"], "auto, tlb and windows"),
    (RUN + ["--cpu", "pentium"], "--cpu"),
    (RUN + ["--cpu", "rv64,zbq=off"], "zbq"),
    (RUN + ["--cpu", "rv64,zba=maybe"], "zba"),
    (RUN + ["--cpu", "rv64,satp=sv99"], "sv99"),
    (RUN + ["-d", "everything"], "insn, uop, ir, host, exec, step, int, mmu, dev and guest_errors"),
    (RUN + ["-d", "exce"], "did you mean exec"),
    (RUN + ["--log-filter", "main"], "say what with -d"),
    (RUN + ["-d", "int", "--log-filter", "nowhere"], "--log-filter: \"nowhere\" is neither an address"),
    (RUN + ["-d", "int", "--log-filter", "0x20..0x10"], "ends before it begins"),
    (RUN + ["-d", "int", "--log-filter", "0x20+0"], "empty or too long"),
    (RUN + ["-d", "int", "--log-filter", "0x20+x"], "bytes behind \"0x20+\""),
    # files
    (["run", "--kernel", missing], "No such file"),
    (["run", "--kernel", tmp], "a directory"),
    (["run", "--kernel", "/dev/null"], "not a regular file"),
    (["run", "--kernel", empty], "empty"),
    (["run", "--kernel", text], "--kernel"),
    (["run", "--kernel", cut_elf], "--kernel"),
    (["run", "--kernel", foreign], "--kernel"),
    (["run", "--kernel", elf32], "--kernel"),
    (["run", "--kernel", cut_gzip], "--kernel"),
    (["run", "--firmware", missing], "--firmware"),
    (["run", "--initrd", disk, "--firmware", good], "--initrd"),
    (["run", "--append", "quiet", "--firmware", good], "--append"),
    (RUN + ["--initrd", missing], "--initrd"),
    (RUN + ["--initrd", huge_initrd, "-m", "64M"], "--initrd"),
    (RUN + ["--dtb", missing], "--dtb"),
    (RUN + ["--dtb", text], "--dtb"),
    (RUN + ["--dtb", bad_dtb], "--dtb"),
    (RUN + ["--log", f"{tmp}/no/such/folder"], "--log"),
    (RUN + ["--json=" + f"{tmp}/no/such/folder"], "--json"),
    (["run", "--dump-dtb", f"{tmp}/no/such/folder"], "--dump-dtb"),
    # disks
    (RUN + ["--disk", missing], "No such file"),
    (RUN + ["--disk", tmp], "a directory"),
    (RUN + ["--disk", empty], "empty"),
    (RUN + ["--disk", disk + ",readony"], "unknown part"),
    (RUN + ["--disk", disk + ",overlay=disk"], "unknown part"),
    (RUN + ["--disk", disk + ",readonly,overlay=tmp"], "exclude"),
    (RUN + ["--disk", disk, "--disk", disk], "twice"),
    (RUN + ["--disk", disk + ",serial=abcdefghijklmnopqrstuvwxyz"], "serial="),
    (RUN + ["--disk", ",readonly"], "no file"),
    (RUN + [x for i in range(17) for x in ("--disk", f"{tmp}/disk{i}")], "at most 16"),
    # networks
    (RUN + ["--net", "bridge"], "there is only user"),
    (RUN + ["--net", "user,hostfwd=tcp:22"], "hostfwd"),
    (RUN + ["--net", "user,hostfwd=sctp::2222-:22"], "hostfwd"),
    (RUN + ["--net", "user,hostfwd=tcp::99999-:22"], "99999"),
    (RUN + ["--net", "user,hostfwd=tcp:1.2.3:80-:80"], "1.2.3"),
    (RUN + ["--net", "user,mac=01:00:00:00:00:01"], "mac="),
    (RUN + ["--net", "user,speed=fast"], "unknown part"),
    # consoles and debugger
    (["run", "--kernel", good, "--serial", "printer"], "--serial"),
    (["run", "--kernel", good, "--serial", "unix:" + "x" * 200], "--serial"),
    (["run", "--kernel", good, "--serial", "unix:" + taken], "--serial"),
    (["run", "--kernel", good, "--serial", f"file:{tmp}/no/such/file"], "--serial"),
    (["run", "--kernel", good, "--serial", "stdio", "--virtio-console", "stdio"], "--virtio-console"),
    (RUN + ["--gdb", "99999"], "--gdb"),
    (RUN + ["--gdb", "here"], "--gdb"),
    (RUN + ["--gdb", "192.0.2.1:1234"], "--gdb"),
    (RUN + ["--wait-gdb"], "--wait-gdb"),
    (RUN + ["--gdb", port], "--gdb"),
    (RUN + ["--gdb", "unix:" + taken], "--gdb"),
    # the other commands
    (["machine", "--jsno"], "did you mean --json"),
    (["machine", "--arch", "vax"], "riscv64"),
    (["machine", "now"], "unexpected argument"),
    (["doctor", "--fix"], "unknown option"),
    (["conform"], "no tests"),
    (["conform", missing], "No such file"),
    (["conform", tmp + "/disk.img/x"], "Not a directory"),
    (["conform", "--format", "xml", good], "human, tap, junit"),
    (["conform", "-j", "0", good], "at least 1"),
    (["conform", "-j", "many", good], "not a number"),
    (["conform", "--signature-granularity", "3", good], "1, 2, 4, 8 or 16"),
    (["conform", "--signature", f"{tmp}/sig", good, good], "only with one test"),
    (["conform", "--cpu", "rv65", good], "--cpu"),
    (["conform", "/proc/self/fd"], None),
]
for i in range(17):
    path(f"disk{i}", bytes(4096))


def one_line(line, part):
    r = s.run(*line, cwd=tmp)
    error = r.stderr.decode(errors="replace")
    equal(r.returncode, 2, f"status, with {error!r}")
    equal(r.stdout, b"", "stdout")
    assert error.startswith("calque") and error.endswith("\n") and error.count("\n") == 1, f"not one line: {error!r}"
    assert len(error) < 480, f"too long: {error!r}"
    assert not any(c < " " for c in error[:-1]), f"control characters: {error!r}"
    if part is not None:
        contains(error, part)


for number, (line, part) in enumerate(CASES):
    s.case(f"{number}: calque {' '.join(line)}".replace(tmp, "TMP"), one_line, line, part)


def odd_name():
    """A name with a newline and an escape sequence still makes one harmless line."""
    one_line(["run", "--kernel", "a\nb\033[2Jc"], "No such file")


s.case("odd name", odd_name)
assert len(CASES) >= 40
s.end()
