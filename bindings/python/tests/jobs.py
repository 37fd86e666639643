# SPDX-License-Identifier: Apache-2.0
"""Jobs for Celery that somebody may have written: they know OpenTelemetry's API and nothing else. The broker is a folder, which QUEUE
names. Beside them a witness, as in shop.py.

    opentelemetry-instrument celery --app jobs worker
    jobs.py ORDERS               sends a job that is held, and so many orders
"""

import os
import sys
import threading
import time

import celery
from celery import signals
from opentelemetry import trace

app = celery.Celery("jobs", broker="filesystem://")
folder = os.environ["QUEUE"]
app.conf.update(broker_transport_options={
    "data_folder_in": folder, "data_folder_out": folder, "control_folder": folder, "polling_interval": 0.01},
    worker_enable_remote_control=False, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=False)
tracer = trace.get_tracer("jobs", "1.0")


def note(word, span):
    context = span.get_span_context()
    file = os.open(os.environ["WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{word} {context.trace_id:032x}{context.span_id:016x}\n".encode())
    os.close(file)


@app.task
def order(number):
    """Its own span is that of the instrumentation."""
    consumer = trace.get_current_span()
    note("begin", consumer)
    order.request.consumer = consumer
    with tracer.start_as_current_span("load order", attributes={"order": number}) as span:
        note("begin", span)
        time.sleep(0.002)
    note("end", span)


@app.task
def hold():
    """Has a span open when its process is killed, and says which that is."""
    note("begin", trace.get_current_span())
    with open(os.environ["HELD"], "w") as file:
        file.write(f"{os.getpid()}\n")
    threading.Event().wait()


def witness_end(task=None, **_):
    """After the instrumentation's own, which was connected before this one."""
    if hasattr(task.request, "consumer"):
        note("end", task.request.consumer)


signals.task_postrun.connect(witness_end, weak=False)


if __name__ == "__main__":
    from jobs import hold as held, order as ordered  # as the worker knows them

    held.delay()
    for number in range(int(sys.argv[1])):
        ordered.delay(number)
