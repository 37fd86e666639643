# SPDX-License-Identifier: Apache-2.0
"""The agent is killed under load and started again: nothing is missing, and only what was in flight may come twice."""

import collections

import agent_configuration
import harness
from comparison import Comparison, records
from otlp_json import Received

BATCH = 64  # spans a request
KILLS = 3
SEEDS = (1, 2, 3)  # of producers


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
                                             "--flush", harness.PATIENT_FLUSH) for seed in SEEDS]
        again = collections.Counter()  # by service, how many spans may come once more
        for next_threads in threads[1:]:
            enough = received.count() + 40 * BATCH
            harness.wait_until(lambda: received.count() >= enough, "spans arrive")
            agent.kill()
            again.update(self.workspace.unacknowledged())
            agent = self.start_agent(collector, next_threads)
        harness.end_all(producers, 2 * harness.WATCHDOG)
        # By then a spool may hold them, and what the Collector has not answered for when the agent has to end stays there.
        wanted = records(producers)
        processes = self.workspace.accounting()
        agent.stop()
        collector.stop()

        got = received.by_identity()
        self.assertEqual(wanted.keys() - got.keys(), set(), "nothing is missing")
        self.assertEqual(got.keys() - wanted.keys(), set(), "nothing arrives that nobody made")
        for seed, producer in zip(SEEDS, producers):
            mine = records([producer])
            for identity, (span, resource) in mine.items():
                for arrived in got[identity]:
                    Comparison(span, resource, arrived).check()
            twice = sum(len(got[identity]) - 1 for identity in mine)
            self.assertLessEqual(twice, again[f"steady-{seed}"], "what a kill found unacknowledged, alone")
        self.assertEqual(sum(process["ended"] for process in processes), len(wanted))


if __name__ == "__main__":
    harness.main()
