#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The cache on disk: what runs keep and find there, what spoils it, and calque cache."""
import json
import os
import re
import signal
import subprocess
import time

from common import Suite, contains, equal

s = Suite("cli/cache")
# each block is compiled when it is first executed, and so, found on disk, on every later run
ENGINE = ("--engine", "llvm", "--deterministic", "--seed", "1", "--stats")
COUNTS = re.compile(r"^cache: (\d+) regions known at the start; (\d+) of (\d+) from disk .* (\d+) damaged, .* (\d+) written,", re.M)


def folder(name):
    return os.path.join(s.tmp, name)


def boot(cache, env=None, guest="poweroff"):
    """A guest that powers off: the counts (known, recalled, all, damaged, written), None without a cache; its instructions; what is printed."""
    option = ("--cache", cache) if cache else ()
    r = s.run("run", *ENGINE, *option, "--kernel", s.guest(guest), env=env)
    text = r.stderr.decode()
    equal(r.returncode, 0, text)
    counts = COUNTS.search(text)
    end = re.search(r"powered off, after [\d.]+ s, ([\d ]+|[\d\xa0\u202f]+) instructions", text)
    assert end, text
    return counts and tuple(map(int, counts.groups())), end.group(1), text


def files(cache):
    return [os.path.join(d, f) for d, _, names in os.walk(cache) for f in names]


def second_run_finds_all(guest):
    cache = folder(f"second-{guest}")
    first, insns, _ = boot(cache, guest=guest)
    known, recalled, total, damaged, written = first
    assert total > 0 and (known, recalled, damaged, written) == (0, 0, 0, total), first
    equal(len(files(cache)), total)
    second, again, _ = boot(cache, guest=guest)
    equal(second, (total, total, total, 0, 0))
    equal(again, insns, "the same guest, the same instructions")
    third, other, _ = boot("off", guest=guest)
    equal((third, other), (None, insns))


def other_options_are_other_code():
    cache = folder("other")
    total = boot(cache)[0][2]
    r = s.run("run", *(x for x in ENGINE if x != "--deterministic"), "--cache", cache, "--kernel", s.guest("poweroff"))
    counts = tuple(map(int, COUNTS.search(r.stderr.decode()).groups()))
    equal(counts[:2], (0, 0), "interrupts are seen elsewhere")
    r = s.run("run", *ENGINE, "--memory", "tlb", "--cache", cache, "--kernel", s.guest("poweroff"))
    counts = tuple(map(int, COUNTS.search(r.stderr.decode()).groups()))
    equal((counts[0], counts[1]), (total, 0), "memory is reached otherwise")


