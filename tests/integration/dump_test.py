# SPDX-License-Identifier: Apache-2.0
"""spanring dump: what is in a segment, of the living, the dead and the damaged; and the flight recorder, without an agent."""

import json
import os
import random
import re
import shutil
import subprocess

import harness
from comparison import compare, records
from otlp_json import Received

RECORDER = harness.BUILD / "tests/integration/recorder"
STORM = harness.BUILD / "tests/integration/storm"
EXTENTS = 0x156000   # docs/shared-memory.md
EXTENT = 0x10000
PAGE = 4096


class Case(harness.Case):
    def segment(self):
        (file,) = self.workspace.segment_files()
        return file

    def dump(self, *arguments, code=0):
        ended = subprocess.run([harness.COMMAND, "dump", *(str(word) for word in arguments)], stdin=subprocess.DEVNULL,
                               capture_output=True, timeout=harness.WATCHDOG, env=harness.environment())
        said = ended.stderr.decode(errors="replace")
        self.assertEqual(ended.returncode, code, f"{ended.stdout[-1000:]}\n{said}")
        return ended.stdout.decode(), said

    def spans(self, *arguments, code=0):
        """Of the JSON lines, by identity."""
        lines = self.workspace.unique("dump.jsonl")
        lines.write_text(self.dump("--format", "json", *arguments, code=code)[0])
        return Received(lines)


