# SPDX-License-Identifier: Apache-2.0
"""What comes by OTLP over HTTP: taken once, answered when it is delivered or on disk, and never lost once it is answered.

The sender is Python's own HTTP client, so that each answer is known; and another agent. An SDK as the sender: differential_test.py.
"""

import gzip
import http.client
import itertools
import json
import signal
import socket
import threading

import agent_configuration
import harness
from comparison import compare_all
from receiving import FAILING_AGENT, PROTOBUF, HttpReceiving, deaf_backend, field, request, varint


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=harness.WATCHDOG)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Http(HttpReceiving):
    def test_a_request_is_delivered_answered_and_counted(self):
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        connection = self.connect()
        for first in range(0, 100, 10):  # on one connection
            answer = self.post(request("shop", range(first, first + 10)), connection)
            self.assertEqual((answer.status, answer.body), (200, b""), answer.body)
            self.assertEqual(answer.headers["Content-Type"], PROTOBUF)
        answer = self.post(gzip.compress(request("cart", range(100, 150))), Content_Encoding="gzip")
        self.assertEqual(answer.status, 200)
        arrived = self.everything_arrives(range(150))
        self.assertEqual(len(arrived), 150)  # each once
        senders = self.senders()
        self.assertEqual({name: sender["received"] for name, sender in senders.items()}, {"shop": 100, "cart": 50})
        self.assertEqual(senders["shop"]["exporters"][0]["exported"], 100)
        self.assertEqual(senders["shop"]["instance"], "1")
        self.assertIn("received 100 = exported 100", self.workspace.command("audit"))
        self.assertRegex(self.workspace.command("ps"), r"shop +1 +\d+ \S+ +100 +100 +0 +0")
        connection.close()
        agent.stop()

    def test_json_is_the_same(self):
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        fields = {"traceId": "00000000000000001111111111111111", "spanId": "0100000000000000", "name": "json", "kind": 3,
                  "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": 1700000000000500000,
                  "attributes": [{"key": "n", "value": {"intValue": "7"}}], "unknown": [{}]}
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
        document = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [fields]}]}]}
        answer = self.post(json.dumps(document), Content_Type="application/json; charset=utf-8")
        self.assertEqual((answer.status, answer.headers["Content-Type"], json.loads(answer.body)),
                         (200, "application/json", {}))
        self.everything_arrives([0])
        del fields["unknown"]
        arrived = self.received.spans[0].fields
        self.assertEqual({key: str(value) for key, value in arrived.items() if key in fields},
                         {key: str(value) for key, value in fields.items()})
        refused = self.post("[]", Content_Type="application/json")
        self.assertEqual((refused.status, json.loads(refused.body)["code"]), (400, 3))
        fields["traceId"] = "00"
        partly = json.loads(self.post(json.dumps(document), Content_Type="application/json").body)
        self.assertEqual(partly["partialSuccess"]["rejectedSpans"], "1")
        agent.stop()

    def test_what_is_no_request_is_told_so(self):
        agent = self.workspace.agent("--config", self.configuration(http={"max_request_body_size": "64KiB"}))
        good = request("shop", [1])
        self.assertEqual(self.post(good, path="/v1/logs").status, 404)
        self.assertEqual(self.post(b"no protobuf").status, 400)
        self.assertEqual(self.post(good, Content_Type="text/plain").status, 415)
        self.assertEqual(self.post(good, Content_Encoding="br").status, 415)
        self.assertEqual(self.post(good, Content_Encoding="gzip").status, 400)
        self.assertEqual(self.post(b"x" * (65 << 10)).status, 413)
        bomb = self.post(gzip.compress(bytes(10 << 20)), Content_Encoding="gzip")
        self.assertEqual(bomb.status, 413)
        self.assertIn(b"larger than 65536 bytes", bomb.body)
        connection = self.connect()
        connection.request("GET", "/v1/traces")
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"))
        connection.close()
        partly = self.post(field(1, field(2, field(2, b"\x0a\x01x"))))
        self.assertEqual(partly.status, 200)
        self.assertEqual(partly.body[:4], b"\x0a" + varint(len(partly.body) - 2) + b"\x08\x01")  # one rejected span
        self.assertEqual(self.senders()[""]["exporters"][0]["dropped"]["invalid"], 1)
        agent.stop()

    def test_a_large_body_that_is_refused_gets_its_answer(self):
        """The client sends all of it before it reads."""
        agent = self.workspace.agent("--config", self.configuration(http={"max_request_body_size": "64KiB"}))
        self.assertEqual(self.post(bytes(8 << 20)).status, 413)
        self.assertEqual(self.post(itertools.repeat(bytes(64 << 10), 128)).status, 413)  # in chunks
        agent.stop()

    def test_a_body_that_is_promised_takes_no_room(self):
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        header = f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: {16 << 20}\r\n"
        silent = []
        for _ in range(8):
            connection = socket.create_connection(("127.0.0.1", self.port), timeout=harness.WATCHDOG)
            connection.sendall(header.encode() + b"Expect: 100-continue\r\n\r\n")
            self.assertIn(b"100", connection.recv(64))
            silent.append(connection)
        self.assertEqual(self.post(request("shop", range(2000))).status, 200)
        for connection in silent:
            connection.close()
        agent.stop()

    def test_a_unix_socket_is_for_its_user_and_survives_a_kill(self):
        self.collector.start()
        path = self.workspace.folder / "otlp.sock"
        configuration = self.configuration(address=f"unix:{path}")
        for number in (1, 2):
            agent = self.workspace.agent("--config", configuration)
            self.assertEqual(path.stat().st_mode & 0o777, 0o700)
            self.assertEqual(self.post(request("shop", [number]), UnixConnection(str(path))).status, 200)
            agent.kill()
        self.everything_arrives([1, 2])

    def test_too_many_connections_do_not_keep_others_out(self):
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration(http={"max_connections": 4}))
        idle = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(20)]
        self.assertEqual(self.post(request("shop", [1])).status, 200)
        for connection in idle:
            connection.close()
        agent.stop()


