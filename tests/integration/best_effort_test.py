# SPDX-License-Identifier: Apache-2.0
"""An exporter that nothing waits for: whatever its backend does, the others, the rings and the applications go on, and what it
lost is counted."""

import agent_configuration
import harness
from comparison import records
from json_backend import JsonBackend
from metrics_test import Page


class BestEffort(harness.Case):
    def setUp(self):
        super().setUp()
        self.backend = JsonBackend()
        self.addCleanup(self.backend.close)

    def agent_with(self, **more):
        settings = agent_configuration.quick(self.backend.endpoint, encoding="json", best_effort=True, **more)
        file = agent_configuration.write(self.workspace, {"otlp_http": settings, "store": None}, batch=64)
        return self.workspace.agent("--config", file, "--metrics-address", "127.0.0.1:0")

    def producer(self, seed, count):
        producer = self.workspace.producer("--seed", seed, "--count", count, "--flush", 60)
        producer.expect(0)
        return producer

    def counted(self, agent, result):
        return Page(agent).value("exporter_best_effort_spans_total", exporter="otlp_http", result=result)

    def test_a_backend_that_hangs_holds_nothing_back(self):
        self.backend.hangs.set()
        agent = self.agent_with(sending_queue={"queue_size": "4MiB", "in_flight_size": "1MiB"}, timeout="1h")
        producers = [self.producer(seed, 4000) for seed in (1, 2, 3, 4)]
        # Its flush is answered, its spans are in the store, and its file is gone: nothing of it waits.
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segments are drained and unlinked")
        made = len(records(producers))
        page = Page(agent)
        self.assertEqual(page.value("exporter_spans_exported_total", exporter="store"), made)
        self.assertNotIn(("spanring_exporter_spans_exported_total", frozenset({("exporter", "otlp_http")})), page.series)
        harness.wait_until(lambda: self.counted(agent, "dropped") > 0, "what there is no room for is dropped, and counted")
        self.workspace.accounting()
        self.backend.hangs.clear()
        harness.wait_until(lambda: self.counted(agent, "exported") + self.counted(agent, "dropped") == made,
                           "the rest arrives, and the sum is all that was made")
        exported = self.counted(agent, "exported")
        self.assertEqual(len(self.backend.spans()), exported)
        self.assertEqual(len(set(self.backend.spans())), exported)
        self.assertFalse(list(self.workspace.state.glob("spool/otlp_http/*.spool")), "nothing is kept for it")
        agent.stop()

    def test_a_backend_that_is_well_gets_everything(self):
        agent = self.agent_with()
        producer = self.producer(5, 4000)
        harness.wait_until(lambda: self.counted(agent, "exported") == 4000, "everything is delivered")
        self.assertEqual(sorted(self.backend.spans()), sorted(records([producer])))
        self.assertEqual((self.counted(agent, "dropped"), self.counted(agent, "rejected")), (0, 0))
        agent.stop()

    def test_what_is_refused_is_counted_and_nobody_is_alarmed(self):
        self.backend.status = 400
        agent = self.agent_with()
        self.producer(6, 500)
        harness.wait_until(lambda: self.counted(agent, "rejected") == 500, "the refusals are counted")
        self.backend.status = 503
        self.producer(7, 500)
        harness.wait_until(lambda: Page(agent).value("exporter_healthy", exporter="otlp_http") == 0, "it is known to be away")
        self.workspace.command("status")  # whose exit code is 0
        agent.stop()


if __name__ == "__main__":
    harness.main()
