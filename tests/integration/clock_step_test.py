# SPDX-License-Identifier: Apache-2.0
"""The wall clock is stepped by an hour, forth and back, under the application and under the agent: later spans follow it,
no span lasts an hour or ends before it starts, nothing is lost, and the agent goes on."""

import struct

import harness
from comparison import records
from otlp_json import Received

STEPPED_CLOCK = harness.BUILD / "tests/integration/libclock_step.so"
HOUR = 3600 * 10**9
MINUTE = 60 * 10**9


class Clock:
    def __init__(self, workspace):
        self.file = workspace.unique("clock")
        self.step_to(0)

    def step_to(self, off):
        data = struct.pack("=q", off)
        if not self.file.exists():
            self.file.write_bytes(data)
        with open(self.file, "r+b", buffering=0) as file:
            file.write(data)  # eight bytes at once: the mapping sees the old ones or these

    def environment(self):
        return {"LD_PRELOAD": STEPPED_CLOCK, "SPANRING_TEST_CLOCK": self.file}


class ClockStep(harness.Case):
    def setUp(self):
        super().setUp()
        self.clock = Clock(self.workspace)
        self.collector = self.workspace.collector().start()
        self.received = Received(self.collector.received)

    def agent(self, **more):
        return self.workspace.agent("--endpoint", self.collector.endpoint, "--batch-timeout", "20ms", **more)

    def producer(self, seed, **more):
        producer = self.workspace.producer("--seed", seed, "--endless", "--rate", 2000, "--flush", 60, **more)
        producer.wait_for_line("ready")
        return producer

    def more_arrive(self, number=2000):
        before = self.received.count()
        harness.wait_until(lambda: self.received.count() >= before + number, "spans go on to arrive")

    def end(self, producers, agent):
        harness.end_all(producers)
        agent.stop()
        self.collector.stop()
        wanted, got = records(producers), self.received.by_identity()
        self.assertEqual(wanted.keys(), got.keys())
        self.assertEqual([identity for identity, spans in got.items() if len(spans) != 1], [])
        accounting = self.workspace.accounting()
        self.assertEqual(sum(process["ended"] for process in accounting), len(wanted))
        return [span for spans in got.values() for span in spans]

    @staticmethod
    def times(span):
        return int(span.fields["startTimeUnixNano"]), int(span.fields["endTimeUnixNano"])

    def test_under_the_application(self):
        agent = self.agent()
        stepped = self.producer(1, env=self.clock.environment())
        steps = (0, HOUR, -HOUR, 0)
        for off in steps:
            self.clock.step_to(off)
            self.more_arrive()
        spans = self.end([stepped], agent)
        given = {identity for identity, (span, _) in records([stepped]).items() if span["start"][0] or span["end"][0]}
        times = [self.times(span) for span in spans if span.identity not in given]  # the library's own
        self.assertGreater(len(times), 1000)
        for start, end in times:
            self.assertTrue(start <= end < start + MINUTE, f"from {start} to {end}: {end - start} ns")
        first = min(start for start, _ in times)
        self.assertEqual({round((start - first) / HOUR) for start, _ in times}, {0, 1, 2}, "later spans follow the clock")

    def test_under_the_agent(self):
        agent = self.agent(env=self.clock.environment())
        producers = [self.producer(seed) for seed in (1, 2)]
        for off in (HOUR, -HOUR, 24 * HOUR, 0):
            self.more_arrive()
            self.clock.step_to(off)
        self.more_arrive()
        self.end(producers, agent)


if __name__ == "__main__":
    harness.main()
