# SPDX-License-Identifier: Apache-2.0
"""What tests have in common in which one agent takes over from another while spans flow and clients connect."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import threading

import agent_configuration
import harness
from comparison import compare, records
from otlp_json import Received
from receiving import PROTOBUF, identity, request

RATE = int(os.environ.get("SPANRING_REPLACED_RATE", "500"))  # spans a second, of each of two producers


class Sender(threading.Thread):
    """A client that makes a connection for each request, and sends one again only where it was told to."""

    def __init__(self, port):
        super().__init__(daemon=True)  # a test that fails does not wait for it
        self.port = port
        self.sent = 0
        self.again = 0
        self.failures = []
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.is_set() and not self.failures:
            try:
                self.send(self.sent + 1)
            except Exception as error:  # refused, reset, not answered
                self.failures.append(repr(error))
            self.ending.wait(0.005)

    def send(self, number):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=harness.WATCHDOG)
        with contextlib.closing(connection):
            connection.request("POST", "/v1/traces", request("shop", [number]), {"Content-Type": PROTOBUF})
            answer = connection.getresponse()
            answer.read()
        if answer.status == 503:
            self.again += 1
            return
        if answer.status != 200:
            raise AssertionError(f"answered {answer.status}")
        self.sent = number

    def identities(self):
        return {identity(number) for number in range(1, self.sent + 1)}

    def end(self):
        self.ending.set()
        self.join()


class Prober(Sender):
    def send(self, _):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=harness.WATCHDOG)
        with contextlib.closing(connection):
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
        if answer.status != 200:
            raise AssertionError(f"answered {answer.status}")
        self.sent += 1


class Knocker(Sender):
    """Only connects."""

    def send(self, number):
        socket.create_connection(("127.0.0.1", self.port), timeout=harness.WATCHDOG).close()
        self.sent = number


class GrpcSender(Sender):
    """gRPC's own client, over a connection that it makes anew where it was told to leave."""

    FIRST = 10_000_000  # of its spans' numbers: those of a Sender are below
    CLIENT = harness.BUILD / "tests/integration/grpc_client"
    EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    OK, CANCELLED, UNAVAILABLE = "0", "1", "14"

    def __init__(self, port):
        self.client = subprocess.Popen([self.CLIENT, f"127.0.0.1:{port}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)
        super().__init__(port)

    def send(self, number):
        self.client.stdin.write(f"{self.EXPORT} none {request('shop', [self.FIRST + number]).hex()}\n")
        self.client.stdin.flush()
        code, _, _, message = self.client.stdout.readline().rstrip("\n").split(" ", 3)
        # By OTLP both are to be sent again: what a connection of the old one brings at its very end, gRPC itself ends so.
        if code in (self.CANCELLED, self.UNAVAILABLE):
            self.again += 1
            return
        if code != self.OK:
            raise AssertionError(f"answered {code}: {message}")
        self.sent = number

    def identities(self):
        return {identity(self.FIRST + number) for number in range(1, self.sent + 1)}

    def end(self):
        super().end()
        self.client.stdin.close()
        self.client.wait(harness.WATCHDOG)
        self.client.stdout.close()


class Replacing(harness.Case):
    def control(self):
        """The path may be longer than a socket's address."""
        folder = os.open(self.workspace.state, os.O_PATH)
        self.addCleanup(os.close, folder)
        return f"/proc/self/fd/{folder}/control.sock"

    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector()
        self.received = Received(self.collector.received)
        self.port = harness.free_port()
        self.health = harness.free_port()
        # Patient: what a busy machine's backend answers too late comes twice, rightly.
        self.exporters = {"otlp_grpc": agent_configuration.quick(self.collector.endpoint, timeout="60s")}
        self.file = self.configuration(self.exporters)
        self.seed = 0

    def configuration(self, exporters, **protocols):
        protocols = protocols or {"http": {"endpoint": f"127.0.0.1:{self.port}"}}
        path = self.workspace.unique("agent.yaml")
        path.write_text(json.dumps({
            "receivers": {"spanring": None, "otlp": {"protocols": protocols}},
            "processors": {"batch": {"send_batch_size": 512, "timeout": "50ms"}},
            "exporters": exporters,
            "service": {"pipelines": {"traces": {"receivers": ["spanring", "otlp"], "processors": ["batch"],
                                                 "exporters": list(exporters)}}}}))
        return path

    def flags(self, file=None):
        return "--config", file or self.file, "--metrics-address", f"127.0.0.1:{self.health}"

    def agent(self, *more, file=None, **options):
        return self.workspace.agent(*self.flags(file), *more, **options)

    def new(self, *more, file=None, **options):
        return self.workspace.start_agent(*self.flags(file), "--replace", *more, **options)

    def replaced(self, old, **options):
        new = self.new(**options)
        new.wait_for_line("spanring-agent ready:", stream="stderr")
        old.expect(0)
        return new

    def producers(self, number=2, rate=RATE):
        made = []
        for _ in range(number):
            self.seed += 1
            made.append(self.workspace.producer("--seed", self.seed, "--service", f"service-{self.seed}", "--endless",
                                                "--rate", rate, "--flush", 60))
        for producer in made:
            producer.wait_for_line("ready")
        return made

    def arrive(self, number):
        enough = self.received.count() + number
        harness.wait_until(lambda: self.received.count() >= enough, "spans arrive")

    def judge(self, agent, producers, *senders):
        """All of it is at the backend as it was set, once, and the accounts say so."""
        wanted = records(producers)
        harness.wait_until(lambda: wanted.keys() <= self.received.by_identity().keys(), "the spans arrive")
        rows = self.workspace.accounting()
        document = json.loads(self.workspace.command("accounting", "--wait", harness.QUIET, "--json"))
        agent.stop()
        self.collector.stop()
        arrived = self.received.by_identity()
        sent = set().union(*(sender.identities() for sender in senders))
        self.assertEqual(arrived.keys(), wanted.keys() | sent)
        own = {one: spans for one, spans in arrived.items() if one in wanted}
        self.assertEqual({len(arrived[one]) for one in sent} - {1}, set(), "what a sender sent came once")
        compare(wanted, own)
        self.assertEqual(sum(row["exporters"][0]["exported"] for row in rows), len(wanted))
        self.assertEqual(sum(row["exporters"][0]["exported"] for row in document["senders"]), len(sent))
