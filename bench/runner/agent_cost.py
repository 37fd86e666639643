# SPDX-License-Identifier: Apache-2.0
"""The agent's side: CPU a span at a steady rate, beside gRPC sending the same bytes out of one buffer."""

import concurrent.futures
import time

from measure import BYTES, LARGE_BYTES, MILLION, Measure

RATE = {BYTES: MILLION, LARGE_BYTES: 300_000}  # spans a second
PROCESSES = (1, 10, 100, 1000)
SHAPE = {BYTES: "three", LARGE_BYTES: "twenty"}
RATES = (10_000, 100_000, 300_000, MILLION, 2 * MILLION)
BATCH = 8192  # spans of a request, as the agent's default
WARM_UP = 1000  # milliseconds: by then the agent looks as seldom as it will

OTLP_HTTP = """exporters:
  otlp_http:
    endpoint: http://{http_endpoint}
    compression: {compression}
"""
OTLP_ZERO_COPY = """exporters:
  otlp:
    endpoint: {endpoint}
    tls:
      insecure: true
    zero_copy: same_user
"""


class AgentCost(Measure):
    """Over gRPC without compression, or with a configuration file."""

    def __init__(self, key, size, configuration=None, rate=None, warm_up=200, **values):
        self.keys = (key,)
        self.size = size
        self.rate = rate or RATE[size]
        self.warm_up = warm_up
        self.configuration, self.values = configuration, values

    def start(self, bed, place):
        self.milliseconds = 500 if place.quick else 2000
        if self.configuration is None:
            self.agent = bed.agent(place.endpoint)
        else:
            endpoints = {"endpoint": place.endpoint, "http_endpoint": place.http_endpoint}
            self.agent = bed.agent(configuration=self.configuration.format(**endpoints, **self.values))
        self.worker = self.agent.application(SHAPE[self.size])
        self.worker.ask("paced", self.rate, self.warm_up)

    def round(self):
        before = self.agent.cpu_ns()
        paced = self.worker.ask("paced", self.rate, self.milliseconds)
        return {self.keys[0]: (self.agent.cpu_ns() - before) / paced["spans"]}


class GrpcFloor(Measure):
    """As fast as it goes, where nothing is cold, and at the agent's own pace."""

    def __init__(self, key, size):
        self.keys = (f"agent.{key}", f"agent.paced_{key}")
        self.size = size

    def start(self, bed, place):
        self.worker = bed.worker("grpc_sender", place.endpoint, self.size, BATCH, 1)
        self.worker.ask("flat", 20 * BATCH)
        self.spans = (50 if place.quick else 200) * BATCH
        self.milliseconds = 500 if place.quick else 2000

    def round(self):
        flat = self.worker.ask("flat", self.spans)["cpu_ns"]
        paced = self.worker.ask("paced", RATE[self.size], self.milliseconds)["cpu_ns"]
        return dict(zip(self.keys, (flat, paced)))


class TrickleFloor(Measure):
    """gRPC's raw interface at a pace at which nothing stays in a cache, in requests a little larger than the agent's then."""

    RATE = 10_000
    SPANS = 3000  # of a request; the agent sends what a look finds, some four times a second

    keys = (f"growth.rate{RATE}.floor_ns",)

    def start(self, bed, place):
        self.worker = bed.worker("grpc_sender", place.endpoint, BYTES, self.SPANS, 1)
        self.worker.ask("flat", 20 * self.SPANS)
        self.milliseconds = 2000 if place.quick else 6000

    def round(self):
        return {self.keys[0]: self.worker.ask("paced", self.RATE, self.milliseconds)["cpu_ns"]}


class Processes(Measure):
    """The same rate out of 1, 10, 100, 1,000 processes; and what 100 cost that do nothing."""

    RATE = 100_000

    def __init__(self, count):
        self.count = count
        self.keys = (f"growth.processes{count}.agent_cpu_ns",) + (("agent.idle_cpu_percent_100",) if count == 100 else ())

    def start(self, bed, place):
        self.seconds = 1 if place.quick else 3
        self.agent = bed.agent(place.endpoint)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.workers = list(pool.map(lambda _: self.agent.application(), range(self.count)))

    def paced(self, milliseconds):
        for worker in self.workers:
            worker.send("paced", self.RATE // self.count, milliseconds)
        return sum(worker.answer()["spans"] for worker in self.workers)

    def round(self):
        self.paced(WARM_UP)
        before = self.agent.cpu_ns()
        spans = self.paced(1000 * self.seconds)
        values = {self.keys[0]: (self.agent.cpu_ns() - before) / spans}
        if len(self.keys) > 1:
            time.sleep(0.5)  # the agent's looks grow rare; what it still does counts
            before, begin = self.agent.cpu_ns(), time.monotonic_ns()
            time.sleep(self.seconds)
            values[self.keys[1]] = 100 * (self.agent.cpu_ns() - before) / (time.monotonic_ns() - begin)
        return values


def measures():
    return [AgentCost("agent.cpu_ns_per_span", BYTES), GrpcFloor("floor_ns_per_span", BYTES),
            AgentCost("agent.cpu_ns_per_span_805", LARGE_BYTES), GrpcFloor("floor_ns_per_span_805", LARGE_BYTES),
            AgentCost("agent.zstd_ns_per_span", BYTES, OTLP_HTTP, compression="zstd"),
            AgentCost("agent.zstd_ns_per_span_805", LARGE_BYTES, OTLP_HTTP, compression="zstd"),
            AgentCost("agent.http_ns_per_span", BYTES, OTLP_HTTP, compression="none"),
            AgentCost("agent.zero_copy_ns_per_span", BYTES, OTLP_ZERO_COPY)]


def rates():
    return [TrickleFloor(),
            *(AgentCost(f"growth.rate{rate}.agent_cpu_ns", BYTES, rate=rate, warm_up=WARM_UP) for rate in RATES)]


def processes():
    return [Processes(count) for count in PROCESSES]
