# SPDX-License-Identifier: Apache-2.0
"""Application, ring, agent, Jaeger: what its query API finds, by service and by id, is what was set."""

import random

import agent_configuration
import harness
import kafka
from comparison import compare, records
from jaeger import Jaeger, as_kept
from scripted import Scripted

# (seed, spans, limits: attributes, events and links of a span)
PRODUCERS = [(1, 4_000, None), (2, 2_000, None), (3, 1_000, (5, 1, 1))]
OPEN = 20
ASKED_BY_ID = 200


class JaegerCase(harness.Case):
    def found(self, wanted):
        """All that Jaeger has of the services of these, once it has so many."""
        services = sorted({resource_value(resource, "service.name") for _, resource in wanted.values()})
        harness.wait_until(lambda: self.jaeger.services() == services, f"Jaeger knows {services}, and nobody else")

        def all_of_them():
            got = {}
            for service in services:
                got.update(self.jaeger.of_service(service))
            return got if len(got) >= len(wanted) else None
        return harness.wait_until(all_of_them, f"Jaeger has {len(wanted)} spans")

    def check(self, producers, agent):
        wanted = records(producers)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segments of finished processes are unlinked")
        harness.wait_until(self.workspace.is_quiet, "everything is exported")
        agent.stop()
        compare(*as_kept(wanted, self.found(wanted)))
        self.check_by_id(wanted)
        for process in self.workspace.accounting():
            (exporter,) = process["exporters"]
            self.assertEqual(exporter["exported"], process["ended"] + process["unfinished"])
        self.jaeger.stop()
        return wanted

    def check_by_id(self, wanted):
        traces = {}
        for identity, (span, resource) in wanted.items():
            traces.setdefault(span["trace_id"], {})[identity] = (span, resource)
        ids = sorted(traces)
        self.assertGreater(len(ids), ASKED_BY_ID // 10)
        for trace_id in random.Random(1).sample(ids, min(ASKED_BY_ID, len(ids))):
            compare(*as_kept(traces[trace_id], self.jaeger.trace(trace_id)))

    def start_producer(self, seed, count, limits):
        names = ("ATTRIBUTE", "EVENT", "LINK")
        arguments = ["--limits", ",".join(str(limit) for limit in limits)] if limits else []
        env = {f"OTEL_SPAN_{name}_COUNT_LIMIT": limit for name, limit in zip(names, limits or ())}
        return self.workspace.producer("--seed", seed, "--count", count, "--service", f"service-{seed}", "--flush", 60,
                                       *arguments, env=env)

    def every_producer(self):
        producers = [self.start_producer(*one) for one in PRODUCERS]
        for producer in producers:
            producer.expect(0)
        return producers

    def every_field(self, producers, agent):
        self.assertEqual(len(self.check(producers, agent)), sum(count for _, count, _ in PRODUCERS))


class OverOtlp(JaegerCase):
    def setUp(self):
        super().setUp()
        self.jaeger = Jaeger(self.workspace)

    def test_every_field_of_every_span_is_found_that_came_over_grpc(self):
        agent = self.workspace.agent("--endpoint", self.jaeger.endpoint)
        self.assertIn("exporters=otlp_grpc", agent.stderr())
        self.every_field(self.every_producer(), agent)

    def test_every_field_of_every_span_is_found_that_came_over_http(self):
        agent = self.workspace.agent("--exporter", "otlp_http", "--endpoint", self.jaeger.http_endpoint,
                                     env={"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"})
        self.assertIn("exporters=otlp_http", agent.stderr())
        self.every_field(self.every_producer(), agent)

    def test_what_killed_processes_left_open_is_found(self):
        agent = self.workspace.agent("--endpoint", self.jaeger.endpoint)
        producers = [self.workspace.producer("--seed", seed, "--count", 500, "--open", OPEN, "--hold",
                                             "--service", f"killed-{seed}") for seed in (1, 2, 3)]
        for producer in producers:
            producer.wait_for_line("ready")
        for producer in producers:
            producer.kill()
        wanted = self.check(producers, agent)
        self.assertEqual(sum(span["open"] for span, _ in wanted.values()), OPEN * len(producers))

    def test_the_page_shows_a_killed_process_as_what_it_was(self):
        self.workspace.agent("--endpoint", self.jaeger.endpoint)
        shop = Scripted(self.workspace, "shop")
        whole = shop.span("checked", error=True)
        header = shop.say("start", 0, "order")
        shop.say("set", 0, "cart", "full")
        shop.say("number", 0, "items", 3)
        shop.say("child", 1, "pay", 0)
        shop.say("child", 2, "charge", 1)
        shop.say("end", 2)
        shop.kill()
        trace_id = trace_of(header)
        harness.wait_until(lambda: {trace_id, trace_of(whole)} <= self.jaeger.searched("shop"), "its traces are found")
        harness.wait_until(lambda: len(self.jaeger.on_page(trace_id)) == 3, "and all of the spans")
        self.assertEqual(self.jaeger.searched("shop", **{"spanring.unfinished": "true"}), {trace_id})
        self.assertEqual(self.jaeger.searched("shop", items="3"), {trace_id})

        spans = self.jaeger.on_page(trace_id)
        self.assertEqual(spans["order"]["references"], [])
        self.assertEqual([reference["refType"] for reference in spans["pay"]["references"]], ["CHILD_OF"])
        self.assertEqual(spans["pay"]["references"][0]["spanID"], header.split("-")[2])
        self.assertEqual(spans["charge"]["references"][0]["spanID"], spans["pay"]["spanID"])
        for name in ("order", "pay"):
            tags = spans[name]["tags"]
            self.assertEqual([tags.get(key) for key in ("error", "otel.status_code", "spanring.unfinished", "span.kind")],
                             [True, "ERROR", True, "internal"], spans[name])
            self.assertEqual(tags["otel.scope.name"], "scripted")
            self.assertEqual(spans[name]["process"]["serviceName"], "shop")
        self.assertEqual([spans["order"]["tags"][key] for key in ("cart", "items")], ["full", 3])
        self.assertFalse({"error", "spanring.unfinished"} & spans["charge"]["tags"].keys())


class OverKafka(JaegerCase):
    """Jaeger has the Collector's own receiver for Kafka in it: what that reads of the topic is what was set."""

    def test_every_field_of_every_span_is_found_that_was_in_a_topic(self):
        broker = kafka.Broker(self.workspace)
        broker.start()
        exporter = {"brokers": [broker.brokers], "partition_traces_by_id": True, "timeout": "60s"}
        agent = self.workspace.agent("--config", agent_configuration.write(self.workspace, {"kafka": exporter}, batch=1000))
        producers = self.every_producer()
        self.jaeger = Jaeger(self.workspace, {"kafka": {"brokers": [broker.brokers], "initial_offset": "earliest",
                                                        "traces": {"topic": kafka.TOPIC, "encoding": "otlp_proto"}}})
        self.every_field(producers, agent)


def trace_of(header):
    return header.split("-")[1]


def resource_value(resource, key):
    (value,) = [value for name, _, value in resource["attributes"] if name == key]
    return value


if __name__ == "__main__":
    harness.main()
