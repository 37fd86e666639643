# SPDX-License-Identifier: Apache-2.0
"""Spans of 100 KiB to 3 MiB, byte for byte: to a receiver, to a file, through the spool, into the store, and across the
death of their process at any instant."""

import json
import random
import subprocess
import time

import agent_configuration
import harness
from otlp_json import Received, plain_attributes

PROGRAM = harness.BUILD / "tests/integration/large_spans"
OPEN = 4


def text_of(number, size):
    parts, length, times = [], 0, 0
    while length < size:
        parts.append(f"{number}.{times} ")
        length += len(parts[-1])
        times += 1
    return "".join(parts)[:size]


class Made:
    """What such a process said of its spans, by identity."""

    def __init__(self, process):
        self.begun, self.cut, self.ended, self.full = {}, set(), set(), set()
        for line in process.stdout().splitlines():
            kind, *words = line.split()
            if kind in ("ready", "many"):
                continue
            _, trace, span, _ = words[0].split("-")
            if kind == "begin" and len(words) == 3:
                self.begun[trace + span] = int(words[1]), int(words[2])
            elif kind in ("cut", "ended", "full"):
                getattr(self, kind).add(trace + span)


class LargeSpans(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector().start()
        self.received = Received(self.collector.received)

    def process(self, service, count, *more):
        return harness.Process(self.workspace, service, [PROGRAM, service, str(count), *map(str, more)], stdin=subprocess.PIPE,
                               env=harness.environment(SPANRING_DIR=self.workspace.segments))

    def check(self, got, made, open_at_most=0):
        """All that ended arrived once and whole, but for texts that were said to be cut; of what was open at the death, as
        much of it as it had."""
        unfinished = 0
        for identity, (number, size) in made.begun.items():
            spans = got.pop(identity, [])
            if identity in made.full:
                self.assertEqual(spans, [], "what is counted as dropped")
                continue
            self.assertEqual(len(spans), 1, f"number {number} of {size} bytes")
            attributes = {key: value for key, (_, value) in plain_attributes(spans[0].fields).items()}
            text = text_of(number, size)
            half, rest = attributes.get("half", ""), attributes.get("rest", "")
            if "spanring.unfinished" in attributes:
                unfinished += 1
                self.assertNotIn(identity, made.ended)
            if identity in made.cut:
                self.assertTrue(text[:size // 2].startswith(half) and text[size // 2:].startswith(rest), f"number {number}")
            elif "spanring.unfinished" in attributes:
                self.assertIn(half, ("", text[:size // 2]))
                self.assertIn(rest, ("", text[size // 2:]))
            else:
                self.assertEqual((half, rest), (text[:size // 2], text[size // 2:]))
        self.assertLessEqual(unfinished, open_at_most)
        return unfinished

    def account(self, service):
        row, = [row for row in self.workspace.accounting() if row["service"] == service]
        return row

    def test_arrive_everywhere_and_whole(self):
        file = self.workspace.folder / "spans.jsonl"
        configuration = agent_configuration.write(self.workspace, {
            "otlp_grpc": agent_configuration.quick(self.collector.endpoint),
            "otlp_http": agent_configuration.quick(self.collector.http_endpoint),
            "file": {"path": str(file)}})
        agent = self.workspace.agent("--config", configuration)
        process = self.process("large", 48)
        process.expect(0)
        made = Made(process)
        self.assertEqual(len(made.begun), 48)
        agent.stop()
        self.collector.stop()
        received = self.received.by_identity()
        for spans in received.values():
            self.assertEqual(len(spans), 2, "once by each of the two")
            self.assertEqual(spans.pop().fields, spans[0].fields)
        self.check(received, made)
        self.check(Received(file).by_identity(), made)
        row = self.account("large")
        self.assertEqual((row["started"], row["ended"], row["dropped"]["full"]), (48, 48, len(made.full)))
        self.assertLess(len(made.full | made.cut), 24, "the agent makes room")

    def test_that_are_open_arrive_as_unfinished(self):
        for before in (True, False):
            agent = self.workspace.agent("--endpoint", self.collector.endpoint) if before else None
            service = f"open-{before}"
            process = self.process(service, 3, OPEN)
            process.wait_for_line("ready")
            process.kill()
            agent = agent or self.workspace.agent("--endpoint", self.collector.endpoint)
            made = Made(process)
            wanted = len(made.begun) - len(made.full)
            harness.wait_until(lambda: len([i for i in self.received.by_identity() if i in made.begun]) == wanted, "all arrive")
            got = {identity: spans for identity, spans in self.received.by_identity().items() if identity in made.begun}
            self.assertEqual(self.check(got, made, OPEN), OPEN)
            harness.wait_until(lambda: not self.workspace.segment_files(), "the segment of the dead is unlinked")
            agent.stop()
            row = self.account(service)
            self.assertEqual((row["started"], row["unfinished"]), (len(made.begun), OPEN))

    def test_killed_at_random(self):
        agent = self.workspace.agent("--endpoint", self.collector.endpoint)
        seed = random.SystemRandom().randrange(1 << 32)
        instants = random.Random(seed)
        all_made = {}
        for kill in range(6):
            process = self.process(f"killed-{kill}", 0)
            process.wait_for_line("ended")
            time.sleep(instants.random() * 0.3)
            process.kill()
            all_made[f"killed-{kill}"] = Made(process)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segments of the dead are unlinked")
        agent.stop()
        self.collector.stop()
        got = self.received.by_identity()
        for service, made in all_made.items():
            with self.subTest(service=service, seed=seed):
                # At most the span at hand is known to the agent alone, or to nobody.
                last = list(made.begun)[-1]
                at_hand = last not in made.ended and last not in made.full
                if at_hand:
                    made.cut.add(last)  # if it was, there was no time to say so
                    if last not in got:
                        made.begun.pop(last)
                unfinished = self.check(got, made, 1)
                row = self.account(service)
                self.assertEqual(row["unfinished"], unfinished + len([spans for spans in got.values() if self.is_at_hand(spans, service)]))
                self.assertIn(row["dropped"]["full"], (len(made.full), len(made.full) + at_hand))
        self.assertLessEqual(len(got), len(all_made), "begun, and killed before it said so")

    def is_at_hand(self, spans, service):
        attributes = spans[0].resource.get("attributes", [])
        return any(item["key"] == "service.name" and item["value"].get("stringValue") == service for item in attributes) \
            and "spanring.unfinished" in plain_attributes(spans[0].fields)

    def test_wait_in_the_spool(self):
        self.collector.stop()
        exporter = agent_configuration.quick(self.collector.endpoint, spool={"max_bytes": "200MiB"})
        agent = self.workspace.agent("--config", agent_configuration.write(self.workspace, {"otlp_grpc": exporter}))
        process = self.process("waiting", 24)
        process.expect(0)
        agent.stop()
        made = Made(process)
        self.collector.start()
        agent = self.workspace.agent("--config", agent_configuration.write(self.workspace, {"otlp_grpc": exporter}))
        harness.wait_until(lambda: len(self.received.by_identity()) == 24 - len(made.full), "all arrive")
        agent.stop()
        self.collector.stop()
        self.check(self.received.by_identity(), made)
        self.account("waiting")

    def test_are_found_in_the_store(self):
        agent = self.workspace.agent()
        process = self.process("stored", 5)  # the last one has 3 MiB
        process.expect(0)
        made = Made(process)
        agent.stop()
        for identity, (number, size) in made.begun.items():
            if identity in made.full:
                continue
            spans = json.loads(self.workspace.command("trace", identity[:32], "--json"))["spans"]
            self.assertEqual([span["name"] for span in spans], [f"number {number}"])
            self.assertIn(text_of(number, size)[:size // 2], json.dumps(spans))


if __name__ == "__main__":
    harness.main()
