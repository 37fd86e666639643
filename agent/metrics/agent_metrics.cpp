// SPDX-License-Identifier: Apache-2.0
#include "metrics/agent_metrics.hpp"

#include <utility>

#include "accounts/equations.hpp"
#include "accounts/process_accounts.hpp"
#include "base/version.hpp"
#include "batch/exporter.hpp"
#include "decide/decision_counters.hpp"
#include "drain/drain_status.hpp"
#include "metrics/collector_series.hpp"
#include "metrics/exporter_series.hpp"
#include "metrics/memory_usage.hpp"
#include "metrics/page_parts.hpp"
#include "metrics/process_series.hpp"
#include "metrics/process_usage.hpp"
#include "metrics/span_series.hpp"
#include "metrics/thread_usage.hpp"
#include "receive/receiver_status.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kOwnSeries = 100;  // processes with series of their own
constexpr int kRest = 10;           // making pages takes at most one kRest-th of the time

}  // namespace

AgentMetrics::AgentMetrics(MetricsSources sources)
    : sources_(std::move(sources)),
      ledger_(Ledger::open_read_only(sources_.ledger_file)),
      series_(std::make_unique<ProcessSeries>(kOwnSeries)) {}

AgentMetrics::~AgentMetrics() = default;

std::string AgentMetrics::page(ExpositionFormat format) {
    const Clock::time_point begin = Clock::now();
    if (begin < next_) return page_.text(format);
    make_page();
    std::string text = page_.text(format);
    const Clock::time_point end = Clock::now();
    next_ = end + (kRest - 1) * (end - begin);
    return text;
}

std::string AgentMetrics::otlp(const MetricsWindow& window) {
    make_page();
    return otlp_of(page_.families(), window);
}

void AgentMetrics::make_page() {
    const Survey found = survey(sources_.directories, ledger_.get(), true);
    std::vector<ProcessAccount> all = found.processes;
    all.insert(all.end(), found.senders.begin(), found.senders.end());
    ProcessAccount total = total_of(all);
    sources_.exporters([&](const Exporter& exporter) {
        if (exporter.required()) add_missing_exporter(total, all, exporter.name());
    });
    Exposition page(shown_);
    page.gauge("spanring_build_info", "Always 1; what runs here.", {{"version", version()}}, 1);
    add_spans(page, total);
    add_sdk_spans(page, total);
    add_exporter_accounts(page, total);
    add_rules(page, total, sources_.decisions != nullptr ? sources_.decisions->names() : std::vector<std::string>{});
    sources_.exporters([&](const Exporter& exporter) { add_exporter_status(page, exporter); });
    sources_.exporters([&](const Exporter& exporter) { add_exporter_measures(page, exporter); });
    sources_.exporters([&](const Exporter& exporter) { add_collector_exporter(page, exporter); });
    const DrainStatus drain = sources_.drain();
    add_drain(page, drain);
    add_collector_drain(page, drain);
    add_senders(page, found);
    if (sources_.receiver) {
        const ReceiverStatus receiver = sources_.receiver();
        add_receiver(page, receiver);
        add_collector_receiver(page, receiver);
    }
    for (const MetricsSources::OfSignal& each : sources_.signals) {
        each.exporters([&](const Exporter& exporter) { add_signal_exporter(page, each.signal, exporter); });
        if (const auto receiver = each.receiver()) add_signal_receiver(page, each.signal, *receiver);
    }
    add_processes(page, found, series_->split(found.processes));
    add_memory_usage(page, drain);
    add_process_usage(page);
    add_thread_usage(page);
    if (sources_.span_metrics != nullptr) add_span_series(page, *sources_.span_metrics);
    if (sources_.processors != nullptr) add_processor_figures(page, *sources_.processors);
    if (sources_.decisions != nullptr) add_decisions(page, *sources_.decisions);
    shown_ = page.take_shown();
    page_ = std::move(page);
}

}  // namespace spanring::agent
