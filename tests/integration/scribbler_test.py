# SPDX-License-Identifier: Apache-2.0
"""A process that scribbles over its whole segment at full speed beside three honest ones: they lose nothing, and it is known."""

import json
import subprocess

import harness
from honest import HonestCase

GENERATIONS = 27  # of the scribbler: three times each way


class Scribbler(HonestCase):
    def check(self, *arguments):
        agent = self.agent(*arguments)
        scribbler = harness.Process(self.workspace, "scribbler", [harness.BUILD / "tests/integration/scribbler", "--seed", 7],
                                    stdin=subprocess.PIPE,
                                    env=harness.environment(SPANRING_DIR=self.workspace.segments))
        honest = [self.honest(seed, "--endless", "--rate", 3000) for seed in (1, 2, 3)]

        def enough():
            self.assertTrue(agent.running(), f"{agent.popen.returncode}: {agent.stderr()[-4000:]}")
            self.assertTrue(scribbler.running(), "it could not make a segment")
            return len(scribbler.stdout().splitlines()) > GENERATIONS
        harness.wait_until(enough, "the scribbler is through", 4 * harness.WATCHDOG)
        harness.end_all(honest, 2 * harness.WATCHDOG)
        scribbler.end_input()
        scribbler.expect(0, 2 * harness.WATCHDOG)
        self.check_honest(agent, honest)
        self.check_books(scribbler, agent)

    def check_books(self, scribbler, agent):
        """Each generation that broke a rule while it was read is quarantined with a message, and is in the ledger."""
        names = {line.split()[0] for line in scribbler.stdout().splitlines()}
        ledger = json.loads(self.workspace.command("ps", "--all", "--json"))["processes"]
        quarantined = [process for process in ledger if process["quarantine"]]
        self.assertGreater(len(quarantined), 0)
        for process in quarantined:
            self.assertNotIn("honest-", process["service"])
        said = agent.stderr()
        self.assertEqual(len(quarantined), sum(f"/{name}" in line for name in names for line in said.splitlines()
                                            if "quarantined: " in line), "each is told and booked, once")
        self.assertEqual((self.workspace.state / "crashes").read_text(), "")

    def test_copied(self):
        self.check()

    def test_sent_without_a_copy(self):
        self.check("--zero-copy", "same_user")


if __name__ == "__main__":
    harness.main()
