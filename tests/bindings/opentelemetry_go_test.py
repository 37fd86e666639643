# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's API for Go on spanring: one program, run with the SDK and with spanring, exports the same, field by field, but
for what DIFFERS names; and a service of otelhttp and otelgrpc that is killed under load loses no span, and none arrives twice.

    opentelemetry_go_test.py SEMANTICS SERVICE

Both are in tests/bindings/go_opentelemetry. The SDK exports by OTLP to the same Collector.
"""

import json
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402
from data_test import attributes_of  # noqa: E402
from exported_span import by_name, scope_of  # noqa: E402
from killed_service import CLIENTS, Arriving, KilledService  # noqa: E402

CALLER = "0af7651916cd43dd8448eb211c80319c"  # the trace that links lead to
BEFORE_THE_KILL = 5_000  # spans that have ended
THREADS = 6 * CLIENTS  # a goroutine that writes to a file has one of its own: each of a request's may be there
VALUE_LENGTH = 10  # under other limits
MANY = {"many links": "links", "many events": "events"}  # one more than the limit

# Span and field: what the SDK says, and what spanring says instead.
DIFFERS = {
    # The SDK takes over the span id of a parent whose trace id is zero.
    ("below an invalid one", "parent"): ("0100000000000000", ""),
    ("below an invalid one", "flags"): (0x301, 0x1),
}

SEMANTICS = SERVICE = None


class Semantics(Arriving):
    def setUp(self):
        super().setUp()
        self.begin = time.time_ns()
        self.value_length = None

    def run_with(self, which, environment):
        """What it sent, in another process."""
        answer = subprocess.run([SEMANTICS, which, str(self.begin)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=harness.WATCHDOG,
                                env=harness.environment(SPANRING_DIR=self.workspace.segments, OTEL_SERVICE_NAME=which,
                                                        OTEL_EXPORTER_OTLP_ENDPOINT=self.collector.endpoint, **environment))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        (sent,) = [line.split(" ", 2)[1:] for line in answer.stdout.splitlines() if line.startswith("sent ")]
        return sent

    def test_it_is_that_of_the_sdk(self):
        self.assertNotIn("unsampled", self.compare_runs())

    def test_it_is_that_of_the_sdk_under_other_limits(self):
        self.value_length = VALUE_LENGTH
        self.compare_runs(OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="20", OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT=str(VALUE_LENGTH),
                          OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT="16", OTEL_LINK_ATTRIBUTE_COUNT_LIMIT="17",
                          OTEL_SPAN_EVENT_COUNT_LIMIT="128", OTEL_SPAN_LINK_COUNT_LIMIT="128")

    def test_it_is_that_of_the_sdk_under_another_sampler(self):
        self.assertIn("unsampled", self.compare_runs(OTEL_TRACES_SAMPLER="always_on"))

    def left_open(self, which):
        """Name, attributes and events of a span that was open at a kill."""
        process = self.process("open", SEMANTICS, which, 0)
        process.wait_for_line("ready")
        self.assertEqual(process.kill(), -signal.SIGKILL)
        self.workspace.accounting()
        self.collector.stop()
        (span,) = self.received.read()
        attributes = attributes_of(span.fields)
        self.assertTrue(attributes.pop("spanring.unfinished"))
        return span.fields["name"], attributes, [event["name"] for event in span.fields.get("events", [])]

    def test_a_kill_leaves_what_the_start_said(self):
        self.assertEqual(self.left_open("gathering"), ("started", {"at.start": "kept"}, []))

    def test_a_kill_leaves_all_that_was_set_at_once(self):
        self.assertEqual(self.left_open("at-once"), ("renamed", {"at.start": "kept", "later": 1}, ["event"]))

    def compare_runs(self, **environment):
        """The spans of both, by name."""
        sent = {which: self.run_with(which, environment) for which in ("sdk", "spanring")}
        self.workspace.accounting()
        self.collector.stop()
        of_service = {}
        for span in self.received.read():
            (service,) = [pair["value"]["stringValue"] for pair in span.resource["attributes"] if pair["key"] == "service.name"]
            of_service.setdefault(service, []).append(span)
        scopes = {which: {json.dumps(scope_of(span.scope, span.schema_url)) for span in spans}
                  for which, spans in of_service.items()}
        self.assertEqual(scopes["spanring"], scopes["sdk"])
        for span in of_service["sdk"]:
            # Of equal keys the SDK exports both, but for a span's own.
            for owner in span.fields.get("events", []) + span.fields.get("links", []):
                owner["attributes"] = list({pair.get("key", ""): pair for pair in owner.get("attributes", [])}.values())
        wanted, got = (by_name([span.fields for span in of_service[which]]) for which in ("sdk", "spanring"))
        self.assertEqual(got.keys(), wanted.keys())
        for name, span in wanted.items():
            for field, value in span.items():
                with self.subTest(name, field=field):
                    self.compare(name, field, value, got[name][field])

        # The same but for the id of the span that sends.
        (parent, state), (parent_of_sdk, state_of_sdk) = sent["spanring"], sent["sdk"]
        self.assertEqual((parent[:36], parent[52:], state), (parent_of_sdk[:36], parent_of_sdk[52:], state_of_sdk))
        return got

    def compare(self, name, field, of_sdk, of_spanring):
        if (name, field) in DIFFERS:
            self.assertEqual((of_sdk, of_spanring), DIFFERS[name, field])
        elif field == "times":
            self.compare_times(name, of_sdk, of_spanring)
        elif field == "attributes":
            self.assertEqual(sorted(of_spanring), sorted(of_sdk))
        elif field in ("events", "links"):
            self.compare_lists(name, field, of_sdk, of_spanring)
        else:
            self.assertEqual(of_spanring, of_sdk)

    def compare_times(self, name, of_sdk, of_spanring):
        if name == "backwards":
            # A span does not end before it starts.
            self.assertLess(of_sdk[1], of_sdk[0])
            self.assertEqual(of_spanring, (of_sdk[0], of_sdk[0]))
        elif name == "data":
            self.assertEqual(of_spanring, of_sdk)
        else:
            self.assertLessEqual(of_spanring[0], of_spanring[1])

    def compare_lists(self, name, field, of_sdk, of_spanring):
        if MANY.get(name) == field:
            # Over the limit the SDK discards the oldest, spanring what is added.
            self.assertEqual(len(of_sdk), len(of_spanring))
            of_sdk, of_spanring = of_sdk[:-1], of_spanring[1:]
        for one in of_sdk:
            if one.get("trace") == CALLER:
                # The SDK's exporter leaves out the trace states of links.
                self.assertEqual(one["state"], "")
                one["state"] = "vendor=1,other=x y"
            # The SDK cuts the values of a span's own attributes alone.
            one["attributes"] = {key: self.cut(value) for key, value in one["attributes"].items()}
        for one in of_sdk + of_spanring:
            if stack := one["attributes"].pop("exception.stacktrace", None):
                self.assertRegex(self.cut(stack), "^goroutine ")
            if name.startswith("a panic"):
                del one["time"]
        self.assertEqual(of_spanring, of_sdk)

    def cut(self, value):
        if self.value_length is None:
            return value
        if isinstance(value, (str, bytes)):
            return value[:self.value_length]
        if isinstance(value, list):
            return [self.cut(one) for one in value]
        return {key: self.cut(one) for key, one in value.items()} if isinstance(value, dict) else value


class Service(KilledService):
    def test_a_kill_under_load_loses_no_span_and_repeats_none(self):
        self.account(self.run_until_killed(SERVICE, BEFORE_THE_KILL, "spanring"), THREADS)

    def test_with_the_sdk_spans_may_be_lost(self):
        begun, ended = self.begun_and_ended(self.run_until_killed(SERVICE, BEFORE_THE_KILL, self.collector.endpoint))
        self.collector.stop()
        arrived = {span.identity for span in self.received.read()}
        lost, lost_open = ended - arrived, begun - ended - arrived
        print(f"SDK: of {len(ended)} that had ended {len(lost)} are lost, of {len(begun - ended)} open {len(lost_open)}")
        # How many is its own affair; that any arrived says that the comparison is one.
        self.assertTrue(arrived)


if __name__ == "__main__":
    SEMANTICS, SERVICE = sys.argv[1:3]
    del sys.argv[1:3]
    harness.main()
