# SPDX-License-Identifier: Apache-2.0
"""What else the machine does: CPU time that neither this program nor anything it started used, from /proc."""

import os
import pathlib
import time

TICK = 1 / os.sysconf("SC_CLK_TCK")
IDLE, IO_WAIT, STEAL = 3, 4, 7  # columns of the first line of /proc/stat
PARENT, OWN, REAPED = 1, slice(11, 13), slice(13, 15)  # of /proc/PID/stat, after the name


def total_busy():
    """Seconds of all cores since the start, with what the host took of a virtual machine."""
    numbers = [int(word) for word in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return TICK * (sum(numbers) - numbers[IDLE] - numbers[IO_WAIT])


def own_busy():
    """Seconds of this process and its descendants, of those that were reaped too."""
    parents, used = {}, {}
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue  # it ended meanwhile
        parents[int(folder.name)] = int(fields[PARENT])
        used[int(folder.name)] = sum(map(int, fields[OWN])) + sum(map(int, fields[REAPED]))
    ours = os.getpid()

    def descends(pid):
        while pid not in (0, ours):
            pid = parents.get(pid, 0)
        return pid == ours

    return TICK * sum(cpu for pid, cpu in used.items() if descends(pid))


class OthersWatch:
    """From its making until share(): the part of all cores' time that others used, 0 to 1."""

    def __init__(self):
        self.begin = time.monotonic(), total_busy(), own_busy()

    def share(self):
        seconds = time.monotonic() - self.begin[0]
        others = (total_busy() - self.begin[1]) - (own_busy() - self.begin[2])
        return max(0.0, others) / (seconds * (os.cpu_count() or 1))
