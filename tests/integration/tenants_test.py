# SPDX-License-Identifier: Apache-2.0
"""A backend that keeps tenants apart: each request has the spans of one and says whose they are, through an outage and a
kill of the agent."""

import agent_configuration
import harness
from comparison import records
from json_backend import JsonBackend
from metrics_test import Page

TENANTS = {"shop": "shop", "bank": "bank", "two words": "two%20words"}  # and what the header says


class Tenants(harness.Case):
    def setUp(self):
        super().setUp()
        self.backend = JsonBackend()
        self.addCleanup(self.backend.close)

    def agent(self):
        exporter = agent_configuration.quick(self.backend.endpoint, encoding="json",
                                             headers_from=[{"key": "x-scope-orgid", "from_attribute": "service.name"}])
        return self.workspace.agent("--config", agent_configuration.write(self.workspace, {"otlp_http": exporter}, batch=256),
                                    "--metrics-address", "127.0.0.1:0")

    def test_no_request_has_spans_of_two(self):
        agent = self.agent()
        producers = {name: self.workspace.producer("--seed", seed, "--service", name, "--endless", "--rate", 500, "--flush", 60)
                     for seed, name in enumerate(TENANTS)}
        for producer in producers.values():
            producer.wait_for_line("ready")
        harness.wait_until(lambda: len(self.backend.spans()) > 1000, "spans arrive")
        self.backend.status = 503
        waiting = "exporter_pending_spans"
        harness.wait_until(lambda: Page(agent).value(waiting, exporter="otlp_http", where="spool") > 1000, "spans wait")
        agent.kill()
        agent = self.agent()
        self.backend.status = 200
        harness.wait_until(lambda: Page(agent).value(waiting, exporter="otlp_http", where="spool") < 100, "they are sent")
        harness.end_all(producers.values())
        harness.wait_until(lambda: Page(agent).value(waiting, exporter="otlp_http", where="spool") == 0, "all are sent")
        self.workspace.accounting()
        agent.stop()
        seen = {name: set() for name in TENANTS}
        for request in self.backend.received():
            self.assertEqual(len(request.services), 1)
            service, = request.services
            self.assertEqual(request.headers.get("x-scope-orgid"), TENANTS[service])
            seen[service].update(request.spans)
        for name, producer in producers.items():
            self.assertEqual(seen[name], set(records([producer])))


if __name__ == "__main__":
    harness.main()
