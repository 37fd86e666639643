# SPDX-License-Identifier: Apache-2.0
"""What the rounds gave. A round is disturbed where the floor, measured at its begin and its end, was far above the lowest
of the run, or where other programs used the machine meanwhile. Medians are over the rounds that were not."""

import statistics

DISTURBED = 1.5   # times the lowest floor
COUNTS = (".lost", ".dropped", ".processes", ".spans", ".refused")  # summed over all rounds, disturbed ones too
OTHERS = 0.05     # of all cores' time
FEWEST = 3        # with fewer quiet rounds than this all count, and the table says so


class Series:
    def __init__(self):
        self.floors = {}   # group -> the floor of each round, ns
        self.others = {}   # group -> the part of the machine that others used in each round
        self.values = {}   # key -> [(group, round, value)]
        self.missing = {}  # key -> why it was not measured

    def end_round(self, group, floor, others):
        self.floors.setdefault(group, []).append(floor)
        self.others.setdefault(group, []).append(others)

    def add(self, key, group, number, value):
        self.values.setdefault(key, []).append((group, number, value))

    def lowest_floor(self):
        """Disturbances only ever add."""
        return min(value for group in self.floors.values() for value in group)

    def quiet(self, group, number):
        return self.floors[group][number] <= DISTURBED * self.lowest_floor() and self.others[group][number] <= OTHERS

    def rounds(self, key):
        """(values that count, how many of them were quiet, how many there are)"""
        every = self.values[key]
        quiet = [value for group, number, value in every if self.quiet(group, number)]
        values = quiet if len(quiet) >= FEWEST else [value for _, _, value in every]
        return values, len(quiet), len(every)

    def value(self, key):
        if key not in self.values:
            return None
        if key.endswith(COUNTS):
            return sum(value for _, _, value in self.values[key])
        return statistics.median(self.rounds(key)[0])

    def spread(self, key):
        """The quartiles."""
        values = sorted(self.rounds(key)[0])
        if len(values) < 3:
            return values[0], values[-1]
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return low, high

    def flat(self):
        return {key: round(self.value(key), 3) for key in sorted(self.values)}
