# SPDX-License-Identifier: Apache-2.0
"""Things that are no segments under the names of segments, put there and swapped in a race, and what other users try.

What lies outside the runtime directory is the most tempting there is: a real segment that the name fits. It must never be
opened for writing, followed to by a link, changed, or removed.
"""

import ctypes
import errno
import os
import random
import secrets
import shutil
import socket
import stat
import struct
import subprocess
import threading
import unittest

import harness
from honest import HonestCase

INSTANCE, PID = 56, 80  # in the header: docs/shared-memory.md
EXCHANGE = 2            # renameat2()
IN_OPEN, IN_CLOSE_WRITE, IN_MODIFY, IN_DELETE_SELF, IN_ATTRIB = 0x20, 0x8, 0x2, 0x400, 0x4
SWAPS = 4000

libc = ctypes.CDLL(None, use_errno=True)


def exchange(one, other):
    if libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2", str(one))


class Watch:
    """What is done to files, as the kernel tells it (inotify)."""

    def __init__(self, paths, mask):
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.paths = {libc.inotify_add_watch(self.fd, os.fsencode(path), mask): path for path in paths}

    def events(self):
        found = []
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return found
            while data:
                descriptor, mask, _, length = struct.unpack_from("iIII", data)
                data = data[16 + length:]
                if not mask & 0x8000:  # IN_IGNORED
                    found.append((self.paths[descriptor], mask))

    def close(self):
        os.close(self.fd)


class Case(HonestCase):
    def setUp(self):
        super().setUp()
        self.outside = self.workspace.folder / "outside"
        self.outside.mkdir(mode=0o700)
        self.original = self.real_segment()

    def real_segment(self):
        """Of a process that was killed before any agent saw it, moved out of the runtime directory."""
        producer = self.workspace.producer("--seed", 5, "--count", 100, "--open", 2, "--hold", "--service", "bait")
        producer.wait_for_line("ready")
        producer.kill()
        segment, = self.workspace.segment_files()
        segment.rename(self.outside / "original")
        return self.outside / "original"

    def bait(self, folder, instance=None):
        """A copy of the segment that fits the name it will be found under."""
        instance = instance or secrets.token_bytes(16)
        path = folder / f"{instance.hex()}.spr"
        subprocess.run(["cp", "--sparse=always", self.original, path], check=True)
        with open(path, "r+b") as file:
            file.seek(INSTANCE)
            file.write(instance)
        return path

    def honest(self, seed):
        return super().honest(seed, "--count", 1500)


