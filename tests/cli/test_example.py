#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example program says what its guest did: the sum of 1 to 10 is 55."""
import subprocess
import sys

r = subprocess.run([sys.argv[1]], capture_output=True, text=True, timeout=60, check=False)
wanted = "after 4 instructions t1 is 2\nthe guest ended with code 55\n10 writes, 50 instructions\n"
good = r.returncode == 0 and r.stdout == wanted and r.stderr == ""
if not good:
    print(r)
print(f"cli/example: {int(good)} passed, {int(not good)} failed, 0 skipped")
sys.exit(not good)
