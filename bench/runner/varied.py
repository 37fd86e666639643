# SPDX-License-Identifier: Apache-2.0
"""What hosts have: ten applications with three kinds of spans each, of 8 to 15 attributes that vary, beside ten with one kind whose
spans are all as long (bench/shape.hpp)."""

from measure import Measure

APPLICATIONS = 10
RATE = 200_000  # spans a second, of all together


class Varied(Measure):
    KEYS = ("agent_cpu_ns", "bytes", "dropped")

    def __init__(self, name, shapes):
        self.shapes = shapes
        self.keys = tuple(f"{name}.{key}" for key in self.KEYS)

    def start(self, bed, place):
        self.milliseconds = 100 if place.once else 500 if place.quick else 2000
        self.sink = place.sink
        self.agent = bed.agent(place.endpoint)
        self.workers = [self.agent.application(shape) for shape in self.shapes]
        self.all("paced", RATE // APPLICATIONS, 100)

    def all(self, *words):
        for worker in self.workers:
            worker.send(*words)
        return [worker.answer() for worker in self.workers]

    def round(self):
        self.sink.ask("count")
        before = self.agent.cpu_ns()
        answers = self.all("paced", RATE // APPLICATIONS, self.milliseconds)
        cpu = self.agent.cpu_ns() - before
        spans, dropped = (sum(answer[key] for answer in answers) for key in ("spans", "dropped"))
        arrived = self.sink.ask("count")
        return dict(zip(self.keys, (cpu / spans, arrived["bytes"] / arrived["spans"], dropped)))


def measures():
    return [Varied("varied", [f"varied{number}" for number in range(APPLICATIONS)]),
            Varied("even", ["even"] * APPLICATIONS)]
