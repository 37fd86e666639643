# SPDX-License-Identifier: Apache-2.0
"""The tower layer against the real agent: what each kind of request says is what arrives, field by field, and one that was being
answered when the process was killed arrives as unfinished.

    tower_test.py REQUESTS

It is an example of bindings/rust/spanring-tower.
"""

import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402
from data_test import attributes_of  # noqa: E402
from killed_service import Arriving  # noqa: E402

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
ERROR = 2
COMMON = {"http.request.method": "GET", "url.scheme": "http", "server.address": "shop.test", "server.port": 8080,
          "network.protocol.version": "1.1"}
# By path: what is said beside these, and the status.
SAID = {
    "/orders/7": ({"http.route": "/orders/{id}", "url.query": "by=id", "user_agent.original": "test/1",
                   "http.response.status_code": 200}, 0),
    "/missing": ({"http.response.status_code": 404}, 0),
    "/broken": ({"http.response.status_code": 503, "error.type": "503"}, ERROR),
    "/cut": ({"http.response.status_code": 200, "error.type": "requests::Jam"}, ERROR),
    "/jam": ({"error.type": "requests::Jam"}, ERROR),
    "/panic": ({"error.type": "panic"}, ERROR),
    "/stuck": ({"spanring.cancelled": True}, 0),
    "/half": ({"http.response.status_code": 200, "spanring.cancelled": True}, 0),
}
NAMES = {"/orders/7": "GET /orders/{id}", "/told": "HTTP /{word}"}

REQUESTS = None


class Requests(Arriving):
    def setUp(self):
        super().setUp()
        program = self.process("requests", REQUESTS, f"00-{TRACE}-{CALLER}-01")
        program.wait_for_line("ready")
        self.assertEqual(program.kill(), -signal.SIGKILL)
        self.workspace.accounting()
        self.collector.stop()
        spans = [span.fields for span in self.received.read()]
        (self.unfinished,) = [span for span in spans if "spanring.unfinished" in attributes_of(span)]
        spans.remove(self.unfinished)
        self.spans = {attributes_of(span)["url.path"]: span for span in spans}
        self.assertEqual(len(self.spans), len(spans))

    def test_what_a_request_says_is_what_arrives(self):
        self.assertEqual(self.spans.keys(), SAID.keys() | {"/told"})
        for path, (said, status) in SAID.items():
            with self.subTest(path):
                span = self.spans[path]
                self.assertEqual(attributes_of(span), {**COMMON, "url.path": path, **said})
                self.assertEqual((span["name"], span["kind"], span["traceId"], span["parentSpanId"]),
                                 (NAMES.get(path, "GET"), 2, TRACE, CALLER))
                self.assertEqual(span["status"].get("code", 0), status)
                self.assertEqual(span.get("traceState", ""), "vendor=1" if path == "/orders/7" else "")

    def test_the_route_may_be_in_the_answer_and_the_method_unknown(self):
        span = self.spans["/told"]
        self.assertEqual((span["name"], span["parentSpanId"]), (NAMES["/told"], CALLER))
        self.assertEqual(attributes_of(span), {
            "http.request.method": "_OTHER", "http.request.method_original": "BREW", "url.path": "/told", "url.scheme": "https",
            "server.address": "::1", "network.protocol.version": "2", "http.route": "/{word}",
            "http.response.status_code": 200})

    def test_one_that_is_being_answered_arrives_as_unfinished(self):
        self.assertEqual(self.unfinished["name"], "GET /open")
        self.assertEqual(attributes_of(self.unfinished)["http.route"], "/open")


if __name__ == "__main__":
    REQUESTS = sys.argv[1]
    del sys.argv[1]
    harness.main()