class Intruders(Case):
    def intruders(self):
        """What lies there, and what the agent must say of it."""
        segments, made = self.workspace.segments, {}
        link = segments / self.bait(self.outside).name
        link.symlink_to(self.outside / link.name)
        made[link] = "not a regular file"
        dangling = segments / f"{secrets.token_hex(16)}.spr"
        dangling.symlink_to(self.outside / "nothing")
        made[dangling] = "not a regular file"
        hard = segments / self.bait(self.outside).name
        os.link(self.outside / hard.name, hard)
        made[hard] = "2 names lead to it"
        fifo = segments / f"{secrets.token_hex(16)}.spr"
        os.mkfifo(fifo, 0o600)
        made[fifo] = "not a regular file"
        directory = segments / f"{secrets.token_hex(16)}.spr"
        directory.mkdir(mode=0o700)
        made[directory] = "not a regular file"
        listener = segments / f"{secrets.token_hex(16)}.spr"
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(str(listener))
        made[listener] = "not a regular file"
        empty = segments / f"{secrets.token_hex(16)}.spr"
        empty.touch(mode=0o600)
        made[empty] = "too small"
        huge = segments / f"{secrets.token_hex(16)}.spr"
        huge.touch(mode=0o600)
        os.truncate(huge, 1 << 40)
        made[huge] = "signature"
        readable = self.bait(segments)
        readable.chmod(0o644)
        made[readable] = "mode 0644"
        if os.geteuid() == 0:
            foreign = self.bait(segments)
            shutil.chown(foreign, 65534, 65534)
            made[foreign] = "owned by user 65534"
        return made

    def check_outside(self, watch, before):
        self.assertEqual([f"{path.name}: {mask:#x}" for path, mask in watch.events()], [], "nothing is done to what is outside")
        watch.close()
        for path, content in before.items():
            self.assertEqual(path.read_bytes(), content)

    def test_each_is_refused_by_name_and_left_alone(self):
        made = self.intruders()
        before = {path: path.read_bytes() for path in self.outside.iterdir()}
        watch = Watch(before, IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ATTRIB)
        agent = self.agent()
        for path, words in made.items():
            harness.wait_until(lambda path=path, words=words: any(path.name in line and words in line
                                                                  for line in agent.stderr().splitlines()),
                               f"the agent says of {path.name}: {words}")
        agent.send(harness.signal.SIGUSR1)
        harness.wait_until(lambda: f"{len(made)} refused" in agent.stderr(), "each is counted")
        self.check_honest(agent, [self.honest(1)])
        self.check_outside(watch, before)
        for path in made:
            self.assertTrue(os.path.lexists(path), f"{path.name} is still there")
        self.assertLess(max(path.stat().st_blocks for path in made if stat.S_ISREG(path.lstat().st_mode) and
                            path.stat().st_size == 1 << 40), 64, "reading holes must not fill them")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to make a device")
    def test_a_device(self):
        """Of the harmless kind, /dev/null: a test that is wrong must not open another one."""
        device = self.workspace.segments / f"{secrets.token_hex(16)}.spr"
        try:
            os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        except PermissionError:
            self.skipTest("this root may not make a device")
        agent = self.agent()
        harness.wait_until(lambda: device.name in agent.stderr(), "the agent names it")
        self.check_honest(agent, [self.honest(1)])
        self.assertTrue(device.exists())

    def test_swapped_in_a_race(self):
        """Under one name: a segment, a link to a better one outside, a FIFO, a folder, a second name of one outside."""
        segments = self.workspace.segments
        instance = secrets.token_bytes(16)
        place = self.bait(segments, instance)
        target = self.bait(self.outside, instance)
        aside = self.workspace.folder / "aside"
        aside.mkdir(mode=0o700)
        things = []
        for number in range(5):
            thing = aside / str(number)
            if number == 0:
                thing.symlink_to(target)
            elif number == 1:
                os.mkfifo(thing, 0o600)
            elif number == 2:
                thing.mkdir()
            elif number == 3:
                os.link(target, thing)
            else:
                subprocess.run(["cp", "--sparse=always", place, thing], check=True)
            things.append(thing)
        before = {target: target.read_bytes(), self.original: self.original.read_bytes()}
        watch = Watch(before, IN_MODIFY | IN_CLOSE_WRITE)
        chance = random.Random(3)
        failed = []

        def swap():
            done = 0
            while done < SWAPS:
                try:
                    exchange(chance.choice(things), place)
                    done += 1
                except OSError as error:
                    if error.errno != errno.ENOENT:
                        failed.append(error)
                        return
                    # The agent drained a dead process's segment to its end and removed it. Another one.
                    subprocess.run(["cp", "--sparse=always", target, aside / "new"], check=True)
                    (aside / "new").rename(place)
        agent = self.agent()
        attacker = threading.Thread(target=swap)
        attacker.start()
        producers = [self.honest(1), self.honest(2)]
        attacker.join(2 * harness.WATCHDOG)
        self.assertFalse(attacker.is_alive(), "watchdog: the swaps do not end")
        self.assertEqual(failed, [])
        self.check_honest(agent, producers)
        self.check_outside(watch, before)
        self.assertEqual((self.workspace.state / "crashes").read_text(), "")


