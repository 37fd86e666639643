# SPDX-License-Identifier: Apache-2.0
"""Every link from page to page leads somewhere, every page is on the map, and every test that a page names is there."""

import pathlib
import re
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchor(heading):
    """As GitHub makes it."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")


def pages():
    return [*SOURCE.glob("*.md"), *(SOURCE / "docs").rglob("*.md")]


def text_of(page):
    return FENCE.sub("", page.read_text())


def broken(page, text, anchors):
    """Links that lead nowhere."""
    found = []
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, name = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            found.append(f"{page.relative_to(SOURCE)}: {link}: no such file")
        elif name and name not in anchors(target):
            found.append(f"{page.relative_to(SOURCE)}: {link}: no such heading")
    return found


def anchors_of(page):
    return {anchor(heading) for heading in HEADING.findall(text_of(page))}


TEST = re.compile(r"(?<![\w/`.])((?:ring|trace|agent|crash|integration|fuzz|model)(?:/\w+)+)(?:\.(\w+))?")


def files_of(name):
    """Where the test that a page calls `agent/drain/epoch` or `integration/start` may be."""
    kind = name.split("/")[0]
    if kind in ("ring", "trace", "agent"):
        return [SOURCE / f"tests/unit/{name}_test.cpp"]
    return [SOURCE / f"tests/{name}{end}" for end in ("_test.cpp", "_test.py", "_fuzz.cpp", ".pml")]


def missing_tests(text):
    found = []
    for name, case in TEST.findall(text):
        files = [file for file in files_of(name) if file.exists()]
        if not files:
            found.append(name)
        elif case and not any(case in file.read_text() for file in files):
            found.append(f"{name}.{case}")
    return found


class Tests(unittest.TestCase):
    def test_each_that_a_page_names_is_there(self):
        for name in ("reliability.md", "security.md"):
            rows = [line for line in text_of(SOURCE / "docs" / name).splitlines() if line.startswith("|")]
            text = re.sub(r"\w+/\{[^ ]*", "", "\n".join(rows))  # a/{b,c}/d
            self.assertGreater(len(TEST.findall(text)), 20, name)
            self.assertEqual(missing_tests(text), [], name)

    def test_a_missing_one_would_be_seen(self):
        self.assertEqual(missing_tests("x ring/clock, y"), [])
        self.assertEqual(missing_tests("integration/start.test_no_such_case, ring/no_such"),
                         ["integration/start.test_no_such_case", "ring/no_such"])


class Links(unittest.TestCase):
    def test_each_leads_somewhere(self):
        found = [fault for page in pages() for fault in broken(page, text_of(page), anchors_of)]
        self.assertEqual(found, [])

    def test_each_page_is_on_the_map(self):
        linked = set(LINK.findall((SOURCE / "docs/README.md").read_text()))
        missing = [page.name for page in (SOURCE / "docs").glob("*.md") if page.name not in linked | {"README.md"}]
        self.assertEqual(missing, [])

    def test_a_broken_one_would_be_seen(self):
        page = SOURCE / "docs/README.md"
        self.assertEqual(len(broken(page, "[a](no-such-page.md)", anchors_of)), 1)
        self.assertEqual(len(broken(page, "[a](README.md#no-such-heading)", anchors_of)), 1)
        self.assertEqual(broken(page, "[a](README.md#use) [b](https://example.com/x) [c](#design)", anchors_of), [])
        self.assertEqual(anchor("A span's way, `spr_x()`"), "a-spans-way-spr_x")


if __name__ == "__main__":
    unittest.main()