class Trouble(HttpReceiving):
    def test_a_dead_backend_is_answered_for_by_the_spool(self):
        agent = self.workspace.agent("--config", self.configuration())
        for number in range(20):
            self.assertEqual(self.post(request("shop", [number])).status, 200)
        agent.kill()
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        self.everything_arrives(range(20))
        self.assertEqual(self.senders()["shop"]["received"], 20)
        agent.stop()

    def test_a_backend_that_never_answers_delays_no_answer(self):
        """Without an exporter's spool and with its long time-out only the receiver's own file answers for them."""
        silent = deaf_backend(self)
        agent = self.workspace.agent("--config", self.configuration(silent))
        for number in range(5):
            self.assertEqual(self.post(request("shop", [number])).status, 200)
        pending = json.loads(self.workspace.command("ps", "--json"))["senders"][0]
        self.assertEqual((pending["received"], pending["exporters"][0]["pending"]), (5, 5))
        self.assertEqual(len(list((self.workspace.state / "received").iterdir())), 5)
        agent.kill()
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        self.everything_arrives(range(5))
        self.assertEqual(self.senders()["shop"]["exporters"][0]["exported"], 5)
        self.assertEqual(list((self.workspace.state / "received").iterdir()), [])
        agent.stop()

    def test_under_pressure_it_says_when_to_come_back(self):
        silent = deaf_backend(self)
        agent = self.workspace.agent("--config", self.configuration(silent, queue_size="1MiB", http={
            "max_request_body_size": "1MiB"}))
        numbers = itertools.count()
        taken = 0
        while True:
            answer = self.post(request("shop", [next(numbers) for _ in range(2000)]))
            if answer.status != 200:
                break
            taken += 2000
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (429, "1"))
        agent.kill()
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        self.everything_arrives(range(taken))
        self.assertEqual(self.senders()["shop"]["received"], taken)  # what was refused is in no number
        agent.stop()

    def test_kill_9_in_the_middle_loses_nothing_that_was_answered(self):
        self.collector.start()
        configuration = self.configuration()
        agent = self.workspace.agent("--config", configuration)
        answered, numbers = [], itertools.count()
        lock, done = threading.Lock(), threading.Event()

        def send():
            connection = self.connect()
            while not done.is_set():
                with lock:
                    mine = [next(numbers) for _ in range(20)]
                try:
                    if self.post(request("shop", mine), connection).status == 200:
                        with lock:
                            answered.extend(mine)
                except (OSError, http.client.HTTPException):
                    connection.close()
                    done.wait(0.01)  # the next agent listens soon
        senders = [threading.Thread(target=send) for _ in range(4)]
        for sender in senders:
            sender.start()
        try:
            for kills in range(1, 6):
                harness.wait_until(lambda: len(answered) >= kills * 400, "requests are answered")
                agent.kill()
                agent = self.workspace.agent("--config", configuration)
            harness.wait_until(lambda: len(answered) >= 2400, "requests are answered")
        finally:
            done.set()
            for sender in senders:
                sender.join()
        arrived = self.everything_arrives(answered)
        shop = self.senders()["shop"]
        # A request that was killed before its answer may have been booked, and is then known to be delivered.
        self.assertGreaterEqual(shop["received"], len(answered))
        self.assertLessEqual(shop["exporters"][0]["exported"], len(arrived))
        agent.stop()


