# SPDX-License-Identifier: Apache-2.0
"""All of it at once, as fast as it goes: one producer on core 0, agent and sink on core 1, counted where it arrives."""

import statistics
import time

from measure import MILLION, Measure


class Pipeline(Measure):
    """spans_per_s: arrived spans over the time until the last was acknowledged. lost: of what was offered at 80 % of
    that rate, what did not arrive, counted by the sink and not by us."""

    keys = ("pipeline.spans_per_s", "pipeline.cpu_ns_per_span", "pipeline.lost", "pipeline.dropped_percent_flat_out")
    SAFE = 0.8
    PATIENCE = 2  # seconds without a span

    def start(self, bed, place):
        self.sink = place.sink
        self.spans = (1 if place.quick else 4) * MILLION
        self.milliseconds = 500 if place.quick else 2000
        self.agent = bed.agent(place.endpoint)
        self.worker = self.agent.application()
        self.worker.ask("flat", MILLION)
        self.rates = []

    def arrived(self):
        return self.sink.ask("count")["spans"]

    def all_arrived(self, wanted):
        """What was acknowledged may still be in the spool: waits until that many have arrived, or no more do for a while.
        Returns how many, and the seconds until the last of them."""
        spans = self.arrived()
        begun = last = time.monotonic()
        while spans < wanted and time.monotonic() - last < self.PATIENCE:
            time.sleep(0.001)
            more = self.arrived()
            if more:
                spans, last = spans + more, time.monotonic()
        return spans, last - begun

    def round(self):
        self.arrived()
        before = self.agent.cpu_ns()
        flat = self.worker.ask("flat", self.spans)
        arrived, waited = self.all_arrived(flat["spans"])
        used = self.agent.cpu_ns() - before
        self.rates.append(arrived / (flat["seconds"] + waited))
        paced = self.worker.ask("paced", int(self.SAFE * statistics.median(self.rates)), self.milliseconds)
        lost = paced["spans"] + paced["dropped"] - self.all_arrived(paced["spans"])[0]
        return dict(zip(self.keys, (self.rates[-1], used / arrived, lost, 100 * (1 - arrived / self.spans))))


def measures():
    return [Pipeline()]
