# SPDX-License-Identifier: Apache-2.0
"""One agent for all users, and users who trust nobody: root becomes each of them."""

import os
import pathlib
import secrets
import shutil
import subprocess
import unittest

import harness


@unittest.skipUnless(os.geteuid() == 0, "needs root, to be three other users")
class AllUsersCase(harness.Case):
    def setUp(self):
        super().setUp()
        first = 62000 + secrets.randbelow(900) * 3
        self.alice, self.bob, self.agent_user = first, first + 1, first + 2
        if subprocess.run([*self.as_user(self.alice), "test", "-x", harness.AGENT], stdin=subprocess.DEVNULL).returncode != 0:
            self.skipTest(f"another user has no way to {harness.AGENT}")
        self.workspace.folder.chmod(0o711)
        self.parent = self.workspace.folder / "users"
        self.parent.mkdir(mode=0o755)
        self.parent.chmod(0o755)
        for user in (self.alice, self.bob):
            self.make_folder(user)
        self.workspace.state.mkdir(mode=0o700)
        shutil.chown(self.workspace.state, self.agent_user, self.agent_user)

    def make_folder(self, name, owner=None, mode=0o700):
        folder = self.parent / str(name)
        folder.mkdir(mode=mode)
        shutil.chown(folder, owner or name, owner or name)
        return folder

    def as_user(self, user, *more):
        return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                *(more or ["--inh-caps=-all", "--bounding-set=-all"])]

    def start(self, *arguments, before=(), rights=("--inh-caps=-all,+dac_override", "--ambient-caps=-all,+dac_override")):
        return harness.Process(self.workspace, "agent",
                               [*before, *self.as_user(self.agent_user, *rights), harness.AGENT, "--all-users", "--directory",
                                self.parent, "--state-dir", self.workspace.state, *harness.SECCOMP, *arguments],
                               env=harness.environment(HOME=self.workspace.state, **harness.PATIENT))

    def agent(self, *arguments, before=()):
        agent = self.start(*arguments, before=before)
        agent.wait_for_line("spanring-agent ready:", stream="stderr")
        return agent

    def opener_of(self, agent):
        children = pathlib.Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
        self.assertEqual(len(children), 1)
        return int(children[0])

    def producer(self, user, *arguments):
        home = self.workspace.folder / f"home-{user}"
        if not home.exists():
            home.mkdir(mode=0o700)
            shutil.chown(home, user, user)
        record = home / f"record-{secrets.token_hex(4)}"
        process = harness.Process(self.workspace, "producer",
                                  [*self.as_user(user), harness.PRODUCER, "--record", record, *arguments],
                                  stdin=subprocess.PIPE,
                                  env=harness.environment(SPANRING_DIR=self.parent / str(user), HOME=home))
        process.record = record
        return process

    def segments(self, user):
        return [name for name in os.listdir(self.parent / str(user)) if name.endswith(".spr")]
