# SPDX-License-Identifier: Apache-2.0
"""The first span of a process, and of a child of fork(): it makes the segment. bench/first_span.cpp checks that each was
started and ended, and the sink that they arrived."""

import time

from measure import Measure

WATCHDOG = 60  # seconds


class FirstSpan(Measure):
    keys = ("first_span.us", "first_span.forked_us", "first_span.lost")

    def start(self, bed, place):
        self.sink = place.sink
        self.processes = 5 if place.once else 50
        agent = bed.agent(place.endpoint)
        self.worker = bed.worker("first_span", core=0, environment={"SPANRING_DIR": agent.segments})
        self.worker.ask("first", 1)  # the folder is there
        self.arrived(1)

    def arrived(self, wanted):
        """Spans of processes that are dead: the agent has to find each first."""
        spans, deadline = 0, time.monotonic() + WATCHDOG
        while spans < wanted and time.monotonic() < deadline:
            time.sleep(0.05)
            spans += self.sink.ask("count")["spans"]
        return spans

    def round(self):
        first = self.worker.ask("first", self.processes)["us"]
        forked = self.worker.ask("forked", self.processes)["us"]  # parent and child: two spans
        wanted = 3 * self.processes
        return dict(zip(self.keys, (first, forked, wanted - self.arrived(wanted))))


def measures():
    return [FirstSpan()]
