# SPDX-License-Identifier: Apache-2.0
"""A day of the soak: kills, reloads, outages and pauses, each at a random instant under load."""

import json

import agent_configuration
from churn import Rounds

KINDS = ("application", "application", "agent_alone", "both", "reload", "reload", "outage", "pause")


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
