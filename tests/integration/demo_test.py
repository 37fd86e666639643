# SPDX-License-Identifier: Apache-2.0
"""tools/demo as a test: three languages, a killed service, a killed agent, and an accounting that comes out."""

import os
import subprocess
import unittest

import demo
import harness


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.access(harness.BUILD, os.W_OK):
            return  # built by another user, who saw to it that it is new
        status = subprocess.run([harness.SOURCE / "examples/shop/build.sh", harness.BUILD], stdin=subprocess.DEVNULL).returncode
        if status == 77:
            raise unittest.SkipTest("the shop needs Go and Rust")
        if status != 0:
            raise AssertionError("the shop cannot be built")

    def test_nothing_is_lost(self):
        demo.run(requests=1500)


if __name__ == "__main__":
    harness.main()
