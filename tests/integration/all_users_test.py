# SPDX-License-Identifier: Apache-2.0
"""One agent for all users: an opener with one right, a drainer with none, and users who trust nobody."""

import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess

import agent_configuration
import harness
import kafka
from comparison import compare, records
from otlp_json import Received
from programs import KEEP, descendants, kept_requests
from users import AllUsersCase

DAC_OVERRIDE = 1 << 1  # CAP_DAC_OVERRIDE, linux/capability.h


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


class AllUsers(AllUsersCase):
    def test_everything_of_all_users_arrives_and_their_segments_go(self):
        collector = self.workspace.collector().start()
        before = self.producer(self.alice, "--seed", 1, "--count", 2000)
        before.expect(0)
        agent = self.agent("--endpoint", collector.endpoint)
        late = self.bob + 10
        self.make_folder(late)
        producers = [before] + [self.producer(user, "--seed", seed, "--count", 2000, "--open", 2, "--flush", 60)
                                for seed, user in ((2, self.alice), (3, self.bob), (4, self.bob), (5, late))]
        for producer in producers:
            producer.expect(0)
        for user in (self.alice, self.bob, late):
            harness.wait_until(lambda user=user: not self.segments(user), "the segments of the dead are removed")
        agent.stop()
        collector.stop()
        compare(records(producers), Received(collector.received).by_identity())

    def test_a_program_gets_what_all_users_make_while_one_agent_takes_over_from_another(self):
        """Of `exec`: the agent's own user runs it, whoever made the spans, and each agent has one of its own."""
        kept = self.workspace.state / "kept"
        program = {"command": [*KEEP, str(kept)], "timeout": "60s",
                   "environment": {"PYTHONDONTWRITEBYTECODE": "1"}}
        file = agent_configuration.write(self.workspace, {"exec": program}, batch=64)
        file.chmod(0o644)
        agent = self.agent("--config", file)
        producers = [self.producer(user, "--seed", seed, "--endless", "--rate", 500, "--flush", 60)
                     for seed, user in enumerate((self.alice, self.bob))]
        for producer in producers:
            producer.wait_for_line("ready")

        def spans():
            return [span for message, _ in kept_requests(kept) for span in kafka.spans_of(message)]
        for _ in range(2):
            before = len(spans())
            harness.wait_until(lambda: len(spans()) > before + 500, "spans are kept")
            new = self.start("--config", file, "--replace")
            new.wait_for_line("spanring-agent ready:", stream="stderr")
            agent.expect(0)
            agent = new
        for pid in descendants(agent.pid):
            said = status(pid)
            self.assertEqual(said["Uid"].split(), [str(self.agent_user)] * 4)
        harness.end_all(producers)
        harness.wait_until(lambda: set(spans()) >= set(records(producers)), "all are kept")
        agent.stop()
        self.assertEqual(sorted(spans()), sorted(records(producers)), "each once")

    def test_an_agent_that_begins_anew_is_found_and_serves_everybody(self):
        """It has no right any more by which it could write where all users see it."""
        collector = self.workspace.collector().start()
        file = agent_configuration.write(self.workspace, {"otlp_grpc": agent_configuration.quick(collector.endpoint)},
                                         batch=64)
        file.chmod(0o644)
        agent = self.agent("--config", file)
        producers = [self.producer(user, "--seed", seed, "--count", 500, "--hold")
                     for seed, user in enumerate((self.alice, self.bob))]
        for producer in producers:
            producer.wait_for_line("ready")
        document = json.loads(file.read_text())
        document["processors"]["attributes/none"] = {"actions": [{"key": "nobody", "action": "delete"}]}
        document["service"]["pipelines"]["traces"]["processors"].append("attributes/none")
        file.write_text(json.dumps(document))

        def spanring(*arguments):
            ended = subprocess.run([harness.COMMAND, "--directory", self.parent, *arguments, "--json"],
                                   stdin=subprocess.DEVNULL, capture_output=True, text=True, env=harness.environment(),
                                   timeout=2 * harness.WATCHDOG)
            self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
            return json.loads(ended.stdout)

        said = spanring("reload")
        self.assertEqual((said["reloaded"], "service.pipelines.traces.processors" in said["anew"]), (True, True), said)
        self.assertEqual([each["pid"] for each in spanring("ps")["agents"]], [agent.pid])
        late = self.bob + 10
        self.make_folder(late)
        producers.append(self.producer(late, "--seed", 2, "--count", 500, "--hold"))
        producers[-1].wait_for_line("ready")
        for producer in producers:
            producer.end_input()
            producer.expect(0)
        for user in (self.alice, self.bob, late):
            harness.wait_until(lambda user=user: not self.segments(user), "the segments of the dead are removed")
        agent.stop()
        self.assertFalse((self.parent / "agent.json").exists() and spanring("ps")["agents"])
        collector.stop()
        compare(records(producers), Received(collector.received).by_identity())

    def test_an_agent_whose_successor_fails_is_found_again(self):
        """By everybody: it has no right any more by which it could make a file where all users see it."""
        agent = self.agent("--exporter", "debug")
        folders = {name: self.workspace.folder / name for name in ("taken", "others", "other-state")}
        for folder in folders.values():
            folder.mkdir(mode=0o700)
            shutil.chown(folder, self.agent_user, self.agent_user)
        spool = agent_configuration.quick("127.0.0.1:1", spool={"directory": str(folders["taken"])})
        file = agent_configuration.write(self.workspace, {"otlp_grpc": spool})
        file.chmod(0o644)
        # Its spool is another agent's: that is found out when the old one has gone already.
        other = harness.Process(self.workspace, "other-agent",
                                [*self.as_user(self.agent_user), harness.AGENT, "--directory", folders["others"], "--state-dir",
                                 folders["other-state"], "--config", file], env=harness.environment(HOME=folders["other-state"]))
        other.wait_for_line("spanring-agent ready:", stream="stderr")

        def found():
            ended = subprocess.run([harness.COMMAND, "--directory", self.parent, "ps", "--json"], stdin=subprocess.DEVNULL,
                                   capture_output=True, text=True, env=harness.environment(), timeout=2 * harness.WATCHDOG)
            self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
            return [each["pid"] for each in json.loads(ended.stdout)["agents"]]
        self.assertEqual(found(), [agent.pid])
        failing = self.start("--config", file, "--replace")
        failing.expect(1)
        self.assertIn("is used by another agent", failing.stderr())
        harness.wait_until(lambda: "this one goes on" in agent.stderr(), "it goes on")
        harness.wait_until(lambda: found() == [agent.pid], "it is found again")
        agent.stop()
        other.stop()

    def test_the_drainer_has_no_rights_and_the_opener_has_one(self):
        agent = self.agent("--exporter", "debug")
        opener = self.opener_of(agent)
        for pid, rights in ((agent.pid, 0), (opener, DAC_OVERRIDE)):
            said = status(pid)
            for kind in ("CapPrm", "CapEff"):
                self.assertEqual(int(said[kind], 16), rights, f"{pid} {kind}")
            for kind in ("CapInh", "CapAmb"):
                self.assertEqual(int(said[kind], 16), 0, f"{pid} {kind}")
            self.assertEqual(said["NoNewPrivs"], "1")
            self.assertEqual(said["Uid"].split(), [str(self.agent_user)] * 4)
            if harness.SECCOMP:
                self.assertEqual(said["Seccomp"], "2")
        for thread in os.listdir(f"/proc/{agent.pid}/task"):
            self.assertEqual(int(status(f"{agent.pid}/task/{thread}")["CapEff"], 16), 0, "no thread has any either")
        agent.stop()

    def test_everybody_can_read_that_they_are_served(self):
        agent = self.agent("--exporter", "debug")
        notice = self.parent / "agent.json"
        self.assertEqual(notice.stat().st_mode & 0o777, 0o644)
        said = json.loads(notice.read_text())
        self.assertEqual(said["pid"], agent.pid)
        self.assertEqual(said["directories"], [str(self.parent)])
        self.assertTrue(said["all_users"])
        agent.stop()

    def test_root_sees_all_of_them_and_each_user_what_is_its_own(self):
        agent = self.agent("--exporter", "debug")
        producers = [self.producer(user, "--count", 3, "--hold") for user in (self.alice, self.bob)]
        for producer in producers:
            producer.wait_for_line("ready")

        def spanring(*arguments, user=None, code=0):
            before = self.as_user(user) if user else []
            ended = subprocess.run([*before, harness.COMMAND, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                                   text=True, env=harness.environment(), timeout=harness.WATCHDOG)
            self.assertEqual(ended.returncode, code, ended.stdout + ended.stderr)
            return ended

        def attached():
            listed = json.loads(spanring("--directory", self.parent, "ps", "--json").stdout)
            self.assertEqual([each["pid"] for each in listed["agents"]], [agent.pid])
            return sorted(process["uid"] for process in listed["processes"] if process["attached"])
        harness.wait_until(lambda: attached() == [self.alice, self.bob], "root sees both users' processes, attached")
        own = self.parent / str(self.alice)
        listed = spanring("--directory", own, "ps", "--json", user=self.alice)
        self.assertEqual([process["uid"] for process in json.loads(listed.stdout)["processes"]], [self.alice])
        self.assertIn(f"it is the agent's (pid {agent.pid} of user {self.agent_user}): that user and root can read it",
                      listed.stderr)
        self.assertIn(f"one serves {own}: pid {agent.pid} of user {self.agent_user}",
                      spanring("--directory", own, "doctor", user=self.alice).stdout)
        checks = json.loads(spanring("doctor", "--json", "--pid", str(producers[0].pid)).stdout)["checks"]
        found = {check["check"]: check["found"] for check in checks if check["health"] == "ok"}
        self.assertIn(f"one serves {own}: pid {agent.pid} of user {self.agent_user}", found["agent"])
        self.assertIn(f"{own}: new segments are made here; user {self.alice}", found["directory"])
        self.assertIn("started 3, ended 3", found["process"])
        said = spanring("--directory", own, "sampling", "set", "0.5", user=self.alice, code=1).stderr
        self.assertIn("takes its rules from that user and from root only", said)
        spanring("--directory", self.parent, "sampling", "set", "0.5")
        rules = self.workspace.state / "sampling.json"
        self.assertEqual((rules.stat().st_uid, json.loads(rules.read_text())), (self.agent_user, {"*": "0.5"}))
        for producer in producers:
            producer.end_input()
            producer.expect(0)
        agent.stop()

    def test_a_user_who_lacks_a_directory_is_told_which(self):
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
            self.skipTest("no mount namespaces here")
        agent = self.agent("--exporter", "debug")
        carol = self.bob + 30
        script = (f"mount -t tmpfs tmpfs /run; mkdir -m 755 /run/spanring; mount --bind {self.parent} /run/spanring\n"
                  'exec "$@"')
        ended = subprocess.run(["unshare", "--mount", "sh", "-ec", script, "sh", *self.as_user(carol), harness.COMMAND,
                                "doctor", "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                               env=harness.environment(), timeout=harness.WATCHDOG)
        advice = [check["advice"] for check in json.loads(ended.stdout)["checks"] if check["check"] == "agent"]
        self.assertEqual(len(advice), 1, ended.stdout)
        self.assertIn(f"the agent of all users (pid {agent.pid} of user {self.agent_user}) serves /run/spanring/{carol} alone: "
                      f"as root, install -d -m 0700 -o {carol} /run/spanring/{carol}", advice[0])
        agent.stop()

    def test_each_ends_with_the_other(self):
        agent = self.agent("--exporter", "debug")
        opener = self.opener_of(agent)
        os.kill(opener, signal.SIGKILL)
        agent.expect(1)
        self.assertIn("the opener ended", agent.stderr())
        agent = self.agent("--exporter", "debug")
        opener = self.opener_of(agent)
        agent.kill()
        harness.wait_until(lambda: not os.path.exists(f"/proc/{opener}"), "the opener ends with its agent")
        self.agent("--exporter", "debug").stop()

    def test_one_user_cannot_have_it_read_or_remove_what_is_anothers(self):
        """A folder under another's number, links and second names into it, a segment that is given away."""
        victim = self.producer(self.alice, "--seed", 1, "--count", 100, "--hold")
        victim.wait_for_line("ready")
        victim.kill()
        segment, = self.segments(self.alice)
        (self.parent / str(self.alice) / segment).rename(self.workspace.folder / segment)
        treasure = self.workspace.folder / segment
        content = treasure.read_bytes()
        claimed = self.make_folder(self.bob + 20, owner=self.bob)
        open_one = self.make_folder(self.bob + 21, mode=0o755)
        open_one.chmod(0o755)
        linked = self.parent / str(self.bob + 22)
        linked.symlink_to(self.parent / str(self.bob))
        folder = self.parent / str(self.bob)
        (folder / f"{secrets.token_hex(16)}.spr").symlink_to(treasure)
        os.link(treasure, folder / segment)
        os.mkfifo(folder / f"{secrets.token_hex(16)}.spr")
        agent = self.agent("--exporter", "debug")
        for path, words in ((claimed, "belongs to another user"), (open_one, "lets others in"), (linked, "symbolic link")):
            harness.wait_until(lambda path=path, words=words: any(f"{path}:" in line and words in line
                                                                  for line in agent.stderr().splitlines()),
                               f"the agent says of {path.name}: {words}")
        for name in self.segments(self.bob):
            harness.wait_until(lambda name=name: name in agent.stderr(), "the agent names each file")
        honest = self.producer(self.bob, "--seed", 2, "--count", 500, "--flush", 60)
        honest.expect(0)
        harness.wait_until(lambda: len(self.segments(self.bob)) == 3, "the honest one's is drained and removed")
        agent.stop()
        self.assertEqual(treasure.read_bytes(), content)
        self.assertEqual(len(self.segments(self.bob)), 3, "nothing foreign is removed")

    def test_the_user_s_own_agent_comes_first(self):
        own = harness.Process(self.workspace, "own-agent",
                              [*self.as_user(self.alice), harness.AGENT, "--directory", self.parent / str(self.alice),
                               "--state-dir", self.parent / str(self.alice) / "state", "--exporter", "debug"],
                              env=harness.environment())
        own.wait_for_line("spanring-agent ready:", stream="stderr")
        agent = self.agent("--exporter", "debug")
        harness.wait_until(lambda: "another agent drains it" in agent.stderr(), "it leaves that directory alone")
        own.stop()
        producer = self.producer(self.alice, "--seed", 1, "--count", 100, "--flush", 60)
        producer.expect(0)  # served, once the other one is gone
        agent.stop()

    def test_it_does_not_start_with_too_many_rights_or_too_few(self):
        refused = self.start("--exporter", "debug", rights=("--inh-caps=-all", "--bounding-set=-all"))
        refused.expect(1)
        self.assertIn("CAP_DAC_OVERRIDE", refused.stderr())
        root = self.workspace.start_agent("--all-users", "--exporter", "debug", directory=self.parent)
        root.expect(1)
        self.assertIn("not as root", root.stderr())
        self.parent.chmod(0o777)
        writable = self.start("--exporter", "debug")
        writable.expect(1)
        self.assertIn("nobody else may write to it", writable.stderr())


if __name__ == "__main__":
    harness.main()
