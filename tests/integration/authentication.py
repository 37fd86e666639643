# SPDX-License-Identifier: Apache-2.0
"""Who asks who sends: a token server, and nginx with TLS in front of a Collector, which lets in whom it is told to."""

import base64
import http.server
import json
import os
import pwd
import subprocess
import threading
import urllib.parse

import harness

ASK = "auth_request /known;"
CLIENT, SECRET = "spanring-agent", "a secret & its sequel"


class TokenServer:
    """OAuth2's client credentials, and for nginx's auth_request the word about a token (`/known`)."""

    def __init__(self, lifetime=3600, port=0):
        server = self
        self.lock = threading.Lock()
        self.lifetime = lifetime
        self.hangs = threading.Event()   # while it is set requests for tokens are not answered
        self.ending = threading.Event()
        self.status = 200                # of the answers to those
        self.given = []
        self.known = set()               # what is let in, "Bearer abc"
        self.asked = []                  # forms

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                while server.hangs.is_set() and not server.ending.wait(0.01):
                    pass
                self.answer(*server.give(form, self.headers.get("Authorization", "")))

            def do_GET(self):
                with server.lock:
                    known = self.headers.get("Authorization") in server.known
                self.answer(200 if known else 401, {})

            def answer(self, status, document):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # whoever does not wait for the answer

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/token"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def give(self, form, authorization):
        with self.lock:
            self.asked.append(form)
            pair = f"{urllib.parse.quote(CLIENT, safe='')}:{urllib.parse.quote(SECRET, safe='')}"
            if authorization != "Basic " + base64.b64encode(pair.encode()).decode():
                return 401, {"error": "invalid_client", "error_description": f"it is not {SECRET}"}
            if self.status != 200 or form.get("grant_type") != ["client_credentials"]:
                return self.status, {"error": "temporarily_unavailable"}
            token = f"token-of-the-test-{len(self.given)}"
            self.given.append(token)
            self.known.add(f"Bearer {token}")
            return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}

    def forget_all(self):
        """What was given out so far lets nobody in."""
        with self.lock:
            self.known.clear()

    def close(self):
        self.ending.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Door:
    """nginx in front of a Collector, both ways of OTLP, in TLS."""

    def __init__(self, workspace, collector, rule, token_port=1):
        """`rule`: lines of nginx's that say who is let in; `token_port`: of the token server that `ASK` asks."""
        self.workspace = workspace
        self.folder = workspace.unique("nginx")
        self.folder.mkdir()
        self.grpc_port, self.http_port = harness.free_port(), harness.free_port()
        self.ca = self.folder / "certificate.pem"
        key = self.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", self.ca, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], stdin=subprocess.DEVNULL, capture_output=True, check=True)
        (self.folder / "nginx.conf").write_text(CONFIGURATION.format(
            user=pwd.getpwuid(os.geteuid()).pw_name,
            folder=self.folder, certificate=self.ca, key=key, rule=rule, grpc=self.grpc_port, http=self.http_port,
            token_port=token_port,
            collector_grpc=collector.port, collector_http=collector.http_port))
        self.process = harness.Process(workspace, "nginx", ["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf"],
                                       env=harness.environment())
        harness.wait_until(self.listens, "nginx listens")

    def listens(self):
        if not self.process.running():
            raise AssertionError(f"nginx ended: {self.process.stderr()}")
        return (self.folder / "nginx.pid").exists()

    def endpoint(self, exporter):
        return f"https://127.0.0.1:{self.grpc_port if exporter == 'otlp_grpc' else self.http_port}"


CONFIGURATION = """
daemon off;
master_process off;
user {user};
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 16m;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    server {{
        listen 127.0.0.1:{grpc} ssl http2;
        location / {{ {rule}
            grpc_pass grpc://127.0.0.1:{collector_grpc}; }}
        location = /known {{ internal; proxy_pass_request_body off; proxy_set_header Content-Length "";
            proxy_pass http://127.0.0.1:{token_port}/known; }}
    }}
    server {{
        listen 127.0.0.1:{http} ssl;
        location / {{ {rule}
            proxy_pass http://127.0.0.1:{collector_http}; }}
        location = /known {{ internal; proxy_pass_request_body off; proxy_set_header Content-Length "";
            proxy_pass http://127.0.0.1:{token_port}/known; }}
    }}
}}
"""
