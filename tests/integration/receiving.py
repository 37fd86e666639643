# SPDX-License-Identifier: Apache-2.0
"""What tests of the OTLP receiver share, whatever the protocol: requests made by hand, and an agent that takes them."""

import http.client
import json
import socket
import struct

import agent_configuration
import harness
from otlp_json import Received

FAILING_AGENT = harness.BUILD / "tests/integration/failing-agent"
PROTOBUF = "application/x-protobuf"


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, inside):
    return varint(number << 3 | 2) + varint(len(inside)) + inside


def trace_id(trace):
    return struct.pack("<QQ", trace, 0x1111111111111111)


def span(number, trace=None, error=False):
    """Of that trace, a number or an id; otherwise of one of its own."""
    own = trace if isinstance(trace, bytes) else trace_id(number if trace is None else trace)
    return (field(1, own) + field(2, struct.pack("<Q", number + 1)) +
            field(5, f"span {number}".encode()) + b"\x39" + struct.pack("<Q", 1_700_000_000_000_000_000 + number) +
            b"\x41" + struct.pack("<Q", 1_700_000_000_000_500_000 + number) + (field(15, b"\x18\x02") if error else b""))


def identity(number, trace=None):
    return (trace_id(number if trace is None else trace) + struct.pack("<Q", number + 1)).hex()


def request(service, numbers, instance="1"):
    return request_of(service, [span(number) for number in numbers], instance)


def request_of(service, made, instance="1"):
    def attribute(key, value):
        return field(1, field(1, key.encode()) + field(2, field(1, value.encode())))
    resource = attribute("service.name", service) + attribute("service.instance.id", instance)
    spans = b"".join(field(2, one) for one in made)
    return field(1, field(1, resource) + field(2, field(1, field(1, b"test")) + spans))


def deaf_backend(case, **more):
    """Options of an exporter whose backend never answers, without a spool: only the receiver's own file answers for spans."""
    deaf = socket.create_server(("127.0.0.1", 0))
    case.addCleanup(deaf.close)
    return {"endpoint": f"http://127.0.0.1:{deaf.getsockname()[1]}", "timeout": "1h", "spool": {"enabled": False}, **more}


class StoreAgent:
    """An agent that takes OTLP over HTTP and keeps everything in its local store."""

    def __init__(self, workspace):
        self.port = harness.free_port()
        configuration = workspace.unique("agent.yaml")
        configuration.write_text(json.dumps({
            "receivers": {"spanring": None, "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}}},
            "exporters": {"store": {}},
            "service": {"pipelines": {"traces": {"receivers": ["spanring", "otlp"], "exporters": ["store"]}}}}))
        self.process = workspace.agent("--config", configuration)

    def take(self, content):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=harness.WATCHDOG)
        connection.request("POST", "/v1/traces", content, {"Content-Type": PROTOBUF})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b""), answer.status
        connection.close()


class Receiving(harness.Case):
    PROTOCOL = "http"

    def setUp(self):
        super().setUp()
        self.port = harness.free_port()
        self.collector = self.workspace.collector()
        self.received = Received(self.collector.received)

    def configuration(self, exporter=None, address=None, **receiver):
        """Of the protocol that the tests are about; others by their names."""
        protocols = {self.PROTOCOL: {"endpoint": address or f"127.0.0.1:{self.port}"}}
        for name in ("http", "grpc"):
            if name in receiver:
                protocols[name] = {**protocols.get(name, {}), **receiver.pop(name)}
        exporter = {**agent_configuration.quick(self.collector.endpoint), **(exporter or {})}
        document = {"receivers": {"spanring": None, "otlp": {"protocols": protocols, **receiver}},
                    "exporters": {"otlp_grpc": exporter},
                    "service": {"pipelines": {"traces": {"receivers": ["spanring", "otlp"],
                                                         "exporters": ["otlp_grpc"]}}}}
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(document))
        return file

    def senders(self):
        self.workspace.accounting()  # comes out
        found = json.loads(self.workspace.command("ps", "--json"))["senders"]
        return {sender["service"]: sender for sender in found}

    def identities(self):
        self.received.read()
        return [each.identity for each in self.received.spans]

    def everything_arrives(self, numbers):
        wanted = {identity(number) for number in numbers}
        harness.wait_until(lambda: wanted <= set(self.identities()), "every span that was answered arrives")
        return self.identities()


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.body = response.read()
        self.headers = response.headers


class HttpReceiving(Receiving):
    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=harness.WATCHDOG)

    def post(self, body, connection=None, path="/v1/traces", **headers):
        own = connection or self.connect()
        names = {"Content-Type": PROTOBUF, **{name.replace("_", "-"): value for name, value in headers.items()}}
        own.request("POST", path, body, names)
        answer = Answer(own.getresponse())
        if connection is None:
            own.close()
        return answer
