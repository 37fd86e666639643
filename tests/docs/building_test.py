# SPDX-License-Identifier: Apache-2.0
"""docs/building.md names each tool, suite, fuzzer and command that there is, and none that there is not."""

import importlib.util
import os
import pathlib
import re
import sys
import unittest

import usage

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("SPANRING_BUILD", SOURCE / "build")).resolve()
PAGE = (SOURCE / "docs/building.md").read_text()


def suites():
    specification = importlib.util.spec_from_file_location("suites", SOURCE / "tools/suites.py")
    module = sys.modules["suites"] = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return set(module.SUITES)


def rows(page, first_column):
    """The code words of the first cells of the table whose first column has this title."""
    table = page.split(f"| {first_column} ", 1)[1].split("\n\n", 1)[0]
    return {word for line in table.splitlines()[2:] for word in re.findall(r"`([^`]+)`", line.split("|")[1])}


class Building(unittest.TestCase):
    def test_tools(self):
        """Those that people call; what only another tool calls is left out."""
        said = set(re.findall(r"^    (tools/[\w-]+)  ", PAGE, re.MULTILINE))
        there = {f"tools/{path.name}" for path in (SOURCE / "tools").iterdir()
                 if path.is_file() and path.suffix == "" and path.stat().st_mode & 0o100}
        called = {"tools/foreign", "tools/go_build", "tools/packages", "tools/staticcheck"}
        self.assertEqual(said, there - called)

    def test_suites(self):
        self.assertEqual(rows(PAGE, "suite"), suites())

    def test_fuzzers(self):
        there = {path.stem for path in (SOURCE / "tests/fuzz").glob("*_fuzz.cpp")}
        self.assertEqual(set(re.findall(r"\b\w+_fuzz\b", PAGE)), there)
        for path in (SOURCE / "tests/fuzz/seeds").iterdir():
            self.assertIn(f"{path.name}_fuzz", there)

    def test_commands(self):
        (line,) = [line for line in PAGE.splitlines() if "`build/agent/spanring` " in line]
        there = {names[0] for names in usage.of(BUILD / "agent/spanring").commands}
        self.assertEqual(set(re.findall(r"`([a-z]+)`", line.split("|")[2])), there)


if __name__ == "__main__":
    unittest.main(verbosity=2)
