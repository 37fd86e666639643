# SPDX-License-Identifier: Apache-2.0
"""Kafka's own broker, killed and started again twice under load, and the agent killed as well: the spans that were ended
are those that are consumed, and what comes twice was in flight at one of the kills."""

import agent_configuration
import harness
import kafka
from comparison import records
from metrics_test import Page

BATCH = 64
CONSUMERS = 8


class KafkaBroker(harness.Case):
    def setUp(self):
        super().setUp()
        self.broker = kafka.Broker(self.workspace)

    def agent(self, **more):
        exporter = {"brokers": [self.broker.brokers], "timeout": "5s", "partition_traces_by_id": False,
                    "producer": {"compression": "zstd", "linger": "5ms"},
                    "sending_queue": {"num_consumers": CONSUMERS},
                    "retry_on_failure": {"initial_interval": "100ms", "max_interval": "500ms"}, **more}
        return self.workspace.agent("--config", agent_configuration.write(self.workspace, {"kafka": exporter}, batch=BATCH),
                                    "--metrics-address", "127.0.0.1:0")

    def value(self, agent, name, **labels):
        return Page(agent).value(name, exporter="kafka", **labels)

    def delivered(self, agent):
        return self.value(agent, "exporter_spans_exported_total")

    def goes_on(self, agent):
        before = self.delivered(agent)
        harness.wait_until(lambda: self.delivered(agent) >= before + 1000, "spans are delivered", 3 * harness.WATCHDOG)

    def test_two_restarts_of_the_broker_and_a_kill_of_the_agent(self):
        self.broker.start()
        agent = self.agent()
        producers = [self.workspace.producer("--seed", seed, "--service", f"service-{seed}", "--endless", "--rate", 500,
                                             "--flush", 60) for seed in (1, 2)]
        for producer in producers:
            producer.wait_for_line("ready")
        in_flight = 0  # spans that may come twice
        for restart in range(2):
            self.goes_on(agent)
            self.broker.kill()
            failed = self.value(agent, "exporter_attempts_total", result="failed")
            harness.wait_until(lambda: self.value(agent, "exporter_attempts_total", result="failed") > failed,
                               "the broker is missed")
            if restart == 1:
                in_flight += self.value(agent, "exporter_attempts_total", result="failed") * BATCH
                in_flight += CONSUMERS * BATCH
                agent.kill()
                in_flight += sum(self.workspace.unacknowledged().values())
                agent = self.agent()
            self.broker.start()
        self.goes_on(agent)
        harness.end_all(producers, 3 * harness.WATCHDOG)
        wanted = set(records(producers))
        harness.wait_until(lambda: self.value(agent, "exporter_pending_spans", where="spool") == 0, "the spool is empty",
                           3 * harness.WATCHDOG)
        in_flight += self.value(agent, "exporter_attempts_total", result="failed") * BATCH
        self.assertEqual(self.value(agent, "exporter_spans_rejected_total"), 0)
        self.workspace.accounting()
        agent.stop()
        spans = [span for message in kafka.messages(self.broker.brokers) for span in kafka.spans_of(message.value)]
        twice = len(spans) - len(set(spans))
        print(f"{len(wanted)} spans, {twice} of them twice, at most {in_flight:.0f} were in flight")
        self.assertEqual(set(spans), wanted)
        self.assertLessEqual(twice, in_flight)

    def test_each_service_names_its_topic_and_a_hostile_one_none(self):
        """What spans name, the broker makes; it has no way to make what is not a name, or is its own."""
        self.broker.start()
        agent = self.agent(topic_from_attribute="service.name", timeout="60s")  # half of it for a new topic to be made
        names = {"../etc": kafka.TOPIC, "__consumer_offsets": kafka.TOPIC, "team.shop": "team.shop", "team-bank": "team-bank"}
        producers = {}
        for number, name in enumerate(names, 1):  # the broker is there by the time that it is to make a topic
            producers[name] = self.workspace.producer("--seed", number, "--service", name, "--count", 500, "--flush", 60)
            producers[name].expect(0)
            harness.wait_until(lambda: self.delivered(agent) == 500 * number, "all are delivered", 3 * harness.WATCHDOG)
        self.assertEqual(self.value(agent, "exporter_named_topics"), 2)
        self.assertEqual(self.value(agent, "exporter_diverted_spans_total"), 1000)
        agent.stop()
        for topic in set(names.values()):
            spans = [span for message in kafka.messages(self.broker.brokers, topic) for span in kafka.spans_of(message.value)]
            wanted = [span for name, where in names.items() if where == topic for span in records([producers[name]])]
            self.assertEqual(sorted(spans), sorted(wanted), topic)


if __name__ == "__main__":
    harness.main()
