# SPDX-License-Identifier: Apache-2.0
"""One user's flood fills the agent's disk, and pushes nothing of another's out of it: neither out of the spool while the
backend is away, nor out of the local store."""

import json
import sqlite3

import agent_configuration
import harness
from comparison import compare, records
from otlp_json import Received
from users import AllUsersCase

BATCH = 64  # spans a request: each is of both users
HERS, HIS = 200, 6000
ROOM = "1MiB"


class SharedDisk(AllUsersCase):
    """Alice has few spans, before, in the midst and after; Bob has many times what there is room for."""

    def start_agent(self, exporters):
        configuration = agent_configuration.write(self.workspace, exporters, batch=BATCH)
        configuration.chmod(0o644)
        return self.agent("--config", configuration)

    def made(self, user, seed, count):
        return self.producer(user, "--seed", seed, "--count", count, "--service", f"of-{user}-{seed}", "--flush", 60)

    def flood(self):
        """Their producers, and his, once the agent has answered for all of it."""
        hers = [self.made(self.alice, 1, HERS)]
        hers[0].expect(0)
        his = [self.made(self.bob, seed, HIS) for seed in (2, 3)]
        hers.append(self.made(self.alice, 4, HERS))
        for producer in his + hers:
            producer.expect(0)
        hers.append(self.made(self.alice, 5, HERS))
        hers[-1].expect(0)
        return hers, his

    def accounts(self):
        """Of each user's processes what their exporter did, once nothing is pending."""
        accounting = json.loads(self.workspace.command("accounting", "--wait", harness.QUIET, "--json"))
        self.assertEqual(accounting["verdict"], "OK", accounting)
        found = {}
        for process in accounting["processes"]:
            found.setdefault(process["uid"], []).append(process["exporters"][0])
        return found

    def test_of_the_spool(self):
        collector = self.workspace.collector()
        spool = {"max_bytes": ROOM, "file_bytes": "128KiB"}
        agent = self.start_agent({"otlp_grpc": agent_configuration.quick(collector.endpoint, spool=spool)})
        hers, his = self.flood()
        collector.start()
        accounts = self.accounts()
        agent.stop()
        collector.stop()
        for account in accounts[self.alice]:
            self.assertEqual((account["exported"], account["pending"]), (HERS, 0))
        lost = sum(account["dropped"]["spool"] for account in accounts[self.bob])
        self.assertGreater(lost, HIS, "what did not fit was his")
        received = Received(collector.received).by_identity()
        wanted, flood = records(hers), records(his)
        compare(wanted, {identity: spans for identity, spans in received.items() if identity not in flood})
        self.assertEqual(len(flood.keys() - received.keys()), lost)

    def test_of_the_store(self):
        agent = self.start_agent({"store": {"max_bytes": ROOM}})
        hers, his = self.flood()
        agent.stop()
        with sqlite3.connect(f"file:{self.workspace.state / 'spans.db'}?mode=ro", uri=True) as store:
            stored, = store.execute("SELECT SUM(spans) FROM batches JOIN held ON batch = id WHERE owner = ?",
                                    [self.alice]).fetchone()
            evicted, = store.execute("SELECT value FROM totals WHERE name = 'evicted_spans'").fetchone()
            left, = store.execute("SELECT SUM(spans) FROM batches JOIN held ON batch = id WHERE owner = ?",
                                  [self.bob]).fetchone()
        self.assertEqual(stored, len(records(hers)))
        self.assertEqual(left + evicted, len(records(his)), "what gave way was his")
        self.assertGreater(evicted, HIS)


if __name__ == "__main__":
    harness.main()
