# SPDX-License-Identifier: Apache-2.0
"""What comes by OTLP over gRPC; what becomes of it then is the same as over HTTP (receive_test.py).

The sender is gRPC's own client with bytes that are made up here (grpc_client.cpp), and another agent; for what no client
does, frames by hand. An SDK as the sender: differential_test.py.
"""

import contextlib
import http.client
import itertools
import re
import signal
import socket
import struct
import subprocess
import threading

import agent_configuration
import harness
from comparison import compare_all
from hostile_backend import (ACK, DATA, END_HEADERS, HEADERS, PING, PREFACE, SETTINGS, WINDOW_UPDATE, HostileBackend,
                             frame, greet, grpc_answer, grpc_requests, header, message, read_frame)
from receiving import FAILING_AGENT, Receiving, deaf_backend, field, request

CLIENT = harness.BUILD / "tests/integration/grpc_client"
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
OK, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE, UNAUTHENTICATED = 0, 3, 8, 12, 14, 16
RST_STREAM = 3


class Client:
    def __init__(self, case, target, *arguments):
        self.process = subprocess.Popen([CLIENT, target, *arguments], env=harness.environment(GRPC_VERBOSITY="NONE"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        case.addCleanup(self.close)

    def close(self):
        self.process.stdin.close()
        self.process.wait(harness.WATCHDOG)
        self.process.stdout.close()

    def call_once(self, body):
        """Of a client that does not wait for a connection."""
        return self.call(body, compression="once")

    def call(self, body, compression="none", method=EXPORT):
        self.process.stdin.write(f"{method} {compression} {body.hex() or '-'}\n")
        self.process.stdin.flush()
        code, self.response, self.details, self.message = self.process.stdout.readline().rstrip("\n").split(" ", 3)
        return int(code)


class GrpcReceiving(Receiving):
    PROTOCOL = "grpc"

    def client(self, target=None):
        return Client(self, target or f"127.0.0.1:{self.port}")


class Grpc(GrpcReceiving):
    def test_a_request_is_delivered_answered_and_counted(self):
        self.collector.start()
        other = harness.free_port()
        agent = self.workspace.agent("--config", self.configuration(http={"endpoint": f"127.0.0.1:{other}"}))
        client = self.client()
        for first in range(0, 100, 10):
            self.assertEqual(client.call(request("shop", range(first, first + 10))), OK, client.message)
            self.assertEqual(client.response, "-")
        self.assertEqual(client.call(request("cart", range(100, 3100)), "gzip"), OK, client.message)
        connection = http.client.HTTPConnection("127.0.0.1", other, timeout=harness.WATCHDOG)
        connection.request("POST", "/v1/traces", request("shop", range(3100, 3110)),
                           {"Content-Type": "application/x-protobuf"})
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        self.assertEqual(len(self.everything_arrives(range(3110))), 3110)  # each once
        senders = self.senders()
        self.assertEqual({name: sender["received"] for name, sender in senders.items()}, {"shop": 110, "cart": 3000})
        self.assertEqual(senders["shop"]["exporters"][0]["exported"], 110)
        agent.stop()

    def test_what_is_no_request_is_told_so(self):
        agent = self.workspace.agent("--config", self.configuration(grpc={"max_recv_msg_size_mib": 1}))
        client = self.client()
        self.assertEqual(client.call(b"", method="/opentelemetry.proto.collector.logs.v1.LogsService/Export"), UNIMPLEMENTED)
        self.assertEqual(client.call(b"no protobuf"), INVALID_ARGUMENT)
        self.assertEqual(client.call(b"\x1f\x8b no gzip"), INVALID_ARGUMENT)
        for body, compression in ((bytes(2 << 20), "none"), (bytes(8 << 20), "gzip")):
            self.assertEqual(client.call(body, compression), RESOURCE_EXHAUSTED)
            self.assertIn("larger than max", client.message)
            self.assertEqual(client.details, "-")  # in vain, however often
        self.assertEqual(client.call(b""), OK)
        self.assertEqual(client.call(field(1, field(2, field(2, b"\x0a\x01x")))), OK)
        self.assertRegex(client.response, "^0a..0801")  # one rejected span
        self.assertEqual(self.senders()[""]["exporters"][0]["dropped"]["invalid"], 1)
        agent.stop()

    def test_a_unix_socket_is_for_its_user_and_survives_a_kill(self):
        self.collector.start()
        path = self.workspace.folder / "otlp.sock"
        configuration = self.configuration(address=f"unix:{path}")
        for number in (1, 2):
            agent = self.workspace.agent("--config", configuration)
            self.assertEqual(path.stat().st_mode & 0o777, 0o700)
            client = self.client(f"unix:{path}")
            self.assertEqual(client.call(request("shop", [number])), OK, client.message)
            agent.kill()
        self.everything_arrives([1, 2])

    def test_under_pressure_it_says_when_to_come_back(self):
        agent = self.workspace.agent("--config", self.configuration(deaf_backend(self), queue_size="1MiB",
                                                                    grpc={"max_recv_msg_size_mib": 1}))
        client = self.client()
        numbers = itertools.count()
        taken = 0
        while (code := client.call(request("shop", [next(numbers) for _ in range(2000)]))) == OK:
            taken += 2000
        self.assertEqual(code, RESOURCE_EXHAUSTED)
        self.assertIn(b"type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x01", bytes.fromhex(client.details))
        agent.kill()
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        self.everything_arrives(range(taken))
        self.assertEqual(self.senders()["shop"]["received"], taken)  # what was refused is in no number
        agent.stop()


class Killed(GrpcReceiving):
    def test_a_kill_at_each_step_loses_nothing_that_was_answered(self):
        self.collector.start()
        numbers = itertools.count()
        answered, sent = [], 0
        client = self.client()
        for step, passage, kept in (("received_submitted", 3, False), ("received_written", 3, False),
                                    ("received_file", 2, True), ("received_written", 2, True)):
            with self.subTest(step=step, kept=kept):
                configuration = self.configuration(deaf_backend(self) if kept else None)
                agent = self.workspace.start_agent("--config", configuration, program=FAILING_AGENT,
                                                   env={"SPANRING_KILL_AT": f"{step}:{passage}"})
                agent.wait_for_line("spanring-agent ready:", stream="stderr")
                while agent.running():
                    mine = [next(numbers) for _ in range(10)]
                    sent += 10
                    if client.call(request("shop", mine)) == OK:
                        answered += mine
                    else:  # killed; or the connection was one to the agent before, and the next call has a new one
                        with contextlib.suppress(subprocess.TimeoutExpired):
                            agent.popen.wait(1)
                agent.expect(-signal.SIGKILL)
                agent = self.workspace.agent("--config", self.configuration())
                self.everything_arrives(answered)
                received = self.senders().get("shop", {"received": 0})["received"]
                self.assertTrue(len(answered) <= received <= sent, (len(answered), received, sent))
                self.assertEqual(list((self.workspace.state / "received").iterdir()), [])
                agent.stop()


class Connection:
    """HTTP/2 by hand; reads nothing but what it is asked to."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=harness.WATCHDOG)
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x7fffffff)) +
                            frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fff0000)))

    @staticmethod
    def opening(stream):
        return frame(HEADERS, END_HEADERS, stream, b"".join(header(name, value) for name, value in (
            (":method", b"POST"), (":scheme", b"http"), (":path", EXPORT.encode()), (":authority", b"x"),
            ("content-type", b"application/grpc"), ("te", b"trailers"))))

    def ends(self):
        """Whatever is read before it. Wakes whoever sends; a close would not."""
        with contextlib.suppress(OSError):
            while self.socket.recv(1 << 16):
                pass
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def send_until_it_ends(self, blocks):
        reader = threading.Thread(target=self.ends)
        reader.start()
        with contextlib.suppress(OSError):
            for block in blocks:
                self.socket.sendall(block)
        reader.join()
        self.socket.close()


class Floods(GrpcReceiving):
    def start(self, **grpc):
        self.collector.start()
        self.agent = self.workspace.agent("--config", self.configuration(grpc=grpc))

    def serves_others(self):
        client = self.client()
        self.assertEqual(client.call(request("shop", [1])), OK, client.message)
        self.agent.stop()

    def memory(self):
        with open(f"/proc/{self.agent.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))

    def test_too_many_connections_do_not_keep_others_out(self):
        self.start(max_connections=4)
        idle = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(20)]
        self.serves_others()
        for connection in idle:
            connection.close()

    def test_whoever_only_opens_and_resets_calls_is_shut_out(self):
        self.start()
        before = self.memory()
        Connection(self.port).send_until_it_ends(
            b"".join(Connection.opening(stream) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))
                     for stream in range(first, first + 200, 2)) for first in itertools.count(1, 200))
        self.assertLess(self.memory(), before + (1 << 30))  # of gigabytes, for as long as anybody takes them
        self.serves_others()

    def test_whoever_only_pings_is_shut_out(self):
        self.start()
        Connection(self.port).send_until_it_ends(itertools.repeat(frame(PING, 0, 0, b"flooding") * 1000))
        self.serves_others()

    def test_a_message_of_gigabytes_is_not_kept(self):
        self.start()
        before = self.memory()
        connection = Connection(self.port)
        connection.socket.sendall(connection.opening(1) + frame(DATA, 0, 1, b"\0" + struct.pack(">I", 0x7fffffff)))
        piece = bytes(16384)
        window, ended = 0, False  # what it may send; the rest of what its peer says
        while not ended:
            kind, flags, stream, payload = read_frame(connection.socket)
            if kind == WINDOW_UPDATE and stream == 1:
                window += int.from_bytes(payload, "big")
            ended = kind == RST_STREAM or (kind == HEADERS and flags & 1)
            while window >= len(piece) and not ended:
                window -= len(piece)
                try:
                    connection.socket.sendall(frame(DATA, 0, 1, piece))
                except OSError:
                    ended = True
        connection.socket.close()
        self.assertLess(self.memory(), before + (160 << 20))
        self.serves_others()

    def test_messages_that_never_end_do_not_keep_others_out(self):
        self.start()
        silent = []
        for _ in range(4):
            connection = Connection(self.port)
            for stream in range(1, 41, 2):
                connection.socket.sendall(connection.opening(stream) + frame(DATA, 0, stream, message(bytes(1000))[:500]))
            silent.append(connection)
        self.serves_others()
        for connection in silent:
            connection.socket.close()


class EachReadsItsOwn(GrpcReceiving):
    """Whoever floods keeps the thread busy that reads from him, and no other."""
    TURNS = 2000

    def start(self, backend):
        self.addCleanup(backend.close)
        self.agent = self.workspace.agent("--config", self.configuration({"endpoint": backend.endpoint, "timeout": "1h"}))

    def awoken(self, thread):
        """How often one of the agent's had something to do."""
        status = (self.agent.thread(thread) / "status").read_text(encoding="ascii")
        return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.MULTILINE)[1])

    def take_turns(self, connection):
        """Says something, and again when that has been read."""
        for _ in range(self.TURNS):
            connection.sendall(frame(SETTINGS, 0, 0))
            while read_frame(connection)[:2] != (SETTINGS, ACK):
                pass

    def test_what_a_backend_sends_is_read_by_its_exporter_alone(self):
        def serve(backend, connection):
            greet(connection)
            stream = next(grpc_requests(connection))
            self.take_turns(connection)
            backend.count()
            connection.sendall(grpc_answer(stream, 0))
            backend.wait_for_end()
        backend = HostileBackend(serve)
        self.start(backend)
        client = self.client()
        sender, receiver = self.awoken("send/otlp_grpc"), self.awoken("receive-grpc")
        self.assertEqual(client.call(request("shop", [1])), OK, client.message)
        harness.wait_until(lambda: backend.requests == 1, "the backend has said everything")
        self.assertGreater(self.awoken("send/otlp_grpc") - sender, 3 * (self.awoken("receive-grpc") - receiver))
        self.agent.stop()

    def test_what_a_sender_sends_is_read_by_the_receiver_alone(self):
        def serve(backend, connection):
            greet(connection)
            stream = next(grpc_requests(connection))
            backend.count()
            backend.wait_for_end()
            connection.sendall(grpc_answer(stream, 0))
        backend = HostileBackend(serve)
        self.start(backend)
        client = self.client()
        self.assertEqual(client.call(request("shop", [1])), OK, client.message)  # its exporter waits for the backend
        harness.wait_until(lambda: backend.requests == 1, "the backend has the request")
        connection = Connection(self.port).socket
        self.addCleanup(connection.close)
        sender, receiver = self.awoken("send/otlp_grpc"), self.awoken("receive-grpc")
        self.take_turns(connection)
        self.assertGreater(self.awoken("receive-grpc") - receiver, 3 * (self.awoken("send/otlp_grpc") - sender))
        backend.ending.set()
        self.agent.stop()


class AgentSends(GrpcReceiving):
    """Another agent as the sender."""

    def test_gzip(self):
        self.collector.start()
        agent = self.workspace.agent("--config", self.configuration())
        folder, state = self.workspace.unique("segments"), self.workspace.unique("state")
        folder.mkdir(mode=0o700)
        exporter = agent_configuration.quick(f"http://127.0.0.1:{self.port}", compression="gzip")
        first = self.workspace.agent("--config", agent_configuration.write(self.workspace, {"otlp_grpc": exporter}),
                                     directory=folder, state=state)
        producer = self.workspace.producer("--seed", 3, "--count", 500, "--flush", 60, "--service", "shop",
                                           env={"SPANRING_DIR": folder})
        producer.expect(0)
        compare_all([producer], self.received, agent, self.collector)
        self.assertEqual(self.senders()["shop"]["received"], 500)
        first.stop()


if __name__ == "__main__":
    harness.main()
