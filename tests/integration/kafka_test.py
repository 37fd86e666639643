# SPDX-License-Identifier: Apache-2.0
"""The Kafka exporter: what is in the topic is what applications made, through a cluster that goes and comes, and an agent
that is killed; and a cluster that is away holds nobody else."""

import collections
import re

import agent_configuration
import harness
import kafka
from comparison import compare, records
from metrics_test import Page
from otlp_json import Received

BATCH = 64
CONSUMERS = 8


class Kafka(harness.Case):
    def setUp(self):
        super().setUp()
        self.cluster = kafka.StandIn(self.workspace, partitions=32)  # room for 160 MB

    def agent(self, beside=None, arguments=(), **more):
        exporter = {"brokers": [self.cluster.brokers], "timeout": "60s", "sending_queue": {"num_consumers": CONSUMERS},
                    "producer": {"linger": "1ms", **more.pop("producer", {})},
                    "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"}, **more}
        return self.workspace.agent("--config", agent_configuration.write(
            self.workspace, {"kafka": exporter, **(beside or {})}, batch=BATCH), "--metrics-address", "127.0.0.1:0", *arguments)

    def producer(self, seed, *arguments):
        return self.workspace.producer("--seed", seed, "--service", f"service-{seed}", "--flush", 60, *arguments)

    def spans(self):
        return [span for message in kafka.messages(self.cluster.brokers) for span in kafka.spans_of(message.value)]

    def test_what_is_made_is_in_the_topic_once(self):
        agent = self.agent()
        producers = [self.producer(seed, "--count", 2000) for seed in (1, 2)]
        for producer in producers:
            producer.expect(0)
        spans = self.spans()
        self.assertEqual(len(spans), 4000)
        self.assertEqual(set(spans), set(records(producers)))
        self.assertEqual({message.key for message in kafka.messages(self.cluster.brokers)}, {None})
        for process in self.workspace.accounting():
            self.assertEqual(process["exporters"][0]["exported"], 2000)
        self.assertEqual(Page(agent).value("exporter_spans_exported_total", exporter="kafka"), 4000)
        agent.stop()

    def test_every_field_arrives_as_json_and_each_trace_in_one_partition(self):
        agent = self.agent(traces={"encoding": "otlp_json"}, partition_traces_by_id=True,
                           producer={"compression": "zstd", "max_message_bytes": 16384})
        producer = self.producer(3, "--count", 1000)
        producer.expect(0)
        agent.stop()
        lines, partitions = self.workspace.unique("received.jsonl"), collections.defaultdict(set)
        with open(lines, "wb") as file:
            for message in kafka.messages(self.cluster.brokers):
                file.write(message.value + b"\n")
                self.assertLessEqual(len(message.value), 16384)
                traces = set(re.findall(rb'"traceId":"([0-9a-f]{32})","spanId":"[0-9a-f]{16}"', message.value))
                self.assertIn(message.key.encode(), traces)
                partitions[message.key].add(message.partition)
        received = Received(lines)
        compare(records([producer]), received.by_identity())
        self.assertEqual([key for key, where in partitions.items() if len(where) != 1], [])

    def test_a_cluster_that_is_away_holds_nobody_and_gets_everything_when_it_is_back(self):
        self.cluster.tell("down")
        agent = self.agent(beside={"store": None}, timeout="2s")
        producer = self.producer(4, "--count", 3000)
        producer.expect(0)  # its flush waits for what is in the spool, and for the store
        page = Page(agent)
        self.assertEqual(page.value("exporter_spans_exported_total", exporter="store"), 3000)
        self.assertEqual(page.value("exporter_spans_spooled_total", exporter="kafka"), 3000)
        self.assertEqual(page.value("exporter_healthy", exporter="kafka"), 0)
        agent.stop()
        agent = self.agent(beside={"store": None})
        self.cluster.tell("up")
        harness.wait_until(lambda: Page(agent).value("exporter_spans_exported_total", exporter="kafka") == 3000,
                           "what was in the spool is in the topic")
        spans = self.spans()
        self.assertEqual(len(spans), 3000, "each once")
        self.assertEqual(set(spans), set(records([producer])))
        self.workspace.accounting()
        agent.stop()

    def test_through_kills_of_the_agent_and_a_cluster_that_comes_and_goes(self):
        agent = self.agent(timeout="2s")
        producers = [self.producer(seed, "--endless", "--rate", 500) for seed in (5, 6)]
        for producer in producers:
            producer.wait_for_line("ready")
        failed = again = 0
        for step in range(4):
            arrived = self.exported(agent)
            harness.wait_until(lambda: self.exported(agent) >= arrived + 500, "spans arrive")
            if step % 2 == 0:
                before = self.failed_attempts(agent)
                self.cluster.tell("down")
                harness.wait_until(lambda: self.failed_attempts(agent) > before, "the cluster is missed")
                self.cluster.tell("up")
            else:
                failed += self.failed_attempts(agent)
                agent.kill()
                again += CONSUMERS * BATCH + sum(self.workspace.unacknowledged().values())  # out of the spool, and of the rings
                agent = self.agent(timeout="2s")
        harness.end_all(producers)
        wanted = set(records(producers))
        harness.wait_until(lambda: Page(agent).value("exporter_pending_spans", exporter="kafka", where="spool") == 0,
                           "the spool is empty")
        self.workspace.accounting()
        failed += self.failed_attempts(agent)
        agent.stop()
        spans = self.spans()
        self.assertEqual(set(spans), wanted)
        self.assertLessEqual(len(spans) - len(wanted), failed * BATCH + again, "what was in flight")
        print(f"{len(wanted)} spans, {len(spans) - len(wanted)} of them twice; {failed} failed attempts, and at most {again} in flight at a kill")

    def exported(self, agent):
        return Page(agent).value("exporter_spans_exported_total", exporter="kafka")

    def failed_attempts(self, agent):
        return Page(agent).value("exporter_attempts_total", exporter="kafka", result="failed")

    def test_a_secret_is_not_shown(self):
        exporter = {"brokers": [self.cluster.brokers], "auth": {"sasl": {"username": "agent-7", "password": "s3cret"}},
                    "record_headers": {"tenant": "hush"}}
        file = agent_configuration.write(self.workspace, {"kafka": exporter})
        ended = harness.subprocess.run([harness.AGENT, "print-config", "--config", file, "--state-dir", self.workspace.state],
                                       capture_output=True, text=True, timeout=harness.WATCHDOG)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        for secret in ("agent-7", "s3cret", "hush"):
            self.assertNotIn(secret, ended.stdout + ended.stderr)
        self.assertIn("tenant", ended.stdout)


if __name__ == "__main__":
    harness.main()
