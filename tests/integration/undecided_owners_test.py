# SPDX-License-Identifier: Apache-2.0
"""One agent decides the traces of all users: one of them who floods uses up no bound of the others', whose traces wait as
long as they would without."""

import json
import secrets
import subprocess
import urllib.request

import harness
from users import AllUsersCase

SPANS = 300


def caller():
    """Of a producer alone. What several users have spans in is of one of them, and is not what this is about."""
    return f"00-{secrets.token_hex(15)}01-00000000000000aa-01"


class UndecidedOwners(AllUsersCase):
    def setUp(self):
        super().setUp()
        self.port = harness.free_port()

    def configure(self, **sampling):
        processors = {"tail_sampling": {"linger": "600s", "decision_wait": "600s", "ring_linger": "40ms", **sampling,
                                        "policies": [{"name": "all", "type": "always_sample"}]}}
        document = {"processors": processors, "exporters": {"debug": None},
                    "service": {"telemetry": {"metrics": {"address": f"127.0.0.1:{self.port}"}},
                                "pipelines": {"traces": {"processors": list(processors), "exporters": ["debug"]}}}}
        file = self.workspace.unique("agent.yaml")
        file.write_text(json.dumps(document))
        file.chmod(0o644)
        return file

    def early(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=harness.WATCHDOG) as answer:
            lines = answer.read().decode().splitlines()
        beginning = 'spanring_tail_sampling_early_total{cause="'
        return {line[len(beginning):].split('"')[0]: int(float(line.split()[-1])) for line in lines if line.startswith(beginning)}

    def undecided(self, user):
        ended = subprocess.run([harness.COMMAND, "--directory", self.parent, "ps", "--json"],
                               stdin=subprocess.DEVNULL, capture_output=True, text=True, env=harness.environment(),
                               timeout=2 * harness.WATCHDOG)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return sum(process["undecided"]["spans"] for process in json.loads(ended.stdout)["processes"] if process["uid"] == user)

    def check(self, cause, least, **sampling):
        with self.subTest(cause):
            agent = self.agent("--config", self.configure(**sampling))
            quiet = self.producer(self.alice, "--seed", 1, "--count", SPANS, "--hold", "--caller", caller())
            quiet.wait_for_line("ready")
            harness.wait_until(lambda: self.undecided(self.alice) == SPANS, "all of hers wait")
            flood = self.producer(self.bob, "--seed", 2, "--endless", "--rate", 20_000, "--caller", caller())
            harness.wait_until(lambda: self.early().get(cause, 0) > least, f"many of his are decided early, by {cause}")
            before = self.early()[cause]
            harness.wait_until(lambda: self.early()[cause] > before + least, "and more")
            self.assertEqual(self.undecided(self.alice), SPANS)
            harness.end_all([flood])
            quiet.end_input()
            quiet.expect(0)
            agent.stop()
            for user in (self.alice, self.bob):
                for name in self.segments(user):
                    (self.parent / str(user) / name).unlink()

    def test_nobody_uses_up_the_traces(self):
        self.check("num_traces", 2000, num_traces=1000)

    def test_nobody_uses_up_the_memory(self):
        self.check("memory", 2000, memory="1MiB")

    def test_nobody_uses_up_the_files(self):
        self.check("files", 2000, files={"max_bytes": "2MiB"})


if __name__ == "__main__":
    harness.main()
