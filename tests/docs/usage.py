# SPDX-License-Identifier: Apache-2.0
"""What `--help` of a program says: its options, its commands, its positional arguments."""

import dataclasses
import re
import subprocess


@dataclasses.dataclass
class Usage:
    options: dict      # {"--limit": True}, True: it takes an argument
    commands: list     # [["audit", "accounting"], ["ps"]]
    arguments: list    # ["ID"]
    # {"--limit": " N=20   at most this many"}: the first line that --help has of each option.
    texts: dict = dataclasses.field(default_factory=dict, compare=False)


def part(text, title):
    """The indented lines below `title:`."""
    found = re.search(rf"^{title}:\n((?:  .*\n)+)", text, re.MULTILINE)
    return found.group(1).splitlines() if found else []


def parse(text):
    options, texts = {}, {}
    for line in part(text, "Options"):
        match = re.match(r"  (-[-\w,]+)( \S+)?", line)
        if match is None:
            continue  # a description that goes on
        # A description follows after two spaces or more, so what follows after one is the argument.
        takes = bool(match.group(2)) and not line[match.end(1):].startswith("  ")
        for name in match.group(1).split(","):
            options[name] = takes
            texts[name] = line[match.end(1):]
    commands = [re.match(r"  ([^\s,]+(?:, [^\s,]+)*)", line).group(1).split(", ") for line in part(text, "Subcommands")]
    arguments = [re.match(r"  \S+ (\S+)", line).group(1) for line in part(text, "Positionals")]
    return Usage(options, commands, arguments, texts)


def of(program, *command):
    done = subprocess.run([program, *command, "--help"], check=True, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60)
    return parse(done.stdout)
