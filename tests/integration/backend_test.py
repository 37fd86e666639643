# SPDX-License-Identifier: Apache-2.0
"""A backend that is not there, goes, and comes back: applications never wait for it, and everything arrives."""


import agent_configuration
import harness
from comparison import compare_all, records
from otlp_json import Received

class Backend(harness.Case):
    exporter, compression = "otlp_grpc", "none"

    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector()
        exporter = agent_configuration.quick(self.endpoint(), compression=self.compression)
        self.configuration = agent_configuration.write(self.workspace, {self.exporter: exporter}, batch=256)
        self.received = Received(self.collector.received)

    def endpoint(self):
        return self.collector.endpoint

    def start_agent(self):
        return self.workspace.agent("--config", self.configuration)

    def finished_producer(self, seed, count):
        """Its flush says that the agent holds everything, delivered or spooled."""
        producer = self.workspace.producer("--seed", seed, "--count", count, "--flush", 60, "--service", f"service-{seed}")
        producer.expect(0)
        return producer

    def everything_arrives(self, producers, agent):
        compare_all(producers, self.received, agent, self.collector)
        exported = [exporter["exported"] for process in self.workspace.accounting() for exporter in process["exporters"]]
        self.assertEqual(sum(exported), len(records(producers)))

    def test_down_first_then_up(self):
        agent = self.start_agent()
        producers = [self.finished_producer(1, 2000)]
        self.assertEqual(self.received.count(), 0)
        self.collector.start()
        producers.append(self.finished_producer(2, 500))
        self.everything_arrives(producers, agent)

    def test_up_then_down_then_up(self):
        self.collector.start()
        agent = self.start_agent()
        producers = [self.finished_producer(1, 1000)]
        harness.wait_until(lambda: self.received.count() == 1000, "the first thousand arrives")
        self.collector.stop()
        producers.append(self.finished_producer(2, 3000))
        self.assertEqual(self.received.count(), 1000)
        self.collector.start()
        self.everything_arrives(producers, agent)

    def test_what_is_spooled_survives_the_agent(self):
        """Backend down, application gone, agent killed: a new agent replays the spool."""
        agent = self.start_agent()
        producers = [self.finished_producer(1, 2000)]
        harness.wait_until(lambda: not self.workspace.segment_files(), "the segment is drained and unlinked")
        agent.kill()
        self.collector.start()
        agent = self.start_agent()
        self.everything_arrives(producers, agent)

    def test_a_clean_stop_with_the_backend_down_keeps_everything(self):
        agent = self.start_agent()
        producers = [self.finished_producer(1, 500)]
        agent.stop()
        self.collector.start()
        agent = self.start_agent()
        self.everything_arrives(producers, agent)


class HttpBackend(Backend):
    """All of it over HTTP; what comes out of the spool is compressed only then."""

    exporter, compression = "otlp_http", "zstd"

    def endpoint(self):
        return self.collector.http_endpoint

    def test_a_sender_that_is_full_of_compression_gets_help(self):
        self.collector.start()
        exporter = agent_configuration.quick(self.endpoint(), compression="zstd", **{"compression_params": {"level": 19}})
        self.configuration = agent_configuration.write(self.workspace, {self.exporter: exporter}, batch=512)
        agent = self.start_agent()

        producers, seed = [], 0
        while "encode/0" not in agent.threads().values():
            seed += 1
            self.assertLess(seed, 40, f"the sender is alone with it: {agent.threads()}")
            producers.append(self.finished_producer(seed, 3000))
        producers.append(self.finished_producer(seed + 1, 3000))
        self.everything_arrives(producers, agent)


if __name__ == "__main__":
    harness.main()
