# SPDX-License-Identifier: Apache-2.0
"""ops and top of who sends by OTLP: they are measured and shown like processes with a ring."""

import json
import signal

import harness
import receiving
from live_test import LiveCase, Spans


class Senders(LiveCase):
    def setUp(self):
        super().setUp()
        self.agent = receiving.StoreAgent(self.workspace)

    def measured(self, *words):
        operations = json.loads(self.workspace.command("ops", "--json", "--limit", "0", *words))["operations"]
        return {(row["service"], row["name"]): (row["spans"], row["p50_nano"]) for row in operations}

    def test_their_operations_are_measured(self):
        Spans(self.workspace, "ring").make(5)  # and one before
        self.agent.take(receiving.request("otlp", range(20)))
        self.agent.take(receiving.request("otlp", range(10), instance="2"))
        harness.wait_until(lambda: sum(spans for spans, _ in self.measured().values()) == 36, "all are measured")
        found = self.measured()
        self.assertEqual(found["ring", "root"][0], 6)
        self.assertEqual({key: found["otlp", key][0] for key in ("span 0", "span 9", "span 10", "span 19")},
                         {"span 0": 2, "span 9": 2, "span 10": 1, "span 19": 1})
        for (service, _), (_, median) in found.items():
            if service == "otlp":
                self.assertAlmostEqual(median, 500_000, delta=25_000)  # within a bucket
        # By words they are those that are stored.
        harness.wait_until(lambda: len(self.measured("service=otlp")) == 20, "they are stored")
        self.assertEqual(self.measured("service=otlp", "name=span 1*")["otlp", "span 10"][0], 1)
        self.agent.process.stop()

    def test_top_has_them_beside_processes(self):
        spans = Spans(self.workspace, "ring")
        top = self.piped("top", "--interval", "0.3")
        top.wait_for_line("EXPORTER")
        sent = 0

        def shown():
            """One look in which sender and process, and an operation of each, are all there."""
            nonlocal sent
            spans.make(1)
            self.agent.take(receiving.request("by-otlp", range(sent, sent + 5)))
            sent += 5
            for look in top.stdout().split("spanring top")[1:]:
                rows = [line.split() for line in look.splitlines()]
                processes = {row[1] for row in rows if row and row[0].isdigit() and len(row) > 8}
                senders = {word for row in rows if "sender" in row for word in row}
                operations = {tuple(row[:2]) for row in rows}
                if "ring" in processes and "by-otlp" in senders and {("ring", "root"), ("by-otlp", "span")} <= operations:
                    return True
            return False
        harness.wait_until(shown, "both are in one look")
        top.send(signal.SIGINT)
        top.expect(0)
        self.agent.process.stop()


if __name__ == "__main__":
    harness.main()
