# SPDX-License-Identifier: Apache-2.0
"""What the command-line tests share: running calque, and counting cases."""
import argparse
import os
import subprocess
import sys
import tempfile
import traceback


class Suite:
    """Cases are functions; each counts as passed unless it raises."""

    def __init__(self, name):
        parser = argparse.ArgumentParser()
        parser.add_argument("--calque", required=True)
        parser.add_argument("--guests", default="")
        parser.add_argument("only", nargs="*", help="names of cases")
        self.args = parser.parse_args()
        self.name = name
        self.calque = os.path.abspath(self.args.calque)
        self.passed = self.failed = 0
        self.folder = tempfile.TemporaryDirectory()
        self.tmp = self.folder.name

    def guest(self, name):
        return f"{self.args.guests}/{name}"

    def run(self, *args, stdin=subprocess.DEVNULL, timeout=60, **kwargs):
        return subprocess.run([self.calque, *args], stdin=stdin, capture_output=True, timeout=timeout, check=False, **kwargs)

    def case(self, name, function, *args):
        if self.args.only and name not in self.args.only:
            return
        try:
            function(*args)
            self.passed += 1
        except Exception:  # pylint: disable=broad-except
            self.failed += 1
            print(f"FAILED {name}", flush=True)
            traceback.print_exc()

    def end(self):
        self.folder.cleanup()
        print(f"{self.name}: {self.passed} passed, {self.failed} failed, 0 skipped")
        sys.exit(1 if self.failed or not self.passed else 0)


def equal(got, wanted, about=""):
    assert got == wanted, f"{about}: got {got!r}, wanted {wanted!r}"


def contains(text, part):
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    assert part in text, f"{part!r} is not in {text!r}"
