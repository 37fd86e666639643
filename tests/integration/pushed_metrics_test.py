# SPDX-License-Identifier: Apache-2.0
"""Metrics that are sent and not asked for: the agent's own, by readers that push, and what its connectors measure, by the
pipeline of metrics. The real Collector takes them, and measures the same spans by its own connector.
"""

import json
import re
import struct
import urllib.request

import harness
from other_signals import SignalReceiving
from receiving import field, request, request_of, span
from span_metrics_test import of_collector

COLLECTOR = """
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{port}"}}
      http: {{endpoint: "127.0.0.1:{http_port}"}}
connectors:
  spanmetrics: {{metrics_flush_interval: 100ms{histogram}}}
exporters:
  file: {{path: {path}, rotation: {{max_megabytes: 1000000}}}}
  file/metrics: {{path: {path}.metrics, rotation: {{max_megabytes: 1000000}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [spanmetrics]}}
    metrics/measured: {{receivers: [spanmetrics], exporters: [file]}}
    metrics: {{receivers: [otlp], exporters: [file/metrics]}}
"""
CLIENT, SERVER = b"\x30\x03", b"\x30\x02"  # kinds
EXPONENTIAL = ", histogram: {exponential: {max_size: 160}}"


def attributes_of(owner):
    return {item["key"]: item["value"]["stringValue"] for item in owner.get("attributes", [])}


def of_trace_7(number, more):
    """A span of half a millisecond, its id is the number and one more, with fields of Span."""
    return span(number, 7) + more


def whole_lines(path):
    """A copy of a file that still grows: lines that are whole and say something; the Collector's connector writes `{}`, too."""
    content = path.read_bytes() if path.exists() else b""
    copy = path.with_name(path.name + ".whole")
    copy.write_bytes(b"".join(line + b"\n" for line in content.split(b"\n")[:-1] if b"resourceMetrics" in line))
    return copy


