#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages of the build: one for each command, each option in it, and nothing that man or mandoc warns about."""
import glob
import os
import re
import subprocess

from common import Suite, contains, equal

s = Suite("cli/manual")
folder = os.path.dirname(s.calque)
SECTIONS = {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXIT STATUS", "SIGNALS", "ENVIRONMENT", "EXAMPLES", "SEE ALSO"}


def rendered(page):
    """As a terminal shows it, without warnings."""
    man = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True, timeout=60, check=False)
    equal((man.returncode, man.stderr), (0, b""), page)
    text = subprocess.run(["man", "-E", "UTF-8", "-l", page], capture_output=True, text=True, timeout=60, check=True,
                          env={**os.environ, "MANWIDTH": "400", "LC_ALL": "C.UTF-8", "GROFF_NO_SGR": "1"}).stdout
    return re.sub(".\b", "", text)


def commands():
    overview = s.run("help").stdout.decode()
    return [c for c in re.findall(r"^  (\w+) +[A-Z]", overview, re.M) if c != "help"]


def page_of(command):
    page = f"{folder}/calque-{command}.1"
    with open(page, "rb") as f:
        equal(f.read(), s.run(command, "--help=man").stdout)
    text = rendered(page)
    sections = re.findall(r"^([A-Z][A-Z ]+)$", text, re.M)
    equal(sections[:3], ["NAME", "SYNOPSIS", "DESCRIPTION"])
    equal(sections[-1], "SEE ALSO")
    assert set(sections) <= SECTIONS, sections
    contains(text, f"calque-{command} - ")
    shown = s.run(command, "--help").stdout.decode()
    options = re.findall(r"^  (?:(-\w), |    )--([\w-]+)([^ \n]*(?: [A-Za-z\[][^ \n]*)?)(?=  |\n)", shown, re.M)
    assert len(options) == len(re.findall(r"^  (?:-\w,|   ) --", shown, re.M)), shown
    for letter, name, value in options:
        line = (f"{letter}, " if letter else "") + f"--{name}{value}"
        assert re.search(rf"^ +{re.escape(line)}( .*)?$", text, re.M), f"{line!r} is not in {page}"


def overview_page():
    text = rendered(f"{folder}/calque.1")
    names = commands()
    assert len(names) > 5
    for command in names:
        contains(text, f"calque-{command}(1)")
    equal(sorted(glob.glob(f"{folder}/calque-*.1")), sorted(f"{folder}/calque-{c}.1" for c in names))


def tuning():
    """Each threshold of `calque help tune`, with default and range."""
    text = rendered(f"{folder}/calque-run.1")
    rows = re.findall(r"^(\w+=\d+ \(\d+ to \d+\))\n    (.*)", s.run("help", "tune").stdout.decode(), re.M)
    assert len(rows) > 4
    for head, why in rows:
        contains(text, head)
        contains(re.sub(r"\s+", " ", text), why)


def lint():
    r = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"] + glob.glob(f"{folder}/calque*.1"), capture_output=True, text=True, timeout=60, check=False)
    equal((r.returncode, r.stdout, r.stderr), (0, "", ""))


def unknown_form():
    r = s.run("run", "--help=html")
    equal(r.returncode, 2)
    contains(r.stderr, "--help=man")


for name in commands():
    s.case(f"page of {name}", page_of, name)
for case in (overview_page, tuning, lint, unknown_form):
    s.case(case.__name__, case)
s.end()
