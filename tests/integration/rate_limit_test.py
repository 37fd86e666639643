# SPDX-License-Identifier: Apache-2.0
"""An exporter with a rate: what an outage left is sent within it, beside what comes meanwhile, and nothing is lost."""

import time

import agent_configuration
import harness
from comparison import records
from json_backend import JsonBackend
from metrics_test import Page

RATE = 3  # requests a second: slow enough for what is to happen meanwhile


class RateLimit(harness.Case):
    def setUp(self):
        super().setUp()
        self.backend = JsonBackend()
        self.addCleanup(self.backend.close)

    def agent_with(self, rate, *arguments, timeout="2s", **more):
        limited = agent_configuration.quick(self.backend.endpoint, timeout=timeout, encoding="json", rate_limit=rate)
        file = agent_configuration.write(self.workspace, {"otlp_http": limited, **more}, batch=64)
        return self.workspace.agent("--config", file, "--metrics-address", "127.0.0.1:0", *arguments)

    def producer(self, seed, count):
        producer = self.workspace.producer("--seed", seed, "--count", count, "--flush", 60)
        producer.expect(0)
        return producer

    def test_what_an_outage_left_does_not_storm_the_backend(self):
        self.backend.status = 503
        agent = self.agent_with({"requests_per_second": RATE}, timeout="60s", store=None)
        left = self.producer(1, 1600)
        harness.wait_until(lambda: Page(agent).value("exporter_pending_spans", exporter="otlp_http", where="spool") == 1600,
                           "everything is in the spool")
        began = time.monotonic()
        self.backend.status = 200
        harness.wait_until(self.backend.received, "the backend is found again")
        live = self.producer(2, 400)
        wanted = {each: set(records([each])) for each in (left, live)}
        harness.wait_until(lambda: len(set(self.backend.spans())) >= 2000, "everything arrives")
        spans = self.backend.spans()
        self.assertEqual(len(spans), 2000, "each once")
        self.assertEqual(set(spans), set().union(*wanted.values()))

        # From before the first one to the last: whatever stood in between can only have made it slower.
        requests = self.backend.received()
        self.assertLessEqual(len(requests), RATE * (requests[-1].at - began + 1) + 1)
        last = {each: max(i for i, request in enumerate(requests) if wanted[each] & set(request.spans))
                for each in (left, live)}
        self.assertLess(last[live], last[left], "what comes meanwhile does not wait for the end of the replay")
        self.workspace.accounting()
        agent.stop()
        self.assertNotIn("dropped", agent.stderr())

    def test_too_much_for_the_rate_goes_to_the_spool_and_holds_no_other_exporter(self):
        agent = self.agent_with({"requests_per_second": 1}, "--shutdown-timeout", "1s", store=None)
        producer = self.producer(3, 1600)
        harness.wait_until(lambda: Page(agent).value("exporter_spans_exported_total", exporter="store") == 1600,
                           "the other exporter has everything")
        self.assertLess(len(self.backend.spans()), 1600)
        harness.wait_until(lambda: Page(agent).value("exporter_queue_spans", exporter="otlp_http") == 0,
                           "what waited longer than an attempt may take is in the spool")
        page = Page(agent)
        self.assertGreater(page.value("exporter_spans_spooled_total", exporter="otlp_http"), 0)
        self.assertGreater(page.value("exporter_rate_limited_requests_total", exporter="otlp_http"), 0)
        self.assertEqual(page.value("exporter_healthy", exporter="otlp_http"), 1)
        agent.stop()  # and the next one, which has no rate, sends it
        agent = self.agent_with({}, store=None)
        harness.wait_until(lambda: len(set(self.backend.spans())) >= 1600, "everything arrives")
        # What was on its way when the first one ended may have come twice.
        self.assertEqual(set(self.backend.spans()), set(records([producer])))
        agent.stop()


if __name__ == "__main__":
    harness.main()
