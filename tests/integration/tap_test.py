# SPDX-License-Identifier: Apache-2.0
"""Local programs subscribe to the live stream through iceoryx: they get what they asked for and know what they missed, and whatever
they, the daemon or the agent's helper do, the agent, its other exporters and the applications go on."""

import collections
import json
import os
import pathlib
import signal
import struct

import agent_configuration
import harness
import tap_program
from comparison import records
from kafka import spans_of
from metrics_test import Page
from roudi import TAP, Roudi, Subscriber

EXAMPLE = harness.BUILD / "examples/slow-spans"
ERROR = 2


def helper_of(agent):
    """The process that publishes: a child of the one that starts programs."""
    try:
        for starter in pathlib.Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split():
            for child in pathlib.Path(f"/proc/{starter}/task/{starter}/children").read_text().split():
                if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == TAP.name:
                    return int(child)
    except (FileNotFoundError, ProcessLookupError):  # one of them went meanwhile
        pass
    return None


def kept(agent, number):
    """By the store: nobody was held up."""
    harness.wait_until(lambda: Page(agent).value("exporter_spans_exported_total", exporter="store") == number, f"the store has {number}")


class Tap(harness.Case):
    def roudi(self, **more):
        return Roudi(self, **more)

    def agent(self, *arguments, **more):
        self.instance = f"test-{os.getpid()}"
        exporter = {"program": TAP, "instance": self.instance, **more}
        file = agent_configuration.write(self.workspace, {"iceoryx": exporter, "store": None}, batch=64)
        return self.workspace.agent("--config", file, "--metrics-address", "127.0.0.1:0", *arguments)

    def subscriber(self, event="spans", **more):
        return Subscriber(self.workspace, self.instance, event, **more)

    def attached(self, agent):
        harness.wait_until(lambda: Page(agent).value("exporter_tap_attached", exporter="iceoryx") == 1, "the tap is there")

    def subscribers(self, agent, number, event="spans"):
        harness.wait_until(
            lambda: Page(agent).value("exporter_tap_subscribers", exporter="iceoryx", event=event) == number,
            f"{number} subscribe to {event}")

    def spans(self, agent, result, event="spans"):
        return Page(agent).value("exporter_tap_spans_total", exporter="iceoryx", event=event, result=result)

    def made(self, *seeds, count=1000):
        """By applications, whose flush is answered once the store has all."""
        producers = [self.workspace.producer("--seed", seed, "--count", count, "--flush", 60) for seed in seeds]
        for producer in producers:
            producer.expect(0)
        return records(producers)

    def kept(self, agent, number):
        kept(agent, number)

    def test_who_subscribes_gets_each_span_once(self):
        self.roudi()
        agent = self.agent()
        self.attached(agent)
        self.made(1)
        self.assertEqual(self.spans(agent, "published"), 0)  # nobody was there
        one, other = self.subscriber(), self.subscriber()
        self.subscribers(agent, 2)
        wanted = self.made(2, 3)
        for subscriber in (one, other):
            harness.wait_until(lambda: len(subscriber.ids()) >= len(wanted), "everything is there")
            self.assertEqual(collections.Counter(subscriber.ids()), collections.Counter(list(wanted)))
            self.assertEqual(subscriber.missed(), 0)
            self.assertEqual([chunk.sequence for chunk in subscriber.chunks()], list(range(len(subscriber.chunks()))))
        harness.wait_until(lambda: self.spans(agent, "published") == len(wanted), "and counted")
        self.assertEqual((self.spans(agent, "missed"), self.spans(agent, "unpublished")), (0, 0))
        for subscriber in (one, other):
            subscriber.end()
        self.subscribers(agent, 0)
        self.made(4)
        self.assertEqual(self.spans(agent, "published"), len(wanted))
        self.kept(agent, 4000)
        agent.stop()

    def test_each_event_has_the_spans_for_which_its_words_hold(self):
        self.roudi()
        events = {"errors": ["error"], "servers": ["kind=server"], "both": ["error", "kind!=client"], "none": ["service=nobody"],
                  "seeded": ["test.seed=7"]}
        agent = self.agent(subscriptions=[{"event": event, "where": words} for event, words in events.items()])
        self.attached(agent)
        subscribers = {event: self.subscriber(event) for event in events}
        for event in events:
            self.subscribers(agent, 1, event)
        wanted = {identity: (span, resource) for identity, (span, resource) in self.made(6, 7).items()}
        seeds = {identity: dict((key, value) for key, _, value in resource["attributes"])["test.seed"]
                 for identity, (_, resource) in wanted.items()}
        holds = {"errors": lambda span, _: span["status"] == ERROR, "servers": lambda span, _: span["kind"] == 2,
                 "both": lambda span, _: span["status"] == ERROR and span["kind"] != 3, "none": lambda *_: False,
                 "seeded": lambda _, seed: seed == 7}
        for event, subscriber in subscribers.items():
            expected = sorted(each for each, (span, _) in wanted.items() if holds[event](span, seeds[each]))
            self.assertEqual(bool(expected), event != "none")
            harness.wait_until(lambda: len(subscriber.ids()) >= len(expected), f"{event} are there")
            self.assertEqual(sorted(subscriber.ids()), expected, event)
        agent.stop()

    def test_what_a_slow_subscriber_misses_is_counted_on_both_sides(self):
        self.roudi()
        agent = self.agent()
        self.attached(agent)
        slow, quick = self.subscriber(queue=2), self.subscriber()
        self.subscribers(agent, 2)
        slow.hold()
        wanted = set(self.made(10, 11, 12))
        harness.wait_until(lambda: set(quick.ids()) == wanted, "who is quick has all")
        slow.go()
        harness.wait_until(lambda: slow.chunks(), "the other has what was last")
        wanted |= set(self.made(13))
        harness.wait_until(lambda: set(quick.ids()) == wanted, "who is quick has all")
        harness.wait_until(lambda: len(slow.ids()) + self.spans(agent, "missed") == len(wanted),
                           "what the other did not get is counted")
        first = slow.chunks()[0].before  # which it missed before it got anything
        self.assertGreater(first, 0)
        self.assertEqual(slow.missed() + first, self.spans(agent, "missed"))
        self.assertEqual(quick.missed(), 0)
        self.kept(agent, 4000)
        agent.stop()

    def test_subscribers_that_are_stopped_and_killed_hold_nobody(self):
        self.roudi(monitoring="on")
        agent = self.agent()
        self.attached(agent)
        quick = self.subscriber()
        others = [self.subscriber(queue=4) for _ in range(3)]
        self.subscribers(agent, 4)
        others[0].stop()
        others[1].kill()
        count = len(self.made(20, 21))
        self.kept(agent, count)
        others[2].kill()
        self.subscribers(agent, 1)  # who is silent for 1.5 s is none any more
        count += len(self.made(22))
        late = self.subscriber()
        self.subscribers(agent, 2)
        wanted = self.made(23)
        for subscriber in (quick, late):
            harness.wait_until(lambda: set(wanted) <= set(subscriber.ids()), "who is well has all")
        self.kept(agent, count + len(wanted))
        agent.stop()

    def test_a_daemon_that_is_killed_or_ends_is_found_again(self):
        roudi = self.roudi()
        agent = self.agent()
        count = 0
        for seed, end in enumerate((signal.SIGKILL, signal.SIGTERM), start=30):
            self.attached(agent)
            subscriber = self.subscriber()
            self.subscribers(agent, 1)
            wanted = self.made(seed)
            harness.wait_until(lambda: set(wanted) <= set(subscriber.ids()), "the subscriber has all")
            roudi.process.send(end)
            harness.wait_until(lambda: not Page(agent).value("exporter_tap_attached", exporter="iceoryx"), "it is missed")
            subscriber.kill()
            roudi.process.wait()
            count += len(wanted) + len(self.made(seed + 10))
            self.kept(agent, count)
            harness.wait_until(lambda: "does not run" in self.workspace.command("status"), "the status says why")
            roudi.start()
        self.attached(agent)
        agent.stop()

    def test_a_helper_that_is_killed_or_stopped_is_started_again(self):
        self.roudi()
        agent = self.agent(timeout="2s")
        self.attached(agent)
        subscriber = self.subscriber()
        self.subscribers(agent, 1)
        count = 0
        for seed, end in enumerate((signal.SIGKILL, signal.SIGSTOP), start=50):
            before = helper_of(agent)
            wanted = self.made(seed)
            harness.wait_until(lambda: set(wanted) <= set(subscriber.ids()), "the subscriber has all")
            os.kill(before, end)
            count += len(wanted) + len(self.made(seed + 10))
            self.kept(agent, count)
            harness.wait_until(lambda: helper_of(agent) not in (None, before), "there is another one")
            self.attached(agent)
            self.subscribers(agent, 1)
        wanted = self.made(70)
        harness.wait_until(lambda: set(wanted) <= set(subscriber.ids()), "the subscriber goes on")
        self.kept(agent, count + len(wanted))
        page = Page(agent)
        self.assertGreaterEqual(page.value("exporter_tap_program_ends_total", exporter="iceoryx", reason="went"), 1)
        self.assertGreaterEqual(page.value("exporter_tap_program_ends_total", exporter="iceoryx", reason="silent"), 1)
        last = helper_of(agent)
        agent.stop()
        harness.wait_until(lambda: not os.path.exists(f"/proc/{last}"), "it goes along")

    def test_a_subscriber_that_never_unlocks_holds_the_helper_and_nobody_else(self):
        roudi = self.roudi()
        agent = self.agent(timeout="2s")
        self.attached(agent)
        subscriber = self.subscriber()
        self.subscribers(agent, 1)
        subscriber.lock()
        count = len(self.made(110))
        self.kept(agent, count)
        harness.wait_until(lambda: Page(agent).value("exporter_tap_program_ends_total", exporter="iceoryx", reason="silent") >= 1,
                           "the helper is ended")
        subscriber.kill()
        roudi.kill()  # the daemon may hang in what that one left
        roudi.start()
        self.attached(agent)
        subscriber = self.subscriber()
        self.subscribers(agent, 1)
        wanted = self.made(111)
        harness.wait_until(lambda: set(wanted) <= set(subscriber.ids()), "who subscribes now has all")
        self.kept(agent, count + len(wanted))
        agent.stop()

    def test_a_helper_that_was_stopped_for_long_does_not_go_on(self):
        """Its memory may be another's by then."""
        roudi = self.roudi(monitoring="on")
        agent = self.agent(timeout="1h")
        self.attached(agent)
        subscriber = self.subscriber()
        self.subscribers(agent, 1)
        before = helper_of(agent)
        os.kill(before, signal.SIGSTOP)
        try:
            roudi.gave_up("spanring-tap")
        finally:
            os.kill(before, signal.SIGCONT)
        harness.wait_until(lambda: helper_of(agent) not in (None, before), "there is another one")
        self.subscribers(agent, 1)
        wanted = self.made(100)
        harness.wait_until(lambda: set(wanted) <= set(subscriber.ids()), "the subscriber goes on")
        self.assertIn("it was stopped for a while", agent.stderr())
        self.assertEqual(Page(agent).value("exporter_tap_program_ends_total", exporter="iceoryx", reason="silent"), 0)
        agent.stop()

    def test_without_a_daemon_the_agent_does_without(self):
        roudi = self.roudi()
        roudi.clean()
        agent = self.agent()
        self.kept(agent, len(self.made(80)))
        harness.wait_until(lambda: "(iox-roudi) does not run" in self.workspace.command("status"), "the status says so")
        roudi.start()
        self.attached(agent)
        agent.stop()

    def test_the_example_shows_what_is_slow(self):
        self.roudi()
        agent = self.agent()
        self.attached(agent)
        if not EXAMPLE.exists():
            self.skipTest("this build is without examples")
        shows = harness.Process(self.workspace, "example", [EXAMPLE, "--instance", self.instance, "1000"], env=harness.environment())
        self.subscribers(agent, 1)
        slow = {identity[:32] for identity, (span, _) in self.made(90).items()  # said when it began, long before it ended
                if span["start"][0] and not span["end"][0] and span["end"][1] - span["start"][0] >= 10**9}
        self.assertTrue(slow)
        harness.wait_until(lambda: slow <= {line.split()[-1] for line in shows.stdout().splitlines()}, "the slow ones are shown")
        for line in shows.stdout().splitlines():
            self.assertGreaterEqual(float(line.split()[0]), 1000)
        shows.send(signal.SIGTERM)
        shows.expect(0)
        agent.stop()


