# SPDX-License-Identifier: Apache-2.0
"""How things start: tracing switched off, two agents, a wrong command line, a wrong file."""

import errno
import os
import subprocess
import unittest

import harness


class Off(harness.Case):
    """Where tracing is off the application runs on: no call records, none fails in another way, nothing is printed."""

    def check(self, error, env=None):
        producer = self.workspace.producer("--count", 100, "--expect-off", env=env)
        producer.expect(0)
        self.assertEqual(producer.stdout(), f"off {error}\n")
        self.assertEqual(producer.stderr(), "")
        if self.workspace.segments.is_dir():
            self.assertEqual(list(self.workspace.segments.iterdir()), [], "no file is made")

    def test_by_spanring_disabled(self):
        self.check(errno.ECANCELED, {"SPANRING_DISABLED": "1"})

    def test_by_otel_sdk_disabled(self):
        self.check(errno.ECANCELED, {"OTEL_SDK_DISABLED": "true"})

    def test_in_a_folder_that_is_open_to_others(self):
        self.workspace.segments.chmod(0o777)
        self.check(errno.EACCES)

    def test_where_a_file_is_in_place_of_the_folder(self):
        self.workspace.segments.rmdir()
        self.workspace.segments.write_text("in the way")
        self.check(errno.ENOTDIR)

    def test_where_the_folder_is_a_symbolic_link(self):
        elsewhere = self.workspace.folder / "elsewhere"
        elsewhere.mkdir(mode=0o700)
        self.workspace.segments.rmdir()
        self.workspace.segments.symlink_to(elsewhere)
        self.check(errno.ENOTDIR)  # open(2): O_DIRECTORY with O_NOFOLLOW on a symbolic link
        self.assertEqual(list(elsewhere.iterdir()), [])

    @unittest.skipUnless(os.geteuid() == 0, "needs root to give a folder away")
    def test_in_a_folder_of_somebody_else(self):
        os.chown(self.workspace.segments, 65534, 65534)
        self.check(errno.EPERM)

    def test_at_a_path_that_is_not_absolute(self):
        self.check(errno.EINVAL, {"SPANRING_DIR": "relative"})


class TwoAgents(harness.Case):
    def test_the_second_one_gives_way(self):
        first = self.workspace.agent("--exporter", "store")
        second = self.workspace.start_agent("--exporter", "store")
        second.expect(harness.EXIT_TEMPFAIL)
        self.assertIn("already", second.stderr())
        self.assertTrue(first.running())
        first.stop()
        third = self.workspace.agent("--exporter", "store")
        third.stop()

    def test_the_second_one_gives_way_in_another_mount_namespace(self):
        """The folder under another name, in a name space of its own: the lock is on the file, not on a path."""
        other = self.workspace.folder / "other"
        other.mkdir(mode=0o700)
        script = 'mount --bind "$1" "$2" || exit 77; exec "$3" --directory "$2" --state-dir "$4" --exporter store'
        words = ["unshare", "--mount", "sh", "-c", script, "sh", self.workspace.segments, other, harness.AGENT,
                 self.workspace.folder / "second"]
        first = self.workspace.agent("--exporter", "store")
        second = harness.Process(self.workspace, "agent", words, env=harness.environment())
        if second.wait() == 77 or second.stderr().startswith("unshare:"):
            self.skipTest(f"no mount name space here: {second.stderr().strip()}")
        second.expect(harness.EXIT_TEMPFAIL)
        self.assertIn("already", second.stderr())
        first.stop()

    def test_the_place_of_a_killed_one_is_free_at_once(self):
        self.workspace.agent("--exporter", "store").kill()
        self.workspace.agent("--exporter", "store").stop()