class Steps(HttpReceiving):
    """Killed at each named step (killpoint.cpp), with a backend that answers and with one that never does."""

    STEPS = (("received_submitted", 3, False), ("received_open", 3, False), ("received_written", 3, False),
             ("received_file", 2, True), ("received_open", 2, True), ("received_written", 2, True))

    def test_a_kill_at_each_step_loses_nothing_that_was_answered(self):
        self.collector.start()
        silent = deaf_backend(self)
        numbers = itertools.count()
        answered, sent = [], 0
        for step, passage, kept in self.STEPS:
            with self.subTest(step=step, kept=kept):
                agent = self.workspace.start_agent("--config", self.configuration(silent if kept else None),
                                                   program=FAILING_AGENT, env={"SPANRING_KILL_AT": f"{step}:{passage}"})
                agent.wait_for_line("spanring-agent ready:", stream="stderr")
                while agent.running():
                    mine = [next(numbers) for _ in range(10)]
                    sent += 10
                    try:
                        if self.post(request("shop", mine)).status == 200:
                            answered += mine
                    except (OSError, http.client.HTTPException):
                        pass
                agent.expect(-signal.SIGKILL)
                agent = self.workspace.agent("--config", self.configuration())
                self.everything_arrives(answered)
                received = self.senders().get("shop", {"received": 0})["received"]
                self.assertTrue(len(answered) <= received <= sent, (len(answered), received, sent))
                self.assertEqual(list((self.workspace.state / "received").iterdir()), [])
                agent.stop()


class AgentSends(HttpReceiving):
    """Another agent as the sender, by each compression and way that both know."""

    def relay(self, endpoint, address, compression):
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration(address=address))
        folder, state = self.workspace.unique("segments"), self.workspace.unique("state")
        folder.mkdir(mode=0o700)
        exporter = agent_configuration.quick(endpoint, compression=compression)
        first = self.workspace.agent("--config", agent_configuration.write(self.workspace, {"otlp_http": exporter}),
                                     directory=folder, state=state)
        producer = self.workspace.producer("--seed", 3, "--count", 500, "--flush", 60, "--service", "shop",
                                           env={"SPANRING_DIR": folder})
        producer.expect(0)
        compare_all([producer], self.received, agent, self.collector)
        self.assertEqual(self.senders()["shop"]["received"], 500)
        first.stop()

    def test_gzip(self):
        self.relay(f"http://127.0.0.1:{self.port}", f"127.0.0.1:{self.port}", "gzip")

    def test_zstd_over_a_unix_socket(self):
        path = self.workspace.folder / "otlp.sock"
        self.relay(f"unix:{path}", f"unix:{path}", "zstd")


if __name__ == "__main__":
    harness.main()