class Helper(harness.Case):
    """Its line to the agent, by one that is none."""

    def setUp(self):
        super().setUp()
        self.kept, self.words = self.workspace.unique("kept"), self.workspace.unique("words")
        self.words.write_text("")

    def agent(self, most=1 << 20, **more):
        program = tap_program.script(self.workspace.unique("program"), self.words, self.kept, most)
        file = agent_configuration.write(self.workspace, {"iceoryx": {"program": program, **more}, "store": None}, batch=64)
        agent = self.workspace.agent("--config", file, "--metrics-address", "127.0.0.1:0")
        self.wanted(agent)
        return agent

    def wanted(self, agent):
        harness.wait_until(lambda: Page(agent).value("exporter_tap_subscribers", exporter="iceoryx", event="spans") == 1,
                           "somebody subscribes")

    def spans(self, agent, result):
        return Page(agent).value("exporter_tap_spans_total", exporter="iceoryx", event="spans", result=result)

    def messages(self):
        data, at = self.kept.read_bytes() if self.kept.exists() else b"", 0
        while at + 20 <= len(data):
            size, unpublished, unsorted = struct.unpack_from(">IQQ", data, at)
            yield unpublished, unsorted, spans_of(data[at + 20:at + 20 + size])
            at += 20 + size

    def ids(self):
        return [each for *_, ids in self.messages() for each in ids]

    def made(self, seed, count=500):
        producer = self.workspace.producer("--seed", seed, "--count", count, "--flush", 60)
        producer.expect(0)
        return set(records([producer]))

    def test_each_span_is_handed_over_once_in_messages_of_a_bound(self):
        agent = self.agent(chunk_bytes="4KiB")
        wanted = self.made(1)
        harness.wait_until(lambda: len(self.ids()) == len(wanted), "everything is there")
        self.assertEqual(collections.Counter(self.ids()), collections.Counter(wanted))
        self.assertGreater(len(list(self.messages())), len(wanted) // 50)
        harness.wait_until(lambda: self.spans(agent, "published") == len(wanted) == self.spans(agent, "missed"),
                           "and counted, as it said")
        agent.stop()

    def test_whatever_it_does_is_counted_and_nobody_waits(self):
        agent = self.agent(timeout="2s")
        made = 0
        for seed, word in enumerate(["die", "half", "silent", "rubbish", "other", "twice", "none"], start=10):
            with self.subTest(word=word):
                page = Page(agent)
                ends = page.sum("exporter_tap_program_ends_total", exporter="iceoryx")
                lost = self.spans(agent, "unpublished")
                self.words.write_text(word)
                made += len(self.made(seed))
                kept(agent, made)
                if word == "none":
                    harness.wait_until(lambda: self.spans(agent, "unpublished") > lost, "what has no chunk is counted")
                else:
                    harness.wait_until(lambda: Page(agent).sum("exporter_tap_program_ends_total", exporter="iceoryx") > ends, "it is ended")
                if word not in ("none", "twice"):
                    harness.wait_until(lambda: self.spans(agent, "unpublished") > lost, "what it had not published is counted")
                self.wanted(agent)
                before = self.made(seed + 50)
                made += len(before)
                harness.wait_until(lambda: before <= set(self.ids()), "it goes on")
        last = [(unpublished, unsorted) for unpublished, unsorted, _ in self.messages()][-1]
        self.assertEqual(last[1], 0)
        harness.wait_until(lambda: self.spans(agent, "unpublished") == last[0], "subscribers are told as much")
        agent.stop()

    def test_what_it_does_not_take_is_dropped_and_holds_nobody(self):
        agent = self.agent(timeout="1h", queue_size="4MiB")
        self.words.write_text("silent")
        made = 0

        def dropped():
            return Page(agent).value("exporter_best_effort_spans_total", exporter="iceoryx", result="dropped")

        for seed in range(100, 140):
            made += len(self.made(seed, count=3000))
            if dropped():
                break
        harness.wait_until(dropped, "what there is no room for is dropped, and counted")
        kept(agent, made)
        agent.stop()

    def test_what_no_chunk_has_room_for_is_counted(self):
        agent = self.agent(most=1000)
        wanted = self.made(150)
        harness.wait_until(lambda: self.spans(agent, "published") + self.spans(agent, "unpublished") == len(wanted), "all are counted")
        published = self.spans(agent, "published")
        self.assertTrue(0 < published < len(wanted), published)
        self.assertEqual(len(self.ids()), published)
        agent.stop()

    def test_a_reload_changes_what_there_is_to_subscribe_to(self):
        agent = self.agent()
        file = pathlib.Path(agent.popen.args[agent.popen.args.index("--config") + 1])
        document = json.loads(file.read_text())
        document["exporters"]["iceoryx"]["subscriptions"] = [{"event": "errors", "where": ["error"]}]
        file.write_text(json.dumps(document))
        self.workspace.command("reload")
        harness.wait_until(lambda: Page(agent).sum("exporter_tap_subscribers", exporter="iceoryx", event="errors") == 1, "it is offered")
        producer = self.workspace.producer("--seed", 160, "--count", 500, "--flush", 60)
        producer.expect(0)
        wanted = {identity for identity, (span, _) in records([producer]).items() if span["status"] == ERROR}
        harness.wait_until(lambda: set(self.ids()) == wanted, "the errors are there, and nothing else")
        agent.stop()


class Refused(harness.Case):
    def refusal(self, exporter, *arguments):
        file = agent_configuration.write(self.workspace, {"iceoryx": exporter})
        agent = self.workspace.start_agent("--config", file, *arguments)
        agent.expect(harness.EXIT_WRONG)
        return agent.stderr()

    def test_what_cannot_be_is_told(self):
        self.assertIn("this exporter needs the program spanring-tap", self.refusal({"program": "/nowhere/spanring-tap"}))
        self.assertIn("is for the agent of one user", self.refusal({"program": "/bin/true"}, "--all-users"))
        self.assertIn("duration", self.refusal({"program": "/bin/true", "subscriptions": [{"event": "a", "where": ["duration=1"]}]}))
        self.assertIn("is there twice", self.refusal({"program": "/bin/true", "subscriptions": [{"event": "a"}, {"event": "a"}]}))

    def test_a_program_that_is_none_holds_nobody(self):
        file = agent_configuration.write(self.workspace, {"iceoryx": {"program": "/bin/cat"}, "store": None}, batch=64)
        agent = self.workspace.agent("--config", file, "--metrics-address", "127.0.0.1:0")
        producer = self.workspace.producer("--seed", 1, "--count", 1000, "--flush", 60)
        producer.expect(0)
        kept(agent, 1000)
        harness.wait_until(lambda: Page(agent).value("exporter_tap_program_ends_total", exporter="iceoryx", reason="went") >= 2,
                           "it is ended, again and again")
        agent.stop()


if __name__ == "__main__":
    harness.main()
