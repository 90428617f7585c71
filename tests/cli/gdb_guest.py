# SPDX-License-Identifier: Apache-2.0
"""Guests that wait for a debugger, and the debugger's end of the protocol."""
import re
import socket

from common import Running


class Guest(Running):
    """A guest that waits for a debugger; `wait`: else it runs until one comes."""

    def __init__(self, suite, name, *args, listen="0", wait=True):
        waits = ["--wait-gdb"] if wait else []
        super().__init__(suite, "--kernel", suite.guest(name), "-m", "64M", "--timeout", "100", "--serial", "none", "--gdb", listen, *waits, *args)
        line = self.p.stderr.readline()
        m = re.search(r"(waiting|listening) for GDB: target remote (\S+)", line)
        assert m and (m.group(1) == "waiting") == wait, line
        self.target = m.group(2)


class Client:
    """Packets as they are."""

    def __init__(self, guest):
        host, port = guest.target.rsplit(":", 1)
        self.s = socket.create_connection((host.strip("[]"), int(port)), timeout=30)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def send(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        self.s.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))

    def reply(self):
        """The next packet; None: the server has hung up."""
        while not (m := re.search(rb"\$([^#]*)#..", self.rest, re.S)):
            part = self.s.recv(65536)
            if not part:
                return None
            self.rest += part
        self.rest = self.rest[m.end():]
        self.s.sendall(b"+")
        return m.group(1).decode("latin-1")

    def ask(self, text):
        self.send(text)
        return self.reply()

    def monitor(self, command):
        """What a monitor command prints."""
        got, text = self.ask("qRcmd," + command.encode().hex()), ""
        while got.startswith("O") and got != "OK":
            text += bytes.fromhex(got[1:]).decode()
            got = self.reply()
        assert got == "OK", got
        return text

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}")), "little")

    def pc(self):
        return self.register(32)

    def long(self, address):
        return int.from_bytes(bytes.fromhex(self.ask(f"m{address:x},8")), "little")
