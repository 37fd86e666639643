# SPDX-License-Identifier: Apache-2.0
"""Memory of the agent: at 100,000 spans a second, and where ten times as many come as its backend takes."""

import threading

from measure import Measure

RATE = 100_000    # spans a second
OVERLOAD = 10     # times what the sink takes


class Peak:
    """The largest (resident, anonymous) memory of a program while something runs, each at its own moment."""

    def __init__(self, program):
        self.program = program
        self.largest = program.memory_mib()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over.wait(0.02):
            self.largest = tuple(map(max, self.largest, self.program.memory_mib()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def peaks(program, load, sink, seconds):
    """At RATE, and at OVERLOAD times what the sink takes: the program is the same, the quiet load comes first."""
    with Peak(program) as normal:
        load("paced", RATE, 1000 * seconds)
    sink.ask("limit", RATE)
    try:
        with Peak(program) as overload:
            load("paced", OVERLOAD * RATE, 1000 * seconds)
    finally:
        sink.ask("limit", 0)
    return normal.largest, overload.largest


class AgentMemory(Measure):
    """A fresh agent each round: memory that was once touched stays."""

    LOADS = ("100k", "overload", "1m")
    keys = tuple(f"agent.{kind}_mib_{load}" for load in LOADS for kind in ("rss", "anonymous"))

    def start(self, bed, place):
        self.bed = bed
        self.seconds = 3 if place.quick else 10

    def round(self):
        values = []
        sink = self.bed.sink()
        agent = self.bed.agent(sink.said[0])
        worker = agent.application()
        for both in peaks(agent, worker.ask, sink, self.seconds):
            values += both
        for program in (worker, agent):
            self.bed.stop(program)
        agent = self.bed.agent(sink.said[0])
        worker = agent.application()
        with Peak(agent) as busy:
            worker.ask("paced", OVERLOAD * RATE, 1000 * self.seconds)
        values += busy.largest
        for program in (worker, agent, sink):
            self.bed.stop(program)
        return dict(zip(self.keys, values))


def measures():
    return [AgentMemory()]
