# SPDX-License-Identifier: Apache-2.0
"""tools/header-bill: the headers of the agent are below the limit or say why, and one that is above is found."""

import os
import pathlib
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("SPANRING_BUILD", SOURCE / "build")).resolve()


def bill(*options):
    return subprocess.run([sys.executable, "-B", SOURCE / "tools/header-bill", BUILD, *options], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)


class HeaderBill(unittest.TestCase):
    def test_no_header_is_above_the_limit_without_a_reason(self):
        done = bill()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"\d{2,} headers;", "the headers were not found at all")

    def test_one_that_is_above_is_found(self):
        done = bill("--limit", "50000")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("does not say why", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
