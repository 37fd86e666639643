# SPDX-License-Identifier: Apache-2.0
"""What a span costs by its shape (bench/shape.hpp has them), with everything that it is compared with in the same round: the
floors of as many bytes, strings that end at their NUL, the library linked into the program, and the agent.

A figure is worth nothing where spans are missing, so each is counted three times: by the library as it was made (started,
ended, nothing refused), by the agent's acknowledgement, and by the sink where it arrives."""

import collections

from measure import BURST, BYTES, Measure
from peers import SdkShape
from worker import Gone

SHAPES = ("bare", "three", "ten", "twenty", "rich", "http", "db", "nested")
PAIRS = ("nested",)  # that make two spans in one go; all of their figures are the pair's
BYTES_PER_SECOND = 100_000_000


class Extent:
    """How much is made in a round: the same bytes whatever the shape, and enough for the ring to hold a burst."""

    def __init__(self, place):
        self.bursts = 2 if place.once else 20
        self.bytes = 20_000 if place.once else BURST * BYTES
        self.milliseconds = 50 if place.once else 300 if place.quick else 1000

    def calls(self, size):
        return max(10, self.bytes // size)


class Counted:
    """Asks a worker for spans and says what became of them: for the table, where none may be missing."""

    KEYS = ("spans", "dropped", "refused", "lost")

    def __init__(self, sink, each):
        self.sink = sink
        self.each = each  # spans that one call makes
        self.counts = collections.Counter()

    def ask(self, worker, calls, *words):
        self.sink.ask("count")
        answer = worker.ask(*words)
        if answer["spans"] + answer["dropped"] != self.each * calls:
            raise Gone(f"{worker.name} made {answer['spans'] + answer['dropped']:.0f} spans of {self.each * calls}")
        self.counts.update({key: answer[key] for key in ("spans", "dropped", "refused")})
        self.counts["lost"] += answer["spans"] - self.sink.ask("count")["spans"]
        return answer

    def burst(self, worker, extent, calls):
        return self.ask(worker, extent.bursts * calls, "burst", extent.bursts, calls)["ns"]

    def take(self):
        counts, self.counts = self.counts, collections.Counter()
        return {key: counts[key] for key in self.KEYS}


class ShapeCost(Measure):
    VARIANTS = {"app_ns": ("span_worker", ""), "nul_ns": ("span_worker", ".nul"), "static_ns": ("span_worker_static", "")}
    KEYS = ("bytes", *VARIANTS, "floor_ns", "floor2_ns", "agent_cpu_ns", *Counted.KEYS)

    def __init__(self, shape):
        self.shape = shape
        self.each = 2 if shape in PAIRS else 1
        self.keys = tuple(f"shape.{shape}.{what}" for what in self.KEYS)

    def start(self, bed, place):
        self.extent = Extent(place)
        self.floor = place.floor
        self.agent = bed.agent(place.endpoint)
        self.workers = {key: self.agent.application(self.shape + text, program=program)
                        for key, (program, text) in self.VARIANTS.items()}
        self.counted = Counted(place.sink, self.each)
        self.bytes = self.size(place.sink)
        self.calls = self.extent.calls(self.bytes)
        for worker in self.workers.values():
            worker.ask("burst", 5, self.calls)  # the ring grows to what a burst needs
        self.counted.take()

    def size(self, sink):
        """Of all spans of a call, where they arrive. A request's frame is shared by thousands of spans."""
        sink.ask("count")
        made = self.workers["app_ns"].ask("burst", 2, 1024)
        arrived = sink.ask("count")
        if arrived["spans"] != made["spans"]:
            raise Gone(f"of {made['spans']:.0f} spans {arrived['spans']:.0f} arrived")
        return round(self.each * arrived["bytes"] / arrived["spans"])

    def floors(self):
        def floor(command):
            answer = self.floor.ask(command, self.extent.bursts, self.each * self.calls, self.bytes // self.each)
            return self.each * answer["ns"]

        return {"floor_ns": floor("burst"), "floor2_ns": floor("burst2")}

    def round(self):
        values = {"bytes": self.bytes, **self.floors()}
        for key, worker in self.workers.items():
            values[key] = self.counted.burst(worker, self.extent, self.calls)
        before = self.agent.cpu_ns()
        paced = self.workers["app_ns"].ask("paced", BYTES_PER_SECOND // self.bytes, self.extent.milliseconds)
        values["agent_cpu_ns"] = self.each * (self.agent.cpu_ns() - before) / paced["spans"]
        values.update(self.counted.take())
        return {f"shape.{self.shape}.{key}": value for key, value in values.items()}


def measures():
    """A shape's peers have their turns beside it, and where one is missing only its own rows are."""
    made = []
    for shape in SHAPES:
        cost = ShapeCost(shape)
        made += [cost, *(SdkShape(shape, key, cost.each) for key in SdkShape.SDKS)]
    return made
