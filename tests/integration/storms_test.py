# SPDX-License-Identifier: Apache-2.0
"""Storms of threads, processes, forks and signals: everything is accounted for, and nothing is left behind."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import harness
from otlp_json import Received

STORM = harness.BUILD / "tests/integration/storm"
LIBRARY = harness.BUILD / "lib/libspanring.so"
SCALE = int(os.environ.get("SPANRING_STORM_SCALE", "1"))  # times as many threads and processes that come and go


class Storms(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector().start()
        self.received = Received(self.collector.received)

    def start_agent(self, *arguments):
        return self.workspace.agent("--endpoint", self.collector.endpoint, "--batch-timeout", "20ms", *arguments)

    def storm(self, *arguments, **options):
        return harness.Process(self.workspace, "storm", [STORM, *arguments], stdin=subprocess.PIPE,
                               env=harness.environment(SPANRING_DIR=self.workspace.segments), **options)

    def said(self, process):
        started, ended = map(int, re.fullmatch(r"started (\d+) ended (\d+)\n", process.stdout()).groups())
        self.assertEqual(started, ended)
        return ended

    def settle(self, agent, processes=1):
        """Waits until all are drained; returns the accounting by service. It comes out, and so does what arrived."""
        # The largest has 700,000 spans, for which a Collector needs eight seconds of CPU.
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segments of the dead are unlinked", 4 * harness.WATCHDOG)
        harness.wait_until(self.workspace.is_quiet, "what is in the spool is exported, too")
        agent.stop()
        rows = self.workspace.accounting()
        self.assertEqual(len(rows), processes)
        exported = sum(exporter["exported"] for row in rows for exporter in row["exporters"])
        harness.wait_until(lambda: self.received.count() >= exported, "what was exported has arrived")
        identities = self.received.by_identity()
        self.assertEqual(len(identities), exported, "each once")
        self.assertEqual(self.received.count(), exported, "each once")
        left = [path.name for path in self.workspace.segments.iterdir() if path.suffix != ".lock"]
        self.assertEqual([name for name in left if name.endswith((".spr", ".tmp"))], [])
        return rows

    def total(self, rows, *path):
        values = []
        for row in rows:
            for key in path:
                row = row[key]
            values.append(row)
        return sum(values)

    def dropped(self, rows):
        return sum(sum(row["dropped"].values()) for row in rows)

    def test_threads_that_end_in_every_way(self):
        agent = self.start_agent()
        threads = 4000 * SCALE
        process = self.storm("churn", threads)
        process.expect(0, SCALE * harness.WATCHDOG)
        made = self.said(process)
        rows = self.settle(agent)
        self.assertEqual(self.total(rows, "started"), made)
        vanishing = -(-threads // 1600)  # beside them: storm.c
        self.assertEqual(made, (threads + vanishing) * 3 - self.total(rows, "not_started", "slot"))
        self.assertEqual(self.total(rows, "unfinished"), 0)

    def test_five_thousand_threads_at_once(self):
        agent = self.start_agent()
        process = self.storm("crowd", "5000")
        process.expect(0)
        made = self.said(process)
        rows = self.settle(agent)
        refused = self.total(rows, "not_started", "slot") + self.total(rows, "not_started", "nested")
        self.assertEqual(self.total(rows, "started"), made)
        self.assertEqual(made + refused, 50000)
        self.assertEqual(refused, 0, "each has a place")

    def test_processes_that_come_and_go_before_and_while_an_agent_runs(self):
        first = self.storm("processes", "100")
        first.expect(0)
        self.assertEqual(len(self.workspace.segment_files()), 100, "each left its segment")
        agent = self.start_agent()
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segments of the dead are unlinked")
        files, maps = self.held(agent)
        later = 400 * SCALE - 100
        second = self.storm("processes", later)
        second.expect(0, SCALE * harness.WATCHDOG)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segments of the dead are unlinked")
        harness.wait_until(lambda: self.held(agent)[0] <= files, "the agent closed what it had opened")
        harness.wait_until(lambda: self.held(agent)[1] <= maps + 8, "the agent unmapped what it had mapped")
        rows = self.settle(agent, processes=100 + later)
        self.assertEqual(self.total(rows, "started"), 3 * (100 + later))
        self.assertEqual(self.total(rows, "ended"), 3 * (100 + later))

    def held(self, agent):
        """Open files and mapped segments of a process."""
        folder = pathlib.Path(f"/proc/{agent.pid}")
        return len(os.listdir(folder / "fd")), len((folder / "maps").read_text().splitlines())

    def test_children_of_every_kind(self):
        agent = self.start_agent()
        process = self.storm("forks")
        process.expect(0)
        made = self.said(process)
        rows = self.settle(agent, processes=6)
        self.assertEqual(sorted(row["started"] for row in rows), [2, 5, 5, 5, 5, made + 1])
        self.assertEqual(self.total(rows, "unfinished"), 0, "no child reports its parent's open span")

    def test_a_prefork_server_whose_parent_dies_first(self):
        agent = self.start_agent()
        process = self.storm("prefork", "12")
        process.wait_for_line("prefork")
        self.assertEqual(process.wait(), -signal.SIGKILL)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the parent is seen dead while its child lives")
        process.end_input()
        harness.wait_until(lambda: self.received.count() >= 1 + 13 * 100, "the last child's spans arrive")
        rows = self.settle(agent, processes=14)
        self.assertEqual(self.total(rows, "ended"), 1 + 13 * 100)

    def test_exec_again_and_again(self):
        agent = self.start_agent()
        self.storm("execs", "25").expect(0)
        rows = self.settle(agent, processes=25)
        self.assertEqual(self.total(rows, "ended"), 75)

    def test_vfork_and_its_like_with_a_span_open(self):
        agent = self.start_agent()
        process = self.storm("helpers", "60")
        process.expect(0)
        self.assertEqual(self.said(process), 60)
        self.assertEqual(self.total(self.settle(agent), "ended"), 60)

    def test_a_handler_that_traces_interrupts_threads_that_do(self):
        agent = self.start_agent()
        process = self.storm("signals", "500")
        process.expect(0)
        made = self.said(process)
        rows = self.settle(agent)
        self.assertEqual(self.total(rows, "started"), made)
        self.assertEqual(self.total(rows, "unfinished"), 0)

    def test_a_full_ring_while_the_agent_is_stopped(self):
        agent = self.start_agent()
        agent.send(signal.SIGSTOP)
        process = self.storm("full", "20000")
        process.expect(0)
        agent.send(signal.SIGCONT)
        made = self.said(process)
        rows = self.settle(agent)
        self.assertGreater(self.total(rows, "dropped", "full"), 0)
        self.assertEqual(self.total(rows, "ended"), made)
        self.assertEqual(self.received.count(), made - self.dropped(rows), "what is not there is counted, to the last one")

    def test_a_stopped_process_loses_nothing_and_goes_on(self):
        agent = self.start_agent()
        process = self.storm("steady")
        for _ in range(5):
            before = self.received.count()
            harness.wait_until(lambda: self.received.count() > before + 50, "spans arrive")
            process.send(signal.SIGSTOP)
            here = json_started(self.workspace)
            harness.wait_until(lambda: self.received.count() >= here - 1, "what a stopped process committed arrives")
            process.send(signal.SIGCONT)
        process.end_input()
        process.expect(0)
        made = self.said(process)
        rows = self.settle(agent)
        self.assertEqual((self.total(rows, "started"), self.received.count()), (made, made))

    def test_a_second_copy_of_the_library_and_dlclose(self):
        agent = self.start_agent()
        copy = self.workspace.unique("libcopy.so")
        shutil.copy(LIBRARY.resolve(), copy)
        process = self.storm("copies", copy, "200")
        process.expect(0)
        rows = self.settle(agent, processes=2)
        self.assertEqual({row["service"]: row["ended"] for row in rows}, {"storm-original": 200, "storm-copy": 200})

    def test_providers_that_are_shut_down_in_turn(self):
        agent = self.start_agent()
        process = self.storm("providers", "60")
        harness.wait_until(lambda: self.received.count() >= 360, "what they ended, and what stayed open, arrives")
        harness.wait_until(lambda: not self.workspace.segment_files(), "no file is left while the process lives")
        self.assertTrue(process.running())
        process.end_input()
        process.expect(0)
        self.assertEqual(self.said(process), 300)
        rows = self.settle(agent, processes=60)
        self.assertEqual((self.total(rows, "ended"), self.total(rows, "unfinished")), (300, 60))

    def test_a_second_agent_takes_over_at_once(self):
        first = self.start_agent()
        process = self.storm("steady")
        harness.wait_until(lambda: self.received.count() > 100, "spans arrive")
        second = self.workspace.start_agent("--endpoint", self.collector.endpoint, "--batch-timeout", "20ms",
                                            state=self.workspace.folder / "second")
        second.expect(harness.EXIT_TEMPFAIL)
        first.kill()
        before = self.received.count()
        third = self.start_agent()
        harness.wait_until(lambda: self.received.count() > before + 100, "the next agent goes on")
        process.end_input()
        process.expect(0)
        made = self.said(process)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is unlinked")
        third.stop()
        harness.wait_until(lambda: len(self.received.by_identity()) >= made, "as a set, all of them arrive")
        self.assertEqual(len(self.received.by_identity()), made)
        self.workspace.accounting()


def json_started(workspace):
    return sum(row["ended"] for row in json.loads(workspace.command("ps", "--json"))["processes"])


if __name__ == "__main__":
    harness.main()
