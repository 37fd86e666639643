#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs to take OTLP/gRPC in and to send it on: the agent, gRPC's own floor (grpc_relay), and a Collector.

In turns, round by round: one sender (requests of 512 spans of 183 bytes, eight at a time), the relay in question, one sink.
CPU of the relay for a span, of all its threads, by /proc/PID/schedstat; medians. Then how long answers take, at a steady
rate, while a backend answers within a millisecond, and while it takes two seconds.

The build needs the option bench; --collector names a Collector (bench/peers/build.sh, or build/collector/collector).
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
SPANS, BYTES = 512, 183
QUICK = {"retry_on_failure": {"initial_interval": "100ms"}}


class Worker:
    """A program that speaks worker.hpp."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.ready = self.process.stdout.readline().split()[1:]

    def ask(self, *words):
        self.tell(*words)
        return self.hear()

    def tell(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()

    def hear(self):
        return {name: float(value) for name, value in
                (pair.split("=") for pair in self.process.stdout.readline().split())}

    def end(self):
        self.process.stdin.close()
        self.process.wait(30)


def cpu_of(pid):
    """Of all threads, in ns."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total


def pin(pid):
    """As in the other figures: senders on core 0, whatever takes what they send on core 1."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {1})


class Relay:
    def __init__(self, name, pid, target, bench):
        self.name, self.pid = name, pid
        pin(pid)
        self.sender = Worker(bench / "grpc_sender", target, BYTES, SPANS, 0)
        self.costs = []

    def round(self, spans):
        before = cpu_of(self.pid)
        answer = self.sender.ask("flat", spans)
        time.sleep(0.5)  # what is gathered, booked and tidied up
        if answer["refused"]:
            print(f"{self.name}: {answer['refused']:.0f} spans were refused", file=sys.stderr)
        self.costs.append((cpu_of(self.pid) - before) / answer["spans"])


def agent(harness, workspace, endpoint, **receiver):
    port = harness.free_port()
    document = {"receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}, **receiver}},
                "exporters": {"otlp_grpc": {"endpoint": endpoint, **QUICK}}}
    file = workspace.unique("agent.yaml")
    file.write_text(json.dumps(document))
    process = workspace.agent("--config", file, state=workspace.unique("state"), directory=directory(workspace))
    return process, f"127.0.0.1:{port}"


def sit_idle(target, number):
    """Connections of HTTP/2 that are open and say nothing more, as those of senders between their requests."""
    host, port = target.split(":")
    connections = [socket.create_connection((host, int(port))) for _ in range(number)]
    for connection in connections:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
    return connections


def directory(workspace):
    path = workspace.unique("segments")
    path.mkdir(mode=0o700)
    return path


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def collector(harness, workspace, program, endpoint):
    port = harness.free_port()
    file = workspace.unique("collector.yaml")
    file.write_text(f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{otlp: {{endpoint: "{endpoint}", compression: none, tls: {{insecure: true}}}}}}
service:
  pipelines: {{traces: {{receivers: [otlp], exporters: [otlp]}}}}
  telemetry: {{metrics: {{level: none}}}}
""")
    process = harness.Process(workspace, "collector", [program, "--config", file])
    harness.wait_until(lambda: listens(port), "the Collector listens")
    return process, f"127.0.0.1:{port}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build", nargs="?", default="build", type=pathlib.Path, help="a build folder (build)")
    arguments.add_argument("--collector", type=pathlib.Path)
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--spans", type=int, default=500_000)
    arguments.add_argument("--rate", type=int, default=20_000, help="spans a second while answers are timed (20000)")
    arguments.add_argument("--idle", type=int, default=0, help="connections to the agent that are open beside the sender's")
    options = arguments.parse_args()
    build = options.build.resolve()
    os.environ["SPANRING_BUILD"] = str(build)
    sys.path.insert(0, str(SOURCE / "tests/integration"))
    import harness
    from hostile_backend import HostileBackend, late_grpc
    workspace = harness.Workspace()
    try:
        sink = Worker(build / "bench/otlp_sink")
        pin(sink.process.pid)
        floor = Worker(build / "bench/grpc_relay", sink.ready[0])
        taker, target = agent(harness, workspace, f"http://{sink.ready[0]}")
        relays = [Relay("gRPC's floor", floor.process.pid, floor.ready[0], build / "bench"),
                  Relay("spanring-agent", taker.pid, target, build / "bench")]
        if options.collector:
            process, at = collector(harness, workspace, options.collector, sink.ready[0])
            relays.append(Relay("Collector", process.pid, at, build / "bench"))
        idle = sit_idle(target, options.idle)
        for number in range(options.rounds + 1):
            for relay in relays:
                relay.round(options.spans if number else options.spans // 10)
        medians = {}
        for relay in relays:
            costs = sorted(relay.costs[1:])  # the first one is to warm up
            medians[relay.name] = statistics.median(costs)
            print(f"{relay.name:16} {medians[relay.name]:8.0f} ns a span ({costs[0]:.0f} to {costs[-1]:.0f})")
        for connection in idle:
            connection.close()
        ratios = [own / base for own, base in zip(relays[1].costs[1:], relays[0].costs[1:])]
        print(f"agent / floor    {statistics.median(ratios):8.2f} (median of the ratios of rounds)")
        if options.collector:
            print(f"Collector / agent {medians['Collector'] / medians['spanring-agent']:7.1f}")
        quick = relays[1].sender.ask("paced", options.rate, 5000)
        print(f"answers, backend at once:    p50 {quick['p50_ms']:.1f} ms, p99 {quick['p99_ms']:.1f} ms")
        backend = HostileBackend(late_grpc(2.0))
        _, late_target = agent(harness, workspace, backend.endpoint)
        late = Worker(build / "bench/grpc_sender", late_target, BYTES, SPANS, 0)
        slow = late.ask("paced", options.rate, 10000)
        print(f"answers, backend takes 2 s:  p50 {slow['p50_ms']:.1f} ms, p99 {slow['p99_ms']:.1f} ms, "
              f"{slow['refused']:.0f} spans refused")
        for worker in [late, *(relay.sender for relay in relays), floor, sink]:
            worker.end()
        backend.close()
    finally:
        workspace.close()


if __name__ == "__main__":
    main()
