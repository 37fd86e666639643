# SPDX-License-Identifier: Apache-2.0
"""Spans that come by OTLP take part in the decisions of their traces, beside those of segments; a request is answered once
they are delivered or in its file, and whoever is killed, each trace is kept or dropped as a whole and each span accounted for.
"""

import http.client
import itertools
import json
import threading

import agent_configuration
import harness
from receiving import HttpReceiving, deaf_backend, identity, request_of, span
from scripted import Scripted

ERRORS = {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}


class DecidedReceiving(HttpReceiving):
    def decided(self, *policies, exporter=None, answer_after="50ms", **sampling):
        """The configuration of an agent that decides what it receives."""
        exporter = exporter or agent_configuration.quick(self.collector.endpoint)
        processors = {"tail_sampling": {"policies": list(policies), **sampling}, "batch": {"timeout": "20ms"}}
        document = {"receivers": {"spanring": None, "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}},
                                                             "answer_after": answer_after}},
                    "processors": processors, "exporters": {"otlp_grpc": exporter},
                    "service": {"pipelines": {"traces": {"receivers": ["spanring", "otlp"], "processors": list(processors),
                                                         "exporters": ["otlp_grpc"]}}}}
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(document))
        return file

    def take(self, service, made):
        self.assertEqual(self.post(request_of(service, made)).status, 200)

    def files(self):
        return list((self.workspace.state / "received").iterdir())

    def sender(self, name="shop"):
        """Once nothing of it is pending."""
        def at_rest():
            found = json.loads(self.workspace.command("ps", "--json"))["senders"]
            row = {sender["service"]: sender for sender in found}.get(name)
            return row if row is not None and row["exporters"][0]["pending"] == 0 else None
        return harness.wait_until(at_rest, f"nothing of {name} is pending")


