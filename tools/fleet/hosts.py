# SPDX-License-Identifier: Apache-2.0
"""The hosts of a fleet: what they make, what waits on them, and what they had to drop. Spans are whole numbers throughout,
so that started = delivered + waiting + dropped holds exactly, at each tick.
"""

import collections
import dataclasses
import random
import statistics


@dataclasses.dataclass(frozen=True)
class Agent:
    """What an agent does with spans that it cannot send."""
    room_bytes: int                # of what waits
    drops_oldest: bool             # where there is no room: the oldest, or what comes
    gives_up_after_s: int | None   # None: never
    rate_limit: float              # in multiples of what its host makes; 0: none


def spanring(parameters):
    return Agent(parameters.queue_bytes + parameters.spool_bytes, True, None, parameters.rate_limit)


def collector(parameters):
    return Agent(parameters.collector_queue_bytes, False, parameters.collector_gives_up_after_s, 0)


class Kind:
    """Hosts of one zone that make equally many spans. All numbers are of one of them."""

    def __init__(self, zone, hosts, spans_per_s, agent, span_bytes):
        self.zone, self.hosts, self.spans_per_s, self.agent = zone, hosts, spans_per_s, agent
        self.room = agent.room_bytes // span_bytes
        self.started = self.delivered = self.dropped = self.waiting = self.most_waiting = 0
        self.oldest_delivered_s = 0
        self._queue = collections.deque()  # [second at which they were made, spans]

    def make(self, now, seconds):
        made = self.spans_per_s * seconds
        self.started += made
        self._queue.append([now, made])
        self.waiting += made

    def wants(self, seconds):
        """How many it would send now."""
        limit = self.agent.rate_limit
        return min(self.waiting, round(limit * self.spans_per_s * seconds)) if limit else self.waiting

    def send(self, spans, now):
        """Sends the oldest ones: [(second, spans)]."""
        sent = self._take(spans)
        self.delivered += spans
        if sent:
            self.oldest_delivered_s = max(self.oldest_delivered_s, now - sent[0][0])
        return sent

    def keep(self, now):
        """What was not sent waits, as far as there is room and patience."""
        if self.agent.gives_up_after_s is not None:
            while self._queue and now - self._queue[0][0] > self.agent.gives_up_after_s:
                self._drop(self._queue[0][1])
        if self.waiting > self.room:
            too_many = self.waiting - self.room
            if self.agent.drops_oldest:
                self._drop(too_many)
            else:
                self._drop_newest(too_many)
        self.most_waiting = max(self.most_waiting, self.waiting)

    def _drop(self, spans):
        self._take(spans)
        self.dropped += spans

    def _drop_newest(self, spans):
        left = spans
        while left:
            last = self._queue[-1]
            taken = min(left, last[1])
            last[1] -= taken
            left -= taken
            if not last[1]:
                self._queue.pop()
        self.waiting -= spans
        self.dropped += spans

    def _take(self, spans):
        taken, left = [], spans
        while left:
            first = self._queue[0]
            part = min(left, first[1])
            taken.append((first[0], part))
            first[1] -= part
            left -= part
            if not first[1]:
                self._queue.popleft()
        self.waiting -= spans
        return taken


def kinds(parameters, agent):
    """The hosts of all zones. Rates are the middles of equally many quantiles of a log-normal distribution, so no seed
    changes them; their mean is what `spans_per_host` says."""
    normal = statistics.NormalDist(0, 1)
    weights = [2.718281828459045 ** (parameters.spread * normal.inv_cdf((number + 0.5) / parameters.classes))
               for number in range(parameters.classes)]
    mean = statistics.fmean(weights)
    found = []
    for zone in range(parameters.zones):
        of_zone = parameters.hosts // parameters.zones + (zone < parameters.hosts % parameters.zones)
        for number, weight in enumerate(weights):
            hosts = of_zone // parameters.classes + (number < of_zone % parameters.classes)
            found.append(Kind(zone, hosts, max(1, round(parameters.spans_per_host * weight / mean)), agent,
                              parameters.span_bytes))
    return found


def rates(parameters, count, source: random.Random):
    """Spans a second of `count` hosts, drawn."""
    drawn = [source.lognormvariate(0, parameters.spread) for _ in range(count)]
    mean = statistics.fmean(drawn)
    return [parameters.spans_per_host * each / mean for each in drawn]
