# SPDX-License-Identifier: Apache-2.0
"""A backend that takes OTLP over HTTP as JSON, remembers what came and when, and can be told to do anything else."""

import http.server
import json
import threading
import time


class Request:
    __slots__ = ("at", "bytes", "spans", "headers", "services")

    def __init__(self, body, headers):
        self.at = time.monotonic()
        self.bytes = len(body)
        self.headers = headers
        resources = json.loads(body).get("resourceSpans", [])
        self.spans = [span["traceId"] + span["spanId"] for resource in resources
                      for scope in resource.get("scopeSpans", []) for span in scope.get("spans", [])]
        self.services = {attribute["value"]["stringValue"] for resource in resources
                         for attribute in resource["resource"]["attributes"] if attribute["key"] == "service.name"}


class JsonBackend:
    def __init__(self, port=0):
        backend = self
        self.lock = threading.Lock()
        self.requests = []                # those that were answered with 200
        self.refused = 0
        self.status = 200
        self.hangs = threading.Event()    # while it is set nothing is answered
        self.ending = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                while backend.hangs.is_set() and not backend.ending.wait(0.01):
                    pass
                status = backend.take(body, dict(self.headers))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # whoever gives up on a request that hangs

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def take(self, body, headers):
        with self.lock:
            if self.status == 200:
                self.requests.append(Request(body, headers))
            else:
                self.refused += 1
            return self.status

    def received(self):
        with self.lock:
            return list(self.requests)

    def spans(self):
        return [span for request in self.received() for span in request.spans]

    def close(self):
        self.ending.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
