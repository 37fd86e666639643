# SPDX-License-Identifier: Apache-2.0
"""Producers that die: what ended arrives once, what was open arrives once as unfinished, also when the agent comes later."""

import harness
from comparison import compare, records
from otlp_json import Received

OPEN = 20


class ProducerDeath(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector().start()
        self.received = Received(self.collector.received)

    def arrive(self, producers, agent):
        wanted = records(producers)
        harness.wait_until(lambda: self.received.count() >= len(wanted), f"{len(wanted)} spans arrive")
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segments of the dead are unlinked")
        agent.stop()
        self.collector.stop()
        compare(wanted, self.received.by_identity())
        processes = self.workspace.accounting()
        self.assertEqual(sum(process["unfinished"] for process in processes),
                         sum(span["open"] for span, _ in wanted.values()))
        self.assertEqual(sum(process["started"] for process in processes), len(wanted))
        return wanted

    def killed_producers(self, count=3):
        producers = [self.workspace.producer("--seed", seed, "--count", 500, "--open", OPEN, "--hold",
                                             "--service", f"killed-{seed}") for seed in range(1, count + 1)]
        for producer in producers:
            producer.wait_for_line("ready")
        for producer in producers:
            producer.kill()
        return producers

    def check_unfinished(self, wanted, producers):
        opened = sum(span["open"] for span, _ in wanted.values())
        self.assertEqual(opened, OPEN * len(producers))

    def test_killed_with_open_spans_while_the_agent_runs(self):
        agent = self.workspace.agent("--endpoint", self.collector.endpoint)
        producers = self.killed_producers()
        self.check_unfinished(self.arrive(producers, agent), producers)

    def test_killed_with_open_spans_before_the_agent_starts(self):
        producers = self.killed_producers()
        self.assertEqual(len(self.workspace.segment_files()), len(producers), "a segment outlives its process")
        agent = self.workspace.agent("--endpoint", self.collector.endpoint)
        self.check_unfinished(self.arrive(producers, agent), producers)

    def test_ended_in_peace_before_the_agent_starts(self):
        producers = [self.workspace.producer("--seed", seed, "--count", 300, "--service", f"early-{seed}")
                     for seed in (1, 2)]
        for producer in producers:
            producer.expect(0)
        agent = self.workspace.agent("--endpoint", self.collector.endpoint)
        self.arrive(producers, agent)

    def test_killed_under_load(self):
        """At any instant: what the record says ended must arrive; at most the span at hand is known to the agent alone."""
        agent = self.workspace.agent("--endpoint", self.collector.endpoint)
        producers = [self.workspace.producer("--seed", seed, "--endless", "--service", f"loaded-{seed}", "--rate", 4000)
                     for seed in (1, 2, 3)]
        for producer in producers:
            producer.wait_for_line("ready")
        harness.wait_until(lambda: self.received.count() > 2000, "spans arrive")
        for producer in producers:
            producer.kill()
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segments of the dead are unlinked")
        agent.stop()
        self.collector.stop()

        wanted, got = records(producers), self.received.by_identity()
        beyond = got.keys() - wanted.keys()
        self.assertLessEqual(len(beyond), len(producers), "one span at hand for each producer")
        compare(wanted, {identity: spans for identity, spans in got.items() if identity not in beyond})
        for identity in beyond:
            self.assertEqual(len(got[identity]), 1)
        self.assertEqual(sum(process["started"] for process in self.workspace.accounting()), len(got))

    def test_the_application_never_waits_for_an_agent(self):
        """Without an agent: every call works, and its segment keeps what fits."""
        producer = self.workspace.producer("--count", 200)
        producer.expect(0)
        self.assertEqual(len(self.workspace.segment_files()), 1)


if __name__ == "__main__":
    harness.main()
