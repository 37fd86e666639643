# SPDX-License-Identifier: Apache-2.0
"""What goes on until it is ended, in a terminal: ps --watch, tail, top."""

import json
import os
import signal
import subprocess
import unittest

import harness
import open_test
import tmux

ROOTS = harness.BUILD / "tests/integration/roots"
HAS_NCURSES = os.environ.get("SPANRING_NCURSES", "1") == "1"


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

    def test_a_table_as_wide_as_the_terminal(self):
        Spans(self.workspace, "w" * 200)
        terminal = tmux.Terminal(self.workspace)
        terminal.run(*self.words("ps", "--watch", "0.1"))
        (titles, row) = terminal.wait_for("RING").splitlines()[1:3]
        self.assertEqual([len(titles), len(row)], [120, 120])
        self.assertTrue(row.endswith("%"), row)
        terminal.press("C-c")
        self.assertEqual(terminal.ended(), 0)

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


class Tail(LiveCase):
    def tail(self, *arguments):
        """Once it follows."""
        tail = self.piped("tail", *arguments)
        tail.wait_for_line(*(("Spans that arrive", "stderr") if "--json" in arguments else ("STARTED",)))
        return tail

    def spans(self, tail, count):
        harness.wait_until(lambda: tail.stdout().count("\n") >= count, f"{count} spans are shown")
        return [json.loads(line) for line in tail.stdout().splitlines()]

    def test_spans_as_they_arrive(self):
        self.workspace.agent()
        process = open_test.OpenSpans(self.workspace, "shop")
        process.start("before")
        process.end()
        self.workspace.accounting()
        tail = self.tail("--json")
        trace, span = process.start("request").split("-")[1:3]
        process.start("query")
        process.end()
        process.end()
        found = self.spans(tail, 2)
        self.assertEqual(sorted(one["name"] for one in found), ["query", "request"])
        (request,) = [one for one in found if one["name"] == "request"]
        expected = {"trace_id": trace, "span_id": span, "parent_span_id": "", "service": "shop", "kind": "Server",
                    "status": "Unset", "unfinished": False, "attributes": {"cart.items": 3}}
        self.assertEqual({key: request[key] for key in expected}, expected)
        self.assertEqual(request["duration_nano"], request["end_unix_nano"] - request["start_unix_nano"])
        self.assertEqual(request["resource"]["service.name"], "shop")
        process.start("dies")
        process.kill()
        dead = self.spans(tail, 3)[-1]
        self.assertEqual([dead["name"], dead["unfinished"], dead["status"]], ["dies", True, "Error"])

    def test_only_what_the_words_say(self):
        self.workspace.agent()
        shop, stock = (open_test.OpenSpans(self.workspace, service) for service in ("shop", "stock"))
        tails = {words: self.tail("--json", *words) for words in (
            ("service=stock",), ("cart.items>2", "name!=browse"), ("duration<1h", "name=last"))}
        first = self.tail("--json", "-n", "1")
        for process in (shop, stock):
            for name in ("browse", "pay"):
                process.start(name)
                process.end()
        first.expect(0)
        self.assertEqual(len(self.spans(first, 1)), 1, "it ended after one")
        stock.start("last")  # which all of them show, so that nothing is compared too early
        stock.end()
        expected = {("service=stock",): [("stock", "browse"), ("stock", "last"), ("stock", "pay")],
                    ("cart.items>2", "name!=browse"): [("shop", "pay"), ("stock", "last"), ("stock", "pay")],
                    ("duration<1h", "name=last"): [("stock", "last")]}
        all_of = {words: sorted((span["service"], span["name"]) for span in self.spans(tail, len(expected[words])))
                  for words, tail in tails.items()}
        self.assertEqual(all_of, expected)

    def test_it_goes_on_with_the_next_agent(self):
        agent = self.workspace.agent()
        process = open_test.OpenSpans(self.workspace, "shop")
        tail = self.tail("--json")
        for name in ("one", "two"):
            process.start(name)
            process.end()
            self.spans(tail, 1 if name == "one" else 2)
            agent.stop()
            agent = self.workspace.agent()
        self.assertEqual([span["name"] for span in self.spans(tail, 2)], ["one", "two"])

    def test_where_there_is_no_store_it_says_what_to_do(self):
        def refused():
            done = subprocess.run(self.words("tail"), capture_output=True, text=True, env=harness.environment(),
                                  timeout=harness.WATCHDOG)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            return done.stderr
        self.assertIn("with --exporter store", refused())
        agent = self.workspace.agent("--exporter", "debug")
        self.assertIn(f"The agent (pid {agent.pid}) exports to debug and keeps no store.", refused())
        done = subprocess.run(self.words("tail", "duration>long"), capture_output=True, text=True,
                              env=harness.environment(), timeout=harness.WATCHDOG)
        self.assertEqual(done.returncode, 2)
        self.assertIn("duration>long", done.stderr)

    def test_on_a_terminal_a_hostile_name_stays_on_its_line(self):
        self.workspace.agent()
        process = open_test.OpenSpans(self.workspace, "shop\x1b[2J")
        terminal = tmux.Terminal(self.workspace, columns=100)
        terminal.run(*self.words("tail"))
        terminal.wait_for("STARTED")
        process.start("evil\x1b[2J\x1b[5;5H" + "x" * 300)
        process.end()
        process.start("good")
        process.end()
        lines = [line for line in terminal.wait_for("good").splitlines() if "shop" in line]
        self.assertEqual(len([line for line in lines if "tail" not in line]), 2, "one line each")
        (evil,) = [line for line in lines if "evil" in line]
        self.assertIn("evil?[2J?[5;5Hxxx", evil)
        self.assertTrue(evil.rstrip().endswith("…"), "cut at the terminal's width")
        terminal.press("C-c")
        harness.wait_until(lambda: terminal.foreground() == int(terminal.state("pane_pid")), "it ends")


