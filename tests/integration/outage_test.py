# SPDX-License-Identifier: Apache-2.0
"""A backend that is away for as long as it takes to make thousands of spans, again and again; one that never answers; a
spool at its bound, and on a disk without room. Applications go on, what can be kept arrives, the rest is counted.

How long "away" is, events say: how much was made meanwhile, and that all of it is in the spool.
"""

import json
import socket
import subprocess
import unittest

import agent_configuration
import harness
from comparison import compare, compare_all, records
from otlp_json import Received

BATCH = 64  # spans a request

class Outage(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector()
        self.received = Received(self.collector.received)
        self.seed = 0

    def agent(self, consumers=8, max_bytes="1GiB", directory=None, beside=None, lanes=True):
        """`beside`: further exporters. `lanes`: errors and slow spans go first; else it is age alone that counts."""
        spool = {"max_bytes": max_bytes, "file_bytes": "128KiB", **({"directory": directory} if directory else {})}
        queue = {"num_consumers": consumers, "priority": {"enabled": lanes}}
        exporter = agent_configuration.quick(self.collector.endpoint, sending_queue=queue, spool=spool)
        return self.workspace.agent("--config", agent_configuration.write(
            self.workspace, {"otlp_grpc": exporter, **(beside or {})}, batch=BATCH))

    def producer(self, *arguments):
        self.seed += 1
        return self.workspace.producer("--seed", self.seed, "--service", f"service-{self.seed}", "--flush", 60, *arguments)

    def finished(self, count):
        """All that it made is answered for: delivered, in the spool, or counted."""
        producer = self.producer("--count", count)
        producer.expect(0)
        return producer

    def accounts(self):
        """Service to what its exporter did, once nothing is pending."""
        return {process["service"]: process["exporters"][0] for process in self.workspace.accounting()}

    def test_away_again_and_again_under_load(self):
        self.collector.start()
        agent = self.agent()
        producers = [self.producer("--endless", "--rate", 3000) for _ in range(2)]
        for producer in producers:
            producer.wait_for_line("ready")
        for _ in range(3):
            arrived = self.received.count()
            harness.wait_until(lambda: self.received.count() >= arrived + 1000, "spans arrive")
            self.collector.stop()
            arrived = self.received.count()
            made = [self.made(producer) for producer in producers]
            for producer, before in zip(producers, made):
                harness.wait_until(lambda: self.made(producer) >= before + 3000, "an application goes on without it")
            self.assertEqual(self.received.count(), arrived)
            self.collector.start()
        harness.end_all(producers)
        wanted = records(producers)
        harness.wait_until(lambda: len(self.received.by_identity()) >= len(wanted), f"{len(wanted)} spans arrive")
        for account in self.accounts().values():
            self.assertGreater(account["exported"], 9000)
            self.assertEqual(account["dropped"]["spool"], 0)
        agent.stop()
        self.collector.stop()
        compare(wanted, self.received.by_identity())

    def made(self, producer):
        return producer.record.read_bytes().count(b"\n")

    def test_what_waited_comes_in_order(self):
        """One application after the other while the backend is away; they arrive one after the other."""
        agent = self.agent(consumers=1, lanes=False)
        producers = [self.finished(1000) for _ in range(4)]
        self.collector.start()
        compare_all(producers, self.received, agent, self.collector)
        got = self.received.by_identity()
        requests = [sorted({got[identity][0].request for identity in records([producer])}) for producer in producers]
        for earlier, later in zip(requests, requests[1:]):
            self.assertLess(earlier[-1], later[0])

    def check_losses(self, producers):
        """What the accounts say was dropped is what is missing, process by process. Returns how many of each."""
        accounts = self.accounts()
        got = self.received.by_identity()
        missing = []
        for number, producer in enumerate(producers, 1):
            made = records([producer])
            missing.append(len(made.keys() - got.keys()))
            account = accounts[f"service-{number}"]
            dropped = account["dropped"]["queue"] + account["dropped"]["spool"]  # before the spool, or out of it
            self.assertEqual(dropped, missing[-1], f"of service-{number}")
            self.assertEqual(account["exported"], len(made) - missing[-1])
        wanted = records(producers)
        compare({identity: wanted[identity] for identity in got}, got)
        return missing

    def test_at_its_bound_the_oldest_go_and_are_counted(self):
        agent = self.agent(max_bytes="1MiB", lanes=False)
        producers = [self.finished(1500) for _ in range(4)]
        self.collector.start()
        self.accounts()
        agent.stop()
        self.collector.stop()
        missing = self.check_losses(producers)
        self.assertGreater(sum(missing), 0)
        self.assertLess(missing[-1], 1500, "the newest are there")
        newest_that_lost = max(number for number, lost in enumerate(missing) if lost)
        kept = sum(1500 - lost for lost in missing[:newest_that_lost])
        self.assertLessEqual(kept, BATCH, "none was dropped before an older one, but for the request that was a probe")

    def test_on_a_disk_without_room(self):
        folder = self.workspace.folder / "tiny"
        folder.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", folder],
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if mounted.returncode != 0:
            raise unittest.SkipTest(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", folder], check=True)
        agent = self.agent(directory=folder / "spool")
        producers = [self.finished(6000)]  # more than there is room for
        self.collector.start()
        self.accounts()
        producers.append(self.finished(500))
        self.accounts()
        agent.stop()
        self.collector.stop()
        missing = self.check_losses(producers)
        self.assertGreater(missing[0], 0)
        self.assertLess(missing[0], 6000, "what found room is there")
        self.assertEqual(missing[1], 0, "with room again nothing is lost")

    def test_beside_one_that_never_answers(self):
        """It takes connections and reads nothing. Its spans wait in its spool; nobody waits for it."""
        with socket.create_server(("127.0.0.1", 0), backlog=64) as deaf:
            self.collector.start()
            endpoint = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            agent = self.agent(beside={"otlp_grpc/deaf": {**agent_configuration.quick(endpoint), "timeout": "300ms"}})
            producers = [self.finished(3000) for _ in range(2)]
            harness.wait_until(lambda: not self.workspace.segment_files(), "the segments are drained and unlinked")
            compare_all(producers, self.received, agent, self.collector)
        accounting = json.loads(self.workspace.command("accounting", "--json"))
        self.assertEqual(accounting["verdict"], "OK")
        for process in accounting["processes"]:
            there, deaf = process["exporters"]
            self.assertEqual((there["exported"], there["pending"]), (3000, 0))
            self.assertEqual((deaf["exported"], deaf["pending"]), (0, 3000))


if __name__ == "__main__":
    harness.main()
