# SPDX-License-Identifier: Apache-2.0
"""Everything that a backend was seen to do to the agent, or might: each a way to serve one connection after another.

What the agent may do about it differs: what is not taken is tried again, seldom; what is settled, accepted or rejected
for good, is sent once. So with each way stands which share of its answers settles a request.
"""

import base64
import contextlib
import itertools
import socket
import struct
import threading

from hostile_backend import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, SETTINGS, WINDOW_UPDATE,
                             endless_http, frame, greet, grpc, grpc_answer, grpc_flood, grpc_requests, gzip_bomb, header,
                             http, http_answer, message, read_frame, read_http_request)

TAKES_NOTHING, SETTLES = 0, 1

RST_STREAM = 3
PROTOBUF = "Content-Type: application/x-protobuf"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
FOR_EVER = ("Retry-After: 99999999999999999999", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", "Retry-After: 86400",
            "Retry-After: -1", "Retry-After: soon")


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def partial_success(rejected, text=b""):
    """An ExportTraceServiceResponse."""
    inner = b"\x08" + varint(rejected & 2**64 - 1) + b"\x12" + varint(len(text)) + text
    return b"\x0a" + varint(len(inner)) + inner


def in_turn(*answers):
    """Each request the next answer."""
    every = itertools.cycle(answers)
    return lambda *_: next(every)


def retry_info(seconds, nanos=0):
    delay = b"\x08" + varint(seconds) + b"\x10" + varint(nanos)
    detail = b"\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12" + varint(len(delay)) + delay
    return [("grpc-status-details-bin", base64.b64encode(b"\x1a" + varint(len(detail)) + detail))]


def status(code, trailers=()):
    return lambda _, stream: grpc_answer(stream, code, trailers=trailers)


def statuses(*codes):
    every = itertools.cycle(codes)
    return lambda _, stream: grpc_answer(stream, next(every))


# ---- One connection each --------------------------------------------------------------------------------------------

def silent(backend, connection):
    """Takes a request, and never says a word."""
    read_http_request(connection)
    backend.count()
    backend.wait_for_end()


def deaf(backend, connection):
    """Reads nothing."""
    backend.count()
    backend.wait_for_end()


def hangs_up(backend, connection):
    backend.count()


def resets(backend, connection):
    read_http_request(connection)
    backend.count()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def no_protocol(backend, connection):
    backend.count()
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + bytes(range(256)) * 16)


def redirects(backend, connection):
    """To itself."""
    http(lambda number, _: http_answer(f"{(301, 302, 307, 308)[number % 4]} Elsewhere", b"",
                                       f"Location: {backend.endpoint}/v1/traces"))(backend, connection)


def drips(beginning, drop):
    """An answer that comes a byte at a time, and never ends."""
    def serve(backend, connection):
        read_http_request(connection)
        backend.count()
        connection.sendall(beginning)
        while not backend.wait_for_end(0.05):
            connection.sendall(drop)
    return serve


def goes_away(backend, connection):
    """GOAWAY in answer to each request, or the end of its stream alone."""
    greet(connection)
    for stream in grpc_requests(connection):
        if backend.count() % 2:
            connection.sendall(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 11) + b"too_many_pings" * 500))
            return
        connection.sendall(frame(RST_STREAM, 0, stream, struct.pack(">I", 7)))


def grpc_endless(backend, connection):
    """A message of two gigabytes, by the rules: never more than the agent has room for. Those who ignore its windows are
    cut off at once."""
    greet(connection)
    room = {0: 65535}
    more = threading.Condition()

    def read():
        with contextlib.suppress(OSError, EOFError):
            while True:
                kind, flags, stream, payload = read_frame(connection)
                with more:
                    if kind == SETTINGS and not flags & ACK:
                        connection.sendall(frame(SETTINGS, ACK, 0))
                    elif kind == PING and not flags & ACK:
                        connection.sendall(frame(PING, ACK, 0, payload))
                    elif kind == HEADERS:
                        room[stream] = 65535
                    elif kind == DATA and flags & END_STREAM:
                        room["answers"] = stream
                        backend.count()
                    elif kind == WINDOW_UPDATE:
                        room[stream] = room.get(stream, 65535) + int.from_bytes(payload, "big")
                    more.notify()
        with more:
            room["end"] = True
            more.notify()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with more:
            more.wait_for(lambda: "answers" in room or "end" in room)
            stream = room.get("answers")
        if stream is None:
            return
        connection.sendall(opens(stream))
        body = message(b"")[:1] + b"\x7f" * 4
        while True:
            with more:
                more.wait_for(lambda: min(room[0], room[stream]) > 0 or "end" in room)
                if "end" in room:
                    return
                piece = (body + bytes(16384))[:min(room[0], room[stream], 16384)]
                room[0] -= len(piece)
                room[stream] -= len(piece)
                body = b""
                connection.sendall(frame(DATA, 0, stream, piece))
    finally:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        reader.join()


