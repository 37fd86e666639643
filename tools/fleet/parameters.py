# SPDX-License-Identifier: Apache-2.0
"""What a fleet is: every number that the simulation does not measure or derive, with its unit and where it comes from."""

import dataclasses

MIB = 1 << 20


class Wrong(Exception):
    """A parameter that does not exist, or a value that it cannot have."""


@dataclasses.dataclass(frozen=True)
class Parameters:
    # The hosts.
    hosts: int = 10_000
    zones: int = 3
    spans_per_host: int = 1_000       # a second, on average
    spread: float = 1.0               # sigma of the hosts' rates, which are log-normal: 1 is busiest hosts of ten times the median
    classes: int = 8                  # hosts of a zone are as many kinds by their rate, all of one kind alike
    span_bytes: int = 517             # as sent: the spans of tools/bench --only varied
    hosts_per_trace: float = 4.0      # on average
    spans_per_part: float = 5.0       # of a trace on one host, on average
    error_share: float = 0.01         # of the traces: one span of one host has an error

    # The agent on each of them: defaults of docs/agent.md, but for the rate.
    queue_bytes: int = 64 * MIB
    spool_bytes: int = 1024 * MIB
    rate_limit: float = 2.0           # of an exporter, in multiples of what its host makes; 0: none

    # A Collector on each of them instead: its memory_limiter as tools/bench runs it, and exporterhelper's default.
    collector_queue_bytes: int = 512 * MIB
    collector_gives_up_after_s: int = 300

    # Kafka: one replica of each partition in each zone, acks of all in-sync replicas.
    brokers: int = 9
    partitions: int = 512
    min_insync: int = 2
    failover_s: int = 9               # broker.session.timeout.ms of Kafka, until the controller elects new leaders
    broker_headroom: float = 2.0      # what all brokers take together, in multiples of what the fleet makes
    retention_s: int = 4 * 3_600

    # The tier of Collectors behind it, or behind the hosts.
    tier_headroom: float = 1.5        # as broker_headroom
    collectors: int = 48

    # Money. Prices differ by a factor of three between vendors: these are placeholders to be replaced.
    core_hour: float = 0.04
    gib_hour: float = 0.005

    # The simulation.
    seed: int = 1
    tick_s: int = 3
    traces: int = 100_000             # of the part about decisions, and of that about partitions

    def with_values(self, settings):
        """A copy with `settings`, which are texts NAME=VALUE."""
        kinds = {field.name: field.type for field in dataclasses.fields(self)}
        changed = {}
        for setting in settings:
            name, equals, text = setting.partition("=")
            if not equals or name not in kinds:
                raise Wrong(f"{setting!r}: no parameter of this name; there are {', '.join(kinds)}")
            try:
                changed[name] = kinds[name](text.replace("_", ""))
            except ValueError:
                raise Wrong(f"{name}: {text!r} is no {'whole number' if kinds[name] is int else 'number'}") from None
        return dataclasses.replace(self, **changed).checked()

    def checked(self):
        may_be_zero = {"spread", "rate_limit", "spool_bytes", "error_share", "core_hour", "gib_hour", "seed", "failover_s"}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not (value > 0 or value == 0 and field.name in may_be_zero) or value > 1e15:
                raise Wrong(f"{field.name}: {value} is out of range")
        for at_least_one in ("hosts_per_trace", "spans_per_part"):
            if getattr(self, at_least_one) < 1:
                raise Wrong(f"{at_least_one}: {getattr(self, at_least_one)} is out of range, 1 is the least")
        if self.brokers % self.zones or self.hosts < self.zones * self.classes:
            raise Wrong("brokers has to be a multiple of zones, and hosts at least zones x classes")
        if self.error_share > 1 or self.min_insync > self.zones:
            raise Wrong("error_share is at most 1, and min_insync at most zones: a partition has one replica in each")
        return self
