# SPDX-License-Identifier: Apache-2.0
"""One thing that is measured, and how a group of them takes turns."""

import sys

from bed import Bed
from machine import OthersWatch
from worker import Gone

BYTES = 183          # a span with two strings, an integer and a parent, with its tag and length
LARGE_BYTES = 805    # twenty attributes
BURST = 5000         # spans
MILLION = 1_000_000


class Measure:
    """`keys` are what it gives; where it cannot start, their rows say why."""

    keys = ()

    def start(self, bed, place):
        raise NotImplementedError

    def round(self):
        """One turn: {key: value}."""
        raise NotImplementedError


class Place:
    """What the measures of a group share."""

    def __init__(self, bed, quick, once):
        self.quick = quick
        self.once = once  # the least that goes through everything: for tests
        self.floor = bed.worker("floor_worker", BYTES)
        self.sink = bed.sink()
        self.http_sink = bed.http_sink()
        self.endpoint = self.sink.said[0]
        self.http_endpoint = self.http_sink.said[0]


def say(text):
    print(text, file=sys.stderr, flush=True)


def run_group(name, measures, rounds, build, series, quick, once=False):
    """Starts everything, then takes turns: each round begins and ends with the floor, and watches what others do."""
    bed = Bed(build)
    try:
        place = Place(bed, quick, once)
        alive = []
        for measure in measures:
            try:
                measure.start(bed, place)
                alive.append(measure)
            except Gone as gone:
                say(f"{name}: {gone}")
                series.missing.update({key: str(gone) for key in measure.keys})

        def floor_ns():
            return place.floor.ask("burst", 10, BURST)["ns"]

        floor_ns()
        for number in range(rounds):
            say(f"{name}: round {number + 1} of {rounds}")
            watch = OthersWatch()
            before = floor_ns()
            for measure in list(alive):
                try:
                    for key, value in measure.round().items():
                        series.add(key, name, number, value)
                except (Gone, ZeroDivisionError) as problem:
                    reason = str(problem) if isinstance(problem, Gone) else "nothing arrived"
                    say(f"{name}: {reason}")
                    series.missing.update({key: reason for key in measure.keys})
                    alive.remove(measure)
            series.end_round(name, max(before, floor_ns()), watch.share())
    finally:
        bed.close()
