// SPDX-License-Identifier: Apache-2.0
#include "metrics/exporter_series.hpp"

#include <array>
#include <limits>
#include <string>
#include <utility>

#include "batch/exporter.hpp"

namespace spanring::agent {
namespace {

double number(uint64_t value) { return static_cast<double>(value); }

MetricLabels with(MetricLabels labels, const char* name, std::string value) {
    labels.emplace_back(name, std::move(value));
    return labels;
}

void add_tap(Exposition& page, const TapStatus& tap, const MetricLabels& labels) {
    page.gauge("spanring_exporter_tap_attached", "1: its program publishes, and iceoryx's daemon runs.", labels,
               tap.attached ? 1 : 0);
    page.counter("spanring_exporter_tap_program_starts_total", "Times that the program was started which publishes.",
                 labels, number(tap.starts));
    page.counter("spanring_exporter_tap_program_ends_total",
                 "Times that it went, by why: it was silent for too long, and was ended; anything else.",
                 with(labels, "reason", "silent"), number(tap.stalls));
    page.counter("spanring_exporter_tap_program_ends_total", "", with(labels, "reason", "went"),
                 number(tap.ends - tap.stalls));
    for (const TapStatus::Subscription& each : tap.subscriptions) {
        const MetricLabels of = with(labels, "event", each.event);
        page.gauge("spanring_exporter_tap_subscribers", "Who subscribes now, by event.", of, number(each.subscribers));
        const std::array<std::pair<const char*, uint64_t>, 3> results = {
            {{"published", each.published}, {"missed", each.missed}, {"unpublished", each.unpublished}}};
        for (const auto& [result, spans] : results) {
            page.counter("spanring_exporter_tap_spans_total",
                         "Spans, by event: published; missed, by each subscriber that was too slow for them; "
                         "unpublished, for there was no chunk, or the program went.",
                         with(of, "result", result), number(spans));
        }
        page.counter("spanring_exporter_tap_chunks_total", "Chunks of iceoryx, by event, likewise.",
                     with(of, "result", "published"), number(each.chunks));
        page.counter("spanring_exporter_tap_chunks_total", "", with(of, "result", "missed"),
                     number(each.missed_chunks));
    }
}

}  // namespace

ExposedHistogram exposed(const Histogram& histogram) {
    ExposedHistogram shown;
    uint64_t count = 0;
    for (size_t i = 0; i < histogram.counts().size(); ++i) {
        count += histogram.counts()[i];
        const bool last = i == histogram.bounds().size();
        shown.buckets.emplace_back(last ? std::numeric_limits<double>::infinity() : histogram.bounds()[i], count);
    }
    shown.sum = histogram.sum();
    return shown;
}

void add_exporter_status(Exposition& page, const Exporter& exporter) {
    const ExporterStatus status = exporter.status();
    const MetricLabels labels = {{"exporter", exporter.name()}};
    if (!exporter.required()) {  // nothing waits for it, so segments and ledger do not know it
        page.counter("spanring_exporter_best_effort_spans_total",
                     "Spans of an exporter that nothing waits for, since the agent's start.",
                     with(labels, "result", "exported"), number(status.exported));
        page.counter("spanring_exporter_best_effort_spans_total", "", with(labels, "result", "rejected"),
                     number(status.rejected));
        page.counter("spanring_exporter_best_effort_spans_total", "", with(labels, "result", "dropped"),
                     number(status.dropped));
    }
    page.counter("spanring_exporter_partial_spans_total",
                 "Spans that were open, delivered as they were; they are in no other number.", labels,
                 number(status.partial));
    page.gauge("spanring_exporter_queue_spans", "Spans in memory: queued and in flight.", labels,
               number(status.queued_spans));
    page.gauge("spanring_exporter_queue_bytes", "Bytes in memory: queued and in flight.", labels,
               number(status.queued_bytes));
    page.gauge("spanring_exporter_spool_bytes", "Size of the spool's files.", labels, number(status.spool_bytes));
    page.gauge("spanring_exporter_spool_limit_bytes", "What the spool's files may come to; 0: there is no spool.",
               labels, number(status.spool_limit));
    page.gauge("spanring_exporter_healthy",
               "1: the backend, or the disk, takes spans. 0: it does not, it is only tried now and then.", labels,
               status.healthy ? 1 : 0);
    if (status.circuit != CircuitState::kNone) {
        for (const CircuitState state : {CircuitState::kClosed, CircuitState::kOpen, CircuitState::kProbing}) {
            page.gauge(
                "spanring_exporter_circuit",
                "1 for one state: closed, requests are sent; open, none is, until a wait is over; probing, one is.",
                with(labels, "state", name_of(state)), status.circuit == state ? 1 : 0);
        }
    }
    page.gauge("spanring_exporter_paused", "1: by `spanring exporter pause`; it sends nothing, and spools.", labels,
               status.paused ? 1 : 0);
    if (status.has_lanes) {
        for (const Priority priority : kPriorities) {
            const LaneStatus& lane = status.lanes[static_cast<size_t>(priority)];
            const MetricLabels of = with(labels, "lane", name_of(priority));
            const std::array<std::pair<const char*, uint64_t>, 4> results = {{{"sorted", lane.sorted},
                                                                              {"exported", lane.exported},
                                                                              {"rejected", lane.rejected},
                                                                              {"dropped", lane.dropped}}};
            for (const auto& [result, spans] : results) {
                page.counter("spanring_exporter_lane_spans_total",
                             "Spans that had to wait, by lane (first: errors, unfinished and slow ones): sorted into "
                             "it, and what became of those.",
                             with(of, "result", result), number(spans));
            }
            page.gauge("spanring_exporter_lane_spool_bytes", "Size of the spool's files, by lane.", of,
                       number(lane.spool_bytes));
        }
    }
    for (const EndpointStatus& endpoint : status.endpoints) {
        const MetricLabels of = with(labels, "endpoint", endpoint.peer);
        page.gauge("spanring_exporter_endpoint_in_use",
                   "Of an exporter with several endpoints, 1: what is meant for this one goes there. 0: it is away, or "
                   "not wanted while a better one is there.",
                   of, endpoint.in_use ? 1 : 0);
        page.gauge("spanring_exporter_endpoint_in_flight", "Requests in flight, by endpoint.", of,
                   number(endpoint.in_flight));
        page.counter("spanring_exporter_endpoint_attempts_total", "Requests, by endpoint, since the agent's start.",
                     with(of, "result", "answered"), number(endpoint.accepted));
        page.counter("spanring_exporter_endpoint_attempts_total", "", with(of, "result", "failed"),
                     number(endpoint.failed));
    }
    if (status.peer) {
        page.counter("spanring_exporter_peer_opened_total",
                     "Times that the program was there which takes requests over a stream.", labels,
                     number(status.peer->opened));
        page.counter(
            "spanring_exporter_peer_broken_total",
            "Times that it could not be reached, went, or was given up: it did not answer, or broke the rules.", labels,
            number(status.peer->broken));
        page.counter("spanring_exporter_peer_stray_answers_total",
                     "Its answers to what was not asked, or not any more.", labels, number(status.peer->stray));
    }
    if (status.tap) add_tap(page, *status.tap, labels);
    if (status.topics) {
        page.gauge("spanring_exporter_named_topics", "Topics that spans name by `topic_from_attribute`.", labels,
                   number(status.topics->named));
        page.counter("spanring_exporter_diverted_spans_total",
                     "Spans that went to the configured topic, since the one that they name is of no use.", labels,
                     number(status.topics->diverted));
    }
    for (const auto& [what, adapted] :
         {std::pair("concurrency", status.concurrency), std::pair("request_bytes", status.request_bytes)}) {
        if (adapted.value == 0) continue;
        const MetricLabels of = with(labels, "bound", what);
        page.gauge("spanring_exporter_adapted_bound",
                   "A bound that follows how late answers come: most requests in flight, or most bytes of one.", of,
                   number(adapted.value));
        page.counter("spanring_exporter_adaptations_total", "Changes of such a bound, since the agent's start.",
                     with(of, "direction", "raised"), number(adapted.raised));
        page.counter("spanring_exporter_adaptations_total", "", with(of, "direction", "lowered"),
                     number(adapted.lowered));
    }
    if (status.shows_identity) {
        page.counter("spanring_exporter_unauthorized_total",
                     "Requests of which the backend did not believe who sent them.", labels,
                     number(status.unauthorized));
        const char* const help = "Requests for a token, by what came of them.";
        page.counter("spanring_exporter_token_requests_total", help, with(labels, "result", "obtained"),
                     number(status.tokens_obtained));
        page.counter("spanring_exporter_token_requests_total", help, with(labels, "result", "failed"),
                     number(status.tokens_failed));
    }
    page.counter("spanring_exporter_rate_limited_requests_total",
                 "Requests that had to wait for the exporter's own rate, since the agent's start.", labels,
                 number(status.rate_limited));
    page.counter("spanring_exporter_restarts_total", "Restarts of the exporter's thread, each after an exception.",
                 labels, number(status.restarts));
    const std::array<std::pair<const char*, uint64_t>, 3> results = {{{"accepted", status.attempts_accepted},
                                                                      {"rejected", status.attempts_rejected},
                                                                      {"failed", status.attempts_failed}}};
    for (const auto& [result, attempts] : results) {
        page.counter("spanring_exporter_attempts_total",
                     "Requests sent, since the agent's start. failed: to be tried again.",
                     with(labels, "result", result), number(attempts));
    }
}

void add_exporter_measures(Exposition& page, const Exporter& exporter) {
    const std::optional<ExportMeasures> measures = exporter.measures();
    if (!measures) return;
    const MetricLabels labels = {{"exporter", exporter.name()}};
    page.histogram("spanring_exporter_request_duration_seconds",
                   "Time of a request until its answer, or until it was given up; of a file or a store, of a write.",
                   labels, exposed(measures->duration));
    page.histogram("spanring_exporter_batch_age_seconds",
                   "Age of a batch that is sent, since its first span was put into it; not out of a spool.", labels,
                   exposed(measures->age));
    page.histogram("spanring_exporter_request_spans", "Spans of what is sent, each time that it is.", labels,
                   exposed(measures->spans));
    page.histogram("spanring_exporter_request_bytes", "Bytes of what is sent, before compression.", labels,
                   exposed(measures->bytes));
}

}  // namespace spanring::agent
