# SPDX-License-Identifier: Apache-2.0
"""Exporters that hand framed OTLP to a user's program: what it keeps is what applications made, whatever it does, and it
holds nobody else."""

import collections
import os
import re
import signal
import subprocess
import sys
import threading

import agent_configuration
import harness
import kafka
from comparison import records
from metrics_test import Page
from programs import KEEP, descendants, kept_requests

BATCH = 32


class Restarted:
    """A process that is started again whenever it ends."""

    def __init__(self, workspace, command):
        self.workspace, self.command, self.done = workspace, command, threading.Event()
        self.process = self.start()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def start(self):
        process = harness.Process(self.workspace, "peer", self.command)
        process.wait_for_line("listens")
        return process

    def watch(self):
        while not self.done.wait(0.02):
            if not self.process.running():
                self.process = self.start()

    def stop(self):
        self.done.set()
        self.thread.join()
        self.process.kill()


class Streams(harness.Case):
    def setUp(self):
        super().setUp()
        self.kept = self.workspace.unique("kept")
        self.words = self.workspace.unique("words")
        self.words.write_text("")

    def say(self, *words):
        self.words.write_text("".join(f"{word}\n" for word in words))

    def producer(self, seed, *arguments):
        return self.workspace.producer("--seed", seed, "--service", f"service-{seed}", "--flush", 60, *arguments)

    def spans(self):
        return collections.Counter(span for request, _ in kept_requests(self.kept) for span in kafka.spans_of(request))

    def keeps_all(self, producers):
        wanted = set(records(producers))
        harness.wait_until(lambda: set(self.spans()) == wanted, "each span is kept")
        return len(wanted)


class Unix(Streams):
    def setUp(self):
        super().setUp()
        self.path = self.workspace.unique("socket")
        self.peer = None

    def tearDown(self):
        if self.peer is not None:
            self.peer.stop()
        super().tearDown()

    def listen(self):
        self.peer = Restarted(self.workspace, [sys.executable, harness.HERE / "frames_socket.py", self.path, self.words,
                                               self.kept])

    def agent(self, beside=None, **more):
        exporter = {"path": self.path, "timeout": "1s", "sending_queue": {"num_consumers": 4},
                    "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"}, **more}
        return self.workspace.agent("--config", agent_configuration.write(
            self.workspace, {"unix": exporter, **(beside or {})}, batch=BATCH), "--metrics-address", "127.0.0.1:0")

    def test_what_is_made_is_kept_once(self):
        self.listen()
        agent = self.agent(peer_uid=str(os.geteuid()), timeout="60s")
        producers = [self.producer(seed, "--count", 1000) for seed in (1, 2)]
        for producer in producers:
            producer.expect(0)
        self.assertEqual(self.spans(), collections.Counter(dict.fromkeys(records(producers), 1)))
        page = Page(agent)
        self.assertEqual(page.value("exporter_spans_exported_total", exporter="unix"), 2000)
        self.assertEqual(page.value("exporter_peer_opened_total", exporter="unix"), 1)
        self.assertEqual(page.value("exporter_peer_stray_answers_total", exporter="unix"), 0)
        agent.stop()

    def test_whatever_it_does_nothing_is_lost(self):
        self.listen()
        agent = self.agent()
        for seed, word in enumerate(["die", "die_kept", "half", "leave", "hang", "rubbish", "never", "slow 1.5", "retry 50",
                                     "twice", "later"], start=10):
            with self.subTest(word=word):
                self.say("keep", word, "keep", word)
                if word == "hang":  # who waits for ever is of no use, and does not notice that
                    self.say("keep", word)
                producer = self.producer(seed, "--count", 300)
                producer.expect(0)
                if word == "hang":
                    harness.wait_until(lambda: not self.words.read_text(), "it hangs")
                    self.peer.process.kill()
                wanted = set(records([producer]))
                harness.wait_until(lambda: wanted <= set(self.spans()), f"each span is kept: {word}")
        self.assertGreater(Page(agent).value("exporter_peer_broken_total", exporter="unix"), 0)
        harness.wait_until(lambda: Page(agent).value("exporter_peer_stray_answers_total", exporter="unix") >= 4,
                           "what is answered twice is counted")
        agent.stop()
        for process in self.workspace.accounting():
            self.assertEqual(set(process["exporters"][0]["dropped"].values()), {0})

    def test_what_it_rejects_is_counted(self):
        self.listen()
        agent = self.agent(timeout="60s")
        self.say("reject")
        self.producer(30, "--count", 10).expect(0)
        self.say("some 3")
        self.producer(31, "--count", 10).expect(0)
        rejected = [process["exporters"][0]["rejected"] for process in self.workspace.accounting()]
        self.assertEqual(sorted(rejected), [3, 10])
        self.assertEqual(self.spans(), collections.Counter())
        agent.stop()

    def test_one_that_is_away_holds_nobody_and_gets_everything_when_it_is_there(self):
        agent = self.agent(beside={"store": None})
        producer = self.producer(40, "--count", 2000)
        producer.expect(0)  # its flush waits for what is in the spool, and for the store
        page = Page(agent)
        self.assertEqual(page.value("exporter_spans_exported_total", exporter="store"), 2000)
        self.assertEqual(page.value("exporter_spans_spooled_total", exporter="unix"), 2000)
        agent.kill()
        self.listen()
        agent = self.agent(beside={"store": None})
        self.keeps_all([producer])
        agent.stop()

    def test_the_example_keeps_what_it_gets_after_what_a_kill_left(self):
        self.kept.write_bytes(bytes.fromhex("00000002" "0a00" "00010000" "0a") + b"a piece of a request")
        example = harness.Process(self.workspace, "example", [*KEEP, "--socket", self.path, self.kept])
        example.wait_for_line("listens")
        agent = self.agent()
        producer = self.producer(50, "--count", 500)
        producer.expect(0)
        self.keeps_all([producer])
        agent.stop()
        example.kill()


