# SPDX-License-Identifier: Apache-2.0
"""Segments that are truncated, punched, grown, replaced or removed while they are drained and while they are sent.

Cutting a file takes the pages from its own process too, which may die of it; nobody else does, and nobody else's spans go.
"""

import ctypes
import os
import random
import secrets
import subprocess

import harness
from honest import HonestCase

ROUNDS = 20
EXTENTS = 0x156000  # docs/shared-memory.md
KEEP_SIZE, PUNCH_HOLE = 1, 2

libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]


class CutSegments(HonestCase):
    def truncate(self, path):
        os.truncate(path, self.chance.choice([0, 100, 4096, 0x3000, EXTENTS, EXTENTS + 4096 * self.chance.randrange(80)]))

    def punch(self, path):
        with open(path, "r+b") as file:
            place = 4096 * self.chance.randrange(EXTENTS // 4096 * 2)
            result = libc.fallocate(file.fileno(), PUNCH_HOLE | KEEP_SIZE, place, 4096 * self.chance.randrange(1, 64))
            self.assertEqual(result, 0, os.strerror(ctypes.get_errno()))

    def grow(self, path):
        os.truncate(path, path.stat().st_size + 4096 * self.chance.randrange(1, 100000))

    def replace(self, path):
        """By a copy of itself, or by noise: the name leads to another file from now on."""
        other = self.workspace.folder / secrets.token_hex(8)
        if self.chance.random() < 0.5:
            subprocess.run(["cp", "--sparse=always", path, other], check=True)
        else:
            other.write_bytes(self.chance.randbytes(1 << 16))
            other.chmod(0o600)
        other.rename(path)

    def remove(self, path):
        path.unlink()

    def check(self, *arguments):
        self.chance = random.Random(99)
        agent = self.agent(*arguments)
        honest = [self.honest(seed, "--endless", "--rate", 300) for seed in (1, 2)]
        ways = [self.truncate, self.punch, self.grow, self.replace, self.remove]
        for round in range(ROUNDS):
            victim = self.workspace.producer("--seed", 100 + round, "--endless", "--rate", 2000, "--service",
                                             f"victim-{round}")
            victim.wait_for_line("ready")
            segment = self.segment_of(victim)
            before = self.received.count()
            harness.wait_until(lambda: self.received.count() > before, "spans arrive: it is being drained and sent")
            for _ in range(self.chance.randrange(1, 4)):
                try:
                    self.chance.choice(ways if self.chance.random() < 0.4 else [self.truncate, self.punch])(segment)
                except FileNotFoundError:
                    break  # removed by the step before
            between = self.received.count()
            harness.wait_until(lambda: self.received.count() > between, "others' spans still arrive")
            self.assertTrue(agent.running(), agent.stderr()[-4000:])
            victim.kill()
        harness.end_all(honest, 2 * harness.WATCHDOG)
        self.check_honest(agent, honest)
        self.assertIn("quarantined: ", agent.stderr(), "those that could not be read any more are told")
        self.assertEqual((self.workspace.state / "crashes").read_text(), "")

    def test_while_they_are_drained(self):
        self.check()

    def test_while_they_are_sent_without_a_copy(self):
        self.check("--zero-copy", "same_user", "--batch-timeout", "5ms")


if __name__ == "__main__":
    harness.main()
