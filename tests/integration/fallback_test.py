# SPDX-License-Identifier: Apache-2.0
"""An exporter with several endpoints: what one of them does not take, the next one gets, and nothing is lost or comes twice
while backends come and go."""

import agent_configuration
import harness
from comparison import records
from json_backend import JsonBackend


class Fallback(harness.Case):
    def setUp(self):
        super().setUp()
        self.backends = [JsonBackend() for _ in range(3)]
        for backend in self.backends:
            self.addCleanup(backend.close)

    def agent(self):
        first, *others = (backend.endpoint for backend in self.backends)
        exporter = agent_configuration.quick(first, encoding="json", timeout="10s",
                                             fallback={"endpoints": others, "retry_interval": "200ms"})
        return self.workspace.agent("--config", agent_configuration.write(self.workspace, {"otlp_http": exporter}, batch=64))

    def gets_spans(self, *which):
        """Each of these gets some, and the others none any more once that is so."""
        for index in which:
            before = len(self.backends[index].spans())
            harness.wait_until(lambda: len(self.backends[index].spans()) >= before + 500, f"endpoint {index} gets spans")

    def test_backends_that_come_and_go(self):
        agent = self.agent()
        producers = [self.workspace.producer("--seed", seed, "--service", f"service-{seed}", "--endless", "--rate", 1000,
                                             "--flush", 60) for seed in (1, 2)]
        for producer in producers:
            producer.wait_for_line("ready")
        self.gets_spans(0)
        self.backends[0].status = 503
        self.gets_spans(1)
        self.backends[1].status = 503
        self.gets_spans(2)
        self.backends[1].status = 200
        self.gets_spans(1)
        self.backends[0].status = 200
        self.gets_spans(0)
        for backend in self.backends:
            backend.status = 503
        refused = [backend.refused for backend in self.backends]
        harness.wait_until(lambda: all(backend.refused > before for backend, before in zip(self.backends, refused)),
                           "all are asked")
        self.backends[2].status = 200
        self.gets_spans(2)
        harness.end_all(producers)
        wanted = set(records(producers))
        harness.wait_until(lambda: sum(len(backend.spans()) for backend in self.backends) >= len(wanted), "everything arrives")
        self.workspace.accounting()
        agent.stop()
        spans = [span for backend in self.backends for span in backend.spans()]
        self.assertEqual(len(spans), len(wanted), "each once")
        self.assertEqual(set(spans), wanted)
        self.assertIn(f"spans go to {self.backends[1].endpoint}", agent.stderr())


if __name__ == "__main__":
    harness.main()
