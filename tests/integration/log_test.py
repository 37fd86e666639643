# SPDX-License-Identifier: Apache-2.0
"""The agent's log: as JSON, for systemd's journal, and what it says while a backend is away."""

import json
import os
import re
import signal
import subprocess

import agent_configuration
import harness


class Log(harness.Case):
    def configuration(self, encoding, exporters):
        file = agent_configuration.write(self.workspace, exporters)
        document = json.loads(file.read_text())
        document["service"]["telemetry"] = {"logs": {"encoding": encoding, "level": "debug"}}
        file.write_text(json.dumps(document))
        return file

    def test_each_line_is_an_object(self):
        backend = agent_configuration.quick(f"http://127.0.0.1:{harness.free_port()}")
        file = self.configuration("json", {"otlp_grpc": backend})
        agent = self.workspace.start_agent("--config", file)
        harness.wait_until(lambda: "agent ready" in agent.stderr(), "the agent is ready")
        self.workspace.producer("--count", 10, "--flush", 60).expect(0)
        harness.wait_until(lambda: "does not take spans" in agent.stderr(), "the backend is away")
        agent.stop()
        lines = [json.loads(line) for line in agent.stderr().splitlines()]
        for line in lines:
            self.assertEqual(list(line), ["level", "ts", "msg"])
            self.assertIn(line["level"], ("debug", "info", "warn", "error"))
            self.assertRegex(line["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        levels = {line["level"]: line["msg"] for line in lines if re.search("agent ready|does not take", line["msg"])}
        self.assertIn("exporters=otlp_grpc", levels["info"])
        self.assertIn("does not take spans", levels["warn"])

    def test_the_encoding_changes_with_a_reload(self):
        file = self.configuration("console", {"debug": {}})
        agent = self.workspace.agent("--config", file)
        file.write_text(file.read_text().replace("console", "json"))
        agent.send(signal.SIGHUP)
        harness.wait_until(lambda: '"msg":"reloaded;' in agent.stderr(), "the log is of objects")
        self.assertRegex(agent.stderr(), r"(?m)^\{.*\"msg\":\"reloaded;")
        agent.stop()

    def journal(self, file):
        """What an agent with nothing in its spool writes where stderr is the journal's, until it has ended."""
        reader, writer = os.pipe()
        there = os.fstat(writer)
        agent = subprocess.Popen(
            [harness.AGENT, "--directory", self.workspace.segments, "--state-dir", self.workspace.unique("state"),
             *harness.SECCOMP, "--config", file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer,
            env=harness.environment(JOURNAL_STREAM=f"{there.st_dev}:{there.st_ino}"))
        self.addCleanup(agent.wait)
        self.addCleanup(agent.kill)
        os.close(writer)
        with os.fdopen(reader) as journal:
            lines = []
            for line in journal:
                lines.append(line)
                if "agent ready" in line:
                    self.workspace.producer("--count", 10, "--flush", 60).expect(0)
                if "does not take spans" in line:
                    agent.terminate()
        self.assertEqual(agent.wait(), 0)
        return lines

    def test_the_journal_gets_priorities(self):
        backend = agent_configuration.quick(f"http://127.0.0.1:{harness.free_port()}")
        for encoding, text in (("console", r"[^0-9{]"), ("json", r'\{"level"')):
            with self.subTest(encoding=encoding):
                lines = self.journal(self.configuration(encoding, {"otlp_grpc": backend}))
                for line in lines:
                    self.assertRegex(line, rf"^<[3-7]>{text}")
                priority = {line[:3] for line in lines if "does not take spans" in line}
                self.assertEqual(priority, {"<4>"})
                self.assertEqual({line[:3] for line in lines if "agent ready" in line}, {"<6>"})

    def test_says_how_much_waits_for_a_backend_that_is_back(self):
        collector = self.workspace.collector()
        file = agent_configuration.write(self.workspace, {"otlp_grpc": agent_configuration.quick(collector.endpoint)})
        agent = self.workspace.agent("--config", file)
        self.workspace.producer("--count", 500, "--flush", 60).expect(0)
        collector.start()
        told = harness.wait_until(lambda: re.search(r"is back; \S+ in memory and (\S+) in the spool wait for it", agent.stderr()),
                                  "the log says that it is back")
        self.assertNotEqual(told.group(1), "0B")
        agent.stop()


if __name__ == "__main__":
    harness.main()
