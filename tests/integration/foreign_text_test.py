# SPDX-License-Identifier: Apache-2.0
"""Text that is not UTF-8 costs its bad bytes and nothing else: no name, no status, no event, no scope is lost for it."""

import subprocess

import harness
from otlp_json import Received

PROGRAM = harness.BUILD / "tests/integration/foreign_text"
BAD = "m?ller"  # as the agent repairs it: byte for byte
ERROR = 2


class ForeignText(harness.Case):
    def test_each_text_is_repaired_and_nothing_is_lost(self):
        collector = self.workspace.collector().start()
        agent = self.workspace.agent("--endpoint", collector.endpoint)
        program = harness.Process(self.workspace, "foreign_text", [PROGRAM], stdin=subprocess.PIPE,
                                  env=harness.environment(SPANRING_DIR=self.workspace.segments))
        self.assertEqual(program.wait_for_line("0"), "0", "nothing was refused")
        program.kill()
        harness.wait_until(lambda: not self.workspace.segment_files(), "the dead process's segment is unlinked")
        agent.stop()
        collector.stop()

        received = Received(collector.received)
        received.read()
        spans = {span.fields["name"]: span for span in received.spans}
        self.assertEqual(sorted(spans), sorted([f"open /home/{BAD}", "?" * 399, f"set {BAD}", f"end {BAD}", f"whole {BAD}",
                                                f"unfinished {BAD}"]))
        for span in spans.values():
            self.assertEqual(span.scope["name"], f"scope {BAD}")
            self.assertEqual(span.scope["version"], BAD)
        self.assertEqual(self.messages(spans[f"set {BAD}"]), (ERROR, f"no such file: {BAD}"))
        self.assertEqual(self.messages(spans[f"end {BAD}"]), (ERROR, BAD))
        self.assertEqual(self.messages(spans[f"whole {BAD}"]), (ERROR, BAD))
        for name, events in ((f"set {BAD}", [BAD, "exception"]), (f"end {BAD}", [BAD]), (f"whole {BAD}", [BAD])):
            self.assertEqual([event["name"] for event in spans[name].fields["events"]], events)

    def messages(self, span):
        return span.fields["status"]["code"], span.fields["status"]["message"]


if __name__ == "__main__":
    harness.main()
