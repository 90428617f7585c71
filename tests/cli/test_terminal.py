#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The terminal: raw while the guest runs, and as it was afterwards, whatever the way out."""
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

from common import Suite, contains, equal


def leader(pipe, command):
    """Like a shell: leads the terminal's session, and runs the command in the foreground in a process group of its own."""

    def foreground():
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(0, os.getpid())
        # a test in the background (`check &`) inherits that the others are ignored
        for number in (signal.SIGTTOU, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    child = subprocess.Popen(command, preexec_fn=foreground)  # pylint: disable=subprocess-popen-preexec-fn,consider-using-with
    os.write(pipe, b"%d\n" % child.pid)
    os.write(pipe, b"%d\n" % child.wait())
    signal.pause()  # without its leader the session would lose the terminal


if sys.argv[1] == "--leader":
    leader(int(sys.argv[2]), sys.argv[3:])

s = Suite("cli/terminal")


class Session:
    """calque run on a pseudo terminal of its own."""

    def __init__(self, guest, *args):
        self.master, self.slave = pty.openpty()
        attributes = termios.tcgetattr(self.slave)
        attributes[3] |= termios.ICANON | termios.ECHO | termios.ISIG
        attributes[6][termios.VERASE] = b"\x07"  # something odd that must come back
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)
        self.before = termios.tcgetattr(self.slave)
        self.flags = os.get_blocking(self.slave)
        self.output = b""
        told, tell = os.pipe()
        # a sanitizer's own handlers would come before ours
        ours = ":".join(f"handle_{x}=0" for x in ("segv", "sigbus", "abort", "sigill", "sigfpe"))
        env = {**os.environ, **{x: f"{os.environ.get(x, '')}:{ours}" for x in ("ASAN_OPTIONS", "TSAN_OPTIONS")}}
        self.leader = subprocess.Popen(
            [sys.executable, __file__, "--leader", str(tell), s.calque, "run", "--kernel", s.guest(guest), "-m", "64M", "--timeout", "60", *args],
            stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True, pass_fds=[tell], env=env)
        os.close(tell)
        self.told = os.fdopen(told, "rb")
        self.pid = int(self.told.readline())
        self.ended = False

    def is_stopped(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0] == "T"

    def kill(self, number):
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass  # it has ended already

    def expect(self, text, seconds=60):
        end = time.monotonic() + seconds
        while text not in self.output:
            left = end - time.monotonic()
            assert left > 0, f"{text!r} did not come, but {self.output!r}"
            if select.select([self.master], [], [], min(left, 0.2))[0]:
                self.output += os.read(self.master, 65536)

    def send(self, text):
        os.write(self.master, text)

    def is_raw(self):
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def restored(self, status):
        assert select.select([self.told], [], [], 60)[0], f"still runs: {self.output!r}"
        got = int(self.told.readline())
        self.ended = True
        equal(got, status, self.output)
        after = termios.tcgetattr(self.slave)
        equal(after, self.before, "terminal settings")
        equal(os.get_blocking(self.slave), self.flags, "blocking mode")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if not self.ended:
            self.kill(signal.SIGKILL)
        self.leader.kill()
        self.leader.wait()
        self.told.close()
        os.close(self.master)
        os.close(self.slave)


def leave_by_key():
    with Session("echo") as t:
        t.expect(b"ready")
        assert t.is_raw()
        t.send(b"abc")
        t.expect(b"abc")
        t.send(b"\x01h")
        t.expect(b"leave")
        t.send(b"\x01x")
        t.restored(0)
        t.expect(b"Ctrl-A x")


def control_keys():
    """In raw mode Ctrl-C, Ctrl-Z and Ctrl-D are the guest's; Ctrl-A Ctrl-A sends one Ctrl-A."""
    with Session("echo") as t:
        t.expect(b"ready")
        t.send(b"\x03\x1a\x04\x01\x01.")
        t.expect(b"\x03\x1a\x04\x01.")
        t.send(b"q")
        t.restored(0)


def power_off():
    with Session("poweroff") as t:
        t.expect(b"guest here")
        t.restored(0)
        t.expect(b"powered off")


def died():
    with Session("crash") as t:
        t.restored(4)


def timeout():
    with Session("spin", "--timeout", "0.5") as t:
        t.expect(b"guest here")
        t.restored(124)


def by_signal(number, status, again=False):
    with Session("spin") as t:
        t.expect(b"guest here")
        assert t.is_raw()
        t.kill(number)
        while again and not select.select([t.told], [], [], 0.2)[0]:	# two that come at once are one
            t.kill(number)
        t.restored(status)


def setup_error():
    with Session("poweroff", "--gdb", "nowhere") as t:
        t.restored(2)
        t.expect(b"--gdb")


def stop_and_continue():
    """SIGTSTP gives the terminal back; SIGCONT takes it again."""
    with Session("echo") as t:
        t.expect(b"ready")
        t.kill(signal.SIGTSTP)
        end = time.monotonic() + 60
        while t.is_raw() or not t.is_stopped():  # a SIGCONT before the stop would be lost
            assert time.monotonic() < end, "stopped, and the terminal is raw"
            time.sleep(0.05)
        t.kill(signal.SIGCONT)
        while not t.is_raw():
            assert time.monotonic() < end, "continued, and the terminal is not raw"
            time.sleep(0.05)
        t.send(b"zq")
        t.expect(b"z")
        t.restored(0)


def final_line_on_its_own():
    """In cooked mode again: no stairs."""
    with Session("poweroff") as t:
        t.expect(b"powered off")
        t.restored(0)
        end = time.monotonic() + 2
        while not t.output.endswith(b"\r\n") and time.monotonic() < end:
            if select.select([t.master], [], [], 0.1)[0]:
                t.output += os.read(t.master, 65536)
        assert re.search(rb"guest here\r+\ncalque: guest powered off", t.output), t.output
        assert t.output.endswith(b"\r\n"), t.output


s.case("Ctrl-A x", leave_by_key)
s.case("control keys", control_keys)
s.case("power-off", power_off)
s.case("death", died)
s.case("timeout", timeout)
for name in ("SIGTERM", "SIGINT", "SIGHUP"):
    number = getattr(signal, name)
    s.case(name, lambda n=number: by_signal(n, 128 + n, again=True))
for name in ("SIGQUIT", "SIGABRT", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL"):
    number = getattr(signal, name)
    s.case(name, lambda n=number: by_signal(n, -n))
s.case("wrong option", setup_error)
s.case("stop and continue", stop_and_continue)
s.case("final line", final_line_on_its_own)
s.end()
