# SPDX-License-Identifier: Apache-2.0
"""How cost grows with threads, and with processes that live for a moment."""

import time

from measure import Measure

THREADS = (1, 2, 4, 64, 1000)
WATCHDOG = 60  # seconds


class Threads(Measure):
    """So many threads on all cores, which share 40,000 spans: few enough to fit into the ring."""

    SPANS = 40_000
    ALL_CORES = 2

    def __init__(self, count):
        self.count = count
        self.keys = tuple(f"growth.threads{count}.{what}"
                          for what in ("spans_per_s", "app_cpu_ns", "segment_mib", "dropped"))

    def start(self, bed, place):
        self.agent = bed.agent(place.endpoint)
        self.worker = self.agent.application()
        self.worker.ask("threads", self.count, self.SPANS // self.count, self.ALL_CORES)

    def round(self):
        answer = self.worker.ask("threads", self.count, self.SPANS // self.count, self.ALL_CORES if self.count > 1 else 0)
        size = sum(file.stat().st_blocks * 512 for file in self.agent.segments.glob("*.spr"))
        return dict(zip(self.keys, (answer["spans"] / answer["wall_s"], answer["ns"], size / 2**20, answer["dropped"])))


class ShortLived(Measure):
    """Processes that end three spans and exit, one after the other: 10,000 in all over the rounds, fewer in a quick run."""

    keys = ("growth.short_lived.us_per_process", "growth.short_lived.us_without_tracing",
            "growth.short_lived.agent_us_per_process", "growth.short_lived.processes", "growth.short_lived.lost")
    SPANS = 3

    def __init__(self, processes, rounds):
        self.each = -(-processes // rounds)

    def start(self, bed, place):
        self.sink = place.sink
        self.agent = bed.agent(place.endpoint)
        program = bed.build / "bench/short_lived"
        folder = {"SPANRING_DIR": self.agent.segments}
        self.traced = bed.worker("launcher", program, self.SPANS, core=0, environment=folder)
        self.plain = bed.worker("launcher", program, self.SPANS, core=0, environment={**folder, "SPANRING_DISABLED": "1"})

    def round(self):
        plain = self.plain.ask("launch", self.each)["us"]
        self.sink.ask("count")
        before = self.agent.cpu_ns()
        traced = self.traced.ask("launch", self.each)["us"]
        wanted = self.SPANS * self.each
        arrived = 0
        deadline = time.monotonic() + WATCHDOG
        while arrived < wanted and time.monotonic() < deadline:
            time.sleep(0.05)
            arrived += self.sink.ask("count")["spans"]
        cpu = (self.agent.cpu_ns() - before) / 1e3 / self.each
        return dict(zip(self.keys, (traced, plain, cpu, self.each, wanted - arrived)))


def threads():
    return [Threads(count) for count in THREADS]


def short_lived(quick, rounds):
    return [ShortLived(300 if quick else 10_000, rounds)]