class Together(DecidedReceiving):
    def test_senders_and_processes_have_traces_in_common(self):
        self.collector.start()
        agent = self.workspace.agent("--config", self.decided(ERRORS))
        shop = Scripted(self.workspace, "front")
        wanted, plain = shop.say("start", 1, "front"), shop.say("start", 2, "front")
        own = [bytes.fromhex(parent.split("-")[1]) for parent in (wanted, plain)]
        self.take("cart", [span(1, own[0], error=True), span(2, own[1])])  # answered, and its traces go on
        self.assertEqual(self.received.count(), 0)
        shop.say("end", 1)
        shop.say("end", 2)
        harness.wait_until(lambda: self.received.count() == 2, "the trace with the error arrives")
        names = sorted(each.fields["name"] for each in self.received.spans)
        self.assertEqual(names, ["front", "span 1"])
        exporter = self.sender("cart")["exporters"][0]
        self.assertEqual((exporter["exported"], exporter["sampled_out"]), (1, 1))
        self.take("cart", [span(3, own[0]), span(4, own[1], error=True)])  # late
        harness.wait_until(lambda: self.received.count() == 3, "what comes late follows")
        self.assertEqual(self.sender("cart")["received"], 4)
        harness.end_all([shop])
        self.assertIn("received 4 = exported 2 + rejected 0 + sampled_out{no_policy} 2", self.workspace.command("audit"))
        self.assertEqual(self.files(), [])
        agent.stop()

    def test_what_is_kept_by_chance_says_so(self):
        """And decides as whoever sampled it before would have: with `ot=th` a hash is not asked."""
        self.collector.start()
        agent = self.workspace.agent("--config", self.decided({"name": "half", "type": "probabilistic",
                                                               "probabilistic": {"sampling_percentage": 50}}))
        made = []
        for random, state in (("7f", "ot=th:4"), ("80", "ot=th:4;x:1,a=b"), ("f0", "ot=th:c"), ("00", "ot=rv:9fffffffffffff")):
            trace = "5" * 18 + random + "f" * 12
            made.append({"traceId": trace, "spanId": f"{len(made) + 1:016x}", "name": "sent", "traceState": state,
                         "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000000000001"})
        body = json.dumps({"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                                              "scopeSpans": [{"scope": {"name": "test"}, "spans": made}]}]}).encode()
        self.assertEqual(self.post(body, Content_Type="application/json").status, 200)
        harness.wait_until(lambda: self.received.count() == 3, "what is kept arrives")
        self.assertEqual(sorted(each.fields["traceState"] for each in self.received.spans),
                         ["ot=rv:9fffffffffffff;th:8", "ot=th:8;x:1,a=b", "ot=th:c"])
        exporter = self.sender()["exporters"][0]
        self.assertEqual((exporter["exported"], exporter["sampled_out"]), (3, 1))
        agent.stop()

    def test_what_is_undecided_when_an_agent_ends_is_decided_by_the_next(self):
        self.collector.start()
        configuration = self.decided(ERRORS, linger="1h", decision_wait="1h")
        agent = self.workspace.agent("--config", configuration)
        self.take("shop", [span(1, 7, error=True), span(2, 8)])
        self.assertEqual(len(self.files()), 1)
        agent.stop()
        self.assertEqual(self.received.count(), 0)
        agent = self.workspace.agent("--config", self.decided(ERRORS))
        harness.wait_until(lambda: self.received.count() == 1, "it is decided")
        exporter = self.sender()["exporters"][0]
        self.assertEqual((exporter["exported"], exporter["sampled_out"], self.files()), (1, 1, []))
        agent.stop()

    def test_senders_that_fill_the_queue_have_the_oldest_decided_early(self):
        self.collector.start()
        configuration = self.decided(ERRORS, linger="1h", decision_wait="1h")
        document = json.loads(configuration.read_text())
        document["receivers"]["otlp"]["queue_size"] = "1MiB"
        document["receivers"]["otlp"]["protocols"]["http"]["max_request_body_size"] = "256KiB"
        configuration.write_text(json.dumps(document))
        agent = self.workspace.agent("--config", configuration)
        for first in range(0, 40_000, 500):  # several times as much
            self.take("shop", [span(number, error=number % 50 == 0) for number in range(first, first + 500)])
        agent.stop()
        agent = self.workspace.agent("--config", self.decided(ERRORS))
        exporter = self.sender()["exporters"][0]
        self.assertEqual((exporter["exported"], exporter["sampled_out"]), (800, 39_200))
        self.everything_arrives(range(0, 40_000, 50))
        self.assertEqual(self.received.count(), 800)
        agent.stop()


class Kills(DecidedReceiving):
    """An agent that is killed under load, again and again, with a backend that answers and with one that never does. The policy
    keeps so many spans a second: an agent that did not follow what the one before it had decided would say something else of
    many traces."""

    RATE = {"name": "rate", "type": "rate_limiting", "rate_limiting": {"spans_per_second": 20}}
    OF_A_TRACE = 6  # in two requests, or three

    def test_a_kill_loses_nothing_that_was_answered_and_halves_no_trace(self):
        self.collector.start()
        silent = deaf_backend(self)
        self.numbers = itertools.count()
        self.answered, self.sent = [], 0
        for kill in range(8):
            deaf = kill % 2 == 1
            with self.subTest(kill=kill, deaf=deaf):
                agent = self.workspace.agent("--config", self.decided(self.RATE, exporter=silent if deaf else None,
                                                                      linger="100ms"))
                self.send_until_it_dies(agent, len(self.answered) + 200 + 70 * kill)
                agent = self.workspace.agent("--config", self.decided(self.RATE, linger="100ms"))
                try:
                    self.judge()
                finally:
                    agent.stop()  # whatever is found, so that the next one can start

    def send_until_it_dies(self, agent, answered):
        """Which it does once so many spans are answered."""
        lock = threading.Lock()

        def send():
            connection = self.connect()
            while agent.running():
                with lock:
                    mine = [next(self.numbers) for _ in range(10)]
                    self.sent += len(mine)
                try:
                    body = request_of("shop", [span(number, number // self.OF_A_TRACE) for number in mine])
                    if self.post(body, connection).status == 200:
                        with lock:
                            self.answered += mine
                except (OSError, http.client.HTTPException):
                    connection.close()
        senders = [threading.Thread(target=send) for _ in range(4)]
        for sender in senders:
            sender.start()
        try:
            harness.wait_until(lambda: len(self.answered) >= answered, "requests are answered")
        finally:
            agent.kill()
            for sender in senders:
                sender.join()

    def judge(self):
        shop = self.sender()
        exporter = shop["exporters"][0]
        self.assertEqual(self.files(), [])
        self.workspace.accounting()
        # The Collector answers for spans before they are in its file.
        harness.wait_until(lambda: len(set(self.identities())) >= exporter["exported"], "what is exported is in the file")
        arrived = set(self.identities())
        kept = {number for number in self.answered if identity(number, number // self.OF_A_TRACE) in arrived}
        half = {number // self.OF_A_TRACE for number in kept} & {number // self.OF_A_TRACE
                                                                for number in set(self.answered) - kept}
        self.assertEqual(half, set(), "no trace is half kept")
        self.assertTrue(kept and len(kept) < len(self.answered), f"{len(kept)} of {len(self.answered)} were kept")
        # A request that was killed before its answer may have been booked, and is then decided as well.
        self.assertTrue(len(self.answered) <= shop["received"] <= self.sent, (len(self.answered), shop["received"], self.sent))
        self.assertEqual(exporter["exported"] + exporter["sampled_out"], shop["received"])
        self.assertEqual(shop["rules"], [{"name": "rate", "sampled_out": exporter["sampled_out"], "late": 0}])
        self.assertTrue(len(kept) <= exporter["exported"] <= len(arrived), (len(kept), exporter["exported"], len(arrived)))
        self.assertGreaterEqual(exporter["sampled_out"], len(self.answered) - len(kept))


if __name__ == "__main__":
    harness.main()
