# SPDX-License-Identifier: Apache-2.0
"""spanring audit: exact where nothing is lost, and where a span is missing it names the process, the exporter and how many."""

import json
import sqlite3
import struct
import subprocess

import agent_configuration
import harness

OPEN_SPANS = harness.BUILD / "tests/integration/open_spans"
# Places in a segment, and numbers there: docs/shared-memory.md.
WRITER_PAGE, EXTENT_WORDS, FIRST_EXTENT, EXTENT, SLOT = 0x3000, 0x2b000, 0x14d000 + 0x9000, 0x10000, 1216
KIND_SLOTS, SLOTS, WAITING = 1, 53, 4


def waiting_spans(segment):
    """Spans of a process that have ended and wait in their slots; its memory is in one group of extents."""
    data = segment.read_bytes()
    count, = struct.unpack_from("<I", data, WRITER_PAGE)
    waiting = 0
    for extent in range(count):
        if data[EXTENT_WORDS + 8 * extent] != KIND_SLOTS:
            continue
        for place in range(SLOTS):
            waiting += data[FIRST_EXTENT + extent * EXTENT + place * SLOT + 4] == WAITING
    return waiting


class Audit(harness.Case):
    def audit(self, *arguments, code=0, name="audit"):
        command = [harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments, name,
                   "--json", *arguments]
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               timeout=harness.WATCHDOG, env=harness.environment())
        self.assertEqual(ended.returncode, code, ended.stdout + ended.stderr)
        return json.loads(ended.stdout)

    def two_exporters(self, port, names=("otlp_grpc", "store")):
        exporters = {"otlp_grpc": agent_configuration.quick(f"http://127.0.0.1:{port}"), "store": None}
        chosen = {name: exporters[name] for name in names}
        return self.workspace.agent("--config", agent_configuration.write(self.workspace, chosen))

    def finished(self, *arguments, **more):
        producer = self.workspace.producer(*arguments, **more)
        producer.expect(0)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is drained and unlinked")

    @staticmethod
    def exporters(process):
        return {exporter["name"]: exporter for exporter in process["exporters"]}

    def test_before_any_agent_and_of_the_dead(self):
        """Killed with open spans, and nobody has recovered it yet: exact all the same, everything is pending."""
        producer = self.workspace.producer("--count", 100, "--open", 5, "--hold")
        producer.wait_for_line("ready")
        for state in ("live", "dead"):
            (process,) = self.audit()["processes"]
            self.assertEqual((process["state"], process["started"], process["ended"], process["open"]), (state, 105, 100, 5))
            self.assertEqual(process["exporters"][0]["pending"], 100)
            producer.kill()
        self.assertFalse(self.audit("--wait", "1ms")["quiet"], "spans wait for an agent")

    def test_of_spans_that_wait_in_their_slots(self):
        """They have ended and are pending: before an agent, of a process that lives and of a dead one; then an agent has them."""
        for state in ("live", "dead"):
            producer = harness.Process(self.workspace, state, [OPEN_SPANS, state], stdin=subprocess.PIPE, env=harness.environment(
                SPANRING_DIR=self.workspace.segments, SPANRING_MEMORY_LIMIT="2MiB"))
            producer.popen.stdin.write(b"many 1200\n")
            producer.popen.stdin.flush()
            ended, full = map(int, producer.wait_for_line("many").split()[1:])
            self.assertEqual(ended + full, 1200)
            (segment,) = self.workspace.segment_files()
            waiting = waiting_spans(segment)
            self.assertGreater(waiting, 100, "no chunk has room for them")
            if state == "dead":
                producer.kill()
            (process,) = self.audit("--service", state)["processes"]
            self.assertEqual((process["state"], process["started"], process["ended"], process["open"]), (state, 1200, 1200, 0))
            self.assertEqual((process["dropped"]["full"], process["exporters"][0]["pending"]), (full, ended))
            (shown,) = json.loads(self.workspace.command("ps", "--json"))["processes"]
            self.assertEqual((shown["ended"], shown["open"], shown["exporters"][0]["pending"]), (1200, 0, ended))
            self.assertEqual(waiting_spans(segment), waiting, "who asks takes nothing")

            agent = self.workspace.agent("--exporter", "store")
            result = self.audit("--service", state, "--wait", "60s")
            self.assertTrue(result["quiet"])
            exporter = self.exporters(result["processes"][0])["store"]
            self.assertEqual((exporter["exported"], exporter["pending"]), (ended, 0))
            if state == "live":
                self.assertEqual(waiting_spans(segment), 0, "the agent has given their slots back")
                producer.end_input()
                producer.expect(0)
            harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is drained and unlinked")
            agent.stop()

    def test_of_processes_at_work(self):
        """Numbers of one instant, or none: never a mismatch beside processes and an agent that work."""
        agent = self.workspace.agent("--exporter", "store", "--batch-timeout", "10ms")
        producers = [self.workspace.producer("--seed", seed, "--endless", "--rate", 5000) for seed in (1, 2)]
        for producer in producers:
            producer.wait_for_line("ready")
        verdicts = set()
        for _ in range(20):
            ended = subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory",
                                    self.workspace.segments, "audit", "--json"], stdin=subprocess.DEVNULL,
                                   capture_output=True, text=True, timeout=harness.WATCHDOG, env=harness.environment())
            verdicts.add(json.loads(ended.stdout)["verdict"])
        self.assertLessEqual(verdicts, {"OK", "busy"})
        for producer in producers:
            producer.end_input()
            producer.expect(0)
        self.assertTrue(self.audit("--wait", "60s")["quiet"])
        agent.stop()

    def test_waits_until_a_slow_backend_has_everything(self):
        collector = self.workspace.collector()
        agent = self.two_exporters(collector.port)
        producer = self.workspace.producer("--count", 700, "--flush", 60)
        producer.expect(0)  # the spool holds them
        (process,) = self.audit()["processes"]
        self.assertGreater(self.exporters(process)["otlp_grpc"]["pending"], 0)
        self.assertFalse(self.audit("--wait", "1ms")["quiet"])
        collector.start()
        result = self.audit("--wait", "60s")
        self.assertTrue(result["quiet"])
        for exporter in self.exporters(result["processes"][0]).values():
            self.assertEqual((exporter["exported"], exporter["pending"], exporter["elsewhere"]), (700, 0, 0))
        agent.stop()
        collector.stop()

    def test_an_exporter_that_comes_later_does_not_answer_for_what_was_before(self):
        collector = self.workspace.collector().start()
        producer = self.workspace.producer("--endless", "--rate", 2000, "--flush", 60)
        producer.wait_for_line("ready")
        for names in (("store",), ("otlp_grpc", "store"), ("otlp_grpc",)):
            agent = self.two_exporters(collector.port, names)
            self.wait_for_more(names[0])
            agent.stop()
        agent = self.two_exporters(collector.port)
        producer.end_input()
        producer.expect(0)
        (process,) = self.audit("--wait", "60s")["processes"]
        agent.stop()
        collector.stop()
        found = self.exporters(process)
        for exporter in found.values():
            self.assertGreater(exporter["elsewhere"], 0)
            self.assertEqual(exporter["exported"] + exporter["elsewhere"], process["ended"])

    def wait_for_more(self, exporter):
        def exported():
            (process,) = self.audit_any()["processes"]
            return self.exporters(process).get(exporter, {}).get("exported", 0)
        before = exported()
        harness.wait_until(lambda: exported() > before + 100, f"{exporter} gets spans")

    def audit_any(self):
        ended = subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments,
                                "audit", "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               timeout=harness.WATCHDOG, env=harness.environment())
        return json.loads(ended.stdout)

    def test_a_loss_at_one_of_two_exporters_is_not_covered_by_the_other(self):
        collector = self.workspace.collector().start()
        agent = self.two_exporters(collector.port)
        self.finished("--count", 300, "--service", "shop")
        self.finished("--count", 50, "--service", "other")
        self.audit("--wait", "60s")
        agent.stop()
        collector.stop()
        self.alter("UPDATE exports SET exported = exported - 7 WHERE exported = 300 AND exporter = "
                   "(SELECT exporter FROM exporters WHERE name = 'store')")
        result = self.audit(code=1)
        self.assertEqual(result["verdict"], "MISMATCH")
        wrong = [(process["service"], equation["exporter"], equation["difference"]) for process in result["processes"]
                 for equation in process["equations"] if equation["verdict"] != "OK"]
        self.assertEqual(wrong, [("shop", "store", "7 missing")])
        self.assertEqual(self.audit(code=1, name="accounting"), result, "one command with two names")
        self.audit("--service", "other")

    def alter(self, statement):
        """Makes the agent's books wrong, as a defect would."""
        with sqlite3.connect(self.workspace.state / "ledger.db") as ledger:
            self.assertEqual(ledger.execute(statement).rowcount, 1)
        ledger.close()

    def test_spans_of_the_dead_that_were_never_handed_on_are_missing(self):
        agent = self.workspace.agent("--exporter", "store")
        producer = self.workspace.producer("--count", 10, "--open", 4, "--hold")
        producer.wait_for_line("ready")
        producer.kill()
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is drained and unlinked")
        self.audit("--wait", "60s")
        agent.stop()
        self.alter("UPDATE processes SET unfinished = unfinished - 1")
        result = self.audit(code=1)
        self.assertIn("1 missing", [equation["difference"] for equation in result["processes"][0]["equations"]])

    def test_a_segment_that_somebody_removed(self):
        agent = self.workspace.agent("--exporter", "store")
        producer = self.workspace.producer("--count", 200, "--open", 2, "--hold", "--flush", 60)
        producer.wait_for_line("ready")
        self.audit("--wait", "60s")
        harness.wait_until(lambda: self.in_ledger("started") == 202, "the ledger knows the process")
        agent.kill()
        (segment,) = self.workspace.segment_files()
        segment.unlink()
        (process,) = self.audit(code=1)["processes"]
        self.assertEqual(process["state"], "gone")
        self.assertEqual(process["equations"][0]["difference"], "2 missing")
        producer.end_input()

    def in_ledger(self, column):
        with sqlite3.connect(f"file:{self.workspace.state / 'ledger.db'}?mode=ro", uri=True) as ledger:
            row = ledger.execute(f"SELECT {column} FROM processes").fetchone()
        ledger.close()
        return row[0] if row else None


if __name__ == "__main__":
    harness.main()
