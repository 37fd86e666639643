# SPDX-License-Identifier: Apache-2.0
"""`spanring status`: how a running agent is, by its own word."""

import json
import signal
import subprocess

import agent_configuration
import harness


class Status(harness.Case):
    def ask(self, *arguments):
        return subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments,
                               "status", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=harness.environment(), timeout=2 * harness.WATCHDOG)

    def status(self):
        """What it ended with, and said."""
        ended = self.ask("--json")
        self.assertEqual(ended.stderr, "")
        return ended.returncode, json.loads(ended.stdout)

    def producer(self, count):
        producer = self.workspace.producer("--count", count, "--flush", 60)
        producer.expect(0)

    def test_of_an_agent_that_is_well(self):
        agent = self.workspace.agent("--exporter", "store")
        self.producer(500)
        harness.wait_until(lambda: self.status()[1]["exporters"][0]["exported"] == 500, "all spans are in the store")
        code, said = self.status()
        self.assertEqual((code, said["well"], said["problems"], said["refused"]), (0, True, [], []))
        self.assertEqual((said["pid"], said["state_directory"], said["configuration"], said["reloads"]),
                         (agent.pid, str(self.workspace.state), "", 0))
        self.assertLessEqual(said["started_unix_nano"], said["unix_nano"])
        store, = said["exporters"]
        self.assertEqual({key: store[key] for key in ("name", "required", "healthy", "rejected", "dropped", "queued_spans")},
                         {"name": "store", "required": True, "healthy": True, "rejected": 0, "dropped": 0, "queued_spans": 0})
        shown = self.ask()
        self.assertEqual(shown.returncode, 0)
        self.assertRegex(shown.stdout, rf"agent +pid {agent.pid}, version ")
        self.assertRegex(shown.stdout, r"(?m)^store +well +500 +0 +0 +0 \(0B\) +- *$")
        self.assertNotIn("segments served", agent.stderr(), "who asks often does not fill the log")
        agent.send(signal.SIGUSR1)
        harness.wait_until(lambda: "segments served" in agent.stderr(), "who sends the plain signal finds it in the log")
        agent.stop()

    def test_of_one_whose_backend_is_away(self):
        nowhere = f"http://127.0.0.1:{harness.free_port()}"
        file = agent_configuration.write(self.workspace, {"otlp_grpc": agent_configuration.quick(nowhere)}, batch=64)
        agent = self.workspace.agent("--config", file)
        self.producer(500)

        def spooled():
            exporter = self.status()[1]["exporters"][0]
            return not exporter["healthy"] and exporter["queued_spans"] == 0 and exporter["spool_bytes"] > 0
        harness.wait_until(spooled, "the spans are in the spool")
        code, said = self.status()
        self.assertEqual((code, said["well"]), (1, False))
        self.assertEqual(said["configuration"], str(file))
        self.assertIn("exporter otlp_grpc: spans are not taken; the log says why", said["problems"])
        self.assertNotEqual(said["exporters"][0]["last_error"], "")
        shown = self.ask()
        self.assertEqual(shown.returncode, 1)
        self.assertRegex(shown.stdout, r"(?m)^otlp_grpc +away ")
        agent.stop()

    def test_of_a_reload_that_was_refused(self):
        file = agent_configuration.write(self.workspace, {"debug": {}})
        agent = self.workspace.agent("--config", file)
        before = self.status()[1]["configured_unix_nano"]
        file.write_text("exporters: {debugg: {}}\n")
        reload = subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory", self.workspace.segments,
                                 "reload"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                env=harness.environment(), timeout=2 * harness.WATCHDOG)
        self.assertEqual(reload.returncode, 1)
        self.assertIn("did you mean 'debug'?", reload.stderr)
        harness.wait_until(lambda: self.status()[1]["reloads"] == 1, "the agent has reloaded")
        code, said = self.status()
        self.assertEqual((code, said["configured_unix_nano"]), (0, before))
        self.assertIn("did you mean 'debug'?", said["refused"][0])
        self.assertIn("the last reload was refused", self.ask().stdout)
        agent.stop()

    def test_without_an_agent(self):
        ended = self.ask()
        self.assertEqual((ended.returncode, ended.stdout), (2, ""))
        self.assertIn("no agent runs there", ended.stderr)


if __name__ == "__main__":
    harness.main()
