# SPDX-License-Identifier: Apache-2.0
"""A guest under test: an emulator started with a few plain settings, and its console as text to wait for and to type.

The same settings start QEMU, so that a test can be shown to be right without Calque.
"""
import fcntl
import os
import pty
import re
import select
import shlex
import subprocess
import sys
import tempfile
import termios
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
LIMIT = float(os.environ.get("CALQUE_BOOT_LIMIT", "150"))
ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z^_c=>])")
PARTIAL = re.compile(rb"(?:\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?)?)?\Z")


class Failure(Exception):
    """What a test found wrong."""


def guest_paths():
    """Where the kernel, the initramfs and the firmware lie; fetches them when need be."""
    done = subprocess.run([f"{TOP}/tools/guest-paths", "riscv64", "firmware"], stdout=subprocess.PIPE, text=True,
                          check=True)
    return dict(word.split("=", 1) for word in shlex.split(done.stdout))


class Settings:
    """What a machine is made of; one method an emulator turns it into a command line."""

    def __init__(self, kernel=None, initrd=None, append="console=ttyS0 quiet", firmware=None, smp=1, disks=(), net=None,
                 no_reboot=False, timeout=None, extra=()):
        self.kernel, self.initrd, self.append, self.firmware = kernel, initrd, append, firmware
        self.smp, self.disks, self.net, self.no_reboot = smp, disks, net, no_reboot
        self.timeout, self.extra = timeout, extra

    def calque(self, program):
        c = [program, "run", "--arch", "riscv64", "-m", "512M", "--smp", str(self.smp)]
        for option, value in (("--kernel", self.kernel), ("--initrd", self.initrd), ("--firmware", self.firmware),
                              ("--net", self.net), ("--timeout", self.timeout)):
            c += [option, str(value)] if value else []
        c += ["--append", self.append] if self.initrd else []
        for disk in self.disks:
            c += ["--disk", disk]
        return c + (["--no-reboot"] if self.no_reboot else []) + list(self.extra)

    def qemu(self):
        c = [f"{TOP}/tools/peer", "qemu-system-riscv64", "-machine", "virt", "-m", "512M", "-nographic", "-smp",
             str(self.smp)]
        for option, value in (("-kernel", self.kernel), ("-initrd", self.initrd), ("-bios", self.firmware)):
            c += [option, value] if value else []
        c += ["-append", self.append] if self.initrd else []
        for i, disk in enumerate(self.disks):
            disk = disk.replace(",overlay=tmp", ",snapshot=on").replace(",readonly", ",readonly=on")
            c += ["-drive", f"file={disk},format=raw,if=none,id=d{i}", "-device", f"virtio-blk-device,drive=d{i}"]
        if self.net:
            c += ["-netdev", self.net.replace("user", "user,id=n0"), "-device", "virtio-net-device,netdev=n0"]
        c += ["-device", "virtio-rng-device"]
        return c + (["-no-reboot"] if self.no_reboot else [])


class Machine:
    """A running guest. Use it in a with statement: whatever happens, the emulator ends with it."""

    def __init__(self, command, terminal=False):
        self.text = ""
        self.seen = 0
        self.partial = b""
        self.errors = tempfile.TemporaryFile()
        self.terminal = self.before = None
        if terminal:
            self.terminal, slave = pty.openpty()
            self.before = termios.tcgetattr(self.terminal)
            # as from a login: the terminal is the session's own, and the emulator in its foreground
            self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=self.errors,
                                            start_new_session=True,
                                            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
            os.close(slave)
            self.output = self.input = self.terminal
        else:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
            self.output, self.input = self.process.stdout.fileno(), self.process.stdin.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        if self.terminal is not None:
            os.close(self.terminal)

    def _read(self, deadline):
        if not select.select([self.output], [], [], max(0, deadline - time.monotonic()))[0]:
            raise Failure(f"nothing more for {LIMIT:.0f} s; the console's end:\n{self.text[-2000:]}")
        try:
            data = os.read(self.output, 65536)
        except OSError:
            data = b""
        ended = not data
        # Colours, questions about the cursor and their like are in the way of what is matched; half of one waits here.
        data = self.partial + data
        self.partial = PARTIAL.search(data).group()
        data = ESCAPES.sub(b"", data[:len(data) - len(self.partial)])
        self.text += data.decode(errors="replace").replace("\r", "")
        return not ended

    def wait_for(self, pattern, limit=LIMIT):
        """Reads until the pattern shows after what was waited for before; returns the match."""
        deadline = time.monotonic() + limit
        while True:
            found = re.compile(pattern, re.M).search(self.text, self.seen)
            if found:
                self.seen = found.end()
                return found
            if not self._read(deadline):
                raise Failure(f"the guest ended before {pattern!r} showed:\n{self.text[-2000:]}\n{self.stderr()}")

    def type(self, text):
        os.write(self.input, text.encode())

    def command(self, text, limit=LIMIT):
        """Types a command at the shell's prompt and returns what it printed."""
        start = self.seen
        self.type(text + "\n")
        self.wait_for(r"^/ # $", limit)
        return self.text[start:self.seen].split("\n", 1)[-1].rpartition("/ # ")[0].strip()

    def end(self, limit=LIMIT):
        """Waits until the emulator ends; returns its exit status."""
        deadline = time.monotonic() + limit
        while self._read(deadline):
            pass
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            raise Failure("the console was closed but the emulator goes on") from None

    def terminal_state(self):
        return termios.tcgetattr(self.terminal)

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")


class Checks:
    """Counts the points of one test and prints them as they come."""

    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, 0

    def point(self, good, what, found=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"# found: {found!r}")
        print(f"{'ok' if good else 'not ok'} {self.passed + self.failed} - {what}", flush=True)

    def equal(self, found, expected, what):
        self.point(found == expected, what, found)

    def close(self):
        print(f"1..{self.passed + self.failed}")
        print(f"boot-{self.name}: {self.passed} passed, {self.failed} failed, 0 skipped", flush=True)
        return 1 if self.failed or not self.passed else 0


def fail(text):
    sys.exit(f"boot: {text}")
