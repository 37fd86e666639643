# SPDX-License-Identifier: Apache-2.0
"""What the agent measures of spans: beside the Collector's spanmetrics connector, which gets the same spans out of the
export, and to Prometheus' own programs."""

import collections
import json
import re
import shutil
import subprocess
import unittest
import urllib.parse
import urllib.request

import harness

SERIES = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ESCAPED = re.compile(r"\\(.)")
DIMENSIONS = ["service.name", "span.name", "span.kind", "status.code", "test.key.1"]
SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
ONE_SIDE = harness.BUILD / "tests/integration/one_side"
CALLS, DURATION = "traces_span_metrics_calls_total", "traces_span_metrics_duration_milliseconds"

AGENT = """
exporters:
  otlp_grpc:
    endpoint: {endpoint}
    spool: {{enabled: false}}
connectors:
  spanmetrics:
    dimensions: [{{name: test.key.1}}]
    histogram: {{unit: {unit}}}
    exemplars: {{enabled: true}}
service:
  telemetry:
    metrics: {{address: "127.0.0.1:0"}}
"""

COLLECTOR = """
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:{port}
      http:
        endpoint: 127.0.0.1:{http_port}
connectors:
  spanmetrics:
    dimensions: [{{name: test.key.1}}]
    metrics_flush_interval: 100ms
exporters:
  file:
    path: {path}
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [spanmetrics]
    metrics:
      receivers: [spanmetrics]
      exporters: [file]
"""

GRAPH = """
exporters: {{store: }}
connectors:
  servicegraph:
    store: {{ttl: {ttl}}}
    database_name_attributes: [db.namespace]
service:
  telemetry:
    metrics: {{address: "127.0.0.1:0"}}
"""

RECEIVING = """
receivers: {{spanring: , otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{store: }}
connectors: {{spanmetrics: , servicegraph: {{store: {{ttl: 10m}}}}}}
service:
  pipelines: {{traces: {{receivers: [spanring, otlp], exporters: [store, spanmetrics, servicegraph]}}}}
  telemetry:
    metrics: {{address: "127.0.0.1:0"}}
"""

PROMETHEUS = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: spanring
    static_configs: [{{targets: ["{address}"]}}]
