# SPDX-License-Identifier: Apache-2.0
"""How even the partitions of a topic are, by what is their key, and what the busiest of a group of consumers has to read."""

import dataclasses
import random

import decisions
import hosts


@dataclasses.dataclass(frozen=True)
class Result:
    partitions: int
    by_trace: float    # spans of the busiest partition, in multiples of the mean
    by_host: float     # the same, where each host writes to a partition of its own
    consumer: float    # of the busiest Collector of the tier, all of them there
    one_less: float    # and with one of them lost


def fnv1a(key: bytes):
    """Of 32 bits, as librdkafka's partitioner `fnv1a` and Sarama's take it: the agent's and the Collector's (docs/agent.md)."""
    value = 0x811C9DC5
    for byte in key:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value if value < 1 << 31 else (1 << 32) - value


def _busiest(loads):
    return max(loads) * len(loads) / sum(loads)


def _of_consumers(loads, consumers):
    """Partitions in turn, as Kafka's round robin assigns them."""
    read = [0] * consumers
    for number, load in enumerate(loads):
        read[number % consumers] += load
    return max(read) * consumers / sum(read)


def run(parameters):
    source = random.Random(parameters.seed)
    of = decisions.traces(parameters, source)
    rates = hosts.rates(parameters, parameters.hosts, source)
    # The key is the trace id in hexadecimal.
    traces = [(fnv1a(f"{source.getrandbits(72):018x}{trace.randomness:014x}".encode()),
               sum(spans for _, spans in trace.parts)) for trace in of]
    found = []
    for partitions in (parameters.partitions // 8, parameters.partitions, parameters.partitions * 4):
        partitions = max(1, partitions)
        by_trace, by_host = [0] * partitions, [0.0] * partitions
        for key, spans in traces:
            by_trace[key % partitions] += spans
        for number, rate in enumerate(rates):
            by_host[fnv1a(f"host-{number}".encode()) % partitions] += rate
        consumers = min(parameters.collectors, partitions)
        found.append(Result(partitions, _busiest(by_trace), _busiest(by_host), _of_consumers(by_trace, consumers),
                            _of_consumers(by_trace, max(1, consumers - 1)) * consumers / max(1, consumers - 1)))
    return found
