# SPDX-License-Identifier: Apache-2.0
"""Traces that stay open for long: their spans wait in files of the agent, and neither a small ring nor an agent that is killed
at any step of it costs one of them."""

import json
import signal
import urllib.request

import agent_configuration
import harness
from otlp_json import Received
from scripted import Scripted
from stepping import FAILING_AGENT

ALL = {"name": "all", "type": "always_sample"}
NEVER = {"name": "never", "type": "never"}
SPANS = 200

# Step, and at which passage: while spans leave, and when the trace is decided.
LEAVING = {"undecided_written": 2, "mark_moved": 2, "journal_armed": 2, "spans_filed": 2}
DECIDED = {"filed_taken_in": 1, "decisions_written": 1, "entry_settled": 1, "booking_noted": 1, "journal_armed": 1,
           "entry_booked": 1, "answers_begun": 1, "undecided_removed": 1}


class UndecidedSteps(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector()
        self.received = Received(self.collector.received)
        self.port = harness.free_port()
        self.processes = 0
        self.collector.start()

    def configure(self, *policies, **sampling):
        sampling = {"linger": "20ms", "ring_linger": "40ms", "decision_wait": "600s", **sampling}
        processors = {"tail_sampling": {"policies": list(policies), **sampling},
                      "batch": {"send_batch_size": 64, "timeout": "20ms"}}
        document = {"processors": processors, "exporters": {"otlp_grpc": agent_configuration.quick(self.collector.endpoint)},
                    "service": {"telemetry": {"metrics": {"address": f"127.0.0.1:{self.port}"}},
                                "pipelines": {"traces": {"processors": list(processors), "exporters": ["otlp_grpc"]}}}}
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(document))
        return file

    def agent(self, file):
        return self.workspace.agent("--config", file)

    def killed_agent(self, file, step, passage):
        return self.workspace.start_agent("--config", file, program=FAILING_AGENT,
                                          env={"SPANRING_KILL_AT": f"{step}:{passage}"})

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=harness.WATCHDOG) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and not line.startswith("#")}

    def wait_for_metric(self, name, value):
        harness.wait_until(lambda: self.metrics().get(f"spanring_tail_sampling_{name}") == value, f"{name} is {value}")

    def process(self, **variables):
        """With an open root."""
        self.processes += 1
        shop = Scripted(self.workspace, f"shop-{self.processes}", **variables)
        shop.root = shop.say("start", 1, "root")
        return shop

    def begin(self):
        shop = self.process()
        self.more(shop, SPANS)
        return shop

    def more(self, shop, spans):
        """Children that ended."""
        shop.say_all([f"start 2 part {shop.root}", "end 2"] * spans)

    def arrived(self, shop):
        """Ids, each once, of the trace that it began."""
        trace = shop.root.split("-")[1]
        return {span.fields["spanId"] for span in self.received.read() if span.fields["traceId"] == trace}

    def row(self, shop):
        (row,) = [row for row in self.workspace.accounting() if row["service"] == shop.name]
        (exporter,) = row["exporters"]
        return row, exporter

    def files(self):
        folder = self.workspace.state / "undecided"
        return sorted(folder.iterdir()) if folder.exists() else []

    def finish(self, shop, agent, spans, kept):
        """All is decided and booked once, and nothing is left."""
        harness.end_all([shop])
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is drained and unlinked")
        harness.wait_until(lambda: not self.files(), "no file of undecided spans is left")
        agent.stop()
        row, exporter = self.row(shop)
        expected = (spans, 0) if kept else (0, spans)
        self.assertEqual((exporter["exported"], exporter["sampled_out"]), expected)
        self.assertEqual((sum(exporter["dropped"].values()), exporter["pending_ring"]), (0, 0))
        if kept:
            self.assertEqual(len(self.arrived(shop)), spans)
        else:
            self.assertEqual(sum(rule["sampled_out"] for rule in row["rules"]), spans)

    def each(self, steps, check):
        for step, passage in steps.items():
            for kept in (True, False):
                with self.subTest(step=step, kept=kept):
                    before = len(self.workspace.processes)
                    try:
                        check(step, passage, kept)
                    finally:  # whatever is found, so that the next one can start
                        for process in self.workspace.processes[before:]:
                            if process.running():
                                process.kill()

    def test_killed_while_spans_leave(self):
        self.each(LEAVING, self.leave)

    def leave(self, step, passage, kept):
        file = self.configure(ALL if kept else NEVER)
        killed = self.killed_agent(file, step, passage)
        shop = self.process()
        spans = 0
        while killed.running():
            self.more(shop, 10)
            spans += 10
            self.assertLess(spans, 20_000, f"{step} is not passed")
        killed.expect(-signal.SIGKILL)
        agent = self.agent(file)
        self.more(shop, 10)
        self.wait_for_metric("undecided_spans", spans + 10)
        self.assertEqual(self.arrived(shop), set())
        shop.say("end", 1)
        self.finish(shop, agent, spans + 11, kept)

    def test_killed_when_the_trace_is_decided(self):
        self.each(DECIDED, self.decide)

    def decide(self, step, passage, kept):
        file = self.configure(ALL if kept else NEVER)
        agent = self.agent(file)
        shop = self.begin()
        self.wait_for_metric("filed_spans", SPANS)
        agent.kill()
        killed = self.killed_agent(file, step, passage)
        shop.say("end", 1)
        killed.expect(-signal.SIGKILL)
        agent = self.agent(file)
        self.finish(shop, agent, SPANS + 1, kept)

    def test_a_small_ring_holds_a_long_trace(self):
        """Spans of several times its memory, while their trace is open: none is dropped, none is decided early."""
        file = self.configure(ALL, ring_linger="1s", files={"compression": "zstd"})
        agent = self.agent(file)
        shop = self.process(SPANRING_MEMORY_LIMIT="1M")
        portion = [f"start 2 part {shop.root}", *(f"set 2 key{i} {'v' * 120}" for i in range(4)), "end 2"] * 500
        spans = 0
        for _ in range(16):  # of some 350 KiB
            shop.say_all(portion)
            spans += 500
            self.wait_for_metric("undecided_spans", spans)  # or a loaded machine had it full before it is drained
        self.wait_for_metric("filed_spans", spans)
        early = {name: value for name, value in self.metrics().items() if "tail_sampling_early_total" in name}
        self.assertEqual(set(early.values()), {0}, early)
        bytes_there = self.metrics()["spanring_tail_sampling_filed_bytes"]
        self.assertTrue(0 < bytes_there < 100 * spans, f"{bytes_there} bytes of {spans} packed spans")
        shop.say("end", 1)
        self.finish(shop, agent, spans + 1, True)
        self.assertEqual(self.row(shop)[0]["dropped"]["full"], 0)

    def test_an_agent_without_tail_sampling_sends_what_waited(self):
        file = self.configure(NEVER)
        agent = self.agent(file)
        shop = self.begin()
        self.wait_for_metric("filed_spans", SPANS)
        agent.kill()
        document = json.loads(file.read_text())
        document["service"]["pipelines"]["traces"]["processors"].remove("tail_sampling")
        del document["processors"]["tail_sampling"]
        file.write_text(json.dumps(document))
        agent = self.agent(file)
        harness.wait_until(lambda: len(self.arrived(shop)) == SPANS, "all of it arrives")
        shop.say("end", 1)
        self.finish(shop, agent, SPANS + 1, True)

    def test_a_damaged_file_costs_what_was_in_it(self):
        file = self.configure(ALL)
        agent = self.agent(file)
        shop = self.begin()
        self.wait_for_metric("filed_spans", SPANS)
        agent.kill()
        damaged = self.files()[0]
        content = bytearray(damaged.read_bytes())
        content[-20] ^= 0x55  # of the last block's payload
        damaged.write_bytes(content)
        agent = self.agent(file)
        self.more(shop, 10)
        shop.say("end", 1)
        harness.end_all([shop])
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is drained and unlinked")
        agent.stop()
        row, exporter = self.row(shop)
        self.assertEqual(exporter["exported"] + exporter["dropped"]["queue"], SPANS + 11)
        self.assertGreater(exporter["dropped"]["queue"], 0)
        self.assertEqual(exporter["exported"], len(self.arrived(shop)))
        self.assertIn("damaged", agent.stderr() + agent.stdout())


if __name__ == "__main__":
    harness.main()
