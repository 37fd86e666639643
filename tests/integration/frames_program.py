# SPDX-License-Identifier: Apache-2.0
"""frames_peer.py at its standard streams: WORDS KEPT. It says on its standard error what it was given, and by a word of its
environment it does not end when it should."""

import os
import signal
import sys

import frames_peer


def main():
    words, kept = sys.argv[1:]
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    descriptors = sorted(int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}"))
    print(f"runs in {os.getcwd()} with descriptors {descriptors}, rights {status['CapEff'].strip()}, no new "
          f"{status['NoNewPrivs'].strip()}, ignored {status['SigIgn'].strip()}, blocked {status['SigBlk'].strip()}, "
          f"variables {sorted(os.environ)}", file=sys.stderr, flush=True)
    if "STUBBORN" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "CHILD" in os.environ and os.fork() == 0:
        signal.pause()
    frames_peer.serve(sys.stdin.buffer, sys.stdout.buffer, words, kept)
    if "STUBBORN" in os.environ:
        signal.pause()


if __name__ == "__main__":
    main()
