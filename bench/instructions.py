#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions of a span in the application, counted by callgrind: the same on a noisy machine as on a quiet one.

    instructions.py check FOLDER     compares with instructions.json; ends with 1 when there are too many, 77 when it was
                                     recorded with another compiler, libc or machine
    instructions.py record FOLDER    writes instructions.json

FOLDER has hot_path and hot_path_static, built for release. `tools/bench --instructions` and `--record-instructions` build
and call this.
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
import shop_requests

RECORD = pathlib.Path(__file__).resolve().with_name("instructions.json")
TOLERANCE = 1.03
FEW, MANY = 1000, 4000  # spans
SKIPPED = 77

SHAPES = ("bare", "three", "ten", "twenty", "rich", "http", "db", "nested")  # shape.hpp

UNSAMPLED, DISABLED = {"OTEL_TRACES_SAMPLER": "always_off"}, {"SPANRING_DISABLED": "1"}

# row: (program, shape, environment)
ROWS = {
    **{shape + text: ("hot_path", shape + text, {}) for shape in SHAPES for text in ("", ".nul")},
    **{f"{shape}.static": ("hot_path_static", shape, {}) for shape in SHAPES},
    "unsampled": ("hot_path", "three", UNSAMPLED),
    "unsampled.static": ("hot_path_static", "three", UNSAMPLED),
    "disabled": ("hot_path", "three", DISABLED),
    "disabled.static": ("hot_path_static", "three", DISABLED),
}


def measure(programs):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SPANRING_"))}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        inputs = shop_requests.write(pathlib.Path(place) / "requests.tsv")

        def count(spans, program, shape, state):
            folder = tempfile.mkdtemp(dir=place)  # segments stay, for an agent that never comes: each run its own
            costs = callgrind.run([programs / program, shape, inputs, spans], "span_once", {**kept, "SPANRING_DIR": folder, **state})
            shutil.rmtree(folder)
            return sum(costs.values())

        return {row: round((count(MANY, *what) - count(FEW, *what)) / (MANY - FEW), 1) for row, what in ROWS.items()}


def built_with():
    version = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    return {"compiler": f"g++ {version}", "libc": " ".join(platform.libc_ver()), "machine": platform.machine()}


def check(programs):
    recorded = json.loads(RECORD.read_text())
    here = built_with()
    for name, value in here.items():
        if recorded[name] != value:
            print(f"skipped: recorded with {recorded[name]}, this is {value}; tools/bench --record-instructions records anew")
            return SKIPPED
    too_many = False
    for name, count in measure(programs).items():
        before = recorded["instructions"][name]
        over = count > before * TOLERANCE + 1
        too_many |= over
        change = 100 * (count / before - 1)
        print(f"{name}: {count} instructions, recorded {before} ({change:+.1f} %)" + (": too many" if over else ""))
    if too_many:
        print("the hot path grew by more than 3 %. If that is meant: tools/bench --record-instructions, and say why in "
              "the commit")
    return int(too_many)


def record(programs):
    RECORD.write_text(json.dumps({**built_with(), "instructions": measure(programs)}, indent=2) + "\n")
    print(RECORD.read_text(), end="")
    return 0


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("check", "record"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    if shutil.which("valgrind") is None:
        print("skipped: valgrind is not installed")
        return SKIPPED
    return {"check": check, "record": record}[sys.argv[1]](pathlib.Path(sys.argv[2]))


if __name__ == "__main__":
    sys.exit(main())
