#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""calque conform: verdicts, formats, signatures."""
import json
import os
import re
import shutil
import xml.etree.ElementTree as ET

from common import Suite, contains, equal

s = Suite("cli/conform")

# A tree with programs and other things, some deeper
tree = os.path.join(s.tmp, "tests")
os.makedirs(f"{tree}/more/deep")
for name, to in (("htif_pass", "b-pass"), ("htif_fail3", "a-fail"), ("htif_spin", "more/deep/spin"), ("htif_illegal", "more/illegal"), ("htif_hello", "c-hello")):
    shutil.copy(s.guest(name), f"{tree}/{to}")
with open(f"{tree}/notes.txt", "w", encoding="ascii") as f:
    f.write("no program")
with open(f"{tree}/b-pass.o", "wb") as f:  # an object file, ET_REL
    with open(s.guest("htif_pass"), "rb") as g:
        bytes_ = bytearray(g.read())
    bytes_[16] = 1
    f.write(bytes_)
ORDER = ["a-fail", "b-pass", "c-hello", "more/deep/spin", "more/illegal"]
VERDICTS = ["fail", "pass", "pass", "timeout", "fail"]


def conform(*args):
    return s.run("conform", "--timeout", "1", *args)


def human():
    r = conform(tree)
    equal(r.returncode, 1)
    text = r.stdout.decode()
    heads = [x for x in text.splitlines() if re.match(r"(pass|FAIL|TIMEOUT|ERROR) ", x)]
    equal([x.split()[1].rstrip(":") for x in heads], [f"{tree}/{x}" for x in ORDER], "sorted, one line each")
    equal([x.split()[0].lower() for x in heads], VERDICTS)
    contains(heads[0], "check 3 failed (test_3 at 0x8")
    contains(heads[0], "<test_3+0x")
    contains(heads[3], "<spin>")
    contains(text.splitlines()[-1], "5 tests: 2 passed, 3 failed (1 timed out, 0 could not run)")
    assert "\033" not in text, "colour in a pipe"
    # the last recorded instruction of the failed one is the branch to `fail`
    block = text.split(heads[0])[1].split(heads[1])[0].splitlines()
    contains(block[-1], "beq")
    assert len(block) <= 18


def all_pass():
    r = conform(f"{tree}/b-pass", f"{tree}/c-hello")
    equal(r.returncode, 0, r.stdout)
    contains(r.stdout, "2 tests: 2 passed, 0 failed")
    assert b"hello from the guest" not in r.stdout
    contains(conform("--all-output", f"{tree}/c-hello").stdout, "| hello from the guest")


def tap():
    r = conform("--format", "tap", tree)
    equal(r.returncode, 1)
    lines = r.stdout.decode().splitlines()
    equal(lines[:2], ["TAP version 13", "1..5"])
    points = [x for x in lines if re.match(r"(not )?ok \d", x)]
    equal(points, [f"{'' if v == 'pass' else 'not '}ok {i + 1} - {tree}/{n}" for i, (n, v) in enumerate(zip(ORDER, VERDICTS))])
    equal(lines.count("  ---"), 3)
    equal(lines.count("  ..."), 3)


def junit():
    r = conform("--format", "junit", tree)
    suite = ET.fromstring(r.stdout).find("testsuite")
    equal((suite.get("tests"), suite.get("failures"), suite.get("errors")), ("5", "3", "0"))
    cases = suite.findall("testcase")
    equal([x.get("name") for x in cases], [f"{tree}/{x}" for x in ORDER])
    equal([x.find("failure").get("type") if x.find("failure") is not None else "pass" for x in cases], VERDICTS)


def as_json():
    r = conform("--format", "json", "-j", "1", tree)
    told = json.loads(r.stdout)
    equal((told["passed"], told["failed"], told["timeouts"], told["errors"]), (2, 2, 1, 0))
    equal([x["verdict"] for x in told["tests"]], VERDICTS)
    equal(told["tests"][0]["check"], 3)
    equal(told["tests"][0]["pc"], "0x%x" % int(told["tests"][0]["last_instructions"].splitlines()[-1].split()[0], 16))
    equal(told["tests"][2]["console"], "hello from the guest\n")


def same_with_jobs():
    """The number of jobs changes nothing but time; the runs are deterministic."""
    got = []
    for jobs in ("1", "4"):
        told = json.loads(conform("--format", "json", "-j", jobs, f"{tree}/a-fail", f"{tree}/b-pass", f"{tree}/c-hello", f"{tree}/more/illegal").stdout)
        got.append([(x["name"], x["verdict"], x["instructions"], x.get("last_instructions")) for x in told["tests"]])
    equal(got[0], got[1])


def damaged():
    """A file that is named and cannot be run is an error, and the others still run."""
    r = conform(f"{tree}/notes.txt", f"{tree}/b-pass")
    equal(r.returncode, 1)
    contains(r.stdout, "ERROR")
    contains(r.stdout, "2 tests: 1 passed, 1 failed (0 timed out, 1 could not run)")


def no_console_end():
    told = json.loads(conform("--format", "json", s.guest("htif_illegal")).stdout)["tests"][0]
    assert "trap" in told["message"], told
    contains(told["last_instructions"], "csrw")


def signature(granularity, wanted):
    where = f"{s.tmp}/signature"
    r = conform("--signature", where, "--signature-granularity", granularity, s.guest("htif_sig"))
    equal(r.returncode, 0, r.stderr)
    with open(where, encoding="ascii") as f:
        equal(f.read().split("\n"), wanted + [""])


def no_signature():
    """htif.S without its signature's symbols"""
    r = conform("--signature", f"{s.tmp}/none", "--format", "json", s.guest("htif_nosig"))
    equal(r.returncode, 1)
    contains(r.stdout, "begin_signature")


def test_device():
    """sifive_test's codes and power-off count as well."""
    equal(conform(s.guest("bare_poweroff")).returncode, 0)
    told = json.loads(conform("--format", "json", s.guest("bare_code7")).stdout)["tests"][0]
    equal((told["verdict"], told["check"]), ("fail", 7))


s.case("human", human)
s.case("all pass", all_pass)
s.case("tap", tap)
s.case("junit", junit)
s.case("json", as_json)
s.case("jobs", same_with_jobs)
s.case("damaged file", damaged)
s.case("illegal instruction", no_console_end)
# The words that htif.S writes, little endian: most significant digits first on each line
s.case("signature by 4", signature, "4", ["55667788", "11223344", "aa998877", "eeddccbb", "0000cafe"])
s.case("signature by 8", signature, "8", ["1122334455667788", "eeddccbbaa998877", "000000000000cafe"])
s.case("signature by 16", signature, "16", ["eeddccbbaa9988771122334455667788", "0000000000000000000000000000cafe"])
s.case("signature by 1", signature, "1", ["88", "77", "66", "55", "44", "33", "22", "11", "77", "88", "99", "aa", "bb", "cc", "dd", "ee", "fe", "ca", "00", "00"])
s.case("no signature", no_signature)
s.case("test device", test_device)
s.end()
