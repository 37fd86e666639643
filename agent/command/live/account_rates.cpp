// SPDX-License-Identifier: Apache-2.0
#include "command/live/account_rates.hpp"

#include <algorithm>
#include <utility>

namespace spanring::agent {
namespace {

uint64_t risen(uint64_t now, uint64_t before) { return now >= before ? now - before : now; }

uint64_t dropped(const ProcessAccount& process) {
    uint64_t most = 0;
    for (const ExporterAccount& exporter : process.exporters) most = std::max(most, exporter.dropped());
    return process.dropped_by_process() + most;
}

uint64_t lost(const ExporterAccount& exporter) { return exporter.rejected + exporter.dropped(); }

uint64_t pending(const ProcessAccount& process) {
    uint64_t most = 0;
    for (const ExporterAccount& exporter : process.exporters) most = std::max(most, exporter.pending());
    return most;
}

const ExporterAccount& of(const ProcessAccount& process, const std::string& name) {
    static const ExporterAccount kNothing{};
    for (const ExporterAccount& exporter : process.exporters) {
        if (exporter.name == name) return exporter;
    }
    return kNothing;
}

ExporterRates& row_of(std::vector<ExporterRates>& rows, const std::string& name) {
    for (ExporterRates& row : rows) {
        if (row.name == name) return row;
    }
    rows.emplace_back().name = name;
    return rows.back();
}

int badness(const std::string& state) {
    return state == "refused" ? 4 : state == "retrying" ? 3 : state == "paused" ? 2 : state == "ok" ? 1 : 0;
}

// Several agents may have one of the same name.
void note(const ExporterReport& report, ExporterRates& row) {
    if (badness(report.state) > badness(row.state)) {
        row.state = report.state;
        row.last_error = report.state != "ok" && report.state != "paused" ? report.last_error : "";
    }
    if (report.queue_limit == 0) return;
    const double fill = static_cast<double>(report.queued_bytes) / static_cast<double>(report.queue_limit);
    row.queue_fill = std::max(row.queue_fill.value_or(0), fill);
}

}  // namespace

Rates AccountRates::update(Clock::time_point now, uint64_t now_unix_nano, std::vector<ProcessAccount> processes,
                           const std::vector<ExporterReport>& reports) {
    const double seconds = time_ ? std::max(0.001, std::chrono::duration<double>(now - *time_).count()) : 1;
    static const ProcessAccount kNothing{};
    Rates rates;
    std::map<AccountId, ProcessAccount> accounts;
    for (ProcessAccount& process : processes) {
        if (!process.credible) process.writer = {};
        const auto known = before_.find(process.account());
        const bool born = time_ && known == before_.end() && process.since_unix_nano >= unix_nano_;
        const ProcessAccount& before = known != before_.end() ? known->second : born ? kNothing : process;
        ProcessRates row;
        row.ended =
            static_cast<double>(risen(process.ended() + process.received, before.ended() + before.received)) / seconds;
        row.dropped_sum = dropped(process);
        row.dropped = static_cast<double>(risen(row.dropped_sum, dropped(before))) / seconds;
        row.pending = pending(process);
        for (const ExporterAccount& exporter : process.exporters) {
            if (exporter.name == kNoExporterYet || exporter.name == kBestEffort) continue;
            const ExporterAccount& earlier = of(before, exporter.name);
            ExporterRates& sum = row_of(rates.exporters, exporter.name);
            sum.exported += static_cast<double>(risen(exporter.exported, earlier.exported)) / seconds;
            sum.lost += static_cast<double>(risen(lost(exporter), lost(earlier))) / seconds;
            sum.lost_sum += lost(exporter);
            sum.ring += exporter.pending_ring;
            sum.spool += exporter.pending_spool;
        }
        rates.ended += row.ended;
        rates.dropped += row.dropped;
        rates.open += process.open;
        rates.pending += row.pending;
        accounts.emplace(process.account(), process);
        row.account = std::move(process);
        rates.processes.push_back(std::move(row));
    }
    for (const ExporterReport& report : reports) note(report, row_of(rates.exporters, report.name));
    before_ = std::move(accounts);
    time_ = now;
    unix_nano_ = now_unix_nano;
    return rates;
}

}  // namespace spanring::agent
