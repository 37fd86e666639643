# SPDX-License-Identifier: Apache-2.0
"""tools/release: its order, that a failure ends it, and that nothing is published unasked. No command is run."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def load():
    loader = importlib.machinery.SourceFileLoader("release", str(SOURCE / "tools/release"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("release", loader))
    loader.exec_module(module)
    return module


RELEASE = load()


class ReleaseTest(unittest.TestCase):
    def release(self, answer="no", failing=None, first=0):
        """The result, what was run, and what was asked."""
        ran, asked = [], []

        def run(command):
            ran.append(command)
            return 1 if command[0] == failing else 0

        def ask(question):
            asked.append(question)
            return answer

        with contextlib.redirect_stdout(io.StringIO()):
            return RELEASE.release("1.2.3", RELEASE.steps()[first:], run, ask), ran, asked

    def test_tests_come_first_and_dry_runs_last(self):
        self.assertEqual([step.name for step in RELEASE.steps()], ["tests", "lint", "docs", "packages", "dry runs"])
        _, ran, _ = self.release()
        self.assertEqual(ran, [command for step in RELEASE.steps() for command in step.commands])

    def test_it_asks_and_another_answer_publishes_nothing(self):
        for answer in ("no", "yes", "", "1.2"):
            result, ran, asked = self.release(answer)
            self.assertEqual((result, len(asked)), (1, 1))
            self.assertFalse([command for command in ran if command in RELEASE.publication("1.2.3")])

    def test_the_version_publishes_in_order(self):
        result, ran, _ = self.release("1.2.3")
        self.assertEqual(result, 0)
        self.assertEqual(ran[-len(RELEASE.publication("1.2.3")):], RELEASE.publication("1.2.3"))

    def test_a_failure_ends_it_before_it_asks(self):
        for failing in ("tools/test", "tools/lint", "tools/deb", "git"):
            result, ran, asked = self.release("1.2.3", failing)
            self.assertEqual((result, asked, ran[-1][0]), (1, [], failing))

    def test_a_failure_while_publishing_ends_it(self):
        result, ran, _ = self.release("1.2.3", "cargo")
        self.assertEqual((result, ran[-1][:2]), (1, ["cargo", "publish"]))
        self.assertEqual(sum(command[:2] == ["cargo", "publish"] for command in ran), 1)

    def test_every_command_of_this_tree_is_there(self):
        programs = {command[0] for step in RELEASE.steps() for command in step.commands if "/" in command[0]}
        self.assertEqual([program for program in programs if not os.access(SOURCE / program, os.X_OK)], [])
        crates = {path.parent.name for path in SOURCE.glob("bindings/rust/*/Cargo.toml")}
        self.assertEqual(set(RELEASE.RUST_ORDER), crates)

    def test_a_tree_that_is_not_ready_is_refused(self):
        number = RELEASE.version()
        self.assertIn("there are changes that are not committed", RELEASE.faults(number, " M meson.build\n"))
        self.assertTrue(any("meson.build 9.9.9" in fault for fault in RELEASE.faults("9.9.9", "")))
        self.assertFalse(any("says" in fault for fault in RELEASE.faults(number, "")), "all say the same version")


if __name__ == "__main__":
    unittest.main()
