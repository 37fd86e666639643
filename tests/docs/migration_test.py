# SPDX-License-Identifier: Apache-2.0
"""Code of docs/migration is code that other tests compile or run: each block names its file, and its lines are there, in order."""

import pathlib
import re
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = SOURCE / "docs/migration"
BLOCK = re.compile(r"(?:<!-- of (\S+) -->\n)?```\w+\n(.*?)```\n", re.DOTALL)


def lines(text):
    """Without indentation and what marks documentation in Rust."""
    return [re.sub(r"^//! ?", "", line.strip()).strip() for line in text.splitlines()]


def is_in(block, text):
    wanted, there = lines(block), lines(text)
    return any(there[at:at + len(wanted)] == wanted for at in range(len(there)))


def faults(page, read):
    found = []
    for path, block in BLOCK.findall(page):
        if not path:
            found.append(f"no file is named for: {block.splitlines()[0]}")
        elif not is_in(block, read(path)):
            found.append(f"{path} has no such lines: {block.splitlines()[0]}")
    return found


class Migration(unittest.TestCase):
    def test_code_is_that_of_files(self):
        for page in sorted(FOLDER.glob("*.md")):
            with self.subTest(page.name):
                self.assertEqual(faults(page.read_text(), lambda path: (SOURCE / path).read_text()), [])

    def test_every_page_says_the_same_of_its_route(self):
        for page in sorted(FOLDER.glob("*.md")):
            if page.name != "README.md":
                with self.subTest(page.name):
                    self.assertEqual(re.findall("^## (.*)", page.read_text(), re.MULTILINE),
                                     ["Before", "After", "What differs", "What it costs", "What a kill leaves"])
                    self.assertTrue(BLOCK.findall(page.read_text()))
                    self.assertIn(f"]({page.name})", (FOLDER / "README.md").read_text())

    def test_figures_are_those_of_the_routes_page(self):
        """A row of a table of times is a row of the page that the migration page links."""
        for page in sorted(FOLDER.glob("*.md")):
            text = page.read_text()
            costs = text.partition("## What it costs")[2].partition("\n## ")[0]
            linked = "".join((FOLDER / name).read_text() for name in re.findall(r"\]\((\.\./[\w-]+\.md)(?:#[\w-]+)?\)", text))
            for row in re.findall(r"^\| .*\d (?:ns|us) .*", costs, re.MULTILINE):
                figures = re.findall(r"[\d.,]+ (?:ns|us)", row)
                with self.subTest(page.name, row=row):
                    self.assertTrue(any(all(figure in line for figure in figures) for line in linked.splitlines()))

    def test_a_difference_would_be_seen(self):
        text = "//! first\n    second\nthird\n"
        page = "<!-- of x -->\n```rust\n{}```\n"
        self.assertEqual(faults(page.format("first\nsecond\n"), lambda _: text), [])
        self.assertEqual(len(faults(page.format("first\nthird\n"), lambda _: text)), 1)
        self.assertEqual(len(faults("```go\nfirst\n```\n", lambda _: text)), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