@unittest.skipUnless(os.geteuid() == 0, "needs root, to be two other users")
class TwoUsers(harness.Case):
    """Two real users without rights, neither of them root: numbers that nobody has."""

    def setUp(self):
        super().setUp()
        self.victim = 60000 + secrets.randbelow(2000) * 2
        self.attacker = self.victim + 1
        if subprocess.run([*self.as_user(self.victim), "test", "-x", harness.AGENT], stdin=subprocess.DEVNULL).returncode != 0:
            self.skipTest(f"another user has no way to {harness.AGENT}")
        self.workspace.folder.chmod(0o711)
        self.home = {}
        for user in (self.victim, self.attacker):
            home = self.workspace.folder / str(user)
            home.mkdir(mode=0o700)
            shutil.chown(home, user, user)
            self.home[user] = home
        self.squatted = f"/dev/shm/spanring-{self.victim}"
        self.addCleanup(shutil.rmtree, self.squatted, ignore_errors=True)

    def as_user(self, user):
        return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]

    def run_as(self, user, *command, name="command", **environment):
        return harness.Process(self.workspace, name, [*self.as_user(user), *command], stdin=subprocess.PIPE,
                               env=harness.environment(**{**environment, "HOME": self.home[user]}))

    def agent_of(self, user, *arguments):
        return self.run_as(user, harness.AGENT, "--state-dir", self.home[user] / "state", "--exporter", "debug",
                           *harness.SECCOMP, *arguments, name="agent")

    def producer_of(self, user, *arguments, **environment):
        record = self.home[user] / f"record-{secrets.token_hex(4)}"
        return self.run_as(user, harness.PRODUCER, "--record", record, *arguments, name="producer", **environment)

    def test_a_name_that_somebody_else_took_first(self):
        """In the shared directory anybody may make /dev/shm/spanring-UID; its user is told, and writes nothing there."""
        for mode in (0o777, 0o700):
            self.run_as(self.attacker, "mkdir", "-m", f"{mode:o}", self.squatted).expect(0)
            producer = self.producer_of(self.victim, "--count", 10, "--expect-off")
            producer.expect(0)
            self.assertIn(producer.stdout(), (f"off {errno.EPERM}\n", f"off {errno.EACCES}\n"))
            agent = self.agent_of(self.victim)
            agent.expect(1)
            self.assertIn(f"{self.squatted} cannot be used", agent.stderr())
            self.assertEqual(os.listdir(self.squatted), [])
            os.rmdir(self.squatted)

    def test_a_link_in_place_of_the_directory(self):
        trap = self.home[self.attacker] / "trap"
        trap.mkdir(mode=0o777)
        shutil.chown(trap, self.victim, self.victim)  # even one of its own, where a link leads there
        self.home[self.attacker].chmod(0o711)
        self.run_as(self.attacker, "ln", "-s", trap, self.squatted).expect(0)
        self.addCleanup(os.unlink, self.squatted)
        producer = self.producer_of(self.victim, "--count", 10, "--expect-off")
        producer.expect(0)
        self.agent_of(self.victim).expect(1)
        self.assertEqual(os.listdir(trap), [])

    def test_what_another_user_can_do_to_a_segment(self):
        """Nothing: not list, read, write, link, lock, replace or drain it."""
        producer = self.producer_of(self.victim, "--count", 100, "--hold")
        producer.wait_for_line("ready")
        name, = (name for name in os.listdir(self.squatted) if name.endswith(".spr"))
        path = f"{self.squatted}/{name}"
        attempts = {
            "list": ["ls", self.squatted],
            "read": ["cat", path],
            "write": ["dd", "if=/dev/zero", f"of={path}", "count=1", "conv=notrunc"],
            "truncate": ["truncate", "-s", "0", path],
            "link": ["ln", path, self.home[self.attacker] / "mine"],
            "remove": ["rm", "-f", path],
            "replace": ["mv", "-f", self.home[self.attacker] / "own", path],
            "move the directory": ["mv", self.squatted, f"{self.squatted}-gone"],
            "put a file beside it": ["touch", f"{self.squatted}/{secrets.token_hex(16)}.spr"],
        }
        (self.home[self.attacker] / "own").touch()
        shutil.chown(self.home[self.attacker] / "own", self.attacker, self.attacker)
        for what, command in attempts.items():
            process = self.run_as(self.attacker, *command, name=what.replace(" ", "-"))
            self.assertNotEqual(process.wait(), 0, what)
        agent = self.agent_of(self.attacker, "--directory", self.squatted)
        agent.expect(1)
        self.assertRegex(agent.stderr(), "belongs to another user|closed to this user")

        own = self.agent_of(self.victim)
        own.wait_for_line("spanring-agent ready:", stream="stderr")
        producer.end_input()
        producer.expect(0)
        harness.wait_until(lambda: not os.path.exists(path), "its own agent drains it and removes it")
        own.stop()

    def test_an_agent_of_another_user_leaves_a_directory_alone(self):
        folder = self.home[self.attacker] / "segments"
        folder.mkdir(mode=0o700)
        shutil.chown(folder, self.attacker, self.attacker)
        self.home[self.attacker].chmod(0o711)
        agent = self.workspace.start_agent("--exporter", "debug", directory=folder)  # root: it could, and must not
        agent.expect(1)
        self.assertIn("belongs to another user", agent.stderr())
        self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    harness.main()
