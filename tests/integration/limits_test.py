# SPDX-License-Identifier: Apache-2.0
"""The agent at the limits of its surroundings: descriptors, the inotify queue. It goes on, says so, and catches up."""

import pathlib
import resource
import signal

import harness
from otlp_json import Received

STORM = harness.BUILD / "tests/integration/storm"


class Limits(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector().start()
        self.received = Received(self.collector.received)

    def storm(self, *arguments):
        return harness.Process(self.workspace, "storm", [STORM, *arguments],
                               env=harness.environment(SPANRING_DIR=self.workspace.segments))

    def settle(self, agent, processes, spans):
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segments of the dead are unlinked")
        harness.wait_until(lambda: self.received.count() >= spans, "all spans arrive")
        agent.stop()
        rows = self.workspace.accounting()
        self.assertEqual(len(rows), processes)
        self.assertEqual(sum(row["ended"] for row in rows), spans)
        self.assertEqual(len(self.received.by_identity()), spans)
        self.assertEqual(self.received.count(), spans)

    def test_more_segments_than_it_may_open_files(self):
        self.storm("processes", "150").expect(0)
        self.assertEqual(len(self.workspace.segment_files()), 150)
        agent = self.workspace.start_agent("--endpoint", self.collector.endpoint, "--batch-timeout", "20ms")
        resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (48, 48))
        self.settle(agent, processes=150, spans=450)

    def test_an_agent_that_may_hardly_open_a_file_from_the_start(self):
        self.storm("processes", "40").expect(0)
        command = [harness.AGENT, "--directory", self.workspace.segments, "--state-dir", self.workspace.state,
                   "--endpoint", self.collector.endpoint, "--batch-timeout", "20ms"]
        agent = harness.Process(self.workspace, "agent", command, env=harness.environment(),
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)))
        agent.wait_for_line("spanring-agent ready:", stream="stderr")
        self.settle(agent, processes=40, spans=120)

    def test_an_inotify_queue_that_overflows(self):
        length = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        if length > 20_000:
            self.skipTest(f"the queue holds {length} events")
        agent = self.workspace.agent("--endpoint", self.collector.endpoint, "--batch-timeout", "20ms")
        agent.send(signal.SIGSTOP)
        noise = self.workspace.segments / "noise"
        for _ in range(length // 2 + 100):  # at least two events each
            noise.touch()
            noise.unlink()
        self.storm("processes", "20").expect(0)
        self.assertEqual(len(self.workspace.segment_files()), 20)
        agent.send(signal.SIGCONT)
        self.settle(agent, processes=20, spans=60)


if __name__ == "__main__":
    harness.main()
