# SPDX-License-Identifier: Apache-2.0
"""What the command-line tests share: running calque, and counting cases."""
import argparse
import os
import re
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


class Running:
    """`calque run` in the background, with a pipe from its standard error; it does not outlive the case."""

    def __init__(self, suite, *args):
        self.p = subprocess.Popen([suite.calque, "run", *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def end(self):
        error = self.p.stderr.read()
        self.p.stderr.close()
        return self.p.wait(), error

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()
        if not self.p.stderr.closed:
            self.p.stderr.close()


def patiently(attempt, enough, seconds=(0.5, 5, 20)):
    """What attempt(seconds) returns, given more time until there is enough: a busy host hardly lets the guest run. The last is returned, enough or not."""
    for n in seconds:
        found = attempt(n)
        if enough(found):
            break
    return found


def equal(got, wanted, about=""):
    assert got == wanted, f"{about}: got {got!r}, wanted {wanted!r}"


def contains(text, part):
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    assert part in text, f"{part!r} is not in {text!r}"


def check_schema(value, schema, root, where="$"):
    """As much of JSON Schema as the schemas in docs/ use; root is the one that references lead into."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert names[type(value)] in kinds, f"{where}: {value!r} is no {kinds}"
    assert value in schema.get("enum", [value]), f"{where}: {value!r}"
    if isinstance(value, str):
        assert re.search(schema.get("pattern", ""), value), f"{where}: {value!r}"
    if isinstance(value, list):
        for i, item in enumerate(value):
            check_schema(item, schema["items"], root, f"{where}[{i}]")
    if isinstance(value, dict) and "properties" in schema:
        others = schema["additionalProperties"]
        assert set(schema["required"]) <= set(value) and (others or set(value) <= set(schema["properties"])), f"{where}: has {sorted(value)}"
        for key, item in value.items():
            if key in schema["properties"] or isinstance(others, dict):
                check_schema(item, schema["properties"].get(key, others), root, f"{where}.{key}")
