#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions of a span in the application, counted by callgrind: the same on a noisy machine as on a quiet one.

    instructions.py check PROGRAM     compares with instructions.json; ends with 1 when there are too many, 77 when it was
                                      recorded with another compiler, libc or machine
    instructions.py record PROGRAM    writes instructions.json

PROGRAM is bench/hot_path, built for release. `tools/bench --instructions` and `--record-instructions` build and call this.
"""

import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

import callgrind

RECORD = pathlib.Path(__file__).resolve().with_name("instructions.json")
TOLERANCE = 1.03
FEW, MANY = 1000, 4000  # spans
SKIPPED = 77

STATES = {
    "span": {},
    "unsampled": {"OTEL_TRACES_SAMPLER": "always_off"},
    "disabled": {"SPANRING_DISABLED": "1"},
}


def measure(program):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SPANRING_"))}

        def count(spans, state):
            return sum(callgrind.run([program, spans], "span_once", {**kept, "SPANRING_DIR": folder, **state}).values())

        return {name: round((count(MANY, state) - count(FEW, state)) / (MANY - FEW), 1) for name, state in STATES.items()}


def built_with():
    version = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    return {"compiler": f"g++ {version}", "libc": " ".join(platform.libc_ver()), "machine": platform.machine()}


def check(program):
    recorded = json.loads(RECORD.read_text())
    here = built_with()
    for name, value in here.items():
        if recorded[name] != value:
            print(f"skipped: recorded with {recorded[name]}, this is {value}; tools/bench --record-instructions records anew")
            return SKIPPED
    too_many = False
    for name, count in measure(program).items():
        before = recorded["instructions"][name]
        over = count > before * TOLERANCE + 1
        too_many |= over
        change = 100 * (count / before - 1)
        print(f"{name}: {count} instructions, recorded {before} ({change:+.1f} %)" + (": too many" if over else ""))
    if too_many:
        print("the hot path grew by more than 3 %. If that is meant: tools/bench --record-instructions, and say why in "
              "the commit")
    return int(too_many)


def record(program):
    RECORD.write_text(json.dumps({**built_with(), "instructions": measure(program)}, indent=2) + "\n")
    print(RECORD.read_text(), end="")
    return 0


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("check", "record"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if shutil.which("valgrind") is None:
        print("skipped: valgrind is not installed")
        return SKIPPED
    return {"check": check, "record": record}[sys.argv[1]](sys.argv[2])


if __name__ == "__main__":
    sys.exit(main())
