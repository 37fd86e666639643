# SPDX-License-Identifier: Apache-2.0
"""Broken, foreign and hostile files beside honest producers: the honest lose nothing, the agent lives and names the bad."""

import os
import random
import re
import secrets
import shutil
import struct
import subprocess
import unittest

import harness
from comparison import Record, records
from honest import HonestCase

# Places in the header: lib/ring/layout.hpp, docs/shared-memory.md.
MAGIC, MAJOR, INCOMPATIBLE, SEGMENT_SIZE, EXTENT_LIMIT, INSTANCE = 0, 8, 32, 40, 48, 56
WRITER_PAGE, SCOPES, EXTENT_WORDS, MARKS, LINES, EXTENTS = 0x3000, 0x7000, 0x2b000, 0x14d000, 0x14e000, 0x156000
NOBODY = 65534


class HostileSegments(HonestCase):
    def setUp(self):
        super().setUp()
        self.victims = 0

    def victim(self):
        """A real segment of a process that lives and is quiet, to be copied and spoiled."""
        self.victims += 1
        producer = self.workspace.producer("--seed", 1000 + self.victims, "--count", 200, "--open", 3, "--hold",
                                           "--service", "victim")
        producer.wait_for_line("ready")
        return producer, self.segment_of(producer)

    def copy(self, segment, *changes, size=None):
        """A copy under a name of its own, with (offset, bytes) put in, cut to `size`. Nobody holds its lock: its process is dead."""
        instance = secrets.token_bytes(16)
        spoiled = self.workspace.folder / "spoiled"
        subprocess.run(["cp", "--sparse=always", segment, spoiled], check=True)
        with open(spoiled, "r+b") as file:
            for offset, data in ((INSTANCE, instance), *changes):
                file.seek(offset)
                file.write(data)
        if size is not None:
            os.truncate(spoiled, size)
        place = self.workspace.segments / f"{instance.hex()}.spr"
        spoiled.rename(place)
        return place

    def name(self):
        return self.workspace.segments / f"{secrets.token_hex(16)}.spr"

    def make(self, content, mode=0o600):
        path = self.name()
        path.write_bytes(content)
        path.chmod(mode)
        return path

    def honest(self, seed, count=2000):
        return super().honest(seed, "--count", count)

    def spoiled_files(self):
        """Each with what the agent must tell about it; None: nothing is promised."""
        producer, segment = self.victim()
        word = struct.pack
        spoiled = {
            "a future version": self.copy(segment, (MAJOR, word("<H", 99))),
            "an incompatible flag": self.copy(segment, (INCOMPATIBLE, word("<Q", 1 << 40))),
            "another magic": self.copy(segment, (MAGIC, b"NOTARING")),
            "a size that is not its own": self.copy(segment, (SEGMENT_SIZE, word("<Q", 1 << 50))),
            "more extents than there are": self.copy(segment, (EXTENT_LIMIT, word("<I", 0xffffffff))),
            "more counted extents than there are": self.copy(segment, (WRITER_PAGE, word("<I", 0xfffffff0))),
            "nothing in it": self.make(b""),
            "only zeros": self.make(bytes(8192)),
            "only noise": self.make(random.Random(1).randbytes(1 << 20)),
            "too few bytes": self.make(segment.read_bytes()[:100]),
            "an end too early": self.copy(segment, size=EXTENTS + 100),
        }
        producer.kill()
        segment.unlink()
        return spoiled

    def test_broken_files_beside_honest_producers(self):
        spoiled = self.spoiled_files()
        agent = self.agent()
        producers = [self.honest(1), self.honest(2)]
        for what, path in spoiled.items():
            harness.wait_until(lambda path=path: path.name in agent.stderr() or path.stem in agent.stderr(),
                               f"the agent names the file with {what}")
        self.check_honest(agent, producers)

    def test_one_bad_span_in_each_of_several_segments(self):
        """It is left out and counted, to its process; its neighbours arrive, and so does everything of a busy host."""
        producer, segment = self.victim()
        content = segment.read_bytes()
        ended = [span for span in Record(producer.record).spans.values() if not span["open"]]
        trace_id, span_id = (bytes.fromhex(ended[len(ended) // 2][key]) for key in ("trace_id", "span_id"))
        beginning = re.escape(b"\x0a\x10" + trace_id + b"\x12\x08" + span_id)  # of a span; of a link to it, too
        record = rb"\x12[\x80-\xff]{0,3}[\x00-\x7f](" + beginning + rb")"
        (place,) = (match.start(1) for match in re.finditer(record, content, re.DOTALL))
        spoiled = {"an id of 15 bytes": b"\x0a\x0f", "a length past its end": b"\x0a\x7f", "a wrong wire type": b"\x09\x10",
                   "a group": b"\x0b\x10", "field 0": b"\x02\x10"}
        producer.kill()
        segment.unlink()
        honest = [self.honest(1), self.honest(2)]
        agent = self.agent()
        spoiler = self.workspace.folder / "original"
        spoiler.write_bytes(content)
        spoiler.chmod(0o600)
        instances = {self.copy(spoiler, (place, bad)).stem: what for what, bad in spoiled.items()}
        harness.wait_until(lambda: not [path for path in self.workspace.segment_files() if path.stem in instances],
                           "the segments of the dead are drained and unlinked")
        self.check_honest(agent, honest)
        rows = {process["instance"]: process for process in self.workspace.accounting()}
        for instance, what in instances.items():
            (exporter,) = rows[instance]["exporters"]
            self.assertEqual((rows[instance]["ended"], rows[instance]["unfinished"]), (200, 3), what)
            self.assertEqual((exporter["dropped"]["invalid"], exporter["exported"]), (1, 202), what)

    def test_broken_files_that_appear_later(self):
        agent = self.agent()
        first = self.honest(1)
        spoiled = self.spoiled_files()
        second = self.honest(2)
        for what, path in spoiled.items():
            harness.wait_until(lambda path=path: path.name in agent.stderr() or path.stem in agent.stderr(),
                               f"the agent names the file with {what}")
        self.check_honest(agent, [first, second])

    def test_things_that_are_no_files(self):
        outside = self.workspace.folder / "outside"
        outside.write_bytes(b"not yours")
        self.name().symlink_to(outside)
        os.mkfifo(self.name(), 0o600)
        self.name().mkdir()
        os.link(outside, self.name())
        (self.workspace.segments / "notes.txt").write_text("somebody's notes")
        agent = self.agent()
        producers = [self.honest(1)]
        self.check_honest(agent, producers)
        self.assertEqual(outside.read_bytes(), b"not yours")
        self.assertEqual((self.workspace.segments / "notes.txt").read_text(), "somebody's notes")

    def test_a_huge_sparse_file(self):
        path = self.make(b"")
        os.truncate(path, 1 << 40)
        agent = self.agent()
        self.check_honest(agent, [self.honest(1)])
        self.assertLess(path.stat().st_blocks if path.exists() else 0, 2048, "reading holes must not fill them")

    def test_half_made_segments_of_the_dead_go(self):
        stale = self.workspace.segments / f".{secrets.token_hex(16)}.tmp"
        stale.write_bytes(bytes(4096))
        stale.chmod(0o600)
        agent = self.agent()
        producers = [self.honest(1)]
        harness.wait_until(lambda: not stale.exists(), "the temporary file of a dead process is removed")
        self.check_honest(agent, producers)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to give a file away")
    def test_a_foreign_segment(self):
        producer, segment = self.victim()
        foreign = self.copy(segment)
        shutil.chown(foreign, NOBODY, NOBODY)
        producer.kill()
        segment.unlink()
        agent = self.agent()
        producers = [self.honest(1)]
        harness.wait_until(lambda: foreign.stem in agent.stderr(), "the agent names the foreign file")
        self.check_honest(agent, producers)
        arrived = self.received.by_identity()
        self.assertEqual(arrived.keys(), records(producers).keys(), "nothing of the foreign file is exported")

    def test_segments_that_are_cut_while_they_are_read(self):
        """Cutting the file takes the pages from its own process too, which may die of it; nobody else does."""
        agent = self.agent()
        producers = [self.honest(1)]
        for round in range(4):
            victim = self.workspace.producer("--seed", 2000 + round, "--endless", "--service", "victim")
            victim.wait_for_line("ready")
            os.truncate(self.segment_of(victim), round * EXTENTS // 2)
            victim.kill()
        producers.append(self.honest(2))
        self.check_honest(agent, producers)

    def test_segments_with_random_damage(self):
        producer, segment = self.victim()
        chance = random.Random(20240229)
        for _ in range(60):
            changes = []
            for _ in range(chance.randrange(1, 12)):
                region = chance.choice([0, 0x1000, WRITER_PAGE, 0x4000, SCOPES, EXTENT_WORDS, MARKS, LINES, EXTENTS,
                                        EXTENTS + 0x10000, EXTENTS + 0x20000])
                changes.append((region + 4 * chance.randrange(0, 200), chance.randbytes(chance.choice([1, 4, 8]))))
            self.copy(segment, *changes)
        producer.kill()
        segment.unlink()
        agent = self.agent()
        producers = [self.honest(1), self.honest(2, 500)]
        self.check_honest(agent, producers)


if __name__ == "__main__":
    harness.main()
