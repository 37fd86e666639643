# SPDX-License-Identifier: Apache-2.0
"""`spanring exporter pause` and `resume`: nothing is sent by that one meanwhile, nothing is lost, and no other minds."""

import json
import subprocess

import agent_configuration
import harness
from comparison import records
from json_backend import JsonBackend
from metrics_test import Page


class Pause(harness.Case):
    def setUp(self):
        super().setUp()
        self.backend = JsonBackend()
        self.addCleanup(self.backend.close)
        settings = agent_configuration.quick(self.backend.endpoint, encoding="json")
        self.file = agent_configuration.write(self.workspace, {"otlp_http": settings, "store": None}, batch=64)

    def start(self):
        return self.workspace.agent("--config", self.file, "--metrics-address", "127.0.0.1:0")

    def ask(self, *arguments):
        return subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments,
                               *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=harness.environment(), timeout=2 * harness.WATCHDOG)

    def producer(self, seed, count):
        producer = self.workspace.producer("--seed", seed, "--count", count, "--flush", 60)
        producer.expect(0)
        return producer

    def shown(self, agent):
        """By `status`, by `top`'s and the page's file, by the metrics, by `ps`."""
        status, = [each for each in json.loads(self.ask("status", "--json").stdout)["exporters"] if each["name"] == "otlp_http"]
        reported = {each["name"]: each["state"] for each in json.loads((self.workspace.state / "exporters.json").read_text())["exporters"]}
        return (status["paused"], reported["otlp_http"] == "paused", Page(agent).value("exporter_paused", exporter="otlp_http") == 1,
                "paused otlp_http: sends nothing" in self.ask("ps", "--all").stdout)

    def test_a_pause_outlasts_the_agent_and_nothing_is_lost(self):
        agent = self.start()
        producers = [self.producer(1, 500)]
        harness.wait_until(lambda: len(self.backend.spans()) == 500, "it sends")
        self.assertEqual(self.shown(agent), (False,) * 4)
        self.assertEqual(self.ask("exporter", "pause", "otlp_http").returncode, 0)
        producers.append(self.producer(2, 1000))
        harness.wait_until(lambda: Page(agent).value("exporter_pending_spans", exporter="otlp_http", where="spool") == 1000,
                           "what comes is in its spool")
        harness.wait_until(lambda: Page(agent).value("exporter_spans_exported_total", exporter="store") == 1500, "the other goes on")
        harness.wait_until(lambda: self.shown(agent) == (True,) * 4, "a pause is shown everywhere")
        self.assertRegex(self.ask("status").stdout, r"(?m)^otlp_http +paused ")
        self.assertEqual(self.ask("status").returncode, 0, "nothing is wrong")

        agent.kill()
        agent = self.start()
        producers.append(self.producer(3, 500))
        harness.wait_until(lambda: Page(agent).value("exporter_pending_spans", exporter="otlp_http", where="spool") == 1500,
                           "the next agent sends nothing either")
        agent.stop()
        agent = self.start()
        self.assertTrue(self.shown(agent)[0])
        self.assertEqual(len(self.backend.spans()), 500)

        self.assertEqual(self.ask("exporter", "resume", "otlp_http").returncode, 0)
        harness.wait_until(lambda: len(self.backend.spans()) >= 2000, "everything arrives")
        self.assertEqual(sorted(self.backend.spans()), sorted(records(producers)))
        harness.wait_until(lambda: self.shown(agent) == (False,) * 4, "the end of it is shown everywhere")
        self.workspace.accounting()
        agent.stop()

    def test_one_that_went_while_it_was_paused_can_be_resumed(self):
        agent = self.start()
        (self.workspace.state / "paused.json").write_text('["gone"]')
        (self.workspace.state / "paused.json").chmod(0o600)
        self.assertEqual(self.ask("exporter", "resume", "gone").returncode, 0)
        self.assertEqual(json.loads((self.workspace.state / "paused.json").read_text()), [])
        self.assertEqual(self.ask("exporter", "resume", "gone").returncode, 1)
        agent.stop()

    def test_of_what_cannot_be_paused(self):
        agent = self.start()
        ended = self.ask("exporter", "pause", "otlp_htp")
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertIn("the agent has no exporter 'otlp_htp', did you mean 'otlp_http'?", ended.stderr)
        ended = self.ask("exporter", "pause", "store")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("store cannot be paused", ended.stderr)
        self.assertEqual(json.loads((self.workspace.state / "paused.json").read_text()), [])
        (self.workspace.state / "paused.json").write_text("this is not a list")
        producer = self.producer(4, 100)
        harness.wait_until(lambda: len(self.backend.spans()) == 100, "what is no such file pauses nobody")
        self.assertEqual(sorted(self.backend.spans()), sorted(records([producer])))
        agent.stop()
        ended = self.ask("exporter", "pause", "otlp_http")
        self.assertEqual(ended.returncode, 2)
        self.assertIn("no agent runs there", ended.stderr)


if __name__ == "__main__":
    harness.main()
