# SPDX-License-Identifier: Apache-2.0
"""What spans say: requests to a shop, drawn from a seed, in a file that every worker reads. So no compiler knows a value, no
two spans in a row are alike, and all peers have the same ones (readers: requests.hpp, peers/opentelemetry_rust)."""

import random
import string

COUNT = 128  # a power of two
SEED = 20250901
HEADERS = 20
AGENT_BYTES = 100
STATEMENT_BYTES = (300, 2000)
COLUMNS = ("name", "method", "path", "status", "server", "port", "protocol", "client", "short_agent", "total",
           "route_name", "route", "long_path", "query", "peer_port", "agent", "statement", "table", "operation", "rows",
           "cache_key", *(f"header{number:02}" for number in range(1, HEADERS + 1)))

RESOURCES = ("orders", "baskets", "customers", "invoices", "payments", "shipments", "stock", "prices")
LETTERS = string.ascii_lowercase + string.digits


class Draw:
    """One source of everything that is drawn."""

    def __init__(self):
        self.random = random.Random(SEED)

    def number(self, low, high):
        return self.random.randint(low, high)

    def one(self, of):
        return self.random.choice(of)

    def word(self, low, high=None):
        return "".join(self.random.choices(LETTERS, k=self.number(low, high or low)))

    def address(self):
        return ".".join(str(self.number(1, 254)) for _ in range(4))

    def agent(self):
        text = (f"Mozilla/5.0 (X11; Linux x86_64; rv:{self.number(90, 140)}.0) Gecko/20100101 Shop/{self.number(1, 9)}."
                f"{self.number(10, 99)} ")
        return text + self.word(AGENT_BYTES - len(text))

    def statement(self, table):
        size = self.number(*STATEMENT_BYTES)
        text = f"SELECT id, state, total FROM {table} WHERE customer = $1 AND id IN ("
        while len(text) < size - 20:
            text += f"{self.number(1, 9_999_999)}, "
        return (text + self.word(40))[:size - 1] + ")"

    def request(self):
        method = self.one(("GET", "PUT"))
        resource = self.one(RESOURCES)
        route = f"/api/{resource}/{{{self.one(('id', 'number', 'customer'))}}}"
        return {
            # Always of one length: 183 and 805 bytes a span, which are compared with senders that know no requests.
            "name": f"{method} /api/{self.word(6)}",
            "path": f"/api/{self.word(6)}/{self.number(1_000_000, 9_999_999)}",
            **{f"header{number:02}": self.word(12 if number == 1 else 11) for number in range(1, HEADERS + 1)},
            "method": method,
            "cache_key": f"basket:{self.number(10_000, 99_999)}",
            # Of any length.
            "status": self.one((200, 200, 200, 201, 204, 304, 404, 500)),
            "server": f"{self.word(2, 12)}.example.com",
            "port": self.one((443, 8080, 8443)),
            "protocol": self.one(("1.1", "2", "3")),
            "client": self.address(),
            "short_agent": f"curl/{self.number(7, 8)}.{self.number(0, 90)}.{self.number(0, 9)}",
            "total": f"{self.number(100, 99_999) / 100:.2f}",
            "route_name": f"{method} {route}",
            "route": route,
            "long_path": route.split("{")[0] + self.word(4, 24),
            "query": f"page={self.number(1, 2000)}&q={self.word(1, 12)}",
            "peer_port": self.number(1024, 65535),
            "agent": self.agent(),
            "statement": self.statement(resource),
            "table": resource,
            "operation": self.one(("SELECT", "UPDATE", "INSERT", "DELETE")),
            "rows": self.number(0, 5000),
        }


def write(path, count=COUNT):
    """A line a request, columns between tabs."""
    draw = Draw()
    with open(path, "w") as file:
        for _ in range(count):
            request = draw.request()
            file.write("\t".join(str(request[column]) for column in COLUMNS) + "\n")
    return path
