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
MAY_KEEP = 1 << 20  # docs/shared-memory.md, section 8

# Step, and at which passage.
STEPS = {"extent_giving": 3, "extent_moved_on": 3, "extent_punched": 3, "extent_emptied": 3}


class IdleMemory(harness.Case):
    def setUp(self):
        super().setUp()
        self.configuration = agent_configuration.write(self.workspace, {"store": None},
                                                       receiver={"give_back_after": "200ms"})
        self.sleeper = harness.Process(self.workspace, "sleeper", [SLEEPER], stdin=subprocess.PIPE,
                                       env=harness.environment(SPANRING_DIR=self.workspace.segments))
        self.bursts = 0

    def agent(self):
        return self.workspace.agent("--config", self.configuration)

    def burst(self):
        self.bursts += 1
        self.sleeper.popen.stdin.write(f"{BURST}\n".encode())
        self.sleeper.popen.stdin.flush()
        harness.wait_until(lambda: self.sleeper.stdout().count("made") == self.bursts, "the burst is made")
        self.assertEqual(self.sleeper.stdout().split().count(str(BURST)), self.bursts, "nothing is refused")

    def held(self):
        (segment,) = self.workspace.segment_files()
        return 512 * segment.stat().st_blocks

    def gives_back(self):
        harness.wait_until(lambda: self.held() <= MAY_KEEP, "the process holds little")

    def accounts_for_all(self):
        (process,) = self.workspace.accounting()
        self.assertEqual(process["ended"], self.bursts * BURST)
        (exporter,) = process["exporters"]
        self.assertEqual(exporter["exported"], self.bursts * BURST)

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
        patient = self.workspace.agent("--config", agent_configuration.write(self.workspace, {"store": None}))
        self.accounts_for_all()
        patient.stop()
        self.workspace.start_agent("--config", self.configuration, program=FAILING_AGENT,
                                   env={"SPANRING_KILL_AT": "extent_giving:1"}).expect(-signal.SIGKILL)
        self.assertGreater(self.held(), 2 * MAY_KEEP)
        made = BURST

        def has_given_back():
            """At its own next steps, some seconds later: a hundred spans or so need a chunk."""
            nonlocal made
            self.sleeper.popen.stdin.write(b"5\n")
            self.sleeper.popen.stdin.flush()
            made += 5
            return self.held() <= MAY_KEEP

        harness.wait_until(has_given_back, "the process holds little")
        agent = self.agent()
        harness.wait_until(lambda: self.workspace.accounting()[0]["ended"] == made, "the last of them has ended")
        (process,) = self.workspace.accounting()
        (exporter,) = process["exporters"]
        self.assertEqual(exporter["exported"], made)
        agent.stop()


if __name__ == "__main__":
    harness.main()
