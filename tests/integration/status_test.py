# SPDX-License-Identifier: Apache-2.0
"""`spanring status`: how a running agent is, by its own word."""

import json
import re
import signal
import subprocess

import agent_configuration
import harness
from scripted import Scripted


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
        self.assertRegex(shown.stdout, r"(?m)^store +well +\d+ \w+ +- +500 +\d+ +0 +0 +0 \(0B\) +- *$")
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
        self.assertRegex(said["problems"][0], r"^exporter otlp_grpc: spans have not been taken for \w+; the log says why$")
        exporter, = said["exporters"]
        self.assertNotEqual(exporter["last_error"], "")
        self.assertEqual(exporter["state"], "retrying")
        self.assertIn(exporter["circuit"], ("open", "probing"))
        self.assertLess(said["started_unix_nano"], exporter["last_error_unix_nano"])
        self.assertLess(said["started_unix_nano"], exporter["since_unix_nano"])
        layers = {layer["name"]: layer["values"] for layer in said["layers"]}
        self.assertGreater(layers[str(file)], 3)
        shown = self.ask()
        self.assertEqual(shown.returncode, 1)
        self.assertRegex(shown.stdout, r"(?m)^otlp_grpc +away .* (open|probing) .*ago: ")
        agent.stop()

    def test_shows_what_is_in_effect_and_not_its_secrets(self):
        exporter = {**agent_configuration.quick(f"http://127.0.0.1:{harness.free_port()}"), "headers": {"x-key": "tell-nobody"}}
        file = agent_configuration.write(self.workspace, {"otlp_grpc": exporter}, batch=64)
        agent = self.workspace.agent("--config", file, "--batch-timeout", "77ms")
        shown = self.ask("--configuration").stdout
        self.assertRegex(shown, r"timeout: 77ms +# --batch-timeout")
        self.assertRegex(shown, rf"send_batch_size: 64 +# {re.escape(str(file))}:")
        self.assertRegex(shown, r"x-key: \(not shown\)")
        self.assertNotIn("tell-nobody", shown + self.ask().stdout + self.ask("--json").stdout)
        before = self.status()[1]["digest"]
        file.write_text(file.read_text().replace("tell-nobody", "another"))
        self.reload(agent)
        self.assertEqual(self.status()[1]["digest"], before, "secrets are no part of it")
        file.write_text(file.read_text().replace("64", "65"))
        self.reload(agent)
        self.assertNotEqual(self.status()[1]["digest"], before)
        self.assertIn("send_batch_size: 65", self.ask("--configuration").stdout)
        self.assertEqual(self.ask("--configuration", "--json").returncode, 2)
        agent.stop()

    def reload(self, agent):
        before = self.status()[1]["reloads"]
        agent.send(signal.SIGHUP)
        harness.wait_until(lambda: self.status()[1]["reloads"] == before + 1, "the agent has reloaded")

    def test_tells_how_fast_spans_come_and_go(self):
        agent = self.workspace.agent("--exporter", "store")
        producer = self.workspace.producer("--endless")
        producer.wait_for_line("ready")

        def moving():
            said = self.status()[1]
            return said["drained_per_second"] > 0 and said["exporters"][0]["exported_per_second"] > 0
        harness.wait_until(moving, "spans come and go")
        producer.end_input()
        producer.expect(0)
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

    def deciding(self, **sampling):
        """An agent that keeps all traces, once it decides."""
        processors = {"tail_sampling": {"linger": "60s", "decision_wait": "120s", **sampling,
                                        "policies": [{"name": "all", "type": "always_sample"}]}}
        document = {"processors": processors, "exporters": {"store": None},
                    "service": {"pipelines": {"traces": {"processors": list(processors), "exporters": ["store"]}}}}
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(document))
        return self.workspace.agent("--config", file)

    def undecided(self):
        return self.status()[1]["undecided"]

    def of_its_process(self, process, expected, column):
        """As `ps` and `audit` say, a second later."""
        def row():
            (row,) = [row for row in json.loads(self.workspace.command("ps", "--json"))["processes"] if row["pid"] == process.pid]
            return row["undecided"]
        harness.wait_until(lambda: expected.items() <= row().items(), f"ps says {expected}")
        self.assertRegex(self.workspace.command("ps"), rf"(?m) PENDING +UNDECIDED .*\n.* {column} +0 +")
        self.assertIn(f"+ dropped 0 + undecided {expected['spans']} + pending 0", self.workspace.command("audit"))

    def test_of_what_waits_for_a_decision(self):
        agent = self.deciding(ring_linger="9h", num_traces=2)  # more than the linger: they are sure to stay
        nothing = self.undecided()
        self.assertEqual({key: value for key, value in nothing.items() if value}, {"early": dict.fromkeys(
            ("decision_wait", "num_traces", "memory", "ring", "queue", "files"), 0)})
        shop = Scripted(self.workspace, "shop")
        own = shop.say("start", 1, "front")
        shop.span("back", own)
        shop.say("end", 1)
        shop.span("another")
        harness.wait_until(lambda: self.undecided()["ring_spans"] == 3, "three spans wait")
        said = self.undecided()
        self.assertEqual((said["traces"], said["spans"], said["filed_spans"], said["received_spans"]), (2, 3, 0, 0))
        self.assertGreater(said["ring_bytes"], 3 * 32)
        self.assertGreater(said["memory_bytes"], said["ring_bytes"])
        self.assertEqual(said["bytes"], sum(said[key] for key in ("ring_bytes", "filed_bytes", "memory_bytes", "filed_memory_bytes")))
        self.assertGreater(said["oldest_unix_nano"], self.status()[1]["started_unix_nano"])
        self.assertRegex(self.ask().stdout, r"(?m)^undecided   3 spans of 2 traces, the oldest since \d+ \w+; \d+B: "
                                            r"3 in the memory of processes \(\d+B\), 0 in files \(0B\), 0 received; ")
        self.of_its_process(shop, {"spans": 3, "ring": 3, "slots": 0, "files": 0, "filed_bytes": 0}, "3")
        shop.span("third")
        harness.wait_until(lambda: self.undecided()["early"]["num_traces"] == 1, "the oldest was decided early")
        harness.wait_until(lambda: self.status()[1]["exporters"][0]["exported"] == 2, "it was kept")
        self.assertEqual(self.undecided()["traces"], 2)
        self.assertRegex(self.ask().stdout, r"(?m)^ +decided early: 1 by num_traces$")
        harness.end_all([shop])
        agent.stop()

    def test_of_what_waits_in_files(self):
        agent = self.deciding(ring_linger="10ms")
        shop = Scripted(self.workspace, "shop")
        shop.span("one")
        harness.wait_until(lambda: self.undecided()["filed_spans"] == 1, "it is in a file")
        said = self.undecided()
        self.assertEqual((said["traces"], said["spans"], said["ring_spans"], said["ring_bytes"]), (1, 1, 0, 0))
        self.assertGreater(said["filed_bytes"], 32)
        self.assertGreater(said["filed_memory_bytes"], 0)
        self.assertEqual(said["unclaimed_spans"], 0)
        self.of_its_process(shop, {"spans": 1, "ring": 0, "slots": 0, "ring_bytes": 0, "files": 1, "filed_bytes": said["filed_bytes"]},
                            rf"1, 1 in files \({said['filed_bytes']}B\)")
        agent.kill()
        shop.kill()
        for segment in self.workspace.segment_files():  # as a reboot does
            segment.unlink()
        agent = self.deciding()
        harness.wait_until(lambda: self.undecided()["unclaimed_spans"] == 1, "it is of nobody who is there")
        self.assertRegex(self.ask().stdout, r"(?m)^undecided   0 spans of 0 traces; (.*)\n +1 more in files of an agent before, whose segments have not come$")
        agent.stop()

    def test_an_agent_that_decides_nothing_says_so(self):
        agent = self.workspace.agent("--exporter", "store")
        self.assertIsNone(self.undecided())
        self.assertNotIn("undecided", self.ask().stdout)
        agent.stop()

    def test_without_an_agent(self):
        ended = self.ask()
        self.assertEqual((ended.returncode, ended.stdout), (2, ""))
        self.assertIn("no agent runs there", ended.stderr)


if __name__ == "__main__":
    harness.main()
