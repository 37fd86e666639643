#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps what spanring-agent hands to it: each request is appended to a file, its length before it (four bytes, the highest
first), and is on the disk when it is answered. Such a file is what the agent's own `file` exporter writes with format: proto.

    keep.py FILE                  for exporters.exec, whose command it is
    keep.py --socket PATH FILE    for exporters.unix
"""

import argparse
import fcntl
import os
import socket
import stat
import sys

import frames


class Kept:
    """The file, of whole requests: a piece of one, as a kill or a full disk leaves it, would hide what comes after it. Several
    of this program may be at it: one for each signal, and those of two agents while one takes over from the other."""

    def __init__(self, path):
        self.file = open(path, "a+b", buffering=0)
        self.end = 0

    def find_end(self):
        size = os.fstat(self.file.fileno()).st_size
        while self.end + 4 <= size:
            self.file.seek(self.end)
            after = self.end + 4 + int.from_bytes(self.file.read(4), "big")
            if after > size:
                break
            self.end = after

    def add(self, message):
        """Returns once the disk has it."""
        rest = memoryview(len(message).to_bytes(4, "big") + message)
        fcntl.flock(self.file, fcntl.LOCK_EX)
        try:
            self.find_end()
            self.file.truncate(self.end)
            while rest:
                rest = rest[self.file.write(rest):]
            os.fsync(self.file.fileno())
        finally:
            fcntl.flock(self.file, fcntl.LOCK_UN)


def keep(stream_in, stream_out, kept):
    for _, request, message in frames.requests(stream_in):
        try:
            kept.add(message)
        except OSError as error:  # a disk that is full may have room again
            frames.answer(stream_out, request, frames.RETRY, 5000, str(error))
            continue
        frames.answer(stream_out, request)


def listen(path, kept):
    """One agent after the other."""
    if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as server:
        os.umask(0o077)  # nobody else connects
        server.bind(path)
        server.listen()
        print("listens", flush=True)
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as stream_in, connection.makefile("wb") as stream_out:
                try:
                    keep(stream_in, stream_out, kept)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the agent went; what it has no answer to it sends again


def main():
    arguments = argparse.ArgumentParser(description="Keeps what spanring-agent hands to it.")
    arguments.add_argument("--socket", metavar="PATH")
    arguments.add_argument("file")
    said = arguments.parse_args()
    kept = Kept(said.file)
    if said.socket:
        listen(said.socket, kept)
    else:
        keep(sys.stdin.buffer, sys.stdout.buffer, kept)


if __name__ == "__main__":
    main()
