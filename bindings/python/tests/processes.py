# SPDX-License-Identifier: Apache-2.0
"""Spans in a process and in its children of every kind: os.fork(), a pool of multiprocessing by fork and one by spawn.

    processes.py WITNESS

Appends "begin ID" and "end ID" of its spans to WITNESS, and prints how many there were.
"""

import multiprocessing
import os
import sys

from opentelemetry import context, propagate, trace

tracer = trace.get_tracer("processes")


def note(word, span):
    ids = span.get_span_context()
    file = os.open(os.environ["WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{word} {ids.trace_id:032x}{ids.span_id:016x}\n".encode())
    os.close(file)


def work(job):
    number, headers = job
    token = context.attach(propagate.extract(headers))
    with tracer.start_as_current_span("work", attributes={"number": number}) as span:
        note("begin", span)
    note("end", span)
    context.detach(token)
    return os.getpid()


def main():
    os.environ["WITNESS"] = sys.argv[1]
    with tracer.start_as_current_span("parent") as span:
        note("begin", span)
        headers = {}
        propagate.inject(headers)
        child = os.fork()
        if child == 0:
            for number in range(100):
                work((number, headers))
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            sys.exit("the child failed")
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                pool.map(work, [(number, headers) for number in range(100)])
                pool.close()
                pool.join()
    note("end", span)


if __name__ == "__main__":
    main()
