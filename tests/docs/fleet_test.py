# SPDX-License-Identifier: Apache-2.0
"""docs/fleet.md says what tools/fleet-sim says, and the simulation says what can be known without it."""

import dataclasses
import pathlib
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(SOURCE / "tools/fleet"))
import decisions  # noqa: E402
import outages  # noqa: E402
import parameters  # noqa: E402
import partitions  # noqa: E402

# Small, and of one kind of host: what comes of it can be worked out by hand.
PLAIN = parameters.Parameters(hosts=30, spread=0, classes=1, spans_per_host=100, span_bytes=100, queue_bytes=100_000,
                              spool_bytes=900_000, traces=3_000, rate_limit=3)


def result(way, begin_of_name, of=PLAIN):
    outage = next(each for each in outages.outages(of) if each.name.startswith(begin_of_name))
    return outages.run(of, outage, way)


def simulator(*arguments):
    return subprocess.run([SOURCE / "tools/fleet-sim", *arguments], capture_output=True, text=True)


class Page(unittest.TestCase):
    def test_it_has_the_tables_that_the_simulator_prints(self):
        said = simulator()
        self.assertEqual(said.returncode, 0, said.stderr)
        page = (SOURCE / "docs/fleet.md").read_text()
        for part in said.stdout.split("## ")[1:]:
            table = part.partition("\n\n")[2].strip()
            self.assertIn(table, page, "docs/fleet.md is not of these figures: tools/fleet-sim --docs")


class Outages(unittest.TestCase):
    def test_a_host_loses_what_its_spool_has_no_room_for(self):
        # 10,000 spans fit; 3,600 s make 360,000, and a tick's are there before they are sent.
        lost = result("OTLP", "the tier, 1 h")
        self.assertEqual(lost.dropped, 30 * (360_000 - 10_000))
        self.assertEqual(lost.most_waiting_bytes, 1_000_000)

    def test_nothing_is_lost_where_it_fits(self):
        roomy = dataclasses.replace(PLAIN, spool_bytes=100_000_000)
        self.assertEqual(result("OTLP", "the tier, 1 h", roomy).dropped, 0)
        self.assertEqual(result("Kafka", "the tier, 1 h").dropped, 0)

    def test_the_rate_limit_bounds_the_storm(self):
        roomy = dataclasses.replace(PLAIN, spool_bytes=100_000_000)
        self.assertEqual(result("OTLP", "the tier, 1 h", roomy).storm, 3)
        self.assertGreater(result("OTLP", "the tier, 1 h", dataclasses.replace(roomy, rate_limit=0)).storm, 1_000)

    def test_a_collector_gives_up(self):
        # What is older than 300 s goes, whatever room there is; nothing of the last 300 s does.
        lost = result("Collector", "the tier, 1 h")
        self.assertGreaterEqual(lost.dropped, 30 * 100 * (3_600 - 303))
        self.assertEqual(result("Collector", "the tier, 4 min").dropped, 0)

    def test_two_brokers_of_two_zones_hold_up_all_and_one_does_not(self):
        self.assertEqual(result("Kafka", "one broker").dropped, 0)
        self.assertGreater(result("Kafka", "two brokers of two zones, 1 h").dropped, 0)
        self.assertEqual(result("Kafka", "two brokers of two zones, 1 h", dataclasses.replace(PLAIN, min_insync=1)).dropped, 0)

    def test_kafka_forgets_after_its_retention(self):
        self.assertGreater(result("Kafka", "the tier, 5 h").expired, 0)
        self.assertEqual(result("Kafka", "the tier, 5 h", dataclasses.replace(PLAIN, retention_s=6 * 3_600)).expired, 0)


class Decisions(unittest.TestCase):
    def test_one_threshold_keeps_whole_traces_and_budgets_do_not(self):
        found = {each.way: each for each in decisions.run(dataclasses.replace(PLAIN, traces=10_000, spread=1.0))}
        self.assertEqual(found["`th`, one for all"].whole, 1)
        self.assertLess(found["`th`, each host by its own budget"].whole, 1)
        self.assertEqual(found["`th`, one for all; errors where they are seen"].errors, 1)
        self.assertAlmostEqual(found["`th`, one for all"].kept, decisions.SHARE, delta=0.01)


class Partitions(unittest.TestCase):
    def test_the_hash_is_fnv_1a(self):
        # http://www.isthe.com/chongo/src/fnv/test_fnv.c has e40c292c and bf9cf968 for these: the partitioners take the value.
        self.assertEqual((partitions.fnv1a(b"a"), partitions.fnv1a(b"foobar")), (0x100000000 - 0xE40C292C, 0x100000000 - 0xBF9CF968))


class Arguments(unittest.TestCase):
    def test_what_is_wrong_is_named(self):
        for arguments, said in ((["--set", "hotels=3"], "hotels"), (["--set", "hosts=many"], "'many' is no whole number"),
                                (["--set", "hosts=0"], "hosts: 0 is out of range"), (["--set", "brokers=4"], "multiple of zones"),
                                (["--docs", "--seed", "2"], "--docs writes what the defaults say")):
            with self.subTest(arguments):
                answer = simulator(*arguments)
                self.assertEqual(answer.returncode, 2)
                self.assertIn(said, answer.stderr)

    def test_a_seed_says_the_same_and_another_one_something_else(self):
        few = ("--only", "decisions", "--set", "traces=2000")
        self.assertEqual(simulator(*few).stdout, simulator(*few).stdout)
        self.assertNotEqual(simulator(*few).stdout, simulator(*few, "--seed", "2").stdout)


if __name__ == "__main__":
    unittest.main()
