# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's own SDK for Python sends logs and metrics to the agent, by gRPC and HTTP; the agent is killed under it and
another one starts. What its exporters were told was taken arrives, as it was said.

    other_signals_sdk_test.py COMMAND [ARGUMENT...]

The command gets a signal, a protocol and an endpoint (sdk_senders/python/signals.py).
"""

import itertools
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import harness  # noqa: E402
from other_signals import SignalReceiving  # noqa: E402

BATCHES = 10  # that are answered, before the agent is killed and after another one has started

COMMAND = None


class Sdk(SignalReceiving):
    def test_what_was_answered_arrives_whatever_becomes_of_the_agent(self):
        self.collector.start()
        self.file = self.configuration()
        for which, protocol in itertools.product(("logs", "metrics"), ("grpc", "http")):
            with self.subTest(signal=which, protocol=protocol):
                self.sends_through_a_kill(which, protocol)

    @staticmethod
    def answered(sender):
        found = set()
        for line in sender.stdout().splitlines(keepends=True):
            if line.startswith("answered ") and line.endswith("\n"):
                first, count = map(int, line.split()[1:])
                found.update(range(first, first + count))
        return found

    def more_batches(self, sender):
        before = len(self.answered(sender))
        harness.wait_until(lambda: len(self.answered(sender)) >= before + BATCHES * 20 or not sender.running(),
                           "batches are answered")
        self.assertTrue(sender.running(), sender.stderr())

    def sends_through_a_kill(self, which, protocol):
        agent = self.workspace.agent("--config", self.file)
        try:
            port = self.grpc_port if protocol == "grpc" else self.port
            sender = harness.Process(self.workspace, f"sender-{which}-{protocol}",
                                     [*COMMAND, which, protocol, f"http://127.0.0.1:{port}"], stdin=subprocess.PIPE,
                                     env=harness.environment(OTEL_EXPORTER_OTLP_TIMEOUT="10000"))
            sender.wait_for_line("ready")
            self.more_batches(sender)
            self.assertEqual(agent.kill(), -signal.SIGKILL)
            agent = self.workspace.agent("--config", self.file)
            self.more_batches(sender)
            sender.end_input()
            sender.wait_for_line("done")
            self.all_arrive(which, self.answered(sender))
            resource = self.written(which)[0]["resourceLogs" if which == "logs" else "resourceMetrics"][0]["resource"]
            self.assertIn({"key": "telemetry.sdk.language", "value": {"stringValue": "python"}}, resource["attributes"])
        finally:
            agent.stop()
        self.collector.stop()  # the next ones are told from these by an empty file
        for each in ("logs", "metrics"):
            self.collector.received.with_name(f"{self.collector.received.name}.{each}").write_text("")
        self.collector.start()


if __name__ == "__main__":
    COMMAND = sys.argv[1:]
    del sys.argv[1:]
    harness.main()
