# SPDX-License-Identifier: Apache-2.0
"""Other ways to hand a span over, with 1 to 64 threads: a mutex and a vector, a queue with a node for each span, one lock-free ring
that all share, and this library's, in which a thread writes to a chunk of its own."""

from measure import Measure
from worker import Gone

DESIGNS = ("mutex", "mpsc", "shared", "spanring")
THREADS = (1, 2, 4, 16, 64)
ALL_CORES = 2


class Design(Measure):
    """The others only copy 183 bytes, this one encodes what it is told as well. As many spans as fit before a reader comes, so
    that none is dropped for lack of room."""

    SPANS = 40_000

    def __init__(self, design):
        self.design = design
        self.keys = tuple(f"designs.{design}.threads{count}_ns" for count in THREADS) + (f"designs.{design}.dropped",)

    def start(self, bed, place):
        self.turns = 1 if place.once else 5
        if self.design == "spanring":
            self.worker = bed.agent(place.endpoint).application(core=0)
        else:
            self.worker = bed.worker("design_worker", self.design, core=None)

    def round(self):
        values, dropped = {}, 0
        for count in THREADS:
            each = self.SPANS // count
            times = []
            for _ in range(self.turns):
                answer = self.worker.ask("threads", count, each, ALL_CORES if count > 1 else 0)
                # The library's threads make a first span each, which is not timed.
                if answer["spans"] + answer["dropped"] not in (count * each, count * each + count):
                    raise Gone(f"{self.design}: {answer['spans']:.0f} spans of {count * each}")
                times.append(answer["ns"])
                dropped += answer["dropped"]
            values[f"designs.{self.design}.threads{count}_ns"] = sorted(times)[len(times) // 2]
        return {**values, f"designs.{self.design}.dropped": dropped}


def measures():
    return [Design(design) for design in DESIGNS]
