# SPDX-License-Identifier: Apache-2.0
"""The agent killed at each named step of its work, under load: a new one goes on, nothing is missing, and only what was
not yet acknowledged comes twice.

The steps are the agent's SPR_TESTPOINTs; a build of the agent for these tests is killed at the N-th passage of one
(killpoint.cpp). docs/reliability.md says what a kill leaves at each.
"""

import harness
from comparison import records
from stepping import BATCH, Stepping

IN_FLIGHT = 8  # requests under way at once (sending_queue::num_consumers, default)
OPEN = 20      # spans that a killed application leaves open

# Step, and at which passage. Under load each passes again and again.
LIVING = {
    "segment_taken": 2, "segment_attached": 2,
    "portion_copied": 25, "portion_cut": 25, "batch_submitted": 20,
    "attempt_started": 20, "attempt_ended": 20, "answer_booked": 20,
    "journal_filled": 20, "journal_armed": 20, "mark_moved": 20, "totals_stored": 20, "journal_disarmed": 20,
    "mark_reset": 5, "chunk_freed": 5,
    "ledger_open": 2, "ledger_written": 2,
}
# An application that was killed with open spans is buried.
OF_THE_DEAD = {
    "process_recovered": 1, "unfinished_taken": OPEN // 2, "slot_closed": OPEN // 2,
    "last_record_on_its_way": 1, "last_record_written": 1, "segment_removed": 1,
}
# There is no backend.
INTO_THE_SPOOL = {"spool_file_made": 1, "spool_record_written": 5, "batch_in_spool": 5}
# It is back.
OUT_OF_THE_SPOOL = {"replay_booked": 3, "spool_record_finished": 3, "spool_file_removed": 1}


class Steps(Stepping):
    def test_while_applications_live(self):
        self.collector.start()
        self.each(LIVING, self.while_they_live)
        self.collector.stop()

    def while_they_live(self, step, passage):
        producers = self.load()
        self.died(self.killed_agent(step, passage))
        left = self.workspace.unacknowledged()
        agent = self.agent()
        self.end(producers)
        agent.stop()
        self.judge(producers, left.get)

    def test_while_they_are_quiet(self):
        self.collector.start()
        producers = [self.producer("--count", 300, "--hold", "--flush", 60) for _ in range(2)]
        for producer in producers:
            producer.wait_for_line("ready")
        self.died(self.killed_agent("lain_down", 2))
        left = self.workspace.unacknowledged()
        agent = self.agent()
        self.end(producers)
        agent.stop()
        self.judge(producers, left.get)
        self.collector.stop()

    def test_while_a_flush_is_served(self):
        self.collector.start()
        producers = [self.producer("--count", 500, "--flush", 60) for _ in range(2)]
        self.died(self.killed_agent("flush_served", 1))
        left = self.workspace.unacknowledged()
        agent = self.agent()
        for producer in producers:
            producer.expect(0)
        agent.stop()
        self.judge(producers, lambda service: left.get(service, 0))
        self.collector.stop()

    def test_again_while_it_finishes_what_the_first_began(self):
        """The journal is armed; the next agent stores the mark, and is killed before the totals."""
        self.collector.start()
        producers = self.load()
        self.died(self.killed_agent("journal_armed", 20))
        left = self.workspace.unacknowledged()
        self.died(self.killed_agent("mark_replayed", 1))
        self.assertLessEqual(self.workspace.unacknowledged().keys(), left.keys())
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
        (steady, *others) = self.load()
        dead = self.producer("--count", 300, "--open", OPEN, "--hold")
        dead.wait_for_line("ready")
        killed = self.killed_agent(step, passage)
        killed.wait_for_line("spanring-agent ready:", stream="stderr")
        dead.kill()
        self.died(killed)
        left = self.workspace.unacknowledged()
        agent = self.agent()
        self.end([steady, *others])
        harness.wait_until(lambda: not self.workspace.segment_files(), "all segments are drained and unlinked")
        agent.stop()
        self.judge([steady, *others, dead], lambda service: left.get(service, 0))

    def test_on_the_way_into_the_spool(self):
        self.each(INTO_THE_SPOOL, self.into_the_spool)

    def into_the_spool(self, step, passage):
        producers = self.load()
        self.died(self.killed_agent(step, passage))
        left = self.workspace.unacknowledged()
        agent = self.agent()
        self.end(producers)  # their flush says that all of it is in the spool
        self.collector.start()
        wanted = records(producers)
        harness.wait_until(lambda: wanted.keys() <= self.received.by_identity().keys(), f"{len(wanted)} spans arrive")
        self.judge(producers, left.get)
        agent.stop()
        self.collector.stop()

    def test_on_the_way_out_of_the_spool(self):
        self.each(OUT_OF_THE_SPOOL, self.out_of_the_spool)

    def out_of_the_spool(self, step, passage):
        producers = [self.producer("--count", 1000, "--flush", 60) for _ in range(2)]
        agent = self.agent()
        for producer in producers:
            producer.expect(0)
        harness.wait_until(lambda: not self.workspace.segment_files(), "all segments are drained and unlinked")
        agent.stop()
        self.collector.start()
        self.died(self.killed_agent(step, passage))
        agent = self.agent()
        self.judge(producers, lambda _: IN_FLIGHT * BATCH)
        agent.stop()
        self.collector.stop()


if __name__ == "__main__":
    harness.main()
