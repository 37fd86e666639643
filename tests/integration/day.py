# SPDX-License-Identifier: Apache-2.0
"""A day of the soak: kills, reloads, replacements, outages and pauses, each at a random instant under load."""

import json
import os
import pathlib
import signal

import agent_configuration
import kafka
from churn import Rounds
from programs import KEEP, descendants, kept_requests

CALM = ("application", "application", "reload", "reload", "outage", "pause", "program")  # the agent lives through it
KINDS = CALM + ("agent_alone", "both", "replace", "replace")


class Day(Rounds):
    """Rounds of an agent that has a configuration, which changes. What it sends to the Collector it hands to a program as well,
    and at times it writes a file that is rotated."""

    EXPORTER = "otlp_grpc"
    pauses = (1_000_000, 10_000_000)  # what happens takes seconds on a busy machine, and every span is read

    def __init__(self, workspace, chance):
        super().__init__(workspace, chance)
        self.file = workspace.unique("agent.yaml")
        self.written = workspace.folder / "written"
        self.written.mkdir()
        self.kept = workspace.unique("kept")  # by the program
        self.kept_size, self.kept_spans = 0, set()
        self.happened = dict.fromkeys(KINDS, 0)
        self.configure()

    def configure(self):
        """Other batches, and a file beside the Collector or none; that of which spans wait stays as it is."""
        exporters = {self.EXPORTER: agent_configuration.quick(self.collector.endpoint, timeout="30s"),  # a busy machine's Collector
                     "exec": {"command": [*KEEP, str(self.kept)], "timeout": "30s",
                              "environment": {"PYTHONDONTWRITEBYTECODE": "1"},
                              "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"}}}
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

    def rest(self):
        """It goes on: what leaks is seen in who lives for long."""

    def settle(self):
        problems = super().settle()
        for request, self.kept_size in kept_requests(self.kept, self.kept_size):
            self.kept_spans.update(kafka.spans_of(request))
        arrived = set(self.arrived.received.by_identity())
        if self.kept_size and arrived != self.kept_spans:
            problems.append(f"the Collector has {len(arrived - self.kept_spans)} spans that the program has not, and "
                            f"{len(self.kept_spans - arrived)} the other way round")
        return problems

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

    def replace(self):
        """Another agent takes over; a backend that answers gets nothing twice."""
        def between():
            old, new = self.agent, self.workspace.start_agent("--config", self.file, "--replace")
            self.agent = new
            new.wait_for_line("spanring-agent ready:", stream="stderr")
            old.expect(0)
        self._under_load(between, False)

    def program(self):
        """The program of the exporter is killed; another one is started, and gets what that one did not answer."""
        def between():
            for pid in descendants(self.agent.pid):
                try:
                    if KEEP[-1].encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                        os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass  # it has ended by itself
        self._under_load(between, False)

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
