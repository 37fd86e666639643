# SPDX-License-Identifier: Apache-2.0
"""Logs and metrics for tests: requests made by hand, a Collector that takes them, and what it wrote."""

import json
import struct

import harness
from receiving import HttpReceiving, field

EXPORT = {"logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
          "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"}
PARTS = {"logs": "log_records", "metrics": "metric_points"}

COLLECTOR = """
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{port}"}}
      http: {{endpoint: "127.0.0.1:{http_port}"}}
exporters:
  file: {{path: {path}, rotation: {{max_megabytes: 1000000}}}}
  file/logs: {{path: {path}.logs, rotation: {{max_megabytes: 1000000}}}}
  file/metrics: {{path: {path}.metrics, rotation: {{max_megabytes: 1000000}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [file]}}
    logs: {{receivers: [otlp], exporters: [file/logs]}}
    metrics: {{receivers: [otlp], exporters: [file/metrics]}}
"""


def attribute(key, value):
    return field(1, key.encode()) + field(2, field(1, value.encode()))


def around(service, elements, instance="1"):
    """What is around elements of either kind, as it is around spans; with fields of a later version of OTLP."""
    resource = field(1, attribute("service.name", service)) + field(1, attribute("service.instance.id", instance))
    scope = field(1, field(1, b"test") + field(2, b"1.2")) + b"".join(field(2, one) for one in elements)
    return field(1, field(1, resource) + field(2, scope + field(3, b"https://scope")) + field(3, b"https://resource"))


def log_record(number):
    return (b"\x09" + struct.pack("<Q", 1_700_000_000_000_000_000 + number) + b"\x10\x09" + field(3, b"INFO") +
            field(5, field(1, f"line {number}".encode())) + field(6, attribute("n", str(number))))


def metric(number, points=2):
    """A sum: its points are what is counted."""
    def point(which):
        return (b"\x19" + struct.pack("<Q", 1_700_000_000_000_000_000 + number) + b"\x31" + struct.pack("<q", number) +
                field(7, attribute("which", str(which))))
    return (field(1, f"metric.{number}".encode()) + field(3, b"1") +
            field(7, b"".join(field(1, point(which)) for which in range(points)) + b"\x10\x02\x18\x01"))


def request(signal, service, numbers):
    return around(service, [(log_record if signal == "logs" else metric)(number) for number in numbers])


def items_of(signal, numbers):
    return len(numbers) * (1 if signal == "logs" else 2)


class SignalReceiving(HttpReceiving):
    """With a Collector that takes all three, and pipelines of the two that are not spans."""

    def setUp(self):
        super().setUp()
        self.collector.configuration.write_text(COLLECTOR.format(
            port=self.collector.port, http_port=self.collector.http_port, path=self.collector.received))
        self.grpc_port = harness.free_port()

    def configuration(self, exporter=None, kind="otlp_grpc", signals=("logs", "metrics"), **receiver):
        endpoint = self.collector.endpoint if kind == "otlp_grpc" else self.collector.http_endpoint
        options = {"endpoint": endpoint, "timeout": "2s",
                   "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"}, **(exporter or {})}
        protocols = {"http": {"endpoint": f"127.0.0.1:{self.port}", **receiver.pop("http", {})},
                     "grpc": {"endpoint": f"127.0.0.1:{self.grpc_port}", **receiver.pop("grpc", {})}}
        pipelines = {name: {"receivers": ["otlp"], "exporters": [kind]} for name in signals}
        pipelines["traces"] = {"receivers": ["spanring", "otlp"], "exporters": [kind]}
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps({"receivers": {"spanring": None, "otlp": {"protocols": protocols, **receiver}},
                                    "exporters": {kind: options}, "service": {"pipelines": pipelines}}))
        return file

    def post_signal(self, signal, body, connection=None, **headers):
        return self.post(body, connection, path=f"/v1/{signal}", **headers)

    def written(self, signal):
        """The documents of the Collector's file, whole lines alone."""
        path = self.collector.received.with_name(self.collector.received.name + "." + signal)
        content = path.read_bytes() if path.exists() else b""
        return [json.loads(line) for line in content.split(b"\n")[:-1]]

    def elements(self, signal):
        outer, inner, leaf = (("resourceLogs", "scopeLogs", "logRecords") if signal == "logs" else
                              ("resourceMetrics", "scopeMetrics", "metrics"))
        return [element for document in self.written(signal) for resource in document[outer]
                for scope in resource[inner] for element in scope[leaf]]

    def numbers(self, signal):
        if signal == "logs":
            return [int(each["body"]["stringValue"].split()[1]) for each in self.elements(signal)]
        return [int(each["name"].split(".")[1]) for each in self.elements(signal)]

    def all_arrive(self, signal, numbers):
        wanted = set(numbers)
        harness.wait_until(lambda: wanted <= set(self.numbers(signal)), f"all {signal} that were answered arrive")
        return self.numbers(signal)

    def kept(self, signal):
        folder = self.workspace.state / "received" / signal
        return list(folder.iterdir()) if folder.exists() else []
