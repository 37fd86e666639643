# SPDX-License-Identifier: Apache-2.0
"""tools/lint finds what is wrong: what .editorconfig says of bytes, and what the checks make of their tools."""

import pathlib
import sys
import tempfile
import unittest
from unittest import mock

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(SOURCE / "tools"))
import lint  # noqa: E402
from editorconfig import EditorConfig  # noqa: E402

RULES = EditorConfig("""root = true
[*]
charset = utf-8
end_of_line = lf
insert_final_newline = true
trim_trailing_whitespace = true
indent_style = space
[{*.go,go.mod}]
indent_style = tab
[seeds/**]
charset = unset
end_of_line = unset
insert_final_newline = unset
trim_trailing_whitespace = unset
indent_style = unset
""")


class EditorConfigTest(unittest.TestCase):
    def test_later_sections_win_and_unset_takes_away(self):
        self.assertEqual(RULES.of("a/b.cpp")["indent_style"], "space")
        self.assertEqual(RULES.of("a/b.go")["indent_style"], "tab")
        self.assertEqual(RULES.of("go.mod")["indent_style"], "tab")
        self.assertEqual(RULES.of("a/go.modern")["indent_style"], "space")
        self.assertEqual(RULES.of("seeds/deep/one"), {})
        self.assertEqual(RULES.of("a/seeds/one")["indent_style"], "space")

    def test_what_is_wrong_is_found_with_its_place(self):
        for data, problem in ((b"one\ntwo", "a.c: no newline at the end"), (b"one \n", "a.c:1: blanks at the end"),
                              (b"one\n\ttwo\n", "a.c:2: a tab"), (b"one\r\n", "a.c:1: a carriage return")):
            self.assertEqual(RULES.problems("a.c", data), [problem])
        self.assertIn("can't decode byte", RULES.problems("a.c", b"\xff\n")[0])

    def test_what_is_right_or_exempt_is_left_alone(self):
        self.assertEqual(RULES.problems("a.c", b""), [])
        self.assertEqual(RULES.problems("a.c", "one\n\n  zwölf\n".encode()), [])
        self.assertEqual(RULES.problems("a.go", b"one\n\ttwo\n"), [])
        self.assertEqual(RULES.problems("seeds/one", b"\xff \r\n\t"), [])

    def test_what_can_be_mended_is(self):
        self.assertEqual(RULES.mended("a.c", b"one \r\ntwo\t"), b"one\ntwo\n")
        self.assertEqual(RULES.mended("seeds/one", b"one \r\ntwo\t"), b"one \r\ntwo\t")


class LintTest(unittest.TestCase):
    def run_checks(self, **checks):
        with mock.patch.multiple(lint, CHECKS=checks, Tree=mock.DEFAULT), \
                mock.patch.object(sys, "argv", ["lint"]), mock.patch("builtins.print") as printed:
            code = lint.main()
        return code, [call.args[0] for call in printed.call_args_list]

    def test_each_check_is_a_line_and_the_last_line_is_the_sum(self):
        def missing(tree, fix):
            lint.tool("no-such-tool")

        code, lines = self.run_checks(right=lambda tree, fix: [], wrong=lambda tree, fix: ["a.c:1: ugly"], absent=missing)
        self.assertEqual(code, 1)
        self.assertEqual(lines, ["ok       right", "failed   wrong", "    a.c:1: ugly",
                                 "skipped  absent: no-such-tool is not installed", "1 passed, 1 failed, 1 skipped"])

    def test_what_is_skipped_shows_in_the_exit_code(self):
        def missing(tree, fix):
            lint.tool("no-such-tool")

        self.assertEqual(self.run_checks(right=lambda tree, fix: [], absent=missing)[0], 77)
        self.assertEqual(self.run_checks(right=lambda tree, fix: [])[0], 0)

    def test_a_tool_that_fails_without_a_word_is_wrong(self):
        self.assertEqual(lint.output("false"), ["false ended with 1"])
        self.assertEqual(lint.output("true"), [])


class ThreadSafetyTest(unittest.TestCase):
    CODE = """#include "base/mutex.hpp"
class Counter {{
public:
    void count() {{ {lock} ++count_; }}
private:
    spanring::agent::Mutex mutex_;
    int count_ SPR_GUARDED_BY(mutex_) = 0;
}};
"""

    def problems_of(self, lock):
        with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
            file.write(self.CODE.format(lock=lock))
            file.flush()
            try:
                return lint.unsafe([file.name])
            except lint.Skip as reason:
                self.skipTest(str(reason))

    def test_a_member_that_is_touched_without_its_mutex_is_found(self):
        problems = self.problems_of("")
        self.assertEqual(len(problems), 1)
        self.assertIn("requires holding mutex 'mutex_'", problems[0])
        self.assertEqual(self.problems_of("const spanring::agent::MutexLock lock(mutex_);"), [])


if __name__ == "__main__":
    unittest.main()
