#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_engines.py CALQUE NAME...: the engines that `calque help` lists are those that the tests run with."""
import re
import subprocess
import sys

text = subprocess.run([sys.argv[1], "help"], capture_output=True, text=True, timeout=60, check=True).stdout
there = set(re.search(r"^Engines: (.*)$", text, re.M).group(1).split(", "))
good = there == set(sys.argv[2:])
if not good:
    print("engines:", there, "in tests/meson.build:", sys.argv[2:])
print(f"cli/engines: {int(good)} passed, {int(not good)} failed, 0 skipped")
sys.exit(not good)
