# SPDX-License-Identifier: Apache-2.0
"""A segment that brings the agent down does it twice; an agent that is killed from outside holds it against nobody."""

import json
import random
import resource
import signal
import time

import harness
from honest import HonestCase

FAILING_AGENT = harness.BUILD / "tests/integration/failing-agent"
SIGNALS = {"abort": signal.SIGABRT, "fault": signal.SIGSEGV, "stack": signal.SIGSEGV}


class Case(HonestCase):
    def setUp(self):
        super().setUp()
        limit = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, limit[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, limit)

    def quarantined(self):
        processes = json.loads(self.workspace.command("ps", "--json"))["processes"]
        return {process["service"]: process["quarantine"] for process in processes if process["quarantine"]}

    def honest(self, seed):
        return super().honest(seed, "--count", 1000)

    def endless(self, service):
        producer = self.workspace.producer("--seed", 7, "--endless", "--service", service, "--rate", 500)
        producer.wait_for_line("ready")
        return producer


class Poison(Case):
    def crash(self, how):
        agent = self.workspace.start_agent("--endpoint", self.collector.endpoint, program=FAILING_AGENT,
                                           env={"SPANRING_FAILPOINT": f"{how}:poison"})
        agent.expect(-SIGNALS[how])
        return agent

    def check(self, how):
        poison = self.endless("poison")
        self.crash(how)
        self.assertIn("crashed", self.crash(how).stderr(), "the second agent tells of the first one's end")
        third = self.workspace.agent("--endpoint", self.collector.endpoint, program=FAILING_AGENT,
                                     env={"SPANRING_FAILPOINT": f"{how}:poison"})
        producers = [self.honest(1), self.honest(2)]
        for producer in producers:
            producer.expect(0)
        self.assertRegex(third.stderr(), r"quarantined: the agent crashed twice while reading it")
        harness.wait_until(self.quarantined, "spanring ps knows of it")
        self.assertIn("crashed twice", str(self.quarantined()))
        third.send(signal.SIGUSR1)
        harness.wait_until(lambda: "1 quarantined" in third.stderr(), "it is counted")
        third.stop()
        # A clean end does not wash it clean.
        fourth = self.workspace.agent("--endpoint", self.collector.endpoint, program=FAILING_AGENT,
                                      env={"SPANRING_FAILPOINT": f"{how}:poison"})
        producers.append(self.honest(3))
        producers[-1].expect(0)
        self.assertIn("crashed twice", str(self.quarantined()))
        poison.kill()
        self.check_honest(fourth, producers)

    def test_by_an_abort(self):
        self.check("abort")

    def test_by_a_bad_access(self):
        self.check("fault")

    def test_by_a_stack_that_runs_over(self):
        self.check("stack")

    def test_a_crash_before_a_clean_end_is_forgotten(self):
        poison = self.endless("poison")
        self.crash("abort")
        self.workspace.agent("--endpoint", self.collector.endpoint).stop()
        self.crash("abort")
        agent = self.workspace.agent("--endpoint", self.collector.endpoint)
        self.assertEqual(self.quarantined(), {})
        poison.end_input()
        poison.expect(0)
        agent.stop()


class Innocent(Case):
    ROUNDS = 25

    def check(self, number):
        """Killed at any instant of reading: a busy process, so that most of them hit a pass."""
        chance = random.Random(41)
        producers = [self.workspace.producer("--seed", seed, "--endless", "--service", f"honest-{seed}", "--flush", 60)
                     for seed in (1, 2)]
        for producer in producers:
            producer.wait_for_line("ready")
        for _ in range(self.ROUNDS):
            agent = self.workspace.agent("--exporter", "debug")
            time.sleep(chance.uniform(0, 0.05))  # decides where it is hit, and nothing else
            agent.send(number)
            agent.expect(-number)
        self.assertEqual((self.workspace.state / "crashes").read_text(), "")
        agent = self.workspace.agent("--exporter", "debug")
        harness.end_all(producers)
        self.assertEqual(self.quarantined(), {})
        agent.stop()

    def test_killed(self):
        self.check(signal.SIGKILL)

    def test_aborted_from_outside(self):
        self.check(signal.SIGABRT)


if __name__ == "__main__":
    harness.main()
