# SPDX-License-Identifier: Apache-2.0
"""A day of the soak with all of it on: traces are decided, metrics computed, spans processed, and senders send them over OTLP. What
does not arrive is in the account of its process or sender as sampled out, filtered or dropped, to the span.
"""

import http.client
import itertools
import json
import re
import threading

import agent_configuration
import harness
from churn import Rounds
from day import Day
from receiving import PROTOBUF, field, request_of, trace_id

OF_A_TRACE = 7       # of a sender's
FILTERED = "[1-8]7$"  # in a name: numbers that end so are left out
MARK = {"key": "day", "value": {"stringValue": "soak"}}


class Sender:
    """Sends until it is stopped, knows what was answered, and sends nothing twice."""

    def __init__(self, number, port):
        self.service = f"sent-{number}"
        self.number = number
        self.port = port
        self.numbers = itertools.count(1)
        self.sent, self.answered = set(), set()
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.send, daemon=True)
        self.thread.start()

    def span(self, number):
        trace = trace_id(self.number << 32 | number // OF_A_TRACE)
        start, end = (1_700_000_000_000_000_000 + number * 1000 + more for more in (0, 500))
        return (field(1, trace) + field(2, number.to_bytes(8, "big")) + field(5, f"inner 0 {number}".encode()) +
                b"\x39" + start.to_bytes(8, "little") + b"\x41" + end.to_bytes(8, "little"))

    def send(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        while not self.ends.is_set():
            mine = [next(self.numbers) for _ in range(20)]
            self.sent.update(mine)
            try:
                connection.request("POST", "/v1/traces", request_of(self.service, map(self.span, mine)), {"Content-Type": PROTOBUF})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.answered.update(mine)
            except (OSError, http.client.HTTPException):  # the agent is not there, or dies
                connection.close()
                self.ends.wait(0.005)

    def kill(self):
        self.ends.set()
        self.thread.join()


def wrong_of(sender, arrived, row, agent_was_killed):
    """As churn.wrong(), of a sender."""
    spans = arrived.get(("inner", 0), {})
    problems = []
    if row is None:
        return [f"the agent does not know it, and answered for {len(sender.answered)}"] if sender.answered else []
    if unknown := set(spans) - sender.sent:
        problems.append(f"never sent: {sorted(unknown)[:5]}")
    twice = [number for number, ways in spans.items() if len(ways) > 1]
    if twice and not agent_was_killed:
        problems.append(f"came more than once: {twice[:5]}")
    counted = sum(exporter["sampled_out"] + exporter["filtered"] + sum(exporter["dropped"].values()) for exporter in row["exporters"])
    missing = len(sender.answered - set(spans))
    if not missing <= counted <= len(sender.sent) - len(spans):
        problems.append(f"{missing} that were answered are missing, {counted} are counted, of {len(sender.sent)} {len(spans)} arrived")
    if not len(sender.answered) <= row["received"] <= len(sender.sent):
        problems.append(f"{len(sender.answered)} were answered, {row['received']} received, {len(sender.sent)} sent")
    return problems


class DecidingDay(Day):
    def __init__(self, workspace, chance):
        self.port = harness.free_port()
        self.percentage = chance.choice([5, 50, 95])
        self.packed = chance.choice(["none", "zstd"])
        self.senders = []  # (sender, whether the agent was killed while it was there)
        self.looked_at = 0  # spans
        super().__init__(workspace, chance)

    def configure(self):
        """Other batches; what is decided and processed stays."""
        batch = {"send_batch_size": self.random.choice([16, 512, 8192]), "timeout": self.random.choice(["5ms", "20ms", "100ms"])}
        sampling = {"linger": "20ms", "decision_wait": "5s", "ring_linger": "40ms", "files": {"compression": self.packed},
                    "policies": [{"name": "some", "type": "probabilistic",
                                  "probabilistic": {"sampling_percentage": self.percentage}}]}
        processors = {
            "tail_sampling": sampling,
            "filter": {"spans": [{"match_type": "regexp", "span_names": [FILTERED]}]},
            "attributes": {"actions": [{"action": "upsert", "key": MARK["key"], "value": MARK["value"]["stringValue"]}]},
            "batch": batch}
        receivers = {"spanring": None, "otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}}}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({
            "receivers": receivers, "processors": processors, "connectors": {"spanmetrics": None, "servicegraph": None},
            "exporters": {self.EXPORTER: agent_configuration.quick(self.collector.endpoint, timeout="30s")},
            "service": {"pipelines": {"traces": {"receivers": list(receivers), "processors": list(processors),
                                                 "exporters": [self.EXPORTER, "spanmetrics", "servicegraph"]}}}}))
        new.rename(self.file)

    def _churners(self):
        sender = Sender(self.number + 1, self.port)
        self.senders.append((sender, False))
        return [*super()._churners(), sender]

    def happens(self, kind):
        super().happens(kind)
        killed = kind in ("agent_alone", "both", "outage")
        senders = [one for one, _ in self.waiting if isinstance(one, Sender)]
        self.waiting = [(one, repeated) for one, repeated in self.waiting if not isinstance(one, Sender)]
        self.senders = [(sender, before or killed) for sender, before in self.senders]
        assert {id(sender) for sender in senders} <= {id(sender) for sender, _ in self.senders}

    def rest(self):
        """An agent that ends decides what is left."""
        Rounds.rest(self)

    def settle(self):
        problems = super().settle()
        rows = {row["service"]: row for row in json.loads(self.workspace.command("ps", "--json"))["senders"]}
        for sender, killed in self.senders:
            arrived = self.arrived.services.pop(sender.service, {})
            problems += [f"{sender.service}: {problem}"
                         for problem in wrong_of(sender, arrived, rows.get(sender.service), killed)]
            self.ended += sum(len(ways) for spans in arrived.values() for ways in spans.values())
        self.senders = []
        spans = self.arrived.received.spans
        for span in spans[self.looked_at:]:
            if MARK not in span.fields.get("attributes", []) or re.search(FILTERED, span.fields["name"]):
                problems.append(f"{span.fields['name']} was not processed")
                break
        self.looked_at = len(spans)
        return problems
