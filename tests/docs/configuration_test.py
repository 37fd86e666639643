# SPDX-License-Identifier: Apache-2.0
"""docs/configuration.md says of a Collector's keys what the code does with them, no more and no less; what it shows of print-config
and of mistakes is what the agent prints; and the variable of a key is made as it says."""

import pathlib
import re
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
COLUMNS = "| component | key | becomes | because |"
VERDICTS = {"kLeftOut": "left out", "kRefused": "refused"}


def of_code(text):
    """{(component, key): (verdict, why)} of agent/config/collector_keys.hpp; the key of a whole component is empty."""
    shared = dict(re.findall(r'string_view (k\w+) = "([^"]*)";', text))
    components = text.index("kCollectorComponents[]")
    found = {}
    for match in re.finditer(r'\{"([a-z_.]+)",\s*"([a-z_.]+)",\s*CollectorVerdict::(\w+),\s*(k\w+|(?:"[^"]*"\s*)+)', text):
        first, second, verdict, why = match.groups()
        why = shared[why] if why in shared else "".join(re.findall(r'"([^"]*)"', why))
        whole = match.start() > components
        found[(f"{first}.{second}", "") if whole else (first, second)] = (VERDICTS[verdict], why)
    return found


def of_page(page):
    rows = page.partition(COLUMNS + "\n")[2].partition("\n\n")[0].splitlines()[1:]
    found = {}
    for row in rows:
        component, key, verdict, why = (cell.strip() for cell in row.strip().strip("|").split(" | "))
        found[component.strip(" `"), "" if key == "as a whole" else key.strip("`")] = (verdict, why)
    return found


class Page(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.page = (SOURCE / "docs/configuration.md").read_text()
        self.code = (SOURCE / "agent/config/collector_keys.hpp").read_text()

    def test_the_collectors_keys_are_those_of_the_code(self):
        there = of_code(self.code)
        self.assertEqual(len(there), self.code.count("CollectorVerdict::"), "the code was not understood")
        self.assertEqual(of_page(self.page), there)

    def test_a_row_that_differs_is_found(self):
        there = of_code(self.code)
        for right, wrong in (("| refused | browsers", "| left out | browsers"), ("`metadata_keys`", "`metadata_words`"),
                             ("tunes another", "tunes a"), ("| `extensions.pprof` | as a whole", "| `extensions.pprof` | `port`")):
            self.assertIn(right, self.page)
            self.assertNotEqual(of_page(self.page.replace(right, wrong)), there, wrong)

    def test_variables_are_called_after_keys_as_the_page_says(self):
        rows = re.findall(r"^\| `([\w./-]+)` \| `(SPANRING_AGENT_\w+)", self.page, re.MULTILINE)
        self.assertGreaterEqual(len(rows), 3)
        for key, variable in rows:
            parts = (re.sub(r"[^A-Z0-9]", "_", part.upper()) for part in key.split("."))
            self.assertEqual(variable, "SPANRING_AGENT_" + "__".join(parts))


if __name__ == "__main__":
    unittest.main()
