# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's API for Rust on spanring: one program, run with the SDK and with spanring, exports the same, field by field,
but for what DIFFERS names; and a service on tokio that is killed under load loses no span, and none arrives twice.

    opentelemetry_rust_test.py SEMANTICS SERVICE

Both are examples of bindings/rust/opentelemetry-spanring.
"""

import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402
from exported_span import IS_KNOWN, scope_of, span_of  # noqa: E402
from killed_service import Arriving, KilledService  # noqa: E402

MILLISECOND = 1_000_000

# Span and field: what the SDK says, and what spanring says instead.
DIFFERS = {
    # Specification, common/attribute: keys are unique, the last value counts.
    ("a key set twice", "attributes"): ([["k", 1], ["k", "two"]], [["k", "two"]]),
    # Specification, common/attribute: a key is not empty. It is counted as dropped.
    ("a key that is empty", "attributes"): ([["", 1], ["k", 2]], [["k", 2]]),
    ("a key that is empty", "dropped"): ([0, 0, 0], [1, 0, 0]),
    # Specification, trace/api: a link to no span is kept where it has attributes or a trace state.
    ("a link to nothing", "links"): ([{"trace": 32 * "0", "span": 16 * "0", "flags": IS_KNOWN, "state": "", "attributes": {},
                                       "dropped": 0}], []),
    ("a link to nothing", "dropped"): ([0, 0, 0], [0, 0, 1]),
    # The SDK orders errors by their text.
    ("the later error, earlier in the alphabet", "status"): ((2, "2"), (2, "1")),
}

SEMANTICS = SERVICE = None


class Semantics(Arriving):
    def setUp(self):
        super().setUp()
        self.begin = time.time_ns()

    def run_with(self, which, environment):
        answer = subprocess.run([SEMANTICS, which, str(self.begin)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                env=harness.environment(SPANRING_DIR=self.workspace.segments, **environment), check=True)
        lines = answer.stdout.splitlines()
        (sent,) = [line.split(" ", 2)[1:] for line in lines if line.startswith("sent ")]
        return sent, [json.loads(line) for line in lines if line.startswith("{")]

    def normal(self, spans):
        names = {span["spanId"]: span["name"] for span in spans}
        self.assertEqual(len(names), len(spans))
        return {span["name"]: span_of(span, names) for span in spans}

    def test_it_is_that_of_the_sdk(self):
        self.assertNotIn("unsampled", self.compare_runs())

    def test_it_is_that_of_the_sdk_under_other_limits(self):
        self.compare_runs(OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="5", OTEL_SPAN_EVENT_COUNT_LIMIT="1", OTEL_SPAN_LINK_COUNT_LIMIT="1")

    def test_it_is_that_of_the_sdk_under_another_sampler(self):
        self.assertIn("unsampled", self.compare_runs(OTEL_TRACES_SAMPLER="always_on"))

    def compare_runs(self, **environment):
        """The spans of both, by name."""
        sent_by_sdk, lines = self.run_with("sdk", environment)
        sent, _ = self.run_with("spanring", environment)
        self.workspace.accounting()
        self.collector.stop()
        self.received.read()
        scopes = [scope_of(line["scope"], line["schemaUrl"]) for line in lines]
        self.assertEqual([scope_of(span.scope, span.schema_url) for span in self.received.spans], scopes)
        wanted = self.normal(lines)
        got = self.normal([span.fields for span in self.received.spans])
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
        elif field == "times":
            self.compare_times(name, of_sdk, of_spanring)
        elif name == "an error" and field == "events":
            (of_sdk,), (of_spanring,) = of_sdk, of_spanring
            self.assertEqual({**of_spanring, "time": of_sdk["time"]}, of_sdk)
        else:
            self.assertEqual(of_spanring, of_sdk)

    def compare_times(self, name, of_sdk, of_spanring):
        if name == "data":
            self.assertEqual(of_sdk, (self.begin, self.begin + 1500 * MILLISECOND))
            self.assertEqual(of_spanring, of_sdk)
        elif name == "backwards":
            # A span does not end before it starts.
            self.assertEqual(of_sdk, (self.begin + 9 * MILLISECOND, self.begin + 3 * MILLISECOND))
            self.assertEqual(of_spanring, (self.begin + 9 * MILLISECOND,) * 2)
        else:
            self.assertLessEqual(of_spanring[0], of_spanring[1])


class Service(KilledService):
    def test_a_kill_under_load_loses_no_span_and_repeats_none(self):
        self.kill_under_load(SERVICE)


if __name__ == "__main__":
    SEMANTICS, SERVICE = sys.argv[1:3]
    del sys.argv[1:3]
    harness.main()
