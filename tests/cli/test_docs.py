#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the documentation names is there: files, links, options, symbols; and what the guides quote is what the examples say."""
import glob
import os
import re
import subprocess

from common import Suite

s = Suite("cli/docs")
TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
ROOMS = ("runtime", "ir", "frontends", "backend", "devices", "src", "include", "docs", "tests", "tools", "bench")
PAGES = ["README.md", "CONTRIBUTING.md"] + sorted(os.path.relpath(p, TOP) for p in glob.glob(f"{TOP}/docs/*.md"))


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def split(text):
    """Prose, and what is set apart: indented or fenced."""
    text, apart = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.findall(r"^```\w*\n(.*?)^```$", text, re.M | re.S)
    apart += re.findall(r"(?:^(?:    |\t).*\n)+", text, re.M)
    return re.sub(r"^(?:    |\t).*\n", "", text, flags=re.M), "".join(apart)


def code_in(prose):
    return re.findall(r"`([^`\n]+)`", prose)


def names_in_sources():
    names = set()
    for room in ROOMS:
        for folder, _, files in os.walk(os.path.join(TOP, room)):
            for name in files:
                if not name.endswith((".md", ".patch", ".pyc")) and name != os.path.basename(__file__):
                    names.update([name])
                    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                        names.update(re.findall(r"\w+", f.read()))
    names.update(re.findall(r"\w+", read("meson.build") + read("meson_options.txt")))
    return names


def command_options():
    """The options of each command, as its help lists them."""
    commands = [c for c in re.findall(r"^  (\w+) +[A-Z]", s.run("help").stdout.decode(), re.M) if c != "help"]
    return {c: set(re.findall(r"^  (?:-\w,|   ) --([\w-]+)", s.run(c, "--help").stdout.decode(), re.M)) | {"help"} for c in commands}


SOURCES = names_in_sources()
OPTIONS = command_options()
ANY_OPTION = set().union(*OPTIONS.values()) | {"version"}


def links(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", read(page)):
        if "://" not in target:
            path = os.path.join(TOP, os.path.dirname(page), target)
            assert os.path.exists(path), f"{page} links to {target}, which is not there"


def files(page):
    """`folder/file`, also with * or {a,b}; a path of the tree begins with one of its folders."""
    for word in code_in(split(read(page))[0]):
        path = word.split()[0].rstrip(":;,")
        if path.split("/")[0] in ROOMS and "/" in path and re.fullmatch(r"[\w./*+-]+", path):
            assert glob.glob(os.path.join(TOP, path)), f"{page} names {path}, which is not there"


def options(page):
    """--option of prose: of some command, or of another program named in the same piece of code."""
    prose, apart = split(read(page))
    for code in code_in(prose):
        if re.match(r"-", code) or code.startswith("calque "):
            check_options(page, code if code.startswith("calque ") else f"calque * {code}")
        elif code.startswith("tools/"):
            check_tool(page, code)
    for line in re.sub(r"\\\n", " ", apart).splitlines():
        line = line.strip().removeprefix("$ ").strip()
        if line.startswith("calque "):
            check_options(page, line.split("|")[0].split(">")[0])
        elif line.startswith("tools/"):
            check_tool(page, line)


def check_options(page, line):
    command = line.split()[1]
    known = OPTIONS.get(command, ANY_OPTION)
    line = re.sub(r"'[^']*'", "", line)
    for word in line.split()[2:]:
        if word == "--":
            known = OPTIONS["run"]
        found = re.match(r"--([a-z][\w-]*)", word)
        assert not found or found.group(1) in known, f"{page}: {word} is no option of calque {command}: {line}"


def check_tool(page, line):
    tool = line.split()[0]
    text = read(tool)
    for word in re.findall(r"(?<=\s)--[a-z][\w-]*", re.sub(r"'[^']*'", "", line)):
        assert word in text or word[2:] in ANY_OPTION, f"{page}: {tool} does not know {word}"


def symbols(page):
    """`a_name` with an underscore, or a function's(), is in the sources; or what is talked about is output shown on the page. Sections on
    what "will" come are about names that are not there yet."""
    prose, apart = split(re.sub(r"^## [^\n]*\bwill\b.*?(?=^## |\Z)", "", read(page), flags=re.M | re.S))
    for code in code_in(prose):
        if re.fullmatch(r"[a-z]\w*_\w+(\(\))?|\w+\(\)", code) and not code.endswith("_"):
            name = code.removesuffix("()")
            assert name in SOURCES or re.search(rf"\b{name}\b", apart), f"{page}: {name} is nowhere in the sources"


def listed():
    readme = read("README.md")
    for page in PAGES:
        if page.startswith("docs/"):
            assert f"`{page}`" in readme.split("## Reading on")[1], f"README.md does not list {page}"


def patch():
    """The example applies to this tree, and the guide shows it."""
    r = subprocess.run(["patch", "-p1", "--dry-run", "--force", "-r-", "-d", TOP, "-i", f"{TOP}/docs/examples/zbkx.patch"],
                       capture_output=True, text=True, timeout=60, check=False)
    assert r.returncode == 0, f"docs/examples/zbkx.patch does not apply any more:\n{r.stdout}{r.stderr}"
    shown = re.findall(r"^```diff\n(.*?)^```$", read("docs/guide-instruction.md"), re.M | re.S)
    whole = {}
    for line in read("docs/examples/zbkx.patch").splitlines():
        if line.startswith("--- a/"):
            name = line
            whole[name] = []
        elif not line.startswith(("+++", "diff")):
            whole[name].append(line)
    assert len(shown) > 5
    for line in "".join(shown).splitlines():
        if line.startswith("--- a/"):
            name = line
        else:
            assert line in whole[name], f"the guide has {line!r}, the patch of {name[6:]} has not"


def quoted():
    """C in a guide is, line by line and in this order, in the example."""
    example = read("docs/examples/adder.c")
    blocks = re.findall(r"^```c\n(.*?)^```$", read("docs/guide-device.md"), re.M | re.S)
    assert blocks
    for block in blocks:
        at = 0
        for line in block.splitlines(keepends=True):
            found = example.find(line, at)
            assert found >= 0, f"docs/guide-device.md has {line!r}, docs/examples/adder.c has not (or not there)"
            at = found


for check in (links, files, options, symbols):
    for name in PAGES:
        s.case(f"{check.__name__} of {name}", check, name)
for check in (listed, patch, quoted):
    s.case(check.__name__, check)
s.end()
