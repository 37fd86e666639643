# SPDX-License-Identifier: Apache-2.0
"""One agent takes over from another, and one of the two is killed at a named step of it, under load: an agent goes on, no
span is missing, and no connection is refused.

A build of the agent for these tests is killed at the first passage of a step (killpoint.cpp).
"""

import contextlib
import signal

import harness
from comparison import records
from replacing import Replacing, Sender
from stepping import FAILING_AGENT

OLD = ("handover_offered", "handover_begun", "handover_let_go", "handover_told", "handover_over")
NEW = ("handover_welcomed", "handover_asked", "handover_place_taken", "handover_served", "handover_alone")


class Broken(Sender):
    """A client that goes on where the agent that it spoke to was killed; never where nobody listens."""

    def send(self, number):
        with contextlib.suppress(ConnectionResetError, BrokenPipeError, ConnectionAbortedError, EOFError):
            super().send(number)


class Steps(Replacing):
    def killed(self, step):
        return {"program": FAILING_AGENT, "env": {"SPANRING_KILL_AT": f"{step}:1"}}

    def all_arrive(self, producers, agent):
        """Each as often as it had to be sent: what was in flight at the kill may come again."""
        harness.end_all(producers)
        wanted = records(producers)
        harness.wait_until(lambda: wanted.keys() <= self.received.by_identity().keys(), "every span arrives")
        for process in self.workspace.accounting():
            self.assertEqual(set(process["exporters"][0]["dropped"].values()), {0})
        agent.stop()

    def test_the_old_one_dies(self):
        self.collector.start()
        for step in OLD:
            with self.subTest(step=step):
                old = self.agent(**self.killed(step))
                producers, sender = self.producers(), Broken(self.port)
                self.arrive(100)
                new = self.new()
                old.expect(-signal.SIGKILL)
                new.wait_for_line("spanring-agent ready:", stream="stderr")
                before = sender.sent
                harness.wait_until(lambda: sender.sent > before or sender.failures, "clients are served")
                sender.end()
                self.assertEqual(sender.failures, [])
                self.arrive(100)
                self.all_arrive(producers, new)

    def test_the_new_one_dies(self):
        self.collector.start()
        for step in NEW:
            with self.subTest(step=step):
                old = self.agent()
                producers, sender = self.producers(), Broken(self.port)
                self.arrive(100)
                new = self.new(**self.killed(step))
                new.expect(-signal.SIGKILL)
                if step in ("handover_served", "handover_alone"):
                    # It had said that it serves, or the old one is not told: either goes, or goes on.
                    harness.wait_until(lambda: not old.running() or "this one goes on" in old.stderr(), "what comes is clear")
                served_by = old if old.running() else self.agent()
                sender.failures.clear()
                before = sender.sent
                if not sender.is_alive():
                    sender = Broken(self.port)
                    before = 0
                harness.wait_until(lambda: sender.sent > before or sender.failures, "clients are served")
                sender.end()
                self.assertEqual(sender.failures, [])
                self.arrive(100)
                self.all_arrive(producers, served_by)


if __name__ == "__main__":
    harness.main()