class WrongInput(harness.Case):
    def refuse(self, *arguments, file=None):
        """Ends with an error before it touches anything; returns what it said."""
        command = [harness.AGENT, "--directory", self.workspace.segments, "--state-dir", self.workspace.state]
        if file is not None:
            path = self.workspace.unique("agent.yaml")
            path.write_text(file)
            command += ["--config", path]
        ended = subprocess.run([str(word) for word in [*command, *arguments]], stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, timeout=harness.WATCHDOG, env=harness.environment())
        self.assertEqual(ended.returncode, harness.EXIT_WRONG, ended.stderr)
        self.assertNotIn("ready", ended.stderr)
        return ended.stderr

    def test_a_wrong_flag_is_named_with_the_near_one(self):
        said = self.refuse("--endpiont", "http://localhost:4317")
        self.assertIn("--endpiont", said)
        self.assertRegex(said, r"did you mean.*--endpoint")

    def test_a_wrong_key_is_named_with_line_and_column_and_the_near_one(self):
        said = self.refuse(file="exporters:\n  otlp_grpc:\n    endpoint: localhost:4317\n    compresion: gzip\n")
        self.assertIn("compresion", said)
        self.assertRegex(said, r":4:5\b")
        self.assertRegex(said, r"did you mean.*compression")

    def test_all_mistakes_of_a_file_are_told_at_once(self):
        said = self.refuse(file="exporters:\n  otlp_grcp:\n    endpoint: localhost:4317\nprocesors:\n  batch:\n")
        self.assertRegex(said, r":2:3\b.*otlp_grcp")
        self.assertRegex(said, r":4:1\b.*procesors")

    def test_a_file_that_is_no_yaml_is_named_with_its_place(self):
        said = self.refuse(file="exporters: [\n")
        self.assertRegex(said, r"agent\.yaml:\d+:\d+")

    def test_a_file_that_is_not_there_is_named(self):
        said = self.refuse("--config", "/nonexistent/agent.yaml")
        self.assertIn("/nonexistent/agent.yaml", said)

    def test_endpoints_that_do_not_parse(self):
        for endpoint in ("http://", "http://host:port", "host:99999", "ftp://host:4317", "http://[::1:4317"):
            with self.subTest(endpoint=endpoint):
                said = self.refuse("--endpoint", endpoint)
                self.assertIn(endpoint, said)

    def test_the_start_the_validation_and_the_doctor_refuse_the_same(self):
        file = self.workspace.folder / "agent.yaml"
        for options, said in (("headers: {X-Key: a}", "is not a legal gRPC metadata key"),
                              ("endpoint: https://localhost:1\n    tls: {ca_file: /nonexistent/ca}", "cannot read /nonexistent/ca"),
                              ("sending_queue: {queue_size: 1MiB}", "queue_size (1MiB) is less than a batch may have"),
                              ("tls: {cert_file: /cert}", "cert_file and key_file go together")):
            with self.subTest(options):
                file.write_text(f"exporters:\n  otlp_grpc:\n    {options}\n")
                start = self.refuse("--config", file)
                self.assertIn(said, start)
                self.assertEqual(self.refuse("validate", file), start)
                doctor = subprocess.run([harness.COMMAND, "--state-dir", self.workspace.state, "--directory",
                                         self.workspace.segments, "doctor", "--config", file],
                                        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.WATCHDOG,
                                        env=harness.environment())
                self.assertEqual(doctor.returncode, 1, doctor.stderr)
                for problem in start.splitlines():
                    self.assertIn(problem.removeprefix("spanring-agent: "), doctor.stdout)

    def test_an_endpoint_of_the_environment_that_does_not_parse_names_its_variable(self):
        command = [harness.AGENT, "--directory", self.workspace.segments, "--state-dir", self.workspace.state]
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.WATCHDOG,
                               env=harness.environment(OTEL_EXPORTER_OTLP_ENDPOINT="http://host:port"))
        self.assertEqual(ended.returncode, harness.EXIT_WRONG, ended.stderr)
        self.assertIn("OTEL_EXPORTER_OTLP_ENDPOINT", ended.stderr)


class Sample(harness.Case):
    def test_the_packaged_configuration_is_valid(self):
        command = [harness.AGENT, "--state-dir", self.workspace.state, "print-config",
                   harness.SOURCE / "packaging/etc/config.yaml"]
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=harness.environment())
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertNotIn("warn", ended.stderr)
        self.assertIn("store", ended.stdout)


class Version(harness.Case):
    def test_every_program_tells_its_version(self):
        for program in (harness.AGENT, harness.COMMAND):
            said = subprocess.run([program, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual(said.returncode, 0)
            self.assertIn("0.2.0", said.stdout)


if __name__ == "__main__":
    harness.main()
