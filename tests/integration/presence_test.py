# SPDX-License-Identifier: Apache-2.0
"""A running agent is found, whatever flags it was started with."""

import json

import harness

NOTICE = "agent.json"


class Presence(harness.Case):
    def notices(self):
        return [folder / NOTICE for folder in (self.workspace.segments, self.workspace.state)]

    def test_an_agent_says_what_it_is_as_long_as_it_runs(self):
        agent = self.workspace.agent("--exporter", "debug", "--exporter", "store")
        for file in self.notices():
            said = json.loads(file.read_text())
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)
            self.assertEqual(said["pid"], agent.pid)
            self.assertEqual(said["state_directory"], str(self.workspace.state))
            self.assertEqual(said["directories"], [str(self.workspace.segments)])
            self.assertEqual(said["exporters"], ["debug", "store"])
            self.assertFalse(said["all_users"])
        agent.stop()
        self.assertEqual([file for file in self.notices() if file.exists()], [])

    def test_an_agent_replaces_what_a_killed_one_said(self):
        self.workspace.agent("--exporter", "store").kill()
        agent = self.workspace.agent("--exporter", "store")
        for file in self.notices():
            self.assertEqual(json.loads(file.read_text())["pid"], agent.pid)
        agent.stop()


if __name__ == "__main__":
    harness.main()
