# SPDX-License-Identifier: Apache-2.0
"""An agent that is killed while its backend owes it answers: what was sent and is not known to have arrived is sent again by the
next one. How much that is, where answers come at once and where they take two seconds."""

import time

from measure import Measure
from worker import Gone

KILLS = 5
LATE = 2000   # milliseconds
RATE = 20_000  # spans a second
PATIENCE = 60  # seconds


class Repeats(Measure):
    """An agent is killed KILLS times under load. The round ends when at least as many spans have arrived as were taken over, or with
    an error; what there is more came twice."""

    def __init__(self, name, delay):
        self.delay = delay
        self.keys = tuple(f"{name}.{key}" for key in ("repeated_mib_per_kill", "repeated_percent"))

    def start(self, bed, place):
        self.bed = bed
        self.kills = 1 if place.once else KILLS
        self.seconds = 0.6 if place.once else 1 if place.quick else 3
        self.delay = 1000 if place.once and self.delay else self.delay

    def round(self):
        sink = self.bed.sink()
        sink.ask("delay", self.delay)
        agent = self.bed.agent(sink.said[0])
        worker = agent.application()
        worker.send("paced", RATE, int(1000 * self.seconds * (self.kills + 1)))
        for _ in range(self.kills):
            time.sleep(self.seconds)
            agent.kill_and_start_again()
        made = worker.answer()["spans"]
        sink.ask("delay", 0)
        arrived = sink.ask("count")
        deadline = time.monotonic() + PATIENCE
        quiet = 0
        while quiet < 20 or arrived["spans"] < made:  # until nothing has come for two seconds
            if time.monotonic() > deadline:
                raise Gone(f"of {made:.0f} spans {arrived['spans']:.0f} arrived")
            time.sleep(0.1)
            more = sink.ask("count")
            quiet = quiet + 1 if more["spans"] == 0 else 0
            arrived = {key: arrived[key] + more[key] for key in arrived}
        for program in (worker, agent, sink):
            self.bed.stop(program)
        repeated = arrived["spans"] - made
        size = arrived["bytes"] / arrived["spans"]
        return dict(zip(self.keys, (repeated * size / self.kills / 2**20, 100 * repeated / made)))


def measures():
    return [Repeats("prompt_sink", 0), Repeats("late_sink", LATE)]
