# SPDX-License-Identifier: Apache-2.0
"""Logs and metrics are passed on as they came: taken once, answered when they are delivered or on disk, and never lost
once they are answered. The backend is the Collector; an SDK as the sender: tests/bindings/other_signals_sdk_test.py.
"""

import gzip
import http.client
import http.server
import itertools
import json
import signal as signals
import subprocess
import threading
import urllib.request

import harness
from other_signals import EXPORT, PARTS, SignalReceiving, around, items_of, log_record, metric, request
from receiving import FAILING_AGENT, deaf_backend, field, varint

GRPC_CLIENT = harness.BUILD / "tests/integration/grpc_client"
SIGNALS = ("logs", "metrics")


class Passed(SignalReceiving):
    def test_both_arrive_as_they_were_sent(self):
        self.collector.start()
        for kind in ("otlp_grpc", "otlp_http"):
            with self.subTest(exporter=kind):
                agent = self.workspace.agent("--config", self.configuration({"timeout": "30s"}, kind=kind))  # each once
                try:
                    for signal in SIGNALS:
                        numbers = range(50) if kind == "otlp_grpc" else range(50, 100)
                        answer = self.post_signal(signal, request(signal, "shop", numbers))
                        self.assertEqual((answer.status, answer.body), (200, b""), answer.body)
                        packed = self.post_signal(signal, gzip.compress(request(signal, "shop", [numbers[0] + 1000])),
                                                  Content_Encoding="gzip")
                        self.assertEqual(packed.status, 200)
                        arrived = self.all_arrive(signal, [*numbers, numbers[0] + 1000])
                        self.assertEqual(len(arrived), len(set(arrived)))  # each once
                finally:
                    agent.stop()
        for signal in SIGNALS:  # the request as a whole, to the last field
            direct = self.collector.port, request(signal, "direct", [7])
            connection = http.client.HTTPConnection("127.0.0.1", self.collector.http_port, timeout=harness.WATCHDOG)
            connection.request("POST", f"/v1/{signal}", direct[1], {"Content-Type": "application/x-protobuf"})
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
            agent = self.workspace.agent("--config", self.configuration())
            self.assertEqual(self.post_signal(signal, direct[1]).status, 200)
            agent.stop()

            def copies(signal=signal):
                return [each for each in self.written(signal) if '"direct"' in json.dumps(each)]
            harness.wait_until(lambda copies=copies: len(copies()) == 2, "both are there")
            self.assertEqual(*copies())

    def test_json_becomes_the_same(self):
        """Every kind of point, by the Collector's word: what it wrote is sent as JSON, and it writes it again."""
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        point = {"startTimeUnixNano": "1", "timeUnixNano": "2", "attributes": [{"key": "a", "value": {"intValue": "-3"}}]}
        exemplar = {"timeUnixNano": "2", "asDouble": 0.5, "spanId": "eee19b7ec3c1b174",
                    "traceId": "5b8efff798038103d269b633813fc60c"}
        metrics = [
            {"name": "g", "description": "d", "unit": "s", "gauge": {"dataPoints": [{**point, "asDouble": 1.5}]}},
            {"name": "s", "sum": {"aggregationTemporality": 2, "isMonotonic": True,
                                  "dataPoints": [{**point, "asInt": "-9223372036854775808", "exemplars": [exemplar]}]}},
            {"name": "h", "histogram": {"aggregationTemporality": 1, "dataPoints": [
                {**point, "count": "3", "sum": 4.5, "min": 1, "max": 2.5, "bucketCounts": ["1", "0", "2"],
                 "explicitBounds": [1.25, 10]}]}},
            {"name": "e", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [
                {**point, "count": "6", "scale": -2, "zeroCount": "1", "zeroThreshold": 0.001,
                 "positive": {"offset": -7, "bucketCounts": ["1", "18446744073709551615"]},
                 "negative": {"bucketCounts": ["4"]}}]}},
            {"name": "q", "summary": {"dataPoints": [{**point, "count": "2", "sum": 3,
                                                      "quantileValues": [{"quantile": 0.5, "value": 1.5}]}]}}]
        record = {"timeUnixNano": "5", "observedTimeUnixNano": "6", "severityNumber": 13, "severityText": "WARN",
                  "body": {"kvlistValue": {"values": [{"key": "k", "value": {"arrayValue": {"values": [
                      {"boolValue": True}, {"bytesValue": "AQI="}]}}}]}},
                  "attributes": [{"key": "x", "value": {"doubleValue": 0.25}}], "flags": 1, "eventName": "e",
                  "droppedAttributesCount": 2, "traceId": exemplar["traceId"], "spanId": exemplar["spanId"]}
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "json"}}]}
        documents = {
            "logs": {"resourceLogs": [{"resource": resource, "scopeLogs": [
                {"scope": {"name": "n", "version": "1"}, "logRecords": [record]}], "schemaUrl": "https://u"}]},
            "metrics": {"resourceMetrics": [{"resource": resource, "scopeMetrics": [
                {"scope": {"name": "n"}, "metrics": metrics}]}]}}
        for signal in SIGNALS:
            answer = self.post_signal(signal, json.dumps({**documents[signal], "unknown": [{}]}),
                                      Content_Type="application/json")
            self.assertEqual((answer.status, json.loads(answer.body)), (200, {}))
            connection = http.client.HTTPConnection("127.0.0.1", self.collector.http_port, timeout=harness.WATCHDOG)
            connection.request("POST", f"/v1/{signal}", json.dumps(documents[signal]),
                               {"Content-Type": "application/json"})
            self.assertEqual(connection.getresponse().status, 200)
            connection.close()
            harness.wait_until(lambda signal=signal: len(self.written(signal)) == 2, "both are there")
            ours, theirs = self.written(signal)
            if signal == "logs":  # these two the Collector 0.161 does not read out of JSON
                self.assertEqual(ours["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0].pop("eventName"), "e")
            else:
                (point,) = ours["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][3]["exponentialHistogram"]["dataPoints"]
                self.assertEqual(point.pop("zeroThreshold"), 0.001)
            self.assertEqual(ours, theirs)
            refused = self.post_signal(signal, '{"%s": 7}' % ("resourceLogs" if signal == "logs" else "resourceMetrics"),
                                       Content_Type="application/json")
            self.assertEqual(refused.status, 400)
            self.assertIn("ExportLogsServiceRequest" if signal == "logs" else "ExportMetricsServiceRequest",
                          json.loads(refused.body)["message"])
        agent.stop()

    def test_grpc_takes_all_services(self):
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        for signal in SIGNALS:
            self.assertEqual(self.call(signal, request(signal, "shop", range(5))), 0)
            self.all_arrive(signal, range(5))
        agent.stop()

    def call(self, signal, body):
        """One call by gRPC's own library; its status."""
        result = subprocess.run([GRPC_CLIENT, f"127.0.0.1:{self.grpc_port}"], capture_output=True, text=True,
                                input=f"{EXPORT[signal]} none {body.hex()}\n", timeout=harness.WATCHDOG, check=True)
        return int(result.stdout.split()[0])

    def test_without_a_pipeline_they_are_refused(self):
        agent = self.workspace.agent("--config", self.configuration(signals=("logs",)))
        answer = self.post_signal("metrics", request("metrics", "shop", [1]))
        self.assertEqual(answer.status, 404)
        self.assertIn(b"there is only /v1/traces, /v1/logs", answer.body)
        self.assertEqual(self.call("metrics", request("metrics", "shop", [1])), 12)  # UNIMPLEMENTED
        agent.stop()

    def test_what_is_no_request_is_told_so_and_the_rest_goes_on(self):
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration({"timeout": "30s"}))
        for signal in SIGNALS:
            self.assertEqual(self.post_signal(signal, b"no protobuf").status, 400)
            good = log_record(1) if signal == "logs" else metric(1)
            partly = self.post_signal(signal, around("shop", [good, b"\xff"]))
            self.assertEqual(partly.status, 200)
            self.assertEqual(partly.body[:4], b"\x0a" + varint(len(partly.body) - 2) + b"\x08\x01")  # one was rejected
            self.assertEqual(self.all_arrive(signal, [1]), [1])
        answer = self.post_signal("metrics", around("shop", [metric(5, points=0)]))
        self.assertEqual(answer.status, 200)  # it says nothing
        agent.stop()

    def test_an_order_for_a_pipeline_alone(self):
        """The receiver is in the pipeline of logs and not in that of traces."""
        self.collector.start()
        file = self.configuration(signals=("logs",))
        document = json.loads(file.read_text())
        document["service"]["pipelines"]["traces"]["receivers"] = ["spanring"]
        file.write_text(json.dumps(document))
        agent = self.workspace.agent("--config", file)
        self.assertEqual(self.post(b"", path="/v1/traces").status, 404)
        self.assertEqual(self.post_signal("logs", request("logs", "shop", [3])).status, 200)
        self.all_arrive("logs", [3])
        agent.stop()


class Counted(SignalReceiving):
    def metrics(self, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=harness.WATCHDOG) as page:
            lines = page.read().decode().splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))

    def test_the_collectors_names_and_the_status(self):
        self.collector.start()
        port = harness.free_port()
        agent = self.workspace.agent("--config", self.configuration(), "--metrics-address", f"127.0.0.1:{port}")
        for signal in SIGNALS:
            self.assertEqual(self.post_signal(signal, request(signal, "shop", range(7))).status, 200)
            part, items = PARTS[signal], items_of(signal, range(7))
            self.all_arrive(signal, range(7))
            accepted = f'otelcol_receiver_accepted_{part}_total{{receiver="otlp",transport="http"}}'
            sent = f'otelcol_exporter_sent_{part}_total{{exporter="otlp_grpc"}}'

            def counted(accepted=accepted, sent=sent, items=items):
                page = self.metrics(port)
                return [float(page.get(name, -1)) for name in (accepted, sent)] == [items, items]
            harness.wait_until(counted, f"{signal} are counted")
        rows = {row["name"]: row for row in json.loads(self.workspace.command("status", "--json"))["exporters"]}
        self.assertEqual([rows[name]["exported"] for name in ("otlp_grpc", "logs/otlp_grpc", "metrics/otlp_grpc")],
                         [0, 7, 14])
        agent.stop()


