# SPDX-License-Identifier: Apache-2.0
"""Traces over three Collectors: each has all spans of its traces, one that goes away is stood in for or waited for, and nothing
is lost."""

import collections
import signal

import agent_configuration
import harness
from comparison import records
from metrics_test import Page
from otlp_json import Received


class Spreading(harness.Case):
    def setUp(self):
        super().setUp()
        self.collectors = [self.workspace.collector() for _ in range(3)]
        self.received = [Received(collector.received) for collector in self.collectors]
        for collector in self.collectors:
            collector.start()

    def agent(self, **spreading):
        endpoints = [collector.endpoint for collector in self.collectors]
        exporter = agent_configuration.quick("http://127.0.0.1:1", timeout="10s",
                                             spreading={"endpoints": endpoints, "retry_interval": "200ms", **spreading})
        return self.workspace.agent("--config", agent_configuration.write(self.workspace, {"otlp_grpc": exporter}, batch=256),
                                    "--metrics-address", "127.0.0.1:0")

    def producers(self):
        producers = [self.workspace.producer("--seed", seed, "--service", f"service-{seed}", "--endless", "--rate", 500,
                                             "--flush", 60) for seed in (1, 2)]
        for producer in producers:
            producer.wait_for_line("ready")
        return producers

    def gets_spans(self, *which):
        for index in which:
            before = self.received[index].count()
            harness.wait_until(lambda: self.received[index].count() >= before + 200, f"Collector {index} gets spans")

    def places(self):
        """By trace: the Collectors that have spans of it; and how often each span arrived."""
        places, spans = collections.defaultdict(set), collections.Counter()
        for index, received in enumerate(self.received):
            for span in received.read():
                places[span.fields["traceId"]].add(index)
                spans[span.identity] += 1
        return places, spans

    def everything_is_accounted_for(self, producers):
        wanted = set(records(producers))
        for process in self.workspace.accounting():
            for exporter in process["exporters"]:
                self.assertEqual(exporter["exported"], process["ended"])
        return wanted

    def test_a_trace_is_at_one(self):
        agent = self.agent()
        producers = self.producers()
        self.gets_spans(0, 1, 2)
        harness.end_all(producers)
        wanted = set(records(producers))
        harness.wait_until(lambda: sum(self.places()[1].values()) >= len(wanted), "everything arrives")
        places, spans = self.places()
        self.assertEqual(spans, collections.Counter(wanted), "each once")
        self.assertEqual({len(where) for where in places.values()}, {1})
        self.assertGreater(len(places), 100)
        self.everything_is_accounted_for(producers)
        agent.stop()

    def test_one_is_stood_in_for(self):
        agent = self.agent()
        producers = self.producers()
        self.gets_spans(0, 1, 2)
        in_use = "exporter_endpoint_in_use"
        away = self.collectors[1].endpoint
        self.collectors[1].stop()
        harness.wait_until(lambda: Page(agent).value(in_use, exporter="otlp_grpc", endpoint=away) == 0, "it is away")
        self.gets_spans(0, 2)
        self.collectors[1].start()
        harness.wait_until(lambda: Page(agent).value(in_use, exporter="otlp_grpc", endpoint=away) == 1, "it is back")
        self.gets_spans(0, 1, 2)
        harness.end_all(producers)
        wanted = set(records(producers))
        harness.wait_until(lambda: len(self.places()[1]) >= len(wanted), "everything arrives")
        self.assertEqual(set(self.places()[1]), wanted)
        self.everything_is_accounted_for(producers)
        agent.stop()

    def test_one_is_killed_under_load(self):
        agent = self.agent()
        producers = self.producers()
        self.gets_spans(0, 1, 2)
        self.collectors[1].process.popen.send_signal(signal.SIGKILL)
        self.collectors[1].process.wait()
        self.gets_spans(0, 2)
        harness.end_all(producers)
        wanted = self.everything_is_accounted_for(producers)
        harness.wait_until(lambda: Page(agent).value("exporter_queue_spans", exporter="otlp_grpc") == 0, "nothing waits")
        places, spans = self.places()
        self.assertLessEqual(set(spans), wanted)
        # What the Collector answered for is in its file, and what it did not answer for went to another one.
        self.assertEqual(wanted - set(spans), set())
        agent.stop()

    def test_or_is_waited_for(self):
        agent = self.agent(away="wait")
        producers = self.producers()
        self.gets_spans(0, 1, 2)
        self.collectors[1].stop()
        before = self.received[1].count()
        harness.wait_until(lambda: Page(agent).value("exporter_spool_bytes", exporter="otlp_grpc") > 0, "its share waits")
        self.gets_spans(0, 2)
        self.assertEqual(self.received[1].count(), before)
        agent.kill()
        agent = self.agent(away="wait")
        self.gets_spans(0, 2)
        self.collectors[1].start()
        self.gets_spans(1)
        harness.end_all(producers)
        wanted = set(records(producers))
        harness.wait_until(lambda: set(self.places()[1]) == wanted, "everything arrives")
        self.assertEqual({len(where) for where in self.places()[0].values()}, {1}, "and each trace is at one")
        self.workspace.accounting()
        agent.stop()


if __name__ == "__main__":
    harness.main()
