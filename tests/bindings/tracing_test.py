# SPDX-License-Identifier: Apache-2.0
"""The layer for Rust's tracing against the real agent: what is said in its macros is what arrives, field by field; and a service on
tokio that is killed under load loses no span, and none arrives twice.

    tracing_test.py FIELDS SERVICE

Both are examples of bindings/rust/tracing-spanring.
"""

import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402
from data_test import attributes_of  # noqa: E402
from killed_service import Arriving, KilledService  # noqa: E402

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
SPANS = {"earlier", "GET /orders", "child", "failed", "told", "described", "fails", "open"}
OK, ERROR = 1, 2
CHAIN = ["paper is stuck", "wet"]
SOURCES = "caused by: paper is stuck\ncaused by: wet"
SOURCE = "bindings/rust/tracing-spanring/examples/fields.rs"

FIELDS = SERVICE = None


class Said(Arriving):
    def setUp(self):
        super().setUp()
        program = self.process("fields", FIELDS, TRACEPARENT)
        self.sent = program.wait_for_line("ready ").split()[1]
        self.assertEqual(program.kill(), -signal.SIGKILL)
        self.spans = harness.wait_until(self.arrived, f"the spans {sorted(SPANS)} arrive")

    def arrived(self):
        self.received.read()
        found = {span.fields["name"]: span.fields for span in self.received.spans}
        return found if SPANS <= found.keys() else None

    def said(self, owner):
        """Its attributes, but for where in the code it is, which is checked here."""
        attributes = attributes_of(owner)
        self.assertTrue(SOURCE.endswith(attributes.pop("code.file.path").removeprefix("tracing-spanring/")))
        self.assertEqual(attributes.pop("code.module.name"), "fields")
        self.assertGreater(attributes.pop("code.line.number"), 0)
        return attributes

    def test_what_is_said_is_what_arrives(self):
        self.assertEqual(self.spans.keys(), SPANS)
        for span in self.received.spans:
            self.assertEqual(span.scope, {"name": "tracing.fields", "version": "2.5"})

        span = self.spans["GET /orders"]
        self.assertEqual((span["parentSpanId"], span["kind"]), (CALLER, 2))
        self.assertEqual(self.said(span), {
            "text": "über", "yes": True, "least": -2 ** 63, "fits": 7, "too_big": str(2 ** 64 - 1), "wide": str(1 << 100),
            "half": 0.5, "bytes": b"\x00\xff", "debug": "Some(1)", "display": "cannot print", "later": "set later",
            "not.a.field": 1, "level": "INFO", "target": "fields"})
        self.assertEqual(span["status"], {"code": OK})
        self.assertEqual([link["spanId"] for link in span["links"]], [self.spans["earlier"]["spanId"]])

        first, named, final, logged, around = span["events"]
        self.assertEqual((first["name"], self.said(first)),
                         ("first 1", {"index": 1, "of": "two", "level": "INFO", "target": "fields"}))
        self.assertEqual((named["name"], self.said(named)),
                         ("named", {"level_of_ink": 0.1, "level": "WARN", "target": "fields"}))
        self.assertEqual((final["name"], self.said(final)),
                         ("its status stays: ok is final", {"level": "ERROR", "target": "fields"}))
        self.assertEqual((logged["name"], self.said(logged)), ("by log", {"level": "WARN", "target": "printer::tray"}))
        self.assertEqual(around["name"], "in the one around")

        child = self.spans["child"]
        self.assertEqual(child["parentSpanId"], span["spanId"])
        self.assertEqual([event["name"] for event in child["events"]], ["moved"])

    def test_errors_are_exceptions_and_set_the_status(self):
        failed = self.spans["failed"]
        self.assertEqual(failed["status"], {"code": ERROR, "message": "cannot print"})
        (event,) = failed["events"]
        exception = {"exception.message": "cannot print", "exception.stacktrace": SOURCES}
        self.assertEqual((event["name"], self.said(event)), ("no paper", {
            "error": "cannot print", "error.chain": CHAIN, "tray": 2, **exception, "level": "ERROR", "target": "fields"}))

        told = self.spans["told"]
        self.assertNotIn("code", told["status"])
        self.assertEqual(self.said(told), {"reason": "cannot print", "reason.chain": CHAIN, "level": "INFO", "target": "fields"})
        self.assertEqual((told["events"][0]["name"], attributes_of(told["events"][0])), ("exception", exception))

        self.assertEqual(self.spans["described"]["status"], {"code": ERROR, "message": "by hand"})

        instrumented = self.spans["fails"]
        self.assertEqual(self.said(instrumented)["copies"], 3)
        self.assertEqual(instrumented["status"], {"code": ERROR, "message": "cannot print"})
        (event,) = instrumented["events"]
        self.assertEqual((event["name"], self.said(event)), (
            "exception", {"exception.message": "cannot print", "level": "ERROR", "target": "fields"}))

    def test_the_context_is_sent_and_an_open_span_arrives(self):
        self.assertEqual(self.sent, f"00-{TRACE}-{self.spans['GET /orders']['spanId']}-01")
        unfinished = attributes_of(self.spans["open"])
        self.assertTrue(unfinished["spanring.unfinished"])
        self.assertEqual(unfinished["at.start"], "kept")


class Service(KilledService):
    def test_a_kill_under_load_loses_no_span_and_repeats_none(self):
        self.kill_under_load(SERVICE)


if __name__ == "__main__":
    FIELDS, SERVICE = sys.argv[1:3]
    del sys.argv[1:3]
    harness.main()
