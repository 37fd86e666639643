# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's API for Python on spanring: one program, run with the SDK and with spanring, exports the same, field by field,
but for what DIFFERS names; children of every kind lose no span; and a Flask application under gunicorn and jobs of Celery, one of whose
workers is killed under load, lose none either, and none arrives twice. The same application with the SDK says what that loses.

SPANRING_PYTHON is the interpreter of an environment with both (bindings/python/test.sh makes it).
"""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402
from exported_span import scope_of, span_of  # noqa: E402
from killed_service import Arriving, KilledService  # noqa: E402

PYTHON = pathlib.Path(os.environ["SPANRING_PYTHON"])
PROGRAMS = harness.SOURCE / "bindings/python/tests"
HOUR = 3600 * 10**9
MILLISECOND = 1_000_000
W3C = 0xff  # the flags: the SDK exports them neither of spans nor of links
OF_THE_SDK = re.compile(r'  File "[^"]*/opentelemetry/[^"]*", line .*\n    .*\n')  # what of it is between a block and its error
TRACEBACK = "Traceback (most recent call last):\n"

# Span and field: what the SDK says, and what spanring says instead.
DIFFERS = {
    # A span does not end before it starts.
    ("backwards", "times"): ((9, 3), (9, 9)),
}

CLIENTS = 8
WORKERS, THREADS = 2, 4
BEFORE_THE_KILL, AFTER = 300, 150
JOBS = 50  # of Celery


class Semantics(Arriving):
    def setUp(self):
        super().setUp()
        self.begin = time.time_ns() - HOUR
        self.limit = None

    def run_with(self, which, environment):
        answer = subprocess.run([PYTHON, PROGRAMS / "semantics.py", which, str(self.begin)], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=harness.WATCHDOG,
                                env=harness.environment(SPANRING_DIR=self.workspace.segments, OTEL_SERVICE_NAME=which,
                                                        OTEL_EXPORTER_OTLP_ENDPOINT=self.collector.http_endpoint, **environment))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        (sent,) = [line.split(" ", 2)[1:] for line in answer.stdout.splitlines() if line.startswith("sent ")]
        return sent

    def when(self, time_ns):
        """Milliseconds after the beginning where the program said it; what the clock said is "now"."""
        since = int(time_ns) - self.begin
        return "now" if since > HOUR // 2 else since // MILLISECOND

    def normal(self, spans):
        names = {span["spanId"]: span["name"] for span in spans}
        self.assertEqual(len({span["name"] for span in spans}), len(spans), "each name is there once")
        found = {}
        for span in spans:
            one = span_of(span, names)
            one["flags"] &= ~W3C
            keys = [key for key, _ in one["attributes"]]
            self.assertEqual(len(keys), len(set(keys)))
            one["attributes"] = dict(one["attributes"])
            one["times"] = tuple(map(self.when, one["times"]))
            for event in one["events"]:
                event["time"] = self.when(event["time"])
                trace = event["attributes"].get("exception.stacktrace")
                if trace:
                    event["attributes"]["exception.stacktrace"] = OF_THE_SDK.sub("", trace) if self.limit is None else TRACEBACK
                    self.assertTrue(trace.startswith(TRACEBACK))
            for link in one["links"]:
                link["flags"] &= ~W3C
                # The SDK does not export it.
                self.assertIn(link.pop("state"), ("", "vendor=1,other=x y"))
            found[span["name"]] = one
        return found

    def test_it_is_that_of_the_sdk(self):
        self.assertNotIn("unsampled", self.compare_runs())

    def test_it_is_that_of_the_sdk_under_other_limits(self):
        self.limit = 64
        self.compare_runs(OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="25", OTEL_SPAN_EVENT_COUNT_LIMIT="2", OTEL_SPAN_LINK_COUNT_LIMIT="2",
                          OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=str(self.limit))

    def test_it_is_that_of_the_sdk_under_another_sampler(self):
        self.assertIn("unsampled", self.compare_runs(OTEL_TRACES_SAMPLER="always_on"))

    def compare_runs(self, **environment):
        """The spans of both, by name."""
        sent_by_sdk = self.run_with("sdk", environment)
        sent = self.run_with("spanring", environment)
        self.workspace.accounting()
        self.collector.stop()
        self.received.read()
        spans = {"sdk": [], "spanring": []}
        for span in self.received.spans:
            (service,) = [pair["value"]["stringValue"] for pair in span.resource["attributes"] if pair["key"] == "service.name"]
            spans[service].append(span)
        scopes = [{json.dumps(scope_of(span.scope, span.schema_url)) for span in found} for found in spans.values()]
        self.assertEqual(*scopes)
        self.assertEqual(len(scopes[0]), 1)
        wanted = self.normal([span.fields for span in spans["sdk"]])
        got = self.normal([span.fields for span in spans["spanring"]])
        self.assertEqual(got.keys(), wanted.keys())
        for name, span in wanted.items():
            for field, value in span.items():
                with self.subTest(name, field=field):
                    self.compare(name, field, value, got[name][field])
        # The same but for the id of the span that sends.
        self.assertEqual((sent[0][:36], sent[0][52:], sent[1]), (sent_by_sdk[0][:36], sent_by_sdk[0][52:], sent_by_sdk[1]))
        return got

    def compare(self, name, field, of_sdk, of_spanring):
        if (name, field) in DIFFERS:
            self.assertEqual((of_sdk, of_spanring), DIFFERS[name, field])
        elif name == "beyond the limits" and field in ("attributes", "events"):
            key = (lambda one: one["name"]) if field == "events" else str
            said = [f"{field[0] if field == 'events' else 'k'}{i}" for i in range(129 if field == "events" else 130)] + ["one more"]
            self.keeps_others(said, list(map(key, of_sdk)), list(map(key, of_spanring)))
        elif name == "beyond the limits" and field == "links":
            self.assertEqual(len(of_spanring), len(of_sdk))
            self.assertEqual((len(of_spanring[0]["attributes"]), of_spanring[0]["dropped"]), (128, 2), "the first one said")
            self.assertEqual(of_spanring[1:], of_sdk[1:])
        elif name == "a long event" and field == "events":
            (of_sdk,), (of_spanring,) = of_sdk, of_spanring
            self.keeps_others([f"k{i}" for i in range(131)], list(of_sdk.pop("attributes")), list(of_spanring.pop("attributes")))
            self.same(of_sdk, of_spanring)
        else:
            if name == "long texts" and field == "attributes":
                # Specification, common/attribute limits: bytes are cut as well.
                of_sdk["list"][1] = of_sdk["list"][1][:self.limit]
            self.same(of_sdk, of_spanring)

    def keeps_others(self, said, of_sdk, of_spanring):
        """Of too many the SDK keeps those that came last; spanring, as the specification says, those that came first."""
        count = len(of_sdk)
        self.assertLess(count, len(said))
        self.assertEqual(of_spanring, said[:count])
        self.assertEqual(of_sdk, said[-count:])

    def same(self, of_sdk, of_spanring):
        if of_spanring != of_sdk:  # not by a difference of texts: of long lists that takes minutes
            self.fail(f"spanring says {of_spanring}\nand the SDK {of_sdk}")


class Processes(KilledService):
    def test_children_of_every_kind_lose_no_span(self):
        witness = self.workspace.unique("witness")
        program = harness.Process(self.workspace, "processes", [PYTHON, PROGRAMS / "processes.py", witness], env=harness.environment(
            SPANRING_DIR=self.workspace.segments, OTEL_PYTHON_TRACER_PROVIDER="spanring"))
        program.expect(0)
        self.assertEqual(witness.read_text().count("end "), 301)
        self.account(witness, 0)


class Gunicorn(KilledService):
    """Two workers of four threads, and eight clients; opentelemetry-instrument has set everything up before they are forked."""

    def serve(self, **variables):
        witness, held = self.workspace.unique("witness"), self.workspace.unique("held")
        port = harness.free_port()
        command = [PYTHON.parent / "opentelemetry-instrument", PYTHON.parent / "gunicorn", "--workers", WORKERS, "--threads", THREADS,
                   "--bind", f"127.0.0.1:{port}", "--chdir", PROGRAMS, "--worker-tmp-dir", self.workspace.folder, "shop:application"]
        server = harness.Process(self.workspace, "gunicorn", command, env=harness.environment(
            WITNESS=witness, HELD=held, OTEL_SERVICE_NAME="shop", OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none", **variables))
        self.answers = 0
        self.stopping = threading.Event()
        clients = [threading.Thread(target=self.client, args=(port,)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            self.answered(server, BEFORE_THE_KILL)
            holder = threading.Thread(target=self.ask, args=(port, "/held"))
            holder.start()
            harness.wait_until(lambda: held.exists() and held.read_text().endswith("\n"), "a request is held")
            os.kill(int(held.read_text()), signal.SIGKILL)
            holder.join()
            self.answered(server, self.answers + AFTER)
        finally:
            self.stopping.set()
            for client in clients:
                client.join()
        server.stop()
        return witness

    def answered(self, server, count):
        harness.wait_until(lambda: self.answers >= count or not server.running(), f"{count} requests are answered")
        self.assertTrue(server.running(), server.stderr())

    def client(self, port):
        while not self.stopping.is_set():
            if self.ask(port, f"/orders/{self.answers}"):
                self.answers += 1
            else:
                self.stopping.wait(0.05)  # it does not listen yet, or was killed

    @staticmethod
    def ask(port, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.WATCHDOG)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def test_a_kill_under_load_loses_no_span_and_repeats_none(self):
        witness = self.serve(SPANRING_DIR=self.workspace.segments, OTEL_PYTHON_CONFIGURATOR="spanring")
        self.account(witness, WORKERS * THREADS)
        servers = [span for span in self.received.spans if span.scope["name"] == "opentelemetry.instrumentation.flask"]
        self.assertTrue(servers)
        self.assertEqual({span.fields["kind"] for span in servers}, {2})

    def test_what_the_sdk_loses(self):
        witness = self.serve(OTEL_PYTHON_CONFIGURATOR="configurator", OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
                             OTEL_EXPORTER_OTLP_ENDPOINT=self.collector.http_endpoint)
        self.collector.stop()
        self.received.read()
        arrived = {span.identity for span in self.received.spans}
        begun, ended = self.begun_and_ended(witness)
        self.assertTrue(arrived & ended, "it works")
        print(f"the SDK: of {len(ended)} that ended {len(ended - arrived)} did not arrive, "
              f"and of {len(begun - ended)} that were open {len(begun - ended - arrived)}")


class Celery(KilledService):
    """Two processes of a pool that opentelemetry-instrument has set up before they are forked."""

    def test_a_kill_under_load_loses_no_span_and_repeats_none(self):
        witness, held, queue = (self.workspace.unique(name) for name in ("witness", "held", "queue"))
        queue.mkdir()
        variables = {"WITNESS": witness, "HELD": held, "QUEUE": queue}
        worker = harness.Process(self.workspace, "celery", [
            PYTHON.parent / "opentelemetry-instrument", PYTHON.parent / "celery", "--workdir", PROGRAMS, "--app", "jobs", "worker", "--pool",
            "prefork", "--concurrency", WORKERS, "--without-gossip", "--without-mingle", "--without-heartbeat"],
            env=harness.environment(**variables, SPANRING_DIR=self.workspace.segments, OTEL_PYTHON_CONFIGURATOR="spanring",
                                    OTEL_SERVICE_NAME="jobs", OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none"))
        subprocess.run([PYTHON, PROGRAMS / "jobs.py", str(JOBS)], check=True, cwd=PROGRAMS, stdin=subprocess.DEVNULL,
                       env=harness.environment(**variables))

        def ended():
            self.assertTrue(worker.running(), worker.stderr())
            return witness.read_bytes().count(b"end ") if witness.exists() else 0

        harness.wait_until(lambda: held.exists() and held.read_text().endswith("\n") and ended() > 0, "a job is held, and others run")
        os.kill(int(held.read_text()), signal.SIGKILL)
        harness.wait_until(lambda: ended() == 2 * JOBS, "all other jobs are done")
        worker.stop()
        self.account(witness, WORKERS)
        consumers = [span for span in self.received.spans if span.scope["name"] == "opentelemetry.instrumentation.celery"]
        self.assertEqual({span.fields["kind"] for span in consumers}, {5})
        self.assertEqual(len(consumers), JOBS + 1)


if __name__ == "__main__":
    harness.main()
