# SPDX-License-Identifier: Apache-2.0
"""A process that had a burst keeps little of its memory once an agent has acknowledged all of it, and takes it again for
the next one; whichever step the agent is killed at, and where no agent runs any more."""

import signal
import subprocess

import agent_configuration
import harness

SLEEPER = harness.BUILD / "tests/integration/sleeper"
FAILING_AGENT = harness.BUILD / "tests/integration/failing-agent"
BURST = 30_000  # spans: some 3 MiB
OPEN = 1000  # at once, of 15 attributes: some 4 MiB
MAY_KEEP = 1 << 20  # docs/shared-memory.md, section 8

# Step, and at which passage.
STEPS = {"extent_giving": 3, "extent_moved_on": 3, "extent_punched": 3, "extent_emptied": 3,
         "unused_giving": 3, "unused_punched": 3, "unused_emptied": 3}


class IdleMemory(harness.Case):
    def setUp(self):
        super().setUp()
        self.configuration = agent_configuration.write(self.workspace, {"store": None},
                                                       receiver={"give_back_after": "200ms"})
        self.sleeper = harness.Process(self.workspace, "sleeper", [SLEEPER], stdin=subprocess.PIPE,
                                       env=harness.environment(SPANRING_DIR=self.workspace.segments))
        self.lines = self.made = 0

    def agent(self):
        return self.workspace.agent("--config", self.configuration)

    def tell(self, line, spans):
        """Lets the process make so many spans, none of which may be refused."""
        self.sleeper.popen.stdin.write(f"{line}\n".encode())
        self.sleeper.popen.stdin.flush()
        self.lines += 1
        harness.wait_until(lambda: self.sleeper.stdout().count("made") == self.lines, f"the spans of '{line}' are made")
        self.assertEqual(int(self.sleeper.stdout().split()[-1]), spans, "nothing is refused")
        self.made += spans

    def burst(self):
        self.tell(BURST, BURST)
        self.tell(f"open {OPEN}", OPEN)

    def held(self):
        (segment,) = self.workspace.segment_files()
        return 512 * segment.stat().st_blocks

    def gives_back(self):
        harness.wait_until(lambda: self.held() <= MAY_KEEP, "the process holds little")

    def accounts_for_all(self):
        (process,) = self.workspace.accounting()
        self.assertEqual(process["ended"], self.made)
        (exporter,) = process["exporters"]
        self.assertEqual(exporter["exported"], self.made)

    def test_a_burst_and_the_next_one(self):
        self.burst()
        self.assertGreater(self.held(), 2 * MAY_KEEP)
        agent = self.agent()
        self.gives_back()
        self.accounts_for_all()
        for _ in range(2):
            self.burst()
            self.gives_back()
            self.accounts_for_all()
        agent.stop()

    def test_the_agent_is_killed_at_each_step(self):
        for step, passage in STEPS.items():
            with self.subTest(step=step):
                self.burst()
                killed = self.workspace.start_agent("--config", self.configuration, program=FAILING_AGENT,
                                                    env={"SPANRING_KILL_AT": f"{step}:{passage}"})
                killed.expect(-signal.SIGKILL)
                self.burst()
                agent = self.agent()
                self.gives_back()
                self.accounts_for_all()
                agent.stop()

    def test_the_process_itself_gives_back_where_no_agent_runs(self):
        """And finishes what an agent that was killed had begun."""
        self.burst()
        keeps_all = agent_configuration.write(self.workspace, {"store": None}, receiver={"give_back_after": "1h"})
        patient = self.workspace.agent("--config", keeps_all)
        harness.wait_until(lambda: self.workspace.accounting()[0]["ended"] == self.made, "the last of them has ended")
        self.accounts_for_all()
        patient.stop()
        self.workspace.start_agent("--config", self.configuration, program=FAILING_AGENT,
                                   env={"SPANRING_KILL_AT": "extent_giving:1"}).expect(-signal.SIGKILL)
        self.assertGreater(self.held(), 2 * MAY_KEEP)

        def has_given_back():
            """At its own next steps, some seconds later: a hundred spans or so need a chunk."""
            self.tell(5, 5)
            return self.held() <= MAY_KEEP

        harness.wait_until(has_given_back, "the process holds little")
        agent = self.agent()
        harness.wait_until(lambda: self.workspace.accounting()[0]["ended"] == self.made, "the last of them has ended")
        self.accounts_for_all()
        agent.stop()


if __name__ == "__main__":
    harness.main()
