# SPDX-License-Identifier: Apache-2.0
"""The agent is killed under load and started again: nothing is missing, and only what was in flight may come twice."""

import agent_configuration
import harness
from comparison import Comparison, records
from otlp_json import Received

IN_FLIGHT = 8       # requests under way at once (sending_queue::num_consumers, default)
BATCH = 64          # spans a request
KILLS = 3


class AgentDeath(harness.Case):
    def start_agent(self, collector, threads):
        configuration = agent_configuration.write(
            self.workspace, {"otlp_grpc": agent_configuration.quick(collector.endpoint)}, batch=BATCH,
            receiver={"drain": {"threads": threads}})
        agent = self.workspace.agent("--config", configuration)
        names = {f"drain/{number}" for number in range(threads)}
        harness.wait_until(lambda: {name for name in agent.threads().values() if name.startswith("drain/")} == names,
                           "each drain thread runs")
        return agent

    def test_killed_under_load_and_started_again(self):
        self.check_kills(threads=[1] * (KILLS + 1))

    def test_with_several_drain_threads(self):
        self.check_kills(threads=[2, 4] * ((KILLS + 1) // 2))

    def check_kills(self, threads):
        """`threads`: that drain, of each agent."""
        collector = self.workspace.collector().start()
        received = Received(collector.received)
        agent = self.start_agent(collector, threads[0])
        producers = [self.workspace.producer("--seed", seed, "--endless", "--service", f"steady-{seed}", "--rate", 2000,
                                             "--flush", 60) for seed in (1, 2, 3)]
        kills = []
        for next_threads in threads[1:]:
            enough = received.count() + 40 * BATCH
            harness.wait_until(lambda: received.count() >= enough, "spans arrive")
            agent.kill()
            # What it sent is with the Collector, or on the wire to it: wait for the file to stand still.
            kills.append(self.requests_at_rest(received))
            agent = self.start_agent(collector, next_threads)
        harness.end_all(producers)
        # By then a spool may hold them, and what the Collector has not answered for when the agent has to end stays there.
        wanted = records(producers)
        processes = self.workspace.accounting()
        agent.stop()
        collector.stop()

        got = received.by_identity()
        self.assertEqual(wanted.keys() - got.keys(), set(), "nothing is missing")
        self.assertEqual(got.keys() - wanted.keys(), set(), "nothing arrives that nobody made")
        for identity, (span, resource) in wanted.items():
            for arrived in got[identity]:
                Comparison(span, resource, arrived).check()
        self.check_duplicates(got, kills)
        self.assertEqual(sum(process["ended"] for process in processes), len(wanted))

    def requests_at_rest(self, received):
        seen = [-1]

        def stands_still():
            received.read()
            before, seen[0] = seen[0], received.requests
            return before == seen[0] and received.requests
        return harness.wait_until(stands_still, "the Collector's file stands still")

    def check_duplicates(self, got, kills):
        """A span comes twice only if a kill found its request unacknowledged: one of the last that the killed agent sent.

        The file at rest is a reading, not a border: what lay in the Collector's socket then is written after it, among the
        first requests of the next agent.
        """
        for identity, spans in got.items():
            if len(spans) == 1:
                continue
            first = min(span.request for span in spans)
            self.assertTrue(any(abs(kill - first) <= 3 * IN_FLIGHT for kill in kills),
                            f"{identity} came {len(spans)} times, first in request {first}; kills after {kills}")


if __name__ == "__main__":
    harness.main()
