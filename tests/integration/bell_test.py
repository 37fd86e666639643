# SPDX-License-Identifier: Apache-2.0
"""A process that was quiet wakes the agent; and where it cannot, the agent finds what it did all the same."""

import subprocess

import harness
from metrics_test import Page

SLEEPER = harness.BUILD / "tests/integration/sleeper"


class Bell(harness.Case):
    def setUp(self):
        super().setUp()
        self.agent = self.workspace.agent("--exporter", "store", "--metrics-address", "127.0.0.1:0")

    def value(self, name):
        return Page(self.agent).value(name)

    def exported(self):
        return Page(self.agent).value("exporter_spans_exported_total", exporter="store")

    def sleeper(self, *arguments):
        return harness.Process(self.workspace, "sleeper", [SLEEPER, *arguments], stdin=subprocess.PIPE,
                               env=harness.environment(SPANRING_DIR=self.workspace.segments))

    def make(self, sleeper, count):
        sleeper.popen.stdin.write(f"{count}\n".encode())
        sleeper.popen.stdin.flush()

    def asleep(self):
        harness.wait_until(lambda: self.value("agent_sleeping_segments") == 1, "the agent sleeps")

    def exports(self, count):
        harness.wait_until(lambda: self.exported() == count, f"{count} spans are exported")

    def test_a_quiet_process_wakes_the_agent(self):
        sleeper = self.sleeper()
        self.make(sleeper, 10)
        self.exports(10)
        for wakes in range(1, 4):
            self.asleep()
            bells = self.value("agent_bells_total")
            self.make(sleeper, 1)
            self.exports(10 + wakes)
            harness.wait_until(lambda before=bells: self.value("agent_bells_total") == before + 1, "it was woken, once")

    def test_a_burst_from_sleep_is_lost_only_where_the_ring_is_full(self):
        sleeper = self.sleeper()
        self.make(sleeper, 1)
        self.exports(1)
        self.asleep()
        self.make(sleeper, 20_000)
        self.exports(20_001)

    def test_a_bell_that_is_lost_costs_a_pause(self):
        sleeper = self.sleeper("deaf")
        self.make(sleeper, 1)
        self.exports(1)
        self.asleep()
        bells = self.value("agent_bells_total")
        for count in range(2, 6):
            self.make(sleeper, 1)
            self.exports(count)
        self.assertEqual(self.value("agent_bells_total"), bells)


if __name__ == "__main__":
    harness.main()
