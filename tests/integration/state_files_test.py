# SPDX-License-Identifier: Apache-2.0
"""State directories with damaged files, and on full disks: the agent starts, serves and ends each time."""

import os
import resource
import subprocess
import unittest

import harness
from otlp_json import Received

COUNT = 50  # spans of a producer


class Case(harness.Case):
    COLLECTED = True  # the backend is there from the start

    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector()
        if self.COLLECTED:
            self.collector.start()
        self.received = Received(self.collector.received)
        self.expected = 0

    def agent(self, *arguments, **options):
        return self.workspace.agent("--endpoint", self.collector.endpoint, "--exporter", "otlp", "--exporter", "store",
                                    "--batch-timeout", "20ms", *arguments, **options)

    def produce(self):
        self.workspace.producer("--seed", 1, "--count", COUNT).expect(0)
        self.expected += COUNT
        harness.wait_until(lambda: self.received.count() >= self.expected, "spans arrive")

    def serve(self):
        """Once, from start to end. Returns what the agent said."""
        agent = self.agent()
        self.produce()
        harness.wait_until(lambda: not self.workspace.segment_files(), "the process is booked and buried")
        agent.stop()
        return agent.stderr()


class Damaged(Case):
    def check(self, damage, *names, told=True):
        self.serve()
        for name in names:
            with self.subTest(name=name):
                path = self.workspace.state / name
                damage(path)
                self.assertEqual(told, "set aside" in self.serve())

    FILES = ("agent.lock", "crashes", "ledger.db", "spans.db", "spool/otlp_grpc/lock")

    def test_fifos(self):
        def damage(path):
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)
        self.check(damage, *self.FILES, "ledger.db-wal", "spool/otlp_grpc/0000000000000001.spool")

    def test_folders(self):
        def damage(path):
            path.unlink(missing_ok=True)
            path.mkdir()
        self.check(damage, *self.FILES, "spool/otlp_grpc/0000000000000001.spool")

    def test_links(self):
        def damage(path):
            path.unlink(missing_ok=True)
            path.symlink_to("/dev/zero")
        self.check(damage, *self.FILES, "spool/otlp_grpc/0000000000000001.spool")

    def test_zeros(self):
        self.check(lambda path: path.write_bytes(bytes(100_000)), "crashes", "ledger.db", "spans.db",
                   "spool/otlp_grpc/0000000000000001.spool")

    def test_huge_files(self):
        def damage(path):
            with open(path, "ab") as file:
                file.truncate(1 << 40)
        self.check(damage, "crashes", "spool/otlp_grpc/0000000000000001.spool")

    def test_files_that_let_nobody_in(self):
        self.check(lambda path: path.chmod(0), *self.FILES, told=False)

    def test_a_file_in_place_of_a_folder(self):
        def damage(path):
            harness.shutil.rmtree(path)
            path.write_text("no folder")
        self.check(damage, "spool/otlp_grpc", "spool")


class LostSpool(Case):
    COLLECTED = False

    def check(self, damage):
        agent = self.agent()
        self.workspace.producer("--seed", 1, "--count", COUNT).expect(0)
        harness.wait_until(lambda: not self.workspace.segment_files(), "the process is booked and buried")
        agent.stop()
        files = sorted((self.workspace.state / "spool/otlp_grpc").glob("*.spool"))
        self.assertTrue(files)
        for file in files:
            damage(file)
        self.collector.start()
        agent = self.agent()
        [process] = self.workspace.accounting()
        [exporter] = [exporter for exporter in process["exporters"] if exporter["name"] == "otlp_grpc"]
        self.assertEqual(exporter["dropped"]["spool"], COUNT)
        self.assertEqual(exporter["pending"], 0)
        self.assertIn(f"{COUNT} spans that were in its spool are not there any more", agent.stderr())
        agent.stop()

    def test_zeros(self):
        self.check(lambda file: file.write_bytes(bytes(file.stat().st_size)))

    def test_another_number(self):
        self.check(lambda file: file.rename(file.with_name("00000000000000ff.spool")))

    def test_another_name(self):
        self.check(lambda file: file.rename(file.with_name("old")))

    def test_removed(self):
        self.check(lambda file: file.unlink())


class FullDisk(Case):
    def setUp(self):
        super().setUp()
        self.disk = self.workspace.folder / "disk"
        self.disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=64,mode=700", "tmpfs", self.disk],
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if mounted.returncode != 0:
            raise unittest.SkipTest(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.disk], check=True)
        self.workspace.state = self.disk / "state"

    def fill(self):
        free = os.statvfs(self.disk)
        with open(self.disk / "filler", "wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, free.f_bavail * free.f_bsize)

    def fill_inodes(self):
        try:
            for number in range(1000):
                (self.disk / f"filler{number}").touch()
        except OSError:
            pass

    def empty(self):
        for filler in self.disk.glob("filler*"):
            filler.unlink()

    def test_the_end_on_a_full_disk_waits_for_no_room(self):
        agent = self.agent("--shutdown-timeout", "1h")
        self.fill()
        self.workspace.producer("--seed", 1, "--count", COUNT).expect(0)
        harness.wait_until(lambda: self.received.count() == COUNT, "spans arrive")
        agent.stop()
        self.assertEqual(len(self.workspace.segment_files()), 1, "the next agent books it")

    def check(self, fill):
        fill()
        agent = self.agent()
        self.workspace.producer("--seed", 1, "--count", COUNT).expect(0)
        harness.wait_until(lambda: self.received.count() == COUNT, "the backend has the spans, whatever the disk says")
        self.empty()
        harness.wait_until(lambda: not self.workspace.segment_files(), "the process is booked once there is room")
        agent.stop()
        self.assertEqual(len(self.workspace.accounting()), 1)

    def test_no_room_at_the_first_start(self):
        self.check(self.fill)

    def test_no_room_for_a_name_at_the_first_start(self):
        self.check(self.fill_inodes)


class Modes(Case):
    COLLECTED = False

    def check(self, mask):
        program = self.workspace.folder / "agent-with-umask"  # the mask is the agent's alone, not the test's
        program.write_text(f'#!/bin/sh\numask {mask:03o}\nexec "{harness.AGENT}" "$@"\n')
        program.chmod(0o700)
        agent = self.agent(program=program)
        self.workspace.producer("--seed", 1, "--count", COUNT).expect(0)
        spool = self.workspace.state / "spool/otlp_grpc"
        harness.wait_until(lambda: list(spool.glob("*.spool")), "spans go to the spool")
        modes = {path: path.stat().st_mode & 0o7777 for path in [self.workspace.state, *self.workspace.state.rglob("*")]}
        self.assertGreater(len(modes), 8)
        for path, mode in modes.items():
            self.assertEqual(mode, 0o700 if path.is_dir() else 0o600, path)
        agent.stop()

    def test_under_a_umask_that_takes_nothing(self):
        self.check(0)

    def test_under_a_umask_that_takes_everything(self):
        self.check(0o777)


class FileSizes(Case):
    def test_a_limit_on_file_sizes_is_like_a_full_disk(self):
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
        try:
            agent = self.agent()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        self.produce()
        agent.stop()


if __name__ == "__main__":
    harness.main()
