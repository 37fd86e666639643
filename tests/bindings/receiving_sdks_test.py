# SPDX-License-Identifier: Apache-2.0
"""OpenTelemetry's own SDKs send to the agent's receiver, by each protocol that they have; the agent is killed under them and another
one starts. What their exporters were told was taken arrives, whole, and the books come out.

    receiving_sdks_test.py LANGUAGE PROTOCOL[,PROTOCOL...] COMMAND [ARGUMENT...]

The command gets a protocol and an endpoint (sdk_senders/java/Sender.java has what it does); LANGUAGE is what it says as
`telemetry.sdk.language`.
"""

import json
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import agent_configuration  # noqa: E402
import harness  # noqa: E402
import otlp_json  # noqa: E402

BATCHES = 20  # that are answered, before the agent is killed and after another one has started
CLIENT, ERROR = 3, 2
ATTRIBUTES = {
    "number": lambda value, number: int(value["intValue"]) == number,
    "text": lambda value, _: value == {"stringValue": "Grüße"},
    "yes": lambda value, _: value == {"boolValue": True},
    "half": lambda value, _: value == {"doubleValue": 0.5},
    "words": lambda value, _: [word["stringValue"] for word in value["arrayValue"]["values"]] == ["a", "b"],
}

LANGUAGE = COMMAND = None
PROTOCOLS = []


class Sdks(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector().start()
        self.received = otlp_json.Received(self.collector.received)
        self.ports = {"grpc": harness.free_port(), "http": harness.free_port()}
        self.configuration = self.workspace.unique("agent.yaml")
        self.configuration.write_text(json.dumps({
            "receivers": {"otlp": {"protocols": {name: {"endpoint": f"127.0.0.1:{port}"} for name, port in self.ports.items()}}},
            "exporters": {"otlp_grpc": agent_configuration.quick(self.collector.endpoint)},
            "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlp_grpc"]}}}}))

    def agent(self):
        return self.workspace.agent("--config", self.configuration)

    @staticmethod
    def said(sender, word):
        """The numbers of the spans of which it said so."""
        found = set()
        for line in sender.stdout().splitlines(keepends=True):
            if line.startswith(word + " ") and line.endswith("\n"):
                first, count = map(int, line.split()[1:])
                found.update(range(first, first + count))
        return found

    def more_batches(self, sender):
        before = len(self.said(sender, "answered"))
        harness.wait_until(lambda: len(self.said(sender, "answered")) >= before + BATCHES * 20 or not sender.running(),
                           f"batches of {LANGUAGE} are answered")
        self.assertTrue(sender.running(), sender.stderr())

    def whole(self, span):
        """It says all that the program set."""
        number = int(span.fields["name"].removeprefix("span "))
        values = {pair["key"]: pair["value"] for pair in span.fields["attributes"]}
        self.assertEqual(values.keys(), ATTRIBUTES.keys())
        for key, is_right in ATTRIBUTES.items():
            self.assertTrue(is_right(values[key], number), (key, values[key], number))
        (event,) = span.fields["events"]
        self.assertEqual((event["name"], event["attributes"]), ("sent", [{"key": "size", "value": {"intValue": "7"}}]))
        self.assertEqual((span.fields["kind"], span.fields["status"]["code"], span.fields["status"]["message"]),
                         (CLIENT, ERROR, "refused"))
        self.assertEqual((span.scope["name"], span.scope["version"]), ("sender", "1.2.3"))
        resource = {pair["key"]: pair["value"].get("stringValue") for pair in span.resource["attributes"]}
        self.assertEqual(resource["telemetry.sdk.language"], LANGUAGE)
        return number

    def of(self, service):
        named = {"key": "service.name", "value": {"stringValue": service}}
        return [span for span in self.received.read() if named in span.resource["attributes"]]

    def test_what_was_answered_arrives_whatever_becomes_of_the_agent(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                self.sends_through_a_kill(protocol)

    def sends_through_a_kill(self, protocol):
        agent = self.agent()
        service = f"{LANGUAGE}-{protocol}"
        port = self.ports.get(protocol, self.ports["http"])
        sender = harness.Process(self.workspace, f"sender-{protocol}", [*COMMAND, protocol, f"http://127.0.0.1:{port}"],
                                 stdin=subprocess.PIPE,
                                 env=harness.environment(OTEL_SERVICE_NAME=service, OTEL_EXPORTER_OTLP_TIMEOUT="10000"))
        sender.wait_for_line("ready")
        self.more_batches(sender)
        self.assertEqual(agent.kill(), -signal.SIGKILL)
        agent = self.agent()
        try:
            self.more_batches(sender)
            sender.end_input()
            sender.wait_for_line("done")
            answered = self.said(sender, "answered")
            harness.wait_until(lambda: answered <= {self.whole(span) for span in self.of(service)}, "all that was answered arrives")
            self.workspace.accounting()
            rows = {row["service"]: row for row in json.loads(self.workspace.command("ps", "--json"))["senders"]}
            # A request whose answer the kill took is sent once more: it counts twice, and arrives twice.
            self.assertGreaterEqual(rows[service]["received"], len(answered))
        finally:
            agent.stop()


if __name__ == "__main__":
    LANGUAGE, PROTOCOLS, COMMAND = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
    del sys.argv[1:]
    harness.main()