"""


def labels_of(text):
    return {name: ESCAPED.sub(lambda found: {"n": "\n"}.get(found.group(1), found.group(1)), value)
            for name, value in LABEL.findall(text or "")}


def value_text(value):
    (kind, found), = value.items()
    return str(found).lower() if kind == "boolValue" else str(found)


class Measured:
    """Of each combination of dimensions: calls, sum of durations in milliseconds, counts by bound."""

    def __init__(self):
        self.calls = collections.Counter()
        self.sums = collections.Counter()
        self.buckets = collections.defaultdict(collections.Counter)

    def spans(self):
        return sum(self.calls.values())


def of_page(text):
    measured = Measured()
    for line in text.splitlines():
        found = SERIES.match(line)
        if not found or not found.group(1).startswith("traces_span_metrics"):
            continue
        name, labels, value = found.group(1), labels_of(found.group(2)), float(found.group(3))
        key = tuple(labels.get(dimension.replace(".", "_")) for dimension in DIMENSIONS)
        if name == CALLS:
            measured.calls[key] += int(value)
        elif name == DURATION + "_sum":
            measured.sums[key] += value
        elif name == DURATION + "_bucket":
            measured.buckets[key][float(labels["le"])] += int(value)
    return measured


def of_collector(path):
    """What its last flush said, of all processes together: its connector keeps each resource apart."""
    lines = path.read_text().splitlines()
    measured = Measured()
    for resource in json.loads(lines[-1])["resourceMetrics"] if lines else []:
        for metric in (metric for scope in resource["scopeMetrics"] for metric in scope["metrics"]):
            points = metric.get("sum", metric.get("histogram"))["dataPoints"]
            for point in points:
                labels = {item["key"]: value_text(item["value"]) for item in point["attributes"]}
                key = tuple(labels.get(dimension) for dimension in DIMENSIONS)
                if "sum" in metric:
                    measured.calls[key] += int(point["asInt"])
                    continue
                measured.sums[key] += point.get("sum", 0)
                count = 0
                for bound, more in zip([*point["explicitBounds"], float("inf")], point["bucketCounts"]):
                    count += int(more)
                    measured.buckets[key][float(bound)] += count
    return measured


class SpanMetrics(harness.Case):
    def agent(self, collector=None, unit="ms"):
        configuration = self.workspace.unique("agent.yaml")
        endpoint = collector.endpoint if collector else f"http://127.0.0.1:{harness.free_port()}"
        configuration.write_text(AGENT.format(endpoint=endpoint, unit=unit))
        agent = self.workspace.agent("--config", configuration)
        self.address = re.search(r"metrics=http://([^/]+)/", agent.stderr()).group(1)
        return agent

    def page(self, accept="text/plain"):
        request = urllib.request.Request(f"http://{self.address}/metrics", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=harness.WATCHDOG) as answer:
            return answer.headers["Content-Type"], answer.read().decode()

    def when_measured(self, spans):
        def text():
            _, text = self.page()
            return text if of_page(text).spans() == spans else None
        return harness.wait_until(text, f"{spans} spans are measured")

    def test_the_collector_counts_the_same(self):
        collector = self.workspace.collector()
        collector.configuration.write_text(COLLECTOR.format(port=collector.port, http_port=collector.http_port,
                                                            path=collector.received))
        collector.start()
        self.agent(collector)
        for seed in range(4):
            self.workspace.producer("--count", 1000, "--seed", seed, "--service", f"service-{seed // 2}",
                                    "--flush", 60).expect(0)
        dead = self.workspace.producer("--count", 100, "--open", 7, "--hold", "--seed", 9, "--service", "dead")
        dead.wait_for_line("ready")
        dead.kill()
        # The spans that were open when it died are measured as what is exported in their place; a look counts what it drained
        # at its end, after it measured.
        ours = of_page(self.when_measured(4107))
        harness.wait_until(lambda: re.search(r"^spanring_agent_drained_spans_total 4107$", self.page()[1], re.MULTILINE),
                           "4107 spans are drained")
        theirs = harness.wait_until(lambda: (lambda measured: measured if measured.spans() == 4107 else None)(
            of_collector(collector.received)), "the Collector measured them all")
        self.assertEqual(ours.calls, theirs.calls)
        self.assertEqual(ours.buckets, theirs.buckets)
        for key, total in theirs.sums.items():
            self.assertAlmostEqual(ours.sums[key] / total if total else ours.sums[key] + 1, 1, 9)
        failed = sum(calls for key, calls in ours.calls.items() if key[0] == "dead" and key[3] == "STATUS_CODE_ERROR")
        self.assertGreaterEqual(failed, 7)

    def test_what_a_killed_agent_had_not_acknowledged_is_measured_by_the_next(self):
        agent = self.agent()  # without a backend or a spool: nothing is acknowledged
        self.workspace.producer("--count", 200).expect(0)
        self.when_measured(200)
        agent.kill()
        self.agent()
        self.when_measured(200)

    def test_it_is_what_promtool_takes(self):
        promtool = shutil.which("promtool")
        if promtool is None:
            raise unittest.SkipTest("promtool is missing (Debian's package prometheus)")
        self.agent(unit="s")
        self.workspace.producer("--count", 300, "--service", 'say "hi"\\\n').expect(0)
        checked = subprocess.run([promtool, "check", "metrics"], input=self.when_measured(300), capture_output=True,
                                 text=True, timeout=harness.WATCHDOG)
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, "", ""))

    def test_prometheus_scrapes_it_with_exemplars(self):
        program = shutil.which("prometheus")
        if program is None:
            raise unittest.SkipTest("prometheus is missing (Debian's package of that name)")
        self.agent()
        self.workspace.producer("--count", 300).expect(0)
        self.when_measured(300)
        content, text = self.page("application/openmetrics-text; version=1.0.0, text/plain; q=0.5")
        self.assertEqual(content, "application/openmetrics-text; version=1.0.0; charset=utf-8")
        shown = set(re.findall(r' # \{trace_id="([0-9a-f]{32})"', text))
        self.assertTrue(shown)
        self.assertTrue(text.endswith("\n# EOF\n"))

        configuration = self.workspace.unique("prometheus.yaml")
        configuration.write_text(PROMETHEUS.format(address=self.address))
        own = f"127.0.0.1:{harness.free_port()}"
        harness.Process(self.workspace, "prometheus", [
            program, f"--config.file={configuration}", f"--web.listen-address={own}",
            f"--storage.tsdb.path={self.workspace.unique('tsdb')}", "--enable-feature=exemplar-storage"],
            env=harness.environment())

        def ask(what, **query):
            try:
                with urllib.request.urlopen(f"http://{own}/api/v1/{what}?{urllib.parse.urlencode(query)}") as answer:
                    return json.load(answer)["data"]
            except OSError:
                return None

        def calls():
            data = ask("query", query=f"sum({CALLS})")
            return bool(data and data["result"] and data["result"][0]["value"][1] == "300")
        harness.wait_until(calls, "Prometheus knows all spans")
        found = harness.wait_until(lambda: ask("query_exemplars", query=DURATION + "_bucket", start=0, end=4e9),
                                   "Prometheus knows exemplars")
        traces = {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]}
        self.assertTrue(traces)
        self.assertLessEqual(traces, shown)

    def one_side(self, service, kind, parents, *database):
        """Spans of one side, each below one of the contexts; returns theirs."""
        process = harness.Process(self.workspace, service, [ONE_SIDE, service, kind, *database], stdin=subprocess.PIPE,
                                  env=harness.environment(SPANRING_DIR=self.workspace.segments))
        process.popen.stdin.write("".join(parent + "\n" for parent in parents).encode())
        process.end_input()
        process.expect(0)
        return process.stdout().splitlines()

    def graph(self, ttl):
        configuration = self.workspace.unique("agent.yaml")
        configuration.write_text(GRAPH.format(ttl=ttl))
        agent = self.workspace.agent("--config", configuration)
        self.address = re.search(r"metrics=http://([^/]+)/", agent.stderr()).group(1)
        return agent

    def edges(self, metric):
        found = {}
        for line in self.page()[1].splitlines():
            series = SERIES.match(line)
            if series and series.group(1) == metric:
                labels = labels_of(series.group(2))
                found[labels["client"], labels["server"], labels["connection_type"]] = float(series.group(3))
        return found

    def test_the_service_graph_joins_both_sides(self):
        agent = self.graph("10m")
        calls = self.one_side("shop", CLIENT, [""] * 20)
        self.one_side("stock", SERVER, calls)
        sent = self.one_side("shop", PRODUCER, [""] * 5)
        self.one_side("mail", CONSUMER, sent)
        self.one_side("shop", CLIENT, [""] * 3, "orders")
        wanted = {("shop", "stock", ""): 20, ("shop", "mail", "messaging_system"): 5, ("shop", "orders", "database"): 3}
        for metric in ("request_total", "request_client_seconds_count", "request_server_seconds_count"):
            harness.wait_until(lambda: self.edges("traces_service_graph_" + metric) == wanted, f"{metric} is {wanted}")
        self.assertEqual(self.edges("traces_service_graph_unpaired_spans_total"), {})
        self.assertIn("\ntraces_service_graph_dropped_spans_total 0\n", self.page()[1])
        agent.stop()

        self.graph("50ms")
        self.one_side("shop", CLIENT, [""] * 4)
        wanted = {("shop", "", ""): 4}
        harness.wait_until(lambda: self.edges("traces_service_graph_unpaired_spans_total") == wanted,
                           "clients whose server never came are counted")

    def test_what_comes_by_otlp_is_measured_and_joined_with_what_is_in_segments(self):
        configuration = self.workspace.unique("agent.yaml")
        port = harness.free_port()
        configuration.write_text(RECEIVING.format(port=port))
        agent = self.workspace.agent("--config", configuration)
        self.address = re.search(r"metrics=http://([^/]+)/", agent.stderr()).group(1)
        traces = [f"{number:032x}" for number in range(1, 11)]
        spans = [{"traceId": trace, "spanId": trace[16:], "name": "GET", "kind": CLIENT,
                  "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000003000000"} for trace in traces]
        body = {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "node"}}]},
                                   "scopeSpans": [{"spans": spans}]}]}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=harness.WATCHDOG) as answer:
            self.assertEqual(answer.status, 200)
        self.one_side("stock", SERVER, [f"00-{trace}-{trace[16:]}-01" for trace in traces])
        measured = of_page(self.when_measured(20))
        self.assertEqual(measured.calls["node", "GET", "SPAN_KIND_CLIENT", "STATUS_CODE_UNSET", None], 10)
        self.assertEqual(measured.sums["node", "GET", "SPAN_KIND_CLIENT", "STATUS_CODE_UNSET", None], 30)
        harness.wait_until(lambda: self.edges("traces_service_graph_request_total") == {("node", "stock", ""): 10},
                           "both sides are joined")

    def test_it_is_off_unless_asked_for(self):
        agent = self.workspace.agent("--exporter", "store", "--metrics-address", "127.0.0.1:0")
        self.address = re.search(r"metrics=http://([^/]+)/", agent.stderr()).group(1)
        self.workspace.producer("--count", 10, "--flush", 60).expect(0)
        self.assertNotIn("traces_span_metrics", self.page()[1])


if __name__ == "__main__":
    harness.main()
