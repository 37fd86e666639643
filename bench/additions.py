#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What decisions and metrics add to what a span costs, of the agent and of a Collector, by the same applications.

Five applications, traces of five spans (shapes `ten` and `three`, what they say is drawn: bench/shop_requests.py), each trace
in one of them. In turns, round by round, each with programs of its own: without; with `tail_sampling` (errors, what takes
long, a share by chance: 1 % and all of the traces); with `spanmetrics`. The agent takes spans from the applications and gives
them to the exporter `debug`; the Collector gets them by OTLP/gRPC, from an agent that does nothing but send, and writes them
into /dev/null (`file`, in protobuf).

CPU of the program in question, of all its threads, by /proc/PID/schedstat, from the first span until all is decided; medians
of the differences within a round. What was asked for a second is said beside what came: a machine that has something else to
do makes less.

The build needs the option bench; --collector names a Collector with those components, as that of the tests has them
(tools/go_build tests/integration/collector build/collector/collector).
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

import shop_requests
from receive import Worker, cpu_of, listens
from undecided import APPLICATIONS, OWN_TRACES, harness_of, metrics, parser_of, workplace

REQUESTS = shop_requests.COUNT
SPANS_OF_TRACE = 5
WARM_UP_MS = 1000
SETTLED = 1.5  # seconds after a decision is due, until what is left of it is done