class Dump(Case):
    def finished_producer(self, *arguments):
        producer = self.workspace.producer(*arguments, "--hold")
        producer.wait_for_line("ready")
        return producer

    def test_json_is_asked_for_as_of_every_command(self):
        self.finished_producer("--count", 3)
        self.assertEqual(self.dump("--json", self.segment()), self.dump("--format", "json", self.segment()))

    def test_a_file_that_is_no_segment_is_called_that_and_nothing_more(self):
        zeros = self.workspace.folder / "zeros"
        zeros.write_bytes(bytes(1 << 20))
        for file, why in (("/etc/passwd", "not a spanring segment ("), (harness.COMMAND, "not a spanring segment ("),
                          (zeros, "not a spanring segment ("), ("/dev/null", "not a regular file"),
                          (self.workspace.folder, "not a regular file")):
            said, problems = self.dump(file, code=1)
            self.assertEqual(said, "")
            self.assertRegex(problems, rf"^spanring dump: {file}: .*{re.escape(why)}.*\n$")

    def check_json(self, producer, live=False):
        """Every field of every span, as its producer set it."""
        wanted = records([producer])
        got = self.spans(self.segment())
        for identity, spans in got.by_identity().items():
            opened = wanted[identity][0]["open"]
            for span in spans:
                attributes = span.fields.get("attributes", [])
                thread = [one for one in attributes if one["key"] == "thread.id"]
                self.assertEqual(len(thread), 1 if opened else 0)
                span.fields["attributes"] = [one for one in attributes if one["key"] != "thread.id"]
                if opened:
                    self.assertEqual(int(thread[0]["value"]["intValue"]), producer.pid)
                if opened and live:  # nobody has died: what it says of its status is what was set
                    span.fields["status"] = {"code": 2}
        compare(wanted, got.by_identity())
        return wanted

    def test_of_the_living_as_otlp_json_every_field(self):
        producer = self.finished_producer("--count", 800, "--open", 12)
        self.check_json(producer, live=True)

    def test_of_the_dead_as_otlp_json_every_field(self):
        producer = self.finished_producer("--count", 800, "--open", 12)
        producer.kill()
        before = self.segment().read_bytes()
        self.check_json(producer)
        self.assertEqual(self.segment().read_bytes(), before, "nothing is written")
        only_open = self.spans("--open", self.segment())
        self.assertEqual(only_open.count(), 12)
        limited = self.spans("--limit", 20, self.segment())
        self.assertEqual(limited.count(), 20)
        self.assertLessEqual(only_open.by_identity().keys(), limited.by_identity().keys(), "the open ones are the newest")

    def test_each_span_is_of_its_scope_among_thousands(self):
        count = 3000
        storm = harness.Process(self.workspace, "storm", [STORM, "scopes", str(count)], stdin=subprocess.PIPE,
                                env=harness.environment(SPANRING_DIR=self.workspace.segments))
        storm.end_input()
        storm.expect(0)
        spans = self.spans("--limit", count, self.segment()).read()
        self.assertEqual({span.fields["name"] for span in spans}, {f"scope {number}" for number in range(count)})
        for span in spans:
            self.assertEqual((span.scope["name"], span.scope["version"]), (span.fields["name"], "1.0"))

    def test_for_people(self):
        producer = self.finished_producer("--count", 60, "--open", 3, "--service", "shop")
        text, said = self.dump(self.segment())
        self.assertEqual(said, "")
        self.assertIn("its process runs", text)
        producer.kill()
        text, said = self.dump(self.segment())
        self.assertEqual(said, "")
        for expected in (f"pid {producer.pid}", "its process is gone", "last sign of life", "none has ever attached",
                         "started 63 = ended 60 + open 3  OK", "ended 60 = exported 0 + rejected 0 + dropped 0 + pending 60  OK",
                         "60 ended spans are here, 0 of them acknowledged by an agent; 3 are open", 'service.name="shop"',
                         "AGE AT LEAST", "wait, then drop the newest"):
            self.assertIn(expected, text)
        self.assertGreaterEqual(text.count("\ntrace "), 1)
        self.assertEqual(text.count(f" {producer.pid}  "), 3, "each open span with its thread")

    def test_of_another_host(self):
        """Another name, another mode, no lock."""
        producer = self.finished_producer("--count", 30, "--open", 2)
        copy = self.workspace.folder / "post-mortem"
        shutil.copy(self.segment(), copy)
        copy.chmod(0o444)
        self.assertEqual(self.spans(copy).count(), 32)
        self.assertIn("or this is a copy", self.dump(copy)[0])
        producer.end_input()

    def test_what_is_no_segment(self):
        self.assertIn("No such file", self.dump(self.workspace.folder / "missing", code=1)[1])
        self.assertIn("not a regular file", self.dump(self.workspace.folder, code=1)[1])
        fifo = self.workspace.folder / "fifo"
        os.mkfifo(fifo)
        self.assertIn("not a regular file", self.dump(fifo, code=1)[1])
        short = self.workspace.folder / "short"
        short.write_bytes(b"SPANRING")
        self.assertIn("too short", self.dump(short, code=1)[1])
        text = self.workspace.folder / "text"
        text.write_bytes(b"no segment" * 100)
        self.assertIn("not a spanring segment", self.dump(text, code=1)[1])
        self.dump(code=2)
        self.dump(text, "--format", "yaml", code=2)

    def test_truncated(self):
        """At any length: what is there is shown, what is not is told, and nothing ends the program."""
        producer = self.finished_producer("--count", 1200, "--open", 4)
        wanted = records([producer])
        producer.kill()
        whole = self.segment().read_bytes()
        copy = self.workspace.folder / "truncated"
        seen = set()
        for size in (300, PAGE, 3 * PAGE, EXTENTS - 1, EXTENTS + 1, EXTENTS + 2 * PAGE, EXTENTS + EXTENT // 2,
                     EXTENTS + 3 * EXTENT, EXTENTS + 6 * EXTENT, EXTENTS + 9 * EXTENT + 100):
            copy.write_bytes(whole[:size])
            text, said = self.dump(copy, code=1)
            self.assertIn("layout", text)
            self.assertTrue("the file ends here" in said or "its header says" in said, said)
            got = self.spans(copy, code=1).by_identity().keys()
            self.assertLessEqual(got, wanted.keys(), "nothing is made up")
            seen.add(len(got))
        self.assertGreater(len(seen), 2, "the more there is, the more is shown")
        self.assertGreater(max(seen), 300)

    def test_damaged_anywhere(self):
        """Random bytes at random places: an answer each time, and never more spans than places for them."""
        producer = self.finished_producer("--count", 400, "--open", 6)
        producer.kill()
        whole = self.segment().read_bytes()[:EXTENTS + 4 * EXTENT]
        seed = int.from_bytes(os.urandom(4), "little")
        dice = random.Random(seed)
        copy = self.workspace.folder / "damaged"
        places = [(0, 224), (PAGE, 700), (3 * PAGE, 200), (4 * PAGE, 300), (7 * PAGE, 3000), (11 * PAGE, 2 * PAGE),
                  (0x2b000, 32), (0x14d000, 512), (0x14e000, PAGE), (EXTENTS, EXTENT), (EXTENTS + EXTENT, 3 * EXTENT)]
        found = 0
        for round_number in range(60):
            damaged = bytearray(whole)
            for _ in range(dice.choice((1, 4, 64))):
                begin, size = dice.choice(places)
                at = begin + dice.randrange(size)
                damaged[at:at + 1] = dice.randbytes(1)
            copy.write_bytes(damaged)
            with self.subTest(seed=seed, round=round_number):
                ended = subprocess.run([harness.COMMAND, "dump", "--format", dice.choice(("json", "tree")), "-a", copy],
                                       stdin=subprocess.DEVNULL, capture_output=True, timeout=harness.WATCHDOG,
                                       env=harness.environment())
                self.assertEqual(ended.returncode, 1, ended.stderr)  # the file is shorter than its header says, at least
                self.assertIn(b"spanring dump: ", ended.stderr)
                found += ended.stderr.count(b"\n") > 2
        self.assertGreater(found, 5, "damage is told")

    def test_of_a_process_that_works(self):
        """While spans come and go: whole spans only, each once, nothing that was never set."""
        producer = self.workspace.producer("--endless", "--rate", 20000)
        agent = self.workspace.agent("--exporter", "store")
        producer.wait_for_line("ready")
        for _ in range(15):
            got = self.spans(self.segment()).by_identity()
            for spans in got.values():
                self.assertEqual(len(spans), 1)
                self.assertRegex(spans[0].fields["traceId"], "^[0-9a-f]{32}$")
                self.assertTrue(spans[0].fields["name"])
        producer.end_input()
        producer.expect(0)
        agent.stop()


