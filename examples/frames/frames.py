# SPDX-License-Identifier: Apache-2.0
"""The frames of docs/frames.md, as a program has them that spanring-agent hands OTLP to."""

import struct

TRACES, LOGS, METRICS = 1, 2, 3
ACCEPTED, RETRY, REJECTED, TOO_LARGE = 1, 2, 3, 4
VERSION = 1
REQUEST = struct.Struct(">BBHQ")   # kind, version, zero, id
ANSWER = struct.Struct(">IB3xQQ")  # bytes that follow, verdict, id, number
MOST_TEXT = 4096


def exactly(stream, size):
    """So many bytes; None where the stream ends before."""
    pieces = []
    while size:
        piece = stream.read(size)
        if not piece:
            return None
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def requests(stream):
    """(kind, id, message) of each request, to the end of the stream."""
    while (length := exactly(stream, 4)) is not None:
        rest = exactly(stream, int.from_bytes(length, "big"))
        if rest is None:
            return
        kind, version, _, number = REQUEST.unpack_from(rest)
        if version != VERSION:
            raise SystemExit(f"frames of version {version}: this program knows {VERSION}")
        yield kind, number, rest[REQUEST.size:]


def answer(stream, request, verdict=ACCEPTED, number=0, text=""):
    """ACCEPTED: `number` spans were not taken. RETRY: not before `number` milliseconds."""
    said = text.encode()[:MOST_TEXT]
    stream.write(ANSWER.pack(ANSWER.size - 4 + len(said), verdict, request, number) + said)
    stream.flush()
