# SPDX-License-Identifier: Apache-2.0
"""Clusters of Kafka, and what is in their topics. The reader is librdkafka's; the broker is Kafka's own, or librdkafka's
stand-in where that will do."""

import fcntl
import shutil
import subprocess
import unittest

import harness

TOPIC = "otlp_spans"
JARS = harness.BUILD / "kafka/jars"


def program(name):
    path = harness.BUILD / "tests/integration" / name
    if not path.exists():
        raise unittest.SkipTest("this build is without librdkafka")
    return path


def fields(message):
    """Numbers and values of a protobuf message; of what has a length, its bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(message):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
            continue
        size = {1: 8, 2: None, 5: 4}[kind]
        size = varint() if size is None else size
        yield tag >> 3, message[at:at + size]
        at += size


def inside(message, number):
    return [value for field, value in fields(message) if field == number]


def spans_of(request):
    """Trace and span id in hex of each span of an ExportTraceServiceRequest."""
    return [inside(span, 1)[0].hex() + inside(span, 2)[0].hex() for resource in inside(request, 1)
            for scope in inside(resource, 2) for span in inside(scope, 2)]


class Message:
    def __init__(self, line):
        partition, key, value = line.split(" ")
        self.partition, self.key = int(partition), None if key == "-" else bytes.fromhex(key).decode()
        self.value = bytes.fromhex(value)


def messages(brokers, topic=TOPIC):
    """All that is in the topic now."""
    read = subprocess.run([program("kafka_reader"), brokers, topic], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=harness.WATCHDOG)
    if read.returncode != 0:
        raise AssertionError(f"the topic cannot be read:\n{read.stderr}")
    return [Message(line) for line in read.stdout.splitlines()]


class StandIn:
    def __init__(self, workspace, partitions=8, topic=TOPIC):
        self.process = harness.Process(workspace, "kafka_cluster", [program("kafka_cluster"), topic, partitions],
                                       stdin=subprocess.PIPE)
        self.brokers = harness.wait_until(lambda: "\n" in self.process.stdout() and self.process.stdout().split("\n")[0],
                                          "the cluster is there")
        self.told = 0

    def tell(self, word):
        self.told += 1
        self.process.popen.stdin.write(f"{word}\n".encode())
        self.process.popen.stdin.flush()
        harness.wait_until(lambda: self.process.stdout().count("did ") == self.told, f"the cluster is {word}")


def jars():
    """Kafka's own, fetched once. Where there is no Java, no Maven or no way to its repository, the test is skipped."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise unittest.SkipTest(f"Kafka's broker needs {tool}")
    JARS.parent.mkdir(exist_ok=True)
    with open(JARS.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (JARS.parent / "whole").exists():
            fetched = subprocess.run(["mvn", "-q", "-B", "-f", harness.HERE / "kafka/pom.xml", "dependency:copy-dependencies",
                                      f"-DoutputDirectory={JARS}", "-DincludeScope=runtime"], stdin=subprocess.DEVNULL,
                                     capture_output=True, text=True, timeout=600)
            if fetched.returncode != 0:
                raise unittest.SkipTest(f"Kafka's jars cannot be had: {fetched.stdout[-500:]}")
            (JARS.parent / "whole").touch()
    return JARS


class Secure:
    """SASL over TLS, with one user of each mechanism; and who comes has a certificate of the authority, if it is asked for."""

    USER, PASSWORD, MECHANISMS = "agent", "a-secret", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

    def __init__(self, pair, client_authority):
        """`pair`: certificate and key of the broker; `client_authority`: certificate by which clients are believed."""
        self.pair, self.client_authority = pair, client_authority

    def properties(self):
        store = self.pair[0].with_name("broker-store.pem")
        store.write_bytes(self.pair[1].read_bytes() + self.pair[0].read_bytes())
        login = "org.apache.kafka.common.security"
        scram = f"{login}.scram.ScramLoginModule required;"
        return {"sasl.enabled.mechanisms": ",".join(self.MECHANISMS), "ssl.client.auth": "required",
                "ssl.keystore.type": "PEM", "ssl.keystore.location": store,
                "ssl.truststore.type": "PEM", "ssl.truststore.location": self.client_authority,
                "listener.name.sasl_ssl.plain.sasl.jaas.config":
                    f'{login}.plain.PlainLoginModule required user_{self.USER}="{self.PASSWORD}";',
                "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
                "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram}

    def users(self):
        return [word for mechanism in self.MECHANISMS if mechanism != "PLAIN"
                for word in ("--add-scram", f'{mechanism}=[name={self.USER},password={self.PASSWORD}]')]


class Broker:
    """One of Kafka's own, in KRaft mode: broker and controller in one process."""

    def __init__(self, workspace, partitions=4, secure=None):
        """`secure`: who may come by SASL over TLS as well (Secure)."""
        self.workspace = workspace
        self.classes = f"{jars()}/*"
        self.port, controller = harness.free_port(), harness.free_port()
        self.brokers = f"127.0.0.1:{self.port}"
        self.folder = workspace.unique("kafka")
        self.folder.mkdir()
        self.properties = self.folder / "server.properties"
        listeners, protocols, more, users = "", "", {}, []
        if secure:
            port = harness.free_port()
            self.secure_brokers = f"localhost:{port}"
            listeners, protocols = f",SASL_SSL://localhost:{port}", ",SASL_SSL:SASL_SSL"
            more, users = secure.properties(), secure.users()
        advertised = f"PLAINTEXT://127.0.0.1:{self.port}{listeners}"
        self.properties.write_text("\n".join(f"{key}={value}" for key, value in {
            "process.roles": "broker,controller", "node.id": 1, "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"{advertised},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": advertised, "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": f"CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT{protocols}",
            "inter.broker.listener.name": "PLAINTEXT", "log.dirs": self.folder / "data", "num.partitions": partitions,
            "offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1, "group.initial.rebalance.delay.ms": 0, **more}.items()) + "\n")
        formatted = subprocess.run([*self.java(), "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c",
                                    self.properties, *users], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                   timeout=harness.WATCHDOG)
        if formatted.returncode != 0:
            raise AssertionError(f"no storage for Kafka:\n{formatted.stdout}{formatted.stderr}")
        self.process = None

    def java(self):
        return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", self.classes]

    def start(self):
        self.process = harness.Process(self.workspace, "kafka", [*self.java(), "kafka.Kafka", self.properties])

    def kill(self):
        self.process.kill()
