# SPDX-License-Identifier: Apache-2.0
"""Where spans go from a host: to Kafka and from there to a tier of Collectors, or to the tier at once."""

import collections
import random


class Tier:
    """Collectors that take what they can, of what comes. While they are away, nothing."""

    def __init__(self, parameters, spans_per_s):
        self._all = round(parameters.tier_headroom * spans_per_s)
        self.share = 1.0  # of the Collectors that work
        self.arrived = 0

    def capacity(self, seconds):
        return int(self._all * self.share) * seconds

    def take(self, spans):
        self.arrived += spans


class Direct:
    """Hosts send to the tier."""

    def __init__(self, parameters, spans_per_s, _source):
        self.tier = Tier(parameters, spans_per_s)
        self.cut_off = set()  # zones
        self.lag = self.most_lag = self.expired = 0

    def reaches(self, kind, _now):
        return kind.zone not in self.cut_off

    def capacity(self, seconds, _now):
        return self.tier.capacity(seconds)

    def take(self, sent, _now):
        self.tier.take(sum(spans for _, spans in sent))

    def go_on(self, _now, _seconds):
        pass


class Kafka:
    """Partitions with a replica in each zone; one is written to by way of its leader, and needs `min_insync` of them.

    Each batch of a host has spans for all partitions, as traces are spread by their ids. It counts as sent once all its
    messages are acknowledged, so that while a partition takes nothing, none of the hosts' batches is through.
    """

    def __init__(self, parameters, spans_per_s, source: random.Random):
        self.tier = Tier(parameters, spans_per_s)
        self.cut_off = set()
        self.lag = self.most_lag = self.expired = 0
        self._parameters = parameters
        self._all = round(parameters.broker_headroom * spans_per_s)
        self._log = collections.deque()  # [second of arrival, spans], until the tier has them
        self._lost = {}                  # broker -> second since which
        in_zone = parameters.brokers // parameters.zones
        self._replicas = []              # of each partition, its first leader first
        for _ in range(parameters.partitions):
            replicas = [zone * in_zone + source.randrange(in_zone) for zone in range(parameters.zones)]
            source.shuffle(replicas)
            self._replicas.append(replicas)

    def lose(self, brokers, now):
        self._lost.update((broker, now) for broker in brokers)

    def bring_back(self, brokers):
        for broker in brokers:
            self._lost.pop(broker, None)

    def brokers_of(self, zone):
        in_zone = self._parameters.brokers // self._parameters.zones
        return range(zone * in_zone, (zone + 1) * in_zone)

    def unwritable(self, now):
        """Partitions that take nothing: without enough replicas, or whose leader is lost and not yet replaced."""
        def takes(replicas):
            alive = [broker for broker in replicas if broker not in self._lost]
            leader_since = self._lost.get(replicas[0])
            elected = leader_since is None or now - leader_since >= self._parameters.failover_s
            return len(alive) >= self._parameters.min_insync and elected
        return sum(not takes(replicas) for replicas in self._replicas) if self._lost else 0

    def reaches(self, kind, _now):
        return kind.zone not in self.cut_off

    def capacity(self, seconds, now):
        if self.unwritable(now):
            return 0
        share = 1 - len(self._lost) / self._parameters.brokers
        return int(self._all * share) * seconds

    def take(self, sent, now):
        spans = sum(each for _, each in sent)
        if spans:
            self._log.append([now, spans])
            self.lag += spans

    def go_on(self, now, seconds):
        """The tier reads what it can; what is older than the retention is gone."""
        left = min(self.lag, self.tier.capacity(seconds))
        self.tier.take(left)
        self.lag -= left
        while left:
            first = self._log[0]
            part = min(left, first[1])
            first[1] -= part
            left -= part
            if not first[1]:
                self._log.popleft()
        while self._log and now - self._log[0][0] > self._parameters.retention_s:
            expired = self._log.popleft()[1]
            self.expired += expired
            self.lag -= expired
        self.most_lag = max(self.most_lag, self.lag)
