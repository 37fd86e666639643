# SPDX-License-Identifier: Apache-2.0
"""The fixture spanring_test_kit, which pytest finds by itself where spanring is installed."""

import errno
import sys

import pytest


@pytest.fixture
def spanring_test_kit():
    """The module spanring.test_kit, begun, and with nothing in it that has ended. Where spanring does not run, a test is skipped."""
    if sys.platform != "linux":
        pytest.skip("spanring does not run on this system: it records nothing")
    from spanring import test_kit  # not in sessions that do not ask for it

    try:
        test_kit.begin()
    except OSError as error:
        if error.errno == errno.EBUSY:
            pytest.fail("spans were recorded before the first test that uses spanring_test_kit: call spanring.test_kit.begin() "
                        "in conftest.py, before the program is imported", pytrace=False)
        raise
    test_kit.clear()
    return test_kit
