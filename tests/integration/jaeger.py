# SPDX-License-Identifier: Apache-2.0
"""Jaeger, the backend, in one process: OTLP in, its memory, and what its query API finds there."""

import json
import urllib.parse
import urllib.request

import harness
import otlp_json

JAEGER = harness.BUILD / "jaeger/jaeger"
MOST_TRACES = 100_000
WARNINGS = "@jaeger@warnings"


class Jaeger:
    """Its query API in both forms: OTLP (/api/v3), and that of its page (/api)."""

    def __init__(self, workspace, receivers=None):
        """`receivers`: others beside OTLP, of the Collector's that it has in it."""
        harness.build_go("jaeger", JAEGER)
        grpc, http, query, query_grpc = (f"127.0.0.1:{harness.free_port()}" for _ in range(4))
        self.endpoint, self.http_endpoint, self.query = f"http://{grpc}", f"http://{http}", f"http://{query}"
        receivers = {"otlp": {"protocols": {"grpc": {"endpoint": grpc}, "http": {"endpoint": http}}}, **(receivers or {})}
        exporters = {"jaeger_storage_exporter": {"trace_storage": "memory"}}
        extensions = {"jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": MOST_TRACES}}}},
                      "jaeger_query": {"storage": {"traces": "memory"}, "http": {"endpoint": query},
                                       "grpc": {"endpoint": query_grpc}}}
        configuration = workspace.unique("jaeger.yaml")
        configuration.write_text(json.dumps({
            "receivers": receivers, "exporters": exporters, "extensions": extensions,
            "service": {"extensions": list(extensions), "telemetry": {"metrics": {"level": "none"}},
                        "pipelines": {"traces": {"receivers": list(receivers), "exporters": list(exporters)}}}}))
        self.process = harness.Process(workspace, "jaeger", [JAEGER, "--config", f"file:{configuration}"], env=harness.environment())
        harness.wait_until(self.answers, "Jaeger answers")

    def answers(self):
        if not self.process.running():
            raise AssertionError(f"Jaeger ended: {self.process.stderr()}")
        try:
            self.services()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.stop()

    def get(self, path, **parameters):
        with urllib.request.urlopen(f"{self.query}/api/{path}?{urllib.parse.urlencode(parameters)}",
                                    timeout=harness.WATCHDOG) as answer:
            return otlp_json.load(answer.read())

    def services(self):
        return sorted(self.get("v3/services").get("services", []))

    def of_service(self, service):
        """All of its spans, each with those that arrived under its ids, as they are stored."""
        found = otlp_json.spans_of(self.get("v3/traces", **{
            "query.service_name": service, "query.num_traces": MOST_TRACES, "query.raw_traces": "true",
            "query.start_time_min": "2001-01-01T00:00:00Z", "query.start_time_max": "2100-01-01T00:00:00Z"})["result"])
        return otlp_json.by_identity(span for span in found if service_of(span) == service)

    def trace(self, trace_id):
        return otlp_json.by_identity(otlp_json.spans_of(self.get(f"v3/traces/{trace_id}", raw_traces="true")["result"]))

    def on_page(self, trace_id):
        """The trace as the page gets it: its spans by their names, with their processes, and with tags as a mapping."""
        (trace,) = self.get(f"traces/{trace_id}")["data"]
        return {span["operationName"]: {**span, "tags": tags_of(span), "process": trace["processes"][span["processID"]]}
                for span in trace["spans"]}

    def searched(self, service, **tags):
        """The ids of the traces that the page's search finds."""
        found = self.get("traces", service=service, tags=json.dumps(tags), limit=MOST_TRACES)["data"]
        return {trace["traceID"] for trace in found or []}


def tags_of(owner):
    return {tag["key"]: tag["value"] for tag in owner["tags"]}


def service_of(span):
    return otlp_json.plain_attributes(span.resource)["service.name"][1]


def as_kept(wanted, got):
    """What its memory makes of the spans of records(), and what it gave out without its own remarks. It keeps no schema URL
    (internal/storage/v2/memory/memory.go, reshuffleScopeSpans), and a span that ends when it starts gets a nanosecond
    and a warning (internal/jptrace/sanitizer)."""
    kept = {identity: ({**span, "schema_url": "", "end": end_of(span)}, resource) for identity, (span, resource) in wanted.items()}
    for span in (one for spans in got.values() for one in spans):
        attributes = span.fields.get("attributes", [])
        span.fields["attributes"] = [one for one in attributes if one["key"] != WARNINGS]
        lasts = int(span.fields["endTimeUnixNano"]) - int(span.fields["startTimeUnixNano"])
        if len(span.fields["attributes"]) != len(attributes) and lasts != 1:
            raise AssertionError(f"Jaeger warns of a span: {attributes}")
    return kept, got


def end_of(span):
    exact, after, before = span["end"]
    return [exact + 1 if exact and exact == span["start"][0] else exact, after, before]
