# SPDX-License-Identifier: Apache-2.0
"""Honest applications beside those that are not: whatever happens to the others, nothing of theirs is missing."""

import json
import struct

import harness
from comparison import compare, records
from otlp_json import Received

PID = 80  # in a segment's header: lib/ring/layout.hpp, docs/shared-memory.md


class HonestCase(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector().start()
        self.received = Received(self.collector.received)

    def agent(self, *arguments):
        return self.workspace.agent("--endpoint", self.collector.endpoint, *arguments)

    def honest(self, seed, *arguments):
        return self.workspace.producer("--seed", seed, "--service", f"honest-{seed}", "--flush", harness.PATIENT_FLUSH, *arguments)

    def honest_spans(self):
        """Without those of the others, of which whole spans may arrive too."""
        def service(span):
            values = {item["key"]: item["value"] for item in span.resource.get("attributes", [])}
            return values.get("service.name", {}).get("stringValue", "")
        return {identity: spans for identity, spans in self.received.by_identity().items()
                if service(spans[0]).startswith("honest-")}

    def check_honest(self, agent, producers):
        for producer in producers:
            producer.expect(0, 2 * harness.WATCHDOG)
        self.assertTrue(agent.running(), agent.stderr())
        # What is in the spool when the time to stop is over stays there.
        harness.wait_until(self.all_is_sent, "what honest applications made is sent", 2 * harness.WATCHDOG)
        agent.stop()
        self.collector.stop()
        compare(records(producers), self.honest_spans())

    def all_is_sent(self):
        rows = [row for row in json.loads(self.workspace.command("ps", "--all", "--json"))["processes"]
                if row["service"].startswith("honest-")]
        return not any(exporter["pending_ring"] or exporter["pending_spool"] for row in rows for exporter in row["exporters"])

    def segment_of(self, process):
        """Its header names the process."""
        for path in self.workspace.segment_files():
            try:
                with open(path, "rb") as file:
                    header = file.read(PID + 4)
            except FileNotFoundError:
                continue
            if len(header) == PID + 4 and struct.unpack_from("<I", header, PID) == (process.pid,):
                return path
        raise AssertionError(f"{process.name} {process.pid} has no segment")
