# SPDX-License-Identifier: Apache-2.0
"""Churners that are killed at any instant, and what must be true of every one of their spans then.

A churner tells the truth about itself in a file that it shares with the test (churner.c). Identities of spans are in
their names, so a span that is missing, twice, or torn is known by its number, and not only by a count.
"""

import dataclasses
import struct
import time

import harness
from otlp_json import Received

CHURNER = harness.BUILD / "tests/integration/churner"
TRUTH = struct.Struct("<8Q8Q")  # inner{started begun returned dropped} outer{...} reserved
UNFINISHED = "spanring.unfinished"
AT_DEATH = {"key": UNFINISHED, "value": {"boolValue": True}}


@dataclasses.dataclass
class Series:
    """What a thread did, of one kind of span."""
    started: int
    begun: int
    returned: int
    dropped: int


class Churner:
    def __init__(self, workspace, service, *arguments):
        self.service = service
        self.truth = workspace.unique("truth")
        self.process = harness.Process(workspace, "churner",
                                       [CHURNER, "--truth", self.truth, "--service", service, *arguments],
                                       env=harness.environment(SPANRING_DIR=workspace.segments))

    def kill(self):
        """SIGKILL; the file says from now on what was true at that instant."""
        self.process.kill()

    def series(self):
        """(kind, thread) to Series. Nothing where it was killed before it told anything."""
        data = self.truth.read_bytes() if self.truth.exists() else b""
        found = {}
        for thread in range(len(data) // TRUTH.size):
            values = TRUTH.unpack_from(data, thread * TRUTH.size)
            found["inner", thread] = Series(*values[0:4])
            found["outer", thread] = Series(*values[4:8])
        return found


class Arrived:
    """The spans of all churners: service to (kind, thread) to number to how it arrived."""

    def __init__(self, received):
        self.received = received
        self.taken = 0
        self.services = {}

    def read(self):
        spans = self.received.read()
        for span in spans[self.taken:]:
            service = next(item["value"]["stringValue"] for item in span.resource["attributes"]
                           if item["key"] == "service.name")
            kind, thread, number = span.fields["name"].split(" ")
            unfinished = AT_DEATH in span.fields.get("attributes", [])
            series = self.services.setdefault(service, {}).setdefault((kind, int(thread)), {})
            series.setdefault(int(number), []).append(unfinished)
        self.taken = len(spans)
        return self.services


def wrong(churner, arrived, account, agent_was_killed):
    """What is not as promised of a churner that is dead and drained; an empty list where all is well.

    `account`: the agent's row for it, or None where it died before it had a segment.
    """
    problems = []
    missing = 0
    in_progress = 0
    dropped = 0
    for key, told in churner.series().items():
        spans = arrived.get(key, {})
        ended = {number for number, ways in spans.items() if False in ways}
        unfinished = {number for number, ways in spans.items() if True in ways}
        missing += sum(1 for number in range(1, told.started + 1) if number not in spans)
        in_progress += told.begun - told.returned - told.dropped if told.begun > told.returned + told.dropped else 0
        dropped += told.dropped
        if ended & unfinished and not agent_was_killed:
            problems.append(f"{key}: both ended and unfinished: {sorted(ended & unfinished)[:5]}")
        if not agent_was_killed:
            twice = [number for number, ways in spans.items() if len(ways) > 1]
            if twice:
                problems.append(f"{key}: came more than once: {twice[:5]}")
        beyond = [number for number in spans if number > told.started + 1]
        if beyond:
            problems.append(f"{key}: {beyond[:5]} was never started ({told})")
        early = [number for number in ended if number > told.begun]
        if early:
            problems.append(f"{key}: {early[:5]} came as ended, and its end was never called ({told})")
        late = [number for number in unfinished if number < told.returned and number not in ended and told.dropped == 0]
        if late:
            problems.append(f"{key}: {late[:5]} had ended, and came as unfinished ({told})")
    counted = 0 if account is None else sum(account["dropped"].values()) + sum(
        sum(exporter["dropped"].values()) + exporter.get("sampled_out", 0) + exporter.get("filtered", 0)
        for exporter in account["exporters"])
    # A call that the kill interrupted may have dropped its span, and counted it, or not yet.
    if not missing <= counted <= missing + in_progress and account is not None:
        problems.append(f"{missing} spans are missing, {counted} are counted as dropped, sampled out or filtered ({dropped} by the churner's own "
                        f"account, {in_progress} ends in progress)")
    if account is None and missing > 0:
        problems.append(f"{missing} spans are missing, and the agent does not know the process")
    return problems


class Rounds:
    """Rounds of random kills, on one Collector and, but for its own deaths, one agent."""

    pauses = (20_000, 50_000, 100_000)  # of churners, in nanoseconds

    def __init__(self, workspace, random):
        self.workspace = workspace
        self.random = random
        self.collector = workspace.collector().start()
        self.arrived = Arrived(Received(self.collector.received))
        self.agent = None
        self.waiting = []  # (churner, whether the agent was killed while it was there)
        self.number = 0
        self.checked = 0     # churners
        self.ended = 0       # spans that arrived, each way
        self.unfinished = 0

    def start_agent(self):
        self.agent = self.workspace.agent("--endpoint", self.collector.endpoint, "--batch-timeout", "20ms")

    def kill_agent(self):
        self.agent.kill()
        self.agent = None

    def _churners(self):
        self.number += 1
        small = self.random.random() < 0.2
        return [Churner(self.workspace, f"churn-{self.number}-{i}", "--threads", str(self.random.randint(1, 8)),
                        "--pause", str(self.random.choice(self.pauses)),
                        *(["--memory", str(512 << 10)] if small else []))
                for i in range(self.random.randint(1, 2))]

    def _instant(self, bound):
        """Waits for a random instant. Decides nothing: whenever it comes, everything must hold."""
        time.sleep(self.random.uniform(0, bound))

    def application(self):
        """Row 2: the application dies, the agent lives."""
        if self.agent is None:
            self.start_agent()
        churners = self._churners()
        self._instant(0.04)
        for churner in churners:
            churner.kill()
        self.waiting += [(churner, False) for churner in churners]

    def agent_alone(self):
        """Row 3: the agent dies under load and is started again."""
        if self.agent is None:
            self.start_agent()
        churners = self._churners()
        self._instant(0.1)
        self.kill_agent()
        self._instant(0.02)
        self.start_agent()
        self._instant(0.03)
        for churner in churners:
            churner.kill()
        # Whoever is not yet drained may be delivered once more.
        self.waiting = [(churner, True) for churner, _ in self.waiting] + [(churner, True) for churner in churners]

    def both(self):
        """Row 4: both die, in any order; a later agent drains."""
        if self.agent is None:
            self.start_agent()
        churners = self._churners()
        self._instant(0.1)
        deaths = [churner.kill for churner in churners] + [self.kill_agent]
        self.random.shuffle(deaths)
        for death in deaths:
            death()
            self._instant(0.005)
        self.waiting = [(churner, True) for churner, _ in self.waiting] + [(churner, True) for churner in churners]

    def rest(self):
        """Nothing waits any more."""
        self.agent.stop()
        self.agent = None

    def settle(self):
        """Waits until all that died is drained, and returns what is wrong."""
        if self.agent is None:
            self.start_agent()
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segments of the dead are unlinked")
        # What is in the spool of a busy machine would stay there: an agent that ends sends for some seconds, and no more.
        harness.wait_until(self.workspace.is_quiet, "what was spooled is delivered")
        self.rest()
        rows = {row["service"]: row for row in self.workspace.accounting()}
        # Only a Collector that has ended has everything in its file. No count tells: what a killed agent sent is in the
        # file too, and in nobody's account, so a count is reached before the last span is there.
        self.collector.stop()
        self.arrived.read()
        self.collector.start()
        problems = []
        for churner, agent_was_killed in self.waiting:
            for problem in wrong(churner, self.arrived.services.get(churner.service, {}), rows.get(churner.service),
                                 agent_was_killed):
                problems.append(f"{churner.service}: {problem}")
            for spans in self.arrived.services.pop(churner.service, {}).values():
                self.ended += sum(ways.count(False) for ways in spans.values())
                self.unfinished += sum(ways.count(True) for ways in spans.values())
            churner.truth.unlink(missing_ok=True)
        self.checked += len(self.waiting)
        self.waiting = []
        # (A segment that was half made at the kill is a temporary file; the agent removes it once it is old.)
        if self.workspace.segment_files():
            problems.append(f"left behind: {self.workspace.segment_files()}")
        return problems
