# SPDX-License-Identifier: Apache-2.0
"""What tests have in common that kill the agent at named steps of its work, under load."""

import signal

import agent_configuration
import harness
from comparison import Comparison, records
from otlp_json import Received

FAILING_AGENT = harness.BUILD / "tests/integration/failing-agent"
BATCH = 64  # spans a request


class Stepping(harness.Case):
    def setUp(self):
        super().setUp()
        self.collector = self.workspace.collector()
        exporters = {"otlp_grpc": agent_configuration.quick(self.collector.endpoint)}
        self.configuration = agent_configuration.write(self.workspace, exporters, batch=BATCH)
        self.received = Received(self.collector.received)
        self.seed = 0
        self.rate = 3000  # spans a second of each producer
        self.judged = {}  # of all producers so far

    def agent(self):
        return self.workspace.agent("--config", self.configuration)

    def killed_agent(self, step, passage):
        """Runs: to be waited for with died()."""
        return self.workspace.start_agent("--config", self.configuration, program=FAILING_AGENT,
                                          env={"SPANRING_KILL_AT": f"{step}:{passage}"})

    def died(self, agent):
        agent.expect(-signal.SIGKILL)

    def producer(self, *arguments):
        self.seed += 1
        producer = self.workspace.producer("--seed", self.seed, "--service", f"service-{self.seed}", *arguments)
        producer.service = f"service-{self.seed}"
        return producer

    def load(self):
        producers = [self.producer("--endless", "--rate", self.rate, "--flush", 60) for _ in range(2)]
        for producer in producers:
            producer.wait_for_line("ready")
        return producers

    def end(self, producers):
        harness.end_all(producers)

    def judge(self, producers, most_again):
        """All of it is there, as it was set. `most_again`: by service, how many spans may have come once more."""
        wanted = records(producers)
        harness.wait_until(lambda: wanted.keys() <= self.received.by_identity().keys(), f"{len(wanted)} spans arrive")
        for process in self.workspace.accounting():
            self.assertIn(process["state"], ("live", "finished"))
        self.judged |= wanted
        got = self.received.by_identity()
        self.assertEqual(got.keys() - self.judged.keys(), set(), "nothing arrives that nobody made")
        again = dict.fromkeys((producer.service for producer in producers), 0)
        for producer in producers:
            for identity, (span, resource) in records([producer]).items():
                for arrived in got[identity]:
                    Comparison(span, resource, arrived).check()
                again[producer.service] += len(got[identity]) - 1
        for service, number in again.items():
            self.assertLessEqual(number, most_again(service), f"of {service} more came twice than was not acknowledged")
        return again

    def each(self, steps, check):
        for step, passage in steps.items():
            with self.subTest(step=step):
                check(step, passage)
