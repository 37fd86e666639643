// SPDX-License-Identifier: Apache-2.0
//
// What it costs to measure a span: `constant` spans, which have one shape (183 bytes), and `varied` ones of 30 kinds
// from ten applications, in turns of 100 as the drain takes them. Every series is there before; `reading` alone, with
// nothing asked for, with three attributes as dimensions, with exemplars, as an exponential histogram; and the service
// graph.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "span_metrics/span_metrics.hpp"
#include "support/varied_spans.hpp"
#include "turns_of_spans.hpp"

namespace {

using namespace spanring::agent;
using test::VariedSpans;

void reading(benchmark::State& state) {
    const bench::Turns& spans = bench::turns_of(state);
    WantedValues none;
    for (auto _ : state) {
        for (const auto& span : spans.all) {
            SpanOutline outline;
            if (!read_outline(span, none, outline)) return state.SkipWithError("a span is not sound");
            benchmark::DoNotOptimize(outline);
        }
    }
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * spans.all.size()));
}

void measure(benchmark::State& state, const SpanMetricsOptions& options) {
    const bench::Turns& spans = bench::turns_of(state);
    SpanMetrics metrics(options, std::nullopt);
    SpanRecorder& recorder = metrics.add_recorder();
    std::vector<SpanSource> sources;
    for (uint32_t i = 0; i < VariedSpans::kApplications; ++i)
        sources.push_back(recorder.source("application-" + std::to_string(i), {}));
    for (auto _ : state) {
        for (size_t i = 0; i < spans.all.size(); ++i)
            recorder.record(sources[i / bench::kSpansOfATurn % VariedSpans::kApplications], spans.all[i]);
    }
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * spans.all.size()));
    state.counters["series"] = static_cast<double>(recorder.series().size());
}

SpanMetricsOptions with_dimensions() {
    SpanMetricsOptions options;
    options.dimensions = {{"http.request.method", ""}, {"http.response.status_code", ""}, {"cache.hit", ""}};
    return options;
}

SpanMetricsOptions with_exemplars() {
    SpanMetricsOptions options;
    options.exemplars = true;
    return options;
}

SpanMetricsOptions exponential() {
    SpanMetricsOptions options;
    options.exponential = true;
    return options;
}

// Requests between two services, whose other side comes 100 requests later: each span is looked up in the store, and
// each request adds to the series of its edge.
void graph(benchmark::State& state) {
    constexpr uint64_t kRequests = 1000, kApart = 100;
    const auto span = [](uint64_t id, uint64_t parent, uint64_t kind) {
        return test::bytes(1, test::trace_id(7)) + test::bytes(2, test::span_id(id)) +
               test::bytes(4, test::span_id(parent)) + test::bytes(5, "GET /api/orders/{id}") + test::number(6, kind) +
               test::fixed64(7, 1'700'000'000'000'000'000) + test::fixed64(8, 1'700'000'000'000'500'000) +
               test::bytes(9, test::key_value("http.request.method", test::text_value("GET"))) +
               test::bytes(9, test::key_value("url.path", test::text_value("/api/orders/12345"))) +
               test::bytes(9, test::key_value("http.response.status_code", test::number(3, 200)));
    };
    std::vector<std::string> clients, servers;
    for (uint64_t i = 0; i < kRequests; ++i) {
        clients.push_back(span(2 * i, 2 * kRequests, kClient));
        servers.push_back(span(2 * i + 1, 2 * i, kServer));
    }
    SpanMetrics metrics(std::nullopt, ServiceGraphOptions());
    SpanRecorder& recorder = metrics.add_recorder();
    const SpanSource front = recorder.source("front", {}), back = recorder.source("back", {});
    for (auto _ : state) {
        for (size_t i = 0; i < kRequests + kApart; ++i) {
            if (i < kRequests) recorder.record(front, test::readable(clients[i]));
            if (i >= kApart) recorder.record(back, test::readable(servers[i - kApart]));
        }
    }
    if (metrics.graph()->waiting() != 0) return state.SkipWithError("not every request came to its end");
    state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * 2 * kRequests));
}

void both(benchmark::internal::Benchmark* benchmark) { benchmark->ArgName("varied")->Arg(0)->Arg(1); }

BENCHMARK(reading)->Apply(both);
BENCHMARK_CAPTURE(measure, plain, SpanMetricsOptions())->Apply(both);
BENCHMARK_CAPTURE(measure, dimensions, with_dimensions())->Apply(both);
BENCHMARK_CAPTURE(measure, exemplars, with_exemplars())->Apply(both);
BENCHMARK_CAPTURE(measure, exponential, exponential())->Apply(both);
BENCHMARK(graph);

}  // namespace

BENCHMARK_MAIN();
