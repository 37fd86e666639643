# SPDX-License-Identifier: Apache-2.0
"""The application's side: what a span costs the thread that makes it, on core 0, while an agent drains on core 1."""

from measure import BURST, BYTES, Measure


class Floor(Measure):
    """Two clock reads and a copy; and with ids and a second copy; and calls that do nothing."""

    keys = ("app.floor_ns", "app.floor2_ns", "app.calls_ns", "app.calls5_ns")

    def start(self, bed, place):
        self.worker = bed.worker("floor_worker", BYTES)

    def round(self):
        return {"app.floor_ns": self.worker.ask("burst", 20, BURST)["ns"],
                "app.floor2_ns": self.worker.ask("burst2", 20, BURST)["ns"],
                "app.calls_ns": self.worker.ask("calls", 20, BURST)["ns"],
                "app.calls5_ns": self.worker.ask("calls5", 20, BURST)["ns"]}


class Span(Measure):
    """A span that is dropped costs less than one that is not: there must be none, and the table tells."""

    def __init__(self, key, shape="three", **environment):
        self.keys = (key,)
        self.shape = shape
        self.environment = environment

    def start(self, bed, place):
        self.worker = bed.agent(place.endpoint).application(self.shape, **self.environment)
        self.worker.ask("burst", 5, BURST)  # the ring grows to what a burst needs

    def round(self):
        burst = self.worker.ask("burst", 20, BURST)
        return {self.keys[0]: burst["ns"], "app.dropped": burst["dropped"]}


class Calls(Measure):
    """Start and end where nothing is recorded, as the calls that do nothing are made: of the shared library, and of the one
    that is linked into the program."""

    PROGRAMS = {"": "span_worker", "_static": "span_worker_static"}

    def __init__(self, name, command, **environment):
        self.keys = tuple(f"app.{name}{text}_ns" for text in self.PROGRAMS)
        self.command = command
        self.environment = environment

    def start(self, bed, place):
        agent = bed.agent(place.endpoint)
        self.workers = [agent.application("bare", program=program, **self.environment) for program in self.PROGRAMS.values()]

    def round(self):
        return {key: worker.ask(self.command, 20, BURST)["ns"] for key, worker in zip(self.keys, self.workers)}


class Tail(Measure):
    keys = ("app.p999_ns",)

    def start(self, bed, place):
        self.worker = bed.agent(place.endpoint).application()
        self.worker.ask("burst", 5, BURST)

    def round(self):
        tail = self.worker.ask("tail", 20 * BURST)
        return {"app.p999_ns": tail["p999_ns"], "app.dropped": tail["dropped"]}


class TwoThreads(Measure):
    """CPU time of each of two threads on two cores, against one thread alone on the same core; the larger counts. So it
    is what they do to each other, and not what agent and sink do to the one that shares their core."""

    keys = ("app.threads2_ratio",)
    CORE_0, CORE_1, BOTH = 0, 1, 2

    def start(self, bed, place):
        self.worker = bed.agent(place.endpoint).application()
        self.worker.ask("threads", 2, 4 * BURST, self.BOTH)

    def round(self):
        alone = [self.worker.ask("threads", 1, 4 * BURST, core) for core in (self.CORE_0, self.CORE_1)]
        both = self.worker.ask("threads", 2, 4 * BURST, self.BOTH)
        ratio = max(both["first_ns"] / alone[0]["ns"], both["last_ns"] / alone[1]["ns"])
        return {"app.threads2_ratio": ratio, "app.dropped": sum(answer["dropped"] for answer in (*alone, both))}


def measures():
    return [Floor(), Span("app.span_ns"), Span("app.span_bare_ns", "bare"),
            *(Calls(name + text, command, **environment)
              for text, command in (("", "calls"), ("_three", "calls5"))
              for name, environment in (("unsampled", {"OTEL_TRACES_SAMPLER": "always_off"}),
                                        ("disabled", {"SPANRING_DISABLED": "1"}))),
            Tail(), TwoThreads()]
