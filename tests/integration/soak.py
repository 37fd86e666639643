# SPDX-License-Identifier: Apache-2.0
"""Random kills, reloads, replacements, outages and pauses for as long as it is told: what a day brings, in half an hour. See tools/soak, which
prepares everything and calls this.
"""

import argparse
import pathlib
import random
import statistics
import sys
import time

import harness
from day import CALM, KINDS, Day
from deciding_day import DecidingDay

TOGETHER = 25  # rounds between two checks
MORE_FILES = 6    # of the exporter that is there or not; what leaks at each reload is more
MORE_MEMORY = 16  # MiB, of one agent from its first check to its last; a batch's buffers come and go
PATIENCE_S = 600  # for a backend that was away, on a machine that has other work
BATCHES = 8    # checks before everything begins anew, so that no file grows for ever; in the later half no agent ends


def descriptors(process):
    """But for files of undecided spans, which have a bound of their own: what a killed agent left of processes that have
    gone, the next one keeps for ten minutes."""
    found = 0
    for link in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            found += link.readlink().suffix not in (".undecided", ".answers")
        except FileNotFoundError:  # closed meanwhile
            pass
    return found


def resident(process):
    """MiB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def batch(rounds, chance, most_files, kinds):
    for _ in range(TOGETHER):
        rounds.happens(chance.choice(kinds))
    if rounds.agent is None:
        rounds.start_agent()
    harness.wait_until(lambda: not rounds.workspace.segment_files(), "the segments of the dead are unlinked")
    harness.wait_until(rounds.workspace.is_quiet, "what was spooled is delivered", PATIENCE_S)
    # A connection that is made anew, or a spool's file, is open for a moment; what leaks stays.
    harness.wait_until(lambda: most_files is None or descriptors(rounds.agent) <= most_files + MORE_FILES,
                       f"the agent has no more than {most_files} and {MORE_FILES} files open")
    pid, open_files, memory = rounds.agent.pid, descriptors(rounds.agent), resident(rounds.agent)
    problems = rounds.settle()  # which ends an agent that decides
    return problems, pid, open_files, memory


class Memory:
    """What agents had at the checks, in MiB."""

    def __init__(self):
        self.all = {}  # by what they do
        self.of_one = {}  # by process: the first and the last

    def look(self, decides, pid, used):
        self.all.setdefault(decides, []).append(used)
        self.of_one[pid] = (self.of_one.get(pid, (used,))[0], used)

    def problems(self):
        found = [f"agent {pid} had {first:.0f} MiB first and {last:.0f} MiB at last" for pid, (first, last) in self.of_one.items()
                 if last > first + MORE_MEMORY]
        for decides, used in self.all.items():
            quarter = len(used) // 4
            if quarter < 2:
                continue
            begin, end = statistics.median(used[:quarter]), statistics.median(used[-quarter:])
            print(f"memory of agents that {'decide' if decides else 'do not decide'}: {begin:.0f} MiB in the first quarter, "
                  f"{end:.0f} MiB in the last")
            if end > 1.25 * begin + MORE_MEMORY:
                found.append("agents have more memory at the end than at the beginning")
        if self.of_one:
            print(f"most growth of one: {max(last - first for first, last in self.of_one.values()):.1f} MiB")
        return found


def main():
    parser = argparse.ArgumentParser(prog="tools/soak", description="Random kills, reloads, replacements, outages, pauses; every span checked.")
    parser.add_argument("--minutes", type=float, default=30, help="how long (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="repeats the choices")
    parser.add_argument("--decide", choices=("always", "never", "half"), default="half",
                        help="whether traces are decided, spans processed and received too; half: of the days (%(default)s)")
    parser.add_argument("--build", default="build", help="build folder (%(default)s)")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.minutes:g} minutes", flush=True)
    chance = random.Random(arguments.seed)
    end = time.monotonic() + arguments.minutes * 60
    number, ended, unfinished, first_files, memory_of = 0, 0, 0, {}, Memory()
    happened = dict.fromkeys(KINDS, 0)
    while time.monotonic() < end:
        workspace = harness.Workspace()
        try:
            decides = {"always": True, "never": False, "half": chance.random() < 0.5}[arguments.decide]
            rounds = DecidingDay(workspace, chance) if decides else Day(workspace, chance)
            for check in range(BATCHES):
                try:
                    problems, pid, files, memory = batch(rounds, chance, first_files.get(decides),
                                                         KINDS if check < BATCHES // 2 else CALM)
                except AssertionError:
                    print("\n".join([f"FAILED with --seed {arguments.seed}, after round {number}:", *rounds.what_there_is()]), flush=True)
                    raise
                number += TOGETHER
                memory_of.look(decides, pid, memory)
                first_files.setdefault(decides, files)
                print(f"round {number}: {rounds.checked} processes, {rounds.ended} spans ended, {rounds.unfinished} "
                      f"unfinished; agent: {files} files open, {memory:.0f} MiB", flush=True)
                if problems:
                    print("\n".join([f"FAILED with --seed {arguments.seed}, by round {number}:", *problems]), flush=True)
                    return 1
                if time.monotonic() >= end:
                    break
            ended, unfinished = ended + rounds.ended, unfinished + rounds.unfinished
            happened = {kind: count + rounds.happened[kind] for kind, count in happened.items()}
            rounds.collector.stop()
        finally:
            workspace.close()
    print(", ".join(f"{kind} {count}" for kind, count in happened.items()))
    if problems := memory_of.problems():
        print("\n".join([f"FAILED with --seed {arguments.seed}:", *problems]), flush=True)
        return 1
    print(f"{number} rounds, {ended} spans ended, {unfinished} unfinished: every one accounted for")
    return 0


if __name__ == "__main__":
    sys.exit(main())
