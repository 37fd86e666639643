# SPDX-License-Identifier: Apache-2.0
"""docs/containers.md, followed in namespaces: each container has mounts, processes and /dev/shm of its own, and shares a directory
alone. What makes the directories and starts the agent is read out of the files for containers."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import unittest

import harness

FILES = harness.SOURCE / "packaging/containers"
SHOP, OTHER = 10001, 10002
IMAGE = "/run/image"  # where the programs are in a container


def words_of(name, begin):
    """The first list of words in that file behind `begin`."""
    return json.loads(re.search(re.escape(begin) + r"\s*(\[.*\])", (FILES / name).read_text()).group(1))


@unittest.skipUnless(os.geteuid() == 0, "needs root, to be other users in other namespaces")
class Containers(harness.Case):
    def setUp(self):
        super().setUp()
        self.workspace.folder.chmod(0o711)
        self.node = self.workspace.folder / "node"  # /run/spanring of the host
        self.node.mkdir(mode=0o755)
        self.programs = self.workspace.folder / "image"
        self.programs.mkdir(mode=0o755)
        for program in (harness.AGENT, harness.COMMAND, harness.BUILD / "tests/integration/producer"):
            shutil.copy(program, self.programs)
        shutil.copy((harness.BUILD / "lib/libspanring.so").resolve(), self.programs / "libspanring.so.0")
        if self.in_container({}, "true").returncode != 0:
            self.skipTest("no namespaces here")

    def container(self, mounts, user, words):
        """The command of one: `mounts` are folders of the host, by their place in it."""
        # Places are made in these two, so that nothing is made on the host.
        script = ["mount -t tmpfs -o mode=755 tmpfs /run", "mount -t tmpfs -o mode=755 tmpfs /var/lib"]
        for place, folder in {IMAGE: self.programs, **mounts}.items():
            script += [f"mkdir -p {place}", f"mount --bind {folder} {place}"]
        script += ["mount -t tmpfs tmpfs /dev/shm"]  # last: the host's folders may lie there
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"] if user else []
        return ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--mount-proc", "sh", "-ec",
                "\n".join([*script, 'exec "$@"']), "sh", *become, *words]

    def in_container(self, mounts, *words):
        return subprocess.run(list(map(str, self.container(mounts, None, words))), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=harness.WATCHDOG)

    def environment(self, **more):
        return harness.environment(LD_LIBRARY_PATH=IMAGE, PATH=f"{IMAGE}:{os.environ['PATH']}", **more)

    def run_container(self, name, mounts, user, *words, **more):
        container = harness.Process(self.workspace, name, self.container(mounts, user, words), stdin=subprocess.PIPE,
                                    env=self.environment(**more))
        self.addCleanup(self.kill, container)
        return container

    def kill(self, container):
        """Its first process, and with that all of it."""
        try:
            children = pathlib.Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
            for child in children:
                os.kill(int(child), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended

    def make_directory(self, user):
        """As the init container of pod.yaml does, for another user."""
        words = [word.replace(str(SHOP), str(user)) for word in words_of("pod.yaml", "command:")]
        made = self.in_container({"/run/spanring": self.node}, *words)
        self.assertEqual(made.returncode, 0, made.stderr)

    def agent(self):
        """As the image starts it. There is no user spanring on every machine: nobody stands for it."""
        state = self.workspace.folder / "state"
        state.mkdir(mode=0o700)
        shutil.chown(state, 65534, 65534)
        words = words_of("Containerfile", "ENTRYPOINT") + words_of("Containerfile", "CMD")
        words = [word.replace("=spanring", "=65534") for word in words]
        words[words.index("--config"):words.index("--config") + 2] = ["--exporter", "store"]
        agent = self.run_container("agent", {"/run/spanring": self.node, "/var/lib/spanring": state}, None, *words)
        agent.wait_for_line("spanring-agent ready:", stream="stderr")
        return state

    def shop(self, user, *words):
        """As in pod.yaml: its own directory alone, where the library looks by itself."""
        shop = self.run_container(f"shop of {user}", {f"/run/spanring/{user}": self.node / str(user)}, user, "producer", "--record", "/dev/null", *words)
        return shop

    def spans(self, state):
        asked = subprocess.run([harness.COMMAND, "--state-dir", state, "ps", "--all", "--json"], capture_output=True, text=True,
                               env=self.environment(), timeout=harness.WATCHDOG)
        self.assertEqual(asked.returncode, 0, asked.stderr)
        return json.loads(asked.stdout)["processes"]

    def test_an_agent_for_the_node(self):
        for user in (SHOP, OTHER):
            self.make_directory(user)
        self.assertEqual((self.node / str(SHOP)).stat().st_uid, SHOP)
        state = self.agent()
        early = self.shop(SHOP, "--seed", 1, "--count", 300)
        early.expect(0)
        killed = self.shop(OTHER, "--seed", 2, "--count", 200, "--open", 2, "--hold")
        killed.wait_for_line("ready")
        self.kill(killed)
        harness.wait_until(lambda: not list(self.node.glob("*/*.spr")), "the segments of both are drained and removed")
        counted = {row["uid"]: row for row in self.spans(state)}
        self.assertEqual(set(counted), {SHOP, OTHER}, counted)
        self.assertEqual(counted[SHOP]["ended"], 300)
        self.assertEqual((counted[OTHER]["ended"], counted[OTHER]["unfinished"]), (200, 2))

    def test_a_pod_sees_its_own_directory_alone(self):
        self.make_directory(SHOP)
        self.make_directory(OTHER)
        seen = self.in_container({f"/run/spanring/{SHOP}": self.node / str(SHOP)}, "ls", "/run/spanring")
        self.assertEqual(seen.stdout.split(), [str(SHOP)])

    def test_an_agent_in_the_pod(self):
        volume = self.workspace.folder / "emptyDir"
        volume.mkdir()
        volume.chmod(0o777)
        said = re.search(r"SPANRING_DIR, value: (\S+)}", (FILES / "sidecar.yaml").read_text()).group(1)
        mounted = os.path.dirname(said)
        place = said.replace(mounted, f"/run{mounted}")
        mounts = {f"/run{mounted}": volume}
        words = [word.replace(mounted, f"/run{mounted}") for word in words_of("sidecar.yaml", "command:")]
        words[words.index("--config"):] = ["--exporter", "store"]
        shop = self.run_container("shop", mounts, SHOP, "producer", "--record", "/dev/null", "--seed", 3, "--count", 100, "--open", 1, "--hold", SPANRING_DIR=place)
        shop.wait_for_line("ready")
        agent = self.run_container("agent", mounts, SHOP, *words, SPANRING_DIR=place)
        agent.wait_for_line("spanring-agent ready:", stream="stderr")
        self.kill(shop)
        harness.wait_until(lambda: not list(volume.glob("segments/*.spr")), "what the program left is drained")
        (row,) = self.spans(volume / "state")
        self.assertEqual((row["ended"], row["unfinished"]), (100, 1))


if __name__ == "__main__":
    harness.main()