class Exec(Streams):
    def agent(self, beside=None, arguments=(), **more):
        return self.workspace.agent("--config", self.configuration(beside, **more), "--metrics-address", "127.0.0.1:0",
                                    *arguments)

    def configuration(self, beside=None, **more):
        exporter = {"command": [sys.executable, harness.HERE / "frames_program.py", self.words, self.kept], "timeout": "10s",
                    "sending_queue": {"num_consumers": 4},
                    "environment": {"PYTHONDONTWRITEBYTECODE": "1", "SECRET": "never-shown"},
                    "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"}, **more}
        return agent_configuration.write(self.workspace, {"exec": exporter, **(beside or {})}, batch=BATCH)

    def command(self, *arguments):
        return subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, env=harness.environment(), timeout=harness.WATCHDOG)

    def all_of(self, agent):
        """The agent's processes: that which starts programs, and what it started."""
        return descendants(agent.pid)

    def ended(self, processes):
        harness.wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in processes), "its programs have ended")

    def test_what_is_made_is_kept_once_by_a_program_without_rights(self):
        agent = self.agent(timeout="60s", working_directory="/tmp")
        producers = [self.producer(seed, "--count", 1000) for seed in (1, 2)]
        for producer in producers:
            producer.expect(0)
        self.assertEqual(self.spans(), collections.Counter(dict.fromkeys(records(producers), 1)))
        self.assertEqual(Page(agent).value("exporter_spans_exported_total", exporter="exec"), 2000)
        said = harness.wait_until(lambda: re.search("runs in .*", agent.stderr()), "what it says is in the log").group()
        self.assertTrue(said.startswith("runs in /tmp with descriptors [0, 1, 2], rights 0000000000000000, no new 1, "), said)
        self.assertIn("blocked 0000000000000000", said)
        variables = set(re.findall(r"'(\w+)'", said)) - {"LC_CTYPE"}
        self.assertLessEqual(variables, {"PATH", "HOME", "LANG", "TZ", "PYTHONDONTWRITEBYTECODE", "SECRET"})
        self.assertNotIn("never-shown", agent.stderr())
        processes = self.all_of(agent)
        self.assertEqual(len(processes), 2)
        agent.stop()
        self.ended(processes)

    def test_whatever_it_does_nothing_is_lost(self):
        agent = self.agent(timeout="1s")
        for seed, word in enumerate(["die", "die_kept", "half", "leave", "hang", "rubbish", "never", "slow 1.5", "retry 50",
                                     "twice", "later"], start=10):
            with self.subTest(word=word):
                self.say("keep", word, "keep", word)
                producer = self.producer(seed, "--count", 300)
                producer.expect(0)
                wanted = set(records([producer]))
                harness.wait_until(lambda: wanted <= set(self.spans()), f"each span is kept: {word}")
        self.assertGreater(Page(agent).value("exporter_peer_broken_total", exporter="exec"), 4)
        harness.wait_until(lambda: Page(agent).value("exporter_peer_stray_answers_total", exporter="exec") >= 4,
                           "what is answered twice is counted")
        processes = self.all_of(agent)
        agent.stop()
        self.ended(processes)
        for process in self.workspace.accounting():
            self.assertEqual(set(process["exporters"][0]["dropped"].values()), {0})

    def test_it_ends_with_the_agent_however_that_ends(self):
        for end, environment in ((signal.SIGTERM, {}), (signal.SIGKILL, {}), (signal.SIGTERM, {"STUBBORN": "1"}),
                                 (signal.SIGKILL, {"STUBBORN": "1", "CHILD": "1"})):
            with self.subTest(end=end, environment=environment):
                agent = self.agent(environment={"PYTHONDONTWRITEBYTECODE": "1", **environment})
                lines = agent.stderr().count("runs in ")
                harness.wait_until(lambda: "runs in " in agent.stderr() or lines, "it runs")
                many = 3 if "CHILD" in environment else 2
                processes = harness.wait_until(lambda: len(self.all_of(agent)) == many and self.all_of(agent), "all run")
                if end == signal.SIGKILL:
                    agent.kill()
                else:
                    agent.stop()
                self.ended(processes)

    def test_a_killed_agent_and_its_successor_lose_nothing(self):
        agent, producers = self.agent(timeout="1s"), []
        for seed in range(30, 36):
            self.say("keep", "slow 0.2", "keep")
            producers.append(self.producer(seed, "--count", 300))
            harness.wait_until(lambda: len(self.words.read_text().split()) < 4, "requests are on their way")
            processes = self.all_of(agent)
            agent.kill()
            self.ended(processes)
            agent = self.agent(timeout="1s")
        for producer in producers:
            producer.expect(0)
        self.keeps_all(producers)
        agent.stop()

    def test_one_that_cannot_do_anything_holds_nobody(self):
        agent = self.agent(beside={"store": None}, command=["/bin/false"])
        producer = self.producer(50, "--count", 1000)
        producer.expect(0)
        page = Page(agent)
        self.assertEqual(page.value("exporter_spans_exported_total", exporter="store"), 1000)
        self.assertEqual(page.value("exporter_spans_spooled_total", exporter="exec"), 1000)
        # On a busy machine how it ended may come too late to be told with an attempt, and is with another.
        harness.wait_until(lambda: "it ended with exit code 1" in self.command("status", "--json").stdout,
                           "how it ended is told")
        agent.stop()
        agent = self.agent(beside={"store": None})
        self.keeps_all([producer])
        agent.stop()

    def test_a_flood_of_errors_is_cut(self):
        noisy = self.workspace.unique("noisy")
        noisy.write_text("#!/bin/sh\nwhile :; do echo 'line \033[2J of a flood'; done >&2\n")
        noisy.chmod(0o755)
        agent = self.agent(command=[noisy])
        harness.wait_until(lambda: agent.stderr().count("of a flood") >= 50, "the first lines are in the log")
        harness.wait_until(lambda: "lines were left out" in agent.stderr(), "the others are counted")
        self.assertLess(agent.stderr().count("of a flood"), 5000)
        self.assertNotIn("\033", agent.stderr())
        agent.stop()

    def test_a_reload_changes_all_but_what_is_started(self):
        file = self.configuration()
        agent = self.workspace.agent("--config", file)
        before = file.read_text()

        def reload(text):
            file.write_text(text)
            return self.command("reload")

        changed = reload(before.replace('"num_consumers": 4', '"num_consumers": 2'))
        self.assertEqual(changed.returncode, 0, changed.stderr)
        refused = reload(before.replace("frames_program.py", "frames_peer.py"))
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("exporters.exec.command", refused.stdout + refused.stderr)
        self.assertEqual(reload(before).returncode, 0)
        producer = self.producer(60, "--count", 300)
        producer.expect(0)
        self.keeps_all([producer])
        agent.stop()


if __name__ == "__main__":
    harness.main()
