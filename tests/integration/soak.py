# SPDX-License-Identifier: Apache-2.0
"""Random kills, reloads, outages and pauses for as long as it is told: what a day brings, in half an hour. See tools/soak, which
prepares everything and calls this.
"""

import argparse
import json
import pathlib
import random
import sys
import time

import agent_configuration
import harness
from churn import Rounds

KINDS = ("application", "application", "agent_alone", "both", "reload", "reload", "outage", "pause")
TOGETHER = 25  # rounds between two checks
MORE_FILES = 6    # of the exporter that is there or not; what leaks at each reload is more
PATIENCE_S = 600  # for a backend that was away, on a machine that has other work
BATCHES = 8    # checks before everything begins anew, so that no file grows for ever


class Day(Rounds):
    """Rounds of an agent that has a configuration, which changes; beside the Collector it writes a file that is rotated."""

    EXPORTER = "otlp_grpc"

    def __init__(self, workspace, chance):
        super().__init__(workspace, chance)
        self.file = workspace.unique("agent.yaml")
        self.written = workspace.folder / "written"
        self.written.mkdir()
        self.happened = dict.fromkeys(KINDS, 0)
        self.configure()

    def configure(self):
        """Other batches, and a file beside the Collector or none; that of which spans wait stays as it is."""
        exporters = {self.EXPORTER: agent_configuration.quick(self.collector.endpoint, timeout="30s")}  # a busy machine's Collector
        if self.random.random() < 0.5:
            exporters["file"] = {"path": str(self.written / "spans.jsonl"), "rotation": {"max_megabytes": 1, "max_backups": 2}}
        batch = {"send_batch_size": self.random.choice([16, 512, 8192]), "timeout": self.random.choice(["5ms", "20ms", "100ms"])}
        pipeline = {"receivers": ["spanring"], "processors": ["batch"], "exporters": list(exporters)}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"receivers": {"spanring": None}, "processors": {"batch": batch}, "exporters": exporters,
                                   "service": {"pipelines": {"traces": pipeline}}}))
        new.rename(self.file)

    def start_agent(self):
        self.agent = self.workspace.agent("--config", self.file)

    def happens(self, kind):
        self.happened[kind] += 1
        getattr(self, kind)()

    def _under_load(self, between, may_repeat):
        """Something happens to a living agent while applications make spans; then they are killed."""
        if self.agent is None:
            self.start_agent()
        churners = self._churners()
        self._instant(0.04)
        between()
        self._instant(0.04)
        for churner in churners:
            churner.kill()
        self.waiting += [(churner, may_repeat) for churner in churners]

    def reload(self):
        """A new configuration, and one that is wrong and changes nothing."""
        def between():
            if self.random.random() < 0.2:
                right = self.file.read_text()
                self.file.write_text("exporters: {nowhere: }")
                try:
                    self.workspace.command("reload")
                except AssertionError as refused:
                    if "nowhere" not in str(refused):
                        raise
                else:
                    raise AssertionError("a wrong configuration was accepted")
                self.file.write_text(right)
            self.configure()
            self.workspace.command("reload")
        self._under_load(between, False)

    def outage(self):
        """The backend goes and comes back. What it had taken when it went, and had not answered for, comes once more."""
        def between():
            self.collector.stop()
            self._instant(0.2)
            self.collector.start()
        self.waiting = [(churner, True) for churner, _ in self.waiting]
        self._under_load(between, True)

    def pause(self):
        def between():
            self.workspace.command("exporter", "pause", self.EXPORTER)
            self._instant(0.2)
            self.workspace.command("exporter", "resume", self.EXPORTER)
        self._under_load(between, False)


    def what_there_is(self):
        """For whoever looks into a failure."""
        for command in ("status", "audit"):
            try:
                yield self.workspace.command(command)
            except AssertionError as failed:
                yield str(failed)
        if self.agent is not None:
            yield self.agent.stderr()[-8000:]


def descriptors(process):
    return len(list(pathlib.Path(f"/proc/{process.pid}/fd").iterdir()))


def resident(process):
    """MiB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def batch(rounds, chance, most_files):
    for _ in range(TOGETHER):
        rounds.happens(chance.choice(KINDS))
    if rounds.agent is None:
        rounds.start_agent()
    harness.wait_until(lambda: not rounds.workspace.segment_files(), "the segments of the dead are unlinked")
    harness.wait_until(rounds.workspace.is_quiet, "what was spooled is delivered", PATIENCE_S)
    # A connection that is made anew, or a spool's file, is open for a moment; what leaks stays.
    harness.wait_until(lambda: most_files is None or descriptors(rounds.agent) <= most_files + MORE_FILES,
                       f"the agent has no more than {most_files} and {MORE_FILES} files open")
    open_files, memory = descriptors(rounds.agent), resident(rounds.agent)
    problems = rounds.settle()
    return problems, open_files, memory


def main():
    parser = argparse.ArgumentParser(prog="tools/soak", description="Random kills, reloads, outages, pauses; every span checked.")
    parser.add_argument("--minutes", type=float, default=30, help="how long (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="repeats the choices")
    parser.add_argument("--build", default="build", help="build folder (%(default)s)")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.minutes:g} minutes", flush=True)
    chance = random.Random(arguments.seed)
    end = time.monotonic() + arguments.minutes * 60
    number, ended, unfinished, first_files = 0, 0, 0, None
    happened = dict.fromkeys(KINDS, 0)
    while time.monotonic() < end:
        workspace = harness.Workspace()
        try:
            rounds = Day(workspace, chance)
            for _ in range(BATCHES):
                try:
                    problems, files, memory = batch(rounds, chance, first_files)
                except AssertionError:
                    print("\n".join([f"FAILED with --seed {arguments.seed}, after round {number}:", *rounds.what_there_is()]), flush=True)
                    raise
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
            happened = {kind: count + rounds.happened[kind] for kind, count in happened.items()}
            rounds.collector.stop()
        finally:
            workspace.close()
    print(", ".join(f"{kind} {count}" for kind, count in happened.items()))
    print(f"{number} rounds, {ended} spans ended, {unfinished} unfinished: every one accounted for")
    return 0


if __name__ == "__main__":
    sys.exit(main())
