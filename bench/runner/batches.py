# SPDX-License-Identifier: Apache-2.0
"""What the size of a batch costs and gives, with copies and without: CPU of the agent a span, how long a span is on its way,
memory of the agent."""

from measure import Measure

SIZES = (100, 512, 2048, 8192)  # spans
WAYS = {"copy": "off", "zero_copy": "same_user"}

CONFIGURATION = """processors:
  batch:
    send_batch_size: {size}
exporters:
  otlp:
    endpoint: {endpoint}
    tls:
      insecure: true
    zero_copy: {zero_copy}
"""


class Batches(Measure):
    RATE = 300_000  # spans a second
    KEYS = ("cpu_ns", "p95_ms", "anonymous_mib", "dropped")

    def __init__(self, way, size):
        self.name = f"batches.{way}{size}"
        self.zero_copy, self.size = WAYS[way], size
        self.keys = tuple(f"{self.name}.{key}" for key in self.KEYS)

    def start(self, bed, place):
        self.milliseconds = 100 if place.once else 500 if place.quick else 2000
        self.sink = place.sink
        self.agent = bed.agent(configuration=CONFIGURATION.format(size=self.size, endpoint=place.endpoint,
                                                                  zero_copy=self.zero_copy))
        self.worker = self.agent.application()
        self.worker.ask("paced", self.RATE, 100)

    def round(self):
        self.sink.ask("latency", 1)
        before = self.agent.cpu_ns()
        paced = self.worker.ask("paced", self.RATE, self.milliseconds)
        cpu = (self.agent.cpu_ns() - before) / paced["spans"]
        late = self.sink.ask("latency", 0)["p95_ms"]
        _, anonymous = self.agent.memory_mib()
        return dict(zip(self.keys, (cpu, late, anonymous, paced["dropped"])))


def measures():
    return [Batches(way, size) for way in WAYS for size in SIZES]
