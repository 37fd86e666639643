# SPDX-License-Identifier: Apache-2.0
"""docs/architecture.md draws the rooms that the tree has: its tables are those of tests/integration/rooms.py; and its locks."""

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


def mutexes(text):
    """`Owner.member` of each Mutex in a file: the class or, of a static one, the function that it is in."""
    found, owner = [], None
    for line in text.splitlines():
        if match := re.match(r"(?:class|struct) (?:SPR_\S+ )?(\w+)[^;]*\{|(?=\S)[\w:&*<> ]+ (\w+)\([^;]*\{", line):
            owner = match.group(1) or match.group(2)
        elif match := re.match(r"\s+(?:static |mutable )*Mutex (\w+);", line):
            found.append(f"{owner}.{match.group(1)}")
    return found


class Locks(unittest.TestCase):
    def rows(self):
        text = re.search(r"<!-- locks -->\n\|.*\n\|.*\n((?:\|.*\n)+)", PAGE.read_text()).group(1)
        return [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines()]

    def test_each_mutex_of_the_agent_has_its_row(self):
        there = [name for path in (SOURCE / "agent").rglob("*.[hc]pp") for name in mutexes(path.read_text())]
        self.assertGreater(len(there), 10)
        self.assertEqual(sorted(row[0].strip("`") for row in self.rows()), sorted(there))

    def test_what_may_be_taken_stands_below(self):
        order = [row[0].strip("`") for row in self.rows()]
        for place, row in enumerate(self.rows()):
            for taken in re.findall(r"`([^`]+)`", row[2]):
                self.assertIn(taken, order[place + 1:], f"while {order[place]} is held")

    def test_no_other_kind_of_mutex_is_used(self):
        others = [path.relative_to(SOURCE).as_posix() for path in (SOURCE / "agent").rglob("*.[hc]pp")
                  if re.search(r"std::(recursive_|shared_|timed_)?mutex\b", path.read_text())]
        self.assertEqual(sorted(others), ["agent/base/mutex.hpp", "agent/segment/fault_guard.cpp"])

    def test_a_mutex_is_found_wherever_it_is(self):
        self.assertEqual(mutexes("class One final : public Two {\n    mutable Mutex mutex_;\n};\n"), ["One.mutex_"])
        self.assertEqual(mutexes("void log(int* line) {\n    static Mutex mutex;\n}\n"), ["log.mutex"])


if __name__ == "__main__":
    unittest.main()