class Paused(SignalReceiving):
    def test_one_of_them_or_all(self):
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        self.workspace.command("exporter", "pause", "logs/otlp_grpc")
        for signal in SIGNALS:
            self.assertEqual(self.post_signal(signal, request(signal, "shop", [1])).status, 200)
        self.all_arrive("metrics", [1])
        self.assertEqual(self.numbers("logs"), [])
        self.workspace.command("exporter", "resume", "logs/otlp_grpc")
        self.all_arrive("logs", [1])
        self.workspace.command("exporter", "pause", "otlp_grpc")
        for signal in SIGNALS:
            self.assertEqual(self.post_signal(signal, request(signal, "shop", [2])).status, 200)
        rows = {row["name"]: row["paused"] for row in json.loads(self.workspace.command("status", "--json"))["exporters"]}
        self.assertEqual(set(rows.values()), {True}, rows)
        self.workspace.command("exporter", "resume", "otlp_grpc")
        for signal in SIGNALS:
            self.all_arrive(signal, [1, 2])
        agent.stop()


class Trouble(SignalReceiving):
    def test_a_dead_backend_is_answered_for_by_the_spool(self):
        agent = self.workspace.agent("--config", self.configuration())
        for signal, number in itertools.product(SIGNALS, range(20)):
            self.assertEqual(self.post_signal(signal, request(signal, "shop", [number])).status, 200)
        agent.kill()
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        for signal in SIGNALS:
            self.all_arrive(signal, range(20))
        agent.stop()

    def test_a_backend_that_never_answers_delays_no_answer(self):
        agent = self.workspace.agent("--config", self.configuration(deaf_backend(self)))
        for signal, number in itertools.product(SIGNALS, range(5)):
            self.assertEqual(self.post_signal(signal, request(signal, "shop", [number])).status, 200)
        for signal in SIGNALS:
            self.assertEqual(len(self.kept(signal)), 5)
        agent.kill()
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        for signal in SIGNALS:
            self.all_arrive(signal, range(5))
            harness.wait_until(lambda signal=signal: self.kept(signal) == [], "their files are gone")
        agent.stop()

    def test_under_pressure_it_says_when_to_come_back(self):
        for signal in SIGNALS:
            with self.subTest(signal=signal):
                agent = self.workspace.agent("--config", self.configuration(deaf_backend(self), queue_size="1MiB", http={
                    "max_request_body_size": "1MiB"}, grpc={"max_recv_msg_size_mib": 1}))
                try:
                    numbers, taken = itertools.count(), 0
                    while True:
                        answer = self.post_signal(signal, request(signal, "shop", [next(numbers) for _ in range(2000)]))
                        if answer.status != 200:
                            break
                        taken += 2000
                    self.assertEqual((answer.status, answer.headers["Retry-After"]), (429, "1"))
                    self.assertGreater(taken, 0)
                finally:
                    agent.kill()
                if self.collector.process is None:
                    self.collector.start()
                agent = self.workspace.agent("--config", self.configuration())
                try:
                    self.all_arrive(signal, range(taken))
                finally:
                    agent.stop()

    def test_kill_9_in_the_middle_loses_nothing_that_was_answered(self):
        self.collector.start()
        configuration = self.configuration()
        agent = self.workspace.agent("--config", configuration)
        answered, numbers = {signal: [] for signal in SIGNALS}, itertools.count()
        lock, done = threading.Lock(), threading.Event()

        def send(signal):
            connection = self.connect()
            while not done.is_set():
                with lock:
                    mine = [next(numbers) for _ in range(20)]
                try:
                    if self.post_signal(signal, request(signal, "shop", mine), connection).status == 200:
                        with lock:
                            answered[signal].extend(mine)
                except (OSError, http.client.HTTPException):
                    connection.close()
                    done.wait(0.01)  # the next agent listens soon
            connection.close()
        senders = [threading.Thread(target=send, args=(signal,)) for signal in SIGNALS * 2]
        for sender in senders:
            sender.start()
        try:
            for kills in range(1, 6):
                harness.wait_until(lambda: all(len(each) >= kills * 200 for each in answered.values()),
                                   "requests are answered")
                agent.kill()
                agent = self.workspace.agent("--config", configuration)
            harness.wait_until(lambda: all(len(each) >= 1200 for each in answered.values()), "requests are answered")
        finally:
            done.set()
            for sender in senders:
                sender.join()
        for signal in SIGNALS:
            self.all_arrive(signal, answered[signal])
        agent.stop()

    STEPS = (("received_submitted", 3, False), ("received_written", 3, False), ("received_file", 2, True),
             ("received_written", 2, True))

    def test_a_kill_at_each_step_loses_nothing_that_was_answered(self):
        self.collector.start()
        silent = deaf_backend(self)
        numbers, answered = itertools.count(), []
        for step, passage, kept in self.STEPS:
            with self.subTest(step=step, kept=kept):
                agent = self.workspace.start_agent("--config", self.configuration(silent if kept else None),
                                                   program=FAILING_AGENT, env={"SPANRING_KILL_AT": f"{step}:{passage}"})
                agent.wait_for_line("spanring-agent ready:", stream="stderr")
                while agent.running():
                    mine = [next(numbers) for _ in range(10)]
                    try:
                        if self.post_signal("logs", request("logs", "shop", mine)).status == 200:
                            answered += mine
                    except (OSError, http.client.HTTPException):
                        pass
                agent.expect(-signals.SIGKILL)
                agent = self.workspace.agent("--config", self.configuration())
                try:
                    self.all_arrive("logs", answered)
                    harness.wait_until(lambda: self.kept("logs") == [], "no file is left")
                finally:
                    agent.stop()


class Backend(http.server.BaseHTTPRequestHandler):
    """Rejects some, in the words of each signal; then all."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = field(1, b"\x08\x03" + field(2, b"three are too many"))
        status = 200 if self.server.takes else 400
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Rejected(SignalReceiving):
    def test_partial_success_comes_back_to_the_sender(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
        server.takes = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        # Long enough for each answer: what is told late is told to nobody.
        agent = self.workspace.agent("--config", self.configuration(
            {"endpoint": f"http://127.0.0.1:{server.server_port}"}, kind="otlp_http", answer_after="60s"))
        for signal, takes in itertools.product(SIGNALS, (True, False)):
            server.takes = takes
            answer = self.post_signal(signal, request(signal, "shop", range(4)))
            self.assertEqual(answer.status, 200)
            rejected = 3 if takes else items_of(signal, range(4))
            self.assertEqual(answer.body[:4], b"\x0a" + varint(len(answer.body) - 2) + b"\x08" + bytes([rejected]))
        agent.stop()


if __name__ == "__main__":
    harness.main()
