# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's API for C++ on spanring: one program, run with the SDK and with spanring, exports the same, field by field, but
for what DIFFERS names; and a server that is killed under load loses no span, and none arrives twice. The same with the SDK says
what that loses.

    opentelemetry_cpp_test.py SEMANTICS SERVICE VERSION_2

They are programs of bindings/cpp/test.
"""

import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402
from data_test import attributes_of, link_of  # noqa: E402
from exported_span import scope_of, span_of  # noqa: E402
from killed_service import Arriving, KilledService  # noqa: E402

MILLISECOND = 1_000_000
ENDED_BEFORE_THE_KILL = 2_000
HUGE = 2**64 - 1
NOTHING = {"trace": "", "span": "", "state": "", "attributes": {}, "dropped": 0}

# Span and field: what SDK 1.19 says, and what spanring says instead.
DIFFERS = {
    # Specification, common/attribute: keys are unique, the last value counts.
    ("a key set twice", "attributes"): ([["k", 1], ["k", "two"]], [["k", "two"]]),
    # Specification, common/attribute: a key is not empty. It is counted as dropped.
    ("an empty key", "attributes"): ([["", 1], ["k", 2]], [["k", 2]]),
    ("an empty key", "dropped"): ([0, 0, 0], [1, 0, 0]),
    # Specification, trace/api: a link to no span is kept where it has attributes or a trace state.
    ("a link to nothing", "links"): ([NOTHING], []),
    ("a link to nothing", "dropped"): ([0, 0, 0], [0, 0, 1]),
    # Specification, common/attribute-type-mapping: bytes, and integers that OTLP has none for.
    ("bytes", "attributes"): ([["k", [0, 0xff, 0x41]]], [["k", b"\0\xffA"]]),
    ("huge", "attributes"): ([["one", -1], ["two", [1, -1]]], [["one", str(HUGE)], ["two", [1, str(HUGE)]]]),
    # Specification, trace/sdk: span limits, of which this SDK has none.
    ("many", "attributes"): ([[f"k{i}", i] for i in range(200)], [[f"k{i}", i] for i in range(128)]),
    ("many", "dropped"): ([0, 0, 0], [72, 0, 0]),
    # Specification, trace/api: Ok is final, Unset is ignored, a description is an error's.
    ("ok is final", "status"): ((2, "late"), (1, "")),
    ("ok goes before an error", "status"): ((1, "early"), (1, "")),
    ("unset changes nothing", "status"): ((0, "stays"), (2, "stays")),
}

SEMANTICS = SERVICE = VERSION_2 = None


def without_what_the_sdk_leaves_out(span):
    """It says nothing of whether a parent is remote, and of a link no flags at all."""
    links = [{key: value for key, value in link.items() if key != "flags"} for link in span["links"]]
    return {**span, "flags": span["flags"] & 0xff, "links": links}


class Semantics(Arriving):
    def setUp(self):
        super().setUp()
        self.begin = time.time_ns()

    def run_with(self, sampler, *endpoint):
        """What it sends to others, without the id of the span that does."""
        environment = harness.environment(SPANRING_DIR=self.workspace.segments, OTEL_TRACES_SAMPLER=sampler)
        answer = subprocess.run([SEMANTICS, str(self.begin), sampler, *endpoint], stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, check=True, timeout=harness.WATCHDOG, env=environment)
        self.assertEqual(answer.stderr, "")
        (sent,) = [line.split(" ", 2)[1:] for line in answer.stdout.splitlines() if line.startswith("sent ")]
        return sent[0][:36], sent[0][52:], sent[1]

    def test_it_is_that_of_the_sdk(self):
        self.assertNotIn("unsampled", self.compare_runs("parentbased_always_on"))

    def test_it_is_that_of_the_sdk_under_another_sampler(self):
        self.assertIn("unsampled", self.compare_runs("always_on"))

    def by_name(self, spans):
        names = {span["spanId"]: span["name"] for span in spans}
        self.assertEqual(len(set(names.values())), len(spans), "each name is there once")
        return {span["name"]: span_of(span, names) for span in spans}

    def compare_runs(self, sampler):
        """The spans of both, by name."""
        self.assertEqual(self.run_with(sampler), self.run_with(sampler, self.collector.endpoint))
        self.workspace.accounting()
        self.collector.stop()
        spans = {True: [], False: []}
        for span in self.received.read():
            self.assertEqual(scope_of(span.scope, span.schema_url),
                             {"name": "semantics", "version": "2.5", "schema": "https://schemas.test/s", "attributes": []})
            spans[attributes_of(span.resource)["service.name"] == "sdk"].append(span.fields)
        wanted, got = self.by_name(spans[True]), self.by_name(spans[False])
        self.assertEqual(got.keys(), wanted.keys())
        for name in wanted:
            of_sdk = without_what_the_sdk_leaves_out(wanted[name])
            of_spanring = without_what_the_sdk_leaves_out(got[name])
            for field, value in of_sdk.items():
                with self.subTest(name, field=field):
                    self.compare(name, field, value, of_spanring[field])
        return got

    def compare(self, name, field, of_sdk, of_spanring):
        if (name, field) in DIFFERS:
            self.assertEqual((of_sdk, of_spanring), DIFFERS[name, field])
        elif field == "times":
            self.compare_times(name, of_sdk, of_spanring)
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


class Version2(Arriving):
    def test_links_are_added_and_scopes_have_attributes(self):
        self.process("version_2", VERSION_2).expect(0)
        self.workspace.accounting()
        self.collector.stop()
        (span,) = self.received.read()
        self.assertEqual(scope_of(span.scope, span.schema_url), {
            "name": "version 2", "version": "1.0", "schema": "https://schemas.test/s", "attributes": [["scoped", 7]]})
        links = [link_of(link) for link in span.fields["links"]]
        self.assertEqual([link["attributes"] for link in links], [{"why": "because", "n": 1}, {"n": 2}, {}])
        for link in links:
            self.assertEqual((link["trace"], link["span"], link["state"]), ("01" + 30 * "0", "02" + 14 * "0", "vendor=1"))


class Service(KilledService):
    def test_a_kill_under_load_loses_no_span_and_repeats_none(self):
        self.kill_under_load(SERVICE, ENDED_BEFORE_THE_KILL, threads=1)

    def test_what_the_sdk_loses(self):
        witness = self.run_until_killed(SERVICE, ENDED_BEFORE_THE_KILL, self.collector.endpoint)
        begun, ended = self.begun_and_ended(witness)
        self.collector.stop()
        arrived = {span.identity for span in self.received.read()}
        self.assertEqual(arrived - begun, set())
        self.assertTrue(arrived, "it works")
        print(f"SDK: {len(ended)} ended and {len(begun - ended)} open at the kill; {len(arrived)} arrived")


if __name__ == "__main__":
    SEMANTICS, SERVICE, VERSION_2 = sys.argv[1:4]
    del sys.argv[1:4]
    harness.main()
