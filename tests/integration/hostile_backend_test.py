# SPDX-License-Identifier: Apache-2.0
"""A backend's worst day: what it sends, asks for and claims costs the agent neither memory nor a flood of requests, and
no span its place in the accounts."""

import base64
import json
import os
import time

import agent_configuration
import harness
from hostile_backend import (HostileBackend, SETTINGS, PING, endless_http, frame, grpc, grpc_answer, grpc_flood,
                             gzip_bomb, http, http_answer)

SPANS = 4000
IN_FLIGHT = 8  # requests may be on their way when the first answer comes
A_FLOOD = 0.2  # of a core; twice of what the agent lets one cost
ROOM = 1.2     # times the memory of an agent with an honest backend

RETRY = {"initial_interval": "1h", "max_interval": "1h"}
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n\r\n"


class HostileBackendTest(harness.Case):
    def run_agent(self, exporter, serve, **settings):
        """The agent and the backend, once a producer's spans were handed to both."""
        backend = HostileBackend(serve)
        self.addCleanup(backend.close)
        configuration = agent_configuration.write(self.workspace, {exporter: {"endpoint": backend.endpoint, **settings}},
                                                  batch=256)
        agent = self.workspace.agent("--config", configuration)
        self.workspace.producer("--count", SPANS, "--flush", 60).expect(0)
        return agent, backend

    def peak(self, agent):
        with open(f"/proc/{agent.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    def cpu(self, agent):
        """Seconds."""
        with open(f"/proc/{agent.pid}/stat", encoding="ascii") as stat:
            user, system = stat.read().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def honest_peak(self, exporter):
        """Of an agent that is done with the same spans, in folders of its own."""
        serve = grpc(lambda _, stream: grpc_answer(stream, 0)) if exporter == "otlp_grpc" else \
            http(lambda *_: http_answer("200 OK"))
        agent, backend = self.run_agent(exporter, serve)
        peak = self.peak(agent)
        agent.stop()
        backend.close()
        return peak

    def pending(self):
        """Of the accounts: spans that wait in the spool."""
        processes = json.loads(self.workspace.command("audit", "--json"))["processes"]
        return sum(exporter["pending"] for process in processes for exporter in process["exporters"])

    def costs_no_memory(self, exporter, serve):
        honest = self.honest_peak(exporter)
        agent, _ = self.run_agent(exporter, serve)
        self.assertLess(self.peak(agent), ROOM * honest)
        agent.stop()

    def test_an_answer_that_grows_when_it_is_decompressed(self):
        bomb = gzip_bomb(200 << 20)
        self.costs_no_memory("otlp_grpc", grpc(lambda _, stream: grpc_answer(stream, 0, bomb, compressed=True)))

    def test_a_body_without_an_end(self):
        beginning = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\r\n"
        self.costs_no_memory("otlp_http", endless_http(beginning, b"x" * 4096))

    def test_headers_without_an_end(self):
        self.costs_no_memory("otlp_http", endless_http(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"))

    def test_trailers_without_an_end(self):
        self.costs_no_memory("otlp_http", endless_http(CHUNKED + b"0\r\n", b"X-More: and more\r\n"))

    def is_left_alone_after(self, exporter, flood):
        """The flood ends with its connection, which the agent closes; and what was not answered is not lost."""
        agent, backend = self.run_agent(exporter, flood, timeout="60s", retry_on_failure=RETRY)
        harness.wait_until(lambda: "keeps the agent busy" in agent.stderr(), "the agent notices")
        harness.wait_until(lambda: not backend.serving(), "its connections are closed")
        self.assertLessEqual(backend.requests, IN_FLIGHT)
        agent.stop()
        self.assertEqual(self.pending(), SPANS)

    def is_slowed_down(self, flood):
        """Little of it fits into the socket of the agent, or the connection is closed, by the agent or by gRPC: that is
        decided by who is faster. It costs next to nothing from then on, and what was not answered is not lost."""
        agent, backend = self.run_agent("otlp_grpc", flood, timeout="2s", retry_on_failure=RETRY)
        harness.wait_until(lambda: "does not take spans" in agent.stderr(), "the agent notices")
        self.assertLessEqual(backend.requests, IN_FLIGHT)
        before, began = self.cpu(agent), time.monotonic()
        time.sleep(2)
        self.assertLess(self.cpu(agent) - before, A_FLOOD * (time.monotonic() - began))
        agent.stop()
        self.assertEqual(self.pending(), SPANS)

    def test_a_flood_of_frames_that_are_to_be_acknowledged(self):
        self.is_slowed_down(grpc_flood(frame(SETTINGS, 0, 0)))

    def test_a_flood_of_pings(self):
        self.is_slowed_down(grpc_flood(frame(PING, 0, 0, b"flooding")))

    def test_extensions_of_chunks_without_an_end(self):
        self.is_left_alone_after("otlp_http", endless_http(CHUNKED + b"4;", b"name=value;" * 100))

    def asks_seldom(self, exporter, serve):
        """However soon the backend wants to be asked again: those that were on their way, and then the backoff."""
        agent, backend = self.run_agent(exporter, serve, retry_on_failure=RETRY)
        self.assertLessEqual(backend.requests, IN_FLIGHT)
        agent.stop()
        self.assertEqual(self.pending(), SPANS)

    def test_a_retry_info_of_nothing(self):
        delay = b"\x1a\x2a\x0a\x28type.googleapis.com/google.rpc.RetryInfo"
        self.asks_seldom("otlp_grpc", grpc(lambda _, stream: grpc_answer(
            stream, 14, trailers=[("grpc-status-details-bin", base64.b64encode(delay))])))

    def test_a_retry_after_of_nothing(self):
        self.asks_seldom("otlp_http", http(lambda *_: http_answer("503 Not now", b"", "Retry-After: 0")))

    def test_a_page_to_log_in_at(self):
        page = http_answer("200 OK", b"<html>Log in</html>", "Content-Type: text/html")
        self.asks_seldom("otlp_http", http(lambda *_: page))

    def test_a_log_that_is_one_line_for_each_trouble(self):
        """Rejected with four megabytes of new lines and escape sequences, again and again."""
        text = b"\x1b[2J\nall is well\n" * 10_000
        agent, backend = self.run_agent("otlp_http", http(lambda *_: http_answer("400 No", text)))
        self.assertGreater(backend.requests, 10)
        agent.stop()
        lines = agent.stderr().splitlines()
        self.assertNotIn("\x1b", agent.stderr())
        self.assertLess(len(agent.stderr()), 4000)
        self.assertEqual(sum("were rejected" in line for line in lines), 1)


if __name__ == "__main__":
    harness.main()
