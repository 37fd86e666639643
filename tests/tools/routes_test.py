# SPDX-License-Identifier: Apache-2.0
"""tools/bench routes reads the programs' lines, tells whether a bar is met, and keeps the rows that it has not measured."""

import pathlib
import re
import sys
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(SOURCE / "bench"))
import routes  # noqa: E402

SAID = """three fields, entered: registry 62 ns, tracing-spanring 336 ns, tracing-opentelemetry 833 ns: 2.5 times
three attributes: spanring 655 ns, SDK 12903 ns: 19.7 times; of CPU with its exports 700 and 21000 ns: 30.0 times
a span: 116 ns, 56 bytes of Lua
something else
"""


class Routes(unittest.TestCase):
    def test_figures(self):
        found = {shape: (figure.ours, figure.sdk, figure.ratio) for shape, figure in routes.figures(SAID).items()}
        self.assertEqual(found, {"three fields, entered": (336, 833, 2.5), "three attributes": (655, 12903, 19.7),
                                 "a span": (116, None, None)})

    def test_bars(self):
        for name, figure, met in (("go", routes.Figure(500, 2000, 4.0), True), ("go", routes.Figure(500, 1950, 3.9), False),
                                  ("python", routes.Figure(2001, 30000, 15.0), False), ("luajit", routes.Figure(150, None, None), True),
                                  ("luajit", routes.Figure(151, None, None), False), ("tracing", routes.Figure(1, None, None), False)):
            with self.subTest(name, ours=figure.ours):
                self.assertEqual(routes.ROUTES[name].meets(figure), met)
                self.assertEqual("**missed**" in routes.row(routes.ROUTES[name], figure, 3.2), not met)

    def test_the_page_has_a_row_for_each(self):
        text = routes.PAGE.read_text()
        for route in routes.ROUTES.values():
            self.assertEqual(len(re.findall(rf"^\| {re.escape(route.title)} \|", text, re.MULTILINE)), 1, route.title)

    def test_a_new_row_replaces_its_own_and_no_other(self):
        text = routes.PAGE.read_text()
        fresh = routes.row(routes.ROUTES["go"], routes.Figure(1, 9, 9.0), 1)
        changed = routes.into_page(text, [fresh])
        self.assertIn(fresh, changed)
        self.assertEqual(len(changed.splitlines()), len(text.splitlines()))
        self.assertEqual([line for line in changed.splitlines() if line not in text.splitlines()], [fresh])

    def test_each_route_has_a_program(self):
        """And its shape is one that the program has."""
        for route in routes.ROUTES.values():
            folder = SOURCE / "bench/peers" / route.folder
            self.assertTrue((folder / "run.sh").is_file())
            sources = [path.read_text() for path in folder.rglob("*") if path.suffix in (".rs", ".cpp", ".go", ".py", ".lua")]
            self.assertTrue(any(f'"{route.shape}"' in text for text in sources), route.title)


if __name__ == "__main__":
    unittest.main(verbosity=2)