def sampling(percentage):
    return [{"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
            {"name": "slow", "type": "latency", "latency": {"threshold_ms": 500}},
            {"name": "some", "type": "probabilistic", "probabilistic": {"sampling_percentage": percentage}}]


# name: (share of the traces that `tail_sampling` keeps, whether there is `spanmetrics`)
WAYS = {"without": (None, False), "tail_sampling, 1 % kept": (1, False), "tail_sampling, all kept": (100, False),
        "spanmetrics": (None, True)}


def fed(workspace, workers, options, build):
    """Puts the applications into `workers`: each time that what it gives is called they make spans, and it says how many."""
    os.environ["SPANRING_DIR"] = str(workspace.segments)
    os.environ["SPANRING_MEMORY_LIMIT"] = options.memory_limit
    workers += [Worker(build / "bench/span_worker", "ten", core % 2, options.drawn) for core in range(APPLICATIONS)]
    first = 0

    def make(rate, milliseconds):
        nonlocal first
        for number, worker in enumerate(workers):
            worker.tell("traces", rate // APPLICATIONS, milliseconds, SPANS_OF_TRACE, number * OWN_TRACES + first)
        first += OWN_TRACES // 8  # others each time: what was decided is remembered
        said = [worker.hear() for worker in workers]
        if dropped := sum(answer["dropped"] for answer in said):
            print(f"{dropped:.0f} spans had no room and were dropped", file=sys.stderr)
        return sum(answer["spans"] for answer in said)
    return make


class Agent:
    name, wait = "agent", 0.2

    def __init__(self, harness, options):
        self.harness, self.rate = harness, options.rate

    def start(self, workspace, percentage, measures):
        self.port = self.harness.free_port()
        self.measures = measures
        processors = {"tail_sampling": {"num_traces": 1_000_000, "memory": "1GiB", "policies": sampling(percentage)}} if percentage else {}
        connectors = {"spanmetrics": {}} if measures else {}
        file = workspace.unique("agent.yaml")
        file.write_text(json.dumps({
            "receivers": {"spanring": None}, "processors": processors, "connectors": connectors, "exporters": {"debug": None},
            "service": {"pipelines": {"traces": {"receivers": ["spanring"], "processors": list(processors),
                                                 "exporters": ["debug", *connectors]}},
                        "telemetry": {"metrics": {"address": f"127.0.0.1:{self.port}"}}}}))
        return workspace.agent("--config", file).pid

    def check(self):
        """Whether what it was measured with is what it did."""
        said = metrics(self.port)
        early = sum(value for name, value in said.items() if name.startswith("spanring_tail_sampling_early_total"))
        waiting = said.get("spanring_tail_sampling_undecided_spans", 0)
        if early or waiting:
            print(f"{early:.0f} traces were decided early, {waiting:.0f} spans wait", file=sys.stderr)
        if self.measures and not any(name.startswith("traces_span_metrics_calls_total") for name in said):
            raise SystemExit("no span was measured")


class Collector:
    name, wait = "Collector", 5

    def __init__(self, harness, options):
        self.harness, self.program, self.rate = harness, options.collector, options.collector_rate

    def start(self, workspace, percentage, measures):
        port = self.harness.free_port()
        processors = {"tail_sampling": {"decision_wait": f"{self.wait}s", "num_traces": 1_000_000, "policies": sampling(percentage)}} if percentage else {}
        connectors = {"spanmetrics": {}} if measures else {}
        pipelines = {"traces": {"receivers": ["otlp"], "processors": list(processors), "exporters": ["file", *connectors]}}
        if measures:
            pipelines["metrics"] = {"receivers": ["spanmetrics"], "exporters": ["file"]}
        file = workspace.unique("collector.yaml")
        file.write_text(json.dumps({
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{port}"}}}},
            "processors": processors, "connectors": connectors, "exporters": {"file": {"path": "/dev/null", "format": "proto"}},
            "service": {"telemetry": {"metrics": {"level": "none"}}, "pipelines": pipelines}}))
        process = self.harness.Process(workspace, "collector", [self.program, "--config", f"file:{file}"], env=self.harness.environment())
        self.harness.wait_until(lambda: listens(port), "the Collector listens")
        sender = workspace.unique("sender.yaml")
        sender.write_text(json.dumps({"exporters": {"otlp_grpc": {"endpoint": f"http://127.0.0.1:{port}"}}}))
        workspace.agent("--config", sender)
        return process.pid

    def check(self):
        pass


def measure(harness, options, build, subject, way):
    """CPU in ns a span, and spans a second."""
    percentage, measures = WAYS[way]
    settled = SETTLED + (subject.wait if percentage else 0)
    with workplace(harness) as (workspace, workers):
        pid = subject.start(workspace, percentage, measures)
        make = fed(workspace, workers, options, build)
        make(subject.rate, WARM_UP_MS)
        time.sleep(settled)
        cpu, begin = cpu_of(pid), time.monotonic()
        spans = make(subject.rate, options.seconds * 1000)
        seconds = time.monotonic() - begin
        time.sleep(settled)
        spent = cpu_of(pid) - cpu
        subject.check()
        return spent / spans, spans / seconds


def main():
    arguments = parser_of(__doc__)
    arguments.add_argument("--collector", type=pathlib.Path)
    arguments.add_argument("--rate", type=int, default=500_000, help="spans a second of all together (500000)")
    arguments.add_argument("--collector-rate", type=int, default=50_000, help="those that the Collector gets (50000)")
    arguments.add_argument("--seconds", type=int, default=5)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--memory-limit", default="64MiB", help="SPANRING_MEMORY_LIMIT of each application (64MiB)")
    arguments.add_argument("--requests", type=int, default=REQUESTS, help=f"that are drawn ({REQUESTS})")
    options = arguments.parse_args()
    build = options.build.resolve()
    harness = harness_of(build)
    folder = tempfile.TemporaryDirectory()
    options.drawn = shop_requests.write(pathlib.Path(folder.name) / "requests.tsv", options.requests)
    subjects = [Agent(harness, options)] + ([Collector(harness, options)] if options.collector else [])
    added = {subject.name: {way: [] for way in WAYS} for subject in subjects}
    for _ in range(options.rounds):
        for subject in subjects:
            without = 0
            for way in WAYS:
                cost, rate = measure(harness, options, build, subject, way)
                without = without or cost
                added[subject.name][way].append(cost - without)
                print(f"{subject.name:9} {way:24} {cost:6.0f} ns a span at {rate:,.0f} spans/s", flush=True)
    for way in list(WAYS)[1:]:
        more = {name: by_way[way] for name, by_way in added.items()}
        said = [f"{name} {statistics.median(each):.0f} ns a span ({min(each):.0f} to {max(each):.0f})" for name, each in more.items()]
        if options.collector:
            ratios = [theirs / max(ours, 1) for ours, theirs in zip(more["agent"], more["Collector"])]
            said.append(f"{statistics.median(ratios):.1f} times as much ({min(ratios):.1f} to {max(ratios):.1f})")
        print(f"{way} adds: {', '.join(said)}")


if __name__ == "__main__":
    main()
