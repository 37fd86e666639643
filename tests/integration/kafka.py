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


class Broker:
    """One of Kafka's own, in KRaft mode: broker and controller in one process."""

    def __init__(self, workspace, partitions=4):
        self.workspace = workspace
        self.classes = f"{jars()}/*"
        self.port, controller = harness.free_port(), harness.free_port()
        self.brokers = f"127.0.0.1:{self.port}"
        self.folder = workspace.unique("kafka")
        self.folder.mkdir()
        self.properties = self.folder / "server.properties"
        self.properties.write_text("\n".join(f"{key}={value}" for key, value in {
            "process.roles": "broker,controller", "node.id": 1, "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}", "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT", "log.dirs": self.folder / "data", "num.partitions": partitions,
            "offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1, "group.initial.rebalance.delay.ms": 0}.items()) + "\n")
        formatted = subprocess.run([*self.java(), "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c",
                                    self.properties], stdin=subprocess.DEVNULL, capture_output=True, text=True,
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
