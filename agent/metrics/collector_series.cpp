// SPDX-License-Identifier: Apache-2.0
#include "metrics/collector_series.hpp"

#include <array>
#include <optional>
#include <utility>

#include "batch/exporter.hpp"
#include "drain/drain_status.hpp"
#include "metrics/exporter_series.hpp"
#include "receive/receiver_status.hpp"

namespace spanring::agent {
namespace {

using ring::Counter;

double number(uint64_t value) { return static_cast<double>(value); }

uint64_t closed(const DrainStatus& drain, CloseCause cause) { return drain.closed[static_cast<size_t>(cause)]; }

// By the protocol that it came by.
void add_received(Exposition& page, Signal signal, const ReceiverStatus& receiver) {
    const std::string part = names_of(signal).metric_part, items = names_of(signal).items;
    const auto add = [&](const char* transport, uint64_t accepted, uint64_t refused) {
        const MetricLabels labels = {{"receiver", "otlp"}, {"transport", transport}};
        page.counter("otelcol_receiver_accepted_" + part + "_total",
                     "What was answered for, since the agent's start: " + items, labels, number(accepted));
        page.counter("otelcol_receiver_refused_" + part + "_total", "What its sender was asked to send again: " + items,
                     labels, number(refused));
    };
    add("grpc", receiver.accepted_by_grpc, receiver.refused_by_grpc);
    add("http", receiver.accepted_spans - receiver.accepted_by_grpc, receiver.refused_spans - receiver.refused_by_grpc);
}

}  // namespace

void add_collector_exporter(Exposition& page, const Exporter& exporter) {
    const ExporterStatus status = exporter.status();
    const MetricLabels labels = {{"exporter", exporter.name()}};
    const MetricLabels queue = {{"exporter", exporter.name()}, {"data_type", "traces"}};
    page.counter("otelcol_exporter_sent_spans_total", "Spans that the backend took, since the agent's start.", labels,
                 number(status.exported + status.spool_exported));
    page.counter("otelcol_exporter_send_failed_spans_total", "Spans that it rejected, or that were lost in the spool.",
                 labels, number(status.rejected + status.spool_rejected + status.spool_dropped));
    page.counter("otelcol_exporter_enqueue_failed_spans_total", "Spans for which there was no room or no time.", labels,
                 number(status.dropped));
    page.gauge("otelcol_exporter_queue_size", "Bytes in memory: queued and in flight.", queue,
               number(status.queued_bytes));
    if (status.queue_limit != 0)
        page.gauge("otelcol_exporter_queue_capacity", "What they may come to.", queue, number(status.queue_limit));
    const std::optional<ExportMeasures> measures = exporter.measures();
    if (!measures) return;
    page.histogram("otelcol_exporter_queue_batch_send_size", "Spans of what is sent.", labels,
                   exposed(measures->spans));
    page.histogram("otelcol_exporter_queue_batch_send_size_bytes", "Bytes of what is sent, before compression.", labels,
                   exposed(measures->bytes));
    const MetricLabels component = {{"otel_component_name", exporter.name()}};
    page.histogram("otel_sdk_exporter_operation_duration_seconds", "Time of a request until its answer.", component,
                   exposed(measures->duration));
}

void add_collector_drain(Exposition& page, const DrainStatus& drain) {
    const MetricLabels receiver = {{"receiver", "spanring"}, {"transport", "shm"}};
    page.counter("otelcol_receiver_accepted_spans_total", "Spans that were taken over, since the agent's start.",
                 receiver, number(drain.spans - drain.invalid));
    page.counter("otelcol_receiver_refused_spans_total", "Spans that were not.", receiver, number(drain.invalid));
    const MetricLabels batch = {{"processor", "batch"}};
    page.counter("otelcol_processor_batch_batch_size_trigger_send_total", "Batches that were closed by their size.",
                 batch, number(closed(drain, CloseCause::kSpans) + closed(drain, CloseCause::kBytes)));
    page.counter("otelcol_processor_batch_timeout_trigger_send_total", "Batches that were closed by their age.", batch,
                 number(closed(drain, CloseCause::kAge)));
}

void add_collector_receiver(Exposition& page, const ReceiverStatus& receiver) {
    add_received(page, Signal::kTraces, receiver);
}

void add_signal_exporter(Exposition& page, Signal signal, const Exporter& exporter) {
    const ExporterStatus status = exporter.status();
    const SignalNames& names = names_of(signal);
    const std::string part = names.metric_part, items = names.items, before = names.name + std::string("/");
    const std::string name =
        exporter.name().starts_with(before) ? exporter.name().substr(before.size()) : exporter.name();
    const MetricLabels labels = {{"exporter", name}};
    const MetricLabels queue = {{"exporter", name}, {"data_type", names.name}};
    page.counter("otelcol_exporter_sent_" + part + "_total", "What the backend took, since the agent's start: " + items,
                 labels, number(status.exported + status.spool_exported));
    page.counter("otelcol_exporter_send_failed_" + part + "_total",
                 "What it rejected, or was lost in the spool: " + items, labels,
                 number(status.rejected + status.spool_rejected + status.spool_dropped));
    page.counter("otelcol_exporter_enqueue_failed_" + part + "_total",
                 "That for which there was no room or no time: " + items, labels, number(status.dropped));
    page.gauge("otelcol_exporter_queue_size", "", queue, number(status.queued_bytes));
    if (status.queue_limit != 0) page.gauge("otelcol_exporter_queue_capacity", "", queue, number(status.queue_limit));
    page.gauge("spanring_exporter_signal_spool_bytes", "What waits on disk of logs and metrics.", queue,
               number(status.spool_bytes));
    page.gauge("spanring_exporter_signal_healthy", "1: its backend takes them.", queue, status.healthy ? 1 : 0);
}

void add_signal_receiver(Exposition& page, Signal signal, const ReceiverStatus& receiver) {
    add_received(page, signal, receiver);
    const MetricLabels type = {{"data_type", names_of(signal).name}};
    page.gauge("spanring_receiver_signal_queued_bytes", "Requests of logs and metrics in memory.", type,
               number(receiver.queued_bytes));
    page.gauge("spanring_receiver_signal_kept_bytes", "Those on disk that were answered and are not delivered.", type,
               number(receiver.kept_bytes));
    page.counter("spanring_receiver_signal_kept_requests_total", "Requests that were answered before their delivery.",
                 type, number(receiver.kept_requests));
    page.counter("spanring_receiver_signal_invalid_total", "Of what was accepted, what is no message.", type,
                 number(receiver.invalid_spans));
}

void add_sdk_spans(Exposition& page, const ProcessAccount& total) {
    const uint64_t sampled = total.started(), unsampled = total.counter(Counter::kUnsampled);
    constexpr const char* kStarted = "Spans started, of all processes.";
    page.counter("otel_sdk_span_started_total", kStarted, {{"otel_span_sampling_result", "RECORD_AND_SAMPLE"}},
                 number(sampled));
    page.counter("otel_sdk_span_started_total", kStarted, {{"otel_span_sampling_result", "DROP"}}, number(unsampled));
    page.gauge("otel_sdk_span_live", "Spans that are open now.", {{"otel_span_sampling_result", "RECORD_AND_SAMPLE"}},
               number(total.open));
}

}  // namespace spanring::agent
