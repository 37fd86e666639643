# SPDX-License-Identifier: Apache-2.0
"""Programs that the agent starts (docs/frames.md): which there are, and what they kept."""

import pathlib
import sys

import harness

KEEP = [sys.executable, str(harness.SOURCE / "examples/frames/keep.py")]  # and the file, in which it keeps requests


def kept_requests(path, offset=0):
    """Each whole request in the file, and where it ends."""
    if not path.exists():
        return
    with open(path, "rb") as file:
        file.seek(offset)
        data = file.read()
    at = 0
    while at + 4 <= len(data):
        end = at + 4 + int.from_bytes(data[at:at + 4], "big")
        if end > len(data):
            return
        yield data[at + 4:end], offset + end
        at = end


def descendants(pid):
    """Of a process that may be about to end."""
    found = []
    try:
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += [int(child), *descendants(int(child))]
    except OSError:
        pass
    return found
