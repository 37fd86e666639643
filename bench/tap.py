#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the tap costs (docs/tap.md): CPU of the agent, of its helper and of who subscribes, for a span that an application ends.

Agents with the exporter `debug` alone, and beside it `iceoryx` with nobody who subscribes, with one and with three who take all, and with
one whose event takes few spans, by a word that is read where it lies and by one for which spans are decoded. In turns, round by round,
spans of the shape `http` at a steady rate; by /proc/PID/schedstat, medians. iceoryx's daemon is started for it.

The build needs the options bench and examples.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import shop_requests
from receive import Worker, cpu_of

SOURCE = pathlib.Path(__file__).resolve().parent.parent
ALL = [{"event": "spans"}]
CASES = {  # subscriptions, and how many subscribe; nothing: without the exporter
    "off": None,
    "nobody subscribes": (ALL, 0),
    "one takes all": (ALL, 1),
    "three take all": (ALL, 3),
    "one takes slow ones": ([{"event": "spans", "where": ["duration>1h"]}], 1),
    "one by an attribute": ([{"event": "spans", "where": ["http.route=/nowhere"]}], 1),
}


class Case:
    def __init__(self, name, harness, agent_configuration, tap, workspace, build, worker, requests):
        self.name, self.costs = name, []
        segments, state, instance = workspace.unique("segments"), workspace.unique("state"), f"bench-{os.getpid()}-{len(workspace.processes)}"
        segments.mkdir(mode=0o700)
        exporters = {"debug": {"verbosity": "basic"}}
        if CASES[name]:
            exporters["iceoryx"] = {"instance": instance, "subscriptions": CASES[name][0], "program": build / "agent/spanring-tap"}
        file = agent_configuration.write(workspace, exporters)
        agent = workspace.agent("--config", file, "--metrics-address", "127.0.0.1:0", directory=segments, state=state)
        self.agent, self.helper, self.subscribers = agent, None, []
        if CASES[name]:
            self.helper = harness.wait_until(lambda: tap.helper_of(agent), "the helper runs")
            self.subscribers = [harness.Process(workspace, "subscriber", [build / "examples/slow-spans", "--instance", instance, "1e9"])
                                for _ in range(CASES[name][1])]
            harness.wait_until(lambda: tap.Page(agent).value("exporter_tap_subscribers", exporter="iceoryx", event="spans")
                               == len(self.subscribers), "all subscribe")
        os.environ["SPANRING_DIR"] = str(segments)
        self.worker = Worker(worker, "http", 1, requests)

    def cpu(self):
        return [cpu_of(self.agent.pid), cpu_of(self.helper) if self.helper else 0,
                sum(cpu_of(each.pid) for each in self.subscribers) / max(1, len(self.subscribers))]

    def round(self, rate, milliseconds):
        before = self.cpu()
        spans = self.worker.ask("paced", rate, milliseconds)["spans"]
        self.costs.append([(now - then) / spans for now, then in zip(self.cpu(), before)])

    def medians(self):
        return [statistics.median(column) for column in zip(*self.costs[1:])]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build", nargs="?", default="build", type=pathlib.Path, help="a build folder (build)")
    arguments.add_argument("--worker", type=pathlib.Path, help="a span_worker of another build")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--rate", type=int, default=50_000, help="spans a second (50000)")
    arguments.add_argument("--milliseconds", type=int, default=2000, help="of each round (2000)")
    options = arguments.parse_args()
    build = options.build.resolve()
    if not shutil.which("iox-roudi") or not (build / "agent/spanring-tap").exists():
        raise SystemExit("iceoryx is missing")
    os.environ["SPANRING_BUILD"] = str(build)
    os.environ["LD_LIBRARY_PATH"] = str(build / "lib")
    sys.path.insert(0, str(SOURCE / "tests/integration"))
    import agent_configuration
    import harness
    import tap_test
    import roudi
    if roudi.is_there():
        raise SystemExit("an iceoryx daemon runs on this host already")
    workspace = harness.Workspace()
    daemon = subprocess.Popen(["iox-roudi", "-k", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        while "ready" not in daemon.stdout.readline():
            pass
        requests = shop_requests.write(workspace.unique("requests.tsv"))
        cases = [Case(name, harness, agent_configuration, tap_test, workspace, build, options.worker or build / "bench/span_worker", requests)
                 for name in CASES]
        for _ in range(options.rounds + 1):
            for case in cases:
                case.round(options.rate, options.milliseconds)
        for case in cases:
            case.worker.end()
        print(f"ns of CPU for a span, {options.rate} spans/s, load {os.getloadavg()[0]:.1f}\n")
        print(f"{'':22}{'agent':>8}{'helper':>8}{'subscriber':>12}")
        for case in cases:
            agent, helper, subscriber = case.medians()
            print(f"{case.name:22}{agent:8.0f}{helper:8.0f}{subscriber:12.0f}")
    finally:
        workspace.close()
        daemon.terminate()
        daemon.wait()


if __name__ == "__main__":
    main()
