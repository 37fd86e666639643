#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tracing adds to the CPU time that Envoy takes for a request: without, with spanring, with Envoy's own OpenTelemetry tracer.

    run.py BUILD [ROUNDS]    BUILD is a folder with the Meson options bench=true and integrations=envoy, built

Four Envoys of one worker each run at once and take turns, in slices of the same number of requests, which Envoy answers by itself: one span a
request. CPU time is that of the whole process, so it has what its exporter takes; spanring's agent is another process, which drains
meanwhile. Agent and exporter send to the same sink (bench/otlp_sink).
"""

import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent.parent
BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else SOURCE / "build").resolve()
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 40
os.environ["SPANRING_BUILD"] = str(BUILD)
sys.path.insert(0, str(SOURCE / "tests/integrations/envoy"))
from running_envoy import LATEST, MODULES, Envoy, cluster, harness, listener, opentelemetry_provider, provider  # noqa: E402

CONNECTIONS = 64
SLICE = 40 * CONNECTIONS  # requests
REQUEST = b"GET /own HTTP/1.1\r\nhost: bench.example\r\nuser-agent: bench\r\n\r\n"


def cpu(pid):
    """Microseconds, of all threads: the scheduler's sum, which is exact to the nanosecond."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e3


class Client:
    """Connections that are kept, with a request on each at a time."""

    def __init__(self, port):
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]

    def requests(self, count):
        for _ in range(count // CONNECTIONS):
            for one in self.sockets:
                one.sendall(REQUEST)
            for one in self.sockets:
                if not one.recv(65536).endswith(b"own"):
                    raise RuntimeError("an answer came in parts, or none")

    def close(self):
        for one in self.sockets:
            one.close()


def sink(workspace):
    """A gRPC receiver that reads what comes and keeps nothing; its port."""
    process = harness.Process(workspace, "sink", [BUILD / "bench/otlp_sink"], stdin=subprocess.PIPE, env=harness.environment())
    return int(process.wait_for_line("ready ").rsplit(":", 1)[1])


def main():
    for needed in (MODULES / f"libspanring_envoy_{LATEST}.so", BUILD / "bench/otlp_sink"):
        if not needed.exists():
            print(f"envoy: {needed} is not built", file=sys.stderr)
            sys.exit(77)
    workspace = harness.Workspace()
    try:
        measure(workspace)
    except unittest.SkipTest as why:
        print(why, file=sys.stderr)
        sys.exit(77)
    finally:
        workspace.close()


def measure(workspace):
    port = sink(workspace)
    workspace.agent("--endpoint", f"http://127.0.0.1:{port}")
    collector = [cluster("collector", port, http2=True), cluster("upstream", 1)]  # nothing goes to the second
    kinds = {"off": None, "spanring": provider(LATEST, {"service_name": "bench"}), "own": opentelemetry_provider("bench"),
             "own, 512 spans a request": opentelemetry_provider("bench")}
    envoys = {}
    for name, spans in kinds.items():
        tracing = {"random_sampling": {"value": 100}, "provider": spans} if spans else None
        listen = harness.free_port()
        layers = [{"name": "spans", "static_layer": {"tracing.opentelemetry.min_flush_spans": 512}}] if "512" in name else []
        envoy = Envoy(workspace, LATEST, [listener(listen, tracing)], collector, concurrency=1, more={"layered_runtime": {"layers": layers}})
        envoys[name] = (envoy, Client(listen))
    found = {name: [] for name in kinds}
    for number in range(ROUNDS + 2):
        for name, (envoy, client) in envoys.items():
            before = cpu(envoy.pid)
            client.requests(SLICE)
            if number >= 2:  # the first warm up
                found[name].append((cpu(envoy.pid) - before) / SLICE)
    workspace.accounting()
    off = statistics.median(found["off"])
    added = {name: statistics.median(values) - off for name, values in found.items()}
    print(f"load {os.getloadavg()[0]:.1f}; {ROUNDS} rounds of {SLICE} requests; CPU of Envoy {LATEST} a request, us: median (least), added, of own")
    for name, values in found.items():
        share = added[name] / added["own"]
        print(f"{name:26} {statistics.median(values):7.2f} ({min(values):.2f})  {added[name]:+7.2f}  {share:6.2f}")
    shape = "added to a request"  # as bench/routes.py knows it
    print(f"{shape}: {added['spanring'] * 1e3:.0f} ns, own {added['own'] * 1e3:.0f} ns: {added['own'] / added['spanring']:.1f} times")
    for _, (envoy, client) in envoys.items():
        client.close()
        envoy.send(signal.SIGTERM)


if __name__ == "__main__":
    main()
