#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps what spanring-agent hands to it: each request is appended to a file, its length before it (four bytes, the highest
first), and is on the disk when it is answered. Such a file is what the agent's own `file` exporter writes with format: proto.

    keep.py FILE                  for exporters.exec, whose command it is
    keep.py --socket PATH FILE    for exporters.unix
"""

import argparse
import os
import socket
import stat
import sys

import frames


def keep(stream_in, stream_out, file):
    for _, request, message in frames.requests(stream_in):
        try:
            file.write(len(message).to_bytes(4, "big") + message)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:  # a disk that is full may have room again
            frames.answer(stream_out, request, frames.RETRY, 5000, str(error))
            continue
        frames.answer(stream_out, request)


def listen(path, file):
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
                    keep(stream_in, stream_out, file)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the agent went; what it has no answer to it sends again


def main():
    arguments = argparse.ArgumentParser(description="Keeps what spanring-agent hands to it.")
    arguments.add_argument("--socket", metavar="PATH")
    arguments.add_argument("file")
    said = arguments.parse_args()
    with open(said.file, "ab") as file:
        if said.socket:
            listen(said.socket, file)
        else:
            keep(sys.stdin.buffer, sys.stdout.buffer, file)


if __name__ == "__main__":
    main()
