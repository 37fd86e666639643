# SPDX-License-Identifier: Apache-2.0
"""Random spans, described line by line for two programs that make them (differential/): one through the official SDK of Go,
one through the library. The same seed gives the same spans.

    resource SCHEMA ATTRIBUTES
    scope NAME VERSION SCHEMA ATTRIBUTES
    whole|steps SCOPE TRACE SPAN PARENT STATE NAME KIND START ATTRIBUTES LINKS STEP... end TIME

    ATTRIBUTES  COUNT (KEY VALUE)...
    VALUE       s TEXT | b 0|1 | i INTEGER | d BITS | y TEXT (bytes) | a COUNT VALUE... | k ATTRIBUTES | e (empty)
    PARENT      0 | 1 SPAN FLAGS REMOTE
    LINKS       COUNT LINK...
    LINK        TRACE SPAN FLAGS REMOTE STATE ATTRIBUTES
    STEP        set ATTRIBUTES | event NAME TIME ATTRIBUTES | link LINK | exception TYPE MESSAGE TIME ATTRIBUTES
                | status CODE MESSAGE | name NAME
    TEXT, KEY, NAME, STATE, ...  "=" and hexadecimal digits; BITS and ids hexadecimal digits, numbers decimal

A whole span is known with all of its ids and has no exceptions, one status and one name.
"""

import random
import struct

START = 1_700_000_000_000_000_000
NUMBER = "test.number"  # names the span on both sides
LETTERS = "abc xyz-_.:/\"\\\0\n\t" + "äß" + "€字" + "😀🜚" + "\u0301\u202e\ufeff\uffff"
SIZES = (0, 1, 2, 7, 8, 15, 16, 31, 32, 33, 87, 88, 89, 127, 128, 129)
ERROR_TYPE = "*errors.errorString"  # as the SDK of Go names the type of errors.New()
MOST_BYTES = 30_000  # of a span: what does not fit into 60 KiB is another test's


def text(value):
    return "=" + (value if isinstance(value, bytes) else value.encode()).hex()


class Generator:
    def __init__(self, seed, keys):
        self.random = random.Random(seed)
        self.keys = keys  # the most different ones of a list
        self.left = 0

    def letters(self, most=None):
        size = self.random.choice(SIZES)
        if most is None and self.random.random() < 0.03:
            size = self.random.choice((255, 256, 1000, 4095, 4096, 4097))
        size = min(size, most if most is not None else size, self.left // 8)
        self.left -= 4 * size
        plain = self.random.random() < 0.5
        return "".join(self.random.choice(LETTERS[:10] if plain else LETTERS) for _ in range(size))

    def value(self, depth=0):
        self.left -= 10
        kind = self.random.choice("ssssbbiiidd" + "ye" + ("ak" if depth < 4 else ""))
        if kind == "s":
            return f"s {text(self.letters())}"
        if kind == "b":
            return f"b {self.random.randrange(2)}"
        if kind == "i":
            edges = (0, 1, -1, 127, 128, -128, 2**31, 2**63 - 1, -(2**63), self.random.getrandbits(40))
            return f"i {self.random.choice(edges)}"
        if kind == "d":
            edges = (0.0, -0.0, 1.5, -1e300, 5e-324, 0.1, float("inf"), float("-inf"), float("nan"))
            return f"d {struct.pack('>d', self.random.choice(edges)).hex()}"
        if kind == "y":
            return f"y {text(self.random.randbytes(self.random.choice((0, 1, 8, 33, 100))))}"
        if kind == "e":
            return "e"
        count = self.random.randrange(5)
        if kind == "a":
            return " ".join([f"a {count}"] + [self.value(depth + 1) for _ in range(count)])
        pairs = [f"{text(f'key{i}')} {self.value(depth + 1)}" for i in range(count)]
        return " ".join([f"k {count}"] + pairs)

    def attributes(self, most=6, first=(), empty_keys=False, again=True):
        """Some keys come twice, where they may."""
        count = self.random.choice((0, 1, min(2, most), most))
        pairs = list(first)
        used = set()
        for _ in range(count):
            key = f"key.{self.random.randrange(self.keys)}" + ("é" if self.random.random() < 0.2 else "")
            if empty_keys and self.random.random() < 0.02:
                key = ""
            if key in used and not again:
                continue
            used.add(key)
            pairs.append(f"{text(key)} {self.value()}")
        return " ".join([str(len(pairs))] + pairs)

    def id(self, size):
        return self.random.randbytes(size - 1).hex() + "01"

    def state(self):
        return text(self.random.choice(("", "", "vendor=value", "a=1,b@c=2,ot=th:8")))

    def time(self):
        return START + self.random.randrange(10**12)

    def link(self):
        return " ".join((self.id(16), self.id(8), str(self.random.randrange(4)), str(self.random.randrange(2)), self.state(),
                         self.attributes(again=False)))

    def event(self):
        return f"event {text(self.letters(40))} {self.time()} {self.attributes(again=False)}"

    def step(self, whole):
        kinds = ["set", "set", "event", "link"] + ([] if whole else ["exception", "status", "name"])
        kind = self.random.choice(kinds)
        if kind == "set":
            return f"set {self.attributes(12, empty_keys=True)}"
        if kind == "event":
            return self.event()
        if kind == "link":
            return f"link {self.link()}"
        if kind == "exception":
            return f"exception {text(ERROR_TYPE)} {text(self.letters(60))} {self.time()} {self.attributes(2, again=False)}"
        if kind == "status":
            return self.status()
        return f"name {text(self.letters(60))}"

    def status(self):
        code = self.random.randrange(3)
        return f"status {code} {text(self.letters(60) if code == 2 else '')}"

    def span(self, number, scopes):
        self.left = MOST_BYTES
        whole = self.random.random() < 0.5
        parent = "0"
        if self.random.random() < 0.7:
            parent = f"1 {self.id(8)} {self.random.choice((1, 3))} {self.random.randrange(2)}"
        start = self.time()
        words = ["whole" if whole else "steps", str(self.random.randrange(scopes)), self.id(16), self.id(8), parent,
                 self.state(), text(self.letters(60)), str(self.random.randrange(1, 6)), str(start),
                 self.attributes(first=[f"{text(NUMBER)} i {number}"], empty_keys=True)]
        links = [self.link() for _ in range(self.random.choice((0, 0, 1, 3)))]
        words += [str(len(links))] + links
        words += [self.step(whole) for _ in range(self.random.choice((0, 1, 3, 10)))]
        if whole and self.random.random() < 0.6:
            words.append(self.status())
        words += ["end", str(start + self.random.choice((0, 1, 10**9, 10**13)))]
        return " ".join(words)


def describe(seed, spans, service, keys=8):
    generator = Generator(seed, keys)
    generator.left = 4000
    service_name = f"{text('service.name')} s {text(service)}"
    lines = [f"resource {text('https://example.com/resource/1')} {generator.attributes(first=[service_name])}",
             "scope = = = 0"]
    for i in range(4):
        generator.left = 1500
        schema = text(f"https://example.com/scope/{i}" if i % 2 else "")
        lines.append(f"scope {text(f'scope {i} ✓')} {text('1.0' if i > 1 else '')} {schema} {generator.attributes()}")
    lines += [generator.span(number, 5) for number in range(spans)]
    return "\n".join(lines) + "\n"
