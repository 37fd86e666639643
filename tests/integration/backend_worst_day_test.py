# SPDX-License-Identifier: Apache-2.0
"""A backend's worst day: everything that one was seen to do, all at once, each to an exporter of its own, while spans
come and one healthy backend takes them. It costs the agent no memory, no flood of requests, no span its place in the
accounts, and the healthy one nothing.

The counts of requests cannot be wrong on a slow machine. What a backend does not take is tried again after a wait that
begins with its answer and is at least half of `initial_interval`, 2.5 s; delays of either side only make the next
request later. So in any time there are fewer such requests than seconds, but for those that were on their way together
at its beginning. The time is the test's own, from before the first span until after the last.
"""

import json
import pathlib
import re
import threading
import time

import agent_configuration
import harness
import hostile_day
from comparison import compare, records
from hostile_backend import HostileBackend, late_grpc, late_http
from otlp_json import Received

PRODUCERS, SPANS, RATE = 2, 4000, 300
BATCH = 256
IN_FLIGHT = 8  # requests may be on their way when the first answer comes
CREDIT = 16    # failures that a backend is forgiven; with each request that it takes two more (export/repeat_credit)
ROOM = 1.2     # times the memory of the agent with honest backends

# They answer late, so that the agent uses what it may have in flight: that is no harm.
HONEST = {"http": late_http(1.5), "grpc": late_grpc(1.5)}


class Memory:
    """The most that the agent had of its own, without pages of segments; looked at all the time."""

    def __init__(self, pid):
        self.status = pathlib.Path(f"/proc/{pid}/status")
        self.peak = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while not self.done.wait(0.02):
            self.peak = max(self.peak, int(re.search(r"RssAnon:\s+(\d+)", self.status.read_text()).group(1)))

    def end(self):
        self.done.set()
        self.thread.join()
        return self.peak


class BackendWorstDay(harness.Case):
    def run_day(self, ways):
        """The same spans through an agent with these backends and the healthy one. Returns the agent's peak."""
        self.workspace = harness.Workspace()
        self.addCleanup(self.workspace.close)
        self.backends = {name: HostileBackend(serve) for name, serve in ways.items()}
        for backend in self.backends.values():
            self.addCleanup(backend.close)
        collector = self.workspace.collector().start()
        exporters = {self.exporter(name): {"endpoint": backend.endpoint, "timeout": "2s"}
                     for name, backend in self.backends.items()}
        agent = self.workspace.agent("--config", agent_configuration.write(
            self.workspace, {"otlp_grpc/healthy": {"endpoint": collector.endpoint}, **exporters}, batch=BATCH))
        memory = Memory(agent.pid)
        began = time.monotonic()
        producers = [self.workspace.producer("--seed", seed, "--count", SPANS, "--rate", RATE, "--flush", 60)
                     for seed in range(PRODUCERS)]
        for producer in producers:
            producer.expect(0)
        peak = memory.end()
        self.seconds = time.monotonic() - began
        agent.stop()
        collector.stop()
        for backend in self.backends.values():
            backend.close()
        self.assertEqual([line for line in agent.stderr().splitlines() if "otlp_grpc/healthy:" in line], [])
        compare(records(producers), Received(collector.received).by_identity())
        return peak

    @staticmethod
    def exporter(name):
        return f"otlp_{name.replace('_', '/', 1)}"

    def check(self, kinds):
        """Counts of requests and accounts, after a day."""
        accounting = json.loads(self.workspace.command("audit", "--json"))
        self.assertEqual(accounting["verdict"], "OK", accounting)
        self.assertEqual(len(accounting["processes"]), PRODUCERS)
        accounts = {}
        for process in accounting["processes"]:
            for exporter in process["exporters"]:
                accounts.setdefault(exporter["name"], []).append(exporter)
                self.assertEqual(sum(exporter["dropped"].values()), 0, exporter)
                self.assertEqual(exporter["exported"] + exporter["rejected"] + exporter["pending"], SPANS, exporter)
        self.assertEqual(sum(each["exported"] for each in accounts["otlp_grpc/healthy"]), PRODUCERS * SPANS)
        batches = self.backends["http_partial"].requests if "http_partial" in kinds else 0
        for name, (settled, _) in kinds.items():
            requests = self.backends[name].requests
            not_taken = (1 - settled) * requests
            with self.subTest(name, requests=requests, batches=batches, seconds=self.seconds):
                if settled == 1:
                    self.assertLessEqual(requests, batches + IN_FLIGHT + self.seconds)
                elif settled == 0:
                    self.assertLessEqual(requests, IN_FLIGHT + 1 + self.seconds)
                    self.assertEqual(sum(each["exported"] for each in accounts[self.exporter(name)]), 0)
                else:
                    self.assertLessEqual(not_taken, 2 * settled * requests + CREDIT + IN_FLIGHT + self.seconds)

    def test_everything_at_once(self):
        kinds = {**hostile_day.HTTP, **hostile_day.GRPC, **hostile_day.GRPC_FLOODS}
        honest = self.run_day({name: HONEST[name[:4]] for name in kinds})
        hostile = self.run_day({name: serve for name, (_, serve) in kinds.items()})
        self.check(kinds)
        self.assertLess(hostile, ROOM * honest)


if __name__ == "__main__":
    harness.main()
