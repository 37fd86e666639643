# SPDX-License-Identifier: Apache-2.0
"""What can be lost, and what becomes of the spans: one run of a fleet for each."""

import dataclasses
import random

import hosts
from path import Direct, Kafka

WARM_UP_S = 60


class Unbalanced(Exception):
    """The simulation itself lost count."""


@dataclasses.dataclass(frozen=True)
class Outage:
    name: str
    seconds: int
    begin: callable     # (path, now)
    end: callable       # (path)
    of_kafka: bool = False  # brokers: nothing where hosts send to the tier


@dataclasses.dataclass(frozen=True)
class Result:
    outage: str
    way: str
    started: int
    dropped: int            # on the hosts
    expired: int            # in Kafka
    most_waiting_bytes: int    # on the host where most waited
    median_waiting_bytes: int  # on the host in the middle
    most_lag: int
    storm: float            # most that the hosts sent or would have sent at once, in multiples of what they make
    oldest_s: int           # from a span's end until the next hop had it
    caught_up_s: int | None    # after the outage's end, until nothing waited; None: not within the run

    @property
    def lost_share(self):
        return (self.dropped + self.expired) / self.started


def _nothing(*_):
    pass


def _brokers(*brokers):
    return (lambda path, now: path.lose(brokers, now)), (lambda path: path.bring_back(brokers))


def _zone(zone):
    """The network between a zone and the others: its hosts work on, and reach nobody."""
    def begin(path, now):
        path.cut_off.add(zone)
        if isinstance(path, Kafka):
            path.lose(path.brokers_of(zone), now)

    def end(path):
        path.cut_off.discard(zone)
        if isinstance(path, Kafka):
            path.bring_back(path.brokers_of(zone))
    return begin, end


def _tier(share):
    def begin(path, _now):
        path.tier.share = share

    def end(path):
        path.tier.share = 1.0
    return begin, end


def outages(parameters):
    in_zone = parameters.brokers // parameters.zones
    minute, hour = 60, 3_600
    return [
        Outage("nothing", 0, _nothing, _nothing),
        Outage("one broker, 1 h", hour, *_brokers(0), of_kafka=True),
        Outage("two brokers of two zones, 10 min", 10 * minute, *_brokers(0, in_zone), of_kafka=True),
        Outage("two brokers of two zones, 1 h", hour, *_brokers(0, in_zone), of_kafka=True),
        Outage("a zone cut off, 30 min", 30 * minute, *_zone(0)),
        Outage("the tier, 4 min", 4 * minute, *_tier(0.0)),
        Outage("the tier, 1 h", hour, *_tier(0.0)),
        Outage("half of the tier, 1 h", hour, *_tier(0.5)),
        Outage("the tier, 5 h", 5 * hour, *_tier(0.0)),
    ]


WAYS = {"Kafka": (Kafka, hosts.spanring), "OTLP": (Direct, hosts.spanring), "Collector": (Direct, hosts.collector)}


def run(parameters, outage, way):
    make_path, make_agent = WAYS[way]
    fleet = hosts.kinds(parameters, make_agent(parameters))
    normal = sum(kind.hosts * kind.spans_per_s for kind in fleet)
    path = make_path(parameters, normal, random.Random(parameters.seed))
    tick = parameters.tick_s
    begin, end = WARM_UP_S, WARM_UP_S + outage.seconds
    storm, caught_up, began, ended = 0.0, None, False, False
    now = 0
    while True:
        if not began and now >= begin:
            outage.begin(path, now)
            began = True
        if not ended and now >= end:
            outage.end(path)
            ended = True
        for kind in fleet:
            kind.make(now, tick)
        wanted = [kind.wants(tick) if path.reaches(kind, now) else 0 for kind in fleet]
        offered = sum(kind.hosts * want for kind, want in zip(fleet, wanted))
        capacity = path.capacity(tick, now)
        if capacity:
            storm = max(storm, offered / (normal * tick))
        for kind, want in zip(fleet, wanted):
            spans = want if offered <= capacity else want * capacity // offered
            path.take([(made, kind.hosts * part) for made, part in kind.send(spans, now)], now)
            kind.keep(now)
        path.go_on(now, tick)
        now += tick
        at_rest = not any(kind.waiting for kind in fleet) and path.lag == 0
        if ended and at_rest and caught_up is None:
            caught_up = now - end
        if ended and (caught_up is not None or now > end + 48 * 3_600):
            break

    started = sum(kind.hosts * kind.started for kind in fleet)
    dropped = sum(kind.hosts * kind.dropped for kind in fleet)
    waiting = sum(kind.hosts * kind.waiting for kind in fleet)
    if started != path.tier.arrived + path.lag + path.expired + waiting + dropped:
        raise Unbalanced(f"{outage.name}, {way}: {started} started, {path.tier.arrived} arrived, {path.lag} in Kafka, "
                         f"{path.expired} expired there, {waiting} wait, {dropped} dropped")
    by_rate = sorted(fleet, key=lambda kind: kind.most_waiting)
    return Result(outage.name, way, started, dropped, path.expired, by_rate[-1].most_waiting * parameters.span_bytes,
                  by_rate[len(by_rate) // 2].most_waiting * parameters.span_bytes, path.most_lag, storm,
                  max(kind.oldest_delivered_s for kind in fleet), caught_up)


def run_all(parameters):
    return [run(parameters, outage, way) for outage in outages(parameters) for way in WAYS
            if way == "Kafka" or not outage.of_kafka]
