# SPDX-License-Identifier: Apache-2.0
"""A backend on its worst day: OTLP over gRPC (HTTP/2 by hand) and over HTTP/1.1, each connection served by a function
that may do whatever it likes to the agent."""

import contextlib
import gzip
import socket
import struct
import threading
import time

DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class HostileBackend:
    """Listens on a port of 127.0.0.1; `serve(backend, connection)` is called on a thread for each connection."""

    def __init__(self, serve):
        self.serve = serve
        self.requests = 0
        self.connections = 0
        self.first = self.last = None  # when requests came
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.threads = [threading.Thread(target=self.accept)]
        self.open = []
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.open.append(connection)
                thread = threading.Thread(target=self.run, args=[connection])
                self.threads.append(thread)
            thread.start()

    def run(self, connection):
        with connection, contextlib.suppress(OSError, EOFError):
            self.serve(self, connection)

    def serving(self):
        """Connections that are open still."""
        return sum(thread.is_alive() for thread in self.threads[1:])

    def count(self):
        with self.lock:
            self.last = time.monotonic()
            self.first = self.first or self.last
            self.requests += 1
            return self.requests

    def wait_for_end(self, seconds=None):
        return self.ending.wait(seconds)

    def close(self):
        self.ending.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.threads[0].join()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self.threads[1:]:
            thread.join()


def read_exactly(connection, size):
    read = bytearray()
    while len(read) < size:
        part = connection.recv(size - len(read))
        if not part:
            raise EOFError
        read += part
    return bytes(read)


# ---- HTTP/1.1 -------------------------------------------------------------------------------------------------------

def read_http_request(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(1 << 16, socket.MSG_PEEK)
        if len(more) == len(head):
            raise EOFError
        head = more
    head = read_exactly(connection, head.index(b"\r\n\r\n") + 4)
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return read_exactly(connection, length)


def http(answer):
    """Serves HTTP: `answer(number, body)` returns all bytes of the answer to a request."""
    def serve(backend, connection):
        while True:
            body = read_http_request(connection)
            connection.sendall(answer(backend.count(), body))
    return serve


def late_http(seconds):
    """Takes everything, after a while."""
    def serve(backend, connection):
        while not backend.wait_for_end(0):
            read_http_request(connection)
            backend.count()
            backend.wait_for_end(seconds)
            connection.sendall(http_answer("200 OK"))
    return serve


def http_answer(status, body=b"", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def endless_http(beginning, piece):
    """Answers with `beginning`, then `piece` for as long as anybody takes it."""
    def serve(backend, connection):
        read_http_request(connection)
        backend.count()
        connection.sendall(beginning)
        block = piece * (1 + (1 << 18) // len(piece))
        while True:
            connection.sendall(block)
    return serve


# ---- gRPC -----------------------------------------------------------------------------------------------------------

def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header(name, value):
    """HPACK, a literal that is not put into the table."""
    assert len(name) < 127 and len(value) < 127
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value


def message(body, compressed=False):
    return struct.pack(">BI", compressed, len(body)) + body


def grpc_answer(stream, status, body=b"", compressed=False, trailers=()):
    first = header(":status", b"200") + header("content-type", b"application/grpc")
    if compressed:
        first += header("grpc-encoding", b"gzip")
    out = frame(HEADERS, END_HEADERS, stream, first)
    if status == 0:
        whole = message(body, compressed)
        for at in range(0, len(whole), 16384):
            out += frame(DATA, 0, stream, whole[at:at + 16384])
    last = header("grpc-status", str(status).encode()) + b"".join(header(name, value) for name, value in trailers)
    return out + frame(HEADERS, END_HEADERS | END_STREAM, stream, last)


def greet(connection):
    """The windows are as large as they can be, so nothing has to be given back."""
    read_exactly(connection, len(PREFACE))
    connection.sendall(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0x7fffffff)) +
                       frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0x7fff0000)))


def read_frame(connection):
    head = read_exactly(connection, 9)
    size, kind, flags, stream = int.from_bytes(head[:3], "big"), head[3], head[4], int.from_bytes(head[5:], "big")
    return kind, flags, stream, read_exactly(connection, size)


def grpc_requests(connection):
    """The streams whose request is complete, for ever."""
    while True:
        kind, flags, stream, payload = read_frame(connection)
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            connection.sendall(frame(PING, ACK, 0, payload))
        elif kind == DATA and flags & END_STREAM:
            yield stream


def grpc(answer):
    """Serves gRPC: `answer(number, stream)` returns all frames of the answer to a request."""
    def serve(backend, connection):
        greet(connection)
        for stream in grpc_requests(connection):
            connection.sendall(answer(backend.count(), stream))
    return serve


def late_grpc(seconds):
    """Likewise; answers do not wait for one another."""
    def serve(backend, connection):
        greet(connection)
        sending = threading.Lock()

        def answer(stream):
            backend.wait_for_end(seconds)
            with sending, contextlib.suppress(OSError):
                connection.sendall(grpc_answer(stream, 0))
        answers = []
        try:
            for stream in grpc_requests(connection):
                backend.count()
                answers.append(threading.Thread(target=answer, args=[stream]))
                answers[-1].start()
        finally:
            for each in answers:
                each.join()
    return serve


def grpc_flood(frames):
    """Takes a request and never answers it, but sends `frames` for as long as anybody takes them."""
    def serve(backend, connection):
        greet(connection)
        next(grpc_requests(connection))
        backend.count()
        block = frames * (1 + (1 << 16) // len(frames))
        reader = threading.Thread(target=swallow, args=[connection])
        reader.start()
        try:
            while True:
                connection.sendall(block)
        finally:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            reader.join()
    return serve


def swallow(connection):
    with contextlib.suppress(OSError):
        while connection.recv(1 << 16):
            pass


def gzip_bomb(size):
    """An ExportTraceServiceResponse whose message is `size` zeros."""
    def tagged(tag, body):
        length, varint = len(body), b""
        while length >= 0x80:
            varint += bytes([length & 0x7f | 0x80])
            length >>= 7
        return bytes([tag]) + varint + bytes([length]) + body
    return gzip.compress(tagged(0x0a, tagged(0x12, bytes(size))), 6)
