# SPDX-License-Identifier: Apache-2.0
"""A new agent takes over from the one before, again and again, under as many spans as the machine makes up to 300,000 a
second, and beside clients of the receivers: nothing is lost, nothing comes twice, and nobody is refused.

    SPANRING_REPLACEMENTS (10), SPANRING_REPLACED_RATE (10000): of each of two processes
"""

import os
import subprocess
import time

import agent_configuration
import harness
from counting import CountingSink
from metrics_test import Page
from replacing import GrpcSender, Knocker, Prober, Replacing, Sender

TIMES = int(os.environ.get("SPANRING_REPLACEMENTS", "10"))
RATE = int(os.environ.get("SPANRING_REPLACED_RATE", "10000"))
PATIENCE = 600
SPANS_BETWEEN = RATE // 2  # of two replacements, at least


class LongReplace(Replacing):
    def operations(self, service):
        process = harness.Process(self.workspace, service, [harness.BUILD / "tests/integration/operations", service, 5, RATE],
                                  stdin=subprocess.PIPE, env=harness.environment(SPANRING_DIR=self.workspace.segments))
        process.wait_for_line("ready")
        return process

    def exported(self, agent):
        return Page(agent).value("exporter_spans_exported_total", exporter="otlp_http")

    def test_again_and_again(self):
        sink = CountingSink(self.workspace)
        by_grpc = harness.free_port()
        exporter = agent_configuration.quick(f"http://127.0.0.1:{sink.port}", timeout="60s", compression="none")
        file = self.configuration({"otlp_http": exporter}, http={"endpoint": f"127.0.0.1:{self.port}"},
                                  grpc={"endpoint": f"127.0.0.1:{by_grpc}"})
        agent = self.agent(file=file)
        producers = [self.operations(f"service-{number}") for number in range(2)]
        clients = Sender(self.port), GrpcSender(by_grpc), Prober(self.health), Knocker(by_grpc)
        nobody = [[] for _ in clients]

        def failures():
            return [client.failures for client in clients]

        began = time.monotonic()
        for _ in range(TIMES):
            before = [client.sent for client in clients]
            agent = self.replaced(agent, file=file)
            harness.wait_until(lambda: all(client.sent > sent for client, sent in zip(clients, before)) or
                               failures() != nobody, "clients are served")
            self.assertEqual(failures(), nobody)
            enough = self.exported(agent) + SPANS_BETWEEN
            harness.wait_until(lambda: self.exported(agent) > enough, "spans arrive by it")
        for client in clients:
            client.end()
        took = time.monotonic() - began
        for producer in producers:
            producer.end_input()
        for producer in producers:
            producer.expect(0, PATIENCE)
        harness.wait_until(self.workspace.is_quiet, "all is sent", PATIENCE)
        self.assertEqual(failures(), nobody, "nobody was refused")
        rows = self.workspace.accounting()
        ended = sum(row["ended"] for row in rows)
        sent = sum(client.sent for client in clients[:2])
        totals = sink.report()[1]
        print(f"{TIMES} replacements in {took:.0f} s; {ended} spans, {ended / took:.0f} a second; requests of clients "
              f"{[client.sent for client in clients]}, told to come again {[client.again for client in clients]}", flush=True)
        self.assertGreater(ended, TIMES * SPANS_BETWEEN)
        self.assertEqual(sum(sum(row["dropped"].values()) for row in rows), 0)
        self.assertEqual(totals["distinct"], ended + sent, "nothing was lost")
        self.assertEqual(totals["spans"], totals["distinct"], "nothing came twice")
        self.assertEqual(totals["broken"], 0)
        agent.stop()


if __name__ == "__main__":
    harness.main()
