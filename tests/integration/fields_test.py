# SPDX-License-Identifier: Apache-2.0
"""Application, ring, agent, Collector: every field of every span as it was set, 100,000 spans of several processes."""

import harness
from comparison import compare, records
from otlp_json import Received

# (seed, spans, limits: attributes, events and links of a span)
PRODUCERS = [(1, 30_000, None), (2, 30_000, None), (3, 20_000, None), (4, 15_000, (5, 1, 1)), (5, 5_000, None)]
HTTP_PRODUCERS = [(1, 6_000, None), (2, 3_000, (5, 1, 1)), (3, 1_000, None)]


class Fields(harness.Case):
    def start_producer(self, seed, count, limits):
        arguments = ["--seed", seed, "--count", count, "--service", f"service-{seed}", "--flush", 60]
        env = {}
        if limits:
            arguments += ["--limits", ",".join(str(limit) for limit in limits)]
            names = ("ATTRIBUTE", "EVENT", "LINK")
            env = {f"OTEL_SPAN_{name}_COUNT_LIMIT": limit for name, limit in zip(names, limits)}
        return self.workspace.producer(*arguments, env=env)

    def test_every_field_of_a_hundred_thousand_spans_arrives_once(self):
        collector = self.workspace.collector().start()
        self.arrives(collector, self.workspace.agent("--endpoint", collector.endpoint), PRODUCERS)

    def test_every_field_arrives_over_http(self):
        self.arrives_over_http("none")

    def test_every_field_arrives_over_http_in_gzip(self):
        self.arrives_over_http("gzip")

    def test_every_field_arrives_over_http_in_zstd(self):
        self.arrives_over_http("zstd")

    def test_every_field_arrives_over_http_as_json(self):
        self.arrives_over_http("gzip", "http/json")

    def arrives_over_http(self, compression, protocol="http/protobuf"):
        """Told by the environment alone, as a container would be."""
        collector = self.workspace.collector().start()
        agent = self.workspace.agent(env={"OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                                          "OTEL_EXPORTER_OTLP_ENDPOINT": collector.http_endpoint,
                                          "OTEL_EXPORTER_OTLP_COMPRESSION": compression})
        self.assertIn("exporters=otlp_http", agent.stderr())
        self.arrives(collector, agent, HTTP_PRODUCERS)

    def arrives(self, collector, agent, wanted_producers):
        producers = [self.start_producer(*one) for one in wanted_producers]
        for producer in producers:
            producer.expect(0)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segments of finished processes are unlinked")
        # A segment may go once its spans are in the spool. What is still there when the time to stop is over stays there.
        harness.wait_until(self.workspace.is_quiet, "everything is exported")
        agent.stop()
        collector.stop()

        wanted = records(producers)
        self.assertEqual(len(wanted), sum(count for _, count, _ in wanted_producers))
        got = Received(collector.received).by_identity()
        compare(wanted, got)
        self.check_accounting([count for _, count, _ in wanted_producers])

    def check_accounting(self, counts):
        processes = self.workspace.accounting()
        self.assertEqual(sorted(process["ended"] for process in processes), sorted(counts))
        for process in processes:
            (exporter,) = process["exporters"]
            self.assertEqual(exporter["exported"], process["ended"])


if __name__ == "__main__":
    harness.main()
