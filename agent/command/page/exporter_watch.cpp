// SPDX-License-Identifier: Apache-2.0
#include "command/page/exporter_watch.hpp"

#include <utility>

namespace spanring::agent {
namespace {

using Health = WatchedExporter::Health;

std::map<std::string, ExporterAccount> sums_of(const Survey& survey) {
    std::map<std::string, ExporterAccount> sums;
    for (const std::vector<ProcessAccount>* list : {&survey.processes, &survey.senders}) {
        for (const ProcessAccount& process : *list) {
            for (const ExporterAccount& exporter : process.exporters) {
                // Neither is one: the first stands in where nobody has answered yet.
                if (exporter.name == kNoExporterYet || exporter.name == kBestEffort) continue;
                ExporterAccount& sum = sums[exporter.name];
                sum.name = exporter.name;
                sum.exported += exporter.exported;
                sum.rejected += exporter.rejected;
                sum.filtered += exporter.filtered;
                sum.spooled += exporter.spooled;
                sum.dropped_invalid += exporter.dropped_invalid;
                sum.dropped_queue += exporter.dropped_queue;
                sum.dropped_spool += exporter.dropped_spool;
                sum.pending_ring += exporter.pending_ring;
                sum.pending_spool += exporter.pending_spool;
                sum.redelivered += exporter.redelivered;
                sum.elsewhere += exporter.elsewhere;
            }
        }
    }
    return sums;
}

uint64_t lost(const ExporterAccount& sum) { return sum.rejected + sum.dropped(); }

// What has become less began anew: a ledger was set aside.
double rate(uint64_t now, uint64_t before, double seconds) {
    return now > before ? static_cast<double>(now - before) / seconds : 0;
}

}  // namespace

const char* health_name(Health health) {
    switch (health) {
        case Health::kDelivering: return "delivering";
        case Health::kIdle: return "idle";
        case Health::kWaiting: return "waiting";
        case Health::kStalled: return "stalled";
    }
    return "?";
}

std::vector<WatchedExporter> ExporterWatch::look(const Survey& survey, Clock::time_point now, uint64_t unix_nano) {
    std::map<std::string, ExporterAccount> sums = sums_of(survey);
    const MutexLock lock(mutex_);
    const bool again = time_ && now - *time_ < kBetweenLooks;
    const double seconds = time_ ? std::chrono::duration<double>(now - *time_).count() : 0;
    std::vector<WatchedExporter> list;
    std::map<std::string, Known> known;
    for (auto& [name, sum] : sums) {
        const auto before = known_.find(name);
        if (before == known_.end()) {
            WatchedExporter first{sum, sum.pending() == 0 ? Health::kIdle : Health::kWaiting, unix_nano, {}, {}};
            list.push_back(first);
            known.emplace(name, Known{sum, now, std::move(first)});
            continue;
        }
        Known next = before->second;
        WatchedExporter seen = next.last;
        seen.sum = sum;
        if (!again) {
            const bool moved = sum.exported != next.sum.exported;
            if (moved || sum.pending() == 0) next.moved = now;
            const Health health = moved                           ? Health::kDelivering
                                  : sum.pending() == 0            ? Health::kIdle
                                  : now - next.moved >= kPatience ? Health::kStalled
                                                                  : Health::kWaiting;
            if (health != seen.health) seen.since_unix_nano = unix_nano;
            seen.health = health;
            seen.exported_rate = rate(sum.exported, next.sum.exported, seconds);
            seen.lost_rate = rate(lost(sum), lost(next.sum), seconds);
            next.sum = sum;
            next.last = seen;
        }
        list.push_back(std::move(seen));
        known.emplace(name, std::move(next));
    }
    if (!again) time_ = now;
    known_ = std::move(known);
    return list;
}

}  // namespace spanring::agent
