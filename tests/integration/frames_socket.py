# SPDX-License-Identifier: Apache-2.0
"""frames_peer.py at a unix socket: PATH WORDS KEPT. A connection that breaks is followed by the next."""

import os
import socket
import sys

import frames_peer


def main():
    path, words, kept = sys.argv[1:]
    if os.path.exists(path):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        print("listens", flush=True)
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as stream_in, connection.makefile("wb") as stream_out:
                try:
                    frames_peer.serve(stream_in, stream_out, words, kept)
                except (BrokenPipeError, ConnectionResetError):
                    pass


if __name__ == "__main__":
    main()
