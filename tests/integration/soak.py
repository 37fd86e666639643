# SPDX-License-Identifier: Apache-2.0
"""Random kills for as long as it is told. See tools/soak, which prepares everything and calls this."""

import argparse
import pathlib
import random
import sys
import time

import harness
from churn import Rounds

KINDS = ("application", "application", "agent_alone", "both")
TOGETHER = 25  # rounds between two checks
BATCHES = 8    # checks before everything begins anew, so that no file grows for ever


def descriptors(process):
    return len(list(pathlib.Path(f"/proc/{process.pid}/fd").iterdir()))


def resident(process):
    """MiB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def batch(rounds, chance, most_files):
    for _ in range(TOGETHER):
        getattr(rounds, chance.choice(KINDS))()
    if rounds.agent is None:
        rounds.start_agent()
    harness.wait_until(lambda: not rounds.workspace.segment_files(), "the segments of the dead are unlinked")
    harness.wait_until(rounds.workspace.is_quiet, "what was spooled is delivered")
    # A connection that is made anew, or a spool's file, is open for a moment; what leaks stays.
    harness.wait_until(lambda: most_files is None or descriptors(rounds.agent) <= most_files,
                       f"the agent has no more than {most_files} files open")
    open_files, memory = descriptors(rounds.agent), resident(rounds.agent)
    problems = rounds.settle()
    return problems, open_files, memory


def main():
    parser = argparse.ArgumentParser(prog="tools/soak", description="Random kills, every span checked.")
    parser.add_argument("--minutes", type=float, default=30, help="how long (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="repeats the choices")
    parser.add_argument("--build", default="build", help="build folder (%(default)s)")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.minutes:g} minutes", flush=True)
    chance = random.Random(arguments.seed)
    end = time.monotonic() + arguments.minutes * 60
    number, ended, unfinished, first_files = 0, 0, 0, None
    while time.monotonic() < end:
        workspace = harness.Workspace()
        try:
            rounds = Rounds(workspace, chance)
            for _ in range(BATCHES):
                problems, files, memory = batch(rounds, chance, first_files)
                number += TOGETHER
                first_files = first_files or files
                print(f"round {number}: {rounds.checked} processes, {rounds.ended} spans ended, {rounds.unfinished} "
                      f"unfinished; agent: {files} files open, {memory:.0f} MiB", flush=True)
                if problems:
                    print("\n".join([f"FAILED with --seed {arguments.seed}, by round {number}:", *problems]), flush=True)
                    return 1
                if time.monotonic() >= end:
                    break
            ended, unfinished = ended + rounds.ended, unfinished + rounds.unfinished
            rounds.collector.stop()
        finally:
            workspace.close()
    print(f"{number} rounds, {ended} spans ended, {unfinished} unfinished: every one accounted for")
    return 0


if __name__ == "__main__":
    sys.exit(main())
