# SPDX-License-Identifier: Apache-2.0
"""An hour without a backend, in minutes: spans come at 100,000 a second all the while. First all that waits has room in
the spool, and nothing is lost; then it has not, and what is lost is what the accounts say. Both times what waited is sent
within the exporter's rate, beside what is made meanwhile.

    SPANRING_OUTAGE_SECONDS (60), SPANRING_OUTAGE_RATE (100000)
"""

import os
import subprocess
import time

import agent_configuration
import harness
from counting import CountingSink
from metrics_test import Page

SECONDS = float(os.environ.get("SPANRING_OUTAGE_SECONDS", "60"))
RATE = int(os.environ.get("SPANRING_OUTAGE_RATE", "100000"))
BATCH = 8192
SPAN = 110          # bytes in the spool, of these; more than they have
LIMIT = 3           # of what is made, so much is sent at most
CONSUMERS = 4
LIVE_MS = 3000
PATIENCE = 20 * SECONDS + 600


class LongOutage(harness.Case):
    def setUp(self):
        super().setUp()
        self.sink = CountingSink(self.workspace, LIVE_MS)
        self.requests_a_second = max(LIMIT * RATE // BATCH, 3)

    def agent(self, spool_bytes):
        exporter = agent_configuration.quick(
            f"http://127.0.0.1:{self.sink.port}", timeout="20s", compression="none",
            rate_limit={"requests_per_second": self.requests_a_second},
            sending_queue={"num_consumers": CONSUMERS, "priority": {"enabled": False}},
            spool={"max_bytes": int(spool_bytes), "file_bytes": "8MiB"})
        file = agent_configuration.write(self.workspace, {"otlp_http": exporter}, batch=BATCH)
        return self.workspace.agent("--config", file, "--metrics-address", "127.0.0.1:0")

    def value(self, agent, name, **labels):
        return Page(agent).value(name, exporter="otlp_http", **labels)

    def outage(self, agent, service):
        """One producer, away for so long, and until all that waited is sent. Its row of the accounts."""
        producer = harness.Process(self.workspace, service, [harness.BUILD / "tests/integration/operations", service, 5, RATE * 11 // 10],
                                   stdin=subprocess.PIPE, env=harness.environment(SPANRING_DIR=self.workspace.segments))
        producer.wait_for_line("ready")
        began = time.monotonic()
        delivered = self.value(agent, "exporter_spans_exported_total")
        harness.wait_until(lambda: self.value(agent, "exporter_spans_exported_total") > delivered + RATE, "spans arrive")
        self.sink.change("away")
        away = time.monotonic()
        harness.wait_until(lambda: time.monotonic() > away + SECONDS, "the outage is over", SECONDS + 60)  # it is what is tested
        waits = self.value(agent, "exporter_spool_bytes")
        self.sink.change("there")
        back = time.monotonic()
        harness.wait_until(lambda: self.value(agent, "exporter_pending_spans", where="spool") < RATE,
                           "what waited is sent", PATIENCE)
        replayed = time.monotonic()
        producer.end_input()
        producer.expect(0, PATIENCE)
        ended = time.monotonic()
        harness.wait_until(self.workspace.is_quiet, "all is sent", PATIENCE)
        rows = {row["service"]: row for row in self.workspace.accounting()}
        print(f"{service}: {rows[service]['ended'] / (ended - began):.0f} spans a second; away {back - away:.0f} s, {waits / 1e6:.0f} MB in the spool, sent within {replayed - back:.0f} s",
              flush=True)
        return rows[service]

    def check_pace(self, rows):
        """Never more than the rate; and while what waited is sent, what is made is sent as well."""
        for first in range(len(rows)):
            requests = 0
            for row in rows[first:first + 60]:
                requests += row["requests"]
                seconds = row["second"] - rows[first]["second"] + 1
                # Whole seconds of the sink's: what belongs to those at the ends may be one second's more.
                most = self.requests_a_second * (seconds + 1) + CONSUMERS + 1  # these were on their way
                self.assertLessEqual(requests, most, rows[first])
        mixed = [row for row in rows if row["old"] > RATE / 2]
        beside = [row for row in mixed if row["live"] > 0]
        print(f"in {len(beside)} of {len(mixed)} seconds of the replay live spans came beside {sum(r['old'] for r in mixed)} "
              f"that had waited; most requests in a second {max(row['requests'] for row in rows)}, limit {self.requests_a_second}",
              flush=True)
        self.assertGreater(len(beside), len(mixed) / 2)

    def test_an_hour(self):
        enough = 2 * SECONDS * RATE * SPAN + (64 << 20)
        agent = self.agent(enough)
        whole = self.outage(agent, "whole")
        rows, sum_of = self.sink.report()
        twice = sum_of["spans"] - sum_of["distinct"]
        print(f"nothing lost: {whole['ended']} ended, {sum_of['distinct']} arrived, {twice} twice", flush=True)
        self.assertEqual(sum(whole["exporters"][0]["dropped"].values()), 0)
        self.assertEqual(sum(whole["dropped"].values()), 0)
        self.assertEqual(sum_of["distinct"], whole["ended"])
        self.assertLessEqual(twice, CONSUMERS * BATCH, "what was in flight when it went")
        self.assertEqual(sum_of["broken"], 0)
        self.check_pace(rows)
        agent.stop()

        agent = self.agent(enough / 8)
        part = self.outage(agent, "part")
        _, both = self.sink.report()
        arrived = both["distinct"] - sum_of["distinct"]
        exporter = part["exporters"][0]
        lost = sum(exporter["dropped"].values())
        print(f"beyond the spool: {part['ended']} ended, {arrived} arrived, {lost} dropped and counted", flush=True)
        self.assertGreater(lost, 0)
        self.assertEqual(arrived + lost, part["ended"])
        self.assertEqual(exporter["exported"], arrived)
        agent.stop()


if __name__ == "__main__":
    harness.main()
