# SPDX-License-Identifier: Apache-2.0
"""What an Envoy offers to its modules, as integrations/envoy/envoy_build.cpp sums it up.

    offer.py PROGRAM    prints the row of its table
"""

import subprocess
import sys

PREFIX = "envoy_dynamic_module_callback_"


def fnv(name):
    value = 0xcbf29ce484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001b3 & 2**64 - 1
    return value


def offer(program):
    """(functions, sum), by the symbols that nm sees."""
    listed = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", program], check=True, capture_output=True, text=True)
    names = [line.split()[0] for line in listed.stdout.splitlines() if line.startswith(PREFIX)]
    return len(names), sum(map(fnv, names)) % 2**64


if __name__ == "__main__":
    print("{%d, 0x%016x}" % offer(sys.argv[1]))
