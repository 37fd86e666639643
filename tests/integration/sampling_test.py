# SPDX-License-Identifier: Apache-2.0
"""`spanring sampling`: rules reach processes that run, those that start later, and outlive the agent."""

import subprocess

import harness
from otlp_json import Received

ROOTS = harness.BUILD / "tests/integration/roots"


class Roots:
    """A process that starts traces when it is told to."""

    def __init__(self, workspace, service, **env):
        self.answers = 0
        self.process = harness.Process(workspace, "roots", [ROOTS, service], stdin=subprocess.PIPE,
                                       env=harness.environment(SPANRING_DIR=workspace.segments, **env))

    def recorded(self, count):
        """How many of so many traces were recorded."""
        self.process.popen.stdin.write(f"{count}\n".encode())
        self.process.popen.stdin.flush()
        self.answers += 1

        def answer():
            lines = self.process.stdout().splitlines(keepends=True)
            return lines[self.answers - 1] if len(lines) >= self.answers and lines[-1].endswith("\n") else None
        return int(harness.wait_until(answer, "roots answers"))

    def end(self):
        self.process.end_input()
        self.process.expect(0)


class Sampling(harness.Case):
    def rule(self, *arguments):
        self.workspace.command("sampling", *arguments)

    def until(self, roots, wanted, what):
        harness.wait_until(lambda: wanted(roots.recorded(1000)), what)

    def test_a_rule_reaches_processes_that_run(self):
        self.workspace.agent("--exporter", "store")
        shop, stock = Roots(self.workspace, "shop"), Roots(self.workspace, "stock")
        self.assertEqual([shop.recorded(1000), stock.recorded(1000)], [1000, 1000])
        self.rule("set", "--service", "shop", "off")
        self.until(shop, lambda count: count == 0, "shop records nothing")
        self.assertEqual(stock.recorded(1000), 1000, "the other service goes on")
        self.rule("set", "--service", "shop", "0.25")
        self.until(shop, lambda count: 100 < count < 400, "shop records about a quarter")
        self.rule("set", "0")
        self.until(stock, lambda count: count == 0, "the rule for all others holds for stock")
        self.rule("set", "--service", "shop", "on")
        self.until(shop, lambda count: count == 1000, "its own rule goes first")
        self.rule("set", "--service", "shop", "0.001/s")
        self.until(shop, lambda count: count <= 1, "one trace in a thousand seconds")
        self.assertLessEqual(shop.recorded(1000), 1)
        self.rule("clear")
        self.until(stock, lambda count: count == 1000, "stock samples as it did")
        self.rule("clear", "--service", "shop")
        self.until(shop, lambda count: count == 1000, "shop samples as it did")
        for roots in (shop, stock):
            roots.end()

    def test_a_rule_wakes_an_application_that_samples_nothing(self):
        self.workspace.agent("--exporter", "store")
        roots = Roots(self.workspace, "shop", OTEL_TRACES_SAMPLER="always_off")
        self.assertEqual(roots.recorded(1000), 0)
        self.rule("set", "--service", "shop", "1")
        self.until(roots, lambda count: count == 1000, "it records everything")
        roots.end()

    def test_rules_hold_for_later_processes_and_later_agents(self):
        self.rule("set", "--service", "shop", "off")  # before there is an agent
        agent = self.workspace.agent("--exporter", "store")
        roots = Roots(self.workspace, "shop")
        self.until(roots, lambda count: count == 0, "the agent has read what was there")
        agent.kill()
        self.assertEqual(roots.recorded(1000), 0, "the last directive stays without an agent")
        self.rule("clear", "--service", "shop")
        self.workspace.agent("--exporter", "store")
        self.until(roots, lambda count: count == 1000, "the next agent takes the order back")
        roots.end()

    def test_a_file_that_is_wrong_changes_nothing(self):
        agent = self.workspace.agent("--exporter", "store")
        roots = Roots(self.workspace, "shop")
        self.rule("set", "off")
        self.until(roots, lambda count: count == 0, "it is off")
        for text, what in (('{"shop": "0.5", "other": "1.5"}', 'service "other": \'1.5\' is not one of'), (",,", "line 1, column 1"),
                           ('["shop"]', "is not an object"), ('{"shop": 1}', "is not a string"), ('{"shop": "0.5"', "line 1, column 15")):
            with self.subTest(text):
                (self.workspace.state / "sampling.json").write_text(text)
                harness.wait_until(lambda: what in agent.stderr(), "the agent says what is wrong, and where")
                self.assertEqual(roots.recorded(1000), 0)
        self.assertTrue(agent.running())
        roots.end()

    def test_the_spans_say_how_they_were_sampled(self):
        collector = self.workspace.collector().start()
        agent = self.workspace.agent("--endpoint", collector.endpoint)
        roots = Roots(self.workspace, "shop")
        roots.recorded(1)
        self.rule("set", "--service", "shop", "0.5")
        self.until(roots, lambda count: 0 < count < 1000, "about a half is recorded")
        roots.end()
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is drained")
        agent.stop()
        collector.stop()
        states = {span.fields.get("traceState", "") for span in Received(collector.received).read()}
        self.assertEqual(states, {"", "ot=th:8"})

    def test_what_cannot_be_a_rule_is_refused(self):
        for rule in ("1.1", "-0.5", "x", "5/m", "/s", "nan"):
            ended = subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "sampling", "set", rule],
                                   capture_output=True, text=True, timeout=harness.WATCHDOG)
            self.assertEqual(ended.returncode, harness.EXIT_WRONG, rule)
            self.assertIn(rule, ended.stderr)
        self.assertFalse((self.workspace.state / "sampling.json").exists())


if __name__ == "__main__":
    harness.main()
