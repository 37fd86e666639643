# SPDX-License-Identifier: Apache-2.0
"""The agent killed at each named step of a decision, under load: the next one decides alike, so that each trace is kept or
dropped as a whole, and each span is in the accounts once.

The policy keeps so many spans a second. What it says of a trace depends on the moment, so an agent that did not follow
what the one before it had decided would say something else of many of them.
"""

import json

import agent_configuration
import harness
from comparison import Comparison, records
from stepping import BATCH, Stepping

REMOTE_TRACE = "0af7651916cd43dd8448eb211c80319c"  # all applications of a test have a part in it
OPEN = 20  # spans that a killed application leaves open

# Step, and at which passage. A round is every quarter of the linger.
LIVING = {
    "open_spans_read": 12, "drained_for_decision": 12, "traces_to_be_decided": 12,
    "decisions_written": 8, "span_settled": 300, "spans_settled": 8,
    "mark_moved": 20,  # of what was decided
}
# The file of decisions is full.
OF_THE_FILE = {"decisions_set_apart": 1, "decisions_begun": 1}
OF_THE_DEAD = {"unfinished_taken": OPEN // 2, "span_settled": OPEN // 2, "slot_closed": OPEN // 2, "last_record_written": 1}


class DecisionSteps(Stepping):
    def setUp(self):
        super().setUp()
        self.outlasts = set()  # traces that go on for longer than what is decided is remembered
        self.configure(400)

    def configure(self, rate, **cache):
        """`rate`: spans a second that are kept, of many more."""
        sampling = {"linger": "60ms", "decision_cache": cache,
                    "policies": [{"name": "rate", "type": "rate_limiting", "rate_limiting": {"spans_per_second": rate}}]}
        processors = {"tail_sampling": sampling, "batch": {"send_batch_size": BATCH, "timeout": "20ms"}}
        document = {"processors": processors, "exporters": {"otlp_grpc": agent_configuration.quick(self.collector.endpoint)},
                    "service": {"pipelines": {"traces": {"processors": list(processors), "exporters": ["otlp_grpc"]}}}}
        self.configuration.write_text(json.dumps(document))

    def judge(self, producers, most_again):
        """Of each trace all arrived, as it was set, or nothing; and the accounts say so, of each process."""
        rows = {process["service"]: process for process in self.workspace.accounting()}
        wanted = records(producers)
        self.judged |= wanted
        got = self.received.by_identity()
        self.assertEqual(got.keys() - self.judged.keys(), set(), "nothing arrives that nobody made")
        kept = {span.fields["traceId"] for span in self.received.spans}
        half = {identity[:32] for identity in self.judged if identity not in got and identity[:32] in kept} - self.outlasts
        self.assertEqual(half, set(), "no trace is half kept")
        arrived_at_all = sampled_out = 0
        for producer in producers:
            arrived = again = 0
            for identity, (span, resource) in records([producer]).items():
                for one in got.get(identity, []):
                    Comparison(span, resource, one).check()
                arrived += identity in got
                again += max(0, len(got.get(identity, [])) - 1)
            made = len(records([producer]))
            (exporter,) = rows[producer.service]["exporters"]
            self.assertEqual((exporter["exported"], exporter["sampled_out"]), (arrived, made - arrived))
            self.assertEqual(sum(rule["sampled_out"] for rule in rows[producer.service]["rules"]), made - arrived)
            self.assertLessEqual({rule["name"] for rule in rows[producer.service]["rules"]}, {"rate"})
            self.assertLessEqual(again, most_again(producer.service))
            arrived_at_all += arrived
            sampled_out += made - arrived
        self.assertTrue(arrived_at_all and sampled_out, f"{arrived_at_all} were kept, {sampled_out} were not")

    def test_while_applications_live(self):
        self.collector.start()
        self.each(LIVING, self.while_they_live)
        self.collector.stop()

    def test_while_the_file_of_decisions_is_begun_anew(self):
        self.rate = 600  # so that what is remembered is of seconds
        self.outlasts = {REMOTE_TRACE}
        self.configure(100, sampled_cache_size=1000, non_sampled_cache_size=1000)
        self.collector.start()
        self.each(OF_THE_FILE, self.while_they_live)
        self.collector.stop()

    def while_they_live(self, step, passage):
        producers = self.load()
        self.died(self.killed_agent(step, passage))
        left = self.workspace.unacknowledged()
        agent = self.agent()
        self.end(producers)  # once all of it is decided
        agent.stop()
        self.judge(producers, left.get)

    def test_while_the_next_agent_reads_the_decisions(self):
        self.collector.start()
        producers = self.load()
        self.died(self.killed_agent("span_settled", 300))
        left = self.workspace.unacknowledged()
        self.died(self.killed_agent("decisions_read", 1))
        self.died(self.killed_agent("decisions_joined", 1))
        agent = self.agent()
        self.end(producers)
        agent.stop()
        self.judge(producers, left.get)
        self.collector.stop()

    def test_while_the_dead_are_buried(self):
        self.collector.start()
        self.each(OF_THE_DEAD, self.while_one_is_buried)
        self.collector.stop()

    def while_one_is_buried(self, step, passage):
        producers = self.load()
        dead = self.producer("--count", 1000, "--open", OPEN, "--hold")
        dead.wait_for_line("ready")
        killed = self.killed_agent(step, passage)
        dead.kill()
        self.died(killed)
        left = self.workspace.unacknowledged()
        agent = self.agent()
        self.end(producers)
        harness.wait_until(lambda: not self.workspace.segment_files(), "all segments are drained and unlinked")
        agent.stop()
        self.judge([*producers, dead], lambda service: left.get(service, 0))


if __name__ == "__main__":
    harness.main()
