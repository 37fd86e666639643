# SPDX-License-Identifier: Apache-2.0
"""Application, agent, or both, killed at random instants. A few rounds here, thousands in tools/soak.

SPANRING_SEED repeats a run; every failure prints the seed.
"""

import os
import random
import unittest

import harness
from churn import Rounds, Series, wrong

SEED = int(os.environ.get("SPANRING_SEED", random.SystemRandom().randrange(1 << 32)))


class Told:
    """A churner of one thread that did as told."""

    def __init__(self, **told):
        self.told = told

    def series(self):
        return {("inner", 0): Series(**self.told)}


class TheCheck(unittest.TestCase):
    """What wrong() must see. Ten were started, nine ended, one end was in progress."""

    told = Told(started=10, begun=10, returned=9, dropped=0)
    ended, unfinished = [False], [True]

    def check(self, changes, agent_was_killed=False, full=0):
        spans = {number: self.ended for number in range(1, 10)} | {10: self.unfinished} | changes
        spans = {number: ways for number, ways in spans.items() if ways}
        account = {"dropped": {"full": full}, "exporters": [{"dropped": {"invalid": 0}}]}
        return wrong(self.told, {("inner", 0): spans}, account, agent_was_killed)

    def test_accepts_what_is_promised(self):
        self.assertEqual(self.check({}), [])
        self.assertEqual(self.check({10: self.ended}), [], "the end in progress came to its end")
        self.assertEqual(self.check({11: self.unfinished}), [], "a start in progress")
        self.assertEqual(self.check({10: None}, full=1), [], "the end in progress dropped its span")
        self.assertEqual(self.check({4: None}, full=1), [])
        self.assertEqual(self.check({4: [False, False]}, agent_was_killed=True), [])

    def test_sees_what_is_not(self):
        self.assertIn("missing", self.check({4: None})[0])
        self.assertIn("missing", self.check({4: None}, agent_was_killed=True)[0])
        self.assertIn("counted", self.check({}, full=2)[0])
        self.assertIn("more than once", self.check({4: [False, False]})[0])
        self.assertIn("both", self.check({4: [False, True]})[0])
        self.assertIn("unfinished", self.check({4: self.unfinished})[0])
        self.assertIn("never started", self.check({12: self.unfinished})[0])
        self.assertIn("never called", self.check({11: self.ended})[0])


class RandomKills(harness.Case):
    def rounds(self, *kinds, count, together):
        chance = random.Random(f"{SEED} {self.id()}")
        rounds = Rounds(self.workspace, chance)
        for number in range(1, count + 1):
            getattr(rounds, chance.choice(kinds))()
            if number % together == 0:
                self.assertEqual(rounds.settle(), [], f"SPANRING_SEED={SEED}, round {number}")
        self.assertGreaterEqual(rounds.checked, count)
        self.assertGreater(rounds.ended, 0)
        self.assertGreater(rounds.unfinished, 0, "kills that interrupt nothing test nothing")
        rounds.collector.stop()

    def test_of_the_application(self):
        self.rounds("application", count=60, together=20)

    def test_of_the_agent_under_load(self):
        self.rounds("agent_alone", count=12, together=3)

    def test_of_both_in_any_order(self):
        self.rounds("both", "application", "agent_alone", count=24, together=6)


if __name__ == "__main__":
    harness.main()
