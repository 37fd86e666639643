# SPDX-License-Identifier: Apache-2.0
"""What goes on until it is ended, in a terminal: ps --watch."""

import json
import os
import signal
import subprocess

import harness
import tmux

ROOTS = harness.BUILD / "tests/integration/roots"


class Spans(harness.Process):
    """A process that makes so many spans named "root" when it is told."""

    def __init__(self, workspace, service="shop"):
        super().__init__(workspace, "roots", [ROOTS, service], stdin=subprocess.PIPE,
                         env=harness.environment(SPANRING_DIR=workspace.segments))
        self.answers = 0
        self.make(1)  # the first one makes the segment

    def make(self, count):
        self.popen.stdin.write(f"{count}\n".encode())
        self.popen.stdin.flush()
        self.answers += 1
        harness.wait_until(lambda: self.stdout().count("\n") == self.answers, "the spans are made")


class LiveCase(harness.Case):
    def words(self, *arguments):
        return [harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments,
                *(str(word) for word in arguments)]

    def piped(self, *arguments):
        """A running command whose output is a file."""
        return harness.Process(self.workspace, "spanring", self.words(*arguments), env=harness.environment())


class Watch(LiveCase):
    def test_it_is_drawn_in_one_place_and_the_terminal_is_put_back(self):
        spans = Spans(self.workspace)
        terminal = tmux.Terminal(self.workspace)
        before = terminal.settings()
        terminal.run(*self.words("ps", "--watch", "0.1"))
        first = terminal.wait_for("SERVICE")
        self.assertTrue(first.startswith("spanring ps  "), first)
        self.assertEqual([terminal.state("alternate_on"), terminal.state("cursor_flag")], ["1", "0"])
        spans.make(4711)
        self.assertEqual(terminal.wait_for("4712").count("SERVICE"), 1)
        terminal.type("garble")
        spans.make(1)
        self.assertNotIn("garble", terminal.wait_for("4713"))
        terminal.press("C-c")
        self.assertEqual(terminal.ended(), 0)
        self.assertEqual([terminal.state("alternate_on"), terminal.state("cursor_flag")], ["0", "1"])
        self.assertEqual(terminal.settings(), before)
        self.assertNotIn("SERVICE", terminal.screen())

    def test_a_signal_that_ends_it_finds_the_terminal_put_back(self):
        Spans(self.workspace)
        terminal = tmux.Terminal(self.workspace)
        before = terminal.settings()
        for number in (signal.SIGTERM, signal.SIGHUP):
            terminal.run(*self.words("ps", "--watch"))
            terminal.wait_for("SERVICE")
            os.kill(terminal.foreground(), number)
            self.assertEqual(terminal.ended(), 128 + number, "it died by it, as its parent sees")
            self.assertEqual([terminal.state("alternate_on"), terminal.state("cursor_flag")], ["0", "1"])
            self.assertEqual(terminal.settings(), before)

    def test_it_can_be_stopped_and_goes_on(self):
        Spans(self.workspace)
        terminal = tmux.Terminal(self.workspace)
        before = terminal.settings()
        terminal.run(*self.words("ps", "--watch", "0.1"))
        terminal.wait_for("SERVICE")
        terminal.press("C-z")
        harness.wait_until(lambda: terminal.foreground() == int(terminal.state("pane_pid")), "it stops")
        self.assertEqual([terminal.state("alternate_on"), terminal.settings()], ["0", before])
        terminal.type("fg")
        terminal.press("Enter")
        terminal.wait_for("SERVICE")
        self.assertEqual(terminal.state("alternate_on"), "1")
        terminal.press("C-c")
        harness.wait_until(lambda: terminal.state("alternate_on") == "0", "it ends")

    def test_more_than_there_is_room_for(self):
        for number in range(8):
            Spans(self.workspace, f"service-{number}")
        terminal = tmux.Terminal(self.workspace, rows=8)
        terminal.run(*self.words("ps", "--watch", "0.1"))
        self.assertTrue(terminal.wait_for("3 more lines").startswith("spanring ps"))
        terminal.resize(120, 30)
        terminal.wait_for("service-7")
        terminal.press("C-c")
        self.assertEqual(terminal.ended(), 0)

    def test_where_stdout_is_no_terminal_it_is_plain_and_repeated(self):
        Spans(self.workspace)
        watch = self.piped("ps", "--watch", "0.1")
        harness.wait_until(lambda: watch.stdout().count("SERVICE") > 2, "it is repeated")
        self.assertNotIn("\x1b", watch.stdout())
        self.assertEqual(watch.stdout().count("\n\nspanring ps  2"), watch.stdout().count("SERVICE") - 1)
        watch.send(signal.SIGINT)
        watch.expect(0)
        watch = self.piped("ps", "--watch", "0.1", "--json")
        harness.wait_until(lambda: watch.stdout().count("\n") > 2, "it is repeated")
        watch.send(signal.SIGTERM)
        watch.expect(-signal.SIGTERM)
        for line in watch.stdout().splitlines():
            self.assertEqual([process["service"] for process in json.loads(line)["processes"]], ["shop"])

    def test_a_signal_that_the_caller_ignores_stays_ignored(self):
        Spans(self.workspace)
        watch = harness.Process(self.workspace, "spanring", ["nohup", *self.words("ps", "--watch", "0.1")],
                                env=harness.environment())
        watch.wait_for_line("spanring ps")
        watch.send(signal.SIGHUP)
        said = watch.stdout().count("SERVICE")
        harness.wait_until(lambda: watch.stdout().count("SERVICE") > said + 1, "it goes on")
        watch.send(signal.SIGINT)
        watch.expect(0)

    def test_a_period_that_is_none(self):
        for period in ("0", "-1", "often", "1e9"):
            done = subprocess.run(self.words("ps", f"--watch={period}"), capture_output=True, text=True,
                                  env=harness.environment(), timeout=harness.WATCHDOG)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--watch", done.stderr)


if __name__ == "__main__":
    harness.main()
