# SPDX-License-Identifier: Apache-2.0
"""Logs and metrics of OpenTelemetry's SDK for Python: signals.py logs|metrics grpc|http ENDPOINT. Sends batch after batch
until its input ends, and says "answered" or "failed" with the number of the first of a batch and how many it has."""

import logging
import sys
import threading
import time

from opentelemetry.sdk.resources import Resource

BATCH = 20
RESOURCE = Resource.create({"service.name": "python-signals"})


class Logs:
    """A batch is log records, "line N" each, by Python's own logging."""

    def __init__(self, protocol, endpoint):
        from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
        if protocol == "grpc":
            from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
            self.to = OTLPLogExporter(endpoint=endpoint, insecure=True)
        else:
            from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
            self.to = OTLPLogExporter(endpoint=endpoint + "/v1/logs")
        self.result, self.success = None, LogRecordExportResult.SUCCESS
        self.provider = LoggerProvider(resource=RESOURCE)
        # Nothing is sent before it is told to.
        self.provider.add_log_record_processor(BatchLogRecordProcessor(self, schedule_delay_millis=3_600_000))
        self.logger = logging.getLogger("sender")
        self.logger.setLevel(logging.INFO)
        self.logger.propagate = False
        self.logger.addHandler(LoggingHandler(logger_provider=self.provider))

    def export(self, batch):
        self.result = self.to.export(batch)
        return self.result

    def shutdown(self):
        self.to.shutdown()

    def force_flush(self, timeout_millis=30_000):
        return True

    def send(self, first):
        self.result = None
        for number in range(first, first + BATCH):
            self.logger.info("line %d", number, extra={"number": number})
        self.provider.force_flush()
        return self.result is self.success


class Metrics:
    """A batch is gauges, "metric.N" each with the value N."""

    def __init__(self, protocol, endpoint):
        from opentelemetry.sdk.metrics.export import MetricExportResult
        if protocol == "grpc":
            from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
            self.to = OTLPMetricExporter(endpoint=endpoint, insecure=True)
        else:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
            self.to = OTLPMetricExporter(endpoint=endpoint + "/v1/metrics")
        self.success = MetricExportResult.SUCCESS

    def send(self, first):
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        reader = InMemoryMetricReader()
        provider = MeterProvider(resource=RESOURCE, metric_readers=[reader], shutdown_on_exit=False)
        meter = provider.get_meter("sender", "1.2.3")
        for number in range(first, first + BATCH):
            meter.create_gauge(f"metric.{number}", unit="1").set(number, {"text": "Grüße"})
        result = self.to.export(reader.get_metrics_data())
        provider.shutdown()
        return result is self.success

    def shutdown(self):
        self.to.shutdown()


def main():
    signal, protocol, endpoint = sys.argv[1:]
    sender = {"logs": Logs, "metrics": Metrics}[signal](protocol, endpoint)
    stopped = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
    print("ready", flush=True)
    first = 0
    while not stopped.is_set():
        print("answered" if sender.send(first) else "failed", first, BATCH, flush=True)
        first += BATCH
        time.sleep(0.005)
    sender.shutdown()
    print("done", flush=True)


if __name__ == "__main__":
    main()
