# SPDX-License-Identifier: Apache-2.0
"""OTLP requests made by hand, and the traces that the page is tested with: a shop, one of 5,000 spans, and hostile ones."""

import random
import struct

from receiving import field, varint

INTERNAL, SERVER, CLIENT = 1, 2, 3
ERROR = 2
MILLISECOND = 1_000_000

# What a process may call its spans: markup, marks that turn the direction of writing, controls, marks upon marks, nothing.
HOSTILE_NAMES = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\u202egnp.exe\u202c", "\x1b[31mred\x00",
                 "Z" + "\u0351\u0352\u0353" * 60, "", "javascript:alert(1)", "\u2066a\u2069\u200b\ufeff", "n" * 60_000]
HOSTILE_SERVICE = "evil\u202e<b>service</b>"


def tag(number, wire):
    return varint(number << 3 | wire)


def value(of):
    if isinstance(of, bool):
        return tag(2, 0) + varint(int(of))
    if isinstance(of, int):
        return tag(3, 0) + varint(of & (1 << 64) - 1)
    if isinstance(of, float):
        return tag(4, 1) + struct.pack("<d", of)
    return field(1, of.encode())


def attributes(number, named):
    return b"".join(field(number, field(1, key.encode()) + field(2, value(of))) for key, of in named.items())


def span(trace, identity, parent, name, start, end, kind=INTERNAL, named=(), error=None, events=(), links=()):
    """Times in nanoseconds since the epoch; events: (time, name, attributes); links: (trace, span)."""
    out = field(1, bytes.fromhex(trace)) + field(2, bytes.fromhex(identity))
    if parent:
        out += field(4, bytes.fromhex(parent))
    out += field(5, name.encode()) + tag(6, 0) + varint(kind)
    out += tag(7, 1) + struct.pack("<Q", start) + tag(8, 1) + struct.pack("<Q", end) + attributes(9, dict(named))
    for time, event, more in events:
        out += field(11, tag(1, 1) + struct.pack("<Q", time) + field(2, event.encode()) + attributes(3, more))
    for other, there in links:
        out += field(13, field(1, bytes.fromhex(other)) + field(2, bytes.fromhex(there)))
    if error is not None:
        out += field(15, field(2, error.encode()) + tag(3, 0) + varint(ERROR))
    return out


def request(service, spans, **resource):
    named = {"service.name": service, "service.instance.id": service, "host.name": "shop-1", **resource}
    return field(1, field(1, attributes(1, named)) + field(2, field(1, field(1, b"shop") + field(2, b"1.0")) +
                                                          b"".join(field(2, one) for one in spans)))


class Traces:
    """Collected by service, since a request names one."""

    def __init__(self, now):
        self.now = now  # the end of it all
        self.random = random.Random(7)
        self.by_service = {}
        self.numbers = 0

    def identity(self):
        self.numbers += 1
        return f"{self.numbers:016x}"

    def add(self, service, *words, **more):
        """As span(), without the id, which it makes and returns."""
        trace, parent, *rest = words
        identity = self.identity()
        self.by_service.setdefault(service, []).append(span(trace, identity, parent, *rest, **more))
        return identity

    def checkout(self, number, slow=1.0, failed=False):
        """One of the shop: five services, ten spans."""
        trace = f"{0x51000 + number:032x}"
        pace = slow * self.random.uniform(0.7, 1.5)
        begin = self.now - (60 - number) * 1000 * MILLISECOND

        def at(milliseconds):
            return begin + int(milliseconds * pace * MILLISECOND)
        front, stock, payment, ledger, mail = "shop-front", "shop-stock", "shop-payment", "ledger-db", "mail"
        refused = "the card was refused" if failed else None
        top = self.add(front, trace, "", "POST /checkout", at(0), at(42), kind=SERVER, error=refused,
                       named={"http.request.method": "POST", "http.route": "/checkout", "cart.items": number % 5 + 1,
                              "user.id": f"u-{number * 37 % 101}"})
        ask = self.add(front, trace, top, "GET /stock", at(1.5), at(14), kind=CLIENT)
        look = self.add(stock, trace, ask, "GET /stock", at(2.4), at(13.2), kind=SERVER, named={"http.route": "/stock"})
        self.add(ledger, trace, look, "SELECT stock", at(3), at(6 + number % 7), kind=SERVER,
                 named={"db.system.name": "postgresql", "db.query.text": "select * from stock where item = $1"})
        pay = self.add(front, trace, top, "POST /pay", at(15), at(37), kind=CLIENT, error=refused)
        take = self.add(payment, trace, pay, "POST /pay", at(16), at(36), kind=SERVER, error=refused, named={"http.route": "/pay"},
                        events=[(at(17), "card checked", {"card.scheme": "visa"})])
        self.add(payment, trace, take, "check card", at(16.4), at(19))
        charge = self.add(payment, trace, take, "charge", at(19.5), at(35), error=refused, named={"amount": 12.5, "currency": "EUR"})
        self.add(ledger, trace, charge, "INSERT payment", at(21), at(27), kind=SERVER, named={"db.system.name": "postgresql"})
        if not failed:
            self.add(mail, trace, charge, "send receipt", at(28), at(34.5), kind=SERVER)
        self.add(front, trace, top, "render", at(37.6), at(41.5), named={"template": "receipt"})
        return trace

    def large(self, spans):
        """A tree of so many spans, 14 levels deep at most."""
        trace = "5000".rjust(32, "5")
        names = ["load page", "query", "decode", "join", "filter", "write", "GET /item", "cache"]
        services = ["report", "warehouse", "ledger-db", "cache"]
        begin = self.now - 90_000 * MILLISECOND
        open_ = [(self.add("report", trace, "", "nightly report", begin, begin + 2_000 * MILLISECOND, kind=SERVER), 0, 2_000 * MILLISECOND, 0)]
        while len(open_) < spans:
            parent, start, length, depth = open_[self.random.randrange(len(open_))]
            if depth > 13:
                continue  # most are not as deep
            inside = start + self.random.randrange(max(1, length // 2))
            lasting = max(2_000, int(length * self.random.uniform(0.1, 0.5)))
            identity = self.add(services[min(depth // 3, 3)], trace, parent, self.random.choice(names), begin + inside, begin + inside + lasting,
                                error="timed out" if self.random.random() < 0.004 else None)
            open_.append((identity, inside, lasting, depth + 1))
        return trace

    def hostile(self):
        trace = "bad".rjust(32, "b")
        begin = self.now - 80_000 * MILLISECOND
        many = {"<b>key</b>": "<script>alert(2)</script>", "\u202ekey": "\u202evalue", **{f"key.{number}": f"value {number}" for number in range(10_000)}}
        top = self.add(HOSTILE_SERVICE, trace, "", HOSTILE_NAMES[0], begin, begin + 50 * MILLISECOND, kind=SERVER, named=many,
                       error="<script>alert(3)</script>\u202e", events=[(begin, "<i>event</i>", {"\x07bell": "\x1b]0;title\x07"})],
                       links=[("1" * 32, "2" * 16)])
        for number, name in enumerate(HOSTILE_NAMES[1:]):
            self.add(HOSTILE_SERVICE, trace, top, name, begin + number * MILLISECOND, begin + (number + 3) * MILLISECOND)
        return trace, top

    def requests(self, most=1000):
        for service, spans in self.by_service.items():
            for first in range(0, len(spans), most):
                yield request(service, spans[first:first + most])
