# SPDX-License-Identifier: Apache-2.0
"""docs/architecture.md draws the rooms that the tree has: its tables are those of tests/integration/rooms.py."""

import pathlib
import re
import sys
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(SOURCE / "tests/integration"))
import rooms  # noqa: E402

PAGE = SOURCE / "docs/architecture.md"


def table(text, name):
    """{room: [rooms that it may use]}, in the page's order."""
    rows = re.search(rf"<!-- rooms: {name} -->\n\|.*\n\|.*\n((?:\|.*\n)+)", text).group(1)
    found = {}
    for row in rows.splitlines():
        room, _, used = (cell.strip() for cell in row.strip("|").split("|"))
        found[room.strip("`")] = re.findall(r"`([^`]+)`", used)
    return found


def faults(said, there, everybody=frozenset()):
    found = []
    if list(said) != list(there):
        found.append(f"the page has the rooms {list(said)}, the tree {list(there)}")
    for room in said.keys() & there.keys():
        if set(said[room]) != there[room] - everybody:
            found.append(f"{room}: the page lets it use {said[room]}, the tree {sorted(there[room] - everybody)}")
    return found


class Rooms(unittest.TestCase):
    maxDiff = None

    def test_of_the_library(self):
        self.assertEqual(faults(table(PAGE.read_text(), "library"), rooms.LIBRARY), [])

    def test_of_the_agent(self):
        self.assertEqual(faults(table(PAGE.read_text(), "agent"), rooms.AGENT, {"agent/base"}), [])

    def test_a_difference_would_be_seen(self):
        said = {"a": [], "b": ["a"]}
        self.assertEqual(faults(said, {"a": set(), "b": {"a"}}), [])
        self.assertEqual(len(faults(said, {"a": set(), "b": set()})), 1)
        self.assertEqual(len(faults(said, {"b": {"a"}, "a": set()})), 1)
        self.assertEqual(len(faults(said, {"a": set(), "b": {"a"}, "c": set()})), 1)
        self.assertEqual(faults(said, {"a": set(), "b": {"a", "base"}}, {"base"}), [])


class Files(unittest.TestCase):
    def test_each_that_the_page_names_is_there(self):
        """Paths in backquotes, whole or from the folder of a room."""
        missing = []
        for name in re.findall(r"`([\w./]+/[\w.]+)`", PAGE.read_text()):
            roots = ["", "agent/", "lib/", "lib/trace/", "include/", "lib/trace/process/"]
            there = [root for root in roots for suffix in ("", ".cpp", ".hpp")
                     if (SOURCE / f"{root}{name}{suffix}").exists()]
            if not there and not name.startswith(("include/spanring",)):
                missing.append(name)
        self.assertEqual(missing, [])

    def test_each_function_that_the_page_names_is_there(self):
        """`Class::member` in backquotes: a header has both."""
        headers = [path.read_text() for folder in ("agent", "lib") for path in (SOURCE / folder).rglob("*.hpp")]
        named = re.findall(r"`(\w+)::(\w+)`", PAGE.read_text())
        self.assertGreater(len(named), 10)
        missing = [f"{owner}::{member}" for owner, member in named
                   if not any(re.search(rf"\b(?:class|struct) {owner}\b[^;]*\{{", text) and
                              re.search(rf"\b{member}\(", text) for text in headers)]
        self.assertEqual(missing, [])


if __name__ == "__main__":
    unittest.main()
