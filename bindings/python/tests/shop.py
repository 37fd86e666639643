# SPDX-License-Identifier: Apache-2.0
"""A Flask application that somebody may have written: it knows OpenTelemetry's API and nothing else. Beside it a witness, which
appends "begin ID" and "end ID" of each span to the file that WITNESS names, in single writes: what a kill does not take away.

    opentelemetry-instrument gunicorn shop:application
"""

import os
import threading
import time

import flask
from opentelemetry import trace

app = flask.Flask(__name__)
tracer = trace.get_tracer("shop", "1.0")
witness = os.open(os.environ["WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def note(word, span):
    context = span.get_span_context()
    os.write(witness, f"{word} {context.trace_id:032x}{context.span_id:016x}\n".encode())


@app.get("/orders/<int:number>")
def order(number):
    server = trace.get_current_span()
    note("begin", server)
    flask.request.environ["shop.server"] = server
    with tracer.start_as_current_span("load order", attributes={"order": number}) as span:
        note("begin", span)
        time.sleep(0.002)
        span.add_event("found")
    note("end", span)
    return {"number": number}


@app.get("/held")
def held():
    """Has a span open when its worker is killed, and says which worker that is."""
    note("begin", trace.get_current_span())
    with open(os.environ["HELD"], "w") as file:
        file.write(f"{os.getpid()}\n")
    threading.Event().wait()


class Witnessed:
    """Outside of everything that the instrumentation does: when it has closed an answer, the server's span has ended."""

    def __init__(self, environment, start_response):
        self.environment = environment
        self.answer = app(environment, start_response)

    def __iter__(self):
        return iter(self.answer)

    def close(self):
        self.answer.close()
        note("end", self.environment["shop.server"])


application = Witnessed
