# SPDX-License-Identifier: Apache-2.0
"""A runtime directory of the test's own."""

import atexit
import os
import shutil
import tempfile


def use():
    """Before the first provider is opened. It goes with this process, and not with a child of it."""
    path = tempfile.mkdtemp(prefix="spanring-test-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    owner = os.getpid()
    os.environ["SPANRING_DIR"] = path
    atexit.register(lambda: os.getpid() == owner and shutil.rmtree(path, ignore_errors=True))