class Pushed(SignalReceiving):
    def collect(self, histogram=""):
        self.collector.configuration.write_text(COLLECTOR.format(
            port=self.collector.port, http_port=self.collector.http_port, path=self.collector.received, histogram=histogram))
        self.collector.start()

    def agent(self, change, **receiver):
        file = self.configuration(signals=(), **receiver)
        document = json.loads(file.read_text())
        change(document)
        file.write_text(json.dumps(document))
        return self.workspace.agent("--config", file)

    def metrics(self, agent):
        """Of its newest request by name: (metric, resource's attributes)."""
        found = {}
        for document in self.written("metrics"):
            for resource in document["resourceMetrics"]:
                attributes = attributes_of(resource["resource"])
                if f"/{agent.pid}/" not in attributes["service.instance.id"]:  # the last words of the one before
                    continue
                found = {metric["name"]: (metric, attributes) for scope in resource["scopeMetrics"] for metric in scope["metrics"]}
        return found

    def value(self, name, agent, **attributes):
        """Of the point that has these among its attributes."""
        metric, _ = self.metrics(agent).get(name, ({}, {}))
        for point in (metric.get("sum") or metric.get("gauge") or {}).get("dataPoints", []):
            if attributes.items() <= attributes_of(point).items():
                return float(point.get("asInt", point.get("asDouble", "nan")))
        return None

    def test_the_agents_own_by_a_reader_that_pushes(self):
        self.collect()
        for protocol, endpoint in (("grpc", self.collector.endpoint), ("http/protobuf", self.collector.http_endpoint)):
            with self.subTest(protocol=protocol):
                page = harness.free_port()
                readers = [{"periodic": {"interval": 200, "exporter": {"otlp": {"protocol": protocol, "endpoint": endpoint}}}},
                           {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": page}}}}]
                agent = self.agent(lambda document: document["service"].update(telemetry={"metrics": {"readers": readers}}))
                try:
                    self.assertEqual(self.post(request("shop", range(100))).status, 200)
                    harness.wait_until(lambda agent=agent: self.value(
                        "otelcol_exporter_sent_spans", agent, exporter="otlp_grpc") == 100, "the spans are in what is pushed")
                    with urllib.request.urlopen(f"http://127.0.0.1:{page}/metrics", timeout=harness.WATCHDOG) as answer:
                        names = set(re.findall(r"^# TYPE (\S+)", answer.read().decode(), re.MULTILINE))
                finally:
                    agent.stop()
                metric, resource = self.metrics(agent)["otelcol_exporter_sent_spans"]
                self.assertEqual((resource["service.name"], metric["sum"]["isMonotonic"],
                                  metric["sum"]["aggregationTemporality"]), ("spanring-agent", True, 2))
                (point,) = metric["sum"]["dataPoints"]
                self.assertLess(int(point["startTimeUnixNano"]), int(point["timeUnixNano"]))
                # All that the page has, by its own names but for "_total" and those that OpenTelemetry writes with dots.
                names = {name.removesuffix("_total") for name in names} - {"otel_sdk_exporter_operation_duration_seconds"}
                names |= {"otel.sdk.exporter.operation.duration", "otel.sdk.span.started"}

                def missing(agent=agent, names=names):
                    pushed = set(self.metrics(agent))
                    return names - pushed - {name.replace(".", "_") for name in pushed}
                harness.wait_until(lambda missing=missing: not missing(), "all that the page has is pushed")

    def measured(self, histogram, keys):
        self.collect(histogram)

        def change(document):
            document["connectors"] = {"spanmetrics": {"metrics_flush_interval": "200ms", **keys}}
            document["service"]["pipelines"]["traces"]["exporters"].append("spanmetrics")
            document["service"]["pipelines"]["metrics"] = {"receivers": ["spanmetrics"], "exporters": ["otlp_grpc"]}
        agent = self.agent(change)
        for service in ("shop", "stock"):
            for first in range(0, 200, 50):
                self.assertEqual(self.post(request(service, range(first, first + 50))).status, 200)
        return agent

    def test_what_spanmetrics_measures_is_what_the_collectors_own_does(self):
        agent = self.measured("", {})
        path = self.collector.received

        def calls(file):
            return sum(of_collector(whole_lines(file)).calls.values())
        pushed = path.with_name(path.name + ".metrics")
        harness.wait_until(lambda: calls(path) == 400 and calls(pushed) == 400, "both have measured all spans")
        agent.stop()  # sends for the last time
        theirs, ours = of_collector(whole_lines(path)), of_collector(whole_lines(pushed))
        self.assertEqual(ours.calls, theirs.calls)
        self.assertEqual(ours.buckets, theirs.buckets)
        for key, total in theirs.sums.items():
            self.assertAlmostEqual(ours.sums[key], total, 6)

    def test_an_exponential_histogram_is_sent_as_one(self):
        agent = self.measured(EXPONENTIAL, {"histogram": {"exponential": {}}})

        def points():
            return [point for document in self.written("metrics")[-1:] for resource in document["resourceMetrics"]
                    for scope in resource["scopeMetrics"] for metric in scope["metrics"]
                    for point in metric.get("exponentialHistogram", {}).get("dataPoints", [])]
        harness.wait_until(lambda: sum(int(point["count"]) for point in points()) == 400, "all are measured")
        agent.stop()
        self.assertEqual(len(points()), 400)  # each span has a name of its own
        for point in points():
            self.assertEqual(point["scale"], 3)
            self.assertEqual(point["positive"]["bucketCounts"], ["1"])
            # Each takes half a millisecond, which belongs to the bucket below: (2^(-9/8), 2^(-8/8)].
            self.assertEqual((point["sum"], point["positive"].get("offset")), (0.5, -9))

    def test_a_service_graph_is_sent(self):
        self.collect()

        def change(document):
            document["connectors"] = {"servicegraph": {"metrics_flush_interval": "200ms", "store": {"ttl": "600s"}}}
            document["service"]["pipelines"]["traces"]["exporters"].append("servicegraph")
            document["service"]["pipelines"]["metrics"] = {"receivers": ["servicegraph", "otlp"], "exporters": ["otlp_grpc"]}
        agent = self.agent(change)
        for service, number, more in (("shop", 1, CLIENT), ("stock", 2, SERVER + field(4, struct.pack("<Q", 2)))):
            self.assertEqual(self.post(request_of(service, [of_trace_7(number, more)])).status, 200)
        edge = {"client": "shop", "server": "stock"}
        harness.wait_until(lambda: self.value("traces_service_graph_request_total", agent, **edge) == 1, "the request is sent")
        agent.stop()
        found = self.metrics(agent)
        for side in ("client", "server"):
            metric, _ = found[f"traces_service_graph_request_{side}_seconds"]
            (point,) = metric["histogram"]["dataPoints"]
            self.assertEqual((attributes_of(point)["client"], attributes_of(point)["server"], point["count"]), ("shop", "stock", "1"))
            self.assertAlmostEqual(point["sum"], 0.0005, 9)  # seconds
        self.assertEqual(self.value("traces_service_graph_dropped_spans_total", agent), 0)


if __name__ == "__main__":
    harness.main()
