# SPDX-License-Identifier: Apache-2.0
"""An agent whose configuration has several layers: it runs with what they say together, a reload reads all of them again,
and both commands say the same as its start."""

import os
import subprocess

import harness
from otlp_json import Received


class Layers(harness.Case):
    def setUp(self):
        super().setUp()
        self.base = self.workspace.folder / "base.yaml"
        self.host = self.workspace.folder / "host.yaml"
        self.path = self.workspace.folder / "path"

    def spans(self, name):
        return self.workspace.folder / f"{name}.jsonl"

    def configure(self, base="first", host=None):
        self.base.write_text(f"processors: {{batch: {{timeout: 50ms}}}}\nexporters: {{file: {{path: {self.spans(base)}}}}}\n")
        self.host.write_text(host or "")

    def command(self, *arguments, **environment):
        return subprocess.run([harness.AGENT, "--directory", self.workspace.segments, "--state-dir", self.workspace.state,
                               *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=2 * harness.WATCHDOG, env=harness.environment(**environment))

    def arrive(self, name, number):
        received = Received(self.spans(name))
        harness.wait_until(lambda: self.spans(name).exists() and received.count() >= number, f"spans arrive in {name}")

    def test_a_reload_reads_every_layer_again(self):
        """The second file, then the file that a value is in."""
        self.configure()
        agent = self.workspace.agent("--config", self.base, "--config", self.host, "--set", "processors.batch.send_batch_size=7")
        producer = self.workspace.producer("--seed", 1, "--endless", "--rate", 500, "--flush", 60)
        self.arrive("first", 50)
        self.configure(host=f"exporters: {{file: {{path: {self.spans('second')}}}}}\n")
        self.assertEqual(self.workspace.reload()["changed"], ["file"])
        self.arrive("second", 50)
        self.path.write_text(f"{self.spans('third')}\n")
        self.configure(host=f"exporters: {{file: {{path: '${{file:{self.path}}}'}}}}\n")
        self.assertEqual(self.workspace.reload()["changed"], ["file"])
        self.arrive("third", 50)
        self.path.write_text(f"{self.spans('fourth')}\n")
        self.assertEqual(self.workspace.reload()["changed"], ["file"], "no file of keys has changed")
        self.arrive("fourth", 50)
        self.path.unlink()
        os.mkfifo(self.path)  # whoever opened it would wait
        said = self.workspace.reload()
        self.assertFalse(said["reloaded"])
        self.assertEqual(said["problems"][0],
                         f"{self.host}:1:26: exporters.file.path: ${{file:{self.path}}}: cannot read: is not a regular file")
        self.path.unlink()
        self.host.unlink()
        self.assertIn(f"{self.host}: cannot read: No such file", self.workspace.reload()["problems"][0])
        more = Received(self.spans("fourth")).count() + 50
        self.arrive("fourth", more)
        harness.end_all([producer])
        agent.stop()

    def test_the_commands_say_what_the_start_would(self):
        self.configure(host="processors:\n  batch:\n    timout: 1s\n")
        variable = "SPANRING_AGENT_EXPORTERS__FILE__FSYNC"
        layers = ("--config", self.base, "--config", self.host, "--set", "exporters.file.queue_size=much")
        start = self.command(*layers, **{variable: "often"})
        self.assertEqual(start.returncode, harness.EXIT_WRONG)
        for line in (f"{self.host}:3:5: processors.batch: unknown key 'timout', did you mean 'timeout'?",
                     f"{variable}: exporters.file.fsync: 'often' is neither true nor false",
                     "--set exporters.file.queue_size: exporters.file.queue_size: 'much' is not a size"):
            self.assertIn(f"spanring-agent: {line}", start.stderr)
        for command in ("validate", "print-config"):
            said = self.command(*layers, command, **{variable: "often"})
            self.assertEqual((said.returncode, said.stdout, said.stderr), (start.returncode, "", start.stderr))
        self.assertFalse((self.workspace.state / "ledger.db").exists(), "nothing was touched")

    def test_each_value_names_its_layer_and_no_secret_is_shown(self):
        secret = self.workspace.folder / "token"
        secret.write_text("hunter2\n")
        self.base.write_text("exporters:\n  otlp_http/a: &common\n    endpoint: http://a:1\n    timeout: 3s\n    headers:\n"
                             f"      authorization: Bearer ${{file:{secret}}}\n"
                             "  otlp_http/b:\n    <<: *common\n    endpoint: http://b:1\n")
        self.host.write_text("exporters:\n  otlp_http/b:\n    compression: zstd\n")
        said = self.command("print-config", self.base, self.host, "--set", "processors.batch.timeout=1s",
                            SPANRING_AGENT_EXPORTERS__OTLP_HTTP_B__ENCODING="json", OTEL_EXPORTER_OTLP_TRACES_COMPRESSION="gzip")
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        self.assertNotIn("hunter2", said.stdout)
        before, after = said.stdout.split("  otlp_http/b:\n")
        for part, line in ((before, "timeout: 1s  # --set processors.batch.timeout"),
                           (before, f"endpoint: http://a:1  # {self.base}:3:15"),
                           (before, "compression: gzip  # OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"),
                           (after, f"endpoint: http://b:1  # {self.base}:9:15"),
                           (after, f"timeout: 3s  # {self.base}:4:14"),
                           (after, f"compression: zstd  # {self.host}:3:18"),
                           (after, "encoding: json  # SPANRING_AGENT_EXPORTERS__OTLP_HTTP_B__ENCODING"),
                           (after, f"authorization: (not shown)  # {self.base}:6:22"),
                           (after, "idle_conn_timeout: 1m30s  # default")):
            self.assertIn(line + "\n", part)

    def test_a_pipe_to_which_nobody_writes_ends_the_start(self):
        os.mkfifo(self.path)
        said = self.command("validate", self.path)
        self.assertEqual((said.returncode, said.stderr),
                         (harness.EXIT_WRONG, f"spanring-agent: {self.path}: cannot read: nobody writes into it\n"))


if __name__ == "__main__":
    harness.main()
