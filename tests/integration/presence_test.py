# SPDX-License-Identifier: Apache-2.0
"""A running agent is found, whatever flags it was started with."""

import json
import signal
import subprocess

import harness

NOTICE = "agent.json"


class Presence(harness.Case):
    def spanring(self, *arguments, code=0, state=None, **env):
        """Without --state-dir. `state`: what this user's default is."""
        state = state or self.workspace.folder / "nothing"
        ended = subprocess.run([harness.COMMAND, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               env=harness.environment(SPANRING_STATE_DIR=state, **env), timeout=harness.WATCHDOG)
        self.assertEqual(ended.returncode, code, ended.stdout + ended.stderr)
        return ended

    def here(self, *arguments, **options):
        return self.spanring("--directory", self.workspace.segments, *arguments, **options)

    def drained(self):
        self.workspace.producer("--count", 3).expect(0)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is drained")

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

    def test_the_commands_find_ledger_and_store_of_the_agent_that_serves_a_directory(self):
        agent = self.workspace.agent("--exporter", "store")
        self.drained()
        listed = json.loads(self.here("ps", "--all", "--json").stdout)
        self.assertEqual([process["state"] for process in listed["processes"]], ["finished"])
        (said,) = listed["agents"]
        self.assertEqual((said["pid"], said["state_directory"]), (agent.pid, str(self.workspace.state)))
        self.assertEqual(json.loads(self.here("audit", "--json").stdout)["verdict"], "OK")
        self.assertNotEqual(json.loads(self.here("traces", "--json").stdout)["traces"], [])
        self.here("trace", "last")
        agent.stop()

    def test_the_commands_find_the_directories_of_the_agent_that_uses_a_state_directory(self):
        self.workspace.agent("--exporter", "debug")
        producer = self.workspace.producer("--count", 3, "--hold")
        producer.wait_for_line("ready")
        for found in (self.spanring("ps", "--json", state=self.workspace.state),
                      self.spanring("--state-dir", self.workspace.state, "ps", "--json")):
            self.assertIn(str(self.workspace.segment_files()[0]),
                          [process["segment"] for process in json.loads(found.stdout)["processes"]])
        producer.end_input()
        producer.expect(0)

    def test_traces_of_a_program_that_has_just_ended_are_there(self):
        """The agent has neither drained nor stored it when the command is given."""
        self.workspace.agent("--exporter", "store", "--batch-timeout", "300ms")
        for seed in range(1, 4):
            self.workspace.producer("--count", 3, "--open", 1, "--seed", seed).expect(0)
            said = self.here("traces", "--json")
            self.assertEqual(said.stderr, "")
            self.assertEqual(sum(trace["spans"] for trace in json.loads(said.stdout)["traces"]), 4 * seed)

    def test_what_does_not_come_in_time_is_told(self):
        agent = self.workspace.agent("--exporter", "store")
        self.drained()
        agent.send(signal.SIGSTOP)
        self.workspace.producer("--count", 3).expect(0)
        self.assertIn("spans are still on the way to the store", self.here("traces").stderr)
        agent.send(signal.SIGCONT)

    def test_a_store_that_is_not_kept_is_explained(self):
        agent = self.workspace.agent("--exporter", "debug")
        said = self.here("traces", code=2).stderr
        self.assertIn(f"The agent (pid {agent.pid}) exports to debug.", said)

    def test_a_store_in_another_place_is_found(self):
        file = self.workspace.folder / "agent.yaml"
        file.write_text(f"exporters:\n  store/here: {{path: {self.workspace.folder}/kept.db}}\n")
        self.workspace.agent("--config", file)
        self.drained()
        self.assertNotEqual(json.loads(self.here("traces", "--json").stdout)["traces"], [])

    def test_a_rule_goes_to_the_agent_that_serves_the_directory(self):
        self.workspace.agent("--exporter", "debug")
        self.here("sampling", "set", "--service", "shop", "0.5")
        self.assertEqual(json.loads((self.workspace.state / "sampling.json").read_text()), {"shop": "0.5"})
        self.assertEqual(json.loads(self.here("sampling", "show", "--json").stdout), {"shop": "0.5"})
        self.here("sampling", "clear", "--service", "shop")

    def test_a_rule_that_nobody_reads_is_refused(self):
        said = self.here("sampling", "set", "0.5", code=1).stderr
        self.assertIn("no agent runs that would read the rule", said)
        self.assertIn(str(self.workspace.segments), said)
        self.assertFalse((self.workspace.folder / "nothing").exists())
        said = self.here("--state-dir", self.workspace.state, "sampling", "set", "0.5").stderr
        self.assertIn("no agent runs there; the rules hold once one is started with it", said)
        self.assertTrue((self.workspace.state / "sampling.json").exists())

    def test_of_several_agents_one_is_to_be_named(self):
        second = self.workspace.folder / "second"
        second.mkdir(mode=0o700)
        self.workspace.agent("--exporter", "store")
        self.workspace.agent("--exporter", "store", directory=second, state=self.workspace.folder / "other")
        both = ("--directory", self.workspace.segments, "--directory", second)
        for directory in (self.workspace.segments, second):
            producer = self.workspace.producer("--count", 3, env={"SPANRING_DIR": directory})
            producer.expect(0)
        harness.wait_until(lambda: not list(second.glob("*.spr")) and not self.workspace.segment_files(), "both are drained")
        listed = json.loads(self.spanring(*both, "ps", "--all", "--json").stdout)
        self.assertEqual([process["state"] for process in listed["processes"]], ["finished"] * 2)
        self.assertEqual(len(listed["agents"]), 2)
        for command in (("traces",), ("sampling", "set", "0.5")):
            said = self.spanring(*both, *command, code=2).stderr
            self.assertIn("several agents run here; name one by --state-dir:", said)
            self.assertIn(str(self.workspace.folder / "other"), said)

    def test_a_notice_that_others_may_have_written_is_told_and_not_followed(self):
        self.workspace.agent("--exporter", "debug")
        (self.workspace.segments / NOTICE).chmod(0o666)
        listed = self.here("ps", "--json")
        self.assertIn("agent.json is not believed: others may have written it", listed.stderr)
        self.assertEqual(json.loads(listed.stdout)["agents"], [])


if __name__ == "__main__":
    harness.main()
