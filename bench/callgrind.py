# SPDX-License-Identifier: Apache-2.0
"""Runs a program under callgrind, and reads what it wrote: instructions of each stack of calls."""

import collections
import pathlib
import re
import subprocess
import tempfile

COST = re.compile(r"[+*-]?\d* \d+$")  # a line number, absolute, relative or the same, and a count
DEPTH = 24  # callers that a function is kept apart by


def run(command, collect, environment):
    """{(outermost, ..., innermost): instructions}, in what `collect` calls and in itself. An inlined function shows as the
    file that it came from, in brackets."""
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "out"
        subprocess.run(["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}",
                        f"--toggle-collect={collect}", f"--separate-callers={DEPTH}", *map(str, command)],
                       check=True, env=environment)
        return read(output.read_text())


def read(text):
    names = {"fn": {}, "file": {}}

    def name_of(kind, word):
        number, _, name = re.match(r"(\(\d+\))( (.*))?", word).group(1, 2, 3)
        return names[kind].setdefault(number, name) if name else names[kind].get(number, number)

    costs = collections.Counter()
    function = home = here = ""
    skip = False
    for line in text.splitlines():
        if line.startswith("fn="):
            function, home = name_of("fn", line[3:]), here
        elif line.startswith(("fl=", "fi=", "fe=")):
            here = name_of("file", line[3:])
        elif line.startswith("cfn="):
            name_of("fn", line[4:])
        elif line.startswith(("cfi=", "cfl=")):
            name_of("file", line[4:])
        elif line.startswith("calls="):
            skip = True  # the next line is the callee's cost, which it has itself
        elif COST.match(line):
            if not skip and function:
                stack = tuple(reversed(function.split("'")))
                inlined = (f"[{pathlib.PurePath(here).name}]",) if here != home else ()
                costs[stack + inlined] += int(line.split()[1])
            skip = False
    return costs