class FlightRecorder(Case):
    COUNT, OPEN = 40000, 3

    def crash(self):
        """No agent has ever run. Returns (ended, overwritten)."""
        recorder = harness.Process(self.workspace, "recorder", [RECORDER, self.COUNT, self.OPEN], stdin=subprocess.PIPE,
                                   env=harness.environment(SPANRING_DIR=self.workspace.segments))
        started, ended, overwritten = (int(word) for word in recorder.wait_for_line("ready").split()[1:])
        self.assertEqual((started, ended), (self.COUNT + self.OPEN, self.COUNT))
        recorder.kill()
        return ended, overwritten

    @staticmethod
    def numbers(received):
        return sorted(int(span.fields["name"].removeprefix("span ")) for span in received.read())

    def test_the_last_spans_are_there_after_the_crash_and_an_agent_drains_exactly_those(self):
        ended, overwritten = self.crash()
        kept = ended - overwritten
        dumped = self.spans(self.segment())
        numbers = self.numbers(dumped)
        self.assertEqual(numbers, list(range(self.COUNT - kept, self.COUNT + self.OPEN)), "the newest, without a gap")
        held = sum(len(json.dumps(span.fields)) for span in dumped.spans)
        self.assertGreater(held, 1 << 20, "they fill the ring")
        text, _ = self.dump("--open", self.segment())
        self.assertIn("overwrite the oldest (flight recorder)", text)
        self.assertIn(f"dropped{{overwritten}} {overwritten} + pending {kept}  OK", text)
        self.assertIn(f"{kept} ended spans are here", text)

        collector = self.workspace.collector().start()
        received = Received(collector.received)
        agent = self.workspace.agent("--endpoint", collector.endpoint)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is drained and unlinked")
        agent.stop()
        collector.stop()
        self.assertEqual(self.numbers(received), numbers)
        self.assertEqual(received.by_identity().keys(), dumped.by_identity().keys())
        (process,) = self.workspace.accounting()
        self.assertEqual(process["dropped"]["overwritten"], overwritten)
        self.assertEqual(process["unfinished"], self.OPEN)


if __name__ == "__main__":
    harness.main()