def damage_is_a_miss():
    cache = folder("damage")
    total = boot(cache)[0][2]
    for i, name in enumerate(sorted(files(cache))):
        with open(name, "r+b") as f:
            size = os.fstat(f.fileno()).st_size
            if i % 3 == 0:
                f.truncate(size // 2)
            elif i % 3 == 1:
                f.seek(size // 2)
                byte = f.read(1)[0]
                f.seek(size // 2)
                f.write(bytes([byte ^ 1]))
            else:
                f.truncate(0)
    r = s.run("cache", "verify", "--cache", cache)
    equal((r.returncode, r.stdout.count(b"\ndamaged ") + r.stdout.startswith(b"damaged ")), (1, total + 1))
    equal(boot(cache)[0], (total, 0, total, total, total), "and is written anew")
    equal(boot(cache)[0], (total, total, total, 0, 0))
    equal(s.run("cache", "verify", "--cache", cache).returncode, 0)


def unsafe_directories_are_not_used():
    cache = folder("unsafe")
    os.mkdir(cache, 0o755)
    os.chmod(cache, 0o755)
    counts, _, text = boot(cache)
    equal(counts, None)
    equal([x for x in text.splitlines() if "no cache" in x],
          [f"calque run: no cache: {cache}: is open to other users; the cache holds code: chmod 700 it; --cache names another directory"])
    equal(os.listdir(cache), [])
    os.chmod(cache, 0o700)
    link = folder("link")
    os.symlink(cache, link)
    contains(boot(link)[2], "is a link")
    r = s.run("conform", "--engine", "llvm", "--cache", link, s.guest("htif_pass"), s.guest("htif_hello"))
    equal((r.returncode, r.stderr.count(b"no cache")), (0, 1), "said once")
    equal(os.listdir(cache), [])
    contains(boot("/dev/null/x")[2], "no cache: /dev/null/x: ")


def where_it_is():
    env = {k: v for k, v in os.environ.items() if k != "CALQUE_DISK_CACHE"}
    for name, where in (("CALQUE_DISK_CACHE", ""), ("XDG_CACHE_HOME", "/calque"), ("HOME", "/.cache/calque")):
        own = dict(env, **{name: folder(name)})
        if name == "HOME":
            own.pop("XDG_CACHE_HOME", None)
        assert boot(None, env=own)[0][4] > 0
        assert files(folder(name) + where)
        contains(s.run("cache", "stat", env=own).stdout, folder(name) + where)
    equal(boot(None, env=dict(env, CALQUE_DISK_CACHE="off", HOME=folder("none")))[0], None)
    assert not os.path.exists(folder("none"))


def conform_keeps_too():
    cache = folder("conform")
    for _ in range(2):
        r = s.run("conform", "--engine", "llvm", "--cache", cache, s.guest("htif_pass"), s.guest("htif_hello"), s.guest("htif_fail3"))
        contains(r.stdout, "3 tests: 2 passed, 1 failed")
        count = len(files(cache))
        assert count > 0
    equal(len(files(cache)), count)


def kill_and_go_on():
    cache = folder("kill")
    for i in range(8):
        with subprocess.Popen([s.calque, "run", *ENGINE, "--cache", cache, "--kernel", s.guest("spin")], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
            time.sleep(0.02 * i)
            p.send_signal(signal.SIGKILL)
    r = s.run("cache", "verify", "--json", "--cache", cache)
    equal((r.returncode, json.loads(r.stdout)["damaged"]), (0, 0))
    boot(cache)


def many_at_once():
    cache = folder("many")
    command = [s.calque, "run", *ENGINE, "--cache", cache, "--kernel", s.guest("poweroff")]
    children = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(4)]
    equal([p.wait(60) for p in children], [0] * 4)
    counts = boot(cache)[0]
    equal(counts[1], counts[2], "all from disk")
    equal(s.run("cache", "verify", "--cache", cache).returncode, 0)


def look_and_empty():
    cache = folder("look")
    total = boot(cache)[0][2]
    there = json.loads(s.run("cache", "stat", "--json", "--cache", cache).stdout)
    assert there["bytes"] > 0
    equal((there["directory"], there["regions"], there["versions"]), (cache, total, 1))
    contains(s.run("cache", "stat", "--cache", cache).stdout, f"regions    {total}\n")
    with open(folder("look/unrelated"), "w", encoding="ascii"):
        pass
    contains(s.run("cache", "prune", "--cache", cache).stdout, "removed    0,")
    contains(s.run("cache", "clear", "--cache", cache).stdout, f"removed    {total},")
    equal(os.listdir(cache), ["unrelated"], "what is not ours stays")
    nothing = s.run("cache", "stat", "--json", "--cache", folder("nothing"))
    equal((nothing.returncode, json.loads(nothing.stdout)["regions"]), (0, 0))
    assert not os.path.exists(folder("nothing"))


def wrong_words():
    for args, words in (
        ((), "nothing to do: there are stat, verify, prune and clear"),
        (("stta",), '"stta": did you mean stat'),
        (("stat", "clear"), 'one thing at a time: "stat" or "clear"'),
        (("stat", "--cache", "off"), "the cache is off"),
        (("prune", "--cache-size", "4K"), "--cache-size 4K: at least 1M"),
        (("stat", "--cache", ""), "an empty value"),
    ):
        r = s.run("cache", *args)
        equal((r.returncode, r.stdout), (2, b""), args)
        equal(r.stderr.count(b"\n"), 1)
        contains(r.stderr, words)
    r = s.run("cache", "stat", "--cache", "/dev/null")
    equal(r.returncode, 3)
    contains(r.stderr, "/dev/null: Not a directory")
    contains(s.run("run", "--cache-size", "1", "--kernel", "x").stderr, "at least 1M; --cache off keeps nothing")


for name in ("poweroff", "switch"):
    s.case(f"second_run_finds_all: {name}", second_run_finds_all, name)
for case in (other_options_are_other_code, damage_is_a_miss,
             unsafe_directories_are_not_used, where_it_is, conform_keeps_too, kill_and_go_on, many_at_once, look_and_empty, wrong_words):
    s.case(case.__name__, case)
s.end()