OPENS = frame(HEADERS, END_HEADERS, 1, header(":status", b"200") + header("content-type", b"application/grpc"))


def opens(stream):
    return OPENS[:5] + struct.pack(">I", stream) + OPENS[9:]


HUGE = 100 << 20
PAGE = "Content-Type: text/html"

# Name of the exporter: share of the requests that are settled, the way.
HTTP = {
    "http_soon": (TAKES_NOTHING, http(in_turn(http_answer("503 No", b"", "Retry-After: 0"), http_answer("429 No"),
                                              http_answer("502 No", b"", "Retry-After: 0.001"), http_answer("504 No")))),
    "http_for_ever": (TAKES_NOTHING, http(in_turn(*(http_answer("503 No", b"", after) for after in FOR_EVER)))),
    "http_page": (TAKES_NOTHING, http(in_turn(http_answer("200 OK", b"<html>Log in</html>", PAGE)))),
    "http_body": (SETTLES, endless_http(HEAD + b"\r\n", b"x" * 4096)),
    "http_huge": (SETTLES, endless_http(HEAD + b"Content-Length: %d\r\n\r\n" % HUGE, b"\0" * 4096)),
    "http_headers": (SETTLES, endless_http(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n")),
    "http_trailers": (SETTLES, endless_http(CHUNKED + b"0\r\n", b"X-More: and more\r\n")),
    "http_continues": (TAKES_NOTHING, endless_http(b"", b"HTTP/1.1 100 Continue\r\nX-More: and more\r\n\r\n")),
    "http_chunks": (SETTLES, endless_http(CHUNKED + b"4;", b"name=value;" * 100)),
    "http_bomb": (TAKES_NOTHING, http(in_turn(http_answer("200 OK", gzip_bomb(50 << 20), PROTOBUF, "Content-Encoding: gzip")))),
    "http_drips": (TAKES_NOTHING, drips(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a")),
    "http_silent": (TAKES_NOTHING, silent),
    "http_resets": (TAKES_NOTHING, resets),
    "http_hangs_up": (TAKES_NOTHING, hangs_up),
    "http_no_http": (TAKES_NOTHING, no_protocol),
    "http_redirects": (SETTLES, redirects),
    "http_too_large": (SETTLES, http(in_turn(http_answer("413 Too large")))),
    "http_partial": (SETTLES, http(in_turn(*(http_answer("200 OK", partial_success(*said), PROTOBUF) for said in (
        (2**63 - 1, b"\x1b[2J\nall is well\n" * 5000), (-1,), (10**9,), (1, b"\xff\xfe"), (0, b"a warning")))))),
    "http_flaps": (1 / 2, http(in_turn(http_answer("400 No"), http_answer("503 No", b"", "Retry-After: 0"),
                                       http_answer("500 No"), http_answer("429 No"), http_answer("200 OK"),
                                       http_answer("502 No")))),
    "http_takes_one_of_eight": (1 / 8, http(in_turn(*[http_answer("503 No", b"", "Retry-After: 0")] * 7,
                                                    http_answer("200 OK")))),
}
GRPC = {
    "grpc_soon": (TAKES_NOTHING, grpc(status(14, trailers=retry_info(0, 1)))),
    "grpc_for_ever": (TAKES_NOTHING, grpc(status(8, trailers=retry_info(10**12)))),
    "grpc_bomb": (SETTLES, grpc(lambda _, stream: grpc_answer(stream, 0, gzip_bomb(50 << 20), compressed=True))),
    "grpc_goes_away": (TAKES_NOTHING, goes_away),
    "grpc_deaf": (TAKES_NOTHING, deaf),
    "grpc_partial": (SETTLES, grpc(lambda number, stream: grpc_answer(
        stream, 0, partial_success((2**63 - 1, -1, 10**9)[number % 3], b"\x1b[2J\n" * 1000)))),
    "grpc_flaps": (1 / 2, grpc(statuses(3, 14, 13, 10, 0, 4))),
    "grpc_takes_one_of_eight": (1 / 8, grpc(statuses(14, 14, 14, 14, 14, 14, 14, 0))),
}
GRPC_FLOODS = {
    "grpc_settings": (TAKES_NOTHING, grpc_flood(frame(SETTINGS, 0, 0))),
    "grpc_pings": (TAKES_NOTHING, grpc_flood(frame(PING, 0, 0, b"flooding"))),
    "grpc_data": (TAKES_NOTHING, grpc_endless),
}
