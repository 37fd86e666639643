# SPDX-License-Identifier: Apache-2.0
"""What an agent costs that has nothing to do: many processes that had a burst once, very many that did next to nothing;
and what a burst loses that comes while it sleeps."""

import concurrent.futures
import time

from measure import Measure

FALLS_ASLEEP = 2  # seconds, long enough


class Idle(Measure):
    """CPU and anonymous memory of the agent while nobody does anything."""

    def __init__(self, name, processes, spans):
        self.keys = (f"{name}.cpu_percent", f"{name}.anonymous_mib")
        self.processes, self.spans = processes, spans

    def start(self, bed, place):
        count = 10 if place.once else self.processes
        self.seconds = 2 if place.quick else 10
        self.agent = bed.agent(place.endpoint)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.workers = list(pool.map(lambda _: self.agent.application(), range(count)))

    def round(self):
        for worker in self.workers:
            worker.ask("flat", self.spans)
        time.sleep(FALLS_ASLEEP)
        before, begin = self.agent.cpu_ns(), time.monotonic_ns()
        time.sleep(self.seconds)
        percent = 100 * (self.agent.cpu_ns() - before) / (time.monotonic_ns() - begin)
        _, anonymous = self.agent.memory_mib()
        return dict(zip(self.keys, (percent, anonymous)))


class BurstLoss(Measure):
    """Of as many spans as a ring of the default size holds, in one burst after a sleep: those that found it full."""

    keys = ("burst_loss.percent",)
    SPANS = 60_000  # of 183 bytes

    def start(self, bed, place):
        self.worker = bed.agent(place.endpoint).application()
        self.worker.ask("flat", 1)

    def round(self):
        time.sleep(FALLS_ASLEEP)
        answer = self.worker.ask("flat", self.SPANS)
        return {self.keys[0]: 100 * (1 - answer["spans"] / self.SPANS)}


class AfterABell(Measure):
    """How long a span is on its way that ends while the agent sleeps."""

    keys = ("after_bell.p99_ms",)
    SPANS = 10

    def start(self, bed, place):
        self.turns = 1 if place.once else 3 if place.quick else 10
        self.sink = place.sink
        self.worker = bed.agent(place.endpoint).application()

    def round(self):
        self.sink.ask("latency", 1)
        for _ in range(self.turns):
            time.sleep(FALLS_ASLEEP)
            # At no rate, and waits: a flush would be a bell of its own.
            self.worker.ask("unflushed", self.SPANS)
            time.sleep(FALLS_ASLEEP)
        return {self.keys[0]: self.sink.ask("latency", 0)["p99_ms"]}


def measures():
    return [Idle("idle_after_burst_100", 100, 60_000), Idle("idle_1000", 1000, 1), BurstLoss(), AfterABell()]
