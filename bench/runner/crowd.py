# SPDX-License-Identifier: Apache-2.0
"""Many at once: spans that are open together and end in another order, threads that each have a place in the ring."""

from measure import Measure
from shapes import Counted
from worker import Gone

MIB = 1 << 20
DEFAULT_MIB = 16


class ManyOpen(Measure):
    """HTTP spans, all open before the first of them ends. Where the default memory refuses some, the figure is of the least
    that takes them all (a power of two), and what was refused is told beside it."""

    SPANS = 10_000
    LARGEST_MIB = 1024
    COUNTS = ("not_taken_by_default", "refused_by_default")  # spans; attributes
    keys = tuple(f"shape.many_open.{what}" for what in ("app_ns", "floor_ns", "bytes", "memory_mib", *COUNTS, *Counted.KEYS))

    def start(self, bed, place):
        self.spans = 500 if place.once else self.SPANS
        self.turns = 1 if place.once else 3
        self.agent = bed.agent(place.endpoint)
        self.by_default = {}
        for mib in self.sizes():
            worker = self.agent.application("http", SPANRING_MEMORY_LIMIT=mib * MIB)
            place.sink.ask("count")
            tried = worker.ask("open", 1, self.spans)
            arrived = place.sink.ask("count")
            if not self.by_default:
                self.by_default = dict(zip(self.COUNTS, (tried["dropped"], tried["refused"])))
            if tried["dropped"] + tried["refused"] == 0:
                break
            bed.stop(worker)
        else:
            raise Gone(f"{self.spans} open spans do not fit into {mib} MiB")
        self.worker, self.mib = worker, mib
        self.bytes = round(arrived["bytes"] / arrived["spans"])
        self.floor = bed.worker("scattered_floor_worker", self.bytes)
        self.counted = Counted(place.sink, 1)

    def sizes(self):
        mib = DEFAULT_MIB
        while mib <= self.LARGEST_MIB:
            yield mib
            mib *= 2

    def round(self):
        values = {"floor_ns": self.floor.ask("open", self.turns, self.spans)["ns"],
                  "app_ns": self.counted.ask(self.worker, self.turns * self.spans, "open", self.turns, self.spans)["ns"],
                  "bytes": self.bytes, "memory_mib": self.mib, **self.by_default, **self.counted.take()}
        return {f"shape.many_open.{key}": value for key, value in values.items()}


class ThousandThreads(Measure):
    """They live together and take turns, so that what a span costs more than in one thread is what their number costs: each
    has a chunk, slots and counters of its own, and finds them cold. One thread takes as many turns as they together."""

    THREADS, SPANS = 1000, 1000
    KEYS = ("ns", "one_ns", "ratio")
    keys = tuple(f"threads1000.{what}" for what in (*KEYS, *Counted.KEYS))

    def start(self, bed, place):
        self.threads = 20 if place.once else self.THREADS
        self.turns = 1 if place.quick or place.once else 3
        agent = bed.agent(place.endpoint)
        self.many, self.one = agent.application(), agent.application()
        self.counted = Counted(place.sink, 1)

    def turn(self, worker, threads, turns):
        spans = threads * (1 + turns * self.SPANS)  # a thread's first span makes its place
        return self.counted.ask(worker, spans, "turns", threads, turns, self.SPANS)["ns"]

    def round(self):
        one = self.turn(self.one, 1, self.threads * self.turns)
        many = self.turn(self.many, self.threads, self.turns)
        values = {**dict(zip(self.KEYS, (many, one, many / one))), **self.counted.take()}
        return {f"threads1000.{key}": value for key, value in values.items()}


def measures():
    return [ManyOpen(), ThousandThreads()]
