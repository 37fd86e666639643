# SPDX-License-Identifier: Apache-2.0
"""Kafka's own broker behind TLS and SASL: every mechanism; what is wrong is told where an operator looks, costs no span, and
is over once it is mended."""

import ctypes
import json
import signal
import subprocess

import agent_configuration
import harness
import kafka
from certificates import Authority
from comparison import records
from metrics_test import Page

PATIENCE = 3 * harness.WATCHDOG
SCRAM_WITH_KAFKA_4 = 0x020601  # librdkafka's first version of which Kafka 4 takes SCRAM


def library_version():
    version = ctypes.CDLL("librdkafka.so.1").rd_kafka_version()
    return version >> 8


class KafkaSecurity(harness.Case):
    def setUp(self):
        super().setUp()
        kafka.program("kafka_reader")
        kafka.jars()
        self.folder = self.workspace.unique("certificates")
        self.folder.mkdir()
        self.authority = Authority(self.folder, "authority")
        self.own = self.authority.signed("agent")
        self.broker = kafka.Broker(self.workspace, secure=kafka.Secure(self.authority.signed("broker"), self.authority.certificate))
        self.broker.start()

    def exporter(self, mechanism="PLAIN", password=kafka.Secure.PASSWORD, **tls):
        tls = {"ca_file": str(self.authority.certificate), "cert_file": str(self.own[0]), "key_file": str(self.own[1]), **tls}
        return {"brokers": [self.broker.secure_brokers], "timeout": "3s", "tls": tls,
                "auth": {"sasl": {"mechanism": mechanism, "username": kafka.Secure.USER, "password": password}},
                "producer": {"linger": "1ms"},
                "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"}}

    def start(self, exporter):
        self.file = agent_configuration.write(self.workspace, {"kafka": exporter}, batch=64)
        return self.workspace.agent("--config", self.file, "--metrics-address", "127.0.0.1:0")

    def mend(self, agent, exporter):
        document = json.loads(self.file.read_text())
        document["exporters"]["kafka"] = exporter
        self.file.write_text(json.dumps(document))
        agent.send(signal.SIGHUP)

    def made(self, seed, count=1000):
        producer = self.workspace.producer("--seed", seed, "--service", f"service-{seed}", "--count", count, "--flush", 60)
        producer.expect(0, PATIENCE)
        return set(records([producer]))

    def delivered(self, agent, spans):
        harness.wait_until(lambda: Page(agent).value("exporter_spans_exported_total", exporter="kafka") >= spans,
                           "everything is delivered", PATIENCE)

    def spans(self):
        return [span for message in kafka.messages(self.broker.brokers) for span in kafka.spans_of(message.value)]

    def told(self, what):
        """By `spanring status`, as people and as programs read it."""
        for form in ((), ("--json",)):
            try:
                harness.wait_until(lambda form=form: what in self.status(*form), f"it is told: {what}", PATIENCE)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self.status(*form)}") from None
            self.assertNotIn(kafka.Secure.PASSWORD, self.status(*form))

    def status(self, *form):
        done = subprocess.run([harness.COMMAND, "status", *form, "--state-dir", self.workspace.state], stdin=subprocess.DEVNULL,
                              env=harness.environment(), capture_output=True, text=True)  # it fails while a backend is away
        return done.stdout

    def test_every_mechanism_is_let_in(self):
        wanted = set()
        for seed, mechanism in enumerate(kafka.Secure.MECHANISMS, 1):
            with self.subTest(mechanism):
                if mechanism != "PLAIN" and library_version() < SCRAM_WITH_KAFKA_4:
                    self.skipTest(f"librdkafka {library_version():06x} is too old for SCRAM with Kafka 4")
                agent = self.start(self.exporter(mechanism))
                wanted |= self.made(seed)
                self.delivered(agent, 1000 * seed)  # of all there were
                agent.stop()
        spans = self.spans()
        self.assertEqual(len(spans), len(set(spans)))
        self.assertEqual(set(spans), wanted)

    def test_a_wrong_password_is_told_and_costs_nothing(self):
        agent = self.start(self.exporter(password="not it"))
        producer = self.workspace.producer("--seed", 7, "--service", "service-7", "--count", 1000, "--flush", 60)
        self.told("Authentication failed")
        self.mend(agent, self.exporter())
        self.delivered(agent, 1000)
        producer.expect(0, PATIENCE)
        spans = self.spans()
        self.assertEqual((len(spans), set(spans)), (1000, set(records([producer]))))
        self.assertEqual(Page(agent).value("exporter_spans_rejected_total", exporter="kafka"), 0)
        self.workspace.accounting()
        agent.stop()

    def test_a_broker_that_is_not_believed_is_told_and_costs_nothing(self):
        stranger = Authority(self.folder, "stranger")
        agent = self.start(self.exporter(ca_file=str(stranger.certificate)))
        producer = self.workspace.producer("--seed", 8, "--service", "service-8", "--count", 1000, "--flush", 60)
        self.told("certificate verify failed")
        self.mend(agent, self.exporter())
        self.delivered(agent, 1000)
        producer.expect(0, PATIENCE)
        spans = self.spans()
        self.assertEqual((len(spans), set(spans)), (1000, set(records([producer]))))
        agent.stop()


if __name__ == "__main__":
    harness.main()