class Top(LiveCase):
    def top(self, *arguments, rows=30):
        terminal = tmux.Terminal(self.workspace, rows=rows)
        self.before = terminal.settings()
        terminal.run(*self.words("top", "--interval", "0.2", *arguments))
        terminal.wait_for("OPERATION")
        return terminal

    def row_of(self, terminal, text):
        """The first row in which it stands; None: it is not there."""
        rows = [number for number, line in enumerate(terminal.screen().splitlines()) if text in line]
        return rows[0] if rows else None

    def assert_put_back(self, terminal):
        self.assertEqual([terminal.state("alternate_on"), terminal.state("cursor_flag")], ["0", "1"])
        self.assertEqual(terminal.settings(), self.before)

    @unittest.skipUnless(HAS_NCURSES, "built without ncurses")
    def test_keys(self):
        self.workspace.agent()
        shop, stock = Spans(self.workspace, "shop"), Spans(self.workspace, "stock")
        terminal = self.top()
        terminal.wait_for("2 processes")
        self.assertIn("EXPORTER", terminal.wait_for("store"), "once it has answered for something")
        shop.make(4711)
        terminal.wait_for("root")  # an operation
        # By service, then the other way around.
        terminal.type("<<<")
        terminal.wait_for("SERVICE↓")
        self.assertLess(self.row_of(terminal, "  shop"), self.row_of(terminal, "  stock"))
        terminal.type("r")
        terminal.wait_for("SERVICE↑")
        self.assertLess(self.row_of(terminal, "  stock"), self.row_of(terminal, "  shop"))
        terminal.type("/STO")
        terminal.wait_for("filter: STO_")
        terminal.wait_until_gone("  shop")
        terminal.press("Enter")
        self.assertIn("stock", terminal.wait_for("filter: STO  "))
        terminal.press("Escape")
        terminal.wait_for("  shop")
        # What happens while it is paused is shown afterwards.
        terminal.type(" ")
        terminal.wait_for("PAUSED")
        third = Spans(self.workspace, "third")
        terminal.type("z")
        terminal.wait_until_gone("EXPORTER")
        self.assertNotIn("third", terminal.screen())
        terminal.type(" ")
        terminal.wait_for("third")
        self.assertIn("3 processes", terminal.screen())
        third.kill()
        terminal.wait_for("2 processes")
        terminal.type("?")
        terminal.wait_for("which table has the keys")
        terminal.type("x")
        terminal.wait_for("SERVICE")
        terminal.resize(80, 12)
        harness.wait_until(lambda: len(terminal.screen().splitlines()[0]) <= 80 and self.row_of(terminal, "PID") == 2, "it fits")
        terminal.type("q")
        self.assertEqual(terminal.ended(), 0)
        self.assert_put_back(terminal)
        self.assertEqual([shop.running(), stock.running()], [True, True])

    @unittest.skipUnless(HAS_NCURSES, "built without ncurses")
    def test_signals_find_the_terminal_put_back(self):
        self.workspace.agent()
        Spans(self.workspace)
        terminal = self.top()
        terminal.press("C-z")
        harness.wait_until(lambda: terminal.foreground() == int(terminal.state("pane_pid")), "it stops")
        self.assert_put_back(terminal)
        terminal.type("fg")
        terminal.press("Enter")
        terminal.wait_for("OPERATION")
        os.kill(terminal.foreground(), signal.SIGTERM)
        harness.wait_until(lambda: terminal.foreground() == int(terminal.state("pane_pid")), "it ends")
        self.assert_put_back(terminal)
        terminal.run(*self.words("top"))
        terminal.wait_for("OPERATION")
        terminal.press("C-c")
        self.assertEqual(terminal.ended(), 0)
        self.assert_put_back(terminal)

    def test_a_hostile_process_moves_and_widens_nothing(self):
        self.workspace.agent()
        hostile = open_test.OpenSpans(self.workspace, "evil\x1b[2J\x1b[9;9H" + "w" * 200)
        terminal = self.top()
        for _ in range(3):
            hostile.start("name\x1b]0;title\x07\x1b[31m" + "x" * 900)
            hostile.end()
        screen = terminal.wait_for("name?]0;title??[31mxxx")
        self.assertTrue(screen.startswith("spanring top"), screen)
        for line in screen.splitlines():
            self.assertLessEqual(len(line), 120)
        self.assertIn("evil?[2J?[9;9Hww", screen)
        self.assertNotEqual(terminal.state("pane_title"), "title")
        for column in ("PID", "SPANS/s", "OPEN", "RING", "P99"):
            self.assertIn(column, screen)

    def test_a_terminal_that_is_not_known_has_no_keys(self):
        Spans(self.workspace)
        terminal = tmux.Terminal(self.workspace)
        terminal.run("env", "TERM=nonsense", *self.words("top", "--interval", "0.2"))
        terminal.wait_for("OPERATION")
        terminal.press("C-c")
        self.assertEqual(terminal.ended(), 0)
        self.assertIn("without keys: ", terminal.screen())

    def test_where_there_is_no_terminal_it_is_plain_and_repeated(self):
        Spans(self.workspace)
        top = self.piped("top", "--interval", "0.1")
        harness.wait_until(lambda: top.stdout().count("OPERATION") > 2, "it is repeated")
        self.assertNotIn("\x1b", top.stdout())
        self.assertIn("shop", top.stdout())
        self.assertIn("no operations: no agent here keeps a local store", top.stdout())
        top.send(signal.SIGINT)
        top.expect(0)


if __name__ == "__main__":
    harness.main()
