# SPDX-License-Identifier: Apache-2.0
"""Spans as lines of OTLP/JSON in files of this host: whole at each kill of the agent, set aside as they grow, and read
again by `spanring import`."""

import agent_configuration
import harness
from comparison import Comparison, compare, records
from otlp_json import Received

BATCH = 64  # spans a line
KILLS = 3


class FileExporter(harness.Case):
    def start_agent(self, **settings):
        self.file = self.workspace.folder / "spans.jsonl"
        configuration = agent_configuration.write(self.workspace, {"file": {"path": str(self.file), **settings}}, batch=BATCH)
        return self.workspace.agent("--config", configuration)

    def test_killed_under_load_and_started_again(self):
        agent = self.start_agent()
        received = Received(self.file)
        producers = [self.workspace.producer("--seed", seed, "--endless", "--service", f"steady-{seed}", "--rate", 2000,
                                             "--flush", 60) for seed in (1, 2)]
        again = 0  # spans that may come once more
        for _ in range(KILLS):
            enough = received.count() + 20 * BATCH
            harness.wait_until(lambda: received.count() >= enough, "spans are written")
            agent.kill()
            again += sum(self.workspace.unacknowledged().values())
            # A kill leaves half a line now and then; here always.
            with self.file.open("ab") as file:
                file.write(b'{"resourceSpans":[{"resource":')
            agent = self.start_agent()
        harness.end_all(producers)
        agent.stop()
        wanted, got = records(producers), Received(self.file).by_identity()
        self.assertEqual(wanted.keys(), got.keys(), "nothing is missing, and nothing arrives that nobody made")
        for identity, (span, resource) in wanted.items():
            for arrived in got[identity]:
                Comparison(span, resource, arrived).check()
        twice = sum(len(spans) - 1 for spans in got.values())
        self.assertLessEqual(twice, again, "what was written and not yet answered for, alone")
        accounts = self.workspace.accounting()
        self.assertEqual(sum(process["ended"] for process in accounts), len(wanted))
        for process in accounts:
            exporter, = process["exporters"]
            self.assertEqual((exporter["exported"], exporter["pending"]), (process["ended"], 0))

    def test_set_aside_as_it_grows_and_imported(self):
        agent = self.start_agent(rotation={"max_megabytes": 1})
        producers = [self.workspace.producer("--seed", seed, "--count", 4000, "--service", f"made-{seed}", "--flush", 60)
                     for seed in (1, 2)]
        for producer in producers:
            producer.expect(0)
        agent.stop()
        files = sorted(self.workspace.folder.glob("spans*.jsonl"))
        self.assertGreater(len(files), 2)
        got = {}
        for file in files:
            self.assertLessEqual(file.stat().st_size, 1 << 20)
            self.assertEqual(file.stat().st_mode & 0o7777, 0o600)
            for identity, spans in Received(file).by_identity().items():
                got.setdefault(identity, []).extend(spans)
        wanted = records(producers)
        compare(wanted, got)
        told = self.workspace.command("--store", self.workspace.folder / "imported.db", "import", *files)
        self.assertIn(f"{len(wanted)} spans imported", told)


if __name__ == "__main__":
    harness.main()
