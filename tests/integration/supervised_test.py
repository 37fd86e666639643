# SPDX-License-Identifier: Apache-2.0
"""Who watches the agent: a supervisor that is told by systemd's protocol, and probes of health on their own address."""

import contextlib
import ctypes
import http.client
import json
import os
import re
import resource
import socket
import urllib.error
import urllib.request

import agent_configuration
import harness

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread):
    if LIBC.ptrace(request, thread, None, None) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


class Stopped:
    """One thread of a process, which stands still."""

    def __init__(self, process, name):
        self.thread = int(process.thread(name).name)
        ptrace(PTRACE_SEIZE, self.thread)
        ptrace(PTRACE_INTERRUPT, self.thread)
        os.waitpid(self.thread, WALL)

    def go_on(self):
        ptrace(PTRACE_DETACH, self.thread)


class Supervised(harness.Case):
    def test_it_is_not_fed_while_a_thread_stands_still(self):
        for name in "metrics", "drain/0":
            with self.subTest(thread=name):
                self.stands_still(name)

    def stands_still(self, name):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            path = self.workspace.unique("notify")
            ear.bind(str(path))
            ear.settimeout(harness.WATCHDOG)
            agent = self.workspace.agent("--exporter", "store", "--metrics-address", "127.0.0.1:0",
                                         env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": 1_000_000})
            self.assertEqual([ear.recv(64) for _ in range(3)], [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"])
            try:
                stopped = Stopped(agent, name)
            except PermissionError:
                self.skipTest("a process may not be stopped here")
            line = f"thread {name} has been in one piece of work for"
            harness.wait_until(lambda: line in agent.stderr(), "the log says which thread it is")
            ear.setblocking(False)
            while True:  # what was said before
                try:
                    ear.recv(64)
                except BlockingIOError:
                    break
            told = agent.stderr().count(line)
            harness.wait_until(lambda: agent.stderr().count(line) > told + 2, "it was due more than once")
            with self.assertRaises(BlockingIOError):
                ear.recv(64)
            stopped.go_on()
            ear.settimeout(harness.WATCHDOG)
            self.assertEqual(ear.recv(64), b"WATCHDOG=1")
            agent.stop()

    def test_a_receiver_that_takes_no_connections_is_not_ready(self):
        """Of two addresses, so that the one that is asked needs no descriptor: its connection stays."""
        port = harness.free_port()
        file = agent_configuration.write(self.workspace, {"debug": {}},
                                         extensions={"health_check": {"endpoint": "127.0.0.1:0"}})
        document = json.loads(file.read_text())
        document["receivers"]["otlp"] = {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}
        document["service"]["pipelines"]["traces"]["receivers"].append("otlp")
        file.write_text(json.dumps(document))
        agent = self.workspace.agent("--config", file)
        where = int(re.search(r"health=http://127\.0\.0\.1:(\d+)/", agent.stderr()).group(1))
        connection = http.client.HTTPConnection("127.0.0.1", where, timeout=harness.WATCHDOG)
        self.addCleanup(connection.close)

        def ready():
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        self.assertEqual(ready(), (200, "ok\n"))
        limits = resource.prlimit(agent.pid, resource.RLIMIT_NOFILE)
        in_use = max(int(name) for name in os.listdir(f"/proc/{agent.pid}/fd")) + 1
        resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (in_use, limits[1]))
        with contextlib.ExitStack() as clients:
            def refused():  # a descriptor that was free in between may be taken first
                clients.enter_context(socket.create_connection(("127.0.0.1", port)))
                said = ready()
                return said if said[0] == 503 else None
            _, said = harness.wait_until(refused, "there is no descriptor for one more")
            self.assertEqual(said, f"receivers.otlp: takes no connections at 127.0.0.1:{port}: Too many open files\n")
            resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, limits)
            harness.wait_until(lambda: ready() == (200, "ok\n"), "who waited is let in")
        self.assertIn("takes connections at", agent.stderr())
        agent.stop()

    def test_health_has_an_address_of_its_own(self):
        file = agent_configuration.write(
            self.workspace, {"otlp_grpc": agent_configuration.quick(f"http://127.0.0.1:{harness.free_port()}")},
            extensions={"health_check": {"endpoint": "127.0.0.1:0", "path": "/live"}})
        agent = self.workspace.agent("--config", file)
        self.assertNotIn("metrics=", agent.stderr())
        url = re.search(r"health=(http://127\.0\.0\.1:\d+)/healthz", agent.stderr()).group(1)

        def ask(path):
            try:
                with urllib.request.urlopen(url + path, timeout=harness.WATCHDOG) as answer:
                    return answer.status
            except urllib.error.HTTPError as refusal:
                return refusal.code
        self.assertEqual([ask(path) for path in ("/live", "/healthz", "/readyz", "/metrics")], [200, 200, 200, 404])
        self.workspace.producer("--count", 10, "--flush", 60).expect(0)
        harness.wait_until(lambda: ask("/readyz") == 503, "the backend is away")
        self.assertEqual(ask("/live"), 200, "which is no reason to restart an agent")
        agent.stop()


if __name__ == "__main__":
    harness.main()
