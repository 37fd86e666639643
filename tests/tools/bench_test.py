# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of an application, once and with next to nothing: its figures have their names, and every span that it made was
started, ended, kept and counted by the receiver. How fast that was is nobody's business here."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("SPANRING_BUILD", SOURCE / "build")).resolve()
GROUPS = ("shapes", "crowd", "first_span", "varied", "designs", "batches", "late_sink")
SHAPES = ("bare", "three", "ten", "twenty", "rich", "http", "db", "nested")
SKIPPED = 77
sys.path.insert(0, str(SOURCE / "bench"))
import shop_requests  # noqa: E402


class BenchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "figures.json"
            groups = [word for group in GROUPS for word in ("--only", group)]
            done = subprocess.run([sys.executable, "-B", SOURCE / "bench/runner", "--once", *groups, "--build", BUILD,
                                   "--json", file], stdin=subprocess.DEVNULL, capture_output=True, text=True)
            cls.said = done.stdout + done.stderr
            cls.figures = json.loads(file.read_text()) if done.returncode == 0 else {}

    def figure(self, key):
        self.assertIn(key, self.figures, self.said)
        return self.figures[key]

    def test_every_shape_has_its_figures(self):
        for shape in SHAPES:
            for figure in ("app_ns", "nul_ns", "static_ns", "floor_ns", "floor2_ns", "agent_cpu_ns"):
                with self.subTest(shape=shape, figure=figure):
                    self.assertGreater(self.figure(f"shape.{shape}.{figure}"), 0)

    def test_every_span_was_made_and_arrived(self):
        for shape in SHAPES:
            with self.subTest(shape=shape):
                self.assertGreater(self.figure(f"shape.{shape}.spans"), 0)
                for count in ("dropped", "refused", "lost"):
                    self.assertEqual(self.figure(f"shape.{shape}.{count}"), 0, count)

    def test_crowds_and_first_spans_have_their_figures(self):
        for figure in ("shape.many_open.app_ns", "shape.many_open.floor_ns", "threads1000.ns", "threads1000.one_ns",
                       "first_span.us", "first_span.forked_us"):
            with self.subTest(figure=figure):
                self.assertGreater(self.figure(figure), 0)
        for figure in ("shape.many_open", "threads1000"):
            with self.subTest(figure=figure):
                self.assertGreater(self.figure(f"{figure}.spans"), 0)
                for count in ("dropped", "refused", "lost"):
                    self.assertEqual(self.figure(f"{figure}.{count}"), 0, count)
        self.assertEqual(self.figure("first_span.lost"), 0)

    def test_designs_batches_and_late_sinks_have_their_figures(self):
        for design in ("mutex", "mpsc", "shared", "spanring"):
            self.assertEqual(self.figure(f"designs.{design}.dropped"), 0)
            for threads in (1, 2, 4, 16, 64):
                with self.subTest(design=design, threads=threads):
                    self.assertGreater(self.figure(f"designs.{design}.threads{threads}_ns"), 0)
        for way in ("copy", "zero_copy"):
            for size in (100, 512, 2048, 8192):
                with self.subTest(way=way, size=size):
                    self.assertGreater(self.figure(f"batches.{way}{size}.cpu_ns"), 0)
                    self.assertGreater(self.figure(f"batches.{way}{size}.p95_ms"), 0)
                    self.assertEqual(self.figure(f"batches.{way}{size}.dropped"), 0)
        for sink in ("prompt_sink", "late_sink"):
            self.assertGreaterEqual(self.figure(f"{sink}.repeated_percent"), 0)
        self.assertGreater(self.figure("late_sink.repeated_percent"), 0, "the kill found nothing on its way")

    def test_varied_spans_weigh_what_they_are_compared_with(self):
        for shape in ("varied", "even"):
            self.assertEqual(self.figure(f"{shape}.dropped"), 0)
            self.assertGreater(self.figure(f"{shape}.agent_cpu_ns"), 0)
        self.assertAlmostEqual(self.figure("varied.bytes") / self.figure("even.bytes"), 1, delta=0.05)

    def test_shapes_weigh_what_they_are_compared_with(self):
        for shape, size in (("three", 183), ("twenty", 805)):
            with self.subTest(shape=shape):
                # Each has its part in the head of a request, and how many share one is a matter of time.
                self.assertIn(round(self.figure(f"shape.{shape}.bytes")), range(size, size + 11))


class AdditionsTest(unittest.TestCase):
    """What decisions and metrics add, of a few spans."""

    def test_each_way_has_its_figure_and_decides_what_was_made(self):
        done = subprocess.run([sys.executable, "-B", SOURCE / "bench/additions.py", BUILD, "--rate", "5000", "--seconds", "1", "--rounds", "1",
                               "--requests", "128"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(len(re.findall(r"agent +\S.* [1-9]\d* ns a span at [\d,]+ spans/s", done.stdout)), 4, done.stdout)
        self.assertEqual(re.findall(r"(.*) adds: agent -?\d+ ns", done.stdout),
                         ["tail_sampling, 1 % kept", "tail_sampling, all kept", "spanmetrics"])


class ShopRequestsTest(unittest.TestCase):
    """What spans say: the same at each run, and no two alike."""

    def test_the_same_are_drawn_each_time(self):
        first, second = shop_requests.Draw(), shop_requests.Draw()
        self.assertEqual([first.request() for _ in range(3)], [second.request() for _ in range(3)])

    def test_they_differ_in_content_and_length(self):
        draw = shop_requests.Draw()
        requests = [draw.request() for _ in range(shop_requests.COUNT)]
        self.assertGreater(len({request["path"] for request in requests}), shop_requests.COUNT / 2)
        self.assertGreater(len({len(request["long_path"]) for request in requests}), 10)
        statements = [len(request["statement"]) for request in requests]
        low, high = shop_requests.STATEMENT_BYTES
        self.assertTrue(all(low <= size <= high for size in statements), statements)
        self.assertGreater(max(statements) - min(statements), (high - low) / 2)
        self.assertEqual({len(request["agent"]) for request in requests}, {shop_requests.AGENT_BYTES})


if __name__ == "__main__":
    if len(os.sched_getaffinity(0)) < 2:
        print("skipped: the benchmark needs two cores")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
