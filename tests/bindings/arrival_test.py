# SPDX-License-Identifier: Apache-2.0
"""A binding against the real agent: what its scenario program set is what arrives, field by field, and what was open when
the program was killed arrives as unfinished.

    arrival_test.py LANGUAGE PROGRAM

PROGRAM is the scenario in that language (bindings/cpp/test/scenario.cpp and its sisters in Rust and Go). What arrived is
what `spanring trace ID --json` says.
"""

import json
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
SPANS = {"renamed", "child", "elsewhere", "open"}
MILLISECOND = 1_000_000
CLOCK_TOLERANCE = MILLISECOND  # between this process's clock and the library's

# Of the event that a recorded error is: the name of its type, in each language.
ERROR_TYPE = {"cpp": "std::runtime_error", "rust": "scenario::OutOfPaper", "go": "*errors.errorString"}

LANGUAGE = PROGRAM = None


class Arrival(harness.Case):
    def setUp(self):
        super().setUp()
        self.workspace.agent()
        self.begin = time.time_ns()
        program = harness.Process(self.workspace, "scenario", [PROGRAM, TRACEPARENT, self.begin],
                                  stdin=subprocess.PIPE,
                                  env=harness.environment(SPANRING_DIR=self.workspace.segments))
        self.sent = program.wait_for_line("ready ").split()[1]
        self.pid = program.pid
        self.ready = time.time_ns()
        self.assertEqual(program.kill(), -signal.SIGKILL)
        self.spans = harness.wait_until(self.arrived, f"the spans {sorted(SPANS)} are in the store")

    def arrived(self):
        answer = subprocess.run([harness.COMMAND, "trace", TRACE, "--json", "--state-dir", self.workspace.state],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, env=harness.environment())
        if answer.returncode != 0:
            return None  # the trace is not there yet
        spans = json.loads(answer.stdout)["spans"]
        found = {span["name"]: span for span in spans}
        return found if SPANS <= found.keys() and len(spans) >= len(SPANS) else None

    def within(self, time_unix_nano):
        self.assertGreaterEqual(time_unix_nano, self.begin - CLOCK_TOLERANCE)
        self.assertLessEqual(time_unix_nano, self.ready + CLOCK_TOLERANCE)

    def test_what_was_set_is_what_arrives(self):
        self.assertEqual(self.spans.keys(), SPANS)
        parent, child, elsewhere = self.spans["renamed"], self.spans["child"], self.spans["elsewhere"]
        for span in self.spans.values():
            with self.subTest(span["name"]):
                self.assertEqual(span["service"], "scenario")
                self.assertEqual(span["scope"], {"name": "bindings.scenario", "version": "2.5"})
                self.assertEqual(span["resource"]["scenario.language"], LANGUAGE)
                self.assertEqual(span["resource"]["scenario.number"], 7)
                self.assertEqual(span["resource"]["process.pid"], self.pid)
                self.assertEqual(span["dropped"], {"attributes": 0, "events": 0, "links": 0})

        self.assertEqual(parent["parent_span_id"], CALLER)
        self.assertEqual(parent["kind"], "Server")
        self.assertEqual(parent["trace_state"], "vendor=1")
        self.assertEqual(parent["start_unix_nano"], self.begin)
        self.assertEqual(parent["end_unix_nano"], self.begin + 1500 * MILLISECOND)
        self.assertEqual((parent["status"], parent["status_message"]), ("Error", "it broke"))
        self.assertEqual(parent["attributes"], {
            "text": "über", "empty": "", "yes": True, "no": False, "least": -2 ** 63, "half": 0.5,
            "later": "set later", "again": 2, "several": True, "quarter": 0.25})
        self.assertEqual([type(parent["attributes"][key]) for key in ("yes", "least", "half")], [bool, int, float])
        self.assertEqual(parent["links"], [
            {"trace_id": TRACE, "span_id": CALLER, "attributes": {"why": "because", "weight": 3}}])

        first, exception = parent["events"]
        self.assertEqual(first, {"name": "first", "time_unix_nano": self.begin + 100 * MILLISECOND,
                                 "attributes": {"index": 1, "of": "two"}})
        self.within(exception.pop("time_unix_nano"))
        self.assertEqual(exception, {"name": "exception", "attributes": {
            "exception.type": ERROR_TYPE[LANGUAGE], "exception.message": "out of paper"}})

        for span in (child, elsewhere):
            self.assertEqual(span["parent_span_id"], parent["span_id"])
            self.within(span["start_unix_nano"])
            self.within(span["end_unix_nano"])
            self.assertLessEqual(span["start_unix_nano"], span["end_unix_nano"])
            self.assertFalse(span["unfinished"])
        self.assertEqual((child["kind"], child["status"], child["attributes"]), ("Client", "Ok", {}))
        self.assertEqual((elsewhere["kind"], elsewhere["status"], elsewhere["attributes"]),
                         ("Internal", "Unset", {"thread": "another"}))

    def test_the_context_that_is_sent_is_that_of_the_span(self):
        # Flags: sampled came with the caller's; the library adds none of its own.
        self.assertEqual(self.sent, f"00-{TRACE}-{self.spans['child']['span_id']}-01")

    def test_what_was_open_at_the_kill_arrives_as_unfinished(self):
        unfinished = self.spans["open"]
        self.assertTrue(unfinished["unfinished"])
        self.assertEqual(unfinished["status"], "Error")
        self.assertEqual(unfinished["parent_span_id"], self.spans["renamed"]["span_id"])
        self.assertEqual(unfinished["attributes"]["at.start"], "kept")
        self.assertEqual([name for name, span in self.spans.items() if span["unfinished"]], ["open"])


if __name__ == "__main__":
    LANGUAGE, PROGRAM = sys.argv[1:3]
    del sys.argv[1:3]
    harness.main()
